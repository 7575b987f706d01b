//go:build unix

package journal

import (
	"errors"
	"io"
	"os"
	"syscall"
)

// lockFile holds a lock that ends with the process, however it ends.
func lockFile(path string) (io.Closer, error) {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, err
	}
	err = syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
	if err == nil {
		sign(f)
		return f, nil
	}
	f.Close()
	if errors.Is(err, syscall.EWOULDBLOCK) {
		return nil, lockedBy(path)
	}
	return nil, &os.PathError{Op: "flock", Path: path, Err: err}
}

func syncDirectory(path string) error {
	d, err := os.Open(path)
	if err != nil {
		return err
	}
	defer d.Close()
	return d.Sync()
}

func diskSpace(path string) (free, total int64, err error) {
	var s syscall.Statfs_t
	if err := syscall.Statfs(path, &s); err != nil {
		return 0, 0, &os.PathError{Op: "statfs", Path: path, Err: err}
	}
	return bytesOf(uint64(s.Bavail), uint64(s.Bsize)), bytesOf(uint64(s.Blocks), uint64(s.Bsize)), nil
}

// isNoRoom tells a full disk, or a spent quota, from a broken one.
func isNoRoom(err error) bool {
	return errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT)
}
