package broker

import (
	"encoding/binary"
	"math"
	"net"
	"net/netip"
	"time"

	"mqtk/mqttwire"
)

// retainedEntry is a view of one retained message as it is kept, its topic
// aside:
//
//	flags and QoS, version, arrival, time from there to expiry,
//	size and bytes of the publisher, size of the properties, properties, payload
//
// with numbers as varints. A million of them are why it is no Message.
type retainedEntry struct {
	flags      byte
	version    uint64
	arrived    int64 // since the set's epoch; math.MinInt64: never
	lasts      int64 // until it expires, with retainedExpires
	publisher  []byte
	properties []byte
	payload    []byte
}

const (
	retainedQoS        = 3
	retainedRetain     = 1 << 2
	retainedExpires    = 1 << 3
	retainedProperties = 1 << 4
	retainedRemoved    = 1 << 5 // nothing but the version follows
)

// appendHead encodes all of m but what stands at the end: properties, payload.
func (r *retainedSet) appendHead(dst []byte, m *Message, version uint64) []byte {
	flags := byte(m.QoS & retainedQoS)
	if m.Retain {
		flags |= retainedRetain
	}
	if !m.Expires.IsZero() {
		flags |= retainedExpires
	}
	if len(m.Properties) > 0 {
		flags |= retainedProperties
	}
	dst = binary.AppendUvarint(append(dst, flags), version)
	dst = binary.AppendVarint(dst, r.since(m.Arrived))
	if flags&retainedExpires != 0 {
		dst = binary.AppendVarint(dst, int64(m.Expires.Sub(m.Arrived)))
	}
	publisher := r.publisher.pack(m.From, m.Owner)
	dst = append(binary.AppendUvarint(dst, uint64(len(publisher))), publisher...)
	if flags&retainedProperties != 0 {
		dst = binary.AppendUvarint(dst, uint64(len(m.Properties)))
	}
	return dst
}

func appendRemoved(dst []byte, version uint64) []byte {
	return binary.AppendUvarint(append(dst, retainedRemoved), version)
}

// since counts time from the set's epoch, so that times keep to the monotonic
// clock.
func (r *retainedSet) since(at time.Time) int64 {
	if r.epoch.IsZero() {
		r.epoch = time.Now()
	}
	if at.IsZero() {
		return math.MinInt64
	}
	return int64(at.Sub(r.epoch))
}

func parseRetained(b []byte) (e retainedEntry) {
	e.flags = b[0]
	b = b[1:]
	number := func() uint64 {
		v, n := binary.Uvarint(b)
		b = b[n:]
		return v
	}
	signed := func() int64 {
		v, n := binary.Varint(b)
		b = b[n:]
		return v
	}
	cut := func() (part []byte) {
		n := number()
		part, b = b[:n], b[n:]
		return part
	}
	e.version = number()
	if e.removed() {
		return e
	}
	e.arrived = signed()
	if e.flags&retainedExpires != 0 {
		e.lasts = signed()
	}
	e.publisher = cut()
	if e.flags&retainedProperties != 0 {
		e.properties = cut()
	}
	e.payload = b
	return e
}

func (e *retainedEntry) removed() bool { return e.flags&retainedRemoved != 0 }

// size is what the entry counts for in limits, as its Message would.
func (e *retainedEntry) size(topic string) int {
	return len(topic) + len(e.properties) + len(e.payload)
}

// expiresAt is when the message does, zero for never.
func (r *retainedSet) expiresAt(e *retainedEntry) time.Time {
	if e.flags&retainedExpires == 0 {
		return time.Time{}
	}
	return r.arrivedAt(e).Add(time.Duration(e.lasts))
}

func (r *retainedSet) arrivedAt(e *retainedEntry) time.Time {
	if e.arrived == math.MinInt64 {
		return time.Time{}
	}
	return r.epoch.Add(time.Duration(e.arrived))
}

// view makes m a view of an entry, without its publisher, and without the time of
// arrival where it does not expire.
func (r *retainedSet) view(m *Message, topic string, e *retainedEntry) {
	*m = Message{
		Topic: topic, Payload: e.payload, Properties: mqttwire.Properties(e.properties),
		QoS: mqttwire.QoS(e.flags & retainedQoS), Retain: e.flags&retainedRetain != 0,
	}
	if e.flags&retainedExpires != 0 {
		m.Arrived, m.Expires = r.arrivedAt(e), r.expiresAt(e)
	}
}

// complete adds to a view what it is without.
func (r *retainedSet) complete(m *Message, e *retainedEntry, p *publisherMemory) {
	m.Arrived = r.arrivedAt(e)
	m.From, m.Owner = p.unpack(e.publisher)
}

// unpack makes a Message of its own, but for the topic.
func (r *retainedSet) unpack(topic string, e *retainedEntry) *Message {
	var view Message
	r.view(&view, topic, e)
	r.complete(&view, e, &r.publisher)
	return view.keep(topic, mqttwire.V311)
}

// publisherMemory is the publisher that was packed or unpacked last, which is
// often the next one as well.
type publisherMemory struct {
	from   string
	owner  *Identity
	packed []byte
}

// A publisher is packed as flags, ClientID and what the owner has beyond that:
// its own ClientID if it is another, Username, Remote. Nothing stands for the
// broker itself.
const (
	publisherOwner  = 1 << iota
	publisherOther  // the owner has another ClientID
	publisherTCP    // Remote is an address and a port
	publisherRemote // Remote is the names of a network and of a place there
)

// pack returns the bytes for a publisher, until the next call.
func (p *publisherMemory) pack(from string, owner *Identity) []byte {
	if from == p.from && owner == p.owner {
		return p.packed
	}
	b := p.packed[:0]
	p.from, p.owner = from, owner
	if from != "" || owner != nil {
		b = appendPublisher(b, from, owner)
	}
	p.packed = b
	return b
}

func appendPublisher(b []byte, from string, owner *Identity) []byte {
	b = appendSized(append(b, 0), from)
	if owner == nil {
		return b
	}
	b[0] = publisherOwner
	if owner.ClientID != from {
		b[0] |= publisherOther
		b = appendSized(b, owner.ClientID)
	}
	b = appendSized(b, owner.Username)
	switch remote := owner.Remote.(type) {
	case nil:
	case interface{ AddrPort() netip.AddrPort }: // *net.TCPAddr, and what drivers have for it
		b[0] |= publisherTCP
		at := remote.AddrPort()
		b, _ = netip.AddrPortFrom(at.Addr().Unmap(), at.Port()).AppendBinary(b) // never fails
	default:
		b[0] |= publisherRemote
		b = append(appendSized(b, remote.Network()), remote.String()...)
	}
	return b
}

func appendSized(b []byte, s string) []byte {
	return append(binary.AppendUvarint(b, uint64(len(s))), s...)
}

// unpack is the reverse of pack.
func (p *publisherMemory) unpack(packed []byte) (from string, owner *Identity) {
	if len(packed) == 0 {
		return "", nil
	}
	if string(packed) == string(p.packed) {
		return p.from, p.owner
	}
	p.packed = append(p.packed[:0], packed...)
	p.from, p.owner = parsePublisher(packed)
	return p.from, p.owner
}

func parsePublisher(b []byte) (from string, owner *Identity) {
	flags := b[0]
	b = b[1:]
	text := func() string {
		size, n := binary.Uvarint(b)
		s := string(b[n : n+int(size)])
		b = b[n+int(size):]
		return s
	}
	from = text()
	if flags&publisherOwner == 0 {
		return from, nil
	}
	owner = &Identity{ClientID: from, Rights: &Rights{}}
	if flags&publisherOther != 0 {
		owner.ClientID = text()
	}
	owner.Username = text()
	switch {
	case flags&publisherTCP != 0:
		var at netip.AddrPort
		at.UnmarshalBinary(b) // what AppendBinary made
		owner.Remote = net.TCPAddrFromAddrPort(at)
	case flags&publisherRemote != 0:
		network := text()
		owner.Remote = formerAddr{network, string(b)}
	}
	return from, owner
}

// formerAddr is an address by its names alone.
type formerAddr struct{ network, name string }

func (a formerAddr) Network() string { return a.network }
func (a formerAddr) String() string  { return a.name }
