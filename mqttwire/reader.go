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

const (
	smallBuffer = 2 << 10
	largeBuffer = 64 << 10 // what a busy stream is read with; more is only for a packet that needs it
)

// ReadPacket reads the next packet, which is good until the next ReadPacket.
// At the end of the stream it gives io.EOF between two packets and
// io.ErrUnexpectedEOF within one; what breaks the standard is an *Error, after
// which nothing more is to be read.
func (r *Reader) ReadPacket() (Packet, error) {
	for {
		p, n, err := r.Decode(r.buffer[r.start:r.end])
		if n > 0 || err != nil {
			r.start += n
			return p, err
		}
		if r.err != nil {
			if r.err == io.EOF && r.start < r.end {
				return nil, io.ErrUnexpectedEOF
			}
			return nil, r.err
		}
		r.fill()
	}
}

// Buffered tells how many bytes have been read and not yet decoded: with none
// the next ReadPacket waits for the stream.
func (r *Reader) Buffered() int { return r.end - r.start }

// fill reads once, after making room. Nothing lives in the buffer then but
// the beginning of one packet.
func (r *Reader) fill() {
	r.room()
	for range 100 {
		n, err := r.src.Read(r.buffer[r.end:])
		r.end += n
		r.err = err
		if n > 0 || err != nil {
			return
		}
	}
	r.err = io.ErrNoProgress
}

// room sees to it that there is some behind end. The buffer doubles when it
// is full of a packet that has not ended, or, up to largeBuffer, when the last
// read filled it; and a buffer that a large packet made is given up after it.
func (r *Reader) room() {
	left, size := r.end-r.start, len(r.buffer)
	switch {
	case size == 0:
		size = smallBuffer
	case left == size, r.end == size && size < largeBuffer:
		size *= 2
	case size > largeBuffer && left <= largeBuffer/2:
		size = largeBuffer
	case r.end < size && left > 0:
		return // bytes are moved only when they have to be: a dripped packet is not copied for each drop
	}
	buffer := r.buffer
	if size != len(buffer) {
		buffer = make([]byte, size)
	}
	copy(buffer, r.buffer[r.start:r.end])
	r.buffer, r.start, r.end = buffer, 0, left
}
