package journal

import (
	"encoding/binary"
	"errors"
	"time"

	"mqtk/broker"
	"mqtk/mqttwire"
)

// errRecord is damage that the checksum did not see, or a mistake of ours.
var errRecord = errors.New("a frame does not hold the records it should")

// A record is one record of a payload, its fields as they stand there. Slices
// are views of the payload.
type record struct {
	kind        byte
	flags       byte
	qos         mqttwire.QoS
	brought     bool
	options     byte
	packetID    mqttwire.PacketID
	incarnation uint64
	sequence    uint64
	replaces    uint64
	debt        uint32
	identifier  uint32
	seconds     uint32 // SessionExpiry or WillDelay
	ends        int64
	text        []byte // Share, Filter, Topic or ClientID
	username    []byte
	remote      []byte
	identifiers []byte
	raw         []byte // all of it
	body        []byte // of a message
}

// A parser walks over a payload.
type parser struct {
	rest    []byte
	puts    int
	shared  bool
	record  record
	message []byte // the body of the latest message
	carrier []byte // and its whole record
	short   bool   // something did not fit
}

// parse begins a payload.
func (p *parser) parse(payload []byte) {
	*p = parser{rest: payload}
	head := p.uvarint()
	p.puts, p.shared = int(head>>1), head&1 != 0
}

// next goes to the next record; false at the end, or with an error.
func (p *parser) next() (more bool, err error) {
	if p.short {
		return false, errRecord
	}
	if len(p.rest) == 0 {
		return false, nil
	}
	before := p.rest
	r := &p.record
	r.kind, r.flags = p.rest[0]&15, p.rest[0]>>4
	p.rest = p.rest[1:]
	p.fields(r)
	if p.short || r.hasMessage() && p.message == nil {
		return false, errRecord
	}
	r.raw = before[:len(before)-len(p.rest)]
	if r.kind == recordMessage {
		p.message, p.carrier = r.body, r.raw
	}
	return true, nil
}

// event goes to the next record that is an Event.
func (p *parser) event() (more bool, err error) {
	for {
		if more, err = p.next(); !more || p.record.kind != recordMessage {
			return more, err
		}
	}
}

func (p *parser) fields(r *record) {
	if r.kind != recordRetain && r.kind != recordMessage {
		r.incarnation = p.uvarint()
	}
	switch r.kind {
	case recordMessage:
		r.body = p.bytes()
	case recordEnqueue:
		p.enqueue(r)
	case recordInflight, recordReleased, recordHeld:
		r.sequence, r.packetID = p.uvarint(), mqttwire.PacketID(p.uvarint())
	case recordDequeue, recordForgotten:
		r.sequence, r.debt = p.uvarint(), 0
		if r.kind == recordForgotten {
			r.packetID = mqttwire.PacketID(p.uvarint())
		}
		if r.flags&killDebt != 0 {
			r.debt = uint32(p.uvarint())
		}
	case recordRetain:
		p.retain(r)
	case recordSubscribe:
		r.sequence, r.options, r.identifier = p.uvarint(), p.byte(), 0
		if r.flags&subscribeIdentifier != 0 {
			r.identifier = uint32(p.uvarint())
		}
		r.text = p.bytes()
	case recordUnsubscribe:
		r.sequence = p.uvarint()
		r.text = p.bytes()
	case recordSession:
		p.session(r)
	case recordSessionEnd:
	case recordWill:
		r.sequence = p.uvarint()
		r.text = p.bytes()
		r.seconds, r.ends = uint32(p.uvarint()), 0
		if r.flags&willEnds != 0 {
			r.ends = p.time()
		}
	default:
		p.short = true
	}
}

func (p *parser) enqueue(r *record) {
	n := p.uvarint()
	r.sequence, r.qos, r.brought = n>>3, mqttwire.QoS(n&3), n&enqueueBrought != 0
	r.packetID, r.identifiers, r.text = 0, nil, nil
	if r.flags&enqueueRides != 0 {
		r.packetID = mqttwire.PacketID(p.uvarint())
	}
	if r.flags&enqueueIdentifiers != 0 {
		n := p.uvarint()
		before := p.rest
		for ; n > 0 && !p.short; n-- {
			p.uvarint()
		}
		r.identifiers = before[:len(before)-len(p.rest)]
	}
	if r.flags&enqueueShare != 0 {
		r.text = p.bytes()
	}
}

func (p *parser) retain(r *record) {
	r.incarnation, r.sequence, r.replaces, r.text = 0, p.uvarint(), 0, nil
	if r.flags&retainMessage == 0 {
		r.text = p.bytes()
	}
	if r.flags&retainReplaces != 0 {
		r.replaces = r.sequence - p.uvarint()
	}
}

func (p *parser) session(r *record) {
	r.sequence = p.uvarint()
	r.text = p.bytes()
	r.seconds = uint32(p.uvarint())
	r.ends, r.username, r.remote = 0, nil, nil
	if r.flags&sessionEnds != 0 {
		r.ends = p.time()
	}
	if r.flags&sessionUsername != 0 {
		r.username = p.bytes()
	}
	if r.flags&sessionRemote != 0 {
		r.remote = p.bytes()
	}
}

// read makes an Event of the record, without its Message. The ClientID is there
// in session and will alone.
func (r *record) read(e *broker.Event, shift time.Duration) {
	*e = broker.Event{Kind: broker.EventKind(r.kind), Incarnation: r.incarnation, Sequence: r.sequence}
	switch r.kind {
	case recordEnqueue:
		e.QoS, e.Retain, e.PacketID, e.Share = r.qos, r.flags&enqueueRetain != 0, r.packetID, string(r.text)
		e.Brought = r.brought
		p := parser{rest: r.identifiers}
		for len(p.rest) > 0 {
			e.Identifiers = append(e.Identifiers, uint32(p.uvarint()))
		}
	case recordInflight, recordReleased, recordHeld, recordForgotten:
		e.PacketID = r.packetID
	case recordRetain:
		e.Topic, e.Replaces = string(r.text), r.replaces
	case recordSubscribe:
		e.Subscription, e.Identifier = unpackOptions(r.options), r.identifier
		e.Subscription.Filter = string(r.text)
	case recordUnsubscribe:
		e.Subscription.Filter = string(r.text)
	case recordSession:
		e.ClientID, e.SessionExpiry, e.Connected = string(r.text), r.seconds, r.flags&sessionConnected != 0
		e.Username, e.Remote = string(r.username), readAddress(r.remote)
		if r.flags&sessionEnds != 0 {
			e.Ends = readTime(r.ends, shift)
		}
	case recordSessionEnd:
		e.Sequence = 0
	case recordWill:
		e.ClientID, e.WillDelay = string(r.text), r.seconds
		if r.flags&willEnds != 0 {
			e.Ends = readTime(r.ends, shift)
		}
	}
}

func (p *parser) byte() byte {
	if len(p.rest) == 0 {
		p.short = true
		return 0
	}
	b := p.rest[0]
	p.rest = p.rest[1:]
	return b
}

func (p *parser) uvarint() uint64 {
	if len(p.rest) > 0 && p.rest[0] < 0x80 {
		b := p.rest[0]
		p.rest = p.rest[1:]
		return uint64(b)
	}
	n, size := binary.Uvarint(p.rest)
	if size <= 0 {
		p.short, p.rest = true, nil
		return 0
	}
	p.rest = p.rest[size:]
	return n
}

func (p *parser) bytes() []byte {
	n := p.uvarint()
	if n > uint64(len(p.rest)) {
		p.short, p.rest = true, nil
		return nil
	}
	b := p.rest[:n:n]
	p.rest = p.rest[n:]
	return b
}

func (p *parser) time() int64 {
	if len(p.rest) < 8 {
		p.short, p.rest = true, nil
		return 0
	}
	n := int64(binary.LittleEndian.Uint64(p.rest))
	p.rest = p.rest[8:]
	return n
}
