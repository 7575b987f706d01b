package eventloop

import (
	"net"
	"runtime"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"mqtk/broker"
)

// Driver is a broker.Driver with a fixed number of loops.
type Driver struct {
	loops   []*loop
	conns   table
	next    atomic.Uint32 // loop for those who accept elsewhere
	running sync.WaitGroup
}

// New starts the loops, one per core where n is 0.
func New(n int) (*Driver, error) {
	if n <= 0 {
		n = runtime.GOMAXPROCS(0)
	}
	d := &Driver{}
	for range n {
		l, err := newLoop(d)
		if err != nil {
			d.Close()
			return nil, err
		}
		d.loops = append(d.loops, l)
		d.running.Go(l.run)
	}
	return d, nil
}

// Drive takes a connection over if MQTT is all there is on its TCP or Unix socket:
// then it gives access to that.
func (d *Driver) Drive(b *broker.Broker, g *broker.Gate, nc net.Conn) bool {
	raw, ok := nc.(syscall.Conn)
	if !ok || !isSocket(nc) {
		return false
	}
	fd, err := duplicate(raw)
	if err != nil {
		return false
	}
	nc.Close()
	d.take(b, g, d.loops[int(d.next.Add(1))%len(d.loops)].leastLoaded(), fd, nc.RemoteAddr())
	return true
}

// isSocket says whether a connection is a socket by its address.
func isSocket(nc net.Conn) bool {
	switch nc.LocalAddr().(type) {
	case *net.TCPAddr, *net.UnixAddr:
		return true
	}
	return false
}

// duplicate makes a descriptor of a socket that is ours alone.
func duplicate(socket syscall.Conn) (fd int, err error) {
	raw, err := socket.SyscallConn()
	if err != nil {
		return -1, err
	}
	control := raw.Control(func(old uintptr) {
		fd, err = unix.FcntlInt(old, unix.F_DUPFD_CLOEXEC, 0)
	})
	if err == nil {
		err = control
	}
	return fd, err
}

// Close ends the loops. Their connections must have been released.
func (d *Driver) Close() error {
	for _, l := range d.loops {
		l.post(request{want: wantEnd})
	}
	d.running.Wait()
	return nil
}

// want is what another thread asks of a loop.
type want byte

const (
	wantRoom   want = iota // the socket took only a part: go on when it has room
	wantResume             // a pause is over
	wantClose              // end the connection once its outbox is written
	wantDoor               // accept connections
	wantNoDoor             // accept them no more
	wantEnd                // end the loop
)

// farewell is a connection that is finishing or lingering, and when that ends.
type farewell struct {
	conn *conn
	ends time.Time
}

type request struct {
	conn *conn
	door *door
	want want
}

// loop is one thread of work: it waits for sockets and for requests.
type loop struct {
	driver  *Driver
	epoll   int
	wake    int          // eventfd
	load    atomic.Int32 // connections
	doors   map[int32]*door
	batch   *broker.Batch // made with the first connection
	handled int           // bytes of input since the last flush
	yielded time.Time     // when the loop last passed through the scheduler
	turn    int           // of a round's events, the first whose write goes on
	linger  []farewell    // finishing and lingering, in the order of their ends
	waste   [4096]byte    // what is read to be forgotten
	eager   []*conn       // read in each round without epoll
	idle    []*conn       // eager's other array
	spare   []request     // inbox's other array

	mu     sync.Mutex
	inbox  []request
	asleep bool           // in epoll_wait, or about to be: who posts wakes it
	ended  bool           // nobody reads the inbox any more
	posts  sync.WaitGroup // threads about to wake the loop
}

// edge has epoll report each write to the eventfd once, which nobody then reads.
const edge = 1 << 31 // EPOLLET, which x/sys has as a negative number

// maxEvents is how many ready sockets one wait reports.
const maxEvents = 256

func newLoop(d *Driver) (*loop, error) {
	epoll, err := unix.EpollCreate1(unix.EPOLL_CLOEXEC)
	if err != nil {
		return nil, err
	}
	wake, err := unix.Eventfd(0, unix.EFD_CLOEXEC|unix.EFD_NONBLOCK)
	if err != nil {
		unix.Close(epoll)
		return nil, err
	}
	l := &loop{driver: d, epoll: epoll, wake: wake, doors: make(map[int32]*door)}
	err = unix.EpollCtl(epoll, unix.EPOLL_CTL_ADD, wake, &unix.EpollEvent{Events: unix.EPOLLIN | edge, Fd: int32(wake)})
	if err != nil {
		l.release()
		return nil, err
	}
	return l, nil
}

// release closes the loop's descriptors once nobody is about to write to one,
// whose number may then become somebody else's.
func (l *loop) release() {
	l.mu.Lock()
	l.ended = true
	l.mu.Unlock()
	l.posts.Wait()
	for _, r := range l.inbox { // came while the loop was ending
		if r.want == wantDoor {
			r.door.watchers.Done()
		}
	}
	for _, d := range l.doors {
		l.leaveDoor(d)
	}
	unix.Close(l.wake)
	unix.Close(l.epoll)
}

// post hands a request to the loop, and wakes it if it sleeps: one that works
// looks before it does. False: the loop has ended, and what concerns a connection
// then is about a released one.
func (l *loop) post(r request) bool {
	l.mu.Lock()
	if l.ended {
		l.mu.Unlock()
		return false
	}
	l.inbox = append(l.inbox, r)
	wake := l.asleep
	if wake {
		l.asleep = false
		l.posts.Add(1)
	}
	l.mu.Unlock()
	if wake {
		one := [8]byte{1}
		unix.Write(l.wake, one[:])
		l.posts.Done()
	}
	return true
}

// run is the loop.
func (l *loop) run() {
	defer l.release()
	events := make([]unix.EpollEvent, maxEvents)
	for {
		n, err := unix.EpollWait(l.epoll, events, l.rest())
		if err != nil && err != unix.EINTR {
			panic("epoll_wait: " + err.Error()) // EBADF or EFAULT: the process is broken
		}
		for _, e := range events[:max(n, 0)] {
			if c := l.find(e.Fd); c != nil {
				c.ready(e.Events)
			} else if d := l.doors[e.Fd]; d != nil {
				l.accept(d)
			}
		}
		if !l.requests() {
			return
		}
		l.readOn()
		l.flush()
		now := time.Now()
		l.goOn(events[:max(n, 0)], now)
		l.endLingering(now)
		l.yield(now)
	}
}

// goOnTime is what a round gives to those who have much to be written.
const goOnTime = time.Millisecond / 2

// goOn continues the writes that the sockets had no room for, behind all that the
// round's input has led to: many clients that take much, retained messages or a
// queue, shall not be in front of the little that others get. Whose turn does not
// come is reported again, and sooner or later is the first.
func (l *loop) goOn(events []unix.EpollEvent, start time.Time) {
	for i := range events {
		e := &events[(l.turn+i)%len(events)]
		c := l.find(e.Fd)
		if c == nil || !c.hasRoom(e.Events) {
			continue
		}
		if time.Since(start) > goOnTime {
			l.turn = (l.turn + i) % len(events)
			return
		}
		c.goOn()
	}
}

// yieldEvery is how often a loop that has work passes through the scheduler.
const yieldEvery = 4 * time.Millisecond

// yield lets the scheduler see that the loop is alive. A goroutine that goes
// from system call to system call without it counts as one that hogs its
// processor, which the runtime's monitor then takes away at every call and falls
// asleep; giving it back wakes the monitor, in front of each lone message. That
// cost a third of the time from publisher to subscriber at 1,000 messages/s.
func (l *loop) yield(now time.Time) {
	if now.Sub(l.yielded) >= yieldEvery {
		l.yielded = now
		runtime.Gosched()
	}
}

// flush writes what the round's input left in outboxes.
func (l *loop) flush() {
	l.handled = 0
	if l.batch != nil {
		l.batch.Flush()
	}
}

// rest is how long epoll may wait for events, in milliseconds: not at all while
// there is something to do.
func (l *loop) rest() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.inbox) > 0 || len(l.eager) > 0 {
		return 0
	}
	l.asleep = true
	return l.patience()
}

// patience is how long to wait, in milliseconds: until the next half-closed
// connection ends, or without limit.
func (l *loop) patience() int {
	if len(l.linger) == 0 {
		return -1
	}
	return int(max(time.Until(l.linger[0].ends), 0)/time.Millisecond) + 1
}

// find is nil for a descriptor whose connection is gone, though it may be another
// loop's by now, or whose connection has yet to begin.
func (l *loop) find(fd int32) *conn {
	c := l.driver.conns.get(fd)
	if c == nil || c.loop != l {
		return nil
	}
	if l.batch == nil {
		l.batch = c.core.Broker().NewBatch()
	}
	return c
}

// requests does what other threads asked. False: the loop ends.
func (l *loop) requests() (more bool) {
	more = true
	l.mu.Lock()
	l.asleep = false
	todo := l.inbox
	l.inbox = l.spare[:0]
	l.mu.Unlock()
	for i, r := range todo {
		todo[i] = request{}
		switch r.want {
		case wantRoom:
			r.conn.awaitRoom()
		case wantResume:
			r.conn.resume()
		case wantClose:
			r.conn.close()
		case wantDoor:
			l.watchDoor(r.door)
		case wantNoDoor:
			l.leaveDoor(r.door)
		case wantEnd:
			more = false
		}
	}
	l.spare = todo
	return more
}

// readOn reads those once who have been paused and may have more.
func (l *loop) readOn() {
	todo := l.eager
	l.eager = l.idle[:0]
	for i, c := range todo {
		todo[i] = nil
		c.readOn()
	}
	l.idle = todo
}

// endLingering closes what has been half-closed for long enough.
func (l *loop) endLingering(now time.Time) {
	for len(l.linger) > 0 && (l.linger[0].conn.state == dead || !l.linger[0].ends.After(now)) {
		l.linger[0].conn.drop()
		l.linger[0] = farewell{}
		l.linger = l.linger[1:]
	}
}
