package bench

import (
	"fmt"
	"runtime"
	"time"

	"mqtk/bench/loop"
	"mqtk/mqttwire"
)

// A usageSpan is what a worker took in the phase.
type usageSpan struct {
	wall int64
	loop.Usage
}

// conclude ends the measured time: it fills in the result.
func (r *run) conclude(f *phase) {
	b := &r.book
	s := r.survey()
	b.generator.end = cpuTime()
	now := r.clock.now()
	b.usages = make([]usageSpan, len(r.workers))
	r.each(func(w *worker) { b.usages[w.number] = w.used(now - b.begun) })
	r.collect()
	r.note(r.clock.now())
	r.dropEmptyPoint()
	r.fillCounts(&s)
	r.fillTimes(f)
	r.fillConnections()
	r.fillGenerator(f)
	r.judge(f, &s)
	r.explain(f, &s)
}

// used is what the worker took since the phase began.
func (w *worker) used(wall int64) usageSpan {
	u := w.loop.Usage()
	x := usageSpan{wall: wall, Usage: loop.Usage{CPU: -1, Waiting: -1}}
	x.Asleep, x.Reads, x.Writes = u.Asleep-w.usage.Asleep, u.Reads-w.usage.Reads, u.Writes-w.usage.Writes
	if u.CPU >= 0 {
		x.CPU = u.CPU - w.usage.CPU
	}
	if u.Waiting >= 0 {
		x.Waiting = u.Waiting - w.usage.Waiting
	}
	return x
}

// dropEmptyPoint takes the last point away again if nothing was left for it.
func (r *run) dropEmptyPoint() {
	s := r.result.Series
	if n := len(s); n > 1 && s[n-1].Sent == 0 && s[n-1].Delivered == 0 {
		r.result.Series = s[:n-1]
	}
}

func (r *run) fillCounts(s *survey) {
	c := &r.result.Counts
	*c = r.book.total.Counts
	c.Unacknowledged = s.open
	if r.plan.Shape != PubOnly {
		c.Expected, c.Lost = s.expected, s.lost
	}
}

// fillTimes sets the times: those of the messages, and that of the whole.
func (r *run) fillTimes(f *phase) {
	t, res := &r.book.total, &r.result
	if t.last > r.book.begun {
		res.Seconds = seconds(t.last - r.book.begun)
	}
	if r.plan.Shape != PubOnly {
		res.Latency, res.Service = &t.latency.Histogram, &t.latency.Histogram
		if f.pacer.open() {
			res.Service = &t.service.Histogram
		}
	}
	if r.plan.QoS > 0 {
		res.Acknowledge = &t.acknowledge.Histogram
	}
}

// fillConnections sums the workers' connections up.
func (r *run) fillConnections() {
	c := Connections{Refused: map[string]int{}, Failed: map[string]int{}, MaxOpen: int(r.maxOpen.Load())}
	connect := &Histogram{}
	tallies := make([]*linkTally, len(r.workers))
	r.each(func(w *worker) { tallies[w.number] = &w.links })
	for _, l := range tallies {
		c.Wanted += l.wanted
		c.Opened += l.opened
		c.Lost += l.lost
		for k, n := range l.refused {
			c.Refused[k] += n
		}
		for k, n := range l.failed {
			c.Failed[k] += n
		}
		connect.Add(&l.connect)
	}
	c.Seconds = r.connectSeconds
	r.result.Connections, r.result.Connect = c, connect
}

// fillGenerator says what the generator itself took, and the broker.
func (r *run) fillGenerator(f *phase) {
	b := &r.book
	g := Generator{Workers: len(r.workers), CPUSeconds: (b.generator.end - b.generator.cpu).Seconds(), Waiting: -1}
	var cpu, waiting, wall int64
	for _, u := range b.usages {
		g.Busy = max(g.Busy, 1-float64(u.Asleep)/float64(max(1, u.wall)))
		cpu += u.CPU
		waiting += u.Waiting
		wall += u.wall
	}
	if r.plan.Target.InProcess && cpu >= 0 {
		g.CPUSeconds, g.CPUOfThreads = seconds(cpu), true
	}
	if waiting >= 0 && wall > 0 {
		g.Waiting = float64(waiting) / float64(wall)
	}
	g.Busy = min(1, max(0, g.Busy))
	if f.pacer.open() {
		g.Lag = &b.total.lag.Histogram
	}
	g.Limited, g.Why = r.limit(f, &g)
	r.result.Generator = g
	r.fillBroker()
}

// limit judges whether the generator was the limit, and says why.
func (r *run) limit(f *phase, g *Generator) (bool, string) {
	const much, fairlyLong = .95, .2
	if !f.pacer.open() {
		if g.Busy >= much {
			return true, fmt.Sprintf("its busiest thread of %d was at work for %s of the time: take more of them, on CPUs that the broker does not need", g.Workers, FormatPercent(round(g.Busy, 3)))
		}
		return false, ""
	}
	latency := r.result.Latency
	if latency == nil {
		latency = r.result.Acknowledge
	}
	lag, bound := g.Lag.Quantile(.99), time.Millisecond
	if tenth := latency.Quantile(.99) / 10; tenth > bound {
		bound = tenth
	}
	switch {
	case lag > bound:
		return true, fmt.Sprintf("one message in a hundred was sent %s or more after its time, though neither the window nor the socket held it up", FormatTime(lag))
	case g.Waiting > fairlyLong:
		return true, fmt.Sprintf("its threads waited for a CPU for %s of the time", FormatPercent(round(g.Waiting, 3)))
	}
	return false, ""
}

func (r *run) fail(kind FailureKind, format string, a ...any) {
	r.result.Failures = append(r.result.Failures, Failure{Kind: kind, Text: fmt.Sprintf(format, a...)})
}

func (r *run) remark(format string, a ...any) {
	r.result.Notes = append(r.result.Notes, fmt.Sprintf(format, a...))
}

// judge finds the promises that were broken.
func (r *run) judge(f *phase, s *survey) {
	c := &r.result.Counts
	if s.promised > 0 {
		r.fail(BrokenPromise, "%d messages of QoS %d were lost%s", s.promised, r.plan.QoS, s.worst.text("the first"))
	}
	var seen examples
	r.each(func(w *worker) {})
	for _, w := range r.workers {
		orElse(&seen.duplicated, w.examples.duplicated)
		orElse(&seen.disordered, w.examples.disordered)
	}
	if s.twice > 0 {
		r.fail(BrokenPromise, "%d messages of QoS 2 came more than once%s", s.twice, seen.duplicated.text("one of them"))
	}
	if s.twiceLow > 0 {
		r.fail(BrokenPromise, "%d messages of QoS 0 came more than once%s", s.twiceLow, seen.duplicated.text("one of them"))
	}
	if c.Disordered > 0 {
		r.fail(BrokenPromise, "%d messages came out of order%s", c.Disordered, seen.disordered.text("one of them"))
	}
	if c.Corrupted > 0 {
		r.fail(BrokenPromise, "%d messages were not what was sent", c.Corrupted)
	}
	if c.WrongQoS > 0 {
		r.fail(BrokenPromise, "%d messages came at another QoS than %d, at which they were published and subscribed to", c.WrongQoS, r.plan.QoS)
	}
	if s.phantoms > 0 {
		r.fail(BrokenPromise, "%d messages came that the broker had refused", s.phantoms)
	}
	r.judgeSums(s)
	r.judgeRefusals()
	r.judgeConnections()
}

func (e example) text(which string) string {
	if e.of == nil {
		return ""
	}
	return fmt.Sprintf(" (%s: message %d of publisher %d, to %v)", which, e.sequence, e.publisher, e.of)
}

// judgeSums adds up.
func (r *run) judgeSums(s *survey) {
	c := &r.result.Counts
	if c.Expected != c.Delivered+c.Lost && r.plan.Shape != PubOnly {
		r.fail(BadSum, "%d messages were expected, but %d delivered and %d lost make %d", c.Expected, c.Delivered, c.Lost, c.Delivered+c.Lost)
	}
	if sum := c.Acknowledged + c.Refused + c.Unacknowledged; c.Sent != sum && r.plan.Shape != SubOnly {
		r.fail(BadSum, "%d messages were sent, but %d acknowledged, %d refused and %d without an answer make %d", c.Sent, c.Acknowledged, c.Refused, c.Unacknowledged, sum)
	}
	if n := r.result.Latency.Count(); r.result.Latency != nil && n != c.Delivered {
		r.fail(BadSum, "%d messages were delivered, but %d were timed", c.Delivered, n)
	}
}

// judgeRefusals says what was refused, and why.
func (r *run) judgeRefusals() {
	all := map[refusal]int64{}
	for _, w := range r.workers {
		for x, n := range w.refusals {
			all[x] += n
		}
	}
	for x, n := range all {
		r.fail(NotAllowed, "%d messages were refused: %s (0x%02X)", n, x.reason.Text(x.kind), byte(x.reason))
	}
}

// judgeConnections says how many connections were lost.
func (r *run) judgeConnections() {
	if n := r.result.Connections.Lost; n > 0 {
		r.fail(LostConnection, "%d of %d connections were lost: %v", n, r.result.Connections.Opened, r.firstFailure())
	}
}

// explain notes what a reader of the figures must know.
func (r *run) explain(f *phase, s *survey) {
	t := &r.book.total
	if !f.pacer.open() && r.plan.Shape != SubOnly {
		r.remark("%s", closedLoopNote)
	}
	if t.unsent > 0 {
		r.remark("%d messages were due and could not be sent before the time was over: the broker takes less than the rate", t.unsent)
	}
	if t.stale > 0 {
		r.remark("%d messages of the warm-up came in the measured time: they are not counted", t.stale)
	}
	if t.retransmitted > 0 {
		r.remark("the broker sent %d messages of QoS 2 again before their exchange was over: nobody would see them twice", t.retransmitted)
	}
	if r.plan.Target.InProcess {
		r.remark("%s", inProcessNote)
	}
	for _, q := range []mqttwire.QoS{0, 1} {
		if n := r.grantedCount(q); n > 0 && q < r.plan.QoS {
			r.remark("%d subscribers were granted QoS %d for QoS %d", n, q, r.plan.QoS)
		}
	}
	_ = runtime.NumCPU
}

func (r *run) grantedCount(q mqttwire.QoS) (n int) {
	for _, w := range r.workers {
		for _, s := range w.subscribers {
			if s.granted == q {
				n++
			}
		}
	}
	return n
}
