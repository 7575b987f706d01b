package broker_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"mqtk/broker"
	"mqtk/mqttwire"
	"mqtk/mqttwire/transport"
)

// A lineage is brokers that follow one another over what their keepers hold, in
// one bubble of fake time.
type lineage struct {
	*world
	t        *testing.T
	settings []string
	rights   func() broker.Authorizer // of the next broker; nil: none
	k        *keeper
	served   chan error
}

// lineageOf runs f with the first broker of a lineage up.
func lineageOf(t *testing.T, settings []string, f func(l *lineage)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		l := &lineage{t: t, settings: settings}
		l.start(nil)
		defer l.stop()
		f(l)
	})
}

func (l *lineage) start(frames [][]broker.Event) {
	l.t.Helper()
	l.k = newKeeper(frames)
	o := broker.Options{Limits: limitsWith(l.t, l.settings...), Store: l.k}
	if l.rights != nil {
		o.Authorizer = l.rights()
	}
	b, err := broker.New(o)
	if err != nil {
		l.t.Fatal(err)
	}
	w := &world{t: l.t, b: b, listener: transport.NewMemListener()}
	l.world, l.served = w, make(chan error, 1)
	go func(served chan error) { served <- b.Serve(w.listener) }(l.served)
}

func (l *lineage) stop() {
	l.t.Helper()
	for _, c := range l.clients {
		c.conn.Close()
	}
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	if err := l.b.Shutdown(ctx); err != nil {
		l.t.Errorf("Shutdown: %v", err)
	}
	if err := <-l.served; !errors.Is(err, broker.ErrClosed) {
		l.t.Errorf("Serve: %v", err)
	}
}

// crash ends the broker as a power cut would: what is not durable is gone, and
// nothing that it does afterwards counts. The next one comes up after a while.
func (l *lineage) crash(down time.Duration) {
	l.t.Helper()
	synctest.Wait()
	l.crashAt(l.k.acknowledged(), down)
}

// sync waits until all that has happened is durable: an acknowledgement that
// comes back says that.
func (l *lineage) sync() {
	l.t.Helper()
	c := l.connect5("sync", "session-expiry-interval=1")
	c.publish("sync", "x", "")
	c.leave()
}

func (l *lineage) crashAt(frames [][]broker.Event, down time.Duration) {
	l.t.Helper()
	l.stop()
	nap(down)
	l.start(frames)
}

func TestWhatASessionKeepsOverACrash(t *testing.T) {
	lineageOf(t, nil, func(l *lineage) {
		a := l.connect5("a", "session-expiry-interval=3600 receive-maximum=2")
		a.send("SUBSCRIBE packet-id=1 subscription-identifier=9 filter=q/# qos=2 retain-as-published=1 no-local=1")
		a.expect("SUBACK GrantedQoS2")
		pub := l.connect5("pub", "clean-start=1")
		pub.publish("q/1", "one", "user-property=k=v retain=1 message-expiry-interval=100")
		pub.send("PUBLISH topic=q/2 qos=2 packet-id=7 payload=two")
		pub.expect("PUBREC packet-id=7")
		a.expect("PUBLISH topic=q/1 packet-id=1", "PUBLISH topic=q/2 qos=2 packet-id=2")
		a.send("PUBREC packet-id=2")
		a.expect("PUBREL packet-id=2")
		pub.publish("q/3", "three", "content-type=x") // waits: the window is full
		a.send("PUBLISH topic=q/own qos=2 packet-id=5 payload=own")
		a.expect("PUBREC NoMatchingSubscribers packet-id=5")
		l.crash(10 * time.Second)

		a = l.connect5("a", "session-expiry-interval=3600 receive-maximum=2")
		a.expect(`PUBLISH dup=1 topic=q/1 qos=1 retain=1 packet-id=1 message-expiry-interval=90 subscription-identifier=9 user-property="k=v" payload=one`,
			"PUBREL packet-id=2")
		a.send("PUBACK packet-id=1", "PUBCOMP packet-id=2")
		a.expect("PUBLISH !dup topic=q/3 qos=1 subscription-identifier=9 content-type=x payload=three")
		a.send("PUBLISH dup=1 topic=q/own qos=2 packet-id=5 payload=own")
		a.expect("PUBREC packet-id=5")
		a.send("PUBREL packet-id=5")
		a.expect("PUBCOMP Success packet-id=5")
		a.send("PUBLISH topic=q/own qos=1 packet-id=6 payload=own")
		a.expect("PUBACK NoMatchingSubscribers packet-id=6") // No Local still holds
		late := l.connect5("late", "clean-start=1")
		late.send("SUBSCRIBE packet-id=1 filter=q/1")
		late.expect("SUBACK GrantedQoS0", "PUBLISH topic=q/1 retain=1 message-expiry-interval=90 payload=one")
	})
}

// A retained message that was sent for a subscription is one of the session.
func TestRetainedInTheWindowOverACrash(t *testing.T) {
	lineageOf(t, nil, func(l *lineage) {
		pub := l.connect5("pub", "clean-start=1")
		for qos := 1; qos <= 2; qos++ {
			pub.send(fmt.Sprintf("PUBLISH topic=r/%d retain=1 qos=2 packet-id=1 payload=%d", qos, qos), "PUBREL packet-id=1")
			pub.expect("PUBREC", "PUBCOMP")
		}
		a := l.connect5("a", "session-expiry-interval=3600")
		a.send("SUBSCRIBE packet-id=1 filter=r/1 qos=1 filter=r/2 qos=2")
		a.expect("SUBACK GrantedQoS1 GrantedQoS2", "PUBLISH topic=r/1 retain=1 qos=1 packet-id=1", "PUBLISH topic=r/2 retain=1 qos=2 packet-id=2")
		l.sync()
		l.crash(0)
		a = l.connect5("a", "session-expiry-interval=3600")
		a.expect("PUBLISH dup=1 topic=r/1 retain=1 qos=1 packet-id=1 payload=1", "PUBLISH dup=1 topic=r/2 retain=1 qos=2 packet-id=2 payload=2")
		a.alive()
	})
}

// What a queue keeps on the disk alone comes back in its order, to a client that
// takes it slowly too, and from before and after a crash alike.
func TestQueuesOnDisk(t *testing.T) {
	for _, crashed := range []bool{false, true} {
		lineageOf(t, []string{"max_queued_messages=8"}, func(l *lineage) {
			l.connect5("a", "session-expiry-interval=3600").subscribeAndLeave("t")
			pub := l.connect5("pub", "clean-start=1")
			for i := range 100 {
				pub.publish("t", fmt.Sprint(i), "")
			}
			if crashed {
				l.crash(time.Second)
				pub = l.connect5("pub", "clean-start=1")
			}
			a := l.connect5("a", "session-expiry-interval=3600 receive-maximum=3")
			for i := range 110 {
				if i == 50 {
					for j := range 10 {
						pub.publish("t", fmt.Sprint(100+j), "")
					}
				}
				id := field(a.expect(fmt.Sprintf("PUBLISH !dup topic=t payload=%d", i)), "packet-id")
				a.send("PUBACK packet-id=" + id)
			}
			a.alive()
			if fetched := l.k.fetched; fetched < 90 || fetched > 110 {
				l.t.Errorf("%d deliveries were read back, of 92 or 110 that had to be", fetched)
			}
			l.sync()
			l.crash(time.Second)
			l.connect5("a", "session-expiry-interval=3600").alive() // nothing is left
		})
	}
}

func (c *client) subscribeAndLeave(filter string) {
	c.w.t.Helper()
	c.subscribe(filter, 2, "")
	c.leave()
}

// A queue on disk has a limit of its own.
func TestQueueOnDiskIsFull(t *testing.T) {
	lineageOf(t, []string{"max_queued_messages=1", "max_queued_disk_bytes=1k", "queue_full=refuse"}, func(l *lineage) {
		l.connect5("a", "session-expiry-interval=3600").subscribeAndLeave("t")
		pub := l.connect5("pub", "clean-start=1")
		taken := 0
		for ; ; taken++ {
			pub.send(fmt.Sprintf("PUBLISH topic=t qos=1 packet-id=1 payload=%d", taken))
			if r, _ := pub.next(patience); len(r.line.Reasons) > 0 && r.line.Reasons[0] == "QuotaExceeded" {
				break
			}
		}
		if taken < 10 || taken > 20 {
			l.t.Errorf("%d small messages fit into 1 KiB", taken)
		}
		a := l.connect5("a", "session-expiry-interval=3600")
		for i := range taken {
			a.expect(fmt.Sprintf("PUBLISH payload=%d", i))
		}
		a.alive()
	})
}

// The limit on disk is over all that waits, in memory too, and so is the same
// before and after a restart.
func TestLimitOnDiskIsOverAll(t *testing.T) {
	taken := map[string]int{}
	for _, inMemory := range []string{"1", "20", "1000"} {
		for _, crash := range []bool{false, true} {
			lineageOf(t, []string{"max_queued_messages=" + inMemory, "max_queued_disk_bytes=4k", "queue_full=refuse"}, func(l *lineage) {
				l.connect5("a", "session-expiry-interval=3600").subscribeAndLeave("t")
				pub := l.connect5("pub", "clean-start=1")
				n := 0
				for reason := "Success"; reason == "Success"; n++ {
					if n == 10 && crash {
						l.crash(0)
						pub = l.connect5("pub", "clean-start=1")
					}
					pub.send(fmt.Sprintf("PUBLISH topic=t qos=1 packet-id=1 payload=%d", 1000+n))
					reason = "Success"
					if r, _ := pub.next(patience); len(r.line.Reasons) > 0 {
						reason = r.line.Reasons[0]
					}
				}
				taken[fmt.Sprint(inMemory, crash)] = n - 1
			})
		}
	}
	for how, n := range taken {
		if want := (4 << 10) / (len("t1000") + 64); n < want-1 || n > want+1 {
			t.Errorf("%s: %d messages are taken, and not %d", how, n, want)
		}
	}
}

// What has expired on the disk makes room there.
func TestExpiryOnDisk(t *testing.T) {
	lineageOf(t, []string{"max_queued_messages=1", "max_queued_disk_bytes=2k"}, func(l *lineage) {
		l.connect5("a", "session-expiry-interval=3600").subscribeAndLeave("t")
		pub := l.connect5("pub", "clean-start=1")
		for i := range 40 { // more than there is room for
			pub.publish("t", fmt.Sprint("short-", i), "message-expiry-interval=5")
		}
		pass(time.Minute)
		pub.publish("t", "first", "")   // takes the place of what had expired in memory
		pub.publish("t", "dropped", "") // finds the queue full, and has the disk searched
		pass(time.Second)
		for i := range 10 {
			pub.publish("t", fmt.Sprint("long-", i), "")
		}
		a := l.connect5("a", "session-expiry-interval=3600")
		a.expect("PUBLISH payload=first")
		for i := range 10 {
			a.expect(fmt.Sprintf("PUBLISH payload=long-%d", i))
		}
		a.alive()
	})
}

// New numbers are above those of an earlier process, or a record of that one
// would end them.
func TestNumbersGoOn(t *testing.T) {
	lineageOf(t, nil, func(l *lineage) {
		for life := range 3 {
			a := l.connect5("a", "session-expiry-interval=3600")
			a.send("SUBSCRIBE packet-id=1 filter=t qos=1", "UNSUBSCRIBE packet-id=2 filter=t", "SUBSCRIBE packet-id=3 filter=t qos=1")
			a.expect("SUBACK GrantedQoS1", "UNSUBACK", "SUBACK GrantedQoS1")
			l.connect5("gone", "session-expiry-interval=3600").leave()
			l.connect5("gone", "clean-start=1").leave()
			pub := l.connect5("pub", "clean-start=1")
			pub.publish("t", "acknowledged", "")
			pub.publish("r", "old", "retain=1")
			id := field(a.expect("PUBLISH payload=acknowledged"), "packet-id")
			a.send("PUBACK packet-id=" + id)
			a.leave()
			pub.publish("t", "kept", "")
			pub.publish("r", fmt.Sprint(life), "retain=1")
			l.crash(0)
			a = l.connect5("a", "session-expiry-interval=3600")
			a.send("PUBACK packet-id=" + field(a.expect("PUBLISH payload=kept"), "packet-id"))
			a.leave()
			l.sync()
			l.crash(0)
			late := l.connect5("late", "clean-start=1")
			late.subscribe("r", 0, "")
			late.expect(fmt.Sprintf("PUBLISH retain=1 payload=%d", life))
		}
	})
}

// Time goes on while nobody is there.
func TestEndsThatCameDuringACrash(t *testing.T) {
	lineageOf(t, nil, func(l *lineage) {
		watch := l.connect5("watch", "session-expiry-interval=4294967295")
		watch.subscribe("will/#", 1, "")
		l.connect5("connected", "session-expiry-interval=60 will-topic=will/connected will-qos=1 will-payload=w will-delay-interval=30")
		l.connect5("now", "session-expiry-interval=60 will-topic=will/now will-qos=1 will-payload=w")
		l.connect5("away", "session-expiry-interval=60 will-topic=will/away will-qos=1 will-payload=w will-delay-interval=50").drop()
		l.connect5("ended", "session-expiry-interval=20 will-topic=will/ended will-qos=1 will-payload=w will-delay-interval=999").drop()
		l.connect5("clean", "will-topic=will/clean will-qos=1 will-payload=w will-delay-interval=9")
		l.connect4("clean3", "clean-start=1 will-topic=will/clean3 will-qos=1 will-payload=w")
		l.connect5("said", "will-topic=will/said will-payload=w").leave()
		l.crash(30 * time.Second)

		watch = l.connect5("watch", "session-expiry-interval=4294967295")
		var fired []string
		for range 4 {
			p := watch.expect("PUBLISH qos=1 payload=w")
			fired = append(fired, field(p, "topic"))
		}
		slices.Sort(fired)
		if want := []string{"will/clean", "will/clean3", "will/ended", "will/now"}; !slices.Equal(fired, want) {
			l.t.Fatalf("the wills %v are out, and not %v", fired, want)
		}
		watch.quiet(19 * time.Second)
		watch.expect("PUBLISH topic=will/away")
		watch.quiet(9 * time.Second)
		watch.expect("PUBLISH topic=will/connected")
		pass(29 * time.Second) // 59 s since the start
		l.crash(0)             // and the count does not begin again
		pass(2 * time.Second)
		for id, present := range map[string]string{"connected": "!session-present", "ended": "!session-present", "away": "!session-present", "watch": "session-present=1"} {
			c := l.dial(id, mqttwire.V5)
			c.send("CONNECT session-expiry-interval=60 client-id=" + id)
			c.expect("CONNACK Success " + present)
		}
	})
}

// A delayed will that the client came back for is forgotten.
func TestWillOverACrashIsCancelled(t *testing.T) {
	lineageOf(t, nil, func(l *lineage) {
		l.connect5("watch", "session-expiry-interval=3600").subscribeAndLeave("will")
		l.connect5("a", "session-expiry-interval=60 will-topic=will will-qos=1 will-payload=w will-delay-interval=30")
		l.crash(time.Second)
		a := l.connect5("a", "session-expiry-interval=60")
		pass(time.Minute)
		a.send("PINGREQ")
		l.crash(time.Second)
		pass(time.Minute)
		l.connect5("watch", "session-expiry-interval=3600").alive()
	})
}

// Two threads sent deliveries of one session, and the crash cut off the record
// of the one that was first: the order holds all the same. A retained message
// that a subscription brought is beside that order.
func TestOrderOverACrossing(t *testing.T) {
	for _, brought := range []bool{false, true} {
		lineageOf(t, nil, func(l *lineage) {
			event := func(kind broker.EventKind, number uint64) broker.Event {
				return broker.Event{Kind: kind, ClientID: "a", Incarnation: 1, Sequence: number}
			}
			enqueue := func(number uint64) broker.Event {
				e := event(broker.EventEnqueue, number)
				e.QoS, e.Message = 2, &broker.Message{Topic: "t", QoS: 2, Payload: []byte(fmt.Sprint(number))}
				return e
			}
			session, sent, last := event(broker.EventSession, 1), event(broker.EventInflight, 4), enqueue(4)
			session.SessionExpiry, sent.PacketID, last.Brought = 3600, 3, brought
			l.crashAt([][]broker.Event{{session}, {enqueue(1)}, {enqueue(2)}, {enqueue(3)}, {last, sent}}, 0)
			a := l.connect5("a", "session-expiry-interval=3600")
			want := []string{"PUBLISH !dup payload=1", "PUBLISH !dup payload=2", "PUBLISH !dup payload=3", "PUBLISH !dup payload=4"}
			if brought {
				want = append([]string{"PUBLISH dup=1 packet-id=3 payload=4"}, want[:3]...)
			}
			a.expect(want...)
			a.alive()
			l.sync()
			l.crash(0)
			a = l.connect5("a", "session-expiry-interval=3600")
			for number := range 4 {
				a.expect(fmt.Sprintf("PUBLISH dup=1 payload=%d", number+1))
			}
			a.alive()
		})
	}
}
