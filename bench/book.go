package bench

import (
	"time"
)

// A book is what the coordinator has counted of a phase.
type book struct {
	total  tally
	second tally // of the present point of the series
	begun  int64 // when the phase began
	told   int64 // when Progress was called last
	noted  int64 // when the last point of the series was
	wanted int64 // until when there was something to send
	ended  int64 // when the measured time did
	recent recent
	opened int64 // connections, when Progress was called last

	generator struct{ cpu, end time.Duration } // used up by the process, at the beginning and the end
	usages    []usageSpan
}

// recent is what was so of late, for Progress.
type recent struct {
	rate     float64
	p50, p99 time.Duration
}

// openBook forgets what was counted before, on all workers too, when it is called
// between two phases.
func (r *run) openBook() {
	r.collect()
	now := r.clock.now()
	r.book = book{begun: now, told: now, noted: now}
	r.result.Series = nil
}

// begin is the first moment of the measured time.
func (b *book) begin(r *run, f *phase) {
	b.begun = f.start.Load()
	b.told, b.noted = b.begun, b.begun
	b.generator.cpu = cpuTime()
	r.broker.begin()
}

// collect takes what the workers have counted since the last time.
func (r *run) collect() bool {
	if !r.each(func(w *worker) { w.tally.take(&w.taken) }) {
		return false
	}
	b := &r.book
	for _, w := range r.workers {
		b.total.Counts.add(&w.taken.Counts)
		b.total.asides.add(&w.taken.asides)
		b.total.service.Add(&w.taken.service.Histogram)
		b.total.acknowledge.Add(&w.taken.acknowledge.Histogram)
		b.total.lag.Add(&w.taken.lag.Histogram)
		b.second.add(&w.taken)
	}
	b.total.last, b.total.sent = max(b.total.last, b.second.last), max(b.total.sent, b.second.sent)
	return true
}

// glance keeps the series and tells of the progress, if it is time for it.
func (r *run) glance(f *phase) error {
	b := &r.book
	now := r.clock.now()
	tell := r.plan.Progress != nil && now-b.told >= int64(250*time.Millisecond)
	note := now >= b.nextPoint(f)
	if !tell && !note {
		return nil
	}
	if !r.collect() {
		return r.loopError()
	}
	if tell {
		b.told = now
		r.tellTraffic(f, now)
	}
	if note {
		r.note(now)
	}
	return nil
}

// nextPoint is when the present point of the series is to end: after a second, or
// with what comes just behind the end of the phase.
func (b *book) nextPoint(f *phase) int64 {
	const behind = int64(100 * time.Millisecond)
	at, end := b.noted+int64(time.Second), f.planned
	if end == 0 {
		end = f.until
	}
	if at > end-behind && at < end+behind {
		return end + behind
	}
	return at
}

// note ends a point of the series.
func (r *run) note(now int64) {
	b := &r.book
	s := &b.second
	p := Point{
		At: seconds(now - b.begun), Seconds: seconds(now - b.noted),
		Sent: s.Sent, Delivered: s.Delivered, Connected: int(r.open.Load()),
	}
	h := &s.latency.Histogram
	if r.plan.Shape == PubOnly {
		h = &s.acknowledge.Histogram
	}
	p.P50, p.P99, p.Max = h.Quantile(.5), h.Quantile(.99), h.Max()
	r.broker.look(&p)
	r.result.Series = append(r.result.Series, p)
	b.total.latency.Add(&s.latency.Histogram)
	r.forgetSecond()
	b.noted = now
}

// forgetSecond begins the next point.
func (r *run) forgetSecond() {
	s := &r.book.second
	s.latency.Reset()
	s.service.Reset()
	s.acknowledge.Reset()
	s.lag.Reset()
	s.Counts, s.asides = Counts{}, asides{}
}

// tellTraffic tells how a phase of traffic stands.
func (r *run) tellTraffic(f *phase, now int64) {
	b := &r.book
	s := &b.second
	at := seconds(now - b.noted)
	done, doneNow := b.total.Delivered, s.Delivered
	h := &s.latency.Histogram
	if r.plan.Shape == PubOnly {
		done, doneNow, h = b.total.Acknowledged, s.Acknowledged, &s.acknowledge.Histogram
	}
	if at > .2 {
		b.recent.rate = float64(doneNow) / at
		b.recent.p50, b.recent.p99 = h.Quantile(.5), h.Quantile(.99)
	}
	x := r.snapshot(f.name, f.start.Load(), now)
	x.Total, x.Sent, x.Delivered = f.duration, b.total.Sent, done
	x.Rate, x.P50, x.P99 = b.recent.rate, b.recent.p50, b.recent.p99
	switch {
	case f.duration > 0:
		x.Done = min(1, float64(x.Elapsed)/float64(f.duration))
	case f.messages > 0:
		x.Done = min(1, float64(max(x.Sent, x.Delivered))/float64(f.messages))
	}
	switch {
	case f.name == phaseListen && r.firstSeen.Load() != 0:
		x.Phase = "receive"
	case f.name == phaseListen || r.sending:
	case f.name == phaseWarmUp:
		x.Phase, x.Total, x.Done = "settle", 0, -1
	default:
		x.Phase, x.Total, x.Done = "wait", 0, -1
	}
	r.plan.Progress(x)
}

// snapshot is one without figures of traffic.
func (r *run) snapshot(phase string, since, now int64) Snapshot {
	return Snapshot{Phase: phase, Elapsed: time.Duration(now - since), Done: -1, Connected: int(r.open.Load()), Connections: len(r.links)}
}

// tellConnecting tells how far connecting has come.
func (r *run) tellConnecting(start int64) {
	now := r.clock.now()
	if r.plan.Progress == nil || now-r.book.told < int64(250*time.Millisecond) {
		return
	}
	r.book.told = now
	x := r.snapshot("connect", start, now)
	x.Done = float64(x.Connected) / float64(max(1, x.Connections))
	r.plan.Progress(x)
}
