// Package keyfile reads what an operator names as a file of keys or certificates,
// for TLS and for tokens.
package keyfile

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"syscall"
	"time"
)

// maxFile is how large a file of keys or certificates may be.
const maxFile = 16 << 20

// Read reads a file or a pipe, 16 MiB at most, neither without end nor for ever: a
// device has no end, and a pipe may have no writer. Its errors name the path.
func Read(path string) ([]byte, error) {
	wrong := func(why string) error { return &fs.PathError{Op: "read", Path: path, Err: errors.New(why)} }
	if info, err := os.Stat(path); err == nil && !info.Mode().IsRegular() && info.Mode()&fs.ModeNamedPipe == 0 {
		return nil, wrong("it is no file")
	}
	f, err := os.OpenFile(path, os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	_ = f.SetReadDeadline(time.Now().Add(5 * time.Second)) // only a pipe has one
	text, err := io.ReadAll(io.LimitReader(f, maxFile+1))
	if err == nil && len(text) > maxFile {
		err = wrong("it is larger than 16 MiB")
	}
	return text, err
}
