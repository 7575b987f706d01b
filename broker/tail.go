package broker

import (
	"errors"
	"io"
	"sync"
)

// readChunk is the size of a batch's read buffer.
const readChunk = 64 << 10

type readBuffer [readChunk]byte

var readBuffers = sync.Pool{New: func() any { return new(readBuffer) }}

// A Tail is what a driver keeps of a connection's input between two reads: the
// beginning of a packet, or whole packets that a pause left. It is as large as
// what has arrived, whatever a packet says that it will be: memory grows with the
// bytes, and an idle connection has none.
type Tail struct{ kept *kept }

type kept struct {
	bytes []byte
	lent  *readBuffer // in which they are; nil: in their own
}

// Space puts the tail at the front of the batch's input and returns the room
// behind it, which is at least half a readChunk.
func (t *Tail) Space(batch *Batch) []byte {
	tail := t.Bytes()
	if len(tail) <= readChunk/2 {
		if batch.buffer == nil {
			batch.buffer = readBuffers.Get().(*readBuffer)
		}
		batch.in = batch.buffer[:]
		return batch.in[copy(batch.in, tail):]
	}
	// A large packet: its own buffer doubles as its bytes arrive.
	if cap(tail)-len(tail) < readChunk/2 {
		tail = append(make([]byte, 0, 2*cap(tail)+readChunk), tail...)
		t.own(tail)
	}
	batch.in = tail[:cap(tail)]
	return batch.in[len(tail):]
}

// Filled returns the tail and the n bytes that were read behind it.
func (t *Tail) Filled(batch *Batch, n int) []byte { return batch.in[:len(t.Bytes())+n] }

// Bytes is what is kept.
func (t *Tail) Bytes() []byte {
	if t.kept == nil {
		return nil
	}
	return t.kept.bytes
}

// Keep holds what Receive left of its input until more has come.
func (t *Tail) Keep(in []byte) {
	own := t.Bytes()
	switch {
	case len(in) == 0:
		t.own(nil)
	case cap(own) < len(in) || cap(own) > 4*len(in)+64 || t.kept.lent != nil:
		t.own(append(make([]byte, 0, len(in)), in...))
	default:
		t.kept.bytes = append(own[:0], in...) // may overlap: append moves
	}
}

// Hold is Keep for what a pause left, which is not long and much: it keeps the
// batch's buffer with it, and gives the batch another, in place of a copy. What it
// holds may be given to Receive, and what that leaves to Hold or Keep.
func (t *Tail) Hold(batch *Batch, in []byte) {
	switch {
	case len(in) <= readChunk/4:
		t.Keep(in)
	case sameEnd(in, t.Bytes()):
		t.kept.bytes = in
	case batch.buffer != nil && sameEnd(in, batch.buffer[:]):
		t.own(in)
		t.kept.lent, batch.buffer, batch.in = batch.buffer, nil, nil
	default:
		t.Keep(in)
	}
}

// sameEnd says whether two slices, neither of them clipped, are of one array.
func sameEnd(a, b []byte) bool {
	return cap(a) > 0 && cap(b) > 0 && &a[:cap(a)][cap(a)-1] == &b[:cap(b)][cap(b)-1]
}

// own makes b, of which nobody else knows, what is kept, and gives back what was.
func (t *Tail) own(b []byte) {
	if t.kept != nil && t.kept.lent != nil {
		readBuffers.Put(t.kept.lent)
	}
	t.kept = nil
	if len(b) > 0 {
		t.kept = &kept{bytes: b}
	}
}

// Cause tells an end of stream inside a packet from one between packets.
func (t *Tail) Cause(err error) error {
	if errors.Is(err, io.EOF) && t.kept != nil {
		return io.ErrUnexpectedEOF
	}
	return err
}
