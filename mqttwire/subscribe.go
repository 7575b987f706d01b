package mqttwire

// Subscribe is a SUBSCRIBE packet. Subscriptions lie in the Decoder and are
// reused by the next Decode; the filters are views into the read buffer.
type Subscribe struct {
	PacketID      PacketID
	Properties    Properties
	Subscriptions []Subscription
}

// Subscription is a filter and the options asked for it. 3.x has only QoS.
type Subscription struct {
	Filter            string
	QoS               QoS
	NoLocal           bool
	RetainAsPublished bool
	RetainHandling    byte // 0 send retained messages, 1 only for a new subscription, 2 never
}

// Type is SUBSCRIBE.
func (*Subscribe) Type() PacketType { return SUBSCRIBE }
