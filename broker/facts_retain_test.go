package broker_test

import (
	"fmt"
	"testing"
	"time"

	"mqtk/broker"
)

// keep stores n retained messages t/0 and so on, at QoS 1.
func (c *client) keep(n int) {
	c.w.t.Helper()
	for i := range n {
		c.publish(fmt.Sprint("t/", i), fmt.Sprint("m", i), "retain=1")
	}
}

// The window paces retained messages; they do not count against the queue, and
// nothing of them is dropped.
func TestRetainedArePaced(t *testing.T) {
	bubble(t, broker.Options{}, []string{"max_queued_messages=1"}, func(w *world) {
		pub := w.connect5("pub", "clean-start=1")
		pub.keep(600)
		a := w.connect5("a", "clean-start=1 receive-maximum=2")
		a.subscribe("t/+", 2, "")
		first := a.expect("PUBLISH retain=1 qos=1 topic=t/0", "PUBLISH retain=1 qos=1 topic=t/1")
		a.quiet(time.Second)
		pub.publish("t/x", "live", "") // takes the place in the queue
		for i := 2; i < 10; i++ {
			a.acknowledge(first)
			first = a.expect("PUBLISH qos=1")
		}
		live := 0
		for i := 10; i < 601; i++ {
			a.acknowledge(first)
			if first = a.expect("PUBLISH qos=1"); field(first, "payload") == "live" {
				live++
			}
		}
		a.quiet(time.Second)
	})
}

// What has changed since the SUBSCRIBE comes live, and not in its old value.
func TestRetainedThatChangedMeanwhile(t *testing.T) {
	bubble(t, broker.Options{}, nil, func(w *world) {
		pub := w.connect5("pub", "clean-start=1")
		pub.keep(5)
		a := w.connect5("a", "clean-start=1 receive-maximum=1")
		a.subscribe("t/+", 1, "")
		l := a.expect("PUBLISH topic=t/0 retain=1 payload=m0")
		pub.send("PUBLISH topic=t/1 retain=1 payload=new", "PUBLISH topic=t/2 retain=1", "PUBLISH topic=t/5 retain=1 payload=late")
		a.expect("PUBLISH topic=t/1 qos=0 payload=new", "PUBLISH topic=t/2 qos=0", "PUBLISH topic=t/5 qos=0 payload=late")
		a.acknowledge(l)
		a.acknowledge(a.expect("PUBLISH topic=t/3 retain=1 payload=m3"))
		a.acknowledge(a.expect("PUBLISH topic=t/4 retain=1 payload=m4"))
		a.alive()
	})
}

// The walks of one session run in the order of their SUBSCRIBEs.
func TestRetainedInOrderOfSUBSCRIBE(t *testing.T) {
	bubble(t, broker.Options{}, nil, func(w *world) {
		pub := w.connect5("pub", "clean-start=1")
		pub.publish("b/1", "x", "retain=1")
		pub.publish("b/2", "x", "retain=1")
		pub.publish("a/1", "x", "retain=1")
		pub.publish("a/2", "x", "retain=1")
		a := w.connect5("a", "clean-start=1 receive-maximum=1")
		a.send("SUBSCRIBE packet-id=1 subscription-identifier=1 filter=a/# qos=1 filter=b/1 qos=1", "SUBSCRIBE packet-id=2 filter=b/2 qos=1")
		a.expect("SUBACK packet-id=1")
		var topics []string
		l := a.expect("PUBLISH retain=1 subscription-identifier=1")
		a.expect("SUBACK packet-id=2")
		for {
			topics = append(topics, field(l, "topic"))
			a.acknowledge(l)
			if len(topics) == 4 {
				break
			}
			l = a.expect("PUBLISH retain=1")
		}
		if got := fmt.Sprint(topics); got != "[a/1 a/2 b/1 b/2]" {
			w.t.Errorf("the order is %s", got)
		}
	})
}

// A walk that a new SUBSCRIBE replaces is over; UNSUBSCRIBE ends it; one that
// Retain Handling does not repeat goes on.
func TestRetainedWalksEnd(t *testing.T) {
	bubble(t, broker.Options{}, nil, func(w *world) {
		pub := w.connect5("pub", "clean-start=1")
		pub.keep(3)
		a := w.connect5("a", "clean-start=1 receive-maximum=1")
		a.subscribe("t/+", 1, "")
		l := a.expect("PUBLISH topic=t/0 retain=1")
		a.subscribe("t/+", 1, "")
		a.acknowledge(l)
		for i := range 3 {
			a.acknowledge(a.expect(fmt.Sprintf("PUBLISH topic=t/%d retain=1", i)))
		}
		a.alive()

		a.subscribe("t/+", 1, "")
		l = a.expect("PUBLISH topic=t/0 retain=1")
		a.subscribe("t/+", 1, "retain-handling=1")
		a.acknowledge(l)
		l = a.expect("PUBLISH topic=t/1 retain=1")
		a.send("UNSUBSCRIBE packet-id=5 filter=t/+")
		a.expect("UNSUBACK packet-id=5")
		a.acknowledge(l)
		a.quiet(time.Second)
	})
}

// A walk that its connection did not live to see goes on with the next one.
func TestRetainedAfterReconnect(t *testing.T) {
	bubble(t, broker.Options{}, nil, func(w *world) {
		pub := w.connect5("pub", "clean-start=1")
		pub.keep(4)
		a := w.connect5("a", "session-expiry-interval=60 receive-maximum=2")
		a.subscribe("t/+", 1, "")
		a.acknowledge(a.expect("PUBLISH topic=t/0"))
		a.expect("PUBLISH topic=t/1", "PUBLISH topic=t/2")
		a.drop()
		a = w.connect5("a", "session-expiry-interval=60")
		a.expect("PUBLISH dup=1 topic=t/1 retain=1", "PUBLISH dup=1 topic=t/2 retain=1", "PUBLISH !dup topic=t/3 retain=1")
		a.alive()
	})
}

// No Local holds for what is retained as well.
func TestRetainedAndNoLocal(t *testing.T) {
	bubble(t, broker.Options{}, nil, func(w *world) {
		a := w.connect5("a", "clean-start=1")
		a.publish("t/own", "x", "retain=1")
		b := w.connect5("b", "clean-start=1")
		b.publish("t/other", "x", "retain=1")
		a.subscribe("t/#", 0, "no-local=1")
		a.expect("PUBLISH topic=t/other")
		a.alive()
	})
}

// The limits of the retained set: QoS 1 and 2 are refused, QoS 0 is delivered
// and not kept; what is there may be replaced, and deleting makes room.
func TestRetainedLimits(t *testing.T) {
	for _, setting := range []string{"max_retained=2", "max_retained_bytes=8"} {
		t.Run(setting, func(t *testing.T) {
			bubble(t, broker.Options{}, []string{setting}, func(w *world) {
				watch := w.connect5("watch", "clean-start=1")
				watch.subscribe("t/#", 0, "")
				pub := w.connect5("pub", "clean-start=1")
				pub.publish("t/1", "x", "retain=1")
				pub.publish("t/2", "x", "retain=1")
				watch.expect("PUBLISH topic=t/1", "PUBLISH topic=t/2")
				pub.send("PUBLISH topic=t/3 retain=1 qos=1 packet-id=1 payload=x", "PUBLISH topic=t/3 retain=1 qos=2 packet-id=2 payload=x")
				pub.expect("PUBACK QuotaExceeded packet-id=1", "PUBREC QuotaExceeded packet-id=2")
				pub.send("PUBLISH topic=t/3 retain=1 payload=x", "PUBLISH topic=$SYSTEM/3 retain=1 payload=x")
				pub.publish("t/2", "y", "retain=1")
				watch.expect("PUBLISH topic=t/3 qos=0", "PUBLISH topic=t/2 payload=y")
				b := w.connect4("b", "clean-start=1")
				b.send("PUBLISH topic=t/3 retain=1 qos=1 packet-id=1 payload=x")
				b.eof() // 3.x has no word for it
				pub.publish("t/1", `""`, "retain=1")
				watch.expect("PUBLISH topic=t/1")
				pub.publish("t/4", "x", "retain=1")
				watch.expect("PUBLISH topic=t/4")
				a := w.connect5("a", "clean-start=1")
				a.subscribe("$SYSTEM/#", 0, "")
				a.subscribe("#", 0, "")
				a.expect("PUBLISH topic=t/2 payload=y", "PUBLISH topic=t/4")
				a.alive()
			})
		})
	}
}

// A message that has expired is gone, though nobody looked.
func TestRetainedExpire(t *testing.T) {
	bubble(t, broker.Options{}, []string{"max_retained=2"}, func(w *world) {
		pub := w.connect5("pub", "clean-start=1")
		pub.publish("t/1", "x", "retain=1 message-expiry-interval=3")
		pub.publish("t/2", "x", "retain=1 message-expiry-interval=10")
		pass(3500 * time.Millisecond)
		pub.publish("t/3", "x", "retain=1") // there is room
		a := w.connect5("a", "clean-start=1")
		a.subscribe("t/#", 0, "")
		a.expect("PUBLISH message-expiry-interval=7 topic=t/2", "PUBLISH topic=t/3")
		a.alive()
	})
}
