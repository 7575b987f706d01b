package journal

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"sync"
	"time"
)

// Durability says what an acknowledgement waits for.
type Durability byte

const (
	Fsync Durability = iota // the disk: survives power loss
	OS                      // the system: survives the end of the process
	None                    // nothing: up to a second, or a mebibyte, may be lost
)

// logOptions is what a log is opened with.
type logOptions struct {
	filesystem  filesystem
	durability  Durability
	commitDelay time.Duration // how long a commit lets others join, counted from its first frame
	log         *slog.Logger  // nil: silent
	segmentSize int64         // 0: by the size of the disk
}

// log is two streams of checksummed frames in numbered segments, and knows
// bytes alone. The young stream takes what add hands over and commits it in
// groups; the old one is the cleaner's. Everything here is guarded by mu, which
// is the index's mutex too; no I/O happens under it.
//
//	add, wait ─ mu ─> pending ─ writer: one write, one sync ─> ready ─ releaser: durable(nil)
type log struct {
	disk        filesystem
	durability  Durability
	commitDelay time.Duration
	log         *slog.Logger
	segmentSize int64
	locked      io.Closer

	known    extents   // of the log that was found
	latest   time.Time // its last commit
	foreseen bool      // so these are

	mu       sync.Mutex
	young    stream
	old      stream
	next     uint32     // number of the next segment
	table    []*segment // by number, from base on; nil: removed
	base     uint32
	unread   sync.Cond // a segment has no more readers
	clock    time.Time // the latest the log has seen
	ahead    time.Duration
	err      error // set once: nothing is acknowledged any more
	told     bool  // and it was said
	closing  bool
	running  bool
	armed    bool     // timer is running
	busy     bool     // the writer has a batch
	ready    []waiter // to be called by the releaser, in order
	calling  bool     // somebody is calling what was ready
	wanted   int      // so many must wait for the writer to be woken
	settling []waiter // for the disk, whatever the Durability
	room     room
	count    logMeasures

	wake     chan struct{} // for the writer: somebody waits
	release  chan struct{} // for the releaser: something is ready
	roomier  chan struct{} // for a writer without room: a segment was removed
	stop     chan struct{} // closed by close
	timer    *time.Timer   // for what nobody waits for, and the polls of a full disk
	gathered *time.Timer   // the writer waits no longer for more to join
	writer   sync.WaitGroup
	releaser sync.WaitGroup
	windows  sync.Pool // *window, for readAll
	scratch  []byte    // a whole segment: recover's, then walkHead's
}

var (
	errNoRoom = errors.New("no room on the disk")
	errMoved  = errors.New("the segment is no more")
	errClosed = errors.New("the journal is closed")
)

// A DamageError says where a journal is not what was written: it is not opened,
// lest what was acknowledged be lost without a word.
type DamageError struct {
	File   string // its path
	Offset int64
	Detail string

	Missing bool // all of the file is
}

func (e *DamageError) Error() string {
	if e.Missing {
		return e.File + " is missing"
	}
	return fmt.Sprintf("%s is damaged at offset %d: %s", e.File, e.Offset, e.Detail)
}

type generation byte

const (
	young generation = iota
	old
)

const lockName = "lock"

// openLog locks the directory and starts nothing yet: recover comes next.
func openLog(o logOptions) (*log, error) {
	_, total, err := o.filesystem.space()
	if err != nil {
		return nil, err
	}
	locked, err := o.filesystem.lock(lockName)
	if err != nil {
		return nil, err
	}
	l := &log{
		disk: o.filesystem, durability: o.durability, commitDelay: o.commitDelay, log: o.log, locked: locked,
		segmentSize: segmentSizeFor(o.segmentSize, total),
		young:       stream{generation: young, lsn: 1},
		old:         stream{generation: old, lsn: 1},
		next:        1, base: 1, wanted: 1,
		wake: make(chan struct{}, 1), release: make(chan struct{}, 1),
		roomier: make(chan struct{}, 1), stop: make(chan struct{}),
	}
	l.unread.L = &l.mu
	if l.log == nil {
		l.log = slog.New(slog.DiscardHandler)
	}
	return l, nil
}

// segmentSizeFor keeps segments, and with them the reserve and what a lone live
// record holds back, small where the disk is.
func segmentSizeFor(asked, disk int64) int64 {
	switch {
	case asked > 0:
		return min(max(asked, 1<<10), maxOffset)
	case disk < 64<<20:
		return 1 << 20
	case disk < 4<<30:
		return 4 << 20
	}
	return 16 << 20
}

// shift is what to add to the clock so that it is not behind what the log
// has seen; good after recover.
func (l *log) shift() time.Duration { return l.ahead }

// now is the clock that the log writes down: it never goes back. mu is held.
func (l *log) now() time.Time {
	if t := time.Now().Add(l.ahead); t.After(l.clock) {
		l.clock = t
	}
	return l.clock
}

// add encodes one frame of the young stream with payload, which appends to what
// it is given, and says where it will stand. mu is held. What is added is
// committed with the next wait, or soon. 0 after failed.
func (l *log) add(payload func(dst []byte) []byte) place {
	at := l.addTo(&l.young, payload)
	if len(l.young.pending.bytes) >= commitBytes {
		notify(l.wake)
	} else if !l.armed && l.running {
		l.arm(l.patience())
	}
	return at
}

// addOld is add for the old stream. Nothing of it is written before flushOld.
func (l *log) addOld(payload func(dst []byte) []byte) place { return l.addTo(&l.old, payload) }

// failed is the error that ended all writing, or nil. mu is held.
func (l *log) failed() error { return l.err }

// enter makes a segment known. mu is held, or nobody else knows the log yet.
func (l *log) enter(s *stream, seg *segment) {
	s.segments = append(s.segments, seg)
	s.disk += seg.size
	for int(seg.number-l.base) >= len(l.table) {
		l.table = append(l.table, nil)
	}
	l.table[seg.number-l.base] = seg
}

// lookup returns a segment, nil if there is none. mu is held.
func (l *log) lookup(number uint32) *segment {
	if i := number - l.base; number >= l.base && int(i) < len(l.table) {
		return l.table[i]
	}
	return nil
}

func (l *log) stream(g generation) *stream {
	if g == old {
		return &l.old
	}
	return &l.young
}

// live changes what a segment is needed for: n records of the place's size. mu is held.
func (l *log) live(at place, n int) {
	seg := l.lookup(at.segment())
	if seg == nil {
		return
	}
	bytes := int64(n) * int64(at.size())
	seg.records += int64(n)
	seg.live += bytes
	l.stream(seg.generation).live += bytes
}

// A segmentState is what the cleaner may know of a segment.
type segmentState struct {
	number  uint32
	size    int64
	live    int64 // bytes of it that are needed, about
	records int64 // that are needed
	tail    bool  // being written, or yet to be
}

// head is the oldest segment of a generation; false: there is none. mu is held.
func (l *log) head(g generation) (segmentState, bool) {
	s := l.stream(g)
	if len(s.segments) == 0 {
		return segmentState{}, false
	}
	seg := s.segments[0]
	return segmentState{seg.number, seg.size, seg.live, seg.records, s.unfinished(seg)}, true
}

// unfinished: more of it will be written.
func (s *stream) unfinished(seg *segment) bool {
	return seg == s.tailSegment() || seg.number >= s.onDisk
}

// usage is what all segments of a generation have on disk and what of it is needed, in bytes. mu is held.
func (l *log) usage(g generation) (disk, live int64) {
	s := l.stream(g)
	return s.disk, s.live
}

// removeHead gives a generation's head back to the disk, durably, once nobody
// reads it; settle first what ended its records. The young tail stays; the old
// one may go. A mark says before that it is dead, so that its file may be there
// or not: errStopped if that is not on disk when stop is closed, or can't be. mu
// is not held; one goroutine alone calls it, the one that calls flushOld.
func (l *log) removeHead(g generation, stop <-chan struct{}) error {
	durable, err := l.condemn(g)
	if err != nil {
		return err
	}
	select {
	case err := <-durable:
		if err != nil {
			return errStopped
		}
	case <-stop: // on a full disk it may never be
		return errStopped
	}
	return l.giveBack(g)
}

// giveBack removes the head's file; the mark is on disk.
func (l *log) giveBack(g generation) error {
	seg, err := l.behead(g)
	if err != nil {
		return err
	}
	if err := l.disk.remove(seg.name()); err != nil {
		return err
	}
	if err := l.disk.syncDirectory(); err != nil {
		return err
	}
	notify(l.roomier)
	if l.full() {
		notify(l.wake)
	}
	return nil
}

// condemn has a mark say that the head is dead, in a commit of its own if there is
// no other.
func (l *log) condemn(g generation) (durable chan error, err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	seg, err := l.stream(g).removable()
	if err != nil {
		return nil, err
	}
	l.stream(g).extent.first = seg.number + 1
	if l.young.pending.empty() && l.running && !l.closing && l.err == nil {
		l.begin(&l.young, frameMark)
		l.consume(markFrame)
	}
	durable = make(chan error, 1)
	l.settle(func(err error) { durable <- err })
	return durable, nil
}

// removable is the head, if it may go.
func (s *stream) removable() (*segment, error) {
	if len(s.segments) == 0 {
		return nil, fmt.Errorf("there is no %s segment to remove", s.generation)
	}
	seg := s.segments[0]
	if s.unfinished(seg) && (s.generation == young || !s.pending.empty() || !s.writing.empty()) {
		return nil, fmt.Errorf("%s is being written", seg.name())
	}
	return seg, nil
}

// behead forgets the head, after its last reader.
func (l *log) behead(g generation) (*segment, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	s := l.stream(g)
	seg, err := s.removable()
	if err != nil {
		return nil, err
	}
	if s.unfinished(seg) {
		s.tail.close()
		s.tail, s.onDisk = nil, 0
	}
	l.table[seg.number-l.base] = nil
	s.segments = s.segments[1:]
	s.disk -= seg.size
	s.live -= seg.live
	for len(l.table) > 0 && l.table[0] == nil {
		l.table, l.base = l.table[1:], l.base+1
	}
	for seg.readers > 0 {
		l.unread.Wait()
	}
	return seg, nil
}

// logMeasures are counters since the log was opened.
type logMeasures struct {
	bytesWritten int64
	commits      int64
	syncTime     time.Duration
	longestSync  time.Duration
	failed       bool
}

func (l *log) measures() logMeasures {
	l.mu.Lock()
	defer l.mu.Unlock()
	m := l.count
	m.failed = l.err != nil
	return m
}

// close commits what was added, says in the log that nothing is missing, ends
// the goroutines, calls what waits and unlocks. mu is not held; nobody is in
// flushOld or removeHead, or calls them any more.
func (l *log) close() error {
	l.mu.Lock()
	if l.closing {
		l.mu.Unlock()
		return errClosed
	}
	l.closing = true
	running := l.running
	l.mu.Unlock()
	close(l.stop)
	if running {
		l.writer.Wait() // it ends the releaser
		l.releaser.Wait()
	}
	for _, s := range []*stream{&l.young, &l.old} {
		if s.tail != nil {
			s.tail.close()
		}
	}
	err := l.locked.Close()
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.err != nil && !errors.Is(l.err, errClosed) {
		return l.err
	}
	return err
}

// notify wakes a goroutine, or sees to it that it does not fall asleep.
func notify(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}

// tell writes a line for whoever runs the broker.
func (l *log) tell(level slog.Level, text string, args ...any) {
	l.log.Log(context.Background(), level, text, args...)
}
