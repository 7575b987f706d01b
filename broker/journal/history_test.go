package journal

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"mqtk/broker"
	"mqtk/mqttwire"
)

// A history makes up what happens to a broker and knows what must be true then,
// in words: "session 3", "queue 3 17", "retained a/b" and so on.
type history struct {
	*rand.Rand
	facts       map[string]string
	incarnation uint64
	sequences   map[uint64]uint64 // deliveries of a session
	changes     uint64
	versions    map[string]uint64 // of topics
	version     uint64
	payloads    int
	live        []uint64
}

func newHistory(seed uint64) *history {
	return &history{Rand: rand.New(rand.NewPCG(seed, 11)), facts: map[string]string{}, sequences: map[uint64]uint64{}, versions: map[string]uint64{}}
}

func (h *history) message(topic string) *broker.Message {
	h.payloads++
	size := h.IntN(60)
	if h.IntN(30) == 0 {
		size = h.IntN(2000)
	}
	return &broker.Message{Topic: topic, Payload: fmt.Appendf(nil, "%d%s", h.payloads, strings.Repeat(".", size)), QoS: 1, Arrived: time.Unix(int64(h.payloads), 0)}
}

func (h *history) change() uint64 { h.changes++; return h.changes }

// pick returns a number out of the facts that begin with prefix, the lowest ones sooner.
func (h *history) pick(prefix string) (words []string) {
	var all []string
	for fact := range h.facts {
		if strings.HasPrefix(fact, prefix) {
			all = append(all, fact)
		}
	}
	if len(all) == 0 {
		return nil
	}
	slices.SortFunc(all, func(a, b string) int {
		if len(a) != len(b) {
			return len(a) - len(b)
		}
		return strings.Compare(a, b)
	})
	return strings.Fields(all[h.IntN(1+h.IntN(len(all)))])
}

func number(s string) (n uint64) { fmt.Sscan(s, &n); return n }

// next is one Append. drain: what ends things is likelier.
func (h *history) next(drain bool) []broker.Event {
	roll := h.IntN(100)
	if drain {
		roll = 50 + h.IntN(50)
	}
	switch {
	case len(h.live) == 0 || roll < 4 && len(h.live) < 8:
		return h.begin()
	case roll < 25:
		return h.publish()
	case roll < 32:
		return h.retain(true)
	case roll < 38:
		return h.subscribe()
	case roll < 44:
		return h.hold()
	case roll < 47:
		return h.will()
	case roll < 55:
		return h.send()
	case roll < 60:
		return h.release()
	case roll < 85:
		return h.dequeue()
	case roll < 89:
		return h.forget()
	case roll < 93:
		return h.unsubscribe()
	case roll < 97:
		return h.retain(false)
	case roll < 98:
		return h.unwill()
	}
	return h.end()
}

func (h *history) any() uint64 { return h.live[h.IntN(len(h.live))] }

func (h *history) begin() []broker.Event {
	h.incarnation++
	n := h.incarnation
	h.live = append(h.live, n)
	return h.session(n)
}

func (h *history) session(n uint64) []broker.Event {
	e := broker.Event{Kind: broker.EventSession, ClientID: fmt.Sprint("c", n), Incarnation: n, Sequence: h.change(), SessionExpiry: uint32(h.payloads)}
	h.facts[fmt.Sprint("session ", n)] = fmt.Sprint(e.ClientID, " ", e.SessionExpiry)
	return []broker.Event{e}
}

func (h *history) publish() (events []broker.Event) {
	m := h.message(fmt.Sprint("t/", h.IntN(9)))
	for _, n := range h.live {
		if h.IntN(2) == 0 {
			continue
		}
		h.sequences[n]++
		sequence := h.sequences[n]
		events = append(events, broker.Event{Kind: broker.EventEnqueue, Incarnation: n, Sequence: sequence, Message: m, QoS: 1})
		fact := fmt.Sprint("queue ", n, " ", sequence)
		h.facts[fact] = string(m.Payload)
		if h.IntN(4) == 0 {
			id := mqttwire.PacketID(1 + sequence%60000)
			events = append(events, broker.Event{Kind: broker.EventInflight, Incarnation: n, Sequence: sequence, PacketID: id})
			h.facts[fact] += fmt.Sprint(" sent ", id)
		}
	}
	if h.IntN(5) == 0 {
		events = append(events, h.retained(m.Topic, m))
	}
	return events
}

func (h *history) retained(topic string, m *broker.Message) broker.Event {
	h.version++
	e := broker.Event{Kind: broker.EventRetain, Topic: topic, Sequence: h.version, Replaces: h.versions[topic], Message: m}
	delete(h.versions, topic)
	delete(h.facts, "retained "+topic)
	if m != nil {
		h.versions[topic] = h.version
		h.facts["retained "+topic] = string(m.Payload)
	}
	return e
}

func (h *history) retain(put bool) []broker.Event {
	if put {
		topic := fmt.Sprint("r/", h.IntN(20))
		return []broker.Event{h.retained(topic, h.message(topic))}
	}
	if w := h.pick("retained "); w != nil {
		return []broker.Event{h.retained(w[1], nil)}
	}
	return nil
}

func (h *history) subscribe() []broker.Event {
	n := h.any()
	if h.IntN(3) == 0 {
		return h.session(n)
	}
	e := broker.Event{Kind: broker.EventSubscribe, Incarnation: n, Sequence: h.change(), Identifier: h.Uint32N(100)}
	e.Subscription.Filter, e.Subscription.QoS = fmt.Sprint("f/", h.IntN(9)), mqttwire.QoS(h.IntN(3))
	h.facts[fmt.Sprint("filter ", n, " ", e.Subscription.Filter)] = fmt.Sprint(e.Identifier, e.Subscription.QoS)
	return []broker.Event{e}
}

func (h *history) unsubscribe() []broker.Event {
	w := h.pick("filter ")
	if w == nil {
		return nil
	}
	delete(h.facts, strings.Join(w, " "))
	e := broker.Event{Kind: broker.EventUnsubscribe, Incarnation: number(w[1]), Sequence: h.change()}
	e.Subscription.Filter = w[2]
	return []broker.Event{e}
}

func (h *history) hold() []broker.Event {
	n, id := h.any(), mqttwire.PacketID(1+h.IntN(9))
	h.facts[fmt.Sprint("held ", n, " ", id)] = ""
	return []broker.Event{{Kind: broker.EventHeld, Incarnation: n, Sequence: h.change(), PacketID: id}}
}

func (h *history) forget() []broker.Event {
	w := h.pick("held ")
	if w == nil {
		return nil
	}
	delete(h.facts, strings.Join(w, " "))
	return []broker.Event{{Kind: broker.EventForgotten, Incarnation: number(w[1]), Sequence: h.change(), PacketID: mqttwire.PacketID(number(w[2]))}}
}

func (h *history) will() []broker.Event {
	n := h.any()
	m := h.message("will")
	h.facts[fmt.Sprint("will ", n)] = string(m.Payload)
	return []broker.Event{{Kind: broker.EventWill, ClientID: "w", Incarnation: n, Sequence: h.change(), Message: m}}
}

func (h *history) unwill() []broker.Event {
	w := h.pick("will ")
	if w == nil {
		return nil
	}
	delete(h.facts, strings.Join(w, " "))
	return []broker.Event{{Kind: broker.EventWill, ClientID: "w", Incarnation: number(w[1]), Sequence: h.change()}}
}

// send puts a delivery of a queue into the window.
func (h *history) send() []broker.Event {
	w := h.pick("queue ")
	fact := strings.Join(w, " ")
	if w == nil || strings.Contains(h.facts[fact], " ") {
		return nil
	}
	id := mqttwire.PacketID(1 + number(w[2])%60000)
	h.facts[fact] += fmt.Sprint(" sent ", id)
	return []broker.Event{{Kind: broker.EventInflight, Incarnation: number(w[1]), Sequence: number(w[2]), PacketID: id}}
}

func (h *history) release() []broker.Event {
	w := h.pick("queue ")
	fact := strings.Join(w, " ")
	if w == nil || !strings.Contains(h.facts[fact], " sent ") {
		return nil
	}
	id := mqttwire.PacketID(1 + number(w[2])%60000)
	h.facts[fact] = fmt.Sprint("released ", id)
	return []broker.Event{{Kind: broker.EventReleased, Incarnation: number(w[1]), Sequence: number(w[2]), PacketID: id}}
}

func (h *history) dequeue() (events []broker.Event) {
	for range 1 + h.IntN(4) {
		if w := h.pick("queue "); w != nil {
			delete(h.facts, strings.Join(w, " "))
			events = append(events, broker.Event{Kind: broker.EventDequeue, Incarnation: number(w[1]), Sequence: number(w[2])})
		}
	}
	return events
}

func (h *history) end() []broker.Event {
	if h.IntN(4) > 0 {
		return nil
	}
	i := h.IntN(len(h.live))
	n := h.live[i]
	h.live = slices.Delete(h.live, i, i+1)
	maps.DeleteFunc(h.facts, func(fact, _ string) bool {
		w := strings.Fields(fact)
		return w[0] != "retained" && number(w[1]) == n
	})
	return []broker.Event{{Kind: broker.EventSessionEnd, Incarnation: n}}
}

// replayed is what a journal says is true, in the same words.
func replayedFacts(j *Journal) (facts map[string]string, err error) {
	facts = map[string]string{}
	versions := map[string]uint64{}
	queues := map[uint64][]uint64{}
	put := func(value string, words ...any) {
		key := strings.TrimSuffix(fmt.Sprintln(words...), "\n")
		if was, twice := facts[key]; twice {
			err = fmt.Errorf("%s is told twice: %q and %q", key, was, value)
		}
		facts[key] = value
	}
	failed := j.Replay(func(e *broker.Event) error {
		n := e.Incarnation
		switch e.Kind {
		case broker.EventRetain:
			e.Topic = strings.Clone(e.Topic)
			if e.Sequence < versions[e.Topic] {
				e.Replaces = e.Sequence
				return nil
			}
			e.Replaces, versions[e.Topic] = versions[e.Topic], e.Sequence
			if delete(facts, "retained "+e.Topic); e.Message != nil {
				put(string(e.Message.Payload), "retained", e.Topic)
			}
		case broker.EventSession:
			put(fmt.Sprint(e.ClientID, " ", e.SessionExpiry), "session", n)
		case broker.EventSubscribe:
			put(fmt.Sprint(e.Identifier, e.Subscription.QoS), "filter", n, e.Subscription.Filter)
		case broker.EventHeld:
			put("", "held", n, e.PacketID)
		case broker.EventWill:
			put(string(e.Message.Payload), "will", n)
		case broker.EventInflight:
			put(fmt.Sprint(" sent ", e.PacketID), "queue", n, e.Sequence)
			queues[n] = append(queues[n], e.Sequence)
		case broker.EventReleased:
			put(fmt.Sprint("released ", e.PacketID), "queue", n, e.Sequence)
		case broker.EventQueued:
			for sequence := e.Sequence; sequence <= e.Last; sequence++ {
				put("", "queue", n, sequence)
				queues[n] = append(queues[n], sequence)
			}
		}
		return err
	})
	if failed != nil {
		return nil, failed
	}
	for n, sequences := range queues {
		events, err := j.Fetch(n, sequences)
		if err != nil {
			return nil, err
		}
		for _, e := range events {
			key := fmt.Sprint("queue ", n, " ", e.Sequence)
			facts[key] = string(e.Message.Payload) + facts[key]
		}
	}
	return facts, err
}

func compareFacts(t *testing.T, found, want map[string]string, when string) {
	t.Helper()
	for key, value := range want {
		if got, ok := found[key]; !ok {
			t.Errorf("%s: lost: %s = %q", when, key, value)
		} else if got != value {
			t.Errorf("%s: %s is %q instead of %q", when, key, got, value)
		}
	}
	for key, value := range found {
		if _, ok := want[key]; !ok {
			t.Errorf("%s: risen: %s = %q", when, key, value)
		}
	}
	if t.Failed() {
		t.FailNow()
	}
}
