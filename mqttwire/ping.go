package mqttwire

// Pingreq is a PINGREQ packet: the client is alive.
type Pingreq struct{}

// Pingresp is a PINGRESP packet: so is the server.
type Pingresp struct{}

// Type is PINGREQ.
func (*Pingreq) Type() PacketType { return PINGREQ }

// Type is PINGRESP.
func (*Pingresp) Type() PacketType { return PINGRESP }
