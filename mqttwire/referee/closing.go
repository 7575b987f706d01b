package referee

import (
	"math"
	"time"

	"mqtk/mqttwire"
)

// What must have been the end of a connection, by the statement on the packet:
// those errors whose answer the standard leaves to nobody's taste.
func fatal(clause string, v mqttwire.Version) bool {
	if v != mqttwire.V5 && v != mqttwire.V311 {
		return false
	}
	switch clause {
	case "MQTT-2.1.3-1", "MQTT-2.2.2-2", "MQTT-3.3.1-4", "MQTT-3.6.1-1", "MQTT-3.8.1-1", "MQTT-3.10.1-1", "MQTT-3.14.1-1",
		"MQTT-3.8.3-2", "MQTT-3.8.3-3", "MQTT-3.10.3-2", "MQTT-3.8.3-4", "MQTT-3.8.3-5",
		"MQTT-1.5.4-1", "MQTT-1.5.4-2", "MQTT-1.5.3-1", "MQTT-1.5.3-2", "MQTT-3.1.0-2":
		return true
	}
	return false
}

// doom notes a packet of the client after which the server must close.
func (c *Conversation) doom(clause string) {
	if c.doomed.number == 0 && !c.guessed && fatal(clause, c.version) {
		c.doomed, c.doomedBy = c.ask(), clause
	}
}

// goesOn judges an answer of the server to what came behind such a packet.
func (c *Conversation) goesOn(a asked) {
	if c.doomed.number == 0 || a.number <= c.doomed.number || c.packet.From != mqttwire.Server {
		return
	}
	clause := c.clause("MQTT-4.13.1-1", "MQTT-4.8.0-1")
	if c.doomedBy == "MQTT-3.1.0-2" {
		clause = c.doomedBy
	}
	c.broken(mqttwire.Server, clause, "an answer to packet %d, though packet %d of the client had to end the connection", a.number, c.doomed.number)
	c.doomed.number = math.MaxInt
}

// mustHaveClosed holds a client without a session to close when the server
// tells that it has one.
func (c *Conversation) mustHaveClosed(t mqttwire.PacketType) {
	if c.strange && t != mqttwire.DISCONNECT && c.knowsConnack() {
		c.strange = false
		c.broken(mqttwire.Client, "MQTT-3.2.2-4", "%s after a CONNACK with a session present, and the client has none", t)
	}
}

// tooEarly notes a keep-alive timeout that cannot have been one.
func (c *Conversation) tooEarly(p *mqttwire.Disconnect) {
	quiet := c.now.Sub(c.half(mqttwire.Client).last)
	if p.Reason == mqttwire.KeepAliveTimeout && c.accepted && !c.half(mqttwire.Client).partial && quiet < c.keepAlive*3/2-time.Second {
		c.find(Note, mqttwire.Server, "MQTT-3.1.2-22", "DISCONNECT KeepAliveTimeout after %v, and the keep alive is %v", quiet.Round(time.Millisecond), c.keepAlive)
	}
}

// notResent says which messages of an earlier connection did not come again,
// though the session was resumed and there was time.
func (c *Conversation) notResent() {
	const enough = 5 * time.Second
	if !c.resumed || c.hasty || c.blind() || !c.accepted || c.version == mqttwire.V31 || c.session.holder != c {
		return
	}
	until := c.now
	if c.leaver != 0 {
		until = c.leftAt
	}
	if until.Sub(c.connackAt) < enough {
		return
	}
	for _, side := range []mqttwire.Side{mqttwire.Client, mqttwire.Server} {
		h := c.half(side)
		if h.limits.known && h.underway >= h.limits.receive || c.leaver == side {
			continue
		}
		for id, f := range sorted(c.flows(side)) {
			if f.on == c.serial || f.qos == 1 && f.fades {
				continue
			}
			what := "PUBLISH"
			if f.state == released {
				what = "PUBREL"
			}
			f := c.finding(Unanswered, side, "MQTT-4.4.0-1", "%s with packet id %d of the earlier connection did not come again", what, id)
			c.add(f)
		}
	}
}

// unmarked takes the mark of a mosquitto bridge off the protocol level of a
// CONNECT: its highest bit, which the standard does not have.
func unmarked(b []byte) ([]byte, bool) {
	level := levelAt(b)
	if level >= len(b) || b[level] != 128+byte(mqttwire.V31) && b[level] != 128+byte(mqttwire.V311) {
		return b, false
	}
	b = append([]byte(nil), b...)
	b[level] &= 127
	return b, true
}

// levelAt is where the protocol level of a CONNECT is, len(b) if it has none.
func levelAt(b []byte) int {
	i := 1
	for i < len(b) && b[i] >= 128 {
		i++
	}
	if i++; i+2 > len(b) || mqttwire.PacketType(b[0]>>4) != mqttwire.CONNECT {
		return len(b)
	}
	return min(len(b), i+2+int(b[i])<<8+int(b[i+1]))
}

// levelOf is the version of a CONNECT that has begun, 0 if it is not known.
func levelOf(b []byte) mqttwire.Version {
	if i := levelAt(b); i < len(b) {
		if v := mqttwire.Version(b[i]); v == mqttwire.V5 || v == mqttwire.V311 || v == mqttwire.V31 {
			return v
		}
	}
	return 0
}
