package proxy

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"mqtk/mqttwire"
)

// TestWatchTellsTheRest: bytes of a packet that does not end are told, be their
// direction closed or cut off.
func TestWatchTellsTheRest(t *testing.T) {
	for _, withFaults := range []bool{false, true} {
		var seen []string
		o := Options{Backlog: 1 << 20, Watch: func(e *Event) {
			if e.Kind != Data {
				seen = append(seen, fmt.Sprintf("%d %v %s", e.Kind, e.From, e.Raw))
			}
		}}
		legs := bothLegs
		if withFaults {
			o.Rules, legs = make([]Rule, 1), clientLeg
		}
		w := newWatcher(&o)
		at := time.Unix(1, 0)
		w.offer(note{kind: Packet, connection: 1, at: at, from: mqttwire.Client, legs: legs}, []byte("GET / HTTP/1.1"))
		w.tell(note{kind: Closed, connection: 1, at: at, from: mqttwire.Server, legs: bothLegs})
		w.tell(note{kind: Gone, connection: 1, at: at})
		w.offer(note{kind: Packet, connection: 2, at: at, from: mqttwire.Client, legs: legs}, []byte("GET"))
		w.tell(note{kind: Closed, connection: 2, at: at, from: mqttwire.Client, legs: bothLegs})
		w.tell(note{kind: Gone, connection: 2, at: at})
		w.finish()
		want := []string{
			fmt.Sprintf("%d server ", Closed), fmt.Sprintf("%d client GET / HTTP/1.1", Bytes), fmt.Sprintf("%d either side ", Gone),
			fmt.Sprintf("%d client GET", Bytes), fmt.Sprintf("%d client ", Closed), fmt.Sprintf("%d either side ", Gone),
		}
		if !slices.Equal(seen, want) {
			t.Errorf("with faults %v: %q", withFaults, seen)
		}
	}
}
