package bench

import (
	"cmp"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"mqtk/mqttwire"
)

// An Objective is what a figure of a run is to be: NAME OP VALUE[UNIT], such as
// p99<10ms, lost=0, lost<0.1%, delivered_per_second>=100k.
type Objective struct {
	Text   string // as it was typed
	Metric Metric
	Op     string // < <= > >= = !=
	Value  float64
	Share  bool // Value is a share of Metric.Whole, 1 being all of it
	Bare   bool // Value is a time that was typed without a unit: microseconds
}

// ParseObjectives reads objectives with commas between them.
func ParseObjectives(s string) ([]Objective, error) {
	var all []Objective
	for part := range strings.SplitSeq(s, ",") {
		o, err := parseObjective(strings.TrimSpace(part))
		if err != nil {
			return nil, err
		}
		all = append(all, o)
	}
	return all, nil
}

func parseObjective(s string) (Objective, error) {
	const grammar = "an objective is NAME OP VALUE, such as p99<10ms or lost=0"
	if s == "" {
		return Objective{}, errors.New("an objective is empty: " + grammar)
	}
	begin := strings.IndexAny(s, "<>=!")
	if begin < 0 {
		return Objective{}, fmt.Errorf("%q has no <, <=, >, >=, = or !=: %s", s, grammar)
	}
	rest := strings.TrimLeft(s[begin:], "<>=!")
	o := Objective{Text: s, Op: s[begin : len(s)-len(rest)]}
	switch o.Op {
	case "==":
		o.Op = "="
	case "<", "<=", ">", ">=", "=", "!=":
	default:
		return Objective{}, fmt.Errorf("%q has %s, which is none of <, <=, >, >=, = and !=", s, o.Op)
	}
	var err error
	if o.Metric, err = metricCalled(strings.TrimSpace(s[:begin])); err != nil {
		return Objective{}, fmt.Errorf("%q: %w", s, err)
	}
	if err := o.parseValue(strings.TrimSpace(rest)); err != nil {
		return Objective{}, fmt.Errorf("%q: %w", s, err)
	}
	return o, nil
}

// metricCalled is the metric that a person calls so: p99.9 is p99_9.
func metricCalled(name string) (Metric, error) {
	name = strings.ReplaceAll(strings.ToLower(name), ".", "_")
	if m, ok := MetricNamed(name); ok {
		return m, nil
	}
	hint := ""
	if near := cmp.Or(elsewhere(name), nearest(name)); near != "" {
		hint = fmt.Sprintf(" (did you mean %s?)", near)
	}
	return Metric{}, fmt.Errorf("there is no figure %q%s; there are p50, p90, p95, p99, p99_9, p99_99, max, lost, duplicated, reordered, delivered_per_second and all others of --json", name, hint)
}

// elsewhere is how a figure that others call by that name is called here.
func elsewhere(name string) string {
	switch name {
	case "rate", "throughput", "tps", "msgs_per_second":
		return "delivered_per_second or sent_per_second"
	case "latency", "delay", "rtt":
		return "p50, p99 or mean"
	case "service", "acknowledge", "connect":
		return name + "_p50, " + name + "_p99 or " + name + "_mean"
	case "avg", "average":
		return "mean"
	case "median":
		return "p50"
	case "p100":
		return "max"
	case "loss", "dropped", "missing":
		return "lost"
	case "dup", "dups", "duplicates":
		return "duplicated"
	case "received", "receive":
		return "delivered"
	case "disconnects", "disconnected":
		return "connections_lost"
	}
	return ""
}

// nearest is the name that looks most like name, if one does.
func nearest(name string) string {
	if len(name) < 2 || len(name) > 40 {
		return ""
	}
	var names []string
	for _, m := range Metrics() {
		names = append(names, m.Name)
	}
	if near := mqttwire.Nearest(name, names); near != "" {
		return near
	}
	for _, known := range names {
		if strings.HasPrefix(known, name) {
			return known
		}
	}
	return ""
}

// parseValue reads a number and its unit; without one it is in that of JSON.
func (o *Objective) parseValue(s string) error {
	if o.Metric.Unit == UnitTruth {
		switch s {
		case "true", "yes", "1":
			o.Value = 1
		case "false", "no", "0":
		default:
			return fmt.Errorf("%s is true or false, not %q", o.Metric.Name, s)
		}
		return nil
	}
	end := len(s) - len(strings.TrimLeft(s, "0123456789."))
	v, err := strconv.ParseFloat(s[:end], 64)
	if err != nil {
		return fmt.Errorf("%q does not begin with a number of 0 or more", s)
	}
	unit := strings.TrimSpace(s[end:])
	o.Bare = unit == "" && v != 0 && o.Metric.timed()
	if unit == "%" && o.Metric.Unit != UnitShare {
		if o.Metric.Whole == "" {
			return fmt.Errorf("%s is not a share of anything: no %%", o.Metric.Name)
		}
		o.Share, o.Value = true, v/100
		return nil
	}
	for _, u := range unitsOf(o.Metric.Unit) {
		if unit == u.name {
			o.Value = v * u.factor / u.divisor
			return nil
		}
	}
	return fmt.Errorf("%s is not said in %q: it takes %s", o.Metric.Name, unit, unitNames(o.Metric))
}

// timed tells that a figure is a time whose name has no unit, so that a bare number
// might be anything.
func (m Metric) timed() bool { return m.Unit == UnitMicroseconds && !strings.HasSuffix(m.Name, "_us") }

// A unit is what may follow a number: it stands for factor/divisor of the
// metric's own. Two whole numbers, so that 10ms is 10000 µs and not nearly that.
type unit struct {
	name            string
	factor, divisor float64
}

func unitsOf(own string) []unit {
	bare := unit{"", 1, 1}
	times := func(perSecond float64) []unit {
		return []unit{bare, {"ns", perSecond, 1e9}, {"us", perSecond, 1e6}, {"µs", perSecond, 1e6}, {"ms", perSecond, 1e3}, {"s", perSecond, 1}}
	}
	switch own {
	case UnitMicroseconds, UnitPerMessage, UnitPerConnection:
		return times(1e6)
	case UnitSeconds:
		return times(1)
	case UnitShare:
		return []unit{bare, {"%", 1, 100}}
	case UnitPerSecond:
		return []unit{bare, {"k", 1e3, 1}, {"M", 1e6, 1}, {"/s", 1, 1}, {"k/s", 1e3, 1}, {"M/s", 1e6, 1}}
	case UnitBytes, UnitBytesRate:
		return []unit{bare, {"k", 1e3, 1}, {"M", 1e6, 1}, {"G", 1e9, 1}, {"B", 1, 1}, {"kB", 1e3, 1}, {"MB", 1e6, 1}, {"GB", 1e9, 1}}
	case UnitCores:
		return []unit{bare}
	}
	return []unit{bare, {"k", 1e3, 1}, {"M", 1e6, 1}}
}

func unitNames(m Metric) string {
	var names []string
	for _, u := range unitsOf(m.Unit) {
		if u.name != "" && u.name != "µs" {
			names = append(names, u.name)
		}
	}
	if m.Whole != "" {
		names = append(names, "% of "+m.Whole)
	}
	if len(names) == 0 {
		return "a number alone"
	}
	return "a number alone or with " + strings.Join(names, ", ")
}

// Judge tells whether r keeps the objective, and says so in a line. The error
// tells that r does not know the figure, which is not kept then.
func (o Objective) Judge(r *Result) (kept bool, text string, err error) {
	v, ok := o.Metric.Of(r)
	if !ok {
		return false, "", fmt.Errorf("%s: %s", o.Text, o.unknown(r))
	}
	said := o.Metric.Format(v)
	if o.Share {
		whole, ok := wholeOf(o.Metric.Whole, r)
		if !ok || whole == 0 {
			return false, "", fmt.Errorf("%s: a share of %s, of which there is none in this run", o.Text, o.Metric.Whole)
		}
		v /= whole
		said = FormatPercent(v) + " of " + o.Metric.Whole
	}
	verdict := "missed"
	if kept = o.holds(v); kept {
		verdict = "kept"
	}
	return kept, fmt.Sprintf("%s: %s, %s", o.Text, said, verdict), nil
}

func wholeOf(name string, r *Result) (float64, bool) {
	if name == "rate" {
		return r.Plan.Rate, r.Plan.Rate > 0
	}
	m, ok := MetricNamed(name)
	if !ok {
		return 0, false
	}
	return m.Of(r)
}

func (o Objective) holds(v float64) bool {
	switch o.Op {
	case "<":
		return v < o.Value
	case "<=":
		return v <= o.Value
	case ">":
		return v > o.Value
	case ">=":
		return v >= o.Value
	case "=":
		return v == o.Value
	}
	return v != o.Value
}

// unknown says why r does not know the figure.
func (o Objective) unknown(r *Result) string {
	name, shape := o.Metric.Name, r.Plan.Shape
	switch {
	case strings.HasPrefix(name, "broker_") && r.Broker == nil && r.Plan.PID != 0:
		return fmt.Sprintf("%s is not known: process %d could not be watched", name, r.Plan.PID)
	case strings.HasPrefix(name, "broker_") && r.Broker == nil:
		return fmt.Sprintf("%s is not known without --pid", name)
	case strings.HasPrefix(o.Metric.object, "phases."):
		return fmt.Sprintf("the shape %s has no such phase", shape)
	case shape.connects():
		return fmt.Sprintf("%s is not known: the shape %s is about connections, not messages", name, shape)
	case shape == PubOnly && o.Metric.object != "acknowledge_us":
		return fmt.Sprintf("%s is not known: nobody receives here (acknowledge_p99 and its like are, at QoS 1 and 2)", name)
	case shape == SubOnly:
		return fmt.Sprintf("%s is not known: nobody publishes here", name)
	case o.Metric.object == "acknowledge_us" && r.Plan.QoS == 0:
		return fmt.Sprintf("%s is not known: nothing is acknowledged at QoS 0", name)
	}
	return fmt.Sprintf("%s is not known: nothing was measured for it", name)
}

// Judge judges r by objectives and keeps what was said in r.Judged. What r does
// not know is not kept.
func (r *Result) Judge(objectives []Objective) (kept bool) {
	kept = true
	for _, o := range objectives {
		ok, text, err := o.Judge(r)
		if err != nil {
			text = err.Error()
		}
		r.Judged = append(r.Judged, Judgement{ok, text})
		kept = kept && ok
	}
	return kept
}
