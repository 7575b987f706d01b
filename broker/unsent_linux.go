package broker

import (
	"net"
	"syscall"
)

// unsentBytes is how much a socket holds that its peer has no room for. Left
// alone, the system lets that grow to megabytes, which belong to no outbox, and
// asks for more when a third of them are gone: at the pace of a receiver of 2 MB/s
// that is a second of silence, after which nobody waits for it any more.
const (
	unsentBytes     = 128 << 10
	tcpNotSentLowat = 25 // TCP_NOTSENT_LOWAT
)

// boundUnsent sets it for all sockets that a listener will accept.
func boundUnsent(l net.Listener) {
	if socket, ok := l.(syscall.Conn); ok && l.Addr().Network() == "tcp" {
		if raw, err := socket.SyscallConn(); err == nil {
			_ = raw.Control(func(fd uintptr) {
				_ = syscall.SetsockoptInt(int(fd), syscall.IPPROTO_TCP, tcpNotSentLowat, unsentBytes)
			})
		}
	}
}
