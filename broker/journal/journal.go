package journal

import (
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"mqtk/broker"
)

// Options say how a journal is kept.
type Options struct {
	Dir         string // made if it is not there
	Durability  Durability
	CommitDelay time.Duration // how long a commit waits for others to join it
	Log         *slog.Logger  // nil: silent
	SegmentSize int64         // of a file, 0: by the size of the disk
}

// A Journal is a broker.Store on disk. See the package comment.
type Journal struct {
	dir      string
	log      *log
	opening  time.Time
	recovery atomic.Int64 // nanoseconds

	// Guarded by log.mu.
	stage  stage
	index  *index
	frames int64
	draft  *draft // of the frame under way
	events []broker.Event

	shift   time.Duration           // see log.shift; set once by Replay
	encode  func(dst []byte) []byte // encodeFrame, made once
	drafts  sync.Pool               // *draft
	readers sync.Pool               // *messageReader
	cleaner
}

var _ broker.MeasuredStore = (*Journal)(nil)

type stage byte

const (
	opened stage = iota
	replayed
	closed
)

var errNotReplayed = errors.New("the journal was not replayed")

func (s stage) err() error {
	if s == closed {
		return errClosed
	}
	return errNotReplayed
}

// Open locks the directory; Replay comes next, and reads what is there.
func Open(o Options) (*Journal, error) {
	dir, err := openDirectory(o.Dir)
	if err != nil {
		return nil, err
	}
	return openIn(o, dir)
}

// openIn is Open in any filesystem.
func openIn(o Options, disk filesystem) (*Journal, error) {
	started := time.Now()
	l, err := openLog(logOptions{
		filesystem: disk, durability: o.Durability, commitDelay: o.CommitDelay, log: o.Log, segmentSize: o.SegmentSize,
	})
	if err != nil {
		return nil, fmt.Errorf("open the journal in %s: %w", disk.path("."), err)
	}
	j := &Journal{dir: disk.path("."), log: l, opening: started, index: newIndex(l)}
	j.encode = j.encodeFrame
	j.cleaner.init()
	return j, nil
}

// Full says in advance that messages will be refused.
func (j *Journal) Full() bool { return j.log.full() }

// Measure tells what the journal did.
func (j *Journal) Measure() broker.StoreMeasures {
	m := j.log.measures()
	j.log.mu.Lock()
	defer j.log.mu.Unlock()
	disk, live := j.usage()
	return broker.StoreMeasures{
		BytesWritten: m.bytesWritten, Frames: j.frames, Commits: m.commits,
		SyncTime: m.syncTime, LongestSync: m.longestSync, Recovery: time.Duration(j.recovery.Load()),
		DiskBytes: disk, LiveBytes: live, Full: j.log.full(), Failed: m.failed,
	}
}

// usage is of both generations; what is needed is known about, and no more than
// there is. log.mu is held.
func (j *Journal) usage() (disk, live int64) {
	disk, live = j.log.usage(young)
	oldDisk, oldLive := j.log.usage(old)
	disk += oldDisk
	return disk, min(live+oldLive, disk)
}

// Close commits what was appended and unlocks the directory.
func (j *Journal) Close() error {
	j.log.mu.Lock()
	was := j.stage
	j.stage = closed
	j.log.mu.Unlock()
	if was == closed {
		return nil
	}
	j.cleaner.end()
	return j.log.close()
}
