package journal

import (
	"errors"
	"fmt"
	"io"
)

// A filesystem is the one directory that a journal lives in, and all that the
// journal asks of a disk: tests put one underneath that forgets what was not
// synced. Names are plain file names.
//
// What was written may be lost, torn or reordered by a crash until file.sync
// returns; a create, rename or remove until syncDirectory returns.
type filesystem interface {
	// create makes an empty file for reading and writing; one that was there is emptied.
	create(name string) (file, error)
	// open opens a file that is there, for reading and writing.
	open(name string) (file, error)
	// view opens a file that is there for reading alone.
	view(name string) (file, error)
	rename(from, to string) error
	remove(name string) error
	// syncDirectory makes creates, renames and removes survive power loss.
	syncDirectory() error
	list() ([]entry, error)
	// space says how many bytes may still be written, and how many the disk has.
	space() (free, total int64, err error)
	// lock keeps every other opener out until it is closed.
	lock(name string) (io.Closer, error)
	// path names a file for people.
	path(name string) string
}

// A file is open in a filesystem. An error of writeAt that isNoRoom understands
// means that the disk is full; what n says is written is so all the same.
type file interface {
	readAt(b []byte, offset int64) (n int, err error) // io.EOF when the file ends before b does
	writeAt(b []byte, offset int64) (n int, err error)
	truncate(size int64) error
	sync() error // contents and size survive power loss
	size() (int64, error)
	close() error
}

// An entry is a file of a directory, as list found it.
type entry struct {
	name string
	size int64
}

// lockedError is errLocked by the process whose id it is.
type lockedError int

func (e lockedError) Error() string {
	return fmt.Sprintf("another broker (process %d) has it open", int(e))
}
func (e lockedError) Unwrap() error { return errLocked }

// errLocked says that another process has the journal open.
var errLocked = errors.New("another broker has it open")
