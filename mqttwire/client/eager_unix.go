//go:build unix

package client

import "syscall"

const canWriteAtOnce = true

// takeAtOnce is called with the socket, and does not wait.
func (c *Conn) takeAtOnce(fd uintptr) bool {
	if n, err := syscall.Write(int(fd), c.out); err == nil {
		c.taken = n
	}
	return true
}
