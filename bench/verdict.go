package bench

import (
	"cmp"
	"fmt"
	"slices"
)

func (r *run) fail(kind FailureKind, format string, a ...any) {
	r.result.Failures = append(r.result.Failures, Failure{Kind: kind, Text: fmt.Sprintf(format, a...)})
}

func (r *run) remark(format string, a ...any) {
	r.result.Notes = append(r.result.Notes, fmt.Sprintf(format, a...))
}

// judge finds the promises that were broken.
func (r *run) judge(s *survey, g *gathering) {
	c := &r.result.Counts
	seen := &g.examples
	broken := func(n int64, format string, a ...any) {
		if n > 0 {
			r.fail(BrokenPromise, many(n, "message", "messages")+" "+format, a...)
		}
	}
	if r.result.Interrupted { // nobody has waited for what was under way
		s.promised, s.owed = 0, 0
	}
	broken(s.promised, "that had a promise of QoS 1 or 2 got lost%s", s.worst.text("the first"))
	broken(s.owed, "of QoS %d got no acknowledgement, though their connection stands and nothing else came for %v", r.plan.QoS, r.plan.Patience)
	if c.Delivered == 0 && c.Expected > 0 && s.promised == 0 && !r.result.Interrupted && r.plan.Shape != SubOnly {
		// QoS 0 promises nothing; and yet this is no run that went well
		r.fail(BrokenPromise, "nothing arrived of %s: may the clients publish and subscribe there?", many(c.Expected, "message", "messages"))
	}
	broken(s.twice, "of QoS 2 came more than once%s", seen.duplicated.text("one of them"))
	broken(s.twiceLow, "of QoS 0 came more than once%s", seen.duplicated.text("one of them"))
	broken(c.Disordered, "came out of order%s", seen.disordered.text("one of them"))
	broken(c.Corrupted, "had another payload than was sent%s", seen.corrupted.text("one of them"))
	broken(r.book.total.misrouted, "came to who had not subscribed to them, or by a topic that they were not published to%s", seen.misrouted.text("one of them"))
	broken(c.WrongQoS, "came at a QoS that is not the lower one of publishing and subscribing")
	broken(s.phantoms, "came though the broker had refused to take them")
	if g.violated > 0 {
		r.fail(BrokenPromise, "%s: %v", many(g.violated, "connection", "connections"), g.first)
	}
	r.judgeSums()
	r.judgeRefusals(g)
	r.judgeLost(g)
}

func (r *run) judgeLost(g *gathering) {
	if lost := g.links.lost; lost > 0 {
		r.fail(LostConnection, "%s of %d ended before the end: %v", many(lost, "connection", "connections"), g.links.opened, g.links.firstLost)
	}
}

func (e example) text(which string) string {
	if e.of == nil {
		return ""
	}
	return fmt.Sprintf(" (%s: message %d of publisher %d, to %v)", which, e.sequence, e.publisher, e.of)
}

// judgeSums adds up.
func (r *run) judgeSums() {
	c := &r.result.Counts
	if r.plan.Shape != PubOnly && c.Expected != c.Delivered+c.Lost {
		r.fail(BadSum, "%d messages were expected, but %d delivered and %d lost make %d", c.Expected, c.Delivered, c.Lost, c.Delivered+c.Lost)
	}
	if sum := c.Acknowledged + c.Refused + c.Unacknowledged; c.Sent != sum {
		r.fail(BadSum, "%d messages were sent, but %d acknowledged, %d refused and %d without an answer make %d", c.Sent, c.Acknowledged, c.Refused, c.Unacknowledged, sum)
	}
	if h, waited := r.result.Latency, r.book.total.waited; h != nil && h.Count() != c.Delivered+waited {
		r.fail(BadSum, "%d messages were delivered and %d due to the end, but %d were timed", c.Delivered, waited, h.Count())
	}
}

// judgeRefusals says what was refused, and why.
func (r *run) judgeRefusals(g *gathering) {
	kinds := make([]refusal, 0, len(g.refusals))
	for x := range g.refusals {
		kinds = append(kinds, x)
	}
	slices.SortFunc(kinds, func(a, b refusal) int {
		return cmp.Or(cmp.Compare(g.refusals[b], g.refusals[a]), cmp.Compare(a.reason, b.reason), cmp.Compare(a.kind, b.kind))
	})
	for _, x := range kinds {
		r.fail(NotAllowed, "%s of %d refused by the broker: %s (0x%02X)", many(g.refusals[x], "message", "messages"), r.result.Counts.Sent, x.reason.Text(x.kind), byte(x.reason))
	}
}

// explain notes what a reader of the figures must know.
func (r *run) explain(f *phase, g *gathering) {
	t, p := &r.book.total, &r.plan
	note := func(n int64, format string, a ...any) {
		if n > 0 {
			r.remark(format, a...)
		}
	}
	switch {
	case p.Shape == SubOnly:
		r.remark("latency is the time between two clocks: true where publishers and subscribers run on one machine")
		if r.result.Counts.Delivered > 0 {
			r.remark("what was lost before the first message of a publisher that came, or behind its last, cannot be seen from here")
		}
	case f.untimed:
	case !f.pacer.open():
		r.remark("%s", closedLoopNote)
	}
	late := t.Unsent - t.orphaned
	note(late, "%s due and never sent, for the broker took less than the rate: how long they had waited by the end is in the latency, and would have been more", many(late, "message was", "messages were"))
	note(t.orphaned, "%s due and never sent, for the connections of their publishers had ended", many(t.orphaned, "message was", "messages were"))
	note(t.forgiven, "publishers went on %s though nothing came of what they had outstanding", many(t.forgiven, "time", "times"))
	note(t.Foreign-t.misrouted, "%s of somebody else came by the topics of this run", many(t.Foreign-t.misrouted, "message", "messages"))
	switch p.Shape {
	case Retain: // where it is worse
	case SubOnly:
		note(t.stale, "%s of the publishers' warm-up came: bench pub does not count them, nor are they counted here", many(t.stale, "message", "messages"))
	default:
		note(t.stale, "%s of the warm-up came in the measured time: they were sent before it, and are not counted", many(t.stale, "message", "messages"))
	}
	note(t.StrayAcks, "%s came that no message awaited", many(t.StrayAcks, "acknowledgement", "acknowledgements"))
	note(t.queued, "%s had been planned or sent before these subscribers connected, and waited somewhere: their latency is mostly that wait", many(t.queued, "message", "messages"))
	note(t.retransmitted, "%s of QoS 2 were sent again by the broker before their exchange was over: nobody would see them twice", many(t.retransmitted, "message", "messages"))
	for q := range p.QoS {
		note(int64(g.granted[q]), "%s got QoS %d instead of %d by SUBACK", many(g.granted[q], "subscriber", "subscribers"), q, p.QoS)
	}
	note(int64(g.idle), "%s feed topics that nobody here receives", many(g.idle, "publisher", "publishers"))
	note(int64(g.resting), "%s take topics that nobody here feeds", many(g.resting, "subscriber", "subscribers"))
	note(int64(g.deaf), "%s lost the connection: what they had not received by then was not expected of the broker", many(g.deaf, "subscriber", "subscribers"))
	note(int64(g.mute), "%s lost the connection: what the broker had not acknowledged by then was not expected of it", many(g.mute, "publisher", "publishers"))
	if p.Target.InProcess {
		r.remark("%s", inProcessNote)
	}
}
