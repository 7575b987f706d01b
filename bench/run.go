package bench

import (
	"context"
	crand "crypto/rand"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"sync"
	"sync/atomic"
	"time"
)

// A run is a Plan being carried out: workers at work, and one coordinator, which
// is the goroutine of Run and does nothing but steer and count.
type run struct {
	plan  Plan
	clock clock
	word  string // of this run, in topics and client ids
	tag   uint16 // of its messages
	fill  []byte // of its payloads
	sizes sizer

	workers []*worker
	stop    context.CancelFunc
	working sync.WaitGroup
	broken  chan struct{} // closed when a loop has ended by itself
	news    chan struct{} // holds one when something has happened that the coordinator may wait for

	links       []*link // all, by number
	publishers  []*publisher
	fans        []*fan
	subscribers int

	// counts of links, over all workers
	open, maxOpen, ready, failed atomic.Int64
	firstSeen                    atomic.Int64 // when the first message of others came; 0: none has

	begun int64 // when traffic began to connect

	book           book
	broker         *brokerWatch // nil: nobody asked for it
	sending        bool         // the phase sends still
	connectSeconds float64
	bare           int64        // bytes that this process held before there were links
	ended          func() error // not nil: the run is to end before its time
	concluded      bool         // the result is filled in
	result         Result
}

// Run carries out a Plan. An error says that the test did not take place; the
// Result has what is known of it all the same, and is nil only if Check refuses the
// plan. Everything else is in the Result, also that ctx has ended before the test
// was over, whatever it was at: that is no error.
func Run(ctx context.Context, p Plan) (*Result, error) {
	if err := p.Check(); err != nil {
		return nil, err
	}
	r := newRun(p)
	r.ended = ctx.Err
	if err := preflight(&p, r.connections()); err != nil {
		return &r.result, err
	}
	r.result.Notes = preflightNotes(&p, r.connections())
	if err := r.watchBroker(); err != nil {
		return &r.result, err
	}
	defer r.broker.close()
	if err := r.start(); err != nil {
		return &r.result, err
	}
	err := r.course()(ctx)
	if !r.concluded {
		r.concludeEarly()
	}
	r.finish()
	if r.result.Interrupted && errors.Is(err, context.Cause(ctx)) {
		err = nil
	}
	return &r.result, err
}

// course is what the shape does.
func (r *run) course() func(context.Context) error {
	switch r.plan.Shape {
	case Pairs, FanIn, FanOut, Shared, PubOnly, SubOnly:
		return r.traffic
	case Retain:
		return r.retained
	case Offline:
		return r.offline
	case Ramp, Churn, Storm:
		return r.connectionsOnly
	}
	return nil
}

// connections is how many the run has at one time.
func (r *run) connections() int { return r.plan.Publishers + r.plan.Subscribers }

func newRun(p Plan) *run {
	var random [5]byte
	_, _ = crand.Read(random[:]) // never fails
	r := &run{
		plan: p, clock: newClock(), word: hex.EncodeToString(random[:3]),
		tag: binary.BigEndian.Uint16(random[3:]) &^ warmupTag, fill: fill(p.SizeMax), sizes: newSizer(&p),
		broken: make(chan struct{}), news: make(chan struct{}, 1),
	}
	r.result = Result{Plan: p, Started: r.clock.begun, Connections: Connections{Wanted: r.connections()}}
	return r
}

// start sends the workers to work.
func (r *run) start() error {
	for i := range r.plan.Workers {
		w, err := newWorker(r, i)
		if err != nil {
			return err
		}
		r.workers = append(r.workers, w)
	}
	ctx, stop := context.WithCancel(context.Background())
	r.stop = stop
	var once sync.Once
	for _, w := range r.workers {
		r.working.Go(func() {
			w.work(ctx)
			if ctx.Err() == nil {
				once.Do(func() { close(r.broken) })
			}
		})
	}
	return nil
}

// finish ends all connections in an orderly way, and the workers with them.
func (r *run) finish() {
	r.each(func(w *worker) {
		w.dialling.todo = nil
		for _, c := range ofWorker(w, r.links) {
			c.end()
		}
	})
	r.stop()
	r.working.Wait()
}

// loopError is why a loop has ended by itself.
func (r *run) loopError() error {
	for _, w := range r.workers {
		select {
		case <-w.ended:
			if w.err != nil {
				return w.err
			}
		default:
		}
	}
	return errLoopEnded
}

// poke has the coordinator look.
func (r *run) poke() {
	select {
	case r.news <- struct{}{}:
	default:
	}
}

// opened counts n more connections that stand.
func (r *run) opened(n int64) {
	open := r.open.Add(n)
	for {
		most := r.maxOpen.Load()
		if open <= most || r.maxOpen.CompareAndSwap(most, open) {
			return
		}
	}
}

// link makes a place for a client on a worker.
func (r *run) link(w *worker, letter byte, role role) *link {
	c := &link{w: w, role: role, letter: letter, number: int32(len(r.links))}
	r.links = append(r.links, c)
	return c
}

// pause waits for d, or for news if there may be some; false: ctx has ended.
func (r *run) pause(ctx context.Context, d time.Duration, news bool) bool {
	var heard chan struct{}
	if news {
		heard = r.news
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-heard:
	case <-timer.C:
	}
	return true
}

// connect connects links, which are on their workers, and waits until all are
// ready. The first that does not get so far ends it.
func (r *run) connect(ctx context.Context, links []*link) error {
	start := r.clock.now()
	for i, c := range links {
		c.planned = r.arrival(start, int64(i))
	}
	defer func() { r.connectSeconds = seconds(r.clock.now() - start) }()
	goal := r.ready.Load() + int64(len(links))
	failed := r.failed.Load()
	if !r.each(func(w *worker) { w.toDial(ofWorker(w, links)) }) {
		return r.loopError()
	}
	for r.ready.Load() < goal {
		if r.failed.Load() > failed {
			return r.firstFailure()
		}
		if !r.pause(ctx, 250*time.Millisecond, true) {
			return context.Cause(ctx)
		}
		r.tellConnecting(start)
	}
	return nil
}

// arrival is when the connection i since start is planned; 0: as soon as others
// are through.
func (r *run) arrival(start, i int64) int64 {
	if r.plan.ConnectRate == 0 {
		return 0
	}
	return start + int64(float64(i)/r.plan.ConnectRate*1e9)
}

// ofWorker picks the links of a worker.
func ofWorker(w *worker, links []*link) (own []*link) {
	for _, c := range links {
		if c.w == w {
			own = append(own, c)
		}
	}
	return own
}

// firstFailure is why a connection failed.
func (r *run) firstFailure() (err error) {
	found := make([]error, len(r.workers))
	r.each(func(w *worker) {
		found[w.number] = w.links.first
		orElse(&found[w.number], w.links.firstLost)
	})
	for _, e := range found {
		if e == nil {
			continue
		}
		if short := shortage(e, &r.plan, r.connections()); short != nil {
			return short
		}
		return e
	}
	return errLoopEnded
}
