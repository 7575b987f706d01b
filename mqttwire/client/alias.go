package client

import (
	"fmt"

	"mqtk/mqttwire"
)

// aliases are the outgoing topic aliases of one connection.
type aliases struct {
	limit   int               // how many the client assigns by itself
	used    uint16            // how many it has
	byTopic map[string]uint16 // assigned by itself
	byAlias map[uint16]string // all
}

func (a *aliases) set(alias uint16, topic string, own bool) {
	if a.byAlias == nil {
		a.byAlias, a.byTopic = make(map[uint16]string), make(map[string]uint16)
	}
	if old, ok := a.byAlias[alias]; ok {
		delete(a.byTopic, old)
	}
	topic = clone(topic)
	a.byAlias[alias] = topic
	if own {
		a.byTopic[topic] = alias
		a.used++
	}
}

// unalias takes a Topic Alias that the caller chose out of m and gives m its
// full topic, which is what is kept: a resend goes to a connection that knows
// no alias.
func (l *link) unalias(m *mqttwire.Publish) (chosen uint16, err error) {
	if len(m.Properties) == 0 || l.g.Version != mqttwire.V5 {
		return 0, nil
	}
	n, ok := m.Properties.Number(mqttwire.TopicAlias)
	if !ok {
		return 0, nil
	}
	if err := l.g.allowsAlias(m.Topic, n); err != nil {
		return 0, err
	}
	l.c.stripped = m.Properties.AppendWithout(l.c.stripped[:0], mqttwire.TopicAlias)
	m.Properties = l.c.stripped
	if m.Topic == "" {
		if m.Topic = l.topics.byAlias[uint16(n)]; m.Topic == "" {
			return 0, &mqttwire.Error{Reason: mqttwire.ProtocolError, Clause: "3.3.2.3.4", Detail: fmt.Sprintf("PUBLISH with the topic alias %d, which stands for nothing on this connection", n)}
		}
	}
	return uint16(n), nil
}

// choose picks the alias to send topic with, 0 for none, and tells whether the
// server knows it.
func (a *aliases) choose(topic string, chosen uint16) (alias uint16, known bool) {
	if chosen > 0 {
		return chosen, a.byAlias[chosen] == topic
	}
	if alias, known = a.byTopic[topic]; known {
		return alias, true
	}
	if int(a.used) < a.limit {
		return a.used + 1, false
	}
	return 0, false
}

// alias gives the bytes to send for m, whose plain encoding is packet: those,
// or a shorter form with an alias.
func (l *link) alias(m *mqttwire.Publish, packet []byte, chosen uint16) ([]byte, error) {
	alias, known := l.topics.choose(m.Topic, chosen)
	if alias == 0 {
		return packet, nil
	}
	plain, topic := m.Properties, m.Topic
	if known {
		m.Topic = ""
	}
	l.c.aliased = append(l.c.aliased[:0], plain...).AddNumber(mqttwire.TopicAlias, uint32(alias))
	m.Properties = l.c.aliased
	short, err := m.Append(l.c.short[:0], l.g.Version)
	m.Topic, m.Properties = topic, plain
	if err != nil {
		return nil, err
	}
	if l.c.short = short; l.g.allowsSize("publish ", topic, len(short)) != nil {
		return packet, nil
	}
	if !known {
		l.topics.set(alias, topic, chosen == 0)
	}
	return short, nil
}

// resolve puts the topic that a server's alias stands for into p.
func (l *link) resolve(p *mqttwire.Publish) error {
	if len(p.Properties) == 0 || l.g.Version != mqttwire.V5 {
		return nil
	}
	n, ok := p.Properties.Number(mqttwire.TopicAlias)
	switch {
	case !ok:
		return nil
	case n == 0 || int(n) >= len(l.names):
		return violation(mqttwire.TopicAliasInvalid, "MQTT-3.1.2-26", "PUBLISH with the topic alias %d where %d are allowed", n, max(0, len(l.names)-1))
	case p.Topic != "":
		if l.names[n] != p.Topic {
			l.names[n] = clone(p.Topic)
		}
	case l.names[n] == "":
		return violation(mqttwire.ProtocolError, "3.3.2.3.4", "PUBLISH with the topic alias %d, which stands for nothing", n)
	}
	p.Topic = l.names[n]
	return nil
}
