package loop

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"os"
	"time"
)

// fullAt is how many bytes wait for a connection's writer when Full says so: what
// the socket takes at once is not known here, and this stands for it.
const fullAt = 64 << 10

// mostRead is how large the buffer of a connection gets that has much to read, if
// no packet is larger.
const mostRead = 64 << 10

// stream is a connection that goroutines drive.
type stream struct {
	loop   *goroutines
	h      Handler
	nc     net.Conn           // nil: not connected yet
	cancel context.CancelFunc // of the connecting; nil: it is through
	writer func()             // is write; made once, since go with a method allocates

	// guarded by the loop's turn
	out     []byte // is to be written
	under   int    // bytes that the writer is about to write
	failed  error  // of writing
	writing bool   // there is a writer
	dirty   bool   // in loop.dirty
	full    bool   // Room is to be called
	closed  bool   // Closed was called
}

// run is the life of the connection.
func (c *stream) run(ctx context.Context, local netip.Addr) {
	cancel := c.cancel
	nc, err := c.loop.dial(ctx, local)
	cancel()
	c.loop.enter()
	switch {
	case c.closed && err == nil:
		c.loop.leave()
		nc.Close()
		return
	case c.closed || err != nil:
		c.finish(err)
		c.loop.leave()
		return
	}
	c.nc, c.cancel = nc, nil
	c.h.Opened()
	c.loop.leave()
	c.read()
	nc.Close()
}

// read takes what comes until there is an end. The buffer grows while it is too
// small for what there is.
func (c *stream) read() {
	in, held := make([]byte, leastBuffer), 0
	for {
		n, err := c.nc.Read(in[held:])
		held += n
		full := held == len(in)
		c.loop.enter()
		c.loop.usage.Reads++
		if n > 0 && !c.closed {
			held = copy(in, in[c.h.Received(in[:held]):held])
		}
		if c.closed {
			held = 0 // what comes now is of no interest
		}
		if err != nil {
			if c.failed != nil && errors.Is(err, os.ErrDeadlineExceeded) {
				err = c.failed
			}
			c.finish(err)
		}
		c.loop.leave()
		if err != nil {
			return
		}
		if held == len(in) || full && len(in) < mostRead {
			in = append(in, make([]byte, len(in))...)
		}
	}
}

// write writes until nothing is left.
func (c *stream) write() {
	l := c.loop
	defer l.running.Done()
	l.enter()
	for c.failed == nil && c.more() {
		out := c.out
		c.out, c.under = l.buffer(), len(out)
		l.usage.Writes++
		l.leave()
		_, err := c.nc.Write(out)
		l.enter()
		l.recycle(out)
		c.under = 0
		c.fail(err)
	}
	l.recycle(c.out)
	c.out, c.writing = nil, false
	orderly := c.closed && c.failed == nil
	l.leave()
	if orderly {
		c.hangUp()
	}
}

// more tells that there is something to write, which Room may lead to.
func (c *stream) more() bool {
	if len(c.out) == 0 && c.full && !c.closed {
		c.full = false
		c.h.Room()
	}
	return len(c.out) > 0
}

// fail notes that writing failed. Why is better said by what the peer sent before:
// reading goes on for a while.
func (c *stream) fail(err error) {
	if err == nil || c.failed != nil {
		return
	}
	c.failed = err
	_ = c.nc.SetReadDeadline(time.Now().Add(patience))
}

// finish is the end of the connection, if it has not ended before.
func (c *stream) finish(err error) {
	if c.closed {
		return
	}
	c.closed = true
	if c.cancel != nil {
		c.cancel()
	}
	delete(c.loop.streams, c)
	c.h.Closed(err)
}

func (c *stream) Send(b []byte) {
	if c.closed || c.failed != nil || len(b) == 0 {
		return
	}
	if c.out == nil {
		c.out = c.loop.buffer()
	}
	c.out = append(c.out, b...)
	c.full = c.full || len(c.out)+c.under > fullAt
	c.mark()
}

// Queue is Send, since nothing is written before the turn ends.
func (c *stream) Queue(b []byte) { c.Send(b) }

func (c *stream) Full() bool { return c.full && !c.closed }

// mark has a writer started when the turn ends, if there is none.
func (c *stream) mark() {
	if !c.dirty && !c.writing {
		c.dirty = true
		c.loop.dirty = append(c.loop.dirty, c)
	}
}

func (c *stream) Close() {
	if c.closed {
		return
	}
	if c.nc != nil {
		_ = c.nc.SetDeadline(time.Now().Add(patience))
		c.mark() // the writer hangs up
	}
	c.finish(nil)
}

func (c *stream) Abort() { c.drop(nil) }

// drop ends the connection without waiting for anything.
func (c *stream) drop(cause error) {
	if c.closed {
		return
	}
	if c.nc != nil {
		c.failed = net.ErrClosed
		_ = c.nc.SetDeadline(time.Now().Add(patience))
		c.loop.running.Go(func() { reset(c.nc) })
	}
	c.finish(cause)
}

// hangUp ends the sending, where that goes, so that what comes from the peer until
// it does likewise is read, and resets nothing.
func (c *stream) hangUp() {
	half, ok := c.nc.(interface{ CloseWrite() error })
	if !ok || half.CloseWrite() != nil {
		c.nc.Close()
	}
}

// reset closes the connection that others are wrapped around, so that no layer has
// something to say at the end.
func reset(nc net.Conn) {
	for {
		wrapper, ok := nc.(interface{ NetConn() net.Conn })
		if !ok || wrapper.NetConn() == nil {
			break
		}
		nc = wrapper.NetConn()
	}
	if socket, ok := nc.(interface{ SetLinger(sec int) error }); ok {
		_ = socket.SetLinger(0)
	}
	nc.Close()
}
