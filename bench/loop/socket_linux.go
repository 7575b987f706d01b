package loop

import (
	"io"
	"net/netip"
	"os"
	"time"

	"golang.org/x/sys/unix"
)

// edge is EPOLLET, which x/sys has as a negative number.
const edge = 1 << 31

// What epoll watches of a connection, without being asked again. A Unix socket
// would report room with each read of the peer, so that is asked for when needed.
const (
	watched     = unix.EPOLLIN | unix.EPOLLRDHUP | edge
	watchedRoom = watched | unix.EPOLLOUT
)

type state byte

const (
	connecting state = iota // or waiting to connect again
	open
	closing // Closed was called; the peer is to take the rest, and to close
	dead
)

// socket is a connection of a polled loop. Idle, it is this, and its place.
type socket struct {
	loop   *polled
	h      Handler
	burden *burden // nil: idle
	fd     int32
	place  int32
	state  state
	late   bool // in loop.late
	dirty  bool // in loop.dirty
	full   bool // the system took less than there was
	ended  bool // there is an end to be read
}

// begin starts to connect.
func (c *socket) begin(local netip.Addr, limit int64) {
	l := c.loop
	fd, err := l.target.socket(local)
	if err != nil {
		c.fail(l.target.failed("dial", err))
		return
	}
	c.fd = int32(fd)
	c.load().limit = limit
	if limit != never && l.target.family != unix.AF_UNIX {
		l.timed.add(c, limit)
	}
	c.connect()
}

// connect connects. A Unix socket whose peer does not accept fast enough is told to
// come again.
func (c *socket) connect() {
	l := c.loop
	err := unix.Connect(int(c.fd), l.target.remote)
	switch err {
	case nil, unix.EINPROGRESS, unix.EINTR:
	case unix.EAGAIN:
		if l.target.family == unix.AF_UNIX {
			l.timed.add(c, l.o.Clock()+int64(time.Millisecond))
			return
		}
		err = unix.EADDRNOTAVAIL // no port is left
		fallthrough
	default:
		c.fail(l.target.failed("dial", os.NewSyscallError("connect", err)))
		return
	}
	if err := c.control(unix.EPOLL_CTL_ADD, l.usual()); err != nil {
		c.fail(l.target.failed("dial", err))
	} else if l.target.family == unix.AF_UNIX {
		c.again() // it stands
	}
}

func (c *socket) control(op int, events uint32) error {
	return os.NewSyscallError("epoll_ctl", unix.EpollCtl(c.loop.epoll, op, int(c.fd), &unix.EpollEvent{Events: events, Fd: c.place}))
}

// usual is what epoll watches of a connection that is not full.
func (l *polled) usual() uint32 {
	if l.target.family == unix.AF_UNIX {
		return watched
	}
	return watchedRoom
}

// load is the connection's burden.
func (c *socket) load() *burden {
	if c.burden == nil {
		c.burden = c.loop.keep.burden()
	}
	return c.burden
}

// unload gives the burden back when there is none.
func (c *socket) unload() {
	if b := c.burden; b != nil && len(b.in) == 0 && len(b.pending()) == 0 && b.err == nil && b.at == 0 {
		c.burden = nil
		c.loop.keep.back(b)
	}
}

// again has goOn called when the batch is through.
func (c *socket) again() {
	if !c.late {
		c.late = true
		c.loop.late = append(c.loop.late, c)
	}
}

// fail is the end, when the batch is through. What the peer has sent before is read
// first.
func (c *socket) fail(err error) {
	if b := c.load(); b.err == nil {
		b.err = err
	}
	c.ended = true
	c.again()
}

// happened is told what epoll has.
func (c *socket) happened(events uint32) {
	const bad = unix.EPOLLERR | unix.EPOLLHUP
	if c.state == connecting && !c.connected(events&bad != 0) {
		return
	}
	if events&(bad|unix.EPOLLRDHUP) != 0 {
		c.ended = true
	}
	if c.full && events&unix.EPOLLOUT != 0 {
		c.room()
	}
	if c.ended || events&unix.EPOLLIN != 0 {
		c.read()
	}
}

// connected is what becomes of connecting.
func (c *socket) connected(doubt bool) bool {
	if doubt {
		if n, err := unix.GetsockoptInt(int(c.fd), unix.SOL_SOCKET, unix.SO_ERROR); err == nil && n != 0 {
			c.finish(c.loop.target.failed("dial", os.NewSyscallError("connect", unix.Errno(n))))
			return false
		}
	}
	c.state = open
	c.loop.timed.remove(c)
	c.unload()
	c.h.Opened()
	return c.state == open
}

// expired is called when the time limit has come.
func (c *socket) expired() {
	l := c.loop
	l.timed.remove(c)
	switch {
	case c.state == closing:
		c.release()
	case l.target.family == unix.AF_UNIX && l.now < c.burden.limit:
		c.connect()
	default:
		c.finish(l.target.failed("dial", os.ErrDeadlineExceeded))
	}
}

// goOn does what was left for the end of the batch.
func (c *socket) goOn() {
	switch {
	case c.state == dead:
	case c.state == connecting && c.ended:
		c.finish(c.burden.err)
	case c.state == connecting:
		c.connected(false)
	default:
		c.read()
	}
}

// read takes what has come, unless that is very much: then others come first.
// A read that does not fill the buffer has taken all; what comes later epoll
// reports, but for the end that came before.
func (c *socket) read() {
	l := c.loop
	for range readsATurn {
		in, held := c.space()
		n, err := unix.Read(int(c.fd), in[held:])
		l.usage.Reads++
		switch {
		case err == unix.EINTR:
			continue
		case err == unix.EAGAIN && c.burden != nil && c.burden.err != nil:
			c.finish(c.burden.err)
			return
		case err == unix.EAGAIN:
			return
		case err != nil:
			c.finish(l.target.failed("read", os.NewSyscallError("read", err)))
			return
		case n == 0:
			c.finish(io.EOF)
			return
		}
		l.now = l.o.Clock()
		if c.state == open {
			c.receive(in[:held+n])
		}
		if c.state == dead || n < len(in)-held && !c.ended {
			return
		}
	}
	c.again()
}

// space is where to read to, behind what was left over: the buffer of all, unless
// that is much, which is not to be copied to and fro.
func (c *socket) space() (in []byte, held int) {
	all := c.loop.buf
	if c.burden == nil || c.state != open {
		return all, 0
	}
	b := c.burden
	held = len(b.in)
	if held <= len(all)/4 {
		return all, copy(all, b.in)
	}
	if cap(b.in) < 2*held {
		b.in = append(make([]byte, 0, 2*max(held, len(all))), b.in...)
	}
	return b.in[:cap(b.in)], held
}

// receive gives the handler what has come, and keeps what it leaves. The buffer
// that has what was left before is nobody's meanwhile: in may be part of it.
func (c *socket) receive(in []byte) {
	keep := &c.loop.keep
	var kept []byte
	if c.burden != nil {
		kept, c.burden.in = c.burden.in, nil
	}
	rest := in[c.h.Received(in):]
	if c.state != open || len(rest) == 0 {
		keep.take(kept)
		c.unload()
		return
	}
	if kept == nil {
		kept = keep.buffer()
	}
	c.load().in = append(kept[:0], rest...)
}
