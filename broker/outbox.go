package broker

import (
	"sync"
	"sync/atomic"
)

// An outbox holds the bytes a client has yet to be sent.
//
//   - Anyone may put, at any time, under mu, which is a leaf lock: nothing else
//     is taken while it is held, and no system call is made.
//   - One thread at a time writes (the flag writing); it takes the bytes out,
//     writes without the lock, and looks again before it leaves. So whoever puts
//     while writing is set need not flush.
//   - Whoever puts into an outbox that nobody knows of (not dirty, not writing)
//     notes it and flushes it at the end of its batch.
//   - pending counts bytes from put until the peer's system took them, those in
//     the writer's hands included.
type outbox struct {
	mu      sync.Mutex
	buf     []byte
	pending int
	packets int // put since nothing was pending
	limit   int
	dirty   bool
	writing bool
	closed  bool // nothing is accepted any more

	discarded bool // pending is nobody's: who still writes does not count

	// Pressure: set when more than half of the limit is pending, or when the
	// session's queue is half full; publishers that feed this connection wait
	// while it is full and keeps a pace. Guarded by mu, read by anyone.
	full      atomic.Bool
	queueFull bool // the queue is half full
	crowded   bool // it is beyond its limits
	starved   bool // something found no room and waits in the session
	slow      bool // fell below the pace: nobody waits for it until it has drained
	taken     int  // bytes written or acknowledged since the pace was measured last
	waiters   []waiter
	pace      deadline
}

// A waiter is a publisher's connection, or a batch of its acknowledgements, that
// waits until a receiver has room.
type waiter interface{ released() }

// Buffers are pooled in two sizes: an occasional acknowledgement shall not cost
// 64 KiB. Larger ones, made by packets that are large themselves, go to the
// garbage collector.
const (
	outboxSlip  = 512
	outboxChunk = 64 << 10
)

var (
	outboxSlips   = sync.Pool{New: func() any { return new([outboxSlip]byte) }}
	outboxBuffers = sync.Pool{New: func() any { return new([outboxChunk]byte) }}
)

// grow makes room for n more bytes.
func (o *outbox) grow(n int) {
	need := len(o.buf) + n
	if need <= cap(o.buf) {
		return
	}
	var next []byte
	switch {
	case need <= outboxSlip:
		next = outboxSlips.Get().(*[outboxSlip]byte)[:0]
	case need <= outboxChunk:
		next = outboxBuffers.Get().(*[outboxChunk]byte)[:0]
	default:
		next = make([]byte, 0, max(need, 2*cap(o.buf)))
	}
	next = append(next, o.buf...)
	recycleBuffer(o.buf)
	o.buf = next
}

// recycleBuffer gives a pooled buffer back.
func recycleBuffer(b []byte) {
	switch cap(b) {
	case outboxSlip:
		outboxSlips.Put((*[outboxSlip]byte)(b[:outboxSlip]))
	case outboxChunk:
		outboxBuffers.Put((*[outboxChunk]byte)(b[:outboxChunk]))
	}
}

// room says whether n more bytes of a PUBLISH may be put: within the limit, or
// nothing is pending at all, so that the largest packet always passes.
func (o *outbox) room(n int) bool {
	return o.pending == 0 || o.pending+n <= o.limit
}

// put appends encoded bytes and says whether the caller must see to the flush.
func (o *outbox) put(p []byte) (flush bool) {
	if o.closed {
		return false
	}
	o.grow(len(p))
	o.buf = append(o.buf, p...)
	return o.appended(len(p))
}

// appended accounts for n bytes that were appended to buf in place.
func (o *outbox) appended(n int) (flush bool) {
	o.pending += n
	o.packets++
	if o.dirty || o.writing {
		return false
	}
	o.dirty = true
	return true
}

// unflushed says how much is pending, and whether nobody is writing it yet.
func (o *outbox) unflushed() (pending int, flush bool) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.pending, o.dirty
}

// Take hands the driver what is to be written, nil for nothing or while another
// thread writes. Whoever gets bytes is the writer until Next returns nil.
func (c *Conn) Take() []byte {
	o := &c.out
	o.mu.Lock()
	defer o.mu.Unlock()
	o.dirty = false
	if o.writing || len(o.buf) == 0 {
		return nil
	}
	o.writing = true
	b := o.buf
	o.buf = nil
	return b
}

// Drained says whether nothing is left to write, in anybody's hands.
func (c *Conn) Drained() bool {
	c.out.mu.Lock()
	defer c.out.mu.Unlock()
	return len(c.out.buf) == 0 && !c.out.writing
}

// Wrote tells that n more bytes were written. The publishers and the messages
// that waited for room go on.
func (c *Conn) Wrote(n int) {
	o := &c.out
	o.mu.Lock()
	if o.discarded {
		o.mu.Unlock()
		return
	}
	o.pending -= n
	o.taken += n
	c.b.metrics.wrote(n)
	feed := o.starved && o.pending <= o.limit/2
	if feed {
		o.starved = false
	}
	eased := c.easing()
	o.mu.Unlock()
	if feed {
		c.drained()
	}
	releaseAll(eased)
}

// Next takes a buffer back that was written to its end and hands out the next,
// nil when there is none.
func (c *Conn) Next(written []byte) []byte {
	o := &c.out
	o.mu.Lock()
	defer o.mu.Unlock()
	recycleBuffer(written)
	if len(o.buf) == 0 {
		o.writing, o.packets = false, 0
		return nil
	}
	b := o.buf
	o.buf, o.dirty = nil, false
	return b
}
