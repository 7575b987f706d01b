package journal

import (
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"
)

const roomSegment = 64 << 10

// questions asks a log for room.
func questions(l *log) (soft, hard bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.soft(), l.hard(0)
}

func TestFullDiskRefusesInStepsAndLosesNothing(t *testing.T) {
	bubble(t, nil, func(t *testing.T, d *testDisk, l *log, c *calls) {
		if d.files[reserveName] == nil || len(d.files[reserveName].synced) != roomSegment {
			t.Fatal("there is no reserve")
		}
		d.setRoom(roomSegment * 5) // the reserve's one of them
		add1(l, 0, c.call)
		synctest.Wait()
		time.Sleep(2 * roomPoll)
		n := 0
		next := func() {
			n++
			add1(l, n, c.call)
			if n%5 == 0 {
				synctest.Wait()
			}
		}
		for soft := false; !soft; soft, _ = questions(l) {
			next()
		}
		if free := d.room - d.used(); free < roomSegment || free > 2*roomSegment+1000 {
			t.Errorf("soft with %d free", free)
		}
		for hard := false; !hard; _, hard = questions(l) {
			next()
		}
		synctest.Wait()
		if _, reserved := d.files[reserveName]; reserved {
			t.Error("hard before the reserve was spent")
		}
		drained := n
		for range 2 * roomSegment / 100 { // draining goes on until nothing is left
			next()
		}
		synctest.Wait()
		if done, errs := c.counts(); done <= drained || done >= n || errs != 0 {
			t.Errorf("%d of %d durable, %d failed", done, n, errs)
		}
		if !strings.Contains(d.lines.String(), "full") {
			t.Errorf("told %q", d.lines)
		}
		if done, _ := c.counts(); len(recoverPayloads(t, d.crash())) < done {
			t.Errorf("fewer survive than %d that are durable", done)
		}
		d.setRoom(roomSegment * 40)
		time.Sleep(2 * roomPoll)
		synctest.Wait()
		if done, errs := c.counts(); done != n+1 || errs != 0 {
			t.Errorf("%d of %d durable when there is room, %d failed", done, n+1, errs)
		}
		time.Sleep(2 * roomPoll)
		synctest.Wait()
		if soft, hard := questions(l); soft || hard || d.files[reserveName] == nil {
			t.Errorf("soft %v, hard %v, reserve %v", soft, hard, d.files[reserveName] != nil)
		}
		if !strings.Contains(d.lines.String(), "room again") {
			t.Errorf("told %q", d.lines)
		}
		if found := recoverPayloads(t, d.crash()); len(found) != n+1 {
			t.Errorf("%d of %d survive", len(found), n+1)
		}
	})
}

func recoverPayloads(t *testing.T, d *testDisk) []foundFrame {
	t.Helper()
	o := d.options()
	o.segmentSize = roomSegment
	l, found, err := tryOpen(o)
	if err != nil {
		t.Fatal(err)
	}
	l.close()
	for i, f := range found {
		if f.payload != payloadOf(i) {
			t.Fatalf("frame %d is %.20q", i, f.payload)
		}
	}
	return found
}

func TestRemovedSegmentMakesRoomAtOnce(t *testing.T) {
	bubble(t, nil, func(t *testing.T, d *testDisk, l *log, c *calls) {
		for i := range 3 * roomSegment / 100 {
			add1(l, i, c.call)
		}
		synctest.Wait()
		before, _ := c.counts()
		if durable, err := l.condemn(young); err != nil || <-durable != nil {
			t.Fatal(err)
		}
		d.setRoom(d.used())
		for i := range 3 * roomSegment / 2 / 112 {
			add1(l, before+i, c.call)
		}
		synctest.Wait()
		stuck, _ := c.counts()
		if err := l.giveBack(young); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		if done, errs := c.counts(); done <= stuck || errs != 0 {
			t.Errorf("%d durable before, %d after, %d failed", stuck, done, errs)
		}
	})
}

func TestCloseWithoutRoomAcknowledgesNothing(t *testing.T) {
	bubble(t, nil, func(t *testing.T, d *testDisk, l *log, c *calls) {
		d.setRoom(1)
		add1(l, 0, c.call)
		synctest.Wait()
		if soft, hard := questions(l); !soft || !hard {
			t.Errorf("soft %v, hard %v", soft, hard)
		}
		l.close()
		if done, errs := c.counts(); done != 0 || errs != 1 {
			t.Errorf("%d durable, %d failed", done, errs)
		}
	})
}

func TestFlushOldSaysThatThereIsNoRoom(t *testing.T) {
	bubble(t, nil, func(t *testing.T, d *testDisk, l *log, c *calls) {
		d.setRoom(1)
		putOld(l, payloadOf(0))
		if err := l.flushOld(); !isNoRoom(err) {
			t.Errorf("flushOld: %v", err)
		}
		putOld(l, payloadOf(1))
		d.setRoom(0)
		if err := l.flushOld(); err != nil {
			t.Error(err)
		}
		if found := recoverPayloads(t, d.crash()); len(found) != 2 {
			t.Errorf("%d survive", len(found))
		}
	})
}

func TestSmallDiskHasSmallSegments(t *testing.T) {
	for _, c := range []struct{ asked, disk, want int64 }{
		{0, 32 << 20, 1 << 20}, {0, 1 << 30, 4 << 20}, {0, 1 << 40, 16 << 20}, {8 << 10, 1 << 40, 8 << 10}, {1 << 40, 1 << 50, maxOffset},
	} {
		if got := segmentSizeFor(c.asked, c.disk); got != c.want {
			t.Errorf("%d of a disk of %d: %d", c.asked, c.disk, got)
		}
	}
}

func TestNoRoomIsNotABrokenDisk(t *testing.T) {
	if !isNoRoom(syscall.ENOSPC) || isNoRoom(syscall.EIO) || isNoRoom(&syncError{syscall.ENOSPC}) {
		t.Error("ENOSPC of a write is no room, all else is a failure")
	}
}
