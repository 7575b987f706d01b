package bench

import (
	"context"
	"slices"
	"time"
)

const (
	leaveTime = time.Second            // that a broker has to close after DISCONNECT
	restAfter = 100 * time.Millisecond // that a client waits after a failure
)

// churn has clients that connect and, as soon as they stand, say goodbye and come
// again.
func (r *run) churn(ctx context.Context) error {
	kept := !r.plan.Connect.CleanStart
	start := r.clock.now()
	if !r.each(func(w *worker) {
		w.turnover = &turnover{w: w, start: start, next: int64(w.number)}
		for _, c := range ofWorker(w, r.links) {
			c.kept = kept
			w.turnover.again(c, 0)
		}
	}) {
		return r.loopError()
	}
	if err := r.churnFor(ctx, phaseWarmUp, r.plan.Warmup); err != nil {
		return err
	}
	if _, opened := r.lastOpened(); opened == 0 && r.plan.Warmup > 0 && r.failed.Load() > 0 {
		return r.firstFailure()
	}
	f, err := r.commenceLinks()
	if err != nil {
		return err
	}
	if err := r.churnFor(ctx, phaseMeasure, r.plan.Duration); err != nil {
		return err
	}
	return r.concludeChurn(f, kept)
}

func (r *run) churnFor(ctx context.Context, name string, d time.Duration) error {
	begun := r.clock.now()
	for {
		passed := time.Duration(r.clock.now() - begun)
		if passed >= d || !r.pause(ctx, min(pollTime, d-passed), false) {
			return nil
		}
		if err := r.look(name, begun, d); err != nil {
			return err
		}
	}
}

// concludeChurn ends the measured time, and then lets those under way come to
// their end, and sessions be forgotten, which counts no more.
func (r *run) concludeChurn(f *phase, kept bool) error {
	r.connectSeconds = seconds(r.clock.now() - f.start.Load())
	r.each(func(w *worker) {
		w.turnover.over = true
		w.dialling.todo = nil
	})
	l := &r.concludeLinks(f).links
	if l.opened == 0 && r.failed.Load() > 0 {
		return r.firstFailure()
	}
	r.result.Connections.Wanted = len(r.links)
	r.result.Phases = append(r.result.Phases, Phase{Name: "connect", Count: int64(l.opened), Seconds: r.connectSeconds})
	r.settleLinks(r.plan.Patience)
	if kept {
		r.remark("%d of %d connections found the session that their client had left", l.resumed, l.opened)
		r.forgetSessions()
	}
	return nil
}

// settleLinks waits until no connection is left.
func (r *run) settleLinks(patience time.Duration) {
	for begun := r.clock.now(); r.clock.now()-begun < int64(patience); {
		left := make([]bool, len(r.workers))
		r.each(func(w *worker) {
			left[w.number] = w.dialling.halfOpen > 0 || len(w.dialling.todo) > 0 || !w.turnover.leaving.empty()
		})
		if !slices.Contains(left, true) || !r.pause(context.Background(), pollTime, false) {
			return
		}
	}
}

// forgetSessions has each client come once more, to end its session.
func (r *run) forgetSessions() {
	r.each(func(w *worker) {
		w.turnover.forget = true
		for _, c := range ofWorker(w, r.links) {
			if c.stage == absent {
				c.kept, c.planned = false, 0
				w.toDial([]*link{c})
			}
		}
	})
	r.settleLinks(r.plan.Patience)
}

// A turnover makes the connections of a worker short.
type turnover struct {
	w       *worker
	leaving agenda // who has said goodbye, and waits for the broker to close
	start   int64  // of the plan, if there is a rate
	next    int64  // number of the next connection in it
	over    bool   // nobody is to come again
	forget  bool   // who goes ends its session
}

// again has a client come again: in its turn of the plan, or where there is none
// not before a time.
func (t *turnover) again(c *link, from int64) {
	if c.planned = t.w.run.arrival(t.start, t.next); c.planned == 0 {
		c.planned = from
	}
	t.next += int64(len(t.w.run.workers))
	t.w.dialAgain(c)
}

// stands is told of each connection that does.
func (t *turnover) stands(c *link) {
	if t.leaving.empty() {
		t.w.loop.Wake()
	}
	t.leaving.push(waiter{c: c, at: t.w.loop.Now() + int64(leaveTime), round: c.round})
	c.leave(t.forget)
}

// ended is told of each connection that has.
func (t *turnover) ended(c *link, err error) {
	switch {
	case t.over:
	case err != nil:
		t.again(c, t.w.loop.Now()+int64(restAfter))
	default:
		t.again(c, 0)
	}
}

// overdue ends the connections that the broker does not close.
func (t *turnover) overdue(now int64) int64 {
	for {
		x, ok, next := t.leaving.due(now)
		if !ok {
			return next
		}
		x.c.abort()
	}
}
