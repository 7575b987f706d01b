//go:build unix

package commands

import (
	"syscall"
	"testing"
)

func TestOnResize(t *testing.T) {
	heard := make(chan struct{}, 1)
	stop := onResize(func() {
		select {
		case heard <- struct{}{}:
		default:
		}
	})
	if err := syscall.Kill(syscall.Getpid(), syscall.SIGWINCH); err != nil {
		t.Fatal(err)
	}
	<-heard
	stop()
}
