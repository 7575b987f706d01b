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
