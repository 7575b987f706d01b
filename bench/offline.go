package bench

import (
	"context"

	"mqtk/mqttwire"
)

const (
	phaseQueue = "queue"
	phaseDrain = "drain"
)

// offline is the course of shape Offline: sessions subscribe and leave, messages
// wait for them, and they come back and take what has waited.
//
//	queue   PUBLISH, up to the last acknowledgement
//	drain   CONNECT, up to the last message
//
// In the end the sessions are ended, whatever has happened; that is not counted.
func (r *run) offline(ctx context.Context) error {
	if err := r.cast(); err != nil {
		return err
	}
	var publishers, sleepers []*link
	for _, c := range r.links {
		if _, ok := c.role.(*subscriber); ok {
			c.kept = true
			sleepers = append(sleepers, c)
		} else {
			publishers = append(publishers, c)
		}
	}
	defer r.endSessions(ctx)
	if err := r.connect(ctx, sleepers); err != nil {
		return err
	}
	r.depart(func(c *link) bool { return c.kept })
	r.each(func(w *worker) { w.takeLinks() }) // the sessions are there: that was not to be measured
	if err := r.connect(ctx, publishers); err != nil {
		return err
	}
	f := r.newPhase(phaseQueue, r.plan.Duration, r.plan.Messages)
	f.untimed = true
	queued, err := r.queue(ctx, f)
	if err != nil {
		return err
	}
	drained, err := r.drain(ctx, f)
	if err != nil {
		return err
	}
	r.conclude(f)
	r.concludeParts(queued, drained)
	if ctx.Err() == nil {
		r.judgeReturn(len(sleepers))
	}
	return nil
}

// queue publishes, and waits for the acknowledgements.
func (r *run) queue(ctx context.Context, f *phase) (Phase, error) {
	r.openBook()
	if !r.begin(f) {
		return Phase{}, r.loopError()
	}
	r.book.begin(r, f)
	if err := r.send(ctx, f); err != nil {
		return Phase{}, err
	}
	r.hush(f)
	_, err := r.waitUntil(ctx, f, r.plan.Patience, func(s *survey) bool { return s.open == 0 })
	r.collect()
	return Phase{Name: f.name, Count: r.book.total.Acknowledged, Seconds: seconds(r.lastStir() - f.start.Load())}, err
}

// lastStir is when something was sent, acknowledged or received last.
func (r *run) lastStir() int64 {
	s := r.survey()
	return s.stirred
}

// drain has the sessions come back, and waits for what waited for them.
func (r *run) drain(ctx context.Context, f *phase) (Phase, error) {
	if ctx.Err() != nil {
		return Phase{Name: phaseDrain}, nil
	}
	f.name = phaseDrain
	begun := r.clock.now()
	r.each(func(w *worker) {
		w.tally.last = begun
		for _, s := range w.subscribers {
			s.back, s.c.planned = true, 0
		}
	})
	connected := r.connectSeconds
	if _, err := r.connectAll(ctx, phaseDrain, func(c *link) bool { return c.kept }); err != nil {
		return Phase{}, err
	}
	if last, _ := r.lastOpened(); last > begun {
		r.connectSeconds = connected + seconds(last-begun)
	}
	r.each(func(w *worker) { w.stirred = r.clock.now() })
	_, err := r.wait(ctx, f, r.plan.Patience)
	r.noteUsage()
	r.collect()
	return Phase{Name: phaseDrain, Count: r.book.total.Delivered, Seconds: seconds(max(begun, r.book.total.last) - begun)}, err
}

// concludeParts has the result say what the two parts were. Its seconds are those
// of the second one, in which messages are delivered.
func (r *run) concludeParts(first, second Phase) {
	r.result.Phases = append(r.result.Phases, first, second)
	r.result.Seconds = second.Seconds
	r.remark("what is said of delivering is of phase %s alone, and what is said of sending of phase %s", second.Name, first.Name)
	r.remark("there is no latency: how long a stored message waits is not up to the broker")
}

// judgeReturn says which sessions the broker did not have any more, and which
// clients did not get back to theirs.
func (r *run) judgeReturn(wanted int) {
	g := r.gather()
	lost := g.sessionsLost
	if lost > 0 {
		r.fail(BrokenPromise, "the broker had no session any more for %s of %d that came back", many(lost, "client", "clients"), wanted)
	}
	if away := int64(wanted) - g.back; away > 0 {
		r.fail(LostConnection, "%s of %d did not get back to their sessions: %v", many(away, "client", "clients"), wanted, r.firstFailure())
	}
}

// sessionTime is how long the session of a client that left is to last, in
// seconds.
const sessionTime = 3600

// lastingSession are the properties of a CONNECT whose session outlives the connection.
func lastingSession(p mqttwire.Properties) mqttwire.Properties {
	if n, _ := p.Number(mqttwire.SessionExpiryInterval); n > 0 {
		return p
	}
	return p.AppendWithout(nil, mqttwire.SessionExpiryInterval).AddNumber(mqttwire.SessionExpiryInterval, sessionTime)
}

// depart has links say goodbye, and waits until the broker has closed; who waits
// for long closes the connection.
func (r *run) depart(who func(c *link) bool) {
	leave := func(f func(c *link)) (left int64) {
		there := make([]int64, len(r.workers))
		r.each(func(w *worker) {
			for _, c := range ofWorker(w, r.links) {
				if c.stage != absent && who(c) {
					there[w.number]++
					f(c)
				}
			}
		})
		for _, n := range there {
			left += n
		}
		return left
	}
	leave(func(c *link) {
		if c.stage == ready {
			c.leave(!c.kept)
		}
	})
	for begun := r.clock.now(); leave(func(*link) {}) > 0; r.pause(context.Background(), pollTime/10, true) {
		if r.clock.now()-begun > int64(leaveTime) {
			leave((*link).end)
		}
	}
}

// endSessions has the clients whose sessions last come once more, for a clean start
// that leaves nothing. Nothing of that is counted.
func (r *run) endSessions(ctx context.Context) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 2*r.plan.Patience)
	defer cancel()
	r.plan.Progress = nil
	r.depart(func(c *link) bool { return c.kept })
	r.each(func(w *worker) {
		w.dialling.todo = nil
		for _, s := range w.subscribers {
			s.c.kept, s.c.role, s.c.planned = false, nil, 0
		}
	})
	_, _ = r.connectAll(ctx, "end", func(c *link) bool { return c.met && c.role == nil })
	r.depart(func(c *link) bool { return c.role == nil })
}
