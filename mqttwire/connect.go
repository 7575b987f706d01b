package mqttwire

// Connect is a CONNECT packet. ClientID, the Will, Username and Password are
// views into the read buffer.
type Connect struct {
	ProtocolName string // decode sets it; empty on append: the name that belongs to Version
	Version      Version
	CleanStart   bool   // Clean Session in 3.x
	KeepAlive    uint16 // seconds; 0 turns it off
	Properties   Properties
	ClientID     string
	Will         *Will // nil: none; after decode it points into the Connect's own storage
	HasUsername  bool
	Username     string
	HasPassword  bool
	Password     []byte

	will Will
}

// Will is the message that the server publishes when the connection ends
// without a DISCONNECT.
type Will struct {
	Topic      string
	Payload    []byte
	QoS        QoS
	Retain     bool
	Properties Properties
}

// Type is CONNECT.
func (*Connect) Type() PacketType { return CONNECT }
