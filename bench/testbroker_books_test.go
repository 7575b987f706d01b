package bench

import (
	"encoding/binary"
	"errors"
	"slices"
	"time"

	"mqtk/mqttwire"
)

// testBooks is what a testBroker knows of what it did. The counts of flows are
// made from the definitions, by remembering every number that went out.
type testBooks struct {
	connects, disconnects, takeovers int

	published int64 // PUBLISH packets that were not resent
	bytes     int64 // of their payloads
	swallowed int64
	forgotten int64
	retained  int64
	cleared   int64
	strayed   int64
	repeated  int64 // acknowledgements
	overruns  int64 // PUBLISH beyond the Receive Maximum

	routed       int64 // deliveries that were due
	missed       int64 // to nobody who could have had them
	dropped      int64
	doubled      int64
	sent         int64 // PUBLISH packets to clients, first time
	resent       int64 // after a client came back
	acknowledged int64 // of these, by PUBACK and PUBCOMP
	strange      int64 // acknowledgements of nothing

	last       time.Duration // when a PUBLISH went out the last time
	complaints []string      // of packets that break the standard
	flows      map[testFlow]*testNumbers
	arrivals   []testArrival
	record     bool // keep arrivals
}

// A testFlow is what one receiver, or one share, gets of one publisher of a run.
type testFlow struct {
	receiver  string
	tag       uint16
	publisher uint32
}

// testNumbers are the numbers of a flow.
type testNumbers struct {
	expected   int64
	seen       map[uint64]bool
	highest    uint64
	any        bool
	duplicated int64
	reordered  int64
	disordered int64
	corrupted  int64
	wrongQoS   int64
	sent       int64 // by the publisher, under the receiver ""
	refused    int64
}

// A testArrival is a message at the time when the broker had it.
type testArrival struct {
	At        time.Duration
	Tag       uint16
	Publisher uint32
	Sequence  uint64
	Topic     string
}

func newTestBooks() testBooks { return testBooks{flows: map[testFlow]*testNumbers{}} }

// report is a copy of the books without the flows.
func (b *testBroker) report() testBooks {
	b.mu.Lock()
	defer b.mu.Unlock()
	books := b.books
	books.flows = nil
	books.complaints = slices.Clone(books.complaints)
	books.arrivals = slices.Clone(books.arrivals)
	return books
}

func (k *testBooks) complain(err error) {
	if errors.As(err, new(*mqttwire.Error)) {
		k.complaints = append(k.complaints, err.Error())
	}
}

// The header of a payload, read by hand: tag 2 bytes, publisher 3, sequence 5.

func publisherOf(payload []byte) uint32 {
	if len(payload) < 16 {
		return 1 << 24 // nobody
	}
	return binary.BigEndian.Uint32(payload[1:]) & 0xFFFFFF
}

func sequenceOf(payload []byte) uint64 {
	if len(payload) < 16 {
		return 1 << 40
	}
	return binary.BigEndian.Uint64(payload[2:]) & (1<<40 - 1)
}

func (k *testBooks) flow(receiver string, payload []byte) *testNumbers {
	key := testFlow{receiver, binary.BigEndian.Uint16(payload), publisherOf(payload)}
	if k.flows[key] == nil {
		k.flows[key] = &testNumbers{seen: map[uint64]bool{}}
	}
	return k.flows[key]
}

// publishing is what a publisher did.
func (k *testBooks) publishing(payload []byte) *testNumbers {
	if len(payload) < 16 {
		return new(testNumbers)
	}
	return k.flow("", payload)
}

// arrived books a PUBLISH.
func (k *testBooks) arrived(p *mqttwire.Publish, at time.Duration) {
	k.published++
	k.bytes += int64(len(p.Payload))
	k.publishing(p.Payload).sent++
	if k.record && len(p.Payload) >= 16 {
		k.arrivals = append(k.arrivals, testArrival{
			at, binary.BigEndian.Uint16(p.Payload), publisherOf(p.Payload), sequenceOf(p.Payload), string(append([]byte(nil), p.Topic...)),
		})
	}
}

// expect books what is due to receivers.
func (k *testBooks) expect(to []testReceiver, payload []byte) {
	if len(payload) < 16 {
		return
	}
	for _, r := range to {
		k.flow(r.group, payload).expected++
	}
}

// delivered books what goes out to a client. A member of a share has its own
// order, and the share what it has seen.
func (k *testBooks) delivered(s *testSession, d *testDelivery) {
	k.sent++
	k.last = time.Since(s.broker.start)
	if len(d.Payload) < 16 {
		return
	}
	n := sequenceOf(d.Payload)
	have, order := k.flow(d.group, d.Payload), k.flow(s.id, d.Payload)
	again, lower := have.seen[n], order.any && n < order.highest
	have.seen[n] = true
	if d.corrupted {
		have.corrupted++
	}
	if d.lowered {
		have.wrongQoS++
	}
	order.highest, order.any = max(order.highest, n), true
	if again {
		have.duplicated++
	}
	if lower {
		have.reordered++
		if !again {
			have.disordered++
		}
	}
}

// counts sums up what the flows of the tags that of picks say; nil: all.
func (b *testBroker) counts(of func(tag uint16) bool) (c Counts) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for key, n := range b.books.flows {
		if of != nil && !of(key.tag) {
			continue
		}
		c.Expected += n.expected
		c.Delivered += int64(len(n.seen))
		c.Duplicated += n.duplicated
		c.Reordered += n.reordered
		c.Disordered += n.disordered
		c.Corrupted += n.corrupted
		c.WrongQoS += n.wrongQoS
		c.Sent += n.sent
		c.Refused += n.refused
	}
	c.Lost = c.Expected - c.Delivered
	return c
}
