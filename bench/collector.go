package bench

import (
	"mqtk/mqttwire"
	"mqtk/mqttwire/client"
)

// A collector is a client that takes all retained messages of a stock. They come
// in any order, since each has a topic of its own.
type collector struct {
	w       *worker
	c       *link
	number  int
	stock   *stock
	granted mqttwire.QoS
	asked   bool // SUBSCRIBE is sent
	dead    bool // its connection has ended

	pending    idSet    // packet ids of QoS 2 that were received and not released
	seen       []uint64 // bits: the messages that it has
	received   int64    // how many these are
	duplicated [3]int64 // by QoS
	unmarked   int64    // messages without RETAIN
}

func (x *collector) connected(_ *link, g *grants) (bool, error) {
	return false, g.allows(x.stock.filter)
}

// subscribe asks for everything.
func (x *collector) subscribe() {
	plan := &x.w.run.plan
	if x.c.stage != ready {
		return
	}
	m := mqttwire.Subscribe{PacketID: 1, Subscriptions: []mqttwire.Subscription{{Filter: x.stock.filter, QoS: plan.QoS}}}
	b, err := m.Append(nil, plan.Version)
	if err != nil {
		x.c.fail(err)
		return
	}
	x.asked, x.granted = true, plan.QoS
	x.c.send(b)
}

// take handles what the broker sends.
func (x *collector) take(c *link, in []byte) (used int, err error) {
	w := x.w
	w.out = w.out[:0]
	w.readAt = w.loop.Now()
	for used < len(in) {
		p, n, err := w.decode(in[used:])
		if err != nil {
			return 0, err
		}
		if n == 0 {
			break
		}
		used += n
		if err := x.takeOne(c, p); err != nil {
			return 0, err
		}
	}
	if len(w.out) > 0 {
		c.queue(w.out)
		w.out = w.out[:0]
	}
	return used, nil
}

func (x *collector) takeOne(c *link, p mqttwire.Packet) error {
	switch p := p.(type) {
	case *mqttwire.Publish:
		return x.message(p)
	case *mqttwire.Ack:
		if p.Kind != mqttwire.PUBREL {
			x.w.stray(p)
			return nil
		}
		x.pending.remove(p.PacketID)
		x.w.answer(mqttwire.PUBCOMP, p.PacketID)
		return nil
	case *mqttwire.Suback:
		return x.subscribed(p)
	}
	return c.common(p)
}

func (x *collector) subscribed(p *mqttwire.Suback) error {
	switch {
	case !x.asked || p.PacketID != 1 || len(p.Reasons) != 1:
		return violation(mqttwire.ProtocolError, "3.9", "SUBACK for packet id %d with %d reasons, which no SUBSCRIBE has", p.PacketID, len(p.Reasons))
	case p.Reasons[0] >= 0x80:
		return &client.SubscribeError{Filter: x.stock.filter, Reason: p.Reasons[0]}
	}
	x.granted = mqttwire.QoS(p.Reasons[0])
	return nil
}

func (x *collector) message(p *mqttwire.Publish) error {
	again := false
	switch p.QoS {
	case 1:
		x.w.answer(mqttwire.PUBACK, p.PacketID)
	case 2:
		x.w.answer(mqttwire.PUBREC, p.PacketID)
		if again = !x.pending.add(p.PacketID); again && p.Dup {
			x.w.tally.retransmitted++
			return nil // the same transfer: no application would see it
		}
	}
	if fresh := x.judge(p); fresh && again {
		return violation(mqttwire.PacketIdentifierInUse, "MQTT-4.3.3-9", "another PUBLISH with packet id %d, whose message is not released", p.PacketID)
	}
	return nil
}

// judge says which message it is, and counts it; true: it came for the first time.
func (x *collector) judge(p *mqttwire.Publish) (fresh bool) {
	w, f := x.w, x.w.phase
	t := &w.tally
	if w.booksClosed {
		return false
	}
	if len(p.Payload) < HeaderSize {
		t.Foreign++
		return false
	}
	h := readHeader(p.Payload)
	switch {
	case h.tag == f.tag|warmupTag:
		t.stale++
		return false
	case h.tag != f.tag:
		t.Foreign++
		return false
	case int(h.publisher) >= len(w.run.fans) || h.sequence >= w.run.fans[h.publisher].sent.Load():
		t.Corrupted++
		return false
	}
	k := x.stock.number(h.publisher, h.sequence)
	if p.Topic != x.stock.topic(k) || len(p.Payload) != w.run.sizes.size(h.publisher, h.sequence) || !intact(p.Payload, w.run.fill) {
		t.Corrupted++ // and still it has arrived: its loss would be another fault
	}
	if p.QoS != x.granted {
		t.WrongQoS++
	}
	if !p.Retain {
		x.unmarked++
	}
	if x.has(k) {
		t.Duplicated++
		x.duplicated[p.QoS]++
		return false
	}
	x.seen[k>>6] |= 1 << (k & 63)
	x.received++
	t.Delivered++
	t.BytesReceived += int64(len(p.Payload))
	t.last, w.stirred = w.readAt, w.readAt
	return true
}

func (x *collector) has(k int64) bool { return x.seen[k>>6]&(1<<(k&63)) != 0 }

func (x *collector) room(*link) {}

func (x *collector) gone(*link) { x.dead = true }

// collector adds what a collector should have had. To one whose connection has
// ended nothing was due any more; of a publisher whose connection has ended only
// what the broker has for certain. A message that the broker had refused and yet
// sends is counted as received, and as a phantom.
func (s *survey) collector(x *collector, standings []standing) {
	s.twiceLow += x.duplicated[0]
	s.twice += x.duplicated[2]
	lost := int64(0)
	if x.asked && !x.dead {
		for i := range standings {
			lost += x.missing(uint32(i), &standings[i])
		}
	}
	for i := range standings {
		for _, span := range standings[i].refused {
			for n := span.first; n < span.end; n++ {
				if x.has(x.stock.number(uint32(i), n)) {
					s.phantoms++
				}
			}
		}
	}
	s.expected += x.received + lost
	s.lost += lost
	if x.granted > 0 {
		s.promised += lost
	}
}

// missing counts what is due of a publisher and has not come.
func (x *collector) missing(publisher uint32, p *standing) (lost int64) {
	end := p.sent
	if p.gone {
		end = p.certain
	}
	for n := range end {
		if !x.has(x.stock.number(publisher, n)) && (len(p.refused) == 0 || !p.refused.has(n)) {
			lost++
		}
	}
	return lost
}
