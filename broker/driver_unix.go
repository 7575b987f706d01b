//go:build unix

package broker

import (
	"io"
	"syscall"
)

// rawConn makes system calls on a connection's own file descriptor, under the
// runtime's poller: read waits for readability before it borrows a buffer, and
// write never waits. The two functions are made once, so a call allocates
// nothing. in and out belong to the reader and to whoever holds the outbox's
// writing flag.
type rawConn struct {
	conn      syscall.RawConn
	readable  func(fd uintptr) bool
	writable  func(fd uintptr) bool
	in        *Batch
	inN, outN int
	inErr     error
	outErr    error
	out       []byte
}

func (r *rawConn) ok() bool { return r.conn != nil }

// init says whether the connection has a file descriptor to call on.
func (r *rawConn) init(s *stream) bool {
	sc, ok := s.conn.(syscall.Conn)
	if !ok {
		return false
	}
	raw, err := sc.SyscallConn()
	if err != nil {
		return false
	}
	r.conn = raw
	r.readable = func(fd uintptr) bool {
		batch := s.core.b.borrow()
		n, err := ignoringEINTR(syscall.Read, int(fd), s.tail.Space(batch))
		if err == syscall.EAGAIN {
			s.core.b.release(batch)
			return false
		}
		r.in, r.inN, r.inErr = batch, n, err
		return true
	}
	r.writable = func(fd uintptr) bool {
		r.outN, r.outErr = ignoringEINTR(syscall.Write, int(fd), r.out)
		return true
	}
	return true
}

func ignoringEINTR(call func(int, []byte) (int, error), fd int, b []byte) (int, error) {
	for {
		n, err := call(fd, b)
		if err != syscall.EINTR {
			return n, err
		}
	}
}

// read waits until there are bytes and returns them behind the tail.
func (r *rawConn) read(s *stream) (*Batch, []byte, error) {
	if err := r.conn.Read(r.readable); err != nil {
		return nil, nil, err
	}
	batch, n, err := r.in, r.inN, r.inErr
	r.in, r.inErr = nil, nil
	if n <= 0 {
		s.core.b.release(batch)
		if err == nil {
			err = io.EOF
		}
		return nil, nil, err
	}
	return batch, s.tail.Filled(batch, n), nil
}

// write writes what the system takes at once.
func (r *rawConn) write(_ *stream, b []byte) (int, error) {
	r.out = b
	err := r.conn.Write(r.writable)
	r.out = nil
	if err != nil {
		return 0, err
	}
	if r.outErr == syscall.EAGAIN {
		return 0, nil
	}
	return max(r.outN, 0), r.outErr
}
