package client

import (
	"syscall"
	"time"
)

// eager writes as much of the output as the network takes at once, and waits
// for nothing: the writer, whom waking costs more than the write of a few small
// packets, has no work then. It tells whether all was taken. Only a plain
// socket knows how; a failure is left to the writer to meet.
func (c *Conn) eager() (all bool) {
	if c.socket == nil {
		return false
	}
	select {
	case c.writing <- struct{}{}:
		defer func() { <-c.writing }()
	default:
		return false
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.failed != nil || len(c.out) == 0 || len(c.out) > writePiece {
		return c.failed == nil && len(c.out) == 0
	}
	c.taken = 0
	if err := c.socket.Write(c.take); err != nil { // the deadline of a former write, or closed
		return false
	}
	if c.taken < len(c.out) {
		c.out = append(c.out[:0], c.out[c.taken:]...)
		return false
	}
	c.out, c.answers = c.out[:0], 0
	return true
}

// plainSocket is nc's socket where bytes written to it go out as they are.
func plainSocket(nc any) syscall.RawConn {
	if s, ok := nc.(syscall.Conn); ok && canWriteAtOnce {
		if raw, err := s.SyscallConn(); err == nil {
			return raw
		}
	}
	return nil
}

// uncork is called before a wait, with c.mu held. It tells whether it has sent
// something, so that there may be nothing to wait for any more.
func (c *Client) uncork() (sent bool) {
	l := c.link
	if !c.o.Corked || l == nil || !l.dirty {
		return false
	}
	l.sendNow(time.Now())
	return !l.dirty
}

// sendNow sends the output, if there is any; c.mu is held. The writer is woken
// for what the network does not take at once.
func (l *link) sendNow(now time.Time) {
	if !l.dirty {
		return
	}
	if !l.busy && l.conn.eager() {
		l.dirty, l.sent = false, now
		l.c.changed()
		return
	}
	l.stir()
}
