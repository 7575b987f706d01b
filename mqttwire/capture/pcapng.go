package capture

import (
	"encoding/binary"
	"math"
	"math/bits"
	"time"
)

// blocks is the newer file format, pcapng: sections of blocks, each section
// with a byte order and network interfaces of its own.
type blocks struct {
	order      binary.ByteOrder // of the section; nil before the first
	interfaces []networkInterface
}

// A networkInterface is what an Interface Description Block says.
type networkInterface struct {
	link   LinkType
	snap   uint32 // frames are kept up to here; 0: whole
	units  uint64 // of time stamps, in a second
	offset int64  // seconds to be added to them
}

// The types of blocks that are of interest.
const (
	sectionHeader   = 0x0a0d0d0a
	interfaceBlock  = 1
	packetBlock     = 2 // of old; enhanced packets took its place
	simplePacket    = 3
	enhancedPacket  = 6
	journalEntry    = 9 // of systemd: Wireshark counts it as a frame
	secretsBlock    = 10
	tlsKeyLog       = 0x544c534b
	optionUnits     = 9
	optionOffset    = 14
	maxInterfaces   = 1 << 16
	linkTypeUnknown = LinkType(math.MaxUint16)
)

// next reads blocks until one of them is a frame.
func (f *blocks) next(r *Reader) (Frame, error) {
	for {
		began := r.offset
		kind, body, err := f.block(r, began)
		if err != nil {
			return Frame{}, err
		}
		frame, ok := Frame{}, false
		switch kind {
		case sectionHeader:
			f.interfaces = f.interfaces[:0]
		case interfaceBlock:
			ok, err = false, f.describe(body, began)
		case packetBlock, enhancedPacket:
			frame, ok, err = f.packet(kind, body, began)
		case simplePacket:
			frame, ok, err = f.simple(body, began)
		case journalEntry:
			frame, ok = Frame{Link: linkTypeUnknown, Data: body, Length: len(body)}, true
		case secretsBlock:
			f.secrets(r, body)
		}
		if ok || err != nil {
			return frame, err
		}
	}
}

// block reads one block: type, length, body, length again.
func (f *blocks) block(r *Reader, began int64) (kind uint32, body []byte, err error) {
	head, err := r.read(8, began)
	if err != nil {
		return 0, nil, err
	}
	if binary.LittleEndian.Uint32(head) == sectionHeader { // the same in both orders
		if err := f.section(r, began); err != nil {
			return 0, nil, err
		}
	} else if f.order == nil {
		return 0, nil, damaged(began, "a block before the section it belongs to")
	}
	kind = f.order.Uint32(head)
	length := f.order.Uint32(head[4:])
	if length < 12 || length > maxBlock {
		return 0, nil, damaged(began, "a block of %d bytes", length)
	}
	padded := int(length+3) &^ 3
	body, err = r.read(padded-8, began)
	if err != nil {
		return 0, nil, err
	}
	body, tail := body[:padded-12], body[padded-12:]
	if again := f.order.Uint32(tail); again != length {
		return 0, nil, damaged(began, "a block of %d bytes that ends as one of %d", length, again)
	}
	return kind, body, nil
}

// section looks ahead at the byte order of a section.
func (f *blocks) section(r *Reader, began int64) error {
	magic, err := r.in.Peek(4)
	if err != nil {
		r.offset += int64(len(magic))
		return r.broken(err, began)
	}
	switch {
	case binary.LittleEndian.Uint32(magic) == 0x1a2b3c4d:
		f.order = binary.LittleEndian
	case binary.BigEndian.Uint32(magic) == 0x1a2b3c4d:
		f.order = binary.BigEndian
	default:
		return damaged(began, "a section with the byte order % x", magic)
	}
	return nil
}

// describe takes an Interface Description Block.
func (f *blocks) describe(body []byte, began int64) error {
	if len(body) < 8 {
		return damaged(began, "an interface of %d bytes", len(body))
	}
	if len(f.interfaces) == maxInterfaces {
		return damaged(began, "more than %d interfaces", maxInterfaces)
	}
	n := networkInterface{link: LinkType(f.order.Uint16(body)), snap: f.order.Uint32(body[4:]), units: 1_000_000}
	for options := body[8:]; len(options) >= 4; {
		code, length := f.order.Uint16(options), int(f.order.Uint16(options[2:]))
		if code == 0 || length > len(options)-4 {
			break
		}
		value := options[4 : 4+length]
		switch {
		case code == optionUnits && length == 1:
			n.units = unitsOf(value[0])
		case code == optionOffset && length == 8:
			n.offset = int64(f.order.Uint64(value))
		}
		options = options[min(4+(length+3)&^3, len(options)):]
	}
	f.interfaces = append(f.interfaces, n)
	return nil
}

// unitsOf reads if_tsresol: a power of ten, or with the high bit, of two.
func unitsOf(resolution byte) uint64 {
	if resolution&0x80 != 0 {
		return 1 << min(resolution&0x7f, 63)
	}
	units := uint64(1)
	for range min(resolution, 19) {
		units *= 10
	}
	return units
}

// packet takes an Enhanced Packet Block, or one of its predecessor.
func (f *blocks) packet(kind uint32, body []byte, began int64) (Frame, bool, error) {
	if len(body) < 20 {
		return Frame{}, false, damaged(began, "a packet block of %d bytes", len(body))
	}
	number := int(f.order.Uint32(body))
	if kind == packetBlock {
		number = int(f.order.Uint16(body))
	}
	if number >= len(f.interfaces) {
		return Frame{}, false, damaged(began, "a packet of interface %d, and there are %d", number, len(f.interfaces))
	}
	n := &f.interfaces[number]
	stamp := uint64(f.order.Uint32(body[4:]))<<32 | uint64(f.order.Uint32(body[8:]))
	kept, length := f.order.Uint32(body[12:]), f.order.Uint32(body[16:])
	if int64(kept) > int64(len(body)-20) {
		return Frame{}, false, damaged(began, "a packet of %d bytes in a block of %d", kept, len(body)+12)
	}
	return Frame{At: n.time(stamp), Link: n.link, Data: body[20 : 20+kept], Length: int(max(length, kept))}, true, nil
}

// simple takes a Simple Packet Block, which has no time, and is of the first
// interface.
func (f *blocks) simple(body []byte, began int64) (Frame, bool, error) {
	if len(body) < 4 || len(f.interfaces) == 0 {
		return Frame{}, false, damaged(began, "a simple packet of %d bytes and of %d interfaces", len(body), len(f.interfaces))
	}
	n := &f.interfaces[0]
	length := f.order.Uint32(body)
	kept := min(length, uint32(len(body)-4))
	if n.snap > 0 {
		kept = min(kept, n.snap)
	}
	return Frame{Link: n.link, Data: body[4 : 4+kept], Length: int(length)}, true, nil
}

// secrets takes a Decryption Secrets Block.
func (f *blocks) secrets(r *Reader, body []byte) {
	if len(body) < 8 || f.order.Uint32(body) != tlsKeyLog {
		return
	}
	lines := body[8:]
	lines = lines[:min(uint64(len(lines)), uint64(f.order.Uint32(body[4:])))]
	if len(r.keys)+len(lines) < maxKeys {
		r.keys = append(append(r.keys, lines...), '\n')
	}
}

// time turns a time stamp into a time.
func (n *networkInterface) time(stamp uint64) time.Time {
	high, low := bits.Mul64(stamp%n.units, 1_000_000_000)
	fraction, _ := bits.Div64(high, low, n.units)
	return time.Unix(int64(stamp/n.units)+n.offset, int64(fraction))
}
