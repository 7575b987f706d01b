package referee

import "mqtk/mqttwire"

// aliases are those of one side.
type aliases struct {
	topics map[uint32]string
	size   int
	over   bool // too much to remember
}

const mostAliasBytes = 1 << 20

// topicOf judges the topic alias and gives the topic that is meant.
func (c *Conversation) topicOf(from mqttwire.Side, p *mqttwire.Publish) (topic string, known bool) {
	n, ok := p.Properties.Number(mqttwire.TopicAlias)
	if !ok {
		return p.Topic, true
	}
	h := c.half(from)
	switch {
	case !h.limits.known || int(n) <= h.limits.alias:
	case from == mqttwire.Server && h.limits.alias == 0:
		c.broken(from, "MQTT-3.1.2-27", "topic alias %d, and the client takes none", n)
	case from == mqttwire.Server:
		c.broken(from, "MQTT-3.1.2-26", "topic alias %d, and the client takes no more than %d", n, h.limits.alias)
	case h.limits.alias == 0:
		c.limit("MQTT-3.2.2-18", "topic alias %d, and the server takes none", n)
	default:
		c.limit("MQTT-3.2.2-17", "topic alias %d, and the server takes no more than %d", n, h.limits.alias)
	}
	if p.Topic != "" {
		h.aliases.set(n, p.Topic)
		return p.Topic, true
	}
	topic, known = h.aliases.topics[n]
	if !known && !h.partial && !h.aliases.over {
		c.broken(from, "3.3.4", "topic alias %d has no topic on this connection", n)
	}
	return topic, known
}

func (a *aliases) set(n uint32, topic string) {
	if a.topics == nil {
		a.topics = make(map[uint32]string)
	}
	a.size += len(topic) - len(a.topics[n])
	if a.size > mostAliasBytes {
		*a = aliases{over: true, topics: make(map[uint32]string)}
	}
	a.topics[n] = string(append([]byte(nil), topic...))
}

// publishable holds the client to what CONNACK allows.
func (c *Conversation) publishable(p *mqttwire.Publish) {
	l := &c.half(mqttwire.Client).limits
	if !l.known {
		return
	}
	if p.QoS > l.qos {
		c.limit("MQTT-3.2.2-11", "PUBLISH with QoS %d, and the server's maximum is %d", p.QoS, l.qos)
	}
	if p.Retain && l.noRetain {
		c.limit("MQTT-3.2.2-14", "PUBLISH with RETAIN, and the server retains nothing")
	}
}
