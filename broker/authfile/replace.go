package authfile

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

// change reads a file, has it edited, and puts the new one in its place in one
// step: whoever reads it meets the old or the new one, whole. Of two changes at
// once one waits for the other, where the system has locks. A link stays one.
func change(path string, create bool, edit func(*editor) error) error {
	path, err := target(path, create)
	if err != nil {
		return err
	}
	if info, err := os.Stat(path); err == nil && !info.Mode().IsRegular() {
		return Problem{File: path, Text: "is no file: there is nothing to change"}
	}
	unlock, err := lock(path, create)
	if err != nil {
		return Problem{File: path, Text: reason(err)}
	}
	defer unlock()
	text, _, err := readAll(path)
	if err != nil {
		return err
	}
	e := newEditor(text)
	if err := edit(e); err != nil {
		return err
	}
	if err := replace(path, e.bytes()); err != nil {
		return fmt.Errorf("%s stays as it is: %w", path, err)
	}
	return nil
}

// target is the file that a path means, through all links.
func target(path string, create bool) (string, error) {
	real, err := filepath.EvalSymlinks(path)
	if err == nil {
		return real, nil
	}
	if create && errors.Is(err, fs.ErrNotExist) {
		// What is there by now, and is no link, another one has just made.
		if info, gone := os.Lstat(path); gone == nil && info.Mode()&fs.ModeSymlink != 0 {
			return "", Problem{File: path, Text: "is a link to a file that is not there"}
		}
		dir, err := filepath.EvalSymlinks(filepath.Dir(path))
		if err == nil {
			return filepath.Join(dir, filepath.Base(path)), nil
		}
	}
	return "", Problem{File: path, Text: reason(err)}
}

// forOthers are the bits of a mode that a file of passwords does not keep: whoever
// is neither its owner nor of its group has nothing to do with it, and the group,
// which may be a service's, reads alone.
const forOthers = 0o037

// replace writes beside the file and renames, keeping the owner, and the mode but
// for what it lets others do.
func replace(path string, text []byte) (err error) {
	info, err := os.Stat(path)
	if err != nil {
		return err
	}
	temp, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+".*") // mode 0600
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			os.Remove(temp.Name())
		}
	}()
	_, err = temp.Write(text)
	for _, step := range []func() error{
		func() error { return ownLike(temp, info) },
		func() error { return temp.Chmod(info.Mode().Perm() &^ forOthers) },
		temp.Sync,
	} {
		if err == nil {
			err = step()
		}
	}
	if closed := temp.Close(); err == nil {
		err = closed
	}
	if err == nil {
		err = os.Rename(temp.Name(), path)
	}
	if err != nil {
		return err
	}
	return syncDir(filepath.Dir(path))
}
