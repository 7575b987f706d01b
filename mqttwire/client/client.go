package client

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"time"

	"mqtk/mqttwire"
	"mqtk/mqttwire/transport"
)

// Client is a session with a server that outlives its connections: it keeps
// the outgoing window, the incoming QoS 2 ids and the subscriptions, connects
// again as Retry says, and resends what the standard asks to resend.
//
// All methods may be called from several goroutines. A Client has two
// goroutines while it lives; both are gone when Close or Disconnect returns.
type Client struct {
	o       Options
	connect mqttwire.Connect // as it will be sent next
	auth    *authentication
	auto    bool // the version may step down
	grants  atomic.Pointer[Grants]

	life     context.Context // ends with the client: dialling and waiting for a retry hang on it
	end      context.CancelFunc
	done     chan struct{} // closed when the client has ended
	finished chan struct{} // closed when its goroutines have

	closing    atomic.Bool   // by our side: nothing is delivered any more
	delivering atomic.Bool   // OnMessage is running
	delivered  chan struct{} // a token when it ended while closing

	space   chan struct{} // a token for one who waits for room to publish
	mu      sync.Mutex    // guards what follows; never held while waiting
	err     error
	link    *link // nil: offline
	waiting int   // Publish calls that wait for space
	change  chan struct{}
	out     inflight
	dropped bool // the last connection took output with it
	unsent  int  // messages given up at the end

	unconfirmed int // messages at QoS 0 that broken connections may have taken down

	calls    []func() // to be made once the lock is free
	filters  []subscribed
	message  mqttwire.Publish // and its bytes: scratch of publish
	encoded  []byte
	aliased  mqttwire.Properties
	stripped mqttwire.Properties
	short    []byte
	reauth   *request
	foreign  bool  // the session is older than this Client: the server may know ids that we do not
	freed    idSet // of these, those that it was told to release

	// The reading goroutine's.
	attempts int   // to connect again, since a connection stood for a while
	held     idSet // incoming QoS 2, received and not released
	stopped  bool  // OnMessage wants no more
	parting  error // what the server did after our DISCONNECT
}

// Connect dials, greets and returns a Client once the server has accepted. It
// tries as often as o.Retry allows. ctx bounds only this call. The errors are
// *DialError, *RefusedError, *LostError, *TimeoutError, *ViolationError,
// *AuthError, or *GaveUpError around one of them.
func Connect(ctx context.Context, o Options) (*Client, error) {
	c := &Client{
		o:         o,
		connect:   o.Connect,
		done:      make(chan struct{}),
		finished:  make(chan struct{}),
		delivered: make(chan struct{}, 1),
		space:     make(chan struct{}, 1),
		out:       newInflight(o.MaxInflight),
	}
	if err := c.prepare(); err != nil {
		return nil, err
	}
	c.life, c.end = context.WithCancel(context.WithoutCancel(ctx))
	l, err := c.first(ctx)
	if err != nil {
		c.end()
		return nil, err
	}
	go c.run(l)
	return c, nil
}

// prepare fills in what Options leave out.
func (c *Client) prepare() error {
	setDefault(&c.o.ConnectTimeout, defaultTimeout)
	setDefault(&c.o.ReplyTimeout, defaultTimeout)
	setDefault(&c.o.WriteTimeout, defaultTimeout)
	setDefault(&c.o.Retry.Wait, time.Second)
	setDefault(&c.o.Retry.MaxWait, 30*time.Second)
	if c.auto = c.connect.Version == 0; c.auto {
		c.connect.Version = mqttwire.V5
	}
	if c.o.Authenticator != nil {
		if c.auto = false; c.connect.Version != mqttwire.V5 {
			return &AuthError{Method: c.o.Authenticator.Method(), Err: errNoAuthenticator}
		}
		c.auth = &authentication{c.o.Authenticator}
	}
	if c.o.Dial == nil {
		t, err := transport.ParseURL(c.o.URL)
		if err != nil {
			return &DialError{Err: err}
		}
		if !c.connect.HasUsername && !c.connect.HasPassword {
			c.connect.Username, c.connect.HasUsername = t.Username, t.HasUsername
			c.connect.Password, c.connect.HasPassword = []byte(t.Password), t.HasPassword
		}
	}
	return nil
}

func setDefault(d *time.Duration, absent time.Duration) {
	if *d == 0 {
		*d = absent
	}
}

// Grants are those of the last CONNACK.
func (c *Client) Grants() Grants {
	if g := c.grants.Load(); g != nil {
		return *g
	}
	return Grants{}
}

// Done is closed when the client has ended, by either side; Err says why.
func (c *Client) Done() <-chan struct{} { return c.done }

// Err is nil while the client lives, ErrClosed after Close or Disconnect, else
// what ended it.
func (c *Client) Err() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.err
}

// Unsent counts the QoS 1 and 2 messages accepted and not yet answered.
func (c *Client) Unsent() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.unsent + c.out.open
}

// Unconfirmed counts the QoS 0 messages that were, or may have been, on their
// way when a connection broke: those for which no PINGRESP says that the server
// has read so far. It is an upper bound of what was lost.
func (c *Client) Unconfirmed() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.unconfirmed
}

// run lives as long as the client: it reads one connection after the other.
func (c *Client) run(l *link) {
	defer close(c.finished)
	for {
		started := time.Now()
		err := c.serve(l)
		if c.closing.Load() {
			c.parting = err
		} else {
			l, err = c.again(err, l.useful || time.Since(started) >= stable)
		}
		switch {
		case err == nil && c.closing.Load():
			l.conn.Close() // Close came too early to see it
		case c.closing.Load():
			c.conclude(ErrClosed)
			return
		case err != nil:
			c.conclude(err)
			return
		}
	}
}

// conclude ends the client for good, and tells everybody who waits.
func (c *Client) conclude(err error) {
	c.end()
	c.mu.Lock()
	defer c.unlock()
	c.err = err
	if gaveUp := new(GaveUpError); errors.As(err, &gaveUp) {
		gaveUp.Unsent = c.out.open
	}
	for _, id := range c.out.inOrder(func(s *slot) bool { return s.done != nil }) {
		done := c.out.find(id).done
		c.calls = append(c.calls, func() { done(0, err) })
	}
	c.unsent, c.out = c.out.open, newInflight(1)
	close(c.done)
	c.changed()
}

// until waits, with c.mu held, for ready to hold. It gives the lock up while
// it waits. Whatever may make a difference calls changed.
func (c *Client) until(ctx context.Context, ready func() bool) error {
	for {
		if err := c.over(); err != nil {
			return err
		}
		if ready() {
			return nil
		}
		if c.uncork() {
			continue
		}
		if c.change == nil {
			c.change = make(chan struct{})
		}
		change := c.change
		c.mu.Unlock()
		var err error
		select {
		case <-change:
		case <-ctx.Done():
			err = context.Cause(ctx)
		}
		c.mu.Lock()
		if err != nil {
			return err
		}
	}
}

// over is why nothing more can be asked of the client; c.mu is held.
func (c *Client) over() error {
	if c.err == nil && c.closing.Load() {
		return ErrClosed
	}
	return c.err
}

// unlock gives up c.mu and makes the calls that had to wait for that.
func (c *Client) unlock() {
	calls := c.calls
	c.calls = nil
	c.mu.Unlock()
	for _, call := range calls {
		call()
	}
}

// changed wakes those in until; c.mu is held.
func (c *Client) changed() {
	if c.change != nil {
		close(c.change)
		c.change = nil
	}
}

// Wait flushes and returns when every accepted message has its answer.
func (c *Client) Wait(ctx context.Context) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.until(ctx, func() bool { return c.out.open == 0 && c.flushed() })
}

// Flush returns when everything accepted so far was handed to the network. What
// a connection took down with it at QoS 0 counts as handed over once another
// one stands.
func (c *Client) Flush(ctx context.Context) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.until(ctx, c.flushed)
}

// flushed tells that nothing is left to send; c.mu is held.
func (c *Client) flushed() bool {
	if c.link == nil {
		return !c.dropped
	}
	return !c.link.dirty && !c.link.busy && !c.link.broken
}
