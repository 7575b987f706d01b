package referee

import (
	"fmt"
	"iter"
	"maps"
	"slices"
	"sync"
	"time"

	"mqtk/mqttwire"
)

// Sessions are the sessions of one broker as far as they were seen. They hold
// a lock while a conversation that shares them is fed.
type Sessions struct {
	mutex  sync.Mutex
	byID   map[string]*session
	serial int
	size   int // of what the sessions without a connection keep, roughly
	swept  int // the serial at which room was last made
	order  order
}

// What is remembered is bounded; further sessions are followed while they are
// connected.
const (
	mostSessions     = 1 << 16
	mostSessionBytes = 64 << 20
	flowBytes        = 200 // of one, roughly
)

// NewSessions begins with none.
func NewSessions() *Sessions { return &Sessions{byID: make(map[string]*session)} }

// A session is what outlives a connection.
type session struct {
	clientID string
	whole    bool // seen from its beginning, without a gap
	flows    [2]map[mqttwire.PacketID]*flow
	order    uint64
	holder   *Conversation // that it is connected by
	newest   int           // the latest connection that has found it
	touched  time.Time     // when one of its packets was seen last
	left     time.Time     // when its last connection began to end
	ended    time.Time     // when it had ended
	expiry   uint32        // seconds after that; forever: 0xFFFFFFFF
	surely   uint32        // seconds for which the server has agreed to keep it
	kept     int           // what it counts in Sessions.size, without a connection
	gone     bool          // it ended with its connection
	filters  filters
	latest   map[uint64]uint64 // the messages that came last, by publisher and topic
}

const forever = 0xFFFFFFFF

func newSession(id string, whole bool) *session {
	return &session{clientID: id, whole: whole, flows: [2]map[mqttwire.PacketID]*flow{{}, {}}}
}

// fate tells whether the session must be gone at a time, or surely lives.
func (s *session) fate(at time.Time, skew time.Duration) (gone, lives bool) {
	const margin = 5 * time.Second // clocks of servers tick at their own pace
	if at.Sub(s.touched) <= 2*skew {
		return false, false // more may be seen of its last connection
	}
	if c := s.holder; c != nil {
		if c.leaver == 0 {
			return false, false // a take-over: what its end leaves is not judged
		}
		return false, s.outlasts(at.Sub(c.leftAt), min(c.expiry, c.agreed))
	}
	since := at.Sub(s.ended)
	switch {
	case s.gone || s.expiry == 0:
		gone = since > time.Second
	case s.expiry != forever:
		gone = since > time.Duration(s.expiry)*time.Second+margin
	}
	return gone, s.outlasts(at.Sub(s.left), s.surely)
}

// outlasts tells whether it is surely there after so long.
func (s *session) outlasts(since time.Duration, expiry uint32) bool {
	return !s.gone && (expiry == forever || since < time.Duration(expiry)*time.Second-time.Second)
}

// renew is a new session for what a connection has sent already.
func (s *session) renew(serial int) *session {
	n := newSession(s.clientID, true)
	n.order = s.order
	for i := range s.flows {
		for id, f := range s.flows[i] {
			if f.on == serial {
				n.flows[i][id] = f
			}
		}
	}
	n.filters = s.filters.of(serial)
	return n
}

// findSession finds the session that a CONNECT asks for; resumed: it has a past.
func (c *Conversation) findSession(p *mqttwire.Connect) {
	c.known = c.sessions.byID[p.ClientID]
	if p.ClientID == "" {
		c.known = nil
	}
	if c.known != nil && c.known.holder != nil && c.known.holder.leaver == 0 {
		c.rival = c.known.holder
	}
	id := string(append([]byte(nil), p.ClientID...))
	switch {
	case p.CleanStart || c.known == nil || c.known.gone:
		c.session = newSession(id, p.CleanStart)
	default:
		c.session, c.resumed = c.known, true
		c.session.newest = max(c.session.newest, c.serial)
		if c.hasty = c.now.Sub(c.known.touched) <= 2*c.skew; c.hasty {
			c.session.whole = false
			c.halves[0].partial, c.halves[1].partial = true, true
		}
	}
}

// attach makes the session that CONNACK has let in the one of its client.
func (c *Conversation) attach(id string) {
	s := c.session
	if id == "" {
		return
	}
	s.clientID = id
	if old := c.sessions.byID[id]; old != nil && old.holder != nil && old.holder != c {
		old.holder.takenOver = c.now
		old.holder = nil
	}
	c.takeOver()
	s.holder = c
	s.gone = false
	if old := c.sessions.byID[id]; old != nil {
		c.sessions.size -= old.kept
		old.kept = 0
	}
	if c.sessions.byID[id] != nil || c.sessions.room(c.now) {
		c.sessions.byID[id] = s
	}
}

// takeOver notes that a client id was in use still.
func (c *Conversation) takeOver() {
	old := c.rival
	if c.rival = nil; old == nil {
		return
	}
	c.overtook = old.overtook + 1
	text := "another connection with the same client id was open still, and is taken over"
	if c.overtook > 1 {
		text += fmt.Sprintf(", as %d times before: several clients seem to have this id", c.overtook-1)
	}
	c.find(Note, mqttwire.Client, c.clause("MQTT-3.1.4-3", "MQTT-3.1.4-2"), "%s", text)
}

// Forget gives up what is known of a client, as it was seen to go on where its
// connections are not told to these Sessions.
func (l *Sessions) Forget(clientID string) {
	l.mutex.Lock()
	defer l.mutex.Unlock()
	if s := l.byID[clientID]; s != nil {
		s.whole = false
		l.size -= s.kept
		delete(l.byID, clientID)
	}
}

// room tells whether one session more can be remembered, after it has forgotten
// those that are gone.
func (l *Sessions) room(now time.Time) bool {
	if len(l.byID) >= mostSessions && l.serial > l.swept+mostSessions/16 {
		l.swept = l.serial
		maps.DeleteFunc(l.byID, func(_ string, s *session) bool {
			gone, _ := s.fate(now, 0)
			if gone {
				l.size -= s.kept
			}
			return gone
		})
	}
	return len(l.byID) < mostSessions
}

// detach lets the session go when the connection has ended.
func (c *Conversation) detach() {
	s := c.session
	if s == nil || s.holder != c {
		return
	}
	s.holder, s.left, s.ended = nil, c.leftAt, c.now
	s.expiry, s.surely = c.expiry, min(c.expiry, c.agreed)
	if s.expiry == 0 && c.sessions.byID[s.clientID] == s {
		c.sessions.byID[s.clientID] = &session{clientID: s.clientID, gone: true, ended: c.now}
		return
	}
	if c.sessions.byID[s.clientID] != s {
		return
	}
	s.kept = (len(s.flows[0])+len(s.flows[1]))*flowBytes + s.filters.size + s.filters.retainedSize
	if c.sessions.size += s.kept; c.sessions.size > mostSessionBytes {
		c.sessions.size -= s.kept
		delete(c.sessions.byID, s.clientID)
	}
}

// sorted walks a map by packet id.
func sorted[T any](m map[mqttwire.PacketID]T) iter.Seq2[mqttwire.PacketID, T] {
	return func(yield func(mqttwire.PacketID, T) bool) {
		for _, id := range slices.Sorted(maps.Keys(m)) {
			if !yield(id, m[id]) {
				return
			}
		}
	}
}
