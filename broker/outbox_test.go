package broker

import (
	"bytes"
	"math/rand/v2"
	"testing"
)

// deaf is the Link of a connection that a test writes by hand.
type deaf struct{}

func (deaf) Flush()  {}
func (deaf) Resume() {}
func (deaf) Close()  {}

func handWritten(t *testing.T) *Conn {
	t.Helper()
	b, err := New(Options{})
	if err != nil {
		t.Fatal(err)
	}
	b.streams.Add(1)
	c := b.Accept(deaf{}, b.gate, nil)
	b.deadlines.disarm((*openLimit)(c))
	t.Cleanup(func() { c.Closed(nil); c.Release(); b.Shutdown(t.Context()) })
	return c
}

// What is put in pieces of any size while any part of it is being written leaves
// whole and in order, and gives back all the memory that it took.
func TestOutboxKeepsOrder(t *testing.T) {
	c, r := handWritten(t), rand.New(rand.NewPCG(1, 2))
	var put, written []byte
	var room [3][]byte
	writing := false
	for i := range 10_000 {
		for range r.IntN(4) {
			size := []int{1 + r.IntN(4), r.IntN(200), r.IntN(3 * outboxSlip), r.IntN(outboxChunk)}[r.IntN(4)]
			if r.IntN(200) == 0 {
				size = r.IntN(3 * outboxChunk)
			}
			p := make([]byte, size)
			for j := range p {
				p[j] = byte(r.Uint32())
			}
			put = append(put, p...)
			c.out.mu.Lock()
			if k := c.space(size); r.IntN(8) == 0 {
				c.leave(k) // it did not fit
			}
			c.putBytes(p)
			c.out.mu.Unlock()
		}
		pieces := c.Take(room[:0])
		if writing != (pieces == nil) && len(put) > len(written) {
			t.Fatalf("step %d: writing %t, yet Take returns %d pieces", i, writing, len(pieces))
		}
		if writing {
			pieces = c.Next(0, room[:0])
		}
		for writing = len(pieces) > 0; writing && r.IntN(3) > 0; {
			whole := bytes.Join(pieces, nil)
			n := len(whole)
			if r.IntN(2) == 0 {
				n = r.IntN(n)
			}
			written = append(written, whole[:n]...)
			if pieces = c.Next(n, room[:0]); len(pieces) == 0 {
				writing = false
			}
		}
		if !bytes.HasPrefix(put, written) {
			t.Fatalf("step %d: what is written is not what was put", i)
		}
		put, written = put[len(written):], written[:0]
		if c.out.pending != len(put) {
			t.Fatalf("step %d: %d bytes pending, not %d", i, c.out.pending, len(put))
		}
	}
	for pieces := c.Next(0, room[:0]); len(pieces) > 0; {
		pieces = c.Next(len(bytes.Join(pieces, nil)), room[:0])
	}
	if held := c.b.metrics.outHeld.Load(); held != 0 || c.out.pending != 0 || !c.Drained() {
		t.Errorf("empty, and %d bytes pending in %d of memory", c.out.pending, held)
	}
}

// Many small packets for a receiver that does not read take chunks from the pool
// and nothing larger: the memory is that of the bytes, a chunk and what is left
// over in each.
func TestOutboxOfSmallPackets(t *testing.T) {
	c := handWritten(t)
	p := make([]byte, 1040)
	c.out.mu.Lock()
	defer c.out.mu.Unlock()
	for range 1000 {
		c.putBytes(p)
	}
	for k := c.out.first; k != nil; k = k.next {
		if k.size > outboxChunk || cap(k.bytes) != k.size {
			t.Fatalf("a chunk of %d bytes", cap(k.bytes))
		}
	}
	most := int64(c.out.pending) * outboxChunk / (outboxChunk - int64(len(p)))
	if held := c.b.metrics.outHeld.Load(); held > most+outboxChunk {
		t.Errorf("%d bytes pending in %d of memory", c.out.pending, held)
	}
}

// Shutdown, or a peer that is gone, while a writer holds pieces: they stay as they
// are until it is done with them.
func TestOutboxDiscardedUnderTheWriter(t *testing.T) {
	c := handWritten(t)
	word := []byte("the last word")
	c.out.mu.Lock()
	c.putBytes(word)
	c.out.mu.Unlock()
	var room [1][]byte
	pieces := c.Take(room[:0])
	c.out.mu.Lock()
	c.discard()
	c.out.discarded = true
	c.out.mu.Unlock()
	other := newChunk(1)
	other.bytes = append(other.bytes, "somebody else's"...)
	if !bytes.Equal(pieces[0], word) {
		t.Errorf("the writer's piece reads %q", pieces[0])
	}
	if pieces = c.Next(len(word), room[:0]); len(pieces) > 0 {
		t.Errorf("the writer gets %q", pieces)
	}
	if held := c.b.metrics.outHeld.Load(); held != 0 {
		t.Errorf("%d bytes are held", held)
	}
}
