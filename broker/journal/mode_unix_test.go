//go:build unix

package journal

import (
	"io/fs"
	"path/filepath"
	"testing"

	"mqtk/broker"
)

// TestFilesAreTheOwnersAlone: nobody else reads what clients have sent.
func TestFilesAreTheOwnersAlone(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "data")
	j := openTest(t, dir, 1<<20)
	if err := j.Replay(func(*broker.Event) error { return nil }); err != nil {
		t.Fatal(err)
	}
	appendTest(t, j, broker.Event{Kind: broker.EventRetain, Topic: "t", Sequence: 1, Message: &broker.Message{Topic: "t", Payload: []byte("x"), Retain: true}})
	awaitDurable(t, j)
	closeTest(t, j)
	files := 0
	err := filepath.WalkDir(dir, func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := entry.Info()
		if err == nil && info.Mode().Perm()&0o077 != 0 {
			t.Errorf("%s: %v", path, info.Mode())
		}
		files++
		return err
	})
	if err != nil || files < 3 {
		t.Errorf("%d files and directories: %v", files, err)
	}
}
