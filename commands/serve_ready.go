package commands

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"mqtk/commands/config"
)

// A readyFile tells whoever started serve that it may connect, and where:
// through a file, through an inherited descriptor, or both.
type readyFile struct {
	path       string
	written    []byte   // what we wrote there; nil before
	descriptor *os.File // nil: none asked for
}

// openReady takes hold of both before anything else is opened, while a wrong
// descriptor number cannot yet mean one of our own files.
func (o *serveOptions) openReady() (r readyFile, err error) {
	if o.ReadyFD > 0 {
		if r.descriptor, err = openReadyFD(o.ReadyFD); err != nil {
			return r, usagef("--ready-fd %d: %v", o.ReadyFD, err)
		}
	}
	if r.path = o.ReadyFile; r.path == "" {
		return r, nil
	}
	if info, err := os.Lstat(r.path); err == nil && !info.Mode().IsRegular() {
		return r, usagef("--ready-file %s: exists and is no regular file", r.path)
	}
	// A file that a killed broker left would say "ready" too early.
	err = os.Remove(r.path)
	if err == nil || os.IsNotExist(err) {
		err = r.probe()
	}
	if bad := new(fs.PathError); errors.As(err, &bad) { // the file that it names may be another
		err = bad.Err
	}
	if err != nil {
		return r, usagef("--ready-file %s: %w", r.path, err)
	}
	return r, nil
}

// probe finds out whether the file could be written.
func (r *readyFile) probe() error {
	f, err := os.CreateTemp(filepath.Dir(r.path), readyPattern)
	if err != nil {
		return err
	}
	return errors.Join(f.Close(), os.Remove(f.Name()))
}

const readyPattern = ".mqtk-ready-*"

// announce writes the line to both. The file appears whole or not at all.
func (r *readyFile) announce(listeners []string) error {
	if err := r.replaceFile(listeners); err != nil || r.descriptor == nil {
		return err
	}
	line, err := readyLine(listeners)
	if err != nil {
		return err
	}
	_, err = r.descriptor.Write(line)
	if closing := r.descriptor.Close(); err == nil {
		err = closing
	}
	if err != nil {
		return fmt.Errorf("--ready-fd: %w", err)
	}
	return nil
}

func readyLine(listeners []string) ([]byte, error) {
	line, err := json.Marshal(struct {
		Ready     bool     `json:"ready"`
		Listeners []string `json:"listeners"`
	}{true, listeners})
	return append(line, '\n'), err
}

// replaceFile writes the file, where there is to be one.
func (r *readyFile) replaceFile(listeners []string) error {
	if r.path == "" {
		return nil
	}
	line, err := readyLine(listeners)
	if err == nil {
		err = r.replace(line)
	}
	if err != nil {
		return fmt.Errorf("--ready-file %s: %w", r.path, err)
	}
	return nil
}

func (r *readyFile) replace(line []byte) error {
	f, err := os.CreateTemp(filepath.Dir(r.path), readyPattern) // mode 0600
	if err != nil {
		return err
	}
	_, err = f.Write(line)
	if closing := f.Close(); err == nil {
		err = closing
	}
	if err == nil {
		err = os.Rename(f.Name(), r.path)
	}
	if err != nil {
		os.Remove(f.Name())
		return err
	}
	r.written = line
	return nil
}

// remove takes our file away, but not one that another broker has put in its
// place since. It holds other listeners; an inode is no proof, for the number of
// a removed file is soon given to another.
func (r *readyFile) remove() {
	if r.written == nil {
		return
	}
	if text, err := config.ReadFile(r.path); err == nil && bytes.Equal(text, r.written) {
		os.Remove(r.path)
	}
}
