package broker

import (
	"sync"
	"time"

	"mqtk/mqttwire"
)

// EventKind says which field of an Event matters.
type EventKind byte

const (
	EventEnqueue     EventKind = 1 + iota // ClientID, Sequence, Message, QoS, Retain, Identifiers
	EventInflight                         // ClientID, Sequence, PacketID
	EventReleased                         // ClientID, Sequence, PacketID: PUBREC came, PUBREL is due
	EventDequeue                          // ClientID, Sequence: final
	EventHeld                             // ClientID, PacketID: an inbound QoS 2 id is held
	EventForgotten                        // ClientID, PacketID: and forgotten
	EventRetain                           // Topic, Sequence (the topic's version), Message or nil
	EventSubscribe                        // ClientID, Subscription
	EventUnsubscribe                      // ClientID, Subscription.Filter
	EventSession                          // ClientID, Username, SessionExpiry, Connected or Ends
	EventSessionEnd                       // ClientID
	EventWill                             // ClientID, Message, WillDelay; Message nil: removed
)

// Event is one change of state that must outlive the process: of a session, a
// subscription, a queue, a window, a will or the retained set. Only what a
// persistent session, a will or the retained set must keep becomes an Event.
// Numbers decide at replay, not the order in the log.
type Event struct {
	Kind          EventKind
	ClientID      string
	Username      string
	Topic         string
	Sequence      uint64
	PacketID      mqttwire.PacketID
	QoS           mqttwire.QoS
	Retain        bool
	Connected     bool
	Message       *Message
	Identifiers   []uint32
	Subscription  mqttwire.Subscription
	Identifier    uint32
	SessionExpiry uint32 // seconds
	WillDelay     uint32 // seconds
	Ends          time.Time
}

// A Store keeps Events. Append takes all of them or none; the slice is the
// caller's again when it returns, the Messages in it stay. An error from Append
// says that nothing was taken (no room) and durable will not be called.
//
// durable, if not nil, runs once everything appended so far would survive power
// loss, with an error when nobody can say; never inside Append and never under
// a lock. Calls run in the order of their Appends. An Append without events is
// a barrier: that is how the acknowledgements of one read batch wait for all of
// it with one callback.
type Store interface {
	Replay(func(Event) error) error
	Append(events []Event, durable func(error)) error
	Close() error
}

// settler is a Store that has no thread of its own and so runs its callbacks on
// the thread that appended, at the end of a batch.
type settler interface{ settle() }

// memoryStore is the Store that keeps nothing: the state in memory is all there
// is, so an Append is durable at the end of the batch that made it.
type memoryStore struct {
	mu      sync.Mutex
	waiting []func(error)
}

func (s *memoryStore) Replay(func(Event) error) error { return nil }

func (s *memoryStore) Append(_ []Event, durable func(error)) error {
	if durable != nil {
		s.mu.Lock()
		s.waiting = append(s.waiting, durable)
		s.mu.Unlock()
	}
	return nil
}

func (s *memoryStore) Close() error { s.settle(); return nil }

// settle runs what waits, in order. Two threads may settle at once: each call
// belongs to one connection's batch, so their order among each other is free.
func (s *memoryStore) settle() {
	for {
		s.mu.Lock()
		if len(s.waiting) == 0 {
			s.mu.Unlock()
			return
		}
		durable := s.waiting[0]
		n := copy(s.waiting, s.waiting[1:])
		s.waiting[n] = nil
		s.waiting = s.waiting[:n]
		s.mu.Unlock()
		durable(nil)
	}
}
