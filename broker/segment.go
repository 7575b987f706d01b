package broker

import (
	"sync/atomic"

	"mqtk/mqttwire"
)

// A segment is the acknowledgements of one read batch, already encoded. It
// leaves when the store says that what they acknowledge is durable and when no
// receiver under pressure is waited for. Segments of a connection leave in
// order, and only on the connection they belong to.
type segment struct {
	c       *Conn
	bytes   []byte
	packets int
	settled int // QoS 1 and 2 exchanges of the client that end with these bytes
	waits   atomic.Int32
	failed  atomic.Bool
	then    []func() // runs once the bytes are in the outbox
	durable func(error)
}

// segment returns the open one.
func (c *Conn) segment() *segment {
	if c.open == nil {
		c.out.mu.Lock()
		c.open, c.spare = c.spare, nil
		c.out.mu.Unlock()
		if c.open == nil {
			c.open = &segment{c: c}
			c.open.durable = c.open.isDurable
		}
	}
	return c.open
}

// reply adds an answer to the batch.
func (c *Conn) reply(p mqttwire.Packet) {
	s := c.segment()
	before := len(s.bytes)
	s.bytes = c.encode(s.bytes, p)
	c.replied(s, before)
}

// replyAck is reply for the bare acknowledgements, without allocation.
func (c *Conn) replyAck(kind mqttwire.PacketType, id mqttwire.PacketID, reason mqttwire.ReasonCode) {
	s := c.segment()
	before := len(s.bytes)
	p := mqttwire.Ack{Kind: kind, PacketID: id, Reason: reason}
	if out, err := p.Append(s.bytes, c.version); err == nil && !c.oversize(len(out)-before) {
		s.bytes = out
	}
	c.replied(s, before)
}

// replied counts an answer. A client that allows too small packets for it would
// wait for ever, so the connection ends.
func (c *Conn) replied(s *segment, before int) {
	if len(s.bytes) == before {
		c.end(mqttwire.PacketTooLarge, "the answer is above the client's maximum packet size")
		return
	}
	s.packets++
}

// commit closes the batch's segment and asks the store to say when it may go. An
// answer to a session that ends with its connection waits for no disk, unless
// the batch has given the store something: it repeats nothing that an earlier
// connection was told.
func (c *Conn) commit(batch *Batch) {
	s := c.open
	if s == nil {
		return
	}
	c.open = nil
	s.waits.Add(1)
	c.out.mu.Lock()
	c.segments = append(c.segments, s)
	c.out.mu.Unlock()
	if !c.b.keeps || !batch.appended && !c.session.persistent() {
		s.isDurable(nil)
		return
	}
	batch.appended = false
	if err := c.b.store.Append(nil, s.durable); err != nil {
		s.isDurable(err)
	}
}

// isDurable is the store's answer.
func (s *segment) isDurable(err error) {
	if err != nil {
		s.failed.Store(true)
	}
	s.released()
}

// released ends one wait. The last one lets the connection's finished segments go.
func (s *segment) released() {
	c := s.c // s may be reused as soon as the count is 0
	if s.waits.Add(-1) == 0 {
		c.letGo()
	}
}

// letGo moves finished segments into the outbox, in order.
func (c *Conn) letGo() {
	var then []func()
	failed := false
	c.out.mu.Lock()
	for !failed && len(c.segments) > 0 && c.segments[0].waits.Load() == 0 {
		s := c.segments[0]
		n := copy(c.segments, c.segments[1:])
		c.segments[n] = nil
		c.segments = c.segments[:n]
		if failed = s.failed.Load(); failed {
			c.out.closed = true // neither yes nor no: nobody knows what is on disk
			break
		}
		then = append(then, s.then...)
		if len(s.bytes) > 0 && !c.out.closed {
			c.putBytes(s.bytes)
			c.b.metrics.sent(s.packets, len(s.bytes))
		}
		c.inbound.Add(int32(-s.settled))
		if cap(s.bytes) <= 4096 {
			s.bytes, s.packets, s.settled, s.then = s.bytes[:0], 0, 0, nil
			c.spare = s
		}
	}
	resume := c.stalled && (len(c.segments) == 0 || int(c.inbound.Load()) < c.b.limits.ReceiveMaximum)
	if resume {
		c.stalled = false
	}
	c.out.mu.Unlock()
	if resume {
		c.released()
	}
	if failed {
		c.kick(mqttwire.ImplementationSpecificError, "the store failed")
		return
	}
	for _, f := range then {
		f()
	}
	c.link.Flush()
}
