package bench

import "mqtk/bench/loop"

// A usageSpan is what a worker took while messages were sent.
type usageSpan struct {
	wall int64
	loop.Usage
}

// A gathering is what the workers know at the end, for the coordinator alone.
type gathering struct {
	links    linkTally
	violated int64
	first    error // violation
	examples examples
	refusals map[refusal]int64
	granted  [3]int // subscribers, by the QoS that they were granted
	idle     int    // publishers nobody receives from
	resting  int    // subscribers nobody sends to
	deaf     int    // subscribers whose connection ended
	mute     int    // publishers whose connection ended

	back, sessionsLost int64 // subscribers that came back, and to no session
	unmarked           int64 // retained messages without RETAIN
}

// conclude ends the measured time: it fills in the result.
func (r *run) conclude(f *phase) {
	r.concluded, r.result.Interrupted = true, r.ended() != nil
	// The survey and the counts are taken one after the other: nothing may come
	// between them.
	r.each(func(w *worker) { w.booksClosed = true })
	s := r.survey()
	r.book.generator.end = cpuTime()
	r.collect()
	r.note(r.clock.now())
	g := r.gather()
	r.fillCounts(&s)
	r.fillTimes(f)
	r.trimPoints()
	r.fillConnections(g)
	r.fillGenerator(f)
	r.fillBroker()
	r.judge(&s, g)
	r.explain(f, g)
}

// concludeEarly fills in what is known of a run that did not come to its measured
// time, or not through it.
func (r *run) concludeEarly() {
	r.concluded, r.result.Interrupted = true, r.ended() != nil
	r.fillConnections(r.gather())
	r.result.Connections.Wanted = r.connections()
	r.result.Generator = Generator{Workers: len(r.workers), Waiting: -1, RSS: residentSize()}
	if r.result.Interrupted {
		r.remark("it was ended before there was anything to measure")
	}
}

// noteUsage keeps what the workers took since the phase began.
func (r *run) noteUsage() {
	b := &r.book
	b.usages = make([]usageSpan, len(r.workers))
	r.each(func(w *worker) { b.usages[w.number] = w.used() })
}

// used is what the worker took since the phase began.
func (w *worker) used() usageSpan {
	u := w.loop.Usage()
	x := usageSpan{wall: w.run.clock.now() - w.usageAt, Usage: loop.Usage{CPU: -1, Waiting: -1}}
	x.Asleep, x.Reads, x.Writes = u.Asleep-w.usage.Asleep, u.Reads-w.usage.Reads, u.Writes-w.usage.Writes
	if u.CPU >= 0 {
		x.CPU = u.CPU - w.usage.CPU
	}
	if u.Waiting >= 0 {
		x.Waiting = u.Waiting - w.usage.Waiting
	}
	return x
}

// gather asks all workers for what they know.
func (r *run) gather() *gathering {
	all := &gathering{links: newLinkTally(), refusals: map[refusal]int64{}}
	for _, w := range r.workers { // one at a time: they write to one place
		done := make(chan struct{})
		w.loop.Do(func() { w.tell(all); close(done) })
		select {
		case <-done:
		case <-r.broken:
			return all
		}
	}
	return all
}

// tell adds what the worker knows.
func (w *worker) tell(all *gathering) {
	all.links.add(&w.links)
	all.violated += w.violated
	all.back += w.back
	all.sessionsLost += w.sessionsLost
	orElse(&all.first, w.firstViolation)
	orElse(&all.examples.duplicated, w.examples.duplicated)
	orElse(&all.examples.disordered, w.examples.disordered)
	orElse(&all.examples.corrupted, w.examples.corrupted)
	orElse(&all.examples.misrouted, w.examples.misrouted)
	for x, n := range w.refusals {
		all.refusals[x] += n
	}
	for _, s := range w.subscribers {
		all.granted[s.granted]++
		if s.dead {
			all.deaf++
		}
		if len(s.flows) == 0 && w.run.plan.Shape != SubOnly {
			all.resting++
		}
	}
	for _, x := range w.collectors {
		all.granted[x.granted]++
		all.unmarked += x.unmarked
		if x.dead {
			all.deaf++
		}
	}
	for _, p := range w.publishers {
		if p.c.stage != ready {
			all.mute++
		} else if p.fan != nil && p.fan.receivers.Load() == 0 && all.deaf == 0 {
			all.idle++
		}
	}
}

func (l *linkTally) add(o *linkTally) {
	l.wanted += o.wanted
	l.opened += o.opened
	l.lost += o.lost
	l.resumed += o.resumed
	l.lastOpened = max(l.lastOpened, o.lastOpened)
	for k, n := range o.refused {
		l.refused[k] += n
	}
	for k, n := range o.failed {
		l.failed[k] += n
	}
	l.connect.Add(&o.connect)
	orElse(&l.first, o.first)
	orElse(&l.short, o.short)
	orElse(&l.firstLost, o.firstLost)
}

// trimPoints takes away what waiting has put behind the end of the measured time.
func (r *run) trimPoints() {
	s, end := r.result.Series, seconds(r.book.ended-r.book.begun)
	for len(s) > 1 && s[len(s)-1].At-s[len(s)-1].Seconds >= end {
		s = s[:len(s)-1]
	}
	if n := len(s); n > 0 && s[n-1].At > end {
		s[n-1].Seconds = max(0, end-(s[n-1].At-s[n-1].Seconds))
		s[n-1].At = end
	}
	r.result.Series = s
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
	b := &r.book
	b.ended = max(b.begun, t.last, b.wanted)
	if r.plan.Shape.sends() {
		b.ended = max(b.ended, t.sent)
	}
	res.Seconds = seconds(b.ended - b.begun)
	switch {
	case r.plan.Shape == PubOnly, f.untimed:
	case r.plan.Shape == SubOnly:
		res.Latency = &t.latency.Histogram
	case f.pacer.open():
		res.Latency, res.Service = &t.latency.Histogram, &t.service.Histogram
	default:
		res.Latency, res.Service = &t.latency.Histogram, &t.latency.Histogram
	}
	if r.plan.QoS > 0 && r.plan.Shape != SubOnly {
		res.Acknowledge = &t.acknowledge.Histogram
	}
}

func (r *run) fillConnections(g *gathering) {
	l := &g.links
	r.result.Connections = Connections{
		Wanted: l.wanted, Opened: l.opened, Lost: l.lost, Refused: l.refused, Failed: l.failed,
		Seconds: r.connectSeconds, MaxOpen: int(r.maxOpen.Load()),
	}
	r.result.Connect = &l.connect
}
