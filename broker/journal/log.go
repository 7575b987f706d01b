package journal

import (
	"errors"
	"fmt"
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
type log struct {
	mu sync.Mutex
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
}

func (e *DamageError) Error() string {
	return fmt.Sprintf("%s is damaged at offset %d: %s", e.File, e.Offset, e.Detail)
}

type generation byte

const (
	young generation = iota
	old
)

// openLog locks the directory, finds the segments and starts nothing yet:
// recover comes next.
func openLog(o logOptions) (*log, error) { return nil, errClosed }

// recover reads everything, the old stream first, cuts a torn tail, and starts
// the goroutines. The payload is the log's again when visit returns; mu is not
// held, and live may be called. Adding may begin when it returned.
func (l *log) recover(visit func(g generation, at place, payload []byte) error) error { return nil }

// shift is what to add to the clock so that it is not behind what the log
// has seen; good after recover.
func (l *log) shift() time.Duration { return 0 }

// add encodes one frame of the young stream with payload, which appends to what
// it is given, and says where it will stand. mu is held. What is added is
// committed with the next wait, or soon. 0 after failed.
func (l *log) add(payload func(dst []byte) []byte) place { return 0 }

// addOld is add for the old stream. Nothing of it is written before flushOld.
func (l *log) addOld(payload func(dst []byte) []byte) place { return 0 }

// flushOld writes and syncs what addOld collected; mu is not held, and one
// goroutine alone calls it. After errNoRoom it may be called again.
func (l *log) flushOld() error { return nil }

// wait has durable called, by a goroutine of the log, when everything added so
// far survives what the Durability promises. mu is held.
func (l *log) wait(durable func(error)) {}

// failed is the error that ended all writing, or nil. mu is held.
func (l *log) failed() error { return nil }

// read returns the payload of the frame at a place, in buf if it is large
// enough. mu is not held. errMoved: its segment was removed, look again.
func (l *log) read(at place, buf []byte) (payload []byte, err error) { return nil, nil }

// readAll hands over the payloads of many places in their order, with one read
// of the disk for neighbours. got may not keep the payload; mu is not held. An
// error of one place (errMoved) goes to got, which says whether to go on.
func (l *log) readAll(at []place, got func(i int, payload []byte, err error) error) error { return nil }

// live changes what a segment is needed for: n records of the place's size. mu is held.
func (l *log) live(at place, n int) {}

// A segmentState is what the cleaner may know of a segment.
type segmentState struct {
	number  uint32
	size    int64
	live    int64 // bytes of it that are needed, about
	records int64 // that are needed
	tail    bool  // being written
}

// head is the oldest segment of a generation; false: there is none. mu is held.
func (l *log) head(g generation) (segmentState, bool) { return segmentState{}, false }

// usage is what all segments of a generation have on disk and what of it is needed, in bytes. mu is held.
func (l *log) usage(g generation) (disk, live int64) { return 0, 0 }

// walkHead visits the frames of a generation's head, whole segment in memory. mu is not held.
func (l *log) walkHead(g generation, visit func(at place, payload []byte) error) error { return nil }

// removeHead gives a generation's head back to the disk, durably, once nobody
// reads it. The young tail stays. mu is not held; one goroutine alone calls it.
func (l *log) removeHead(g generation) error { return nil }

// soft says that there is no room for what grows, but for messages that were
// asked about before; hard that there is none for those either. Neither
// concerns what lets queues drain. mu is held.
func (l *log) soft() bool { return false }
func (l *log) hard() bool { return false }

// full is soft without mu.
func (l *log) full() bool { return false }

// logMeasures are counters since the log was opened.
type logMeasures struct {
	bytesWritten int64
	commits      int64
	syncTime     time.Duration
	longestSync  time.Duration
	failed       bool
}

func (l *log) measures() logMeasures { return logMeasures{} }

// close commits what was added, says in the log that nothing is missing, ends
// the goroutines, calls what waits and unlocks. mu is not held.
func (l *log) close() error { return nil }
