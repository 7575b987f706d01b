package mqttwire

// Auth is an AUTH packet, a step of an enhanced authentication (5.0 only).
// Its properties always hold an Authentication Method.
type Auth struct {
	Reason     ReasonCode
	Properties Properties
}

// Type is AUTH.
func (*Auth) Type() PacketType { return AUTH }

// Append fails on 3.x, which has no such packet.
func (p *Auth) Append(dst []byte, v Version) ([]byte, error) {
	a := begin(dst, AUTH, v)
	if v != V5 {
		a.fail(MalformedPacket, "2.2.1", "AUTH cannot be said in "+v.String())
	}
	a.reason(p.Reason)
	a.properties(AUTH, p.Properties)
	a.note(p.check())
	return a.finish()
}

func (p *Auth) decode(_ byte, c *cursor, _ Version) error {
	*p = Auth{}
	if len(c.rest) > 0 { // without: reason 0x00, no properties
		p.Reason = c.reason()
		p.Properties = c.properties(AUTH)
	}
	if err := p.check(); err != nil && c.err == nil {
		return err
	}
	return c.close()
}

// check wants the method, which makes the short form of the packet void.
func (p *Auth) check() *Error {
	if _, ok := p.Properties.Text(AuthenticationMethod); !ok {
		return &Error{ProtocolError, "3.15.2.2.2", "AUTH without an authentication method"}
	}
	return nil
}
