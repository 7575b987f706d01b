package bench

import (
	"context"
	"sync/atomic"
	"time"
)

// connectionsOnly is the course of the shapes in which nobody publishes. Their
// links have no role: they are there, and answer.
func (r *run) connectionsOnly(ctx context.Context) error {
	r.bare = r.bareSize()
	n := r.connections()
	r.links = make([]*link, 0, n)
	for i := range n {
		r.link(r.workers[i%len(r.workers)], 'c', nil)
	}
	switch r.plan.Shape {
	case Churn:
		return r.churn(ctx)
	case Storm:
		return r.storm(ctx)
	}
	return r.ramp(ctx)
}

// commenceLinks is the first moment of a time in which connections are measured:
// what was counted before is forgotten.
func (r *run) commenceLinks() (*phase, error) {
	r.openBook()
	if !r.each(func(w *worker) {
		w.takeLinks()
		w.beginUsage()
	}) {
		return nil, r.loopError()
	}
	f := &phase{name: phaseMeasure}
	f.start.Store(r.clock.now())
	r.book.begin(r, f)
	return f, nil
}

// pollTime is how often the coordinator looks whether something has come to its
// end. Being told of each connection would cost more.
const pollTime = 10 * time.Millisecond

// connectAll has the links connected that pick picks, and waits until each of them
// stands, or has come to nothing: what fails is counted, and stops nobody. false:
// ctx has ended.
func (r *run) connectAll(ctx context.Context, name string, pick func(c *link) bool) (bool, error) {
	var wanted atomic.Int64
	begun, before := r.clock.now(), r.came()
	if !r.each(func(w *worker) {
		var own []*link
		for _, c := range ofWorker(w, r.links) {
			if pick(c) {
				own = append(own, c)
			}
		}
		wanted.Add(int64(len(own)))
		w.toDial(own)
	}) {
		return false, r.loopError()
	}
	for r.came() < before+wanted.Load() {
		if !r.pause(ctx, pollTime, false) {
			return false, nil
		}
		if err := r.look(name, begun, 0); err != nil {
			return false, err
		}
	}
	return true, nil
}

// came counts the connections that stand or have failed. Failures are read first: a
// connection that is lost stops standing before it counts as one, and so is never
// counted twice.
func (r *run) came() int64 {
	failed := r.failed.Load()
	return failed + r.ready.Load()
}

// hold lets time pass, until nobody is left or ctx has ended; it returns how much
// has.
func (r *run) hold(ctx context.Context, name string, d time.Duration) (time.Duration, error) {
	begun := r.clock.now()
	for {
		passed := time.Duration(r.clock.now() - begun)
		if passed >= d || r.deserted() || !r.pause(ctx, min(pollTime, d-passed), false) {
			return passed, nil
		}
		if err := r.look(name, begun, d); err != nil {
			return passed, err
		}
	}
}

// look keeps the series and tells of the progress, if it is time for it.
func (r *run) look(name string, since int64, total time.Duration) error {
	b := &r.book
	now := r.clock.now()
	if now-b.noted >= int64(time.Second) {
		r.note(now)
	}
	if r.plan.Progress != nil && now-b.told >= int64(250*time.Millisecond) {
		x := r.snapshot(name, since, now)
		if opened, rate := r.openedOfLate(max(b.told, since), now); name != "hold" {
			x.Delivered, x.Rate = opened, rate
		}
		b.told = now
		x.Total, x.Done = total, float64(x.Connected)/float64(max(1, x.Connections))
		if total > 0 {
			x.Done = min(1, float64(x.Elapsed)/float64(total))
		}
		r.plan.Progress(x)
	}
	select {
	case <-r.broken:
		return r.loopError()
	default:
		return nil
	}
}

// openedOfLate is how many connections were made, and how fast since then.
func (r *run) openedOfLate(then, now int64) (opened int64, rate float64) {
	b := &r.book
	_, n := r.lastOpened()
	opened = int64(n)
	rate = perSecond(max(opened-b.opened, 0), seconds(now-then))
	b.opened = opened
	return opened, rate
}

// lastOpened is when the last connection was, and how many were.
func (r *run) lastOpened() (at int64, opened int) {
	g := r.gather()
	return g.links.lastOpened, g.links.opened
}

// concludeLinks ends the measured time: it fills in the result.
func (r *run) concludeLinks(f *phase) *gathering {
	b := &r.book
	r.concluded, r.result.Interrupted = true, r.ended() != nil
	b.generator.end = cpuTime()
	r.noteUsage()
	now := r.clock.now()
	if len(r.result.Series) == 0 || now-b.noted >= int64(100*time.Millisecond) {
		r.note(now)
	}
	r.result.Seconds = seconds(now - b.begun)
	g := r.gather()
	r.fillConnections(g)
	r.fillGenerator(f)
	r.fillBroker()
	r.judgeLost(g)
	r.judgeUnmade(g)
	if r.plan.Target.InProcess {
		r.remark("%s", inProcessNote)
	}
	return g
}

// judgeUnmade says which connections were not made, and why.
func (r *run) judgeUnmade(g *gathering) {
	c := &r.result.Connections
	if sum(c.Refused) > 0 {
		r.fail(NotConnected, "the broker refused connections: %s", reasons(c.Refused))
	}
	if sum(c.Failed) > 0 {
		r.fail(NotConnected, "connections could not be made: %s", reasons(c.Failed))
	}
	if short := shortage(g.links.short, &r.plan, r.connections()); short != nil {
		r.remark("%v", short)
	}
}
