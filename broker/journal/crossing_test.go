package journal

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"mqtk/broker"
)

// TestAppendsCross: numbers are given under the session's lock and Appends come
// after it, so those of two threads may come in either order. What is true in
// the end is the same, before a restart and after.
func TestAppendsCross(t *testing.T) {
	for seed := range uint64(12) {
		h := newHistory(seed)
		dir := t.TempDir()
		for round := range 6 {
			j := openTest(t, dir, 4096)
			facts, err := replayedFacts(j)
			if err != nil {
				t.Fatal(err)
			}
			compareFacts(t, facts, h.facts, fmt.Sprintf("seed %d, round %d", seed, round))
			var appends [][]broker.Event
			for range 300 {
				if events := h.next(h.IntN(3) == 0); len(events) > 0 {
					appends = append(appends, events)
				}
			}
			crossed(h.Rand, appends, 4)
			for _, events := range appends {
				appendTest(t, j, events...)
			}
			closeTest(t, j)
		}
	}
}

// crossed moves each a few places at most.
func crossed(random *rand.Rand, appends [][]broker.Event, most int) {
	for i := 0; i+most < len(appends); i += most {
		random.Shuffle(most, func(a, b int) { appends[i+a], appends[i+b] = appends[i+b], appends[i+a] })
	}
}

// TestEndsBeforeBeginnings: each end of something comes before it, and nothing
// of it is there, neither in memory nor after a restart.
func TestEndsBeforeBeginnings(t *testing.T) {
	dir := t.TempDir()
	j := openTest(t, dir, 0)
	if _, err := replayedFacts(j); err != nil {
		t.Fatal(err)
	}
	m := &broker.Message{Topic: "a", Payload: []byte("x"), QoS: 1}
	filter := broker.Event{Incarnation: 1, Sequence: 4}
	filter.Subscription.Filter = "f"
	appendTest(t, j, broker.Event{Kind: broker.EventSession, ClientID: "c", Incarnation: 1, Sequence: 1})
	for _, e := range [][2]broker.Event{
		{{Kind: broker.EventDequeue, Incarnation: 1, Sequence: 3}, {Kind: broker.EventEnqueue, Incarnation: 1, Sequence: 3, Message: m, QoS: 1}},
		{{Kind: broker.EventRetain, Topic: "a", Sequence: 8, Replaces: 7}, {Kind: broker.EventRetain, Topic: "a", Sequence: 7, Message: m}},
		{{Kind: broker.EventForgotten, Incarnation: 1, Sequence: 3, PacketID: 9}, {Kind: broker.EventHeld, Incarnation: 1, Sequence: 2, PacketID: 9}},
		{{Kind: broker.EventUnsubscribe, Incarnation: 1, Sequence: 5, Subscription: filter.Subscription}, {Kind: broker.EventSubscribe, Incarnation: 1, Sequence: 4, Subscription: filter.Subscription}},
		{{Kind: broker.EventWill, Incarnation: 1, Sequence: 7}, {Kind: broker.EventWill, Incarnation: 1, Sequence: 6, Message: m}},
		{{Kind: broker.EventSessionEnd, Incarnation: 2}, {Kind: broker.EventSession, ClientID: "d", Incarnation: 2, Sequence: 1}},
	} {
		appendTest(t, j, e[0])
		appendTest(t, j, e[1])
	}
	want := map[string]string{"session 1": "c 0"}
	compareIndex(t, j, want)
	closeTest(t, j)
	j = openTest(t, dir, 0)
	defer closeTest(t, j)
	facts, err := replayedFacts(j)
	if err != nil {
		t.Fatal(err)
	}
	compareFacts(t, facts, want, "after the restart")
	compareIndex(t, j, want)
}

// TestTogether: many Append, read back and end deliveries while the cleaner works.
func TestTogether(t *testing.T) {
	j := openTest(t, t.TempDir(), 16<<10)
	defer closeTest(t, j)
	if _, err := replayedFacts(j); err != nil {
		t.Fatal(err)
	}
	var all sync.WaitGroup
	for n := uint64(1); n <= 6; n++ {
		all.Go(func() {
			m := &broker.Message{Topic: "a", Payload: bytes.Repeat([]byte{byte(n)}, 300), QoS: 1, Arrived: time.Now()}
			for sequence := uint64(1); sequence <= 400; sequence++ {
				appendTest(t, j, broker.Event{Kind: broker.EventEnqueue, Incarnation: n, Sequence: sequence, Message: m, QoS: 1})
				if sequence%16 != 0 {
					continue
				}
				from := max(sequence, 48) - 47
				events, err := j.Fetch(n, []uint64{from, from + 1, sequence, sequence + 1})
				if err != nil || len(events) != 3 || events[2].Sequence != sequence || !bytes.Equal(events[2].Message.Payload, m.Payload) {
					t.Errorf("fetched %+v, %v", events, err)
					return
				}
				for ended := from; ended < from+16 && from > 1; ended++ {
					appendTest(t, j, broker.Event{Kind: broker.EventDequeue, Incarnation: n, Sequence: ended})
				}
			}
		})
	}
	all.Wait()
	settle(t, j)
}
