package broker_test

import (
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"time"

	"mqtk/broker"
	"mqtk/mqttwire"
)

// The newest is dropped, counted, and complained of once a minute for each
// client.
func TestQueueFull(t *testing.T) {
	var log strings.Builder
	o := broker.Options{Log: slog.New(slog.NewTextHandler(&log, nil))}
	bubble(t, o, []string{"max_queued_messages=2"}, func(w *world) {
		a := w.connect5("a", "session-expiry-interval=600")
		a.subscribe("t", 1, "")
		a.leave()
		pub := w.connect5("pub", "clean-start=1")
		for i := range 5 {
			pub.publish("t", fmt.Sprint("m", i+1), "")
		}
		complaints := func() int { return strings.Count(log.String(), "queue of the session is full") }
		if complaints() != 1 {
			w.t.Errorf("the log complains %d times", complaints())
		}
		if s := w.b.Summary(); !strings.Contains(s, "3 queue-full") {
			w.t.Errorf("the summary does not count the drops:\n%s", s)
		}
		pass(61 * time.Second)
		pub.publish("t", "m6", "")
		if complaints() != 2 || !strings.Contains(log.String(), "dropped=3") {
			w.t.Errorf("the log does not say what happened in the minute: %s", log.String())
		}
		a = w.connect5("a", "session-expiry-interval=600")
		a.expect("PUBLISH payload=m1", "PUBLISH payload=m2")
		a.alive()
	})
}

func TestQueueOfBytes(t *testing.T) {
	bubble(t, broker.Options{}, []string{"max_queued_bytes=100"}, func(w *world) {
		a := w.connect5("a", "session-expiry-interval=600")
		a.subscribe("t", 1, "")
		a.leave()
		pub := w.connect5("pub", "clean-start=1")
		pub.publish("t", strings.Repeat("x", 500), "") // one always fits
		pub.publish("t", "dropped", "")
		a = w.connect5("a", "session-expiry-interval=600")
		a.acknowledge(a.expect("PUBLISH packet-id=1"))
		a.leave()
		for i := range 4 {
			pub.publish("t", fmt.Sprint(i, strings.Repeat("y", 39)), "")
		}
		a = w.connect5("a", "session-expiry-interval=600")
		a.expect("PUBLISH packet-id=2 payload=0"+strings.Repeat("y", 39), "PUBLISH packet-id=3 payload=1"+strings.Repeat("y", 39))
		a.alive()
	})
}

func TestNoQueue(t *testing.T) {
	bubble(t, broker.Options{}, []string{"max_queued_messages=0"}, func(w *world) {
		a := w.connect5("a", "session-expiry-interval=600 receive-maximum=1")
		a.subscribe("t", 1, "")
		pub := w.connect5("pub", "clean-start=1")
		pub.publish("t", "1", "")
		pub.publish("t", "2", "") // the window is full
		a.acknowledge(a.expect("PUBLISH payload=1"))
		a.alive()
		pub.publish("t", "3", "")
		a.expect("PUBLISH payload=3")
		a.drop()
		pub.publish("t", "4", "")
		a = w.connect5("a", "session-expiry-interval=600 receive-maximum=1")
		a.expect("PUBLISH dup=1 payload=3")
		a.quiet(time.Second)
	})
}

// Refused before anything is stored: nobody gets the message.
func TestQueueFullRefuses(t *testing.T) {
	settings := []string{"max_queued_messages=1", "queue_full=refuse"}
	bubble(t, broker.Options{}, settings, func(w *world) {
		a := w.connect5("a", "session-expiry-interval=600")
		a.subscribe("t", 1, "")
		a.leave()
		b := w.connect5("b", "clean-start=1")
		b.subscribe("t", 2, "")
		pub := w.connect5("pub", "clean-start=1")
		pub.publish("t", "1", "")
		b.acknowledge(b.expect("PUBLISH payload=1"))
		pub.send("PUBLISH topic=t qos=1 packet-id=1 retain=1 payload=2", "PUBLISH topic=t qos=2 packet-id=2 payload=3")
		pub.expect("PUBACK QuotaExceeded packet-id=1", "PUBREC QuotaExceeded packet-id=2")
		for _, v := range []mqttwire.Version{mqttwire.V311, mqttwire.V31} {
			for qos := 1; qos <= 2; qos++ {
				c := w.connect(v, "c", "clean-start=1")
				c.send(fmt.Sprintf("PUBLISH topic=t qos=%d packet-id=1 payload=4", qos))
				c.eof()
			}
		}
		b.alive()
		pub.send("PUBLISH topic=t payload=0") // QoS 0 is not queued
		b.expect("PUBLISH payload=0")
		b.subscribe("t", 2, "")
		b.alive() // nothing retained either
		a = w.connect5("a", "session-expiry-interval=600")
		a.expect("PUBLISH payload=1")
		a.alive()
		pub.publish("t", "5", "")
		a.expect("PUBLISH payload=5")
	})
}

// What a client does not get of its own publications cannot be full.
func TestQueueFullAndNoLocal(t *testing.T) {
	bubble(t, broker.Options{}, []string{"max_queued_messages=1", "queue_full=refuse", "max_inflight=1"}, func(w *world) {
		a := w.connect5("a", "clean-start=1")
		a.subscribe("t", 1, "no-local=1")
		b := w.connect5("b", "clean-start=1")
		b.publish("t", "1", "")
		b.publish("t", "2", "")
		a.expect("PUBLISH payload=1") // and 2 waits
		b.send("PUBLISH topic=t qos=1 packet-id=1 payload=3")
		b.expect("PUBACK QuotaExceeded")
		a.publish("t", "own", "")
	})
}

// QoS 0 for those who are away, in order with what comes when they are back.
func TestQueueOfQoS0(t *testing.T) {
	bubble(t, broker.Options{}, []string{"queue_qos0=true", "max_inflight=1"}, func(w *world) {
		a := w.connect5("a", "session-expiry-interval=600")
		a.subscribe("t", 1, "")
		a.drop()
		pub := w.connect5("pub", "clean-start=1")
		pub.publish("t", "q1", "")
		pub.publish("t", "q2", "")
		pub.send("PUBLISH topic=t payload=z1")
		pub.alive()
		a = w.connect5("a", "session-expiry-interval=600")
		q1 := a.expect("PUBLISH qos=1 payload=q1")
		pub.send("PUBLISH topic=t payload=z2") // z1 waits behind q2: z2 may not pass it
		pub.alive()
		a.quiet(time.Second)
		a.acknowledge(q1)
		q2 := a.expect("PUBLISH qos=1 payload=q2")
		a.expect("PUBLISH qos=0 payload=z1", "PUBLISH qos=0 payload=z2")
		pub.send("PUBLISH topic=t payload=z3")
		a.expect("PUBLISH qos=0 payload=z3")
		a.acknowledge(q2)
		a.alive()
	})
}

// Messages that have expired make room for the newest.
func TestExpiredMakeRoom(t *testing.T) {
	bubble(t, broker.Options{}, []string{"max_queued_messages=3"}, func(w *world) {
		a := w.connect5("a", "session-expiry-interval=600")
		a.subscribe("t", 1, "")
		a.leave()
		pub := w.connect5("pub", "clean-start=1")
		pub.publish("t", "1", "")
		pub.publish("t", "2", "message-expiry-interval=2")
		pub.publish("t", "3", "message-expiry-interval=9")
		pub.publish("t", "dropped", "")
		pass(2 * time.Second)
		pub.publish("t", "4", "message-expiry-interval=9")
		pass(3500 * time.Millisecond)
		a = w.connect5("a", "session-expiry-interval=600")
		a.expect("PUBLISH !message-expiry-interval payload=1", "PUBLISH message-expiry-interval=4 payload=3", "PUBLISH message-expiry-interval=6 payload=4")
		a.alive()
	})
}

// A message that expired while it was unacknowledged is sent again, with nothing
// left of its interval.
func TestExpiredIsSentAgain(t *testing.T) {
	bubble(t, broker.Options{}, nil, func(w *world) {
		a := w.connect5("a", "session-expiry-interval=600")
		a.subscribe("t", 1, "")
		pub := w.connect5("pub", "clean-start=1")
		pub.publish("t", "1", "message-expiry-interval=5")
		a.expect("PUBLISH message-expiry-interval=5 payload=1")
		pass(3 * time.Second)
		a.drop()
		a = w.connect5("a", "session-expiry-interval=600")
		a.expect("PUBLISH dup=1 message-expiry-interval=2 payload=1")
		pass(3 * time.Second)
		a.drop()
		a = w.connect5("a", "session-expiry-interval=600")
		if l := a.expect("PUBLISH dup=1 payload=1"); field(l, "message-expiry-interval") != "0" {
			w.t.Errorf("the message that expired has the interval %q", field(l, "message-expiry-interval"))
		}
	})
}
