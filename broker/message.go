package broker

import (
	"math"
	"slices"
	"time"

	"mqtk/mqttwire"
)

// Message is one application message on its way through the broker. It is
// never changed after Route has it.
//
// A Message is either a view, whose bytes are borrowed from a read buffer and
// good until the packet has been handled, or kept: its own, shared by every
// queue, window and retained entry that holds it. Only keep makes the second
// from the first, once, however many receivers want it.
type Message struct {
	Topic      string
	Payload    []byte
	Properties mqttwire.Properties // as published; what must not be passed on is left out when it is encoded
	QoS        mqttwire.QoS
	Retain     bool
	wireOf     mqttwire.Version // V5, or V311 for both 3.x; 0: there is no wire
	wireID     uint16           // where in it the packet id is
	From       string           // the publisher's ClientID, empty for the broker itself
	Owner      *Identity        // who published it, nil for the broker itself
	Arrived    time.Time
	Expires    time.Time // by its Message Expiry Interval; zero: never

	// wire is the packet of a kept message as most receivers get it, of which
	// Payload is a part. Its first byte and the packet id are set where it is put.
	// There is none where it would change with time or take too much room.
	wire []byte
}

// keep copies a view into a message of its own, for receivers most of which speak
// v. topic, when it is not empty, is an already kept copy of the topic; otherwise
// it shares the piece of memory that all the rest is in.
func (m *Message) keep(topic string, v mqttwire.Version) *Message {
	encoded := len(m.Properties) == 0 && m.Expires.IsZero() && len(m.Topic) <= len(m.Payload)+shortTopic
	size := len(m.Topic) + len(m.Payload) + len(m.Properties)
	switch {
	case encoded:
		size += publishHead
	case topic != "":
		size -= len(m.Topic)
	}
	k, body := newMessage(size)
	*k = *m
	k.Topic, k.wire, k.wireOf = topic, nil, 0
	if encoded && k.encode(m.Topic, body, v) {
		return k
	}
	if topic == "" {
		body = append(body, m.Topic...)
		k.Topic = mqttwire.View(body)
	}
	n := len(body)
	body = append(append(body, m.Payload...), m.Properties...)
	k.Payload = slices.Clip(body[n : n+len(m.Payload)])
	if k.Properties = nil; len(m.Properties) > 0 {
		k.Properties = mqttwire.Properties(body[n+len(m.Payload):])
	}
	return k
}

const (
	shortTopic  = 64 // a topic this much longer than its payload is not worth keeping twice
	publishHead = 10 // bytes of a PUBLISH at most besides topic and payload: type, length, length of the topic, id, no properties
)

// encode makes wire in body. False: there is no such packet.
func (m *Message) encode(topic string, body []byte, v mqttwire.Version) bool {
	if v != mqttwire.V5 {
		v = mqttwire.V311
	}
	p := mqttwire.Publish{QoS: 1, Topic: topic, Payload: m.Payload}
	wire, id, err := p.AppendForward(body, v, mqttwire.Forward{})
	if err != nil || id > math.MaxUint16 {
		return false
	}
	if m.Topic == "" {
		m.Topic = mqttwire.View(wire[id-len(topic) : id])
	}
	m.Payload = slices.Clip(wire[len(wire)-len(m.Payload):])
	m.wire, m.wireID, m.wireOf = wire, uint16(id), v
	return true
}

// newMessage makes a message and its body of up to size bytes: one object for the
// small, of a size that the allocator has.
func newMessage(size int) (*Message, []byte) {
	switch {
	case size <= 40:
		k := new(struct {
			Message
			body [40]byte
		})
		return &k.Message, k.body[:0]
	case size <= 88:
		k := new(struct {
			Message
			body [88]byte
		})
		return &k.Message, k.body[:0]
	case size <= 120:
		k := new(struct {
			Message
			body [120]byte
		})
		return &k.Message, k.body[:0]
	case size <= 184:
		k := new(struct {
			Message
			body [184]byte
		})
		return &k.Message, k.body[:0]
	case size <= 344:
		k := new(struct {
			Message
			body [344]byte
		})
		return &k.Message, k.body[:0]
	}
	return new(Message), make([]byte, 0, size)
}

// size is what a kept message counts for in limits, in bytes.
func (m *Message) size() int { return len(m.Topic) + len(m.Payload) + len(m.Properties) }

// begin sets the time of arrival and, by the Message Expiry Interval, the end.
func (m *Message) begin(now time.Time) {
	m.Arrived, m.Expires = now, time.Time{}
	if len(m.Properties) == 0 {
		return
	}
	if seconds, ok := m.Properties.Number(mqttwire.MessageExpiryInterval); ok {
		m.Expires = now.Add(time.Duration(seconds) * time.Second)
	}
}

// alive says whether the message has not expired.
func (m *Message) alive(now time.Time) bool { return m.Expires.IsZero() || m.Expires.After(now) }

// waited is what is to be taken off the Message Expiry Interval, in seconds.
func (m *Message) waited(now time.Time) uint32 {
	if m.Expires.IsZero() {
		return 0
	}
	return uint32(max(now.Sub(m.Arrived), 0) / time.Second)
}

// delivery is one message as one receiver is to get it.
type delivery struct {
	message  *Message
	extras   *extras // nil for none
	qos      mqttwire.QoS
	retain   bool
	brought  bool // a retained message, by a subscription
	recorded bool // the Store has it, and is to be told what becomes of it
}

// extras are what few deliveries have. They are shared and never changed.
type extras struct {
	identifiers []uint32 // Subscription Identifiers
	share       *share   // the share it came through, nil for none
}

func (e *extras) clone() *extras {
	if e == nil {
		return nil
	}
	return &extras{slices.Clone(e.identifiers), e.share}
}

// identifiers are the Subscription Identifiers that go with it.
func (d *delivery) identifiers() []uint32 {
	if d.extras == nil {
		return nil
	}
	return d.extras.identifiers
}

// share is the share it came through, nil for none.
func (d *delivery) share() *share {
	if d.extras == nil {
		return nil
	}
	return d.extras.share
}
