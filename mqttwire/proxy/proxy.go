package proxy

import (
	"context"
	"errors"
	"io"
	"net"
	"sync"
	"syscall"
	"time"

	"mqtk/mqttwire"
)

// Options say where a proxy leads to, and what it does on the way.
type Options struct {
	Dial     func(context.Context) (net.Conn, error) // to the broker
	Watch    func(*Event)                            // called from one goroutine; nil: nobody looks
	Idle     func()                                  // called from the same when there is nothing to tell for now; nil: not
	Backlog  int                                     // how many bytes may wait for Watch; 0 is 64 MiB
	Patience time.Duration                           // for the handshakes of a connection; 0 is 30 s
	Rules    []Rule
	Seed     uint64
}

const (
	defaultBacklog  = 64 << 20
	defaultPatience = 30 * time.Second
	chunk           = 32 << 10 // what is read at a time
)

// A proxy is what Serve runs.
type proxy struct {
	Options
	ctx     context.Context
	watcher *watcher
	passing sync.WaitGroup
}

// Serve takes the connections that come to l until ctx is done, or l fails. It
// closes l and all connections, and Watch has seen everything when it returns.
func Serve(ctx context.Context, l net.Listener, o Options) error {
	if o.Backlog == 0 {
		o.Backlog = defaultBacklog
	}
	if o.Patience == 0 {
		o.Patience = defaultPatience
	}
	ctx, cancel := context.WithCancel(ctx)
	p := &proxy{Options: o, ctx: ctx, watcher: newWatcher(&o)}
	stop := context.AfterFunc(ctx, func() { l.Close() })
	err := p.accept(l)
	if ctx.Err() != nil {
		err = nil
	}
	cancel()
	stop()
	l.Close()
	p.passing.Wait()
	p.watcher.finish()
	return err
}

func (p *proxy) accept(l net.Listener) error {
	wait := time.Duration(0)
	for number := 1; ; {
		client, err := l.Accept()
		if err == nil {
			c := &conn{proxy: p, number: number, client: client}
			p.passing.Go(c.run)
			number++
			wait = 0
			continue
		}
		if p.ctx.Err() != nil || !passes(err) {
			return err
		}
		wait = min(max(2*wait, 5*time.Millisecond), time.Second)
		select {
		case <-time.After(wait):
		case <-p.ctx.Done():
		}
	}
}

// passes tells of an error of Accept whether the next call may do better.
func passes(err error) bool {
	return errors.Is(err, syscall.ECONNABORTED) || errors.Is(err, syscall.EMFILE) || errors.Is(err, syscall.ENFILE)
}

// A conn is a client's connection, and the one to the broker for it.
type conn struct {
	*proxy
	number         int
	client, broker net.Conn
	done           <-chan struct{} // closed when the connection has to end

	mu      sync.Mutex // guards what both directions know
	known   knowledge
	silent  bool // half-open: nothing passes any more
	ending  bool // one direction has ended
	refused bool // one side takes nothing any more
}

func (c *conn) run() {
	ctx, cancel := context.WithCancel(c.ctx)
	defer cancel()
	c.done = ctx.Done()
	defer c.client.Close()
	if err := c.open(ctx); err != nil {
		if !errors.Is(err, io.EOF) && c.ctx.Err() == nil {
			c.watcher.tell(note{kind: Refused, connection: c.number, at: time.Now(), err: err, client: c.client.RemoteAddr()})
		}
		abort(c.client)
		return
	}
	defer c.broker.Close()
	defer context.AfterFunc(ctx, func() {
		c.client.Close()
		c.broker.Close()
	})()
	c.watcher.tell(note{kind: Opened, connection: c.number, at: time.Now(), client: c.client.RemoteAddr()})
	var both sync.WaitGroup
	for _, d := range []*direction{
		{conn: c, from: mqttwire.Client, source: c.client, target: c.broker},
		{conn: c, from: mqttwire.Server, source: c.broker, target: c.client},
	} {
		if len(c.Rules) == 0 {
			both.Go(d.relay)
		} else {
			both.Go(newLane(d).run)
		}
	}
	both.Wait()
	c.watcher.tell(note{kind: Gone, connection: c.number, at: time.Now()})
}

// open goes through the client's handshake, if the listener left one to do,
// and then to the broker.
func (c *conn) open(ctx context.Context) (err error) {
	ctx, cancel := context.WithTimeout(ctx, c.Patience)
	defer cancel()
	if h, ok := c.client.(interface{ Handshake(context.Context) error }); ok {
		if err := h.Handshake(ctx); err != nil {
			return err
		}
	}
	c.broker, err = c.Dial(ctx)
	return err
}

// A direction is what one side says to the other.
type direction struct {
	*conn
	from           mqttwire.Side
	source, target net.Conn
}

// relay forwards bytes as they come.
func (d *direction) relay() {
	buffer := make([]byte, chunk)
	eye := d.eye(bothLegs)
	for {
		n, err := d.source.Read(buffer)
		if n > 0 {
			eye.see(buffer[:n], nil)
			if _, failed := d.target.Write(buffer[:n]); failed != nil {
				d.turnAway(eye)
				return
			}
		}
		if err != nil {
			eye.ended(err)
			d.pass(err)
			return
		}
	}
}

// An eye notes for the watcher what passes at one place.
type eye struct {
	*direction
	legs   legs
	missed int // bytes that the watcher had no room for
}

func (d *direction) eye(l legs) *eye { return &eye{direction: d, legs: l} }

// see notes bytes, or that there is no room for them.
func (e *eye) see(b []byte, faults []string) {
	n := note{kind: Packet, connection: e.number, at: time.Now(), from: e.from, legs: e.legs, faults: faults, missed: e.missed}
	if e.watcher.offer(n, b) {
		e.missed = 0
	} else {
		e.missed += len(b)
	}
}

// ended notes that the side has closed its direction, if it was not we.
func (e *eye) ended(err error) {
	if errors.Is(err, io.EOF) {
		err = nil
	}
	if e.ctx.Err() != nil || errors.Is(err, net.ErrClosed) {
		e.flush()
		return
	}
	e.watcher.tell(note{kind: Closed, connection: e.number, at: time.Now(), from: e.from, legs: e.legs, err: err, missed: e.missed})
	e.missed = 0
}

// flush notes what was missed, where nothing else will be.
func (e *eye) flush() {
	if e.missed > 0 {
		e.watcher.tell(note{kind: Missed, connection: e.number, at: time.Now(), from: e.from, legs: e.legs, missed: e.missed})
		e.missed = 0
	}
}

// pass hands the end of the source on to the target.
func (d *direction) pass(err error) {
	if !errors.Is(err, io.EOF) {
		abort(d.target)
		abort(d.source)
		return
	}
	d.mu.Lock()
	d.ending = true
	refused := d.refused
	d.mu.Unlock()
	if half, ok := d.target.(interface{ CloseWrite() error }); ok && half.CloseWrite() == nil && !refused {
		return
	}
	d.target.Close()
}

// turnAway is for a target that takes nothing any more. What it has said still
// has to reach the source, which is closed after that.
func (d *direction) turnAway(eye *eye) {
	d.forsake()
	buffer := make([]byte, chunk)
	for {
		n, err := d.source.Read(buffer)
		if n > 0 {
			eye.see(buffer[:n], nil)
		}
		if err != nil {
			eye.ended(err)
			return
		}
	}
}

func (d *direction) forsake() {
	d.mu.Lock()
	d.refused = true
	ending := d.ending
	d.mu.Unlock()
	if ending {
		abort(d.source)
	}
}

// abort closes a connection so that its peer sees a reset, where there is such
// a thing.
func abort(nc net.Conn) {
	for socket := nc; socket != nil; {
		if l, ok := socket.(interface{ SetLinger(int) error }); ok {
			_ = l.SetLinger(0)
			break
		}
		below, ok := socket.(interface{ NetConn() net.Conn })
		if !ok {
			break
		}
		socket = below.NetConn()
	}
	nc.Close()
}
