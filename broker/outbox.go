package broker

import (
	"sync"
	"sync/atomic"
)

// An outbox holds the bytes a client has yet to be sent.
//
//   - Anyone may put, at any time, under mu, which is a leaf lock: nothing else
//     is taken while it is held, and no system call is made.
//   - One thread at a time writes (the flag writing), without the lock, out of the
//     chunks, behind whose bytes others go on to put; it looks again before it
//     leaves. So whoever puts while writing is set need not flush.
//   - Whoever puts into an outbox that nobody knows of (not dirty, not writing)
//     notes it and flushes it at the end of its batch.
//   - pending counts bytes from put until the peer's system took them, those in
//     the writer's hands included.
type outbox struct {
	mu      sync.Mutex
	first   *chunk // of a chain; every chunk in it has bytes to be written
	last    *chunk
	pending int
	packets int32 // put since nothing was pending
	trust   uint8 // looks at the pace that may find none, see earn
	dirty   bool
	writing bool
	closed  bool // nothing is accepted any more

	discarded bool // pending is nobody's: who still writes does not count
	stalled   bool // reading is paused until segments have left

	// Pressure: set when more than half of the limit is pending, or when the
	// session's queue is half full; publishers that feed this connection wait
	// while it is full and keeps a pace. Guarded by mu, read by anyone.
	full      atomic.Bool
	queueFull bool // the queue is half full
	crowded   bool // it is beyond its limits
	starved   bool // something found no room and waits in the session
	slow      bool // fell below the pace: nobody waits for it, see measurePace
	pace      deadline
	*pressure // nil while it is not full and nobody waits
}

// pressure is what an outbox has that publishers wait for.
type pressure struct {
	waiters []waiter
	taken   int // bytes written or acknowledged since an eighth of the limit was
	acked   int // of them, acknowledged
	lulls   int // looks at the pace since then
}

// waiting is how many wait. mu is held.
func (o *outbox) waiting() int {
	if o.pressure == nil {
		return 0
	}
	return len(o.waiters)
}

// A waiter is a publisher's connection, or a batch of its acknowledgements, that
// waits until a receiver has room.
type waiter interface{ released() }

// A chunk is a piece of an outbox. Chunks are pooled in two sizes, since an
// occasional acknowledgement shall not cost 16 KiB; a packet that fits into none
// has a chunk of its own, which goes to the garbage collector. Rejected: one
// buffer that doubles. A receiver that is behind then costs page faults, clearing
// and collection, more than all the copying of its bytes.
type chunk struct {
	next  *chunk
	bytes []byte
	done  int // of them, written
	size  int // as it was made, whatever append made of it
}

const (
	outboxSlip  = 512
	outboxChunk = 16 << 10
)

var (
	outboxSlips  = sync.Pool{New: func() any { return makeChunk(outboxSlip) }}
	outboxChunks = sync.Pool{New: func() any { return makeChunk(outboxChunk) }}
)

func makeChunk(size int) *chunk { return &chunk{bytes: make([]byte, 0, size), size: size} }

// newChunk returns one with room for n bytes.
func newChunk(n int) *chunk {
	switch {
	case n <= outboxSlip:
		return outboxSlips.Get().(*chunk)
	case n <= outboxChunk:
		return outboxChunks.Get().(*chunk)
	}
	return makeChunk(n)
}

// recycle gives a chunk back that nobody looks at any more.
func (k *chunk) recycle() {
	if cap(k.bytes) != k.size {
		return // append has moved the bytes
	}
	k.next, k.bytes, k.done = nil, k.bytes[:0], 0
	switch k.size {
	case outboxSlip:
		outboxSlips.Put(k)
	case outboxChunk:
		outboxChunks.Put(k)
	}
}

// room says whether n more bytes of a PUBLISH may be put: within the limit, or
// while no more than half of it is pending, so that the largest packet passes, and
// no message is lost to a receiver that nobody was told to wait for.
func (c *Conn) room(n int) bool {
	return c.out.pending <= c.most()/2 || c.out.pending+n <= c.most()
}

// refuseRoom is what follows from having no room: what waits in the session comes when
// there is, and from now on the pace is watched, if it was not, since the limit
// may have come down to what is pending.
func (c *Conn) refuseRoom() verdict {
	c.out.starved = true
	c.pressing()
	return noRoom
}

// most is the limit of pending as it is now, for every connection: it follows what
// memory is left.
func (c *Conn) most() int { return int(c.b.memory.outbox.Load()) }

// space returns a chunk to whose bytes n more may be appended: the last, or one
// that is about to be. What was appended counts once extend is told.
func (c *Conn) space(n int) *chunk {
	o := &c.out
	last := o.last
	switch {
	case last == nil:
		return newChunk(n)
	case len(last.bytes)+n <= cap(last.bytes):
		return last
	case last.size > outboxSlip || o.writing:
		return newChunk(max(n, outboxSlip+1))
	}
	whole := newChunk(max(len(last.bytes)+n, outboxSlip+1)) // a slip is the first: one piece instead of two
	whole.bytes = append(whole.bytes, last.bytes[last.done:]...)
	o.first, o.last = whole, whole
	c.b.hold(whole.size - last.size)
	last.recycle()
	return whole
}

// leave is told instead of extend where nothing was appended after all.
func (c *Conn) leave(k *chunk) {
	if k != c.out.last {
		k.recycle()
	}
}

// extend takes b, which is k.bytes with packets behind them, and says whether the
// caller must see to the flush.
func (c *Conn) extend(k *chunk, b []byte) (flush bool) {
	o := &c.out
	o.pending += len(b) - len(k.bytes)
	o.packets++
	k.bytes = b
	if k != o.last {
		if o.last == nil {
			o.first = k
		} else {
			o.last.next = k
		}
		o.last = k
		c.b.hold(k.size)
	}
	if o.dirty || o.writing {
		return false
	}
	o.dirty = true
	return true
}

// putBytes appends encoded packets.
func (c *Conn) putBytes(p []byte) {
	if len(p) > 0 && !c.out.closed {
		k := c.space(len(p))
		c.extend(k, append(k.bytes, p...))
	}
}

// unflushed says how much is pending, and whether nobody is writing it yet.
func (o *outbox) unflushed() (pending int, flush bool) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.pending, o.dirty
}

// Take makes the caller the writer, if there is something to write and nobody
// writes it yet, and appends as much of it to pieces as that has capacity for.
// Whoever gets pieces is the writer until Next returns none.
func (c *Conn) Take(pieces [][]byte) [][]byte {
	o := &c.out
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.writing {
		return nil
	}
	return o.take(pieces)
}

func (o *outbox) take(pieces [][]byte) [][]byte {
	for k := o.first; k != nil && len(pieces) < cap(pieces); k = k.next {
		pieces = append(pieces, k.bytes[k.done:])
	}
	o.dirty = false
	if o.writing = len(pieces) > 0; !o.writing {
		o.packets = 0
	}
	return pieces
}

// Drained says whether nothing is left to write, in anybody's hands.
func (c *Conn) Drained() bool {
	c.out.mu.Lock()
	defer c.out.mu.Unlock()
	return c.out.first == nil && !c.out.writing
}

// Wrote tells that n more bytes were written, and that the writer remains it. The
// publishers and the messages that waited for room go on.
func (c *Conn) Wrote(n int) {
	c.out.mu.Lock()
	feed, eased := c.wrote(n)
	c.out.mu.Unlock()
	c.roomAgain(feed, eased)
}

// Next is Wrote and appends to pieces what is to be written then. None: the caller
// is the writer no more.
func (c *Conn) Next(n int, pieces [][]byte) [][]byte {
	c.out.mu.Lock()
	if feed, eased := c.wrote(n); feed || len(eased) > 0 {
		c.out.mu.Unlock()
		c.roomAgain(feed, eased)
		c.out.mu.Lock()
	}
	pieces = c.out.take(pieces)
	c.out.mu.Unlock()
	return pieces
}

// wrote accounts for n bytes written. feed: the session has more to put.
func (c *Conn) wrote(n int) (feed bool, eased []waiter) {
	o := &c.out
	if o.discarded {
		return false, nil
	}
	o.pending -= n
	if o.pressure != nil {
		o.taken += n
	}
	c.b.metrics.wrote(n)
	c.cut(n)
	if feed = o.starved && o.pending <= c.most()/2; feed {
		o.starved = false
	}
	return feed, c.easing()
}

// cut takes n bytes off the front of the chain.
func (c *Conn) cut(n int) {
	o := &c.out
	for o.first != nil {
		k := o.first
		if n < len(k.bytes)-k.done {
			k.done += n
			return
		}
		n -= len(k.bytes) - k.done
		o.first = k.next
		c.b.hold(-k.size)
		k.recycle()
	}
	o.last = nil
}

func (c *Conn) roomAgain(feed bool, eased []waiter) {
	if feed {
		c.drained()
	}
	releaseAll(eased)
}

// forsake is discard where nothing will be put any more. out.mu is held.
func (c *Conn) forsake() {
	c.b.metrics.discarded(c.out.pending)
	c.out.pending, c.out.discarded = 0, true
	c.discard()
}

// discard drops what is in the outbox for good. Where somebody may be writing it,
// the chunks go to the garbage collector. out.mu is held.
func (c *Conn) discard() {
	o := &c.out
	for k := o.first; k != nil; {
		next := k.next
		c.b.hold(-k.size)
		if !o.writing {
			k.recycle()
		}
		k = next
	}
	o.first, o.last = nil, nil
}
