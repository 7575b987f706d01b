package capture

import (
	"time"
)

// settle tells what can be told of a connection, and gives up what was missed
// for too long, or, at once, all that is missing.
func (a *Assembler) settle(c *conversation, now time.Time, atOnce bool) {
	if c.told.ignored {
		a.forget(c)
	}
	for {
		if a.deliver(c) {
			a.unwait(c)
		}
		h, ok := c.hole()
		if !ok {
			a.unwait(c)
			return
		}
		if !atOnce && !a.isFull(c) && !a.hasWaited(c, h, now) {
			return
		}
		a.giveUp(c, h, now)
	}
}

// deliver tells all that is in order and not ahead of what it answers to, in
// the order of the capture. It says whether there was any.
func (a *Assembler) deliver(c *conversation) (any bool) {
	for {
		from := c.ready()
		if from < 0 {
			return any
		}
		any = true
		a.tell(c, from)
	}
}

// ready is the side whose turn it is, -1 if it is neither's.
func (c *conversation) ready() int {
	inOrder := func(i int) bool {
		s := &c.sides[i]
		return s.known && len(s.held) > 0 && after(s.held[0].seq, s.next) <= 0
	}
	isAnswer := func(i int) bool { // to bytes that were not told yet
		g, other := &c.sides[i].held[0], &c.sides[1-i]
		return g.flags&flagACK != 0 && other.ahead() > 0 && after(g.ack, other.next) > 0
	}
	x, y := inOrder(client), inOrder(server)
	later := server
	if x && y && c.sides[client].held[0].frame > c.sides[server].held[0].frame {
		later = client
	}
	switch {
	case x && y && isAnswer(client) && isAnswer(server):
		return later // was sent again, with a newer acknowledgement than at first
	case x && y && !isAnswer(client) && !isAnswer(server):
		return 1 - later
	case x && !isAnswer(client):
		return client
	case y && !isAnswer(server):
		return server
	}
	return -1
}

// tell tells the first held segment of a side, which is in order.
func (a *Assembler) tell(c *conversation, from int) {
	s := &c.sides[from]
	g := a.release(s)
	old := max(after(s.next, g.seq), 0)
	if old > g.length || s.reset {
		return
	}
	g.trim(old)
	if g.frame < s.frame { // that frame brought what this one lacked
		g.frame, g.at = s.frame, s.at
	}
	s.frame, s.at, s.told = g.frame, g.at, true
	s.next = g.end()
	e := Event{FromServer: from == server, At: g.at, Frame: g.frame}
	if !s.closed && len(g.data) > 0 {
		a.through(c, e, g.data)
	}
	if cut := g.length - len(g.data); cut > 0 && !s.closed {
		a.miss(c, e, cut)
	}
	if g.flags&flagFIN != 0 && !s.closed {
		s.next++ // a FIN counts as a byte
		a.close(c, s, e)
	}
	if g.flags&flagRST != 0 && !(s.closed && c.sides[1-from].closed) {
		s.reset = true
		e.Kind = Reset
		a.emit(c, e)
	}
}

func (a *Assembler) close(c *conversation, s *side, e Event) {
	s.closed = true
	e.Kind = Closed
	a.emit(c, e)
}

// A hole is what one side sent and the capture does not hold.
type hole struct {
	from  int
	size  int  // of what is missing before the next that is here; 0: before the beginning
	acked bool // the other side has it
}

// hole returns the hole that the rest waits for, if any does.
func (c *conversation) hole() (h hole, ok bool) {
	if !c.begun {
		return hole{}, len(c.sides[client].held)+len(c.sides[server].held) > 0
	}
	for from := range c.sides {
		s := &c.sides[from]
		ahead := s.ahead()
		size := ahead
		if s.known && len(s.held) > 0 {
			size = max(after(s.held[0].seq, s.next), 0)
		}
		if this := (hole{from, size, ahead > 0}); size > 0 && (!ok || this.acked && !h.acked) {
			h, ok = this, true
		}
	}
	return h, ok
}

// hasWaited says whether a hole has been there for long enough, and else counts
// the connection among those that wait.
func (a *Assembler) hasWaited(c *conversation, h hole, now time.Time) bool {
	patience := lostWait
	if h.acked || !c.begun || c.sides[client].over || c.sides[server].over {
		patience = acknowledgedWait
	}
	switch {
	case c.waits == 0:
		a.waiting = append(a.waiting, c)
		c.waits, c.since = len(a.waiting), c.knownSince(h, now)
	case h.acked && !c.acked:
		c.since = now
	}
	c.acked = h.acked
	return now.Sub(c.since) >= patience
}

// knownSince is when a hole came to be known, which may be long before those
// before it were given up.
func (c *conversation) knownSince(h hole, now time.Time) time.Time {
	switch s := &c.sides[h.from]; {
	case !c.begun:
		return now
	case len(s.held) > 0:
		return s.held[0].at
	default:
		return s.ackedAt
	}
}

func (a *Assembler) unwait(c *conversation) {
	if i := c.waits - 1; i >= 0 {
		last := a.waiting[len(a.waiting)-1]
		a.waiting[i], last.waits = last, i+1
		a.waiting = a.waiting[:len(a.waiting)-1]
		c.waits, c.acked = 0, false
	}
}

// isFull says whether no more may be held of a connection.
func (a *Assembler) isFull(c *conversation) bool {
	segments := 0
	for i := range c.sides {
		s := &c.sides[i]
		if s.bytes > maxHeld || len(s.held) > maxSegments || s.bytes > 0 && a.held > a.options.Memory {
			return true
		}
		segments += len(s.held)
	}
	return !c.begun && segments >= midwaySegments
}

// giveUp goes on after a hole.
func (a *Assembler) giveUp(c *conversation, h hole, now time.Time) {
	if !c.begun {
		c.begun = true
		for i := range c.sides {
			s := &c.sides[i]
			if len(s.held) > 0 && (!s.located || after(s.held[0].seq, s.next) <= 1) {
				s.located, s.next = true, s.held[0].seq
			}
			s.known = s.located
		}
		return
	}
	s := &c.sides[h.from]
	e := Event{FromServer: h.from == server, At: s.ackedAt, Frame: s.ackedFrame}
	if len(s.held) > 0 {
		e.At, e.Frame = s.held[0].at, s.held[0].frame
	}
	s.frame = 0 // nothing was completed
	if h.size == 1 && len(s.held) == 0 && !s.closed {
		s.next++
		a.close(c, s, e) // what is acknowledged beyond the last byte is a FIN
		return
	}
	s.next += uint32(h.size)
	a.miss(c, e, h.size)
}

// release takes the first held segment of a side.
func (a *Assembler) release(s *side) segment {
	g := s.held[0]
	s.held[0] = segment{}
	s.held = s.held[1:]
	if len(s.held) == 0 {
		s.held = nil
	}
	s.bytes -= len(g.data) + segmentCost
	a.held -= len(g.data) + segmentCost
	return g
}

// forget lets go of what is held of both sides.
func (a *Assembler) forget(c *conversation) {
	for i := range c.sides {
		for s := &c.sides[i]; len(s.held) > 0; {
			a.release(s)
		}
	}
	a.leave(c)
}
