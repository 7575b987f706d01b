package journal

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// generations is a disk with segments of both, whose first ones were given back.
func generations(t *testing.T) *testDisk {
	t.Helper()
	d := newTestDisk()
	l, _ := reopen(t, d.options())
	for i := range 150 {
		put(l, payloadOf(i))
		putOld(l, payloadOf(i))
		if i%10 == 0 {
			if err := errors.Join(l.flushOld(), barrier(l)); err != nil {
				t.Fatal(err)
			}
		}
	}
	if err := errors.Join(l.flushOld(), barrier(l), l.removeHead(young, nil), l.removeHead(old, nil), l.removeHead(old, nil)); err != nil {
		t.Fatal(err)
	}
	return d.crash()
}

func segmentNames(t *testing.T, d *testDisk) (names []string) {
	t.Helper()
	found, err := listSegments(d)
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range found {
		names = append(names, f.name)
	}
	return names
}

// TestLostSegment loses each file: what is missing is told, but for the newest
// young one, of which nothing else knows.
func TestLostSegment(t *testing.T) {
	d := generations(t)
	names := segmentNames(t, d)
	if len(names) < 6 {
		t.Fatal(names)
	}
	for _, name := range names[:len(names)-1] {
		c := d.copy()
		delete(c.files, name)
		_, _, err := tryOpen(c.options())
		var damage *DamageError
		number := strings.TrimLeft(strings.Split(name, ".")[0], "0")
		if !errors.As(err, &damage) || !strings.Contains(err.Error(), name+" is missing") && !strings.Contains(err.Error(), "segment "+number+" before it is missing") {
			t.Errorf("without %s: %v", name, err)
		}
	}
	for _, g := range []string{".old", ".young"} {
		c := d.copy()
		for _, name := range names {
			if strings.HasSuffix(name, g) {
				delete(c.files, name)
			}
		}
		var damage *DamageError
		if _, _, err := tryOpen(c.options()); !errors.As(err, &damage) || !damage.Missing {
			t.Errorf("without any %s: %v", g, err)
		}
	}
}

// TestCrashBetweenMarkAndRemoval: a head that a mark calls dead is not read, and
// goes; its number is not given again.
func TestCrashBetweenMarkAndRemoval(t *testing.T) {
	for _, g := range []generation{young, old} {
		l, found := reopen(t, generations(t).options())
		d := l.disk.(*testDisk)
		l.mu.Lock()
		head, _ := l.head(g)
		l.mu.Unlock()
		durable, err := l.condemn(g)
		if err := errors.Join(err, <-durable); err != nil {
			t.Fatal(err)
		}
		name := header{generation: g, number: head.number}.name()
		for _, c := range []*testDisk{d.crash(), d.copy()} {
			again, left := reopen(t, c.options())
			in := func(f foundFrame) bool { return f.at.segment() == head.number }
			if c.files[name] != nil || slices.ContainsFunc(left, in) || !slices.ContainsFunc(found, in) {
				t.Errorf("%s is there, %d frames of %d", name, len(left), len(found))
			}
			again.close()
			c.files[name] = d.files[name] // a power loss brings it back
			c.files[name].bytes[headerSize+3] ^= 1
			if _, more := reopen(t, c.options()); !slices.Equal(more, left) || c.files[name] != nil {
				t.Errorf("%s: %d frames, then %d", name, len(left), len(more))
			}
		}
	}
}

// TestEmptiedGeneration: no file of a generation need be there when all were
// given back, and the next one is none of the dead.
func TestEmptiedGeneration(t *testing.T) {
	d := newTestDisk()
	l, _ := reopen(t, d.options())
	put(l, "young")
	putOld(l, "old")
	if err := errors.Join(barrier(l), l.flushOld(), l.removeHead(old, nil)); err != nil {
		t.Fatal(err)
	}
	for range 3 {
		d = d.crash()
		l, found := reopen(t, d.options())
		if len(found) != 1 || found[0].payload != "young" {
			t.Fatalf("%+v", found)
		}
		putOld(l, "old")
		if err := l.flushOld(); err != nil {
			t.Fatal(err)
		}
		d = d.crash()
		if l, found = reopen(t, d.options()); len(found) != 2 {
			t.Fatalf("%+v", found)
		}
		if err := l.removeHead(old, nil); err != nil {
			t.Fatal(err)
		}
	}
}

// cleanedScene is a directory with segments of both generations, whose first
// ones were given back.
func cleanedScene(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	j := openTest(t, dir, 2048)
	if _, err := replayedFacts(j); err != nil {
		t.Fatal(err)
	}
	byHand(j)
	keep(t, j, 100, 60)
	for _, g := range []generation{young, young, young, old} {
		if !cleanable(j, g) {
			t.Fatal("nothing to clean")
		}
		if err := j.copyHead(g); err != nil {
			t.Fatal(err)
		}
	}
	closeTest(t, j)
	return dir
}

// TestViewLostSegment: a view finds what recovery finds, and salvage says it.
func TestViewLostSegment(t *testing.T) {
	dir := cleanedScene(t)
	files, err := filepath.Glob(filepath.Join(dir, "*.*"))
	if err != nil || len(files) < 4 {
		t.Fatal(files, err)
	}
	for _, g := range []string{".young", ".old"} {
		var name string
		for _, f := range files {
			if name == "" && strings.HasSuffix(f, g) {
				name = filepath.Base(f)
			}
		}
		copied := filepath.Join(t.TempDir(), "journal")
		if err := os.CopyFS(copied, os.DirFS(dir)); err != nil {
			t.Fatal(err)
		}
		if err := os.Remove(filepath.Join(copied, name)); err != nil {
			t.Fatal(err)
		}
		v, err := View(copied)
		if err != nil {
			t.Fatal(err)
		}
		if d := v.Verify(); len(d) != 1 || d[0].File != name || !d[0].Missing {
			t.Errorf("without %s: %+v", name, d)
		}
		j := openTest(t, copied, 4096)
		var damage *DamageError
		if _, err := replayedFacts(j); !errors.As(err, &damage) || err.Error() != filepath.Join(copied, name)+" is missing" {
			t.Errorf("without %s: %v", name, err)
		}
		closeTest(t, j)
		out := filepath.Join(t.TempDir(), "out")
		report, err := Salvage(copied, out)
		if err != nil || len(report.Damages) != 1 || !slices.Contains(report.Lost, "all of "+name) {
			t.Errorf("without %s: %+v, %v", name, report, err)
		}
		sound(t, out)
	}
}

// sound wants a journal without damage that opens.
func sound(t *testing.T, dir string) {
	t.Helper()
	v, err := View(dir)
	if err != nil {
		t.Fatal(err)
	}
	if d := v.Verify(); len(d) > 0 {
		t.Errorf("%+v", d)
	}
	if s := v.Statistics(); s.LiveBytes > s.DiskBytes {
		t.Errorf("%+v", s)
	}
	j := openTest(t, dir, 4096)
	if _, err := replayedFacts(j); err != nil {
		t.Error(err)
	}
	closeTest(t, j)
}

// TestSalvageEmpty: a copy of a journal in which nothing is, is one too.
func TestSalvageEmpty(t *testing.T) {
	dir, out := t.TempDir(), filepath.Join(t.TempDir(), "out")
	j := openTest(t, dir, 4096)
	if _, err := replayedFacts(j); err != nil {
		t.Fatal(err)
	}
	closeTest(t, j)
	if report, err := Salvage(dir, out); err != nil || len(report.Lost) > 0 || report.Frames != 0 {
		t.Fatalf("%+v, %v", report, err)
	}
	sound(t, out)
}

// TestMarkOfManySegments: numbers that can't be are damage, and no memory.
func TestMarkOfManySegments(t *testing.T) {
	for _, e := range []extents{{young: {last: maxNumber}}, {old: {first: maxNumber}}, {old: {first: 1<<32 - 1, last: 1<<32 - 1}}} {
		h := header{generation: young, number: 1, first: 1}
		data := append(h.bytes(), make([]byte, markFrame)...)
		mark{lsn: 1, extents: e}.put(data[headerSize+frameHeader:])
		seal(data[headerSize:], frameMark, 1, headerSize)
		openAnything(t, contents{h.name(): data})
		if _, err := (contents{h.name(): data}).show(); err == nil || !strings.Contains(fmt.Sprint(err), "a mark names") {
			t.Errorf("%v: %v", e, err)
		}
	}
}

// TestStoppedRemoval: a tail that a mark calls dead takes nothing more, though it
// was not removed.
func TestStoppedRemoval(t *testing.T) {
	for _, closed := range []bool{false, true} {
		d := newTestDisk()
		l, _ := reopen(t, d.options())
		put(l, "young")
		putOld(l, "dead")
		if err := errors.Join(barrier(l), l.flushOld()); err != nil {
			t.Fatal(err)
		}
		durable, err := l.condemn(old)
		if err := errors.Join(err, <-durable); err != nil {
			t.Fatal(err)
		}
		want := []string{"young"}
		if closed {
			l.close()
		} else {
			putOld(l, "old")
			want = []string{"old", "young"}
			if err := l.flushOld(); err != nil {
				t.Fatal(err)
			}
		}
		_, found := reopen(t, d.crash().options())
		var payloads []string
		for _, f := range found {
			payloads = append(payloads, f.payload)
		}
		if !slices.Equal(payloads, want) {
			t.Errorf("found %q", payloads)
		}
		if closed && len(segmentNames(t, d)) != 2 {
			t.Errorf("closing began a segment: %q", segmentNames(t, d))
		}
	}
}
