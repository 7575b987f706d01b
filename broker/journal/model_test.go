package journal

import (
	"fmt"
	"hash/crc32"
	"maps"
	"net"
	"slices"
	"time"

	"mqtk/broker"
	"mqtk/mqttwire"
)

// A truth is what a broker's Events amount to, worked out as slowly and plainly
// as the contract of broker.Store says it: numbers decide, order does not. It
// forgets nothing, so it needs no rule for when something may be forgotten.
type truth struct {
	sessions map[uint64]*biography
	retained map[string]broker.Event // by topic: the highest version
}

// A biography is all that was ever said of one incarnation.
type biography struct {
	clientID   string
	ended      bool
	session    broker.Event // highest Sequence, Kind 0: none
	will       broker.Event
	filters    map[string]broker.Event // EventSubscribe or EventUnsubscribe, the highest
	held       map[mqttwire.PacketID]broker.Event
	deliveries map[uint64]fate
}

// A fate is what became of a delivery, which exists when it was enqueued, or released.
type fate struct {
	enqueue  broker.Event
	dequeued bool
	inflight bool
	released bool
	packetID mqttwire.PacketID
}

func newTruth() *truth {
	return &truth{sessions: map[uint64]*biography{}, retained: map[string]broker.Event{}}
}

func (t *truth) clone() *truth {
	c := &truth{sessions: make(map[uint64]*biography, len(t.sessions)), retained: maps.Clone(t.retained)}
	for incarnation, h := range t.sessions {
		k := *h
		k.filters, k.held = maps.Clone(h.filters), maps.Clone(h.held)
		k.deliveries = maps.Clone(h.deliveries)
		c.sessions[incarnation] = &k
	}
	return c
}

// forget leaves what a restarted broker knows: what is no more is no more, and
// its numbers may come again unless Replay tells that they are taken.
func (t *truth) forget() {
	maps.DeleteFunc(t.retained, func(_ string, e broker.Event) bool { return e.Message == nil })
	maps.DeleteFunc(t.sessions, func(_ uint64, h *biography) bool { return h.ended })
	for _, h := range t.sessions {
		maps.DeleteFunc(h.filters, func(_ string, e broker.Event) bool { return e.Kind == broker.EventUnsubscribe })
		maps.DeleteFunc(h.held, func(_ mqttwire.PacketID, e broker.Event) bool { return e.Kind == broker.EventForgotten })
		for _, sequence := range slices.Sorted(maps.Keys(h.deliveries)) { // what is superseded before what does it
			if h.state(sequence, h.deliveries[sequence]) == "" {
				delete(h.deliveries, sequence)
			}
		}
		if h.will.Message == nil {
			h.will = broker.Event{}
		}
	}
}

func (t *truth) biography(e *broker.Event) *biography {
	h := t.sessions[e.Incarnation]
	if h == nil {
		h = &biography{filters: map[string]broker.Event{}, held: map[mqttwire.PacketID]broker.Event{},
			deliveries: map[uint64]fate{}}
		t.sessions[e.Incarnation] = h
	}
	if e.ClientID != "" {
		h.clientID = e.ClientID
	}
	return h
}

func (t *truth) apply(events []broker.Event) {
	for i := range events {
		t.one(&events[i])
	}
}

func (t *truth) one(e *broker.Event) {
	if e.Kind == broker.EventRetain {
		if e.Sequence > t.retained[e.Topic].Sequence {
			t.retained[e.Topic] = *e
		}
		return
	}
	h := t.biography(e)
	d := h.deliveries[e.Sequence]
	switch e.Kind {
	case broker.EventEnqueue:
		d.enqueue = *e
	case broker.EventInflight, broker.EventReleased:
		d.inflight, d.packetID = true, e.PacketID
		d.released = d.released || e.Kind == broker.EventReleased
	case broker.EventDequeue:
		d.dequeued = true
	case broker.EventHeld, broker.EventForgotten:
		h.held[e.PacketID] = higher(h.held[e.PacketID], e)
		return
	case broker.EventSubscribe, broker.EventUnsubscribe:
		h.filters[e.Subscription.Filter] = higher(h.filters[e.Subscription.Filter], e)
		return
	case broker.EventSession:
		h.session = higher(h.session, e)
		return
	case broker.EventWill:
		h.will = higher(h.will, e)
		return
	case broker.EventSessionEnd:
		h.ended = true
		return
	}
	h.deliveries[e.Sequence] = d
}

func higher(old broker.Event, e *broker.Event) broker.Event {
	if old.Kind == 0 || e.Sequence > old.Sequence {
		return *e
	}
	return old
}

// A picture is a state in words, one line for each fact, so that two of them can
// be compared whatever they were made from.
type picture map[string]string

// difference lists where two pictures are not the same; empty when they are.
func (p picture) difference(q picture, here, there string) []string {
	var lines []string
	for key, text := range p {
		if other, ok := q[key]; !ok {
			lines = append(lines, fmt.Sprintf("only %s: %s %s", here, key, text))
		} else if other != text {
			lines = append(lines, fmt.Sprintf("%s: %s: %s, %s: %s", key, here, text, there, other))
		}
	}
	for key, text := range q {
		if _, ok := p[key]; !ok {
			lines = append(lines, fmt.Sprintf("only %s: %s %s", there, key, text))
		}
	}
	slices.Sort(lines)
	return lines
}

// picture is what must be there after a restart whose clock stood behind the
// latest time in the log by shift.
func (t *truth) picture(shift time.Duration) picture {
	p := picture{}
	for topic, e := range t.retained {
		if e.Message != nil {
			p["retained "+topic] = messageText(e.Message, shift) + fmt.Sprintf(" version=%d", e.Sequence)
		}
	}
	for incarnation, h := range t.sessions {
		if !h.ended {
			h.paint(p, incarnation, shift)
		}
	}
	return p
}

func (h *biography) paint(p picture, incarnation uint64, shift time.Duration) {
	name := fmt.Sprintf("session %d ", incarnation)
	if h.session.Kind != 0 {
		p[name] = sessionText(&h.session, shift)
	}
	if h.will.Message != nil {
		p[name+"will"] = willText(&h.will, shift)
	}
	for filter, e := range h.filters {
		if e.Kind == broker.EventSubscribe {
			p[name+"filter "+filter] = filterText(&e)
		}
	}
	for id, e := range h.held {
		if e.Kind == broker.EventHeld {
			p[fmt.Sprintf("%sheld %d", name, id)] = ""
		}
	}
	for sequence, d := range h.deliveries {
		state := h.state(sequence, d)
		if state == "" {
			continue
		}
		p[fmt.Sprintf("%sdelivery %d", name, sequence)] = state
		if !d.released {
			p[fmt.Sprintf("%smessage %d", name, sequence)] = enqueueText(&d.enqueue, shift)
		}
	}
}

// state says where a delivery is, empty: nowhere.
func (h *biography) state(sequence uint64, d fate) string {
	switch {
	case d.dequeued || d.inflight && h.superseded(sequence, d.packetID):
		return ""
	case d.released:
		return fmt.Sprintf("released %d", d.packetID)
	case d.enqueue.Kind == 0:
		return ""
	case d.inflight:
		return fmt.Sprintf("inflight %d", d.packetID)
	}
	return "queued"
}

// superseded says that a later delivery is in flight under the same packet id,
// so that this one must have ended.
func (h *biography) superseded(sequence uint64, id mqttwire.PacketID) bool {
	for later, d := range h.deliveries {
		if later > sequence && d.inflight && d.packetID == id && !d.dequeued {
			return true
		}
	}
	return false
}

// survivors finds how many of the Appends after base a reopened state shows, at
// least the first sure of them, and the truth with these. It returns -1 and what
// is wrong with the likeliest number when it shows none.
func survivors(base *truth, appends [][]broker.Event, sure int, found picture, shift time.Duration) (int, *truth, []string) {
	t := base.clone()
	var wrong []string
	for k := 0; ; k++ {
		if k >= sure {
			want := t.picture(shift)
			if maps.Equal(want, found) {
				return k, t, nil
			}
			if d := want.difference(found, "expected", "found"); wrong == nil || len(d) < len(wrong) {
				wrong = append(d, fmt.Sprintf("compared with %d of %d Appends, %d sure", k, len(appends), sure))
			}
		}
		if k == len(appends) {
			return -1, nil, wrong
		}
		t.apply(appends[k])
	}
}

// Times are compared to the microsecond: a log need not keep more.
func timeText(t time.Time, shift time.Duration) string {
	if t.IsZero() {
		return "never"
	}
	return t.Add(-shift).UTC().Round(time.Microsecond).Format(time.RFC3339Nano)
}

func addressText(a net.Addr) string {
	if a == nil {
		return "-"
	}
	return a.String()
}

func messageText(m *broker.Message, shift time.Duration) string {
	owner := "-"
	if m.Owner != nil {
		owner = m.Owner.Username + "@" + addressText(m.Owner.Remote)
	}
	return fmt.Sprintf("topic=%s payload=%s properties=%x qos=%d retain=%t from=%s owner=%s arrived=%s expires=%s", m.Topic,
		shortText(m.Payload), []byte(m.Properties), m.QoS, m.Retain, m.From, owner, timeText(m.Arrived, shift), timeText(m.Expires, shift))
}

// shortText keeps what is compared whole but what is printed bearable.
func shortText(b []byte) string {
	if len(b) <= 24 {
		return string(b)
	}
	return fmt.Sprintf("%s+%d:%08x", b[:24], len(b)-24, crc32.ChecksumIEEE(b))
}

func sessionText(e *broker.Event, shift time.Duration) string {
	return fmt.Sprintf("client=%s username=%s remote=%s expiry=%d connected=%t ends=%s",
		e.ClientID, e.Username, addressText(e.Remote), e.SessionExpiry, e.Connected, timeText(e.Ends, shift))
}

func willText(e *broker.Event, shift time.Duration) string {
	return fmt.Sprintf("number=%d delay=%d due=%s %s", e.Sequence, e.WillDelay, timeText(e.Ends, shift), messageText(e.Message, shift))
}

func filterText(e *broker.Event) string {
	return fmt.Sprintf("number=%d identifier=%d %+v", e.Sequence, e.Identifier, e.Subscription)
}

func enqueueText(e *broker.Event, shift time.Duration) string {
	return fmt.Sprintf("qos=%d retain=%t brought=%t identifiers=%v share=%s %s", e.QoS, e.Retain, e.Brought, e.Identifiers, e.Share,
		messageText(e.Message, shift))
}
