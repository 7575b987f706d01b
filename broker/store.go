package broker

import (
	"net"
	"time"

	"mqtk/mqttwire"
)

// EventKind says which fields of an Event matter, besides ClientID and
// Incarnation of the session it is about.
type EventKind byte

const (
	EventEnqueue     EventKind = 1 + iota // Sequence, Message, QoS, Retain, Brought, Identifiers, Share
	EventInflight                         // Sequence, PacketID
	EventReleased                         // Sequence, PacketID: PUBREC came, PUBREL is due
	EventDequeue                          // Sequence: final
	EventHeld                             // Sequence, PacketID: an inbound QoS 2 id is held
	EventForgotten                        // Sequence, PacketID: and forgotten
	EventRetain                           // Topic, Sequence (the topic's version), Replaces, Message or nil; of no session
	EventSubscribe                        // Sequence, Subscription, Identifier
	EventUnsubscribe                      // Sequence, Subscription.Filter
	EventSession                          // Sequence, Username, Remote, SessionExpiry, Connected or Ends
	EventSessionEnd                       // all that was of the session is gone
	EventWill                             // Sequence, Message, WillDelay, Ends (when it is due, zero while the client is there); Message nil: removed
	EventQueued                           // Sequence, Last, Bytes: in Replay alone, see Store
)

// Event is one change of state that must outlive the process: of a session, a
// subscription, a queue, a window, a will or the retained set. Only what a
// persistent session, a share, a will or the retained set must keep becomes an
// Event.
//
// Numbers decide at replay, not the order in the log. They are given under the
// lock that changes the state: deliveries of a session have one count, all
// other changes of a session a second one, changes of the retained set a third.
// An EventEnqueue of a session without an EventSession is what a member of a
// share holds that will not come back.
type Event struct {
	Kind          EventKind
	ClientID      string
	Incarnation   uint64 // one session, and none that had the ClientID before
	Username      string
	Remote        net.Addr // where the client was last, nil: not known
	Topic         string
	Sequence      uint64
	Replaces      uint64 // the version that is no more, 0: there was none
	Last          uint64
	Bytes         int64
	PacketID      mqttwire.PacketID
	QoS           mqttwire.QoS
	Retain        bool
	Brought       bool // a retained message, by a subscription: beside the order of the queue
	Connected     bool
	Message       *Message
	Identifiers   []uint32
	Share         string // the filter with its $share prefix that the delivery came through
	Subscription  mqttwire.Subscription
	Identifier    uint32
	SessionExpiry uint32 // seconds
	WillDelay     uint32 // seconds
	Ends          time.Time
}

// A Store keeps Events.
//
// Append takes all of them or none; the slice is the caller's again when it
// returns, the Messages in it stay. An error from Append says that nothing was
// taken (no room) and durable will not be called. durable, if not nil, runs once
// everything appended so far would survive power loss, with an error when nobody
// can say; never inside Append and never under a lock. Calls run in the order of
// their Appends. An Append without events is a barrier: that is how the
// acknowledgements of one read batch wait for all of it with one callback.
//
// Full says in advance that there is no room for more messages, so that one is
// refused before any of it has happened. Append goes on to take what lets
// queues drain, and the messages of whoever asked before.
//
// Replay hands over the state, once, before the first Append: EventRetain as
// they are found, in any order and superseded ones among them; then session by
// session what is true of it now, EventSession first if there is one:
// EventSubscribe, EventHeld, EventWill, EventInflight and EventReleased (without
// Message) in the order of their numbers, and in place of each EventEnqueue that
// is in no window, an EventQueued for all numbers from Sequence to Last, whose
// messages have about Bytes bytes (64 more for each of them). An EventSession
// tells in Last the highest number of a delivery that the log still holds, dead
// ones and dequeues included, and in Sequence the highest of any other change:
// new ones must be above. The last Event of all is an EventSessionEnd with the highest
// Incarnation in the log, ended ones included, for the same reason. take sets
// Replaces of an EventRetain to the version that loses: the topic's former one,
// or the Event's own, 0 for none. Topic and Message of an EventRetain are good
// only until take returns.
//
// Fetch reads deliveries back, in the order of the numbers asked for: each an
// EventEnqueue. What was appended and has had no end is found, durable or not, and
// the rest is left out. It may block.
type Store interface {
	Replay(take func(*Event) error) error
	Append(events []Event, durable func(error)) error
	Fetch(incarnation uint64, sequences []uint64) ([]Event, error)
	Full() bool
	Close() error
}

// A MeasuredStore tells what it did, for $SYS and the log.
type MeasuredStore interface {
	Store
	Measure() StoreMeasures
}

// StoreMeasures are a Store's counters since it was opened, and its state.
type StoreMeasures struct {
	BytesWritten int64 // to the disk, headers and copies included
	Frames       int64 // Appends with events
	Commits      int64
	SyncTime     time.Duration // of all commits
	LongestSync  time.Duration
	Recovery     time.Duration // what opening and Replay took
	DiskBytes    int64         // files now
	LiveBytes    int64         // of them, about what is needed
	Full         bool
	Failed       bool // a sync failed: nothing is acknowledged any more
}

// memoryStore is the Store that keeps nothing: the state in memory is all there
// is, so what a batch appended is durable at the batch's end. It has no thread to
// say so on, and so leaves the call to commit, which knows that end.
type memoryStore struct{}

func (memoryStore) Replay(func(*Event) error) error         { return nil }
func (memoryStore) Append([]Event, func(error)) error       { return nil }
func (memoryStore) Fetch(uint64, []uint64) ([]Event, error) { return nil, nil }
func (memoryStore) Full() bool                              { return false }
func (memoryStore) Close() error                            { return nil }
