package referee

import (
	"slices"
	"strings"
	"time"

	"mqtk/mqttwire"
)

// A request is a SUBSCRIBE or an UNSUBSCRIBE that waits for its answer.
type request struct {
	asked
	kind  mqttwire.PacketType
	count int
	qos   []mqttwire.QoS
	at    []uint8 // where each filter is in the list
	asks  []int   // how often each had been asked for; 0: never
	print uint64
}

// filters are those that a session has ever subscribed to.
type filters struct {
	list []filter
	size int
	over bool // too many to look at

	retained     map[string]int // by topic: how many messages came with RETAIN
	retainedSize int
}

// What each message is compared with is bounded.
const (
	mostFilters     = 200
	mostFilterBytes = 1 << 16
)

// A filter is one of them, $share and its name cut off.
type filter struct {
	text    string
	granted int      // the highest QoS ever asked for, or granted if it was asked for once; -1: none
	asked   int      // how often
	on      int      // the connection that asked last
	ids     []uint32 // the subscription identifiers that it ever had
	plain   bool     // it was once without
	local   bool     // it was once without No Local
	shared  bool     // it was once shared
	retain  bool     // it once had Retain As Published
	asks    int      // how often it asked for retained messages

	left   uint64    // the next publication when UNSUBACK ended it; 0: it did not
	leftAt time.Time // and when that was
}

// of gives the filters of one connection.
func (l *filters) of(serial int) filters {
	var n filters
	for _, f := range l.list {
		if f.on == serial {
			n.list = append(n.list, f)
		}
	}
	n.over = l.over
	return n
}

func (l *filters) find(text string) int {
	return slices.IndexFunc(l.list, func(f filter) bool { return f.text == text })
}

// add notes a subscription; id: its identifier, 0: none.
func (l *filters) add(s mqttwire.Subscription, id uint32, serial int) (at uint8) {
	_, text, shared := mqttwire.SplitShared(s.Filter)
	i := l.find(text)
	if i < 0 {
		if l.over = l.over || len(l.list) >= mostFilters || l.size+len(text) > mostFilterBytes; l.over {
			return 0
		}
		l.size += len(text)
		l.list = append(l.list, filter{text: string(append([]byte(nil), text...)), granted: -1})
		i = len(l.list) - 1
	}
	f := &l.list[i]
	f.asked++
	f.granted = max(f.granted, int(s.QoS))
	f.on = serial
	f.shared = f.shared || shared
	f.retain = f.retain || s.RetainAsPublished
	f.local = f.local || !s.NoLocal
	f.left, f.leftAt = 0, time.Time{}
	if s.RetainHandling != 2 {
		f.asks++
	}
	switch {
	case id == 0:
		f.plain = true
	case len(f.ids) >= mostFilters:
		l.over = true
	case !slices.Contains(f.ids, id):
		f.ids = append(f.ids, id)
	}
	return uint8(i)
}

// requested tells whether the id belongs to a request of the client.
func (c *Conversation) requested(from mqttwire.Side, id mqttwire.PacketID) bool {
	return from == mqttwire.Client && c.requests[id] != nil
}

// subscribing judges a SUBSCRIBE.
func (c *Conversation) subscribing(p *mqttwire.Subscribe) {
	l := &c.half(mqttwire.Client).limits
	r := &request{asked: c.ask(), kind: mqttwire.SUBSCRIBE, count: len(p.Subscriptions)}
	id, _ := p.Properties.Number(mqttwire.SubscriptionIdentifier)
	for _, s := range p.Subscriptions {
		_, rest, shared := mqttwire.SplitShared(s.Filter)
		if l.noShared && shared {
			c.limit("3.2.2.3.13", "SUBSCRIBE to %s, and the server has no shared subscriptions", clip(s.Filter))
		}
		if l.noWildcard && strings.ContainsAny(rest, "+#") {
			c.limit("3.2.2.3.11", "SUBSCRIBE to %s, and the server has no wildcard subscriptions", clip(s.Filter))
		}
		r.at = append(r.at, c.session.filters.add(s, id, c.serial))
		r.qos = append(r.qos, s.QoS)
	}
	if id > 0 && l.noIdentifiers {
		c.limit("3.2.2.3.12", "SUBSCRIBE with a subscription identifier, and the server has none")
	}
	c.requesting(p.PacketID, r)
}

func (c *Conversation) unsubscribing(p *mqttwire.Unsubscribe) {
	r := &request{asked: c.ask(), kind: mqttwire.UNSUBSCRIBE, count: len(p.Filters)}
	l := &c.session.filters
	for _, text := range p.Filters {
		at, asks := max(0, l.find(text)), 0
		if at < len(l.list) && l.list[at].text == text {
			asks = l.list[at].asked
		}
		r.at, r.asks = append(r.at, uint8(at)), append(r.asks, asks)
	}
	c.requesting(p.PacketID, r)
}

// requesting begins a request, if its id is free.
func (c *Conversation) requesting(id mqttwire.PacketID, r *request) {
	r.print = fingerprint("", c.packet.Raw)
	old, f := c.requests[id], c.flows(mqttwire.Client)[id]
	begin := func() { c.requests[id] = r }
	switch {
	case old != nil && old.print == r.print && c.version != mqttwire.V5:
		c.find(Retransmission, mqttwire.Client, "", "%s with packet id %d again", r.kind, id)
		c.half(mqttwire.Client).echoes[id]++
		begin()
	case old != nil:
		c.half(mqttwire.Client).echoes[id]++ // both may be answered
		c.inUse(mqttwire.Client, id, begin)
	case f != nil && f.on == c.serial:
		c.inUse(mqttwire.Client, id, begin)
	default:
		begin()
	}
}

// subacked judges a SUBACK.
func (c *Conversation) subacked(p *mqttwire.Suback) {
	r := c.answered(p.PacketID, mqttwire.SUBACK, mqttwire.SUBSCRIBE)
	if r == nil {
		return
	}
	c.ends(SubscribeHandshake, r.asked)
	if len(p.Reasons) != r.count {
		c.broken(mqttwire.Server, c.clause("MQTT-3.8.4-6", "MQTT-3.8.4-5"), "SUBACK with %d reasons for %d filters", len(p.Reasons), r.count)
		return
	}
	for i, reason := range p.Reasons {
		if i < len(r.qos) && reason <= 2 && mqttwire.QoS(reason) > r.qos[i] {
			c.session.filters.over = true
			c.find(Note, mqttwire.Server, "3.9.3", "SUBACK grants QoS %d, and SUBSCRIBE asks for %d", reason, r.qos[i])
		}
		c.granted(r, i, reason)
	}
}

// granted bounds the QoS of a subscription by what SUBACK says of it, unless it
// was asked for more than once, or before there was a session to hold it.
func (c *Conversation) granted(r *request, i int, reason mqttwire.ReasonCode) {
	l := &c.session.filters
	if c.early || l.over || reason > 2 || i >= len(r.at) || int(r.at[i]) >= len(l.list) {
		return
	}
	if f := &l.list[r.at[i]]; f.asked == 1 {
		f.granted = min(f.granted, int(reason))
	}
}

// unsubacked judges an UNSUBACK.
func (c *Conversation) unsubacked(p *mqttwire.Unsuback) {
	r := c.answered(p.PacketID, mqttwire.UNSUBACK, mqttwire.UNSUBSCRIBE)
	if r == nil {
		return
	}
	c.ends(UnsubscribeHandshake, r.asked)
	if c.version == mqttwire.V5 && len(p.Reasons) != r.count {
		c.broken(mqttwire.Server, "MQTT-3.11.3-1", "UNSUBACK with %d reasons for %d filters", len(p.Reasons), r.count)
		return
	}
	for i := range r.asks {
		if c.version != mqttwire.V5 || p.Reasons[i] < 0x80 {
			c.ended(r, i)
		}
	}
}

// ended notes that a subscription has come to its end, unless there was
// another SUBSCRIBE with its filter since.
func (c *Conversation) ended(r *request, i int) {
	l := &c.session.filters
	if r.asks[i] == 0 || int(r.at[i]) >= len(l.list) {
		return
	}
	if f := &l.list[r.at[i]]; f.asked == r.asks[i] {
		f.left, f.leftAt = c.sessions.order.serial+1, c.now
	}
}

// answered finds the request that an acknowledgement answers, and ends it.
func (c *Conversation) answered(id mqttwire.PacketID, ack, kind mqttwire.PacketType) *request {
	r := c.requests[id]
	if r != nil && r.kind == kind {
		delete(c.requests, id)
		c.answers(r.asked)
		return r
	}
	h := c.half(mqttwire.Client)
	if n := h.echoes[id]; n > 0 {
		h.echoes[id]--
		return nil
	}
	if c.blind() {
		return nil
	}
	clause := c.clause("MQTT-2.2.1-6", "MQTT-2.3.1-7")
	if r != nil {
		c.broken(mqttwire.Server, clause, "%s for packet id %d, which is that of %s", ack, id, r.kind)
		return nil
	}
	f := c.finding(Violation, mqttwire.Server, clause, "%s for packet id %d, which waits for none", ack, id)
	c.doubtAbout(id, f, mqttwire.Client, func(p mqttwire.Packet) bool {
		switch p := p.(type) {
		case *mqttwire.Subscribe:
			return kind == mqttwire.SUBSCRIBE && p.PacketID == id
		case *mqttwire.Unsubscribe:
			return kind == mqttwire.UNSUBSCRIBE && p.PacketID == id
		}
		return false
	}, func() { delete(c.requests, id) })
	return nil
}
