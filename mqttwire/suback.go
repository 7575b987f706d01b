package mqttwire

import "fmt"

// Suback is a SUBACK packet: one reason for each filter of the SUBSCRIBE.
type Suback struct {
	PacketID   PacketID
	Properties Properties
	Reasons    []ReasonCode // reused by the next Decode
}

// Type is SUBACK.
func (*Suback) Type() PacketType { return SUBACK }

// Append writes a failure as 0x80 on 3.1.1. 3.1 cannot tell one.
func (p *Suback) Append(dst []byte, v Version) ([]byte, error) {
	a := begin(dst, SUBACK, v)
	a.packetID(p.PacketID)
	a.properties(SUBACK, p.Properties)
	for _, r := range p.Reasons {
		switch {
		case v == V5:
			a.reason(r)
		case r <= GrantedQoS2:
			a.byte(byte(r))
		case r >= 0x80 && v == V311:
			a.byte(0x80)
		default:
			a.fail(r, "3.9", fmt.Sprintf("SUBACK %v cannot be said in %v", r, v))
		}
	}
	if len(p.Reasons) == 0 {
		a.note(errNoReasons(SUBACK))
	}
	return a.finish()
}

func (p *Suback) decode(_ byte, c *cursor, v Version) error {
	*p = Suback{Reasons: reuse(p.Reasons), PacketID: c.packetID()}
	if v == V5 {
		p.Properties = c.properties(SUBACK)
	}
	p.Reasons = c.reasons(p.Reasons)
	return c.close()
}

// reasons reads the rest of the packet as reason codes, one at least.
func (c *cursor) reasons(list []ReasonCode) []ReasonCode {
	if len(c.rest) == 0 && c.err == nil {
		err := errNoReasons(c.packet)
		c.fail(err.Reason, err.Clause, err.Detail)
	}
	for len(c.rest) > 0 {
		if c.version == V5 {
			list = append(list, c.reason())
			continue
		}
		r := ReasonCode(c.byte())
		if r > GrantedQoS2 && (r != 0x80 || c.version == V31) {
			c.fail(ProtocolError, "MQTT-3.9.3-2", fmt.Sprintf("SUBACK with the return code 0x%02X", byte(r)))
		}
		list = append(list, r)
	}
	return list
}

func errNoReasons(t PacketType) *Error {
	return &Error{ProtocolError, t.section(), t.String() + " without a reason"}
}
