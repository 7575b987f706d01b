package journal

import (
	"fmt"
	"time"

	"mqtk/broker"
	"mqtk/mqttwire"
)

// Append keeps the events as one frame. What ended before it came is not
// written: Appends of two threads may cross.
func (j *Journal) Append(events []broker.Event, durable func(error)) error {
	if len(events) == 0 {
		return j.barrier(durable)
	}
	d, _ := j.drafts.Get().(*draft)
	if d == nil {
		d = &draft{}
	}
	defer j.release(d)
	if err := d.write(events, j.shift); err != nil {
		return err
	}
	j.log.mu.Lock()
	defer j.log.mu.Unlock()
	if j.stage != replayed {
		return j.stage.err()
	}
	if j.log.failed() != nil { // durable is told so; what is in memory matters no more
		if durable != nil {
			j.log.wait(durable)
		}
		return nil
	}
	if err := j.admit(events, len(d.bytes)); err != nil {
		return err
	}
	j.write(events, d)
	if durable != nil {
		j.log.wait(durable)
	}
	j.wakeCleaner()
	return nil
}

func (j *Journal) barrier(durable func(error)) error {
	j.log.mu.Lock()
	defer j.log.mu.Unlock()
	if j.stage != replayed {
		return j.stage.err()
	}
	if durable != nil {
		j.log.wait(durable)
	}
	return nil
}

// write adds the frame and enters it in the index. log.mu is held.
//
// What kills acts while the frame is encoded, since its record says where what
// it kills stands; what lives is entered when the frame has a place.
func (j *Journal) write(events []broker.Event, d *draft) {
	j.draft, j.events = d, events
	at := j.log.add(j.encode)
	j.frames++
	j.index.begin(at, d.puts, d.messages == 1)
	for i := range events {
		if s := d.found[i]; s != nil {
			j.index.put(s, &events[i], d.rider(events, i))
		}
	}
	j.index.end()
	j.index.bear(at.segment(), d.tombs)
	for i := range events {
		if s := d.found[i]; s != nil && s != &j.index.nobody && !isPut(&events[i]) {
			j.index.tidy(s)
		}
	}
	j.draft, j.events = nil, nil
}

// encodeFrame is the payload of the frame under way.
func (j *Journal) encodeFrame(dst []byte) []byte {
	d, x := j.draft, j.index
	dst = appendHead(dst, d.puts, d.messages == 1)
	var last *broker.Message
	message := 0
	for i := range j.events {
		e := &j.events[i]
		d.found = append(d.found, nil)
		if e.Message != nil && e.Message != last {
			last = e.Message
			message++
		}
		if i > 0 && rides(&j.events[i-1], e) {
			continue
		}
		s, debt, ok := x.kill(e, &d.tombs)
		if !ok {
			continue
		}
		d.found[i] = s
		if e.Message != nil && d.written != message {
			dst = append(dst, d.message(message-1)...)
			d.written = message
		}
		dst = appendRecord(dst, e, d.rider(j.events, i), debt, j.shift)
	}
	return dst
}

// kill lets an Event end what it ends, and finds its session. False: it came
// too late, and is not to be written.
func (x *index) kill(e *broker.Event, t *tombs) (s *incarnation, debt uint32, ok bool) {
	switch e.Kind {
	case broker.EventRetain:
		x.unretain(e.Replaces)
		t.always = t.always || e.Message == nil
		return &x.nobody, 0, e.Message == nil || !x.retained.refuse(e.Sequence)
	case broker.EventSessionEnd:
		x.endSession(e.Incarnation)
		t.always = true
		return nil, 0, true
	}
	if s = x.incarnation(e.Incarnation); s == nil {
		return nil, 0, false
	}
	switch e.Kind {
	case broker.EventEnqueue, broker.EventInflight:
		return s, 0, !x.late(s, e.Sequence)
	case broker.EventReleased: // the message was sent, and so it is known, or had its end before
		return s, 0, s.queue.get(e.Sequence) != 0 || s.window.find(e.Sequence) != nil
	case broker.EventHeld:
		return s, 0, !s.removals.later(heldKey(e.PacketID), e.Sequence)
	case broker.EventSubscribe:
		return s, 0, !s.removals.later(x.filterKey(e.Subscription.Filter), e.Sequence)
	case broker.EventDequeue:
		debt = x.dequeue(s, e.Sequence)
	case broker.EventForgotten:
		debt = x.forgotten(s, e.Sequence, e.PacketID)
	case broker.EventUnsubscribe:
		x.unsubscribe(s, e.Sequence, e.Subscription.Filter)
		t.always = true
	case broker.EventWill:
		if e.Message != nil {
			return s, 0, !s.removals.later(willKey, e.Sequence)
		}
		x.disinherit(s, e.Sequence)
		t.always = true
	}
	t.debt = max(t.debt, debt)
	return s, debt, true
}

// put enters what an Event brings.
func (x *index) put(s *incarnation, e *broker.Event, rider mqttwire.PacketID) {
	switch e.Kind {
	case broker.EventEnqueue:
		x.enqueue(s, e.Sequence, rider)
	case broker.EventInflight:
		x.inflight(s, e.Sequence, e.PacketID, sent)
	case broker.EventReleased:
		x.inflight(s, e.Sequence, e.PacketID, released)
	case broker.EventHeld:
		x.held(s, e.Sequence, e.PacketID)
	case broker.EventRetain:
		x.retain(e.Sequence, e.Message != nil)
	case broker.EventSubscribe:
		x.subscribe(s, e.Sequence, e.Subscription.Filter, packOptions(&e.Subscription), e.Identifier)
	case broker.EventSession:
		x.begun(s, e.Sequence, e.ClientID)
	case broker.EventWill:
		if e.Message != nil {
			x.bequeath(s, e.Sequence, e.ClientID)
		}
	}
}

// A draft is what can be made of the events without a lock, and scratch for what
// cannot.
type draft struct {
	bytes    []byte // message records, one after the other
	ends     []int  // of each
	puts     int    // records that may live
	messages int
	written  int            // messages that are in the frame
	found    []*incarnation // of each event, nil: it is not written
	tombs    tombs
}

// write encodes the messages. One that several events in a row share is one.
func (d *draft) write(events []broker.Event, shift time.Duration) (err error) {
	var last *broker.Message
	for i := range events {
		e := &events[i]
		if isPut(e) && !(i > 0 && rides(&events[i-1], e)) {
			d.puts++
		}
		switch m := e.Message; {
		case m == nil && e.Kind == broker.EventEnqueue:
			return fmt.Errorf("keep delivery %d of %s: it has no message", e.Sequence, e.ClientID)
		case m == nil || m == last:
			continue
		case e.Kind == broker.EventRetain && e.Topic != m.Topic:
			return fmt.Errorf("keep the retained message of %s: its own topic is %s", e.Topic, m.Topic)
		}
		last = e.Message
		if d.bytes, err = appendMessage(d.bytes, last, shift); err != nil {
			return err
		}
		d.ends = append(d.ends, len(d.bytes))
		d.messages++
	}
	return nil
}

func (d *draft) message(i int) []byte {
	if i == 0 {
		return d.bytes[:d.ends[0]]
	}
	return d.bytes[d.ends[i-1]:d.ends[i]]
}

// rider is the packet id of the EventInflight that rides in an EventEnqueue, 0 for none.
func (d *draft) rider(events []broker.Event, i int) mqttwire.PacketID {
	if i+1 < len(events) && rides(&events[i], &events[i+1]) {
		return events[i+1].PacketID
	}
	return 0
}

// release gives scratch back, unless it grew beyond reason.
func (j *Journal) release(d *draft) {
	clear(d.found)
	*d = draft{bytes: d.bytes[:0], ends: d.ends[:0], found: d.found[:0]}
	if cap(d.bytes) <= 1<<20 && cap(d.found) <= 1<<14 {
		j.drafts.Put(d)
	}
}

// admit refuses what grows when there is no room; size is that of the messages.
// What lets queues drain, and sessions go on that there are, is always taken.
// log.mu is held.
func (j *Journal) admit(events []broker.Event, size int) error {
	if !j.log.soft() && !j.log.hard(size) {
		return nil
	}
	grows, message := false, false
	for i := range events {
		e := &events[i]
		switch e.Kind {
		case broker.EventEnqueue, broker.EventHeld:
			message = true
		case broker.EventRetain:
			message = message || e.Message != nil
		case broker.EventSubscribe:
			grows = true
		case broker.EventSession, broker.EventWill:
			s := j.index.sessions[e.Incarnation]
			grows = grows || isPut(e) && (s == nil || s.session.at == 0)
		}
	}
	if grows && !message || (grows || message) && j.log.hard(size) {
		return fmt.Errorf("%s: %w", j.dir, errNoRoom)
	}
	return nil
}
