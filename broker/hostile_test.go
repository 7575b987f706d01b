package broker_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"mqtk/broker"
	"mqtk/broker/eventloop"
	"mqtk/mqttwire"
	"mqtk/mqttwire/transport"
)

// The hostile tests attack a broker and then ask after the others: a pair of
// healthy clients that was there before, and one that comes now. Each test has
// the name of what it attacks. Those in a bubble run in fake time and over
// connections in memory; those over the loopback measure memory, or need the
// sockets of a real system.

// siege is a broker under attack.
type siege struct {
	*testing.T
	broker    *broker.Broker
	dial      func() (net.Conn, error)
	patience  time.Duration // for whatever is bound to come
	publisher *guest        // the healthy pair
	receiver  *guest
	rounds    int
	panics    int64 // provoked by the test itself

	work sync.WaitGroup // what tests run beside

	mu    sync.Mutex
	conns []net.Conn
}

// inBubble runs a siege in fake time. A goroutine that is left behind at its
// end fails it.
func inBubble(t *testing.T, o broker.Options, attack func(s *siege)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		l := transport.NewMemListener()
		s := &siege{T: t, patience: time.Second}
		s.dial = func() (net.Conn, error) { return l.Dial(t.Context()) }
		s.open(o, l)
		defer s.close()
		attack(s)
	})
}

// overLoopback runs a siege over TCP, with each driver.
func overLoopback(t *testing.T, o broker.Options, attack func(s *siege)) {
	t.Helper()
	t.Run("goroutines", func(t *testing.T) { driven(t, o, attack) })
	d, err := eventloop.New(2)
	if errors.Is(err, errors.ErrUnsupported) {
		return
	}
	if err != nil {
		t.Fatal(err)
	}
	o.Driver = d
	t.Run("event loop", func(t *testing.T) { driven(t, o, attack) })
}

func driven(t *testing.T, o broker.Options, attack func(s *siege)) {
	t.Helper()
	before := runtime.NumGoroutine()
	if o.Driver != nil {
		before -= 2 // its loops, which end with the broker
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := &siege{T: t, patience: ample}
	s.dial = func() (net.Conn, error) { return net.Dial("tcp", l.Addr().String()) }
	s.open(o, l)
	func() {
		defer s.close()
		attack(s)
	}()
	if !eventually(func() bool { return runtime.NumGoroutine() <= before }) {
		stacks := make([]byte, 1<<20)
		t.Errorf("%d goroutines were there before, %d are now:\n%s", before, runtime.NumGoroutine(), stacks[:runtime.Stack(stacks, true)])
	}
}

// ample is how long real time may take over what is bound to happen, on a machine
// that has other work.
const ample = time.Minute

// eventually asks until the answer is yes.
func eventually(yes func() bool) bool {
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for end := time.Now().Add(ample); !yes(); <-tick.C {
		if time.Now().After(end) {
			return false
		}
	}
	return true
}

// limits are the defaults with some changed: key, value, key, value.
func limits(t *testing.T, changes ...string) broker.Limits {
	t.Helper()
	l := broker.DefaultLimits()
	for pair := range slices.Chunk(changes, 2) {
		if err := l.Set(pair[0], pair[1]); err != nil {
			t.Fatal(err)
		}
	}
	return l
}

func (s *siege) open(o broker.Options, l net.Listener) {
	o.Log = slog.New(slog.NewTextHandler(s.Output(), &slog.HandlerOptions{Level: slog.LevelError}))
	b, err := broker.New(o)
	if err != nil {
		s.Fatal(err)
	}
	s.broker = b
	go b.Serve(l)
	s.publisher = s.connect("version=5 client-id=well-1 username=well")
	s.receiver = s.connect("version=5 client-id=well-2 username=well")
	s.receiver.send("SUBSCRIBE packet-id=1 filter=well/# qos=1")
	s.receiver.expect("SUBACK GrantedQoS1")
}

// close asks after the others a last time and sees that everything ends.
func (s *siege) close() {
	if !s.Failed() {
		s.others()
	}
	s.mu.Lock()
	for _, nc := range s.conns {
		nc.Close()
	}
	s.mu.Unlock()
	s.work.Wait()
	ctx, cancel := context.WithTimeout(context.Background(), ample)
	defer cancel()
	if err := s.broker.Shutdown(ctx); err != nil {
		s.Errorf("Shutdown: %v", err)
	}
	if n := s.broker.Panics(); n != s.panics {
		s.Errorf("%d panics were caught, not %d", n, s.panics)
	}
}

// others must not have noticed: the healthy pair exchanges a message at QoS 1,
// and a new client connects.
func (s *siege) others() {
	s.Helper()
	start := time.Now()
	s.rounds++
	s.publisher.send(fmt.Sprintf("PUBLISH topic=well/a qos=1 packet-id=%d payload=%d", s.rounds, s.rounds))
	m := s.receiver.expect(fmt.Sprintf("PUBLISH topic=well/a qos=1 payload=%d", s.rounds)).(*mqttwire.Publish)
	s.receiver.put(&mqttwire.Ack{Kind: mqttwire.PUBACK, PacketID: m.PacketID})
	s.publisher.expect(fmt.Sprintf("PUBACK Success packet-id=%d", s.rounds))
	g := s.connect(fmt.Sprintf("version=5 clean-start=1 client-id=new-%d username=well", s.rounds))
	g.send("PINGREQ")
	g.expect("PINGRESP")
	g.send("DISCONNECT NormalDisconnection")
	g.expectEnd()
	g.Close()
	if took := time.Since(start); took > s.patience {
		s.Errorf("the others were served after %v", took)
	}
}

// guest is a connection to the broker, good or evil.
type guest struct {
	net.Conn
	s *siege
	r *mqttwire.Reader
}

// knock opens a connection and says nothing.
func (s *siege) knock(v mqttwire.Version) *guest {
	s.Helper()
	nc, err := s.dial()
	if err != nil {
		s.Fatal(err)
	}
	s.mu.Lock()
	s.conns = append(s.conns, nc)
	s.mu.Unlock()
	r := mqttwire.NewReader(nc)
	r.Version, r.From = v, mqttwire.Server
	return &guest{nc, s, r}
}

// connect opens a connection whose CONNECT has these fields, and is accepted.
func (s *siege) connect(fields string) *guest {
	s.Helper()
	g := s.ask(fields)
	g.expect("CONNACK Success")
	return g
}

// ask opens a connection and sends a CONNECT with these fields.
func (s *siege) ask(fields string) *guest {
	s.Helper()
	line, err := mqttwire.ParseLine("CONNECT " + fields)
	if err != nil {
		s.Fatal(err)
	}
	p, err := line.Packet(mqttwire.V5)
	if err != nil {
		s.Fatal(err)
	}
	g := s.knock(p.(*mqttwire.Connect).Version)
	g.put(p)
	return g
}

// send sends packets given as text.
func (g *guest) send(lines ...string) {
	g.s.Helper()
	g.write(g.bytes(lines...))
}

// bytes are packets given as text, on the wire.
func (g *guest) bytes(lines ...string) (all []byte) {
	g.s.Helper()
	for _, line := range lines {
		p, err := mqttwire.ParseText(line, g.r.Version)
		if err != nil {
			g.s.Fatalf("%s: %v", line, err)
		}
		if all, err = p.Append(all, g.r.Version); err != nil {
			g.s.Fatalf("%s: %v", line, err)
		}
	}
	return all
}

func (g *guest) put(packets ...mqttwire.Packet) {
	g.s.Helper()
	var all []byte
	for _, p := range packets {
		var err error
		if all, err = p.Append(all, g.r.Version); err != nil {
			g.s.Fatal(err)
		}
	}
	g.write(all)
}

// write sends bytes that the broker is bound to take.
func (g *guest) write(b []byte) {
	g.s.Helper()
	g.SetWriteDeadline(time.Now().Add(g.s.patience))
	if _, err := g.Write(b); err != nil {
		g.s.Fatalf("write: %v", err)
	}
}

// next is the next packet, or nil at the end of the connection.
func (g *guest) next() mqttwire.Packet {
	g.s.Helper()
	return g.within(g.s.patience)
}

func (g *guest) within(d time.Duration) mqttwire.Packet {
	g.s.Helper()
	g.SetReadDeadline(time.Now().Add(d))
	p, err := g.r.ReadPacket()
	var wrong *mqttwire.Error
	switch {
	case errors.As(err, &wrong):
		g.s.Fatalf("the broker sent what does not decode: %v", err)
	case errors.Is(err, os.ErrDeadlineExceeded):
		g.s.Fatalf("nothing came for %v", d)
	case err != nil:
		return nil
	}
	return p
}

// expect reads a packet and compares it with a line.
func (g *guest) expect(want string) mqttwire.Packet {
	g.s.Helper()
	p := g.next()
	if err := g.compare(want, p); err != nil {
		g.s.Fatal(err)
	}
	return p
}

func (g *guest) compare(want string, p mqttwire.Packet) error {
	g.s.Helper()
	if p == nil {
		return fmt.Errorf("%s is expected, and the connection ended", want)
	}
	line, err := mqttwire.ParseLine(want)
	if err != nil {
		return err
	}
	got := mqttwire.LineOf(p, g.r.Version)
	if err := line.Match(got, g.r.Version); err != nil {
		return fmt.Errorf("%w, and %.200s came", err, got)
	}
	return nil
}

// expectEnd reads up to the end of the connection, and nothing comes before it.
func (g *guest) expectEnd() {
	g.s.Helper()
	if p := g.next(); p != nil {
		g.s.Fatalf("the end is expected, and %.200s came", mqttwire.LineOf(p, g.r.Version))
	}
}

// expectClosed reads up to the end, over everything that comes, and compares
// the last packet with a line; on 3.x there is no such packet.
func (g *guest) expectClosed(want string) {
	g.s.Helper()
	var last mqttwire.Packet
	var got string
	for p := g.next(); p != nil; p = g.next() {
		got = mqttwire.LineOf(p, g.r.Version).String()
		if p.Type() == mqttwire.DISCONNECT {
			last = p
			if err := g.compare(want, p); err != nil {
				g.s.Error(err)
			}
		}
	}
	if last == nil && g.r.Version == mqttwire.V5 && !strings.HasPrefix(want, "?") {
		g.s.Errorf("%s is expected before the end, not %.200q", want, got)
	}
}

// quiet says that nothing comes for a while. It is for bubbles.
func (g *guest) quiet(d time.Duration) {
	g.s.Helper()
	g.SetReadDeadline(time.Now().Add(d))
	p, err := g.r.ReadPacket()
	switch {
	case err == nil:
		g.s.Fatalf("nothing is expected, and %.200s came", mqttwire.LineOf(p, g.r.Version))
	case !errors.Is(err, os.ErrDeadlineExceeded):
		g.s.Fatalf("silence is expected, and the connection ended: %v", err)
	}
	g.r = again(g)
}

// again is a Reader that has not seen the time-out.
func again(g *guest) *mqttwire.Reader {
	r := mqttwire.NewReader(g.Conn)
	r.Version, r.From = g.r.Version, g.r.From
	return r
}

// heap is the memory of live objects and stacks.
func heap() int64 {
	runtime.GC()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc + m.StackInuse)
}

// scale is a number of things, fewer where each of them takes longer.
func scale(n int) int {
	if raceEnabled {
		return max(n/10, 1)
	}
	return n
}
