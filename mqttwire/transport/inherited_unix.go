//go:build unix

package transport

import (
	"errors"
	"net"
	"os"
	"syscall"
)

// inherit makes a listener of a descriptor, and takes that one's place.
func inherit(fd int, name string) (net.Listener, error) {
	syscall.CloseOnExec(fd)
	if listens, err := syscall.GetsockoptInt(fd, syscall.SOL_SOCKET, syscall.SO_ACCEPTCONN); err != nil || listens == 0 {
		syscall.Close(fd)
		return nil, errors.New("it is no socket that listens; systemd's socket unit wants ListenStream= and Accept=no")
	}
	f := os.NewFile(uintptr(fd), name)
	defer f.Close() // the listener has a copy
	return net.FileListener(f)
}
