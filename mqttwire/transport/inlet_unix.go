//go:build unix

package transport

import (
	"net"
	"syscall"
)

// rawSocket makes system calls on a socket's descriptor, under the runtime's
// poller. in belongs to the reader, out to whoever flushes.
type rawSocket struct {
	conn      syscall.RawConn
	readable  func(fd uintptr) bool
	writable  func(fd uintptr) bool
	inN, outN int
	inErr     error
	outErr    error
	out       []byte
}

func (r *rawSocket) ok() bool { return r.conn != nil }

func (r *rawSocket) init(l *inlet) {
	socket, ok := l.Conn.(syscall.Conn)
	if !ok {
		return
	}
	raw, err := socket.SyscallConn()
	if err != nil {
		return
	}
	r.conn = raw
	r.readable = func(fd uintptr) bool {
		c := chunks.Get().(*chunk)
		n, err := ignoringEINTR(syscall.Read, int(fd), c[:])
		if err == syscall.EAGAIN {
			chunks.Put(c)
			return false
		}
		l.chunk, r.inN, r.inErr = c, n, err
		return true
	}
	r.writable = func(fd uintptr) bool {
		r.outN, r.outErr = ignoringEINTR(syscall.Write, int(fd), r.out)
		return true
	}
}

func ignoringEINTR(call func(int, []byte) (int, error), fd int, b []byte) (int, error) {
	for {
		n, err := call(fd, b)
		if err != syscall.EINTR {
			return n, err
		}
	}
}

// read waits until there are bytes and puts them into the inlet's chunk.
func (r *rawSocket) read(l *inlet) (int, error) {
	if err := r.conn.Read(r.readable); err != nil {
		return 0, err
	}
	return max(r.inN, 0), r.inErr
}

// write writes what the system takes at once.
func (r *rawSocket) write(b []byte) (int, error) {
	r.out = b
	err := r.conn.Write(r.writable)
	r.out = nil
	switch {
	case err != nil:
		return 0, err
	case r.outErr == syscall.EAGAIN:
		return 0, nil
	}
	return max(r.outN, 0), r.outErr
}

// peek shows what has arrived and leaves it there; an error says that this socket
// cannot.
func (r *rawSocket) peek(p []byte) (n int, err error) {
	wait := r.conn.Read(func(fd uintptr) bool {
		for {
			n, _, err = syscall.Recvfrom(int(fd), p, syscall.MSG_PEEK)
			if err != syscall.EINTR {
				return err != syscall.EAGAIN
			}
		}
	})
	if wait != nil {
		return 0, wait
	}
	return max(n, 0), err
}

// canPeek is not so for what only looks like a socket.
func canPeek(nc net.Conn) bool {
	switch nc.(type) {
	case *net.TCPConn, *net.UnixConn:
		return true
	}
	return false
}
