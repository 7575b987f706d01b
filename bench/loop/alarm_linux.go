package loop

import (
	"bytes"
	"os"
	"strconv"
	"time"

	"golang.org/x/sys/unix"
)

// An alarm is a timerfd that ends the loop's sleep. It needs no timer slack: the
// system grants that to the time-outs of calls alone, and there it would be 50 µs.
type alarm struct {
	fd     int
	offset int64 // CLOCK_MONOTONIC less the loop's Clock
	at     int64 // when it rings, or has rung
}

func (a *alarm) open(now int64) (err error) {
	a.fd, err = unix.TimerfdCreate(unix.CLOCK_MONOTONIC, unix.TFD_NONBLOCK|unix.TFD_CLOEXEC)
	a.offset = clock(unix.CLOCK_MONOTONIC) - now
	a.at = never
	return err
}

// set has the alarm ring at a time, or before: one that is set for an earlier time
// still to come stays, since to wake once more costs no more than to set it.
func (a *alarm) set(at, now int64) {
	if at == never || now < a.at && a.at <= at {
		return
	}
	at = min(at, now+int64(time.Hour)) // what is later rings in between
	a.at = at
	value := unix.NsecToTimespec(max(at+a.offset, 1)) // 0 would be no alarm
	_ = unix.TimerfdSettime(a.fd, unix.TFD_TIMER_ABSTIME, &unix.ItimerSpec{Value: value}, nil)
}

// clock is what a clock of the system says; 0 where it does not exist.
func clock(id int32) int64 {
	var t unix.Timespec
	if unix.ClockGettime(id, &t) != nil {
		return 0
	}
	return t.Nano()
}

// threadUsage is what this thread took since it began.
func threadUsage() Usage {
	return Usage{CPU: clock(unix.CLOCK_THREAD_CPUTIME_ID), Waiting: threadWaiting()}
}

// threadWaiting is how long this thread was ready to run and did not; -1: unknown.
func threadWaiting() int64 {
	text, err := os.ReadFile("/proc/thread-self/schedstat")
	if err != nil {
		return -1
	}
	fields := bytes.Fields(text)
	if len(fields) < 2 {
		return -1
	}
	n, err := strconv.ParseInt(string(fields[1]), 10, 64)
	if err != nil {
		return -1
	}
	return n
}
