package broker

import "mqtk/mqttwire"

// handleAck takes the four acknowledgements of the QoS 1 and 2 exchanges.
func (c *Conn) handleAck(batch *Batch, p *mqttwire.Ack) {
	if p.Kind == mqttwire.PUBREL {
		c.handlePubrel(batch, p)
		return
	}
	s := c.session
	violation := s.advance(batch, c, p)
	if violation != "" {
		c.fail(batch, mqttwire.ProtocolError, violation)
		return
	}
	if p.Kind != mqttwire.PUBREC {
		batch.appendOrLog() // its loss is one PUBLISH or PUBREL more
	} else if batch.append() != nil {
		c.open = nil // no PUBREL: the state it stands for is not kept
		c.end(mqttwire.QuotaExceeded, "the store has no room")
	}
}

// advance is acknowledge, and sends what it makes room for.
func (s *Session) advance(batch *Batch, c *Conn, p *mqttwire.Ack) (violation string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.conn.Load() != c {
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
	f := s.window.find(p.PacketID)
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
	s := c.session
	s.mu.Lock()
	epoch, held := s.held[p.PacketID]
	mine := s.owner == c
	if held && mine {
		delete(s.held, p.PacketID)
		if s.persistent() {
			forgotten := s.change(EventForgotten)
			forgotten.PacketID = p.PacketID
			batch.events = append(batch.events, forgotten)
		}
	}
	counted := held && epoch == s.epoch
	s.mu.Unlock()
	if !mine {
		return
	}
	reason := mqttwire.Success
	if !held {
		reason = mqttwire.PacketIdentifierNotFound
	}
	if err := batch.append(); err != nil {
		s.mu.Lock()
		if held && s.owner == c {
			s.held[p.PacketID] = epoch
		}
		s.mu.Unlock()
		c.fail(batch, mqttwire.QuotaExceeded, "the store has no room")
		return
	}
	c.replyAck(mqttwire.PUBCOMP, p.PacketID, reason)
	if counted {
		c.segment().settled++
	}
}
