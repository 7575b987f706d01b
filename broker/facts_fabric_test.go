package broker_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"slices"
	"sync"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"mqtk/broker"
	"mqtk/mqttwire"
	"mqtk/mqttwire/transport"
)

// A notebook is a Fabric that writes down what it is told.
type notebook struct {
	mu    sync.Mutex
	notes []string
}

func (n *notebook) note(format string, a ...any) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.notes = append(n.notes, fmt.Sprintf(format, a...))
}

func (n *notebook) Publish(m *broker.Message) {
	n.note("%s=%s from %s", m.Topic, m.Payload, m.From)
}

func (n *notebook) Interest(filter string, delta int) { n.note("%s %+d", filter, delta) }

func (n *notebook) Claim(context.Context, string) (broker.SessionState, error) { return nil, nil }

// wants compares what was written down since the last call.
func (n *notebook) wants(t *testing.T, want ...string) {
	t.Helper()
	synctest.Wait()
	n.mu.Lock()
	defer n.mu.Unlock()
	if !slices.Equal(n.notes, want) {
		t.Errorf("the fabric is told %q, want %q", n.notes, want)
	}
	n.notes = nil
}

// Other brokers learn what somebody here wants to have, once for each subscription.
func TestFabricLearnsInterest(t *testing.T) {
	n := &notebook{}
	bubble(t, broker.Options{Fabric: n, Store: roomless{}}, nil, func(w *world) {
		a := w.connect5("a", "clean-start=1")
		a.subscribe("x/#", 1, "")
		a.subscribe("x/#", 0, "")
		n.wants(t, "x/# +1")
		a.send("UNSUBSCRIBE packet-id=1 filter=x/# filter=never")
		a.expect("UNSUBACK Success NoSubscriptionExisted packet-id=1")
		n.wants(t, "x/# -1")
		a.subscribe("$share/g/y", 0, "")
		a.leave()
		n.wants(t, "$share/g/y +1", "$share/g/y -1")
		b := w.connect5("b", "session-expiry-interval=60")
		b.send("SUBSCRIBE packet-id=1 filter=z")
		b.expect("SUBACK QuotaExceeded packet-id=1")
		n.wants(t, "z +1", "z -1")
	})
}

// roomless is a Store that keeps sessions and no subscriptions.
type roomless struct{ heirloom }

func (roomless) Replay(func(*broker.Event) error) error { return nil }

func (roomless) Append(events []broker.Event, durable func(error)) error {
	for _, e := range events {
		if e.Kind == broker.EventSubscribe {
			return errNoRoom
		}
	}
	if durable != nil {
		go durable(nil)
	}
	return nil
}

// Other brokers are given what clients of this one say, their wills among it,
// and never what came from another broker or is this one's own.
func TestFabricIsGivenWhatClientsSay(t *testing.T) {
	n := &notebook{}
	bubble(t, broker.Options{Fabric: n}, []string{"sys_interval=1s"}, func(w *world) {
		a := w.connect5("a", "clean-start=1")
		a.subscribe("t", 0, "")
		a.send("SUBSCRIBE packet-id=1 filter=$SYS/broker/uptime")
		a.expect("SUBACK GrantedQoS0", "PUBLISH topic=$SYS/broker/uptime")
		n.wants(t, "t +1", "$SYS/broker/uptime +1")
		b := w.connect5("b", "clean-start=1 will-topic=t will-payload=gone")
		for qos := range 3 {
			b.send(fmt.Sprintf("PUBLISH topic=t qos=%d packet-id=%d payload=%d", qos, qos, qos))
			a.expect(fmt.Sprintf("PUBLISH topic=t payload=%d", qos))
		}
		b.drop()
		a.expect("PUBLISH topic=t payload=gone")
		n.wants(t, "t=0 from b", "t=1 from b", "t=2 from b", "t=gone from b")
		if got := w.b.Route(&broker.Message{Topic: "t", Payload: []byte("far"), From: "elsewhere"}); got != 1 {
			t.Errorf("a message of another broker matches %d subscriptions, want 1", got)
		}
		a.expect("PUBLISH topic=t payload=far")
		pass(1500 * time.Millisecond)
		a.expect("PUBLISH topic=$SYS/broker/uptime")
		n.wants(t)
	})
}

// An heirloom is a Store that somebody used before.
type heirloom struct{}

func (heirloom) Replay(take func(*broker.Event) error) error {
	return take(&broker.Event{Kind: broker.EventSession, ClientID: "a", Incarnation: 1})
}

func (heirloom) Append([]broker.Event, func(error)) error       { return nil }
func (heirloom) Fetch(uint64, []uint64) ([]broker.Event, error) { return nil, nil }
func (heirloom) Full() bool                                     { return false }
func (heirloom) Close() error                                   { return nil }

// Without file handles to accept with, the broker waits a moment and goes on.
func TestAcceptFails(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b, err := broker.New(broker.Options{})
		if err != nil {
			t.Fatal(err)
		}
		l := &poorListener{MemListener: transport.NewMemListener(), failures: 8}
		served := make(chan error, 1)
		go func() { served <- b.Serve(l) }()
		start := time.Now()
		nc, err := l.Dial(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		w := &world{t: t, b: b, listener: l.MemListener}
		c := &client{w: w, name: "a", version: mqttwire.V5, conn: nc, lines: make(chan received, 8)}
		go c.read()
		c.send("CONNECT client-id=a clean-start=1")
		c.expect("CONNACK Success")
		if waited := time.Since(start); waited < 100*time.Millisecond || waited > 3*time.Second {
			t.Errorf("8 failures took %v", waited)
		}
		nc.Close()
		if err := b.Shutdown(t.Context()); err != nil {
			t.Error(err)
		}
		if err := <-served; !errors.Is(err, broker.ErrClosed) {
			t.Errorf("Serve: %v", err)
		}
	})
}

// A poorListener has no file handles at first.
type poorListener struct {
	*transport.MemListener
	failures int
}

func (l *poorListener) Accept() (net.Conn, error) {
	if l.failures > 0 {
		l.failures--
		return nil, &net.OpError{Op: "accept", Err: syscall.EMFILE}
	}
	return l.MemListener.Accept()
}
