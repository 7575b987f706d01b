package mqttwire

import "fmt"

// Limits are what a Decoder lets in beyond what the standard forbids. Zero
// fields are no limits.
type Limits struct {
	MaxPacketSize     uint32 // of a whole packet, judged on its fixed header; broken: PacketTooLarge
	MaxUserProperties int    // in one packet; broken: QuotaExceeded
	MaxFilters        int    // in one SUBSCRIBE or UNSUBSCRIBE; broken: QuotaExceeded
}

// A Decoder turns bytes into packets without allocating. Between packets it
// remembers nothing but Version, so one Decoder may serve many connections in
// turn if Version, Limits and From are set each time.
//
// A decoded packet belongs to the Decoder and is a view into the bytes: both
// are good until the next Decode.
type Decoder struct {
	Version Version // of the connection; 0 until its CONNECT, which sets it
	Limits  Limits
	From    Side // whose bytes these are; Either judges neither direction nor what one side alone may say

	last        PacketType // the packet whose views are still held
	connect     Connect
	connack     Connack
	publish     Publish
	ack         Ack
	subscribe   Subscribe
	suback      Suback
	unsubscribe Unsubscribe
	unsuback    Unsuback
	disconnect  Disconnect
	auth        Auth
	pingreq     Pingreq
	pingresp    Pingresp
}

// Decode decodes the packet that b begins with and tells its length in bytes.
// n is 0 without an error if b does not hold the whole packet yet, though what
// its first bytes show to be wrong is told at once. Errors are *Error.
//
// A CONNECT is decoded by its own name and level, whatever Version is, and
// sets Version; any other packet before it is an error. With a pair of name
// and level that does not exist (UnsupportedProtocolVersion), and, if as much
// has arrived, with a CONNECT that is too large, p is the *Connect with
// ProtocolName and Version as they came.
func (d *Decoder) Decode(b []byte) (p Packet, n int, err error) {
	if len(b) == 0 {
		d.forget()
		return nil, 0, nil
	}
	t := PacketType(b[0] >> 4)
	if t != d.last {
		d.forget()
	}
	if bad := d.judge(t, b[0]&0xF); bad != nil {
		return nil, 0, bad
	}
	length, size := paddedVariableByte(b[1:])
	if size <= 0 {
		d.forget()
		return nil, 0, d.badLength(t, size)
	}
	body, total := 1+size, 1+size+int(length)
	c := cursor{packet: t, version: d.Version, from: d.From, limits: &d.Limits, padded: size > 1 && b[size] == 0}
	if c.padded && t != CONNECT && d.Version == V5 {
		return nil, 0, d.badLength(t, -1)
	}
	if limit := d.Limits.MaxPacketSize; limit > 0 && uint32(total) > limit {
		c.rest = b[body:min(total, len(b))]
		return d.tooLarge(&c, total)
	}
	if len(b) < total {
		d.forget()
		return nil, 0, nil
	}
	c.rest = b[body:total:total]
	p, err = d.decode(b[0]&0xF, &c)
	if err != nil {
		return p, 0, err
	}
	return p, total, nil
}

// judge says what the first byte alone shows to be wrong. The flags of a
// CONNECT have to wait for its version, those of a PUBLISH for its fields.
func (d *Decoder) judge(t PacketType, flags byte) *Error {
	v := d.Version
	rule := &packetRules[t]
	switch {
	case t == 0:
		return &Error{MalformedPacket, v.clause("2.1.2", "2.2.1"), "packet type 0 is reserved"}
	case t == CONNECT:
		// its own level decides
	case !v.known():
		return &Error{ProtocolError, "MQTT-3.1.0-1", rule.name + " before a CONNECT"}
	case t == AUTH && v != V5:
		return &Error{MalformedPacket, "2.2.1", "packet type 15 is reserved in " + v.String()}
	case t == PUBLISH || flags == rule.flags:
		// fine
	case v == V31 && (rule.flags == 0 || flags&6 == rule.flags):
		// 3.1 looks at QoS alone, and only where it is used
	default:
		return d.badFlags(t, flags)
	}
	if from := t.sender(v); from != Either && d.From != Either && from != d.From {
		return &Error{ProtocolError, v.clause("2.1.2", "2.2.1"), rule.name + " sent by a " + d.From.String()}
	}
	return nil
}

func (d *Decoder) badFlags(t PacketType, flags byte) *Error {
	clause := packetRules[t].flagsClause
	if clause == "" {
		clause = d.Version.clause("MQTT-2.1.3-1", "MQTT-2.2.2-2")
	}
	return &Error{MalformedPacket, clause, fmt.Sprintf("%v with the header flags %04b", t, flags)}
}

// badLength tells of a Remaining Length that is none; size 0 is one that has
// not arrived.
func (d *Decoder) badLength(t PacketType, size int) error {
	if size == 0 {
		return nil
	}
	return &Error{MalformedPacket, d.Version.clause("MQTT-1.5.5-1", "2.2.3"), t.String() + " with a remaining length that is longer than needed or than 4 bytes"}
}

// tooLarge refuses a packet by its size; for a CONNECT it finds out in which
// version the answer is to be said.
func (d *Decoder) tooLarge(c *cursor, size int) (p Packet, n int, err error) {
	clause := c.version.clause("MQTT-3.2.2-15", "2.2.3")
	if d.From == Server {
		clause = c.version.clause("MQTT-3.1.2-24", "2.2.3")
	}
	err = &Error{PacketTooLarge, clause, fmt.Sprintf("%v of %d bytes with a limit of %d", c.packet, size, d.Limits.MaxPacketSize)}
	if c.packet != CONNECT {
		return nil, 0, err
	}
	d.last = CONNECT
	if d.connect.decodeVersion(c) == nil {
		d.Version = d.connect.Version
		return &d.connect, 0, err
	}
	return nil, 0, err
}

// decode reads the body. Each call is of a known method, so that the cursor
// stays on the stack.
func (d *Decoder) decode(flags byte, c *cursor) (p Packet, err error) {
	v := d.Version
	d.last = c.packet
	switch c.packet {
	case CONNECT:
		return d.decodeConnect(flags, c)
	case CONNACK:
		p, err = &d.connack, d.connack.decode(flags, c, v)
	case PUBLISH:
		p, err = &d.publish, d.publish.decode(flags, c, v)
	case PUBACK, PUBREC, PUBREL, PUBCOMP:
		p, err = &d.ack, d.ack.decode(flags, c, v)
	case SUBSCRIBE:
		p, err = &d.subscribe, d.subscribe.decode(flags, c, v)
	case SUBACK:
		p, err = &d.suback, d.suback.decode(flags, c, v)
	case UNSUBSCRIBE:
		p, err = &d.unsubscribe, d.unsubscribe.decode(flags, c, v)
	case UNSUBACK:
		p, err = &d.unsuback, d.unsuback.decode(flags, c, v)
	case PINGREQ:
		p, err = &d.pingreq, d.pingreq.decode(flags, c, v)
	case PINGRESP:
		p, err = &d.pingresp, d.pingresp.decode(flags, c, v)
	case DISCONNECT:
		p, err = &d.disconnect, d.disconnect.decode(flags, c, v)
	case AUTH:
		p, err = &d.auth, d.auth.decode(flags, c, v)
	}
	if err != nil {
		return nil, err
	}
	return p, nil
}

func (d *Decoder) decodeConnect(flags byte, c *cursor) (Packet, error) {
	err := d.connect.decode(flags, c, 0)
	if d.connect.Version.known() && protocolNames[d.connect.Version] == d.connect.ProtocolName {
		d.Version = d.connect.Version // told even with an error: the answer has to be said in it
		if err != nil {
			return nil, err
		}
		return &d.connect, nil
	}
	if d.connect.ProtocolName == "" && d.connect.Version == 0 {
		return nil, err
	}
	return &d.connect, err
}

// forget lets the views of the last packet go, so that no buffer is held by a
// packet that nobody may look at any more.
func (d *Decoder) forget() {
	switch d.last {
	case CONNECT:
		d.connect = Connect{}
	case CONNACK:
		d.connack = Connack{}
	case PUBLISH:
		d.publish = Publish{}
	case PUBACK, PUBREC, PUBREL, PUBCOMP:
		d.ack = Ack{}
	case SUBSCRIBE:
		d.subscribe = Subscribe{Subscriptions: reuse(d.subscribe.Subscriptions)}
	case SUBACK:
		d.suback = Suback{Reasons: reuse(d.suback.Reasons)}
	case UNSUBSCRIBE:
		d.unsubscribe = Unsubscribe{Filters: reuse(d.unsubscribe.Filters)}
	case UNSUBACK:
		d.unsuback = Unsuback{Reasons: reuse(d.unsuback.Reasons)}
	case DISCONNECT:
		d.disconnect = Disconnect{}
	case AUTH:
		d.auth = Auth{}
	}
	d.last = 0
}
