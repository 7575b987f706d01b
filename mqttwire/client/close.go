package client

import (
	"context"
	"errors"
	"time"

	"mqtk/mqttwire"
)

var errNoAnswer = errors.New("it ended before the answer came")

// Disconnect ends orderly: what is buffered is sent, then d (nil: a normal
// disconnection), then the connection is closed. It returns nil if the
// DISCONNECT was written and the server had nothing to say against it, nor
// closed the connection without reading what was sent, which is a *LostError.
// Messages without an answer are given up: call Wait before.
func (c *Client) Disconnect(ctx context.Context, d *mqttwire.Disconnect) error {
	d, err := c.sayable(d)
	if err != nil {
		return err
	}
	if !c.closing.CompareAndSwap(false, true) {
		<-c.finished
		return c.Err()
	}
	c.awaitDelivery(ctx)
	c.mu.Lock()
	l := c.link
	c.changed()
	c.makeRoom()
	c.mu.Unlock()
	if l == nil {
		c.end()
		<-c.finished
		if err := c.Err(); !errors.Is(err, ErrClosed) {
			return err
		}
		return &LostError{Err: errOffline}
	}
	err = l.bye(ctx, d)
	<-c.finished
	if told := c.parting; told != nil {
		if e := new(DisconnectedError); errors.As(told, &e) && e.Reason >= mqttwire.UnspecifiedError || errors.As(told, new(*ViolationError)) {
			return told
		}
		if errors.Is(told, errUnread) || err != nil && ctx.Err() == nil {
			return told
		}
	}
	if err != nil && ctx.Err() != nil {
		return context.Cause(ctx)
	}
	if err != nil && telling(err) {
		return lost(err, false)
	}
	return err
}

var errOffline = errors.New("there is none to disconnect")

// sayable fits d to the connection: without properties if the server would
// refuse their size.
func (c *Client) sayable(d *mqttwire.Disconnect) (*mqttwire.Disconnect, error) {
	if d == nil {
		d = new(mqttwire.Disconnect)
	}
	g := c.Grants()
	if g.Version != mqttwire.V5 {
		return new(mqttwire.Disconnect), nil
	}
	asked, _ := c.connect.Properties.Number(mqttwire.SessionExpiryInterval)
	if n, _ := d.Properties.Number(mqttwire.SessionExpiryInterval); n > 0 && asked == 0 {
		return nil, &mqttwire.Error{Reason: mqttwire.ProtocolError, Clause: "3.14.2.2.2", Detail: "DISCONNECT with a session expiry where CONNECT had none"}
	}
	b, err := d.Append(nil, g.Version)
	if err != nil {
		return nil, err
	}
	if g.allowsSize("disconnect", "", len(b)) != nil {
		return &mqttwire.Disconnect{Reason: d.Reason}, nil
	}
	return d, nil
}

// awaitDelivery gives a running OnMessage a second to end and be acknowledged.
func (c *Client) awaitDelivery(ctx context.Context) {
	if !c.delivering.Load() {
		return
	}
	timer := time.NewTimer(closeWait)
	defer timer.Stop()
	select {
	case <-c.delivered:
	case <-timer.C:
	case <-c.done:
	case <-ctx.Done():
	}
}

// bye says DISCONNECT and lets the reader read on until the server closes, for
// a second at most.
func (l *link) bye(ctx context.Context, d *mqttwire.Disconnect) error {
	stop := context.AfterFunc(ctx, func() { l.conn.Close() })
	defer stop()
	err := l.conn.farewell(d)
	timer := time.NewTimer(closeWait)
	defer timer.Stop()
	select {
	case <-l.gone:
	case <-timer.C:
	case <-ctx.Done():
	}
	l.conn.Close()
	return err
}

// EndSession is Disconnect, with the properties, that also ends the session on
// the server: on 5.0 by Session Expiry Interval 0, on 3.x by connecting once more
// with Clean Session.
func (c *Client) EndSession(ctx context.Context, properties mqttwire.Properties) error {
	g := c.Grants()
	if g.Version == mqttwire.V5 && g.SessionExpiry > 0 {
		properties = properties.AppendWithout(nil, mqttwire.SessionExpiryInterval).AddNumber(mqttwire.SessionExpiryInterval, 0)
		return c.Disconnect(ctx, &mqttwire.Disconnect{Properties: properties})
	}
	err := c.Disconnect(ctx, &mqttwire.Disconnect{Properties: properties})
	if err != nil && !errors.Is(err, errUnread) || g.SessionExpiry == 0 {
		return err
	}
	timed, cancel := context.WithTimeout(ctx, c.o.ConnectTimeout)
	defer cancel()
	nc, err := c.dial(timed)
	if err != nil {
		return err
	}
	connect := c.connect
	connect.CleanStart, connect.Will, connect.Properties = true, nil, nil
	conn := NewConn(nc, c.manners())
	if _, err := conn.Handshake(timed, &connect); err != nil {
		return err
	}
	return conn.Disconnect(nil)
}

// Close ends at once, without DISCONNECT: the server sends the Will.
func (c *Client) Close() error {
	c.closing.Store(true)
	c.end()
	c.mu.Lock()
	if c.link != nil {
		c.link.conn.Close()
	}
	c.changed()
	c.makeRoom()
	c.mu.Unlock()
	<-c.finished
	return nil
}
