package journal

import (
	"encoding/binary"
	"fmt"
	"net"
	"net/netip"
	"strings"
	"time"

	"mqtk/broker"
	"mqtk/mqttwire"
)

// The body of a message record is
//
//	flags [arrived 8] [expires - arrived, or expires 8] [publisher] PUBLISH
//
// where publisher is flags of its own, From and, unless the broker itself is the
// owner, the owner's Username, ClientID (if it is not From) and Remote, in one
// text whose length stands before it: many messages have the same, and readers
// know it again. The PUBLISH is what mqttwire makes of it in 5.0, with packet id 1.
const (
	messageArrived = 1 << iota
	messageExpires
	messagePublisher
)

const (
	publisherOwner = 1 << iota
	publisherOwnID
	publisherRemote
)

// appendMessage appends a whole message record. It refuses what could not be
// read again: a topic or properties that no PUBLISH can have.
func appendMessage(dst []byte, m *broker.Message, shift time.Duration) ([]byte, error) {
	const room = 3 // for the length, which is known at the end; up to 2 MB
	start := len(dst)
	dst = append(dst, recordMessage, 0, 0, 0)
	body := len(dst)
	dst = appendOrigin(append(dst, 0), m, shift)
	publish := mqttwire.Publish{QoS: m.QoS, Retain: m.Retain, Topic: m.Topic, Properties: m.Properties, Payload: m.Payload}
	if m.QoS > 0 {
		publish.PacketID = 1
	}
	dst, err := publish.Append(dst, mqttwire.V5)
	if err != nil {
		return dst[:start], fmt.Errorf("keep a message to %s: %w", m.Topic, err)
	}
	var length [binary.MaxVarintLen64]byte
	n := binary.PutUvarint(length[:], uint64(len(dst)-body))
	copy(dst[start+1:], length[:min(n, room)])
	if n < room {
		dst = append(dst[:start+1+n], dst[body:]...)
	} else if n > room {
		dst = append(dst, length[:n-room]...)
		copy(dst[start+1+n:], dst[body:])
		copy(dst[start+1:], length[:n])
	}
	return dst, nil
}

// appendOrigin appends all that the PUBLISH does not say; the flags stand before.
func appendOrigin(dst []byte, m *broker.Message, shift time.Duration) []byte {
	at, flags := len(dst)-1, byte(0)
	if !m.Arrived.IsZero() {
		flags |= messageArrived
		dst = appendTime(dst, m.Arrived, shift)
	}
	if !m.Expires.IsZero() {
		flags |= messageExpires
		if m.Arrived.IsZero() {
			dst = appendTime(dst, m.Expires, shift)
		} else {
			dst = binary.AppendVarint(dst, m.Expires.UnixNano()-m.Arrived.UnixNano())
		}
	}
	if m.From != "" || m.Owner != nil {
		flags |= messagePublisher
		dst = appendPublisher(dst, m.From, m.Owner)
	}
	dst[at] = flags
	return dst
}

func appendPublisher(dst []byte, from string, owner *broker.Identity) []byte {
	length, flags := len(dst), byte(0)
	dst = appendText(append(dst, 0, 0), from)
	if owner != nil {
		flags |= publisherOwner
		dst = appendText(dst, owner.Username)
		if owner.ClientID != from {
			flags |= publisherOwnID
			dst = appendText(dst, owner.ClientID)
		}
		if owner.Remote != nil {
			flags |= publisherRemote
			dst = appendAddress(dst, owner.Remote)
		}
	}
	dst[length+1] = flags
	return closeText(dst, length)
}

// closeText puts the length of what follows dst[at] there, where one byte was left.
func closeText(dst []byte, at int) []byte {
	var length [binary.MaxVarintLen64]byte
	n := binary.PutUvarint(length[:], uint64(len(dst)-at-1))
	if n > 1 {
		dst = append(dst, length[1:n]...)
		copy(dst[at+n:], dst[at+1:])
	}
	copy(dst[at:], length[:n])
	return dst
}

// A publisher is who a message came from. Many messages share one.
type publisher struct {
	from  string
	owner *broker.Identity
}

// A messageReader makes Messages of bodies.
type messageReader struct {
	shift      time.Duration
	decoder    mqttwire.Decoder
	publishers map[string]publisher // by their bytes, so that they are not made anew
}

const mostPublishers = 4096

func newMessageReader(shift time.Duration) *messageReader {
	return &messageReader{shift: shift, decoder: mqttwire.Decoder{Version: mqttwire.V5}, publishers: map[string]publisher{}}
}

// view fills m with views of body: what must outlive it is to be cloned. Only
// From and Owner are strings of their own.
func (d *messageReader) view(m *broker.Message, body []byte) error {
	*m = broker.Message{}
	p := parser{rest: body}
	flags := p.byte()
	if flags&messageArrived != 0 {
		m.Arrived = readTime(p.time(), d.shift)
	}
	if flags&messageExpires != 0 {
		if m.Arrived.IsZero() {
			m.Expires = readTime(p.time(), d.shift)
		} else {
			n, size := binary.Varint(p.rest)
			p.short = p.short || size <= 0
			p.rest = p.rest[max(size, 0):]
			m.Expires = m.Arrived.Add(time.Duration(n))
		}
	}
	if flags&messagePublisher != 0 {
		if err := d.publisher(m, p.bytes()); err != nil {
			return err
		}
	}
	if p.short {
		return errRecord
	}
	packet, n, err := d.decoder.Decode(p.rest)
	publish, ok := packet.(*mqttwire.Publish)
	if err != nil || !ok || n != len(p.rest) {
		return errRecord
	}
	m.Topic, m.Payload, m.Properties = publish.Topic, publish.Payload, publish.Properties
	m.QoS, m.Retain = publish.QoS, publish.Retain
	return nil
}

// kept is view with a message of its own.
func (d *messageReader) kept(body []byte) (*broker.Message, error) {
	m := &broker.Message{}
	if err := d.view(m, body); err != nil {
		return nil, err
	}
	m.Topic = strings.Clone(m.Topic)
	own := make([]byte, 0, len(m.Payload)+len(m.Properties))
	own = append(append(own, m.Payload...), m.Properties...)
	n := len(m.Payload)
	m.Payload = own[:n:n]
	if len(m.Properties) > 0 {
		m.Properties = mqttwire.Properties(own[n:])
	}
	return m, nil
}

func (d *messageReader) publisher(m *broker.Message, b []byte) error {
	if known, ok := d.publishers[string(b)]; ok {
		m.From, m.Owner = known.from, known.owner
		return nil
	}
	p := parser{rest: b}
	flags := p.byte()
	m.From = string(p.bytes())
	if flags&publisherOwner != 0 {
		m.Owner = &broker.Identity{Username: string(p.bytes()), ClientID: m.From}
		if flags&publisherOwnID != 0 {
			m.Owner.ClientID = string(p.bytes())
		}
		if flags&publisherRemote != 0 {
			m.Owner.Remote = readAddress(p.bytes())
		}
	}
	if p.short || len(p.rest) > 0 {
		return errRecord
	}
	if len(d.publishers) >= mostPublishers {
		clear(d.publishers)
	}
	d.publishers[string(b)] = publisher{m.From, m.Owner}
	return nil
}

// An address on disk is the name of its network, one byte for those that are
// common, and the address.
const (
	networkOther = iota
	networkTCP
	networkUnix
)

// appendAddress appends the address with its length before it.
func appendAddress(dst []byte, a net.Addr) []byte {
	at := len(dst)
	dst = append(dst, 0)
	switch a := a.(type) {
	case interface{ AddrPort() netip.AddrPort }: // *net.TCPAddr, and what drivers have for it
		p := a.AddrPort()
		dst = append(dst, networkTCP)
		dst, _ = netip.AddrPortFrom(p.Addr().Unmap(), p.Port()).AppendBinary(dst)
	case *net.UnixAddr:
		dst = append(append(dst, networkUnix), a.Name...)
	default:
		dst = append(dst, networkOther)
		dst = append(appendText(dst, a.Network()), a.String()...)
	}
	return closeText(dst, at)
}

// readAddress is nil for what is no address.
func readAddress(b []byte) net.Addr {
	if len(b) == 0 {
		return nil
	}
	switch b[0] {
	case networkTCP:
		var a netip.AddrPort
		if a.UnmarshalBinary(b[1:]) != nil {
			return nil
		}
		return net.TCPAddrFromAddrPort(a)
	case networkUnix:
		return &net.UnixAddr{Name: string(b[1:]), Net: "unix"}
	}
	p := parser{rest: b[1:]}
	network := string(p.bytes())
	return address{network, string(p.rest)}
}

// An address is one of a network that nothing more is known of.
type address struct{ network, text string }

func (a address) Network() string { return a.network }
func (a address) String() string  { return a.text }
