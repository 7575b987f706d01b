package bench

import (
	"maps"
	"slices"

	"mqtk/mqttwire"
)

// A testSession is what the broker knows of a client.
type testSession struct {
	broker  *testBroker
	id      string
	conn    *testConn // nil: away
	expiry  uint32    // 0: it ends with its connection
	filters map[string]mqttwire.Subscription

	// of what the client publishes
	held           map[mqttwire.PacketID]bool // QoS 2, up to PUBREL
	unacknowledged int

	// of what it receives
	room     int // its Receive Maximum
	inflight int
	sent     map[mqttwire.PacketID]*testDelivery
	queue    []*testDelivery
	lastID   mqttwire.PacketID
	count    int

	kept map[uint32]*testDelivery // held back by the faults, by publisher
	late []testLate               // to come again
}

// A testDelivery is a message on its way to one client. It must not be changed
// but for its number, its packet id and DUP.
type testDelivery struct {
	mqttwire.Publish
	group    string // who must have it once
	number   int
	received bool // PUBREC has come

	corrupted, lowered bool // by the faults
}

func newTestSession(b *testBroker, id string) *testSession {
	return &testSession{
		broker: b, id: id, filters: map[string]mqttwire.Subscription{},
		held: map[mqttwire.PacketID]bool{}, sent: map[mqttwire.PacketID]*testDelivery{}, kept: map[uint32]*testDelivery{},
	}
}

// accept does with a message what the faults say, or retains and routes it.
func (b *testBroker) accept(m *mqttwire.Publish) (refused mqttwire.ReasonCode, swallowed bool) {
	f, n := &b.faults, b.books.published
	if m.QoS > 0 && f.refusePublish != 0 && hits(n, max(f.refuseEach, 1)) {
		b.books.publishing(m.Payload).refused++
		return f.refusePublish, false
	}
	to := b.receivers(m)
	b.books.expect(to, m.Payload)
	switch {
	case hits(n, f.swallow):
		b.books.swallowed++
		return 0, true
	case hits(n, f.forget) && len(m.Payload) > 0:
		b.books.forgotten++
		return 0, false
	}
	if m.Retain {
		if old := b.retained[m.Topic]; old == nil || !b.faults.keepOld {
			b.retained[m.Topic] = m
		}
		b.books.retained++
		if len(m.Payload) == 0 {
			delete(b.retained, m.Topic)
			b.books.cleared++
		}
	}
	for _, r := range to {
		r.session.deliver(m, r)
	}
	return 0, false
}

// A testReceiver is a session that gets a message.
type testReceiver struct {
	session     *testSession
	group       string // the filter of the share, or the client's id: who must have it once
	qos         mqttwire.QoS
	asPublished bool // keeps RETAIN as it is
}

// receivers finds out who gets m: overlapping filters of one session count as
// one, and of each share it is the next member's turn.
func (b *testBroker) receivers(m *mqttwire.Publish) (list []testReceiver) {
	r := b.routes[m.Topic]
	if r == nil {
		r = b.route(m.Topic)
		b.routes[m.Topic] = r
	}
	list = r.own
	for filter, of := range r.shares {
		list = append(list[:len(list):len(list)], of[b.shares[filter]%len(of)])
		b.shares[filter]++
	}
	return list
}

// A testRoute is who subscribes to a topic.
type testRoute struct {
	own    []testReceiver
	shares map[string][]testReceiver
}

func (b *testBroker) route(topic string) *testRoute {
	route := &testRoute{shares: map[string][]testReceiver{}}
	for _, id := range slices.Sorted(maps.Keys(b.sessions)) {
		s, own := b.sessions[id], testReceiver{}
		for filter, sub := range s.filters {
			_, rest, shared := mqttwire.SplitShared(filter)
			r := testReceiver{s, filter, sub.QoS, sub.RetainAsPublished}
			switch {
			case !mqttwire.Match(rest, topic):
			case shared:
				route.shares[filter] = append(route.shares[filter], r)
			case own.session == nil || own.qos < r.qos:
				own = r
				own.group = s.id
			}
		}
		if own.session != nil {
			route.own = append(route.own, own)
		}
	}
	return route
}

// deliver brings m to the session, unless a fault is in between.
func (s *testSession) deliver(m *mqttwire.Publish, as testReceiver) {
	qos := min(m.QoS, as.qos)
	if s.conn == nil && (qos == 0 || s.expiry == 0) {
		s.broker.books.missed++
		return
	}
	d := &testDelivery{group: as.group, Publish: *m}
	d.QoS, d.Retain = qos, m.Retain && as.asPublished && !s.broker.faults.unmarked
	s.broker.spoil(s, d)
}

// put sends d, or lets it wait for its turn.
func (s *testSession) put(d *testDelivery) {
	d.Dup, d.PacketID, d.received = false, 0, false
	s.count++
	d.number = s.count
	s.queue = append(s.queue, d)
	s.flush()
}

// flush sends as much as the client has room for.
func (s *testSession) flush() {
	for s.conn != nil && len(s.queue) > 0 && (s.queue[0].QoS == 0 || s.inflight < s.room) {
		d := s.queue[0]
		s.queue = s.queue[1:]
		if d.QoS > 0 {
			for s.lastID++; s.lastID == 0 || s.sent[s.lastID] != nil; s.lastID++ {
			}
			d.PacketID = s.lastID
			s.sent[d.PacketID] = d
			s.inflight++
		}
		s.broker.books.delivered(s, d)
		s.send(d)
	}
}

func (s *testSession) send(d *testDelivery) {
	s.conn.send(&d.Publish)
	if !s.conn.count() {
		s.conn.leave()
	}
}

// resume brings to a client that came back what it has not acknowledged, and
// what waits.
func (s *testSession) resume() {
	for _, d := range slices.SortedFunc(maps.Values(s.sent), func(a, b *testDelivery) int { return a.number - b.number }) {
		s.inflight++
		if d.received {
			s.conn.send(&mqttwire.Ack{Kind: mqttwire.PUBREL, PacketID: d.PacketID})
			continue
		}
		d.Dup = true
		s.broker.books.resent++
		s.conn.send(&d.Publish)
	}
	s.flush()
}

// acknowledged is about PUBACK, PUBREC and PUBCOMP of the client.
func (s *testSession) acknowledged(p *mqttwire.Ack) {
	d := s.sent[p.PacketID]
	switch {
	case d == nil, (d.QoS == 1) != (p.Kind == mqttwire.PUBACK), d.received != (p.Kind == mqttwire.PUBCOMP):
		s.broker.books.strange++
		if p.Kind == mqttwire.PUBREC && s.broker.faults.hostile == nil {
			s.conn.send(&mqttwire.Ack{Kind: mqttwire.PUBREL, PacketID: p.PacketID, Reason: mqttwire.PacketIdentifierNotFound})
		}
		return
	case p.Kind == mqttwire.PUBREC && p.Reason < 0x80:
		d.received = true
		s.conn.send(&mqttwire.Ack{Kind: mqttwire.PUBREL, PacketID: p.PacketID})
		return
	}
	s.broker.books.acknowledged++
	delete(s.sent, p.PacketID)
	s.inflight--
	s.flush()
}
