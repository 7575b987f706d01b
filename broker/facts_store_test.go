package broker_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"mqtk/broker"
	"mqtk/mqttwire"
)

func TestNothingIsAcknowledgedBeforeItIsDurable(t *testing.T) {
	stored(t, nil, func(w *world, v *vault) {
		pub := w.connect5("pub", "clean-start=1")
		a := w.dial("a", mqttwire.V5)
		steps := []struct {
			send, answer string
			before       func()
		}{
			{send: "CONNECT client-id=a session-expiry-interval=60", answer: "CONNACK Success"},
			{send: "SUBSCRIBE packet-id=1 filter=t qos=2", answer: "SUBACK GrantedQoS2 packet-id=1"},
			{send: "PUBLISH topic=x qos=1 packet-id=2 payload=x", answer: "PUBACK packet-id=2"},
			{send: "PUBLISH topic=x qos=2 packet-id=3 payload=x", answer: "PUBREC packet-id=3"},
			{send: "PUBLISH dup=1 topic=x qos=2 packet-id=3 payload=x", answer: "PUBREC packet-id=3"},
			{send: "PUBREL packet-id=3", answer: "PUBCOMP packet-id=3"},
			{send: "PUBREC packet-id=1", answer: "PUBREL packet-id=1", before: func() {
				pub.send("PUBLISH topic=t qos=2 packet-id=1 payload=y")
				pub.expect("PUBREC packet-id=1")
				a.expect("PUBLISH topic=t qos=2 packet-id=1")
			}},
			{send: "UNSUBSCRIBE packet-id=4 filter=t", answer: "UNSUBACK Success packet-id=4"},
		}
		for _, s := range steps {
			if s.before != nil {
				s.before()
			}
			v.held()
			a.send(s.send)
			a.quiet(time.Second)
			v.promptly()
			a.expect(s.answer)
		}
		a.alive()
	})
}

// What several reads bring is answered in their order, by one commit or more.
func TestAcknowledgementsKeepTheirOrder(t *testing.T) {
	stored(t, nil, func(w *world, v *vault) {
		a := w.connect5("a", "session-expiry-interval=60")
		v.held()
		for i := range 9 {
			a.send(fmt.Sprintf("PUBLISH topic=t qos=%d packet-id=%d payload=x", 1+i%2, i+1))
			synctest.Wait()
		}
		a.alive() // reading goes on
		v.promptly()
		for i := range 9 {
			a.expect(fmt.Sprintf("%s packet-id=%d", []string{"PUBACK", "PUBREC"}[i%2], i+1))
		}
	})
}

// An acknowledgement belongs to the connection its packet came on.
func TestAcknowledgementsOfAConnectionThatIsGone(t *testing.T) {
	stored(t, nil, func(w *world, v *vault) {
		a := w.connect5("a", "session-expiry-interval=60")
		v.held()
		a.send("PUBLISH topic=t qos=1 packet-id=7 payload=x", "PUBLISH topic=t qos=2 packet-id=8 payload=x")
		synctest.Wait()
		a.drop()
		a = w.dial("a", mqttwire.V5)
		a.send("CONNECT client-id=a session-expiry-interval=60", "PUBLISH topic=t qos=2 dup=1 packet-id=8 payload=x")
		a.quiet(time.Second)
		v.promptly()
		a.expect("CONNACK Success session-present=1", "PUBREC packet-id=8")
		a.alive()
	})
}

// Whoever waits for a CONNACK that another connection makes void is closed.
func TestTakeOverBeforeCONNACK(t *testing.T) {
	stored(t, nil, func(w *world, v *vault) {
		v.held()
		a := w.dial("a", mqttwire.V5)
		a.send("CONNECT client-id=a session-expiry-interval=60")
		synctest.Wait()
		again := w.dial("again", mqttwire.V5)
		again.send("CONNECT client-id=a session-expiry-interval=60")
		a.eof() // no DISCONNECT before CONNACK
		again.quiet(time.Second)
		v.promptly()
		again.expect("CONNACK Success session-present=1")
		again.alive()
	})
}

// When nobody knows what is on disk, the answer is neither yes nor no.
func TestStoreThatFails(t *testing.T) {
	for name, packet := range map[string]string{
		"PUBLISH":   "PUBLISH topic=t qos=1 packet-id=7 payload=x",
		"QoS 2":     "PUBLISH topic=t qos=2 packet-id=7 payload=x",
		"SUBSCRIBE": "SUBSCRIBE packet-id=7 filter=t",
		"CONNECT":   "",
	} {
		t.Run(name, func(t *testing.T) {
			stored(t, nil, func(w *world, v *vault) {
				a := w.dial("a", mqttwire.V5)
				if packet == "" {
					v.held()
				}
				a.send("CONNECT client-id=a session-expiry-interval=60")
				if packet != "" {
					a.expect("CONNACK Success")
					v.held()
					a.send(packet)
				}
				synctest.Wait()
				v.settle(errors.New("input/output error"))
				a.eof()
			})
		})
	}
}

func TestStoreWithoutRoom(t *testing.T) {
	const persistent = "session-expiry-interval=60"
	for _, c := range []struct {
		name, send, answer string
		kind               broker.EventKind
	}{
		{"PUBACK", "PUBLISH topic=t qos=1 packet-id=1 payload=x", "PUBACK QuotaExceeded packet-id=1", broker.EventEnqueue},
		{"PUBREC", "PUBLISH topic=t qos=2 packet-id=1 payload=x", "PUBREC QuotaExceeded packet-id=1", broker.EventEnqueue},
		{"retained", "PUBLISH topic=u retain=1 qos=1 packet-id=1 payload=x", "PUBACK QuotaExceeded packet-id=1", broker.EventRetain},
		{"SUBACK", "SUBSCRIBE packet-id=1 filter=u qos=1 filter=t qos=2", "SUBACK QuotaExceeded QuotaExceeded packet-id=1", broker.EventSubscribe},
		{"UNSUBACK", "UNSUBSCRIBE packet-id=1 filter=t filter=never", "UNSUBACK ImplementationSpecificError ImplementationSpecificError packet-id=1", broker.EventUnsubscribe},
	} {
		t.Run(c.name, func(t *testing.T) {
			for _, version := range []mqttwire.Version{mqttwire.V5, mqttwire.V311} {
				stored(t, nil, func(w *world, v *vault) {
					sleeper := w.connect5("sleeper", persistent)
					sleeper.subscribe("t", 2, "")
					sleeper.leave()
					a := w.connect(version, "a", map[mqttwire.Version]string{mqttwire.V5: persistent}[version])
					if c.kind == broker.EventSubscribe || c.kind == broker.EventUnsubscribe {
						a.subscribe("t", 0, "")
					}
					pub := w.connect5("pub", "clean-start=1")
					v.noRoomFor(c.kind)
					a.send(c.send)
					if version != mqttwire.V5 {
						a.eof()
						return
					}
					a.expect(c.answer)
					v.noRoomFor()
					if c.kind == broker.EventSubscribe || c.kind == broker.EventUnsubscribe {
						pub.publish("t", "still", "")
						a.expect("PUBLISH topic=t qos=0 payload=still")
						pub.publish("u", "never", "")
					}
					if c.name == "PUBREC" { // the id is free
						a.send("PUBREL packet-id=1")
						a.expect("PUBCOMP PacketIdentifierNotFound")
					}
					a.alive()
				})
			}
		})
	}
}

// Clients that come back subscribe to what they have: that needs no record, and so
// no room. Anything else about the subscription does.
func TestStoreWithoutRoomForTheSameAgain(t *testing.T) {
	stored(t, nil, func(w *world, v *vault) {
		a := w.connect5("a", "session-expiry-interval=60")
		const same = "filter=t qos=1 retain-handling=1"
		a.send("SUBSCRIBE packet-id=1 " + same)
		a.expect("SUBACK GrantedQoS1 packet-id=1")
		a.leave()
		a = w.connect5("a", "session-expiry-interval=60")
		v.noRoomFor(broker.EventSubscribe)
		a.send("SUBSCRIBE packet-id=1 " + same)
		a.expect("SUBACK GrantedQoS1 packet-id=1")
		for _, other := range []string{"qos=2 retain-handling=1", "qos=1", "qos=1 no-local=1 retain-handling=1", "qos=1 retain-as-published=1 retain-handling=1"} {
			a.send("SUBSCRIBE packet-id=2 filter=t " + other)
			a.expect("SUBACK QuotaExceeded packet-id=2")
		}
		a.send("SUBSCRIBE packet-id=3 subscription-identifier=7 " + same)
		a.expect("SUBACK QuotaExceeded packet-id=3")
		a.alive()
	})
}

func TestStoreWithoutRoomForCONNECT(t *testing.T) {
	for version, code := range map[mqttwire.Version]string{mqttwire.V5: "ServerUnavailable", mqttwire.V311: "ServerUnavailable"} {
		stored(t, nil, func(w *world, v *vault) {
			watch := w.connect5("watch", "clean-start=1")
			watch.subscribe("will", 0, "")
			v.noRoomFor(broker.EventSession)
			a := w.dial("a", version)
			expiry := map[mqttwire.Version]string{mqttwire.V5: "session-expiry-interval=60"}[version]
			a.send("CONNECT client-id=a will-topic=will will-payload=w " + expiry)
			a.expect("CONNACK " + code + " !session-present")
			a.eof()
			pass(time.Minute)
			watch.alive() // a refused CONNECT leaves no will
			v.noRoomFor()
			a = w.dial("a", version)
			a.send("CONNECT client-id=a " + expiry)
			a.expect("CONNACK Success !session-present") // and no session
		})
	}
}

func TestStoreWithoutRoomForAcknowledgements(t *testing.T) {
	stored(t, nil, func(w *world, v *vault) {
		pub := w.connect5("pub", "clean-start=1")
		a := w.connect5("a", "session-expiry-interval=60")
		a.subscribe("t", 2, "")
		a.send("PUBLISH topic=x qos=2 packet-id=5 payload=x")
		a.expect("PUBREC packet-id=5")
		v.noRoomFor(broker.EventForgotten)
		a.send("PUBREL packet-id=5")
		a.expect("DISCONNECT QuotaExceeded")
		a.eof()
		v.noRoomFor()
		a = w.connect5("a", "session-expiry-interval=60")
		a.send("PUBLISH topic=x qos=2 dup=1 packet-id=5 payload=x", "PUBREL packet-id=5")
		a.expect("PUBREC Success packet-id=5", "PUBCOMP Success packet-id=5") // it was still held

		pub.send("PUBLISH topic=t qos=2 packet-id=1 payload=y")
		pub.expect("PUBREC packet-id=1")
		id := field(a.expect("PUBLISH topic=t qos=2"), "packet-id")
		v.noRoomFor(broker.EventReleased)
		a.send("PUBREC packet-id=" + id)
		a.expect("DISCONNECT QuotaExceeded") // and no PUBREL
		a.eof()
	})
}

// What is recorded, in frames: one for each packet.
func TestEvents(t *testing.T) {
	stored(t, nil, func(w *world, v *vault) {
		told := func(want ...string) {
			w.t.Helper()
			synctest.Wait()
			if got := v.story(); !slices.Equal(got, want) {
				w.t.Fatalf("the store is told\n\t%s\nand not\n\t%s", strings.Join(got, "\n\t"), strings.Join(want, "\n\t"))
			}
		}
		clean := w.connect5("clean", "clean-start=1")
		w.connect5("other", "clean-start=1").subscribe("t", 2, "")
		clean.publish("t", "unkept", "")
		told() // QoS 1 to clean sessions costs no disk

		a := w.connect5("a", "session-expiry-interval=60 will-topic=w will-payload=bye will-delay-interval=5")
		told("a lasts 60, connected; a's will is w=bye after 5")
		a.send("SUBSCRIBE packet-id=1 subscription-identifier=9 filter=t qos=2 filter=u qos=1")
		a.expect("SUBACK packet-id=1")
		told("a subscribes to t qos 2 identifier 9; a subscribes to u qos 1 identifier 9")

		clean.publish("t", "one", "")
		a.expect("PUBLISH packet-id=1 payload=one")
		told("a enqueues 1 t=one qos 1; a sends 1 as 1")
		a.send("PUBACK packet-id=1")
		told("a is done with 1")

		clean.send("PUBLISH topic=t retain=1 qos=2 packet-id=2 payload=two")
		clean.expect("PUBREC packet-id=2")
		a.expect("PUBLISH packet-id=2 payload=two")
		told("retain t: t=two; a enqueues 2 t=two qos 2; a sends 2 as 2")
		a.send("PUBREC packet-id=2")
		a.expect("PUBREL packet-id=2")
		told("a releases 2 as 2")
		a.send("PUBCOMP packet-id=2")
		told("a is done with 2")
		clean.send("PUBREL packet-id=2", "PUBLISH topic=t retain=1")
		clean.expect("PUBCOMP packet-id=2")
		a.expect("PUBLISH topic=t qos=0")
		told("retain t: nothing")

		a.send("PUBLISH topic=x qos=2 packet-id=3 payload=x")
		a.expect("PUBREC packet-id=3")
		told("a holds 3")
		a.send("PUBREL packet-id=3")
		a.expect("PUBCOMP packet-id=3")
		told("a forgets 3")

		a.drop()
		told("a lasts 60, away until +1m0s; a's will is w=bye after 5")
		clean.publish("u", "queued", "")
		told("a enqueues 3 u=queued qos 1")
		pass(5 * time.Second)
		told("a's will is nothing after 0") // it is sent, and nobody keeps it

		a = w.connect5("a", "session-expiry-interval=30 will-topic=u will-payload=again")
		a.expect("PUBLISH packet-id=3 payload=queued")
		told("a lasts 30, connected; a's will is u=again after 0", "a sends 3 as 3")
		a.send("UNSUBSCRIBE packet-id=1 filter=t filter=never")
		a.expect("UNSUBACK packet-id=1")
		told("a unsubscribes from t")
		a.send("DISCONNECT session-expiry-interval=20")
		synctest.Wait()
		a.drop()
		told("a's will is nothing after 0", "a lasts 20, away until +20s")
		pass(20 * time.Second)
		told("a ends")
	})
}

// A will that goes out is one frame, with all that it brings about.
func TestEventsOfWills(t *testing.T) {
	stored(t, nil, func(w *world, v *vault) {
		b := w.connect5("b", "session-expiry-interval=60")
		b.subscribe("w", 1, "")
		a := w.connect5("a", "clean-start=1 will-topic=w will-qos=1 will-retain=1 will-payload=bye")
		synctest.Wait()
		v.story()
		a.drop()
		b.expect("PUBLISH topic=w payload=bye")
		if got, want := v.story(), "a's will is nothing after 0; retain w: w=bye; b enqueues 1 w=bye qos 1; b sends 1 as 1"; len(got) != 1 || got[0] != want {
			w.t.Errorf("the store is told %q", got)
		}
		a = w.connect5("a", "clean-start=1 will-topic=w will-payload=bye")
		a.leave()
		if got := v.story(); len(got) != 2 || got[1] != "a's will is nothing after 0" {
			w.t.Errorf("the store is told %q", got)
		}
	})
}

// A session that is resumed to end with its connection is not left behind.
func TestEventsOfASessionThatBecomesClean(t *testing.T) {
	stored(t, nil, func(w *world, v *vault) {
		w.connect5("a", "session-expiry-interval=60").leave()
		v.story()
		a := w.connect5("a", "")
		a.drop()
		if got := v.story(); len(got) != 2 || got[0] != "a lasts 0, connected" || got[1] != "a ends" {
			w.t.Errorf("the store is told %q", got)
		}
		w.connect5("a", "session-expiry-interval=60").leave()
		v.story()
		w.connect5("a", "clean-start=1 session-expiry-interval=60")
		if got := v.story(); len(got) != 1 || !strings.Contains(got[0], "a ends") || !strings.HasPrefix(got[0], "a ends") {
			w.t.Errorf("the store is told %q", got)
		}
	})
}

// A QoS 2 message leaves for a persistent session once its records are durable;
// what needs no record goes at once.
func TestQoS2WaitsForTheStore(t *testing.T) {
	stored(t, nil, func(w *world, v *vault) {
		a := w.connect5("a", "session-expiry-interval=60 receive-maximum=3")
		a.subscribe("t", 2, "")
		b := w.connect5("b", "clean-start=1")
		b.subscribe("t", 2, "")
		pub := w.connect5("pub", "clean-start=1")
		v.held()
		pub.send("PUBLISH topic=t qos=2 packet-id=1 payload=1", "PUBLISH topic=t qos=2 packet-id=2 payload=2", "PUBLISH topic=t qos=1 packet-id=3 payload=3")
		b.expect("PUBLISH qos=2 payload=1", "PUBLISH qos=2 payload=2", "PUBLISH qos=1 payload=3")
		a.expect("PUBLISH qos=1 packet-id=3 payload=3") // written, and not waited for
		a.quiet(time.Second)
		pub.send("PUBLISH topic=t qos=2 packet-id=4 payload=4") // beyond the window: queued
		synctest.Wait()
		v.promptly()
		a.expect("PUBLISH !dup qos=2 packet-id=1 payload=1", "PUBLISH !dup qos=2 packet-id=2 payload=2")
		a.send("PUBACK packet-id=3")
		a.expect("PUBLISH !dup qos=2 packet-id=4 payload=4")
		a.alive()
		pub.expect("PUBREC packet-id=1", "PUBREC packet-id=2", "PUBACK packet-id=3", "PUBREC packet-id=4")
	})
}

// The connection may be another one by then.
func TestQoS2WaitsBeyondItsConnection(t *testing.T) {
	stored(t, nil, func(w *world, v *vault) {
		a := w.connect5("a", "session-expiry-interval=60")
		a.subscribe("t", 2, "")
		pub := w.connect5("pub", "clean-start=1")
		v.held()
		pub.send("PUBLISH topic=t qos=2 packet-id=1 payload=1")
		synctest.Wait()
		a.drop()
		a = w.dial("a", mqttwire.V5)
		a.send("CONNECT client-id=a session-expiry-interval=60 receive-maximum=1")
		a.quiet(time.Second)
		v.promptly()
		a.expect("CONNACK Success session-present=1", "PUBLISH !dup qos=2 packet-id=1 payload=1")
		a.send("PUBREC packet-id=1")
		a.expect("PUBREL packet-id=1")
		a.send("PUBCOMP packet-id=1")
		pub.expect("PUBREC packet-id=1")
		pub.publish("t", "2", "")
		a.expect("PUBLISH packet-id=2 payload=2")
	})
}

// What the store had no room for is not sent, and takes no place.
func TestQoS2WithoutRoom(t *testing.T) {
	stored(t, nil, func(w *world, v *vault) {
		a := w.connect5("a", "session-expiry-interval=60 receive-maximum=1")
		a.subscribe("t", 2, "")
		pub := w.connect5("pub", "clean-start=1")
		v.noRoomFor(broker.EventInflight)
		pub.send("PUBLISH topic=t qos=2 packet-id=1 payload=1")
		pub.expect("PUBREC QuotaExceeded packet-id=1")
		v.noRoomFor()
		a.quiet(time.Second)
		pub.send("PUBLISH topic=t qos=2 packet-id=1 payload=2")
		pub.expect("PUBREC packet-id=1")
		a.expect("PUBLISH qos=2 payload=2")
	})
}

// What goes back into the queue for want of room is sent once there is, without
// anything else that happens.
func TestQoS2ComesWhenThereIsRoomAgain(t *testing.T) {
	stored(t, nil, func(w *world, v *vault) {
		a := w.connect5("a", "session-expiry-interval=60 receive-maximum=1")
		a.subscribe("t", 2, "")
		pub := w.connect5("pub", "clean-start=1")
		pub.send("PUBLISH topic=t qos=1 packet-id=1 payload=1", "PUBLISH topic=t qos=2 packet-id=2 payload=2")
		pub.expect("PUBACK packet-id=1", "PUBREC packet-id=2")
		a.expect("PUBLISH qos=1 packet-id=1 payload=1")
		v.noRoomFor(broker.EventInflight)
		a.send("PUBACK packet-id=1")
		a.quiet(5 * time.Second)
		v.noRoomFor()
		a.expect("PUBLISH qos=2 payload=2")
		a.alive()
	})
}

// A member of a share that ends before its message could be sent leaves it to
// another.
func TestQoS2OfAShareThatWaits(t *testing.T) {
	stored(t, nil, func(w *world, v *vault) {
		a := w.connect5("a", "session-expiry-interval=60")
		a.subscribe("$share/g/t", 2, "")
		b := w.connect5("b", "clean-start=1")
		pub := w.connect5("pub", "clean-start=1")
		v.held()
		pub.send("PUBLISH topic=t qos=2 packet-id=1 payload=1")
		synctest.Wait()
		b.subscribe("$share/g/t", 2, "") // it has no records to wait for
		b.quiet(time.Second)
		w.dial("again", mqttwire.V5).send("CONNECT client-id=a clean-start=1")
		b.expect("PUBLISH qos=2 payload=1")
		a.expect("DISCONNECT SessionTakenOver")
		a.eof()
		v.promptly()
		pub.expect("PUBREC packet-id=1")
	})
}

// What nobody has to remember waits for no disk.
func TestNothingWaitsWithoutARecord(t *testing.T) {
	stored(t, nil, func(w *world, v *vault) {
		a := w.connect5("a", "clean-start=1")
		v.held()
		a.subscribe("t", 1, "")
		a.send("PUBLISH topic=t qos=1 packet-id=1 payload=x")
		a.expect("PUBLISH payload=x", "PUBACK packet-id=1")
		a.send("UNSUBSCRIBE packet-id=1 filter=t", "PUBLISH topic=u qos=2 packet-id=2 payload=x", "PUBREL packet-id=2")
		a.expect("UNSUBACK", "PUBREC packet-id=2", "PUBCOMP packet-id=2")
		a.send("PUBLISH topic=t retain=1 qos=1 packet-id=3 payload=x", "PUBLISH topic=t qos=1 packet-id=4 payload=x")
		a.quiet(time.Second) // neither this one, nor what is behind it
		v.promptly()
		a.expect("PUBACK packet-id=3", "PUBACK packet-id=4")
	})
}
