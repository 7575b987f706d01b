package mqttwire

import (
	"encoding/binary"
	"fmt"
	"strings"
	"unicode/utf8"
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
// not write to the slice: that is the whole life of the string. An empty b
// gives the constant "", so no string points behind the end of a slice.
func view(b []byte) string {
	if len(b) == 0 {
		return ""
	}
	return unsafe.String(unsafe.SliceData(b), len(b))
}

// View is view for bytes of the caller's own, which are to be said to what takes
// a packet's text: they must not change while the string is in use.
func View(b []byte) string { return view(b) }

// fail notes what is wrong, unless something was before, and ends the walk.
func (c *cursor) fail(reason ReasonCode, clause, detail string) {
	if c.err == nil {
		c.err = &Error{reason, clause, detail}
	}
	c.rest = nil
}

// short ends the walk because the packet does not hold what it should.
func (c *cursor) short() {
	c.fail(MalformedPacket, c.packet.section(), c.packet.String()+" ends early")
}

// close ends the walk: nothing may be left. It gives the error of the whole.
func (c *cursor) close() error {
	if n := len(c.rest); n > 0 && c.err == nil {
		c.fail(MalformedPacket, c.packet.section(),
			fmt.Sprintf("%v with %d bytes behind its end", c.packet, n))
	}
	if c.err != nil {
		return c.err
	}
	return nil // not c.err: a nil *Error in an error is not nil
}

func (c *cursor) byte() byte {
	if len(c.rest) < 1 {
		c.short()
		return 0
	}
	b := c.rest[0]
	c.rest = c.rest[1:]
	return b
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

// packetID reads a packet id, which is never 0.
func (c *cursor) packetID() PacketID {
	id := PacketID(c.uint16())
	if id == 0 && c.err == nil {
		c.fail(ProtocolError, c.version.clause("MQTT-2.2.1-3", "MQTT-2.3.1-1"), c.packet.String()+" with packet id 0")
	}
	return id
}

// binary reads a length and as many bytes, a view.
func (c *cursor) binary() []byte {
	n := int(c.uint16())
	if len(c.rest) < n {
		c.short()
		return nil
	}
	b := c.rest[:n:n]
	c.rest = c.rest[n:]
	return b
}

// text reads a UTF-8 string, a view.
func (c *cursor) text() string {
	s := view(c.binary())
	if !validText(s) {
		err := textError("text", s, c.version)
		c.fail(err.Reason, err.Clause, c.packet.String()+": "+err.Detail)
		return ""
	}
	return s
}

// topic reads the name of a topic, which may be empty here.
func (c *cursor) topic() string {
	s := view(c.binary())
	if !plainName(s) {
		if err := checkName(s, c.version); err != nil {
			c.fail(err.Reason, err.Clause, c.packet.String()+": "+err.Detail)
			return ""
		}
	}
	return s
}

// filter reads a topic filter.
func (c *cursor) filter() string {
	s := view(c.binary())
	if c.err != nil {
		return ""
	}
	if err := checkFilter(s, c.version); err != nil {
		c.fail(err.Reason, err.Clause, c.packet.String()+": "+err.Detail)
		return ""
	}
	return s
}

// variableByte reads a Variable Byte Integer (5.0).
func (c *cursor) variableByte() uint32 {
	n, size := variableByte(c.rest)
	switch {
	case size == 0:
		c.short()
		return 0
	case size < 0:
		c.fail(MalformedPacket, "MQTT-1.5.5-1", c.packet.String()+" with a variable byte integer that is longer than needed or than 4 bytes")
		return 0
	}
	c.rest = c.rest[size:]
	return n
}

// properties reads a Property Length and the properties of a packet of type t
// and checks them.
func (c *cursor) properties(t PacketType) Properties {
	n := int(c.variableByte())
	if n == 0 {
		return nil
	}
	if len(c.rest) < n {
		c.fail(MalformedPacket, "2.2.2", fmt.Sprintf("%v with a property length that runs past its end", c.packet))
		return nil
	}
	p := Properties(c.rest[:n:n])
	c.rest = c.rest[n:]
	users, err := p.check(t, c.from)
	if err != nil {
		c.fail(err.Reason, err.Clause, err.Detail)
		return nil
	}
	c.users += users
	if limit := c.limits.MaxUserProperties; limit > 0 && c.users > limit {
		c.fail(QuotaExceeded, c.packet.section(), fmt.Sprintf("%v with more than %d user properties", c.packet, limit))
	}
	return p
}

// reason reads a reason code that may stand in the packet (5.0).
func (c *cursor) reason() ReasonCode {
	r := ReasonCode(c.byte())
	if c.err == nil && !r.AllowedIn(c.packet, c.from) {
		c.fail(ProtocolError, packetRules[c.packet].reasonClause, fmt.Sprintf("%v with the reason %v (0x%02X)", c.packet, r.Name(c.packet), byte(r)))
	}
	return r
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
	for i := range 4 {
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

const (
	ones  = 0x0101010101010101
	highs = 0x8080808080808080
	plus  = '+' * ones
	hash  = '#' * ones
)

// validText tells whether s is a string of the standard: well-formed UTF-8
// without U+0000. Eight bytes of ASCII at a time: a byte above 0x7F has its
// high bit set, and a zero byte gets it by the subtraction.
func validText(s string) bool {
	b := []byte(s) // not a copy, as the compiler sees that nothing writes to it
	for len(b) >= 8 {
		w := binary.LittleEndian.Uint64(b)
		if (w|(w-ones))&highs != 0 {
			return validUnicode(s)
		}
		b = b[8:]
	}
	for _, x := range b {
		if x-1 >= 0x7F {
			return validUnicode(s)
		}
	}
	return true
}

func validUnicode(s string) bool {
	return utf8.ValidString(s) && strings.IndexByte(s, 0) < 0
}

// plainName tells whether s is a topic name of ASCII alone: in one pass no
// zero byte, no wildcard, nothing above 0x7F. What is not plain may still be
// a name.
func plainName(s string) bool {
	b := []byte(s) // not a copy, as in validText
	for len(b) >= 8 {
		w := binary.LittleEndian.Uint64(b)
		if (w|(w-ones)|((w^plus)-ones)|((w^hash)-ones))&highs != 0 {
			return false
		}
		b = b[8:]
	}
	for _, x := range b {
		if x-1 >= 0x7F || x == '+' || x == '#' {
			return false
		}
	}
	return true
}
