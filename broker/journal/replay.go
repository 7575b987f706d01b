package journal

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"math"
	"slices"
	"time"

	"mqtk/broker"
	"mqtk/mqttwire"
)

// Replay reads the log and hands over what is true. Topic and Message of an
// EventRetain are views of the log, good until take returns, but for From and
// Owner, which messages of one publisher share.
func (j *Journal) Replay(take func(*broker.Event) error) error {
	if j.stage != opened {
		return errors.New("the journal was replayed before")
	}
	if err := j.log.foresee(); err != nil {
		return err
	}
	j.shift = max(time.Until(j.log.latest), 0)
	r := &replay{j: j, x: j.index, take: take, messages: newMessageReader(j.shift)}
	j.index.scanning = true
	if err := j.log.recover(r.visit); err != nil {
		return err
	}
	j.index.scanning = false
	j.index.retained.clip()
	if err := r.tell(); err != nil {
		return err
	}
	j.log.mu.Lock()
	j.log.ahead = j.shift // the same to the nanosecond, and not as of the end of the reading
	j.stage = replayed
	j.log.mu.Unlock()
	if err := j.Append(r.losers, nil); err != nil {
		return err
	}
	j.recovery.Store(int64(time.Since(j.opening)))
	j.cleaner.begin(j)
	return nil
}

// A replay is the reading of a log.
type replay struct {
	j        *Journal
	x        *index
	take     func(*broker.Event) error
	messages *messageReader
	parser   parser
	event    broker.Event
	message  broker.Message
	lost     map[uint64]bool // of the session that is told: see resolve
	losers   []broker.Event  // ends of them all
}

// visit enters one frame, and says where one is that cannot be read.
func (r *replay) visit(g generation, at place, payload []byte) error {
	err := r.frame(g, at, payload)
	if errors.Is(err, errRecord) {
		file := header{generation: g, number: at.segment()}.name()
		return &DamageError{File: r.j.log.disk.path(file), Offset: at.offset(), Detail: err.Error()}
	}
	return err
}

// frame enters one frame.
func (r *replay) frame(g generation, at place, payload []byte) error {
	p, x := &r.parser, r.x
	if g == old {
		x.olds[at.segment()] = true
	}
	p.parse(payload)
	x.begin(at, p.puts, p.shared)
	defer x.end()
	var t tombs
	for {
		more, err := p.event()
		if err != nil {
			return err
		}
		if !more {
			break
		}
		if p.record.kind == recordRetain {
			if err := r.retain(&p.record, &t); err != nil {
				return err
			}
			continue
		}
		if s := x.incarnation(p.record.incarnation); s != nil {
			r.enter(s, &p.record)
		}
		p.record.bear(&t)
	}
	if g == young {
		x.bear(at.segment(), t)
	}
	return nil
}

// bear adds what a record that kills demands of its segment.
func (r *record) bear(t *tombs) {
	switch {
	case !r.isTombstone():
	case r.kind == recordDequeue || r.kind == recordForgotten:
		t.debt = max(t.debt, r.debt)
	default:
		t.always = true
	}
}

// enter does what Append did.
func (r *replay) enter(s *incarnation, e *record) {
	x := r.x
	switch e.kind {
	case recordEnqueue:
		x.enqueue(s, e.sequence, e.packetID)
	case recordInflight:
		x.inflight(s, e.sequence, e.packetID, sent)
	case recordReleased:
		x.inflight(s, e.sequence, e.packetID, released)
	case recordDequeue:
		x.dequeue(s, e.sequence)
	case recordHeld:
		x.held(s, e.sequence, e.packetID)
	case recordForgotten:
		x.forgotten(s, e.sequence, e.packetID)
	case recordSubscribe:
		x.subscribe(s, e.sequence, string(e.text), e.options, e.identifier)
	case recordUnsubscribe:
		x.unsubscribe(s, e.sequence, string(e.text))
	case recordSession:
		if x.begun(s, e.sequence, string(e.text)) {
			s.told = new(broker.Event)
			e.read(s.told, r.messages.shift)
		}
	case recordSessionEnd:
		x.endSession(s.number)
	case recordWill:
		if e.flags&willMessage != 0 {
			x.bequeath(s, e.sequence, string(e.text))
		} else {
			x.disinherit(s, e.sequence)
		}
	}
}

// retain asks who loses: the taker knows the topics.
func (r *replay) retain(e *record, t *tombs) error {
	x := r.x
	if x.retained.get(e.sequence) != 0 { // a copy
		x.retain(e.sequence, true)
		return nil
	}
	e.bear(t)
	message := e.flags&retainMessage != 0
	r.event = broker.Event{Kind: broker.EventRetain, Sequence: e.sequence, Replaces: e.replaces}
	if message {
		if err := r.messages.view(&r.message, r.parser.message); err != nil {
			return err
		}
		r.event.Topic, r.event.Message = r.message.Topic, &r.message
	} else {
		r.event.Topic = string(e.text)
	}
	if err := r.take(&r.event); err != nil {
		return err
	}
	if r.event.Replaces == e.sequence {
		return nil
	}
	x.unretain(r.event.Replaces)
	x.retain(e.sequence, message)
	return nil
}

// tell hands over the sessions, in the order of their numbers.
func (r *replay) tell() error {
	for _, number := range slices.Sorted(maps.Keys(r.x.sessions)) {
		s := r.x.sessions[number]
		if err := r.session(s); err != nil {
			return err
		}
		s.told = nil
		s.queue.clip()
		r.x.tidy(s)
	}
	r.x.last = nil
	return r.take(&broker.Event{Kind: broker.EventSessionEnd, Incarnation: r.x.highest})
}

func (r *replay) session(s *incarnation) error {
	r.resolve(s)
	give := func(e broker.Event) error {
		e.Incarnation, e.ClientID = s.number, s.clientID
		r.event = e
		return r.take(&r.event)
	}
	if s.told != nil {
		e := *s.told
		e.Sequence, e.Last = s.change, s.delivery
		if err := give(e); err != nil {
			return err
		}
	}
	if err := r.changes(s, give); err != nil {
		return err
	}
	return r.deliveries(s, give)
}

// changes tells subscriptions, held packet ids and the will.
func (r *replay) changes(s *incarnation, give func(broker.Event) error) error {
	var events []broker.Event
	for filter, e := range s.subscriptions {
		o := unpackOptions(e.options)
		o.Filter = filter
		events = append(events, broker.Event{Kind: broker.EventSubscribe, Sequence: e.sequence, Subscription: o, Identifier: e.identifier})
	}
	for id, e := range s.held {
		events = append(events, broker.Event{Kind: broker.EventHeld, Sequence: e.sequence, PacketID: id})
	}
	if s.will.at != 0 {
		e, err := r.will(s)
		if err != nil {
			return err
		}
		events = append(events, e)
	}
	slices.SortFunc(events, func(a, b broker.Event) int { return cmp.Compare(a.Sequence, b.Sequence) })
	for _, e := range events {
		if err := give(e); err != nil {
			return err
		}
	}
	return nil
}

func (r *replay) will(s *incarnation) (e broker.Event, err error) {
	payload, err := r.j.log.read(s.will.at, nil)
	if err != nil {
		return e, err
	}
	p := &r.parser
	for p.parse(payload); ; {
		more, err := p.event()
		if err != nil {
			return e, err
		}
		if !more {
			return e, fmt.Errorf("the will of %s is not where the index has it", s.clientID)
		}
		if w := &p.record; w.kind == recordWill && w.incarnation == s.number && w.sequence == s.will.sequence && w.hasMessage() {
			w.read(&e, r.j.shift)
			e.Message, err = r.messages.kept(p.message)
			return e, err
		}
	}
}

// deliveries tells the window and the queue, in the order of the numbers.
func (r *replay) deliveries(s *incarnation, give func(broker.Event) error) error {
	window := s.window.entries
	var queued broker.Event
	flush := func() error {
		if queued.Kind == 0 {
			return nil
		}
		e := queued
		queued = broker.Event{}
		return give(e)
	}
	fly := func(until uint64) error {
		for ; len(window) > 0 && window[0].sequence <= until; window = window[1:] {
			f := &window[0]
			if f.state == landed || r.lost[f.sequence] {
				continue
			}
			kind := broker.EventInflight
			if f.state == released {
				kind = broker.EventReleased
			}
			if err := flush(); err != nil {
				return err
			}
			if err := give(broker.Event{Kind: kind, Sequence: f.sequence, PacketID: f.packetID}); err != nil {
				return err
			}
		}
		return nil
	}
	for number, at := range s.queue.all {
		if err := fly(number); err != nil {
			return err
		}
		if f := s.window.find(number); f != nil {
			continue
		}
		if queued.Kind != 0 && queued.Last+1 == number {
			queued.Last = number
		} else {
			if err := flush(); err != nil {
				return err
			}
			queued = broker.Event{Kind: broker.EventQueued, Sequence: number, Last: number}
		}
		queued.Bytes += int64(at.size())
	}
	if err := flush(); err != nil {
		return err
	}
	return fly(math.MaxUint64)
}

// resolve ends what is in flight under an id that a later delivery has, and what
// has no message; the log hears of it, lest it rise when the later one is gone.
func (r *replay) resolve(s *incarnation) {
	if s.window.count() == 0 {
		return
	}
	latest := map[mqttwire.PacketID]uint64{}
	for _, f := range s.window.entries {
		if f.state != landed {
			latest[f.packetID] = max(latest[f.packetID], f.sequence)
		}
	}
	r.lost = nil
	for _, f := range s.window.entries {
		if f.state == landed || latest[f.packetID] == f.sequence && (f.state == released || s.queue.get(f.sequence) != 0) {
			continue
		}
		if r.lost == nil {
			r.lost = map[uint64]bool{}
		}
		r.lost[f.sequence] = true
		r.losers = append(r.losers, broker.Event{Kind: broker.EventDequeue, Incarnation: s.number, Sequence: f.sequence})
	}
}
