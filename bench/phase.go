package bench

import (
	"context"
	"sync"
	"sync/atomic"
	"time"
)

// A phase is a time of traffic: the warm-up, the measured time. Its messages are
// numbered anew.
type phase struct {
	name        string
	tag         uint16
	pacer       pacer
	messages    int64        // to publish in all; 0: as many as there is time for
	outstanding int64        // that a publisher may have; 0: no bound
	untimed     bool         // messages wait for long: that is no latency
	stampPlan   bool         // messages say when they were planned: who receives knows no plan
	start       atomic.Int64 // of the clock
	duration    time.Duration
	until       int64 // when sending ends
	planned     int64 // when the plan of an open loop is over; 0: there is no plan, or no end
}

// backlogTime is how much longer than planned an open loop may send what is due.
const backlogTime = int64(time.Second)

func (r *run) newPhase(name string, d time.Duration, messages int64) *phase {
	p := &r.plan
	f := &phase{name: name, tag: r.tag, duration: d, messages: messages, until: never}
	if name == phaseWarmUp {
		f.tag |= warmupTag
		f.pacer = newPacer(p.Rate, 0, p.Publishers)
	} else {
		f.pacer = newPacer(p.Rate, p.Ramp, p.Publishers)
	}
	if f.pacer.open() && d > 0 {
		planned := f.pacer.before(int64(d))
		if messages == 0 || planned < messages {
			f.messages = max(planned, 1)
		}
	}
	if !f.pacer.open() {
		f.outstanding = max(0, int64(p.Outstanding))
	}
	f.stampPlan = f.pacer.open() && p.Shape == PubOnly
	return f
}

const (
	phaseWarmUp  = "warm-up"
	phaseMeasure = "measure"
)

// begin has all workers begin the phase at one moment.
func (r *run) begin(f *phase) bool {
	for _, x := range r.fans {
		if x != nil {
			x.progress.Store(0)
			x.sent.Store(0)
		}
	}
	if !r.each(func(w *worker) { w.prepare(f) }) {
		return false
	}
	start := r.clock.now()
	f.start.Store(start)
	if f.duration > 0 {
		f.until = start + int64(f.duration)
		if f.pacer.open() {
			f.planned = f.until
			f.until += backlogTime
		}
	}
	if f.pacer.open() && f.messages > 0 {
		if end := start + f.pacer.planned(f.messages); f.planned == 0 || end < f.planned {
			f.planned = end
		}
	}
	return r.each(func(w *worker) { w.commence(f) })
}

// prepare forgets the last phase.
func (w *worker) prepare(f *phase) {
	w.tally.settleRuns()
	t := &w.tally
	for _, h := range []*runs{&t.latency, &t.service, &t.acknowledge, &t.lag} {
		h.Reset()
	}
	w.tally = tally{latency: t.latency, service: t.service, acknowledge: t.acknowledge, lag: t.lag}
	w.examples = examples{}
	w.refusals = nil
	for _, g := range w.groups {
		clear(g.flows)
	}
	for _, s := range w.subscribers {
		s.begin(f)
	}
	for _, p := range w.publishers {
		p.begin(f)
	}
	w.phase = f
	w.turn = turn{}
}

// commence begins to send.
func (w *worker) commence(f *phase) {
	w.turn.on = true
	w.beginUsage()
	if f.pacer.open() {
		w.loop.Wake()
		return
	}
	for _, p := range w.publishers {
		p.mark()
	}
	w.pump()
}

// A turn is which message of the plan is the next of this worker: the round of
// the publishers, and which of its own.
type turn struct {
	on    bool
	round int64
	index int
	wake  int64 // when it is to be the worker's turn again
}

// restTime is how long a worker sleeps at least between two sendings of an open
// loop: at a high rate what is planned within it leaves together.
const restTime = int64(50 * time.Microsecond)

// pace notes what is due, and says when the next message is.
func (w *worker) pace(now int64) (next int64) {
	f := w.phase
	t := &w.turn
	if f == nil || !t.on || !f.pacer.open() || len(w.publishers) == 0 {
		return never
	}
	if now < t.wake { // somebody else had the worker called
		return t.wake
	}
	start := f.start.Load()
	for {
		p := w.publishers[t.index]
		k := t.round*f.pacer.step + int64(p.number)
		if f.messages > 0 && k >= f.messages {
			return never
		}
		if at := start + f.pacer.planned(k); at > now {
			t.wake = max(at, t.wake+restTime)
			return t.wake
		}
		p.due++
		p.mark()
		if t.index++; t.index == len(w.publishers) {
			t.index = 0
			t.round++
		}
	}
}

// pump has those publishers send for whom something has changed.
func (w *worker) pump() {
	todo := w.dirty
	w.dirty = w.spare[:0]
	for _, p := range todo {
		p.marked = false
		if p.pump() {
			p.mark()
		}
	}
	if len(w.dirty) > 0 { // they have more, and others have their turn first
		w.loop.Wake()
	}
	clear(todo)
	w.spare = todo
}

// retry has those publishers look again that wait for deliveries.
func (w *worker) retry() {
	for _, p := range w.starved {
		p.isStarved = false
		p.mark()
	}
	clear(w.starved)
	w.starved = w.starved[:0]
}

// aMoment after the last publisher has gone it is known who went with it: a broker
// that ends closes all connections, and we hear of them one by one.
const aMoment = 2 * time.Millisecond

// send lets a phase send until it is through, or ctx ends, or nobody is left to
// send. Where only a number of messages ends it, it also ends when some are due and
// the broker has not let one go for as long as the plan has patience.
func (r *run) send(ctx context.Context, f *phase) error {
	r.sending = true
	var left rest
	defer func() {
		r.sending = false
		r.book.wanted = f.wantedUntil(r.clock.now(), &left)
	}()
	for {
		left = r.left(f, left.stirred)
		now := r.clock.now()
		switch {
		case left.publishers == 0:
			time.Sleep(aMoment)
			return nil
		case f.messages > 0 && left.messages == 0, now >= f.until:
			return nil
		case f.until == never && left.due > 0 && now-left.stirred >= int64(r.plan.Patience):
			return nil
		}
		wait := time.Duration(min(int64(250*time.Millisecond), f.until-now, max(0, r.book.nextPoint(f)-now)))
		switch {
		case f.planned > now:
			wait = min(wait, time.Duration(f.planned-now))
		case f.messages > 0:
			wait = min(wait, pollTime)
		}
		if !r.pause(ctx, wait, true) {
			return nil
		}
		if err := r.glance(f); err != nil {
			return err
		}
	}
}

// wantedUntil is until when there was something to send, at the end of sending. The
// plan of an open loop has its time, also where the last message leaves before it
// is over.
func (f *phase) wantedUntil(now int64, left *rest) int64 {
	through := f.messages > 0 && left.publishers > 0 && left.messages == 0
	switch {
	case f.planned > 0 && through:
		return f.planned
	case f.planned > 0:
		return min(now, f.planned)
	case through:
		return 0 // the last sending says it
	}
	return min(now, f.until)
}

// A rest is what is left to be sent.
type rest struct {
	publishers, messages, due int64
	stirred                   int64
}

// left looks what is left, and has those go on that would wait for what is lost;
// stirred is when it saw something happen last.
func (r *run) left(f *phase, stirred int64) (all rest) {
	var mu sync.Mutex
	now := r.clock.now()
	r.each(func(w *worker) {
		own := w.left(f, now, stirred)
		mu.Lock()
		all.stirred = max(all.stirred, own.stirred)
		all.publishers += own.publishers
		all.messages += own.messages
		all.due += own.due
		mu.Unlock()
	})
	return all
}

func (w *worker) left(f *phase, now, stirred int64) (own rest) {
	own.stirred = w.stirred
	for _, p := range w.publishers {
		if p.c.stage == ready {
			p.forgive(f, now, max(stirred, w.stirred))
			own.publishers++
			own.messages += p.limit - p.sent
			own.due += min(p.due-p.sent, 1)
		}
	}
	w.pump()
	return own
}

// deserted tells that nobody is left to go on with.
func (r *run) deserted() bool {
	return r.ready.Load() == 0
}

// hush ends the sending of a phase.
func (r *run) hush(f *phase) {
	now := r.clock.now()
	r.each(func(w *worker) {
		w.turn.on = false
		for _, p := range w.publishers {
			if f.pacer.open() {
				p.abandon(f, now)
			}
			p.limit, p.due = p.sent, p.sent
		}
	})
}

// wait waits for what is under way, until nothing has come for patience; true: all
// has come.
func (r *run) wait(ctx context.Context, f *phase, patience time.Duration) (bool, error) {
	return r.waitUntil(ctx, f, patience, func(s *survey) bool { return s.through })
}

// waitUntil waits until done says so, true, or nothing has come for patience.
func (r *run) waitUntil(ctx context.Context, f *phase, patience time.Duration, done func(s *survey) bool) (bool, error) {
	for {
		s := r.survey()
		if s.broken {
			return false, r.loopError()
		}
		if done(&s) {
			return true, nil
		}
		if ctx.Err() != nil {
			patience = min(patience, time.Second)
		}
		left := time.Duration(max(s.stirred, f.start.Load()) + int64(patience) - r.clock.now())
		if left <= 0 || r.deserted() {
			return false, nil
		}
		r.pause(context.Background(), min(left, pollTime), false)
		if err := r.glance(f); err != nil {
			return false, err
		}
	}
}
