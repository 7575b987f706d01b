package mqttwire

// Unsuback is an UNSUBACK packet: one reason for each filter of the
// UNSUBSCRIBE on 5.0, none on 3.x.
type Unsuback struct {
	PacketID   PacketID
	Properties Properties
	Reasons    []ReasonCode // reused by the next Decode
}

// Type is UNSUBACK.
func (*Unsuback) Type() PacketType { return UNSUBACK }

// Append leaves the reasons out on 3.x.
func (p *Unsuback) Append(dst []byte, v Version) ([]byte, error) {
	a := begin(dst, UNSUBACK, v)
	a.packetID(p.PacketID)
	if v != V5 {
		return a.finish()
	}
	a.properties(UNSUBACK, p.Properties)
	for _, r := range p.Reasons {
		a.reason(r)
	}
	if len(p.Reasons) == 0 {
		a.note(errNoReasons(UNSUBACK))
	}
	return a.finish()
}

func (p *Unsuback) decode(_ byte, c *cursor, v Version) error {
	*p = Unsuback{Reasons: reuse(p.Reasons), PacketID: c.packetID()}
	if v == V5 {
		p.Properties = c.properties(UNSUBACK)
		p.Reasons = c.reasons(p.Reasons)
	}
	return c.close()
}
