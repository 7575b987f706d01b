package mqttwire

import "fmt"

// Connack is a CONNACK packet. Reason is always one of 5.0; 3.x bytes are
// translated on the way in and out (see ReasonCode.ReturnCode).
type Connack struct {
	SessionPresent bool
	Reason         ReasonCode
	Properties     Properties
}

// Type is CONNACK.
func (*Connack) Type() PacketType { return CONNACK }

// Append fails where the version has no word for Reason: the connection is
// then closed without a CONNACK.
func (p *Connack) Append(dst []byte, v Version) ([]byte, error) {
	a := begin(dst, CONNACK, v)
	if p.SessionPresent && p.Reason != Success {
		a.fail(ProtocolError, v.clause("MQTT-3.2.2-6", "MQTT-3.2.2-4"), "CONNACK with a session present and a refusal")
	}
	if p.SessionPresent && v != V31 {
		a.byte(1)
	} else {
		a.byte(0)
	}
	if v == V5 {
		a.reason(p.Reason)
		a.properties(CONNACK, p.Properties)
		return a.finish()
	}
	code, ok := p.Reason.ReturnCode()
	if !ok {
		a.fail(p.Reason, "MQTT-3.2.2-6", fmt.Sprintf("CONNACK %v has no return code in %v", p.Reason, v))
	}
	a.byte(code)
	return a.finish()
}

func (p *Connack) decode(_ byte, c *cursor, v Version) error {
	*p = Connack{}
	flags := c.byte()
	if flags > 1 && v != V31 {
		c.fail(MalformedPacket, v.clause("MQTT-3.2.2-1", "3.2.2.1"), "CONNACK with reserved flags")
	}
	p.SessionPresent = flags == 1 && v != V31
	if v == V5 {
		p.Reason = c.reason()
		p.Properties = c.properties(CONNACK)
	} else {
		code := c.byte()
		if int(code) >= len(returnCodes) {
			c.fail(ProtocolError, "3.2.2.3", fmt.Sprintf("CONNACK with the return code %d", code))
			code = 0
		}
		p.Reason = returnCodes[code]
	}
	if p.SessionPresent && p.Reason != Success {
		c.fail(ProtocolError, v.clause("MQTT-3.2.2-6", "MQTT-3.2.2-4"), "CONNACK with a session present and a refusal")
	}
	return c.close()
}
