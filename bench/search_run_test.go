package bench

import (
	"testing"
	"testing/synctest"
	"time"
)

// TestSearchReal searches with Run itself. A broker that takes 10 ms to
// acknowledge lets two publishers with windows of 10 send 2000 messages a second;
// what a search finds is that.
func TestSearchReal(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newTestBroker(t, testFaults{acknowledgeAfter: 10 * time.Millisecond})
		defer b.close()
		plan := Plan{Publishers: 2, Subscribers: 2, QoS: 1, Window: 10, Workers: 1, Duration: time.Second, Warmup: 100 * time.Millisecond, Target: b.target()}
		c, err := Search{Plan: plan, Objectives: objectives(t, "p99<30ms,lost=0")}.Run(t.Context(), Run, nil)
		if err != nil {
			t.Fatal(err)
		}
		expectMax(t, c, 2050, 0.075) // 30 ms late at the end of a second is 3 % more than it can
		if !c.Confirmed || c.LimitedByGenerator || len(c.Notes) > 0 {
			t.Errorf("confirmed %t, limited %t, notes %q\n%s", c.Confirmed, c.LimitedByGenerator, c.Notes, drawn(t, c))
		}
	})
}

// TestRepeatReal: the sum of runs of Run is what the broker's books say of all.
func TestRepeatReal(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newTestBroker(t, testFaults{delay: time.Millisecond, drop: 1000})
		defer b.close()
		b.books.record = true
		plan := Plan{Publishers: 2, Subscribers: 2, Rate: 2000, Workers: 1, Duration: 2 * time.Second, Target: b.target()}
		r, err := Repeat(t.Context(), plan, 3, Run, nil)
		synctest.Wait()
		wantResult(t, b, r, err)
		if want := b.counts(measured); booked(r.Counts) != want {
			t.Errorf("the broker did\n%+v, the sum is\n%+v", want, booked(r.Counts))
		}
		if r.Counts.Lost == 0 || len(r.Runs) != 3 || r.Latency.Count() != r.Counts.Delivered || r.Seconds < 5.9 || r.Seconds > 6.1 {
			t.Errorf("%d lost in %d runs of %g s, %d latencies of %d", r.Counts.Lost, len(r.Runs), r.Seconds, r.Latency.Count(), r.Counts.Delivered)
		}
	})
}
