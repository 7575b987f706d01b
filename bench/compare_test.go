package bench

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode/utf8"
)

// recordOf is what a saved result of runs says.
func recordOf(t *testing.T, runs ...*Result) *Record {
	t.Helper()
	text, err := json.Marshal(Merge(runs))
	if err != nil {
		t.Fatal(err)
	}
	r, err := ReadRecord(text)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// samples are n runs, open loop or closed, whose rates and latencies are those of
// the sample times speed, with noise of 1 %.
func samples(n int, open bool, speed float64, change func(i int, r *Result)) []*Result {
	random := rand.New(rand.NewPCG(uint64(n), uint64(1000*speed)))
	var runs []*Result
	for i := range n {
		r := sampleOf(Pairs)
		factor := math.Exp(0.01 * random.NormFloat64())
		r.Latency = spread(20_000, time.Duration(210_000/speed*factor))
		if !open {
			r.Plan.Rate, r.Plan.Outstanding = 0, 1000
			r.Seconds /= speed * factor
		}
		if change != nil {
			change(i, r)
		}
		runs = append(runs, r)
	}
	return runs
}

func verdictOf(t *testing.T, c *Comparison, name string) Verdict {
	t.Helper()
	for _, f := range c.Figures {
		if f.Metric.Name == name {
			return f.Verdict
		}
	}
	t.Fatalf("no %s in the comparison", name)
	return ""
}

func TestCompareVerdicts(t *testing.T) {
	for _, test := range []struct {
		name      string
		n         int
		open      bool
		speed     float64
		threshold float64
		verdicts  map[string]Verdict
		regressed bool
	}{
		{"alike", 10, true, 1, 0.05, map[string]Verdict{"p50": Same, "p99": Same, "delivered_per_second": Same}, false},
		{"slower", 10, true, 0.8, 0.05, map[string]Verdict{"p50": Worse, "p99": Worse, "delivered_per_second": Same, "p99_9": NotJudged, "service_p99": NotJudged}, true},
		{"faster", 10, true, 1.25, 0.05, map[string]Verdict{"p50": Better, "p99": Better}, false},
		{"slower by less than the threshold", 10, true, 0.9, 0.25, map[string]Verdict{"p50": Same}, false},
		{"slower by about the threshold", 5, true, 0.957, 0.05, map[string]Verdict{"p50": Unclear}, false},
		{"three runs", 3, true, 0.8, 0.05, map[string]Verdict{"p50": Worse}, true},
		{"two runs", 2, true, 0.5, 0.05, map[string]Verdict{"p50": Unclear, "delivered_per_second": Unclear}, false},
		{"one run", 1, true, 0.5, 0.05, map[string]Verdict{"p50": Unclear}, false},
		{"slower, closed loop", 5, false, 0.8, 0.05, map[string]Verdict{"delivered_per_second": Worse, "bytes_per_second": NotJudged, "p50": NotJudged}, true},
		{"faster, closed loop", 5, false, 1.25, 0.05, map[string]Verdict{"delivered_per_second": Better, "p50": NotJudged}, false},
	} {
		before, after := recordOf(t, samples(test.n, test.open, 1, nil)...), recordOf(t, samples(test.n, test.open, test.speed, nil)...)
		if test.speed == 1 {
			after = recordOf(t, samples(test.n, test.open, 1.001, nil)...) // other noise
		}
		c, err := Compare(before, after, test.threshold)
		if err != nil {
			t.Errorf("%s: %v", test.name, err)
			continue
		}
		for name, want := range test.verdicts {
			if got := verdictOf(t, c, name); got != want {
				t.Errorf("%s: %s is %s, want %s", test.name, name, got, want)
			}
		}
		if c.Regressed() != test.regressed {
			t.Errorf("%s: regressed %t", test.name, c.Regressed())
		}
		if tells := strings.Contains(strings.Join(c.Notes, " "), "nobody can tell"); tells != (test.n < Fewest) {
			t.Errorf("%s: notes %q", test.name, c.Notes)
		}
		if closed := strings.Contains(strings.Join(c.Notes, " "), "closed loop"); closed == test.open {
			t.Errorf("%s: notes %q", test.name, c.Notes)
		}
		written(t, c)
	}
}

// TestCompareTurned: what is worse one way is better the other.
func TestCompareTurned(t *testing.T) {
	before, after := recordOf(t, samples(8, true, 1, nil)...), recordOf(t, samples(8, true, 0.7, nil)...)
	c, err := Compare(after, before, 0.05)
	if err != nil || verdictOf(t, c, "p99") != Better || c.Regressed() {
		t.Errorf("%v", err)
	}
}

// TestCompareFalseAlarms: of comparisons of the same with itself, few end in a
// regression.
func TestCompareFalseAlarms(t *testing.T) {
	random := rand.New(rand.NewPCG(21, 22))
	noisy := func() *Record {
		r := &Record{Head: Head{Rate: known(1000.0)}}
		for range 5 {
			r.Runs = append(r.Runs, Record{Values: map[string]float64{
				"p50": math.Exp(0.1 * random.NormFloat64()), "p99": math.Exp(0.3 * random.NormFloat64()),
				"delivered_per_second": math.Exp(0.05 * random.NormFloat64()),
			}})
		}
		return r
	}
	alarms := 0
	const comparisons = 500
	for range comparisons {
		c, err := Compare(noisy(), noisy(), 0.05)
		if err != nil {
			t.Fatal(err)
		}
		if words := fmt.Sprint(c.words()); c.judged() != 3 || !strings.Contains(words, "3 figures are judged") || !strings.Contains(words, "at most 7.5%") {
			t.Fatalf("%d judged: %s", c.judged(), words)
		}
		if c.Regressed() {
			alarms++
		}
	}
	if float64(alarms) > 0.075*comparisons {
		t.Errorf("%d of %d comparisons are false alarms", alarms, comparisons)
	}
}

func TestCompareBroken(t *testing.T) {
	lose := func(i int, r *Result) {
		if i == 1 {
			r.Counts.Lost, r.Counts.Delivered = 3, r.Counts.Delivered-3
			r.Failures = []Failure{{BrokenPromise, "3 messages of QoS 1 were lost"}}
		}
	}
	whole, lossy := recordOf(t, samples(2, true, 1, nil)...), recordOf(t, samples(2, true, 1, lose)...)
	for _, test := range []struct {
		name      string
		a, b      *Record
		verdict   Verdict
		regressed bool
	}{
		{"B alone", whole, lossy, Worse, true},
		{"A alone", lossy, whole, Better, false},
		{"both", lossy, lossy, Unclear, false},
		{"neither", whole, whole, Same, false},
	} {
		for _, o := range []Comparing{{}, {Metrics: []string{"p50"}}} {
			c, err := o.Compare(test.a, test.b)
			if err != nil {
				t.Fatal(err)
			}
			if got := verdictOf(t, c, "lost"); got != test.verdict || c.Regressed() != test.regressed {
				t.Errorf("%s: lost is %s, regressed %t", test.name, got, c.Regressed())
			}
			text := written(t, c)
			if says := strings.Contains(text, "B has 3 lost, and A has none") && strings.Contains(text, "were lost"); says != test.regressed {
				t.Errorf("%s:\n%s", test.name, text)
			}
		}
	}
}

func TestCompareDifferent(t *testing.T) {
	before := recordOf(t, samples(3, true, 1, nil)...)
	for key, change := range map[string]func(i int, r *Result){
		"qos":         func(_ int, r *Result) { r.Plan.QoS = 2 },
		"rate":        func(_ int, r *Result) { r.Plan.Rate = 3000 },
		"shape":       func(_ int, r *Result) { r.Plan.Shape = Shared },
		"size_max":    func(_ int, r *Result) { r.Plan.SizeMax = 128 },
		"publishers":  func(_ int, r *Result) { r.Plan.Publishers = 11 },
		"subscribers": func(_ int, r *Result) { r.Plan.Subscribers = 11 },
		"window":      func(_ int, r *Result) { r.Plan.Window = 0 },
		"version":     func(_ int, r *Result) { r.Plan.Version = 4 },
		"in_process":  func(_ int, r *Result) { r.Plan.Target.InProcess = true },
	} {
		after := recordOf(t, samples(3, true, 1, change)...)
		_, err := Compare(before, after, 0.05)
		var different *DifferentError
		if !errors.As(err, &different) || len(different.Keys) != 1 || !strings.HasPrefix(different.Keys[0], key+" is ") || !strings.Contains(err.Error(), key) {
			t.Errorf("%s: %v", key, err)
		}
		c, err := Comparing{Anyway: true}.Compare(before, after)
		if err != nil || len(c.Different) != 1 || !strings.Contains(strings.Join(c.Notes, " "), "different tests") {
			t.Errorf("%s: %v, %v", key, c, err)
		}
	}
}

func TestCompareNotes(t *testing.T) {
	before := recordOf(t, samples(3, true, 1, nil)...)
	for want, change := range map[string]func(i int, r *Result){
		"cpus is 4 in A and 64 in B":   func(_ int, r *Result) { r.Environment.CPUs = 64 },
		"mqtk is 1.2.3 in A and 1.3.0": func(_ int, r *Result) { r.Program = "1.3.0" },
		"duration_s is 10 in A":        func(_ int, r *Result) { r.Plan.Duration = time.Minute },
		"in B the generator was":       func(_ int, r *Result) { r.Generator.Limited = true },
	} {
		c, err := Compare(before, recordOf(t, samples(3, true, 1, change)...), 0.05)
		if err != nil || len(c.Notes) != 1 || !strings.Contains(c.Notes[0], want) {
			t.Errorf("%s: %v, %v", want, c.Notes, err)
		}
	}
	elsewhere := func(_ int, r *Result) { r.Plan.Target.Name, r.Plan.Topic = "mqtt://other:1883", "bench/%r/%i" }
	if c, err := Compare(before, recordOf(t, samples(3, true, 1, elsewhere)...), 0.05); err != nil || len(c.Notes) > 0 {
		t.Errorf("another target: %v, %v", c.Notes, err)
	}
}

func TestCompareRefuses(t *testing.T) {
	r := recordOf(t, samples(3, true, 1, nil)...)
	for want, o := range map[string]Comparing{
		"a threshold of 2":     {Threshold: 2},
		"a threshold of -1":    {Threshold: -1},
		"frobs is no figure":   {Metrics: []string{"frobs"}},
		"seconds is no figure": {Metrics: []string{"seconds"}},
	} {
		if _, err := o.Compare(r, r); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", want, err)
		}
	}
	if _, err := Compare(&Record{}, &Record{}, 0.05); err == nil || !strings.Contains(err.Error(), "no figure in common") {
		t.Errorf("nothing: %v", err)
	}
}

func TestCompareChosen(t *testing.T) {
	before, after := recordOf(t, samples(5, false, 1, nil)...), recordOf(t, samples(5, false, 0.8, nil)...)
	c, err := Comparing{ClosedLatency: true}.Compare(before, after)
	if err != nil || verdictOf(t, c, "p99") != Worse {
		t.Errorf("closed latency: %v", err)
	}
	heard := func(_ int, r *Result) { r.Plan.Shape = SubOnly }
	sub := recordOf(t, samples(5, false, 1, heard)...)
	if c, err := Compare(sub, sub, 0.05); err != nil || !strings.Contains(strings.Join(c.Notes, " "), "latency is not judged: nobody here knows") {
		t.Errorf("bench sub: %v", err)
	}
	c, err = Comparing{Metrics: []string{"service_p50"}}.Compare(before, after)
	if err != nil || verdictOf(t, c, "service_p50") != Same || verdictOf(t, c, "delivered_per_second") != NotJudged || c.Regressed() || len(c.Notes) > 0 {
		t.Errorf("service_p50: %v", err)
	}
}

func written(t *testing.T, c *Comparison) string {
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

func TestComparisonReports(t *testing.T) {
	watched := func(_ int, r *Result) {
		r.Broker = &Process{PID: 4711, CPUSeconds: 0.4, RSS: 40e6, PeakRSS: 41e6, PerConnection: 3412}
	}
	c, err := Comparing{NameA: "before.json", NameB: "after.json"}.Compare(recordOf(t, samples(5, true, 1, watched)...), recordOf(t, samples(5, true, 0.8, watched)...))
	if err != nil {
		t.Fatal(err)
	}
	golden(t, "compare.txt", []byte(written(t, c)))
	o := decoded(t, c)
	worse, _ := o["worse"].([]any)
	if o["regressed"] != true || o["threshold"] != 0.05 || o["runs_a"] != 5.0 || !slices.Contains(worse, any("p99")) {
		t.Errorf("%v", o)
	}
	figures, _ := o["figures"].([]any)
	if len(figures) != len(c.Figures) {
		t.Fatalf("%d figures", len(figures))
	}
	for _, f := range figures {
		f, _ := f.(map[string]any)
		if f["name"] != "p99" {
			continue
		}
		a, _ := f["a"].(map[string]any)
		runs, _ := a["runs"].([]any)
		low, _ := f["low"].(float64)
		if f["verdict"] != "worse" || f["unit"] != UnitMicroseconds || len(runs) != 5 || low <= 1 {
			t.Errorf("%v", f)
		}
	}
	c, err = Compare(recordOf(t, samples(1, true, 1, nil)...), recordOf(t, samples(1, true, 0.8, nil)...), 0.05)
	if err != nil {
		t.Fatal(err)
	}
	golden(t, "compare_once.txt", []byte(written(t, c)))
	decoded(t, c)
}

// TestCompareContradiction: a ratio that contradicts the medians beside it is shown
// to nobody.
func TestCompareContradiction(t *testing.T) {
	m, _ := MetricNamed("p99")
	a, b := []float64{8000, 8100, 8360, 20_000, 21_000}, []float64{1000, 1100, 15_200, 15_300, 15_400}
	f := Comparing{Threshold: 0.05}.figure(m, a, b, &Record{Head: Head{Rate: known(5.0)}}, &Record{Head: Head{Rate: known(5.0)}})
	if ratio, _, _ := Ratio(a, b); ratio >= 1 {
		t.Fatalf("%g contradicts nothing", ratio)
	}
	if row := f.row(); f.Verdict != Unclear || row[3] != "unclear" || row[4] != "cannot tell" {
		t.Errorf("%q %v", row, f.Verdict)
	}
	if f = (Comparing{Threshold: 0.05}).figure(m, a, a, &Record{}, &Record{}); f.row()[3] != "1.000" {
		t.Errorf("%q", f.row())
	}
}

func TestCompareTooFew(t *testing.T) {
	for n, want := range map[int]string{1: "cannot tell: it takes 3 runs of each, and --repeat 5 makes five", 2: "cannot tell: ", 3: "B is as A"} {
		c, err := Compare(recordOf(t, samples(n, true, 1, nil)...), recordOf(t, samples(n, true, 1, nil)...), 0.05)
		if err != nil {
			t.Fatal(err)
		}
		text, err := json.Marshal(c)
		if _, verdict := c.verdict(); err != nil || c.Regressed() || !strings.HasPrefix(verdict, want) || !bytes.Contains(text, []byte(`"verdict":"`+verdict)) {
			t.Errorf("%d runs: %s; %s, %v", n, verdict, text, err)
		}
	}
}

// TestFactorTheOtherWay: a factor below 1 is said the other way round.
func TestFactorTheOtherWay(t *testing.T) {
	for _, test := range []struct {
		ratio, low, high float64
		want             string
	}{{17, 9, 33, "17.0x (9.00-33.0)"}, {0.05, 0.04, 0.1, "20.0x slower (10.0-25.0)"}, {0.9, 0.8, 1.1, "0.90x (0.80-1.10)"}} {
		if got := factor(test.ratio, test.low, test.high); got != test.want {
			t.Errorf("%g: %s, want %s", test.ratio, got, test.want)
		}
	}
}
