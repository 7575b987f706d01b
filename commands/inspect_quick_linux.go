package commands

import (
	"net"
	"syscall"

	"golang.org/x/sys/unix"
)

// A quickConn acknowledges at once what it receives. A broker that leaves
// Nagle's algorithm on waits for that before it sends the next small packet,
// and would make each exchange take 40 ms.
type quickConn struct {
	net.Conn
	raw syscall.RawConn
}

// quick makes a TCP connection acknowledge at once.
func quick(c net.Conn) net.Conn {
	if tcp, ok := c.(*net.TCPConn); ok {
		if raw, err := tcp.SyscallConn(); err == nil {
			return &quickConn{c, raw}
		}
	}
	return c
}

// Read asks for it each time: the kernel forgets.
func (c *quickConn) Read(b []byte) (int, error) {
	_ = c.raw.Control(func(fd uintptr) { _ = unix.SetsockoptInt(int(fd), unix.IPPROTO_TCP, unix.TCP_QUICKACK, 1) })
	return c.Conn.Read(b)
}
