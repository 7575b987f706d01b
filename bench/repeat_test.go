package bench

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"
)

// modelRun is a run of a second in which each of n messages took d.
func modelRun(n int64, d time.Duration) *Result {
	r := &Result{
		Plan: Plan{Shape: Pairs}, Seconds: 1, Latency: &Histogram{}, Generator: Generator{Waiting: -1},
		Counts: Counts{Sent: n, Acknowledged: n, Expected: n, Delivered: n},
		Series: []Point{{At: 0.5, Seconds: 0.5, Sent: n / 2}, {At: 1, Seconds: 0.5, Sent: n / 2}},
	}
	r.Latency.Record(int64(d), n)
	return r
}

func TestMergeSums(t *testing.T) {
	a, b := modelRun(1000, time.Millisecond), modelRun(3000, 3*time.Millisecond)
	b.Seconds = 2
	a.Phases = []Phase{{"store", 10, 1}, {"deliver", 10, 2}}
	b.Phases = []Phase{{"deliver", 30, 2}, {"drain", 7, 1}}
	a.Connections = Connections{Wanted: 5, Opened: 4, Seconds: 1, MaxOpen: 4, Failed: map[string]int{"no route": 1}}
	b.Connections = Connections{Wanted: 5, Opened: 5, Seconds: 2, MaxOpen: 5, Lost: 2, Failed: map[string]int{"no route": 1, "timed out": 2}}
	m := Merge([]*Result{a, b})
	if m.Seconds != 3 || m.Counts.Delivered != 4000 || perSecond(m.Counts.Delivered, m.Seconds) != 4000.0/3 {
		t.Errorf("%d delivered in %g s", m.Counts.Delivered, m.Seconds)
	}
	if m.Latency.Count() != 4000 || m.Latency.Max() < 2900*time.Microsecond || m.Latency.Quantile(0.2) > 1100*time.Microsecond {
		t.Errorf("%d latencies, up to %s", m.Latency.Count(), m.Latency.Max())
	}
	if m.Service != nil || m.Broker != nil {
		t.Error("what no run knows is known")
	}
	if want := []Phase{{"store", 10, 1}, {"deliver", 40, 4}, {"drain", 7, 1}}; !slices.Equal(m.Phases, want) {
		t.Errorf("phases %v", m.Phases)
	}
	if want := (Connections{Wanted: 10, Opened: 9, Seconds: 3, MaxOpen: 5, Lost: 2, Failed: map[string]int{"no route": 2, "timed out": 2}}); !reflect.DeepEqual(m.Connections, want) {
		t.Errorf("connections %+v", m.Connections)
	}
	if a.Connections.Failed["no route"] != 1 || a.Latency.Count() != 1000 || a.Phases[1].Count != 10 {
		t.Error("the runs themselves have changed")
	}
	var at []float64
	for _, p := range m.Series {
		at = append(at, p.At)
	}
	if !slices.Equal(at, []float64{0.5, 1, 1.5, 2}) {
		t.Errorf("the series are at %v", at)
	}
	if !slices.Equal(m.Runs, []*Result{a, b}) {
		t.Error("the runs are not kept")
	}
}

// TestMergeCountsAll: a count that is added to Counts must be added up, too.
func TestMergeCountsAll(t *testing.T) {
	one := modelRun(0, 0)
	fields := reflect.ValueOf(&one.Counts).Elem()
	for i := range fields.NumField() {
		fields.Field(i).SetInt(int64(i + 1))
	}
	m := Merge([]*Result{one, one, one})
	sums := reflect.ValueOf(m.Counts)
	for i := range sums.NumField() {
		if got := sums.Field(i).Int(); got != 3*int64(i+1) {
			t.Errorf("%s is %d", sums.Type().Field(i).Name, got)
		}
	}
}

func TestMergeGenerators(t *testing.T) {
	a, b, c := modelRun(10, 1), modelRun(10, 1), modelRun(10, 1)
	a.Generator = Generator{Workers: 2, CPUSeconds: 1, CPUOfThreads: true, Busy: 0.2, Waiting: -1, RSS: 7, PerConnection: 100}
	b.Generator = Generator{Workers: 2, CPUSeconds: 2, CPUOfThreads: true, Busy: 0.8, Waiting: 0.25, RSS: 9, Limited: true, Why: "it was busy"}
	c.Generator = Generator{Workers: 2, CPUSeconds: 3, CPUOfThreads: true, Busy: 0.5, Waiting: 0.75, RSS: 8, PerConnection: 300}
	a.Broker, b.Broker = &Process{PID: 5, CPUSeconds: 1, PeakRSS: 50}, &Process{PID: 5, CPUSeconds: 2, PeakRSS: 40}
	m := Merge([]*Result{a, b, c})
	want := Generator{Workers: 2, CPUSeconds: 6, CPUOfThreads: true, Busy: 0.5, Waiting: 0.5, RSS: 9, PerConnection: 200, Limited: true, Why: "it was busy (1 of 3 runs)"}
	if m.Generator != want {
		t.Errorf("got  %+v\nwant %+v", m.Generator, want)
	}
	if m.Broker != nil {
		t.Error("the broker was not watched in every run")
	}
	if m := Merge([]*Result{a, b}); m.Broker == nil || *m.Broker != (Process{PID: 5, CPUSeconds: 3, PeakRSS: 50}) {
		t.Errorf("broker %+v", m.Broker)
	}
}

func TestMergeTells(t *testing.T) {
	runs := []*Result{modelRun(1, 1), modelRun(1, 1), modelRun(1, 1)}
	for _, r := range runs {
		r.Notes = []string{"the broker is here"}
	}
	runs[1].Notes = append(runs[1].Notes, "the clock was set")
	runs[0].Failures = []Failure{{BadSum, "1 and 1 are 3"}}
	runs[2].Failures = []Failure{{BrokenPromise, "1 was lost"}, {BadSum, "1 and 1 are 3"}}
	m := Merge(runs)
	if want := []string{"the broker is here", "run 2: the clock was set"}; !slices.Equal(m.Notes, want) {
		t.Errorf("notes %q", m.Notes)
	}
	if want := []Failure{{BrokenPromise, "run 3: 1 was lost"}, {BadSum, "runs 1 and 3: 1 and 1 are 3"}}; !slices.Equal(m.Failures, want) {
		t.Errorf("failures %q", m.Failures)
	}
	if len(m.Judged) != 0 {
		t.Errorf("judged %v", m.Judged)
	}
}

func TestMergeFew(t *testing.T) {
	if m := Merge(nil); m != nil {
		t.Errorf("nothing is %+v", m)
	}
	r := modelRun(1, 1)
	if m := Merge([]*Result{r}); m != r || len(m.Runs) != 0 {
		t.Errorf("one run is %+v", m)
	}
}

func TestRepeat(t *testing.T) {
	broken := errors.New("connection refused")
	for _, test := range []struct {
		name       string
		fail, stop int // the run that fails, and the one in which ctx ends; 0: none
		runs       int
		note       string
		err        string
	}{
		{"all", 0, 0, 4, "", ""},
		{"first fails", 1, 0, 0, "", "connection refused"},
		{"third fails", 3, 0, 2, "only 2 of 4 runs took place", "run 3 of 4: connection refused"},
		{"ends in the second", 0, 2, 2, "the test was ended in run 2 of 4", ""},
	} {
		ctx, cancel := context.WithCancel(t.Context())
		made, told := 0, []int{}
		run := func(_ context.Context, p Plan) (*Result, error) {
			made++
			if made == test.stop {
				cancel()
			}
			if made == test.fail {
				return nil, broken
			}
			return modelRun(int64(p.Messages), time.Millisecond), nil
		}
		m, err := Repeat(ctx, Plan{Messages: 100}, 4, run, func(i int, r *Result) {
			if r.Counts.Delivered != 100 {
				t.Error("told of another run")
			}
			told = append(told, i)
		})
		cancel()
		if got := fmt.Sprint(err); (test.err == "") != (err == nil) || err != nil && (got != test.err || !errors.Is(err, broken)) {
			t.Errorf("%s: %v", test.name, err)
		}
		if len(told) != test.runs || (m == nil) != (test.runs == 0) {
			t.Fatalf("%s: told of %v", test.name, told)
		}
		if m == nil {
			continue
		}
		if m.Counts.Delivered != int64(100*test.runs) {
			t.Errorf("%s: %d delivered", test.name, m.Counts.Delivered)
		}
		if note := strings.Join(m.Notes, " "); note != test.note {
			t.Errorf("%s: notes %q", test.name, m.Notes)
		}
	}
}
