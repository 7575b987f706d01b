package journal

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"mqtk/broker"
)

// A listener takes a Replay as a broker would, and insists on its order.
type listener struct {
	picture  picture
	versions map[string]broker.Event // of the retained set, removals included; without messages
	highest  highest
	seen     map[uint64]bool // incarnations
	now      uint64          // the one that is being told
	rank     int
	last     uint64
	wanted   map[uint64][]uint64
	bytes    map[uint64]int64 // of EventQueued
	over     bool
}

// highest is how high the numbers are that Replay tells.
type highest struct {
	incarnation uint64
	version     uint64
	deliveries  map[uint64]uint64 // by incarnation
	changes     map[uint64]uint64
}

func newListener() *listener {
	return &listener{picture: picture{}, versions: map[string]broker.Event{}, seen: map[uint64]bool{},
		highest: highest{deliveries: map[uint64]uint64{}, changes: map[uint64]uint64{}},
		wanted:  map[uint64][]uint64{}, bytes: map[uint64]int64{}}
}

// reopened is what a Store that was just opened holds.
func reopened(s broker.Store) (picture, highest, error) {
	r := newListener()
	err := s.Replay(r.take)
	if err == nil && len(r.seen) > 0 && !r.over {
		err = errors.New("Replay does not tell the highest incarnation")
	}
	for incarnation, sequences := range r.wanted {
		if err == nil {
			err = r.fetch(s, incarnation, sequences)
		}
	}
	return r.picture, r.highest, err
}

// ranks is the order in which a session is told.
var ranks = map[broker.EventKind]int{broker.EventSession: 1, broker.EventSubscribe: 2, broker.EventHeld: 2, broker.EventWill: 2,
	broker.EventInflight: 3, broker.EventReleased: 3, broker.EventQueued: 3}

func (r *listener) take(e *broker.Event) error {
	if r.over {
		return fmt.Errorf("kind %d comes after the end", e.Kind)
	}
	if e.Kind == broker.EventRetain {
		return r.retain(e)
	}
	if e.Kind == broker.EventSessionEnd {
		return r.end(e)
	}
	if e.Incarnation != r.now {
		if r.seen[e.Incarnation] {
			return fmt.Errorf("session %d is told twice", e.Incarnation)
		}
		r.seen[e.Incarnation] = true
		r.now, r.rank, r.last = e.Incarnation, 0, 0
	}
	rank, known := ranks[e.Kind]
	if !known || rank < r.rank || rank == 1 && r.rank == 1 {
		return fmt.Errorf("session %d: kind %d comes after rank %d", e.Incarnation, e.Kind, r.rank)
	}
	r.rank = rank
	r.count(e)
	return r.paint(e)
}

// count notes how high the numbers are.
func (r *listener) count(e *broker.Event) {
	h := &r.highest
	h.deliveries[r.now] = max(h.deliveries[r.now], e.Last)
	if ranks[e.Kind] == 3 {
		h.deliveries[r.now] = max(h.deliveries[r.now], e.Sequence)
	} else {
		h.changes[r.now] = max(h.changes[r.now], e.Sequence)
	}
}

func (r *listener) end(e *broker.Event) error {
	r.over, r.highest.incarnation = true, e.Incarnation
	for n := range r.seen {
		if n > e.Incarnation {
			return fmt.Errorf("session %d is above the highest, %d", n, e.Incarnation)
		}
	}
	return nil
}

func (r *listener) retain(e *broker.Event) error {
	if len(r.seen) > 0 {
		return fmt.Errorf("retained %s comes after sessions", e.Topic)
	}
	if e.Message != nil && e.Message.Topic != e.Topic {
		return fmt.Errorf("retained %s holds a message to %s", e.Topic, e.Message.Topic)
	}
	r.highest.version = max(r.highest.version, e.Sequence)
	topic := strings.Clone(e.Topic) // it is lent as the message is
	key := "retained " + topic
	old, had := r.versions[topic]
	if had && e.Sequence <= old.Sequence {
		e.Replaces = e.Sequence
		return nil
	}
	e.Replaces = 0
	if _, stored := r.picture[key]; stored {
		e.Replaces = old.Sequence
	}
	r.versions[topic] = broker.Event{Sequence: e.Sequence}
	delete(r.picture, key)
	if e.Message != nil { // in words now: it is only lent
		r.picture[key] = messageText(e.Message, 0) + fmt.Sprintf(" version=%d", e.Sequence)
	}
	return nil
}

func (r *listener) paint(e *broker.Event) error {
	name := fmt.Sprintf("session %d ", e.Incarnation)
	switch e.Kind {
	case broker.EventSession:
		return r.put(name, sessionText(e, 0))
	case broker.EventWill:
		return r.put(name+"will", willText(e, 0))
	case broker.EventSubscribe:
		return r.put(name+"filter "+e.Subscription.Filter, filterText(e))
	case broker.EventHeld:
		return r.put(fmt.Sprintf("%sheld %d", name, e.PacketID), "")
	case broker.EventQueued:
		return r.queue(e, name)
	}
	if e.Message != nil || e.Sequence <= r.last {
		return fmt.Errorf("session %d: delivery %d with a message, or after %d", e.Incarnation, e.Sequence, r.last)
	}
	r.last = e.Sequence
	text := fmt.Sprintf("inflight %d", e.PacketID)
	if e.Kind == broker.EventReleased {
		text = fmt.Sprintf("released %d", e.PacketID)
	} else {
		r.wanted[e.Incarnation] = append(r.wanted[e.Incarnation], e.Sequence)
	}
	return r.put(fmt.Sprintf("%sdelivery %d", name, e.Sequence), text)
}

func (r *listener) queue(e *broker.Event, name string) error {
	if e.Last < e.Sequence || e.Last-e.Sequence > 1<<24 {
		return fmt.Errorf("session %d: queued from %d to %d", e.Incarnation, e.Sequence, e.Last)
	}
	r.bytes[e.Incarnation] += e.Bytes
	for sequence := e.Sequence; sequence <= e.Last; sequence++ {
		r.wanted[e.Incarnation] = append(r.wanted[e.Incarnation], sequence)
		if err := r.put(fmt.Sprintf("%sdelivery %d", name, sequence), "queued"); err != nil {
			return err
		}
	}
	return nil
}

func (r *listener) put(key, text string) error {
	if _, twice := r.picture[key]; twice {
		return fmt.Errorf("%s is told twice", key)
	}
	r.picture[key] = text
	return nil
}

// fetch adds what a resume would send.
func (r *listener) fetch(s broker.Store, incarnation uint64, asked []uint64) error {
	slices.Sort(asked)
	events, err := s.Fetch(incarnation, slices.Clone(asked))
	if err != nil {
		return err
	}
	return r.picture.fetched(incarnation, asked, events)
}

// fetched adds the answer of a Fetch.
func (p picture) fetched(incarnation uint64, asked []uint64, events []broker.Event) error {
	next := 0
	for i := range events {
		e := &events[i]
		for next < len(asked) && asked[next] != e.Sequence {
			next++
		}
		if next == len(asked) || e.Kind != broker.EventEnqueue || e.Incarnation != incarnation || e.Message == nil {
			return fmt.Errorf("session %d: fetched kind %d, session %d, number %d", incarnation, e.Kind, e.Incarnation, e.Sequence)
		}
		next++
		p[fmt.Sprintf("session %d message %d", incarnation, e.Sequence)] = enqueueText(e, 0)
	}
	return nil
}
