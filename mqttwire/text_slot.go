package mqttwire

// A slot is one key of a packet and the place where its value lives. The
// slots of a packet are written down once, in the order of the text; writing
// a packet, reading one and checking keys all walk them.
type slot struct {
	key   string
	at    any   // pointer into the packet; its type says how the value is written
	there *bool // for what may be empty and yet present: whether it is
	given bool  // when reading: the line has had this key
}

func slotsOf(p Packet) []slot {
	switch p := p.(type) {
	case *Connect:
		return connectSlots(p)
	case *Connack:
		return []slot{{key: "session-present", at: &p.SessionPresent}, propertiesOf(&p.Properties, CONNACK)}
	case *Publish:
		return []slot{
			{key: "topic", at: &p.Topic}, {key: "qos", at: &p.QoS}, {key: "retain", at: &p.Retain}, {key: "dup", at: &p.Dup},
			{key: "packet-id", at: &p.PacketID}, propertiesOf(&p.Properties, PUBLISH), {key: "payload", at: &p.Payload},
		}
	case *Ack:
		return []slot{{key: "packet-id", at: &p.PacketID}, propertiesOf(&p.Properties, p.Kind)}
	case *Subscribe:
		return []slot{{key: "packet-id", at: &p.PacketID}, propertiesOf(&p.Properties, SUBSCRIBE), {key: "filter", at: &p.Subscriptions}}
	case *Suback:
		return []slot{{key: "packet-id", at: &p.PacketID}, propertiesOf(&p.Properties, SUBACK)}
	case *Unsubscribe:
		return []slot{{key: "packet-id", at: &p.PacketID}, propertiesOf(&p.Properties, UNSUBSCRIBE), {key: "filter", at: &p.Filters}}
	case *Unsuback:
		return []slot{{key: "packet-id", at: &p.PacketID}, propertiesOf(&p.Properties, UNSUBACK)}
	case *Disconnect:
		return []slot{propertiesOf(&p.Properties, DISCONNECT)}
	case *Auth:
		return []slot{propertiesOf(&p.Properties, AUTH)}
	}
	return nil
}

func connectSlots(p *Connect) []slot {
	always := true
	slots := []slot{
		{key: "version", at: &p.Version, there: &always}, {key: "protocol-name", at: &p.ProtocolName},
		{key: "clean-start", at: &p.CleanStart}, {key: "keep-alive", at: &p.KeepAlive}, {key: "client-id", at: &p.ClientID},
		propertiesOf(&p.Properties, CONNECT),
	}
	if w := p.Will; w != nil {
		slots = append(slots,
			slot{key: "will-topic", at: &w.Topic, there: &always}, slot{key: "will-qos", at: &w.QoS}, slot{key: "will-retain", at: &w.Retain},
			propertiesOf(&w.Properties, WillProperties), slot{key: "will-payload", at: &w.Payload})
	}
	return append(slots, slot{key: "username", at: &p.Username, there: &p.HasUsername}, slot{key: "password", at: &p.Password, there: &p.HasPassword})
}

// subscriptionSlots are the keys that follow a filter.
func subscriptionSlots(s *Subscription) []slot {
	return []slot{
		{key: "qos", at: &s.QoS}, {key: "no-local", at: &s.NoLocal},
		{key: "retain-as-published", at: &s.RetainAsPublished}, {key: "retain-handling", at: &s.RetainHandling},
	}
}

// blankPacket is the packet that a line is read into: with a will, so that
// there are slots for one.
func blankPacket(t PacketType, v Version) Packet {
	switch t {
	case CONNECT:
		if v == 0 {
			v = V5 // nobody said
		}
		return &Connect{Version: v, Will: new(Will)}
	case CONNACK:
		return new(Connack)
	case PUBLISH:
		return new(Publish)
	case PUBACK, PUBREC, PUBREL, PUBCOMP:
		return &Ack{Kind: t}
	case SUBSCRIBE:
		return new(Subscribe)
	case SUBACK:
		return new(Suback)
	case UNSUBSCRIBE:
		return new(Unsubscribe)
	case UNSUBACK:
		return new(Unsuback)
	case PINGREQ:
		return new(Pingreq)
	case PINGRESP:
		return new(Pingresp)
	case DISCONNECT:
		return new(Disconnect)
	case AUTH:
		return new(Auth)
	}
	return nil
}

// reasonsOf says where a packet keeps its reason codes: one, many, or none.
func reasonsOf(p Packet) (one *ReasonCode, many *[]ReasonCode) {
	switch p := p.(type) {
	case *Connack:
		return &p.Reason, nil
	case *Ack:
		return &p.Reason, nil
	case *Disconnect:
		return &p.Reason, nil
	case *Auth:
		return &p.Reason, nil
	case *Suback:
		return nil, &p.Reasons
	case *Unsuback:
		return nil, &p.Reasons
	}
	return nil, nil
}

// keysOf lists the keys that packets of type t know.
func keysOf(t PacketType) (keys []string) {
	for _, s := range slotsOf(blankPacket(t, V5)) {
		switch at := s.at.(type) {
		case propertySlot:
			keys = append(keys, at.keys()...)
		case *[]byte:
			keys = append(keys, s.key, hexKey(s.key))
		case *[]Subscription:
			keys = append(keys, s.key)
			for _, option := range subscriptionSlots(new(Subscription)) {
				keys = append(keys, option.key)
			}
		default:
			keys = append(keys, s.key)
		}
	}
	return keys
}
