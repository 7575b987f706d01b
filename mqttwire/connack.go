package mqttwire

// Connack is a CONNACK packet. Reason is always one of 5.0; 3.x bytes are
// translated on the way in and out (see ReasonCode.ReturnCode).
type Connack struct {
	SessionPresent bool
	Reason         ReasonCode
	Properties     Properties
}

// Type is CONNACK.
func (*Connack) Type() PacketType { return CONNACK }
