package bench

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode/utf8"
)

// A modelBroker stands for a broker, a network and a generator: its runs take
// no time.
type modelBroker struct {
	capacity float64                                     // messages a second that it can bring
	latency  func(load float64, q float64) time.Duration // of the share q, at a load below 1
	broken   func(load float64) bool                     // a message is lost
	// generator is the rate that the generator cannot pass; 0: none.
	generator float64
	noise     *rand.Rand // nil: none
	spikes    float64    // the share of runs in which all is 20 times as slow
	runs      int
	rates     []float64
}

func (b *modelBroker) run(_ context.Context, p Plan) (*Result, error) {
	b.runs++
	b.rates = append(b.rates, p.Rate)
	rate, limited := p.Rate, false
	if rate == 0 {
		rate = 0.9 * b.capacity
	}
	if limited = b.generator > 0 && rate > b.generator; limited {
		rate = b.generator
	}
	factor := 1.0
	if b.noise != nil {
		factor = math.Exp(0.05 * b.noise.NormFloat64())
		if b.noise.Float64() < b.spikes {
			factor = 20
		}
	}
	seconds := p.Duration.Seconds()
	n := int64(rate * seconds)
	r := &Result{Plan: p, Seconds: seconds, Latency: &Histogram{}, Generator: Generator{Limited: limited, Waiting: -1}}
	if limited {
		r.Generator.Why = "its threads were busy all the time"
	}
	late := 0.0 // how far behind it is in the end
	if rate > b.capacity {
		late = seconds * (rate/b.capacity - 1)
	}
	const points = 1000
	for i := range points {
		q := (float64(i) + 0.5) / points
		d := b.latency(min(rate/b.capacity, 0.9999), q)
		d = time.Duration(factor*float64(d)) + time.Duration(q*late*1e9)
		if i == points-1 {
			r.Seconds += d.Seconds()
		}
		r.Latency.Record(int64(d), 1)
	}
	r.Counts = Counts{Sent: n, Acknowledged: n, Expected: n, Delivered: n}
	if b.broken != nil && b.broken(rate/b.capacity) {
		r.Counts.Delivered, r.Counts.Lost = n-1, 1
		r.Failures = []Failure{{BrokenPromise, "1 message was lost at QoS 1"}}
	}
	return r, nil
}

// queue is the latency of an M/M/1 queue that serves capacity messages a second,
// above what the network takes: exponential.
func queue(capacity float64, network time.Duration) func(load, q float64) time.Duration {
	return func(load, q float64) time.Duration {
		return network + time.Duration(-math.Log(1-q)/(capacity*(1-load))*1e9)
	}
}

// flat is a latency that no load changes.
func flat(d time.Duration) func(load, q float64) time.Duration {
	return func(_, q float64) time.Duration { return time.Duration(float64(d) * (0.5 + q/2)) }
}

func objectives(t *testing.T, s string) []Objective {
	t.Helper()
	o, err := ParseObjectives(s)
	if err != nil {
		t.Fatal(err)
	}
	return o
}

// search runs and checks what holds of every search.
func search(t *testing.T, s Search, b *modelBroker) *Curve {
	t.Helper()
	told := 0
	c, err := s.Run(t.Context(), b.run, func(Trial) { told++ })
	if err != nil {
		t.Fatal(err)
	}
	bound := s.MaxTrials
	if bound == 0 {
		bound = 24
	}
	if b.runs > bound || told != len(c.Trials) {
		t.Errorf("%d runs of at most %d, %d trials, %d of them told", b.runs, bound, len(c.Trials), told)
	}
	if !slices.IsSortedFunc(c.Trials, func(a, b Trial) int { return int(a.Rate - b.Rate) }) {
		t.Error("the trials are not by rate")
	}
	for _, trial := range c.Trials {
		if trial.Kept != (trial.Why == "") || trial.Kept && trial.Limited {
			t.Errorf("%g/s: kept %t, limited %t, because %q", trial.Rate, trial.Kept, trial.Limited, trial.Why)
		}
	}
	return c
}

func expectMax(t *testing.T, c *Curve, want, within float64) {
	t.Helper()
	if c.Max == nil || c.Max.Rate < want*(1-within) || c.Max.Rate > want*1.001 {
		t.Errorf("the highest rate is %+v, want %g", c.Max, want)
	}
}

func TestSearchFindsMax(t *testing.T) {
	const capacity = 80_000
	// the p99 of the queue is ln 100 / (capacity - rate): 1 ms at 75,395/s
	atMillisecond := capacity - math.Log(100)*1000
	for _, test := range []struct {
		name       string
		objectives string
		broker     modelBroker
		start      float64
		want       float64
	}{
		{"queue", "p99<1ms", modelBroker{latency: queue(capacity, 0)}, 0, atMillisecond},
		{"from far below", "p99<1ms", modelBroker{latency: queue(capacity, 0)}, 100, atMillisecond},
		{"from far above", "p99<1ms", modelBroker{latency: queue(capacity, 0)}, 5e6, atMillisecond},
		{"cliff", "p99<10ms", modelBroker{latency: flat(time.Millisecond)}, 0, capacity},
		{"no latency asked", "lost=0", modelBroker{latency: flat(time.Millisecond)}, 0, capacity / 0.99}, // as much as is sent at 99 %
		{"long way", "p99<500ms", modelBroker{latency: func(_, q float64) time.Duration { return 300*time.Millisecond + time.Duration(q*2e7) }}, 0, 1.012 * capacity},
		{"losses", "p99<10ms", modelBroker{latency: flat(time.Millisecond), broken: func(load float64) bool { return load > 0.4 }}, 0, 0.4 * capacity},
	} {
		t.Run(test.name, func(t *testing.T) {
			test.broker.capacity = capacity
			c := search(t, Search{Plan: Plan{Rate: test.start}, Objectives: objectives(t, test.objectives)}, &test.broker)
			expectMax(t, c, test.want, 0.05)
			if !c.Confirmed || c.LimitedByGenerator || c.Next < c.Max.Rate || c.Next > 1.06*c.Max.Rate {
				t.Errorf("confirmed %t, limited %t, next %g", c.Confirmed, c.LimitedByGenerator, c.Next)
			}
			if len(c.Notes) > 0 {
				t.Errorf("notes %q", c.Notes)
			}
		})
	}
}

func TestSearchPrecision(t *testing.T) {
	b := &modelBroker{capacity: 80_000, latency: queue(80_000, 0)}
	c := search(t, Search{Objectives: objectives(t, "p99<1ms"), Precision: 0.01}, b)
	expectMax(t, c, 80_000-math.Log(100)*1000, 0.01)
}

// TestSearchInNoise: a run in ten is 20 times as slow, all others differ by 5 %.
func TestSearchInNoise(t *testing.T) {
	const capacity, searches = 80_000, 200
	right := 0
	for seed := range uint64(searches) {
		b := &modelBroker{capacity: capacity, latency: queue(capacity, 0), noise: rand.New(rand.NewPCG(seed, 1)), spikes: 0.1}
		c := search(t, Search{Objectives: objectives(t, "p99<1ms")}, b)
		want := capacity - math.Log(100)*1000
		if c.Max != nil && c.Max.Rate > 0.85*want && c.Max.Rate < 1.05*want {
			right++
		}
	}
	if right < 0.95*searches {
		t.Errorf("%d of %d searches came near", right, searches)
	}
}

// TestSearchTriesAgain: one trial that says what is not so does not decide.
func TestSearchTriesAgain(t *testing.T) {
	for _, test := range []struct {
		name string
		odd  int // the run whose result is turned around
	}{{"the first", 2}, {"the second", 3}, {"the fourth", 5}, {"the sixth", 7}} {
		b := &modelBroker{capacity: 1e6}
		run := func(ctx context.Context, p Plan) (*Result, error) {
			fine := p.Rate < 100_000
			if b.runs == test.odd {
				fine = !fine
			}
			b.latency = flat(time.Second)
			if fine {
				b.latency = flat(time.Millisecond)
			}
			return b.run(ctx, p)
		}
		c, err := Search{Plan: Plan{Rate: 30_000}, Objectives: objectives(t, "p99<10ms")}.Run(t.Context(), run, nil)
		if err != nil {
			t.Fatal(err)
		}
		expectMax(t, c, 100_000, 0.05)
		if !c.Confirmed {
			t.Errorf("%s: not confirmed: %v", test.name, b.rates)
		}
	}
}

// TestSearchNoiseBelow: what is missed far below the highest rate changes neither
// that rate nor what is above it, and is said.
func TestSearchNoiseBelow(t *testing.T) {
	b := &modelBroker{capacity: 1e6}
	run := func(ctx context.Context, p Plan) (*Result, error) {
		b.latency = flat(time.Millisecond)
		if p.Rate > 100_000 || p.Rate > 20_000 && p.Rate < 26_000 {
			b.latency = flat(time.Second)
		}
		return b.run(ctx, p)
	}
	c, err := Search{Plan: Plan{Rate: 60_000}, Objectives: objectives(t, "p99<10ms")}.Run(t.Context(), run, nil)
	if err != nil {
		t.Fatal(err)
	}
	expectMax(t, c, 100_000, 0.05)
	if c.Next < 100_000 || !c.Confirmed || !strings.Contains(strings.Join(c.Notes, " "), "2 of 10 trials at the highest rate or below missed") {
		t.Errorf("next %g, confirmed %t, notes %q", c.Next, c.Confirmed, c.Notes)
	}
}

// TestSearchFallsSlowly: where a rate kept once, the highest is not far below.
func TestSearchFallsSlowly(t *testing.T) {
	b := &modelBroker{capacity: 1e6}
	run := func(ctx context.Context, p Plan) (*Result, error) {
		b.latency = flat(time.Second)
		if p.Rate < 3000 || b.runs == 1 { // the second run is of 5,000
			b.latency = flat(time.Millisecond)
		}
		return b.run(ctx, p)
	}
	c, err := Search{Plan: Plan{Rate: 10_000}, Objectives: objectives(t, "p99<10ms")}.Run(t.Context(), run, nil)
	if err != nil {
		t.Fatal(err)
	}
	expectMax(t, c, 3000, 0.05)
	if lowest := slices.Min(b.rates); lowest < 250 { // a tenth is for the curve
		t.Errorf("%g was tried", lowest)
	}
}

func TestSearchGeneratorLimit(t *testing.T) {
	b := &modelBroker{capacity: 1e6, generator: 300_000, latency: flat(time.Millisecond)}
	c := search(t, Search{Objectives: objectives(t, "p99<10ms")}, b)
	expectMax(t, c, 300_000/0.99, 0.05)
	if !c.LimitedByGenerator || !strings.Contains(strings.Join(c.Notes, " "), "lies above") || c.Why == "" {
		t.Errorf("limited %t, notes %q", c.LimitedByGenerator, c.Notes)
	}
	if text := drawn(t, c); !strings.Contains(text, "at least") {
		t.Errorf("the text does not say that it is a lower bound:\n%s", text)
	}
}

// TestSearchMeasuresNothing: a machine on which the generator is always too slow
// tells nothing of the broker.
func TestSearchMeasuresNothing(t *testing.T) {
	b := &modelBroker{capacity: 1e6, generator: 1, latency: flat(time.Second)}
	c := search(t, Search{Plan: Plan{Rate: 1000}, Objectives: objectives(t, "p99<10ms")}, b)
	if c.Max != nil || !c.LimitedByGenerator {
		t.Fatalf("%+v, limited %t", c.Max, c.LimitedByGenerator)
	}
	text := drawn(t, c)
	for _, want := range []string{"highest rate  not known: this machine is too busy or too small to measure one\n", "the generator was the limit at 20/s already"} {
		if !strings.Contains(strings.Join(strings.Fields(text), " "), strings.Join(strings.Fields(want), " ")) {
			t.Errorf("no %q in\n%s", want, text)
		}
	}
}

func TestSearchNeverMet(t *testing.T) {
	b := &modelBroker{capacity: 80_000, latency: flat(200 * time.Millisecond)}
	c := search(t, Search{Objectives: objectives(t, "p99<10ms")}, b)
	if c.Max != nil || c.Knee != 0 || b.runs > 10 {
		t.Errorf("%+v after %d runs", c.Max, b.runs)
	}
	if lowest := c.Trials[0].Rate; lowest > 20 {
		t.Errorf("the lowest rate that was tried is %g", lowest)
	}
	if text := drawn(t, c); !strings.Contains(text, "highest rate  none keeps the objectives\n") {
		t.Error(text)
	}
	if o := decoded(t, c); o["met"] != false || o["max_rate"] != nil {
		t.Errorf("met %v, max_rate %v", o["met"], o["max_rate"])
	}
}

func TestSearchAlwaysMet(t *testing.T) {
	b := &modelBroker{capacity: 1e12, latency: flat(time.Microsecond)}
	c := search(t, Search{Plan: Plan{Rate: 1000}, Objectives: objectives(t, "p99<10ms"), MaxTrials: 12}, b)
	if b.runs != 12 || c.Max == nil || c.Next != 0 || c.Confirmed {
		t.Errorf("%d runs, max %+v, next %g", b.runs, c.Max, c.Next)
	}
	if notes := strings.Join(c.Notes, " "); !strings.Contains(notes, "bound") || !strings.Contains(notes, "lies above") {
		t.Errorf("notes %q", notes)
	}
}

func TestSearchEnds(t *testing.T) {
	for stop := 1; stop < 8; stop++ {
		ctx, cancel := context.WithCancel(t.Context())
		b := &modelBroker{capacity: 80_000, latency: queue(80_000, 0)}
		run := func(ctx context.Context, p Plan) (*Result, error) {
			r, err := b.run(ctx, p)
			if b.runs == stop {
				cancel()
			}
			return r, err
		}
		c, err := Search{Objectives: objectives(t, "p99<1ms")}.Run(ctx, run, nil)
		cancel()
		if err != nil || b.runs != stop {
			t.Fatalf("%d runs, %v", b.runs, err)
		}
		if stop <= 2 { // the closed loop, and one that was cut short
			if c != nil {
				t.Errorf("%d runs tell %+v", stop, c)
			}
			continue
		}
		if len(c.Trials) != stop-2 || c.Max == nil || c.Confirmed || !strings.Contains(strings.Join(c.Notes, " "), "ended before") {
			t.Errorf("after %d runs there are %d trials, the highest %+v, notes %q", stop, len(c.Trials), c.Max, c.Notes)
		}
		drawn(t, c)
	}
}

func TestSearchFails(t *testing.T) {
	broken := errors.New("connection refused")
	for fail := 1; fail < 5; fail++ {
		b := &modelBroker{capacity: 80_000, latency: queue(80_000, 0)}
		run := func(ctx context.Context, p Plan) (*Result, error) {
			if b.runs == fail-1 {
				return nil, broken
			}
			return b.run(ctx, p)
		}
		c, err := Search{Objectives: objectives(t, "p99<1ms")}.Run(t.Context(), run, nil)
		if !errors.Is(err, broken) || (c == nil) != (fail <= 2) {
			t.Errorf("run %d fails: %+v, %v", fail, c, err)
		}
	}
}

func TestSearchNotAllowed(t *testing.T) {
	b := &modelBroker{capacity: 80_000, latency: flat(time.Millisecond)}
	run := func(ctx context.Context, p Plan) (*Result, error) {
		r, err := b.run(ctx, p)
		r.Failures = append(r.Failures, Failure{NotAllowed, "publishing was refused"})
		return r, err
	}
	c, err := Search{Plan: Plan{Rate: 1000}, Objectives: objectives(t, "p99<1ms")}.Run(t.Context(), run, nil)
	if err != nil || b.runs != 1 || c.Max != nil || !strings.Contains(strings.Join(c.Notes, " "), "no other rate") {
		t.Errorf("%d runs, %+v, %v", b.runs, c, err)
	}
}

func TestSearchRefuses(t *testing.T) {
	met := objectives(t, "p99<10ms")
	for _, test := range []struct {
		search Search
		want   string
	}{
		{Search{}, "objective"},
		{Search{Plan: Plan{Shape: Storm}, Objectives: met}, "no rate"},
		{Search{Plan: Plan{Messages: 10}, Objectives: met}, "not a number of messages"},
		{Search{Plan: Plan{Ramp: time.Second}, Objectives: met}, "grow"},
		{Search{Objectives: met, Precision: 2}, "precisely"},
		{Search{Objectives: met, MaxTrials: -1}, "finds nothing"},
		{Search{Objectives: objectives(t, "broker_rss_bytes<1GB")}, "--pid"},
	} {
		b := &modelBroker{capacity: 80_000, latency: flat(time.Millisecond)}
		if _, err := test.search.Run(t.Context(), b.run, nil); err == nil || !strings.Contains(err.Error(), test.want) || b.runs > 2 {
			t.Errorf("%q: %v after %d runs", test.want, err, b.runs)
		}
	}
}

func TestSearchAnnounces(t *testing.T) {
	s := Search{Objectives: objectives(t, "p99<10ms"), MaxTrials: 10, Plan: Plan{Duration: 4 * time.Second}}
	if got, want := s.Announce(), "at most 10 trials of 5s: 50s, and what the broker takes to bring what is late"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
}

// curveOf is a curve whose rates are shares of a capacity.
func curveOf(shares []float64, p99 func(load float64) time.Duration) []Trial {
	var trials []Trial
	for _, share := range shares {
		r := &Result{Latency: &Histogram{}}
		r.Latency.Record(int64(p99(share)), 100)
		trials = append(trials, Trial{Rate: 100_000 * share, Kept: true, Result: r})
	}
	return trials
}

func TestKnee(t *testing.T) {
	even := []float64{0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 0.99}
	random := rand.New(rand.NewPCG(1, 2))
	service := float64(10 * time.Microsecond)
	for _, test := range []struct {
		name      string
		shares    []float64
		p99       func(load float64) time.Duration
		low, high float64 // the knee, as a share
	}{
		{"M/M/1", even, func(load float64) time.Duration { return time.Duration(service / (1 - load)) }, 0.5, 0.5},
		{"M/M/1 behind a network of 10 times its time", even, func(load float64) time.Duration { return time.Duration(10*service + service/(1-load)) }, 0.7, 0.8},
		{"16 servers", even, func(load float64) time.Duration {
			return time.Duration(service * (1 + math.Pow(load, 16)/(16*(1-load))))
		}, 0.8, 0.95},
		{"cliff", []float64{0.1, 0.3, 0.5, 0.9, 1.0, 1.05, 1.1}, func(load float64) time.Duration {
			if load > 1 {
				return time.Second
			}
			return time.Millisecond
		}, 1, 1},
		{"cliff with noise", []float64{0.1, 0.3, 0.5, 0.7, 0.9, 1.0, 1.05, 1.1}, func(load float64) time.Duration {
			if load > 1 {
				return time.Second
			}
			return time.Duration(1e6 * math.Exp(0.1*random.NormFloat64()))
		}, 0.7, 1},
		{"flat", even, func(float64) time.Duration { return time.Millisecond }, 0, 0},
		{"too few", []float64{0.1, 0.5, 0.9}, func(load float64) time.Duration { return time.Duration(service / (1 - load)) }, 0, 0},
		{"rising from the start", []float64{0.6, 0.7, 0.8, 0.9}, func(load float64) time.Duration { return time.Duration(service / (1 - load)) }, 0, 0},
	} {
		if got := knee(curveOf(test.shares, test.p99)) / 100_000; got < test.low-1e-9 || got > test.high+1e-9 {
			t.Errorf("%s: the knee is at %g, want %g to %g", test.name, got, test.low, test.high)
		}
	}
}

// TestSearchKnee: a search leaves enough of a curve to see the knee of a queue.
func TestSearchKnee(t *testing.T) {
	b := &modelBroker{capacity: 80_000, latency: queue(80_000, 0)}
	c := search(t, Search{Objectives: objectives(t, "p99<1ms")}, b)
	if c.Knee < 30_000 || c.Knee > 50_000 {
		t.Errorf("the knee of M/M/1 with 80,000/s is at %g", c.Knee)
	}
}

func drawn(t *testing.T, c *Curve) string {
	t.Helper()
	var b bytes.Buffer
	n, err := c.WriteTo(&b)
	if err != nil || n != int64(b.Len()) {
		t.Fatalf("%d of %d bytes, %v", n, b.Len(), err)
	}
	for line := range strings.Lines(b.String()) {
		if width := utf8.RuneCountInString(strings.TrimSuffix(line, "\n")); width > 80 {
			t.Errorf("%d columns: %s", width, line)
		}
	}
	return b.String()
}

func decoded(t *testing.T, v json.Marshaler) map[string]any {
	t.Helper()
	text, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	var o map[string]any
	if err := json.Unmarshal(text, &o); err != nil {
		t.Fatal(err)
	}
	return o
}

func TestCurveReports(t *testing.T) {
	b := &modelBroker{capacity: 80_000, latency: queue(80_000, 50*time.Microsecond)}
	c := search(t, Search{Objectives: objectives(t, "p99<1ms,lost=0")}, b)
	text := drawn(t, c)
	golden(t, "curve.txt", []byte(text))
	for _, want := range []string{"objectives    p99<1ms, lost=0", "knee  ", "closed loop", "highest rate", "█", "░", "highest", "missed", "p99<1ms: "} {
		if !strings.Contains(text, want) {
			t.Errorf("no %q in\n%s", want, text)
		}
	}
	o := decoded(t, c)
	trials, _ := o["trials"].([]any)
	if o["met"] != true || o["max_rate"] != c.Max.Rate || o["knee_rate"] != c.Knee || o["limited_by_generator"] != false || len(trials) != len(c.Trials) {
		t.Errorf("%v", o)
	}
	if saved, err := json.Marshal(c); err != nil {
		t.Error(err)
	} else if _, err := ReadRecord(saved); err == nil || !strings.Contains(err.Error(), "curve") {
		t.Errorf("read as the record of a run: %v", err)
	}
	first, _ := trials[0].(map[string]any)
	if latency, _ := first["latency_us"].(map[string]any); first["rate"] != c.Trials[0].Rate || first["kept"] != true || latency["p99"] == nil {
		t.Errorf("a trial is %v", first)
	}
}
