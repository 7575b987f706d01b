package commands

import (
	"bytes"
	"encoding/binary"
	"errors"
	"net/netip"
	"os"
	"slices"
	"strconv"
	"testing"
	"time"

	"mqtk/mqttwire/capture"
)

// A tcpSegment is one segment of a capture, so that it can be sent otherwise.
type tcpSegment struct {
	from, to netip.AddrPort // to is the server, or from
	seq, ack uint32
	flags    byte
	at       time.Time
	data     []byte
}

const (
	finFlag = 1
	synFlag = 2
	rstFlag = 4
)

func (s *tcpSegment) sameWay(o *tcpSegment) bool { return s.from == o.from && s.to == o.to }

// bare: it carries nothing but data.
func (s tcpSegment) bare() bool { return len(s.data) > 0 && s.flags&(finFlag|synFlag|rstFlag) == 0 }

// recordSegments captures the sessions of do with a broker: on the loopback
// interface where that is allowed, else by a tap between them.
func recordSegments(t *testing.T, b testBroker, do func(b testBroker)) []tcpSegment {
	t.Helper()
	live, err := capture.OpenLive("lo")
	if err != nil {
		t.Logf("not captured on an interface: %v", err)
		return tapSegments(t, b, do)
	}
	defer live.Close()
	port := uint16(0)
	if a, err := netip.ParseAddrPort(b.host + ":" + b.port); err == nil {
		port = a.Port()
	}
	done, segments := make(chan struct{}), make(chan []tcpSegment, 1)
	go func() { segments <- liveSegments(live, port, done) }()
	do(b)
	close(done)
	all := <-segments
	if lost := live.Dropped(); lost > 0 {
		t.Logf("the capture lost %d packets of this machine: all is said once more, by a tap", lost)
		return tapSegments(t, b, do)
	}
	return withoutRepeats(all)
}

// liveSegments reads until what was sent before done is closed has come.
func liveSegments(live *capture.Live, port uint16, done <-chan struct{}) (segments []tcpSegment) {
	for {
		over := false
		select {
		case <-done:
			over = true
		default:
		}
		f, err := live.Next()
		if errors.Is(err, os.ErrDeadlineExceeded) && over || errors.Is(err, os.ErrClosed) {
			return segments
		}
		if err != nil {
			continue
		}
		if s, ok := parseSegment(f.Data[16:], f.At); ok && (s.from.Port() == port || s.to.Port() == port) {
			segments = append(segments, s)
		}
	}
}

// parseSegment reads a packet of IPv4.
func parseSegment(b []byte, at time.Time) (s tcpSegment, ok bool) {
	if len(b) < 40 || b[0]>>4 != 4 || b[9] != 6 {
		return s, false
	}
	b = b[:min(len(b), int(binary.BigEndian.Uint16(b[2:])))]
	from, to := netip.AddrFrom4([4]byte(b[12:])), netip.AddrFrom4([4]byte(b[16:]))
	tcp := b[4*(b[0]&15):]
	return tcpSegment{
		from: netip.AddrPortFrom(from, binary.BigEndian.Uint16(tcp)), to: netip.AddrPortFrom(to, binary.BigEndian.Uint16(tcp[2:])),
		seq: binary.BigEndian.Uint32(tcp[4:]), ack: binary.BigEndian.Uint32(tcp[8:]), flags: tcp[13], at: at,
		data: bytes.Clone(tcp[4*(tcp[12]>>4):]),
	}, true
}

// tapSegments makes segments of what passes a tap.
func tapSegments(t *testing.T, b testBroker, do func(b testBroker)) (segments []tcpSegment) {
	t.Helper()
	port, err := strconv.ParseUint(b.port, 10, 16)
	if err != nil {
		t.Fatal(err)
	}
	broker := netip.AddrPortFrom(netip.AddrFrom4([4]byte{10, 0, 0, 2}), uint16(port))
	p := newTap(t, b)
	do(p.broker(b))
	p.cut()
	var file bytes.Buffer
	w := capture.NewWriter(&file)
	tracks := make(map[int]*capture.Track)
	at := time.Unix(1_800_000_000, 0)
	for _, s := range p.segments {
		at = at.Add(time.Millisecond)
		if tracks[s.connection] == nil {
			client := netip.AddrPortFrom(netip.AddrFrom4([4]byte{10, 0, 0, 1}), uint16(40000+s.connection))
			tracks[s.connection] = w.Open(client, broker, at)
		}
		tracks[s.connection].Data(!s.toBroker, at, s.data)
	}
	r, err := capture.Open(&file)
	for err == nil {
		var f capture.Frame
		if f, err = r.Next(); err == nil {
			if s, ok := parseSegment(f.Data, f.At); ok {
				segments = append(segments, s)
			}
		}
	}
	return segments
}

// pcapOf is a capture file of raw IPv4 packets, with times in nanoseconds.
func pcapOf(segments []tcpSegment) []byte {
	file := binary.LittleEndian.AppendUint32(nil, 0xa1b23c4d)
	file = append(file, 2, 0, 4, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 4, 0, 101, 0, 0, 0)
	for _, s := range segments {
		packet := s.packet()
		file = binary.LittleEndian.AppendUint32(file, uint32(s.at.Unix()))
		file = binary.LittleEndian.AppendUint32(file, uint32(s.at.Nanosecond()))
		file = binary.LittleEndian.AppendUint32(file, uint32(len(packet)))
		file = binary.LittleEndian.AppendUint32(file, uint32(len(packet)))
		file = append(file, packet...)
	}
	return file
}

// packet has no checksums, at which nobody looks.
func (s *tcpSegment) packet() []byte {
	from, to := s.from.Addr().As4(), s.to.Addr().As4()
	b := binary.BigEndian.AppendUint16([]byte{0x45, 0}, uint16(40+len(s.data)))
	b = append(b, 0, 0, 0, 0, 64, 6, 0, 0)
	b = append(append(b, from[:]...), to[:]...)
	b = binary.BigEndian.AppendUint16(b, s.from.Port())
	b = binary.BigEndian.AppendUint16(b, s.to.Port())
	b = binary.BigEndian.AppendUint32(b, s.seq)
	b = binary.BigEndian.AppendUint32(b, s.ack)
	b = append(b, 0x50, s.flags, 0xff, 0xff, 0, 0, 0, 0)
	return append(b, s.data...)
}

// splitSegments cuts small segments into pieces of n bytes, and large ones in
// two.
func splitSegments(segments []tcpSegment, n int) (pieces []tcpSegment) {
	for _, s := range segments {
		size := n
		if len(s.data) > 400 {
			size = max(len(s.data)/2, len(s.data)-1400)
		}
		for s.bare() && len(s.data) > size {
			first := s
			first.data = s.data[:size]
			pieces = append(pieces, first)
			s.data, s.seq = s.data[size:], s.seq+uint32(size)
		}
		pieces = append(pieces, s)
	}
	return pieces
}

// mergeSegments joins what one side says before the other does.
func mergeSegments(segments []tcpSegment) (merged []tcpSegment) {
	open := make(map[[2]netip.AddrPort]int) // the last segment with data of each connection
	for _, s := range segments {
		key, back := [2]netip.AddrPort{s.from, s.to}, [2]netip.AddrPort{s.to, s.from}
		if i, ok := open[key]; ok && s.bare() {
			last := &merged[i]
			if last.seq+uint32(len(last.data)) == s.seq && len(last.data)+len(s.data) < 30_000 {
				last.data = append(bytes.Clone(last.data), s.data...)
				continue
			}
		}
		if delete(open, key); len(s.data) > 0 || s.flags&(synFlag|finFlag|rstFlag) != 0 {
			delete(open, back)
		}
		if merged = append(merged, s); s.bare() {
			open[key] = len(merged) - 1
		}
	}
	return merged
}

// repeatSegments sends every third segment once more, after the one behind it.
func repeatSegments(segments []tcpSegment) (all []tcpSegment) {
	for i, s := range segments {
		all = append(all, s)
		if i%3 == 1 && segments[i-1].bare() {
			again := segments[i-1]
			again.at = s.at
			all = append(all, again)
		}
	}
	return all
}

// swapSegments has each second segment overtake the one before it, where one
// side sends two without a pause.
func swapSegments(segments []tcpSegment) []tcpSegment {
	all := append([]tcpSegment(nil), segments...)
	for i := 1; i < len(all); i++ {
		a, b := &all[i-1], &all[i]
		if a.bare() && b.bare() && a.sameWay(b) && a.seq+uint32(len(a.data)) == b.seq && (i < 2 || !all[i-2].bare()) {
			a.at, b.at = b.at, a.at
			*a, *b = *b, *a
			i++
		}
	}
	return all
}

// greetAgain sends the first data of each side of a connection once more, byte
// by byte, as a system does that waits too long for an acknowledgement.
func greetAgain(segments []tcpSegment) (all []tcpSegment) {
	greeted := make(map[[2]netip.AddrPort]bool)
	for _, s := range segments {
		all = append(all, s)
		if key := [2]netip.AddrPort{s.from, s.to}; s.bare() && !greeted[key] {
			greeted[key] = true
			for i := range s.data {
				again := s
				again.seq, again.data = s.seq+uint32(i), s.data[i:i+1]
				all = append(all, again)
			}
		}
	}
	return all
}

// withoutRepeats leaves out what the system sent again by itself, as it does
// where this machine is busy: captures are to differ in what a test makes of them.
func withoutRepeats(segments []tcpSegment) []tcpSegment {
	type place struct {
		from, to netip.AddrPort
		seq      uint32
	}
	seen := make(map[place]bool)
	return slices.DeleteFunc(segments, func(s tcpSegment) bool {
		news := !s.bare()
		for i := range s.data {
			at := place{s.from, s.to, s.seq + uint32(i)}
			news = news || !seen[at]
			seen[at] = true
		}
		return !news
	})
}
