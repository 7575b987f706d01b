//go:build unix

package transport

import (
	"io/fs"
	"syscall"
)

// narrow sets the mode that the socket's file will be born with. Linux takes it
// from the descriptor at bind; other systems refuse, and the chmod after bind
// remains.
func narrow(fd uintptr, mode fs.FileMode) { _ = syscall.Fchmod(int(fd), uint32(mode.Perm())) }
