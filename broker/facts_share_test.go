package broker_test

import (
	"fmt"
	"testing"
	"time"

	"mqtk/broker"
)

// send2 begins a QoS 2 exchange and leaves it held.
func (c *client) send2(id int, topic, payload string) {
	c.w.t.Helper()
	c.send(fmt.Sprintf("PUBLISH topic=%s qos=2 packet-id=%d payload=%s", topic, id, payload))
	c.expect(fmt.Sprintf("PUBREC packet-id=%d", id))
}

// When a member ends: QoS 1 in flight and all that was not sent goes to another,
// QoS 2 that was sent to nobody.
func TestShareMemberEnds(t *testing.T) {
	bubble(t, broker.Options{}, nil, func(w *world) {
		a := w.connect5("a", "clean-start=1 receive-maximum=3")
		a.subscribe("$share/g/t", 2, "")
		pub := w.connect5("pub", "clean-start=1")
		pub.publish("t", "one", "")
		pub.send2(1, "t", "two")
		pub.send2(2, "t", "released")
		pub.publish("t", "one-waits", "")
		pub.send2(3, "t", "two-waits")
		a.expect("PUBLISH qos=1 payload=one", "PUBLISH qos=2 packet-id=2 payload=two", "PUBLISH qos=2 packet-id=3 payload=released")
		a.send("PUBREC packet-id=3")
		a.expect("PUBREL packet-id=3")
		b := w.connect5("b", "clean-start=1")
		b.subscribe("$share/g/t", 2, "")
		a.drop()
		b.expect("PUBLISH !dup qos=1 payload=one", "PUBLISH !dup qos=1 payload=one-waits", "PUBLISH !dup qos=2 payload=two-waits")
		b.alive()
	})
}

// The same at the end of a session that was away, and for a retained-bit kept by
// Retain As Published.
func TestShareSessionExpires(t *testing.T) {
	bubble(t, broker.Options{}, nil, func(w *world) {
		a := w.connect5("a", "session-expiry-interval=10")
		a.subscribe("$share/g/t", 1, "")
		a.drop()
		pub := w.connect5("pub", "clean-start=1")
		pub.publish("t", "m", "retain=1")
		b := w.connect5("b", "clean-start=1")
		b.subscribe("$share/g/t", 1, "retain-as-published=1")
		b.quiet(9 * time.Second)
		b.expect("PUBLISH retain=1 payload=m")
		b.alive()
	})
}

// UNSUBSCRIBE lets what was sent be ended by its member, and gives the rest away.
func TestShareMemberUnsubscribes(t *testing.T) {
	bubble(t, broker.Options{}, nil, func(w *world) {
		a := w.connect5("a", "clean-start=1 receive-maximum=1")
		a.subscribe("$share/g/t", 1, "")
		a.subscribe("own", 1, "")
		pub := w.connect5("pub", "clean-start=1")
		pub.publish("t", "sent", "")
		pub.publish("t", "waits", "")
		pub.publish("own", "mine", "")
		sent := a.expect("PUBLISH payload=sent")
		b := w.connect5("b", "clean-start=1")
		b.subscribe("$share/g/t", 1, "")
		a.send("UNSUBSCRIBE packet-id=1 filter=$share/g/t")
		a.expect("UNSUBACK Success packet-id=1")
		b.expect("PUBLISH payload=waits")
		a.acknowledge(sent)
		a.expect("PUBLISH topic=own payload=mine")
		pub.publish("t", "after", "")
		b.expect("PUBLISH payload=after")
		a.alive()
	})
}

// With its last member a share ends; who joins later begins anew.
func TestShareLastMember(t *testing.T) {
	bubble(t, broker.Options{}, nil, func(w *world) {
		a := w.connect5("a", "clean-start=1 receive-maximum=1")
		a.subscribe("$share/g/t", 1, "")
		pub := w.connect5("pub", "clean-start=1")
		pub.publish("t", "sent", "")
		pub.publish("t", "waits", "")
		sent := a.expect("PUBLISH payload=sent")
		a.send("UNSUBSCRIBE packet-id=1 filter=$share/g/t")
		a.expect("UNSUBACK packet-id=1")
		a.subscribe("$share/g/t", 1, "")
		a.acknowledge(sent)
		a.quiet(time.Second)
		pub.publish("t", "new", "")
		a.expect("PUBLISH payload=new")
	})
}

// A member that has room is preferred to one that has not, and one that is there
// to one that is away; a message is dropped only where nobody has any.
func TestShareChoosesWhoHasRoom(t *testing.T) {
	bubble(t, broker.Options{}, []string{"max_queued_messages=2"}, func(w *world) {
		away := w.connect5("away", "session-expiry-interval=600")
		away.subscribe("$share/g/t", 1, "")
		away.drop()
		stuck := w.connect5("stuck", "clean-start=1 receive-maximum=1")
		stuck.subscribe("$share/g/t", 1, "")
		pub := w.connect5("pub", "clean-start=1")
		for i := range 7 {
			pub.publish("t", fmt.Sprint("m", i), "")
		}
		l := stuck.expect("PUBLISH payload=m0")
		away = w.connect5("away", "session-expiry-interval=600 receive-maximum=1")
		m3 := away.expect("PUBLISH payload=m3")
		away.quiet(time.Second)
		stuck.acknowledge(l)
		stuck.acknowledge(stuck.expect("PUBLISH payload=m1"))
		stuck.expect("PUBLISH payload=m2")
		away.acknowledge(m3)
		away.expect("PUBLISH payload=m4")
		stuck.quiet(time.Second)
	})
}

// queue_full = refuse: a share is full when all of its members are.
func TestShareRefuses(t *testing.T) {
	bubble(t, broker.Options{}, []string{"max_queued_messages=1", "queue_full=refuse"}, func(w *world) {
		a := w.connect5("a", "clean-start=1 receive-maximum=1")
		a.subscribe("$share/g/t", 1, "")
		b := w.connect5("b", "session-expiry-interval=600")
		b.subscribe("$share/g/t", 1, "")
		b.drop()
		pub := w.connect5("pub", "clean-start=1")
		for range 3 {
			pub.publish("t", "x", "")
		}
		pub.send("PUBLISH topic=t qos=1 packet-id=1 payload=x")
		pub.expect("PUBACK QuotaExceeded")
		c := w.connect5("c", "clean-start=1")
		c.subscribe("$share/g/t", 1, "")
		pub.publish("t", "y", "")
		c.expect("PUBLISH payload=y")
	})
}

// Members take turns, whatever filters else match; a second SUBSCRIBE does not
// make two of one.
func TestShareTurns(t *testing.T) {
	bubble(t, broker.Options{}, nil, func(w *world) {
		pub := w.connect5("pub", "clean-start=1")
		members := make([]*client, 3)
		for i := range members {
			members[i] = w.connect5(fmt.Sprint("m", i), "clean-start=1")
			members[i].subscribe("$share/g/t/+", 0, "")
			members[0].subscribe("$share/g/t/+", 0, "")
		}
		for range 30 {
			pub.send("PUBLISH topic=t/a payload=x")
		}
		pub.alive()
		for _, m := range members {
			for range 10 {
				m.expect("PUBLISH payload=x")
			}
			m.alive()
		}
	})
}
