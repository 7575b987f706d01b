package broker

import (
	"sync/atomic"
	"time"

	"mqtk/mqttwire"
)

// matched is who receives a topic: one target per session, overlapping
// subscriptions merged, and the shares. It is compiled once per topic and
// shared by all publishers until a subscription that concerns it changes.
type matched struct {
	topic      string        // a kept copy
	generation atomic.Uint64 // of the subscriptions, until which it is known to be right
	targets    []target
	shares     []*share
	transient  bool // lives in a batch: its slices are used again for the next message
}

// target is how one session receives a topic.
type target struct {
	session     *Session
	extras      *extras
	qos         mqttwire.QoS // the highest granted
	asPublished bool         // some subscription has Retain As Published
	own         *target      // what the session receives of its own publications; nil: the same
	mute        bool         // nothing
}

// publishing is what a connection has that publishes: who receives the topics it
// has published to lately, the aliases it has set, and its pace.
type publishing struct {
	last    *matched
	topics  map[string]*matched
	aliases []string // Topic Alias, inbound: aliases[n-1]
	rate    rate     // of bytes that had to wait, while memory is short
	*rare            // nil while it has none of them
}

// rare is what few publishers have: limits of packets and bytes, and a mount point,
// with the last topic as the client says it and as it is; and who was refused
// something, when the log last said so, and how often that was since.
type rare struct {
	messages, bytes rate
	inside, outside string
	complained      time.Time
	denied          int
}

func (k *publishing) needRare() *rare {
	if k.rare == nil {
		k.rare = &rare{}
	}
	return k.rare
}

func (c *Conn) publishing() *publishing {
	if c.cache == nil {
		c.cache = &publishing{}
	}
	return c.cache
}

const (
	cachedTopics  = 128  // of one connection
	cachedTargets = 32   // of a topic that a connection caches: an idle publisher keeps what it has
	cachedMatches = 4096 // of the broker
	cachedChanges = 1024 // of subscriptions, until its cache is emptied
	cachedWeight  = 8 << 20
)

// matchFor finds who receives a topic. The result is good until the next call
// with this batch.
func (b *Broker) matchFor(batch *Batch, c *Conn, topic string) *matched {
	if c == nil {
		b.compile(batch, &batch.match, topic)
		return &batch.match
	}
	k := c.publishing()
	m := k.last
	if m == nil || m.topic != topic {
		m = k.topics[topic]
	}
	if m == nil || !b.stands(m) {
		if m = b.sharedMatch(batch, topic); m.transient || len(m.targets) > cachedTargets {
			return m // among so many receivers a look into the shared cache is nothing
		}
		k.keep(m)
	}
	k.last = m
	return m
}

// stands says whether a match is right still: no subscription has changed since,
// or none that concerns its topic.
func (b *Broker) stands(m *matched) bool {
	was := m.generation.Load()
	if was == b.subscriptions.generation.Load() {
		return true
	}
	now, stands := b.subscriptions.stands(m.topic, was)
	if stands {
		m.generation.Store(now)
	}
	return stands
}

func (k *publishing) keep(m *matched) {
	if k.topics == nil || len(k.topics) >= cachedTopics {
		k.topics = make(map[string]*matched, 1)
	}
	k.topics[m.topic] = m
}

// sharedMatch looks into the broker's cache, and compiles what is not there. A
// cache that is full is left as it is: a broker with more topics than that
// gains little from it. Nothing is locked while a topic is matched, since how
// long that takes is for those who subscribe to say.
func (b *Broker) sharedMatch(batch *Batch, topic string) *matched {
	if m := b.cachedMatch(topic); m != nil && b.stands(m) {
		return m
	}
	m := &batch.match
	b.compile(batch, m, topic)
	b.matches.Lock()
	defer b.matches.Unlock()
	weight, topics := b.matches.weight+m.weight(), len(b.matches.topics)
	if was := b.matches.topics[topic]; was != nil {
		weight -= was.weight()
		topics--
	}
	if topics >= cachedMatches || weight > cachedWeight {
		return m
	}
	m = m.clone()
	b.matches.topics[m.topic] = m
	b.matches.weight = weight
	return m
}

// cachedMatch returns what is in the cache, nil for nothing. So that topics which
// nobody publishes to any more keep neither their places nor sessions that have
// ended, it empties the cache now and then.
func (b *Broker) cachedMatch(topic string) *matched {
	generation := b.subscriptions.generation.Load()
	b.matches.Lock()
	defer b.matches.Unlock()
	if int64(generation-b.matches.emptied) > cachedChanges {
		b.matches.emptied = generation
		b.matches.topics = make(map[string]*matched)
		b.matches.weight = 0
	}
	return b.matches.topics[topic]
}

// weight is about what a clone costs, in bytes.
func (m *matched) weight() int { return len(m.topic) + 64*len(m.targets) + 8*len(m.shares) }

// clone copies a scratch result into one that lasts.
func (m *matched) clone() *matched {
	k := &matched{topic: string([]byte(m.topic))}
	k.generation.Store(m.generation.Load())
	k.targets = append(k.targets, m.targets...)
	k.shares = append(k.shares, m.shares...)
	return k
}

// compile matches a topic against the subscriptions into m.
func (b *Broker) compile(batch *Batch, m *matched, topic string) {
	clear(m.targets)
	clear(m.shares)
	*m = matched{topic: topic, targets: m.targets[:0], shares: m.shares[:0], transient: true}
	if batch.merge == nil {
		batch.merge = make(map[*Session]int)
	}
	clear(batch.merge)
	b.subscriptions.RLock()
	defer b.subscriptions.RUnlock()
	m.generation.Store(b.subscriptions.generation.Load())
	b.subscriptions.tree.Match(topic, func(a audience) {
		if a.one != nil {
			m.add(batch.merge, a.one)
			return
		}
		m.shares = append(m.shares, a.crowd.shares...)
		for _, s := range a.crowd.plain {
			m.add(batch.merge, s)
		}
	})
}

// add merges one subscription into the targets: one copy at the highest granted
// QoS with all identifiers [MQTT-3.3.4-2, -4].
func (m *matched) add(merge map[*Session]int, s *subscription) {
	i, again := merge[s.session]
	if !again {
		i = len(m.targets)
		merge[s.session] = i
		m.targets = append(m.targets, target{session: s.session})
	}
	t := &m.targets[i]
	if s.noLocal && t.own == nil {
		own := *t
		own.extras = t.extras.clone()
		own.mute = !again
		t.own = &own
	}
	if t.own != nil && !s.noLocal {
		t.own.mute = false
		t.own.merge(s)
	}
	t.merge(s)
}

func (t *target) merge(s *subscription) {
	t.qos = max(t.qos, s.qos)
	t.asPublished = t.asPublished || s.asPublished
	if s.identifier > 0 {
		if t.extras == nil {
			t.extras = &extras{}
		}
		t.extras.identifiers = append(t.extras.identifiers, s.identifier)
	}
}

// Route gives a message to everybody who is to have it. Publications, wills,
// $SYS and, later, other brokers enter here. It returns how many subscriptions
// matched. The caller keeps no claim on the order of messages it routes from
// several goroutines.
func (b *Broker) Route(m *Message) (matches int) {
	b.background(func(batch *Batch) {
		batch.carry(m, m.Topic)
		matches = b.route(batch, nil, b.matchFor(batch, nil, m.Topic))
		batch.drop()
	})
	return matches
}

// route delivers the message that the batch carries.
func (b *Broker) route(batch *Batch, from *Session, m *matched) (matches int) {
	view := &batch.view
	if view.Retain {
		b.retain(batch)
		if !b.stands(m) {
			// Who subscribed between the match and now may have looked at the
			// retained messages before this was one.
			m = b.matchFor(batch, nil, view.Topic)
		}
	}
	batch.many = len(m.targets) > 1
	for i := range m.targets {
		t := &m.targets[i]
		if t.own != nil && from == t.session {
			if t = t.own; t.mute {
				continue
			}
		}
		d := delivery{extras: t.extras, qos: b.deliveredQoS(view.QoS, t.qos), retain: view.Retain && t.asPublished}
		switch {
		case !b.asksReceivers() || b.mayReceive(t.session, view.Topic):
			t.session.deliver(batch, d)
		case b.mayBeAllowed(t.session):
			t.session.await(batch, d)
		default:
			b.metrics.dropped(dropNotAuthorized)
		}
		matches++
	}
	for _, s := range m.shares {
		if s.deliver(batch) {
			matches++
		}
	}
	return matches
}

// offer hands the message that the batch carries to the Fabric. Only what a
// client of this broker published is offered, or it would come back from there.
func (b *Broker) offer(batch *Batch) {
	if b.fabric != nil {
		b.fabric.Publish(batch.message(mqttwire.V311))
	}
}

// deliveredQoS is the lower of the published and the granted one.
func (b *Broker) deliveredQoS(published, granted mqttwire.QoS) mqttwire.QoS {
	if b.limits().UpgradeOutgoingQoS {
		return granted
	}
	return min(published, granted)
}

// mayReceive is the one question whether a session may be sent a topic: for
// live, retained, queued, resumed, shared and will deliveries.
func (b *Broker) mayReceive(s *Session, topic string) bool {
	return b.authority.Load().allows(s.identity.Load(), Receive, topic) && (!b.mounts.Load() || s.reaches(topic))
}

// asksReceivers says whether anything is asked of receivers at all. Where a message has many
// of them, mayReceive would be a tenth of what each costs.
func (b *Broker) asksReceivers() bool { return b.authority.Load() != nil || b.mounts.Load() }

// mayBeAllowed says whether a client that is away may be allowed what it was
// denied just now, because its rights are not known.
func (b *Broker) mayBeAllowed(s *Session) bool {
	return s.live() == nil && !b.authority.Load().knows(s.identity.Load())
}

// full returns a receiver that is under pressure and keeps its pace, nil for
// none. The publisher itself does not count: it cannot wait for itself.
func (m *matched) full(publisher *Conn, how fullness) *Conn {
	for _, t := range m.targets {
		if r := t.session.live(); r != nil && r != publisher && r.inTheWay(how) {
			return r
		}
	}
	for _, s := range m.shares {
		if r := s.full(publisher, how); r != nil {
			return r
		}
	}
	return nil
}

// receivers are the live connections that are to be waited for: those that get
// the topic and are full, and one of each share that has nobody with room.
func (m *matched) receivers() []*Conn {
	var all []*Conn
	for _, t := range m.targets {
		if r := t.session.live(); r != nil && r.out.full.Load() {
			all = append(all, r)
		}
	}
	for _, s := range m.shares {
		if r := s.full(nil, anyFull); r != nil {
			all = append(all, r)
		}
	}
	return all
}
