package mqttwire

// Disconnect is a DISCONNECT packet. On 3.x only a client sends it, and it
// says nothing more.
type Disconnect struct {
	Reason     ReasonCode
	Properties Properties
}

// Type is DISCONNECT.
func (*Disconnect) Type() PacketType { return DISCONNECT }
