package mqttwire

import (
	"encoding/binary"
	"fmt"
)

// Forward is what a server changes in the properties of a message that it
// passes on. The zero Forward only takes off what belonged to the connection
// the message came on: its Topic Alias and Subscription Identifiers.
type Forward struct {
	TopicAlias              uint16   // 0: none; with one, Topic may be empty
	Waited                  uint32   // seconds, taken off the Message Expiry Interval if there is one
	SubscriptionIdentifiers []uint32 // written in this order
}

// AppendForward appends p as a server passes it on: all fields are p's, with
// its properties changed by f on the way, without a copy between. It tells
// where in out the packet id stands (-1 at QoS 0), so that one encoding, made
// with any PacketID, serves many receivers.
//
// p comes from a Decoder or was made of what did: topic and properties are
// not judged again.
func (p *Publish) AppendForward(dst []byte, v Version, f Forward) (out []byte, packetIDAt int, err error) {
	size := 0
	if v == V5 {
		if size, err = f.size(p.Properties); err != nil {
			return dst, -1, err
		}
	}
	dst, packetIDAt, err = p.appendHead(dst, v, size)
	if err != nil {
		return dst, -1, err
	}
	if v == V5 {
		dst = f.append(dst, p.Properties)
	}
	return append(dst, p.Payload...), packetIDAt, nil
}

// size gives the length of the properties that append will write.
func (f *Forward) size(p Properties) (int, error) {
	size := len(p)
	for rest := p; len(rest) > 0; {
		n := propertyLen(rest)
		if n == 0 {
			return 0, rest.broken(PUBLISH)
		}
		if id := PropertyID(rest[0]); id == TopicAlias || id == SubscriptionIdentifier {
			size -= n
		}
		rest = rest[n:]
	}
	if f.TopicAlias != 0 {
		size += 3
	}
	for _, n := range f.SubscriptionIdentifiers {
		if n == 0 || n > maxVariableByte {
			return 0, &Error{ProtocolError, "3.3.2.3.8", fmt.Sprintf("PUBLISH with subscription-identifier %d", n)}
		}
		size += 1 + variableByteLen(n)
	}
	return size, nil
}

// append copies p in runs that break where something is left out or changed.
func (f *Forward) append(dst []byte, p Properties) []byte {
	run := 0
	for i := 0; i < len(p); {
		n := propertyLen(p[i:])
		switch id := PropertyID(p[i]); {
		case id == TopicAlias || id == SubscriptionIdentifier:
			dst = append(dst, p[run:i]...)
			run = i + n
		case id == MessageExpiryInterval && f.Waited > 0:
			left := binary.BigEndian.Uint32(p[i+1:])
			left -= min(left, f.Waited)
			dst = binary.BigEndian.AppendUint32(append(dst, p[run:i+1]...), left)
			run = i + n
		}
		i += n
	}
	dst = append(dst, p[run:]...)
	if f.TopicAlias != 0 {
		dst = append(dst, byte(TopicAlias), byte(f.TopicAlias>>8), byte(f.TopicAlias))
	}
	for _, n := range f.SubscriptionIdentifiers {
		dst = appendVariableByte(append(dst, byte(SubscriptionIdentifier)), n)
	}
	return dst
}
