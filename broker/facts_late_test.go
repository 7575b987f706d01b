package broker_test

import (
	"context"
	"net/netip"
	"testing"
	"testing/synctest"
	"time"

	"mqtk/broker"
	"mqtk/mqttwire"
	"mqtk/mqttwire/transport"
)

// waiting lets everybody in, once told to.
type waiting chan struct{}

func (w waiting) Authenticate(ctx context.Context, c *broker.Credentials) (broker.Identity, error) {
	<-w
	return broker.Identity{Username: c.Username}, nil
}

// Who is banned while an Authenticator thinks takes over no session any more.
func TestLateAnswerTakesNothingOver(t *testing.T) {
	bubble(t, broker.Options{}, nil, func(w *world) {
		first := w.connect5("a", "clean-start=1")
		watch := w.connect5("watch", "clean-start=1")
		watch.subscribe("#", 0, "")
		think := make(waiting)
		w.gate = broker.NewGate(broker.GateRules{Authenticator: think})
		c := w.from("192.0.2.9:1", "late", mqttwire.V5)
		c.send("CONNECT client-id=a clean-start=1 will-topic=gone will-payload=x")
		synctest.Wait()
		w.b.SetBans(broker.Bans{Addresses: []netip.Prefix{netip.MustParsePrefix("192.0.2.8/29")}})
		close(think)
		c.eof()
		first.alive()
		watch.quiet(time.Second)
	})
}

// A reload while rights cannot be loaded leaves to everybody what is known of him.
func TestSetAuthorizerKeepsWhatIsKnown(t *testing.T) {
	withLedger(t, nil, func(w *world, l *ledger) {
		a := w.connect5("a", "clean-start=1")
		l.breaks(true)
		if err := w.b.SetAuthorizer(w.t.Context(), l); err != nil {
			t.Fatal(err)
		}
		a.send("PUBLISH topic=no qos=1 packet-id=1", "PUBLISH topic=yes qos=1 packet-id=2")
		a.expect("PUBACK NotAuthorized packet-id=1", "PUBACK NoMatchingSubscribers packet-id=2")
	}, "publish no")
}

// A connection of layers breaks where it is told to.
type glass struct {
	shy
	breaks bool
}

func (g *glass) Read(p []byte) (int, error) {
	n, err := g.shy.Read(p)
	if g.breaks {
		panic("the layers broke")
	}
	return n, err
}

// A panic in what comes before MQTT, or lies below it, ends its connection alone,
// and leaves no count behind.
func TestPanicBelowMQTT(t *testing.T) {
	bubble(t, broker.Options{}, []string{"max_connections_per_address=1"}, func(w *world) {
		other := w.connect5("other", "clean-start=1")
		come := func(g *glass) *client {
			near, far := transport.MemPair()
			g.caller = caller{Conn: far, from: netip.MustParseAddrPort("192.0.2.1:1")}
			w.knock(g)
			c := &client{w: w, name: "glass", version: mqttwire.V5, conn: near, lines: make(chan received, 8)}
			w.clients = append(w.clients, c)
			go c.read()
			return c
		}
		come(&glass{shy: shy{shake: func(context.Context) error { panic("the handshake broke") }}}).eof()
		fine := func(context.Context) error { return nil }
		c := come(&glass{shy: shy{shake: fine}, breaks: true})
		c.send("CONNECT client-id=g clean-start=1")
		c.eof()
		if n := w.b.Panics(); n != 2 {
			t.Errorf("%d panics", n)
		}
		c = come(&glass{shy: shy{shake: fine}})
		c.send("CONNECT client-id=g clean-start=1")
		c.expect("CONNACK Success")
		other.alive()
	})
}
