package client

import (
	"cmp"
	"context"
	"errors"
	"math/rand/v2"
	"net"
	"slices"
	"time"

	"mqtk/mqttwire"
	"mqtk/mqttwire/transport"
)

// stable is how long a connection must have stood for the attempts to be
// counted anew, unless it has moved messages of QoS 1 or 2: a server that
// accepts and closes does not reset them.
const stable = 10 * time.Second

// first makes the first connection.
func (c *Client) first(ctx context.Context) (*link, error) {
	r := c.o.Retry
	r.MaxWait = cmp.Or(r.MaxFirstWait, r.MaxWait)
	start := time.Now()
	for attempt := 1; ; attempt++ {
		l, err := c.attempt(ctx, false)
		if err == nil {
			return l, nil
		}
		wait, left := r.wait(attempt), r.FirstFor-time.Since(start)
		switch {
		case !retryable(err) || ctx.Err() != nil || r.First == 0 && r.FirstFor == 0:
			return nil, err
		case r.First > 0 && attempt > r.First, r.FirstFor > 0 && left <= 0:
			return nil, &GaveUpError{Attempts: attempt, Err: err}
		}
		if r.FirstFor > 0 {
			wait = min(wait, left) // the last attempt is at the very end
		}
		if err := c.pause(ctx, err, wait); err != nil {
			return nil, err
		}
	}
}

// again makes the next connection after one that ended with cause; anew starts
// the count of attempts from the beginning.
func (c *Client) again(cause error, anew bool) (*link, error) {
	r := c.o.Retry
	if anew {
		c.attempts = 0
	}
	for {
		if !retryable(cause) || r.Again == 0 || c.closing.Load() {
			return nil, cause
		}
		if c.attempts++; r.Again > 0 && c.attempts > r.Again {
			return nil, &GaveUpError{Attempts: r.Again, Err: cause}
		}
		if err := c.pause(c.life, cause, r.wait(c.attempts)); err != nil {
			return nil, err
		}
		l, err := c.attempt(c.life, true)
		if err == nil {
			return l, nil
		}
		cause = err
	}
}

// wait is the pause before the retry after that many attempts.
func (r *Retry) wait(attempts int) time.Duration {
	d := r.MaxWait
	if attempts <= 16 {
		d = min(d, r.Wait<<(attempts-1))
	}
	return d - time.Duration(rand.Int64N(int64(d)/4+1))
}

// pause waits for the next attempt; an error tells why there will be none.
func (c *Client) pause(ctx context.Context, cause error, wait time.Duration) error {
	if c.o.Hooks.OnRetry != nil {
		if err := c.o.Hooks.OnRetry(cause, wait); err != nil {
			return err
		}
	}
	t := time.NewTimer(wait)
	defer t.Stop()
	select {
	case <-t.C:
	case <-ctx.Done():
	}
	if ctx.Err() != nil {
		return cause
	}
	return nil
}

// retryable tells whether the same attempt may succeed later.
func retryable(err error) bool {
	var (
		dial         *DialError
		door         *transport.Error
		refused      *RefusedError
		disconnected *DisconnectedError
	)
	switch {
	case errors.As(err, &door) && door.Lasting():
		return false
	case errors.As(err, &dial):
		return true
	case errors.As(err, &refused):
		return refused.Retryable()
	case errors.As(err, &disconnected):
		return disconnected.Retryable()
	}
	return errors.As(err, new(*LostError)) || errors.As(err, new(*TimeoutError))
}

// attempt dials and greets once, twice if the version steps down.
func (c *Client) attempt(ctx context.Context, again bool) (*link, error) {
	timed, cancel := context.WithTimeout(ctx, c.o.ConnectTimeout)
	defer cancel()
	l, err := c.try(timed, again)
	var refused *RefusedError
	if c.auto && errors.As(err, &refused) && refused.Reason == mqttwire.UnsupportedProtocolVersion {
		c.auto = false
		if c.o.Hooks.OnFallback != nil {
			if err := c.o.Hooks.OnFallback(mqttwire.V311); err != nil {
				return nil, err
			}
		}
		c.connect.Version = mqttwire.V311
		l, err = c.try(timed, again)
	}
	if err != nil {
		return nil, err
	}
	c.auto = false
	return l, nil
}

func (c *Client) try(ctx context.Context, again bool) (*link, error) {
	connect, err := c.greeting(again)
	if err != nil {
		return nil, err
	}
	nc, err := c.dial(ctx)
	if err != nil {
		return nil, err
	}
	conn := NewConn(nc, c.manners())
	connack, err := conn.handshake(ctx, &connect, c.auth)
	if err != nil {
		return nil, err
	}
	g := granted(&connect, connack, again)
	c.connect.ClientID = g.ClientID
	before := c.grants.Swap(g)
	if c.o.Hooks.OnConnect != nil {
		c.o.Hooks.OnConnect(g)
	}
	return c.online(conn, g, before), nil
}

// greeting is the CONNECT of the next attempt.
func (c *Client) greeting(again bool) (connect mqttwire.Connect, err error) {
	connect = c.connect
	if connect.Version != mqttwire.V5 {
		connect.Properties = nil
		if connect.ClientID == "" && !connect.CleanStart {
			return connect, &mqttwire.Error{Reason: mqttwire.ClientIdentifierNotValid, Clause: "MQTT-3.1.3-7", Detail: "CONNECT without a client id and without a clean session"}
		}
		return connect, nil
	}
	if again && c.grants.Load().SessionExpiry > 0 {
		connect.CleanStart = false
	}
	if c.auth != nil {
		connect.Properties, err = c.auth.begin(slices.Clone(connect.Properties))
	}
	return connect, err
}

func (c *Client) dial(ctx context.Context) (nc net.Conn, err error) {
	if c.o.Dial != nil {
		nc, err = c.o.Dial(ctx)
	} else {
		o := c.o.DialOptions
		if o.WebSocket.Subprotocol == "" && c.connect.Version == mqttwire.V31 {
			o.WebSocket.Subprotocol = "mqttv3.1"
		}
		nc, err = transport.Dial(ctx, c.o.URL, o)
	}
	if err != nil {
		return nil, &DialError{Target: c.target(), Err: err}
	}
	return nc, nil
}

// target is the URL as it may be shown.
func (c *Client) target() string {
	t, err := transport.ParseURL(c.o.URL)
	if err != nil {
		return "the server"
	}
	return t.String()
}

func (c *Client) manners() ConnOptions {
	o := ConnOptions{WriteTimeout: c.o.WriteTimeout, PacketTimeout: c.o.ReplyTimeout, Trace: c.o.Hooks.Trace}
	if c.connect.Version == mqttwire.V5 {
		o.Limits.MaxPacketSize, _ = c.connect.Properties.Number(mqttwire.MaximumPacketSize)
	}
	return o
}
