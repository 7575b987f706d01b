package mqttwire

import (
	"encoding/binary"
	"fmt"
	"math/bits"
)

// An appender writes one packet onto dst. It leaves one byte for the
// Remaining Length and makes room in finish when that is not enough, which is
// rare. After the first thing that cannot be said nothing counts any more.
type appender struct {
	dst     []byte
	begin   int // where the packet begins in dst
	packet  PacketType
	version Version
	err     *Error
}

func begin(dst []byte, t PacketType, v Version) appender {
	a := appender{dst: append(dst, byte(t)<<4|packetRules[t].flags, 0), begin: len(dst), packet: t, version: v}
	if !v.known() {
		a.fail(UnsupportedProtocolVersion, "2.1.2", fmt.Sprintf("%v in version %v", t, v))
	}
	return a
}

// finish writes the Remaining Length. With an error dst is as it was.
func (a *appender) finish() ([]byte, error) {
	body := len(a.dst) - a.begin - 2
	if a.err == nil && body > maxVariableByte {
		a.err = tooLong(a.packet, a.version)
	}
	if a.err != nil {
		return a.dst[:a.begin], a.err
	}
	if body < 0x80 {
		a.dst[a.begin+1] = byte(body)
		return a.dst, nil
	}
	var length [4]byte
	size := len(appendVariableByte(length[:0], uint32(body)))
	a.dst = append(a.dst, length[1:size]...)
	copy(a.dst[a.begin+1+size:], a.dst[a.begin+2:a.begin+2+body])
	copy(a.dst[a.begin+1:], length[:size])
	return a.dst, nil
}

func (a *appender) fail(reason ReasonCode, clause, detail string) {
	if a.err == nil {
		a.err = &Error{reason, clause, detail}
	}
}

// note takes an error about a part, nil or not.
func (a *appender) note(err *Error) {
	if err != nil {
		a.fail(err.Reason, err.Clause, a.packet.String()+": "+err.Detail)
	}
}

func (a *appender) byte(b byte) { a.dst = append(a.dst, b) }

func (a *appender) uint16(n uint16) { a.dst = binary.BigEndian.AppendUint16(a.dst, n) }

func (a *appender) packetID(id PacketID) {
	if id == 0 {
		a.fail(ProtocolError, a.version.clause("MQTT-2.2.1-3", "MQTT-2.3.1-1"), a.packet.String()+" with packet id 0")
	}
	a.uint16(uint16(id))
}

func (a *appender) text(what, s string) {
	a.note(textError(what, s, a.version))
	a.dst = appendString(a.dst, s)
}

func (a *appender) topic(s string) {
	a.note(topicNameError(s))
	a.dst = appendString(a.dst, s)
}

func (a *appender) filter(s string) {
	a.note(checkFilter(s, a.version))
	a.dst = appendString(a.dst, s)
}

func (a *appender) binary(what string, b []byte) {
	if len(b) > maxString {
		a.fail(MalformedPacket, "1.5.6", fmt.Sprintf("%v with a %s of more than 65535 bytes", a.packet, what))
	}
	a.dst = appendString(a.dst, b)
}

// properties writes the properties of a packet of type t; 3.x has none.
func (a *appender) properties(t PacketType, p Properties) {
	if a.version != V5 {
		return
	}
	if _, err := p.check(t, Either); err != nil {
		a.fail(err.Reason, err.Clause, err.Detail)
	}
	a.dst = append(appendVariableByte(a.dst, uint32(len(p))), p...)
}

// reason writes a reason code of 5.0.
func (a *appender) reason(r ReasonCode) {
	if !r.AllowedIn(a.packet, Either) {
		a.fail(ProtocolError, packetRules[a.packet].reasonClause, fmt.Sprintf("%v with the reason %v (0x%02X)", a.packet, r.Name(a.packet), byte(r)))
	}
	a.byte(byte(r))
}

// reasonAndProperties writes the end of a packet that may be cut short: no
// properties, and no reason either when that is 0x00.
func (a *appender) reasonAndProperties(r ReasonCode, p Properties) {
	if r == Success && len(p) == 0 {
		return
	}
	a.reason(r)
	if len(p) > 0 {
		a.properties(a.packet, p)
	}
}

func tooLong(t PacketType, v Version) *Error {
	return &Error{PacketTooLarge, v.clause("2.1.4", "2.2.3"), t.String() + " of more than 268435460 bytes"}
}

func appendString[T string | []byte](dst []byte, s T) []byte {
	return append(binary.BigEndian.AppendUint16(dst, uint16(len(s))), s...)
}

func appendVariableByte(dst []byte, n uint32) []byte {
	for n >= 0x80 {
		dst = append(dst, byte(n)|0x80)
		n >>= 7
	}
	return append(dst, byte(n))
}

// variableByteLen gives the size of n as a Variable Byte Integer.
func variableByteLen(n uint32) int { return (bits.Len32(n|1) + 6) / 7 }
