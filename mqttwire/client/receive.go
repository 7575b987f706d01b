package client

import (
	"errors"

	"mqtk/mqttwire"
)

// idSet is a set of packet ids.
type idSet struct {
	bits []uint64
	n    int
}

func (s *idSet) has(id mqttwire.PacketID) bool {
	return s.bits != nil && s.bits[id>>6]>>(id&63)&1 != 0
}

func (s *idSet) add(id mqttwire.PacketID) {
	if s.bits == nil {
		s.bits = make([]uint64, 1<<16>>6)
	}
	if !s.has(id) {
		s.bits[id>>6] |= 1 << (id & 63)
		s.n++
	}
}

// remove reports whether id was in the set.
func (s *idSet) remove(id mqttwire.PacketID) bool {
	if !s.has(id) {
		return false
	}
	s.bits[id>>6] &^= 1 << (id & 63)
	s.n--
	return true
}

// receive acts on one packet of the server.
func (c *Client) receive(l *link, p mqttwire.Packet) error {
	switch p := p.(type) {
	case *mqttwire.Publish:
		return c.arrived(l, p)
	case *mqttwire.Ack:
		if p.Kind == mqttwire.PUBREL {
			return c.released(l, p.PacketID)
		}
		return c.acknowledged(l, p)
	case *mqttwire.Suback:
		return c.answered(mqttwire.SUBACK, p.PacketID, p.Reasons)
	case *mqttwire.Unsuback:
		return c.answered(mqttwire.UNSUBACK, p.PacketID, p.Reasons)
	case *mqttwire.Pingresp:
		l.pong()
		return nil
	case *mqttwire.Disconnect:
		text, _ := p.Properties.Text(mqttwire.ReasonString)
		reference, _ := p.Properties.Text(mqttwire.ServerReference)
		return &DisconnectedError{Reason: p.Reason, ReasonString: clone(text), ServerReference: clone(reference)}
	case *mqttwire.Auth:
		return c.challenged(l, p)
	}
	return violation(mqttwire.ProtocolError, l.conn.clause("3.2", "3.2"), "%v on a connection that stands", p.Type())
}

// arrived takes a PUBLISH: it is delivered, then acknowledged, so that what the
// program could not take is not lost.
func (c *Client) arrived(l *link, p *mqttwire.Publish) error {
	if err := l.resolve(p); err != nil {
		return err
	}
	if err := l.settle(p); err != nil {
		return err
	}
	if c.stopped {
		return nil
	}
	c.delivering.Store(true)
	if c.closing.Load() {
		return l.drain()
	}
	repeat := p.QoS == 2 && c.held.has(p.PacketID)
	if c.o.Hooks.OnMessage != nil && !repeat {
		l.delivered = true
		id, q := p.PacketID, p.QoS
		err := c.o.Hooks.OnMessage(p)
		p.PacketID, p.QoS = id, q // whatever the program did to its view
		switch {
		case errors.Is(err, ErrStop):
			c.stopped = true
		case errors.Is(err, ErrLeave):
			c.stopped = true
			return l.drain()
		case err != nil:
			_ = l.drain() // those before it were taken, unless that fails, too
			return &hookError{err}
		}
	}
	l.useful = l.useful || p.QoS > 0
	switch p.QoS {
	case 1:
		return l.acknowledge(answer{kind: mqttwire.PUBACK, id: p.PacketID, settles: true})
	case 2:
		c.held.add(p.PacketID)
		return l.acknowledge(answer{kind: mqttwire.PUBREC, id: p.PacketID})
	}
	return nil
}

func (c *Client) deliveryEnded() {
	c.delivering.Store(false)
	if c.closing.Load() {
		select {
		case c.delivered <- struct{}{}:
		default:
		}
	}
}

// settle holds the server to our Receive Maximum: it counts what was not
// answered on this connection, and answers that are not sent are none.
func (l *link) settle(p *mqttwire.Publish) error {
	if p.QoS == 0 || l.g.Version != mqttwire.V5 {
		return nil
	}
	if p.QoS == 2 && l.unsettled.has(p.PacketID) {
		return nil
	}
	if _, answers, _ := l.conn.pending(); l.unsettled.n+answers+l.settling >= l.receive {
		return violation(mqttwire.ReceiveMaximumExceeded, "MQTT-3.3.4-9", "PUBLISH with %d others not acknowledged and a Receive Maximum of %d", l.unsettled.n+answers+l.settling, l.receive)
	}
	if p.QoS == 2 {
		l.unsettled.add(p.PacketID)
	}
	return nil
}

// released takes a PUBREL.
func (c *Client) released(l *link, id mqttwire.PacketID) error {
	reason := mqttwire.Success
	if !c.held.remove(id) && l.g.Version == mqttwire.V5 {
		reason = mqttwire.PacketIdentifierNotFound
	}
	return l.acknowledge(answer{kind: mqttwire.PUBCOMP, id: id, reason: reason, settles: l.unsettled.remove(id)})
}

// challenged takes an AUTH, which only a re-authentication under way explains.
func (c *Client) challenged(l *link, p *mqttwire.Auth) error {
	c.mu.Lock()
	r := c.reauth
	c.mu.Unlock()
	if r == nil {
		return violation(mqttwire.ProtocolError, "4.12", "AUTH that nobody asked for")
	}
	if p.Reason == mqttwire.ContinueAuthentication {
		err := l.conn.continueAuth(p, c.auth)
		c.mu.Lock()
		defer c.mu.Unlock()
		l.dirty = true
		return err
	}
	if method, _ := p.Properties.Text(mqttwire.AuthenticationMethod); method != c.auth.Method() {
		return violation(mqttwire.ProtocolError, "MQTT-4.12.0-5", "AUTH with the method %q instead of %q", method, c.auth.Method())
	}
	if err := c.auth.finish(p.Properties); err != nil {
		return err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.reauth = nil
	r.answer(nil, nil)
	return nil
}
