package client

import (
	"bytes"
	"context"
	"slices"
	"time"

	"mqtk/mqttwire"
)

// request is a SUBSCRIBE, UNSUBSCRIBE or re-authentication that waits for its
// answer. Guarded by Client.mu until ready is closed.
type request struct {
	subscriptions []mqttwire.Subscription
	filters       []string
	properties    mqttwire.Properties
	anew          bool // after a lost session: nobody waits, but a refusal counts
	given         bool // up by the caller
	sent          time.Time
	reasons       []mqttwire.ReasonCode
	err           error
	ready         chan struct{}
}

func newRequest(r request) *request {
	r.ready = make(chan struct{})
	return &r
}

func (r *request) answer(reasons []mqttwire.ReasonCode, err error) {
	r.reasons, r.err = reasons, err
	close(r.ready)
}

// packet is the request as a packet.
func (r *request) packet(id mqttwire.PacketID) mqttwire.Packet {
	if r.subscriptions != nil {
		return &mqttwire.Subscribe{PacketID: id, Properties: r.properties, Subscriptions: r.subscriptions}
	}
	return &mqttwire.Unsubscribe{PacketID: id, Properties: r.properties, Filters: r.filters}
}

// subscribed is a subscription that the server granted.
type subscribed struct {
	mqttwire.Subscription
	properties mqttwire.Properties
}

// Subscribe sends one SUBSCRIBE and returns the SUBACK's reasons, one for each
// subscription; those of 0x80 and above are refusals, and looking at them is
// the caller's. Filters granted are subscribed anew when the session is lost.
// properties may hold a Subscription Identifier and User Properties.
func (c *Client) Subscribe(ctx context.Context, subscriptions []mqttwire.Subscription, properties mqttwire.Properties) ([]mqttwire.ReasonCode, error) {
	_, identified := properties.Number(mqttwire.SubscriptionIdentifier)
	r := newRequest(request{subscriptions: slices.Clone(subscriptions), properties: slices.Clone(properties)})
	if r.subscriptions == nil {
		r.subscriptions = []mqttwire.Subscription{} // refused by Append
	}
	return c.ask(ctx, r, mqttwire.SUBACK, func(g *Grants) error {
		for _, s := range subscriptions {
			if err := g.allowsFilter(s.Filter, identified); err != nil {
				return err
			}
		}
		return nil
	})
}

// Unsubscribe sends one UNSUBSCRIBE and returns the UNSUBACK's reasons; 3.x
// has none and Success stands in for them.
func (c *Client) Unsubscribe(ctx context.Context, filters []string, properties mqttwire.Properties) ([]mqttwire.ReasonCode, error) {
	r := newRequest(request{filters: slices.Clone(filters), properties: slices.Clone(properties)})
	return c.ask(ctx, r, mqttwire.UNSUBACK, func(*Grants) error { return nil })
}

// ask sends a request once there is a connection and waits for the answer.
func (c *Client) ask(ctx context.Context, r *request, t mqttwire.PacketType, allowed func(*Grants) error) ([]mqttwire.ReasonCode, error) {
	c.mu.Lock()
	err := c.until(ctx, func() bool { return c.link != nil })
	if err == nil {
		if err = allowed(c.link.g); err == nil {
			err = c.request(r, waits(t))
		}
	}
	c.mu.Unlock()
	if err != nil {
		return nil, err
	}
	if err := c.answer(ctx, r, t); err != nil {
		return nil, err
	}
	return r.reasons, r.err
}

// request gives r a packet id and sends it; c.mu is held.
func (c *Client) request(r *request, st state) error {
	l, s := c.link, c.out.next()
	if s == nil {
		return errNoID
	}
	packet, err := r.packet(s.id).Append(s.packet[:0], l.g.Version)
	if err != nil {
		return err
	}
	if err := l.g.allowsSize(r.packet(s.id).Type().String(), "", len(packet)); err != nil {
		return err
	}
	if err := l.conn.putBytes(packet); err == ErrClosed {
		return err
	} // else it is sent again on the next connection
	c.out.seq++
	s.state, s.seq, s.packet, s.request = st, c.out.seq, packet, r
	r.sent = time.Now()
	l.stir()
	return nil
}

// answer waits for r's answer; each connection that it is sent on has its own
// time.
func (c *Client) answer(ctx context.Context, r *request, t mqttwire.PacketType) (err error) {
	timer := time.NewTimer(c.o.ReplyTimeout)
	defer timer.Stop()
	for err == nil {
		select {
		case <-r.ready:
			return nil
		case <-c.done:
			err = c.Err()
		case <-ctx.Done():
			err = context.Cause(ctx)
		case now := <-timer.C:
			if left := c.timeLeft(r, now); left > 0 {
				timer.Reset(left)
			} else {
				err = &TimeoutError{Waiting: t.String(), After: c.o.ReplyTimeout}
			}
		}
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	r.given = true
	if c.reauth == r {
		c.reauth = nil
	}
	return err
}

// timeLeft is how much longer r may wait; offline, its time stands still.
func (c *Client) timeLeft(r *request, now time.Time) time.Duration {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.link == nil {
		return c.o.ReplyTimeout
	}
	return c.o.ReplyTimeout - now.Sub(r.sent)
}

// answered takes SUBACK and UNSUBACK.
func (c *Client) answered(t mqttwire.PacketType, id mqttwire.PacketID, reasons []mqttwire.ReasonCode) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	s := c.out.find(id)
	if s == nil || s.state != waits(t) {
		return violation(mqttwire.ProtocolError, "4.3", "%v for packet id %d, which does not wait for one", t, id)
	}
	r := s.request
	if t == mqttwire.UNSUBACK && c.link.g.Version != mqttwire.V5 {
		reasons = make([]mqttwire.ReasonCode, len(r.filters))
	}
	if want := max(len(r.subscriptions), len(r.filters)); len(reasons) != want {
		return violation(mqttwire.ProtocolError, c.link.conn.clause("MQTT-3.8.4-6", "MQTT-3.8.4-5"), "%v with %d reasons for %d filters", t, len(reasons), want)
	}
	c.out.release(s)
	refused := c.remember(r, reasons)
	r.answer(slices.Clone(reasons), nil)
	c.changed()
	if r.anew && refused != nil {
		return refused
	}
	return nil
}

// remember keeps what is subscribed, for the day the session is lost. It gives
// an error for the first filter that was refused.
func (c *Client) remember(r *request, reasons []mqttwire.ReasonCode) (refused error) {
	for _, filter := range r.filters {
		c.forget(filter)
	}
	for i, s := range r.subscriptions {
		at := slices.IndexFunc(c.filters, func(old subscribed) bool { return old.Filter == s.Filter })
		switch {
		case reasons[i] >= mqttwire.UnspecifiedError:
			if refused == nil {
				refused = &SubscribeError{Filter: s.Filter, Reason: reasons[i], Again: true}
			}
			c.forget(s.Filter)
		case at >= 0:
			c.filters[at] = subscribed{s, r.properties}
		default:
			c.filters = append(c.filters, subscribed{s, r.properties})
		}
	}
	return refused
}

func (c *Client) forget(filter string) {
	c.filters = slices.DeleteFunc(c.filters, func(s subscribed) bool { return s.Filter == filter })
}

// resubscribe asks anew for everything that was granted; c.mu is held. Filters
// that were asked for with the same properties share a packet.
func (c *Client) resubscribe() error {
	for rest := c.filters; len(rest) > 0; {
		n := 1
		for n < len(rest) && n < 64 && bytes.Equal(rest[n].properties, rest[0].properties) {
			n++
		}
		if err := c.askAnew(rest[:n]); err != nil {
			for _, one := range rest[:n] { // too large for one packet now
				if err := c.askAnew([]subscribed{one}); err != nil {
					return err
				}
			}
		}
		rest = rest[n:]
	}
	return nil
}

func (c *Client) askAnew(group []subscribed) error {
	r := newRequest(request{properties: group[0].properties, anew: true})
	for _, s := range group {
		r.subscriptions = append(r.subscriptions, s.Subscription)
	}
	if err := c.request(r, waitSuback); err != nil {
		return err
	}
	c.watch(r, c.link)
	return nil
}

// watch breaks a connection on which a request that nobody waits for has no
// answer in time.
func (c *Client) watch(r *request, l *link) {
	time.AfterFunc(c.o.ReplyTimeout, func() {
		select {
		case <-r.ready:
		case <-l.gone:
		default:
			l.fail(&TimeoutError{Waiting: mqttwire.SUBACK.String(), After: c.o.ReplyTimeout})
			l.conn.Close()
		}
	})
}
