package bench

import (
	"bytes"
	"encoding/binary"
)

// HeaderSize is how many bytes of each payload say which message it is:
//
//	bits  16   24         40        48
//	      run  publisher  sequence  time of sending, in ns of the clock, modulo 2^48
//
// What follows is a function of the position alone, and is compared.
const HeaderSize = 16

// warmupTag is the bit of a run's tag that its warm-up has: who receives in
// another process does not count that.
const warmupTag = 1

const timeBits = 48

// A header is what a payload begins with.
type header struct {
	tag       uint16
	publisher uint32
	sequence  int64
	sent      int64 // the low 48 bits of the time
}

// put writes h into the first HeaderSize bytes of b.
func (h header) put(b []byte) {
	binary.BigEndian.PutUint64(b, uint64(h.tag)<<48|uint64(h.publisher)<<24|uint64(h.sequence)>>16)
	binary.BigEndian.PutUint64(b[8:], uint64(h.sequence)<<timeBits|uint64(h.sent)&(1<<timeBits-1))
}

// readHeader reads what put wrote; b has HeaderSize bytes at least.
func readHeader(b []byte) header {
	first, second := binary.BigEndian.Uint64(b), binary.BigEndian.Uint64(b[8:])
	return header{
		tag:       uint16(first >> 48),
		publisher: uint32(first>>24) & (maxClients - 1),
		sequence:  int64(first&(1<<24-1)<<16 | second>>timeBits),
		sent:      int64(second & (1<<timeBits - 1)),
	}
}

// since is the time from one moment, of which 48 bits are known, to now: within
// 39 hours to either side of it.
func since(sent, now int64) int64 { return (now - sent) << (64 - timeBits) >> (64 - timeBits) }

// fill is what stands behind the headers of all payloads. It is as long as the
// longest; nobody changes it.
func fill(size int) []byte {
	const alphabet = "abcdefghijklmnopqrstuvwxyz0123456789-"
	b := make([]byte, max(size, HeaderSize))
	for i := range b {
		b[i] = alphabet[i%len(alphabet)]
	}
	return b
}

// A sizer knows how long each payload is: it is a function of publisher and
// sequence, so that who receives it knows too.
type sizer struct{ least, spread int }

func newSizer(p *Plan) sizer { return sizer{least: p.SizeMin, spread: p.SizeMax - p.SizeMin + 1} }

// fixed tells that all payloads are of one size.
func (s sizer) fixed() bool { return s.spread <= 1 }

func (s sizer) size(publisher uint32, sequence int64) int {
	if s.fixed() {
		return s.least
	}
	// the finalizer of splitmix64: neighbours have nothing in common
	x := uint64(sequence)<<24 + uint64(publisher) + 0x9e3779b97f4a7c15
	x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
	x = (x ^ x>>27) * 0x94d049bb133111eb
	x ^= x >> 31
	return s.least + int(x%uint64(s.spread))
}

// intact tells that a payload is, behind its header, what was sent.
func intact(payload, fill []byte) bool {
	return len(payload) <= len(fill) && bytes.Equal(payload[HeaderSize:], fill[HeaderSize:len(payload)])
}
