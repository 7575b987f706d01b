//go:build linux

package eventloop_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"testing"
	"time"

	"mqtk/broker"
	"mqtk/broker/eventloop"
	"mqtk/mqttwire"
	"mqtk/mqttwire/conformance"
	"mqtk/mqttwire/transport"
)

// serve runs a broker behind the event loop and returns its address. At the end
// of the test no descriptor may be left.
func serve(t *testing.T, network, address string) net.Addr {
	t.Helper()
	files := descriptors(t)
	t.Cleanup(func() {
		if now := descriptors(t); now > files {
			t.Errorf("%d descriptors are open, %d were before", now, files)
		}
	})
	return run(t, broker.Options{Driver: newDriver(t)}, network, address)
}

func newDriver(t testing.TB) *eventloop.Driver {
	t.Helper()
	driver, err := eventloop.New(2)
	if err != nil {
		t.Fatal(err)
	}
	return driver
}

// run serves until the end of the test, when the broker is shut down.
func run(t testing.TB, o broker.Options, network, address string, set ...conformance.Setting) net.Addr {
	t.Helper()
	o.Limits = broker.DefaultLimits()
	for _, s := range set {
		if err := o.Limits.Set(s.Key, s.Value); err != nil {
			t.Fatal(err)
		}
	}
	b, err := broker.New(o)
	if err != nil {
		t.Fatal(err)
	}
	l := listen(t, network, address)
	served := make(chan error, 1)
	go func() { served <- b.Serve(l) }()
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
		defer cancel()
		if err := b.Shutdown(ctx); err != nil {
			t.Errorf("Shutdown: %v", err)
		}
		if err := <-served; err != broker.ErrClosed {
			t.Errorf("Serve returned %v", err)
		}
	})
	return l.Addr()
}

// listen opens a listener that the loops accept from, or, for a network that ends
// in "alone", one that only itself accepts from.
func listen(t testing.TB, network, address string) (l net.Listener) {
	t.Helper()
	var err error
	switch network {
	case "tcp":
		l, err = transport.Listen("mqtt://"+address, transport.ListenOptions{})
	case "unix":
		l, err = transport.Listen("unix://"+address, transport.ListenOptions{})
	default:
		l, err = net.Listen(strings.TrimSuffix(network, "alone"), address)
	}
	if err != nil {
		t.Fatal(err)
	}
	return l
}

func descriptors(t *testing.T) int {
	entries, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Skip("this system does not list open descriptors")
	}
	return len(entries)
}

// client is the other end, packet by packet.
type client struct {
	t *testing.T
	net.Conn
	*mqttwire.Reader
}

func dial(t *testing.T, a net.Addr) *client {
	t.Helper()
	nc, err := net.Dial(a.Network(), a.String())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { nc.Close() })
	nc.SetDeadline(time.Now().Add(time.Minute))
	r := mqttwire.NewReader(nc)
	r.Version, r.From = mqttwire.V5, mqttwire.Server
	return &client{t, nc, r}
}

func (c *client) send(lines ...string) {
	c.t.Helper()
	var b []byte
	for _, line := range lines {
		p, err := mqttwire.ParseText(line, mqttwire.V5)
		if err != nil {
			c.t.Fatal(err)
		}
		if b, err = p.Append(b, mqttwire.V5); err != nil {
			c.t.Fatal(err)
		}
	}
	if _, err := c.Write(b); err != nil {
		c.t.Fatal(err)
	}
}

func (c *client) expect(line string) {
	c.t.Helper()
	want, err := mqttwire.ParseLine(line)
	if err != nil {
		c.t.Fatal(err)
	}
	p, err := c.ReadPacket()
	if err != nil {
		c.t.Fatalf("want %s, got %v", line, err)
	}
	if err := want.Match(mqttwire.LineOf(p, mqttwire.V5), mqttwire.V5); err != nil {
		c.t.Fatal(err)
	}
}

func connected(t *testing.T, a net.Addr, id string) *client {
	t.Helper()
	c := dial(t, a)
	c.send("CONNECT version=5 clean-start=1 client-id=" + id)
	c.expect("CONNACK Success")
	return c
}

func TestPublishOverTCPAndUnix(t *testing.T) {
	for network, address := range map[string]string{
		"tcp": "127.0.0.1:0", "tcpalone": "127.0.0.1:0",
		"unix": filepath.Join(t.TempDir(), "s"), "unixalone": filepath.Join(t.TempDir(), "a"),
	} {
		t.Run(network, func(t *testing.T) {
			a := serve(t, network, address)
			s, p := connected(t, a, "s"), connected(t, a, "p")
			s.send("SUBSCRIBE packet-id=1 filter=a/# qos=2")
			s.expect("SUBACK packet-id=1 GrantedQoS2")
			p.send("PUBLISH topic=a/b qos=1 packet-id=1 payload=one", "PUBLISH topic=a/b payload=two")
			p.expect("PUBACK packet-id=1")
			s.expect("PUBLISH topic=a/b qos=1 payload=one")
			s.expect("PUBLISH topic=a/b payload=two")
			p.send("DISCONNECT NormalDisconnection")
			if _, err := p.ReadPacket(); err != io.EOF {
				t.Errorf("after DISCONNECT: %v, want EOF", err)
			}
		})
	}
}

// A packet much larger than the read buffer comes in by small pieces and goes
// out through a socket that takes only a part of it at a time.
func TestLargePackets(t *testing.T) {
	a := serve(t, "tcp", "127.0.0.1:0")
	s, p := connected(t, a, "s"), connected(t, a, "p")
	s.send("SUBSCRIBE packet-id=1 filter=big qos=1")
	s.expect("SUBACK GrantedQoS1")
	payload := bytes.Repeat([]byte("0123456789abcdef"), 60_000)
	const n = 12
	go func() {
		for i := range n {
			b, err := (&mqttwire.Publish{Topic: "big", QoS: 1, PacketID: mqttwire.PacketID(i + 1), Payload: payload}).Append(nil, mqttwire.V5)
			if err != nil {
				t.Error(err)
				return
			}
			for len(b) > 0 {
				k := min(len(b), 10_000+i)
				if _, err := p.Write(b[:k]); err != nil {
					t.Error(err)
					return
				}
				b = b[k:]
			}
		}
	}()
	for i := range n {
		packet, err := s.ReadPacket()
		if err != nil {
			t.Fatal(err)
		}
		got := packet.(*mqttwire.Publish)
		if !bytes.Equal(got.Payload, payload) {
			t.Fatalf("message %d: %d bytes differ from what was sent", i, len(got.Payload))
		}
		s.send("PUBACK packet-id=" + strconv.Itoa(int(got.PacketID)))
		p.expect("PUBACK packet-id=" + strconv.Itoa(i+1))
	}
}

// A receiver that takes its time, but takes, is waited for: everything arrives,
// in order, though far more is published than its outbox and socket hold. One that
// gets no processor for half a second is not, so it may try some times.
func TestSlowReceiverGetsEverything(t *testing.T) {
	var err error
	for range 5 {
		if err = receiveSlowly(t); err == nil {
			return
		}
		t.Log(err)
	}
	t.Error(err)
}

func receiveSlowly(t *testing.T) error {
	a := serve(t, "tcp", "127.0.0.1:0")
	s, p := connected(t, a, "s"), connected(t, a, "p")
	s.Conn.(*net.TCPConn).SetReadBuffer(64 << 10)
	s.send("SUBSCRIBE packet-id=1 filter=flood")
	s.expect("SUBACK GrantedQoS0")
	const n = 20_000
	body := bytes.Repeat([]byte{'x'}, 1000)
	published := make(chan struct{})
	go func() {
		defer close(published)
		var b []byte
		for i := range n {
			payload := append(strconv.AppendInt(nil, int64(i), 10), body...)
			b, _ = (&mqttwire.Publish{Topic: "flood", Payload: payload}).Append(b[:0], mqttwire.V5)
			if _, err := p.Write(b); err != nil {
				t.Error(err)
				return
			}
		}
	}()
	for i := range n {
		packet, err := s.ReadPacket()
		if err != nil {
			return err
		}
		if got := packet.(*mqttwire.Publish).Payload; !bytes.HasPrefix(got, append(strconv.AppendInt(nil, int64(i), 10), 'x')) {
			<-published // it is waited for no longer
			return fmt.Errorf("message %d begins with %.10q", i, got)
		}
		if i%2000 == 0 {
			for range 50 {
				runtime.Gosched()
			}
		}
	}
	return nil
}

// The last packet reaches a client that has unread input on its way to us.
func TestClosingPacketArrives(t *testing.T) {
	a := serve(t, "tcp", "127.0.0.1:0")
	for i := range 20 {
		c := connected(t, a, "c"+strconv.Itoa(i))
		c.send("PINGREQ", "SUBSCRIBE packet-id=1 filter=x")
		c.Write(append([]byte{0x36, 0x02}, make([]byte, 300_000)...)) // QoS 3, and much behind it
		c.expect("PINGRESP")
		c.expect("SUBACK GrantedQoS0")
		c.expect("DISCONNECT MalformedPacket")
		if _, err := c.ReadPacket(); err != io.EOF {
			t.Fatalf("after DISCONNECT: %v, want EOF", err)
		}
	}
}

func TestTakeOverAndWill(t *testing.T) {
	a := serve(t, "tcp", "127.0.0.1:0")
	w := connected(t, a, "watcher")
	w.send("SUBSCRIBE packet-id=1 filter=will")
	w.expect("SUBACK GrantedQoS0")
	one := dial(t, a)
	one.send("CONNECT version=5 clean-start=1 client-id=same will-topic=will will-payload=gone")
	one.expect("CONNACK Success")
	two := connected(t, a, "same")
	one.expect("DISCONNECT SessionTakenOver")
	w.expect("PUBLISH topic=will payload=gone")
	three := dial(t, a)
	three.send("CONNECT version=5 clean-start=1 client-id=three will-topic=will will-payload=reset")
	three.expect("CONNACK Success")
	three.Conn.(*net.TCPConn).SetLinger(0) // a reset
	three.Close()
	w.expect("PUBLISH topic=will payload=reset")
	two.send("PINGREQ")
	two.expect("PINGRESP")
}

// Shutdown with many connections tells each of them, and leaves no descriptor:
// serve checks that.
func TestShutdown(t *testing.T) {
	var clients []*client
	t.Run("serve", func(t *testing.T) {
		a := serve(t, "tcp", "127.0.0.1:0")
		for i := range 200 {
			clients = append(clients, connected(t, a, "c"+strconv.Itoa(i)))
		}
		go func() {
			for _, c := range clients {
				c.ReadPacket()
				c.Close()
			}
		}()
	})
}

// TestConformance plays all scripts of the standard over real sockets, with
// both drivers, side by side since most of it is waiting.
func TestConformance(t *testing.T) {
	if testing.Short() {
		t.Skip("skip: takes half a minute of real time")
	}
	scripts, err := conformance.Scripts()
	if err != nil {
		t.Fatal(err)
	}
	for _, kind := range []string{"eventloop", "goroutine"} {
		for _, group := range conformance.BySettings(scripts) {
			t.Run(kind+"/"+conformance.SettingsKey(group[0].Settings), func(t *testing.T) {
				t.Parallel()
				o := broker.Options{}
				if kind == "eventloop" {
					o.Driver = newDriver(t)
				}
				play(t, run(t, o, "tcp", "127.0.0.1:0", group[0].Settings...), group)
			})
		}
	}
}

// play runs scripts side by side. Their times are real, and a busy machine may
// be late: what fails is played again alone, some times, and must pass once.
func play(t *testing.T, a net.Addr, scripts []*conformance.Script) {
	dialer := func(ctx context.Context) (net.Conn, error) {
		var d net.Dialer
		return d.DialContext(ctx, a.Network(), a.String())
	}
	o := conformance.Options{
		Prefix: conformance.NewPrefix(), Settings: scripts[0].Settings, Strict: true,
		Have: []string{"anonymous"}, Parallel: 32, Patience: 15 * time.Second,
	}
	for i, r := range conformance.RunAll(t.Context(), scripts, dialer, o, nil) {
		for tries := 5; r.Outcome == conformance.Fail && tries > 0; tries-- {
			t.Logf("once more: %v", r)
			o.Prefix = conformance.NewPrefix()
			r = conformance.Run(t.Context(), scripts[i], dialer, o)
		}
		if r.Outcome == conformance.Fail {
			t.Error(r)
		}
	}
}
