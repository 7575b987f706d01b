package fuzz

import (
	"encoding/binary"

	"mqtk/mqttwire"
)

// A node is a piece of a packet: bytes, or a length and what it counts.
type node struct {
	shape shape
	name  string
	bytes []byte  // of plain, counted
	kids  []*node // of section, group
	lie   int     // added to the length before it
	wide  int     // bytes by which the length of a section is longer than needed
}

type shape byte

const (
	plain   shape = iota // bytes
	counted              // bytes after their length in two bytes
	section              // nodes after their length as a variable byte integer
	group                // nodes
)

// append writes the node.
func (n *node) append(dst []byte) []byte {
	switch n.shape {
	case plain:
		return append(dst, n.bytes...)
	case counted:
		dst = binary.BigEndian.AppendUint16(dst, uint16(len(n.bytes)+n.lie))
		return append(dst, n.bytes...)
	case section:
		var inner []byte
		for _, kid := range n.kids {
			inner = kid.append(inner)
		}
		return append(appendVarint(dst, uint32(max(0, len(inner)+n.lie)), n.wide), inner...)
	}
	for _, kid := range n.kids {
		dst = kid.append(dst)
	}
	return dst
}

// appendVarint writes a variable byte integer, longer than needed by wide
// bytes, and also where it is too large for one.
func appendVarint(dst []byte, n uint32, wide int) []byte {
	for n > 127 {
		dst = append(dst, byte(n)|128)
		n >>= 7
	}
	for range wide {
		dst = append(dst, byte(n)|128)
		n = 0
	}
	return append(dst, byte(n))
}

// walk visits a node and all below it.
func (n *node) walk(visit func(n, parent *node), parent *node) {
	visit(n, parent)
	for _, kid := range n.kids {
		kid.walk(visit, n)
	}
}

// A dissector takes valid bytes apart; what it cannot read stays one piece.
type dissector struct {
	rest []byte
	v    mqttwire.Version
}

// dissect takes a valid packet of version v apart: a group of its first byte
// and the section behind it.
func dissect(raw []byte, v mqttwire.Version) *node {
	_, size := binary.Uvarint(raw[1:])
	d := &dissector{rest: raw[1+max(size, 1):], v: v}
	body := &node{shape: section, name: "remaining length"}
	switch t := mqttwire.PacketType(raw[0] >> 4); t {
	case mqttwire.CONNECT:
		body.kids = d.connect()
	case mqttwire.PUBLISH:
		body.kids = append(body.kids, d.counted("topic"))
		if raw[0]&6 != 0 {
			body.kids = append(body.kids, d.plain("packet id", 2))
		}
		body.kids = append(body.kids, d.properties(), d.plain("payload", len(d.rest)))
	case mqttwire.SUBSCRIBE, mqttwire.UNSUBSCRIBE:
		body.kids = append(body.kids, d.plain("packet id", 2), d.properties())
		for len(d.rest) > 0 {
			body.kids = append(body.kids, d.counted("filter"))
			if t == mqttwire.SUBSCRIBE {
				body.kids = append(body.kids, d.plain("options", 1))
			}
		}
	case mqttwire.SUBACK, mqttwire.UNSUBACK:
		body.kids = append(body.kids, d.plain("packet id", 2), d.properties())
	case mqttwire.CONNACK:
		body.kids = append(body.kids, d.plain("flags", 1), d.plain("reason", 1), d.properties())
	case mqttwire.DISCONNECT, mqttwire.AUTH:
		body.kids = append(body.kids, d.plain("reason", 1), d.properties())
	default:
		body.kids = append(body.kids, d.plain("packet id", 2), d.plain("reason", 1), d.properties())
	}
	body.kids = append(body.kids, d.plain("rest", len(d.rest)))
	body.kids = present(body.kids)
	return &node{shape: group, kids: []*node{{name: "header", bytes: []byte{raw[0]}}, body}}
}

func (d *dissector) connect() []*node {
	kids := []*node{d.counted("protocol name"), d.plain("protocol level", 1)}
	flags := d.plain("connect flags", 1)
	kids = append(kids, flags, d.plain("keep alive", 2), d.properties(), d.counted("client id"))
	if flags == nil {
		return kids
	}
	on := flags.bytes[0]
	if on&4 != 0 {
		kids = append(kids, d.properties(), d.counted("will topic"), d.counted("will payload"))
	}
	if on&128 != 0 {
		kids = append(kids, d.counted("user name"))
	}
	if on&64 != 0 {
		kids = append(kids, d.counted("password"))
	}
	return kids
}

// present leaves out what was not there.
func present(nodes []*node) (there []*node) {
	for _, n := range nodes {
		if n != nil {
			there = append(there, n)
		}
	}
	return there
}

func (d *dissector) plain(name string, n int) *node {
	if n == 0 || len(d.rest) < n {
		return nil
	}
	b := d.rest[:n]
	d.rest = d.rest[n:]
	return &node{name: name, bytes: b}
}

func (d *dissector) counted(name string) *node {
	if len(d.rest) < 2 {
		return nil
	}
	n := int(binary.BigEndian.Uint16(d.rest))
	if len(d.rest) < 2+n {
		return nil
	}
	b := d.rest[2 : 2+n]
	d.rest = d.rest[2+n:]
	return &node{shape: counted, name: name, bytes: b}
}

// properties is the section of properties, where the version has one and it
// was not left out.
func (d *dissector) properties() *node {
	if d.v != mqttwire.V5 || len(d.rest) == 0 {
		return nil
	}
	n, size := binary.Uvarint(d.rest)
	if size <= 0 || uint64(len(d.rest)-size) < n {
		return nil
	}
	inner := &dissector{rest: d.rest[size : size+int(n)], v: d.v}
	d.rest = d.rest[size+int(n):]
	s := &node{shape: section, name: "properties"}
	for len(inner.rest) > 0 {
		s.kids = append(s.kids, inner.property())
	}
	return s
}

func (d *dissector) property() *node {
	id := mqttwire.PropertyID(d.rest[0])
	p := &node{shape: group, name: "property", kids: []*node{d.plain("property id", 1)}}
	rule, _ := id.Rule()
	switch rule.Kind {
	case mqttwire.Byte:
		p.kids = append(p.kids, d.plain("value", 1))
	case mqttwire.TwoByte:
		p.kids = append(p.kids, d.plain("value", 2))
	case mqttwire.FourByte:
		p.kids = append(p.kids, d.plain("value", 4))
	case mqttwire.VariableByte:
		_, size := binary.Uvarint(d.rest)
		p.kids = append(p.kids, d.plain("value", max(size, 1)))
	case mqttwire.UTF8, mqttwire.Binary:
		p.kids = append(p.kids, d.counted("value"))
	case mqttwire.StringPair:
		p.kids = append(p.kids, d.counted("name"), d.counted("value"))
	default:
		p.kids = append(p.kids, d.plain("value", len(d.rest)))
	}
	p.kids = present(p.kids)
	return p
}
