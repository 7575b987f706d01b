package transport

import (
	"net"
	"syscall"
)

// tcpConfig has the listening socket know TCP's keep alive and no Nagle: what it
// accepts inherits that, which spares five system calls for each connection.
func tcpConfig() net.ListenConfig {
	return net.ListenConfig{KeepAlive: -1, Control: func(_, _ string, c syscall.RawConn) error { return setOptions(c) }}
}

// shareOptions does the same for a socket that somebody else has opened.
func shareOptions(l *net.TCPListener) error {
	raw, err := l.SyscallConn()
	if err != nil {
		return err
	}
	return setOptions(raw)
}

func setOptions(c syscall.RawConn) (err error) {
	control := c.Control(func(fd uintptr) {
		set := func(level, option, value int) {
			if err == nil {
				err = syscall.SetsockoptInt(int(fd), level, option, value)
			}
		}
		set(syscall.IPPROTO_TCP, syscall.TCP_NODELAY, 1)
		set(syscall.SOL_SOCKET, syscall.SO_KEEPALIVE, 1)
		set(syscall.IPPROTO_TCP, syscall.TCP_KEEPIDLE, keepAliveIdle)
		set(syscall.IPPROTO_TCP, syscall.TCP_KEEPINTVL, keepAliveInterval)
		set(syscall.IPPROTO_TCP, syscall.TCP_KEEPCNT, keepAliveCount)
	})
	if err == nil {
		err = control
	}
	return err
}
