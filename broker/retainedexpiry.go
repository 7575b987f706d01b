package broker

import "time"

// retainedExpiry sweeps retained messages whose time has passed: one deadline
// for the set, at the earliest end that is known. Guarded by the set's mutex.
type retainedExpiry struct {
	due      deadline
	at       time.Time // the earliest end that no sweep has seen, zero: none
	sweeping bool
}

// expect remembers an end, zero for none, and tells whether it is now the
// earliest.
func (e *retainedExpiry) expect(at time.Time) bool {
	if at.IsZero() || !e.at.IsZero() && !at.Before(e.at) {
		return false
	}
	e.at = at
	return true
}

// retainedSweep is the Broker as what sweeps its retained messages.
type retainedSweep Broker

func (b *retainedSweep) deadline() *deadline { return &b.retained.expires.due }

func (b *retainedSweep) fire(now time.Time) {
	b.goroutines.Go(func() { b.retained.sweep((*Broker)(b), now) })
}

// arm makes sure that a sweep comes when the earliest end has passed, and not
// before notBefore.
func (e *retainedExpiry) arm(b *Broker, r *retainedSet, notBefore time.Time) {
	if e.at.IsZero() || e.sweeping {
		return
	}
	b.deadlines.arm((*retainedSweep)(b), maxTime(e.at, notBefore))
}

// watch makes sure that a sweep comes once at has passed.
func (r *retainedSet) watch(b *Broker, at time.Time) {
	r.Lock()
	defer r.Unlock()
	if r.expires.expect(at) {
		r.expires.arm(b, r, time.Time{})
	}
}

// sweep removes what has expired, in slices, and arranges for the next time. At
// most one sweep a second, however many ends there are.
func (r *retainedSet) sweep(b *Broker, now time.Time) {
	r.Lock()
	e := &r.expires
	if e.sweeping {
		r.Unlock()
		return
	}
	e.sweeping, e.at = true, time.Time{}
	walk := r.names.Walk()
	r.Unlock()
	for more := true; more && b.context.Err() == nil; {
		b.background(func(batch *Batch) {
			r.Lock()
			defer r.Unlock()
			more = false // should this panic
			more = walk.Next(cursorStep, func(topic, value []byte) bool {
				entry := parseRetained(value)
				if end := r.expiresAt(&entry); end.IsZero() || end.After(now) {
					e.expect(end)
					return true
				}
				gone := Event{Kind: EventRetain, Topic: string(topic), Replaces: entry.version}
				gone.Sequence = r.drop(gone.Topic, &entry)
				batch.events = append(batch.events, gone)
				return true
			})
		})
	}
	r.Lock()
	defer r.Unlock()
	e.sweeping = false
	e.arm(b, r, now.Add(time.Second))
}

func maxTime(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}
