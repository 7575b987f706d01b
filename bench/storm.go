package bench

import (
	"context"
	"time"
)

const (
	stormHold  = time.Second    // for which connections are held, if nothing else is said
	stormTime  = 2 * answerTime // in which all must be back
	stormPause = time.Second    // until those that did not come back try again
)

// storm holds connections, drops them all at once, and makes them again with the
// same client ids as fast as they are answered, from the moment when they were
// dropped on. That is repeated until the time is over.
func (r *run) storm(ctx context.Context) error {
	f, on, err := r.connectFirst(ctx)
	if err != nil {
		return err
	}
	if !on {
		r.concludeLinks(f)
		return nil
	}
	if f, err = r.commenceLinks(); err != nil {
		return err
	}
	var rounds []time.Duration
	until := f.start.Load() + int64(r.plan.Duration)
	for on && (len(rounds) == 0 || r.clock.now() < until) {
		if _, err := r.hold(ctx, "hold", r.plan.Hold); err != nil {
			return err
		}
		if ctx.Err() != nil {
			break
		}
		took, back, err := r.dropAll(ctx)
		if err != nil {
			return err
		}
		rounds = append(rounds, took)
		on = back
	}
	r.concludeStorm(f, rounds)
	return nil
}

// dropAll is one round: it returns when the last was back; false: not all came
// back.
func (r *run) dropAll(ctx context.Context) (took time.Duration, back bool, err error) {
	dropped := r.clock.now()
	if !r.each(func(w *worker) {
		for _, c := range ofWorker(w, r.links) {
			c.abort()
			c.planned = dropped
		}
	}) {
		return 0, false, r.loopError()
	}
	away := func(c *link) bool { return c.stage == absent }
	for {
		on, err := r.connectAll(ctx, "reconnect", away)
		if err != nil {
			return 0, false, err
		}
		last, _ := r.lastOpened()
		took = time.Duration(max(0, last-dropped))
		if !on || r.ready.Load() == int64(len(r.links)) {
			return took, on, nil
		}
		if r.clock.now()-dropped >= int64(stormTime) {
			r.fail(LostConnection, "%d of %d connections were not back within %v", int64(len(r.links))-r.ready.Load(), len(r.links), stormTime)
			return time.Duration(r.clock.now() - dropped), false, nil
		}
		if !r.pause(ctx, stormPause, false) {
			return time.Duration(r.clock.now() - dropped), false, nil
		}
	}
}

func (r *run) concludeStorm(f *phase, rounds []time.Duration) {
	var all, best, worst time.Duration
	for i, took := range rounds {
		all, worst = all+took, max(worst, took)
		if i == 0 || took < best {
			best = took
		}
	}
	_, opened := r.lastOpened()
	r.connectSeconds = all.Seconds()
	r.result.Phases = append(r.result.Phases, Phase{Name: "reconnect", Count: int64(opened), Seconds: r.connectSeconds})
	r.concludeLinks(f)
	r.result.Connections.Wanted = len(r.links) * len(rounds)
	if len(rounds) == 0 {
		r.remark("it was ended before connections were dropped for the first time")
	} else {
		r.remark("all connections were dropped at once %s: the last of %d was back after %s at best, %s at worst", many(len(rounds), "time", "times"), len(r.links), FormatTime(best), FormatTime(worst))
	}
}
