//go:build unix

package keyfile

import (
	"path/filepath"
	"syscall"
	"testing"
)

func TestPipeWithoutWriter(t *testing.T) {
	path := filepath.Join(t.TempDir(), "pipe")
	if err := syscall.Mkfifo(path, 0o600); err != nil {
		t.Skip(err)
	}
	if text, err := Read(path); err != nil || len(text) > 0 {
		t.Errorf("%q, %v", text, err)
	}
}
