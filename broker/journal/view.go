package journal

import (
	"errors"
	"fmt"
	"hash/maphash"
	"io/fs"
	"os"
	"slices"

	"mqtk/broker"
)

// A Viewer reads a journal without a lock and without changing anything, beside
// a broker that goes on writing it: it sees what was there when View was called,
// less what the broker gives back to the disk meanwhile.
type Viewer struct {
	disk       directory
	files      []*surveyed
	missing    []Damage // files
	index      *index
	names      map[uint64]string // ClientIDs of incarnations
	topics     map[uint64]uint64 // the latest versions of the retained set, by the hash of the topic
	segments   []SegmentView
	statistics Statistics
}

// A SegmentView is one file of a journal.
type SegmentView struct {
	File       string // its name
	Number     uint32
	Old        bool // of the generation that cleaning writes
	Bytes      int64
	Frames     int // with records
	Records    int
	Live       int // of them, those that say what is true now
	LiveBytes  int64
	FirstFrame uint64 // log sequence numbers, continuous in each generation
	LastFrame  uint64

	last uint64 // that was counted
}

// A Record is one Event as it stands in a frame. The Event and what it refers
// to are good until visit returns.
type Record struct {
	File   string
	Offset int64  // of its frame
	Frame  uint64 // its log sequence number
	Event  *broker.Event
	Live   bool
	Bytes  int // of the record, and of its message where it is the first to refer to it
}

// A Statistics sums up what a journal holds.
type Statistics struct {
	Segments, Frames, Records, Live int
	DiskBytes, LiveBytes            int64
	Sessions                        int // that have not ended
	Subscriptions                   int
	Queued                          int // deliveries that wait
	Inflight                        int // or are in a window
	Held                            int
	Wills                           int
	Retained                        int
	ByKind                          map[broker.EventKind]int // records
	TornBytes                       int64                    // behind the last whole frame
}

// A Damage is a place where a journal is not what was written.
type Damage struct {
	File   string
	Offset int64
	Detail string
	Torn   bool // the end of the log as a crash leaves it: opening cuts it

	Missing bool // the file is not there

	bytes int64
}

// View reads the journal in a directory.
func View(dir string) (*Viewer, error) {
	const tries = 8
	for range tries {
		v, err := viewOnce(directory(dir))
		if !errors.Is(err, fs.ErrNotExist) {
			return v, err
		}
		if _, err := os.Stat(dir); err != nil {
			return nil, err
		}
	}
	return nil, fmt.Errorf("%s: cleaned faster than it could be read", dir)
}

// viewOnce fails with fs.ErrNotExist when a file went while the others were
// read: what it held is elsewhere now.
func viewOnce(d directory) (*Viewer, error) {
	v := &Viewer{disk: d, index: newIndex(new(log)), names: map[uint64]string{}, topics: map[uint64]uint64{}}
	found, err := listSegments(d)
	if err != nil {
		return nil, err
	}
	if len(found) == 0 && !hasReserve(d) {
		return nil, fmt.Errorf("%s: holds no journal", string(d))
	}
	v.index.scanning = true
	var known extents
	v.files, known, err = survey(d, found, func(seg *surveyed, f frame) error {
		if seg.generation == old {
			v.index.olds[seg.number] = true
		}
		return v.enter(newPlace(seg.number, f.offset, f.length()), f.payload)
	})
	if err != nil {
		return nil, err
	}
	if v.missing = absent(v.files, known); len(v.missing) > 0 { // or not there yet, when the others were listed
		if again, err := listSegments(d); err != nil || !slices.EqualFunc(found, again, sameName) {
			return nil, errors.Join(err, fs.ErrNotExist)
		}
	}
	return v, v.count()
}

func sameName(a, b segmentFile) bool { return a.name == b.name }

func hasReserve(d directory) bool {
	entries, err := d.list()
	return err == nil && slices.ContainsFunc(entries, func(e entry) bool { return e.name == reserveName })
}

// enter does what Replay does with a frame; errRecord if it cannot be read.
func (v *Viewer) enter(at place, payload []byte) error {
	x := v.index
	r := replay{x: x, messages: newMessageReader(0)}
	p := &r.parser
	p.parse(payload)
	x.begin(at, p.puts, p.shared)
	defer x.end()
	for {
		more, err := p.event()
		if !more {
			return err
		}
		e := &p.record
		switch e.kind {
		case recordRetain:
			if err := v.retain(r.messages, p); err != nil {
				return err
			}
			continue
		case recordSession, recordWill:
			if v.names[e.incarnation] == "" {
				v.names[e.incarnation] = string(e.text)
			}
		}
		if s := x.incarnation(e.incarnation); s != nil {
			r.enter(s, e)
			s.told = nil
		}
	}
}

// retain knows the topics by their hashes.
func (v *Viewer) retain(messages *messageReader, p *parser) error {
	x, e := v.index, &p.record
	topic := e.text
	if e.hasMessage() {
		var m broker.Message
		if err := messages.view(&m, p.message); err != nil {
			return err
		}
		topic = []byte(m.Topic)
	}
	if x.retained.get(e.sequence) != 0 {
		x.retain(e.sequence, true)
		return nil
	}
	key := maphash.Bytes(x.seed, topic)
	if former := v.topics[key]; former < e.sequence {
		v.topics[key] = e.sequence
		x.unretain(former)
		x.retain(e.sequence, e.hasMessage())
	}
	return nil
}

// count goes over everything once more, now that it is known what is true.
func (v *Viewer) count() error {
	s := &v.statistics
	*s = Statistics{ByKind: map[broker.EventKind]int{}, Retained: v.index.retained.count}
	for _, i := range v.index.sessions {
		s.Sessions += count(i.session.at != 0)
		s.Wills += count(i.will.at != 0)
		s.Subscriptions += len(i.subscriptions)
		s.Held += len(i.held)
		s.Inflight += i.window.count()
		s.Queued += i.queue.count
		for _, f := range i.window.entries {
			s.Queued -= count(f.state == sent && i.queue.get(f.sequence) != 0)
		}
	}
	for _, f := range v.files {
		v.segments = append(v.segments, SegmentView{File: f.file, Number: f.number, Old: f.generation == old, Bytes: f.size,
			FirstFrame: f.first, LastFrame: f.next - 1})
		s.Segments++
		s.DiskBytes += f.size
	}
	return v.Records(func(r *Record) error {
		seg := &v.segments[slices.IndexFunc(v.segments, func(s SegmentView) bool { return s.File == r.File })]
		s.Records++
		s.ByKind[r.Event.Kind]++
		seg.Records++
		if r.Live {
			s.Live++
			seg.Live++
			s.LiveBytes = min(s.LiveBytes+int64(r.Bytes), s.DiskBytes)
			seg.LiveBytes = min(seg.LiveBytes+int64(r.Bytes), seg.Bytes)
		}
		if r.Frame != seg.last {
			seg.last = r.Frame
			s.Frames++
			seg.Frames++
		}
		return nil
	})
}

func count(b bool) int {
	if b {
		return 1
	}
	return 0
}

// Segments lists the files in the order in which they are read.
func (v *Viewer) Segments() []SegmentView { return v.segments }

// Statistics counts.
func (v *Viewer) Statistics() Statistics {
	s := v.statistics
	for _, d := range v.Verify() {
		if d.Torn {
			s.TornBytes += d.bytes
		}
	}
	return s
}

// Records visits every record of every segment, the old generation first, but
// for segments that were given back meanwhile.
func (v *Viewer) Records(visit func(*Record) error) error {
	w := recordWalk{v: v, messages: newMessageReader(0), visit: visit}
	for _, f := range v.files {
		data, err := load(v.disk, f.file, w.data)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return err
		}
		w.data = data
		w.record.File = f.file
		for _, r := range f.runs {
			h := header{number: f.number, first: r.first}
			if r.end > int64(len(data)) {
				break
			}
			_, _, err := walkFrom(h, data[:r.end], r.start, func(g frame) error {
				if g.kind != frameEvents {
					return nil
				}
				return w.frame(newPlace(f.number, g.offset, g.length()), g)
			})
			if err != nil {
				return err
			}
		}
	}
	return nil
}

// A recordWalk is what Records reuses.
type recordWalk struct {
	v        *Viewer
	messages *messageReader
	visit    func(*Record) error
	data     []byte
	parser   parser
	record   Record
	event    broker.Event
}

func (w *recordWalk) frame(at place, f frame) error {
	p, v, r := &w.parser, w.v, &w.record
	r.Offset, r.Frame, r.Event = f.offset, f.lsn, &w.event
	var carried []byte
	for p.parse(f.payload); ; {
		more, _ := p.event() // what cannot be read is among the damages
		if !more {
			return nil
		}
		e := &p.record
		e.read(&w.event, 0)
		r.Bytes = len(e.raw)
		if e.hasMessage() {
			m, err := w.messages.kept(p.message)
			if err != nil {
				return nil
			}
			w.event.Message = m
			if e.kind == recordRetain {
				w.event.Topic = w.event.Message.Topic
			}
			if carried == nil || &carried[0] != &p.carrier[0] {
				carried = p.carrier
				r.Bytes += len(carried)
			}
		}
		if w.event.ClientID == "" {
			w.event.ClientID = v.names[e.incarnation]
		}
		r.Live = !e.isTombstone() && v.index.stands(v.index.sessions[e.incarnation], e, at)
		if err := w.visit(r); err != nil {
			return err
		}
	}
}

// Verify lists what is damaged; a torn end is among it and not an error.
func (v *Viewer) Verify() (all []Damage) {
	for _, f := range v.files {
		all = append(all, f.damages...)
	}
	return append(all, v.missing...)
}
