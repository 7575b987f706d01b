package bench

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"mqtk/mqttwire"
)

// TestTotals holds, for plans and faults by chance, what a run counts against
// what the broker knows it did.
func TestTotals(t *testing.T) {
	for seed := range uint64(25) {
		chance := rand.New(rand.NewPCG(seed, 7))
		p, f := anyPlan(chance), anyFaults(chance)
		if p.Version != mqttwire.V5 {
			f.refusePublish, f.grants, f.receiveMaximum = 0, nil, 0
		}
		what := fmt.Sprintf("seed %d, %+v, %+v", seed, p, f)
		runIn(t, f, p, func(t *testing.T, b *testBroker, r *Result, err error) {
			if f.closeAfter > 0 && err != nil { // it was over before it began
				return
			}
			wantResult(t, b, r, err)
			want, got := b.counts(measured), booked(r.Counts)
			if f.closeAfter > 0 { // what was under way is known to nobody
				want, got = Counts{}, Counts{}
			}
			if got != want {
				t.Errorf("%s:\nthe broker has %+v\nthe run says   %+v", what, want, got)
			}
			if d := time.Since(b.start); d > time.Minute {
				t.Errorf("%s: it took %v", what, d)
			}
			if c := r.Counts; f.closeAfter == 0 && c.BytesReceived < int64(p.SizeMin)*c.Delivered {
				t.Errorf("%s: %d bytes received in %d messages", what, c.BytesReceived, c.Delivered)
			}
		})
		if t.Failed() {
			t.Fatal(what)
		}
	}
}

func anyPlan(chance *rand.Rand) Plan {
	p := Plan{
		Shape:      []Shape{Pairs, FanIn, FanOut, Shared}[chance.IntN(4)],
		Publishers: 1 + chance.IntN(4), Subscribers: 1 + chance.IntN(4),
		Version: mqttwire.Version(3 + chance.IntN(3)), QoS: mqttwire.QoS(chance.IntN(3)),
		SizeMin: 17 + chance.IntN(50), Messages: 1 + chance.Int64N(1500),
		Window: 1 + chance.IntN(200), Outstanding: 1 + chance.IntN(300), Workers: 1 + chance.IntN(3),
		Warmup: []time.Duration{-1, 100 * time.Millisecond}[chance.IntN(2)],
	}
	if p.SizeMax = p.SizeMin; chance.IntN(2) == 0 {
		p.SizeMax += chance.IntN(300)
	}
	if p.Shape == Shared {
		p.Version = mqttwire.V5
	}
	if chance.IntN(2) == 0 {
		p.Rate = 100 + 5000*chance.Float64()
	} else if p.Shape == Pairs { // who sends to nobody has no bound
		p.Topics = min(p.Publishers, p.Subscribers)
	}
	return p
}

func anyFaults(chance *rand.Rand) testFaults {
	each := func() int64 {
		if chance.IntN(3) > 0 {
			return 0
		}
		return 3 + chance.Int64N(200)
	}
	f := testFaults{
		drop: each(), double: each(), swap: each(), late: each(), corrupt: each(), lower: each(), forget: each(),
		delay: time.Duration(chance.IntN(3)) * time.Millisecond, stall: time.Duration(chance.IntN(2)) * 200 * time.Millisecond,
	}
	if chance.IntN(4) == 0 {
		f.refusePublish, f.refuseEach = mqttwire.QuotaExceeded, 3+chance.Int64N(50)
	}
	if chance.IntN(4) == 0 {
		f.receiveMaximum = 1 + chance.IntN(20)
		f.grants = f.grants.AddNumber(mqttwire.ReceiveMaximum, uint32(f.receiveMaximum))
		f.acknowledgeAfter = time.Duration(chance.IntN(5)) * time.Millisecond
	}
	if chance.IntN(8) == 0 {
		f.closeAfter = 1 + chance.IntN(300)
	}
	return f
}
