package broker

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"mqtk/broker/topictree"
	"mqtk/mqttwire"
)

// Options are what a Broker is made of. The zero Options make one that keeps
// nothing, lets everybody in and logs nowhere, with the default limits.
type Options struct {
	Limits        Limits // the zero Limits are DefaultLimits
	Store         Store
	Authenticator Authenticator
	Authorizer    Authorizer
	Fabric        Fabric
	Driver        Driver // for the connections it can drive; nil: a goroutine each
	Log           *slog.Logger
	Version       string // for $SYS/broker/version
}

// A Driver moves bytes between sockets and connections: package eventloop has
// one. Drive takes an admitted connection over, calls the broker's Accept, and from then
// on the Conn's methods as the Link asks; false: it cannot drive this kind.
// Close ends it once all its connections are released.
type Driver interface {
	Drive(b *Broker, g *Gate, nc net.Conn) bool
	Close() error
}

// An Acceptor is a Driver that takes connections in by itself. Listen returns
// nil for a listener that it leaves to the broker. Otherwise serve takes in what
// comes until that fails, and says whether anything did come; it is called again
// after each failure. With net.ErrClosed, when the listener was closed, the
// driver has nothing left of it.
type Acceptor interface {
	Driver
	Listen(b *Broker, g *Gate, l net.Listener) (serve func() (came bool, err error))
}

// Broker is an MQTT server for 3.1, 3.1.1 and 5.0. It opens nothing itself: it
// is handed listeners, a Store, an Authenticator, an Authorizer and a Fabric.
type Broker struct {
	settings   atomic.Pointer[settings]
	store      Store
	gate       *Gate                     // of listeners that have no other
	authority  atomic.Pointer[authority] // nil: everything is allowed
	mounts     atomic.Bool               // some client has a mount point
	succession sync.Mutex                // held while an authority takes over
	bans       atomic.Pointer[bans]
	failures   failures
	fabric     Fabric
	driver     Driver
	log        *slog.Logger
	version    string
	metrics    metrics
	memory     memory

	registry struct {
		sync.Mutex
		sessions  topictree.Set[*Session] // by their client ids
		conns     []*Conn
		listeners map[net.Listener]*Gate
		greeted   map[*greeting]struct{} // connections whose handshake is under way
		crowds    crowds
		rights    bool // new identities get a slot for them
		rate      rate // of CONNECTs
		live      int  // connections with a CONNACK
		maximum   int  // of live, so far
	}
	subscriptions subscriptions
	keeps         bool          // the store is not the one that keeps nothing
	incarnations  atomic.Uint64 // sessions so far
	matches       struct {
		sync.Mutex
		emptied uint64 // the generation at which it was
		topics  map[string]*matched
		weight  int // of the topics
	}
	busy      busySessions
	retained  retainedSet
	turns     turns
	retries   retries
	sys       sysPublisher
	deadlines *deadlines
	wheel     *wheel
	pressed   atomic.Int32 // connections that are full
	batches   sync.Pool
	segments  spares
	pressures sync.Pool

	context    context.Context // ends with the broker
	cancel     context.CancelFunc
	goroutines sync.WaitGroup
	streams    sync.WaitGroup // readers of connections
	draining   atomic.Bool
	started    time.Time
	stirred    chan struct{} // holds a value when connections have come or gone
}

// ErrClosed is what Serve returns once Shutdown was called, or CloseGate.
var ErrClosed = errors.New("the broker is closed")

// New makes a broker, takes up what its Store kept, and starts its clocks.
func New(o Options) (*Broker, error) {
	b := &Broker{
		store: o.Store, gate: NewGate(GateRules{Authenticator: o.Authenticator}), fabric: o.Fabric,
		driver: o.Driver, log: o.Log, version: o.Version, started: time.Now(), stirred: make(chan struct{}, 1),
	}
	if o.Limits == (Limits{}) {
		o.Limits = DefaultLimits()
	}
	if err := o.Limits.Validate(); err != nil {
		return nil, err
	}
	b.settings.Store(newSettings(o.Limits))
	b.authority.Store(newAuthority(o.Authorizer))
	b.registry.rights = o.Authorizer != nil
	if b.store == nil {
		b.store = memoryStore{}
	}
	if b.log == nil {
		b.log = slog.New(slog.DiscardHandler)
	}
	_, memory := b.store.(memoryStore)
	b.keeps = !memory
	b.memory.begin(b.limits())
	b.registry.listeners = make(map[net.Listener]*Gate)
	b.registry.greeted = make(map[*greeting]struct{})
	b.recount(b.limits())
	b.matches.topics = make(map[string]*matched)
	b.deadlines = newDeadlines()
	b.busy.b, b.retries.b = b, b
	b.wheel = newWheel(b.deadlines, (*Conn).silent)
	b.context, b.cancel = context.WithCancel(context.Background())
	if err := b.takeUp(); err != nil {
		b.cancel()
		return nil, err
	}
	b.goroutines.Go(func() { b.deadlines.run(b.context) })
	b.sys.meter = newSysMeter(b.started)
	b.goroutines.Go(func() { b.runSys(b.context) })
	return b, nil
}

// Serve is ServeGate by a gate that asks Options.Authenticator and has no rules.
func (b *Broker) Serve(l net.Listener) error { return b.ServeGate(b.gate, l) }

// ServeGate lets in who comes to a listener, by the rules of a gate, until the
// listener closes, CloseGate or Shutdown is called. Out of file handles it backs
// off and goes on. A gate may have several listeners.
func (b *Broker) ServeGate(g *Gate, l net.Listener) error {
	b.registry.Lock()
	if b.draining.Load() || g.closed {
		b.registry.Unlock()
		l.Close()
		return ErrClosed
	}
	b.registry.listeners[l] = g
	g.serving.Add(1)
	b.registry.Unlock()
	defer b.unserve(g, l)
	boundUnsent(l)
	serve := b.takerOf(g, l)
	var backoff time.Duration
	for {
		came, err := serve()
		if came {
			backoff = 0
		}
		switch {
		case err == nil:
			continue
		case errors.Is(err, net.ErrClosed):
			if b.draining.Load() || b.shut(g) {
				return ErrClosed
			}
			return err
		}
		backoff = min(max(2*backoff, 5*time.Millisecond), time.Second)
		b.log.Warn("accept failed; trying again", "listener", l.Addr().String(), "error", err, "wait", backoff)
		select {
		case <-time.After(backoff):
		case <-b.context.Done():
		}
	}
}

// takerOf returns what takes connections in from a listener: the driver, or, one
// at a time, the broker.
func (b *Broker) takerOf(g *Gate, l net.Listener) (serve func() (came bool, err error)) {
	if a, ok := b.driver.(Acceptor); ok {
		if serve = a.Listen(b, g, l); serve != nil {
			return serve
		}
	}
	return func() (bool, error) {
		nc, err := l.Accept()
		if err != nil && b.draining.Load() {
			return false, net.ErrClosed
		} else if err != nil {
			return false, err
		}
		if !b.Admit() {
			nc.Close()
			return false, net.ErrClosed
		}
		b.bringIn(g, nc)
		return true, nil
	}
}

// Shutdown stops accepting, tells every client with DISCONNECT 0x8B, lets what
// is on its way be written for a second, and waits for every goroutine of the
// broker. It returns ctx's error when that took longer than ctx allows.
func (b *Broker) Shutdown(ctx context.Context) error {
	b.registry.Lock()
	b.draining.Store(true)
	for l := range b.registry.listeners {
		l.Close()
	}
	conns := slices.Clone(b.registry.conns)
	for g := range b.registry.greeted {
		g.conn.Close()
	}
	b.registry.Unlock()
	for _, c := range conns {
		c.kick(mqttwire.ServerShuttingDown, "the server is shutting down")
	}
	ended := make(chan struct{})
	go func() {
		b.streams.Wait()
		if b.driver != nil {
			b.driver.Close()
		}
		b.cancel()
		b.goroutines.Wait()
		close(ended)
	}()
	select {
	case <-ended:
		return b.store.Close()
	case <-ctx.Done():
		return ctx.Err()
	}
}

// Stirred has a value once connections have come or gone since it was read last:
// for whoever looks after the memory of the process.
func (b *Broker) Stirred() <-chan struct{} { return b.stirred }

func (b *Broker) stir() {
	select {
	case b.stirred <- struct{}{}:
	default:
	}
}

// Admit counts a connection in that a driver is about to Accept and will Release.
// False: the broker is closing.
func (b *Broker) Admit() bool {
	b.registry.Lock()
	defer b.registry.Unlock()
	if b.draining.Load() {
		return false
	}
	b.streams.Add(1)
	return true
}
