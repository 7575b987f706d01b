package referee

import (
	"fmt"
	"strings"
	"time"

	"mqtk/mqttwire"
)

// A Kind is a class of findings.
type Kind byte

const (
	Violation      Kind = iota // a statement was broken
	Unanswered                 // an answer that must come has not come
	Retransmission             // sent again, as the standard allows
	Silence                    // a keep-alive was missed
	Gap                        // bytes that were not seen
	Note                       // worth knowing, and nobody's fault
)

// String is one word: violation, unanswered, retransmission, silence, gap, note.
func (k Kind) String() string {
	return [...]string{"violation", "unanswered", "retransmission", "silence", "gap", "note"}[k]
}

// A Finding is what the referee has to say.
type Finding struct {
	Kind   Kind
	Side   mqttwire.Side // whose doing it is
	Clause string        // the statement, MQTT-3.3.1-4, or a section; empty where none is broken
	Text   string        // a sentence without a full stop
	Packet int           // the number of the packet that it is about; 0: of none
	At     time.Time

	// Version is that of the connection. 3.1 numbers no statement, and is held
	// to those that 3.1.1 has for the same.
	Version mqttwire.Version
}

// Statement is the clause in words, with its standard where that is not the
// connection's own.
func (f *Finding) Statement() string {
	if f.Version == mqttwire.V31 && strings.HasPrefix(f.Clause, "MQTT-") {
		return f.Clause + " of MQTT 3.1.1"
	}
	return f.Clause
}

// A Packet is one packet of a conversation, or bytes that are none.
type Packet struct {
	Number   int // in the conversation, from 1, by the time at which its last byte was seen
	At       time.Time
	From     mqttwire.Side
	Version  mqttwire.Version
	Raw      []byte          // a copy
	Missing  int             // how many bytes of Raw were not seen, and are 0
	Cut      int             // how many bytes more the packet has than Raw, which Options.MaxPacket cut
	Packet   mqttwire.Packet // nil if Raw is no packet
	Line     mqttwire.Line   // in words
	Findings []Finding       // about this packet, or about what was found out since the one before
	Answers  int             // the number of the packet that this one answers, 0: none
	After    time.Duration   // since that one
	Ends     Handshake       // the hand-shake that is whole with this packet
	Took     time.Duration   // all of it
}

// A Handshake is a request with all that follows from it.
type Handshake byte

const (
	NoHandshake          Handshake = iota
	ConnectHandshake               // CONNECT to CONNACK, with all AUTH between
	PublishQoS1                    // PUBLISH to PUBACK
	PublishQoS2                    // PUBLISH to PUBCOMP
	SubscribeHandshake             // SUBSCRIBE to SUBACK
	UnsubscribeHandshake           // UNSUBSCRIBE to UNSUBACK
	PingHandshake                  // PINGREQ to PINGRESP
	AuthHandshake                  // AUTH that asks for it to the AUTH that says Success
)

// String is connect, publish-qos1, publish-qos2, subscribe, unsubscribe, ping,
// auth, or empty.
func (h Handshake) String() string {
	return [...]string{"", "connect", "publish-qos1", "publish-qos2", "subscribe", "unsubscribe", "ping", "auth"}[h]
}

// find adds a finding about the packet that is judged, or about none.
func (c *Conversation) find(kind Kind, side mqttwire.Side, clause, format string, args ...any) {
	c.add(c.finding(kind, side, clause, format, args...))
}

// broken adds a violation.
func (c *Conversation) broken(side mqttwire.Side, clause, format string, args ...any) {
	c.find(Violation, side, clause, format, args...)
}

func (c *Conversation) finding(kind Kind, side mqttwire.Side, clause, format string, args ...any) Finding {
	f := Finding{Kind: kind, Side: side, Clause: clause, Text: fmt.Sprintf(format, args...), At: c.now, Version: c.version}
	if c.packet != nil {
		f.Packet = c.packet.Number
	}
	return f
}

// add keeps a finding for whoever asks next.
func (c *Conversation) add(f Finding) { c.found = append(c.found, f) }

// tell hands out what was found.
func (c *Conversation) tell() []Finding {
	found := c.found
	c.found = nil
	return found
}

// clause picks the number of a statement: 5.0 and 3.1.1 count differently, and
// 3.1, which does not count, is judged by 3.1.1.
func (c *Conversation) clause(five, three string) string {
	if c.version == mqttwire.V5 {
		return five
	}
	return three
}
