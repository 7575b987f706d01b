package referee

import (
	"time"

	"mqtk/mqttwire"
)

// An order remembers what clients have published lately, so that it can be seen
// whether subscribers get the messages of one publisher in its order. Messages
// are known by their topic and payload: of those that came twice nothing is
// said, and as others may publish the same bytes unseen, what is said is a
// note.
type order struct {
	byPrint map[uint64]publication
	ring    []uint64 // prints, the oldest at next
	next    int
	past    []uint64 // a bit for those that are forgotten
	serial  uint64
}

type publication struct {
	publisher uint64
	author    uint64 // the same on each connection of the publisher
	serial    uint64
	at        time.Time
	qos       mqttwire.QoS
	again     bool // it came more than once
	said      *said
}

const (
	mostPublications = 1 << 12
	mostPrints       = 1 << 20
	mostOrdered      = 1 << 12 // topics of publishers that a session remembers
)

// publish remembers a message of a client.
func (o *order) publish(print uint64, n publication) {
	if o.byPrint == nil {
		o.byPrint = make(map[uint64]publication)
	}
	_, there := o.byPrint[print]
	if n.again = n.again || there || o.forgotten(print); n.again {
		n.said = nil
	} else {
		o.serial++
		n.serial = o.serial
	}
	o.byPrint[print] = n
	if there {
		return
	}
	if len(o.ring) < mostPublications {
		o.ring = append(o.ring, print)
		return
	}
	oldest := o.ring[o.next]
	delete(o.byPrint, oldest)
	bit := oldest % mostPrints
	if o.past == nil {
		o.past = make([]uint64, mostPrints/64)
	}
	o.past[bit/64] |= 1 << (bit % 64)
	o.ring[o.next] = print
	o.next = (o.next + 1) % len(o.ring)
}

func (o *order) forgotten(print uint64) bool {
	bit := print % mostPrints
	return o.past != nil && o.past[bit/64]>>(bit%64)&1 != 0
}

// origin finds what a message of the server was when a client published it,
// which was once as far as was seen.
func (o *order) origin(p *mqttwire.Publish, print uint64) (was publication, ok bool) {
	was, ok = o.byPrint[print]
	return was, ok && !was.again && !p.Retain && !p.Dup && print != 0
}

// publishes remembers what a client publishes.
func (c *Conversation) publishes(p *mqttwire.Publish, print uint64) {
	if print != 0 && !p.Dup && c.session != nil {
		author := fingerprint(c.session.clientID, nil)
		c.sessions.order.publish(print, publication{publisher: author + uint64(c.serial), author: author, at: c.now, qos: p.QoS, said: saidIn(p.Properties)})
	}
}

// wills remembers a will, which the server publishes when it comes to that.
func (c *Conversation) wills(p *mqttwire.Connect) {
	if p.Will != nil {
		c.willQoS, c.willRetain = p.Will.QoS, p.Will.Retain
		c.sessions.order.publish(fingerprint(p.Will.Topic, p.Will.Payload), publication{again: true})
	}
}

// ordered notes a message that comes behind a later one of its publisher. Of
// QoS 2 the standard does not say whether PUBLISH or PUBREL counts.
func (c *Conversation) ordered(p *mqttwire.Publish, m *match, topic string, print uint64) {
	was, ok := c.sessions.order.origin(p, print)
	if !ok || was.qos == 2 || m.count != 1 || m.shared {
		return
	}
	s := c.session
	key := fingerprint(topic, []byte{byte(p.QoS), byte(was.qos)}) + was.publisher
	if was.serial < s.latest[key] {
		c.find(Note, mqttwire.Server, c.clause("MQTT-4.6.0-5", "MQTT-4.6.0-6"), "PUBLISH to %s comes behind a later one of the same publisher", clip(topic))
		return
	}
	if s.latest == nil || len(s.latest) >= mostOrdered {
		s.latest = make(map[uint64]uint64)
	}
	s.latest[key] = was.serial
}
