package broker

import (
	"sync"
	"sync/atomic"
	"time"

	"mqtk/mqttwire"
)

// Session is what the broker keeps for a ClientID: subscriptions, deliveries on
// their way, QoS 2 ids, the will. It outlives its connections.
//
// mu guards all but what never changes. owner, identity and expiry are changed
// under mu and read by anyone: a QoS 0 delivery needs nothing else.
//
// Of a Session there may be hundreds of thousands, most of them idle: what it
// needs only while something is under way is in traffic, which is nil otherwise.
type Session struct {
	b           *Broker
	incarnation uint64                   // which session of this ClientID it is, ever larger
	owner       atomic.Pointer[Conn]     // the connection it belongs to, also before its CONNACK
	identity    atomic.Pointer[Identity] // of the connection, or the last one
	handling    sync.Mutex               // held while a packet of the client changes the session, until the Store has its events
	mu          sync.Mutex

	*traffic
	subscriptions ownSubscriptions
	will          *will
	changes       uint64            // told to the Store so far, deliveries not counted
	sequence      uint64            // deliveries so far
	expiry        atomic.Uint32     // seconds after the connection ends; noExpiry: never
	epoch         uint32            // connections so far: which of them a held id came on
	ends          deadline          // the session's end, while offline
	willDue       deadline          // the will's, while offline
	lastID        mqttwire.PacketID // given, while there is no traffic
	watched       bool              // among the busySessions
	ended         bool
	kept          bool // the Store knows of it
}

// ClientID is whose session it is.
func (s *Session) ClientID() string { return s.identity.Load().ClientID }

// Name is the ClientID, for the registry.
func (s *Session) Name() string { return s.ClientID() }

// Is says whether it is the session of that ClientID.
func (s *Session) Is(clientID string) bool { return s.ClientID() == clientID }

// live is the connection that has got its CONNACK, nil for none.
func (s *Session) live() *Conn {
	if c := s.owner.Load(); c != nil && c.live.Load() {
		return c
	}
	return nil
}

// persistent says whether the session outlives its connection.
func (s *Session) persistent() bool { return s.expiry.Load() > 0 }

// verdict is what became of a delivery that was put into an outbox.
type verdict byte

const (
	put      verdict = iota
	noRoom           // the outbox is full
	tooLarge         // for the client: counts as sent [MQTT-3.1.2-25]
	expired
)

// drop is what a message that will not be sent counts as.
func (v verdict) drop() dropReason {
	if v == expired {
		return dropExpired
	}
	return dropTooLarge
}

// deliver gives one message to the session: at once, or by way of the queue.
// False: the session has ended, or is about to, and somebody else may have it.
func (s *Session) deliver(batch *Batch, d delivery) bool {
	c := s.live()
	if d.qos == 0 && !s.b.limits().QueueQoS0 {
		if c != nil {
			c.deliverQoS0(batch, &d)
		}
		return true
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.ended || s.owner.Load() == nil && !s.persistent() {
		return false
	}
	if c = s.live(); d.qos == 0 && c != nil && (s.traffic == nil || s.queue.qos0 == 0 && s.queue.stored.count == 0) {
		c.deliverQoS0(batch, &d)
		return true
	}
	s.number(batch, c, &d)
	if c != nil && s.queue.empty() && s.sendNow(batch, c, &d, s.sequence) != noRoom {
		s.recordSent(batch, &d, s.sequence, true)
		return true
	}
	s.enqueue(batch, c, queued{d, s.sequence})
	return true
}

// await is deliver to a client that is away and may turn out not to be allowed to
// read the message: who sends it asks again.
func (s *Session) await(batch *Batch, d delivery) bool {
	if d.qos == 0 && !s.b.limits().QueueQoS0 {
		return true
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.ended || s.owner.Load() == nil && !s.persistent() {
		return false
	}
	c := s.live()
	s.number(batch, c, &d)
	s.enqueue(batch, c, queued{d, s.sequence})
	if c != nil { // by now
		s.pumpLater()
	}
	return true
}

// number gives the message that the batch carries to a delivery of the session,
// and the delivery its number. mu is held.
func (s *Session) number(batch *Batch, c *Conn, d *delivery) {
	s.needTraffic()
	if d.message = batch.kept; d.message == nil {
		v := mqttwire.V311
		if c != nil {
			v = c.version
		}
		d.message = batch.message(v)
	}
	s.sequence++
	d.recorded = s.records(d)
}

// records says whether the Store is to have a delivery: for a session that lasts,
// and for a member of a share in place of one that does. mu is held.
func (s *Session) records(d *delivery) bool {
	if !s.b.keeps {
		return false
	}
	if !s.persistent() && d.share() != nil && d.qos > 0 && d.share().lasting() {
		s.kept = true // to be told of its end
		return true
	}
	return s.spills()
}

// event begins an Event about a delivery.
func (s *Session) event(kind EventKind, sequence uint64) Event {
	return Event{Kind: kind, ClientID: s.ClientID(), Incarnation: s.incarnation, Sequence: sequence}
}

// change begins an Event about anything else, and numbers it. mu is held.
func (s *Session) change(kind EventKind) Event {
	s.changes++
	return s.event(kind, s.changes)
}

// deliverQoS0 puts a message into the outbox, or drops it.
func (c *Conn) deliverQoS0(batch *Batch, d *delivery) {
	d.message = &batch.view
	if c.b.brimming(d.message.size()) { // not asked of what would wait: an empty outbox calls nobody
		c.b.metrics.dropped(dropSlow)
		return
	}
	v, flush := c.putPublish(batch, d, 0, false, batch.now)
	if flush {
		batch.note(c)
	}
	if v == noRoom {
		c.b.metrics.dropped(dropSlow)
	}
}

// mayTransmit says whether the window has room for one more delivery.
func (s *Session) mayTransmit(c *Conn, d *delivery) bool {
	if d.qos == 0 {
		return true
	}
	most := s.b.queueLimits().MaxInflightBytes
	return s.window.unsent == 0 && s.window.used < int(c.receiveMaximum) &&
		(most == 0 || s.window.open == 0 || s.window.bytes+d.message.size() <= most)
}

// sendNow sends a delivery for the first time, if window and outbox have room.
func (s *Session) sendNow(batch *Batch, c *Conn, d *delivery, sequence uint64) verdict {
	if !s.mayTransmit(c, d) {
		return noRoom
	}
	c.out.mu.Lock()
	defer c.out.mu.Unlock()
	return s.transmit(batch, c, d, sequence)
}

// transmit is sendNow where the window has room. out.mu is held.
func (s *Session) transmit(batch *Batch, c *Conn, d *delivery, sequence uint64) verdict {
	if d.qos == 2 && d.recorded && s.persistent() {
		s.sendWhenDurable(batch, *d, sequence)
		return put
	}
	var id mqttwire.PacketID
	was := s.window.lastID
	if d.qos > 0 {
		id = s.window.nextID()
	}
	v, flush := c.putDelivery(batch, d, id, false, batch.now)
	if flush {
		batch.note(c)
	}
	if v != put {
		if d.qos > 0 {
			s.window.lastID = was
			s.window.given--
		}
		if v == expired || v == tooLarge {
			s.b.metrics.dropped(v.drop())
		}
		return v
	}
	if d.qos > 0 {
		f := s.window.add(*d, sequence, id)
		f.sent, f.counted, f.delivered = true, true, true
		s.window.used++
	}
	return put
}

// recordSent writes what became of a delivery that transmit took: it is in the
// window, or it is gone. fresh: it was not in the queue before.
func (s *Session) recordSent(batch *Batch, d *delivery, sequence uint64, fresh bool) {
	if !d.recorded {
		return
	}
	f := s.window.last(sequence)
	if f != nil && fresh {
		batch.events = append(batch.events, s.enqueueEvent(d, sequence))
	}
	switch {
	case f != nil:
		if f.waits {
			batch.due[len(batch.due)-1].queued = !fresh
		}
		sent := s.event(EventInflight, sequence)
		sent.PacketID = f.packetID
		batch.events = append(batch.events, sent)
	case !fresh:
		batch.events = append(batch.events, s.event(EventDequeue, sequence))
	}
}

func (s *Session) enqueueEvent(d *delivery, sequence uint64) Event {
	e := s.event(EventEnqueue, sequence)
	e.Message, e.QoS, e.Retain, e.Brought, e.Identifiers = d.message, d.qos, d.retain, d.brought, d.identifiers()
	if share := d.share(); share != nil {
		e.Share = share.filter
	}
	return e
}

// enqueue lets a delivery wait, within the limits of the queue.
func (s *Session) enqueue(batch *Batch, c *Conn, q queued) {
	l, size := s.b.limits(), q.message.size()
	spills := q.recorded && s.spills()
	room := !spills || s.queue.keptFits(size, l) || s.sweep(batch, size) && s.queue.keptFits(size, l)
	switch {
	case room && s.queue.stored.count == 0 && s.fitsNow(batch, c, size, spills):
		s.queue.push(q)
	case room && spills:
		s.spill(batch, &q)
	default:
		s.sweepStored(batch.now)
		s.b.dropQueued(s, &q, batch.now)
		return
	}
	batch.tally.queued(1, size)
	if q.recorded {
		batch.events = append(batch.events, s.enqueueEvent(&q.delivery, q.sequence))
	}
	if pace := s.b.queueLimits(); c != nil && s.queue.half(pace) {
		c.press(batch, true, s.queue.crowded(pace))
	}
}

// fitsNow says whether a message may wait in memory. What a live receiver has
// there may be above the limits for a while, unless the Store takes the rest.
func (s *Session) fitsNow(batch *Batch, c *Conn, size int, spills bool) bool {
	l := s.b.limits()
	if spills && s.b.strained(spilling) {
		return s.queue.len() == 0
	}
	if s.b.strained(closing) {
		return s.fitsTight(c, size)
	}
	return s.queue.fits(size, l, 1) || c != nil && !spills && c.keepsPace() && s.queue.fits(size, l, patience) || s.sweep(batch, size)
}

// fitsTight is fitsNow at the last level of the memory limit: only who is there
// and takes what it gets is waited for, and not with much.
func (s *Session) fitsTight(c *Conn, size int) bool {
	return c != nil && c.keepsPace() && s.queue.fits(size, &s.b.settings.Load().tight, patience)
}

// sweep makes room by dropping what has expired, at most once a second.
func (s *Session) sweep(batch *Batch, size int) bool {
	if batch.now.Sub(s.swept) < time.Second {
		return false
	}
	s.swept = batch.now
	for _, e := range s.queue.expire(batch.now) {
		s.dequeued(batch, &e)
		s.b.metrics.dropped(dropExpired)
	}
	s.relieve(batch, s.live())
	return s.queue.fits(size, s.b.limits(), 1)
}

// dequeued accounts for a delivery that left the queue for good.
func (s *Session) dequeued(batch *Batch, e *queued) {
	batch.tally.queued(-1, -e.message.size())
	if e.recorded {
		batch.events = append(batch.events, s.event(EventDequeue, e.sequence))
	}
}

// pump sends what may now be sent: first what a resumed connection owes, then
// the queue and the retained messages, turn about, as much as one turn is. mu is
// held. The batch gets the events; no message may be under way in it.
func (s *Session) pump(batch *Batch, c *Conn) {
	if s.traffic == nil || s.window.unsent > 0 && !s.resend(batch, c) {
		return
	}
	for work := 0; ; {
		before := work
		if n := s.queue.len(); n > 0 {
			most := min(n, 1+(pumpWork-work)/workDelivery)
			if len(s.cursors) > 0 || s.b.asksReceivers() {
				most = 1
			}
			work += workDelivery * s.pumpQueue(batch, c, most)
		}
		if len(s.cursors) > 0 {
			work += s.pumpRetained(batch, c)
		}
		if work == before {
			break
		}
		if work >= pumpWork {
			s.pumpLater()
			break
		}
	}
	s.refill()
	s.relieve(batch, c)
}

// relieve tells that the queue has drained, if it has. mu is held.
func (s *Session) relieve(batch *Batch, c *Conn) {
	if c != nil && (s.traffic == nil || s.queue.quarter(s.b.queueLimits())) {
		c.press(batch, false, false)
	}
}

// pumpQueue sends up to most deliveries from the front of the queue, and says how
// many have left it. Where an Authorizer is to be asked, most is 1.
func (s *Session) pumpQueue(batch *Batch, c *Conn, most int) (n int) {
	if e := s.queue.front(); !s.b.mayReceive(s, e.message.Topic) {
		s.refuse(batch, &e.delivery)
		s.unqueue(batch)
		return 1
	}
	c.out.mu.Lock()
	defer c.out.mu.Unlock()
	for ; n < most; n++ {
		e := s.queue.front()
		if !s.mayTransmit(c, &e.delivery) || s.transmit(batch, c, &e.delivery, e.sequence) == noRoom {
			break
		}
		s.unqueue(batch)
	}
	return n
}

// refuse is for a delivery that the client may not read any more. That of a share
// goes to another member. mu is held.
func (s *Session) refuse(batch *Batch, d *delivery) {
	if share := d.share(); share != nil {
		batch.refused = append(batch.refused, orphan{share, d.message})
	} else {
		s.b.metrics.dropped(dropNotAuthorized)
	}
}

// unqueue takes the front of the queue out, which was sent or dropped.
func (s *Session) unqueue(batch *Batch) {
	e := s.queue.front()
	batch.tally.queued(-1, -e.message.size())
	s.recordSent(batch, &e.delivery, e.sequence, false)
	s.queue.pop()
}

// drained tells that the outbox has room again.
func (c *Conn) drained() {
	s := c.session
	if s == nil || !c.live.Load() {
		return
	}
	s.b.background(func(batch *Batch) {
		s.mu.Lock()
		defer s.mu.Unlock()
		if s.live() == c && s.owes() {
			s.pump(batch, c)
		}
	})
}

// changeExpiry sets the Session Expiry Interval that a DISCONNECT carries.
// False: it would raise it from 0 [3.14.2.2.2].
func (s *Session) changeExpiry(c *Conn, seconds uint32) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.owner.Load() != c {
		return true
	}
	if !s.persistent() && seconds != 0 {
		return false
	}
	s.expiry.Store(capExpiry(seconds, s.b.limits()))
	return true
}

// dropQueued counts a delivery that found the queue full, and says so once a
// minute for each session. mu is held.
func (b *Broker) dropQueued(s *Session, q *queued, now time.Time) {
	b.metrics.dropped(dropQueueFull)
	s.lost++
	if now.Sub(s.complained) < time.Minute {
		return
	}
	b.log.Warn("messages dropped: the queue of the session is full", "client", s.ClientID(), "topic", q.message.Topic, "dropped", s.lost)
	s.complained, s.lost = now, 0
}
