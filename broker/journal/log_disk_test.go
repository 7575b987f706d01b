package journal

import (
	"bytes"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"slices"
	"sync"
	"syscall"
	"testing"
)

// A testDisk is a filesystem in memory that counts, fails and fills up on
// request. A crash of it loses all that was not synced; what a crash may do
// besides is for other tests.
type testDisk struct {
	mu       sync.Mutex
	files    map[string]*testFile
	locked   bool
	room     int64 // of all files together; 0: no end
	syncs    int   // of files
	failSync error
	failName string        // whose sync fails, "": any
	gate     chan struct{} // a sync takes one first, if not nil
	order    []string      // every step that changes names, and the syncs
	lines    *bytes.Buffer // what the log told
}

type testFile struct {
	disk          *testDisk
	name          string
	bytes, synced []byte
}

func newTestDisk() *testDisk {
	return &testDisk{files: map[string]*testFile{}, lines: new(bytes.Buffer)}
}

func (d *testDisk) options() logOptions {
	return logOptions{filesystem: d, segmentSize: 4 << 10, log: slog.New(slog.NewTextHandler(d.lines, nil))}
}

// crash is the disk after power loss.
func (d *testDisk) crash() *testDisk {
	return d.clone(func(f *testFile) []byte { return f.synced })
}

// copy is the disk after the end of the process alone.
func (d *testDisk) copy() *testDisk { return d.clone(func(f *testFile) []byte { return f.bytes }) }

func (d *testDisk) clone(bytesOf func(*testFile) []byte) *testDisk {
	d.mu.Lock()
	defer d.mu.Unlock()
	c := newTestDisk()
	for name, f := range d.files {
		c.files[name] = &testFile{c, name, slices.Clone(bytesOf(f)), slices.Clone(f.synced)}
	}
	return c
}

func (d *testDisk) path(name string) string { return "disk/" + name }

func (d *testDisk) create(name string) (file, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.order = append(d.order, "create "+name)
	f := &testFile{disk: d, name: name}
	d.files[name] = f
	return f, nil
}

func (d *testDisk) open(name string) (file, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if f := d.files[name]; f != nil {
		return f, nil
	}
	return nil, fmt.Errorf("%s: %w", name, fs.ErrNotExist)
}

func (d *testDisk) view(name string) (file, error) { return d.open(name) }

func (d *testDisk) rename(from, to string) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.files[to] = d.files[from]
	delete(d.files, from)
	return nil
}

func (d *testDisk) remove(name string) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.order = append(d.order, "remove "+name)
	delete(d.files, name)
	return nil
}

func (d *testDisk) syncDirectory() error {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.order = append(d.order, "sync directory")
	return nil
}

func (d *testDisk) list() (entries []entry, err error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for name, f := range d.files {
		entries = append(entries, entry{name, int64(len(f.bytes))})
	}
	return entries, nil
}

func (d *testDisk) used() (n int64) {
	for _, f := range d.files {
		n += int64(len(f.bytes))
	}
	return n
}

func (d *testDisk) space() (free, total int64, err error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.room == 0 {
		return 1 << 40, 1 << 41, nil
	}
	return max(d.room-d.used(), 0), d.room, nil
}

func (d *testDisk) setRoom(n int64) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.room = n
}

func (d *testDisk) lock(string) (io.Closer, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.locked {
		return nil, errLocked
	}
	d.locked = true
	return d, nil
}

func (d *testDisk) Close() error {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.locked = false
	return nil
}

func (f *testFile) readAt(b []byte, offset int64) (int, error) {
	f.disk.mu.Lock()
	defer f.disk.mu.Unlock()
	return bytes.NewReader(f.bytes).ReadAt(b, offset)
}

func (f *testFile) writeAt(b []byte, offset int64) (n int, err error) {
	f.disk.mu.Lock()
	defer f.disk.mu.Unlock()
	if d := f.disk; d.room > 0 {
		if left := d.room - d.used() + int64(len(f.bytes)) - offset; left < int64(len(b)) {
			b, err = b[:max(left, 0)], &fs.PathError{Op: "write", Path: f.name, Err: syscall.ENOSPC}
		}
	}
	if end := int(offset) + len(b); end > len(f.bytes) {
		f.bytes = append(f.bytes, make([]byte, end-len(f.bytes))...)
	}
	return copy(f.bytes[offset:], b), err
}

func (f *testFile) truncate(size int64) error {
	f.disk.mu.Lock()
	defer f.disk.mu.Unlock()
	f.bytes = f.bytes[:size]
	return nil
}

func (f *testFile) sync() error {
	if gate := f.disk.gate; gate != nil {
		<-gate
	}
	f.disk.mu.Lock()
	defer f.disk.mu.Unlock()
	f.disk.syncs++
	f.disk.order = append(f.disk.order, "sync "+f.name)
	if f.disk.failSync != nil && (f.disk.failName == "" || f.disk.failName == f.name) {
		return f.disk.failSync
	}
	f.synced = slices.Clone(f.bytes)
	return nil
}

func (f *testFile) size() (int64, error) {
	f.disk.mu.Lock()
	defer f.disk.mu.Unlock()
	return int64(len(f.bytes)), nil
}

func (f *testFile) close() error { return nil }

// A found frame is what recover visited.
type foundFrame struct {
	generation generation
	at         place
	payload    string
}

// reopen recovers a log and closes it with the test.
func reopen(t testing.TB, o logOptions) (*log, []foundFrame) {
	t.Helper()
	l, found, err := tryOpen(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.close() })
	return l, found
}

// tryOpen is for logs that may be damaged: then nothing stays open.
func tryOpen(o logOptions) (*log, []foundFrame, error) {
	l, err := openLog(o)
	if err != nil {
		return nil, nil, err
	}
	var found []foundFrame
	err = l.recover(func(g generation, at place, payload []byte) error {
		found = append(found, foundFrame{g, at, string(payload)})
		return nil
	})
	if err != nil {
		l.close()
		return nil, nil, err
	}
	return l, found, nil
}

// put adds a frame that nobody waits for.
func put(l *log, payload string) place {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.add(func(dst []byte) []byte { return append(dst, payload...) })
}

func putOld(l *log, payload string) place {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.addOld(func(dst []byte) []byte { return append(dst, payload...) })
}

// barrier waits for everything added.
func barrier(l *log) error {
	done := make(chan error, 1)
	l.mu.Lock()
	l.wait(func(err error) { done <- err })
	l.mu.Unlock()
	return <-done
}
