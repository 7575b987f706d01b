package broker_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"mqtk/broker"
	"mqtk/mqttwire"
)

// Bytes under way to a client are limited, but one message always may go.
func TestMaxInflightBytes(t *testing.T) {
	bubble(t, broker.Options{}, []string{"max_inflight_bytes=100"}, func(w *world) {
		a := w.connect5("a", "clean-start=1")
		a.subscribe("t", 2, "")
		pub := w.connect5("pub", "clean-start=1")
		large, small := strings.Repeat("x", 200), strings.Repeat("y", 49)
		pub.publish("t", large, "")
		pub.publish("t", small, "")
		pub.publish("t", small, "")
		pub.publish("t", "z", "")
		pub.send("PUBLISH topic=t payload=qos0") // needs no room there
		l := a.expect("PUBLISH packet-id=1")
		a.expect("PUBLISH qos=0 payload=qos0")
		a.quiet(time.Second)
		a.acknowledge(l)
		l = a.expect("PUBLISH packet-id=2")
		a.expect("PUBLISH packet-id=3")
		a.quiet(time.Second)
		a.acknowledge(l)
		a.expect("PUBLISH packet-id=4 payload=z")
	})
}

func TestMaxTopicLength(t *testing.T) {
	bubble(t, broker.Options{}, []string{"max_topic_length=10"}, func(w *world) {
		fits, long := strings.Repeat("t", 10), strings.Repeat("t", 11)
		a := w.connect5("a", "clean-start=1")
		a.subscribe(fits, 0, "")
		a.send("SUBSCRIBE packet-id=1 filter="+long+" filter=$share/g/"+fits, "PUBLISH topic="+long+" qos=1 packet-id=2 payload=x", "PUBLISH topic="+long+" qos=2 packet-id=3 payload=x")
		a.expect("SUBACK TopicFilterInvalid GrantedQoS0 packet-id=1", "PUBACK TopicNameInvalid packet-id=2", "PUBREC TopicNameInvalid packet-id=3")
		a.send("PUBLISH topic=" + long + " payload=x")
		a.expect("DISCONNECT TopicNameInvalid")
		a.eof()
		b := w.connect4("b", "clean-start=1")
		b.send("SUBSCRIBE packet-id=1 filter="+long+" filter="+fits, "PUBLISH topic="+long+" qos=1 packet-id=2 payload=x")
		b.expect("SUBACK UnspecifiedError GrantedQoS0 packet-id=1")
		b.eof()
		c := w.dial("c", mqttwire.V5)
		c.send("CONNECT client-id=c will-payload=w will-topic=" + long)
		c.expect("CONNACK TopicNameInvalid")
		c.eof()
	})
}

// A CONNECT has a limit of its own, judged on its fixed header.
func TestMaxConnectPacketSize(t *testing.T) {
	bubble(t, broker.Options{}, []string{"max_connect_packet_size=128", "max_packet_size=4096"}, func(w *world) {
		connect := "CONNECT client-id=a clean-start=1 username=u password="
		a := w.dial("a", mqttwire.V5)
		a.send(connect + strings.Repeat("p", 200))
		a.expect("CONNACK PacketTooLarge")
		a.eof()
		b := w.dial("b", mqttwire.V311)
		b.send(connect + strings.Repeat("p", 200))
		b.eof()
		c := w.dial("c", mqttwire.V5)
		c.send(connect + strings.Repeat("p", 20))
		c.expect("CONNACK Success maximum-packet-size=4096")
		c.publish("t", strings.Repeat("x", 4000), "")
		c.send("PUBLISH topic=t payload=" + strings.Repeat("x", 4100))
		c.expect("DISCONNECT PacketTooLarge")
		c.eof()
	})
}

// The window is the smaller of the client's and ours.
func TestMaxInflight(t *testing.T) {
	for fields, window := range map[string]int{"": 2, "receive-maximum=1": 1, "receive-maximum=9": 2} {
		bubble(t, broker.Options{}, []string{"max_inflight=2"}, func(w *world) {
			a := w.connect5("a", "clean-start=1 "+fields)
			a.subscribe("t", 1, "")
			pub := w.connect5("pub", "clean-start=1")
			for range 4 {
				pub.publish("t", "x", "")
			}
			for range window {
				a.expect("PUBLISH payload=x")
			}
			a.quiet(time.Second)
		})
	}
}

// A receiver that is full but keeps its pace is waited for, unless nobody is.
func TestSlowReceiverIsDropped(t *testing.T) {
	const n = 64
	for setting, lost := range map[string]bool{"slow_receiver=wait": false, "slow_receiver=drop": true} {
		settings := []string{setting, "max_outbox_bytes=4096", "max_inflight=2", "max_queued_messages=4"}
		bubble(t, broker.Options{}, settings, func(w *world) {
			a := w.connect5("a", "clean-start=1")
			a.subscribe("t", 1, "")
			p := w.connect5("p", "clean-start=1")
			for i := range n {
				p.send(fmt.Sprintf("PUBLISH topic=t qos=1 packet-id=%d payload=%s", i+1, strings.Repeat("x", 512)))
			}
			got := 0
			for {
				r, ok := a.next(patience)
				if !ok {
					break
				}
				got++
				pass(10 * time.Millisecond)
				a.acknowledge(r.line)
			}
			if (got < n) != lost {
				t.Errorf("%s: %d messages came of %d", setting, got, n)
			}
		})
	}
}
