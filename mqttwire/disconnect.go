package mqttwire

// Disconnect is a DISCONNECT packet. On 3.x only a client sends it, and it
// says nothing more.
type Disconnect struct {
	Reason     ReasonCode
	Properties Properties
}

// Type is DISCONNECT.
func (*Disconnect) Type() PacketType { return DISCONNECT }

// Append writes the bare packet on 3.x, whatever the Reason.
func (p *Disconnect) Append(dst []byte, v Version) ([]byte, error) {
	a := begin(dst, DISCONNECT, v)
	if v == V5 {
		a.reasonAndProperties(p.Reason, p.Properties)
	}
	return a.finish()
}

func (p *Disconnect) decode(_ byte, c *cursor, v Version) error {
	*p = Disconnect{}
	if v == V5 && len(c.rest) > 0 {
		p.Reason = c.reason()
		if len(c.rest) > 0 {
			p.Properties = c.properties(DISCONNECT)
		}
	}
	return c.close()
}
