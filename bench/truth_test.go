package bench

import (
	"cmp"
	"math"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"mqtk/mqttwire"
)

// measured tells whether the tag of a payload is of the measured time.
func measured(tag uint16) bool { return tag&warmupTag == 0 }

// runIn runs p in a bubble against a broker with these faults and gives all
// that came of it to judge, while the broker still stands. A closed loop needs a
// broker that takes some time, or there would be no end to what it can do in a
// bubble's second.
func runIn(t *testing.T, f testFaults, p Plan, judge func(t *testing.T, b *testBroker, r *Result, err error)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		if p.Rate == 0 {
			f.delay = max(f.delay, 5*time.Millisecond)
			p.Warmup = cmp.Or(p.Warmup, 20*time.Millisecond)
		}
		b := newTestBroker(t, f)
		defer b.close()
		b.books.record = true
		p.Target = b.target()
		r, err := Run(t.Context(), p)
		synctest.Wait()
		judge(t, b, r, err)
	})
}

// wantResult fails the test unless there is a result whose totals add up and
// that the broker's clients came and went by the standard.
func wantResult(t *testing.T, b *testBroker, r *Result, err error) *Result {
	t.Helper()
	if err != nil {
		t.Fatalf("no result: %v", err)
	}
	c := r.Counts
	if c.Sent != c.Acknowledged+c.Refused+c.Unacknowledged || c.Expected != c.Delivered+c.Lost {
		t.Errorf("totals do not add up: %+v", c)
	}
	if hasFailure(r, BadSum) {
		t.Errorf("the run says that its totals do not add up: %v", r.Failures)
	}
	if books := b.report(); len(books.complaints) > 0 || books.overruns > 0 {
		t.Errorf("the broker complains: %q, %d beyond Receive Maximum", books.complaints, books.overruns)
	}
	return r
}

func hasFailure(r *Result, kind FailureKind) bool {
	return slices.ContainsFunc(r.Failures, func(f Failure) bool { return f.Kind == kind })
}

// booked are the counts that a testBroker has books of, too.
func booked(c Counts) Counts {
	c.Acknowledged, c.Unacknowledged, c.StrayAcks, c.Foreign, c.BytesSent, c.BytesReceived = 0, 0, 0, 0, 0, 0
	return c
}

// TestStall is why there is an open loop: of a broker that stands still for
// 200 ms in each second, a fifth of all messages suffer. Latency from the
// planned time says so. A closed loop, which waits with the broker, hides it.
func TestStall(t *testing.T) {
	stall := testFaults{stall: 200 * time.Millisecond, delay: time.Millisecond}
	open := Plan{Publishers: 1, Subscribers: 1, Rate: 1000, Duration: 10 * time.Second}
	runIn(t, stall, open, func(t *testing.T, b *testBroker, r *Result, err error) {
		wantResult(t, b, r, err)
		between(t, "p50", r.Latency.Quantile(0.5), 0, 3*time.Millisecond)
		between(t, "p90", r.Latency.Quantile(0.9), 95*time.Millisecond, 110*time.Millisecond)
		between(t, "p99", r.Latency.Quantile(0.99), 185*time.Millisecond, 202*time.Millisecond)
		if r.Counts.Sent != 10_000 || r.Counts.Delivered != 10_000 || len(r.Failures) > 0 {
			t.Errorf("%+v, %v", r.Counts, r.Failures)
		}
	})
	closed := Plan{Publishers: 1, Subscribers: 1, Outstanding: 2, Duration: 10 * time.Second}
	runIn(t, stall, closed, func(t *testing.T, b *testBroker, r *Result, err error) {
		wantResult(t, b, r, err)
		between(t, "closed loop: p99", r.Service.Quantile(0.99), 0, 20*time.Millisecond)
		between(t, "closed loop: the longest", r.Service.Max(), 190*time.Millisecond, 210*time.Millisecond)
		if r.Counts.Sent < 1000 || r.Counts.Delivered != r.Counts.Sent {
			t.Errorf("closed loop: %+v", r.Counts)
		}
	})
	// At QoS 1 a window of one holds an open loop up too: the service looks
	// well, and the latency tells.
	held := Plan{Publishers: 1, Subscribers: 1, QoS: 1, Window: 1, Rate: 400, Duration: 10 * time.Second}
	runIn(t, stall, held, func(t *testing.T, b *testBroker, r *Result, err error) {
		wantResult(t, b, r, err)
		between(t, "window of one: p99 of the service", r.Service.Quantile(0.99), 0, 5*time.Millisecond)
		between(t, "window of one: p99 of the latency", r.Latency.Quantile(0.99), 180*time.Millisecond, 202*time.Millisecond)
	})
}

func between(t *testing.T, what string, d, least, most time.Duration) {
	t.Helper()
	if d < least || d > most {
		t.Errorf("%s is %v, not %v to %v", what, d, least, most)
	}
}

// TestOneInTenThousand has each flaw caught, at each QoS, to the message.
func TestOneInTenThousand(t *testing.T) {
	const each = 10_000
	for _, test := range []struct {
		name   string
		faults testFaults
		broken [3]bool // at that QoS it breaks a promise
		seen   func(c Counts) int64
	}{
		{"nothing", testFaults{}, [3]bool{}, func(c Counts) int64 { return c.Lost + c.Duplicated + c.Reordered }},
		{"drop", testFaults{drop: each}, [3]bool{false, true, true}, func(c Counts) int64 { return c.Lost }},
		{"double", testFaults{double: each}, [3]bool{true, false, true}, func(c Counts) int64 { return c.Duplicated }},
		{"swap", testFaults{swap: each}, [3]bool{true, true, true}, func(c Counts) int64 { return c.Disordered }},
		{"late", testFaults{late: each}, [3]bool{true, false, true}, func(c Counts) int64 { return c.Duplicated }},
	} {
		for q := range mqttwire.QoS(3) {
			p := Plan{Publishers: 2, Subscribers: 2, QoS: q, Messages: 2*each + 5000}
			runIn(t, test.faults, p, func(t *testing.T, b *testBroker, r *Result, err error) {
				wantResult(t, b, r, err)
				if want := b.counts(measured); booked(r.Counts) != want {
					t.Errorf("%s at QoS %d: the broker did\n%+v, the run has\n%+v", test.name, q, want, booked(r.Counts))
				}
				if n := test.seen(r.Counts); (n < 1 || n > 4) != (test.name == "nothing") {
					t.Errorf("%s at QoS %d: %d seen", test.name, q, n)
				}
				if hasFailure(r, BrokenPromise) != test.broken[q] {
					t.Errorf("%s at QoS %d: failures %v", test.name, q, r.Failures)
				}
			})
		}
	}
}

// TestWaitingEnds holds the patience to its 5 s, on the clock.
func TestWaitingEnds(t *testing.T) {
	for q := range mqttwire.QoS(3) {
		p := Plan{Publishers: 1, Subscribers: 1, QoS: q, Messages: 1000, Rate: 100}
		runIn(t, testFaults{drop: 100}, p, func(t *testing.T, b *testBroker, r *Result, err error) {
			wantResult(t, b, r, err)
			books := b.report()
			sent := books.arrivals[len(books.arrivals)-1].At // the last, which is dropped
			waited := time.Since(b.start) - max(books.last, sent)
			if books.dropped < 10 || waited != 5*time.Second {
				t.Errorf("QoS %d: %d dropped; ended %v after the last message", q, books.dropped, waited)
			}
			last := books.last - r.Started.Sub(b.start) // of connecting, warm-up and measured time
			if r.Seconds <= 0 || r.Seconds > last.Seconds() {
				t.Errorf("QoS %d: %v s of %v", q, r.Seconds, last)
			}
			if rate := float64(r.Counts.Delivered) / r.Seconds; rate < 98 || rate > 101 {
				t.Errorf("QoS %d: %v delivered a second", q, rate)
			}
		})
	}
}

// TestSchedule holds the open loop to the nanosecond, also while it grows.
func TestSchedule(t *testing.T) {
	const second = float64(time.Second)
	for _, ramp := range []time.Duration{0, 2 * time.Second} {
		p := Plan{Publishers: 3, Subscribers: 3, Rate: 1000, Ramp: ramp, Duration: 4 * time.Second}
		runIn(t, testFaults{}, p, func(t *testing.T, b *testBroker, r *Result, err error) {
			wantResult(t, b, r, err)
			arrivals := slices.DeleteFunc(b.report().arrivals, func(a testArrival) bool { return !measured(a.Tag) })
			slices.SortFunc(arrivals, func(a, b testArrival) int {
				return int(int64(a.Sequence)*3 + int64(a.Publisher) - int64(b.Sequence)*3 - int64(b.Publisher))
			})
			if want := int(1000 * (4*time.Second - ramp/2).Seconds()); len(arrivals) != want {
				t.Fatalf("ramp of %v: %d messages, not %d", ramp, len(arrivals), want)
			}
			for k, a := range arrivals {
				planned := time.Duration(planned(float64(k), 1000, ramp.Seconds()) * second)
				if off := a.At - arrivals[0].At - planned; int(a.Publisher) != k%3 || off < 0 || off > time.Microsecond {
					t.Fatalf("ramp of %v: message %d by publisher %d came %v off its time %v", ramp, k, a.Publisher, off, planned)
				}
			}
			if r.Latency.Max() > time.Microsecond || r.Generator.Lag.Max() > time.Microsecond {
				t.Errorf("ramp of %v: latency to %v, lag to %v", ramp, r.Latency.Max(), r.Generator.Lag.Max())
			}
		})
	}
}

// planned is when message k is due, in seconds, if the rate grows for so many
// seconds: there are rate*t*t/(2*ramp) messages before t.
func planned(k, rate, ramp float64) float64 {
	if k < rate*ramp/2 {
		return math.Sqrt(2 * k * ramp / rate)
	}
	return ramp + (k-rate*ramp/2)/rate
}

// TestExactlySoMany has -n kept to the message, and warm-up and tear-down out
// of all counts.
func TestExactlySoMany(t *testing.T) {
	q := mqttwire.QoS(0)
	for _, shape := range []Shape{Pairs, FanIn, FanOut, Shared} {
		for _, n := range []int64{1, 7, 502} {
			for _, rate := range []float64{0, 1000} {
				p := Plan{Shape: shape, QoS: q, Messages: n, Rate: rate, Version: mqttwire.V5, SizeMax: 100, Warmup: 50 * time.Millisecond}
				runIn(t, testFaults{}, p, func(t *testing.T, b *testBroker, r *Result, err error) {
					wantResult(t, b, r, err)
					if r.Counts.Sent != n || r.Counts.Acknowledged != n || len(r.Failures) > 0 || booked(r.Counts) != b.counts(measured) {
						t.Errorf("%s, %d at QoS %d and rate %g: %+v, %v", shape, n, q, rate, r.Counts, r.Failures)
					}
					if books := b.report(); books.published <= n || books.disconnects != books.connects {
						t.Errorf("%s: %d published with the warm-up; %d connected, %d said DISCONNECT", shape, books.published, books.connects, books.disconnects)
					}
				})
				q = (q + 1) % 3
			}
		}
	}
}

// TestWorkers has many workers count as one does.
func TestWorkers(t *testing.T) {
	for _, shape := range []Shape{Pairs, FanIn, FanOut, Shared} {
		var one Counts
		for _, workers := range []int{1, 4} {
			p := Plan{Shape: shape, QoS: 1, Messages: 4000, Workers: workers, Warmup: -1}
			runIn(t, testFaults{drop: 1001, double: 607}, p, func(t *testing.T, b *testBroker, r *Result, err error) {
				wantResult(t, b, r, err)
				if r.Generator.Workers != workers || booked(r.Counts) != b.counts(measured) {
					t.Errorf("%s, %d workers: %+v, the broker has %+v", shape, r.Generator.Workers, r.Counts, b.counts(measured))
				}
				if workers == 1 {
					one = r.Counts
				} else if r.Counts != one {
					t.Errorf("%s: one worker counts %+v, %d count %+v", shape, one, workers, r.Counts)
				}
			})
		}
	}
}

// TestReceiveMaximum has the broker's bound kept below the window.
func TestReceiveMaximum(t *testing.T) {
	f := testFaults{acknowledgeAfter: 10 * time.Millisecond, receiveMaximum: 7, grants: mqttwire.Properties(nil).AddNumber(mqttwire.ReceiveMaximum, 7)}
	for q := mqttwire.QoS(1); q < 3; q++ {
		p := Plan{Publishers: 1, Subscribers: 1, QoS: q, Messages: 500, Version: mqttwire.V5}
		runIn(t, f, p, func(t *testing.T, b *testBroker, r *Result, err error) {
			wantResult(t, b, r, err)
			if r.Counts.Acknowledged != 500 || r.Acknowledge.Quantile(0.5) < 10*time.Millisecond*time.Duration(q) {
				t.Errorf("QoS %d: %+v, acknowledged within %v", q, r.Counts, r.Acknowledge.Quantile(0.5))
			}
		})
	}
}
