package capture

import (
	"bytes"
	"compress/flate"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
)

// frames are those of WebSocket that one side sends.
type frames struct {
	head    []byte // of the frame, as far as it is here
	begun   bool   // the head is whole
	left    uint64 // of the payload
	masked  bool
	mask    [4]byte
	turn    int // whose byte of the mask it is
	code    byte
	last    bool // of its message
	text    bool // the message is
	packed  bool // the message is
	packing []byte
	inflate *inflater // nil: no message is packed
}

// maxPacked is how long a packed message may be.
const maxPacked = 8 << 20

func (f *frames) size() int {
	if f.inflate == nil {
		return 0
	}
	return len(f.packing) + len(f.inflate.window)
}

// feed takes the payloads of data frames out of their frames. It changes b.
func (f *frames) feed(b []byte) (pieces []piece, err error) {
	for len(b) > 0 || f.begun && f.left == 0 {
		if !f.begun {
			if b, err = f.begin(b); err != nil {
				return pieces, err
			}
			continue
		}
		n := int(min(f.left, uint64(len(b))))
		payload := b[:n:n]
		b, f.left = b[n:], f.left-uint64(n)
		if f.masked {
			for i := range payload {
				payload[i] ^= f.mask[(f.turn+i)&3]
			}
			f.turn = (f.turn + n) & 3
		}
		f.begun = f.left > 0
		if f.code >= 8 {
			continue
		}
		if f.packed {
			if payload, err = f.unpack(payload); err != nil {
				return pieces, err
			}
		}
		if len(payload) > 0 {
			pieces = append(pieces, piece{payload, f.text})
		}
	}
	return pieces, nil
}

// begin reads on in the head of a frame, and returns what is beyond it.
func (f *frames) begin(b []byte) ([]byte, error) {
	for len(b) > 0 {
		f.head = append(f.head, b[0])
		b = b[1:]
		if len(f.head) < 2 || len(f.head) < headLength(f.head[1]) {
			continue
		}
		h := f.head
		f.head, f.begun = f.head[:0], true
		f.code, f.last, f.masked = h[0]&15, h[0]&0x80 != 0, h[1]&0x80 != 0
		f.left = payloadLength(h)
		if f.masked {
			f.mask, f.turn = [4]byte(h[len(h)-4:]), 0
		}
		if f.code == 1 || f.code == 2 {
			f.text, f.packed = f.code == 1, h[0]&0x40 != 0
		}
		return b, f.check(h[0])
	}
	return b, nil
}

// headLength is that of a frame whose second byte is this.
func headLength(second byte) int {
	n := 2
	switch second & 0x7f {
	case 126:
		n = 4
	case 127:
		n = 10
	}
	if second&0x80 != 0 {
		n += 4
	}
	return n
}

func payloadLength(head []byte) uint64 {
	switch n := head[1] & 0x7f; n {
	case 126:
		return uint64(binary.BigEndian.Uint16(head[2:]))
	case 127:
		return binary.BigEndian.Uint64(head[2:])
	default:
		return uint64(n)
	}
}

func (f *frames) check(first byte) error {
	switch {
	case f.code > 2 && f.code < 8 || f.code > 10 || f.left > 1<<62:
		return fmt.Errorf("what should be a frame of WebSocket is none: it begins with %#02x", first)
	case first&0x30 != 0 || first&0x40 != 0 && (f.inflate == nil || f.code != 1 && f.code != 2):
		return errors.New("a frame of WebSocket with an extension that was not agreed on")
	}
	return nil
}

// skip goes over n bytes of a payload.
func (f *frames) skip(n int) bool {
	if f.left < uint64(n) {
		return false
	}
	f.left -= uint64(n)
	f.turn = (f.turn + n) & 3
	f.begun = f.left > 0
	return true
}

// areFrames says whether bytes look like whole frames of a side that masks or
// does not: that is how the frames begin that TCP segments begin with.
func areFrames(b []byte, masked bool) bool {
	if len(b) < 2 {
		return false
	}
	for len(b) > 0 {
		if len(b) < 2 || b[0] != 0x82 && b[0] != 0x89 && b[0] != 0x8a || b[1]&0x80 != 0 != masked {
			return false
		}
		n := headLength(b[1])
		if len(b) < n {
			return false
		}
		left := payloadLength(b[:n])
		if left > uint64(len(b)-n) {
			return false
		}
		b = b[n+int(left):]
	}
	return true
}

// unpack collects a packed message, and returns it at its end.
func (f *frames) unpack(payload []byte) ([]byte, error) {
	f.packing = append(f.packing, payload...)
	if len(f.packing) > maxPacked {
		return nil, fmt.Errorf("a packed message of WebSocket of more than %d bytes", maxPacked)
	}
	if f.begun || !f.last {
		return nil, nil
	}
	message := f.packing
	f.packing = nil
	return f.inflate.message(message)
}

// An inflater unpacks the messages of one side: permessage-deflate, RFC 7692.
type inflater struct {
	forgets bool // each message stands for itself
	window  []byte
}

const (
	maxUnpacked  = 64 << 20
	deflatedBack = 32 << 10 // how far back a message may refer
)

func (z *inflater) message(packed []byte) ([]byte, error) {
	end := []byte{0, 0, 0xff, 0xff, 1, 0, 0, 0xff, 0xff} // that it lacks, and a last block
	r := flate.NewReaderDict(io.MultiReader(bytes.NewReader(packed), bytes.NewReader(end)), z.window)
	b, err := io.ReadAll(io.LimitReader(r, maxUnpacked+1))
	if err != nil {
		return nil, fmt.Errorf("a message of WebSocket that cannot be unpacked: %w", err)
	}
	if len(b) > maxUnpacked {
		return nil, fmt.Errorf("a message of WebSocket that unpacks to more than %d bytes", maxUnpacked)
	}
	if !z.forgets {
		z.window = append(z.window, b[max(0, len(b)-deflatedBack):]...)
		z.window = append([]byte(nil), z.window[max(0, len(z.window)-deflatedBack):]...)
	}
	return b, nil
}
