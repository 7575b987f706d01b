package capture

import (
	"encoding/binary"
	"net/netip"
	"time"
)

// A segment is one of TCP, as it was seen, or what is left of it.
type segment struct {
	seq, ack uint32
	flags    byte
	data     []byte // as much as was kept
	length   int    // of the data, on the wire
	at       time.Time
	frame    int
}

// The flags of a segment.
const (
	flagFIN = 1
	flagSYN = 2
	flagRST = 4
	flagACK = 16
)

// segment reads the TCP header of a datagram.
func (d *datagram) segment() (g segment, from, to netip.AddrPort, ok bool) {
	b := d.data
	if d.protocol != protocolTCP || len(b) < 20 {
		return g, from, to, false
	}
	header := int(b[12]>>4) * 4
	if header < 20 || header > d.length {
		return g, from, to, false
	}
	g = segment{
		seq:    binary.BigEndian.Uint32(b[4:]),
		ack:    binary.BigEndian.Uint32(b[8:]),
		flags:  b[13],
		data:   b[min(header, len(b)):],
		length: d.length - header,
	}
	from = netip.AddrPortFrom(d.from, binary.BigEndian.Uint16(b))
	to = netip.AddrPortFrom(d.to, binary.BigEndian.Uint16(b[2:]))
	return g, from, to, true
}

// after is how far a sequence number lies after another; they go round.
func after(a, b uint32) int { return int(int32(a - b)) }

// end is the sequence number after the data.
func (g *segment) end() uint32 { return g.seq + uint32(g.length) }

// trim takes the first n bytes away.
func (g *segment) trim(n int) {
	g.seq += uint32(n)
	g.length -= n
	g.data = g.data[min(n, len(g.data)):]
}

// head returns a segment of the first n bytes, without a FIN.
func (g segment) head(n int) segment {
	g.length = n
	g.data = g.data[:min(n, len(g.data))]
	g.flags &^= flagFIN | flagRST
	return g
}
