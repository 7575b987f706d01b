package mqttwire

import "strconv"

// A Packet is one control packet. The packet types of this package are the
// only ones: each is a struct whose zero value is the plainest packet of its
// kind, and every version shares it.
type Packet interface {
	Type() PacketType

	// Append appends the packet as version v writes it. What v has no words
	// for is left out where nothing is lost by it (properties on 3.x) and an
	// *Error where something would be. After an error dst is as it was.
	Append(dst []byte, v Version) ([]byte, error)

	decode(flags byte, c *cursor, v Version) error
}

// A PacketType is the upper half of a packet's first byte.
type PacketType byte

const (
	CONNECT     PacketType = 1
	CONNACK     PacketType = 2
	PUBLISH     PacketType = 3
	PUBACK      PacketType = 4
	PUBREC      PacketType = 5
	PUBREL      PacketType = 6
	PUBCOMP     PacketType = 7
	SUBSCRIBE   PacketType = 8
	SUBACK      PacketType = 9
	UNSUBSCRIBE PacketType = 10
	UNSUBACK    PacketType = 11
	PINGREQ     PacketType = 12
	PINGRESP    PacketType = 13
	DISCONNECT  PacketType = 14
	AUTH        PacketType = 15

	// WillProperties stands for the Will Properties of a CONNECT where
	// properties are looked up by packet. No packet has this type.
	WillProperties PacketType = 0
)

// packetRule says how the fixed header of a packet looks and who sends it.
type packetRule struct {
	name         string
	flags        byte // the lower half of the first byte; PUBLISH has its own story
	from         Side
	flagsClause  string // the statement on the flags, where the packet has its own
	reasonClause string // the statement on the reason codes (5.0)
}

var packetRules = [16]packetRule{
	WillProperties: {"WILL", 0, Either, "", ""},
	CONNECT:        {"CONNECT", 0, Client, "", ""},
	CONNACK:        {"CONNACK", 0, Server, "", "MQTT-3.2.2-8"},
	PUBLISH:        {"PUBLISH", 0, Either, "", ""},
	PUBACK:         {"PUBACK", 0, Either, "", "MQTT-3.4.2-1"},
	PUBREC:         {"PUBREC", 0, Either, "", "MQTT-3.5.2-1"},
	PUBREL:         {"PUBREL", 2, Either, "MQTT-3.6.1-1", "MQTT-3.6.2-1"},
	PUBCOMP:        {"PUBCOMP", 0, Either, "", "MQTT-3.7.2-1"},
	SUBSCRIBE:      {"SUBSCRIBE", 2, Client, "MQTT-3.8.1-1", ""},
	SUBACK:         {"SUBACK", 0, Server, "", "MQTT-3.9.3-2"},
	UNSUBSCRIBE:    {"UNSUBSCRIBE", 2, Client, "MQTT-3.10.1-1", ""},
	UNSUBACK:       {"UNSUBACK", 0, Server, "", "MQTT-3.11.3-2"},
	PINGREQ:        {"PINGREQ", 0, Client, "", ""},
	PINGRESP:       {"PINGRESP", 0, Server, "", ""},
	DISCONNECT:     {"DISCONNECT", 0, Either, "MQTT-3.14.1-1", "MQTT-3.14.2-1"}, // 3.x: Client
	AUTH:           {"AUTH", 0, Either, "MQTT-3.15.1-1", "MQTT-3.15.2-1"},
}

// String gives the standard's name: "CONNECT".
func (t PacketType) String() string {
	if int(t) < len(packetRules) {
		return packetRules[t].name
	}
	return "packet type " + strconv.Itoa(int(t))
}

// section gives the section on the packet: all versions number them alike.
// That of a will's properties is the one on CONNECT.
func (t PacketType) section() string { return "3." + strconv.Itoa(int(max(t, CONNECT))) }

// sender tells who sends packets of type t in version v.
func (t PacketType) sender(v Version) Side {
	if t == DISCONNECT && v != V5 {
		return Client
	}
	return packetRules[t].from
}

// A Version is the protocol level of a connection. The zero Version is that
// of a connection whose CONNECT has not been seen.
type Version byte

const (
	V31  Version = 3
	V311 Version = 4
	V5   Version = 5
)

// String gives "3.1", "3.1.1" or "5.0", and "level 6" for any other level.
func (v Version) String() string {
	switch v {
	case V31:
		return "3.1"
	case V311:
		return "3.1.1"
	case V5:
		return "5.0"
	}
	return "level " + strconv.Itoa(int(v))
}

// known tells whether v is a version that this package speaks.
func (v Version) known() bool { return v >= V31 && v <= V5 }

// clause picks the number of a statement: 5.0 and 3.1.1 count differently.
func (v Version) clause(five, three string) string {
	if v == V5 {
		return five
	}
	return three
}

// A QoS is a quality of service: 0 at most once, 1 at least once, 2 exactly once.
type QoS byte

// A PacketID ties a packet to its acknowledgement; 0 is none.
type PacketID uint16

// A Side is one end of a connection.
type Side byte

const (
	Either Side = 0
	Client Side = 1
	Server Side = 2
)

// String gives "client", "server" or "either side".
func (s Side) String() string {
	switch s {
	case Client:
		return "client"
	case Server:
		return "server"
	}
	return "either side"
}
