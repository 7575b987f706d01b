package broker

import (
	"errors"
	"io"
)

// readChunk is the size of a batch's read buffer.
const readChunk = 64 << 10

// A Tail is the beginning of a packet that a driver keeps between two reads of
// a connection. It is as large as what has arrived, whatever the packet says
// that it will be: memory grows with the bytes, and an idle connection has none.
type Tail struct{ bytes []byte }

// Space puts the tail at the front of the batch's input and returns the room
// behind it, which is at least half a readChunk.
func (t *Tail) Space(batch *Batch) []byte {
	if len(t.bytes) <= readChunk/2 {
		batch.in = batch.buffer[:]
		return batch.in[copy(batch.in, t.bytes):]
	}
	// A large packet: its own buffer doubles as its bytes arrive.
	if cap(t.bytes)-len(t.bytes) < readChunk/2 {
		t.bytes = append(make([]byte, 0, 2*cap(t.bytes)+readChunk), t.bytes...)
	}
	batch.in = t.bytes[:cap(t.bytes)]
	return batch.in[len(t.bytes):]
}

// Filled returns the tail and the n bytes that were read behind it.
func (t *Tail) Filled(batch *Batch, n int) []byte { return batch.in[:len(t.bytes)+n] }

// Bytes is what Keep kept.
func (t *Tail) Bytes() []byte { return t.bytes }

// Keep holds what Receive left of its input until more has come.
func (t *Tail) Keep(in []byte) {
	switch {
	case len(in) == 0:
		t.bytes = nil
	case cap(t.bytes) < len(in) || cap(t.bytes) > 4*len(in)+64:
		t.bytes = append(make([]byte, 0, len(in)), in...)
	default:
		t.bytes = append(t.bytes[:0], in...) // may overlap: append moves
	}
}

// Cause tells an end of stream inside a packet from one between packets.
func (t *Tail) Cause(err error) error {
	if errors.Is(err, io.EOF) && len(t.bytes) > 0 {
		return io.ErrUnexpectedEOF
	}
	return err
}
