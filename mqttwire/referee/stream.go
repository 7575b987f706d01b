package referee

import (
	"mqtk/mqttwire"
)

// A stream is one direction: what was seen and is no whole packet yet.
type stream struct {
	decoder mqttwire.Decoder
	tail    []byte
	holes   int // bytes of tail that were not seen
	hole    int // where in tail the first of them is
	beyond  int // bytes of a large packet that are passed over
	cut     int // how many of it were
	state   streamState
	bad     int // packets in a row that are none
}

type streamState byte

const (
	following streamState = iota
	seeking               // for the beginning of a packet, after bytes that were not seen
	lost                  // no longer followed, after bytes that are no packet
)

// A chunk is the bytes of one packet, by its length.
type chunk struct {
	raw     []byte
	missing int // bytes that were not seen
	hole    int // where the first of them is
	cut     int // bytes that were not kept
}

// drop gives up what has begun.
func (s *stream) drop(to streamState) {
	*s = stream{decoder: s.decoder, state: to, bad: s.bad}
}

// take adds bytes, without those that are passed over.
func (s *stream) take(b []byte) {
	n := min(s.beyond, len(b))
	s.beyond -= n
	s.tail = append(s.tail, b[n:]...)
}

// next cuts the next packet off; bad: the tail begins with no length.
func (s *stream) next(most int) (k chunk, ok, bad bool) {
	total, bad := packetLen(s.tail)
	if bad || total == 0 {
		return k, false, bad
	}
	if total > most && len(s.tail) >= most && s.cut == 0 {
		s.cut = total - most // the rest is passed over as it comes
		s.beyond = max(0, total-len(s.tail))
		s.tail = append(s.tail[:most], s.tail[min(total, len(s.tail)):]...)
	}
	if s.beyond > 0 || len(s.tail)+s.cut < total {
		return k, false, false
	}
	kept := total - s.cut
	k = chunk{raw: append([]byte(nil), s.tail[:kept]...), missing: s.holes, hole: s.hole, cut: s.cut}
	if s.tail = s.tail[kept:]; len(s.tail) == 0 {
		s.tail = nil
	}
	s.holes, s.hole, s.cut = 0, 0, 0
	return k, true, false
}

// pad stands n unseen bytes in, if they end within the packet that has begun
// and that is one to be kept.
func (s *stream) pad(n, most int) bool {
	total, bad := packetLen(s.tail)
	if bad || total == 0 || total > most || n <= 0 || n > total-len(s.tail) {
		return false
	}
	if s.holes == 0 {
		s.hole = len(s.tail)
	}
	s.holes += n
	s.tail = append(s.tail, make([]byte, n)...)
	return true
}

// packetLen is the size of the packet that b begins with, 0 if its length has
// not come; bad: it has none.
func packetLen(b []byte) (total int, bad bool) {
	length := 0
	for i := 1; i < len(b) && i <= 4; i++ {
		length |= int(b[i]&127) << (7 * (i - 1))
		if b[i] < 128 {
			return 1 + i + length, false
		}
	}
	return 0, len(b) > 4
}

// decodable gives what of a chunk can be decoded: of a PUBLISH that was cut or
// has a hole in its payload the part before, as if it were the whole.
func (k *chunk) decodable() (b []byte, whole bool) {
	if k.missing == 0 && k.cut == 0 {
		return k.raw, true
	}
	end := len(k.raw)
	if k.missing > 0 {
		end = min(end, k.hole)
	}
	i := 1
	for i < len(k.raw) && k.raw[i] >= 128 {
		i++
	}
	i++
	if end < i || mqttwire.PacketType(k.raw[0]>>4) != mqttwire.PUBLISH {
		return nil, false
	}
	b = append([]byte{k.raw[0]}, length(end-i)...)
	return append(b, k.raw[i:end]...), false
}

func length(n int) (b []byte) {
	for ; n >= 128; n >>= 7 {
		b = append(b, byte(n)|128)
	}
	return append(b, byte(n))
}

// plausible tells whether b, which may begin anywhere, begins with a packet:
// packets follow each other to its very end, or three of them at least.
func plausible(b []byte, from mqttwire.Side, v mqttwire.Version) bool {
	d := mqttwire.Decoder{From: from, Version: v}
	for count := 0; ; count++ {
		if len(b) == 0 {
			return count > 0
		}
		_, n, err := d.Decode(b)
		if err != nil {
			return false
		}
		if n == 0 {
			return count >= 3
		}
		b = b[n:]
	}
}
