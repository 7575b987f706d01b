package broker

import (
	"slices"

	"mqtk/mqttwire"
)

// handleAck takes the four acknowledgements of the QoS 1 and 2 exchanges.
func (c *Conn) handleAck(batch *Batch, p *mqttwire.Ack) {
	if p.Kind == mqttwire.PUBREL {
		c.handlePubrel(batch, p)
		return
	}
	batch.acks = append(batch.acks[:0], ack{p.Kind, p.Reason, p.PacketID})
	c.handleAcks(batch)
}

// ack is what counts of an acknowledgement.
type ack struct {
	kind   mqttwire.PacketType
	reason mqttwire.ReasonCode
	id     mqttwire.PacketID
}

// ackRun is how many acknowledgements are taken under one hold of the session's
// locks.
const ackRun = 64

// handleBareAcks takes the acknowledgements at the front of in that are nothing
// but an id, up to ackRun, and says how many there were. That is what receivers
// send all day: it saves each the decoder, the locks and a look at the queue.
func (c *Conn) handleBareAcks(batch *Batch, in []byte) (packets int) {
	batch.acks = batch.acks[:0]
	for len(in) >= bareAck && in[1] == bareAck-2 && len(batch.acks) < ackRun {
		kind, id := mqttwire.PacketType(in[0]>>4), mqttwire.PacketID(in[2])<<8|mqttwire.PacketID(in[3])
		if in[0]&15 != 0 || id == 0 || kind != mqttwire.PUBACK && kind != mqttwire.PUBREC && kind != mqttwire.PUBCOMP {
			break
		}
		batch.acks = append(batch.acks, ack{kind: kind, id: id})
		in = in[bareAck:]
	}
	if len(batch.acks) > 0 {
		c.handleAcks(batch)
	}
	return len(batch.acks)
}

// bareAck is how many bytes such an acknowledgement has.
const bareAck = 4

// handleAcks takes what is in batch.acks.
func (c *Conn) handleAcks(batch *Batch) {
	violation, err := c.session.take(batch, c)
	switch {
	case violation != "":
		c.fail(batch, mqttwire.ProtocolError, violation)
	case err == nil:
	case slices.ContainsFunc(batch.acks, func(a ack) bool { return a.kind == mqttwire.PUBREC }):
		c.open = nil // no PUBREL: the state it stands for is not kept
		c.end(mqttwire.QuotaExceeded, "the store has no room")
	default: // its loss is one PUBLISH or PUBREL more
		c.b.log.Error("the store did not take what happened", "error", err)
	}
}

// take is advance, and lets the Store have what comes of it.
func (s *Session) take(batch *Batch, c *Conn) (violation string, err error) {
	if !s.b.keeps {
		return s.advance(batch, c), nil
	}
	s.handling.Lock()
	defer s.handling.Unlock()
	violation = s.advance(batch, c)
	return violation, batch.append()
}

// advance is acknowledge for each of batch.acks, and sends what they make room
// for.
func (s *Session) advance(batch *Batch, c *Conn) (violation string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.live() != c {
		return ""
	}
	for _, a := range batch.acks {
		if violation = s.acknowledge(batch, c, a); violation != "" {
			return violation
		}
	}
	if s.owes() {
		s.pump(batch, c)
	}
	return ""
}

// acknowledge moves one exchange of the window on. It returns what is wrong
// with the acknowledgement, empty for nothing. mu is held.
func (s *Session) acknowledge(batch *Batch, c *Conn, a ack) (violation string) {
	var f *flight
	if s.traffic != nil {
		f = s.window.find(a.id)
	}
	if f == nil {
		// It may belong to a session that is no more.
		if a.kind == mqttwire.PUBREC && a.reason < 0x80 {
			c.replyAck(mqttwire.PUBREL, a.id, mqttwire.PacketIdentifierNotFound)
		}
		return ""
	}
	switch {
	case a.kind == mqttwire.PUBACK && f.state == wantPuback,
		a.kind == mqttwire.PUBREC && f.state == wantPubrec && a.reason >= 0x80,
		a.kind == mqttwire.PUBCOMP && f.state == wantPubcomp:
		s.settle(batch, c, f)
	case a.kind == mqttwire.PUBREC && f.state == wantPubrec:
		c.progress(f.message.size())
		s.unpublish(batch, f)
		c.replyAck(mqttwire.PUBREL, a.id, mqttwire.Success)
	case a.kind == mqttwire.PUBREC && f.state == wantPubcomp:
		c.replyAck(mqttwire.PUBREL, a.id, mqttwire.Success)
	default:
		return a.kind.String() + " for an exchange that wants another acknowledgement"
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
