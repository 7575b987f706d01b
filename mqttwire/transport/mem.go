package transport

import (
	"context"
	"io"
	"net"
	"os"
	"sync"
	"time"
)

// memBuffer is how many bytes one direction holds before the writer waits:
// about what a loopback socket takes.
const memBuffer = 64 << 10

// MemListener is a listener in memory. Its zero value is not usable.
type MemListener struct {
	conns  chan net.Conn
	closed chan struct{}
	once   sync.Once
}

// NewMemListener listens until Close.
func NewMemListener() *MemListener {
	return &MemListener{conns: make(chan net.Conn), closed: make(chan struct{})}
}

// Dial connects to the listener: it waits until Accept takes the connection.
func (l *MemListener) Dial(ctx context.Context) (net.Conn, error) {
	near, far := MemPair()
	select {
	case l.conns <- far:
		return near, nil
	case <-l.closed:
		return nil, memError("dial", net.ErrClosed)
	case <-ctx.Done():
		return nil, memError("dial", ctx.Err())
	}
}

// Accept waits for the next Dial.
func (l *MemListener) Accept() (net.Conn, error) {
	select {
	case c := <-l.conns:
		return c, nil
	case <-l.closed:
		return nil, memError("accept", net.ErrClosed)
	}
}

// Close ends Accept and Dial; connections go on.
func (l *MemListener) Close() error {
	l.once.Do(func() { close(l.closed) })
	return nil
}

// Addr is the same for all listeners in memory.
func (l *MemListener) Addr() net.Addr { return memAddr{} }

// URL is for the eye: nobody can dial it.
func (l *MemListener) URL() string { return "mem://" }

type memAddr struct{}

func (memAddr) Network() string { return "mem" }
func (memAddr) String() string  { return "mem" }

func memError(op string, err error) error {
	return &net.OpError{Op: op, Net: "mem", Addr: memAddr{}, Err: err}
}

// MemPair returns two connected ends. What one writes the other reads; each
// direction holds 64 KiB, beyond which the writer waits.
func MemPair() (a, b *MemConn) {
	there, back := newLane(), newLane()
	return &MemConn{in: back, out: there}, &MemConn{in: there, out: back}
}

// MemConn is one end of a connection in memory.
type MemConn struct{ in, out *lane }

func (c *MemConn) Read(p []byte) (int, error)  { return c.in.read(p) }
func (c *MemConn) Write(p []byte) (int, error) { return c.out.write(p) }

// CloseWrite ends this side's sending: the peer reads what was written, then
// io.EOF. Reading goes on.
func (c *MemConn) CloseWrite() error {
	c.out.set(func(l *lane) { l.ended = true })
	return nil
}

// Close ends both directions. What was written before can still be read.
func (c *MemConn) Close() error {
	c.out.set(func(l *lane) { l.ended, l.senderGone = true, true })
	c.in.set(func(l *lane) { l.readerGone, l.buf, l.start = true, nil, 0 })
	return nil
}

func (c *MemConn) LocalAddr() net.Addr  { return memAddr{} }
func (c *MemConn) RemoteAddr() net.Addr { return memAddr{} }

func (c *MemConn) SetDeadline(t time.Time) error {
	_ = c.SetReadDeadline(t)
	return c.SetWriteDeadline(t)
}

func (c *MemConn) SetReadDeadline(t time.Time) error {
	c.in.set(func(l *lane) { l.readBy = t })
	return nil
}

func (c *MemConn) SetWriteDeadline(t time.Time) error {
	c.out.set(func(l *lane) { l.writeBy = t })
	return nil
}

// A lane is one direction. Everybody who waits, waits on one Cond, which
// testing/synctest counts as durably blocked; a Mutex held while waiting it
// would not, so writers queue by the writing flag.
type lane struct {
	mu         sync.Mutex
	change     sync.Cond
	buf        []byte // unread from start on
	start      int
	ended      bool // no more will be written
	senderGone bool // the writing end was closed, not only its sending
	readerGone bool // nobody will read
	writing    bool // a Write is between its first and last byte
	readBy     time.Time
	writeBy    time.Time
}

func newLane() *lane {
	l := new(lane)
	l.change.L = &l.mu
	return l
}

func (l *lane) set(f func(*lane)) {
	l.mu.Lock()
	defer l.mu.Unlock()
	f(l)
	l.change.Broadcast()
}

func (l *lane) read(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for {
		switch {
		case l.readerGone:
			return 0, memError("read", net.ErrClosed)
		case expired(l.readBy):
			return 0, memError("read", os.ErrDeadlineExceeded)
		case len(p) == 0:
			return 0, nil
		case l.held() > 0:
			n := copy(p, l.buf[l.start:])
			l.start += n
			l.change.Broadcast()
			return n, nil
		case l.ended:
			return 0, io.EOF
		}
		l.wait(l.readBy)
	}
}

func (l *lane) write(p []byte) (n int, err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for l.writing && l.writable() == nil {
		l.wait(l.writeBy)
	}
	if err := l.writable(); err != nil {
		return 0, err
	}
	l.writing = true
	defer func() { l.writing = false; l.change.Broadcast() }()
	for {
		if err := l.writable(); err != nil {
			return n, err
		}
		if room := memBuffer - l.held(); room > 0 {
			m := min(room, len(p)-n)
			if len(l.buf)+m > cap(l.buf) && l.start > 0 {
				l.buf, l.start = l.buf[:copy(l.buf, l.buf[l.start:])], 0
			}
			l.buf = append(l.buf, p[n:n+m]...)
			n += m
			l.change.Broadcast()
		}
		if n == len(p) {
			return n, nil
		}
		l.wait(l.writeBy)
	}
}

func (l *lane) held() int { return len(l.buf) - l.start }

func (l *lane) writable() error {
	switch {
	case l.senderGone:
		return memError("write", net.ErrClosed)
	case l.ended, l.readerGone:
		return memError("write", io.ErrClosedPipe)
	case expired(l.writeBy):
		return memError("write", os.ErrDeadlineExceeded)
	}
	return nil
}

// wait gives up the lock until something changes or the deadline comes.
func (l *lane) wait(deadline time.Time) {
	if !deadline.IsZero() {
		t := time.AfterFunc(time.Until(deadline), func() {
			l.mu.Lock()
			defer l.mu.Unlock()
			l.change.Broadcast()
		})
		defer t.Stop()
	}
	l.change.Wait()
}

func expired(deadline time.Time) bool {
	return !deadline.IsZero() && !time.Now().Before(deadline)
}
