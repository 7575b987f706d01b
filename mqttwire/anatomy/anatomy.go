package anatomy

import "mqtk/mqttwire"

// A Packet is what the first bytes of some are.
type Packet struct {
	Type    mqttwire.PacketType
	Version mqttwire.Version // in which it was read; that of a CONNECT holds for what follows
	Size    int              // how many of the bytes belong to it
	Missing int              // how many more it announces, one at least where that is not known yet
	Spans   []Span
	Packet  mqttwire.Packet // nil where Err is not or bytes are missing; a view into them

	Err  *mqttwire.Error // why this is no packet
	At   int             // the offset of what Err is about
	Name string          // of what should be there
}

// A Span is a run of bytes that is one thing.
type Span struct {
	From, To int // offsets in the packet
	Name     string
	Value    string // in words
	Bits     []Bits // what the bits of a byte are, from the highest
	Parts    []Span // they cover the run
}

// Bits are some of the bits of a byte.
type Bits struct {
	Mask  byte
	Name  string
	Value string
}

// Of takes the packet apart that b begins with, or what is in its place. The
// version is that of the connection, from the side whose bytes these are, if it
// is known. An empty b gives a Packet of no size.
func Of(b []byte, v mqttwire.Version, from mqttwire.Side) Packet {
	if len(b) == 0 {
		return Packet{Version: v}
	}
	d := mqttwire.Decoder{Version: v, From: from}
	p, n, err := d.Decode(b)
	w := walk(b, v, from)
	out := Packet{Type: w.packet, Version: d.Version, Size: len(w.b), Missing: w.missing, Spans: w.spans}
	if n > 0 {
		out.Packet = p
	}
	if bad, ok := err.(*mqttwire.Error); ok {
		out.Err, out.At, out.Name = bad, max(w.wrong, 0), w.wrongName
	}
	return out
}

// Leaves are the spans without parts: they cover each byte once, in order.
func (p *Packet) Leaves() []Span { return appendLeaves(nil, p.Spans) }

func appendLeaves(dst, spans []Span) []Span {
	for _, s := range spans {
		if s.Parts == nil {
			dst = append(dst, s)
		} else {
			dst = appendLeaves(dst, s.Parts)
		}
	}
	return dst
}
