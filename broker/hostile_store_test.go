package broker_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"mqtk/broker"
	"mqtk/mqttwire"
)

// A warden is a keeper that can be held up at its two gates, and does not always
// read.
type warden struct {
	*keeper
	mu      sync.Mutex
	appends func([]broker.Event) // runs before the events are taken
	fetches func()               // runs after they are read
	unread  error                // of Fetch
	refused broker.EventKind     // of which Append takes none
}

func (d *warden) Append(events []broker.Event, durable func(error)) error {
	d.mu.Lock()
	hook, refused := d.appends, d.refused
	d.mu.Unlock()
	if hook != nil {
		hook(events)
	}
	if slices.ContainsFunc(events, func(e broker.Event) bool { return e.Kind == refused }) {
		return errNoRoom
	}
	return d.keeper.Append(events, durable)
}

func (d *warden) Fetch(incarnation uint64, numbers []uint64) ([]broker.Event, error) {
	found, err := d.keeper.Fetch(incarnation, numbers)
	d.mu.Lock()
	hook, unread := d.fetches, d.unread
	d.mu.Unlock()
	if hook != nil {
		hook()
	}
	if unread != nil {
		return nil, unread
	}
	return found, err
}

// holds stops the Append of a message with this payload until the function that
// it returns is called.
func (d *warden) holds(payload string) (release func()) {
	gate := make(chan struct{})
	d.mu.Lock()
	defer d.mu.Unlock()
	d.appends = func(events []broker.Event) {
		if slices.ContainsFunc(events, func(e broker.Event) bool { return e.Message != nil && string(e.Message.Payload) == payload }) {
			<-gate
		}
	}
	return func() { close(gate) }
}

// warded runs f with a broker over a warden.
func warded(t *testing.T, o broker.Options, settings []string, f func(w *world, d *warden)) {
	t.Helper()
	d := &warden{keeper: &keeper{}}
	o.Store = d
	bubble(t, o, settings, func(w *world) {
		d.wake = make(chan struct{}, 1)
		go d.run()
		f(w, d)
	})
}

// What is on its way to the store while it is asked for is not lost.
func TestHostileReadBeforeItIsWritten(t *testing.T) {
	warded(t, broker.Options{}, []string{"max_queued_messages=1"}, func(w *world, d *warden) {
		a := w.connect5("a", "session-expiry-interval=60 receive-maximum=1")
		a.subscribe("t", 1, "")
		pub := w.connect5("pub", "clean-start=1")
		pub.publish("t", "1", "")
		pub.publish("t", "2", "") // in memory
		write, read := d.holds("3"), make(chan struct{})
		d.mu.Lock()
		d.fetches = func() { <-read }
		d.mu.Unlock()
		pub.send("PUBLISH topic=t qos=1 packet-id=3 payload=3") // on disk, or on its way there
		for i := range 2 {
			a.send("PUBACK packet-id=" + field(a.expect(fmt.Sprintf("PUBLISH payload=%d", i+1)), "packet-id"))
		}
		synctest.Wait() // what is to be read back now is not there
		write()
		pub.expect("PUBACK Success packet-id=3")
		close(read)
		a.expect("PUBLISH payload=3")
		if n := w.b.Tally().Queued; n != 0 {
			t.Errorf("%d messages are queued", n)
		}
	})
}

// A member of a share ends while a message is on its way to its part of the disk.
func TestHostileBequestBeforeItIsWritten(t *testing.T) {
	warded(t, broker.Options{}, []string{"max_queued_messages=1"}, func(w *world, d *warden) {
		w.connect5("heir", "session-expiry-interval=60").subscribeAndLeave("$share/g/t")
		pub := w.connect5("pub", "clean-start=1")
		pub.publish("t", "1", "")
		write := d.holds("2")
		pub.send("PUBLISH topic=t qos=1 packet-id=3 payload=2")
		other := w.connect5("other", "session-expiry-interval=3600")
		other.subscribe("$share/g/t", 1, "")
		pass(61 * time.Second)
		write()
		pub.expect("PUBACK Success packet-id=3")
		if got := other.payloads(2); !slices.Equal(got, []string{"1", "2"}) {
			t.Errorf("%v go to the other member", got)
		}
		other.alive()
		if k := d.sessions(); k["heir"] != 0 {
			t.Errorf("%d sessions of heir are in the store", k["heir"])
		}
	})
}

// sessions counts those that have not ended, by their client ids.
func (k *keeper) sessions() map[string]int {
	found := map[string]int{}
	k.mu.Lock()
	defer k.mu.Unlock()
	begun := map[uint64]bool{}
	for _, frame := range k.frames {
		for _, e := range frame {
			switch {
			case e.Kind == broker.EventSession && !begun[e.Incarnation]:
				begun[e.Incarnation] = true
				found[e.ClientID]++
			case e.Kind == broker.EventSessionEnd && begun[e.Incarnation]:
				found[e.ClientID]--
			}
		}
	}
	return found
}

// An eavesdropper is told of one line of the log, while whoever wrote it waits.
type eavesdropper struct {
	slog.Handler
	line string
	tell func()
}

func (h eavesdropper) Handle(ctx context.Context, r slog.Record) error {
	if r.Message == h.line {
		h.tell()
	}
	return nil
}

func (h eavesdropper) Enabled(context.Context, slog.Level) bool { return true }

// Between the end of a session, by Clean Start, and the end of its subscriptions
// nothing is given to it any more.
func TestHostileDeliveryBetweenEnds(t *testing.T) {
	told, goOn := make(chan struct{}), make(chan struct{})
	log := slog.New(eavesdropper{slog.DiscardHandler, "session taken over", func() { told <- struct{}{}; <-goOn }})
	warded(t, broker.Options{Log: log}, []string{"max_queued_messages=1"}, func(w *world, _ *warden) {
		told, goOn = make(chan struct{}), make(chan struct{})
		w.connect5("other", "session-expiry-interval=3600").subscribeAndLeave("$share/g/t")
		heir := w.connect5("heir", "session-expiry-interval=3600 receive-maximum=1")
		heir.subscribe("$share/g/t", 1, "")
		pub := w.connect5("pub", "clean-start=1")
		next := w.dial("heir", mqttwire.V5)
		next.send("CONNECT client-id=heir clean-start=1")
		<-told
		var want []string
		for i := range 6 {
			pub.publish("t", fmt.Sprint(i), "")
			want = append(want, fmt.Sprint(i))
		}
		close(goOn)
		next.expect("CONNACK Success")
		other := w.connect5("other", "session-expiry-interval=3600")
		if got := other.payloads(6); !slices.Equal(got, want) {
			t.Errorf("%v go to the other member", got)
		}
	})
}

// A member that leaves its share has messages of it on disk, and ends.
func TestHostileUnsubscribedBequest(t *testing.T) {
	for _, crashed := range []bool{false, true} {
		lineageOf(t, []string{"max_queued_messages=1"}, func(l *lineage) {
			l.connect5("heir", "session-expiry-interval=60").subscribeAndLeave("$share/g/t")
			pub := l.connect5("pub", "clean-start=1")
			for i := range 10 {
				pub.publish("t", fmt.Sprint(i), "")
			}
			l.connect5("other", "session-expiry-interval=3600").subscribeAndLeave("$share/g/t")
			heir := l.connect5("heir", "session-expiry-interval=60 receive-maximum=1")
			heir.expect("PUBLISH payload=0")
			heir.send("UNSUBSCRIBE packet-id=1 filter=$share/g/t")
			heir.expect("UNSUBACK")
			heir.drop()
			if crashed {
				l.sync()
				l.crash(0)
			}
			pass(61 * time.Second)
			other := l.connect5("other", "session-expiry-interval=3600")
			if got := other.payloads(10); !slices.Equal(got, []string{"0", "1", "2", "3", "4", "5", "6", "7", "8", "9"}) {
				l.t.Errorf("%v go to the other member", got)
			}
			other.alive()
		})
	}
}

// What a member of a share was sent goes on to another when it ends, though it
// left the share before, and the broker ended between.
func TestHostileUnsubscribedWindow(t *testing.T) {
	lineageOf(t, nil, func(l *lineage) {
		heir := l.connect5("heir", "session-expiry-interval=60")
		heir.subscribe("$share/g/t", 1, "")
		l.connect5("other", "session-expiry-interval=3600").subscribeAndLeave("$share/g/t")
		l.connect5("pub", "clean-start=1").publish("t", "x", "")
		heir.expect("PUBLISH payload=x")
		heir.send("UNSUBSCRIBE packet-id=1 filter=$share/g/t")
		heir.expect("UNSUBACK")
		l.crash(0)
		heir = l.connect5("heir", "session-expiry-interval=60")
		heir.expect("PUBLISH dup=1 payload=x")
		heir.send("DISCONNECT session-expiry-interval=0")
		heir.eof()
		l.connect5("other", "session-expiry-interval=3600").expect("PUBLISH payload=x")
	})
}

// The same, while everybody had left the share in between.
func TestHostileShareTakenUpAnew(t *testing.T) {
	warded(t, broker.Options{}, nil, func(w *world, _ *warden) {
		heir := w.connect5("heir", "session-expiry-interval=60")
		heir.subscribe("$share/g/t", 1, "")
		w.connect5("pub", "clean-start=1").publish("t", "x", "")
		heir.expect("PUBLISH payload=x")
		heir.send("UNSUBSCRIBE packet-id=1 filter=$share/g/t")
		heir.expect("UNSUBACK")
		other := w.connect5("other", "clean-start=1")
		other.subscribe("$share/g/t", 1, "")
		heir.send("DISCONNECT session-expiry-interval=0")
		heir.eof()
		other.expect("PUBLISH payload=x")
	})
}

// What cannot be read when a member of a share ends stays where it is, for the
// next process.
func TestHostileUnreadBequest(t *testing.T) {
	warded(t, broker.Options{}, []string{"max_queued_messages=1"}, func(w *world, d *warden) {
		w.connect5("heir", "session-expiry-interval=60").subscribeAndLeave("$share/g/t")
		pub := w.connect5("pub", "clean-start=1")
		for i := range 10 {
			pub.publish("t", fmt.Sprint(i), "")
		}
		w.connect5("other", "session-expiry-interval=3600").subscribeAndLeave("$share/g/t")
		d.unreadable(errors.New("the disk is sick"))
		pass(61 * time.Second)
		if n := d.sessions()["heir"]; n != 1 {
			t.Errorf("%d sessions of heir are in the store, while its messages could not be read", n)
		}
	})
}

// A session that is taken up with an expiry of 0 has a queue on disk, and goes on
// to use it.
func TestHostileCleanAtTheEnd(t *testing.T) {
	warded(t, broker.Options{}, []string{"max_queued_messages=2"}, func(w *world, _ *warden) {
		w.connect5("a", "session-expiry-interval=60").subscribeAndLeave("t")
		pub := w.connect5("pub", "clean-start=1")
		for i := range 10 {
			pub.publish("t", fmt.Sprint(i), "")
		}
		a := w.connect5("a", "receive-maximum=1")
		for i := range 10 {
			pub.publish("t", fmt.Sprint(10+i), "")
		}
		for i := range 20 {
			a.send("PUBACK packet-id=" + field(a.expect(fmt.Sprintf("PUBLISH payload=%d", i)), "packet-id"))
		}
		a.alive()
		a.leave()
		if tally := w.b.Tally(); tally.Queued != 0 || tally.QueuedBytes != 0 {
			t.Errorf("this is left: %+v", tally)
		}
	})
}

// What waits behind a delivery that the store refused goes on.
func TestHostileRefusedInFront(t *testing.T) {
	warded(t, broker.Options{}, nil, func(w *world, d *warden) {
		a := w.connect5("a", "session-expiry-interval=60 receive-maximum=1")
		a.subscribe("t", 2, "")
		pub, other := w.connect5("pub", "clean-start=1"), w.connect5("other", "clean-start=1")
		gate := make(chan struct{})
		d.mu.Lock()
		d.refused = broker.EventEnqueue
		d.appends = func(events []broker.Event) { <-gate }
		d.mu.Unlock()
		pub.send("PUBLISH topic=t qos=2 packet-id=1 payload=refused")
		synctest.Wait() // it has its place in the window
		d.mu.Lock()
		d.appends, d.refused = nil, 0
		d.mu.Unlock()
		other.publish("t", "1", "") // finds the window full
		close(gate)
		pub.expect("PUBREC QuotaExceeded")
		a.expect("PUBLISH payload=1")
	})
}

// What was to leave the queue, and the store did not take that, is still there.
func TestHostileRefusedFromTheQueue(t *testing.T) {
	warded(t, broker.Options{}, nil, func(w *world, d *warden) {
		a := w.connect5("a", "session-expiry-interval=60 receive-maximum=1")
		a.subscribe("t", 2, "")
		pub := w.connect5("pub", "clean-start=1")
		for i := range 3 {
			pub.send(fmt.Sprintf("PUBLISH topic=t qos=2 packet-id=%d payload=%d", i+1, i))
			pub.expect("PUBREC Success")
		}
		a.send("PUBREC packet-id=" + field(a.expect("PUBLISH payload=0"), "packet-id"))
		id := field(a.expect("PUBREL"), "packet-id")
		d.refuse(broker.EventInflight)
		a.send("PUBCOMP packet-id=" + id)
		a.alive()
		d.refuse(0)
		if n := w.b.Tally().Queued; n != 2 {
			t.Errorf("%d messages are queued, not 2", n)
		}
		a.drop()
		a = w.connect5("a", "session-expiry-interval=60")
		a.expect("PUBLISH !dup payload=1", "PUBLISH !dup payload=2")
		if tally := w.b.Tally(); tally.Queued != 0 || tally.QueuedBytes != 0 {
			t.Errorf("this is left: %+v", tally)
		}
	})
}

// refuse has the store take no event of a kind.
func (d *warden) refuse(kind broker.EventKind) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.refused = kind
}

// A client whose queue or window cannot be read is turned away, and finds all of
// it when it comes again.
func TestHostileUnread(t *testing.T) {
	warded(t, broker.Options{}, []string{"max_queued_messages=1"}, func(w *world, d *warden) {
		w.connect5("a", "session-expiry-interval=60").subscribeAndLeave("t")
		pub := w.connect5("pub", "clean-start=1")
		for i := range 3 {
			pub.publish("t", fmt.Sprint(i), "")
		}
		d.unreadable(errors.New("the disk is sick"))
		a := w.connect5("a", "session-expiry-interval=60")
		a.expect("PUBLISH payload=0", "DISCONNECT ImplementationSpecificError")
		a.eof()
		d.unreadable(nil)
		a = w.connect5("a", "session-expiry-interval=60")
		if got := a.payloads(3); !slices.Equal(got, []string{"0", "1", "2"}) {
			t.Errorf("%v come", got)
		}
	})
}

// unreadable has Fetch fail.
func (d *warden) unreadable(err error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.unread = err
}

// A SUBSCRIBE that ends the connection over one filter has made none of the
// others: the next that asks for them is not told that they are kept already.
func TestHostileHalfASubscribe(t *testing.T) {
	lineageOf(t, []string{"shared_available=false"}, func(l *lineage) {
		a := l.connect5("a", "session-expiry-interval=3600")
		a.send("SUBSCRIBE packet-id=1 filter=t qos=1 filter=$share/g/t qos=1")
		a.expect("DISCONNECT SharedSubscriptionsNotSupported")
		a.eof()
		pub := l.connect5("pub", "clean-start=1")
		pub.send("PUBLISH topic=t qos=1 packet-id=1 payload=nobody-waits-for-this")
		pub.expect("PUBACK NoMatchingSubscribers")
		a = l.connect5("a", "session-expiry-interval=3600")
		a.subscribe("t", 1, "")
		l.crash(0)
		pub = l.connect5("pub", "clean-start=1")
		pub.publish("t", "kept", "")
		l.connect5("a", "session-expiry-interval=3600").expect("PUBLISH payload=kept")
	})
}

// A connection that takes a session over while the one before it is still at work
// hears nothing until that work is in the store: a PUBREC that knows the message
// by its id alone would stand for nothing.
func TestHostileTakeoverBeforeItIsWritten(t *testing.T) {
	work := map[string][]string{ // what the first one says, to be held up at its end
		"PUBLISH":     {"PUBLISH topic=t qos=2 packet-id=7 payload=x"},
		"PUBREL":      {"PUBLISH topic=u qos=2 packet-id=7 payload=x", "PUBREL packet-id=7"},
		"SUBSCRIBE":   {"SUBSCRIBE packet-id=7 filter=v qos=1"},
		"UNSUBSCRIBE": {"SUBSCRIBE packet-id=7 filter=v qos=1", "UNSUBSCRIBE packet-id=7 filter=v"},
	}
	kinds := map[string]broker.EventKind{"PUBLISH": broker.EventHeld, "PUBREL": broker.EventForgotten,
		"SUBSCRIBE": broker.EventSubscribe, "UNSUBSCRIBE": broker.EventUnsubscribe}
	for name, lines := range work {
		t.Run(name, func(t *testing.T) {
			d := &warden{keeper: newKeeper(nil)}
			o := broker.Options{Store: d, Limits: limits(t)}
			b, dial := serveWith(t, "memory", o)
			s := &siege{T: t, dial: dial, patience: ample}
			held, gate := make(chan struct{}, 1), make(chan struct{})
			d.appends = func(events []broker.Event) {
				if slices.ContainsFunc(events, func(e broker.Event) bool { return e.ClientID == "a" && e.Kind == kinds[name] }) {
					held <- struct{}{}
					<-gate
				}
			}
			first := s.connect("version=5 client-id=a session-expiry-interval=60")
			first.send(lines...)
			<-held
			second := s.ask("version=5 client-id=a session-expiry-interval=60")
			second.SetReadDeadline(time.Now().Add(100 * time.Millisecond))
			if p, err := second.r.ReadPacket(); err == nil {
				t.Errorf("%v comes while what the session did before is not in the store", p.Type())
			}
			close(gate)
			if !t.Failed() {
				second.r = again(second)
				second.expect("CONNACK Success session-present=1")
			}
			first.Close()
			second.Close()
			ctx, cancel := context.WithTimeout(context.Background(), ample)
			defer cancel()
			if err := b.Shutdown(ctx); err != nil {
				t.Errorf("Shutdown: %v", err)
			}
		})
	}
}
