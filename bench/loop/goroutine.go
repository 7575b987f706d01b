package loop

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"runtime"
	"sync"
	"time"
)

// goroutines is the driver for every net.Conn: a goroutine reads each connection,
// another writes while there is something to write. The turn is what makes them
// one loop: who calls a handler holds it, and nobody waits for a peer with it.
type goroutines struct {
	o       Options
	in      inbox
	kick    chan struct{} // the inbox has something; holds one
	running sync.WaitGroup

	turn    sync.Mutex // guards all below, and what belongs to the handlers
	ctx     context.Context
	now     int64
	ended   bool
	streams map[*stream]struct{} // not closed
	dirty   []*stream            // have something to write and no writer
	buffers [][]byte             // that nobody writes from
	start   int64                // of Run
	busy    int64                // time that the turn was held
	usage   Usage
}

func newGoroutines(o Options) *goroutines {
	return &goroutines{o: o, kick: make(chan struct{}, 1), streams: make(map[*stream]struct{})}
}

func (l *goroutines) Run(ctx context.Context) error {
	l.turn.Lock()
	if l.ctx != nil {
		l.turn.Unlock()
		return errors.New("loop: Run was called twice")
	}
	l.ctx, l.start = ctx, l.o.Clock()
	l.turn.Unlock()
	timer := time.NewTimer(0)
	defer timer.Stop()
	next := int64(0)
	for ctx.Err() == nil {
		next = l.round(next)
		switch {
		case !l.in.rest():
			timer.Reset(0)
		case l.o.Wake != nil && next != never:
			timer.Reset(time.Duration(next - l.o.Clock()))
		default:
			timer.Stop()
		}
		select {
		case <-ctx.Done():
		case <-l.kick:
		case <-timer.C:
			runtime.Gosched() // where Wake is always late, others have their turn, too
		}
	}
	l.end(context.Cause(ctx))
	return nil
}

// round does what is due, and returns when the next is.
func (l *goroutines) round(next int64) int64 {
	l.enter()
	defer l.leave()
	todo, wake := l.in.take()
	for _, f := range todo {
		f()
	}
	l.in.done(todo)
	if l.o.Wake != nil && (wake || next <= l.now) {
		next = l.o.Wake(l.now)
	}
	return next
}

// end closes what is left, and waits for all goroutines.
func (l *goroutines) end(cause error) {
	l.enter()
	l.ended = true
	for c := range l.streams {
		c.drop(cause)
	}
	l.leave()
	l.in.end()
	l.running.Wait()
}

// enter takes the turn.
func (l *goroutines) enter() {
	l.turn.Lock()
	l.now = l.o.Clock()
}

// leave gives the turn up, and has written what was left to be written.
func (l *goroutines) leave() {
	for i, c := range l.dirty {
		l.dirty[i] = nil
		c.dirty, c.writing = false, true
		l.running.Add(1)
		go c.writer()
	}
	l.dirty = l.dirty[:0]
	l.busy += l.o.Clock() - l.now
	l.turn.Unlock()
}

func (l *goroutines) Do(f func()) { l.ask(f) }

func (l *goroutines) Wake() { l.ask(nil) }

func (l *goroutines) ask(f func()) {
	if !l.in.put(f) {
		return
	}
	defer l.in.told()
	select {
	case l.kick <- struct{}{}:
	default:
	}
}

func (l *goroutines) Now() int64 { return l.now }

// Usage knows no thread: the loop counts as awake while a handler runs.
func (l *goroutines) Usage() Usage {
	u := l.usage
	now := l.o.Clock()
	u.CPU, u.Waiting = -1, -1
	u.Asleep = now - l.start - l.busy - (now - l.now)
	return u
}

func (l *goroutines) Connect(h Handler, local netip.Addr, within time.Duration) Conn {
	c := &stream{loop: l, h: h}
	if l.ended || l.ctx.Err() != nil {
		c.closed = true
		return c
	}
	c.writer = c.write
	ctx, cancel := l.ctx, context.CancelFunc(nil)
	if within > 0 {
		ctx, cancel = context.WithTimeout(ctx, within)
	} else {
		ctx, cancel = context.WithCancel(ctx)
	}
	c.cancel = cancel
	l.streams[c] = struct{}{}
	l.running.Go(func() { c.run(ctx, local) })
	return c
}

// dial makes a connection by Options.Dial, or by package net.
func (l *goroutines) dial(ctx context.Context, local netip.Addr) (net.Conn, error) {
	if l.o.Dial != nil {
		return l.o.Dial(ctx, local)
	}
	var d net.Dialer
	if local.IsValid() && l.o.Network != "unix" {
		d.LocalAddr = net.TCPAddrFromAddrPort(netip.AddrPortFrom(local, 0))
	}
	return d.DialContext(ctx, l.o.Network, l.o.Address)
}

// buffer is an empty one.
func (l *goroutines) buffer() []byte {
	n := len(l.buffers)
	if n == 0 {
		return make([]byte, 0, leastBuffer)
	}
	b := l.buffers[n-1]
	l.buffers = l.buffers[:n-1]
	return b
}

// recycle takes a buffer back, if it is worth keeping.
func (l *goroutines) recycle(b []byte) {
	if cap(b) >= leastBuffer && cap(b) <= mostBuffer && len(l.buffers) < maxBuffers {
		l.buffers = append(l.buffers, b[:0])
	}
}
