package capture

import (
	"encoding/binary"
	"io"
	"net/netip"
	"sync"
	"time"
)

// A Writer writes conversations as a capture (pcapng, raw IP), as if they had
// been captured on a network that loses nothing: with hand-shakes, sequence
// numbers, acknowledgements and checksums that are right. Whoever reads it
// looks at the server's port to know what is inside: plain MQTT should not be
// written as of the port of MQTT in TLS.
//
// It is safe for concurrent use. Each frame is one Write; after an error of one
// nothing more is written, and Err tells.
type Writer struct {
	mu     sync.Mutex
	to     io.Writer
	err    error
	tracks uint32
	buffer []byte
}

// A Track is one connection in a capture that is being written.
type Track struct {
	w     *Writer
	ends  [2]netip.AddrPort // of the client, of the server
	sides [2]trackSide
}

// A trackSide is what one side has sent so far.
type trackSide struct {
	next  uint32 // sequence number of its next byte
	acked uint32 // of it, by the other side
	over  bool
}

const (
	trackSegment = 16 << 10 // bytes of a segment, at most
	trackUnacked = 32 << 10 // bytes after which the other side acknowledges, within its window
	flagPSH      = 8
)

// NewWriter begins a capture.
func NewWriter(w io.Writer) *Writer {
	section := binary.LittleEndian.AppendUint32(nil, 0x1a2b3c4d)
	section = append(section, 1, 0, 0, 0) // version 1.0
	section = binary.LittleEndian.AppendUint64(section, ^uint64(0))
	section = appendOption(section, 4, "mqtk") // shb_userappl
	section = append(section, 0, 0, 0, 0)

	raw := binary.LittleEndian.AppendUint16(nil, uint16(linkRaw))
	raw = append(raw, 0, 0, 0, 0, 0, 0) // frames are whole
	raw = appendOption(raw, optionUnits, "\x09")
	raw = append(raw, 0, 0, 0, 0)

	writer := &Writer{to: w}
	writer.write(appendBlock(appendBlock(nil, sectionHeader, section), interfaceBlock, raw))
	return writer
}

// Err returns the first error of writing.
func (w *Writer) Err() error {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.err
}

// Open begins a connection. Ends that are no addresses, such as those of Unix
// sockets, are given some.
func (w *Writer) Open(client, server netip.AddrPort, at time.Time) *Track {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.tracks++
	t := &Track{w: w, ends: addresses(client, server, w.tracks)}
	for i := range t.sides { // differs, so that ports used again are told apart
		isn := w.tracks<<16 + uint32(i)<<15
		t.sides[i] = trackSide{next: isn, acked: isn}
	}
	t.segment(0, at, flagSYN, nil)
	t.segment(1, at, flagSYN|flagACK, nil)
	t.segment(0, at, flagACK, nil)
	return t
}

// Data writes what one side said.
func (t *Track) Data(fromServer bool, at time.Time, b []byte) {
	t.w.mu.Lock()
	defer t.w.mu.Unlock()
	from := speaker(fromServer)
	s := &t.sides[from]
	for len(b) > 0 && !s.over {
		n := min(len(b), trackSegment)
		t.segment(from, at, flagPSH|flagACK, b[:n])
		b = b[n:]
		if s.next-s.acked >= trackUnacked {
			t.segment(1-from, at, flagACK, nil)
		}
	}
}

// Close writes that one side has said all, or has broken off.
func (t *Track) Close(fromServer bool, at time.Time, reset bool) {
	t.w.mu.Lock()
	defer t.w.mu.Unlock()
	from := speaker(fromServer)
	switch {
	case t.sides[from].over:
	case reset:
		t.segment(from, at, flagRST|flagACK, nil)
		t.sides[0].over, t.sides[1].over = true, true
	default:
		t.segment(from, at, flagFIN|flagACK, nil)
		t.segment(1-from, at, flagACK, nil)
		t.sides[from].over = true
	}
}

func speaker(fromServer bool) int {
	if fromServer {
		return server
	}
	return client
}

// addresses are those under which a connection is written.
func addresses(c, s netip.AddrPort, number uint32) [2]netip.AddrPort {
	loopback := netip.AddrFrom4([4]byte{127, 0, 0, 1})
	if !c.IsValid() {
		c = netip.AddrPortFrom(loopback, uint16(32768+number%28000))
	}
	if !s.IsValid() {
		s = netip.AddrPortFrom(loopback, 1883)
	}
	x, y := c.Addr().Unmap().WithZone(""), s.Addr().Unmap().WithZone("")
	if x.Is4() != y.Is4() {
		x, y = netip.AddrFrom16(x.As16()), netip.AddrFrom16(y.As16())
	}
	return [2]netip.AddrPort{netip.AddrPortFrom(x, c.Port()), netip.AddrPortFrom(y, s.Port())}
}

// segment writes one segment of TCP and counts it.
func (t *Track) segment(from int, at time.Time, flags byte, data []byte) {
	s, other := &t.sides[from], &t.sides[1-from]
	b := binary.BigEndian.AppendUint16(nil, t.ends[from].Port())
	b = binary.BigEndian.AppendUint16(b, t.ends[1-from].Port())
	b = binary.BigEndian.AppendUint32(b, s.next)
	acknowledged := uint32(0)
	if flags&flagACK != 0 {
		acknowledged, other.acked = other.next, other.next
	}
	b = binary.BigEndian.AppendUint32(b, acknowledged)
	b = append(b, 0x50, flags, 0xff, 0xff, 0, 0, 0, 0)
	b = append(b, data...)
	s.next += uint32(len(data))
	if flags&(flagSYN|flagFIN) != 0 {
		s.next++
	}
	t.w.packet(at, appendInternet(nil, t.ends[from].Addr(), t.ends[1-from].Addr(), b))
}

// appendInternet wraps a segment into a packet, and fills in the checksums.
func appendInternet(dst []byte, from, to netip.Addr, segment []byte) []byte {
	pseudo := append(from.AsSlice(), to.AsSlice()...)
	pseudo = append(pseudo, 0, protocolTCP)
	pseudo = binary.BigEndian.AppendUint16(pseudo, uint16(len(segment)))
	binary.BigEndian.PutUint16(segment[16:], ^sum(sum(0, pseudo), segment))
	begin := len(dst)
	if from.Is4() {
		dst = append(dst, 0x45, 0)
		dst = binary.BigEndian.AppendUint16(dst, uint16(20+len(segment)))
		dst = append(dst, 0, 0, 0x40, 0, 64, protocolTCP, 0, 0) // not to be fragmented
	} else {
		dst = append(dst, 0x60, 0, 0, 0)
		dst = binary.BigEndian.AppendUint16(dst, uint16(len(segment)))
		dst = append(dst, protocolTCP, 64)
	}
	dst = append(dst, from.AsSlice()...)
	dst = append(dst, to.AsSlice()...)
	if from.Is4() {
		binary.BigEndian.PutUint16(dst[begin+10:], ^sum(0, dst[begin:]))
	}
	return append(dst, segment...)
}

// sum adds the one's complement sum of RFC 1071 to one; the length before must
// have been even.
func sum(before uint16, b []byte) uint16 {
	total := uint64(before)
	for ; len(b) >= 2; b = b[2:] {
		total += uint64(b[0])<<8 | uint64(b[1])
	}
	if len(b) > 0 {
		total += uint64(b[0]) << 8
	}
	for total > 0xffff {
		total = total>>16 + total&0xffff
	}
	return uint16(total)
}

// packet writes an Enhanced Packet Block.
func (w *Writer) packet(at time.Time, data []byte) {
	stamp := uint64(at.UnixNano())
	body := binary.LittleEndian.AppendUint32(w.buffer[:0], 0) // the only interface
	body = binary.LittleEndian.AppendUint32(body, uint32(stamp>>32))
	body = binary.LittleEndian.AppendUint32(body, uint32(stamp))
	body = binary.LittleEndian.AppendUint32(body, uint32(len(data)))
	body = binary.LittleEndian.AppendUint32(body, uint32(len(data)))
	w.buffer = append(body, data...)
	w.write(appendBlock(nil, enhancedPacket, w.buffer))
}

func (w *Writer) write(b []byte) {
	if w.err == nil {
		_, w.err = w.to.Write(b)
	}
}

func appendBlock(dst []byte, kind uint32, body []byte) []byte {
	padding := -len(body) & 3
	length := uint32(12 + len(body) + padding)
	dst = binary.LittleEndian.AppendUint32(dst, kind)
	dst = binary.LittleEndian.AppendUint32(dst, length)
	dst = append(dst, body...)
	dst = append(dst, make([]byte, padding)...)
	return binary.LittleEndian.AppendUint32(dst, length)
}

func appendOption(dst []byte, code uint16, value string) []byte {
	dst = binary.LittleEndian.AppendUint16(dst, code)
	dst = binary.LittleEndian.AppendUint16(dst, uint16(len(value)))
	dst = append(dst, value...)
	return append(dst, make([]byte, -len(value)&3)...)
}
