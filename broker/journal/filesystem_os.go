package journal

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
)

// directory is the filesystem of a directory of this machine.
type directory string

// openDirectory makes the directory if it is not there, for its owner alone,
// and durably: what is in it would be lost with its name.
func openDirectory(name string) (directory, error) {
	if err := makeDirectory(filepath.Clean(name)); err != nil {
		return "", fmt.Errorf("journal: %w", err)
	}
	return directory(name), nil
}

func makeDirectory(name string) error {
	if info, err := os.Stat(name); err == nil && info.IsDir() {
		return nil
	} else if err == nil {
		return &fs.PathError{Op: "mkdir", Path: name, Err: noDirectory{}}
	}
	parent := filepath.Dir(name)
	if parent != name {
		if err := makeDirectory(parent); err != nil {
			return err
		}
	}
	if err := os.Mkdir(name, 0o700); err != nil {
		return err
	}
	return syncDirectory(parent)
}

// noDirectory is what the system would say, in words.
type noDirectory struct{}

func (noDirectory) Error() string { return "is no directory" }
func (noDirectory) Unwrap() error { return syscall.ENOTDIR }

func (d directory) path(name string) string { return filepath.Join(string(d), name) }

func (d directory) create(name string) (file, error) {
	return openFile(d.path(name), os.O_RDWR|os.O_CREATE|os.O_TRUNC)
}

func (d directory) open(name string) (file, error) { return openFile(d.path(name), os.O_RDWR) }

func (d directory) view(name string) (file, error) { return openFile(d.path(name), os.O_RDONLY) }

func (d directory) rename(from, to string) error { return os.Rename(d.path(from), d.path(to)) }

func (d directory) remove(name string) error { return os.Remove(d.path(name)) }

func (d directory) syncDirectory() error { return syncDirectory(string(d)) }

func (d directory) space() (free, total int64, err error) { return diskSpace(string(d)) }

func (d directory) lock(name string) (io.Closer, error) { return lockFile(d.path(name)) }

func (d directory) list() ([]entry, error) {
	found, err := os.ReadDir(string(d))
	if err != nil {
		return nil, err
	}
	var entries []entry
	for _, f := range found {
		info, err := f.Info()
		if errors.Is(err, fs.ErrNotExist) {
			continue // removed while we looked
		}
		if err != nil {
			return nil, err
		}
		if info.Mode().IsRegular() {
			entries = append(entries, entry{f.Name(), info.Size()})
		}
	}
	return entries, nil
}

// osFile gives *os.File the names of a file; sync is the system's own.
type osFile struct{ *os.File }

func openFile(path string, flag int) (file, error) {
	f, err := os.OpenFile(path, flag, 0o600)
	if err != nil {
		return nil, err
	}
	return osFile{f}, nil
}

func (f osFile) readAt(b []byte, offset int64) (int, error)  { return f.ReadAt(b, offset) }
func (f osFile) writeAt(b []byte, offset int64) (int, error) { return f.WriteAt(b, offset) }
func (f osFile) truncate(size int64) error                   { return f.Truncate(size) }
func (f osFile) sync() error                                 { return syncData(f.File) }
func (f osFile) close() error                                { return f.Close() }

func (f osFile) size() (int64, error) {
	info, err := f.Stat()
	if err != nil {
		return 0, err
	}
	return info.Size(), nil
}

// sign writes the process id into the lock file, for who comes next. That is a
// comfort: a lock without it is one.
func sign(f *os.File) {
	if f.Truncate(0) == nil {
		f.WriteAt([]byte(strconv.Itoa(os.Getpid())+"\n"), 0)
	}
}

// lockedBy says who has the lock of a file.
func lockedBy(path string) error {
	text, _ := os.ReadFile(path)
	id, err := strconv.Atoi(strings.TrimSpace(string(text)))
	if err != nil || id <= 0 {
		return fmt.Errorf("%s: %w", path, errLocked)
	}
	return fmt.Errorf("%s: %w", path, lockedError(id))
}

// bytesOf multiplies what a system counts in blocks, without passing an int64.
func bytesOf(blocks, size uint64) int64 {
	if size != 0 && blocks > math.MaxInt64/size {
		return math.MaxInt64
	}
	return int64(blocks * size)
}
