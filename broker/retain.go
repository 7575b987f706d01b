package broker

import (
	"strings"
	"time"

	"mqtk/broker/topictree"
)

// retain stores or deletes the retained message that the batch carries.
func (b *Broker) retain(batch *Batch) {
	view := &batch.view
	message := view
	if len(view.Payload) == 0 {
		message = nil
	}
	version, replaces, stored := b.retained.set(view.Topic, message, &b.limits)
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
		event.Message = batch.message()
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
	identifiers  []uint32
	walk         *topictree.Cursor
	until        uint64 // the set's version at the SUBSCRIBE
	topics       []byte // of what was found, one behind the other
	found        []foundRetained
	first        int      // in found, of what was not taken
	message      *Message // the one of first, once it was needed
	more         bool
}

// foundRetained is a version of a topic.
type foundRetained struct {
	version  uint64
	from, to int // in topics
}

const (
	cursorStep   = 64 // topics that are looked at under one hold of the retained set's lock
	cursorSlices = 64 // steps that one pump makes in vain before it lets others have the session
)

// newRetainCursor starts a cursor, nil where there is nothing to walk over.
func (b *Broker) newRetainCursor(s *subscription) *retainCursor {
	b.retained.Lock()
	defer b.retained.Unlock()
	if b.retained.names.Len() == 0 {
		return nil
	}
	c := &retainCursor{subscription: s, walk: b.retained.names.Cursor(s.filter), until: b.retained.version, more: true}
	if s.identifier > 0 {
		c.identifiers = []uint32{s.identifier}
	}
	return c
}

// next returns the next message without taking it; nil at the end, or, when
// there may be more, when it has looked long enough for now.
func (c *retainCursor) next(now time.Time) *Message {
	b := c.subscription.session.b
	for range cursorSlices {
		for c.first < len(c.found) {
			if c.brings(now) {
				return c.message
			}
			c.took()
		}
		if !c.more {
			return nil
		}
		c.topics, c.found, c.first = c.topics[:0], c.found[:0], 0
		b.retained.Lock()
		c.more = c.walk.Next(cursorStep, func(topic, value []byte) {
			if e := parseRetained(value); e.version <= c.until {
				from := len(c.topics)
				c.topics = append(c.topics, topic...)
				c.found = append(c.found, foundRetained{e.version, from, len(c.topics)})
			}
		})
		b.retained.Unlock()
	}
	return nil
}

// over says whether the walk has come to its end.
func (c *retainCursor) over() bool { return !c.more && c.first == len(c.found) }

// brings says whether the first of what was found is still what the subscription
// gets, and makes it the message.
func (c *retainCursor) brings(now time.Time) bool {
	s := c.subscription.session
	f := &c.found[c.first]
	if c.message == nil {
		c.message = s.b.retained.message(string(c.topics[f.from:f.to]), f.version)
	} else if !s.b.retained.current(c.message.Topic, f.version) {
		return false
	}
	m := c.message
	switch {
	case m == nil || !m.alive(now):
		return false
	case c.subscription.noLocal && m.From == s.ClientID:
		return false
	case !s.b.mayReceive(s, m.Topic):
		s.b.metrics.dropped(dropNotAuthorized)
		return false
	case s.b.limits.CheckRetainSource && m.Owner != nil && !s.b.authorized(m.Owner, Publish, m.Topic):
		s.b.metrics.dropped(dropNotAuthorized)
		return false
	}
	return true
}

func (c *retainCursor) took() {
	c.message = nil
	c.first++
}

// pumpRetained sends the next retained message of the first cursor; false when
// it must wait. mu is held.
func (s *Session) pumpRetained(batch *Batch, c *Conn) bool {
	if c.out.stuffed() {
		return false
	}
	cursor := s.cursors[0]
	m := cursor.next(batch.now)
	if m == nil && !cursor.over() {
		s.pumpLater()
		return false
	}
	if m == nil {
		s.cursors = s.cursors[1:]
		if len(s.cursors) == 0 {
			s.cursors = nil
		}
		return len(s.cursors) > 0
	}
	d := delivery{message: m, identifiers: cursor.identifiers, retain: true, brought: true,
		qos: s.b.deliveredQoS(m.QoS, cursor.subscription.qos)}
	d.recorded = s.records(&d)
	s.sequence++
	if s.transmit(batch, c, d, s.sequence) == noRoom {
		s.sequence--
		return false
	}
	cursor.took()
	s.recordSent(batch, &d, s.sequence, true)
	return true
}

// stuffed says whether nothing at all has room, before a walk is begun in vain
// for each SUBSCRIBE of a client that reads none of the answers.
func (o *outbox) stuffed() bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.pending < o.limit {
		return false
	}
	o.starved = true
	return true
}

// pumpLater goes on from a goroutine of its own, so that whoever waits for the
// session comes first. mu is held.
func (s *Session) pumpLater() {
	if s.later {
		return
	}
	s.later = true
	s.b.goroutines.Go(func() {
		s.b.background(func(batch *Batch) {
			s.mu.Lock()
			defer s.mu.Unlock()
			s.later = false
			if c := s.live(); c != nil { // not always the one it began for
				s.pump(batch, c)
			}
		})
	})
}
