package referee

import (
	"slices"
	"time"

	"mqtk/mqttwire"
)

// said is what a publisher says of its message besides topic and payload, as
// far as subscribers are to be told the same.
type said struct {
	texts  [len(unaltered)]uint64 // prints; 0: it says nothing
	users  []uint64               // prints, in their order
	expiry uint32
	fades  bool // it has an expiry
	many   bool // more User Properties than are compared
}

// unaltered are the properties that are forwarded as they are, with the
// statement that says so.
var unaltered = [...]struct {
	id     mqttwire.PropertyID
	clause string
}{
	{mqttwire.PayloadFormatIndicator, "MQTT-3.3.2-4"},
	{mqttwire.ResponseTopic, "MQTT-3.3.2-15"},
	{mqttwire.CorrelationData, "MQTT-3.3.2-16"},
	{mqttwire.ContentType, "MQTT-3.3.2-20"},
}

const mostUserProperties = 64

// saidIn gives nil where nothing is said.
func saidIn(list mqttwire.Properties) *said {
	if len(list) == 0 {
		return nil
	}
	s := new(said)
	for x := range list.All() {
		switch x.ID {
		case mqttwire.UserProperty:
			if s.many = len(s.users) == mostUserProperties; !s.many {
				s.users = append(s.users, fingerprint(string(x.Name), x.Value))
			}
		case mqttwire.MessageExpiryInterval:
			s.expiry, s.fades = x.Number, true
		}
		for i, u := range unaltered {
			if x.ID == u.id && (x.Number > 0 || x.ID != mqttwire.PayloadFormatIndicator) { // 0 says nothing
				s.texts[i] = fingerprint("", x.Value)
			}
		}
	}
	return s
}

// unseen ends what is said of a message that is known by its topic and payload
// alone: a bridge that brings back what it took, or whoever else was not seen,
// may have published the same.
const unseen = ", unless somebody unseen published the same"

// forwarded notes what is not as the publisher said it. What a server adds is
// no alteration, and a client of 3.x is told nothing.
func (c *Conversation) forwarded(p *mqttwire.Publish, was *publication) {
	note := func(clause, format string, args ...any) {
		c.find(Note, mqttwire.Server, clause, format+unseen, args...)
	}
	if p.QoS > was.qos {
		note(c.clause("MQTT-3.8.4-8", "MQTT-3.8.4-6"), "PUBLISH with QoS %d, and it was published with QoS %d", p.QoS, was.qos)
	}
	if c.version != mqttwire.V5 || was.said == nil {
		return
	}
	is := saidIn(p.Properties)
	if is == nil {
		is = new(said)
	}
	for i, u := range unaltered {
		if text := was.said.texts[i]; text != 0 && text != is.texts[i] {
			note(u.clause, "PUBLISH without the %s that it was published with", u.id)
		}
	}
	if was.said.fades && (!is.fades || is.expiry > was.said.expiry) {
		note("MQTT-3.3.2-6", "PUBLISH without the message-expiry-interval that it was published with, or with a longer one")
	}
	c.usersForwarded(was.said, is, note)
}

// usersForwarded looks for the User Properties, others between them or not.
func (c *Conversation) usersForwarded(was, is *said, note func(string, string, ...any)) {
	if was.many || is.many {
		return
	}
	left := slices.Clone(is.users)
	sorted := true
	at := 0
	for _, u := range was.users {
		i := slices.Index(left, u)
		if i < 0 {
			note("MQTT-3.3.2-17", "PUBLISH without a user-property that it was published with")
			return
		}
		if next := slices.Index(is.users[at:], u); next < 0 {
			sorted = false
		} else {
			at += next + 1
		}
		left = slices.Delete(left, i, i+1)
	}
	if !sorted {
		note("MQTT-3.3.2-18", "PUBLISH with its user-property pairs in another order than it was published with")
	}
}

// stopped notes a message that the subscriptions no longer ask for, or never
// did: one that was published when UNSUBACK had come already is none that was
// on its way.
func (c *Conversation) stopped(p *mqttwire.Publish, m *match, topic string, was *publication) {
	if m.shared {
		return
	}
	if !m.local && was.author == fingerprint(c.session.clientID, nil) && c.session.clientID != "" {
		c.undelivered(c.finding(Note, mqttwire.Server, "MQTT-3.8.3-3", "PUBLISH of what the client has published itself, and its subscription has No Local"+unseen), p, topic)
	}
	if since := was.at.Sub(m.leftAt); !m.live && was.serial >= m.left && since >= max(0, c.skew) {
		c.undelivered(c.finding(Note, mqttwire.Server, "MQTT-3.10.4-2", "PUBLISH of what was published %v after UNSUBACK for its filter"+unseen, since.Round(time.Microsecond)), p, topic)
	}
}
