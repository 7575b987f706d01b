package loop

import (
	"os"

	"golang.org/x/sys/unix"
)

func (c *socket) Send(p []byte) {
	switch {
	case c.deaf() || len(p) == 0:
	case c.pending():
		c.gather(p)
		c.flush()
	default:
		if n := c.write(p); n < len(p) && !c.deaf() {
			c.gather(p[n:])
		}
	}
}

func (c *socket) Queue(p []byte) {
	if c.deaf() || len(p) == 0 {
		return
	}
	c.gather(p)
	switch {
	case len(c.burden.out) >= queueSize:
		c.flush()
	case !c.dirty && !c.full:
		c.dirty = true
		c.loop.dirty = append(c.loop.dirty, c)
	}
}

func (c *socket) Full() bool { return c.full && c.state == open }

// deaf tells that nothing that is sent will arrive.
func (c *socket) deaf() bool {
	return c.state != open || c.burden != nil && c.burden.err != nil
}

// pending tells that something is to be written.
func (c *socket) pending() bool { return c.burden != nil && len(c.burden.pending()) > 0 }

// gather keeps p to be written.
func (c *socket) gather(p []byte) {
	b := c.load()
	if b.out == nil {
		b.out = c.loop.keep.buffer()
	}
	b.put(p)
}

// flush writes what is kept, if the system takes anything.
func (c *socket) flush() {
	if c.full || !c.pending() {
		return
	}
	b := c.burden
	b.sent += c.write(b.pending())
	if len(b.pending()) > 0 {
		return
	}
	c.loop.keep.take(b.out)
	b.out, b.sent = nil, 0
	c.unload()
	if c.state == closing {
		c.hangUp()
	}
}

// write writes what the system takes. That it takes less than there is means that
// epoll will report when it takes more.
func (c *socket) write(p []byte) (n int) {
	for {
		n, err := unix.Write(int(c.fd), p)
		c.loop.usage.Writes++
		switch err {
		case nil, unix.EAGAIN:
			if n = max(n, 0); n < len(p) {
				c.full = true
				c.watchRoom(true)
			}
			return n
		case unix.EINTR:
		default:
			c.fail(c.loop.target.failed("write", os.NewSyscallError("write", err)))
			return 0
		}
	}
}

// watchRoom says whether epoll is to report room.
func (c *socket) watchRoom(on bool) {
	if c.loop.target.family != unix.AF_UNIX {
		return // it always does
	}
	events := c.loop.usual()
	if on {
		events = watchedRoom
	}
	if err := c.control(unix.EPOLL_CTL_MOD, events); err != nil {
		c.fail(c.loop.target.failed("write", err))
	}
}

// room goes on when the system takes more.
func (c *socket) room() {
	c.full = false
	c.flush()
	if c.full || c.state == dead {
		return
	}
	c.watchRoom(false)
	if !c.deaf() {
		c.h.Room()
	}
}

// Close writes what is kept and ends the sending; what the peer sends until it has
// closed, too, is read and forgotten, or it would be answered by a reset that
// takes what was sent away from the peer.
func (c *socket) Close() {
	switch c.state {
	case connecting:
		c.finish(nil)
	case open:
		c.flush()
		c.state = closing
		l := c.loop
		switch {
		case c.ended:
			c.release()
		case c.pending():
			l.timed.add(c, l.o.Clock()+int64(patience))
		default:
			c.load()
			l.timed.add(c, l.o.Clock()+int64(patience))
			c.hangUp()
		}
		c.h.Closed(nil)
	}
}

// hangUp ends the sending.
func (c *socket) hangUp() {
	if unix.Shutdown(int(c.fd), unix.SHUT_WR) != nil {
		c.release()
	}
}

func (c *socket) Abort() { c.drop(nil) }

// drop ends the connection at once, TCP by RST.
func (c *socket) drop(cause error) {
	if c.state == closing || c.state == dead {
		return
	}
	if c.fd >= 0 && c.loop.target.family != unix.AF_UNIX {
		_ = unix.SetsockoptLinger(int(c.fd), unix.SOL_SOCKET, unix.SO_LINGER, &unix.Linger{Onoff: 1})
	}
	c.finish(cause)
}

// finish is the end of the connection.
func (c *socket) finish(err error) {
	told := c.state == closing || c.state == dead
	c.release()
	if !told {
		c.h.Closed(err)
	}
}

// release gives everything back.
func (c *socket) release() {
	if c.state == dead {
		return
	}
	l := c.loop
	c.state = dead
	l.timed.remove(c)
	if c.fd >= 0 {
		unix.Close(int(c.fd))
	}
	if c.burden != nil {
		l.keep.back(c.burden)
		c.burden = nil
	}
	l.vacate(c)
}
