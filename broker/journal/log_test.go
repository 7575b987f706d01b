package journal

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
	"time"
)

func TestPlaceKeepsItsParts(t *testing.T) {
	for size := 1; size < 1<<30; size += size/7 + 1 {
		p := newPlace(maxNumber-uint32(size%1000), maxOffset-int64(size%1000), size)
		if p.segment() != maxNumber-uint32(size%1000) || p.offset() != maxOffset-int64(size%1000) {
			t.Fatalf("size %d: place %d/%d", size, p.segment(), p.offset())
		}
		if off := p.size() - size; max(off, -off)*16 > size {
			t.Fatalf("size %d became %d", size, p.size())
		}
	}
	p := newPlace(7, 99, 1000)
	if s := p.share(10); s.segment() != 7 || s.offset() != 99 || s.size() < 94 || s.size() > 106 {
		t.Errorf("a tenth of 1000 is %d at %d/%d", s.size(), s.segment(), s.offset())
	}
	if s := p.share(1e6).size(); s != 1 {
		t.Errorf("the smallest share is %d, want 1", s)
	}
}

func TestFrameIsWholeOrNone(t *testing.T) {
	frame := append(make([]byte, frameHeader), "the payload"...)
	seal(frame, frameEvents, 3, 64)
	if kind, payload, ok := open(frame, 3, 64); !ok || kind != frameEvents || string(payload) != "the payload" {
		t.Fatalf("open: %v %q %v", kind, payload, ok)
	}
	for n := range frame {
		if _, _, ok := open(frame[:n], 3, 64); ok {
			t.Errorf("%d of %d bytes pass for the frame", n, len(frame))
		}
		for bit := range 8 {
			bad := bytes.Clone(frame)
			bad[n] ^= 1 << bit
			if _, _, ok := open(bad, 3, 64); ok {
				t.Errorf("bit %d of byte %d may be wrong", bit, n)
			}
		}
	}
	for _, other := range []position{{3, 65}, {4, 64}} {
		if _, _, ok := open(frame, other.number, other.offset); ok {
			t.Errorf("the frame is good at %v too", other)
		}
	}
}

func TestLogGivesBackWhatWasAdded(t *testing.T) {
	d := newTestDisk()
	var want []foundFrame
	for round := range 5 {
		l, found := reopen(t, d.options())
		if !slices.Equal(found, want) {
			t.Fatalf("round %d: found %d frames, want %d", round, len(found), len(want))
		}
		for i := range 200 {
			payload := fmt.Sprint(round, i, strings.Repeat("x", i*i%5000)) // some longer than a segment
			want = append(want, foundFrame{young, put(l, payload), payload})
			if i%17 == 0 {
				if err := barrier(l); err != nil {
					t.Fatal(err)
				}
			}
		}
		checkReads(t, l, want)
		if err := l.close(); err != nil {
			t.Fatal(err)
		}
	}
}

// checkReads reads every frame alone and all of them together, in another order.
func checkReads(t *testing.T, l *log, want []foundFrame) {
	t.Helper()
	var places []place
	for _, f := range want {
		payload, err := l.read(f.at, nil)
		if err != nil || string(payload) != f.payload {
			t.Fatalf("read %d/%d: %d bytes, %v; want %d", f.at.segment(), f.at.offset(), len(payload), err, len(f.payload))
		}
		places = append(places, f.at.share(50))
	}
	for step := range 3 {
		slices.Reverse(places[:len(places)/(step+1)])
		slices.Reverse(want[:len(want)/(step+1)])
		err := l.readAll(places, func(i int, payload []byte, err error) error {
			if err == nil && string(payload) != want[i].payload {
				err = fmt.Errorf("frame %d is another", i)
			}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	slices.SortFunc(want, func(a, b foundFrame) int { return cmp.Compare(a.at>>8, b.at>>8) })
}

func TestOldStreamComesFirst(t *testing.T) {
	d := newTestDisk()
	l, _ := reopen(t, d.options())
	var want []foundFrame
	for i := range 30 {
		payload := fmt.Sprint("old", i, strings.Repeat("o", 1000))
		want = append(want, foundFrame{old, putOld(l, payload), payload})
	}
	put(l, "young")
	checkReads(t, l, want[:1]) // from memory
	if err := errors.Join(l.flushOld(), barrier(l)); err != nil {
		t.Fatal(err)
	}
	_, found := reopen(t, d.crash().options())
	putOld(l, "not flushed, but closed in peace")
	l.close()
	_, closed := reopen(t, d.crash().options())
	if len(closed) != 32 || len(found) != 31 || !slices.Equal(found[:30], want) || found[30].payload != "young" {
		t.Errorf("found %d frames, the last %q of %s", len(found), found[len(found)-1].payload, found[len(found)-1].generation)
	}
}

func TestRemovedHeadGivesItsDiskBack(t *testing.T) {
	d := newTestDisk()
	l, _ := reopen(t, d.options())
	var places []place
	for range 40 {
		places = append(places, put(l, strings.Repeat("x", 500)))
	}
	if err := barrier(l); err != nil {
		t.Fatal(err)
	}
	l.mu.Lock()
	for _, p := range places {
		l.live(p, 1)
	}
	disk, live := l.usage(young)
	head, _ := l.head(young)
	l.mu.Unlock()
	if live < 40*500 || live > 40*550 || disk < live || head.tail || head.records != 7 {
		t.Errorf("%d bytes live of %d, %+v", live, disk, head)
	}
	var walked []place
	err := l.walkHead(young, func(at place, payload []byte) error {
		walked = append(walked, at)
		return nil
	})
	if err != nil || !slices.Equal(walked, places[:7]) {
		t.Errorf("walked %v: %v", walked, err)
	}
	if err := l.removeHead(young, nil); err != nil {
		t.Fatal(err)
	}
	if got := d.order[len(d.order)-2:]; !slices.Equal(got, []string{"remove 0000000001.young", "sync directory"}) {
		t.Errorf("removed by %q", got)
	}
	if _, err := l.read(places[0], nil); err != errMoved {
		t.Errorf("read of what is gone: %v", err)
	}
	for l.removeHead(young, nil) == nil {
	}
	l.mu.Lock()
	if head, ok := l.head(young); !ok || !head.tail {
		t.Errorf("the tail went too: %+v", head)
	}
	l.mu.Unlock()
	l.close()
	if _, found := reopen(t, d.options()); len(found) == 0 || found[0].at.segment() != head.number+5 {
		t.Errorf("reopened with %d frames", len(found))
	}
}

func TestOldGenerationMayGoWhole(t *testing.T) {
	d := newTestDisk()
	l, _ := reopen(t, d.options())
	for round := range 3 {
		at := putOld(l, "old")
		if err := l.flushOld(); err != nil {
			t.Fatal(err)
		}
		if err := l.removeHead(old, nil); err != nil {
			t.Fatal(round, err)
		}
		if _, err := l.read(at, nil); err != errMoved {
			t.Errorf("read: %v", err)
		}
	}
	putOld(l, "stays")
	if err := l.flushOld(); err != nil {
		t.Fatal(err)
	}
	l.close()
	if _, found := reopen(t, d.options()); len(found) != 1 || found[0].payload != "stays" {
		t.Errorf("found %v", found)
	}
}

func TestClockNeverGoesBack(t *testing.T) {
	d := newTestDisk()
	l, _ := reopen(t, d.options())
	l.mu.Lock()
	l.ahead = time.Hour // a clock that was wrong when this was written
	l.mu.Unlock()
	put(l, "late")
	l.close()
	l, _ = reopen(t, d.options())
	if s := l.shift(); s < 59*time.Minute || s > time.Hour {
		t.Errorf("the clock is put forward by %v, want an hour", s)
	}
}

func TestAddAllocatesNothing(t *testing.T) {
	d := newTestDisk()
	o := d.options()
	o.durability, o.segmentSize = OS, maxOffset
	l, _ := reopen(t, o)
	payload, done := make([]byte, 300), make(chan error, 1)
	call := func(err error) { done <- err }
	commit := func() {
		l.mu.Lock()
		for range 100 {
			l.add(func(dst []byte) []byte { return append(dst, payload...) })
			l.wait(func(error) {})
		}
		l.wait(call)
		l.mu.Unlock()
		<-done
	}
	commit()
	d.files["0000000001.young"].bytes = make([]byte, 0, 64<<20)
	if n := testing.AllocsPerRun(50, commit); n > 0 && !raceEnabled {
		t.Errorf("%v allocations for 100 frames and waiters", n)
	}
}

func TestDirectoryIsForOneBroker(t *testing.T) {
	name := t.TempDir() + "/data"
	d, err := openDirectory(name)
	if err != nil {
		t.Fatal(err)
	}
	l, _ := reopen(t, logOptions{filesystem: d, segmentSize: 4 << 10})
	if _, err := openLog(logOptions{filesystem: d}); !errors.Is(err, errLocked) || !strings.Contains(err.Error(), name) ||
		!strings.Contains(err.Error(), fmt.Sprintf("another broker (process %d) has it open", os.Getpid())) {
		t.Errorf("second opener: %v", err)
	}
	at := put(l, "kept")
	if err := barrier(l); err != nil {
		t.Fatal(err)
	}
	if p, err := l.read(at, nil); err != nil || string(p) != "kept" {
		t.Errorf("read: %q, %v", p, err)
	}
	if err := l.close(); err != nil {
		t.Fatal(err)
	}
	if _, found := reopen(t, logOptions{filesystem: d}); len(found) != 1 {
		t.Errorf("found %v", found)
	}
}
