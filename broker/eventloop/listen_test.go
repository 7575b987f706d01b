//go:build linux

package eventloop

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"

	"mqtk/broker"
	"mqtk/mqttwire/transport"
)

// A hall is a broker behind loops that accept, with what its log said.
type hall struct {
	t      *testing.T
	driver *Driver
	broker *broker.Broker
	l      net.Listener
	served chan error

	mu  sync.Mutex
	log strings.Builder
}

func (h *hall) Write(line []byte) (int, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.log.Write(line)
}

func (h *hall) said(what string) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	return strings.Contains(h.log.String(), what)
}

// until waits for what others do, which takes as long as the machine wants.
func (h *hall) until(what string, done func() bool) {
	h.t.Helper()
	ctx, cancel := context.WithTimeout(h.t.Context(), time.Minute)
	defer cancel()
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for !done() {
		select {
		case <-tick.C:
		case <-ctx.Done():
			h.t.Fatalf("%s did not happen", what)
		}
	}
}

func openHall(t *testing.T, url string) *hall {
	t.Helper()
	before := openFiles(t)
	h := &hall{t: t, served: make(chan error, 1)}
	var err error
	if h.driver, err = New(3); err != nil {
		t.Fatal(err)
	}
	h.broker, err = broker.New(broker.Options{Driver: h.driver, Log: slog.New(slog.NewTextHandler(h, nil))})
	if err != nil {
		t.Fatal(err)
	}
	if h.l, err = transport.Listen(url, transport.ListenOptions{}); err != nil {
		t.Fatal(err)
	}
	go func() { h.served <- h.broker.Serve(h.l); close(h.served) }()
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
		defer cancel()
		if err := h.broker.Shutdown(ctx); err != nil {
			t.Errorf("Shutdown: %v", err)
		}
		for range h.served { // Serve closes the door after Shutdown
		}
		if now := openFiles(t); now > before {
			t.Errorf("%d descriptors are open, %d were before", now, before)
		}
	})
	return h
}

func openFiles(t *testing.T) int {
	entries, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Skip("this system does not list open descriptors")
	}
	return len(entries)
}

// connect is a whole hand-shake; the connection closes with the test at latest.
func (h *hall) connect(id string) net.Conn {
	h.t.Helper()
	nc, err := net.Dial(h.l.Addr().Network(), h.l.Addr().String())
	if err != nil {
		h.t.Fatal(err)
	}
	h.t.Cleanup(func() { nc.Close() })
	h.shakeHands(nc, id)
	return nc
}

func (h *hall) shakeHands(nc net.Conn, id string) {
	h.t.Helper()
	nc.SetDeadline(time.Now().Add(time.Minute))
	if _, err := nc.Write(connectBytes(id)); err != nil {
		h.t.Fatal(err)
	}
	var connack [4]byte
	if _, err := io.ReadFull(nc, connack[:]); err != nil || connack != [4]byte{0x20, 2, 0, 0} {
		h.t.Fatalf("%s: % x, %v", id, connack, err)
	}
}

func connectBytes(id string) []byte {
	return append([]byte{0x10, byte(12 + len(id)), 0, 4, 'M', 'Q', 'T', 'T', 4, 2, 0, 60, 0, byte(len(id))}, id...)
}

// What is accepted has the options of the socket that listens: no Nagle, and
// TCP's keep alive.
func TestAcceptedSocketsInheritOptions(t *testing.T) {
	h := openHall(t, "mqtt://127.0.0.1:0")
	h.connect("a").Close() // Serve is at work
	h.until("the end of the first", func() bool { return h.said("disconnected") && h.conns() == nil })
	h.connect("b")
	all := h.conns()
	if len(all) != 1 {
		t.Fatalf("there are %d connections", len(all))
	}
	fd := int(all[0].fd)
	for _, option := range []struct{ level, name, want int }{
		{unix.IPPROTO_TCP, unix.TCP_NODELAY, 1}, {unix.SOL_SOCKET, unix.SO_KEEPALIVE, 1},
		{unix.IPPROTO_TCP, unix.TCP_KEEPIDLE, 60}, {unix.IPPROTO_TCP, unix.TCP_KEEPINTVL, 15}, {unix.IPPROTO_TCP, unix.TCP_KEEPCNT, 9},
	} {
		if got, err := unix.GetsockoptInt(fd, option.level, option.name); got != option.want {
			t.Errorf("option %d of level %d is %d, %v, want %d", option.name, option.level, got, err, option.want)
		}
	}
	// What the broker itself sets holds for those who came later than Serve.
	if got, err := unix.GetsockoptInt(fd, unix.IPPROTO_TCP, unix.TCP_NOTSENT_LOWAT); got <= 0 || got > 256<<10 {
		t.Errorf("TCP_NOTSENT_LOWAT is %d, %v", got, err)
	}
}

func (h *hall) conns() (all []*conn) {
	for fd := range int32(1024) {
		if c := h.driver.conns.get(fd); c != nil {
			all = append(all, c)
		}
	}
	return all
}

// Behind a DISCONNECT there is nothing to be waited for: the connection is closed
// at once, also where the client does not close, and answers before it arrive.
func TestDisconnectClosesAtOnce(t *testing.T) {
	h := openHall(t, "mqtt://127.0.0.1:0")
	nc := h.connect("a")
	nc.Write([]byte{0xC0, 0, 0xE0, 0})
	if got, err := io.ReadAll(nc); err != nil || string(got) != "\xD0\x00" {
		t.Errorf("% x, %v", got, err)
	}
	h.until("the close", func() bool { return h.conns() == nil })
	for i, l := range h.driver.loops {
		if n := l.load.Load(); n != 0 {
			t.Errorf("loop %d counts %d connections", i, n)
		}
	}
}

// Whom the gate does not admit is closed without a word, and its descriptor is
// free at once.
func TestRefusedAtTheDoor(t *testing.T) {
	h := openHall(t, "mqtt://127.0.0.1:0")
	gate := broker.NewGate(broker.GateRules{Deny: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}})
	l, err := transport.Listen("mqtt://127.0.0.1:0", transport.ListenOptions{})
	if err != nil {
		t.Fatal(err)
	}
	served := make(chan error, 1)
	go func() { served <- h.broker.ServeGate(gate, l) }()
	for range 20 {
		nc, err := net.Dial("tcp", l.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		nc.SetDeadline(time.Now().Add(time.Minute))
		if n, err := nc.Read(make([]byte, 1)); err == nil {
			t.Errorf("%d bytes came", n)
		}
		nc.Close()
	}
	if all := h.conns(); len(all) > 0 {
		t.Errorf("%d connections linger", len(all))
	}
	gate.SetRules(broker.GateRules{})
	nc, err := net.Dial("tcp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer nc.Close()
	h.shakeHands(nc, "a")
	other := h.connect("b")
	address := l.Addr().String()
	h.broker.CloseGate(gate) // and its address is free
	if err := <-served; err != broker.ErrClosed {
		t.Errorf("ServeGate: %v", err)
	}
	if n, err := nc.Read(make([]byte, 1)); err != io.EOF {
		t.Errorf("%d bytes, %v", n, err)
	}
	if l, err = transport.Listen("mqtt://"+address, transport.ListenOptions{}); err != nil {
		t.Fatal(err)
	}
	l.Close()
	other.Write([]byte{0xC0, 0})
	var pong [2]byte
	if _, err := io.ReadFull(other, pong[:]); err != nil || pong != [2]byte{0xD0, 0} {
		t.Errorf("another gate's connection: % x, %v", pong, err)
	}
}

func TestConnectionsAreSpread(t *testing.T) {
	h := openHall(t, "mqtt://127.0.0.1:0")
	for i := range 12 {
		h.connect(string(rune('a' + i)))
	}
	for i, l := range h.driver.loops {
		if n := l.load.Load(); n != 4 {
			t.Errorf("loop %d has %d connections of 12", i, n)
		}
	}
}

// A listener that somebody else closes ends Serve, and the connections stay.
func TestListenerClosedFromOutside(t *testing.T) {
	for _, url := range []string{"mqtt://127.0.0.1:0", "unix://" + filepath.Join(t.TempDir(), "s")} {
		h := openHall(t, url)
		nc := h.connect("stays")
		if err := h.l.Close(); err != nil {
			t.Fatal(err)
		}
		if err := <-h.served; !errors.Is(err, net.ErrClosed) {
			t.Errorf("Serve returned %v", err)
		}
		if again, err := net.Dial(h.l.Addr().Network(), h.l.Addr().String()); err == nil {
			again.Close()
			t.Errorf("%s is still open", url)
		}
		if err := h.l.Close(); !errors.Is(err, net.ErrClosed) {
			t.Errorf("closed twice: %v", err)
		}
		nc.Write([]byte{0xC0, 0})
		var pong [2]byte
		if _, err := io.ReadFull(nc, pong[:]); err != nil || pong != [2]byte{0xD0, 0} {
			t.Errorf("% x, %v", pong, err)
		}
	}
}

// Without a free descriptor the broker waits, says so once for each try, and
// lets in who has waited.
func TestOutOfDescriptors(t *testing.T) {
	h := openHall(t, "mqtt://127.0.0.1:0")
	socket, err := unix.Socket(unix.AF_INET, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(socket)
	free := fillDescriptors(t)
	at := h.l.Addr().(*net.TCPAddr)
	if err := unix.Connect(socket, &unix.SockaddrInet4{Addr: [4]byte(at.IP.To4()), Port: at.Port}); err != nil {
		t.Fatal(err)
	}
	unix.Write(socket, connectBytes("patient"))
	h.until("a line in the log", func() bool { return h.said("accept failed; trying again") })
	free()
	var connack [4]byte
	if n, err := unix.Read(socket, connack[:]); n != 4 || connack != [4]byte{0x20, 2, 0, 0} {
		t.Errorf("% x, %v", connack[:max(n, 0)], err)
	}
}

// fillDescriptors takes all descriptors that the process may have, until free.
func fillDescriptors(t *testing.T) (free func()) {
	var limit unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &limit); err != nil {
		t.Fatal(err)
	}
	var filled []int
	few := unix.Rlimit{Cur: 100, Max: limit.Max}
	if err := unix.Setrlimit(unix.RLIMIT_NOFILE, &few); err != nil {
		t.Fatal(err)
	}
	for {
		fd, err := unix.FcntlInt(0, unix.F_DUPFD_CLOEXEC, 0)
		if err != nil {
			break
		}
		filled = append(filled, fd)
	}
	return func() {
		for _, fd := range filled {
			unix.Close(fd)
		}
		unix.Setrlimit(unix.RLIMIT_NOFILE, &limit)
	}
}

// Clients that come while the broker shuts down leave nothing behind, which
// openHall looks at.
func TestShutdownAmongArrivals(t *testing.T) {
	for range 10 {
		t.Run("", func(t *testing.T) {
			h := openHall(t, "mqtt://127.0.0.1:0")
			var arriving sync.WaitGroup
			for range 4 {
				arriving.Go(func() {
					for {
						nc, err := net.Dial("tcp", h.l.Addr().String())
						if err != nil {
							return
						}
						nc.Write(connectBytes("x"))
						nc.Read(make([]byte, 4))
						nc.Close()
					}
				})
			}
			h.until("a connection", func() bool { return h.said("connected") })
			if err := h.broker.Shutdown(t.Context()); err != nil {
				t.Error(err)
			}
			if err := <-h.served; err != broker.ErrClosed {
				t.Errorf("Serve returned %v", err)
			}
			arriving.Wait()
		})
	}
}

func TestAddressesOfPeers(t *testing.T) {
	door := &door{unix: &net.UnixAddr{Name: "@", Net: "unix"}}
	for _, test := range []struct {
		peer syscall.Sockaddr
		want string
	}{
		{&syscall.SockaddrInet4{Addr: [4]byte{192, 0, 2, 7}, Port: 65535}, "192.0.2.7:65535"},
		{&syscall.SockaddrInet6{Addr: netip.MustParseAddr("2001:db8::1").As16(), Port: 80}, "[2001:db8::1]:80"},
		{&syscall.SockaddrInet6{Addr: netip.MustParseAddr("::ffff:192.0.2.7").As16(), Port: 80}, "192.0.2.7:80"},
		{&syscall.SockaddrInet6{Addr: netip.MustParseAddr("fe80::1").As16(), Port: 80, ZoneId: 1 << 30}, "[fe80::1%1073741824]:80"},
		{&syscall.SockaddrUnix{Name: "@"}, "@"},
		{&syscall.SockaddrUnix{Name: "/run/peer"}, "/run/peer"},
	} {
		got := door.addr(test.peer)
		if got.String() != test.want {
			t.Errorf("%+v is %v, want %s", test.peer, got, test.want)
		}
		_, isUnix := test.peer.(*syscall.SockaddrUnix)
		if at, ok := got.(interface{ AddrPort() netip.AddrPort }); ok == isUnix || ok && at.AddrPort().String() != test.want {
			t.Errorf("%+v has the address and port %v", test.peer, at)
		}
	}
}

func TestConnSize(t *testing.T) {
	if size := unsafe.Sizeof(conn{}); size > 48 {
		t.Errorf("an idle connection has %d bytes of the loop, which is to be 48, a size class", size)
	}
}
