package bench

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// flow is what was sent and received.
func (t *text) flow() {
	if t.p.Shape.connects() {
		return
	}
	t.rate()
	if t.p.Shape.sends() {
		t.sent()
	}
	if t.p.Shape.receives() {
		t.received()
	}
}

func (t *text) rate() {
	r := t.r
	var parts []string
	tone := Plain
	if t.p.Shape.receives() {
		parts = append(parts, FormatCount(perSecond(r.Counts.Delivered, r.Seconds))+"/s delivered")
	}
	if t.p.Shape.sends() {
		rate := perSecond(r.Counts.Sent, r.Seconds)
		said := FormatCount(rate) + "/s sent"
		if t.p.Shape == PubOnly && t.p.QoS == 0 {
			said = FormatCount(rate) + "/s handed to the network"
		}
		if t.p.Rate > 0 && t.p.Ramp == 0 && t.p.Messages == 0 && rate < 0.98*t.p.Rate {
			tone = Warning
			said += fmt.Sprintf(", of %s/s that were to be", FormatCount(t.p.Rate))
		}
		parts = append(parts, said)
	}
	if bytes, ok := payloadRate(r); ok {
		parts = append(parts, FormatBytes(bytes)+"/s of payload")
	}
	t.toned(tone, "rate", "%s, in %s", strings.Join(parts, ", "), lasting(r.Seconds))
}

func (t *text) sent() {
	c := &t.r.Counts
	var parts []string
	tone := Plain
	switch {
	case t.p.QoS == 0 && t.p.Shape == PubOnly:
		parts = append(parts, "handed to the network; nobody acknowledges QoS 0")
	case t.p.QoS == 0 && c.Acknowledged == c.Sent:
	case c.Acknowledged == c.Sent:
		parts = append(parts, "all acknowledged")
	default:
		tone = Warning
		parts = append(parts, counted(c.Acknowledged)+" acknowledged")
	}
	if c.Refused > 0 {
		tone = Bad
		parts = append(parts, counted(c.Refused)+" refused")
	}
	if c.Unacknowledged > 0 {
		parts = append(parts, counted(c.Unacknowledged)+" without an answer")
	}
	if c.Unsent > 0 {
		tone = Warning
		parts = append(parts, counted(c.Unsent)+" more were due and never sent")
	}
	t.toned(tone, "sent", "%s", strings.Join(append([]string{many(c.Sent, "message", "messages")}, parts...), ", "))
}

func (t *text) received() {
	c := &t.r.Counts
	clean := c.Lost == 0 && c.Duplicated == 0 && c.Reordered == 0
	switch {
	case t.p.Shape == SubOnly && clean:
		t.row("delivered", "%s: no gap, no duplicate, all in order", counted(c.Delivered))
	case clean && c.Expected == c.Delivered:
		t.row("delivered", "%s of %s: none lost, duplicated or reordered", counted(c.Delivered), counted(c.Expected))
	default:
		t.row("delivered", "%s of %s", counted(c.Delivered), counted(c.Expected))
		t.judged("lost", c.Lost, t.p.QoS == 0)
		t.judged("duplicated", c.Duplicated, t.p.QoS == 1)
		t.reordered()
	}
	if c.Foreign > 0 {
		t.toned(Warning, "foreign", "%s of nobody in this run", many(c.Foreign, "message", "messages"))
	}
	if c.Corrupted > 0 {
		t.toned(Bad, "corrupted", "%s with another payload than was sent", many(c.Corrupted, "message", "messages"))
	}
	if c.WrongQoS > 0 {
		t.toned(Bad, "wrong QoS", "%s at another QoS than was granted", many(c.WrongQoS, "message", "messages"))
	}
}

// judged says what the protocol has to say to n cases of something.
func (t *text) judged(label string, n int64, allowed bool) {
	switch {
	case n == 0:
		t.row(label, "0")
	case allowed:
		t.toned(Warning, label, "%s (%s): QoS %d allows it", counted(n), t.ofExpected(n), t.p.QoS)
	default:
		t.toned(Bad, label, "%s (%s): QoS %d forbids it", counted(n), t.ofExpected(n), t.p.QoS)
	}
}

func (t *text) reordered() {
	c := &t.r.Counts
	switch {
	case c.Reordered == 0:
		t.row("reordered", "0")
	case c.Disordered == 0:
		t.toned(Warning, "reordered", "%s (%s): MQTT allows it here", counted(c.Reordered), t.ofExpected(c.Reordered))
	default:
		t.toned(Bad, "reordered", "%s (%s), of which MQTT forbids %s", counted(c.Reordered), t.ofExpected(c.Reordered), counted(c.Disordered))
	}
}

func (t *text) ofExpected(n int64) string {
	return FormatPercent(float64(n) / float64(max(t.r.Counts.Expected, 1)))
}

// What is said of a closed loop below its latencies, and in Notes.
const closedLoopNote = "a closed loop waits for the broker: this is the latency of a full window, and what a stall holds up is not in it (see --rate)"

// latency is a table of what was timed.
func (t *text) latency() {
	r := t.r
	closed := t.p.Rate == 0 && t.p.Shape.sends() && t.p.Shape.receives()
	rows := []struct {
		label string
		h     *Histogram
		shown bool
	}{
		{"latency", r.Latency, true},
		{"service", r.Service, !closed},
		{"acknowledge", r.Acknowledge, t.p.QoS > 0},
		{"connect", r.Connect, t.p.Shape.connects() || t.p.Shape == Offline},
	}
	head := false
	for _, row := range rows {
		if row.h.Count() == 0 || !row.shown {
			continue
		}
		if !head {
			t.row("", "%s", columns(func(q quantile) string { return strings.Replace(q.name, "_", ".", 1) }))
			head = true
		}
		t.row(row.label, "%s", columns(func(q quantile) string { return FormatTime(row.h.Quantile(q.share)) }))
	}
	switch {
	case !head:
	case t.p.Shape == PubOnly && t.p.Rate > 0:
		t.row("", "from the planned sending")
	case r.Latency.Count() == 0:
	case closed:
		t.row("", "%s", closedLoopNote)
	case r.Service.Count() > 0:
		t.row("", "latency is from the planned sending, service from the actual one")
	}
}

func columns(cell func(quantile) string) string {
	var b strings.Builder
	for _, q := range quantiles() {
		if q.share != 0.95 { // a line has room for six
			fmt.Fprintf(&b, "%10s", cell(q))
		}
	}
	return b.String()
}

// StormRounds is how often all connections of a storm were lost and made again; 0: it
// is none.
func (r *Result) StormRounds() int {
	clients := r.Plan.Publishers + r.Plan.Subscribers
	if r.Plan.Shape != Storm || clients == 0 {
		return 0
	}
	return r.Connections.Wanted / clients
}

// Verdict is the last line of the report.
func (r *Result) Verdict() Line {
	l := Line{"verdict", r.failure(), Bad}
	if l.Text == "" {
		l.Text, l.Tone = r.success(), Good
		if r.Counts.Unsent > 0 || r.Plan.Shape.receives() && (r.Counts.Delivered == 0 || r.Counts.Lost > 0) {
			l.Tone = Warning
		}
	}
	if r.Interrupted {
		by := cmp.Or(r.EndedBy, "somebody")
		if !r.ran() {
			return Line{"verdict", fmt.Sprintf("ended early by %s, before anything was measured", by), Warning}
		}
		l.Text, l.Tone = fmt.Sprintf("ended early by %s; what was measured so far: %s", by, l.Text), max(l.Tone, Warning)
	}
	if !r.Generator.Limited || len(r.Failures) > 0 {
		return l
	}
	if l.Tone == Good {
		l.Tone = Warning
	}
	switch {
	case r.OnlyLate():
		l.Text += "; the latencies hold the generator's own lateness, p99 " + FormatTime(r.Generator.Lag.Quantile(.99))
	case r.Plan.Rate > 0:
		l.Text += "; the generator was the limit, the broker may do better"
	default:
		l.Text += "; the generator was the limit, the broker may do more"
	}
	return l
}

// OnlyLate tells of a generator at its limit that has sent at the rate it was asked
// for all the same: not the rate is its own, but a part of the latencies.
func (r *Result) OnlyLate() bool {
	return r.Generator.Limited && r.Generator.Lag.Count() > 0 && r.Plan.Ramp == 0 && sentRateOf(r) >= reachedRate*r.Plan.Rate
}

// Limit is a sentence about a generator at its limit; empty: it was not.
func (r *Result) Limit() string {
	switch {
	case !r.Generator.Limited:
		return ""
	case r.OnlyLate():
		return "the rate was reached, but the latencies hold the generator's own lateness: " + r.Generator.Why
	}
	return "the generator was the limit: " + r.Generator.Why
}

// failure is the worst of what went wrong.
func (r *Result) failure() string {
	has := map[FailureKind]bool{}
	for _, f := range r.Failures {
		has[f.Kind] = true
	}
	switch {
	case has[NotRun]:
		return "the test did not take place"
	case has[BadSum]:
		return "the totals do not add up: these figures are worth nothing"
	case has[BrokenPromise]:
		return fmt.Sprintf("the broker did not keep what QoS %d promises", r.Plan.QoS)
	case has[NotAllowed]:
		return "not all of what was asked for was allowed"
	case has[LostConnection]:
		return "not all connections lasted"
	case has[NotConnected]:
		return "not all connections were made"
	case len(r.Failures) > 0:
		return "failed"
	case slices.ContainsFunc(r.Judged, func(j Judgement) bool { return !j.Kept }):
		return "not what was expected"
	}
	return ""
}

func (r *Result) success() string {
	c, shape := &r.Counts, r.Plan.Shape
	switch {
	case r.StormRounds() > 0 && r.Connections.Opened == r.Connections.Wanted:
		return fmt.Sprintf("%s lost and made again %s", many(r.Plan.Publishers+r.Plan.Subscribers, "connection was", "connections were"), many(r.StormRounds(), "time", "times"))
	case shape.connects() && r.Interrupted:
		return fmt.Sprintf("%s opened", many(r.Connections.Opened, "connection was", "connections were"))
	case shape.connects():
		return fmt.Sprintf("%s opened, as they were to be", many(r.Connections.Opened, "connection was", "connections were"))
	case c.Unsent > 0:
		return fmt.Sprintf("the broker took less than the rate: %s of %s that were due were never sent", counted(c.Unsent), counted(c.Sent+c.Unsent))
	case !shape.receives() && r.Plan.QoS == 0:
		return "all was handed to the network; nobody acknowledges QoS 0, so that nobody here knows what became of it"
	case !shape.receives():
		return "all that was sent was acknowledged"
	case c.Delivered == 0:
		return "nothing was delivered"
	case c.Lost > 0:
		return fmt.Sprintf("kept what QoS %d promises, which is not that all arrives", r.Plan.QoS)
	case c.Duplicated > 0 || c.Reordered > 0:
		return "all was delivered, twice or out of order only as MQTT allows"
	case shape == SubOnly:
		return "what was received has no gap, and came once and in order"
	}
	return "all was delivered, once and in order"
}
