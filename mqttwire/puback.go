package mqttwire

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
