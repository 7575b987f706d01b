package journal

import (
	"fmt"
	"io/fs"
	"maps"
	"os"
	"slices"
	"time"
)

// A SalvageReport says what Salvage could take over and what it could not.
type SalvageReport struct {
	Frames, Records int // written to the copy
	Damages         []Damage
	LostBytes       int64
	Lost            []string // in words, one for each thing that is known to be missing
}

// Salvage writes to out, which must not exist or be empty, a journal of all that
// can be read in dir, and says what was lost.
//
// The copy has the same segments, by number and generation, since what kills
// names old segments by their numbers: only the frames move up. What a lost
// frame had ended rises again.
func Salvage(dir, out string) (report SalvageReport, err error) {
	v, err := View(dir)
	if err != nil {
		return report, err
	}
	if entries, err := os.ReadDir(out); err == nil && len(entries) > 0 {
		return report, fmt.Errorf("%s: %w, and not empty", out, fs.ErrExist)
	}
	to, err := openDirectory(out)
	if err != nil {
		return report, err
	}
	w := salvage{from: v.disk, to: to, report: &report, extents: v.copied()}
	for i, f := range v.files {
		last := i+1 == len(v.files) || v.files[i+1].generation != f.generation
		if err := w.segment(f, last); err != nil {
			return report, err
		}
	}
	if len(v.files) == 0 { // a journal all the same
		if err := w.segment(&surveyed{header: header{generation: young, number: 1}}, true); err != nil {
			return report, err
		}
	}
	report.Records = v.statistics.Records
	report.Damages = v.Verify()
	report.Lost = v.lost()
	for _, f := range v.files {
		report.LostBytes += f.lost
	}
	return report, to.syncDirectory()
}

// copied are the extents of a copy.
func (v *Viewer) copied() (e extents) {
	for _, f := range v.files {
		if e[f.generation].first == 0 {
			e[f.generation].first = f.number
		}
		e[f.generation].last = f.number
	}
	return e
}

// lost tells what is known to be missing.
func (v *Viewer) lost() (lost []string) {
	for _, d := range v.missing {
		lost = append(lost, "all of "+d.File)
	}
	for _, f := range v.files {
		if f.missing > 0 {
			lost = append(lost, fmt.Sprintf("%s in or before %s", counted(f.missing, "frame", "frames"), f.file))
		}
		if f.lost > 0 {
			lost = append(lost, fmt.Sprintf("%s of %s", counted(f.lost, "byte", "bytes"), f.file))
		}
	}
	for _, number := range slices.Sorted(maps.Keys(v.index.sessions)) {
		s := v.index.sessions[number]
		if n := len(s.subscriptions) + len(s.held); s.session.at == 0 && n > 0 {
			lost = append(lost, fmt.Sprintf("whose session %d was, with %s and %s", number,
				counted(len(s.subscriptions), "subscription", "subscriptions"), counted(s.queue.count, "delivery", "deliveries")))
		}
		for _, f := range s.window.entries {
			if f.state == sent && s.queue.get(f.sequence) == 0 {
				lost = append(lost, fmt.Sprintf("the message that %s was sent under packet id %d", v.nameOf(s), f.packetID))
			}
		}
	}
	return lost
}

func (v *Viewer) nameOf(s *incarnation) string {
	if name := v.names[s.number]; name != "" {
		return name
	}
	return fmt.Sprint("session ", s.number)
}

// A salvage writes the copy, generation by generation.
type salvage struct {
	from, to directory
	report   *SalvageReport
	before   header // in the generation; number 0: none
	size     int64
	next     uint64
	clock    time.Time
	extents  extents
	data     []byte
}

func counted[T ~int | ~int64 | ~uint64](n T, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return fmt.Sprintf("%d %s", n, many)
}

// segment copies the good frames of a segment and seals them for where they
// stand now. Its marks go, but for a new one that closes the generation.
func (w *salvage) segment(f *surveyed, last bool) (err error) {
	if w.data = w.data[:0]; f.file != "" {
		if w.data, err = load(w.from, f.file, w.data); err != nil {
			return err
		}
	}
	h := header{generation: f.generation, number: f.number, first: 1}
	if w.before.number != 0 && w.before.generation == h.generation {
		h.first, h.previous, h.previousSize = w.next, w.before.number, w.size
	}
	w.next = h.first
	copied := make([]byte, 0, len(w.data)+2*markFrame)
	copied = append(copied, h.bytes()...)
	for _, r := range f.runs {
		walk := func(g frame) error {
			switch {
			case g.kind != frameEvents:
				if clock := readMark(g.payload).clock; clock.After(w.clock) {
					w.clock = clock
				}
				return nil
			case f.unreadable(g):
				return nil
			}
			w.report.Frames++
			copied = w.append(copied, h.number, frameEvents, g.payload)
			return nil
		}
		if _, _, err := walkFrom(header{number: f.number, first: r.first}, w.data[:min(r.end, int64(len(w.data)))], r.start, walk); err != nil {
			return err
		}
	}
	if last {
		var b [markLength]byte
		mark{synced: position{h.number, int64(len(copied))}, clock: w.clock, lsn: w.next}.put(b[:])
		copied = w.append(copied, h.number, frameClosed, b[:])
	}
	w.before, w.size = h, int64(len(copied))
	return w.write(h.name(), copied)
}

func (w *salvage) append(dst []byte, number uint32, kind frameKind, payload []byte) []byte {
	at := len(dst)
	dst = append(dst, make([]byte, frameHeader)...)
	dst = append(dst, payload...)
	seal(dst[at:], kind, number, int64(at))
	w.next++
	return dst
}

func (w *salvage) write(name string, data []byte) error {
	f, err := w.to.create(name)
	if err != nil {
		return err
	}
	_, err = f.writeAt(data, 0)
	if err == nil {
		err = f.sync()
	}
	if closed := f.close(); err == nil {
		err = closed
	}
	return err
}
