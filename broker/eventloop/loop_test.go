//go:build linux

package eventloop

import (
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// TestPostWakesWhoSleeps: a request costs a system call only where the loop is in
// epoll_wait or about to be, and none that came before keeps it from working.
func TestPostWakesWhoSleeps(t *testing.T) {
	l, err := newLoop(&Driver{})
	if err != nil {
		t.Fatal(err)
	}
	defer l.release()
	expect := func(when string, wakes uint64) {
		t.Helper()
		var count [8]byte
		n, err := unix.Read(l.wake, count[:])
		if got := uint64(count[0]); err != unix.EAGAIN && n != 8 || got != wakes {
			t.Errorf("%s: woken %d times (%v), want %d", when, got, err, wakes)
		}
	}
	l.post(request{want: wantEnd})
	expect("before the loop sleeps", 0)
	if ms := l.rest(); ms != 0 {
		t.Errorf("rest with a request waiting is %d ms", ms)
	}
	if l.requests() {
		t.Error("the request is lost")
	}
	if ms := l.rest(); ms != -1 {
		t.Errorf("rest with nothing to do is %d ms", ms)
	}
	l.post(request{want: wantEnd})
	l.post(request{want: wantEnd})
	expect("asleep", 1)
	if l.requests() {
		t.Error("the requests are lost")
	}
	l.post(request{want: wantEnd})
	expect("awake again", 0)
}

// A loop that is asked to watch a door while it ends lets go of it: whoever serves
// the door waits for all that watch it.
func TestDoorOfALoopThatEnds(t *testing.T) {
	l, err := newLoop(&Driver{})
	if err != nil {
		t.Fatal(err)
	}
	d := &door{fd: l.wake}
	d.watchers.Add(1)
	if !l.post(request{door: d, want: wantDoor}) {
		t.Fatal("the loop takes no request")
	}
	l.release()
	left := make(chan struct{})
	go func() { d.watchers.Wait(); close(left) }()
	select {
	case <-left:
	case <-time.After(time.Minute):
		t.Error("a door has a watcher for ever")
	}
	if l.post(request{door: d, want: wantDoor}) {
		t.Error("a loop that has ended took a request")
	}
}
