package bench

import (
	"bytes"
	"encoding/json"
	"math"
	"strings"
	"time"
)

// A Head is what a saved result says first: what was run, and how. What a run did
// not have - a rate in a closed loop, say - is nil.
type Head struct {
	Program      string    `json:"mqtk"`
	Command      []string  `json:"command"`
	Started      time.Time `json:"started"`
	Shape        Shape     `json:"shape"`
	Version      string    `json:"version"` // of MQTT
	QoS          int       `json:"qos"`
	Publishers   int       `json:"publishers"`
	Subscribers  int       `json:"subscribers"`
	Topics       int       `json:"topics"`
	Topic        string    `json:"topic"`
	Retain       bool      `json:"retain"`
	SizeMin      int       `json:"size_min"`
	SizeMax      int       `json:"size_max"`
	Rate         *float64  `json:"rate"`
	RampSeconds  *float64  `json:"ramp_s"`
	Window       *int      `json:"window"`
	Outstanding  *int      `json:"outstanding"`
	Warmup       float64   `json:"warmup_s"`
	Duration     *float64  `json:"duration_s"`
	Messages     *int64    `json:"messages"`
	ConnectRate  *float64  `json:"connect_rate"`
	HoldSeconds  *float64  `json:"hold_s"`
	Workers      int       `json:"workers"`
	Target       string    `json:"target"`
	InProcess    bool      `json:"in_process"`
	ProcessOfPID *int      `json:"pid"`
}

func (r *Result) head() Head {
	p := &r.Plan
	return Head{
		Program: r.Program, Command: append([]string{}, r.Command...), Started: r.Started.UTC().Round(time.Millisecond),
		Shape: p.Shape, Version: p.Version.String(), QoS: int(p.QoS),
		Publishers: p.Publishers, Subscribers: p.Subscribers, Topics: p.Topics, Topic: p.Topic, Retain: p.Retain,
		SizeMin: p.SizeMin, SizeMax: p.SizeMax,
		Rate: known(p.Rate), RampSeconds: known(p.Ramp.Seconds()), Window: r.windowOf(p.Window, p.QoS > 0), Outstanding: r.windowOf(p.Outstanding, p.Rate == 0 && p.Shape.receives()),
		Warmup: max(p.Warmup, 0).Seconds(), Duration: known(p.Duration.Seconds()), Messages: known(p.Messages),
		ConnectRate: known(p.ConnectRate), HoldSeconds: known(p.Hold.Seconds()),
		Workers: max(p.Workers, r.Generator.Workers), Target: p.Target.Name, InProcess: p.Target.InProcess, ProcessOfPID: known(p.PID),
	}
}

// windowOf is a bound of the sending, if it is one in this run.
func (r *Result) windowOf(n int, counts bool) *int {
	if !counts || !r.Plan.Shape.sends() {
		return nil
	}
	return known(n)
}

// known is nil for 0, and below it: a Plan says so what it is without.
func known[T int | int64 | float64](v T) *T {
	if v <= 0 {
		return nil
	}
	return &v
}

// OK tells that the run came to its end, no promise was broken and every objective
// kept.
func (r *Result) OK() bool {
	if r.Interrupted {
		return false
	}
	for _, j := range r.Judged {
		if !j.Kept {
			return false
		}
	}
	return len(r.Failures) == 0
}

// MarshalJSON makes one flat object, in which every figure has its own name, and
// is null if it is not known. Runs are such objects in an array. It is a line, in
// which < and > are as they are.
func (r *Result) MarshalJSON() ([]byte, error) {
	o := r.object()
	runs := []json.RawMessage{}
	for _, run := range r.Runs {
		runs = append(runs, run.object().end())
	}
	if len(runs) > 0 {
		o.put("runs", runs)
	}
	return o.end(), o.err
}

func (r *Result) object() *object {
	o := &object{}
	o.b.Write(bytes.TrimSuffix(o.text(r.head()), []byte("}")))
	r.putMetrics(o)
	o.put("series", r.seriesObjects())
	failures := []failureObject{}
	for _, f := range r.Failures {
		failures = append(failures, failureObject{f.Kind.String(), f.Text})
	}
	o.put("failures", failures)
	o.put("objectives", append([]Judgement{}, r.Judged...))
	o.put("notes", append([]string{}, r.Notes...))
	o.put("interrupted", r.Interrupted)
	o.put("ok", r.OK())
	o.put("environment", r.Environment)
	return o
}

type failureObject struct {
	Kind string `json:"kind"`
	Text string `json:"text"`
}

// putMetrics writes the table of metrics: what stands in an object of its own is
// together in the table, and there is null for an object that knows nothing.
func (r *Result) putMetrics(o *object) {
	all := Metrics()
	for len(all) > 0 {
		group := all[:1]
		for len(group) < len(all) && group[0].object != "" && home(all[len(group)]) == home(group[0]) {
			group = all[:len(group)+1]
		}
		all = all[len(group):]
		switch name := home(group[0]); name {
		case "":
			o.put(group[0].place(), group[0].json(r))
		case "phases":
			o.put(name, r.phaseObjects())
		default:
			o.put(name, r.groupObject(name, group))
		}
		if group[0].Name == "limited_by_generator" {
			o.put("limited_why", r.Generator.Why)
		}
	}
}

// home is the key at the top of JSON under which m stands; empty: its own.
func home(m Metric) string {
	name, _, _ := strings.Cut(m.object, ".")
	return name
}

func (m Metric) place() string {
	if m.key == "" {
		return m.Name
	}
	return m.key
}

func (r *Result) groupObject(name string, group []Metric) any {
	inner, some := newObject(), false
	for _, m := range group {
		v := m.json(r)
		some = some || v != nil
		inner.put(m.key, v)
	}
	if !some {
		return nil
	}
	if name == "connections" {
		inner.put("refused_by", notNil(r.Connections.Refused))
		inner.put("failed_by", notNil(r.Connections.Failed))
	}
	return json.RawMessage(inner.end())
}

func notNil(counts map[string]int) map[string]int {
	if counts == nil {
		return map[string]int{}
	}
	return counts
}

type phaseObject struct {
	Phase
	PerSecond float64 `json:"per_second"`
}

func (r *Result) phaseObjects() []phaseObject {
	phases := []phaseObject{}
	for _, p := range r.Phases {
		p.Seconds = round(p.Seconds, 6)
		phases = append(phases, phaseObject{p, round(p.PerSecond(), 3)})
	}
	return phases
}

func (r *Result) seriesObjects() []json.RawMessage {
	series := []json.RawMessage{}
	for _, p := range r.Series {
		o := newObject()
		for _, c := range SeriesColumns() {
			o.put(c.Name, c.of(r, &p))
		}
		series = append(series, o.end())
	}
	return series
}

// json is the figure as JSON says it: nil, a bool or a number.
func (m Metric) json(r *Result) any {
	v, ok := m.Of(r)
	switch {
	case !ok || !r.ran() && !(m.object == "connections" && r.Connections.Wanted > 0) || math.IsNaN(v) || math.IsInf(v, 0):
		return nil
	case m.Unit == UnitTruth:
		return v != 0
	}
	return round(v, m.decimals())
}

// decimals is how many digits behind the point are worth keeping.
func (m Metric) decimals() int {
	switch m.Unit {
	case UnitCount, UnitBytes:
		return 0
	case UnitMicroseconds, UnitBytesRate:
		return 1
	case UnitSeconds:
		return 9 // so that what is divided by them is the rate beside them
	}
	return 4
}

func round(v float64, decimals int) float64 {
	f := math.Pow10(decimals)
	if math.Abs(v) >= 1e15/f { // there are no such digits
		return v
	}
	return math.Round(v*f) / f
}

// An object is JSON in the making: its keys keep their order.
type object struct {
	b   bytes.Buffer // begins with {
	err error
}

func newObject() *object {
	o := &object{}
	o.b.WriteByte('{')
	return o
}

func (o *object) put(key string, v any) {
	if o.b.Len() > 1 {
		o.b.WriteByte(',')
	}
	o.b.Write(o.text(key))
	o.b.WriteByte(':')
	o.b.Write(o.text(v))
}

func (o *object) text(v any) []byte {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil && o.err == nil {
		o.err = err
	}
	return bytes.TrimSuffix(b.Bytes(), []byte("\n"))
}

func (o *object) end() []byte {
	o.b.WriteByte('}')
	return o.b.Bytes()
}

// String is the kind as JSON has it.
func (k FailureKind) String() string {
	switch k {
	case BrokenPromise:
		return "broken_promise"
	case BadSum:
		return "bad_sum"
	case LostConnection:
		return "lost_connection"
	case NotConnected:
		return "not_connected"
	case NotRun:
		return "not_run"
	}
	return "not_allowed"
}
