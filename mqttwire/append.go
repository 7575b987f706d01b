package mqttwire

import (
	"encoding/binary"
	"fmt"
)

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

func hexByte(b byte) string { return fmt.Sprintf("0x%02X", b) }
