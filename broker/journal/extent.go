package journal

import (
	"fmt"
	"slices"
	"time"
)

// An extent says which segments of a generation must be there: those from first
// to last, of the numbers that are its own; none if first is greater. Neither
// ever goes back, so the greatest that any mark has are true.
type extent struct {
	first uint32 // what is smaller is dead, and may be gone
	last  uint32 // the greatest that was ever on disk
}

// extents are of both generations.
type extents [2]extent

func (e *extents) learn(other extents) {
	for g := range e {
		e[g].first = max(e[g].first, other[g].first)
		e[g].last = max(e[g].last, other[g].last)
	}
}

// mostGap is by how much the numbers in marks may pass those of all files: only
// old segments that came and went while the young tail was one and the same.
const mostGap = 1 << 17

// foresee reads what the marks of the newest segments say: the time of the last
// commit, which must be known before the first time is read, and the extents.
// Damage is for who reads all to find.
func foresee(d filesystem, found []segmentFile, scratch []byte) (latest time.Time, known extents, buf []byte, err error) {
	seen := [2]bool{}
	for _, f := range slices.Backward(found) {
		if seen[f.generation] {
			continue
		}
		if scratch, err = load(d, f.name, scratch); err != nil {
			return latest, known, scratch, err
		}
		h, err := readHeader(scratch)
		if err != nil || h.generation != f.generation || h.number != f.number {
			continue
		}
		_, _, err = walkFrames(h, scratch, func(f frame) error {
			if f.kind != frameEvents {
				seen[h.generation] = true
				m := readMark(f.payload).in(h)
				known.learn(m.extents)
				if m.clock.After(latest) {
					latest = m.clock
				}
			}
			return nil
		})
		if err != nil {
			return latest, known, scratch, err
		}
	}
	return latest, known, scratch, nil
}

// in is a mark as it was found in a segment: no young one says that it is dead
// itself, since the tail of that generation stays.
func (m mark) in(h header) mark {
	if h.generation == young {
		m.extents[young].first = min(m.extents[young].first, h.number)
	}
	return m
}

// living are the segments of a generation that are not dead.
func (e extents) living(found []segmentFile, g generation) []segmentFile {
	return slices.DeleteFunc(slices.Clone(found), func(f segmentFile) bool {
		return f.generation != g || f.number < e[g].first
	})
}

// missing is the segment that must be there and is not, by the numbers alone: 0,
// false if there is none. greatest is the last of the generation that is there,
// 0: none is.
func (e extents) missing(g generation, greatest uint32) (number uint32, is bool) {
	if e[g].first > e[g].last || greatest >= e[g].last {
		return 0, false
	}
	return e[g].last, true
}

// beheaded says that what stood before the first segment of a generation that is
// there must be there too: it is a head, and none that was given back.
func (e extents) beheaded(head header) bool {
	return head.previous != 0 && head.previous >= e[head.generation].first
}

// errMissing is a segment that is not there.
func (l *log) errMissing(g generation, number uint32) error {
	return &DamageError{File: l.disk.path(header{generation: g, number: number}.name()), Missing: true, Detail: missingDetail}
}

const missingDetail = "the file is missing"

// checkNumbers is for a journal of which the newest files are missing, and their
// numbers with them. greatest is of all files.
func (l *log) checkNumbers(known extents, greatest uint32) error {
	for g, e := range known {
		for _, number := range []uint32{e.first, e.last} {
			if int64(number) > int64(greatest)+mostGap {
				return &DamageError{File: l.disk.path("."), Detail: fmt.Sprintf("a mark names the %s segment %d, and the last of all files is %d", generation(g), number, greatest)}
			}
		}
	}
	return nil
}
