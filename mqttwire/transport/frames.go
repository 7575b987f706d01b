package transport

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"unicode/utf8"
)

// The frames of WebSocket, RFC 6455, section 5.2:
//
//	byte 0    FIN, RSV1 (compressed), RSV2, RSV3, opcode
//	byte 1    MASK, length; 126: two bytes of length follow, 127: eight
//	          four bytes of mask, where a client sent the frame
//	          payload
const (
	opContinuation = 0
	opText         = 1
	opBinary       = 2
	opClose        = 8
	opPing         = 9
	opPong         = 10

	finBit  = 0x80
	rsv1Bit = 0x40
	maskBit = 0x80

	maxControl = 125 // bytes of payload of a control frame
)

// Status codes of a Close frame.
const (
	closeNormal      = 1000
	closeProtocol    = 1002
	closeUnsupported = 1003
	closeNoStatus    = 1005 // never on the wire
	closeBadData     = 1007
	closeTooBig      = 1009
)

// A frameError is what a peer did wrong, and the status code that tells it so.
type frameError struct {
	code uint16
	text string
}

func (e *frameError) Error() string {
	return fmt.Sprintf("WebSocket: %s (status %d)", e.text, e.code)
}

func protocolError(text string) error { return &frameError{closeProtocol, text} }

// An unframer takes the bytes of binary messages out of a stream of frames. It
// goes on wherever its source had no more for the moment, which an error of the
// source says that is passed on, and reserves nothing for what a frame declares:
// payload goes from the source to the caller.
type unframer struct {
	fromClient bool                          // frames must be masked; otherwise they must not be
	deflate    bool                          // permessage-deflate was negotiated
	control    func(op byte, p []byte) error // sees Ping, Pong and Close as they come

	head      [14]byte // of a frame, of which have bytes are here
	have      uint8
	turn      uint8 // of the mask's bytes, the next
	within    bool  // inside a frame: its header has been taken
	message   bool  // between the first and the last frame of a message
	packed    bool  // the message is compressed
	left      uint64
	small     []byte // payload of a control frame, as far as it is here
	inflation        // of a compressed message
}

// errCloseFrame is what read returns behind a Close frame.
var errCloseFrame = errors.New("WebSocket: the peer has closed")

// read returns the next bytes of messages. An error of the source is returned
// only where there are no bytes, and it can be called again if that error was a
// temporary one.
func (u *unframer) read(source io.Reader, p []byte) (int, error) {
	for {
		if u.inflating() {
			if n, err := u.inflate(p); n > 0 || err != nil {
				return n, err
			}
			continue
		}
		if !u.within {
			if err := u.header(source); err != nil {
				return 0, err
			}
		}
		n, err := u.payload(source, p)
		if n > 0 || err != nil {
			return n, err
		}
	}
}

// payload goes on with the frame whose header has been taken.
func (u *unframer) payload(source io.Reader, p []byte) (n int, err error) {
	switch {
	case u.head[0]&0x0F >= opClose:
		return 0, u.controlPayload(source)
	case u.packed:
		err = u.collect(source)
	case u.left > 0:
		n, err = u.take(source, p)
	}
	if u.left == 0 && (err == nil || n > 0) {
		u.within, u.have = false, 0
		u.message = u.head[0]&finBit == 0
		if u.packed && !u.message {
			err = u.startInflating()
		}
	}
	return n, err
}

// take reads payload and takes the mask off.
func (u *unframer) take(source io.Reader, p []byte) (int, error) {
	if uint64(len(p)) > u.left {
		p = p[:u.left]
	}
	n, err := source.Read(p)
	u.left -= uint64(n)
	if u.head[1]&maskBit != 0 {
		mask := u.head[u.have-4 : u.have]
		xor(p[:n], [4]byte(mask), int(u.turn))
		u.turn = (u.turn + uint8(n&3)) & 3
	}
	if n > 0 {
		err = nil // it comes again
	} else if err == io.EOF {
		err = io.ErrUnexpectedEOF
	} else if err == nil {
		err = io.ErrNoProgress
	}
	return n, err
}

// header collects a frame's header and judges it.
func (u *unframer) header(source io.Reader) error {
	need := 2
	if u.have >= 2 {
		need = headerSize(u.head[1])
	}
	for int(u.have) < need {
		n, err := source.Read(u.head[u.have:need])
		u.have += uint8(n)
		switch {
		case n == 0 && err == io.EOF && (u.have > 0 || u.message):
			return io.ErrUnexpectedEOF
		case n == 0 && err == nil:
			return io.ErrNoProgress
		case n == 0:
			return err
		case need == 2 && u.have == 2:
			if err := u.judge(); err != nil {
				return err
			}
			need = headerSize(u.head[1])
		}
	}
	return u.start()
}

// headerSize is known from a header's second byte.
func headerSize(b byte) int {
	n := 2
	switch b &^ maskBit {
	case 126:
		n += 2
	case 127:
		n += 8
	}
	if b&maskBit != 0 {
		n += 4
	}
	return n
}

// judge refuses what the first two bytes of a frame must not say.
func (u *unframer) judge() error {
	b, op := u.head[0], u.head[0]&0x0F
	control := op >= opClose
	switch {
	case b&0x30 != 0 || b&rsv1Bit != 0 && (!u.deflate || op != opBinary && op != opText):
		return protocolError("a reserved bit is set")
	case op == opText:
		return &frameError{closeUnsupported, "a text frame: MQTT is spoken in binary frames"}
	case op > opBinary && op < opClose || op > opPong:
		return protocolError("a reserved opcode")
	case control && b&finBit == 0:
		return protocolError("a fragmented control frame")
	case control && u.head[1]&^maskBit > maxControl:
		return protocolError("a control frame over 125 bytes")
	case op == opContinuation && !u.message:
		return protocolError("a continuation of nothing")
	case op == opBinary && u.message:
		return protocolError("a new message inside another")
	case u.fromClient && u.head[1]&maskBit == 0:
		return protocolError("an unmasked frame of a client")
	case !u.fromClient && u.head[1]&maskBit != 0:
		return protocolError("a masked frame of a server")
	}
	return nil
}

// start begins with a frame whose header is complete.
func (u *unframer) start() error {
	switch n := u.head[1] &^ maskBit; n {
	case 126:
		u.left = uint64(binary.BigEndian.Uint16(u.head[2:]))
	case 127:
		u.left = binary.BigEndian.Uint64(u.head[2:])
	default:
		u.left = uint64(n)
	}
	if u.left > 1<<63-1 {
		return protocolError("a length over 2^63")
	}
	if op := u.head[0] & 0x0F; op == opBinary {
		u.packed = u.head[0]&rsv1Bit != 0
	}
	u.turn, u.within = 0, true // have stays: the mask is before it
	return nil
}

// controlPayload collects what a control frame holds, and shows it.
func (u *unframer) controlPayload(source io.Reader) error {
	for u.left > 0 {
		if u.small == nil {
			u.small = make([]byte, 0, u.left) // 125 at most
		}
		n, err := u.take(source, u.small[len(u.small):cap(u.small)])
		u.small = u.small[:len(u.small)+n]
		if err != nil {
			return err
		}
	}
	p := u.small
	u.small, u.within, u.have = nil, false, 0
	op := u.head[0] & 0x0F
	if op == opClose {
		if err := judgeClose(p); err != nil {
			return err
		}
	}
	if err := u.control(op, p); err != nil {
		return err
	}
	if op == opClose {
		return errCloseFrame
	}
	return nil
}

// judgeClose refuses a status code that must not be sent, or text that is none.
func judgeClose(p []byte) error {
	if len(p) == 0 {
		return nil
	}
	if len(p) == 1 {
		return protocolError("half a status code")
	}
	code := binary.BigEndian.Uint16(p)
	known := code >= 1000 && code <= 1014 && code != 1004 && code != 1005 && code != 1006
	if !known && (code < 3000 || code > 4999) {
		return protocolError(fmt.Sprintf("status code %d", code))
	}
	if !utf8.Valid(p[2:]) {
		return &frameError{closeBadData, "a reason that is not UTF-8"}
	}
	return nil
}

// appendHeader adds the header of a frame whose payload has n bytes. A mask of a
// client follows it, which the caller adds.
func appendHeader(dst []byte, first byte, n int, masked bool) []byte {
	var bit byte
	if masked {
		bit = maskBit
	}
	switch {
	case n <= maxControl:
		return append(dst, first, bit|byte(n))
	case n < 1<<16:
		return binary.BigEndian.AppendUint16(append(dst, first, bit|126), uint16(n))
	}
	return binary.BigEndian.AppendUint64(append(dst, first, bit|127), uint64(n))
}

// xor puts a mask on, or takes it off; turn is which byte of it comes first.
func xor(p []byte, mask [4]byte, turn int) {
	m := [4]byte{mask[turn&3], mask[(turn+1)&3], mask[(turn+2)&3], mask[(turn+3)&3]}
	word := binary.LittleEndian.Uint32(m[:])
	wide := uint64(word)<<32 | uint64(word)
	for len(p) >= 8 {
		binary.LittleEndian.PutUint64(p, binary.LittleEndian.Uint64(p)^wide)
		p = p[8:]
	}
	for i := range p {
		p[i] ^= m[i&3]
	}
}
