package loop

import (
	"errors"
	"net"
	"net/netip"
	"os"
	"reflect"
	"runtime"
	"strconv"
	"sync"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

func polledWorlds() []world {
	return []world{
		{"epoll over TCP", false, listenTCP, newPolled},
		{"epoll over a Unix socket", false, listenUnix, newPolled},
	}
}

// A listener whose queue is full answers nobody.
func TestConnectTimesOut(t *testing.T) {
	inTCP(t, func(t *testing.T, p *place) {
		_, o := p.listen(t)
		o.Address = deafListener(t)
		l := p.run(t, o)
		c := join(l, &client{}, netip.Addr{}, 30*time.Millisecond)
		err := c.end()
		var timeout net.Error
		if !errors.Is(err, os.ErrDeadlineExceeded) && !(errors.As(err, &timeout) && timeout.Timeout()) || c.opens != 0 {
			t.Errorf("%v, opened %d times", err, c.opens)
		}
		c = join(l, &client{}, netip.Addr{}, time.Hour)
		on(l, c.Close)
		if err := c.end(); err != nil {
			t.Error(err)
		}
	})
}

// deafListener is the address of a listener that nobody can connect to any more.
func deafListener(t *testing.T) string {
	t.Helper()
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err == nil {
		t.Cleanup(func() { unix.Close(fd) })
		err = unix.Bind(fd, &unix.SockaddrInet4{Addr: [4]byte{127, 0, 0, 1}})
	}
	if err == nil {
		err = unix.Listen(fd, 0)
	}
	name, err2 := unix.Getsockname(fd)
	if err = errors.Join(err, err2); err != nil {
		t.Fatal(err)
	}
	address := net.JoinHostPort("127.0.0.1", strconv.Itoa(name.(*unix.SockaddrInet4).Port))
	for range 10 {
		nc, err := net.DialTimeout("tcp", address, 20*time.Millisecond)
		if err != nil {
			return address
		}
		t.Cleanup(func() { nc.Close() })
	}
	t.Skip("this system does not bound the queue of a listener")
	return ""
}

// Where no more files may be opened, the connection says so.
func TestTooManyFiles(t *testing.T) {
	inTCP(t, func(t *testing.T, p *place) {
		l := p.loop(echo)
		var old unix.Rlimit
		if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &old); err != nil {
			t.Fatal(err)
		}
		c := &client{over: make(chan struct{})}
		on(l, func() {
			few := unix.Rlimit{Cur: 3, Max: old.Max}
			if err := unix.Setrlimit(unix.RLIMIT_NOFILE, &few); err != nil {
				t.Error(err)
			}
			c.Conn = l.Connect(c, netip.Addr{}, time.Second)
		})
		err := c.end()
		if err := unix.Setrlimit(unix.RLIMIT_NOFILE, &old); err != nil {
			t.Error(err)
		}
		if !errors.Is(err, syscall.EMFILE) {
			t.Error(err)
		}
	})
}

// A Unix socket whose listener is slow to accept is connected to in the end, and
// given up where that takes too long.
func TestSlowAccept(t *testing.T) {
	fd, err := unix.Socket(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(fd)
	path := t.TempDir() + "/s"
	if err := errors.Join(unix.Bind(fd, &unix.SockaddrUnix{Name: path}), unix.Listen(fd, 0)); err != nil {
		t.Fatal(err)
	}
	w := polledWorlds()[1]
	l := w.run(t, Options{Network: "unix", Address: path})
	first := join(l, &client{}, netip.Addr{}, time.Minute)
	late := join(l, &client{}, netip.Addr{}, 20*time.Millisecond)
	second := join(l, &client{onOpen: func(c *client) { c.Close() }}, netip.Addr{}, time.Minute)
	if err := late.end(); !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Error(err)
	}
	for range 2 {
		nfd, _, err := unix.Accept(fd)
		if err != nil {
			t.Fatal(err)
		}
		defer unix.Close(nfd)
	}
	if err := second.end(); err != nil {
		t.Error(err)
	}
	on(l, first.Abort)
}

// mostBytes is what an idle connection may cost. It is 48 bytes and a place of 8,
// and the list of places has room to grow: 56 to 66 were measured. What comes in
// addition belongs into burden, which only a busy connection has.
const mostBytes = 80

func TestBytesOfAConnection(t *testing.T) {
	if size := reflect.TypeFor[socket]().Size(); size > 48 {
		t.Errorf("a connection has %d bytes", size)
	}
	if raceEnabled {
		t.Skip("the race detector needs memory of its own")
	}
	const n = 2000
	listener, o := listenTCP(t)
	defer listener.Close()
	l := polledWorlds()[0].run(t, o)
	h := &counter{}
	h.left.Add(n)
	all := make([]Conn, 0, n)
	on(l, func() {
		for range n {
			l.Connect(&client{over: make(chan struct{})}, netip.Addr{}, time.Minute).Abort() // grows the pools
		}
	})
	before := heap()
	on(l, func() {
		for range n {
			all = append(all, l.Connect(h, netip.Addr{}, time.Minute))
		}
	})
	h.left.Wait()
	each := float64(heap()-before) / n
	t.Logf("%.0f bytes", each)
	if each > mostBytes {
		t.Errorf("a connection has %.0f bytes, want at most %d", each, mostBytes)
	}
	runtime.KeepAlive(all)
}

// heap is what is in use.
func heap() int64 {
	var m runtime.MemStats
	runtime.GC()
	runtime.GC()
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}

// A counter counts those who are connected.
type counter struct{ left sync.WaitGroup }

func (c *counter) Opened()                { c.left.Done() }
func (c *counter) Received(in []byte) int { return len(in) }
func (c *counter) Room()                  {}
func (c *counter) Closed(error)           {}

// A time comes soon after it was asked for, and what is asked for too often comes
// together.
func TestWake(t *testing.T) {
	const wakes = 200
	var early, count int
	var asked int64
	done := make(chan struct{})
	_, o := listenTCP(t)
	o.Wake = func(now int64) int64 {
		if now < asked {
			early++
		}
		if count++; count == wakes {
			close(done)
		}
		if count >= wakes {
			return never
		}
		asked = now + wakeFloor + int64(count)*1000
		return asked
	}
	l := polledWorlds()[0].run(t, o)
	<-done
	on(l, func() {
		if early > 0 {
			t.Errorf("%d wakes of %d came too early", early, wakes)
		}
		if u := l.Usage(); u.CPU <= 0 || u.Asleep <= 0 {
			t.Errorf("usage is %+v", u)
		}
	})
}

// A connection that always has something to read keeps nobody from anything.
func TestEndlessStream(t *testing.T) {
	flood := func(nc net.Conn) {
		for b := pattern(1 << 20); ; {
			if _, err := nc.Write(b); err != nil {
				return
			}
		}
	}
	inTCP(t, func(t *testing.T, p *place) {
		wakes := 0
		woken := make(chan struct{})
		l := p.loop(flood, func(o *Options) {
			o.Wake = func(now int64) int64 {
				if wakes++; wakes == 100 {
					close(woken)
				}
				return now + int64(time.Millisecond)
			}
		})
		got := 0
		c := join(l, &client{onReceived: func(_ *client, in []byte) int { got += len(in); return len(in) }}, netip.Addr{}, 0)
		<-woken
		on(l, c.Abort)
		if got == 0 {
			t.Error("nothing came")
		}
	})
}

func TestNewSaysWhatIsWrong(t *testing.T) {
	for _, o := range []Options{
		{Network: "tcp", Address: "localhost:1883"},
		{Network: "udp", Address: "127.0.0.1:1883"},
		{Network: "tcp", Address: "[fe80::1%nowhere]:1883"},
	} {
		if _, err := New(o); err == nil {
			t.Errorf("%+v is taken", o)
		}
	}
}

// The loop learns how late the system wakes it, and rises so much before, but for
// a share of the time that is not worth it.
func TestRisesInTime(t *testing.T) {
	now, next := int64(0), int64(never)
	l := &polled{o: Options{Clock: func() int64 { return now }, Wake: func(int64) int64 { return next }}}
	for i := range int64(1000) {
		l.woken(25_000 + i*7%11*1000) // as often less than 30 µs as more
		if i%100 == 0 {
			l.woken(50e6) // somebody else had the processor
		}
	}
	if l.ahead < 28_000 || l.ahead > 32_000 {
		t.Errorf("rises %d ns before its time", l.ahead)
	}
	for _, c := range []struct{ next, ahead int64 }{
		{1e9, l.ahead},
		{80_000, 10_000},
		{0, wakeFloor / riseShare},
	} {
		next = c.next
		if l.callWake(); l.next-l.rise != c.ahead || l.next < wakeFloor {
			t.Errorf("%d ns ahead it rises %d ns before, want %d", c.next, l.next-l.rise, c.ahead)
		}
	}
	next = never
	if l.callWake(); l.rise != never {
		t.Error("rises for what never comes")
	}
	for range 1000 {
		l.woken(1e9)
	}
	if l.ahead != mostAhead {
		t.Errorf("rises %d ns before its time", l.ahead)
	}
}
