package journal

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"testing/synctest"
	"time"
)

// add1 adds a frame and has done called with its number.
func add1(l *log, i int, done func(int, error)) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.add(func(dst []byte) []byte { return append(dst, payloadOf(i)...) })
	l.wait(func(err error) { done(i, err) })
}

// A calls collects what was durable, in order.
type calls struct {
	mu   sync.Mutex
	done []int
	errs []error
}

func (c *calls) call(i int, err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if err != nil {
		c.errs = append(c.errs, err)
	} else {
		c.done = append(c.done, i)
	}
}

func (c *calls) counts() (done, errs int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return len(c.done), len(c.errs)
}

// bubble runs a test in fake time with a log on a disk in memory.
func bubble(t *testing.T, o func(*logOptions), test func(t *testing.T, d *testDisk, l *log, c *calls)) {
	synctest.Test(t, func(t *testing.T) {
		d := newTestDisk()
		options := d.options()
		options.segmentSize = 64 << 10
		if o != nil {
			o(&options)
		}
		l, _, err := tryOpen(options)
		if err != nil {
			t.Fatal(err)
		}
		test(t, d, l, new(calls))
		l.close()
	})
}

func TestOneSyncForAllThatWait(t *testing.T) {
	bubble(t, nil, func(t *testing.T, d *testDisk, l *log, c *calls) {
		add1(l, 0, c.call)
		synctest.Wait()
		d.gate = make(chan struct{})
		before := d.syncs
		for i := range 100 {
			add1(l, 1+i, c.call)
		}
		synctest.Wait() // the writer has some of them, and stands at the sync
		for i := range 100 {
			add1(l, 101+i, c.call)
		}
		if n, _ := c.counts(); n != 1 {
			t.Errorf("%d called before any sync", n)
		}
		for syncs := 1; ; syncs++ {
			synctest.Wait()
			if n, _ := c.counts(); n == 201 {
				break
			}
			d.gate <- struct{}{}
		}
		close(d.gate)
		if d.syncs-before > 3 {
			t.Errorf("%d syncs", d.syncs-before)
		}
		if !slices.IsSorted(c.done) {
			t.Errorf("called in the order %v", c.done)
		}
	})
}

func TestDurableIsOnDisk(t *testing.T) {
	bubble(t, nil, func(t *testing.T, d *testDisk, l *log, c *calls) {
		for i := range 30 {
			add1(l, i, func(i int, err error) {
				c.call(i, err)
				if found := recovered(t, d.crash()); found <= i {
					t.Errorf("frame %d is durable, and %d survive", i, found)
				}
			})
			if i%3 == 0 {
				synctest.Wait()
			}
		}
		synctest.Wait()
		if n, _ := c.counts(); n != 30 {
			t.Errorf("%d of 30 called", n)
		}
	})
}

func recovered(t *testing.T, d *testDisk) int {
	l, found, err := tryOpen(d.options())
	if err != nil {
		t.Error(err)
		return 0
	}
	l.close()
	return len(found)
}

func TestFramesNobodyWaitsForShareACommit(t *testing.T) {
	bubble(t, nil, func(t *testing.T, d *testDisk, l *log, c *calls) {
		put(l, payloadOf(0))
		time.Sleep(idleCommit - time.Millisecond)
		synctest.Wait()
		if n := l.measures().commits; n != 0 {
			t.Errorf("%d commits before anybody waits", n)
		}
		time.Sleep(2 * time.Millisecond)
		synctest.Wait()
		if n := l.measures().commits; n != 1 || recovered(t, d.crash()) != 1 {
			t.Errorf("%d commits", n)
		}
		put(l, payloadOf(1))
		add1(l, 2, c.call)
		synctest.Wait()
		if n := l.measures().commits; n != 2 || len(c.done) != 1 {
			t.Errorf("%d commits, %v called", n, c.done)
		}
	})
}

func TestBarrierNeedsNoCommitOfItsOwn(t *testing.T) {
	bubble(t, nil, func(t *testing.T, d *testDisk, l *log, c *calls) {
		l.mu.Lock()
		l.wait(func(err error) { c.call(0, err) })
		l.mu.Unlock()
		synctest.Wait()
		if n, _ := c.counts(); n != 1 || d.syncs != 1 { // the reserve's
			t.Fatalf("%d called after %d syncs", n, d.syncs)
		}
		d.gate = make(chan struct{})
		add1(l, 1, c.call)
		synctest.Wait()
		l.mu.Lock()
		l.wait(func(err error) { c.call(2, err) })
		l.mu.Unlock()
		synctest.Wait()
		if n, _ := c.counts(); n != 1 {
			t.Fatal("the barrier did not wait for the commit under way")
		}
		close(d.gate)
		synctest.Wait()
		if n := l.measures().commits; n != 1 || !slices.Equal(c.done, []int{0, 1, 2}) {
			t.Errorf("%d commits, %v called", n, c.done)
		}
	})
}

func TestCommitDelayLetsOthersJoin(t *testing.T) {
	delay := func(o *logOptions) { o.commitDelay = 20 * time.Millisecond }
	bubble(t, delay, func(t *testing.T, d *testDisk, l *log, c *calls) {
		for i := range 10 {
			add1(l, i, c.call)
			time.Sleep(time.Millisecond)
		}
		if n, _ := c.counts(); n != 0 {
			t.Errorf("%d called after 10 ms of 20", n)
		}
		time.Sleep(11 * time.Millisecond)
		synctest.Wait()
		if n := l.measures().commits; n != 1 || len(c.done) != 10 {
			t.Errorf("%d commits, %v called", n, c.done)
		}
		add1(l, 10, c.call)
		begun := time.Now()
		l.close() // does not wait for the delay
		if n, _ := c.counts(); n != 11 || time.Since(begun) > 0 {
			t.Errorf("%d called, %v later", n, time.Since(begun))
		}
	})
}

func TestWeakerModes(t *testing.T) {
	os := func(o *logOptions) { o.durability = OS }
	bubble(t, os, func(t *testing.T, d *testDisk, l *log, c *calls) {
		add1(l, 0, c.call)
		synctest.Wait()
		before := d.syncs
		add1(l, 1, c.call)
		synctest.Wait()
		if len(c.done) != 2 || d.syncs != before || recovered(t, d.copy()) != 2 || recovered(t, d.crash()) != 0 {
			t.Errorf("os: %v called, %d syncs", c.done, d.syncs-before)
		}
	})
	none := func(o *logOptions) { o.durability = None }
	bubble(t, none, func(t *testing.T, d *testDisk, l *log, c *calls) {
		add1(l, 0, c.call)
		synctest.Wait()
		if len(c.done) != 1 || recovered(t, d.copy()) != 0 {
			t.Errorf("none: %v called", c.done)
		}
		time.Sleep(noneCommit)
		synctest.Wait()
		if recovered(t, d.copy()) != 1 {
			t.Error("none: not written after a second")
		}
		put(l, strings.Repeat("x", commitBytes))
		synctest.Wait()
		if recovered(t, d.copy()) != 2 {
			t.Error("none: a mebibyte waits")
		}
		put(l, payloadOf(3))
		l.close()
		if recovered(t, d.crash()) != 3 {
			t.Error("none: close has not synced")
		}
	})
}

func TestSettledIsOnDiskInEveryMode(t *testing.T) {
	for _, durability := range []Durability{Fsync, OS, None} {
		mode := func(o *logOptions) { o.durability = durability }
		bubble(t, mode, func(t *testing.T, d *testDisk, l *log, c *calls) {
			for i := range 3 {
				if i < 2 {
					put(l, payloadOf(i))
				} // and once with nothing pending
				l.mu.Lock()
				l.settle(func(err error) {
					c.call(i, err)
					if n := recovered(t, d.crash()); n != min(i+1, 2) {
						t.Errorf("mode %d: %d frames survive", durability, n)
					}
				})
				l.mu.Unlock()
				synctest.Wait()
			}
			if len(c.done) != 3 {
				t.Errorf("mode %d: %v called", durability, c.done)
			}
		})
	}
}

func TestSegmentsAreSyncedBeforeTheNextBegins(t *testing.T) {
	for _, durability := range []Durability{Fsync, OS, None} {
		mode := func(o *logOptions) { o.durability, o.segmentSize = durability, 4<<10 }
		bubble(t, mode, func(t *testing.T, d *testDisk, l *log, c *calls) {
			for range 200 {
				put(l, payloadOf(1))
			}
			l.close()
			at := func(step string) int { return slices.Index(d.order, step) }
			for n := 2; at(fmt.Sprintf("create %010d.young", n)) > 0; n++ {
				before, name := fmt.Sprintf("%010d.young", n-1), fmt.Sprintf("%010d.young", n)
				create := at("create " + name)
				if !slices.Contains(d.order[at("create "+before)+3:create], "sync "+before) ||
					d.order[create+1] != "sync "+name || d.order[create+2] != "sync directory" {
					t.Errorf("mode %d: %q", durability, d.order[:create+3])
				}
			}
			if at("create 0000000003.young") < 0 {
				t.Error("too few segments")
			}
		})
	}
}

func TestFailedSyncEndsAllAcknowledging(t *testing.T) {
	bubble(t, nil, func(t *testing.T, d *testDisk, l *log, c *calls) {
		add1(l, 0, c.call)
		synctest.Wait()
		d.gate = make(chan struct{})
		add1(l, 1, c.call)
		synctest.Wait()
		add1(l, 2, c.call)
		d.mu.Lock()
		d.failSync = syscall.ENOSPC // even this, from a sync
		d.mu.Unlock()
		close(d.gate)
		synctest.Wait()
		d.mu.Lock()
		d.failSync = nil // what a disk says after it failed is not to be believed
		d.mu.Unlock()
		add1(l, 3, c.call)
		synctest.Wait()
		if done, errs := c.counts(); done != 1 || errs != 3 || !l.measures().failed {
			t.Errorf("%d durable, %d failed", done, errs)
		}
		if at := put(l, "more"); at != 0 {
			t.Errorf("add after the failure: %v", at)
		}
		if !strings.Contains(d.lines.String(), "restart") {
			t.Errorf("told %q", d.lines)
		}
		if err := l.close(); err == nil {
			t.Error("close says nothing")
		}
		l, found, err := tryOpen(d.crash().options())
		if err != nil || len(found) != 1 {
			t.Fatalf("reopened with %d frames: %v", len(found), err)
		}
		l.close()
	})
}

func TestSlowCallHoldsUpNoCommit(t *testing.T) {
	bubble(t, nil, func(t *testing.T, d *testDisk, l *log, c *calls) {
		slow := make(chan struct{})
		d.gate = make(chan struct{})
		add1(l, 0, func(int, error) {})
		synctest.Wait()
		for i := range 10 { // one commit, whose first call takes long
			add1(l, i, func(int, error) { <-slow })
		}
		close(d.gate)
		time.Sleep(time.Second)
		synctest.Wait()
		add1(l, 11, c.call)
		time.Sleep(time.Millisecond)
		synctest.Wait()
		if n := recovered(t, d.crash()); n != 12 {
			t.Errorf("%d of 12 frames are on disk while a call blocks", n)
		}
		if n, _ := c.counts(); n != 0 {
			t.Error("called out of order")
		}
		close(slow)
	})
}

func TestClosedLogTakesNothing(t *testing.T) {
	bubble(t, nil, func(t *testing.T, d *testDisk, l *log, c *calls) {
		add1(l, 0, c.call)
		l.close()
		if done, _ := c.counts(); done != 1 {
			t.Error("close left a waiter behind")
		}
		if err := barrier(l); !errors.Is(err, errClosed) {
			t.Errorf("wait after close: %v", err)
		}
		if err := l.close(); !errors.Is(err, errClosed) {
			t.Errorf("second close: %v", err)
		}
	})
}

func TestReadFromMemoryWhileTheDiskIsSlow(t *testing.T) {
	bubble(t, nil, func(t *testing.T, d *testDisk, l *log, c *calls) {
		d.gate = make(chan struct{})
		writing := put(l, "being written")
		l.mu.Lock()
		l.wait(func(err error) { c.call(0, err) })
		l.mu.Unlock()
		synctest.Wait()
		pending := put(l, "pending")
		for at, want := range map[place]string{writing: "being written", pending: "pending"} {
			if p, err := l.read(at, nil); err != nil || string(p) != want {
				t.Errorf("read %q: %q, %v", want, p, err)
			}
		}
		close(d.gate)
	})
}
