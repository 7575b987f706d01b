package broker_test

import (
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	"mqtk/broker"
	"mqtk/mqttwire"
)

// A client may send max_message_rate messages at once, and as many in each
// second after that.
func TestMessageRate(t *testing.T) {
	bubble(t, broker.Options{}, []string{"max_message_rate=10"}, func(w *world) {
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
