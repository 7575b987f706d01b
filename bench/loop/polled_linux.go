package loop

import (
	"context"
	"errors"
	"net/netip"
	"os"
	"runtime"
	"time"

	"golang.org/x/sys/unix"
)

const (
	readSize   = 64 << 10 // of the buffer that all connections are read into
	readsATurn = 4        // reads of one connection, before others come
	queueSize  = 64 << 10 // what Queue gathers, at most
	maxEvents  = 256      // that one wait reports

	// wakeFloor is the least time from one Wake to the next where Wake asks for less:
	// what is due in between goes together. Sleeping and waking for each would cost
	// more than what is done.
	wakeFloor = int64(20 * time.Microsecond)

	// The loop rises as much before Wake is due as it is mostly woken late, at most
	// so much, and this share of the time from one Wake to the next: what is left
	// of that it stays awake, and is on time.
	mostAhead = int64(120 * time.Microsecond)
	riseShare = 8
	riseStep  = int64(time.Microsecond)

	// yieldEvery is how often the loop passes through the scheduler, which takes a
	// goroutine that goes from system call to system call for one that hogs its
	// processor.
	yieldEvery = int64(4 * time.Millisecond)
)

// What is not a connection has these places.
const (
	eventPlace = -1
	timerPlace = -2
)

// polled is the driver of one thread, on epoll.
type polled struct {
	o      Options
	target target
	in     inbox
	epoll  int
	event  int // eventfd: the inbox has something
	alarm  alarm
	began  bool // Run was called
	ending bool // ctx has ended

	places  []*socket // connections, by what epoll knows them by
	free    []int32   // places that are empty
	vacated []int32   // places to be free after this batch
	open    int       // connections that have a descriptor, or wait for one
	dirty   []*socket // have queued bytes
	late    []*socket // have something to do when the batch is through
	spare   []*socket // late's other array
	timed   queue     // have a time limit
	keep    depot     // of burdens

	buf     []byte
	now     int64 // what Clock said last
	next    int64 // when Wake is to be called
	rise    int64 // when to be awake for that
	ahead   int64 // how late the system wakes the loop, mostly
	yielded int64
	usage   Usage
	ready   [maxEvents]unix.EpollEvent
}

// newPolled is nil where goroutines are to drive.
func newPolled(o Options) (driver, error) {
	if o.Network == "" {
		return nil, nil
	}
	t, err := newTarget(o.Network, o.Address)
	if err != nil {
		return nil, err
	}
	return &polled{o: o, target: t, epoll: -1, event: -1, alarm: alarm{fd: -1}, buf: make([]byte, readSize)}, nil
}

// Run is the loop, on a thread of its own.
func (l *polled) Run(ctx context.Context) error {
	if l.began {
		return errors.New("loop: Run was called twice")
	}
	l.began = true
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	defer l.release()
	if err := l.prepare(); err != nil {
		l.in.end()
		return err
	}
	stop := context.AfterFunc(ctx, func() { l.Do(func() { l.end(context.Cause(ctx)) }) })
	defer stop()
	for !l.ending || l.open > 0 {
		l.batch()
	}
	l.in.end()
	return nil
}

// prepare makes what the loop waits with.
func (l *polled) prepare() (err error) {
	if l.epoll, err = unix.EpollCreate1(unix.EPOLL_CLOEXEC); err != nil {
		return os.NewSyscallError("epoll_create1", err)
	}
	if l.event, err = unix.Eventfd(0, unix.EFD_CLOEXEC|unix.EFD_NONBLOCK); err != nil {
		return os.NewSyscallError("eventfd", err)
	}
	l.now = l.o.Clock()
	if err = l.alarm.open(l.now); err != nil {
		return os.NewSyscallError("timerfd_create", err)
	}
	for place, fd := range map[int32]int{eventPlace: l.event, timerPlace: l.alarm.fd} {
		if err = unix.EpollCtl(l.epoll, unix.EPOLL_CTL_ADD, fd, &unix.EpollEvent{Events: unix.EPOLLIN | edge, Fd: place}); err != nil {
			return os.NewSyscallError("epoll_ctl", err)
		}
	}
	if l.o.Wake == nil {
		l.next, l.rise = never, never
	}
	l.usage = threadUsage()
	l.yielded = l.now
	return nil
}

func (l *polled) release() {
	for _, fd := range []int{l.alarm.fd, l.event, l.epoll} {
		if fd >= 0 {
			unix.Close(fd)
		}
	}
}

// batch waits, and does what there is to do.
func (l *polled) batch() {
	n := l.wait()
	l.wakeIfDue()
	for i := range l.ready[:n] {
		e := &l.ready[i]
		if e.Fd < 0 {
			continue
		}
		if c := l.places[e.Fd]; c != nil {
			c.happened(e.Events)
		}
		l.wakeIfDue()
	}
	l.asked()
	l.wakeIfDue()
	l.expire()
	l.catchUp()
	l.flush()
	l.free = append(l.free, l.vacated...)
	l.vacated = l.vacated[:0]
	l.yield()
}

// yield passes through the scheduler now and then. That can take longer than Wake
// is to be late: in front of a sleep is the time for it, and just before Wake is due
// is not, unless it is put off for too long.
func (l *polled) yield() {
	since, left := l.now-l.yielded, l.rise-l.now
	switch {
	case since < yieldEvery:
		return
	case left <= 0 && since < 16*yieldEvery, left <= yieldEvery/16 && since < 2*yieldEvery:
		return
	}
	l.yielded = l.now
	runtime.Gosched()
}

// wait waits for events, unless there is something to do, until it is time to rise:
// from then on it only looks for events until Wake is due.
func (l *polled) wait() (events int) {
	before, timeout := l.o.Clock(), 0
	until := min(l.rise, l.timed.next())
	if until > before && len(l.late) == 0 && l.in.rest() {
		timeout = -1
		l.alarm.set(until, before)
	}
	n, err := unix.EpollWait(l.epoll, l.ready[:], timeout)
	if err != nil && err != unix.EINTR {
		panic("epoll_wait: " + err.Error()) // EBADF, EFAULT: the process is broken
	}
	l.now = l.o.Clock()
	if timeout == 0 {
		return max(n, 0)
	}
	l.usage.Asleep += l.now - before
	for _, e := range l.ready[:max(n, 0)] {
		if e.Fd == timerPlace {
			l.woken(l.now - l.alarm.at)
		}
	}
	return max(n, 0)
}

// wakeIfDue calls Wake when it is time, also between the events of a batch: what
// it queues leaves at once.
func (l *polled) wakeIfDue() {
	if l.next > l.now || l.ending {
		return
	}
	l.callWake()
	l.flush()
}

// callWake looks at the clock again: handlers may have taken their time.
func (l *polled) callWake() {
	l.now = l.o.Clock()
	l.next = max(l.o.Wake(l.now), l.now+wakeFloor)
	l.rise = l.next
	if l.next != never {
		l.rise -= min(l.ahead, (l.next-l.now)/riseShare)
	}
}

// woken learns how late the system wakes the loop: ahead goes to where that is
// less as often as more.
func (l *polled) woken(late int64) {
	switch {
	case late > l.ahead:
		l.ahead = min(l.ahead+riseStep, mostAhead)
	case late < l.ahead:
		l.ahead = max(l.ahead-riseStep, 0)
	}
}

// asked does what the inbox has.
func (l *polled) asked() {
	todo, wake := l.in.take()
	for _, f := range todo {
		f()
	}
	l.in.done(todo)
	if wake && l.o.Wake != nil && !l.ending {
		l.callWake()
	}
}

// catchUp goes on with the connections that did not come to their end.
func (l *polled) catchUp() {
	todo := l.late
	l.late = l.spare[:0]
	for i, c := range todo {
		todo[i] = nil
		c.late = false
		c.goOn()
	}
	l.spare = todo
}

// expire ends what took too long.
func (l *polled) expire() {
	for l.timed.next() <= l.now {
		l.timed.first.expired()
	}
}

// flush writes what is queued.
func (l *polled) flush() {
	for i := 0; i < len(l.dirty); i++ {
		c := l.dirty[i]
		l.dirty[i] = nil
		c.dirty = false
		c.flush()
	}
	l.dirty = l.dirty[:0]
}

// end aborts what is connected.
func (l *polled) end(cause error) {
	l.ending = true
	l.next, l.rise = never, never
	for _, c := range l.places {
		if c != nil {
			c.drop(cause)
		}
	}
}

func (l *polled) Do(f func()) { l.ask(f) }

func (l *polled) Wake() { l.ask(nil) }

func (l *polled) ask(f func()) {
	if l.in.put(f) {
		one := [8]byte{1}
		_, _ = unix.Write(l.event, one[:])
		l.in.told()
	}
}

func (l *polled) Now() int64 { return l.now }

func (l *polled) Usage() Usage {
	u, now := l.usage, threadUsage()
	u.CPU = now.CPU - u.CPU
	if u.Waiting >= 0 {
		u.Waiting = now.Waiting - u.Waiting
	}
	return u
}

func (l *polled) Connect(h Handler, local netip.Addr, within time.Duration) Conn {
	c := &socket{loop: l, h: h, fd: -1}
	if l.ending {
		c.state = dead
		return c
	}
	l.settle(c)
	limit := int64(never)
	if within > 0 {
		limit = l.o.Clock() + int64(within)
	}
	c.begin(local, limit)
	return c
}

// settle gives a connection a place.
func (l *polled) settle(c *socket) {
	l.open++
	if n := len(l.free); n > 0 {
		c.place, l.free = l.free[n-1], l.free[:n-1]
		l.places[c.place] = c
		return
	}
	c.place = int32(len(l.places))
	l.places = append(l.places, c)
}

// vacate takes the place back, which nobody gets while events of its last tenant
// may be in the batch.
func (l *polled) vacate(c *socket) {
	l.open--
	l.places[c.place] = nil
	l.vacated = append(l.vacated, c.place)
}
