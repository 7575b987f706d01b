package journal

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
)

// writtenDisk holds commits of one frame each, "0", "1" and so on, that were
// all synced but for those of the last number, which belong to one commit.
func writtenDisk(t *testing.T, commits, last int) *testDisk {
	t.Helper()
	d := newTestDisk()
	l, _ := reopen(t, d.options())
	for i := range commits {
		put(l, payloadOf(i))
		if err := barrier(l); err != nil {
			t.Fatal(err)
		}
	}
	for i := range last {
		put(l, payloadOf(commits+i))
	}
	if err := barrier(l); err != nil {
		t.Fatal(err)
	}
	return d.copy()
}

func payloadOf(i int) string { return fmt.Sprint(i, strings.Repeat("-", 100)) }

func checkFound(t *testing.T, found []foundFrame, n int) {
	t.Helper()
	if len(found) != n {
		t.Fatalf("found %d frames, want %d", len(found), n)
	}
	for i, f := range found {
		if f.payload != payloadOf(i) {
			t.Fatalf("frame %d is %q", i, f.payload)
		}
	}
}

func TestTornTailIsCutAndSaid(t *testing.T) {
	const name = "0000000001.young"
	d := writtenDisk(t, 5, 3)
	whole := d.files[name].bytes
	frame := int(frameHeader + len(payloadOf(0)))
	commit := len(whole) - 3*frame - markFrame
	for cut := commit; cut < len(whole); cut++ {
		d := d.copy()
		f := d.files[name]
		f.bytes = slices.Clone(whole[:cut])
		frames := max(cut-commit-markFrame, 0) / frame
		l, found := reopen(t, d.options())
		checkFound(t, found, 5+frames)
		torn := (cut-commit-markFrame)%frame != 0 && cut != commit
		if said := strings.Contains(d.lines.String(), "torn"); said != torn {
			t.Fatalf("cut at %d of %d: said %v, torn %v", cut, len(whole), said, torn)
		}
		if !bytes.Equal(f.synced, f.bytes) {
			t.Fatalf("cut at %d: what was found is not synced", cut)
		}
		put(l, payloadOf(5+frames))
		if err := barrier(l); err != nil {
			t.Fatal(err)
		}
		_, found = reopen(t, d.crash().options())
		checkFound(t, found, 6+frames)
	}
}

func TestTornInTheMiddleIsCut(t *testing.T) {
	const name = "0000000001.young"
	d := writtenDisk(t, 5, 3)
	f := d.files[name]
	clear(f.bytes[len(f.bytes)-250 : len(f.bytes)-200]) // later frames of the commit are good
	_, found := reopen(t, d.options())
	if len(found) < 5 || len(found) > 7 {
		t.Errorf("found %d frames", len(found))
	}
	checkFound(t, found, len(found))
}

func TestDamageBelowTheSyncedPositionIsNotOpened(t *testing.T) {
	d := writtenDisk(t, 70, 2)
	var names []string
	for name := range d.files {
		if strings.HasSuffix(name, ".young") {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	if len(names) < 3 {
		t.Fatalf("only %d segments", len(names))
	}
	for i, name := range names {
		end := len(d.files[name].bytes)
		if i == len(names)-1 {
			end -= 3*(frameHeader+len(payloadOf(0))) + 2*markFrame // but for the last two commits
		}
		for at := 0; at < end; at += 7 {
			c := d.copy()
			c.files[name].bytes[at] ^= 0x10
			_, _, err := tryOpen(c.options())
			var damage *DamageError
			if !errors.As(err, &damage) || damage.File != "disk/"+name || damage.Offset > int64(at) || int64(at)-damage.Offset > 140 {
				t.Fatalf("byte %d of %s is wrong: %v", at, name, err)
			}
		}
	}
}

func TestMissingPartsAreDamage(t *testing.T) {
	d := writtenDisk(t, 100, 1)
	first, second := "0000000001.young", "0000000002.young"
	cut := frameHeader + len(payloadOf(10))
	for _, c := range []struct {
		want string
		hurt func(files map[string]*testFile)
	}{
		{"segment 2 before it is missing", func(f map[string]*testFile) { delete(f, second) }},
		{"no header", func(f map[string]*testFile) { f[first].bytes = nil }},
		{"bytes, and had", func(f map[string]*testFile) { f[first].bytes = f[first].bytes[:len(f[first].bytes)-cut] }},
		{"bad frame", func(f map[string]*testFile) { f[first].bytes = f[first].bytes[:1000] }},
		{"that of " + first, func(f map[string]*testFile) { f[second].bytes = f[first].bytes }},
		{"bad frame", func(f map[string]*testFile) { f[first].bytes = append(f[first].bytes, 1, 2, 3) }},
	} {
		disk := d.copy()
		c.hurt(disk.files)
		_, _, err := tryOpen(disk.options())
		var damage *DamageError
		if !errors.As(err, &damage) || !strings.Contains(err.Error(), c.want) {
			t.Errorf("want %q, got %v", c.want, err)
		}
		if disk.locked {
			t.Error("the lock is still held")
		}
	}
}

func TestSegmentWithoutHeaderIsEmpty(t *testing.T) {
	d := writtenDisk(t, 40, 0)
	names, _ := listSegments(d)
	next := header{number: names[len(names)-1].number + 1}
	for n := range headerSize {
		c := d.copy()
		c.files[next.name()] = &testFile{disk: c, name: next.name(), bytes: next.bytes()[:n]}
		l, found := reopen(t, c.options())
		checkFound(t, found, 40)
		for i := range 40 {
			put(l, payloadOf(40+i))
		}
		l.close()
		_, found = reopen(t, c.options())
		checkFound(t, found, 80)
	}
}

func TestNewerFormatIsNotTouched(t *testing.T) {
	d := writtenDisk(t, 3, 0)
	b := d.files["0000000001.young"].bytes
	b[8]++
	sealHeader(b)
	if _, _, err := tryOpen(d.options()); !errors.Is(err, errFormat) {
		t.Errorf("a newer format: %v", err)
	}
}

func TestDamageBehindAPeacefulEnd(t *testing.T) {
	d := newTestDisk()
	l, _ := reopen(t, d.options())
	put(l, payloadOf(0))
	if err := l.close(); err != nil {
		t.Fatal(err)
	}
	f := d.files["0000000001.young"]
	f.bytes[headerSize+markFrame+20] ^= 1 // in the only commit
	var damage *DamageError
	if _, _, err := tryOpen(d.options()); !errors.As(err, &damage) {
		t.Errorf("opened: %v", err)
	}
}

func BenchmarkRecover(b *testing.B) {
	d := directory(b.TempDir())
	l := openTestLog(b, logOptions{filesystem: d, durability: OS})
	record := make([]byte, 91)
	const frames = 2_000_000
	for range frames {
		l.mu.Lock()
		l.add(func(dst []byte) []byte { return append(dst, record...) })
		l.mu.Unlock()
	}
	if err := l.close(); err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		n := 0
		l, err := openLog(logOptions{filesystem: d})
		if err == nil {
			err = l.recover(func(generation, place, []byte) error { n++; return nil })
		}
		if err != nil || n != frames {
			b.Fatal(n, err)
		}
		l.close()
	}
}
