package bench

import (
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"reflect"
	"slices"
	"strings"
)

// Comparing says how two saved results are compared.
type Comparing struct {
	NameA, NameB string // what the two are called beside A and B, for people
	// Threshold is how much a figure must differ to be better or worse, as a
	// share; 0: 0.05.
	Threshold float64
	Anyway    bool // compare results of different tests, too
	// ClosedLatency judges latency in a closed loop, too. There it is as long as
	// the window makes it: a broker that gets through more may well have more of
	// it.
	ClosedLatency bool
	Metrics       []string // names of the metrics to judge; empty: those that say most
}

// A Verdict is what a comparison says of a figure.
type Verdict string

const (
	Same      Verdict = "same"    // the interval lies within the threshold
	Better    Verdict = "better"  // the interval lies beyond 1, the ratio beyond the threshold
	Worse     Verdict = "worse"   // the same to the other side
	Unclear   Verdict = "unclear" // the runs do not tell
	NotJudged Verdict = "-"       // it is shown, and decides nothing
)

// A Comparison is of two saved results, A before and B after.
type Comparison struct {
	A, B         *Record
	NameA, NameB string
	Threshold    float64
	Figures      []ComparedFigure // in the order of metrics
	// Broken are sentences about what B did that must not be, and A did not.
	Broken    []string
	Different []string // keys of the test that are not the same in both
	Notes     []string
}

// A ComparedFigure is a metric that both results know.
type ComparedFigure struct {
	Metric    Metric
	A, B      []float64 // of each run
	Ratio     float64   // B to A; see Ratio
	Low, High float64   // of its 95 % interval; 0 and +Inf: nobody can tell
	Verdict   Verdict
	Why       string // it is not judged
}

// Compare compares b with a: Comparing{Threshold: threshold}.Compare.
func Compare(a, b *Record, threshold float64) (*Comparison, error) {
	return Comparing{Threshold: threshold}.Compare(a, b)
}

// A DifferentError refuses to compare what came of different tests.
type DifferentError struct {
	Keys []string // with both values
}

func (e *DifferentError) Error() string {
	return "A and B are of different tests: " + strings.Join(e.Keys, "; ")
}

// Compare compares every figure that both know and for which more or less is
// better. The error is a *DifferentError, or says what else is amiss.
func (o Comparing) Compare(a, b *Record) (*Comparison, error) {
	orElse(&o.Threshold, 0.05)
	if !(o.Threshold > 0 && o.Threshold < 1) {
		return nil, fmt.Errorf("a threshold of %g: it is above 0 and below 1", o.Threshold)
	}
	for _, name := range o.Metrics {
		if m, ok := MetricNamed(name); !ok || m.Better == 0 {
			return nil, fmt.Errorf("%s is no figure of which more or less is better", name)
		}
	}
	c := &Comparison{A: a, B: b, NameA: o.NameA, NameB: o.NameB, Threshold: o.Threshold, Different: differences(a.Head, b.Head, testKeys())}
	if len(c.Different) > 0 && !o.Anyway {
		return nil, &DifferentError{c.Different}
	}
	for _, m := range Metrics() {
		values, others := a.values(m), b.values(m)
		if m.Better != 0 && len(values) > 0 && len(others) > 0 {
			c.Figures = append(c.Figures, o.figure(m, values, others, a, b))
		}
	}
	if len(c.Figures) == 0 {
		return nil, errors.New("the two have no figure in common")
	}
	c.findBroken()
	c.note(len(o.Metrics) > 0)
	return c, nil
}

// values are those of the single runs.
func (r *Record) values(m Metric) (values []float64) {
	runs := r.Runs
	if len(runs) == 0 {
		runs = []Record{*r}
	}
	for _, run := range runs {
		if v, ok := run.Values[m.Name]; ok {
			values = append(values, v)
		}
	}
	return values
}

func (r *Record) runs() int { return max(len(r.Runs), 1) }

func (o Comparing) figure(m Metric, values, others []float64, a, b *Record) ComparedFigure {
	f := ComparedFigure{Metric: m, A: values, B: others, Verdict: NotJudged}
	f.Ratio, f.Low, f.High = Ratio(values, others)
	if a, b := Median(values), Median(others); f.Ratio > 1 && b < a || f.Ratio < 1 && b > a {
		f.Ratio, f.Low, f.High = math.NaN(), 0, math.Inf(1) // medians and ratios say the opposite of each other
	}
	if f.Why = o.skips(m, a.Shape, a.Rate == nil || b.Rate == nil); f.Why == "" {
		f.Verdict = f.verdict(o.Threshold)
	}
	return f
}

func (f *ComparedFigure) verdict(threshold float64) Verdict {
	if f.Metric.Unit == UnitCount {
		return f.countVerdict()
	}
	more, less := f.Low > 1 && f.Ratio > 1+threshold, f.High < 1 && f.Ratio < 1-threshold
	switch {
	case more && f.Metric.Better > 0 || less && f.Metric.Better < 0:
		return Better
	case more || less:
		return Worse
	case f.Low >= 1-threshold && f.High <= 1+threshold:
		return Same
	}
	return Unclear
}

// countVerdict is of a number of what must not be: none or some is no noise.
func (f *ComparedFigure) countVerdict() Verdict {
	a, b := slices.Max(f.A), slices.Max(f.B)
	switch {
	case a == b && b == 0:
		return Same
	case a == 0:
		return Worse
	case b == 0:
		return Better
	}
	return Unclear
}

// skips says why a metric is not judged; empty: it is. Each judged metric is one
// more chance of a false alarm, so what another one says as well, or what rests on
// few messages, is not judged unless it is asked for. Numbers of what must not be
// are no matter of chance.
func (o Comparing) skips(m Metric, shape Shape, closed bool) string {
	const elsewhere = "another figure says it"
	unless := func(is bool, why string) string {
		if is {
			return ""
		}
		return why
	}
	latency := m.object == "latency_us" || m.object == "acknowledge_us" && shape == PubOnly
	switch {
	case m.Name == "reordered":
		return "MQTT allows it, but for what counts as disordered"
	case m.Unit == UnitCount:
		return ""
	case len(o.Metrics) > 0:
		return unless(slices.Contains(o.Metrics, m.Name), "other figures were asked for")
	case latency && shape == SubOnly && !o.ClosedLatency:
		return "nobody here knows whether those who publish keep to a schedule"
	case latency && closed && !o.ClosedLatency:
		return "in a closed loop it is as long as the window makes it; with --rate it is one of the broker"
	case latency:
		return unless(isJudged(m), "p50 and p99 are")
	case m.object == "connect_us":
		return unless(shape.connects() && isJudged(m), "few connections were made")
	case m.Name == "connections_per_second":
		return unless(shape.connects(), "few connections were made")
	case m.Name == "sent_per_second":
		return unless(shape == PubOnly, elsewhere)
	case m.Name == "acknowledged_per_second", m.object == "service_us", m.object == "acknowledge_us", m.Name == "bytes_per_second", m.Name == "broker_cpus", m.Name == "broker_rss_bytes",
		strings.HasPrefix(m.object, "phases.") && m.Unit == UnitSeconds:
		return elsewhere
	}
	return ""
}

// isJudged tells the two quantiles that are: the middle, and one with enough
// messages beyond it. What is between moves with them.
func isJudged(m Metric) bool {
	return strings.HasSuffix(m.Name, "p50") || strings.HasSuffix(m.Name, "p99")
}

// testKeys are those of JSON that say what was tested. What it was tested on is
// meant to be different.
func testKeys() []string {
	return []string{"shape", "version", "qos", "publishers", "subscribers", "topics", "topic", "retain", "size_min", "size_max",
		"rate", "ramp_s", "window", "outstanding", "messages", "connect_rate", "hold_s", "in_process"}
}

// differences are the keys whose values differ, with both. Which keys there are,
// the tags of the struct say.
func differences(a, b any, keys []string) (said []string) {
	values, others := keyed(a), keyed(b)
	for _, key := range keys {
		if !reflect.DeepEqual(values[key], others[key]) {
			said = append(said, fmt.Sprintf("%s is %s in A and %s in B", key, phrase(values[key]), phrase(others[key])))
		}
	}
	return said
}

// keyed is v by its keys in JSON.
func keyed(v any) map[string]any {
	m := map[string]any{}
	if text, err := json.Marshal(v); err == nil {
		_ = json.Unmarshal(text, &m) // it was an object a moment ago
	}
	return m
}

func phrase(v any) string {
	switch v := v.(type) {
	case nil:
		return "none"
	case float64:
		return FormatCount(v)
	case string:
		if v == "" {
			return "unknown"
		}
	}
	return fmt.Sprint(v)
}

// findBroken looks for what decides by itself: there is no noise in a message
// that was lost.
func (c *Comparison) findBroken() {
	for _, f := range c.Figures {
		if f.Metric.Unit == UnitCount && f.Verdict == Worse {
			c.Broken = append(c.Broken, fmt.Sprintf("B has %s %s, and A has none", f.Metric.Format(sumOf(f.B)), f.Metric.Name))
		}
	}
	before := map[string]bool{}
	for _, f := range c.A.Failures {
		before[f.Kind] = true
	}
	for _, f := range c.B.Failures {
		if !before[f.Kind] {
			before[f.Kind] = true
			c.Broken = append(c.Broken, "B failed as A did not: "+f.Text)
		}
	}
}

func sumOf(values []float64) (all float64) {
	for _, v := range values {
		all += v
	}
	return all
}

// Regressed tells that B is worse than A in a figure that is judged, or did what
// must not be.
func (c *Comparison) Regressed() bool { return len(c.Broken) > 0 || len(c.named(Worse)) > 0 }

// named are the names of figures with that verdict.
func (c *Comparison) named(v Verdict) (names []string) {
	for _, f := range c.Figures {
		if f.Verdict == v {
			names = append(names, f.Metric.Name)
		}
	}
	return names
}

// tells tells that there are enough runs on both sides.
func (c *Comparison) tells() bool { return min(c.A.runs(), c.B.runs()) >= Fewest }

// judged is how many figures noise could have called worse.
func (c *Comparison) judged() (n int) {
	for _, f := range c.Figures {
		if f.Verdict != NotJudged && f.Metric.Unit != UnitCount {
			n++
		}
	}
	return n
}

func (c *Comparison) note(chosen bool) {
	say := func(format string, a ...any) { c.Notes = append(c.Notes, fmt.Sprintf(format, a...)) }
	if len(c.Different) > 0 {
		say("A and B are of different tests: %s", strings.Join(c.Different, "; "))
	}
	if a, b := c.A.runs(), c.B.runs(); !c.tells() {
		say("A is of %s and B of %s: with fewer than %d each, nobody can tell a difference from noise", many(a, "run", "runs"), many(b, "run", "runs"), Fewest)
	}
	for _, f := range c.Figures {
		if f.Metric.object == "latency_us" && f.Metric.Name == "p99" && f.Verdict == NotJudged && !chosen {
			say("latency is not judged: %s", f.Why)
		}
	}
	if sides := c.limited(); sides != "" {
		say("in %s the generator was the limit: the broker can do at least as much, and is at most as slow", sides)
	}
	if len(c.A.Failures) > 0 {
		say("A failed as well: %s", c.A.Failures[0].Text)
	}
	if where := differences(c.A.Environment, c.B.Environment, environmentKeys()); len(where) > 0 {
		say("A and B were measured on machines that differ as well: %s", strings.Join(where, "; "))
	}
	if how := differences(c.A.Head, c.B.Head, []string{"mqtk", "workers", "warmup_s", "duration_s"}); len(how) > 0 {
		say("A and B were not measured alike: %s", strings.Join(how, "; "))
	}
}

// limited are the sides in which the generator was the limit.
func (c *Comparison) limited() string {
	a, b := c.A.Values["limited_by_generator"] != 0, c.B.Values["limited_by_generator"] != 0
	switch {
	case a && b:
		return "A and B"
	case a:
		return "A"
	case b:
		return "B"
	}
	return ""
}

func environmentKeys() []string {
	return []string{"os", "arch", "kernel", "cpus", "cpu_model", "memory_bytes", "go"}
}
