package broker

import (
	"strings"

	"mqtk/broker/topictree"
	"mqtk/mqttwire"
)

// retain stores or deletes the retained message that the batch carries.
func (b *Broker) retain(batch *Batch) {
	view := &batch.view
	message := view
	if len(view.Payload) == 0 {
		message = nil
	}
	version, replaces, stored := b.retained.set(view.Topic, message, b.limits())
	switch {
	case !stored:
		b.metrics.dropped(dropQuota)
		b.log.Warn("retained message dropped: the retained set is full", "client", view.From, "topic", view.Topic)
		return
	case version == 0:
		return // nothing was there to delete
	}
	if message != nil && !message.Expires.IsZero() {
		b.retained.watch(b, message.Expires)
	}
	if !b.keeps || isSys(view.Topic) {
		return
	}
	event := Event{Kind: EventRetain, Sequence: version, Replaces: replaces}
	if message != nil {
		event.Message = batch.message(mqttwire.V311)
		event.Topic = event.Message.Topic
	} else {
		event.Topic = strings.Clone(view.Topic) // the store may keep the Event
	}
	batch.events = append(batch.events, event)
}

// retainCursor walks over the retained messages that a new subscription brings.
// It is paced by the session's window and outbox, never drops, and leaves out
// what changed since the SUBSCRIBE, since that came live. Guarded by the
// session's mutex.
type retainCursor struct {
	subscription *subscription
	extras       *extras
	walk         *topictree.Cursor
	until        uint64 // the set's version at the SUBSCRIBE
	publisher    publisherMemory
	stranger     *Identity // the publisher whose rights must be loaded first, nil for none
	unknown      *Identity // the one whose rights could not be loaded
}

// cursorStep is how many topics are looked at, and at most brought, under one
// hold of the retained set's lock.
const cursorStep = 64

// newRetainCursor starts a cursor, nil where there is nothing to walk over.
func (b *Broker) newRetainCursor(s *subscription) *retainCursor {
	b.retained.RLock()
	defer b.retained.RUnlock()
	if b.retained.names.Len() == 0 {
		return nil
	}
	c := &retainCursor{subscription: s, walk: b.retained.names.Cursor(s.filter), until: b.retained.version}
	if s.identifier > 0 {
		c.extras = &extras{identifiers: []uint32{s.identifier}}
	}
	return c
}

// pumpRetained goes on with the first cursor and returns the work that was, 0
// when it must wait. mu is held.
func (s *Session) pumpRetained(batch *Batch, c *Conn) (work int) {
	if s.cursors[0].stranger != nil {
		return 0
	}
	room := c.roomForRetained()
	if room == 0 {
		return 0
	}
	most := cursorStep
	if s.queue.len() > 0 {
		most = 1 // turn about
	}
	work, more := s.cursors[0].step(batch, c, room, most)
	batch.view = Message{}
	if r := s.cursors[0]; r.stranger != nil {
		s.b.goroutines.Go(r.acquaint)
	}
	if more {
		return work
	}
	s.cursors = s.cursors[1:]
	if len(s.cursors) == 0 {
		s.cursors = nil
	}
	return work + 1
}

// step brings at most so many messages, of about room bytes. Each goes from its
// page straight into the outbox under the lock of the retained set: who changes
// it is either seen here or comes later there.
func (r *retainCursor) step(batch *Batch, c *Conn, room, most int) (work int, more bool) {
	set := &c.b.retained
	set.RLock()
	defer set.RUnlock()
	waits := false
	more = r.walk.Next(cursorStep, func(topic, value []byte) bool {
		e := parseRetained(value)
		if e.version > r.until || !r.brings(batch, topic, &e) {
			waits = r.stranger != nil
			return !waits
		}
		if waits = room <= 0 || most == 0 || !r.send(batch, c, &e); waits {
			return false
		}
		room -= e.size(batch.view.Topic)
		most--
		work += workDelivery
		return true
	})
	if !waits {
		work += cursorStep
	}
	return work, more
}

// brings says whether the subscription gets an entry, and makes it the batch's
// view.
func (r *retainCursor) brings(batch *Batch, topic []byte, e *retainedEntry) bool {
	s := r.subscription.session
	m := &batch.view
	s.b.retained.view(m, mqttwire.View(topic), e)
	if !m.alive(batch.now) {
		return false
	}
	if r.subscription.noLocal || s.b.limits().CheckRetainSource {
		m.From, m.Owner = r.publisher.unpack(e.publisher)
	}
	switch {
	case r.subscription.noLocal && m.From == s.ClientID():
		return false
	case !s.b.mayReceive(s, m.Topic), s.b.limits().CheckRetainSource && !r.mayHavePublished(m):
		if r.stranger == nil {
			s.b.metrics.dropped(dropNotAuthorized)
		}
		return false
	}
	return true
}

// mayHavePublished says whether the publisher of a message still may publish it.
// Where that must be loaded first, it is the stranger afterwards.
func (r *retainCursor) mayHavePublished(m *Message) bool {
	b := r.subscription.session.b
	if m.Owner == nil || b.authorized(m.Owner, Publish, m.Topic) {
		return true
	}
	if m.Owner != r.unknown && !b.authority.Load().knows(m.Owner) {
		r.stranger = m.Owner
	}
	return false
}

// acquaint has the rights of the stranger loaded, and goes on.
func (r *retainCursor) acquaint() {
	s := r.subscription.session
	if a := s.b.authority.Load(); a != nil && a.loader != nil {
		s.b.known(a.loader, r.stranger)
	}
	s.b.background(func(batch *Batch) {
		s.mu.Lock()
		defer s.mu.Unlock()
		r.stranger, r.unknown = nil, r.stranger // if it still is, it stays so
		if c := s.live(); c != nil && s.owes() {
			s.pump(batch, c)
		}
	})
}

// send sends the batch's view, which only what may be sent again is copied from.
// False: it must wait.
func (r *retainCursor) send(batch *Batch, c *Conn, e *retainedEntry) bool {
	s := r.subscription.session
	m := &batch.view
	d := delivery{message: m, extras: r.extras, retain: true, brought: true,
		qos: s.b.deliveredQoS(m.QoS, r.subscription.qos)}
	if d.qos > 0 {
		if !s.mayTransmit(c, &d) {
			return false
		}
		s.b.retained.complete(m, e, &r.publisher)
		d.message = m.keep("", c.version)
		d.recorded = s.records(&d)
	}
	s.sequence++
	if s.sendNow(batch, c, &d, s.sequence) == noRoom {
		s.sequence--
		return false
	}
	s.recordSent(batch, &d, s.sequence, true)
	return true
}

// roomForRetained is how many bytes of retained messages may be put now. They
// fill a quarter of the outbox and so no more than what a live message finds
// room beside, without a publisher's having to wait.
func (c *Conn) roomForRetained() int {
	o := &c.out
	o.mu.Lock()
	defer o.mu.Unlock()
	if room := c.most()/4 - o.pending; room > 0 {
		return room
	}
	o.starved = true
	return 0
}
