package broker_test

import (
	"fmt"
	"strings"
	"testing"
	"testing/synctest"

	"mqtk/broker"
	"mqtk/mqttwire"
)

// A publisher that fills its receiver is paused behind what it has sent, if that
// fits without doubt: then nothing of it is kept. Where it might not fit, it is
// paused in front of that, and nothing is lost either way.
func TestPublisherWaitsBehindWhatFits(t *testing.T) {
	for _, test := range []struct {
		size, messages int // in one read
		least, most    int // bytes pending then
		rest           bool
	}{
		{1000, 40, 40_000, 42_000, false},
		{1000, 160, 160_000, 170_000, false}, // beyond a half of 256 KiB
		{1000, 300, 196_000, 199_000, true},  // beyond three quarters
		{20_000, 9, 131_000, 161_000, true},
	} {
		t.Run(fmt.Sprintf("%d of %d bytes", test.messages, test.size), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) { // in whose time no pause is over by itself
				r := newRigOf(t, broker.Options{Limits: limits(t, "max_outbox_bytes", "256KiB")})
				s := r.open(mqttwire.V5, "s", "")
				s.say("SUBSCRIBE packet-id=1 filter=t")
				s.stuck = true
				pub := r.open(mqttwire.V5, "pub", "")
				one := pub.bytes("PUBLISH topic=t payload=" + strings.Repeat("x", test.size))
				in := []byte(strings.Repeat(string(one), test.messages))
				used := pub.conn.Receive(r.batch, in)
				if rest := used < len(in); rest != test.rest {
					t.Errorf("%d bytes of %d were taken", used, len(in))
				}
				if want := test.most > 128<<10; pub.conn.Paused() != want {
					t.Errorf("paused: %t, want %t", pub.conn.Paused(), want)
				}
				pending := 0
				for _, piece := range s.conn.Take(make([][]byte, 0, 64)) {
					pending += len(piece)
				}
				if pending < test.least || pending > test.most || pending != used {
					t.Errorf("%d bytes are pending, %d were taken, want %d to %d", pending, used, test.least, test.most)
				}
				s.stuck = false
				s.conn.Next(pending, nil)
				if pub.conn.Paused() {
					t.Error("paused before a receiver with room")
				}
			})
		})
	}
}
