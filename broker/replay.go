package broker

import (
	"time"
)

// replay makes the state of a broker out of what its Store kept. Nobody else
// knows the broker yet, so nothing is locked.
type replay struct {
	b        *Broker
	now      time.Time
	session  *Session // the one whose Events are coming, nil for a holder without one
	number   uint64   // its incarnation
	left     *bequest // what the holder has
	away     map[*Session]absence
	lefts    []*bequest
	former   []*Session // of client ids that have a newer one
	orphaned []*Session // clean connections' wills, as sessions that ended
	events   []Event    // corrections
	queued   int
}

// absence is what the log says of a session beyond its state.
type absence struct {
	connected bool
	ends      time.Time // zero: never
	willDue   time.Time // zero: at the session's end
}

// takeUp replays the Store, and lets happen what was due while nobody was there:
// before the listeners open, ended sessions are gone and their wills are out.
func (b *Broker) takeUp() error {
	r := &replay{b: b, now: time.Now(), away: make(map[*Session]absence)}
	if err := b.store.Replay(r.take); err != nil {
		return err
	}
	b.retained.restored(b)
	r.resolve()
	if sessions, subscriptions, retained := len(r.away), b.subscriptions.plain+b.subscriptions.shared, b.retained.names.Len(); sessions+retained > 0 {
		b.log.Info("taken up where the last run ended", "sessions", sessions, "subscriptions", subscriptions,
			"queued", r.queued, "retained", retained)
	}
	r.settle()
	return nil
}

// take adds one Event to the state.
func (r *replay) take(e *Event) error {
	b := r.b
	if e.Kind == EventRetain {
		b.retained.restore(e)
		return nil
	}
	b.incarnations.Store(max(b.incarnations.Load(), e.Incarnation))
	if e.Incarnation != r.number {
		r.number, r.session, r.left = e.Incarnation, nil, nil
	}
	switch s := r.session; e.Kind {
	case EventSession:
		r.enter(e)
	case EventSubscribe:
		if s != nil {
			s.resubscribe(e)
		}
	case EventHeld:
		if s != nil {
			s.needTraffic()
			s.held.set(e.PacketID, 0)
		}
	case EventWill:
		r.will(e)
	case EventInflight, EventReleased:
		r.inflight(e)
	case EventQueued:
		r.stretch(e)
	}
	return nil
}

// enter begins a session. One of a client id that has a newer one was on its way
// out: what it leaves for its shares is still there.
func (r *replay) enter(e *Event) {
	s := r.b.newSession(&Identity{Username: e.Username, ClientID: e.ClientID, Remote: e.Remote, Rights: r.b.slot()}, e.Incarnation)
	s.expiry.Store(e.SessionExpiry)
	s.kept, s.changes, s.sequence = true, e.Sequence, e.Last
	r.session = s
	r.away[s] = absence{connected: e.Connected, ends: e.Ends}
	sessions := &r.b.registry.sessions
	other := sessions.Get(e.ClientID)
	switch {
	case other == nil:
		sessions.Put(s)
	case other.incarnation < s.incarnation:
		sessions.Put(s)
		r.former = append(r.former, other)
	default:
		r.former = append(r.former, s)
	}
}

// resubscribe makes a subscription that the Store kept.
func (s *Session) resubscribe(e *Event) {
	sub := s.subscription(e.Subscription, e.Identifier)
	old := s.subscriptions.get(sub.filter)
	s.b.subscriptions.add(sub, old)
	s.subscriptions.put(sub)
	s.b.tellInterest(change{sub, old})
}

// will restores a will. That of a connection without a session is of nobody
// from now on.
func (r *replay) will(e *Event) {
	if e.Message == nil {
		return
	}
	s := r.session
	if s == nil {
		s = r.b.newSession(&Identity{ClientID: e.ClientID}, e.Incarnation)
		s.changes = e.Sequence
		r.orphaned = append(r.orphaned, s)
	}
	s.will = &will{message: e.Message, delay: e.WillDelay}
	if away, ok := r.away[s]; ok {
		away.willDue = e.Ends
		r.away[s] = away
	}
}

// inflight restores a place in the window. It ends an older one that has the
// same packet id: the answer to that came, and its record did not survive.
func (r *replay) inflight(e *Event) {
	s := r.session
	if s == nil {
		if e.Kind == EventInflight {
			r.holder(e).sent[e.Sequence] = true
		}
		return
	}
	s.needTraffic()
	s.sequence = max(s.sequence, e.Sequence)
	if f := s.window.find(e.PacketID); f != nil {
		r.events = append(r.events, s.event(EventDequeue, f.sequence))
		s.window.finish(f)
	}
	s.shared = true
	s.window.restore(e.Sequence, e.PacketID, e.Kind == EventReleased)
}

func (r *replay) stretch(e *Event) {
	count := int(e.Last - e.Sequence + 1)
	if r.session == nil {
		r.holder(e).queue.extend(span{e.Sequence, e.Last}, e.Bytes)
		return
	}
	s := r.session
	s.needTraffic()
	s.sequence = max(s.sequence, e.Last)
	s.shared = true
	s.queue.stored.extend(span{e.Sequence, e.Last}, e.Bytes)
	r.queued += count
	r.b.metrics.queued(count, int(e.Bytes)-storedOverhead*count)
}

// holder is a member of a share that had no session of its own.
func (r *replay) holder(e *Event) *bequest {
	if r.left == nil {
		r.left = &bequest{incarnation: e.Incarnation, clientID: e.ClientID, sent: make(map[uint64]bool)}
		r.lefts = append(r.lefts, r.left)
	}
	return r.left
}

// resolve writes what the restart itself has changed: who was connected is away
// from now on.
func (r *replay) resolve() {
	for s, away := range r.away {
		if !away.connected {
			continue
		}
		away.ends = time.Time{}
		if expiry := s.expiry.Load(); expiry != noExpiry {
			away.ends = r.now.Add(time.Duration(expiry) * time.Second)
		}
		s.recordAway(&r.events, r.now)
		if w := s.will; w != nil && w.delay < s.expiry.Load() {
			away.willDue = r.now.Add(time.Duration(w.delay) * time.Second)
			r.events = append(r.events, s.willEvent(away.willDue))
		}
		r.away[s] = away
	}
	r.b.background(func(batch *Batch) {
		for i := 0; i < len(r.events); i += correctionsAtOnce {
			batch.events = append(batch.events, r.events[i:min(i+correctionsAtOnce, len(r.events))]...)
			batch.appendOrLog()
		}
	})
}

// correctionsAtOnce is how many corrections of separate sessions share a frame.
const correctionsAtOnce = 256

// settle lets happen what is due, and arranges for the rest.
func (r *replay) settle() {
	b := r.b
	var due []*Session
	for _, s := range append(r.former, r.orphaned...) {
		r.end(s)
	}
	for s, away := range r.away {
		switch {
		case b.registry.sessions.Get(s.ClientID()) != s: // ended already
		case !away.ends.IsZero() && !away.ends.After(r.now):
			b.registry.sessions.Delete(s.ClientID())
			b.metrics.expired.Add(1)
			b.log.Info("session expired", "client", s.ClientID())
			r.end(s)
		default:
			if !away.ends.IsZero() {
				b.deadlines.arm((*sessionEnd)(s), away.ends)
			}
			switch {
			case s.will == nil || away.willDue.IsZero():
			case away.willDue.After(r.now):
				b.deadlines.arm((*willDelay)(s), away.willDue)
			default:
				due = append(due, s)
			}
		}
	}
	for _, s := range due {
		s.willIsDue()
	}
	for _, q := range r.lefts {
		b.execute(q)
	}
}

// end takes apart a session that has no client any more and sends its will.
func (r *replay) end(s *Session) {
	r.b.background(func(batch *Batch) {
		fire := s.takeWill(&batch.events)
		r.b.bury(batch, s)
		if fire != nil {
			r.b.publishWill(batch, fire)
		}
	})
}
