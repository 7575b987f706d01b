package journal

import (
	"errors"
	"fmt"
	"log/slog"
	"time"
)

// recover reads everything, the old stream first, cuts a torn tail, and starts
// the goroutines. The payload is the log's again when visit returns; mu is not
// held, and live may be called. Adding may begin when it returned.
func (l *log) recover(visit func(g generation, at place, payload []byte) error) error {
	found, err := listSegments(l.disk)
	if err != nil {
		return err
	}
	for i, f := range found {
		l.next = max(l.next, f.number+1)
		if i == 0 || f.number < l.base {
			l.base = f.number
		}
	}
	for _, g := range []generation{old, young} {
		r := recovery{log: l, stream: l.stream(g), visit: visit}
		for i, f := range found {
			last := i+1 == len(found) || found[i+1].generation != g
			if f.generation == g {
				err = errors.Join(err, r.segment(f, last))
			}
			if err != nil {
				return err
			}
		}
	}
	l.scratch = nil
	l.ahead = max(time.Until(l.clock), 0)
	if err := l.disk.syncDirectory(); err != nil {
		return err
	}
	if err := l.openReserve(); err != nil {
		return err
	}
	l.start()
	return nil
}

// A recovery reads one stream.
type recovery struct {
	*log
	stream *stream
	visit  func(g generation, at place, payload []byte) error
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
	case err != nil && last && len(data) <= headerSize:
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
		if m := readMark(f.payload); m.clock.After(r.clock) {
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
		r.tell(slog.LevelWarn, "cut a torn commit off the journal's end: nothing in it was acknowledged",
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
	return &DamageError{r.disk.path(f.name), offset, detail}
}
