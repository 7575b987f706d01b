package mqttwire

// Suback is a SUBACK packet: one reason for each filter of the SUBSCRIBE.
type Suback struct {
	PacketID   PacketID
	Properties Properties
	Reasons    []ReasonCode // reused by the next Decode
}

// Type is SUBACK.
func (*Suback) Type() PacketType { return SUBACK }
