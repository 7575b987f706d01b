package broker

import (
	"runtime"
	"sync"
	"time"
)

// One pump of a session does no more than pumpWork, so that neither its mutex nor
// the thread is held for as long as the client has something to come. What is
// left goes on from turns: one goroutine for all sessions, which takes them one
// after the other and lets everybody else come first. One each would leave the
// event loops without a processor.
type turns struct {
	sync.Mutex
	sessions []*Session // in the order of their turns
	running  bool
}

// Work is counted and not timed, since a clock that is looked at stands still in
// tests: one is a topic that is looked at, about 100 ns.
const (
	pumpWork     = 2048
	workDelivery = 4
)

// pumpLater gives the session a turn. mu is held.
func (s *Session) pumpLater() {
	if s.later {
		return
	}
	s.later = true
	t := &s.b.turns
	t.Lock()
	defer t.Unlock()
	t.sessions = append(t.sessions, s)
	if !t.running {
		t.running = true
		s.b.goroutines.Go(s.b.takeTurns)
	}
}

// takeTurns ends when nobody waits for one.
func (b *Broker) takeTurns() {
	for s := b.turns.next(); s != nil; s = b.turns.next() {
		b.background(s.pumpAgain)
		runtime.Gosched()
	}
}

func (t *turns) next() *Session {
	t.Lock()
	defer t.Unlock()
	if len(t.sessions) == 0 {
		t.sessions, t.running = nil, false
		return nil
	}
	s := t.sessions[0]
	t.sessions[0] = nil
	t.sessions = t.sessions[1:]
	return s
}

func (s *Session) pumpAgain(batch *Batch) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.later = false
	if c := s.live(); c != nil { // not always the one it began for
		s.pump(batch, c)
	}
}

// retries are the sessions that are given a turn within a second, for what the
// Store had no room for.
type retries struct {
	b        *Broker
	mu       sync.Mutex
	sessions map[*Session]struct{}
	due      deadline
}

func (r *retries) deadline() *deadline { return &r.due }

func (r *retries) fire(time.Time) {
	r.mu.Lock()
	all := r.sessions
	r.sessions = nil
	r.mu.Unlock()
	for s := range all {
		s.mu.Lock()
		if s.live() != nil && s.owes() {
			s.pumpLater()
		}
		s.mu.Unlock()
	}
}

// pumpInASecond has the session pumped once more, a second at the latest after the
// first who asked. mu is held.
func (s *Session) pumpInASecond() {
	r := &s.b.retries
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.sessions == nil {
		r.sessions = make(map[*Session]struct{})
		r.b.deadlines.arm(r, time.Now().Add(time.Second))
	}
	r.sessions[s] = struct{}{}
}
