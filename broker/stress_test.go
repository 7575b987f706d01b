package broker_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"runtime"
	"strconv"
	"sync"
	"testing"
	"time"

	"mqtk/broker"
	"mqtk/broker/eventloop"
	"mqtk/mqttwire"
	"mqtk/mqttwire/transport"
)

// A storm is a broker and dozens of clients that do at random what clients do:
// come, go, vanish, take each other over, subscribe and unsubscribe, publish,
// read slowly or not at all. Members (stress_member_test.go) have sessions that
// last, and each holds the broker to what it promises them; vagrants have not,
// and are in the way. At the end nothing may be left of anybody.
//
// What is random comes from a seed, though threads and sockets add their own.
// STRESS_SEED=n makes n the seed that is otherwise fresh.
type storm struct {
	*testing.T
	broker *broker.Broker
	dial   func() (net.Conn, error)
	seed   uint64
	deep   bool // the queues hold everything, so nothing may be lost
	mortal bool // the broker is killed now and then

	members []*member
	until   time.Time      // when they come to rest
	sending sync.WaitGroup // members with something unacknowledged
	rest    chan struct{}  // nobody publishes any more
	done    chan struct{}  // sessions may end

	mu     sync.Mutex
	shared map[string]int // deliveries of what goes to one member only
	posted int            // how many of it there are
}

func TestStress(t *testing.T) {
	before := runtime.NumGoroutine()
	fresh := rand.Uint64()
	if n, err := strconv.ParseUint(os.Getenv("STRESS_SEED"), 10, 64); err == nil {
		fresh = n
	}
	t.Logf("STRESS_SEED=%d", fresh)
	t.Run("storms", func(t *testing.T) {
		for i, seed := range []uint64{3, fresh} {
			for j, driver := range []string{"eventloop", "goroutines", "memory"} {
				deep := (i+j)%2 == 0
				t.Run(fmt.Sprintf("seed=%d/%s/deep=%t", seed, driver, deep), func(t *testing.T) {
					t.Parallel()
					stress(t, seed, driver, deep)
				})
			}
		}
	})
	if !eventually(func() bool { return runtime.NumGoroutine() <= before }) {
		stacks := make([]byte, 1<<20)
		t.Errorf("%d goroutines were there before, %d are now:\n%s", before, runtime.NumGoroutine(), stacks[:runtime.Stack(stacks, true)])
	}
}

// serveWith runs a broker with one of the drivers.
func serveWith(t *testing.T, driver string, o broker.Options) (b *broker.Broker, dial func() (net.Conn, error)) {
	var listener net.Listener
	switch driver {
	case "memory":
		m := transport.NewMemListener()
		listener, dial = m, func() (net.Conn, error) { return m.Dial(context.Background()) }
	default:
		tcp, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		listener, dial = tcp, func() (net.Conn, error) { return net.Dial("tcp", tcp.Addr().String()) }
	}
	if driver == "eventloop" {
		loops, err := eventloop.New(2)
		if err != nil {
			listener.Close()
			t.Skip(err)
		}
		o.Driver = loops
	}
	b, err := broker.New(o)
	if err != nil {
		t.Fatal(err)
	}
	go b.Serve(listener)
	return b, dial
}

func stress(t *testing.T, seed uint64, driver string, deep bool) {
	queue := "40"
	if deep {
		queue = "1000000"
	}
	w := &storm{T: t, seed: seed, deep: deep, shared: map[string]int{}, rest: make(chan struct{}), done: make(chan struct{})}
	w.broker, w.dial = serveWith(t, driver, broker.Options{Limits: limits(t, "max_outbox_bytes", "12KiB", "max_queued_messages", queue,
		"max_queued_bytes", "512MiB", "session_expiry_3x", "1000s", "connect_timeout", "60s", "sys_interval", "1s")})
	w.blow(500 * time.Millisecond)
}

// blow is the storm, from the first connection to the broker's end.
func (w *storm) blow(length time.Duration) {
	members, vagrants := 9, 9
	if raceEnabled {
		members, vagrants = 5, 4
	}
	for i := range members {
		m := newMember(w, i)
		w.members = append(w.members, m)
		if !m.connect() || !m.enlist() {
			w.FailNow()
		}
	}
	w.until = time.Now().Add(length)
	w.sending.Add(members)
	var ended sync.WaitGroup
	for _, m := range w.members {
		ended.Go(m.live)
	}
	for i := range vagrants {
		ended.Go(func() { w.roam(rand.New(rand.NewPCG(w.seed, uint64(1000+i)))) })
	}
	w.sending.Wait()
	close(w.rest)
	w.settle()
	close(w.done)
	ended.Wait()
	w.leaveNothing()
	ctx, cancel := context.WithTimeout(context.Background(), ample)
	defer cancel()
	if err := w.broker.Shutdown(ctx); err != nil {
		w.Errorf("Shutdown: %v", err)
	}
	if n := w.broker.Panics(); n != 0 {
		w.Errorf("%d panics were caught", n)
	}
}

// settle waits until nothing is under way to anybody, and looks whether all of
// it has arrived.
func (w *storm) settle() {
	if w.Failed() {
		return
	}
	if !eventually(func() bool {
		t := w.broker.Tally()
		return t.Full == 0 && t.Queued == 0 && t.QueuedBytes == 0 && t.Unwritten == 0 && t.Held == 0 && len(w.broker.Unsettled()) == 0
	}) {
		w.Errorf("the broker does not come to rest: %+v", w.broker.Tally())
		for _, line := range w.broker.Unsettled() {
			w.Error(line)
		}
	}
}

// leaveNothing wants nothing to be left of anybody.
func (w *storm) leaveNothing() {
	if w.Failed() {
		return
	}
	if !eventually(func() bool { return w.broker.Tally() == broker.Tally{} }) {
		w.Errorf("this is left: %+v", w.broker.Tally())
	}
	if !w.deep {
		return
	}
	for _, m := range w.members {
		for s, n := range m.published {
			for _, other := range w.members {
				if s.qos > 0 && other.seen[s] != n {
					w.Errorf("%s got %d messages of %v, not %d", other.name, other.seen[s], s, n)
				}
			}
		}
	}
	if len(w.shared) != w.posted {
		w.Errorf("%d messages went to the share, and %d arrived", w.posted, len(w.shared))
	}
}

// roam is the life of a vagrant: connections that come in all ways, and end in
// all ways, for a handful of client ids that are fought for.
func (w *storm) roam(r *rand.Rand) {
	for time.Now().Before(w.until) && !w.Failed() {
		nc, err := w.dial()
		if err != nil {
			w.Error(err)
			return
		}
		w.visit(r, nc)
		if tcp, ok := nc.(*net.TCPConn); ok && r.IntN(3) == 0 {
			tcp.SetLinger(0)
		}
		nc.Close()
	}
}

func (w *storm) visit(r *rand.Rand, nc net.Conn) {
	v := pick(r, mqttwire.V31, mqttwire.V311, mqttwire.V5)
	id := fmt.Sprintf("vagrant-%d", r.IntN(4))
	p := &mqttwire.Connect{Version: v, ClientID: id, CleanStart: v != mqttwire.V5 || r.IntN(2) == 0, KeepAlive: uint16(r.IntN(3))}
	if v == mqttwire.V5 {
		p.Properties = p.Properties.AddNumber(mqttwire.SessionExpiryInterval, uint32(r.IntN(2))).
			AddNumber(mqttwire.ReceiveMaximum, uint32(1+r.IntN(20))).AddNumber(mqttwire.TopicAliasMaximum, uint32(r.IntN(3)))
	}
	if r.IntN(2) == 0 {
		p.Will = &mqttwire.Will{Topic: "v/will", Payload: []byte("x"), QoS: mqttwire.QoS(r.IntN(3)), Retain: r.IntN(4) == 0}
	}
	packets := []mqttwire.Packet{p}
	for i := range r.IntN(4) {
		packets = append(packets, &mqttwire.Subscribe{PacketID: mqttwire.PacketID(1 + i), Subscriptions: []mqttwire.Subscription{
			{Filter: pick(r, "#", "t/+/0", "v/#", "$share/v/v/#", "$share/g/x/nobody", "$SYS/#"), QoS: mqttwire.QoS(r.IntN(3))}}})
	}
	for i := range r.IntN(30) {
		m := &mqttwire.Publish{Topic: "v/" + id, QoS: mqttwire.QoS(r.IntN(3)), Retain: r.IntN(8) == 0, Payload: make([]byte, r.IntN(2000))}
		if m.QoS > 0 {
			m.PacketID = mqttwire.PacketID(100 + i)
		}
		packets = append(packets, m)
	}
	if r.IntN(3) == 0 {
		packets = append(packets, &mqttwire.Disconnect{})
	}
	all := encoded(w, v, packets...)
	if r.IntN(4) == 0 {
		all = all[:r.IntN(len(all))]
	}
	nc.SetDeadline(time.Now().Add(time.Duration(1+r.IntN(60)) * time.Millisecond))
	if _, err := nc.Write(all); err != nil {
		return // taken over, or left unread
	}
	in := mqttwire.NewReader(nc)
	in.Version, in.From = v, mqttwire.Server
	for range r.IntN(200) {
		p, err := in.ReadPacket()
		if wrong, ok := err.(*mqttwire.Error); ok {
			w.Errorf("%s: the broker sent what does not decode: %v", id, wrong)
		}
		if err != nil {
			return
		}
		if m, ok := p.(*mqttwire.Publish); ok && m.QoS > 0 && r.IntN(10) > 0 {
			kind := mqttwire.PUBACK
			if m.QoS == 2 {
				kind = mqttwire.PUBREC
			}
			nc.Write(encoded(w, v, &mqttwire.Ack{Kind: kind, PacketID: m.PacketID}))
		}
	}
}

func encoded(w *storm, v mqttwire.Version, packets ...mqttwire.Packet) (all []byte) {
	for _, p := range packets {
		var err error
		if all, err = p.Append(all, v); err != nil {
			w.Errorf("encode: %v", err)
		}
	}
	return all
}

func pick[T any](r *rand.Rand, choices ...T) T { return choices[r.IntN(len(choices))] }

// Shutdown ends a broker, long before the time to a CONNECT is over, while
// connections arrive in all stages.
func TestShutdownWhileClientsArrive(t *testing.T) {
	for _, driver := range []string{"eventloop", "goroutines", "memory"} {
		t.Run(driver, func(t *testing.T) {
			for range 12 {
				shutdownAmongArrivals(t, driver)
			}
		})
	}
}

func shutdownAmongArrivals(t *testing.T, driver string) {
	b, dial := serveWith(t, driver, broker.Options{Limits: limits(t, "connect_timeout", "10m")})
	connect, err := (&mqttwire.Connect{Version: mqttwire.V5, ClientID: "same"}).Append(nil, mqttwire.V5)
	if err != nil {
		t.Fatal(err)
	}
	var arrivals sync.WaitGroup
	begun := make(chan struct{}, 100)
	for i := range 6 {
		arrivals.Go(func() {
			var all []net.Conn
			for range 100 {
				nc, err := dial()
				if err != nil {
					break
				}
				all = append(all, nc)
				nc.Write(connect[:len(connect)*(i%3)/2])
				select {
				case begun <- struct{}{}:
				default:
				}
			}
			for _, nc := range all {
				nc.Close()
			}
		})
	}
	<-begun
	ctx, cancel := context.WithTimeout(context.Background(), ample)
	defer cancel()
	if err := b.Shutdown(ctx); err != nil {
		t.Errorf("Shutdown: %v", err)
	}
	arrivals.Wait()
	if n := b.Panics(); n != 0 {
		t.Errorf("%d panics were caught", n)
	}
}

// promptly is an Authenticator that answers at once.
type promptly struct{}

func (promptly) Authenticate(context.Context, *broker.Credentials) (broker.Identity, error) {
	return broker.Identity{}, nil
}

// What stands behind CONNECT in one segment is taken up after the pause for the
// authenticator, however short that is.
func TestPacketsBehindShortPauses(t *testing.T) {
	for _, driver := range []string{"eventloop", "goroutines", "memory"} {
		t.Run(driver, func(t *testing.T) {
			b, dial := serveWith(t, driver, broker.Options{Limits: limits(t), Authenticator: promptly{}})
			defer b.Shutdown(context.Background())
			rounds := 3000
			if raceEnabled {
				rounds = 300
			}
			all := encoded(&storm{T: t}, mqttwire.V5, &mqttwire.Connect{Version: mqttwire.V5, CleanStart: true, ClientID: "a"}, &mqttwire.Pingreq{})
			for i := range rounds {
				nc, err := dial()
				if err != nil {
					t.Fatal(err)
				}
				nc.SetDeadline(time.Now().Add(ample))
				nc.Write(all)
				r := mqttwire.NewReader(nc)
				r.Version, r.From = mqttwire.V5, mqttwire.Server
				for _, want := range []mqttwire.PacketType{mqttwire.CONNACK, mqttwire.PINGRESP} {
					if p, err := r.ReadPacket(); err != nil || p.Type() != want {
						t.Fatalf("connection %d, %v: %v", i, want, err)
					}
				}
				nc.Close()
			}
		})
	}
}
