package loop

import (
	"errors"
	"io"
	"net"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// inTCP runs a test in the worlds of TCP.
func inTCP(t *testing.T, test func(t *testing.T, p *place)) {
	in(slices.DeleteFunc(worlds(), func(w world) bool { return !strings.HasSuffix(w.name, "TCP") }), t, test)
}

// Two thousand connections, from four addresses, all talk.
func TestManyConnections(t *testing.T) {
	const n = 2000
	inTCP(t, func(t *testing.T, p *place) {
		var mu sync.Mutex
		from := map[string]int{}
		l := p.loop(func(nc net.Conn) {
			mu.Lock()
			from[nc.RemoteAddr().(*net.TCPAddr).IP.String()]++
			mu.Unlock()
			echo(nc)
		})
		var talked, ended sync.WaitGroup
		talked.Add(n)
		ended.Add(n)
		var all []Conn
		on(l, func() {
			for i := range n {
				source := netip.AddrFrom4([4]byte{127, 0, 0, byte(1 + i%4)})
				c := &client{
					over:     make(chan struct{}),
					onOpen:   func(c *client) { c.Queue([]byte("hello")) },
					onClosed: func(*client, error) { ended.Done() },
					onReceived: func(_ *client, in []byte) int {
						if len(in) < 5 {
							return 0
						}
						talked.Done()
						return 5
					},
				}
				c.Conn = l.Connect(c, source, time.Minute)
				all = append(all, c.Conn)
			}
		})
		talked.Wait()
		on(l, func() {
			for _, c := range all {
				c.Close()
			}
		})
		ended.Wait()
		mu.Lock()
		defer mu.Unlock()
		for i := range 4 {
			if got := from[netip.AddrFrom4([4]byte{127, 0, 0, byte(1 + i)}).String()]; got != n/4 {
				t.Errorf("%d connections came from 127.0.0.%d, want %d: %v", got, 1+i, n/4, from)
			}
		}
	})
}

// A reset by the peer is said as such, once.
func TestReset(t *testing.T) {
	inTCP(t, func(t *testing.T, p *place) {
		l := p.loop(func(nc net.Conn) {
			_, _ = nc.Read(make([]byte, 1))
			_ = nc.(*net.TCPConn).SetLinger(0)
		})
		c := join(l, &client{onOpen: func(c *client) { c.Send([]byte("a")) }}, netip.Addr{}, 0)
		if err := c.end(); !errors.Is(err, syscall.ECONNRESET) {
			t.Error(err)
		}
	})
}

// Abort resets, without the bytes that wait.
func TestAbort(t *testing.T) {
	inTCP(t, func(t *testing.T, p *place) {
		cause := make(chan error, 1)
		l := p.loop(func(nc net.Conn) {
			_, err := io.Copy(io.Discard, nc)
			cause <- err
		})
		c := join(l, &client{onOpen: func(c *client) {
			c.Send(pattern(1 << 20))
			c.Abort()
			if c.closes != 1 {
				t.Error("Abort returned before Closed was called")
			}
		}}, netip.Addr{}, 0)
		if err := c.end(); err != nil {
			t.Error(err)
		}
		if err := <-cause; !errors.Is(err, syscall.ECONNRESET) {
			t.Errorf("the peer saw %v", err)
		}
	})
}

func TestConnectRefused(t *testing.T) {
	inTCP(t, func(t *testing.T, p *place) {
		listener, o := p.listen(t)
		listener.Close()
		l := p.run(t, o)
		c := join(l, &client{}, netip.Addr{}, time.Second)
		err := c.end()
		if !errors.Is(err, syscall.ECONNREFUSED) || c.opens != 0 {
			t.Errorf("%v, opened %d times", err, c.opens)
		}
		if !strings.Contains(err.Error(), "dial tcp") || !strings.Contains(err.Error(), o.Address) {
			t.Errorf("the error does not say what was tried: %v", err)
		}
	})
}

// An address that this machine does not have.
func TestConnectFromElsewhere(t *testing.T) {
	inTCP(t, func(t *testing.T, p *place) {
		l := p.loop(echo)
		c := join(l, &client{}, netip.MustParseAddr("192.0.2.1"), time.Second)
		if err := c.end(); !errors.Is(err, syscall.EADDRNOTAVAIL) {
			t.Error(err)
		}
		c = join(l, &client{}, netip.MustParseAddr("::1"), time.Second)
		if err := c.end(); err == nil {
			t.Error("IPv4 was connected to from IPv6")
		}
	})
}
