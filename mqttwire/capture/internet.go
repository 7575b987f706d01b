package capture

import (
	"encoding/binary"
	"net/netip"
	"time"
)

// The protocols that are followed.
const (
	protocolHopByHop    = 0
	protocolIPv4        = 4
	protocolTCP         = 6
	protocolUDP         = 17
	protocolIPv6        = 41
	protocolRouting     = 43
	protocolFragment    = 44
	protocolGRE         = 47
	protocolAuth        = 51
	protocolDestination = 60
	protocolMobility    = 135
	portVXLAN           = 4789
	maxHeaders          = 16 // of one packet, tunnels included
)

// A datagram is the content of an internet packet. It is a view into a frame.
type datagram struct {
	from, to netip.Addr
	protocol byte
	data     []byte // as much as was kept
	length   int    // of it, on the wire
}

// internet reads internet packets and puts fragments of them together.
type internet struct {
	fragments fragments
}

// datagram goes through the headers of one packet; length is how many bytes of
// b there were on the wire. It says no where there is no whole datagram yet.
func (n *internet) datagram(b []byte, length int, at time.Time) (d datagram, ok bool) {
	for range maxHeaders {
		if len(b) < 1 {
			return d, false
		}
		switch b[0] >> 4 {
		case 4:
			d, ok = n.version4(b, length, at)
		case 6:
			d, ok = n.version6(b, length, at)
		default:
			return d, false
		}
		inner := d.tunnel()
		if !ok || inner == nil {
			return d, ok
		}
		b, length = inner, len(inner)+d.length-len(d.data)
	}
	return d, false
}

// tunnel returns the packet inside of a datagram, nil if there is none: IP in
// IP, GRE, and VXLAN by its port.
func (d *datagram) tunnel() []byte {
	b := d.data
	switch {
	case d.protocol == protocolIPv4 || d.protocol == protocolIPv6:
		return b
	case d.protocol == protocolGRE && len(b) >= 4:
		header := 4
		for _, flag := range []byte{0x80, 0x20, 0x10} { // checksum, key, sequence number
			if b[0]&flag != 0 {
				header += 4
			}
		}
		if rest := beyond(b, header); rest != nil {
			return ether(int(binary.BigEndian.Uint16(b[2:])), rest)
		}
	case d.protocol == protocolUDP && len(b) >= 16 && binary.BigEndian.Uint16(b[2:]) == portVXLAN && b[8]&8 != 0:
		return linkEthernet.internet(b[16:])
	}
	return nil
}

func (n *internet) version4(b []byte, length int, at time.Time) (d datagram, ok bool) {
	if len(b) < 20 {
		return d, false
	}
	header := int(b[0]&15) * 4
	total := int(binary.BigEndian.Uint16(b[2:]))
	if total == 0 { // cut in pieces by the network card, later
		total = length
	}
	if header < 20 || total < header || len(b) < header {
		return d, false
	}
	d = datagram{
		from:     netip.AddrFrom4([4]byte(b[12:])),
		to:       netip.AddrFrom4([4]byte(b[16:])),
		protocol: b[9],
		data:     b[header:min(total, len(b))],
		length:   total - header,
	}
	flags := binary.BigEndian.Uint16(b[6:])
	offset, more := int(flags&0x1fff)*8, flags&0x2000 != 0
	if offset == 0 && !more {
		return d, true
	}
	key := fragmentKey{d.from, d.to, uint32(binary.BigEndian.Uint16(b[4:])), d.protocol}
	return n.fragments.add(key, d, offset, more, at)
}

func (n *internet) version6(b []byte, length int, at time.Time) (d datagram, ok bool) {
	if len(b) < 40 {
		return d, false
	}
	total := 40 + int(binary.BigEndian.Uint16(b[4:]))
	if total == 40 { // a jumbogram, or cut in pieces by the network card, later
		total = max(length, 40)
	}
	d = datagram{
		from:     netip.AddrFrom16([16]byte(b[8:])),
		to:       netip.AddrFrom16([16]byte(b[24:])),
		protocol: b[6],
		data:     b[40:min(total, len(b))],
		length:   total - 40,
	}
	for range maxHeaders {
		size := 8
		switch d.protocol {
		case protocolHopByHop, protocolRouting, protocolDestination, protocolMobility:
			if len(d.data) >= 8 {
				size = 8 + int(d.data[1])*8
			}
		case protocolAuth:
			if len(d.data) >= 8 {
				size = 8 + int(d.data[1])*4
			}
		case protocolFragment:
		default:
			return d, true
		}
		if len(d.data) < size {
			return d, false
		}
		header := d.data[:size]
		kind := d.protocol
		d.protocol, d.data, d.length = header[0], d.data[size:], d.length-size
		if kind != protocolFragment {
			continue
		}
		flags := binary.BigEndian.Uint16(header[2:])
		if offset, more := int(flags&^7), flags&1 != 0; offset != 0 || more {
			key := fragmentKey{d.from, d.to, binary.BigEndian.Uint32(header[4:]), 0}
			if d, ok = n.fragments.add(key, d, offset, more, at); !ok {
				return d, false
			}
		}
	}
	return d, false
}

// fragments are the pieces of datagrams that are not whole yet.
type fragments struct {
	waiting map[fragmentKey]*pieces
	oldest  []fragmentKey // in the order in which they began, done ones among them
}

type fragmentKey struct {
	from, to netip.Addr
	id       uint32
	protocol byte
}

// pieces are those of one datagram, which is at most 64 KiB long.
type pieces struct {
	began    time.Time
	protocol byte // of the first piece: the others of IPv6 need not tell
	data     []byte
	have     []bool // of each eight bytes
	missing  int    // how many of these, of those seen to exist
	length   int    // of all; 0: the last was not seen
}

const (
	maxDatagrams  = 256
	maxDatagram   = 64 << 10
	fragmentsWait = 30 * time.Second // as long as Linux waits
)

// add takes a piece, and returns the datagram that it makes whole.
func (f *fragments) add(key fragmentKey, d datagram, offset int, more bool, at time.Time) (datagram, bool) {
	end := offset + d.length
	if len(d.data) < d.length || end > maxDatagram || d.length <= 0 || more && d.length%8 != 0 {
		return d, false
	}
	p := f.waiting[key]
	if p == nil || at.Sub(p.began) > fragmentsWait {
		p = f.begin(key, at)
	}
	if offset == 0 {
		p.protocol = d.protocol
	}
	if !more {
		p.length = end
	}
	p.keep(d.data[:d.length], offset)
	if p.length == 0 || p.missing > 0 || len(p.data) < p.length {
		return d, false
	}
	delete(f.waiting, key)
	d.protocol, d.data, d.length = p.protocol, p.data[:p.length], p.length
	return d, true
}

func (f *fragments) begin(key fragmentKey, at time.Time) *pieces {
	if f.waiting == nil {
		f.waiting = make(map[fragmentKey]*pieces)
	}
	for len(f.oldest) >= maxDatagrams {
		delete(f.waiting, f.oldest[0])
		f.oldest = f.oldest[1:]
	}
	p := &pieces{began: at}
	f.waiting[key] = p
	f.oldest = append(f.oldest, key)
	return p
}

// keep takes the bytes at an offset; where some are there already, those stay.
func (p *pieces) keep(b []byte, offset int) {
	if end := offset + len(b); len(p.data) < end {
		p.data = append(p.data, make([]byte, end-len(p.data))...)
		for blocks := (end + 7) / 8; len(p.have) < blocks; p.missing++ {
			p.have = append(p.have, false)
		}
	}
	for len(b) > 0 {
		n := min(8, len(b))
		if i := offset / 8; !p.have[i] {
			p.have[i] = true
			p.missing--
			copy(p.data[offset:], b[:n])
		}
		b, offset = b[n:], offset+n
	}
}
