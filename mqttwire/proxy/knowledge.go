package proxy

import (
	"strings"

	"mqtk/mqttwire"
)

// knowledge is what rules need to know of a connection beyond the packet at
// hand. It is bounded: of a peer that sets more aliases, or leaves more
// unanswered, the rest has no topic.
type knowledge struct {
	client  string
	version mqttwire.Version
	aliases [2]map[uint32]string
	flows   [2]map[mqttwire.PacketID][]string
}

const (
	maxAliases = 1024
	maxFlows   = 4096
)

func sideIndex(s mqttwire.Side) int {
	if s == mqttwire.Server {
		return 1
	}
	return 0
}

// look tells what rules want to know of a packet.
func (l *lane) look(raw []byte) *packet {
	l.mu.Lock()
	defer l.mu.Unlock()
	k := &l.known
	p := &packet{kind: mqttwire.PacketType(raw[0] >> 4), from: l.from, connection: l.conn.number, number: l.number, raw: raw}
	if l.from == mqttwire.Server || l.decoder.Version == 0 {
		l.decoder.Version = k.version
	}
	decoded, n, err := l.decoder.Decode(raw)
	if err == nil && n == len(raw) {
		p.packet = decoded
	}
	p.version = l.decoder.Version
	if l.from == mqttwire.Client {
		k.version = p.version
	}
	switch q := p.packet.(type) {
	case *mqttwire.Connect:
		k.client = strings.Clone(q.ClientID)
	case *mqttwire.Connack:
		if assigned, ok := q.Properties.Text(mqttwire.AssignedClientIdentifier); ok {
			k.client = strings.Clone(assigned)
		}
	case *mqttwire.Publish:
		p.qos, p.hasQoS = q.QoS, true
		p.topics = []string{k.topic(l.from, q)}
		if q.QoS > 0 {
			k.begin(l.from, q.PacketID, p.topics)
		}
	case *mqttwire.Subscribe:
		for _, s := range q.Subscriptions {
			p.topics = append(p.topics, strings.Clone(s.Filter))
		}
		k.begin(l.from, q.PacketID, p.topics)
	case *mqttwire.Unsubscribe:
		for _, filter := range q.Filters {
			p.topics = append(p.topics, strings.Clone(filter))
		}
		k.begin(l.from, q.PacketID, p.topics)
	case *mqttwire.Ack:
		p.topics = k.answered(l.from, q.Kind, q.PacketID)
	case *mqttwire.Suback:
		p.topics = k.answered(l.from, mqttwire.SUBACK, q.PacketID)
	case *mqttwire.Unsuback:
		p.topics = k.answered(l.from, mqttwire.UNSUBACK, q.PacketID)
	}
	p.client = k.client
	return p
}

// topic is that of a PUBLISH, also where an alias stands for it.
func (k *knowledge) topic(from mqttwire.Side, p *mqttwire.Publish) string {
	topic := strings.Clone(p.Topic)
	alias, ok := p.Properties.Number(mqttwire.TopicAlias)
	if !ok {
		return topic
	}
	known := &k.aliases[sideIndex(from)]
	if topic == "" {
		return (*known)[alias]
	}
	if *known == nil {
		*known = make(map[uint32]string)
	}
	if _, there := (*known)[alias]; there || len(*known) < maxAliases {
		(*known)[alias] = topic
	}
	return topic
}

// begin notes what the acknowledgements of an id will be about.
func (k *knowledge) begin(from mqttwire.Side, id mqttwire.PacketID, topics []string) {
	flows := &k.flows[sideIndex(from)]
	if *flows == nil {
		*flows = make(map[mqttwire.PacketID][]string)
	}
	if len(*flows) < maxFlows {
		(*flows)[id] = topics
	}
}

// answered tells what an acknowledgement is about, and forgets it with the last.
func (k *knowledge) answered(from mqttwire.Side, t mqttwire.PacketType, id mqttwire.PacketID) []string {
	if t != mqttwire.PUBREL {
		from = mqttwire.Client + mqttwire.Server - from
	}
	flows := k.flows[sideIndex(from)]
	topics := flows[id]
	if t != mqttwire.PUBREC && t != mqttwire.PUBREL {
		delete(flows, id)
	}
	return topics
}
