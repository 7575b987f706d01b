package anatomy

import (
	"fmt"
	"strconv"
	"unicode/utf8"

	"mqtk/mqttwire"
)

// showText writes a string as the text form does, and not all of a long one:
// the bytes are there, too.
func showText(b []byte) string {
	const most = 200
	n := len(b)
	if n > most {
		for n = most; n > 0 && !utf8.RuneStart(b[n]); n-- {
		}
	}
	text := mqttwire.Field{Value: string(b[:n])}.String()[1:]
	if n < len(b) {
		return fmt.Sprintf("%s... (%d bytes)", text, len(b))
	}
	return text
}

// showBinary writes what reads as text as such.
func showBinary(b []byte) string {
	if utf8.Valid(b) {
		return showText(b)
	}
	if len(b) == 1 {
		return "1 byte"
	}
	return strconv.Itoa(len(b)) + " bytes"
}

func showReason(r mqttwire.ReasonCode, t mqttwire.PacketType) string {
	if name := r.Name(t); name[0] != '0' {
		return fmt.Sprintf("%s (0x%02X)", name, byte(r))
	}
	return fmt.Sprintf("0x%02X", byte(r))
}

// someBits are those of b that mask has, as a number.
func someBits(b, mask byte, name string) Bits {
	shift := 0
	for mask>>shift&1 == 0 {
		shift++
	}
	return Bits{mask, name, strconv.Itoa(int(b & mask >> shift))}
}
