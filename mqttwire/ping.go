package mqttwire

// Pingreq is a PINGREQ packet: the client is alive.
type Pingreq struct{}

// Pingresp is a PINGRESP packet: so is the server.
type Pingresp struct{}

// Type is PINGREQ.
func (*Pingreq) Type() PacketType { return PINGREQ }

// Type is PINGRESP.
func (*Pingresp) Type() PacketType { return PINGRESP }

// Append writes the two bytes of the packet.
func (*Pingreq) Append(dst []byte, v Version) ([]byte, error) {
	a := begin(dst, PINGREQ, v)
	return a.finish()
}

// Append writes the two bytes of the packet.
func (*Pingresp) Append(dst []byte, v Version) ([]byte, error) {
	a := begin(dst, PINGRESP, v)
	return a.finish()
}

func (*Pingreq) decode(_ byte, c *cursor, _ Version) error { return c.close() }

func (*Pingresp) decode(_ byte, c *cursor, _ Version) error { return c.close() }
