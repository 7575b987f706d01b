package broker

import (
	"time"

	"mqtk/mqttwire"
)

// Back-pressure before loss. A connection is full when more than half of its
// outbox or of its session's queue is taken. While it is full and takes or
// acknowledges an eighth of its outbox limit in each half second, those who
// publish to it wait: a QoS 0 PUBLISH is left unread, the acknowledgement of
// QoS 1 and 2 is withheld. Below that pace it is slow: it falls to its queue
// policy and nobody waits for it until it has drained, or kept its pace for half
// a second: under a flood, one that hesitated once would never drain.
//
// What it has acknowledged beyond the pace speaks for it later: a client that has
// no processor for a while, or whose acknowledgements TCP sends again, says nothing
// for as long, and is no slow one. Bytes that a socket took speak for nobody.
const (
	paceInterval = 500 * time.Millisecond
	paceLooks    = 8             // in each interval
	mostTrust    = 3 * paceLooks // looks that pass without progress after an interval has
)

// outboxCeiling, in limits, is where a client that never reads what the broker
// answers is closed: acknowledgements obey no limit below it.
const outboxCeiling = 8

// pressed says whether the outbox or the queue asks for patience.
func (c *Conn) pressed() bool { return c.out.queueFull || c.out.pending > c.most()/2 }

// eased says whether it has drained enough to be fed again.
func (c *Conn) eased() bool { return !c.out.queueFull && c.out.pending <= c.most()/4 }

// pressing marks the connection full when it has become so. out.mu is held.
func (c *Conn) pressing() {
	o := &c.out
	if o.full.Load() || o.closed || !c.pressed() || c.slowReceiver() == "drop" {
		return
	}
	o.full.Store(true)
	if o.pressure == nil {
		o.pressure, _ = c.b.pressures.Get().(*pressure)
	}
	if o.pressure == nil {
		o.pressure = &pressure{}
	}
	o.slow, o.lulls, o.taken, o.acked = false, 0, 0, 0
	c.b.pressed.Add(1)
	c.b.deadlines.arm((*pacing)(c), time.Now().Add(paceInterval/paceLooks))
}

// turnsAtOnce is how many of those who wait may go on when there is room again,
// before there is more: with what they have read they fill it. All of them would
// find no room one after the other, and be woken for nothing.
const turnsAtOnce = 2

// easing unmarks it when it has drained, and returns who of those that wait is to
// go on. The rest goes when more has been written, at the latest when nothing is
// pending; until then the pace is watched for their sake. out.mu is held.
func (c *Conn) easing() []waiter {
	o := &c.out
	full := o.full.Load()
	if !full && o.waiting() == 0 || !c.eased() && !o.closed {
		return nil
	}
	if full {
		o.full.Store(false)
		o.slow = false
		c.b.pressed.Add(-1)
	}
	if o.pending > 0 && !o.closed && o.waiting() > turnsAtOnce {
		first := append([]waiter(nil), o.waiters[:turnsAtOnce]...)
		o.waiters = append(o.waiters[:0], o.waiters[turnsAtOnce:]...)
		return first
	}
	c.b.deadlines.disarm((*pacing)(c))
	waiters := c.takeWaiters()
	if o.pressure != nil {
		c.b.pressures.Put(o.pressure)
		o.pressure = nil
	}
	return waiters
}

func (c *Conn) takeWaiters() []waiter {
	if c.out.pressure == nil {
		return nil
	}
	w := c.out.waiters
	c.out.waiters = nil
	return w
}

func releaseAll(waiters []waiter) {
	for _, w := range waiters {
		w.released()
	}
}

// pacing is a full Conn as what is looked at eight times in each half second.
type pacing Conn

func (c *pacing) deadline() *deadline { return &c.out.pace }
func (c *pacing) fire(now time.Time)  { (*Conn)(c).measurePace(now) }

// measurePace looks whether a full connection keeps its pace. The half second
// counts from the last eighth that was taken: what the socket's own buffers take
// at the start shall not buy a receiver that has stopped another half second.
func (c *Conn) measurePace(now time.Time) {
	o := &c.out
	var waiters []waiter
	o.mu.Lock()
	if full := o.full.Load(); full || o.waiting() > 0 {
		next := paceInterval / paceLooks
		switch {
		case o.taken >= c.most()/8:
			if !o.slow {
				c.earn()
			}
			o.slow, o.lulls, o.taken, o.acked = false, 0, 0, 0
		case o.slow:
			next, o.taken, o.acked = paceInterval, 0, 0
		case o.lulls+1 < paceLooks:
			o.lulls++
		case o.trust > 0:
			o.trust--
			o.lulls++
		default:
			o.slow, o.lulls, o.taken, o.acked = full, 0, 0, 0
			waiters, next = c.takeWaiters(), paceInterval
		}
		if full || o.waiting() > 0 {
			c.b.deadlines.arm((*pacing)(c), now.Add(next))
		}
	}
	o.mu.Unlock()
	releaseAll(waiters)
}

// earn adds to the trust the looks that were not needed for what was acknowledged.
// out.mu is held.
func (c *Conn) earn() {
	o := &c.out
	spare := o.acked*paceLooks/max(c.most()/8, 1) - o.lulls - 1
	o.trust = uint8(min(max(spare, 0)+int(o.trust), mostTrust))
}

// progress counts acknowledged bytes towards the pace.
func (c *Conn) progress(n int) {
	if c.out.full.Load() {
		c.out.mu.Lock()
		if c.out.pressure != nil {
			c.out.taken += n
			c.out.acked += n
		}
		c.out.mu.Unlock()
	}
}

// press tells that the session's queue has filled, even to a crowd, or drained.
// Session.mu is held, so those who may go on now do so at the batch's Flush.
func (c *Conn) press(batch *Batch, full, crowded bool) {
	if !full && c.b.pressed.Load() == 0 {
		return
	}
	c.out.mu.Lock()
	c.out.queueFull = full
	c.out.crowded = crowded
	c.pressing()
	batch.eased = append(batch.eased, c.easing()...)
	c.out.mu.Unlock()
}

// ease lets everybody go who waits for a connection that has ended.
func (c *Conn) ease() {
	c.out.mu.Lock()
	c.out.queueFull = false
	waiters := c.easing()
	waiters = append(waiters, c.takeWaiters()...)
	c.out.mu.Unlock()
	releaseAll(waiters)
}

// holds makes w wait for c, if c is full and keeps its pace.
func (c *Conn) holds(w waiter) bool {
	if !c.out.full.Load() {
		return false
	}
	c.out.mu.Lock()
	defer c.out.mu.Unlock()
	if !c.out.full.Load() || c.out.slow {
		return false
	}
	c.out.waiters = append(c.out.waiters, w)
	return true
}

// keepsPace says whether c is fast enough to be waited for. One that is not even
// full is: it may have taken, this very moment, what the queue still waits for.
func (c *Conn) keepsPace() bool { return c.slowReceiver() != "drop" && !c.isSlow() }

// heldUp pauses a publisher while one of the receivers is full; with QoS 1 and 2
// only while it is crowded, since the acknowledgement is withheld before. It
// flushes first, since what fills a receiver may be this very batch.
//
// What fits without doubt does not wait: it is done before the next read, and what
// is unread then lies in the socket, not in a buffer of ours.
func (c *Conn) heldUp(batch *Batch, m *matched, p *mqttwire.Publish) bool {
	if c.b.pressed.Load() == 0 {
		return false
	}
	how := anyFull
	switch {
	case p.QoS > 0:
		how = overQueue
	case len(p.Topic)+len(p.Payload)+len(p.Properties) <= c.most()/64:
		if batch.ahead == nil {
			batch.ahead = m.full(c, anyFull)
		}
		how = nearlyOver
	}
	if m.full(c, how) == nil {
		return false
	}
	batch.Flush()
	for full := m.full(c, how); full != nil; full = m.full(c, how) {
		if c.waitFor(full) {
			return true
		}
	}
	return false // whoever was full has room by now
}

// waitFor pauses c until full has room, if full keeps its pace.
func (c *Conn) waitFor(full *Conn) bool {
	c.pause()
	if full.holds(c) {
		return true
	}
	c.paused.Store(false)
	return false
}

// waitBehind is for what heldUp let pass.
func (c *Conn) waitBehind(batch *Batch) {
	full := batch.ahead
	batch.ahead = nil
	if c.paused.Load() || c.closing.Load() || c.asks() || !full.inTheWay(anyFull) {
		return
	}
	batch.Flush()
	if full.inTheWay(anyFull) {
		c.waitFor(full)
	}
}

// fullness is of what kind a receiver must be to be waited for.
type fullness byte

const (
	anyFull    fullness = iota // full, see outbox.pressed
	nearlyOver                 // so full that little more fits, or its queue is
	overQueue                  // with a queue beyond its limits
)

// withhold makes the open segment wait for the receivers that are full.
func (c *Conn) withhold(m *matched) {
	if c.b.pressed.Load() == 0 {
		return
	}
	seg := c.segment()
	for _, r := range m.receivers() {
		if r == c && c.version != mqttwire.V5 {
			continue
		}
		seg.waits.Add(1)
		if !r.holds(seg) {
			seg.waits.Add(-1)
		}
	}
}

// holdBack pauses the reading of a client that does not read our answers, and
// closes one that goes on regardless.
func (c *Conn) holdBack() {
	c.out.mu.Lock()
	over := c.out.pending > c.most()
	hopeless := c.out.pending > outboxCeiling*c.b.limits().MaxOutboxBytes
	c.pressing()
	c.out.mu.Unlock()
	switch {
	case hopeless:
		c.end(mqttwire.QuotaExceeded, "the client does not read what it asked for")
	case over && !c.paused.Load():
		c.pause()
		if !c.holds(c) {
			c.paused.Store(false)
		}
	}
}

// inTheWay says whether c is to be waited for before another PUBLISH is read.
func (c *Conn) inTheWay(how fullness) bool {
	if !c.out.full.Load() {
		return false
	}
	c.out.mu.Lock()
	defer c.out.mu.Unlock()
	if !c.out.full.Load() || c.out.slow {
		return false
	}
	switch how {
	case nearlyOver:
		return c.out.queueFull || c.out.pending > c.most()/4*3
	case overQueue:
		return c.out.crowded
	}
	return true
}

// isSlow says whether a full connection has fallen below its pace.
func (c *Conn) isSlow() bool {
	c.out.mu.Lock()
	defer c.out.mu.Unlock()
	return c.out.slow
}
