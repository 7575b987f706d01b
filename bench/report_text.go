package bench

import (
	"cmp"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"time"
)

// WriteTo writes the report for people.
func (r *Result) WriteTo(w io.Writer) (int64, error) { return writeLines(w, r.Lines()) }

// Lines are the report for people, row by row. The last one is the verdict.
func (r *Result) Lines() []Line {
	t := &text{r: r, p: &r.Plan}
	t.what()
	t.flow()
	t.latency()
	t.connections()
	t.phases()
	t.generator()
	t.broker()
	t.runs()
	for _, note := range r.Notes {
		if note != closedLoopNote && note != inProcessNote {
			t.row("note", "%s", note)
		}
	}
	for _, j := range r.Judged {
		t.toned(toneOf(j.Kept), "expected", "%s", j.Text)
	}
	for _, f := range r.Failures {
		t.toned(Bad, "FAILED", "%s", f.Text)
	}
	if limit := r.Limit(); limit != "" {
		t.toned(Warning, "LIMIT", "%s", limit)
	}
	return append(t.lines, r.Verdict())
}

func toneOf(kept bool) Tone {
	if kept {
		return Good
	}
	return Bad
}

// A text is a report in the making.
type text struct {
	r     *Result
	p     *Plan
	lines []Line
}

func (t *text) row(label, format string, a ...any) { t.toned(Plain, label, format, a...) }

func (t *text) toned(tone Tone, label, format string, a ...any) {
	t.lines = append(t.lines, Line{label, fmt.Sprintf(format, a...), tone})
}

func counted[T int | int64](n T) string { return FormatCount(float64(n)) }

func lasting(seconds float64) string { return FormatTime(time.Duration(seconds * 1e9)) }

// whole is a duration as somebody has typed it.
func whole(d time.Duration) string {
	number, unit, _ := strings.Cut(FormatTime(d), " ")
	if strings.Contains(number, ".") {
		number = strings.TrimRight(strings.TrimRight(number, "0"), ".")
	}
	return number + " " + unit
}

// many is a number of things.
func many[T int | int64](n T, one, more string) string {
	if n == 1 {
		return "1 " + one
	}
	return counted(n) + " " + more
}

// What is said of a broker in this process beside its name, and in Notes.
const inProcessNote = "a broker in this process, which shares its CPUs with the generator"

func (t *text) what() {
	t.row("test", "%s", t.shape())
	t.row("", "%s", t.messages())
	if load := t.load(); load != "" {
		t.row("load", "%s", load)
	}
	where := cmp.Or(t.p.Target.Name, t.p.Target.Address)
	if t.p.Target.InProcess {
		where += ": " + inProcessNote
	}
	t.row("target", "%s", where)
}

func (t *text) shape() string {
	p := t.p
	publishers, subscribers, topics := many(p.Publishers, "publisher", "publishers"), many(p.Subscribers, "subscriber", "subscribers"), many(p.Topics, "topic", "topics")
	clients := p.Publishers + p.Subscribers
	switch p.Shape {
	case Pairs:
		if p.Publishers == p.Subscribers && p.Publishers == p.Topics {
			return fmt.Sprintf("pairs: %s, each to a subscriber of its own", publishers)
		}
		return fmt.Sprintf("pairs: %s to %s over %s", publishers, subscribers, topics)
	case FanOut:
		return fmt.Sprintf("fan-out: %s to %s of %s", publishers, subscribers, topics)
	case Shared:
		return fmt.Sprintf("shared: %s to %s of one shared subscription, over %s", publishers, many(p.Subscribers, "member", "members"), topics)
	case Retain:
		return fmt.Sprintf("retained: %s store what %s then get, on %s", publishers, subscribers, topics)
	case Offline:
		return fmt.Sprintf("offline: %s send to %s that %s away, and then fetch it", publishers, many(p.Subscribers, "session", "sessions"), map[bool]string{true: "is", false: "are"}[p.Subscribers == 1])
	case PubOnly:
		return fmt.Sprintf("pub: %s on %s; nobody receives here", publishers, topics)
	case SubOnly:
		if strings.ContainsAny(p.Topic, "+#") {
			topics = p.Topic
		}
		return fmt.Sprintf("sub: %s of %s; nobody publishes here", subscribers, topics)
	case Ramp:
		return fmt.Sprintf("ramp: %s made and held", many(clients, "connection is", "connections are"))
	case Churn:
		return fmt.Sprintf("churn: %s all the time", many(clients, "client connects and disconnects", "clients connect and disconnect"))
	case Storm:
		return fmt.Sprintf("storm: %s lost all at once, and made again", many(clients, "connection is", "connections are"))
	}
	return fmt.Sprintf("%s: %s to %s over %s", p.Shape, publishers, subscribers, topics)
}

func (t *text) messages() string {
	p := t.p
	threads := many(max(p.Workers, t.r.Generator.Workers), "thread", "threads") + " of the generator"
	if p.Shape.connects() {
		return fmt.Sprintf("MQTT %s, %s", p.Version, threads)
	}
	size := many(p.SizeMin, "byte", "bytes")
	if p.SizeMax > p.SizeMin {
		size = fmt.Sprintf("%s to %s bytes", counted(p.SizeMin), counted(p.SizeMax))
	}
	if !p.Shape.sends() {
		size = ""
	} else if size += ", "; p.Retain {
		size += "RETAIN, "
	}
	return fmt.Sprintf("QoS %d, %sMQTT %s, %s", p.QoS, size, p.Version, threads)
}

// load is how much of it, and for how long.
func (t *text) load() string {
	p := t.p
	var parts []string
	switch {
	case p.Shape.connects():
		if p.ConnectRate > 0 {
			parts = append(parts, FormatCount(p.ConnectRate)+" connections a second")
		} else {
			parts = append(parts, "connections as fast as they are answered")
		}
	case !p.Shape.sends():
	case p.Rate > 0:
		parts = append(parts, fmt.Sprintf("%s messages a second by schedule (open loop)", FormatCount(p.Rate)))
		if p.Ramp > 0 {
			parts = append(parts, fmt.Sprintf("reached in %s", whole(p.Ramp)))
		}
	default:
		parts = append(parts, "as fast as it goes (closed loop"+t.window()+")")
	}
	if p.Messages > 0 && !p.Shape.connects() {
		parts = append(parts, many(p.Messages, "message", "messages"))
	} else if p.Duration > 0 && p.Shape != Ramp {
		parts = append(parts, "for "+whole(p.Duration))
	}
	switch {
	case p.Hold <= 0:
	case p.Shape == Ramp:
		parts = append(parts, "held for "+whole(p.Hold))
	case p.Shape == Storm:
		parts = append(parts, "held for "+whole(p.Hold)+" each time")
	}
	if p.Warmup > 0 && p.Shape.sends() {
		parts = append(parts, fmt.Sprintf("after a warm-up of %s", whole(p.Warmup)))
	}
	return strings.Join(parts, ", ")
}

// window is what bounds a closed loop.
func (t *text) window() string {
	var bounds []string
	if t.p.QoS > 0 && t.p.Window > 0 {
		bounds = append(bounds, counted(t.p.Window)+" unacknowledged")
	}
	if t.p.Outstanding > 0 && t.p.Shape.receives() {
		bounds = append(bounds, counted(t.p.Outstanding)+" undelivered")
	}
	if bounds == nil {
		return ""
	}
	return ": at most " + strings.Join(bounds, " and ") + " a publisher"
}

func (t *text) connections() {
	c := &t.r.Connections
	if c.Wanted == 0 && c.Opened == 0 {
		return
	}
	opened := counted(c.Opened)
	if c.Opened != c.Wanted && t.p.Shape != Churn {
		opened += " of " + counted(c.Wanted)
	}
	said := opened + " opened"
	if n := t.r.StormRounds(); n > 0 {
		said = fmt.Sprintf("%s, lost and made again %s; %s opened again", counted(t.p.Publishers+t.p.Subscribers), many(n, "time", "times"), opened)
	}
	if ofItsOwn := slices.ContainsFunc(t.r.Phases, func(p Phase) bool { return p.Name == "connect" }); c.Seconds > 0 && !ofItsOwn {
		said += fmt.Sprintf(" in %s (%s/s)", lasting(c.Seconds), FormatCount(perSecond(int64(c.Opened), c.Seconds)))
	}
	if t.p.Shape.connects() && c.MaxOpen > 0 {
		said += fmt.Sprintf("; %s open at one time", counted(c.MaxOpen))
	}
	t.row("connections", "%s", said)
	if c.Lost > 0 {
		t.toned(Bad, "", "%s lost before the end", counted(c.Lost))
	}
	if n := sum(c.Refused); n > 0 {
		t.toned(Bad, "", "%s refused: %s", counted(n), reasons(c.Refused))
	}
	if n := sum(c.Failed); n > 0 {
		t.toned(Bad, "", "%s failed: %s", counted(n), reasons(c.Failed))
	}
}

func (t *text) phases() {
	for _, p := range t.r.Phases {
		if p.Name == "hold" {
			t.row(p.Name, "%s for %s", counted(p.Count), lasting(p.Seconds))
			continue
		}
		t.row(p.Name, "%s in %s (%s/s)", counted(p.Count), lasting(p.Seconds), FormatCount(p.PerSecond()))
	}
}

// reasons are counts by name, the most frequent first.
func reasons(counts map[string]int) string {
	names := slices.SortedFunc(maps.Keys(counts), func(a, b string) int {
		if counts[a] != counts[b] {
			return counts[b] - counts[a]
		}
		return strings.Compare(a, b)
	})
	for i, name := range names {
		names[i] = fmt.Sprintf("%s (%s)", name, counted(counts[name]))
	}
	return strings.Join(names, ", ")
}

// say is a metric as text, if r knows it.
func (t *text) say(name string) (string, bool) {
	m, _ := MetricNamed(name)
	v, ok := m.Of(t.r)
	if !ok {
		return "", false
	}
	return m.Format(v), true
}

func (t *text) generator() {
	g := &t.r.Generator
	var parts []string
	if s, ok := t.say("generator_cpu_us_per_message"); ok {
		parts = append(parts, s+" of CPU a message")
	}
	if s, ok := t.say("generator_cpu_us_per_connection"); ok {
		parts = append(parts, s+" of CPU a connection")
	}
	parts = append(parts, FormatPercent(round(g.Busy, 3))+" busy")
	if s, ok := t.say("generator_lag_us"); ok {
		parts = append(parts, "late by "+s+" (p99)")
	}
	if g.Waiting >= 0.01 {
		parts = append(parts, FormatPercent(round(g.Waiting, 3))+" of the time without a CPU")
	}
	if s, ok := t.say("generator_rss_bytes"); ok {
		parts = append(parts, s+" of memory")
	}
	if g.PerConnection > 0 && (t.p.Shape.connects() || t.r.Connections.Opened >= 1000) {
		parts = append(parts, many(g.PerConnection, "byte", "bytes")+" a connection")
	}
	t.row("generator", "%s", strings.Join(parts, ", "))
}

func (t *text) broker() {
	b := t.r.Broker
	if b == nil {
		return
	}
	var parts []string
	if s, ok := t.say("broker_cpu_us_per_message"); ok {
		parts = append(parts, s+" of CPU a message")
	}
	if s, ok := t.say("broker_cpu_us_per_connection"); ok {
		parts = append(parts, s+" of CPU a connection")
	}
	if s, ok := t.say("broker_cpus"); ok {
		parts = append(parts, s+" CPUs in use")
	}
	if b.RSS > 0 {
		parts = append(parts, fmt.Sprintf("%s of memory (%s at most)", FormatBytes(float64(b.RSS)), FormatBytes(float64(max(b.PeakRSS, b.RSS)))))
	}
	if b.PerConnection > 0 {
		parts = append(parts, many(b.PerConnection, "byte", "bytes")+" a connection")
	}
	if b.Threads > 0 {
		parts = append(parts, many(b.Threads, "thread", "threads"))
	}
	t.row("broker", "process %d: %s", b.PID, strings.Join(parts, ", "))
}

// runs says how far the single runs are apart.
func (t *text) runs() {
	if len(t.r.Runs) == 0 {
		return
	}
	said := []string{counted(len(t.r.Runs)) + ", taken together"}
	for _, name := range []string{"delivered_per_second", "p50", "p99", "acknowledge_p99", "connections_per_second", "generator_cpu_us_per_message", "broker_cpu_us_per_message"} {
		m, _ := MetricNamed(name)
		var values []float64
		for _, run := range t.r.Runs {
			if v, ok := m.Of(run); ok {
				values = append(values, v)
			}
		}
		shown := name != "connections_per_second" || t.p.Shape.connects()
		if name == "acknowledge_p99" {
			shown = !t.p.Shape.receives()
		}
		if shown && len(values) > 0 {
			said = append(said, fmt.Sprintf("%s %s to %s", name, m.Format(slices.Min(values)), m.Format(slices.Max(values))))
		}
	}
	t.row("runs", "%s", strings.Join(said, "; "))
}
