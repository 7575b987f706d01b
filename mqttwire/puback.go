package mqttwire

import "fmt"

// Ack is one of the four acknowledgements, which have one shape: Kind is
// PUBACK, PUBREC, PUBREL or PUBCOMP.
type Ack struct {
	Kind       PacketType
	PacketID   PacketID
	Reason     ReasonCode
	Properties Properties
}

// Type is the Ack's Kind.
func (p *Ack) Type() PacketType { return p.Kind }

// Append refuses to acknowledge on 3.x a message that the Reason of a PUBACK
// or PUBREC refuses: 3.x would take it for accepted. The reasons of a PUBREL
// or PUBCOMP say nothing that a 3.x sender would do otherwise.
func (p *Ack) Append(dst []byte, v Version) ([]byte, error) {
	if !p.Kind.acknowledges() {
		return dst, &Error{MalformedPacket, "2.1.2", "an acknowledgement of kind " + p.Kind.String()}
	}
	if bare := v != V5 || len(p.Properties) == 0; bare && p.Reason == Success && p.PacketID != 0 && v.known() {
		return append(dst, byte(p.Kind)<<4|packetRules[p.Kind].flags, 2, byte(p.PacketID>>8), byte(p.PacketID)), nil
	}
	a := begin(dst, p.Kind, v)
	a.packetID(p.PacketID)
	switch {
	case v == V5:
		a.reasonAndProperties(p.Reason, p.Properties)
	case p.Reason >= 0x80 && (p.Kind == PUBACK || p.Kind == PUBREC):
		a.fail(p.Reason, "MQTT-4.8.0-2", fmt.Sprintf("%v %v cannot be said in %v", p.Kind, p.Reason, v))
	}
	return a.finish()
}

func (t PacketType) acknowledges() bool { return t >= PUBACK && t <= PUBCOMP }

// decode is for a packet of c's type.
func (p *Ack) decode(_ byte, c *cursor, v Version) error {
	*p = Ack{Kind: c.packet, PacketID: c.packetID()}
	if v == V5 && len(c.rest) > 0 {
		p.Reason = c.reason()
		if len(c.rest) > 0 {
			p.Properties = c.properties(c.packet)
		}
	}
	return c.close()
}
