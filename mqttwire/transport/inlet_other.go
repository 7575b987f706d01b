//go:build !unix

package transport

import (
	"net"
	"syscall"
)

// rawSocket makes no calls here: what is read is read by package net.
type rawSocket struct{}

func (*rawSocket) ok() bool                  { return false }
func (*rawSocket) init(*inlet)               {}
func (*rawSocket) read(*inlet) (int, error)  { return 0, syscall.EINVAL }
func (*rawSocket) write([]byte) (int, error) { return 0, syscall.EINVAL }
func (*rawSocket) peek([]byte) (int, error)  { return 0, syscall.EINVAL }

func canPeek(net.Conn) bool { return false }
