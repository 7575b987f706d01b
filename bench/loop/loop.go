package loop

import (
	"context"
	"net"
	"net/netip"
	"time"
)

// Options say where a Loop connects.
type Options struct {
	// Network and Address are those of plain TCP ("tcp", with a numeric address)
	// or of a Unix socket ("unix"), which epoll drives on Linux.
	Network, Address string
	// Dial connects everywhere else; local is the zero Addr where it does not
	// matter. It must end with ctx.
	Dial func(ctx context.Context, local netip.Addr) (net.Conn, error)
	// Clock is nanoseconds since some moment that all loops of a run share; nil:
	// since New.
	Clock func() int64
	// Wake, if not nil, is called on the loop at the time it returned last, as
	// Clock has it, or as soon after as the loop can; at the start, and after
	// Loop.Wake, as soon as it can. Never is math.MaxInt64.
	Wake func(now int64) (next int64)
}

// A Loop drives connections of clients to one address. Everything that it calls
// - handlers, Wake, what Do was given - is called one at a time, on the loop; what
// belongs to a loop needs no lock. The methods of Conn, and Connect, Now and
// Usage, are for use on the loop alone.
type Loop struct{ driver }

// A driver is how a Loop waits and moves bytes: epoll or goroutines.
type driver interface {
	// Run is the loop. It returns nil when ctx has ended, and all goroutines of the
	// loop with it. What is connected then is aborted: Closed says context.Cause of
	// ctx; what is being closed is given a second. It runs once.
	Run(ctx context.Context) error
	// Do has f called on the loop, soon. Any goroutine may call it, handlers too. What
	// comes before Run waits for it; what comes when Run has returned is forgotten.
	Do(f func())
	// Wake has Options.Wake called soon. Any goroutine may call it.
	Wake()
	// Connect begins a connection, from local if that is valid, which has so long to
	// stand; 0: as long as the system grants. No method of h is called before it
	// returns. Where ctx has ended, none ever is.
	Connect(h Handler, local netip.Addr, within time.Duration) Conn
	// Now is what Clock said when the present call to a handler, Wake or function
	// was about to begin: after the read that brought what Received is given.
	Now() int64
	// Usage is what was used up to now.
	Usage() Usage
}

// New makes a Loop; Run runs it.
func New(o Options) (*Loop, error) {
	if o.Clock == nil {
		start := time.Now()
		o.Clock = func() int64 { return int64(time.Since(start)) }
	}
	d, err := newPolled(o)
	if err != nil {
		return nil, err
	}
	if d == nil {
		d = newGoroutines(o)
	}
	return &Loop{d}, nil
}

// A Handler is what a connection is about.
type Handler interface {
	// Opened: the connection stands, and Send may be used.
	Opened()
	// Received is called with what has come, that was not used up before in
	// front. It returns how many bytes are used up. in is good until it returns.
	Received(in []byte) (used int)
	// Room: after Send had to keep bytes, all of them are with the system now.
	Room()
	// Closed: the connection could not be made, or has ended. err is io.EOF where
	// the peer ended it in an orderly way, nil after Conn.Close. It comes once, and
	// nothing after it.
	Closed(err error)
}

// A Conn is a connection of a Loop. Once Closed was called, nothing has any effect.
type Conn interface {
	// Send sends b, which may be used again when it returns: what the system does
	// not take at once is kept. Before Opened it must not be called, and after
	// Closed it does nothing.
	Send(b []byte)
	// Queue is Send that waits until the present batch of events is through, so
	// that many small packets leave by one write.
	Queue(b []byte)
	// Full tells that bytes are kept which the system has not taken: Room follows.
	Full() bool
	// Close ends the connection: after what was sent, if the system takes that.
	// Closed is called before it returns.
	Close()
	// Abort ends it without a word to the peer's MQTT: TCP by RST.
	Abort()
}

// Usage is what a Loop took since Run began, in nanoseconds and system calls.
type Usage struct {
	CPU     int64 // of its thread; below 0: unknown (goroutines share threads)
	Asleep  int64 // waiting for events
	Waiting int64 // ready to run and without a processor; below 0: unknown
	Reads   int64
	Writes  int64
}
