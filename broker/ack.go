package broker

import "mqtk/mqttwire"

// handleAck takes the four acknowledgements of the QoS 1 and 2 exchanges.
func (c *Conn) handleAck(batch *Batch, p *mqttwire.Ack) {
	if p.Kind == mqttwire.PUBREL {
		c.handlePubrel(batch, p)
		return
	}
	violation, err := c.session.take(batch, c, p)
	switch {
	case violation != "":
		c.fail(batch, mqttwire.ProtocolError, violation)
	case err == nil:
	case p.Kind == mqttwire.PUBREC:
		c.open = nil // no PUBREL: the state it stands for is not kept
		c.end(mqttwire.QuotaExceeded, "the store has no room")
	default: // its loss is one PUBLISH or PUBREL more
		c.b.log.Error("the store did not take what happened", "error", err)
	}
}

// take is advance, and lets the Store have what comes of it.
func (s *Session) take(batch *Batch, c *Conn, p *mqttwire.Ack) (violation string, err error) {
	s.handling.Lock()
	defer s.handling.Unlock()
	if violation = s.advance(batch, c, p); violation == "" {
		err = batch.append()
	}
	return violation, err
}

// advance is acknowledge, and sends what it makes room for.
func (s *Session) advance(batch *Batch, c *Conn, p *mqttwire.Ack) (violation string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.live() != c {
		return ""
	}
	violation = s.acknowledge(batch, c, p)
	if violation == "" && s.owes() {
		s.pump(batch, c)
	}
	return violation
}

// acknowledge moves one exchange of the window on. It returns what is wrong
// with the acknowledgement, empty for nothing. mu is held.
func (s *Session) acknowledge(batch *Batch, c *Conn, p *mqttwire.Ack) (violation string) {
	var f *flight
	if s.traffic != nil {
		f = s.window.find(p.PacketID)
	}
	if f == nil {
		// It may belong to a session that is no more.
		if p.Kind == mqttwire.PUBREC && p.Reason < 0x80 {
			c.replyAck(mqttwire.PUBREL, p.PacketID, mqttwire.PacketIdentifierNotFound)
		}
		return ""
	}
	switch {
	case p.Kind == mqttwire.PUBACK && f.state == wantPuback,
		p.Kind == mqttwire.PUBREC && f.state == wantPubrec && p.Reason >= 0x80,
		p.Kind == mqttwire.PUBCOMP && f.state == wantPubcomp:
		s.settle(batch, c, f)
	case p.Kind == mqttwire.PUBREC && f.state == wantPubrec:
		c.progress(f.message.size())
		s.unpublish(batch, f)
		c.replyAck(mqttwire.PUBREL, p.PacketID, mqttwire.Success)
	case p.Kind == mqttwire.PUBREC && f.state == wantPubcomp:
		c.replyAck(mqttwire.PUBREL, p.PacketID, mqttwire.Success)
	default:
		return p.Kind.String() + " for an exchange that wants another acknowledgement"
	}
	return ""
}

// settle closes an exchange that the client has acknowledged for good.
func (s *Session) settle(batch *Batch, c *Conn, f *flight) {
	if f.message != nil {
		c.progress(f.message.size())
	}
	if f.recorded {
		batch.events = append(batch.events, s.event(EventDequeue, f.sequence))
	}
	s.window.finish(f)
}

// handlePubrel ends an inbound QoS 2 exchange: the id is forgotten, on disk
// first, and only then confirmed.
func (c *Conn) handlePubrel(batch *Batch, p *mqttwire.Ack) {
	held, counted, mine, err := c.session.forget(batch, c, p.PacketID)
	switch {
	case !mine:
	case err != nil:
		c.fail(batch, mqttwire.QuotaExceeded, "the store has no room")
	case !held:
		c.replyAck(mqttwire.PUBCOMP, p.PacketID, mqttwire.PacketIdentifierNotFound)
	default:
		c.replyAck(mqttwire.PUBCOMP, p.PacketID, mqttwire.Success)
		if counted {
			c.segment().settled++
		}
	}
}

// forget ends the holding of an id, and lets the Store know. counted: the id
// counts against this connection's quota.
func (s *Session) forget(batch *Batch, c *Conn, id mqttwire.PacketID) (held, counted, mine bool, err error) {
	s.handling.Lock()
	defer s.handling.Unlock()
	epoch, held, counted, mine := s.unhold(batch, c, id)
	if err = batch.append(); err != nil && held && mine {
		s.mu.Lock()
		defer s.mu.Unlock()
		if s.owner.Load() == c {
			s.needTraffic()
			s.held.set(id, epoch)
		}
	}
	return held, counted, mine, err
}

// unhold is hold's opposite. mine: the connection has the session.
func (s *Session) unhold(batch *Batch, c *Conn, id mqttwire.PacketID) (epoch uint32, held, counted, mine bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	epoch, held = s.holds(id)
	mine = s.owner.Load() == c
	if held && mine {
		s.held.drop(id)
		if s.persistent() {
			forgotten := s.change(EventForgotten)
			forgotten.PacketID = id
			batch.events = append(batch.events, forgotten)
		}
	}
	return epoch, held, held && epoch == s.epoch, mine
}
