package broker_test

import (
	"bytes"
	"fmt"
	"strings"
	"testing"

	"mqtk/broker"
	"mqtk/mqttwire"
)

// retain stores n messages of 16 bytes at this QoS.
func (r *rig) retain(n, qos int) {
	pub := r.open(mqttwire.V5, "keeper", "")
	for i := range n {
		pub.say(fmt.Sprintf("PUBLISH retain=1 topic=site/%04d/dev/%05d qos=%d packet-id=%d payload=%s",
			i/100, i%100, qos, min(qos, 1), strings.Repeat("x", 16)))
	}
}

// What is retained goes from its page into the outbox: at QoS 0 nothing is
// allocated for it, at QoS 1 the message and what it holds. The rest is the
// SUBSCRIBE's.
func TestRetainedDeliveriesAllocateNothing(t *testing.T) {
	if raceEnabled {
		t.Skip("the race detector allocates")
	}
	const n = 200 // one turn
	for qos, each := range []float64{0, 2} {
		t.Run(fmt.Sprint("qos=", qos), func(t *testing.T) {
			r := newRig(t)
			r.retain(n, qos)
			s := r.open(mqttwire.V5, "s", "")
			subscribe := s.bytes(fmt.Sprintf("SUBSCRIBE packet-id=1 filter=site/# qos=%d", qos))
			first := 1
			before := s.sent
			got := testing.AllocsPerRun(100, func() {
				s.hand(subscribe)
				for i := range n * qos {
					s.acknowledge((first+i-1)%65535+1, 0x40)
				}
				first += n
			})
			if sent := s.sent - before; sent < 101*n*40 {
				t.Fatalf("%d bytes were delivered", sent)
			}
			if most := 40 + n*each; got > most {
				t.Errorf("%v allocations for %d messages, at most %v are promised", got, n, most)
			}
		})
	}
}

// A walk fills a part of the outbox and no more, so that what is live has room
// beside it and nobody waits who publishes it.
func TestRetainedLeaveRoomForWhatIsLive(t *testing.T) {
	r := newRigOf(t, broker.Options{Limits: limits(t, "max_outbox_bytes", "16KiB")})
	r.retain(2000, 0)
	s := r.open(mqttwire.V5, "s", "")
	s.stuck = true
	s.say("SUBSCRIBE packet-id=1 filter=#")
	pub := r.open(mqttwire.V5, "pub", "")
	for range 100 {
		pub.say("PUBLISH topic=live payload=here")
	}
	if pub.conn.Paused() {
		t.Error("the publisher waits for somebody else's walk")
	}
	var room [64][]byte
	first := bytes.Join(s.conn.Take(room[:0]), nil)
	if n := strings.Count(string(first), "live\x00here"); n != 100 {
		t.Errorf("%d live messages are in the outbox, want 100", n)
	}
	if len(first) < 4000 || len(first) > 8000 {
		t.Errorf("%d bytes were put into an outbox that nobody empties", len(first))
	}
}
