package broker

import (
	"sync/atomic"

	"mqtk/mqttwire"
)

// share is one shared subscription: a group of members of whom one gets each
// message. Who is in it changes under the subscriptions' lock; deliveries read
// a list that is replaced, never changed.
type share struct {
	name    string
	filter  string // as subscribed, with the $share prefix
	members atomic.Pointer[[]*subscription]
	turn    atomic.Uint32
	bare    extras // of deliveries through it without an identifier
}

// lasting says whether some member's session outlives its connection: then what
// others hold of the share is not to be lost with them.
func (s *share) lasting() bool {
	for _, m := range *s.members.Load() {
		if m.session.persistent() {
			return true
		}
	}
	return false
}

func (s *share) join(m *subscription) {
	next := append(append([]*subscription(nil), *s.members.Load()...), m)
	s.members.Store(&next)
}

// part removes a member and says whether it was the last.
func (s *share) part(m *subscription) (last bool) {
	var next []*subscription
	for _, other := range *s.members.Load() {
		if other != m {
			next = append(next, other)
		}
	}
	s.members.Store(&next)
	return len(next) == 0
}

// fitness of a member for a message, best first.
type fitness byte

const (
	idle     fitness = iota // online, with room
	busy                    // online, but full or behind
	offline                 // a persistent session that will come back
	brimming                // its queue is full: the message would be dropped
	unfit
)

// deliver gives the message that the batch carries to one member. False: nobody
// could take it.
func (s *share) deliver(batch *Batch) bool {
	members := *s.members.Load()
	first := int(s.turn.Add(1) % (1 << 30))
	for want := idle; want < unfit; want++ {
		for i := range members {
			m := members[(first+i)%len(members)]
			qos := batch.b.deliveredQoS(batch.view.QoS, m.qos)
			// One that has become fitter since the last look counts, too.
			if m.fitness(qos, batch.view.size()) > want {
				continue
			}
			give := (*Session).deliver
			if !batch.b.mayReceive(m.session, batch.view.Topic) {
				if give = (*Session).await; !batch.b.mayBeAllowed(m.session) {
					continue
				}
			}
			d := delivery{extras: &s.bare, qos: qos, retain: batch.view.Retain && m.asPublished}
			if m.identifier > 0 {
				d.extras = &extras{share: s, identifiers: []uint32{m.identifier}}
			}
			if give(m.session, batch, d) {
				return true
			}
		}
	}
	return false
}

// fits says whether some member has room for a message; nobody at all need not.
func (s *share) fits(qos mqttwire.QoS, size int) bool {
	full := false
	for _, m := range *s.members.Load() {
		switch m.fitness(min(qos, m.qos), size) {
		case idle, busy, offline:
			return true
		case brimming:
			full = true
		}
	}
	return !full
}

func (m *subscription) fitness(qos mqttwire.QoS, size int) fitness {
	s := m.session
	if c := s.live(); qos == 0 && c != nil {
		if c.out.full.Load() {
			return busy
		}
		return idle
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	c := s.live()
	switch {
	case s.ended || c == nil && (!s.persistent() || qos == 0 && !s.b.limits().QueueQoS0):
		return unfit
	case c != nil && s.ready(c) && !c.out.full.Load():
		return idle
	case !s.fits(size):
		return brimming
	case c != nil:
		return busy
	}
	return offline
}

// full returns a member to wait for, other than the publisher, when no member
// that is online has room; nil when one has, or when none keeps its pace.
func (s *share) full(publisher *Conn, how fullness) (wait *Conn) {
	for _, m := range *s.members.Load() {
		r := m.session.live()
		switch {
		case r == nil:
		case !r.out.full.Load():
			return nil
		case wait == nil && r != publisher && r.inTheWay(how):
			wait = r
		}
	}
	return wait
}

// orphan is a message of a share whose member left before it was delivered.
type orphan struct {
	share   *share
	message *Message
}

// leaveShare takes what waits in the session's queue for a share out of it. mu
// is held.
func (s *Session) leaveShare(batch *Batch, sh *share) (orphans []orphan) {
	if s.traffic == nil {
		return nil
	}
	for _, e := range s.queue.remove(func(e *queued) bool { return e.share() == sh }) {
		s.dequeued(batch, &e)
		orphans = append(orphans, orphan{sh, e.message})
	}
	return orphans
}

// orphans collects what a session that ends had from its shares: QoS 1 goes to
// another member, as does QoS 2 that was not sent; QoS 2 that was sent goes to
// nobody [MQTT-4.8.2-5]. Where the session goes on in the Store for a while, it
// does so without them. mu is held.
func (s *Session) orphans(events *[]Event) (all []orphan) {
	if s.traffic == nil {
		return nil
	}
	take := func(d *delivery, sequence uint64) {
		all = append(all, orphan{d.share(), d.message})
		if s.kept && d.recorded {
			*events = append(*events, s.event(EventDequeue, sequence))
		}
	}
	for i := range s.window.entries.len() {
		f := s.window.entries.at(i)
		if f.share() != nil && !f.cold && (f.state == wantPuback || f.state == wantPubrec && !f.delivered) {
			take(&f.delivery, f.sequence)
		}
	}
	for i := range s.queue.len() {
		if e := s.queue.entries.at(i); e.share() != nil {
			take(&e.delivery, e.sequence)
		}
	}
	return all
}

// shareOf returns the share that a filter with a $share prefix names, nil where
// nobody is in it.
func (b *Broker) shareOf(filter string) *share {
	name, rest, _ := mqttwire.SplitShared(filter)
	b.subscriptions.RLock()
	defer b.subscriptions.RUnlock()
	if _, a, ok := b.subscriptions.tree.Get(rest); ok && a.crowd != nil {
		for _, s := range a.crowd.shares {
			if s.name == name {
				return s
			}
		}
	}
	return nil
}

// passOn gives what a member of a share may not read to another one.
func (batch *Batch) passOn() {
	if len(batch.refused) == 0 {
		return
	}
	orphans := batch.refused
	batch.refused = nil
	for range len(orphans) - batch.b.rehome(batch, orphans) {
		batch.b.metrics.dropped(dropNotAuthorized)
	}
}

// rehome gives orphans to other members of their shares, of which nil has none,
// and says how many were taken. It uses the batch's message, so nothing else may
// be under way.
func (b *Broker) rehome(batch *Batch, orphans []orphan) (taken int) {
	for _, o := range orphans {
		share := o.share
		if share != nil && len(*share.members.Load()) == 0 { // and may have been taken up anew since
			share = b.shareOf(share.filter)
		}
		if share == nil {
			continue
		}
		batch.carry(o.message, o.message.Topic)
		batch.kept = o.message
		if share.deliver(batch) {
			taken++
		}
		batch.drop()
	}
	return taken
}
