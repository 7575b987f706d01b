package referee

import (
	"time"

	"mqtk/mqttwire"
)

// watch says what the passing of time shows.
func (c *Conversation) watch() {
	if c.version == 0 && !c.unsupported && len(c.half(mqttwire.Server).tail) > 0 && !c.waitsForConnect() {
		c.ready = c.drain(mqttwire.Server, c.ready)
	}
	if late := c.lateness(); late > 0 && !c.silent {
		c.silent = true
		c.find(Silence, mqttwire.Client, c.clause("MQTT-3.1.2-20", "MQTT-3.1.2-23"),
			"no packet for %v, and the keep alive is %v", c.quietFor().Round(time.Millisecond), c.keepAlive)
	}
}

func (c *Conversation) quietFor() time.Duration { return c.now.Sub(c.half(mqttwire.Client).last) }

// lateness is for how long the client has owed a packet, beyond what clocks
// and networks may be off.
func (c *Conversation) lateness() time.Duration {
	h := c.half(mqttwire.Client)
	if c.keepAlive == 0 || !c.accepted || c.over || c.leaver != 0 || h.last.IsZero() {
		return 0
	}
	return c.quietFor() - c.keepAlive - min(time.Second, c.keepAlive/4)
}

// stillOpen judges a server that goes on with a connection that it must have
// closed.
func (c *Conversation) stillOpen() {
	if c.tooQuiet() {
		c.broken(mqttwire.Server, c.clause("MQTT-3.1.2-22", "MQTT-3.1.2-24"),
			"the client has been silent for %v with a keep alive of %v, and the connection is not closed", c.quietFor().Round(time.Millisecond), c.keepAlive)
	}
	if !c.takenOver.IsZero() && !c.told && c.now.Sub(c.takenOver) > 5*time.Second {
		c.told = true
		c.broken(mqttwire.Server, c.clause("MQTT-3.1.4-3", "MQTT-3.1.4-2"), "the connection goes on, though another has taken its client identifier over")
	}
}

// tooQuiet tells whether the server must have closed the connection.
func (c *Conversation) tooQuiet() bool {
	const patience = 10 * time.Second // servers look at their clocks now and then
	return c.lateness() > 0 && c.quietFor() > c.keepAlive*3/2+patience
}

// lateAgain notes that the client speaks after such a silence.
func (c *Conversation) lateAgain() {
	if c.tooQuiet() {
		c.late, c.lateBy = c.ask(), c.quietFor()
	}
}

// answersLate notes that the server answers it then. Both may have been asleep.
func (c *Conversation) answersLate(a asked) {
	if c.late.number == 0 || a.number < c.late.number || c.packet.From != mqttwire.Server {
		return
	}
	c.late.number = 0
	c.find(Note, mqttwire.Server, c.clause("MQTT-3.1.2-22", "MQTT-3.1.2-24"),
		"the client was silent for %v with a keep alive of %v, and is answered still", c.lateBy.Round(time.Millisecond), c.keepAlive)
}

// ponged pairs a PINGRESP.
func (c *Conversation) ponged() {
	if len(c.pings) > 0 {
		c.answers(c.pings[0])
		c.ends(PingHandshake, c.pings[0])
		c.pings = c.pings[1:]
		return
	}
	if c.morePings > 0 {
		c.morePings--
		return
	}
	if c.blind() {
		return
	}
	f := c.finding(Violation, mqttwire.Server, "3.13", "PINGRESP that no PINGREQ has asked for")
	c.doubt(f, mqttwire.Client, func(p mqttwire.Packet) bool { return p.Type() == mqttwire.PINGREQ }, func() {
		if len(c.pings) > 0 && c.packet != nil {
			c.pings = c.pings[1:]
		}
	})
}

// forget gives up what rests on bytes of one side that were not seen.
func (c *Conversation) forget(from mqttwire.Side) {
	h := c.half(from)
	h.partial, h.last = true, c.now
	h.aliases = aliases{over: true}
	for _, d := range c.doubts {
		run(d.then)
	}
	c.doubts = nil
	if c.connects == 0 && !c.options.Midway {
		c.midway()
	}
	if from == mqttwire.Server {
		clear(c.requests)
		c.pings, c.morePings = nil, 0
	}
	if from == mqttwire.Server && !c.accepted { // CONNACK may be among it
		c.accepted, c.resumed, c.connackAt = true, true, c.now
	}
	if c.session == nil {
		return
	}
	c.session.whole = false
	clear(c.flows(other(from))) // acknowledgements may be among it
	c.half(other(from)).underway = 0
}

// cutOff judges the packet in which a direction ends.
func (c *Conversation) cutOff(from mqttwire.Side, reset bool) {
	h := c.half(from)
	if h.state != following || len(h.tail) == 0 || c.connects == 0 {
		return
	}
	bytes := len(h.tail) + h.cut - h.beyond
	h.decoder.Version = c.version
	if _, _, err := h.decoder.Decode(h.tail); err != nil && h.holes == 0 && h.cut == 0 {
		c.malformed(h, from, h.tail, err)
	}
	how := "closed"
	if reset {
		how = "broken off"
	}
	c.find(Note, from, "", "the connection is %s inside a packet, of which %d bytes came", how, bytes)
	h.drop(h.state)
}

// closing notes that one side has ended its direction.
func (c *Conversation) closing(from mqttwire.Side) {
	c.leave(from)
	if c.over || !(c.halves[0].ended && c.halves[1].ended) {
		return
	}
	c.overdue(true)
	c.unanswered()
	c.conclude()
}

// conclude lets the session go.
func (c *Conversation) conclude() {
	c.over = true
	if tail := c.half(mqttwire.Client).tail; len(tail) > 0 && c.numbers == 0 && mqttwire.PacketType(tail[0]>>4) != mqttwire.CONNECT {
		c.find(Note, mqttwire.Client, "MQTT-3.1.0-1", "the connection begins with no CONNECT: this is not MQTT")
	}
	c.detach()
}

// How long an answer may take before it counts as missing; whoever ends the
// connection may have meant to give it.
const (
	patience       = time.Second
	leaverPatience = 5 * time.Second
)

// unanswered says which answers have not come, of those that had to.
func (c *Conversation) unanswered() {
	missing := func(side mqttwire.Side, a asked, clause, format string, args ...any) {
		until := c.now
		if c.leaver != 0 {
			until = c.leftAt
		}
		enough := patience
		if c.leaver == side {
			enough = leaverPatience
		}
		if a.number == 0 || until.Sub(a.at) < enough || c.half(side).state != following {
			return
		}
		f := c.finding(Unanswered, side, clause, format, args...)
		f.Packet = a.number
		c.add(f)
	}
	if c.connects > 0 && c.connacks == 0 && !c.half(mqttwire.Server).partial {
		missing(mqttwire.Server, c.asked, c.clause("MQTT-3.1.4-5", "MQTT-3.1.4-4"), "CONNECT has no CONNACK")
	}
	for _, ping := range c.pings {
		missing(mqttwire.Server, ping, "MQTT-3.12.4-1", "PINGREQ has no PINGRESP")
	}
	for id, r := range sorted(c.requests) {
		if r.kind == mqttwire.SUBSCRIBE {
			missing(mqttwire.Server, r.asked, "MQTT-3.8.4-1", "SUBSCRIBE with packet id %d has no SUBACK", id)
		} else {
			missing(mqttwire.Server, r.asked, "MQTT-3.10.4-4", "UNSUBSCRIBE with packet id %d has no UNSUBACK", id)
		}
	}
	if c.session == nil {
		return
	}
	for _, side := range []mqttwire.Side{mqttwire.Client, mqttwire.Server} {
		for id, f := range sorted(c.flows(side)) {
			if f.on == c.serial {
				c.unfinished(side, id, f, missing)
			}
		}
	}
	c.notResent()
}

// unfinished says which answer a flow waits for.
func (c *Conversation) unfinished(side mqttwire.Side, id mqttwire.PacketID, f *flow, missing func(mqttwire.Side, asked, string, string, ...any)) {
	switch {
	case f.state == published && f.qos == 1:
		missing(other(side), f.last, c.clause("MQTT-4.3.2-4", "MQTT-4.3.2-2"), "PUBLISH with packet id %d has no PUBACK", id)
	case f.state == published:
		missing(other(side), f.last, c.clause("MQTT-4.3.3-8", "MQTT-4.3.3-2"), "PUBLISH with packet id %d has no PUBREC", id)
	case f.state == received:
		missing(side, f.last, c.clause("MQTT-4.3.3-4", "MQTT-4.3.3-1"), "PUBREC with packet id %d has no PUBREL", id)
	default:
		missing(other(side), f.last, c.clause("MQTT-4.3.3-11", "MQTT-4.3.3-2"), "PUBREL with packet id %d has no PUBCOMP", id)
	}
}
