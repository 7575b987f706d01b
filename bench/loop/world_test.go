package loop

import (
	"context"
	"errors"
	"io"
	"net"
	"net/netip"
	"path/filepath"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"mqtk/mqttwire/transport"
)

// A world is a driver and what it connects over.
type world struct {
	name   string
	bubble bool // fake time
	listen func(t testing.TB) (net.Listener, Options)
	driver func(o Options) (driver, error)
}

func worlds() []world {
	return append([]world{
		{"goroutines in memory", true, listenInMemory, asGoroutines},
		{"goroutines over TCP", false, listenTCP, asGoroutines},
		{"goroutines over a Unix socket", false, listenUnix, asGoroutines},
	}, polledWorlds()...)
}

func asGoroutines(o Options) (driver, error) { return newGoroutines(o), nil }

func listenInMemory(testing.TB) (net.Listener, Options) {
	l := transport.NewMemListener()
	return l, Options{Dial: func(ctx context.Context, _ netip.Addr) (net.Conn, error) { return l.Dial(ctx) }}
}

func listenTCP(t testing.TB) (net.Listener, Options) {
	return listenAt(t, "tcp", "127.0.0.1:0")
}

func listenUnix(t testing.TB) (net.Listener, Options) {
	return listenAt(t, "unix", filepath.Join(t.TempDir(), "s"))
}

func listenAt(t testing.TB, network, address string) (net.Listener, Options) {
	t.Helper()
	l, err := net.Listen(network, address)
	if err != nil {
		t.Fatal(err)
	}
	return l, Options{Network: network, Address: l.Addr().String()}
}

// inWorlds runs a test in each world.
func inWorlds(t *testing.T, test func(t *testing.T, p *place)) { in(worlds(), t, test) }

func in(all []world, t *testing.T, test func(t *testing.T, p *place)) {
	for _, w := range all {
		t.Run(w.name, func(t *testing.T) {
			inside := func(t *testing.T) { test(t, &place{t, w}) }
			if w.bubble {
				synctest.Test(t, inside)
			} else {
				inside(t)
			}
		})
	}
}

// A place is where a test takes place.
type place struct {
	t *testing.T
	world
}

// loop runs a loop in front of a server that does serve with each connection.
func (p *place) loop(serve func(nc net.Conn), with ...func(o *Options)) *Loop {
	p.t.Helper()
	l, o := p.listen(p.t)
	for _, f := range with {
		f(&o)
	}
	serveAll(p.t, l, serve)
	return p.run(p.t, o)
}

// serveAll runs serve with each connection, and ends all of them with the test.
func serveAll(t testing.TB, l net.Listener, serve func(nc net.Conn)) {
	var running sync.WaitGroup
	var mu sync.Mutex
	var all []net.Conn
	running.Go(func() {
		for {
			nc, err := l.Accept()
			if err != nil {
				return
			}
			mu.Lock()
			all = append(all, nc)
			mu.Unlock()
			running.Go(func() { serve(nc); nc.Close() })
		}
	})
	t.Cleanup(func() {
		l.Close()
		mu.Lock()
		for _, nc := range all {
			nc.Close()
		}
		mu.Unlock()
		running.Wait()
	})
}

// run runs a loop until the test ends. The clock is that of package time.
func (w world) run(t testing.TB, o Options) *Loop {
	t.Helper()
	if o.Clock == nil {
		start := time.Now()
		o.Clock = func() int64 { return int64(time.Since(start)) }
	}
	d, err := w.driver(o)
	if err != nil {
		t.Fatal(err)
	}
	l := &Loop{d}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error)
	go func() { ended <- l.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
	return l
}

// on calls f on the loop, and waits for it.
func on(l *Loop, f func()) {
	done := make(chan struct{})
	l.Do(func() { f(); close(done) })
	<-done
}

// A client is a handler made of functions, and remembers what it was told.
type client struct {
	Conn
	onOpen     func(c *client)
	onReceived func(c *client, in []byte) int
	onRoom     func(c *client)
	onClosed   func(c *client, err error)

	opens, closes int
	over          chan struct{} // closed with the connection
	err           error         // of Closed
}

// join connects c.
func join(l *Loop, c *client, local netip.Addr, within time.Duration) *client {
	c.over = make(chan struct{})
	on(l, func() { c.Conn = l.Connect(c, local, within) })
	return c
}

func (c *client) Opened() {
	if c.opens++; c.onOpen != nil {
		c.onOpen(c)
	}
}

func (c *client) Received(in []byte) int {
	if c.opens != 1 || c.closes != 0 {
		panic("Received out of order")
	}
	if c.onReceived == nil {
		return len(in)
	}
	return c.onReceived(c, in)
}

func (c *client) Room() {
	if c.opens != 1 || c.closes != 0 {
		panic("Room out of order")
	}
	if c.onRoom != nil {
		c.onRoom(c)
	}
}

func (c *client) Closed(err error) {
	if c.closes++; c.closes > 1 {
		panic("Closed twice")
	}
	c.err = err
	if c.onClosed != nil {
		c.onClosed(c, err)
	}
	close(c.over)
}

// end is what Closed said.
func (c *client) end() error { <-c.over; return c.err }

// echo sends all back.
func echo(nc net.Conn) { _, _ = io.Copy(nc, struct{ io.Reader }{nc}) }

var errTest = errors.New("the test's")
