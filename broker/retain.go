package broker

import (
	"slices"
	"strings"
	"sync"
	"time"

	"mqtk/broker/topictree"
)

// retained is the retained message of one topic. It is replaced as a whole.
type retained struct {
	message *Message
	version uint64 // counts all changes of the retained set
}

// retainedSet holds the retained messages. Its mutex is a leaf.
type retainedSet struct {
	sync.Mutex
	names   topictree.Names[*retained]
	version uint64
	bytes   int64
	own     int // of them under $SYS, which count towards no limit
	expires retainedExpiry
}

// retain stores or deletes the retained message that the batch carries.
func (b *Broker) retain(batch *Batch) {
	view := &batch.view
	var message *Message
	if len(view.Payload) > 0 {
		message = batch.message()
	}
	version, stored := b.retained.set(view.Topic, message, &b.limits)
	if !stored {
		b.metrics.dropped(dropQuota)
		b.log.Warn("retained message dropped: the retained set is full", "client", view.From, "topic", view.Topic)
		return
	}
	if !isSys(view.Topic) {
		event := Event{Kind: EventRetain, Sequence: version, Message: message}
		if message != nil {
			event.Topic = message.Topic
		} else {
			event.Topic = strings.Clone(view.Topic) // the store may keep the Event
		}
		batch.events = append(batch.events, event)
	}
	if message != nil && !message.Expires.IsZero() {
		b.retained.watch(b, message.Expires)
	}
}

// set stores m under a topic, or deletes what is there for nil. False: there is
// no room.
func (r *retainedSet) set(topic string, m *Message, l *Limits) (version uint64, stored bool) {
	r.Lock()
	defer r.Unlock()
	if m != nil && !r.room(topic, m.size(), l) {
		return 0, false
	}
	old, had := r.names.Get(topic)
	r.version++
	if had && isSys(topic) {
		r.own--
	}
	if had {
		r.bytes -= int64(old.message.size())
	}
	if m == nil {
		r.names.Delete(topic)
		return r.version, true
	}
	if isSys(topic) {
		r.own++
	}
	r.bytes += int64(m.size())
	r.names.Set(m.Topic, &retained{m, r.version})
	return r.version, true
}

// fits says whether set would find room for a message.
func (r *retainedSet) fits(topic string, payload []byte, l *Limits) bool {
	if len(payload) == 0 {
		return true
	}
	r.Lock()
	defer r.Unlock()
	return r.room(topic, len(topic)+len(payload), l)
}

// room says whether a message of size bytes may take the place of what is stored
// under its topic. r is locked.
func (r *retainedSet) room(topic string, size int, l *Limits) bool {
	if isSys(topic) {
		return true
	}
	count, bytes := r.names.Len()-r.own, r.bytes
	if old, had := r.names.Get(topic); had {
		count--
		bytes -= int64(old.message.size())
	}
	return count < l.MaxRetained && bytes+int64(size) <= l.MaxRetainedBytes
}

// get returns the retained message of a topic, nil for none.
func (r *retainedSet) get(topic string) *Message {
	r.Lock()
	defer r.Unlock()
	if e, ok := r.names.Get(topic); ok {
		return e.message
	}
	return nil
}

func (r *retainedSet) counts() (messages int, bytes int64) {
	r.Lock()
	defer r.Unlock()
	return r.names.Len(), r.bytes
}

// retainCursor walks over the retained messages that a new subscription brings.
// It is paced by the session's window and outbox, never drops, and leaves out
// what changed since the SUBSCRIBE, since that came live. Guarded by the
// session's mutex.
type retainCursor struct {
	subscription *subscription
	identifiers  []uint32
	walk         *topictree.Cursor[*retained]
	until        uint64 // the set's version at the SUBSCRIBE
	found        []*Message
	more         bool
}

// cursorStep is how many nodes of the tree are looked at under one hold of the
// retained set's lock.
const cursorStep = 256

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

// cursorSlices is how many steps one pump makes in vain before it lets others
// have the session.
const cursorSlices = 16

// next returns the next message without taking it; nil at the end, or, with
// more still set, when it has looked long enough for now.
func (c *retainCursor) next(now time.Time) *Message {
	b := c.subscription.session.b
	for range cursorSlices {
		for len(c.found) > 0 {
			if m := c.found[0]; c.brings(m, now) {
				return m
			}
			c.took()
		}
		if !c.more {
			return nil
		}
		b.retained.Lock()
		c.more = c.walk.Next(cursorStep, func(_ string, r *retained) {
			if r.version <= c.until {
				c.found = append(c.found, r.message)
			}
		})
		b.retained.Unlock()
	}
	return nil
}

// brings says whether m is still what the subscription gets.
func (c *retainCursor) brings(m *Message, now time.Time) bool {
	s := c.subscription.session
	switch {
	case !m.alive(now) || s.b.retained.get(m.Topic) != m:
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
	c.found[0] = nil
	c.found = c.found[1:]
}

// pumpRetained sends the next retained message of the first cursor; false when
// it must wait. mu is held.
func (s *Session) pumpRetained(batch *Batch, c *Conn) bool {
	if c.out.stuffed() {
		return false
	}
	cursor := s.cursors[0]
	m := cursor.next(batch.now)
	if m == nil && (cursor.more || len(cursor.found) > 0) {
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
	d := delivery{message: m, identifiers: cursor.identifiers, retain: true,
		qos: s.b.deliveredQoS(m.QoS, cursor.subscription.qos)}
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
			if c := s.conn.Load(); c != nil { // not always the one it began for
				s.pump(batch, c)
			}
		})
	})
}

// dropCursors ends the cursors of a subscription that is gone, and of those that
// it replaced.
func dropCursors(cursors []*retainCursor, s *subscription) []*retainCursor {
	return slices.DeleteFunc(cursors, func(c *retainCursor) bool { return c.subscription.filter == s.filter })
}

// retainedExpiry sweeps retained messages whose time has passed: one deadline
// for the set, at the earliest end that is known.
type retainedExpiry struct {
	due deadline
	at  time.Time
}

// watch makes sure that a sweep comes once at has passed.
func (r *retainedSet) watch(b *Broker, at time.Time) {
	r.Lock()
	defer r.Unlock()
	e := &r.expires
	if e.due.fire == nil {
		e.due.fire = func(now time.Time) { r.sweep(b, now) }
	}
	if e.at.IsZero() || at.Before(e.at) {
		e.at = at
		b.deadlines.arm(&e.due, at)
	}
}

// sweep removes what has expired, in slices, and arranges for the next time. At
// most one sweep a second, however many ends there are.
func (r *retainedSet) sweep(b *Broker, now time.Time) {
	var next time.Time
	r.Lock()
	walk := r.names.Walk()
	r.Unlock()
	for more := true; more; {
		var gone []string
		r.Lock()
		more = walk.Next(cursorStep, func(topic string, e *retained) {
			switch end := e.message.Expires; {
			case end.IsZero():
			case !end.After(now):
				gone = append(gone, topic)
			case next.IsZero() || end.Before(next):
				next = end
			}
		})
		for _, topic := range gone {
			if e, ok := r.names.Get(topic); ok && !e.message.Expires.IsZero() && !e.message.Expires.After(now) {
				r.bytes -= int64(e.message.size())
				r.version++
				r.names.Delete(topic)
			}
		}
		r.Unlock()
	}
	r.Lock()
	r.expires.at = time.Time{}
	r.Unlock()
	if !next.IsZero() {
		r.watch(b, maxTime(next, now.Add(time.Second)))
	}
}

func maxTime(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}
