package broker

import (
	"slices"
	"sync"
	"time"

	"mqtk/mqttwire"
)

// traffic is what is under way between a session and its client, in both
// directions. Most sessions of a large broker are idle, and have none: whatever
// may be said of an empty traffic is said without it, and what begins something
// calls needTraffic. Guarded by the session's mutex.
type traffic struct {
	window      inflight
	queue       queue
	held        heldIDs // inbound QoS 2
	cursors     []*retainCursor
	later       bool      // a goroutine will pump
	shared      bool      // the Store may have deliveries that came through a share
	fetching    bool      // a goroutine reads deliveries back from the Store
	left        *bequest  // of the ended session, until nothing is unwritten
	unwritten   []uint64  // deliveries that the Store alone is to have, and has not yet
	swept       time.Time // when the queue was last searched for expired messages
	sweptStored time.Time // and what of it the Store alone has
	complained  time.Time // when the log last said that the queue is full
	lost        int       // deliveries dropped since then
}

// needTraffic makes the session's traffic, if there is none. mu is held.
func (s *Session) needTraffic() {
	if s.traffic != nil {
		return
	}
	s.traffic = &traffic{window: inflight{lastID: s.lastID}}
	s.b.busy.watch(s)
}

// rest gives the traffic back if there is nothing in it. mu is held.
func (s *Session) rest() {
	if t := s.traffic; t != nil && t.over() {
		s.lastID, s.traffic = t.window.lastID, nil
	}
}

func (t *traffic) over() bool {
	return t.window.open == 0 && t.queue.empty() && t.held.len() == 0 && len(t.cursors) == 0 && !t.later && !t.fetching &&
		t.left == nil && len(t.unwritten) == 0
}

// ready says whether a delivery of QoS 1 or 2 would go out at once, as far as the
// session knows. mu is held.
func (s *Session) ready(c *Conn) bool {
	return s.traffic == nil || s.queue.empty() && s.window.unsent == 0 && s.window.used < int(c.receiveMaximum)
}

// owes says whether anything waits to be sent. mu is held.
func (s *Session) owes() bool {
	return s.traffic != nil && (s.window.unsent > 0 || !s.queue.empty() || len(s.cursors) > 0)
}

// dropCursors ends the cursors of a subscription that is gone, and of those that
// it replaced.
func (t *traffic) dropCursors(s *subscription) {
	if t != nil {
		t.cursors = slices.DeleteFunc(t.cursors, func(c *retainCursor) bool { return c.subscription.filter == s.filter })
	}
}

// holds says whether an inbound QoS 2 id is held, and since which connection.
func (t *traffic) holds(id mqttwire.PacketID) (epoch uint32, held bool) {
	if t == nil {
		return 0, false
	}
	return t.held.get(id)
}

// heldIDs are the packet ids of inbound QoS 2 messages that await their PUBREL,
// each with the epoch that it came in. They are few, and come and go with each
// message: a list beats a map, until somebody has many.
type heldIDs struct {
	few  []heldID
	many map[mqttwire.PacketID]uint32 // in place of few
}

type heldID struct {
	id    mqttwire.PacketID
	epoch uint32
}

const fewHeld = 16

func (h *heldIDs) len() int { return len(h.few) + len(h.many) }

func (h *heldIDs) get(id mqttwire.PacketID) (epoch uint32, held bool) {
	if i := h.place(id); i >= 0 {
		return h.few[i].epoch, true
	}
	epoch, held = h.many[id]
	return epoch, held
}

func (h *heldIDs) place(id mqttwire.PacketID) int {
	for i := range h.few {
		if h.few[i].id == id {
			return i
		}
	}
	return -1
}

// set holds an id, or gives one that is held another epoch.
func (h *heldIDs) set(id mqttwire.PacketID, epoch uint32) {
	switch i := h.place(id); {
	case i >= 0:
		h.few[i].epoch = epoch
	case h.many != nil:
		h.many[id] = epoch
	case len(h.few) < fewHeld:
		h.few = append(h.few, heldID{id, epoch})
	default:
		h.many = make(map[mqttwire.PacketID]uint32, 2*fewHeld)
		for _, e := range h.few {
			h.many[e.id] = e.epoch
		}
		h.many[id] = epoch
		h.few = nil
	}
}

func (h *heldIDs) drop(id mqttwire.PacketID) {
	if i := h.place(id); i >= 0 {
		h.few = slices.Delete(h.few, i, i+1)
	}
	delete(h.many, id)
}

// busySessions are those that have traffic and a client. They are looked at now
// and then, and lose what they no longer need: not at once, since the traffic of
// a session that is busy ends and begins a thousand times a second.
type busySessions struct {
	mu       sync.Mutex
	sessions []*Session
	next     deadline
	pause    time.Duration // until the next look
	b        *Broker
}

const (
	lull     = 5 * time.Second // the shortest pause between two looks
	longLull = time.Hour       // and the longest, while looking is in vain
)

// watch has the session looked at, unless it is already, or has no client to
// begin anything: one that is away rests when its connection ends. Its mu is held.
func (w *busySessions) watch(s *Session) {
	if s.watched || s.owner.Load() == nil {
		return
	}
	s.watched = true
	w.mu.Lock()
	defer w.mu.Unlock()
	w.sessions = append(w.sessions, s)
	if w.pause != lull {
		w.pause = lull
		w.b.deadlines.arm(w, time.Now().Add(lull))
	}
}

func (w *busySessions) deadline() *deadline { return &w.next }

// fire looks at all of them.
func (w *busySessions) fire(time.Time) {
	w.mu.Lock()
	all := w.sessions
	w.sessions = nil
	w.mu.Unlock()
	began := time.Now()
	kept := slices.DeleteFunc(all, func(s *Session) bool { return !s.stays() })
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.pause = min(2*w.pause, longLull); len(kept) < len(all) {
		w.pause = lull
	}
	if w.sessions = append(kept, w.sessions...); len(w.sessions) == 0 {
		w.sessions, w.pause = nil, 0
		return
	}
	now := time.Now()
	w.b.deadlines.arm(w, now.Add(w.pause+500*now.Sub(began))) // at most a five-hundredth of a core
}

// stays lets the session rest if it can, and says whether it is to be looked at
// again.
func (s *Session) stays() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.rest()
	s.watched = s.traffic != nil && s.owner.Load() != nil && !s.ended
	return s.watched
}
