package bench

import (
	"context"
	"runtime"
	"time"
)

// ramp makes connections, each when it is planned, holds them, and ends them. What
// one costs is the memory that has come with them, here and at the broker.
func (r *run) ramp(ctx context.Context) error {
	f, on, err := r.connectFirst(ctx)
	if err != nil {
		return err
	}
	var held time.Duration
	if on {
		if held, err = r.hold(ctx, "hold", r.plan.Hold); err != nil {
			return err
		}
	}
	stand := r.ready.Load()
	r.result.Phases = append(r.result.Phases, Phase{Name: "hold", Count: stand, Seconds: held.Seconds()})
	r.concludeLinks(f)
	if stand >= fewConnections && !r.plan.Target.InProcess { // else it would be of both ends
		r.result.Generator.PerConnection = max(0, heldSize()-r.bare) / stand
	}
	return nil
}

// connectFirst makes all connections for the first time, which is a phase by
// itself. It is an error if none stands; false: ctx has ended.
func (r *run) connectFirst(ctx context.Context) (*phase, bool, error) {
	f, err := r.commenceLinks()
	if err != nil {
		return nil, false, err
	}
	start := f.start.Load()
	for i, c := range r.links {
		c.planned = r.arrival(start, int64(i))
	}
	on, err := r.connectAll(ctx, "connect", func(*link) bool { return true })
	if err != nil {
		return nil, false, err
	}
	if _, opened := r.lastOpened(); opened == 0 {
		if !on {
			return nil, false, context.Cause(ctx)
		}
		return nil, false, r.firstFailure()
	}
	r.result.Phases = append(r.result.Phases, r.connectPhase(start))
	return f, on, nil
}

// connectPhase says how fast the connections were made, up to the last one.
func (r *run) connectPhase(start int64) Phase {
	last, opened := r.lastOpened()
	r.connectSeconds = seconds(last - start)
	return Phase{Name: "connect", Count: int64(opened), Seconds: r.connectSeconds}
}

// bareSize is heldSize without connections, and with the histograms that come with
// the first of them.
func (r *run) bareSize() int64 {
	touched := func() (h Histogram) {
		h.Record(0, 1)
		return h
	}
	sum := touched()
	r.result.Connect = &sum
	r.each(func(w *worker) { w.links.connect = touched() })
	return heldSize()
}

// heldSize is how many bytes of heap and stacks are in use. The resident set would
// say the same of very many connections only: it grows by large pages, and with
// garbage.
func heldSize() int64 {
	var m runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc + m.StackInuse)
}
