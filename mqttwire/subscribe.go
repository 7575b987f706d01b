package mqttwire

import "fmt"

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

// Append writes the options that v has.
func (p *Subscribe) Append(dst []byte, v Version) ([]byte, error) {
	a := begin(dst, SUBSCRIBE, v)
	a.packetID(p.PacketID)
	a.properties(SUBSCRIBE, p.Properties)
	for i := range p.Subscriptions {
		s := &p.Subscriptions[i]
		a.filter(s.Filter)
		a.note(s.check(v))
		a.byte(s.options(v))
	}
	if len(p.Subscriptions) == 0 {
		a.note(errNoFilters(SUBSCRIBE, v))
	}
	return a.finish()
}

func (p *Subscribe) decode(_ byte, c *cursor, v Version) error {
	*p = Subscribe{Subscriptions: reuse(p.Subscriptions), PacketID: c.packetID()}
	if v == V5 {
		p.Properties = c.properties(SUBSCRIBE)
	}
	for len(c.rest) > 0 {
		s := Subscription{Filter: c.filter()}
		if s.setOptions(c.byte(), c); c.err == nil {
			c.countFilter(len(p.Subscriptions))
			p.Subscriptions = append(p.Subscriptions, s)
		}
	}
	if len(p.Subscriptions) == 0 && c.err == nil {
		return errNoFilters(SUBSCRIBE, v)
	}
	return c.close()
}

// setOptions reads the options byte. 3.1 does not use its upper six bits,
// 3.1.1 reserves them.
func (s *Subscription) setOptions(b byte, c *cursor) {
	switch c.version {
	case V31:
		b &= 3
	case V311:
		if b > 2 {
			c.fail(MalformedPacket, "MQTT-3.8.3-4", fmt.Sprintf("SUBSCRIBE with the options 0x%02X", b))
		}
	case V5:
		if b>>6 != 0 {
			c.fail(MalformedPacket, "MQTT-3.8.3-5", fmt.Sprintf("SUBSCRIBE with the reserved options 0x%02X", b))
		}
	}
	s.QoS = QoS(b & 3)
	s.NoLocal = b&4 != 0
	s.RetainAsPublished = b&8 != 0
	s.RetainHandling = b >> 4 & 3
	if err := s.check(c.version); err != nil {
		c.fail(err.Reason, err.Clause, "SUBSCRIBE: "+err.Detail)
	}
}

func (s *Subscription) options(v Version) byte {
	b := byte(s.QoS)
	if v != V5 {
		return b
	}
	if s.NoLocal {
		b |= 4
	}
	if s.RetainAsPublished {
		b |= 8
	}
	return b | s.RetainHandling<<4
}

// check judges the options. What 3.x has no bits for does not matter there.
func (s *Subscription) check(v Version) *Error {
	if s.QoS > 2 {
		return &Error{ProtocolError, v.clause("3.8.3.1", "MQTT-3.8.3-4"), "a subscription with QoS 3"}
	}
	if v != V5 {
		return nil
	}
	if s.RetainHandling > 2 {
		return &Error{ProtocolError, "3.8.3.1", "a subscription with retain handling 3"}
	}
	if _, _, shared := SplitShared(s.Filter); shared && s.NoLocal {
		return &Error{ProtocolError, "MQTT-3.8.3-4", "a shared subscription with no local"}
	}
	return nil
}

// countFilter holds a list that has n filters to the limit before one more.
func (c *cursor) countFilter(n int) {
	if limit := c.limits.MaxFilters; limit > 0 && n >= limit {
		c.fail(QuotaExceeded, c.packet.section(), fmt.Sprintf("%v with more than %d filters", c.packet, limit))
	}
}

func errNoFilters(t PacketType, v Version) *Error {
	clause := "MQTT-3.10.3-2"
	if t == SUBSCRIBE {
		clause = v.clause("MQTT-3.8.3-2", "MQTT-3.8.3-3")
	}
	return &Error{ProtocolError, clause, t.String() + " without a filter"}
}

// keepElements is how long a list may be for its memory to be used again: a
// huge packet must not cost its Decoder anything for good.
const keepElements = 64

// reuse empties a list of the last packet, whose views it lets go.
func reuse[T any](list []T) []T {
	if cap(list) > keepElements {
		return nil
	}
	clear(list)
	return list[:0]
}
