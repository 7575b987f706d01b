package broker

import (
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
	From       string    // the publisher's ClientID, empty for the broker itself
	Owner      *Identity // who published it, nil for the broker itself
	Arrived    time.Time
	Expires    time.Time // by its Message Expiry Interval; zero: never
}

// keep copies a view into a message of its own. topic, when it is not empty,
// is an already kept copy of the topic; otherwise it shares the piece of memory
// that all the rest is in.
func (m *Message) keep(topic string) *Message {
	k := *m
	begin := ""
	if topic == "" {
		begin = m.Topic
	}
	body := make([]byte, 0, len(begin)+len(m.Payload)+len(m.Properties))
	body = append(body, begin...)
	if k.Topic = topic; topic == "" {
		k.Topic = mqttwire.View(body)
	}
	n := len(body)
	body = append(append(body, m.Payload...), m.Properties...)
	k.Payload = slices.Clip(body[n : n+len(m.Payload)])
	k.Properties = nil
	if len(m.Properties) > 0 {
		k.Properties = mqttwire.Properties(body[n+len(m.Payload):])
	}
	return &k
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
