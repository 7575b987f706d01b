//go:build linux || darwin || freebsd || netbsd || openbsd

package authfile

import (
	"fmt"
	"io/fs"
	"os"
	"syscall"
)

// lock holds a file for one change. The file behind the path may be another one
// by the time the lock is ours: then that one is to be locked.
func lock(path string, create bool) (unlock func(), err error) {
	flags := os.O_RDONLY
	if create {
		flags |= os.O_CREATE
	}
	for {
		f, err := os.OpenFile(path, flags, 0o600)
		if err != nil {
			return nil, err
		}
		if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX); err != nil {
			f.Close()
			return nil, fmt.Errorf("it cannot be locked: %w", err)
		}
		ours, err := f.Stat()
		if err == nil {
			var theirs fs.FileInfo
			if theirs, err = os.Stat(path); err == nil && os.SameFile(ours, theirs) {
				return func() { f.Close() }, nil
			}
		}
		f.Close()
		if err != nil && !(create && os.IsNotExist(err)) {
			return nil, err
		}
	}
}

// ownLike gives f the owner and group that the old file has.
func ownLike(f *os.File, info fs.FileInfo) error {
	old, ok := info.Sys().(*syscall.Stat_t)
	if !ok {
		return nil
	}
	made, err := f.Stat()
	if err != nil {
		return err
	}
	if now, ok := made.Sys().(*syscall.Stat_t); ok && now.Uid == old.Uid && now.Gid == old.Gid {
		return nil
	}
	if err := f.Chown(int(old.Uid), int(old.Gid)); err != nil {
		return fmt.Errorf("the new file cannot have the owner of the old one: %w", err)
	}
	return nil
}

// syncDir makes a rename last.
func syncDir(path string) error {
	dir, err := os.Open(path)
	if err != nil {
		return err
	}
	defer dir.Close()
	return dir.Sync()
}
