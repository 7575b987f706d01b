package journal

import "slices"

// A stream is one generation's frames in the order they were added. Guarded by
// log.mu but for what is said to be the committer's: the writer goroutine of
// the young stream, and whoever flushes the old one.
type stream struct {
	generation generation
	segments   []*segment // oldest first
	lsn        uint64     // of the next frame
	disk, live int64      // bytes of all segments, and of them needed
	pending    batch      // being filled
	writing    batch      // taken by the committer, and then not changed before it is done
	synced     position   // everything before it is on disk
	onDisk     uint32     // the segment that tail is; smaller numbers are complete
	closed     bool       // the last frame says so
	extent     extent     // as marks say
	tail       file       // the committer's; nil: there is none yet
}

// A batch is a commit: one buffer that begins with a mark, and says which bytes
// of it go into which segment.
type batch struct {
	bytes   []byte
	parts   []part
	written int // parts that are
	kind    frameKind
	lsn     uint64 // of the mark
	waiting []waiter
}

// A part is the bytes from start to end of a batch, and stands at an offset of
// a segment.
type part struct {
	segment    *segment
	offset     int64
	start, end int
}

// A waiter is called when what it waits for is durable, or err says why nobody knows.
type waiter struct {
	durable func(error)
	err     error
}

// keptBuffer is how large a buffer may be that is kept for the next batch.
const keptBuffer = 8 << 20

func (b *batch) empty() bool { return len(b.bytes) == 0 }

func (b *batch) reset() {
	clear(b.waiting)
	clear(b.parts)
	*b = batch{bytes: b.bytes[:0], parts: b.parts[:0], waiting: b.waiting[:0]}
	if cap(b.bytes) > keptBuffer {
		b.bytes = nil
	}
}

// find returns the bytes from a place on, if the batch has them.
func (b *batch) find(number uint32, offset int64) []byte {
	for _, p := range b.parts {
		if p.segment.number == number && offset >= p.offset && offset < p.offset+int64(p.end-p.start) {
			return b.bytes[p.start+int(offset-p.offset) : p.end]
		}
	}
	return nil
}

// addTo encodes one frame into a stream's batch, and begins a segment if the
// last one is full. mu is held.
func (l *log) addTo(s *stream, payload func(dst []byte) []byte) place {
	if l.err != nil {
		return 0
	}
	b := &s.pending
	before := len(b.bytes)
	if before == 0 {
		l.begin(s, frameMark)
	}
	start := len(b.bytes)
	b.bytes = append(b.bytes, make([]byte, frameHeader)...)
	b.bytes = payload(b.bytes)
	number, offset := l.stand(s, start)
	seal(b.bytes[start:], frameEvents, number, offset)
	l.consume(len(b.bytes) - before)
	return newPlace(number, offset, len(b.bytes)-start)
}

// begin leaves room for the mark that a batch begins with. mu is held.
func (l *log) begin(s *stream, kind frameKind) {
	b := &s.pending
	b.kind, b.lsn = kind, s.lsn
	b.bytes = slices.Grow(b.bytes, markFrame)[:markFrame]
	l.stand(s, 0)
}

// stand finds a place for the frame that begins at start and ends the buffer.
func (l *log) stand(s *stream, start int) (number uint32, offset int64) {
	b, n := &s.pending, int64(len(s.pending.bytes)-start)
	if len(s.segments) == 0 || s.condemned() || s.tailSegment().size+n > l.segmentSize && s.tailSegment().size > headerSize {
		l.roll(s)
	}
	seg := s.tailSegment()
	if last := len(b.parts) - 1; last < 0 || b.parts[last].segment != seg {
		b.parts = append(b.parts, part{segment: seg, offset: seg.size, start: start})
	}
	b.parts[len(b.parts)-1].end = len(b.bytes)
	offset = seg.size
	seg.size += n
	s.disk += n
	s.lsn++
	return seg.number, offset
}

func (s *stream) tailSegment() *segment { return s.segments[len(s.segments)-1] }

// condemned says that a mark calls the tail dead, though it was not removed then:
// nothing more goes there.
func (s *stream) condemned() bool { return s.tailSegment().number < s.extent.first }

// roll begins a segment in memory; the committer makes the file.
func (l *log) roll(s *stream) {
	h := header{generation: s.generation, number: l.next, first: s.lsn}
	if n := len(s.segments); n > 0 {
		h.previous, h.previousSize = s.segments[n-1].number, s.segments[n-1].size
	}
	l.next++
	l.enter(s, &segment{header: h, size: headerSize})
}

// take makes the pending batch the one being written, and fills in its mark.
// mu is held.
func (l *log) take(s *stream) {
	s.pending, s.writing = s.writing, s.pending
	b := &s.writing
	if b.empty() {
		return
	}
	s.closed = b.kind == frameClosed
	f := b.bytes[:markFrame]
	mark{s.synced, l.now(), b.lsn, extents{l.young.extent, l.old.extent}}.put(f[frameHeader:])
	seal(f, b.kind, b.parts[0].segment.number, b.parts[0].offset)
}

// end is where a batch ends.
func (b *batch) end() position {
	p := b.parts[len(b.parts)-1]
	return position{p.segment.number, p.offset + int64(p.end-p.start)}
}

// write puts the batch on disk; it may be called again after isNoRoom and goes
// on where it was. The committer calls it, without mu.
func (l *log) write(s *stream) error {
	b := &s.writing
	for b.written < len(b.parts) {
		p := b.parts[b.written]
		if s.tail == nil || s.onDisk != p.segment.number {
			if err := l.advance(s, p.segment); err != nil {
				return err
			}
		}
		if err := l.writeAt(s.tail, b.bytes[p.start:p.end], p.offset); err != nil {
			return l.undo(s.tail, p.offset, err)
		}
		b.written++
	}
	return nil
}

// advance goes on to the next segment's file. The one before it is synced first,
// whatever the Durability, so that only the last one of a stream can be torn.
func (l *log) advance(s *stream, next *segment) error {
	if s.tail != nil {
		if err := l.sync(s.tail); err != nil {
			return err
		}
	}
	f, err := l.disk.create(next.name())
	if err != nil {
		return err
	}
	err = l.writeAt(f, next.bytes(), 0)
	if err == nil {
		err = l.sync(f)
	}
	if err == nil {
		err = l.disk.syncDirectory()
	}
	if err != nil {
		f.close()
		return err
	}
	if s.tail != nil {
		s.tail.close()
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	s.tail, s.onDisk, s.synced = f, next.number, position{next.number, headerSize}
	s.extent.last = next.number
	return nil
}

// undo takes back what a failed write may have left behind.
func (l *log) undo(f file, size int64, err error) error {
	if !isNoRoom(err) {
		return err
	}
	if broken := f.truncate(size); broken != nil {
		return broken
	}
	return err
}

// done forgets the batch: its bytes are on disk, as far as the Durability says.
// mu is held.
func (s *stream) done(synced bool) {
	b := &s.writing
	if synced && !b.empty() {
		s.synced = b.end()
	}
	b.reset()
}
