package mqttwire

import "io"

// A Reader is a Decoder over a stream. Its memory grows with the bytes that
// arrive, never with the length that a packet announces.
type Reader struct {
	Decoder

	src    io.Reader
	buffer []byte // read and not yet decoded: buffer[start:end]
	start  int
	end    int
	err    error // what the stream ended with, told once its bytes are used up
}

// NewReader makes a Reader of r. Set Version, Limits and From on it.
func NewReader(r io.Reader) *Reader { return &Reader{src: r} }
