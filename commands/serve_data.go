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

	"mqtk/broker"
	"mqtk/broker/journal"
	"mqtk/commands/config"
)

// A vault is where a broker keeps what must survive it. The zero vault keeps
// nothing.
type vault struct {
	store broker.MeasuredStore // nil: nothing is kept
	isNew bool                 // no broker has used the directory before
}

// openVault opens the store where the configuration names one.
func openVault(c *config.Config, log *slog.Logger) (v vault, err error) {
	if c.Data == "" {
		return v, nil
	}
	_, err = os.Stat(filepath.Join(c.Data, "lock"))
	v.isNew = errors.Is(err, fs.ErrNotExist)
	store, err := journal.Open(journal.Options{Dir: c.Data, Durability: durabilityOf(c), CommitDelay: c.CommitDelay, Log: log})
	if err != nil {
		return v, explainData(c, err)
	}
	v.store = store
	return v, nil
}

// checkPlace wants the directory, or the one that it is to be made in. Where
// that is missing, a disk may not be mounted: to make all would begin anew in
// silence.
func checkPlace(dir string) error {
	info, err := os.Stat(dir)
	if err == nil && !info.IsDir() {
		return fmt.Errorf("%s: is no directory", dir)
	}
	if !errors.Is(err, fs.ErrNotExist) && !errors.Is(err, syscall.ENOTDIR) {
		return nil // what else is wrong, the journal finds out
	}
	parent := filepath.Dir(filepath.Clean(dir))
	there := parent
	for info, err = os.Stat(there); err != nil && there != filepath.Dir(there); info, err = os.Stat(there) {
		there = filepath.Dir(there)
	}
	switch {
	case err == nil && !info.IsDir():
		return fmt.Errorf("%s: %s: is no directory", dir, there)
	case there != parent:
		return fmt.Errorf("%s: there is no directory %s to make it in: is a disk not mounted? otherwise: mkdir -p %s", dir, parent, parent)
	}
	return nil
}

// checkLimits says that a limit on what is on disk bounds nothing without it.
func (s *service) checkLimits() {
	if s.vault.store == nil && s.house.config.Limits.MaxQueuedDiskBytes != broker.DefaultLimits().MaxQueuedDiskBytes {
		s.log.Warn("max_queued_disk_bytes is of no use without --data: max_queued_messages and max_queued_bytes bound what is in memory")
	}
}

func durabilityOf(c *config.Config) journal.Durability {
	switch c.Durability {
	case "os":
		return journal.OS
	case "none":
		return journal.None
	}
	return journal.Fsync
}

// explainData says what to do about a directory that cannot be taken up.
func explainData(c *config.Config, err error) error {
	f := fail(exitFailed, err)
	var damage *journal.DamageError
	var path *fs.PathError
	switch {
	case errors.As(err, &damage):
		f.Hints = []string{
			"nothing was changed, and nothing is served until this is settled",
			"mqtk inspect journal " + c.Data + " --verify tells more",
			"mqtk inspect journal " + c.Data + " --salvage OUT writes a repaired copy, and says what was lost",
		}
		return f
	case errors.Is(err, syscall.ENOTDIR), errors.Is(err, fs.ErrExist):
		f.Code = exitUsage // a file is where a directory should be
	case errors.Is(err, fs.ErrPermission), errors.Is(err, syscall.EROFS):
		f.Code = exitUsage
		f.Hints = []string{"the directory must be one that this user may write to"}
	}
	if errors.As(err, &path) { // the file that it names may be another
		f.Err = fmt.Errorf("%s: %w", told(c, "data", c.Data), path.Err)
		if path.Path != c.Data {
			f.Err = fmt.Errorf("%s: %s: %w", told(c, "data", c.Data), path.Path, path.Err)
		}
	}
	return f
}

// greetData says what of the past is here, and what an acknowledgement means.
func (s *service) greetData() {
	c := s.house.config
	if s.vault.store == nil {
		s.log.Info("all is in memory: sessions and retained messages do not survive a restart; --data DIR keeps them")
		return
	}
	measures := s.vault.store.Measure() // what the bytes hold, the broker has logged
	switch {
	case measures.DiskBytes > 0:
		s.log.Info("recovered", "data", c.Data, "bytes", measures.DiskBytes, "took", measures.Recovery.Round(100*time.Microsecond))
	case s.vault.isNew:
		s.log.Info("the directory is new: nothing was there to recover", "data", c.Data)
	default:
		s.log.Info("the directory was used before, but nothing is in it to recover", "data", c.Data)
	}
	switch durabilityOf(c) {
	case journal.OS:
		s.log.Warn("acknowledged before it is on the disk: kill -9 loses nothing, power loss may", "durability", "os")
	case journal.None:
		s.log.Warn("acknowledged before it is written: kill -9 and power loss lose up to the last second", "durability", "none")
	default:
		s.log.Info("what is acknowledged is on the disk", "durability", "fsync", "commit_delay", c.CommitDelay)
	}
}
