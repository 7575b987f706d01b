package bench

import (
	"bytes"
	"encoding/binary"
	"fmt"

	"mqtk/mqttwire"
	"mqtk/mqttwire/client"
)

// A subscriber is a client that receives, and holds what comes against what was
// sent.
type subscriber struct {
	w       *worker
	c       *link
	number  int
	filters []string
	granted mqttwire.QoS // the least that its filters have
	group   *group       // of a shared subscription; nil: it is on its own

	// Messages of the publishers first, first+step, first+2·step ... are due; the
	// flows are in that order. Those of a member of a group are the group's, and
	// its own only know the order.
	first, step uint32
	flows       []flow
	strangers   map[uint64]*stranger // where somebody else publishes: by tag and publisher

	// of the last message: the next is likely to be of the same publisher
	lastPublisher uint32 // maxClients: none
	lastFlow      *flow
	lastFan       *fan
	lastSent      int64 // messages that it had sent when we asked
	advance       int64 // that lastFan is not told of

	known    likeness
	unproven bool  // whether known's topic is the last publisher's
	pending  idSet // packet ids of QoS 2 that were received and not released
	received int64 // messages of this phase, for the first time
	dead     bool  // its connection has ended in this phase
	back     bool  // it comes back to a session that has its subscriptions

	duplicated [3]int64 // of this phase, by QoS
}

// A group is the members of a shared subscription. They are on one worker.
type group struct {
	flows     []flow
	strangers map[uint64]*stranger
	members   []*subscriber
}

// gone: the other members take over, if there are any.
func (g *group) gone(r *run) {
	for _, s := range g.members {
		if !s.dead {
			return
		}
	}
	for _, x := range r.fans {
		x.receivers.Add(-1)
	}
	r.wakeAll()
}

// connected subscribes.
func (s *subscriber) connected(c *link, g *grants) (bool, error) {
	s.pending = idSet{}
	s.known = likeness{}
	if s.back {
		s.comeBack(g)
		return false, nil
	}
	m := mqttwire.Subscribe{PacketID: 1}
	for _, f := range s.filters {
		if err := g.allows(f); err != nil {
			return false, err
		}
		m.Subscriptions = append(m.Subscriptions, mqttwire.Subscription{Filter: f, QoS: s.w.run.plan.QoS})
	}
	b, err := m.Append(nil, s.w.run.plan.Version)
	if err != nil {
		return false, err
	}
	c.send(b)
	return true, nil
}

// comeBack: what has waited for it comes, and messages are due to it again.
func (s *subscriber) comeBack(g *grants) {
	s.dead = false
	for i := range s.flows {
		fan := s.w.run.fans[s.first+uint32(i)*s.step]
		fan.receivers.Add(1)
		fan.progress.Add(s.flows[i].next)
	}
	if s.w.back++; !g.session && s.w.run.plan.Version != mqttwire.V31 { // which does not tell
		s.w.sessionsLost++
	}
}

// allows refuses a filter that the broker has said not to have.
func (g *grants) allows(filter string) error {
	_, rest, shared := mqttwire.SplitShared(filter)
	switch {
	case shared && !g.shared:
		return &client.LimitError{Subject: "subscribe " + filter, Reason: mqttwire.SharedSubscriptionsNotSupported, Detail: "the server has no shared subscriptions"}
	case !g.wildcard && bytes.ContainsAny([]byte(rest), "+#"):
		return &client.LimitError{Subject: "subscribe " + filter, Reason: mqttwire.WildcardSubscriptionsNotSupported, Detail: "the server has no wildcard subscriptions"}
	}
	return nil
}

// subscribed reads SUBACK.
func (s *subscriber) subscribed(c *link, p *mqttwire.Suback) error {
	if c.stage != settling || p.PacketID != 1 {
		return violation(mqttwire.ProtocolError, "3.9", "SUBACK for packet id %d, which no SUBSCRIBE has", p.PacketID)
	}
	if len(p.Reasons) != len(s.filters) {
		return violation(mqttwire.ProtocolError, "3.9.3", "SUBACK with %d reasons for %d filters", len(p.Reasons), len(s.filters))
	}
	s.granted = s.w.run.plan.QoS
	for i, reason := range p.Reasons {
		if reason >= 0x80 {
			return &client.SubscribeError{Filter: s.filters[i], Reason: reason}
		}
		s.granted = min(s.granted, mqttwire.QoS(reason))
	}
	c.settled()
	return nil
}

// begin prepares for a phase: nothing is received yet.
func (s *subscriber) begin(f *phase) {
	clear(s.flows)
	clear(s.strangers)
	s.lastPublisher, s.lastFlow, s.lastFan, s.lastSent, s.advance = maxClients, nil, nil, 0, 0
	s.received, s.duplicated = 0, [3]int64{}
}

// take handles what the broker sends to a subscriber.
func (s *subscriber) take(c *link, in []byte) (used int, err error) {
	w := s.w
	w.out = w.out[:0]
	w.readAt = w.loop.Now()
	for used < len(in) {
		n := 0
		if n, err = s.takeOne(c, in[used:]); err != nil || n == 0 {
			break
		}
		used += n
	}
	s.report()
	w.tally.settleRuns()
	if err != nil {
		return 0, err
	}
	if len(w.out) > 0 {
		c.queue(w.out)
		w.out = w.out[:0]
	}
	w.pump()
	return used, nil
}

// takeOne handles the packet that in begins with, if it is whole.
func (s *subscriber) takeOne(c *link, in []byte) (used int, err error) {
	if id, payload, n := s.known.read(in); n > 0 {
		return n, s.message(s.known.first, id, payload)
	}
	packet, n, err := s.w.decode(in)
	if n == 0 || err != nil {
		return 0, err
	}
	switch p := packet.(type) {
	case *mqttwire.Publish:
		s.known.learn(in[:n], p)
		s.unproven = true
		return n, s.message(in[0], p.PacketID, p.Payload)
	case *mqttwire.Ack:
		if p.Kind != mqttwire.PUBREL {
			s.w.stray(p)
			return n, nil
		}
		s.released(p.PacketID)
		return n, nil
	case *mqttwire.Suback:
		return n, s.subscribed(c, p)
	}
	return n, c.common(packet)
}

// released answers PUBREL. A broker may send it again, so an id that nothing
// awaits is answered, too.
func (s *subscriber) released(id mqttwire.PacketID) {
	s.pending.remove(id)
	s.w.answer(mqttwire.PUBCOMP, id)
}

// message takes a PUBLISH whose first byte is first.
func (s *subscriber) message(first byte, id mqttwire.PacketID, payload []byte) error {
	again := false
	switch first >> 1 & 3 {
	case 1:
		s.w.answer(mqttwire.PUBACK, id)
	case 2:
		s.w.answer(mqttwire.PUBREC, id)
		again = !s.pending.add(id)
		if again && first&8 != 0 {
			s.w.tally.retransmitted++
			return nil // the same transfer: no application would see it
		}
	}
	fresh := s.judge(first, payload)
	if again && fresh {
		return violation(mqttwire.PacketIdentifierInUse, "MQTT-4.3.3-9", "another PUBLISH with packet id %d, whose message is not released", id)
	}
	return nil
}

// judge says which message it is, and counts it; true: it came for the first time.
func (s *subscriber) judge(first byte, payload []byte) (fresh bool) {
	w := s.w
	t := &w.tally
	f := w.phase
	if w.booksClosed {
		return false
	}
	if len(payload) < HeaderSize || f == nil {
		t.Foreign++
		return false
	}
	if f.name == phaseListen {
		return s.hearOf(first, payload)
	}
	h := readHeader(payload)
	if h.tag != f.tag {
		s.unknown(f, h.tag)
		return false
	}
	if h.publisher >= uint32(len(w.run.publishers)) {
		s.corrupted(&h)
		return false
	}
	if h.publisher != s.lastPublisher && !s.turnTo(h.publisher) || !s.onTopic() {
		s.misrouted(&h)
		return false
	}
	if !s.wasSent(h.sequence) {
		s.corrupted(&h)
		return false
	}
	if len(payload) != w.run.sizes.size(h.publisher, h.sequence) || !intact(payload, w.run.fill) {
		s.corrupted(&h) // and still it has arrived: its loss would be another fault
	}
	if first>>1&3 != byte(s.granted) {
		t.WrongQoS++
	}
	before := s.lastFlow.next
	if !s.order(first>>1&3, h.publisher, h.sequence) {
		return false
	}
	s.advance += s.lastFlow.next - before
	t.BytesReceived += int64(len(payload))
	w.time(f, &h)
	return true
}

// onTopic tells that the message came by the topic that its publisher publishes
// to. A topic alias, which only a CONNECT of the user's own can allow, says
// nothing of it.
func (s *subscriber) onTopic() bool {
	if !s.unproven {
		return true
	}
	topic := s.known.topic()
	s.unproven = len(topic) > 0 && string(topic) != s.w.run.publishers[s.lastPublisher].topic
	return !s.unproven
}

func (s *subscriber) misrouted(h *header) {
	s.w.tally.Foreign++
	s.w.tally.asides.misrouted++
	s.w.remember(&s.w.examples.misrouted, s, h.publisher, h.sequence)
}

// wasSent tells that the last publisher has sent the message with that number.
func (s *subscriber) wasSent(sequence int64) bool {
	if sequence >= s.lastSent {
		s.lastSent = s.lastFan.sent.Load()
	}
	return sequence < s.lastSent
}

func (s *subscriber) corrupted(h *header) {
	s.w.tally.Corrupted++
	s.w.remember(&s.w.examples.corrupted, s, h.publisher, h.sequence)
}

// turnTo has a message of another publisher than the last.
func (s *subscriber) turnTo(publisher uint32) bool {
	s.report()
	flows := s.flows
	if s.group != nil {
		flows = s.group.flows
	}
	i := publisher - s.first
	if s.step > 1 {
		if i%s.step != 0 {
			return false
		}
		i /= s.step
	}
	if publisher < s.first || int(i) >= len(flows) {
		return false
	}
	s.lastPublisher, s.lastFlow, s.lastFan, s.lastSent = publisher, &flows[i], s.w.run.fans[publisher], 0
	s.unproven = true
	return true
}

// report tells the fan of the last publisher how far its messages have come.
func (s *subscriber) report() {
	if s.advance == 0 {
		return
	}
	s.lastFan.progress.Add(s.advance)
	s.advance = 0
	p := s.w.run.publishers[s.lastPublisher]
	if p.w == s.w {
		p.mark()
	} else if p.starving.Load() && p.starving.CompareAndSwap(true, false) {
		p.w.loop.Wake()
	}
}

// order counts a message whose payload is known; true: it came for the first time.
func (s *subscriber) order(qos byte, publisher uint32, sequence int64) bool {
	fresh, late := s.lastFlow.receive(sequence)
	if s.group != nil { // the order is that of each member
		own := &s.flows[(publisher-s.first)/s.step]
		late = sequence < own.next-1
		own.next = max(own.next, sequence+1)
	}
	return s.count(fresh, late, qos, publisher, sequence)
}

// count counts a message; true: it came for the first time.
func (s *subscriber) count(fresh, late bool, qos byte, publisher uint32, sequence int64) bool {
	t := &s.w.tally
	if late {
		t.Reordered++
	}
	if !fresh {
		t.Duplicated++
		s.duplicated[qos]++
		s.w.remember(&s.w.examples.duplicated, s, publisher, sequence)
		return false
	}
	if late {
		t.Disordered++
		s.w.remember(&s.w.examples.disordered, s, publisher, sequence)
	}
	s.received++
	t.Delivered++
	t.last, s.w.stirred = s.w.readAt, s.w.readAt
	return true
}

// unknown counts a message that is not of this phase.
func (s *subscriber) unknown(f *phase, tag uint16) {
	if tag == f.tag^warmupTag {
		s.w.tally.stale++
		return
	}
	s.w.tally.Foreign++
}

func (s *subscriber) room(*link) {}

// gone: what it does not receive any more, nobody waits for.
func (s *subscriber) gone(*link) {
	s.report()
	s.dead = true
	if s.group != nil {
		s.group.gone(s.w.run)
		return
	}
	for i := range s.flows {
		fan := s.w.run.fans[s.first+uint32(i)*s.step]
		fan.receivers.Add(-1)
		fan.progress.Add(-s.flows[i].next)
	}
	s.w.run.wakeAll()
}

func (s *subscriber) String() string { return fmt.Sprintf("subscriber %d", s.number) }

// An idSet is packet ids.
type idSet struct{ words []uint64 }

// add tells whether id was not there.
func (s *idSet) add(id mqttwire.PacketID) bool {
	i, bit := int(id>>6), uint64(1)<<(id&63)
	for i >= len(s.words) {
		s.words = append(s.words, 0)
	}
	fresh := s.words[i]&bit == 0
	s.words[i] |= bit
	return fresh
}

func (s *idSet) remove(id mqttwire.PacketID) {
	if i := int(id >> 6); i < len(s.words) {
		s.words[i] &^= 1 << (id & 63)
	}
}

// A likeness is the last PUBLISH without its packet id and payload. What follows
// is mostly the same again, to the letter: then it need not be judged again.
type likeness struct {
	first     byte
	total     int    // bytes of the packet
	head      []byte // up to the packet id
	topicSize int    // at the end of head
	idSize    int    // 0 or 2
	middle    []byte // from behind the packet id up to the payload
	payloadAt int
}

// learn copies what is before the payload.
func (l *likeness) learn(in []byte, p *mqttwire.Publish) {
	l.first, l.total, l.payloadAt = in[0], len(in), len(in)-len(p.Payload)
	l.topicSize = len(p.Topic)
	l.idSize = 0
	if p.QoS > 0 {
		l.idSize = 2
	}
	length := 2 // bytes of the fixed header
	for in[length-1] >= 0x80 {
		length++
	}
	idAt := length + 2 + len(p.Topic)
	l.head = append(l.head[:0], in[:idAt]...)
	l.middle = append(l.middle[:0], in[idAt+l.idSize:l.payloadAt]...)
}

func (l *likeness) topic() []byte { return l.head[len(l.head)-l.topicSize:] }

// read reads a packet that is like the last one; n is 0 if it is not, or not
// whole.
func (l *likeness) read(in []byte) (id mqttwire.PacketID, payload []byte, n int) {
	n = l.total
	if n == 0 || len(in) < n || !bytes.Equal(in[:len(l.head)], l.head) {
		return 0, nil, 0
	}
	if l.idSize > 0 {
		id = mqttwire.PacketID(binary.BigEndian.Uint16(in[len(l.head):]))
		if id == 0 {
			return 0, nil, 0
		}
	}
	if len(l.middle) > 0 && !bytes.Equal(in[len(l.head)+l.idSize:l.payloadAt], l.middle) {
		return 0, nil, 0
	}
	return id, in[l.payloadAt:n], n
}
