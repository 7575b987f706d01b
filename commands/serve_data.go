package commands

import (
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"syscall"
	"time"

	"github.com/urfave/cli/v2"

	"mqtk/broker"
	"mqtk/broker/journal"
)

// dataOptions say where a broker keeps what must survive it, and how.
type dataOptions struct {
	Data        string
	Durability  string // as given; empty: fsync
	CommitDelay *time.Duration

	dataIsNew bool // no broker has used it before
}

// longestCommitDelay is far beyond what spares a card, and well within what
// clients wait for an acknowledgement.
const longestCommitDelay = 5 * time.Second

func (o *dataOptions) flags() []cli.Flag {
	return inCategory("Storage",
		valued("data", "keep sessions, queues, retained messages and wills in `DIR`, so that they survive a restart, kill -9 and power loss; made if it is not there, in a directory that is", toString(&o.Data)),
		valued("durability", "acknowledge when it is on the disk (fsync), with the system (os) or at once and written within a second (none): `MODE` (default fsync)", toOneOf(&o.Durability, durabilities()...)),
		valued("commit-delay", "wait up to `DURATION` for more to share a commit: fewer writes for an SD card, later acknowledgements (default 0)", o.setCommitDelay))
}

func durabilities() []string { return []string{"fsync", "os", "none"} }

func (o *dataOptions) setCommitDelay(s string) error {
	d, err := parseDuration(s)
	if err == nil && d > longestCommitDelay {
		err = fmt.Errorf("may be %v at most", longestCommitDelay)
	}
	o.CommitDelay = &d
	return err
}

// openData opens the store, or returns nil where nothing is to be kept.
func (o *dataOptions) openData(log *slog.Logger) (broker.MeasuredStore, error) {
	if o.Data == "" {
		if o.Durability != "" {
			return nil, usagef("--durability says how --data keeps what it keeps, and there is no --data")
		}
		if o.CommitDelay != nil {
			return nil, usagef("--commit-delay says how --data writes, and there is no --data")
		}
		return nil, nil
	}
	if err := o.checkPlace(); err != nil {
		return nil, err
	}
	_, err := os.Stat(filepath.Join(o.Data, "lock"))
	o.dataIsNew = errors.Is(err, fs.ErrNotExist)
	options := journal.Options{Dir: o.Data, Durability: o.durability(), Log: log}
	if o.CommitDelay != nil {
		options.CommitDelay = *o.CommitDelay
	}
	store, err := journal.Open(options)
	if err != nil {
		return nil, o.explain(err)
	}
	return store, nil
}

// checkPlace wants the directory, or the one that it is to be made in. Where
// that is missing, a disk may not be mounted: to make all would begin anew in
// silence.
func (o *dataOptions) checkPlace() error {
	info, err := os.Stat(o.Data)
	if err == nil && !info.IsDir() {
		return usagef("--data %s: is no directory", o.Data)
	}
	if !errors.Is(err, fs.ErrNotExist) && !errors.Is(err, syscall.ENOTDIR) {
		return nil // what else is wrong, the journal finds out
	}
	parent := filepath.Dir(filepath.Clean(o.Data))
	there := parent
	for info, err = os.Stat(there); err != nil && there != filepath.Dir(there); info, err = os.Stat(there) {
		there = filepath.Dir(there)
	}
	switch {
	case err == nil && !info.IsDir():
		return usagef("--data %s: %s: is no directory", o.Data, there)
	case there != parent:
		f := usagef("--data %s: there is no directory %s to make it in", o.Data, parent)
		f.Hints = []string{"is a disk not mounted? otherwise: mkdir -p " + parent}
		return f
	}
	return nil
}

// checkLimits says that a limit on what is on disk bounds nothing without it.
func (s *service) checkLimits() {
	if s.store == nil && s.limits.MaxQueuedDiskBytes != broker.DefaultLimits().MaxQueuedDiskBytes {
		s.log.Warn("max_queued_disk_bytes is of no use without --data: max_queued_messages and max_queued_bytes bound what is in memory")
	}
}

func (o *dataOptions) durability() journal.Durability {
	switch o.Durability {
	case "os":
		return journal.OS
	case "none":
		return journal.None
	}
	return journal.Fsync
}

// explain says what to do about a directory that cannot be taken up.
func (o *dataOptions) explain(err error) error {
	f := fail(exitFailed, err)
	var damage *journal.DamageError
	var path *fs.PathError
	switch {
	case errors.As(err, &damage):
		f.Hints = []string{
			"nothing was changed, and nothing is served until this is settled",
			"mqtk inspect journal " + o.Data + " --verify tells more",
			"mqtk inspect journal " + o.Data + " --salvage OUT writes a repaired copy, and says what was lost",
		}
		return f
	case errors.Is(err, syscall.ENOTDIR), errors.Is(err, fs.ErrExist):
		f.Code = exitUsage // a file is where a directory should be
	case errors.Is(err, fs.ErrPermission), errors.Is(err, syscall.EROFS):
		f.Code = exitUsage
		f.Hints = []string{"the directory must be one that this user may write to"}
	}
	if errors.As(err, &path) { // the file that it names may be another
		f.Err = fmt.Errorf("--data %s: %w", o.Data, path.Err)
		if path.Path != o.Data {
			f.Err = fmt.Errorf("--data %s: %s: %w", o.Data, path.Path, path.Err)
		}
	}
	return f
}

// greetData says what of the past is here, and what an acknowledgement means.
func (s *service) greetData() {
	if s.store == nil {
		s.log.Info("all is in memory: sessions and retained messages do not survive a restart; --data DIR keeps them")
		return
	}
	measures := s.store.Measure() // what the bytes hold, the broker has logged
	switch {
	case measures.DiskBytes > 0:
		s.log.Info("recovered", "data", s.Data, "bytes", measures.DiskBytes, "took", measures.Recovery.Round(100*time.Microsecond))
	case s.dataIsNew:
		s.log.Info("the directory is new: nothing was there to recover", "data", s.Data)
	default:
		s.log.Info("the directory was used before, but nothing is in it to recover", "data", s.Data)
	}
	switch s.durability() {
	case journal.OS:
		s.log.Warn("acknowledged before it is on the disk: kill -9 loses nothing, power loss may", "durability", "os")
	case journal.None:
		s.log.Warn("acknowledged before it is written: kill -9 and power loss lose up to the last second", "durability", "none")
	default:
		s.log.Info("what is acknowledged is on the disk", "durability", "fsync", "commit_delay", s.commitDelay())
	}
}

func (o *dataOptions) commitDelay() time.Duration {
	if o.CommitDelay == nil {
		return 0
	}
	return *o.CommitDelay
}
