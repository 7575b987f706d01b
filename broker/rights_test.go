package broker_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"mqtk/broker"
	"mqtk/mqttwire"
)

// A ledger is an Authorizer that knows nobody before it has loaded his rights,
// which are what the rules deny then.
type ledger struct {
	rules
	mu     sync.Mutex
	loads  []string      // client ids
	broken bool          // nothing can be loaded
	slow   chan struct{} // closed once it answers; nil: at once
	lasts  time.Duration // each answer
}

// page is what the ledger keeps of a client.
type page struct {
	of   *ledger
	deny map[string]bool
}

var errLedger = errors.New("the ledger is not to be had")

func (l *ledger) LoadRights(ctx context.Context, id *broker.Identity) error {
	l.mu.Lock()
	l.loads = append(l.loads, id.ClientID)
	slow, broken := l.slow, l.broken
	l.mu.Unlock()
	nap(l.lasts)
	if slow != nil {
		select {
		case <-slow:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	if broken {
		return errLedger
	}
	l.rules.mu.Lock()
	defer l.rules.mu.Unlock()
	id.Rights.Store(&page{l, l.deny})
	return nil
}

func (l *ledger) Known(id *broker.Identity) bool {
	p, ok := id.Rights.Load().(*page)
	return ok && p.of == l
}

func (l *ledger) Authorize(id *broker.Identity, a broker.Action, topic string) bool {
	if !l.Known(id) {
		return false
	}
	asked := rules{deny: id.Rights.Load().(*page).deny}
	return asked.Authorize(id, a, topic)
}

// loaded is how often a client's rights were loaded.
func (l *ledger) loaded(id string) int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return strings.Count(" "+strings.Join(l.loads, " ")+" ", " "+id+" ")
}

// slows makes the ledger answer once the returned channel is closed.
func (l *ledger) slows() (answers chan struct{}) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.slow = make(chan struct{})
	return l.slow
}

func (l *ledger) breaks(broken bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.broken = broken
}

// withLedger runs f with a broker whose ledger denies that.
func withLedger(t *testing.T, settings []string, f func(w *world, l *ledger), denied ...string) {
	t.Helper()
	l := &ledger{}
	l.set(denied...)
	bubble(t, broker.Options{Authorizer: l}, settings, func(w *world) { f(w, l) })
}

// replace puts rules that deny that in the place of those before.
func (w *world) replace(denied ...string) {
	w.t.Helper()
	r := &rules{}
	r.set(denied...)
	if err := w.b.SetAuthorizer(w.t.Context(), r); err != nil {
		w.t.Fatal(err)
	}
}

func TestRightsAreLoadedBeforeConnack(t *testing.T) {
	withLedger(t, nil, func(w *world, l *ledger) {
		answers := l.slows()
		a := w.dial("a", mqttwire.V5)
		a.send("CONNECT client-id=a clean-start=1 will-topic=yes will-payload=w", "SUBSCRIBE packet-id=1 filter=no filter=yes")
		b := w.dial("b", mqttwire.V311)
		b.send("CONNECT client-id=b clean-start=1 will-topic=no will-payload=w")
		a.quiet(time.Second)
		b.quiet(0)
		close(answers)
		a.expect("CONNACK Success", "SUBACK NotAuthorized GrantedQoS0 packet-id=1")
		b.expect("CONNACK NotAuthorized")
		b.eof()
		if l.loaded("a") != 1 || l.loaded("b") != 1 {
			t.Errorf("loaded: %v", l.loads)
		}
		l.breaks(true)
		for _, v := range []mqttwire.Version{mqttwire.V5, mqttwire.V311, mqttwire.V31} {
			c := w.dial("c", v)
			c.send("CONNECT client-id=c clean-start=1")
			c.expect("CONNACK ServerUnavailable")
			c.eof()
		}
		l.slows() // and not before the time to connect is over
		c := w.dial("c", mqttwire.V5)
		c.send("CONNECT client-id=c clean-start=1")
		c.quiet(2 * time.Second)
		nap(4 * time.Second)
		c.expect("CONNACK ServerUnavailable")
		c.eof()
	}, "subscribe no", "publish no")
}

// revocations are the ways of a message to a client whose right is revoked after
// it has subscribed to t/#, and before the message is delivered.
func revocations() map[string]func(w *world, revoke func()) *client {
	const persistent = "session-expiry-interval=600 receive-maximum=1"
	begin := func(w *world, filter string) (a, pub *client) {
		a = w.connect5("a", persistent)
		a.subscribe(filter, 1, "")
		return a, w.connect5("pub", "clean-start=1")
	}
	return map[string]func(w *world, revoke func()) *client{
		"live": func(w *world, revoke func()) *client {
			a, pub := begin(w, "t/#")
			revoke()
			pub.publish("t/no", "x", "")
			pub.send("PUBLISH topic=t/no payload=x")
			return a
		},
		"queued offline": func(w *world, revoke func()) *client {
			a, pub := begin(w, "t/#")
			a.drop()
			pub.publish("t/no", "x", "")
			revoke()
			return w.connect5("a", persistent)
		},
		"queued online": func(w *world, revoke func()) *client {
			a, pub := begin(w, "t/#")
			pub.publish("t/first", "x", "")
			pub.publish("t/no", "x", "")
			id := field(a.expect("PUBLISH topic=t/first"), "packet-id")
			revoke()
			a.send("PUBACK packet-id=" + id)
			return a
		},
		"in flight": func(w *world, revoke func()) *client {
			a, pub := begin(w, "t/#")
			pub.publish("t/no", "x", "")
			a.expect("PUBLISH topic=t/no")
			a.drop()
			revoke()
			return w.connect5("a", persistent)
		},
		"retained": func(w *world, revoke func()) *client {
			a, pub := begin(w, "other")
			pub.publish("t/no", "x", "retain=1")
			revoke()
			a.subscribe("t/#", 1, "")
			return a
		},
		"shared": func(w *world, revoke func()) *client {
			a, pub := begin(w, "$share/g/t/#")
			revoke()
			pub.publish("t/no", "x", "")
			return a
		},
		"shared and queued": func(w *world, revoke func()) *client {
			a, pub := begin(w, "$share/g/t/#")
			a.drop()
			pub.publish("t/no", "x", "")
			revoke()
			return w.connect5("a", persistent)
		},
		"of a will": func(w *world, revoke func()) *client {
			a, _ := begin(w, "t/#")
			b := w.connect5("b", "clean-start=1 will-topic=t/no will-qos=1 will-payload=x")
			revoke()
			b.drop()
			return a
		},
	}
}

// TestSecurityRevokedRight: what was granted stays subscribed, and what may no
// longer be read is not delivered, whichever way it comes.
func TestSecurityRevokedRight(t *testing.T) {
	for name, way := range revocations() {
		t.Run(name, func(t *testing.T) {
			l := &ledger{}
			bubble(t, broker.Options{Authorizer: l}, nil, func(w *world) {
				a := way(w, func() { w.replace("a receive t/no") })
				a.quiet(time.Second)
				a.alive()
			})
			bubble(t, broker.Options{Authorizer: l}, nil, func(w *world) { // it does come to who may read it
				a := way(w, func() { w.replace("a receive t/other") })
				a.expect("PUBLISH topic=t/no")
			})
		})
	}
}

// TestSecurityRevokedWill: the right to publish a will is asked at CONNECT, with
// its refusal, and again when it goes out.
func TestSecurityRevokedWill(t *testing.T) {
	withLedger(t, nil, func(w *world, l *ledger) {
		watch := w.connect5("watch", "clean-start=1")
		watch.subscribe("will/#", 1, "")
		for v, want := range map[mqttwire.Version]string{mqttwire.V5: "CONNACK NotAuthorized", mqttwire.V311: "CONNACK NotAuthorized", mqttwire.V31: "CONNACK NotAuthorized"} {
			a := w.dial("a", v)
			a.send("CONNECT client-id=a clean-start=1 will-topic=will/no will-payload=w")
			a.expect(want)
			a.eof()
		}
		now := w.connect5("now", "clean-start=1 will-topic=will/a will-payload=now")
		later := w.connect5("later", "session-expiry-interval=60 will-delay-interval=10 will-topic=will/a will-payload=later")
		later.drop()
		w.replace("publish will/a")
		now.drop()
		watch.quiet(time.Minute)
		w.replace()
		now = w.connect5("now", "clean-start=1 will-topic=will/a will-payload=now")
		now.drop()
		watch.expect("PUBLISH topic=will/a payload=now")
	}, "publish will/no")
}

// TestSecurityShareGoesElsewhere: what one member may not read, another one gets.
func TestSecurityShareGoesElsewhere(t *testing.T) {
	const persistent = "session-expiry-interval=600 receive-maximum=1"
	for name, store := range map[string]bool{"memory": false, "store": true} {
		t.Run(name, func(t *testing.T) {
			run := func(f func(w *world)) { bubble(t, broker.Options{}, nil, f) }
			if store {
				run = func(f func(w *world)) { lineageOf(t, nil, func(l *lineage) { f(l.world) }) }
			}
			run(func(w *world) { // queued, for who comes back without the right
				a := w.connect5("a", persistent)
				a.subscribe("$share/g/t/#", 2, "")
				a.drop()
				pub := w.connect5("pub", "clean-start=1")
				pub.publish("t/no", "1", "")
				pub.send2(1, "t/no", "2")
				pub.publish("t/yes", "3", "")
				w.replace("a receive t/no")
				b := w.connect5("b", "clean-start=1")
				b.subscribe("$share/g/t/#", 2, "")
				a = w.connect5("a", persistent)
				a.expect("PUBLISH topic=t/yes payload=3")
				b.expect("PUBLISH topic=t/no qos=1 payload=1", "PUBLISH topic=t/no qos=2 payload=2")
				a.alive()
			})
			run(func(w *world) { // in flight: QoS 1 alone may come twice
				a := w.connect5("a", "session-expiry-interval=600")
				a.subscribe("$share/g/t/#", 2, "")
				pub := w.connect5("pub", "clean-start=1")
				pub.publish("t/no", "1", "")
				pub.send2(1, "t/no", "2")
				second := field(a.expect("PUBLISH payload=1", "PUBLISH payload=2"), "packet-id")
				b := w.connect5("b", "clean-start=1")
				b.subscribe("$share/g/t/#", 2, "")
				a.drop()
				w.replace("a receive t/no")
				a = w.connect5("a", "session-expiry-interval=600")
				a.expect("PUBREL packet-id=" + second)
				b.expect("PUBLISH topic=t/no qos=1 payload=1")
				b.alive()
			})
			run(func(w *world) { // online, behind what fills the window
				a := w.connect5("a", persistent)
				a.subscribe("$share/g/t/#", 1, "")
				pub := w.connect5("pub", "clean-start=1")
				pub.publish("t/yes", "1", "")
				pub.publish("t/no", "2", "")
				id := field(a.expect("PUBLISH payload=1"), "packet-id")
				b := w.connect5("b", "clean-start=1")
				b.subscribe("$share/g/t/#", 1, "")
				w.replace("a receive t/no")
				a.send("PUBACK packet-id=" + id)
				b.expect("PUBLISH topic=t/no payload=2")
				a.alive()
			})
		})
	}
}

// What goes to another member leaves the one and comes to the other in one frame:
// a crash finds it with one of them.
func TestShareGoesElsewhereAtOnce(t *testing.T) {
	lineageOf(t, nil, func(l *lineage) {
		const persistent = "session-expiry-interval=600 receive-maximum=1"
		a := l.connect5("a", persistent)
		a.subscribe("$share/g/t/#", 1, "")
		pub := l.connect5("pub", "clean-start=1")
		pub.publish("t/yes", "1", "")
		pub.publish("t/no", "2", "")
		id := field(a.expect("PUBLISH payload=1"), "packet-id")
		b := l.connect5("b", persistent)
		b.subscribe("$share/g/t/#", 1, "")
		l.replace("a receive t/no")
		a.send("PUBACK packet-id=" + id)
		b.expect("PUBLISH topic=t/no payload=2")
		l.k.mu.Lock()
		defer l.k.mu.Unlock()
		for _, frame := range l.k.frames {
			left, came := false, false
			for _, e := range frame {
				left = left || e.Kind == broker.EventDequeue && e.ClientID == "a" && e.Sequence == 2
				came = came || e.Kind == broker.EventEnqueue && e.ClientID == "b"
			}
			if left != came {
				t.Errorf("left %v, came %v: %v", left, came, frame)
			}
		}
	})
}

// TestSecurityNobodyOfTheShareMay: it goes to nobody, and is not kept for anybody.
func TestSecurityNobodyOfTheShareMay(t *testing.T) {
	lineageOf(t, nil, func(l *lineage) {
		a := l.connect5("a", "session-expiry-interval=600")
		a.subscribe("$share/g/t/#", 1, "")
		a.drop()
		pub := l.connect5("pub", "clean-start=1")
		pub.publish("t/no", "1", "")
		l.replace("receive t/no")
		b := l.connect5("b", "clean-start=1")
		b.subscribe("$share/g/t/#", 1, "")
		a = l.connect5("a", "session-expiry-interval=600")
		a.quiet(time.Second)
		l.replace()
		l.sync()
		l.crash(time.Second)
		a = l.connect5("a", "session-expiry-interval=600")
		a.quiet(time.Second)
	})
}

// anew is a lineage whose brokers have ledgers that deny that.
func anew(l *lineage, denied ...string) *ledger {
	next := &ledger{}
	next.set(denied...)
	l.rights = func() broker.Authorizer { return next }
	return next
}

// TestSecurityUnknownRights: after a restart nobody's rights are known before he
// comes. What is for him waits, and is delivered if he turns out to have them.
func TestSecurityUnknownRights(t *testing.T) {
	lineageOf(t, []string{"queue_qos0=true"}, func(l *lineage) {
		a := l.connect5("a", "session-expiry-interval=600")
		a.subscribe("t/#", 1, "")
		a.drop()
		l.sync()
		rights := anew(l, "a receive t/no")
		l.crash(time.Second)
		pub := l.connect5("pub", "clean-start=1")
		pub.publish("t/no", "1", "")
		pub.publish("t/yes", "2", "")
		pub.send("PUBLISH topic=t/no payload=3", "PUBLISH topic=t/yes payload=4")
		pub.alive()
		if rights.loaded("a") != 0 {
			t.Error("the rights of who is away were loaded")
		}
		a = l.connect5("a", "session-expiry-interval=600")
		a.expect("PUBLISH topic=t/yes qos=1 packet-id=1 payload=2", "PUBLISH topic=t/yes qos=0 payload=4")
		a.send("PUBACK packet-id=1")
		a.alive()
		a.drop() // known from now on, although away
		pub.publish("t/no", "5", "")
		a = l.connect5("a", "session-expiry-interval=600")
		a.alive()
	})
}

// TestSecurityUnknownMember: a member whose rights are not known is the last
// choice of a share; what it then may not read goes to another one.
func TestSecurityUnknownMember(t *testing.T) {
	lineageOf(t, nil, func(l *lineage) {
		a := l.connect5("a", "session-expiry-interval=600")
		a.subscribe("$share/g/t/#", 1, "")
		a.drop()
		l.sync()
		anew(l, "a receive t/no", "c receive t/no")
		l.crash(time.Second)
		pub := l.connect5("pub", "clean-start=1")
		pub.publish("t/no", "1", "")
		pub.publish("t/yes", "2", "")
		b := l.connect5("b", "clean-start=1")
		b.subscribe("$share/g/t/#", 1, "")
		for range 3 {
			pub.publish("t/no", "3", "")
			b.expect("PUBLISH topic=t/no payload=3")
		}
		c := l.connect5("c", "clean-start=1")
		c.subscribe("$share/g/t/#", 1, "")
		a = l.connect5("a", "session-expiry-interval=600")
		a.expect("PUBLISH topic=t/yes payload=2")
		b.expect("PUBLISH topic=t/no payload=1")
		c.alive()
		a.alive()
	})
}

// TestSecurityWillOfUnknown: the rights of who left a will before a restart are
// loaded before it goes out.
func TestSecurityWillOfUnknown(t *testing.T) {
	lineageOf(t, nil, func(l *lineage) {
		for i, id := range []string{"may", "may-not", "orphan"} {
			fields := fmt.Sprintf("session-expiry-interval=600 will-delay-interval=%d will-topic=will/%s will-qos=1 will-payload=w", 60+i, id)
			if id == "orphan" {
				fields = "clean-start=1 will-topic=will/orphan will-qos=1 will-payload=w"
			}
			l.connect5(id, fields)
		}
		l.sync()
		watcher := "session-expiry-interval=600"
		watch := l.connect5("watch", watcher)
		watch.subscribe("will/#", 1, "")
		watch.drop()
		l.sync()
		rights := anew(l, "publish will/may-not")
		l.crash(time.Second)
		watch = l.connect5("watch", watcher)
		watch.expect("PUBLISH topic=will/orphan") // at the start
		pass(50 * time.Second)
		answers := rights.slows()
		watch.quiet(12 * time.Second)
		close(answers)
		watch.expect("PUBLISH topic=will/may")
		watch.quiet(time.Minute)
		if rights.loaded("may") != 1 || rights.loaded("may-not") != 1 {
			t.Errorf("loaded: %v", rights.loads)
		}
	})
}

// TestSecurityWillWithoutLedger: a query that fails denies.
func TestSecurityWillWithoutLedger(t *testing.T) {
	lineageOf(t, nil, func(l *lineage) {
		l.connect5("a", "session-expiry-interval=600 will-delay-interval=10 will-topic=will/a will-payload=w")
		l.sync()
		rights := anew(l)
		l.crash(time.Second)
		watch := l.connect5("watch", "clean-start=1")
		watch.subscribe("will/#", 1, "")
		rights.breaks(true)
		watch.quiet(time.Minute)
		if rights.loaded("a") == 0 {
			t.Error("nobody tried to load the rights")
		}
	})
}

// TestSecurityRetainSource: with check_retain_source a retained message comes only
// while its publisher still may publish it, here and now.
func TestSecurityRetainSource(t *testing.T) {
	withLedger(t, []string{"check_retain_source=true"}, func(w *world, _ *ledger) {
		for _, id := range []string{"good", "bad", "gone"} {
			pub := w.connect5(id, "clean-start=1")
			pub.publish("t/"+id, id, "retain=1")
			if id == "gone" {
				pub.drop()
			}
		}
		a := w.connect5("a", "clean-start=1")
		a.subscribe("t/#", 1, "")
		a.expect("PUBLISH payload=bad", "PUBLISH payload=gone", "PUBLISH payload=good")
		next := &ledger{}
		next.set("bad publish t/bad")
		if err := w.b.SetAuthorizer(w.t.Context(), next); err != nil {
			t.Fatal(err)
		}
		a.subscribe("t/#", 1, "")
		a.expect("PUBLISH payload=gone", "PUBLISH payload=good")
		a.alive()
		next.breaks(true)
		a.subscribe("t/#", 1, "")
		a.quiet(time.Second) // nobody knows what they may
		a.alive()
		next.breaks(false)
		a.subscribe("t/#", 1, "")
		a.expect("PUBLISH payload=gone", "PUBLISH payload=good")
		a.alive()
	})
	forbidden(t, "", func(w *world, r *rules) { // without the option
		pub := w.connect5("bad", "clean-start=1")
		pub.publish("t/bad", "bad", "retain=1")
		r.set("bad publish t/bad")
		a := w.connect5("a", "clean-start=1")
		a.subscribe("t/#", 1, "")
		a.expect("PUBLISH payload=bad")
	})
}

// While the rights of a publisher are loaded, the client gets everything else.
func TestRetainSourceWaitsForNobody(t *testing.T) {
	withLedger(t, []string{"check_retain_source=true"}, func(w *world, l *ledger) {
		pub := w.connect5("pub", "clean-start=1")
		pub.publish("t/1", "kept", "retain=1")
		a := w.connect5("a", "clean-start=1")
		answers := l.slows()
		a.subscribe("t/#", 1, "")
		pub.publish("t/2", "live", "")
		a.expect("PUBLISH payload=live")
		a.alive()
		close(answers)
		a.expect("PUBLISH payload=kept")
		a.subscribe("t/#", 1, "")
		a.expect("PUBLISH payload=kept")
		a.drop()
	})
}

// TestDenyActionDisconnect: whoever does what is denied loses the connection, where
// that is wanted. What may not be delivered is no fault of the client's.
func TestDenyActionDisconnect(t *testing.T) {
	r := &rules{}
	r.set("publish no", "subscribe no/#", "receive yes")
	bubble(t, broker.Options{Authorizer: r}, []string{"deny_action=disconnect"}, func(w *world) {
		for _, v := range []mqttwire.Version{mqttwire.V5, mqttwire.V311, mqttwire.V31} {
			for _, line := range []string{"PUBLISH topic=no payload=x", "PUBLISH topic=no qos=1 packet-id=1 payload=x",
				"PUBLISH topic=no qos=2 packet-id=1 payload=x", "SUBSCRIBE packet-id=1 filter=yes filter=no/#",
				"SUBSCRIBE packet-id=1 filter=$share/g/no/# qos=1", "PUBLISH topic=$SYS/x payload=x"} {
				a := w.connect(v, "a", "clean-start=1")
				a.send(line)
				if v == mqttwire.V5 {
					a.expect("DISCONNECT NotAuthorized")
				}
				a.eof()
			}
			a := w.connect(v, "a", "clean-start=1")
			a.subscribe("yes", 1, "")
			a.send("PUBLISH topic=yes payload=x")
			a.alive()
			a.drop()
		}
	})
}

// TestSetAuthorizerLoadsFirst: until the rights of all are known, the Authorizer
// before decides; and an end of the waiting leaves all as it was.
func TestSetAuthorizerLoadsFirst(t *testing.T) {
	forbidden(t, "publish old", func(w *world, _ *rules) {
		a := w.connect5("a", "clean-start=1")
		next := &ledger{slow: make(chan struct{})}
		next.set("publish new")
		set := make(chan error, 1)
		ctx, cancel := context.WithCancel(w.t.Context())
		go func() { set <- w.b.SetAuthorizer(ctx, next) }()
		decides := func(denied, allowed string) {
			t.Helper()
			a.send("PUBLISH topic="+denied+" qos=1 packet-id=1", "PUBLISH topic="+allowed+" qos=1 packet-id=2")
			a.expect("PUBACK NotAuthorized packet-id=1", "PUBACK NoMatchingSubscribers packet-id=2")
		}
		decides("old", "new")
		cancel()
		if err := <-set; !errors.Is(err, context.Canceled) {
			t.Errorf("SetAuthorizer: %v", err)
		}
		decides("old", "new")
		go func() { set <- w.b.SetAuthorizer(w.t.Context(), next) }()
		pass(time.Second)
		decides("old", "new")
		close(next.slow)
		if err := <-set; err != nil {
			t.Error(err)
		}
		decides("new", "old")
		if err := w.b.SetAuthorizer(w.t.Context(), nil); err != nil {
			t.Error(err)
		}
		a.publish("new", "x", "")
		a.publish("old", "x", "")
	})
}

// TestSetAuthorizerLoadsSideBySide: many clients wait for one another a few times,
// not each for all before it.
func TestSetAuthorizerLoadsSideBySide(t *testing.T) {
	forbidden(t, "", func(w *world, _ *rules) {
		const clients = 40
		for i := range clients {
			w.connect5(fmt.Sprint("c", i), "clean-start=1")
		}
		next := &ledger{lasts: time.Second}
		next.set("publish no")
		began := time.Now()
		if err := w.b.SetAuthorizer(w.t.Context(), next); err != nil {
			t.Fatal(err)
		}
		if took := time.Since(began); took > clients/4*time.Second || len(next.loads) != clients {
			t.Errorf("%d loads took %v", len(next.loads), took)
		}
		for _, c := range w.clients {
			c.send("PUBLISH topic=no qos=1 packet-id=1", "PUBLISH topic=yes qos=1 packet-id=2")
			c.expect("PUBACK NotAuthorized packet-id=1", "PUBACK NoMatchingSubscribers packet-id=2")
		}
	})
}
