package mqttwire

import (
	"encoding/binary"
	"fmt"
)

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

// Append refuses what Decode would: see AppendForward for messages that have
// been judged before.
func (p *Publish) Append(dst []byte, v Version) ([]byte, error) {
	if err := p.sayable(v); err != nil {
		return dst, err
	}
	size := len(p.Properties)
	dst, _, err := p.appendHead(dst, v, size)
	if err != nil {
		return dst, err
	}
	if v == V5 {
		dst = append(dst, p.Properties...)
	}
	return append(dst, p.Payload...), nil
}

// sayable tells what of the packet no PUBLISH can hold.
func (p *Publish) sayable(v Version) *Error {
	alias := false
	if v == V5 && len(p.Properties) > 0 {
		if _, err := p.Properties.check(PUBLISH, Either); err != nil {
			return err
		}
		_, alias = p.Properties.Number(TopicAlias)
	}
	if p.Topic != "" || !alias {
		if err := topicNameError(p.Topic); err != nil {
			return &Error{err.Reason, err.Clause, "PUBLISH: " + err.Detail}
		}
	}
	switch {
	case p.Dup && p.QoS == 0:
		return errDupAtQoS0()
	case p.QoS > 0 && p.PacketID == 0:
		return &Error{ProtocolError, v.clause("MQTT-2.2.1-3", "MQTT-2.3.1-1"), "PUBLISH with packet id 0"}
	}
	return nil
}

// appendHead appends all that stands before the properties, of which there
// are size bytes to come, and gives the place of the packet id; -1: none.
func (p *Publish) appendHead(dst []byte, v Version, size int) (out []byte, packetIDAt int, err error) {
	body := 2 + len(p.Topic) + len(p.Payload)
	if p.QoS > 0 {
		body += 2
	}
	if v == V5 {
		body += variableByteLen(uint32(size)) + size
	}
	switch {
	case !v.known():
		return dst, -1, &Error{UnsupportedProtocolVersion, "2.1.2", fmt.Sprintf("PUBLISH in version %v", v)}
	case p.QoS > 2:
		return dst, -1, errQoS3()
	case len(p.Topic) > maxString:
		return dst, -1, textError("topic name", p.Topic, v)
	case body > maxVariableByte:
		return dst, -1, tooLong(PUBLISH, v)
	}
	dst = append(dst, p.firstByte())
	dst = appendVariableByte(dst, uint32(body))
	dst = appendString(dst, p.Topic)
	packetIDAt = -1
	if p.QoS > 0 {
		packetIDAt = len(dst)
		dst = binary.BigEndian.AppendUint16(dst, uint16(p.PacketID))
	}
	if v == V5 {
		dst = appendVariableByte(dst, uint32(size))
	}
	return dst, packetIDAt, nil
}

func (p *Publish) firstByte() byte {
	b := byte(PUBLISH)<<4 | byte(p.QoS)<<1
	if p.Dup {
		b |= 8
	}
	if p.Retain {
		b |= 1
	}
	return b
}

func (p *Publish) decode(flags byte, c *cursor, v Version) error {
	*p = Publish{Dup: flags&8 != 0, QoS: QoS(flags >> 1 & 3), Retain: flags&1 != 0}
	if p.QoS > 2 {
		return errQoS3()
	}
	if p.Dup && p.QoS == 0 {
		return errDupAtQoS0()
	}
	p.Topic = c.topic()
	if p.QoS > 0 {
		p.PacketID = c.packetID()
	}
	alias := false
	if v == V5 {
		if p.Properties = c.properties(PUBLISH); p.Topic == "" {
			_, alias = p.Properties.Number(TopicAlias)
		}
	}
	if p.Topic == "" && !alias && c.err == nil {
		c.fail(ProtocolError, v.clause("3.3.2.1", "MQTT-4.7.3-1"), "PUBLISH with an empty topic name and no alias")
	}
	p.Payload = c.rest
	c.rest = nil
	return c.close()
}

func errQoS3() *Error {
	return &Error{MalformedPacket, "MQTT-3.3.1-4", "PUBLISH with QoS 3"}
}

func errDupAtQoS0() *Error {
	return &Error{MalformedPacket, "MQTT-3.3.1-2", "PUBLISH with DUP at QoS 0"}
}
