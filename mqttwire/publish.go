package mqttwire

// Publish is a PUBLISH packet. Topic, Properties and Payload are views into
// the read buffer, good until the next Decode.
type Publish struct {
	Dup        bool
	QoS        QoS
	Retain     bool
	Topic      string   // empty: the Topic Alias says which (5.0)
	PacketID   PacketID // 0 at QoS 0
	Properties Properties
	Payload    []byte
}

// Type is PUBLISH.
func (*Publish) Type() PacketType { return PUBLISH }

// Forward is what a server changes in the properties of a message that it
// passes on. The zero Forward only takes off what belonged to the connection
// the message came on.
type Forward struct {
	TopicAlias              uint16   // 0: none
	Waited                  uint32   // seconds, taken off the Message Expiry Interval if there is one
	SubscriptionIdentifiers []uint32 // written in this order
}
