package journal

import (
	"errors"
	"fmt"
	"log/slog"
	"time"
)

// foresee learns what must be known before all is read.
func (l *log) foresee() error {
	if l.foreseen {
		return nil
	}
	found, err := listSegments(l.disk)
	if err != nil {
		return err
	}
	l.latest, l.known, l.scratch, err = foresee(l.disk, found, l.scratch)
	l.foreseen = err == nil
	return err
}

// recover reads everything, the old stream first, cuts a torn tail, gives back
// what is dead, and starts the goroutines. The payload is the log's again when
// visit returns; mu is not held, and live may be called. Adding may begin when it
// returned.
func (l *log) recover(visit func(g generation, at place, payload []byte) error) error {
	if err := l.foresee(); err != nil {
		return err
	}
	found, err := listSegments(l.disk)
	if err != nil {
		return err
	}
	if err := l.number(found); err != nil {
		return err
	}
	dead := l.known // what later marks say is for who damaged the last ones
	for _, g := range []generation{old, young} {
		r := recovery{log: l, stream: l.stream(g), visit: visit}
		if err := r.read(dead.living(found, g)); err != nil {
			return err
		}
	}
	for _, g := range []generation{old, young} {
		if err := l.complete(g); err != nil {
			return err
		}
	}
	l.scratch = nil
	l.ahead = max(time.Until(l.clock), 0)
	l.removeDead(dead, found)
	if err := l.disk.syncDirectory(); err != nil {
		return err
	}
	if err := l.openReserve(); err != nil {
		return err
	}
	l.start()
	return nil
}

// number sees to it that no number is given twice.
func (l *log) number(found []segmentFile) error {
	greatest, least := uint32(0), uint32(maxNumber)
	for _, f := range found {
		greatest = max(greatest, f.number)
		if f.number >= l.known[f.generation].first {
			least = min(least, f.number)
		}
	}
	if err := l.checkNumbers(l.known, greatest); err != nil {
		return err
	}
	l.next = greatest + 1
	for _, e := range l.known {
		l.next = max(l.next, e.first, e.last+1)
	}
	l.base = min(least, l.next)
	return nil
}

// complete finds what is missing at a stream's head, which only all marks tell,
// and goes on with its extent.
func (l *log) complete(g generation) error {
	s := l.stream(g)
	s.extent = l.known[g]
	l.next = max(l.next, s.extent.first, s.extent.last+1)
	if len(s.segments) == 0 {
		return nil
	}
	if head := s.segments[0].header; l.known.beheaded(head) {
		return l.errMissing(g, head.previous)
	}
	s.extent.last = max(s.extent.last, s.tailSegment().number)
	return nil
}

// removeDead removes what a crash left of heads that were being given back. What
// cannot be removed is there the next time.
func (l *log) removeDead(known extents, found []segmentFile) {
	for _, f := range found {
		if f.number >= known[f.generation].first {
			continue
		}
		if err := l.disk.remove(f.name); err != nil {
			l.tell(slog.LevelWarn, "cannot remove a segment of which nothing is needed", "file", l.disk.path(f.name), "error", err)
		}
	}
}

// A recovery reads one stream.
type recovery struct {
	*log
	stream *stream
	visit  func(g generation, at place, payload []byte) error
}

func (r *recovery) read(files []segmentFile) error {
	greatest := uint32(0)
	if n := len(files); n > 0 {
		greatest = files[n-1].number
	}
	if number, is := r.known.missing(r.stream.generation, greatest); is {
		return r.errMissing(r.stream.generation, number)
	}
	for i, f := range files {
		if err := r.segment(f, i+1 == len(files)); err != nil {
			return err
		}
	}
	return nil
}

// segment reads a segment; the last one of a stream may be torn.
func (r *recovery) segment(f segmentFile, last bool) error {
	data, err := load(r.disk, f.name, r.scratch)
	if err != nil {
		return err
	}
	r.scratch = data
	h, err := readHeader(data)
	switch {
	case errors.Is(err, errFormat):
		return fmt.Errorf("%s: %w", r.disk.path(f.name), err)
	case err != nil && last && len(data) <= headerSize && f.number > r.known[f.generation].last:
		return r.removeEmpty(f)
	case err != nil:
		return r.damaged(f, 0, err.Error())
	}
	if detail := r.misfit(f, h); detail != "" {
		return r.damaged(f, 0, detail)
	}
	seg := &segment{header: h, size: headerSize}
	r.enter(r.stream, seg)
	end, err := r.frames(seg, data)
	if err != nil {
		return err
	}
	if end < int64(len(data)) && (!last || r.vouched(h.number, data, end)) {
		return r.damaged(f, end, "a bad frame where everything was synced")
	}
	if last {
		return r.openTail(f, data, end)
	}
	return nil
}

// removeEmpty takes away a file that was being begun: nothing was in it, since
// a header is synced before the first frame is written.
func (r *recovery) removeEmpty(f segmentFile) error {
	if err := r.disk.remove(f.name); err != nil {
		return err
	}
	n := len(r.stream.segments)
	if n == 0 {
		return nil
	}
	seg := r.stream.tailSegment()
	return r.openTail(segmentFile{entry: entry{name: seg.name()}}, nil, seg.size)
}

// misfit says what is wrong with a header, if anything is.
func (r *recovery) misfit(f segmentFile, h header) string {
	if h.number != f.number || h.generation != f.generation {
		return fmt.Sprintf("its header is that of %s", h.name())
	}
	if len(r.stream.segments) == 0 {
		return ""
	}
	before := r.stream.tailSegment()
	switch {
	case h.previous != before.number:
		return fmt.Sprintf("segment %d before it is missing", h.previous)
	case h.previousSize != before.size:
		return fmt.Sprintf("%s before it has %d bytes, and had %d", before.name(), before.size, h.previousSize)
	case h.first != r.stream.lsn:
		return fmt.Sprintf("it begins with log sequence number %d in place of %d", h.first, r.stream.lsn)
	}
	return ""
}

// frames visits the good frames, and returns where they end.
func (r *recovery) frames(seg *segment, data []byte) (end int64, err error) {
	s := r.stream
	end, s.lsn, err = walkFrames(seg.header, data, func(f frame) error {
		s.closed = f.kind == frameClosed
		if f.kind == frameEvents {
			return r.visit(s.generation, newPlace(seg.number, f.offset, f.length()), f.payload)
		}
		m := readMark(f.payload).in(seg.header)
		r.known.learn(m.extents)
		if m.clock.After(r.clock) {
			r.clock = m.clock
		}
		return nil
	})
	s.disk += end - seg.size
	seg.size = end
	return end, err
}

// vouched says whether a mark after a bad frame knows that the frame was synced.
func (r *recovery) vouched(number uint32, data []byte, bad int64) bool {
	for from := bad; ; {
		at, m, found := findMark(number, data, from)
		if !found {
			return false
		}
		if (position{number, bad}).less(m.synced) {
			return true
		}
		from = at + 1
	}
}

// openTail goes on where the stream ended, cuts what is torn, and syncs what
// was read: the process that wrote it may have died before it did.
func (r *recovery) openTail(f segmentFile, data []byte, end int64) error {
	tail, err := r.disk.open(f.name)
	if err != nil {
		return err
	}
	if torn := int64(len(data)) - end; torn > 0 {
		if err := tail.truncate(end); err != nil {
			tail.close()
			return err
		}
		r.tell(slog.LevelWarn, "cut a torn commit off the journal's end: it had not reached the disk, and with durability fsync nothing in it was acknowledged",
			"file", r.disk.path(f.name), "offset", end, "bytes", torn)
	}
	if err := tail.sync(); err != nil {
		tail.close()
		return err
	}
	s := r.stream
	s.tail, s.onDisk = tail, s.tailSegment().number
	s.synced = position{s.onDisk, end}
	return nil
}

func (r *recovery) damaged(f segmentFile, offset int64, detail string) error {
	return &DamageError{File: r.disk.path(f.name), Offset: offset, Detail: detail}
}
