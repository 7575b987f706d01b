package referee

import (
	"slices"
	"time"

	"mqtk/mqttwire"
)

// delivered judges a PUBLISH of the server by the subscriptions. What the
// client has ever subscribed to in this session counts: messages may have
// waited.
func (c *Conversation) delivered(p *mqttwire.Publish, topic string, print uint64) {
	l := &c.session.filters
	if !c.session.whole || c.half(mqttwire.Client).partial || l.over || topic == "" || c.connects == 0 {
		return
	}
	var m match
	for i := range l.list {
		if f := &l.list[i]; mqttwire.Match(f.text, topic) {
			m.add(f)
		}
	}
	if m.count == 0 {
		c.undelivered(c.finding(Note, mqttwire.Server, "4.5", "PUBLISH to %s, which no filter matches that the client has subscribed to", clip(topic)), p, topic)
		return
	}
	if int(p.QoS) > m.granted {
		c.undelivered(c.finding(Violation, mqttwire.Server, c.clause("MQTT-3.8.4-8", "MQTT-3.8.4-6"), "PUBLISH with QoS %d, and the subscription has %d", p.QoS, m.granted), p, topic)
	}
	c.identified(p, &m, topic)
	c.retained(p, &m, topic)
	c.ordered(p, &m, topic, print)
	if was, ok := c.sessions.order.origin(p, print); ok && !c.bridge {
		c.forwarded(p, &was)
		c.stopped(p, &m, topic, &was)
	}
}

// A match is all filters that match a topic.
type match struct {
	count   int
	granted int
	asks    int
	retain  bool
	shared  bool
	plain   bool // one of them was once without an identifier
	local   bool // one of them was once without No Local
	live    bool // one of them was not unsubscribed, as far as is known
	left    uint64
	leftAt  time.Time // when the last of them was unsubscribed
	ids     []uint32
}

func (m *match) add(f *filter) {
	m.count++
	m.granted = max(m.granted, f.granted)
	m.asks += f.asks
	m.retain = m.retain || f.retain
	m.shared = m.shared || f.shared
	m.plain = m.plain || f.plain
	m.local = m.local || f.local
	m.live = m.live || f.left == 0
	m.left = max(m.left, f.left)
	if f.leftAt.After(m.leftAt) {
		m.leftAt = f.leftAt
	}
	m.ids = append(m.ids, f.ids...)
}

// undelivered is a finding that a SUBSCRIBE clears that was seen late.
func (c *Conversation) undelivered(f Finding, p *mqttwire.Publish, topic string) {
	qos := p.QoS
	topic = string(append([]byte(nil), topic...))
	c.doubt(f, mqttwire.Client, func(p mqttwire.Packet) bool {
		s, ok := p.(*mqttwire.Subscribe)
		return ok && slices.ContainsFunc(s.Subscriptions, func(s mqttwire.Subscription) bool {
			_, rest, _ := mqttwire.SplitShared(s.Filter)
			return s.QoS >= qos && mqttwire.Match(rest, topic)
		})
	}, nil)
}

// identified judges the subscription identifiers.
func (c *Conversation) identified(p *mqttwire.Publish, m *match, topic string) {
	if c.version != mqttwire.V5 || c.half(mqttwire.Client).limits.noIdentifiers {
		return
	}
	any := false
	for x := range p.Properties.All() {
		if x.ID != mqttwire.SubscriptionIdentifier {
			continue
		}
		any = true
		if !slices.Contains(m.ids, x.Number) {
			c.undelivered(c.finding(Violation, mqttwire.Server, "3.3.2.3.8", "PUBLISH with the subscription identifier %d, which no subscription has that matches", x.Number), p, topic)
		}
	}
	if !any && !m.plain {
		c.undelivered(c.finding(Violation, mqttwire.Server, "MQTT-3.3.4-3", "PUBLISH without the identifier of its subscription"), p, topic)
	}
}

// retained judges RETAIN: a message has it that was sent because of a new
// subscription, and each brings one to a topic at most.
func (c *Conversation) retained(p *mqttwire.Publish, m *match, topic string) {
	l := &c.session.filters
	if !p.Retain || p.Dup || m.retain || c.bridge || c.version == mqttwire.V31 {
		return
	}
	if l.retained == nil {
		l.retained = make(map[string]int)
	}
	n := l.retained[topic] + 1
	if n == 1 {
		if len(l.retained) >= mostRetained || l.retainedSize+len(topic) > mostAliasBytes {
			l.over = true
			return
		}
		topic = string(append([]byte(nil), topic...))
		l.retainedSize += len(topic)
	}
	if l.retained[topic] = n; n > m.asks {
		c.undelivered(c.finding(Violation, mqttwire.Server, c.clause("MQTT-3.3.1-12", "MQTT-3.3.1-9"), "PUBLISH with RETAIN, though it does not come from a new subscription"), p, topic)
	}
}

const mostRetained = 1 << 12
