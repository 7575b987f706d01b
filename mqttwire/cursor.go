package mqttwire

import (
	"encoding/binary"
	"unsafe"
)

const (
	maxVariableByte = 268_435_455 // the largest Remaining Length
	maxString       = 65_535
)

// A cursor walks the body of one packet, and cannot leave it: rest is cut to
// the Remaining Length. After the first thing wrong every read returns zero,
// so a decoder reads straight down and asks once, at the bottom.
type cursor struct {
	rest    []byte
	err     *Error // the first thing wrong
	packet  PacketType
	version Version
	from    Side
	padded  bool // the Remaining Length was longer than it had to be
	users   int  // user properties met
	limits  *Limits
}

// view makes a string of b without a copy.
//
// This is sound as long as b does not change while the string is in use. b is
// always a part of the slice given to Decode, or of Properties that came from
// one. The package never writes to either, and its promise to callers is that
// what a packet holds is good until the next Decode, before which they must
// not write to the slice: that is the whole life of the string. b is never
// empty with a stray pointer, for then the string is the constant "".
func view(b []byte) string {
	if len(b) == 0 {
		return ""
	}
	return unsafe.String(unsafe.SliceData(b), len(b))
}

// variableByte reads a Variable Byte Integer: its value and its size in
// bytes; 0 if b ends before it does, -1 if it is none. Four bytes decide.
// A longer form than needed is none either.
func variableByte(b []byte) (n uint32, size int) {
	n, size = paddedVariableByte(b)
	if size > 1 && b[size-1] == 0 {
		return 0, -1
	}
	return n, size
}

// paddedVariableByte is variableByte that lets a longer form than needed pass.
func paddedVariableByte(b []byte) (n uint32, size int) {
	for i := 0; i < 4; i++ {
		if i == len(b) {
			return 0, 0
		}
		n |= uint32(b[i]&0x7F) << (7 * i)
		if b[i] < 0x80 {
			return n, i + 1
		}
	}
	return 0, -1
}

func (c *cursor) uint16() uint16 {
	if len(c.rest) < 2 {
		c.short()
		return 0
	}
	n := binary.BigEndian.Uint16(c.rest)
	c.rest = c.rest[2:]
	return n
}
