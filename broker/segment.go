package broker

import (
	"sync"
	"sync/atomic"

	"mqtk/mqttwire"
)

// A segment is the acknowledgements of one read batch, already encoded. It
// leaves when the store says that what they acknowledge is durable and when no
// receiver under pressure is waited for. Segments of a connection leave in
// order, and only on the connection they belong to.
type segment struct {
	c       *Conn
	next    *segment // in the ring of those that wait
	bytes   []byte
	packets int
	settled int // QoS 1 and 2 exchanges of the client that end with these bytes
	waits   atomic.Int32
	failed  atomic.Bool
	then    []func() // runs once the bytes are in the outbox
	durable func(error)
}

// spares are segments to be used again: a few for all connections, since an idle
// one shall have none. Rejected: a sync.Pool, which allocates while it grows.
type spares struct {
	sync.Mutex
	first *segment
	count int
}

const mostSpares = 64

func (p *spares) take() *segment {
	p.Lock()
	defer p.Unlock()
	s := p.first
	if s == nil {
		s = &segment{}
		s.durable = s.isDurable
		return s
	}
	p.first, s.next = s.next, nil
	p.count--
	return s
}

func (p *spares) give(s *segment) {
	p.Lock()
	defer p.Unlock()
	if p.count < mostSpares {
		s.next, p.first = p.first, s
		p.count++
	}
}

// segment returns the open one.
func (c *Conn) segment() *segment {
	if c.open == nil {
		c.open = c.b.segments.take()
		c.open.c = c
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
	c.await(s)
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

// await puts s behind the segments that wait. out.mu is held.
func (c *Conn) await(s *segment) {
	s.next = s
	if last := c.segments; last != nil {
		s.next, last.next = last.next, s
	}
	c.segments = s
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
	for !failed && c.segments != nil && c.segments.next.waits.Load() == 0 {
		s := c.segments.next
		if c.segments.next = s.next; c.segments == s {
			c.segments = nil
		}
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
			s.c, s.next, s.bytes, s.packets, s.settled, s.then = nil, nil, s.bytes[:0], 0, 0, nil
			c.b.segments.give(s)
		}
	}
	resume := c.out.stalled && (c.segments == nil || int(c.inbound.Load()) < c.terms.limits.ReceiveMaximum)
	if resume {
		c.out.stalled = false
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
