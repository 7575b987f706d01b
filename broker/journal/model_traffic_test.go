package journal

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"net"
	"slices"
	"strings"
	"time"

	"mqtk/broker"
	"mqtk/mqttwire"
)

// traffic makes up what a busy broker appends: mind is what the broker has in
// memory. Numbers are given when memory changes and never again.
type traffic struct {
	random      *rand.Rand
	mind        *truth
	incarnation uint64
	version     uint64
	deliveries  map[uint64]uint64 // the count of an incarnation's deliveries
	changes     map[uint64]uint64 // and of everything else
	messages    int
	largest     int             // payload
	gone        map[uint64]bool // incarnations that get nothing new
	drain       bool            // nothing new at all
	prefix      string          // of topics
	habit       int
}

func newTraffic(seed uint64) *traffic {
	return &traffic{random: rand.New(rand.NewPCG(seed, 1)), mind: newTruth(), largest: 700, prefix: "a", habit: int(seed % uint64(len(habits))),
		deliveries: map[uint64]uint64{}, changes: map[uint64]uint64{}}
}

// restart goes on as a broker does that knows no more than what Replay told.
func (t *traffic) restart(known *truth, told highest) {
	t.mind = known.clone()
	t.incarnation, t.version = told.incarnation, told.version
	t.deliveries, t.changes = maps.Clone(told.deliveries), maps.Clone(told.changes)
	t.gone = map[uint64]bool{}
	for _, n := range t.live(false) {
		t.gone[n] = true // its connection is no more
	}
}

// next returns the Events of one packet, or of something else that happens at
// once. They have happened when mind has them.
func (t *traffic) next() []broker.Event {
	for {
		if events := t.act(); len(events) > 0 {
			return events
		}
	}
}

// habits are what brokers are used for: how often each of acts happens.
var habits = [][11]int{
	{30, 4, 6, 6, 6, 4, 4, 31, 4, 3, 2},  // everything
	{30, 0, 2, 1, 1, 10, 1, 42, 3, 1, 0}, // queues of sessions that last
	{4, 60, 3, 2, 2, 1, 1, 8, 0, 2, 1},   // retained messages
	{3, 2, 4, 30, 40, 2, 1, 6, 0, 8, 1},  // subscriptions and packet ids
}

func (t *traffic) act() []broker.Event {
	acts := [11]func() []broker.Event{t.publish, t.retain, t.connect, t.subscribe, t.held, t.send, t.clean, t.settle, t.move, t.leave, t.end}
	weights, sum := habits[t.habit], 0
	if t.drain {
		weights = [11]int{5: 1, 7: 9}
	}
	for _, w := range weights {
		sum += w
	}
	roll := t.random.IntN(sum)
	for i, w := range weights {
		if roll -= w; roll < 0 {
			return acts[i]()
		}
	}
	return nil
}

// live lists the incarnations that have not ended, with a session or without.
func (t *traffic) live(persistent bool) []uint64 {
	var all []uint64
	for _, n := range slices.Sorted(maps.Keys(t.mind.sessions)) {
		h := t.mind.sessions[n]
		if !h.ended && (h.session.Kind != 0) == persistent {
			all = append(all, n)
		}
	}
	return all
}

func (t *traffic) pick(all []uint64) uint64 {
	if len(all) == 0 {
		return 0
	}
	return all[t.random.IntN(len(all))]
}

func (t *traffic) delivery(n uint64) uint64 { t.deliveries[n]++; return t.deliveries[n] }
func (t *traffic) change(n uint64) uint64   { t.changes[n]++; return t.changes[n] }

func (t *traffic) topic() string { return fmt.Sprintf("%s/%d", t.prefix, t.random.IntN(6)) }

func (t *traffic) message(topic string) *broker.Message {
	t.messages++
	size := t.random.IntN(80)
	if t.random.IntN(8) == 0 {
		size = t.random.IntN(t.largest)
	}
	now := time.Now()
	m := &broker.Message{Topic: topic, Payload: fmt.Appendf(nil, "%d %s", t.messages, strings.Repeat("x", size)),
		QoS: mqttwire.QoS(1 + t.random.IntN(2)), Retain: t.random.IntN(4) == 0, Arrived: now}
	if t.random.IntN(3) == 0 {
		m.Properties = m.Properties.AddText(mqttwire.ContentType, "text/plain").AddUser("a", "b")
	}
	if t.random.IntN(3) == 0 {
		seconds := uint32(1 + t.random.IntN(100000))
		m.Properties = m.Properties.AddNumber(mqttwire.MessageExpiryInterval, seconds)
		m.Expires = now.Add(time.Duration(seconds) * time.Second)
	}
	if t.random.IntN(4) > 0 {
		m.From = fmt.Sprintf("publisher%d", t.random.IntN(4))
		m.Owner = &broker.Identity{Username: "user" + m.From, ClientID: m.From, Remote: t.address()}
	}
	return m
}

func (t *traffic) address() net.Addr {
	if t.random.IntN(5) == 0 {
		return nil
	}
	return &net.TCPAddr{IP: net.IPv4(127, 0, 0, byte(t.random.IntN(9))), Port: 1024 + t.random.IntN(9)}
}

// publish is one packet: its message to several sessions, some of which have
// room in the window, its place in the retained set and its held packet id.
func (t *traffic) publish() []broker.Event {
	m := t.message(t.topic())
	var events []broker.Event
	for _, n := range t.live(true) {
		if t.random.IntN(2) == 0 {
			events = append(events, t.enqueue(n, m)...)
		}
	}
	for _, n := range t.live(false) {
		if !t.gone[n] && t.random.IntN(3) == 0 {
			events = append(events, t.enqueue(n, m)...)
		}
	}
	if m.Retain {
		events = append(events, t.retained(m.Topic, m))
	}
	if n := t.pick(t.live(true)); n != 0 && m.QoS == 2 && len(events) > 0 {
		events = append(events, t.event(broker.EventHeld, n, t.change(n), mqttwire.PacketID(1+t.random.IntN(9))))
	}
	return events
}

func (t *traffic) enqueue(n uint64, m *broker.Message) []broker.Event {
	e := t.event(broker.EventEnqueue, n, t.delivery(n), 0)
	e.Message, e.QoS, e.Retain = m, mqttwire.QoS(1+t.random.IntN(int(m.QoS))), m.Retain && t.random.IntN(2) == 0
	e.Brought = t.random.IntN(4) == 0
	if t.random.IntN(3) == 0 {
		e.Identifiers = []uint32{1 + t.random.Uint32N(1<<28-2), 7}[:1+t.random.IntN(2)]
	}
	if t.random.IntN(5) == 0 || t.mind.sessions[n].session.Kind == 0 {
		e.Share = "$share/s/a/#"
	}
	events := []broker.Event{e}
	if id := t.unused(n); id != 0 && t.random.IntN(2) == 0 {
		events = append(events, t.event(broker.EventInflight, n, e.Sequence, id))
	}
	return events
}

func (t *traffic) event(kind broker.EventKind, n, sequence uint64, id mqttwire.PacketID) broker.Event {
	return broker.Event{Kind: kind, ClientID: t.mind.sessions[n].clientID, Incarnation: n, Sequence: sequence, PacketID: id}
}

// unused is a packet id that is free in the window, 0: the window is full.
func (t *traffic) unused(n uint64) mqttwire.PacketID {
	h := t.mind.sessions[n]
	used := map[mqttwire.PacketID]bool{}
	for sequence, d := range h.deliveries {
		if d.inflight && h.state(sequence, d) != "" {
			used[d.packetID] = true
		}
	}
	for id := mqttwire.PacketID(1); id <= 6; id++ {
		if !used[id] {
			return id
		}
	}
	return 0
}

func (t *traffic) retained(topic string, m *broker.Message) broker.Event {
	t.version++
	e := broker.Event{Kind: broker.EventRetain, Topic: topic, Sequence: t.version, Message: m}
	if old := t.mind.retained[topic]; old.Message != nil {
		e.Replaces = old.Sequence
	}
	return e
}

func (t *traffic) retain() []broker.Event {
	topic := t.topic()
	if t.mind.retained[topic].Message != nil && t.random.IntN(2) == 0 {
		return []broker.Event{t.retained(topic, nil)}
	}
	return []broker.Event{t.retained(topic, t.message(topic))}
}

// connect makes a session, takes one up again, or begins a clean connection with
// a will or in a share.
func (t *traffic) connect() []broker.Event {
	all := t.live(true)
	if len(all) > 2+t.random.IntN(4) {
		return t.session(t.pick(all), true)
	}
	t.incarnation++
	n := t.incarnation
	h := t.mind.biography(&broker.Event{Incarnation: n, ClientID: fmt.Sprintf("c%d", t.random.IntN(6))})
	if t.random.IntN(4) == 0 {
		if t.random.IntN(2) == 0 {
			return t.enqueue(n, t.message(t.topic()))
		}
		return []broker.Event{t.will(n)}
	}
	var events []broker.Event
	if old := t.pick(all); old != 0 && t.random.IntN(4) == 0 {
		h.clientID = t.mind.sessions[old].clientID
		events = append(events, t.event(broker.EventSessionEnd, old, 0, 0))
	}
	return append(events, t.session(n, true)...)
}

func (t *traffic) session(n uint64, connected bool) []broker.Event {
	e := t.event(broker.EventSession, n, t.change(n), 0)
	e.Username, e.Remote = fmt.Sprintf("user%d", t.random.IntN(3)), t.address()
	e.SessionExpiry, e.Connected = 1+t.random.Uint32N(1<<20), connected
	if !connected {
		e.Ends = time.Now().Add(time.Duration(e.SessionExpiry) * time.Second)
	}
	events := []broker.Event{e}
	if connected && t.random.IntN(2) == 0 {
		events = append(events, t.will(n))
	}
	return events
}

func (t *traffic) will(n uint64) broker.Event {
	e := t.event(broker.EventWill, n, t.change(n), 0)
	e.Message, e.WillDelay = t.message(t.prefix+"/will"), t.random.Uint32N(100)
	if t.random.IntN(3) == 0 {
		e.Ends = time.Now().Add(time.Duration(e.WillDelay) * time.Second)
	}
	return e
}

func (t *traffic) subscribe() []broker.Event {
	n := t.pick(t.live(true))
	if n == 0 {
		return nil
	}
	e := t.event(broker.EventSubscribe, n, t.change(n), 0)
	e.Subscription.Filter = fmt.Sprintf("f/%d/#", t.random.IntN(4))
	if t.random.IntN(3) == 0 {
		e.Kind = broker.EventUnsubscribe
		return []broker.Event{e}
	}
	e.Subscription.QoS, e.Subscription.NoLocal = mqttwire.QoS(t.random.IntN(3)), t.random.IntN(2) == 0
	e.Subscription.RetainAsPublished, e.Subscription.RetainHandling = t.random.IntN(2) == 0, byte(t.random.IntN(3))
	e.Identifier = t.random.Uint32N(1 << 10)
	return []broker.Event{e}
}

// held forgets a packet id of a QoS 2 PUBLISH, or holds one that had no receiver.
func (t *traffic) held() []broker.Event {
	n := t.pick(t.live(true))
	if n == 0 {
		return nil
	}
	kind, id := broker.EventHeld, mqttwire.PacketID(1+t.random.IntN(9))
	if t.mind.sessions[n].held[id].Kind == broker.EventHeld {
		kind = broker.EventForgotten
	}
	return []broker.Event{t.event(kind, n, t.change(n), id)}
}

// clean ends what a connection without session holds for a share.
func (t *traffic) clean() []broker.Event {
	n := t.pick(t.live(false))
	if n == 0 || t.random.IntN(3) == 0 {
		return nil
	}
	return []broker.Event{t.event(broker.EventSessionEnd, n, 0, 0)}
}

// which picks a delivery in one of the states, the sooner the likelier.
func (t *traffic) which(states string) (n, sequence uint64) {
	n = t.pick(append(t.live(true), t.live(false)...))
	if n == 0 {
		return 0, 0
	}
	h := t.mind.sessions[n]
	var all []uint64
	for sequence, d := range h.deliveries {
		if word, _, _ := strings.Cut(h.state(sequence, d), " "); word != "" && strings.Contains(states, word) {
			all = append(all, sequence)
		}
	}
	slices.Sort(all)
	if len(all) == 0 {
		return 0, 0
	}
	return n, all[t.random.IntN(1+t.random.IntN(len(all)))]
}

// send puts a queued delivery into the window.
func (t *traffic) send() []broker.Event {
	n, sequence := t.which("queued")
	if n == 0 {
		return nil
	}
	id := t.unused(n)
	if id == 0 {
		return nil
	}
	return []broker.Event{t.event(broker.EventInflight, n, sequence, id)}
}

// settle is PUBREC, PUBACK or PUBCOMP, or a message that expired or was dropped.
func (t *traffic) settle() []broker.Event {
	n, sequence := t.which([]string{"inflight", "released", "inflight released", "queued"}[t.random.IntN(4)])
	if n == 0 {
		return nil
	}
	if d := t.mind.sessions[n].deliveries[sequence]; d.inflight && !d.released && t.random.IntN(3) == 0 {
		return []broker.Event{t.event(broker.EventReleased, n, sequence, d.packetID)}
	}
	return []broker.Event{t.event(broker.EventDequeue, n, sequence, 0)}
}

// move hands what a member of a share held to another one.
func (t *traffic) move() []broker.Event {
	n, sequence := t.which("queued inflight")
	to := t.pick(t.live(true))
	if n == 0 || to == 0 || to == n || t.drain {
		return nil
	}
	m := t.mind.sessions[n].deliveries[sequence].enqueue.Message
	return append([]broker.Event{t.event(broker.EventDequeue, n, sequence, 0)}, t.enqueue(to, m)...)
}

// leave marks a session as not connected; its will is removed or fires.
func (t *traffic) leave() []broker.Event {
	n := t.pick(t.live(true))
	if n == 0 {
		return nil
	}
	events := t.session(n, false)
	if h := t.mind.sessions[n]; h.will.Message != nil {
		events = append(events, t.event(broker.EventWill, n, t.change(n), 0))
		if to := t.pick(t.live(true)); t.random.IntN(2) == 0 { // one frame with what it does
			events = append(events, t.enqueue(to, h.will.Message)...)
		}
	}
	return events
}

func (t *traffic) end() []broker.Event {
	all := t.live(true)
	if len(all) < 2 {
		return nil
	}
	return []broker.Event{t.event(broker.EventSessionEnd, t.pick(all), 0, 0)}
}
