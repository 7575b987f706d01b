package journal

import (
	"errors"
	"fmt"
	"slices"
)

// A surveyed segment is what could be read of a file, and what could not. The
// rules are those of recovery, which stops at the first damage; a survey goes on
// behind it, where a mark is found again.
type surveyed struct {
	header
	file    string
	size    int64
	runs    []run
	next    uint64 // log sequence number after the last frame
	damages []Damage
	lost    int64  // bytes that are no good frames
	missing uint64 // frames
}

// A run is bytes that are good frames, one after the other.
type run struct {
	start, end int64
	first      uint64
}

func (s *surveyed) damage(offset, bytes int64, torn bool, detail string) {
	s.damages = append(s.damages, Damage{File: s.file, Offset: offset, Detail: detail, Torn: torn, bytes: bytes})
	if !torn {
		s.lost += bytes
	}
}

// survey reads all segments. visit gets the frames with records; errRecord from
// it is damage.
func survey(d filesystem, found []segmentFile, visit func(*surveyed, frame) error) (all []*surveyed, known extents, err error) {
	_, known, data, err := foresee(d, found, nil)
	if err != nil {
		return nil, known, err
	}
	found = append(known.living(found, old), known.living(found, young)...)
	sure := known
	var before *surveyed // in the generation
	for i, f := range found {
		last := i+1 == len(found) || found[i+1].generation != f.generation
		if data, err = load(d, f.name, data); err != nil {
			return nil, known, err
		}
		s := &surveyed{header: header{generation: f.generation, number: f.number, first: 1}, file: f.name, size: int64(len(data))}
		if before != nil && before.generation != f.generation {
			before = nil
		}
		if !s.begin(data, before, last && f.number > sure[f.generation].last) {
			continue
		}
		if err := s.frames(data, last, &known, visit); err != nil {
			return nil, known, err
		}
		all = append(all, s)
		before = s
	}
	return all, known, nil
}

// absent are the files that must be there before and behind those that are.
func absent(all []*surveyed, known extents) (damages []Damage) {
	for _, g := range []generation{old, young} {
		greatest, head := uint32(0), true
		for _, s := range all {
			if s.generation != g {
				continue
			}
			if greatest = s.number; head && known.beheaded(s.header) {
				damages = append(damages, missingFile(g, s.previous))
			}
			head = false
		}
		if number, is := known.missing(g, greatest); is {
			damages = append(damages, missingFile(g, number))
		}
	}
	return damages
}

func missingFile(g generation, number uint32) Damage {
	return Damage{File: header{generation: g, number: number}.name(), Detail: missingDetail, Missing: true}
}

// begin reads the header. False: the file is one that was being begun, as the
// newest may be.
func (s *surveyed) begin(data []byte, before *surveyed, newest bool) bool {
	h, err := readHeader(data)
	if before != nil {
		s.first = before.next
	}
	switch {
	case err != nil && newest && len(data) <= headerSize:
		return false
	case err != nil:
		s.damage(0, headerSize, false, err.Error())
		return true
	case h.number != s.number || h.generation != s.generation:
		s.damage(0, headerSize, false, "its header is that of "+h.name())
		return true
	}
	s.header = h
	switch {
	case before == nil:
	case h.previous != before.number:
		s.damage(0, 0, false, fmt.Sprintf("segment %d before it is missing", h.previous))
	case h.previousSize != before.size && len(before.damages) == 0:
		s.damage(0, 0, false, fmt.Sprintf("%s before it has %d bytes, and had %d", before.file, before.size, h.previousSize))
	case h.first != before.next && len(before.damages) == 0:
		s.damage(0, 0, false, fmt.Sprintf("it begins with log sequence number %d in place of %d", h.first, before.next))
	}
	if before != nil && h.first > before.next {
		s.missing += h.first - before.next
	}
	return true
}

// frames walks over the good ones and finds the next good ones behind the bad.
func (s *surveyed) frames(data []byte, last bool, known *extents, visit func(*surveyed, frame) error) error {
	start, next := int64(headerSize), s.first
	for {
		end, after, err := walkFrom(header{number: s.number, first: next}, data, start, func(f frame) error {
			if f.kind != frameEvents {
				known.learn(readMark(f.payload).in(s.header).extents)
				return nil
			}
			err := visit(s, f)
			if errors.Is(err, errRecord) {
				s.damage(f.offset, int64(f.length()), false, err.Error())
				err = nil
			}
			return err
		})
		if err != nil {
			return err
		}
		if end > start {
			s.runs = append(s.runs, run{start, end, next})
		}
		s.next = after
		if end == int64(len(data)) {
			return nil
		}
		at, m, found := findMark(s.number, data, end)
		if last && !(&recovery{}).vouched(s.number, data, end) {
			s.damage(end, int64(len(data))-end, true, fmt.Sprintf("%d bytes that no commit has completed", int64(len(data))-end))
			return nil
		}
		if !found {
			s.damage(end, int64(len(data))-end, false, fmt.Sprintf("a bad frame, and no good one in the %d bytes from there on", int64(len(data))-end))
			return nil
		}
		s.damage(end, at-end, false, fmt.Sprintf("a bad frame; the next good one is at %d", at))
		if m.lsn > after {
			s.missing += m.lsn - after
		}
		start, next = at, max(m.lsn, after)
	}
}

// unreadable says that a frame is good for the checksum alone.
func (s *surveyed) unreadable(f frame) bool {
	return slices.ContainsFunc(s.damages, func(d Damage) bool { return d.Offset == f.offset && d.bytes == int64(f.length()) })
}
