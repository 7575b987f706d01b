package broker_test

import (
	"testing"
	"time"

	"mqtk/broker"
)

// A session gives back what it needed for its exchanges once they are over, and
// goes on as if it had it still.
func TestTrafficRests(t *testing.T) {
	bubble(t, broker.Options{}, nil, func(w *world) {
		busy := func(want int) {
			t.Helper()
			pass(30 * time.Second)
			if got := w.b.Tally().Busy; got != want {
				t.Fatalf("%d sessions have traffic, want %d", got, want)
			}
		}
		sub, pub := w.connect5("sub", "session-expiry-interval=100"), w.connect5("pub", "")
		sub.subscribe("t", 2, "")
		busy(0)
		pub.publish("t", "a", "")
		sub.expect("PUBLISH topic=t packet-id=1 payload=a")
		busy(1) // unanswered
		sub.send("PUBACK packet-id=1")
		busy(0)
		pub.send("PUBLISH topic=t qos=2 packet-id=7 payload=b")
		pub.expect("PUBREC packet-id=7")
		sub.expect("PUBLISH topic=t qos=2 packet-id=2 payload=b")
		busy(2)
		pub.send("PUBLISH topic=t qos=2 packet-id=7 dup=1 payload=b", "PUBREL packet-id=7")
		pub.expect("PUBREC packet-id=7", "PUBCOMP packet-id=7")
		busy(1)
		sub.drop()
		busy(0) // whoever is away begins nothing
		sub = w.connect5("sub", "session-expiry-interval=100")
		sub.expect("PUBLISH topic=t qos=2 packet-id=2 dup=1 payload=b")
		sub.send("PUBREC packet-id=2")
		sub.expect("PUBREL packet-id=2")
		busy(1)
		sub.send("PUBCOMP packet-id=2")
		busy(0)
		pub.publish("t", "c", "")
		sub.expect("PUBLISH topic=t packet-id=3 payload=c")
	})
}

// What a session with one subscription on a filter of its own takes of the heap
// while nothing is under way, in bytes: itself 128, its identity 48, the ClientID
// 16, its place in the registry 17, the subscription 48, the filter 16, the
// filter's node 48 and that one's place among its siblings 17. Measured: 338.
const idleSessionBytes = 361

func TestHeapOfASession(t *testing.T) {
	if raceEnabled {
		t.Skip("the race detector takes memory")
	}
	b, err := broker.New(broker.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer b.Shutdown(t.Context())
	const n = 9000
	before := heap()
	b.AddSessions(n)
	each := float64(heap()-before) / n
	if t.Logf("%.1f bytes", each); each > idleSessionBytes {
		t.Errorf("an idle session takes %.1f bytes, %d are allowed", each, idleSessionBytes)
	}
}
