package mqttwire

// Unsubscribe is an UNSUBSCRIBE packet. The list lies in the Decoder and is
// reused by the next Decode; its strings are views into the read buffer.
type Unsubscribe struct {
	PacketID   PacketID
	Properties Properties
	Filters    []string
}

// Type is UNSUBSCRIBE.
func (*Unsubscribe) Type() PacketType { return UNSUBSCRIBE }
