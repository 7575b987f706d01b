package broker

import (
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
	Incarnation   uint64 // with ClientID: one session, and none that had the ClientID before
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

// memoryStore is the Store that keeps nothing: the state in memory is all there
// is, so what a batch appended is durable at the batch's end. It has no thread to
// say so on, and so leaves the call to commit, which knows that end.
type memoryStore struct{}

func (memoryStore) Replay(func(Event) error) error    { return nil }
func (memoryStore) Append([]Event, func(error)) error { return nil }
func (memoryStore) Close() error                      { return nil }
