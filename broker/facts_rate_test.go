package broker_test

import (
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"mqtk/broker"
	"mqtk/mqttwire"
)

// Who publishes faster than max_message_rate or max_byte_rate is read more slowly:
// everything arrives, at that rate, and nobody else waits. The time is no silence.
func TestFastPublisherIsReadSlowly(t *testing.T) {
	for _, limit := range []string{"max_message_rate=10", "max_byte_rate=1000"} { // of packets of 100 bytes
		for qos := range 3 {
			bubble(t, broker.Options{}, []string{limit}, func(w *world) {
				s := w.connect5("s", "clean-start=1 keep-alive=0")
				s.subscribe("t", qos, "")
				p := w.connect4("p", "clean-start=1 keep-alive=1")
				start := time.Now()
				pad := strings.Repeat("x", 100-3-2-4-2*min(qos, 1))
				for i := range 100 {
					id := ""
					if qos > 0 {
						id = fmt.Sprint("packet-id=", i+1)
					}
					p.send(fmt.Sprintf("PUBLISH topic=t qos=%d %s payload=%03d-%s", qos, id, i, pad))
				}
				lively := w.connect5("lively", "clean-start=1")
				for i := range 100 {
					r := s.upTo("PUBLISH", 3*time.Second)
					if got := field(r, "payload")[:3]; got != fmt.Sprintf("%03d", i) {
						t.Fatalf("message %d is %s", i, got)
					}
					if due := time.Duration(i-10)*100*time.Millisecond - time.Since(start); due > 0 {
						t.Fatalf("%s at QoS %d: message %d comes %v early", limit, qos, i, due)
					}
					if qos == 1 {
						s.send("PUBACK packet-id=" + field(r, "packet-id"))
					} else if qos == 2 {
						s.send("PUBREC packet-id="+field(r, "packet-id"), "PUBCOMP packet-id="+field(r, "packet-id"))
					}
					if i%10 == 0 {
						now := time.Now()
						lively.publish("elsewhere", "x", "")
						if took := time.Since(now); took > 10*time.Millisecond {
							t.Errorf("somebody else waits for %v", took)
						}
					}
				}
				if took := time.Since(start); took > 10*time.Second {
					t.Errorf("%s at QoS %d: all of it took %v", limit, qos, took)
				}
				if err := w.b.SetLimits(limitsWith(w.t)); err != nil {
					t.Fatal(err)
				}
				pass(time.Second)
				now := time.Now()
				for range 100 {
					p.send("PUBLISH topic=elsewhere payload=" + pad)
				}
				p.send("PINGREQ")
				p.upTo("PINGRESP", time.Second)
				if took := time.Since(now); took > 10*time.Millisecond {
					t.Errorf("without a limit it takes %v", took)
				}
			})
		}
	}
}

// upTo takes what comes up to the next packet of that name.
func (c *client) upTo(name string, wait time.Duration) mqttwire.Line {
	c.w.t.Helper()
	for {
		r, ok := c.next(wait)
		if !ok || r.err != nil {
			c.w.t.Fatalf("%s waits for %s: %v", c.name, name, r.err)
		}
		if r.line.Type.String() == name {
			return r.line
		}
	}
}

// A packet of more bytes than a second has is taken, and paid for after.
func TestOneLargePacketAboveTheByteRate(t *testing.T) {
	bubble(t, broker.Options{}, []string{"max_byte_rate=1000"}, func(w *world) {
		s := w.connect5("s", "clean-start=1")
		s.subscribe("t", 0, "")
		p := w.connect5("p", "clean-start=1 keep-alive=1")
		start := time.Now()
		p.send("PUBLISH topic=t payload="+strings.Repeat("x", 20000), "PUBLISH topic=t payload=next")
		s.expect("PUBLISH topic=t payload=" + strings.Repeat("x", 20000))
		if took := time.Since(start); took > 100*time.Millisecond {
			t.Errorf("it takes %v", took)
		}
		p.send("PUBLISH topic=t payload=last")
		s.upTo("PUBLISH", 30*time.Second) // came with the first
		s.upTo("PUBLISH", 30*time.Second)
		if took := time.Since(start); took < 18*time.Second || took > 21*time.Second {
			t.Errorf("20,000 bytes are paid for after %v", took)
		}
	})
}

// With rate_exceeded = disconnect a client may send max_message_rate messages at
// once, and as many in each second after that.
func TestMessageRate(t *testing.T) {
	bubble(t, broker.Options{}, []string{"max_message_rate=10", "rate_exceeded=disconnect"}, func(w *world) {
		flood := func(c *client, n int) {
			for i := range n {
				c.send(fmt.Sprintf("PUBLISH topic=t payload=%d", i))
			}
		}
		a := w.connect5("a", "clean-start=1")
		flood(a, 10)
		a.alive()
		pass(500 * time.Millisecond)
		flood(a, 5)
		a.alive()
		flood(a, 1)
		a.expect("DISCONNECT MessageRateTooHigh")
		a.eof()

		b := w.connect4("b", "clean-start=1")
		flood(b, 11)
		b.eof()
	})
}

func TestByteRate(t *testing.T) {
	bubble(t, broker.Options{}, []string{"max_byte_rate=1000", "rate_exceeded=disconnect"}, func(w *world) {
		a := w.connect5("a", "clean-start=1")
		a.send("PUBLISH topic=t payload=" + strings.Repeat("x", 500))
		a.alive()
		pass(time.Second)
		a.send("PUBLISH topic=t payload=" + strings.Repeat("x", 900))
		a.alive()
		a.send("PUBLISH topic=t payload=" + strings.Repeat("x", 500))
		a.expect("DISCONNECT MessageRateTooHigh")
		a.eof()
	})
}

func TestConnectionRate(t *testing.T) {
	bubble(t, broker.Options{}, []string{"max_connection_rate=3"}, func(w *world) {
		for i := range 3 {
			w.connect5(fmt.Sprint("a", i), "clean-start=1")
		}
		b := w.dial("b", mqttwire.V5)
		b.send("CONNECT client-id=b clean-start=1")
		b.expect("CONNACK ConnectionRateExceeded")
		b.eof()
		c := w.dial("c", mqttwire.V311)
		c.send("CONNECT client-id=c clean-start=1")
		c.expect("CONNACK ServerUnavailable")
		c.eof()
		pass(time.Second)
		w.connect5("b", "clean-start=1")
	})
}

// withdrawn takes the right to publish away from everybody at once.
type withdrawn struct{ atomic.Bool }

func (d *withdrawn) Authorize(_ *broker.Identity, a broker.Action, _ string) bool {
	return a != broker.Publish || !d.Load()
}

func TestRetainSource(t *testing.T) {
	for _, check := range []string{"true", "false"} {
		rights := &withdrawn{}
		bubble(t, broker.Options{Authorizer: rights}, []string{"check_retain_source=" + check}, func(w *world) {
			p := w.connect5("p", "clean-start=1")
			p.publish("t", "kept", "retain=1")
			p.alive()
			s := w.connect5("s", "clean-start=1")
			s.subscribe("t", 0, "")
			s.expect("PUBLISH topic=t retain=1 payload=kept")
			rights.Store(true)
			s.subscribe("t", 0, "")
			if check == "false" {
				s.expect("PUBLISH topic=t retain=1 payload=kept")
			}
			s.alive()
		})
	}
}
