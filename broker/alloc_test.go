package broker_test

import (
	"bytes"
	"fmt"
	"testing"

	"mqtk/mqttwire"
)

// A QoS 0 delivery that nobody keeps is never allocated; a message that is kept
// is one object, or its bytes and a header where it is large, whatever its fan-out. The rest is growth, which
// the first rounds have done.
func TestDeliveriesAllocateNothing(t *testing.T) {
	if raceEnabled {
		t.Skip("the race detector allocates")
	}
	for _, c := range []struct {
		qos, receivers int
		fields         string
		most           float64
	}{
		{0, 1, "", 0},
		{0, 10, "", 0},
		{0, 1, "topic-alias-maximum=4", 0},
		{0, 10, "topic-alias-maximum=4", 0},
		{1, 1, "", 1},
		{1, 10, "", 1},
		{1, 100, "", 1},
		{1, 10, "topic-alias-maximum=4", 1},
		{2, 1, "", 1},
		{2, 10, "", 1},
	} {
		t.Run(fmt.Sprintf("qos=%d receivers=%d %s", c.qos, c.receivers, c.fields), func(t *testing.T) {
			once, all := newRig(t).deliveries(c.receivers, c.qos, 64, c.fields)
			for range 200 {
				once()
			}
			before := all[c.receivers-1].sent
			got := testing.AllocsPerRun(1000, once)
			if sent := all[c.receivers-1].sent - before; sent < 1000*64 {
				t.Fatalf("%d bytes were delivered", sent)
			}
			if got > c.most {
				t.Errorf("%v allocations, at most %v are promised", got, c.most)
			}
		})
	}
}

// So do those with properties, an expiry and an identifier, and of 3.x.
func TestDeliveriesWithPropertiesAllocateNothing(t *testing.T) {
	if raceEnabled {
		t.Skip("the race detector allocates")
	}
	r := newRig(t)
	all := r.receivers(3, 0, "", "")
	old := r.open(mqttwire.V311, "old", "")
	old.say("SUBSCRIBE packet-id=1 filter=t")
	wild := r.open(mqttwire.V5, "wild", "")
	wild.say("SUBSCRIBE packet-id=1 subscription-identifier=300 filter=+")
	pub := r.open(mqttwire.V5, "pub", "")
	publish := pub.bytes("PUBLISH topic=t message-expiry-interval=60 content-type=text/plain user-property=a=b payload=x")
	got := testing.AllocsPerRun(1000, func() { pub.hand(publish) })
	if got > 0 {
		t.Errorf("%v allocations, none is promised", got)
	}
	for _, s := range append(all, old, wild) {
		if s.sent < 1000*6 {
			t.Errorf("%d bytes were delivered", s.sent)
		}
	}
}

// Nor does a run of acknowledgements, or what it makes room for: the messages
// that waited behind the window are allocated where they were published.
func TestAcknowledgementsAllocateNothing(t *testing.T) {
	if raceEnabled {
		t.Skip("the race detector allocates")
	}
	const rounds, most = 20, 64 // max_inflight
	for _, qos := range []int{1, 2} {
		r := newRig(t)
		sub := r.receivers(1, qos, "", "")[0]
		pub := r.open(mqttwire.V5, "pub", "")
		for range rounds*most + 1 {
			pub.say(fmt.Sprintf("PUBLISH topic=t qos=%d packet-id=1 payload=x", qos))
			if qos == 2 {
				pub.say("PUBREL packet-id=1")
			}
		}
		var runs [][]byte
		for round := range rounds {
			var kinds [][]byte
			for _, kind := range []byte{0x40, 0x50, 0x70}[qos-1:][:qos] {
				var run []byte
				for i := range most {
					id := round*most + i + 1
					run = append(run, kind, 2, byte(id>>8), byte(id))
				}
				kinds = append(kinds, run)
			}
			runs = append(runs, bytes.Join(kinds, nil))
		}
		if queued := r.b.Tally().Queued; queued != (rounds-1)*most+1 {
			t.Fatalf("QoS %d: %d messages wait", qos, queued)
		}
		i := 0
		got := testing.AllocsPerRun(rounds-3, func() {
			sub.hand(runs[i])
			i++
		})
		if left := r.b.Tally().Queued; got > 0 || left != most+1 {
			t.Errorf("QoS %d: %v allocations for %d acknowledgements, none is promised; %d messages are left", qos, got, most, left)
		}
	}
}
