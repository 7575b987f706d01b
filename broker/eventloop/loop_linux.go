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
	next    atomic.Uint32
	running sync.WaitGroup
}

// New starts the loops, one per core where n is 0.
func New(n int) (*Driver, error) {
	if n <= 0 {
		n = runtime.GOMAXPROCS(0)
	}
	d := &Driver{}
	for range n {
		l, err := newLoop()
		if err != nil {
			d.Close()
			return nil, err
		}
		d.loops = append(d.loops, l)
		d.running.Go(l.run)
	}
	return d, nil
}

// Drive takes a connection over if it is a plain TCP or Unix socket.
func (d *Driver) Drive(b *broker.Broker, nc net.Conn) bool {
	switch nc.(type) {
	case *net.TCPConn, *net.UnixConn:
	default:
		return false
	}
	fd, err := adopt(nc)
	if err != nil {
		return false
	}
	l := d.loops[int(d.next.Add(1))%len(d.loops)]
	c := &conn{loop: l, fd: fd}
	c.core = b.Accept(c, nc.RemoteAddr())
	c.begun.Store(true)
	nc.Close()
	l.post(c, wantStart)
	return true
}

// adopt makes a descriptor of the connection's socket that is ours alone.
func adopt(nc net.Conn) (fd int, err error) {
	raw, err := nc.(syscall.Conn).SyscallConn()
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
		l.post(nil, wantEnd)
	}
	d.running.Wait()
	return nil
}

// want is what another thread asks of a loop.
type want byte

const (
	wantStart  want = iota // watch a new connection
	wantRoom               // the socket took only a part: go on when it has room
	wantResume             // a pause is over
	wantClose              // end the connection once its outbox is written
	wantEnd                // end the loop
)

type request struct {
	conn *conn
	want want
}

// loop is one thread of work: it waits for sockets and for requests.
type loop struct {
	epoll   int
	wake    int // eventfd
	conns   map[int32]*conn
	batch   *broker.Batch // made with the first connection
	handled int           // bytes of input since the last flush
	yielded time.Time     // when the loop last passed through the scheduler
	turn    int           // of a round's events, the first whose write goes on
	linger  []*conn       // finishing and lingering, in the order of their ends
	waste   [4096]byte    // what is read to be forgotten

	mu    sync.Mutex
	inbox []request
	spare []request
	ended bool           // nobody reads the inbox any more
	posts sync.WaitGroup // threads about to wake the loop
}

// maxEvents is how many ready sockets one wait reports.
const maxEvents = 256

func newLoop() (*loop, error) {
	epoll, err := unix.EpollCreate1(unix.EPOLL_CLOEXEC)
	if err != nil {
		return nil, err
	}
	wake, err := unix.Eventfd(0, unix.EFD_CLOEXEC|unix.EFD_NONBLOCK)
	if err != nil {
		unix.Close(epoll)
		return nil, err
	}
	l := &loop{epoll: epoll, wake: wake, conns: make(map[int32]*conn)}
	err = unix.EpollCtl(epoll, unix.EPOLL_CTL_ADD, wake, &unix.EpollEvent{Events: unix.EPOLLIN, Fd: int32(wake)})
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
	unix.Close(l.wake)
	unix.Close(l.epoll)
}

// post hands a request to the loop. The first of several wakes it. What comes
// after the end concerns connections that are released, and is dropped.
func (l *loop) post(c *conn, w want) {
	l.mu.Lock()
	if l.ended {
		l.mu.Unlock()
		return
	}
	first := len(l.inbox) == 0
	l.inbox = append(l.inbox, request{c, w})
	if first {
		l.posts.Add(1)
	}
	l.mu.Unlock()
	if first {
		one := [8]byte{1}
		unix.Write(l.wake, one[:])
		l.posts.Done()
	}
}

// run is the loop.
func (l *loop) run() {
	defer l.release()
	events := make([]unix.EpollEvent, maxEvents)
	for {
		n, err := unix.EpollWait(l.epoll, events, l.patience())
		if err != nil && err != unix.EINTR {
			panic("epoll_wait: " + err.Error()) // EBADF or EFAULT: the process is broken
		}
		for _, e := range events[:max(n, 0)] {
			if int(e.Fd) == l.wake {
				if !l.requests() {
					return
				}
			} else if c := l.conns[e.Fd]; c != nil {
				c.ready(e.Events)
			}
		}
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
		c := l.conns[e.Fd]
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

// patience is how long to wait, in milliseconds: until the next half-closed
// connection ends, or without limit.
func (l *loop) patience() int {
	if len(l.linger) == 0 {
		return -1
	}
	return int(max(time.Until(l.linger[0].ends), 0)/time.Millisecond) + 1
}

// requests does what other threads asked. False: the loop ends.
func (l *loop) requests() bool {
	var buf [8]byte
	unix.Read(l.wake, buf[:])
	l.mu.Lock()
	todo := l.inbox
	l.inbox = l.spare[:0]
	l.mu.Unlock()
	for i, r := range todo {
		todo[i] = request{}
		switch r.want {
		case wantStart:
			if l.batch == nil {
				l.batch = r.conn.core.Broker().NewBatch()
			}
			r.conn.start()
		case wantRoom:
			r.conn.awaitRoom()
		case wantResume:
			r.conn.resume()
		case wantClose:
			r.conn.close()
		case wantEnd:
			return false
		}
	}
	l.mu.Lock()
	l.spare = todo
	l.mu.Unlock()
	return true
}

// endLingering closes what has been half-closed for long enough.
func (l *loop) endLingering(now time.Time) {
	for len(l.linger) > 0 && (l.linger[0].state == dead || !l.linger[0].ends.After(now)) {
		l.linger[0].drop()
		l.linger[0] = nil
		l.linger = l.linger[1:]
	}
}
