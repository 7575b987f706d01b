package journal

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"
)

// TestFilesGone: when somebody removes what is being written, nothing is
// acknowledged after a second, closing says why, and a line in the log too.
func TestFilesGone(t *testing.T) {
	for _, durability := range []Durability{Fsync, OS} {
		mode := func(o *logOptions) { o.durability = durability }
		bubble(t, mode, func(t *testing.T, d *testDisk, l *log, c *calls) {
			add1(l, 0, c.call)
			time.Sleep(roomPoll)
			d.mu.Lock()
			clear(d.files)
			d.mu.Unlock()
			add1(l, 1, c.call)
			time.Sleep(time.Second)
			synctest.Wait()
			if done, errs := c.counts(); done != 1 || errs != 1 || !strings.Contains(d.lines.String(), "level=ERROR") {
				t.Errorf("%d durable, %d failed; told %q", done, errs, d.lines)
			}
		})
		bubble(t, mode, func(t *testing.T, d *testDisk, l *log, c *calls) {
			add1(l, 0, c.call)
			time.Sleep(roomPoll)
			d.mu.Lock()
			clear(d.files)
			d.mu.Unlock()
			if err := l.close(); !errors.Is(err, fs.ErrNotExist) || !strings.Contains(d.lines.String(), "level=ERROR") {
				t.Errorf("closed: %v; told %q", err, d.lines)
			}
		})
	}
}

// TestFileForDirectory: a path through a file is told as such.
func TestFileForDirectory(t *testing.T) {
	name := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(name, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{name, filepath.Join(name, "x")} {
		if _, err := Open(Options{Dir: path}); !errors.Is(err, syscall.ENOTDIR) || !strings.Contains(err.Error(), name+": is no directory") {
			t.Errorf("%s: %v", path, err)
		}
	}
}

// TestMeasureLive: what is needed is never more than there is.
func TestMeasureLive(t *testing.T) {
	j := openTest(t, t.TempDir(), 0)
	defer closeTest(t, j)
	if _, err := replayedFacts(j); err != nil {
		t.Fatal(err)
	}
	keep(t, j, 100, 200)
	j.log.mu.Lock()
	j.log.young.live = 2 * j.log.young.disk // sizes are known within a 16th
	j.log.mu.Unlock()
	if m := j.Measure(); m.LiveBytes != m.DiskBytes || m.LiveBytes == 0 {
		t.Errorf("%+v", m)
	}
}
