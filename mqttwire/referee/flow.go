package referee

import (
	"hash/maphash"

	"mqtk/mqttwire"
)

// A flow is a message at QoS 1 or 2 on its way, from its PUBLISH to the
// acknowledgement that ends it. It belongs to a session and to the side that
// published.
type flow struct {
	qos   mqttwire.QoS
	state flowState
	print uint64 // of topic and payload; 0: not known
	fades bool   // it has a Message Expiry Interval
	on    int    // the connection on which its PUBLISH, or only its PUBREL, was sent last
	sent  uint64 // its place among the PUBLISH packets of its side, the first time
	came  uint64 // and on this connection
	sends int    // on this connection
	rec   uint64 // the place of its PUBREC on this connection; 0: none
	first asked  // PUBLISH, on this connection
	last  asked  // what waits for an answer now

	answered bool // an acknowledgement has come that ends it, of what was or will be sent again
	mixed    bool // with another that had its packet id still
	ended    bool // by that one, as its packet id has another message now
}

type flowState byte

const (
	published flowState = iota
	received            // PUBREC came
	released            // PUBREL was sent
)

// flows are those that a side has begun.
func (c *Conversation) flows(side mqttwire.Side) map[mqttwire.PacketID]*flow {
	return c.session.flows[side-mqttwire.Client]
}

// published judges a PUBLISH.
func (c *Conversation) published(from mqttwire.Side, p *mqttwire.Publish) {
	topic, known := c.topicOf(from, p)
	var print uint64
	if known && c.packet.Missing == 0 && c.packet.Cut == 0 {
		print = fingerprint(topic, p.Payload)
	}
	if from == mqttwire.Client {
		c.publishable(p)
		c.publishes(p, print)
	} else {
		c.delivered(p, topic, print)
	}
	if p.QoS == 0 {
		return
	}
	c.session.order++
	n := &flow{qos: p.QoS, print: print, on: c.serial, sent: c.session.order, came: c.session.order, sends: 1, first: c.ask(), last: c.ask()}
	_, n.fades = p.Properties.Number(mqttwire.MessageExpiryInterval)
	id := p.PacketID
	old := c.flows(from)[id]
	switch {
	case old != nil && old.on > c.serial:
		// seen late: the next connection goes on with it
	case old == nil && c.requested(from, id):
		c.inUse(from, id, func() { c.start(from, id, n) })
	case old == nil:
		c.fresh(from, p)
		c.start(from, id, n)
	case old.on == c.serial:
		c.again(from, p, old, n)
	default:
		c.resumedFlow(from, p, old, n)
	}
}

// start begins a flow.
func (c *Conversation) start(from mqttwire.Side, id mqttwire.PacketID, n *flow) {
	h := c.half(from)
	if old := c.flows(from)[id]; old == nil || old.on != c.serial {
		h.underway++
	} else { // the other side may answer both
		n.mixed = true
		h.echoes[id] += 2
	}
	h.use(id)
	c.flows(from)[id] = n
	c.quota(from)
}

// quota holds a side to the Receive Maximum of the other.
func (c *Conversation) quota(from mqttwire.Side) {
	h := c.half(from)
	if !h.limits.known || h.underway <= h.limits.receive || c.packet == nil || c.half(other(from)).partial {
		return
	}
	f := c.finding(Violation, from, "MQTT-3.3.4-9", "%d messages under way, and the client takes %d", h.underway, h.limits.receive)
	if from == mqttwire.Client {
		f = c.beyond("MQTT-3.3.4-7", "%d messages under way, and the server takes %d", h.underway, h.limits.receive)
	}
	c.doubt(f, other(from), func(p mqttwire.Packet) bool {
		ack, ok := p.(*mqttwire.Ack)
		return ok && (ack.Kind == mqttwire.PUBACK || ack.Kind == mqttwire.PUBCOMP || ack.Kind == mqttwire.PUBREC && ack.Reason >= 0x80)
	}, nil)
}

// fresh judges the DUP of a PUBLISH whose id is free.
func (c *Conversation) fresh(from mqttwire.Side, p *mqttwire.Publish) {
	h := c.half(from)
	if !p.Dup || c.resumed || c.blind() || h.used(p.PacketID) || !c.accepted {
		return
	}
	if from == mqttwire.Server && c.version != mqttwire.V31 {
		c.broken(from, "MQTT-3.3.1-3", "PUBLISH with DUP, though it was not sent before in this session")
		return
	}
	c.find(Note, from, c.clause("4.3", "4.3"), "PUBLISH with DUP, though it was not sent before in this session")
}

// again is a PUBLISH with the id of one that is under way on this connection.
func (c *Conversation) again(from mqttwire.Side, p *mqttwire.Publish, old, n *flow) {
	same := old.qos == n.qos && (old.print == n.print || old.print == 0 || n.print == 0)
	switch {
	case !same || !p.Dup && c.version != mqttwire.V31:
		id := p.PacketID
		c.inUse(from, id, func() { c.start(from, id, n) })
		return
	case old.state == released && c.version != mqttwire.V31:
		c.broken(from, c.clause("MQTT-4.3.3-6", "MQTT-4.3.3-1"), "PUBLISH with packet id %d again after its PUBREL", p.PacketID)
	case c.version == mqttwire.V5:
		c.broken(from, "MQTT-4.4.0-1", "PUBLISH with packet id %d again on the same connection", p.PacketID)
	default:
		c.find(Retransmission, from, "", "PUBLISH with packet id %d again", p.PacketID)
	}
	old.sends++
	old.last = c.ask()
}

// resumedFlow is a PUBLISH with the id of one of an earlier connection that has not
// come to its end.
func (c *Conversation) resumedFlow(from mqttwire.Side, p *mqttwire.Publish, old, n *flow) {
	h := c.half(from)
	same := old.qos == n.qos && (old.print == n.print || old.print == 0 || n.print == 0)
	sure := c.accepted && c.version != mqttwire.V31 && !c.blind() && !c.hasty
	switch {
	case old.answered && !(same && p.Dup):
		old.ended = true
		c.start(from, p.PacketID, n)
		return
	case !same && !p.Dup && sure:
		c.broken(from, c.idClause(from), "packet id %d is used for another message, though that of the earlier connection is not acknowledged", p.PacketID)
	case !same:
	case !p.Dup && sure:
		c.broken(from, "MQTT-3.3.1-1", "PUBLISH with packet id %d again without DUP", p.PacketID)
	case old.state == released && sure:
		c.broken(from, c.clause("MQTT-4.3.3-6", "MQTT-4.3.3-1"), "PUBLISH with packet id %d again after its PUBREL", p.PacketID)
	case old.sent < h.resent && from == mqttwire.Client && sure:
		c.broken(from, "MQTT-4.6.0-1", "PUBLISH with packet id %d again, after one that was sent later the first time", p.PacketID)
	default:
		c.find(Retransmission, from, "", "PUBLISH with packet id %d again, after the earlier connection", p.PacketID)
	}
	if same {
		h.resent = max(h.resent, old.sent)
		n.sent = old.sent
	}
	c.start(from, p.PacketID, n)
}

// inUse is a packet id that belongs to another exchange, unless the answer to
// that one was only seen late.
func (c *Conversation) inUse(from mqttwire.Side, id mqttwire.PacketID, then func()) {
	f := c.finding(Violation, from, c.idClause(from), "packet id %d is in use", id)
	if c.blind() {
		then()
		return
	}
	c.doubtAbout(id, f, other(from), func(p mqttwire.Packet) bool { return frees(p, id) }, then)
}

func (c *Conversation) idClause(from mqttwire.Side) string {
	if from == mqttwire.Client {
		return c.clause("MQTT-2.2.1-3", "MQTT-2.3.1-2")
	}
	return c.clause("MQTT-2.2.1-4", "MQTT-2.3.1-4")
}

// frees tells whether p gives the packet id back.
func frees(p mqttwire.Packet, id mqttwire.PacketID) bool {
	switch p := p.(type) {
	case *mqttwire.Ack:
		return p.PacketID == id && (p.Kind == mqttwire.PUBACK || p.Kind == mqttwire.PUBCOMP || p.Kind == mqttwire.PUBREC && p.Reason >= 0x80)
	case *mqttwire.Suback:
		return p.PacketID == id
	case *mqttwire.Unsuback:
		return p.PacketID == id
	}
	return false
}

// acknowledged judges the four acknowledgements.
func (c *Conversation) acknowledged(from mqttwire.Side, p *mqttwire.Ack) {
	if p.Kind == mqttwire.PUBREL {
		c.releasing(from, p.PacketID, p.Reason)
		return
	}
	publisher := other(from)
	if from == mqttwire.Client && c.accepted {
		c.proven = true
	}
	f := c.flows(publisher)[p.PacketID]
	if f != nil && f.on > c.serial {
		return // seen late: the next connection goes on with it
	}
	switch {
	case f == nil:
		c.unasked(from, p)
	case f.on != c.serial:
		c.ahead(from, p, f)
	default:
		c.taken(from, p, f)
	}
}

// ahead is an acknowledgement of a message of an earlier connection: it may
// have been seen before the message that came again.
func (c *Conversation) ahead(from mqttwire.Side, p *mqttwire.Ack, f *flow) {
	publisher := other(from)
	ack := *p
	ack.Properties = nil
	f.answered = f.answered || frees(p, p.PacketID)
	c.doubt(Finding{}, publisher, func(p mqttwire.Packet) bool {
		if ack.Kind == mqttwire.PUBCOMP {
			return isAck(p, mqttwire.PUBREL, ack.PacketID)
		}
		publish, ok := p.(*mqttwire.Publish)
		return ok && publish.PacketID == ack.PacketID && publish.QoS > 0
	}, func() {
		if now := c.flows(publisher)[ack.PacketID]; now != nil && !f.ended {
			c.taken(from, &ack, now)
		}
	})
}

// taken is an acknowledgement of a message that is under way.
func (c *Conversation) taken(from mqttwire.Side, p *mqttwire.Ack, f *flow) {
	publisher := other(from)
	if p.Kind == mqttwire.PUBACK != (f.qos == 1) && f.qos > 0 && !f.mixed {
		c.broken(from, "MQTT-3.3.4-1", "%s for a PUBLISH of QoS %d", p.Kind, f.qos)
	}
	switch {
	case p.Kind == mqttwire.PUBREC && p.Reason < 0x80:
		c.recorded(from, p.PacketID, f)
	case p.Kind == mqttwire.PUBCOMP:
		c.completed(from, p.PacketID, f)
	default:
		c.inOrder(from, p.Kind, f)
		c.answers(c.own(f, f.last))
		if f.qos == 1 && p.Kind == mqttwire.PUBACK {
			c.ends(PublishQoS1, c.own(f, f.first))
		}
		c.free(publisher, p.PacketID, f)
	}
}

// mayGoOn tells of a client of 3.x that has not asked for a clean session: it
// may go on with what it has, though the server has nothing.
func (c *Conversation) mayGoOn(from mqttwire.Side) bool {
	return from == mqttwire.Client && c.version != mqttwire.V5 && !c.cleanStart
}

// unasked is an acknowledgement of what was not sent, or was seen late.
func (c *Conversation) unasked(from mqttwire.Side, p *mqttwire.Ack) {
	publisher := other(from)
	h := c.half(publisher)
	h.underway = max(0, h.underway-1)
	if p.Kind == mqttwire.PUBREC {
		h.use(p.PacketID) // it is answered, whatever it is
	}
	if n := h.echoes[p.PacketID]; n > 0 {
		if h.echoes[p.PacketID]--; n == 1 {
			delete(h.echoes, p.PacketID)
		}
		return
	}
	if c.blind() || c.resumed {
		return
	}
	ack := *p
	ack.Properties = nil
	f := c.finding(Violation, from, c.clause("MQTT-2.2.1-5", "MQTT-2.3.1-6"), "%s for packet id %d, which waits for none", p.Kind, p.PacketID)
	if c.mayGoOn(from) {
		f.Text = "" // what it answers may come all the same, behind a swap
	}
	c.doubtAbout(ack.PacketID, f, publisher, func(p mqttwire.Packet) bool {
		if ack.Kind == mqttwire.PUBCOMP {
			return isAck(p, mqttwire.PUBREL, ack.PacketID)
		}
		publish, ok := p.(*mqttwire.Publish)
		return ok && publish.PacketID == ack.PacketID && publish.QoS > 0
	}, func() {
		if f := c.flows(publisher)[ack.PacketID]; f != nil && c.packet != nil {
			c.acknowledged(from, &ack)
		}
	})
}

// recorded is a PUBREC that lets the message in.
func (c *Conversation) recorded(from mqttwire.Side, id mqttwire.PacketID, f *flow) {
	c.answers(c.own(f, f.last))
	if f.state != published {
		return
	}
	c.inOrder(from, mqttwire.PUBREC, f)
	c.session.order++
	f.state, f.rec, f.last = received, c.session.order, c.ask()
}

// completed is a PUBCOMP.
func (c *Conversation) completed(from mqttwire.Side, id mqttwire.PacketID, f *flow) {
	publisher := other(from)
	sure := !c.blind() && f.on == c.serial && f.qos == 2 && !f.mixed
	switch {
	case f.state == published && sure:
		c.broken(from, c.clause("MQTT-4.3.3-8", "MQTT-4.3.3-2"), "PUBCOMP for packet id %d before its PUBREC", id)
	case f.state == received && sure:
		f := c.finding(Violation, from, c.clause("MQTT-4.3.3-11", "4.3.3"), "PUBCOMP for packet id %d before its PUBREL", id)
		c.doubtAbout(id, f, publisher, func(p mqttwire.Packet) bool { return isAck(p, mqttwire.PUBREL, id) }, func() {
			if now := c.flows(publisher)[id]; now != nil {
				c.free(publisher, id, now)
			}
		})
		return
	}
	c.answers(c.own(f, f.last))
	c.ends(PublishQoS2, c.own(f, f.first))
	c.free(publisher, id, f)
}

// own gives a packet of a flow if it is one of this connection.
func (c *Conversation) own(f *flow, a asked) asked {
	if f.on != c.serial {
		return asked{}
	}
	return a
}

// free ends a flow.
func (c *Conversation) free(publisher mqttwire.Side, id mqttwire.PacketID, f *flow) {
	h := c.half(publisher)
	h.underway = max(0, h.underway-1)
	if f.on == c.serial && f.sends > 1 {
		h.echoes[id] = f.sends - 1
	}
	delete(c.flows(publisher), id)
}

// releasing is a PUBREL.
func (c *Conversation) releasing(from mqttwire.Side, id mqttwire.PacketID, reason mqttwire.ReasonCode) {
	receiver := other(from)
	f := c.flows(from)[id]
	if f != nil && f.on > c.serial {
		return
	}
	if f == nil {
		h := c.half(from)
		if reason < 0x80 && !c.resumed && !c.blind() && c.accepted && !h.used(id) && h.echoes[id] == 0 {
			kind := Violation
			if from == mqttwire.Client && !c.cleanStart {
				kind = Note // one of a session that it has kept, and the server has not
			}
			c.find(kind, from, c.clause("MQTT-2.2.1-5", "MQTT-2.3.1-6"), "PUBREL for packet id %d, which no PUBLISH had", id)
		}
		c.flows(from)[id] = &flow{state: released, on: c.serial, sends: 1, last: c.ask()}
		return
	}
	sure := f.on == c.serial && f.qos > 0 && !c.blind() && !f.mixed
	switch {
	case f.state == published && sure:
		wrong := c.finding(Violation, from, c.clause("MQTT-4.3.3-3", "MQTT-4.3.3-1"), "PUBREL for packet id %d before its PUBREC", id)
		c.doubtAbout(id, wrong, receiver, func(p mqttwire.Packet) bool { return isAck(p, mqttwire.PUBREC, id) }, func() { f.state = released })
	case f.state == received && f.rec > 0 && f.on == c.serial:
		c.inOrder(from, mqttwire.PUBREL, f)
		c.answers(f.last)
		if from == mqttwire.Client && c.accepted {
			c.proven = true
		}
	case f.state == released && f.on != c.serial:
		c.find(Retransmission, from, "", "PUBREL for packet id %d again, after the earlier connection", id)
	case f.state == released && f.on == c.serial:
		f.sends++
		c.find(Retransmission, from, "", "PUBREL for packet id %d again", id)
	}
	if f.on != c.serial {
		f.on, f.sends, f.first, f.rec = c.serial, 1, asked{}, 0
	}
	f.state, f.last = released, c.ask()
}

// inOrder holds the client to acknowledge in the order of what it received,
// which 3.1 leaves to those who want guarantees.
func (c *Conversation) inOrder(from mqttwire.Side, kind mqttwire.PacketType, f *flow) {
	place, clause := f.came, "MQTT-4.6.0-2"
	switch kind {
	case mqttwire.PUBREC:
		clause = "MQTT-4.6.0-3"
	case mqttwire.PUBREL:
		place, clause = f.rec, "MQTT-4.6.0-4"
	}
	if from != mqttwire.Client || c.version == mqttwire.V31 || f.on != c.serial || f.sends > 1 || place == 0 {
		return
	}
	h := c.half(from)
	if place < h.acked[kind] {
		c.broken(from, clause, "%s out of the order in which the packets came that it answers", kind)
	}
	h.acked[kind] = max(h.acked[kind], place)
}

// use notes that an id was used on this connection.
func (h *half) use(id mqttwire.PacketID) {
	if h.ids == nil {
		h.ids = make([]uint64, 1<<10)
	}
	h.ids[id>>6] |= 1 << (id & 63)
}

func (h *half) used(id mqttwire.PacketID) bool {
	return h.ids != nil && h.ids[id>>6]>>(id&63)&1 != 0
}

// seed is the same for all, as flows are compared across connections.
var seed = maphash.MakeSeed()

func fingerprint(topic string, payload []byte) uint64 {
	var h maphash.Hash
	h.SetSeed(seed)
	h.WriteString(topic)
	h.WriteByte(0)
	h.Write(payload)
	return h.Sum64() | 1
}
