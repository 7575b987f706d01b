package transport

import (
	"net"
	"os"
	"sync"
	"syscall"
)

// A Socket is a TCP or Unix listener that whoever accepts without package net
// can have for himself: he duplicates the descriptor by SyscallConn, and has
// this one detached. Otherwise the runtime's poller would wake a thread for each
// connection that somebody else accepts. What is accepted inherits all options.
type Socket struct {
	net.Listener
	closed chan struct{}
	lent   bool // a Unix socket's file is somebody else's

	mu       sync.Mutex
	done     bool // Close was called
	detached bool
}

func newSocket(l net.Listener, err error) (net.Listener, error) {
	if err != nil {
		return nil, err
	}
	return &Socket{Listener: l, closed: make(chan struct{})}, nil
}

// SyscallConn gives access to the descriptor.
func (s *Socket) SyscallConn() (syscall.RawConn, error) {
	return s.Listener.(syscall.Conn).SyscallConn() // *net.TCPListener and *net.UnixListener are
}

// Detach closes this descriptor of the socket, so that Accept fails; everything
// else, a Unix socket's file above all, stays until Close, which closed tells.
func (s *Socket) Detach() (closed <-chan struct{}, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.done || s.detached {
		return nil, net.ErrClosed
	}
	s.detached = true
	if u, ok := s.Listener.(*net.UnixListener); ok {
		u.SetUnlinkOnClose(false)
	}
	return s.closed, s.Listener.Close()
}

// Close ends the listening. What was detached is its holder's to close.
func (s *Socket) Close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case !s.detached:
		s.done = true
		return s.Listener.Close()
	case s.done:
		return net.ErrClosed
	}
	s.done = true
	close(s.closed)
	if a, ok := s.Addr().(*net.UnixAddr); ok && !s.lent {
		return os.Remove(a.Name)
	}
	return nil
}
