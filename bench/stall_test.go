package bench

import (
	"strings"
	"testing"
	"time"

	"mqtk/mqttwire"
)

// TestStandstill has a broker stop in the middle and never go on. Its rate is that
// of all the time in which it should have worked, and what it never took counts: as
// unsent, and in the latency.
func TestStandstill(t *testing.T) {
	for _, q := range []struct {
		qos    mqttwire.QoS
		shape  Shape
		rate   float64
		most   float64 // delivered, or acknowledged, a second
		unsent bool
	}{
		{0, Pairs, 1000, 505, false}, {1, Pairs, 1000, 505, true}, {2, PubOnly, 1000, 505, true},
		{1, Pairs, 0, 0, false}, {1, PubOnly, 0, 0, false}, {0, Pairs, 0, 0, false}, {0, PubOnly, 0, 0, false},
	} {
		p := Plan{Shape: q.shape, Publishers: 2, QoS: q.qos, Rate: q.rate, Duration: 4 * time.Second, Warmup: time.Second, Patience: 2 * time.Second, Workers: 1}
		if q.shape.receives() {
			p.Subscribers = 2
		}
		f := testFaults{stopAfter: 3 * time.Second}
		if p.Rate == 0 {
			f.readPause = 5 * time.Millisecond
		}
		runIn(t, f, p, func(t *testing.T, b *testBroker, r *Result, err error) {
			if err != nil {
				t.Fatal(err)
			}
			c := r.Counts
			if r.Seconds < 4 || r.Seconds > 5.01 {
				t.Errorf("%s at QoS %d and rate %g: %v s", q.shape, q.qos, q.rate, r.Seconds)
			}
			done := c.Delivered
			if q.shape == PubOnly {
				done = c.Acknowledged
			}
			if q.most > 0 && (perSecond(done, r.Seconds) > q.most || done < 1900) {
				t.Errorf("%s at QoS %d: %d of 4000 in %v s", q.shape, q.qos, done, r.Seconds)
			}
			if (c.Unsent > 0) != q.unsent || q.unsent && c.Sent+c.Unsent != 4000 {
				t.Errorf("%s at QoS %d and rate %g: %+v", q.shape, q.qos, q.rate, c)
			}
			if h := r.Latency; q.unsent && h != nil && h.Quantile(.99) < time.Second {
				t.Errorf("p99 of the latency is %v, though half of the messages were never sent", h.Quantile(.99))
			}
			if h := r.Acknowledge; q.unsent && q.shape == PubOnly && h.Quantile(.99) < time.Second {
				t.Errorf("p99 of the acknowledgements is %v, though half of the messages were never sent", h.Quantile(.99))
			}
			if q.unsent && (r.Generator.Limited || !strings.Contains(strings.Join(r.Notes, "\n"), "due and never sent")) {
				t.Errorf("limited: %q, notes %q", r.Generator.Why, r.Notes)
			}
			if q.qos > 0 != hasFailure(r, BrokenPromise) || hasFailure(r, BadSum) {
				t.Errorf("%s at QoS %d and rate %g: %v", q.shape, q.qos, q.rate, r.Failures)
			}
			checkSeries(t, r)
		})
	}
}

// checkSeries: the points of a series follow each other up to the end.
func checkSeries(t *testing.T, r *Result) {
	t.Helper()
	at, sent, delivered := 0., int64(0), int64(0)
	for _, p := range r.Series {
		if begun := p.At - p.Seconds; begun < at-1e-6 || begun > at+1e-6 {
			t.Errorf("a point begins at %v, the one before ends at %v", begun, at)
		}
		at, sent, delivered = p.At, sent+p.Sent, delivered+p.Delivered
	}
	if at < r.Seconds-1e-6 || at > r.Seconds+1e-6 || sent != r.Counts.Sent || delivered != r.Counts.Delivered {
		t.Errorf("the series ends at %v of %v, with %d of %d sent and %d of %d delivered", at, r.Seconds, sent, r.Counts.Sent, delivered, r.Counts.Delivered)
	}
}

// TestRateOfFewMessages: a plan takes its time, also if the last message of it
// leaves before it is over. So few messages are no high rate.
func TestRateOfFewMessages(t *testing.T) {
	for _, test := range []struct {
		rate    float64
		n       int64
		d       time.Duration
		seconds float64
	}{{1, 0, 4 * time.Second, 4}, {2, 3, 0, 1.5}, {2, 3, 10 * time.Second, 1.5}, {1000, 1000, 0, 1}} {
		p := Plan{Publishers: 3, Subscribers: 3, Rate: test.rate, Messages: test.n, Duration: test.d, Workers: 1}
		r, err := carryOut(t, testFaults{delay: 100 * time.Microsecond}, p)
		if err != nil || r.Seconds < test.seconds || r.Seconds > test.seconds+.001 {
			t.Errorf("%g/s, %d messages, %v: %+v, %v", test.rate, test.n, test.d, r, err)
		}
	}
}

// TestSilentSubscribers sleep while nobody publishes: nothing limits them.
func TestSilentSubscribers(t *testing.T) {
	r, err := carryOut(t, testFaults{}, Plan{Shape: SubOnly, Subscribers: 1, Duration: 3 * time.Second, Workers: 1})
	if err != nil || r.Generator.Limited || r.Generator.Busy > .5 {
		t.Errorf("%v: %+v", err, r.Generator)
	}
}
