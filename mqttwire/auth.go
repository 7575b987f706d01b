package mqttwire

// Auth is an AUTH packet, a step of an enhanced authentication (5.0 only).
// Its properties always hold an Authentication Method.
type Auth struct {
	Reason     ReasonCode
	Properties Properties
}

// Type is AUTH.
func (*Auth) Type() PacketType { return AUTH }
