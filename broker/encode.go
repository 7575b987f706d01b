package broker

import (
	"time"

	"mqtk/mqttwire"
)

// encode appends a packet of the broker's own, as this client may be sent it:
// no Reason String or User Property where it does not want them, nor where they
// would break its Maximum Packet Size; nothing at all if it is still too large.
func (c *Conn) encode(dst []byte, p mqttwire.Packet) []byte {
	if c.version == mqttwire.V5 && c.quiet {
		strip(p, false)
	}
	before := len(dst)
	out, err := p.Append(dst, c.version)
	if err == nil && c.oversize(len(out)-before) {
		strip(p, true)
		out, err = p.Append(out[:before], c.version)
	}
	if err != nil || c.oversize(len(out)-before) {
		return out[:before]
	}
	return out
}

func (c *Conn) oversize(n int) bool { return c.maxPacketSize > 0 && n > int(c.maxPacketSize) }

// strip takes Reason String and User Property out of a packet; without all,
// CONNACK and DISCONNECT keep theirs [MQTT-3.1.2-29].
func strip(p mqttwire.Packet, all bool) {
	var properties *mqttwire.Properties
	switch p := p.(type) {
	case *mqttwire.Connack:
		if all {
			properties = &p.Properties
		}
	case *mqttwire.Disconnect:
		if all {
			properties = &p.Properties
		}
	case *mqttwire.Ack:
		properties = &p.Properties
	case *mqttwire.Suback:
		properties = &p.Properties
	case *mqttwire.Unsuback:
		properties = &p.Properties
	case *mqttwire.Auth:
		properties = &p.Properties
	}
	if properties != nil && len(*properties) > 0 {
		*properties = properties.AppendWithout(nil, mqttwire.ReasonString, mqttwire.UserProperty)
	}
}

// putPublish puts a PUBLISH into the outbox. flush: the caller must see to it.
func (c *Conn) putPublish(batch *Batch, d *delivery, id mqttwire.PacketID, dup bool, now time.Time) (v verdict, flush bool) {
	c.out.mu.Lock()
	defer c.out.mu.Unlock()
	return c.putDelivery(batch, d, id, dup, now)
}

// putDelivery is putPublish with out.mu held.
//
// Receivers of one shape share one encoding and differ in the packet id alone;
// an outgoing alias or a Subscription Identifier makes an encoding of its own.
func (c *Conn) putDelivery(batch *Batch, d *delivery, id mqttwire.PacketID, dup bool, now time.Time) (v verdict, flush bool) {
	m, o := d.message, &c.out
	if !m.alive(now) && !dup {
		return expired, false
	}
	if o.closed {
		return put, false // the connection is ending: as lost as what is in its socket
	}
	if !c.room(len(m.Payload) + len(m.Topic)) {
		return c.refuseRoom(), false
	}
	aliases := len(c.aliasesTo)
	var k *chunk
	var before int // what k holds already
	var b []byte   // k's bytes with the packet behind them
	own := d.extras != nil && len(d.extras.identifiers) > 0 && c.version == mqttwire.V5 || c.aliasMaximum > 0 || c.mounted
	if d.qos > 0 && !own && m.wireOf != 0 && (m.wireOf == mqttwire.V5) == (c.version == mqttwire.V5) {
		k = c.space(len(m.wire))
		before, b = len(k.bytes), append(k.bytes, m.wire...)
		b[before] = publishByte(d, dup)
		b[before+int(m.wireID)] = byte(id >> 8)
		b[before+int(m.wireID)+1] = byte(id)
	} else if batch.many && !own && !dup {
		s := batch.shape(c.version, d, m.waited(now))
		k = c.space(len(s.bytes))
		before, b = len(k.bytes), append(k.bytes, s.bytes...)
		if id != 0 && len(s.bytes) > 0 {
			b[before+s.packetID] = byte(id >> 8)
			b[before+s.packetID+1] = byte(id)
		}
	} else {
		k = c.space(len(m.Payload) + len(m.Topic) + len(m.Properties) + 5*len(d.identifiers()) + 32)
		before, b = len(k.bytes), c.appendPublish(k.bytes, d, id, dup, m.waited(now), true)
		if len(c.aliasesTo) > aliases && c.oversize(len(b)-before) { // it may fit without an alias
			delete(c.aliasesTo, m.Topic)
			b = c.appendPublish(k.bytes, d, id, dup, m.waited(now), false)
		}
	}
	n := len(b) - before
	if v = c.fitting(n); v != put {
		c.leave(k)
		if len(c.aliasesTo) > aliases {
			delete(c.aliasesTo, m.Topic) // nobody was told of it
		}
		return v, false
	}
	flush = c.extend(k, b)
	if o.pending > c.most()/2 {
		c.pressing()
	}
	batch.tally.publishSent(d.qos, len(m.Payload), n)
	return put, flush
}

// publishByte is the first byte of a PUBLISH.
func publishByte(d *delivery, dup bool) byte {
	b := byte(mqttwire.PUBLISH)<<4 | byte(d.qos)<<1
	if dup {
		b |= 8
	}
	if d.retain {
		b |= 1
	}
	return b
}

// fitting says whether n more bytes of a PUBLISH may be sent now, or ever.
func (c *Conn) fitting(n int) verdict {
	switch {
	case n == 0 || c.oversize(n): // 0: too long for any packet
		return tooLarge
	case !c.room(n):
		return c.refuseRoom()
	}
	return put
}

// shape returns the encoding of the message under way for one kind of receiver.
func (batch *Batch) shape(v mqttwire.Version, d *delivery, waited uint32) *shape {
	i := int(d.qos) << 1
	if d.retain {
		i |= 1
	}
	if v == mqttwire.V5 {
		i += 6
	}
	s := &batch.shapes[i]
	if !s.set {
		m := d.message
		p := mqttwire.Publish{QoS: d.qos, Retain: d.retain, Topic: m.Topic, Properties: m.Properties, Payload: m.Payload}
		s.bytes, s.packetID, _ = p.AppendForward(s.bytes[:0], v, mqttwire.Forward{Waited: waited})
		s.set, batch.shaped = true, true
	}
	return s
}

// appendPublish encodes one delivery for this connection alone; dst as it was if
// that is too long for any packet.
func (c *Conn) appendPublish(dst []byte, d *delivery, id mqttwire.PacketID, dup bool, waited uint32, aliased bool) []byte {
	m := d.message
	p := mqttwire.Publish{Dup: dup && d.qos > 0, QoS: d.qos, Retain: d.retain, Topic: m.Topic, PacketID: id, Properties: m.Properties, Payload: m.Payload}
	alias := uint16(0)
	if aliased {
		alias = c.alias(&p.Topic)
	}
	if c.mounted {
		p.Topic = c.unmount(p.Topic)
	}
	out, _, err := p.AppendForward(dst, c.version, mqttwire.Forward{TopicAlias: alias, Waited: waited, SubscriptionIdentifiers: d.identifiers()})
	if err != nil {
		return dst
	}
	return out
}

// alias finds or makes the outgoing alias of a topic, 0 for none, and empties
// the topic where the client knows it already. out.mu is held.
func (c *Conn) alias(topic *string) uint16 {
	if c.aliasMaximum == 0 {
		return 0
	}
	if n := c.aliasesTo[*topic]; n > 0 {
		*topic = ""
		return n
	}
	if len(c.aliasesTo) >= int(c.aliasMaximum) {
		return 0
	}
	if c.aliasesTo == nil {
		c.aliasesTo = make(map[string]uint16, c.aliasMaximum)
	}
	n := uint16(len(c.aliasesTo) + 1)
	c.aliasesTo[string([]byte(*topic))] = n
	return n
}
