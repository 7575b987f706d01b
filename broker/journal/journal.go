package journal

import (
	"log/slog"
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
	log *log
}

var _ broker.MeasuredStore = (*Journal)(nil)

// Open locks the directory; Replay comes next.
func Open(o Options) (*Journal, error) {
	dir, err := openDirectory(o.Dir)
	if err != nil {
		return nil, err
	}
	return openIn(o, dir)
}

// openIn is Open in any filesystem.
func openIn(o Options, disk filesystem) (*Journal, error) { return nil, errClosed }

func (j *Journal) Replay(take func(*broker.Event) error) error             { return errClosed }
func (j *Journal) Append(events []broker.Event, durable func(error)) error { return errClosed }
func (j *Journal) Fetch(incarnation uint64, s []uint64) ([]broker.Event, error) {
	return nil, errClosed
}
func (j *Journal) Full() bool                    { return false }
func (j *Journal) Measure() broker.StoreMeasures { return broker.StoreMeasures{} }
func (j *Journal) Close() error                  { return nil }
