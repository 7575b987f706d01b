package journal

import (
	"encoding/binary"
	"errors"
	"io"
	"slices"
)

const (
	readAhead  = 256 << 10 // the most that is read at once for neighbours
	readLeast  = 4 << 10   // a page costs the same as less
	frameGuess = 512       // of a frame whose place has only a share of its size
)

// read returns the payload of the frame at a place, in buf if it is large
// enough. mu is not held. errMoved: its segment was removed, look again.
func (l *log) read(at place, buf []byte) (payload []byte, err error) {
	err = l.readAll([]place{at}, func(_ int, p []byte, err error) error {
		buf = append(buf[:0], p...)
		return err
	})
	return buf, err
}

// readAll hands over the payloads of many places in their order, with one read
// of the disk for neighbours. got may not keep the payload; mu is not held. An
// error of one place (errMoved) goes to got, which says whether to go on.
func (l *log) readAll(at []place, got func(i int, payload []byte, err error) error) error {
	w, _ := l.windows.Get().(*window)
	if w == nil {
		w = new(window)
	}
	defer func() {
		w.close(l)
		if cap(w.data) <= 4*readAhead {
			l.windows.Put(w)
		}
	}()
	for i := range at {
		payload, err := l.readOne(w, at[i:])
		if err := got(i, payload, err); err != nil {
			return err
		}
	}
	return nil
}

// readOne returns the payload at the first of the places that are to be read.
func (l *log) readOne(w *window, at []place) ([]byte, error) {
	number, offset := at[0].segment(), at[0].offset()
	if b := w.find(number, offset); b != nil {
		if _, payload, ok := open(b, number, offset); ok {
			return payload, nil
		}
	}
	pending, err := w.enter(l, number, offset)
	if err != nil {
		return nil, err
	}
	if pending {
		_, payload, ok := open(w.data, number, offset)
		if !ok {
			return nil, l.damage(w.seg, offset)
		}
		return payload, nil
	}
	if err := w.fill(offset, w.ahead(at)); err != nil {
		return nil, err
	}
	if n := w.frameLength(); n > len(w.data) {
		if err := w.fill(offset, int(min(int64(n), w.limit-offset))); err != nil {
			return nil, err
		}
	}
	_, payload, ok := open(w.data, number, offset)
	if !ok {
		return nil, l.damage(w.seg, offset)
	}
	return payload, nil
}

func (l *log) damage(seg *segment, offset int64) error {
	return &DamageError{File: l.disk.path(seg.name()), Offset: offset, Detail: "no frame where the index has one"}
}

// A window is a piece of one segment's bytes, and the segment's file while
// places of it are read.
type window struct {
	seg    *segment // nil: none; of which this is a reader
	file   file
	limit  int64 // of the segment's size
	offset int64 // of data in the segment
	data   []byte
}

func (w *window) find(number uint32, offset int64) []byte {
	if w.seg == nil || w.seg.number != number || offset < w.offset || offset >= w.offset+int64(len(w.data)) {
		return nil
	}
	return w.data[offset-w.offset:]
}

// enter makes the window one of a segment. pending: the frame is not on disk
// yet, and lies in data now.
func (w *window) enter(l *log, number uint32, offset int64) (pending bool, err error) {
	l.mu.Lock()
	seg := l.lookup(number)
	if seg == nil {
		l.mu.Unlock()
		return false, errMoved
	}
	s := l.stream(seg.generation)
	for _, b := range []*batch{&s.pending, &s.writing} {
		if found := b.find(number, offset); found != nil {
			n := frameHeader + int(binary.LittleEndian.Uint32(found))
			w.data = append(w.data[:0], found[:min(n, len(found))]...)
			pending = true
			break
		}
	}
	w.limit = seg.size
	other := w.seg != seg
	if other {
		seg.readers++
	}
	l.mu.Unlock()
	if other {
		w.close(l)
		w.seg = seg
	}
	w.offset = offset
	if pending || w.file != nil {
		return pending, nil
	}
	w.file, err = l.disk.view(seg.name())
	return false, err
}

// close ends the reading of a segment.
func (w *window) close(l *log) {
	if w.seg == nil {
		return
	}
	if w.file != nil {
		w.file.close()
	}
	l.mu.Lock()
	if w.seg.readers--; w.seg.readers == 0 {
		l.unread.Broadcast()
	}
	l.mu.Unlock()
	w.seg, w.file = nil, nil
}

// ahead is how much to read for the first place, and those after it that are near.
func (w *window) ahead(at []place) int {
	first := at[0].offset()
	end := first + readLeast
	for _, p := range at {
		stop := p.offset() + int64(max(p.size()+p.size()/8, frameGuess))
		if p.segment() != at[0].segment() || p.offset() < first || p != at[0] && stop > first+readAhead {
			break
		}
		end = max(end, stop)
	}
	return int(end - first)
}

// fill reads n bytes from an offset on, or what there is of them.
func (w *window) fill(offset int64, n int) error {
	w.data = slices.Grow(w.data[:0], n)[:n]
	n, err := w.file.readAt(w.data, offset)
	w.offset, w.data = offset, w.data[:n]
	if errors.Is(err, io.EOF) {
		return nil
	}
	return err
}

// frameLength is the length of the frame that the window begins with.
func (w *window) frameLength() int {
	if len(w.data) < frameHeader {
		return 0
	}
	return frameHeader + int(min(binary.LittleEndian.Uint32(w.data), 1<<31-1-frameHeader))
}

// walkHead visits the frames of a generation's head, which stays meanwhile:
// the caller alone removes. The payload is a view. mu is not held.
func (l *log) walkHead(g generation, visit func(at place, payload []byte) error) error {
	l.mu.Lock()
	s := l.stream(g)
	if len(s.segments) == 0 || s.unfinished(s.segments[0]) {
		l.mu.Unlock()
		return nil
	}
	seg := s.segments[0]
	l.mu.Unlock()
	data, err := load(l.disk, seg.name(), l.scratch)
	if err != nil {
		return err
	}
	l.scratch = data
	end, _, err := walkFrames(seg.header, data, func(f frame) error {
		if f.kind != frameEvents {
			return nil
		}
		return visit(newPlace(seg.number, f.offset, f.length()), f.payload)
	})
	if err == nil && end != seg.size {
		err = l.damage(seg, end)
	}
	return err
}
