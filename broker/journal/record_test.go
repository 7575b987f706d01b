package journal

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"net"
	"reflect"
	"strings"
	"testing"
	"time"

	"mqtk/broker"
	"mqtk/mqttwire"
)

// An invention makes up Events, of every kind and with every field that the kind has.
type invention struct{ *rand.Rand }

func (r invention) number() uint64 { return r.Uint64() >> r.IntN(64) >> 3 }
func (r invention) maybe() bool    { return r.IntN(2) == 0 }

func (r invention) text(most int) string {
	return strings.Repeat("ab/ö", most)[:r.IntN(most)/5*5]
}

func (r invention) time() time.Time {
	if r.maybe() {
		return time.Time{}
	}
	return time.Unix(0, r.Int64N(4e18)+1)
}

func (r invention) address() net.Addr {
	switch r.IntN(6) {
	case 0:
		return nil
	case 1:
		return &net.UnixAddr{Name: "/run/" + r.text(20), Net: "unix"}
	case 2:
		return address{"ws", "wss://example/" + r.text(200)}
	case 3:
		return &net.TCPAddr{IP: net.ParseIP("fe80::1"), Port: r.IntN(65536), Zone: "eth0"}
	}
	return &net.TCPAddr{IP: net.IPv4(10, 0, byte(r.IntN(256)), 1).To4(), Port: r.IntN(65536)}
}

func (r invention) message() *broker.Message {
	m := &broker.Message{Topic: "t" + r.text(40), QoS: mqttwire.QoS(r.IntN(3)), Retain: r.maybe(), Arrived: r.time(), Expires: r.time()}
	size := r.IntN(300)
	if r.IntN(500) == 0 {
		size = r.IntN(3 << 20)
	}
	m.Payload = bytes.Repeat([]byte{byte(r.IntN(256))}, size)
	if r.maybe() {
		m.Properties = m.Properties.AddText(mqttwire.ContentType, r.text(30)).AddUser("a", r.text(99))
	}
	if r.maybe() {
		m.From = "client" + r.text(20)
	}
	if r.maybe() {
		m.Owner = &broker.Identity{Username: r.text(20), ClientID: m.From, Remote: r.address()}
		if r.maybe() {
			m.Owner.ClientID = "other"
		}
	}
	return m
}

func (r invention) event() broker.Event {
	e := broker.Event{Kind: broker.EventKind(1 + r.IntN(12)), Incarnation: r.number(), Sequence: r.number()}
	switch e.Kind {
	case broker.EventEnqueue:
		e.QoS, e.Retain, e.Brought, e.Message = mqttwire.QoS(r.IntN(3)), r.maybe(), r.maybe(), r.message()
		for range r.IntN(3) {
			e.Identifiers = append(e.Identifiers, r.Uint32N(1<<28))
		}
		if r.maybe() {
			e.Share = "$share/" + r.text(50)
		}
	case broker.EventInflight, broker.EventReleased, broker.EventHeld, broker.EventForgotten:
		e.PacketID = mqttwire.PacketID(1 + r.IntN(65535))
	case broker.EventRetain:
		e.Incarnation, e.Topic = 0, "x"+r.text(30)
		e.Replaces = min(r.number(), e.Sequence)
		if r.maybe() {
			e.Message = r.message()
			e.Topic = e.Message.Topic
		}
	case broker.EventSubscribe:
		e.Subscription = mqttwire.Subscription{Filter: "f" + r.text(40), QoS: mqttwire.QoS(r.IntN(3)),
			NoLocal: r.maybe(), RetainAsPublished: r.maybe(), RetainHandling: byte(r.IntN(3))}
		e.Identifier = r.Uint32N(1 << 28 >> r.IntN(28))
	case broker.EventUnsubscribe:
		e.Subscription.Filter = "f" + r.text(40)
	case broker.EventSession:
		e.ClientID, e.Username, e.Remote = "c"+r.text(30), r.text(20), r.address()
		e.SessionExpiry, e.Connected, e.Ends = r.Uint32(), r.maybe(), r.time()
	case broker.EventSessionEnd:
		e.Sequence = 0
	case broker.EventWill:
		e.ClientID, e.Ends = "c"+r.text(30), r.time()
		if r.maybe() {
			e.Message, e.WillDelay = r.message(), r.Uint32()
		}
	}
	return e
}

// TestRecordsRoundTrip: frames of Events of every kind are read as they were
// written, and none of their beginnings is.
func TestRecordsRoundTrip(t *testing.T) {
	r := invention{rand.New(rand.NewPCG(1, 2))}
	for range 2000 {
		shift := time.Duration(r.IntN(2)) * time.Hour
		var events []broker.Event
		var debts []uint32
		payload := appendHead(nil, 1, false)
		for range 1 + r.IntN(6) {
			e, debt := r.event(), uint32(0)
			if r.maybe() && (e.Kind == broker.EventDequeue || e.Kind == broker.EventForgotten) {
				debt = r.Uint32N(maxNumber)
			}
			if e.Kind == broker.EventEnqueue && r.maybe() {
				e.PacketID = mqttwire.PacketID(1 + r.IntN(65535))
			}
			if e.Message != nil {
				var err error
				if payload, err = appendMessage(payload, e.Message, shift); err != nil {
					t.Fatal(err)
				}
			}
			rider := e.PacketID
			if e.Kind != broker.EventEnqueue {
				rider = 0
			}
			payload = appendRecord(payload, &e, rider, debt, shift)
			events, debts = append(events, e), append(debts, debt)
		}
		found, owed, err := readEvents(payload, shift)
		if err != nil {
			t.Fatalf("%+v: %v", events, err)
		}
		if !reflect.DeepEqual(owed, debts) || !sameEvents(found, events) {
			t.Fatalf("wrote\n%+v\nread\n%+v", events, found)
		}
		if cut, _, err := readEvents(payload[:r.IntN(len(payload))], shift); err == nil && len(cut) >= len(events) {
			t.Fatalf("a beginning of %+v is as good as all of it", events)
		}
	}
}

func readEvents(payload []byte, shift time.Duration) (events []broker.Event, debts []uint32, err error) {
	var p parser
	d := newMessageReader(shift)
	for p.parse(payload); ; {
		more, err := p.event()
		if !more {
			return events, debts, err
		}
		var e broker.Event
		p.record.read(&e, shift)
		if p.record.hasMessage() {
			if e.Message, err = d.kept(p.message); err != nil {
				return nil, nil, err
			}
			if e.Kind == broker.EventRetain {
				e.Topic = e.Message.Topic
			}
		}
		events, debts = append(events, e), append(debts, p.record.debt*boolean(p.record.flags&killDebt != 0 && p.record.isTombstone()))
	}
}

func boolean(b bool) uint32 {
	if b {
		return 1
	}
	return 0
}

func sameEvents(a, b []broker.Event) bool {
	if len(a) != len(b) {
		return false
	}
	for i := range a {
		if eventWords(&a[i]) != eventWords(&b[i]) {
			return false
		}
	}
	return true
}

// eventWords is all that an Event says.
func eventWords(e *broker.Event) string {
	c := *e
	c.Message, c.Remote = nil, nil
	c.Ends = time.Time{}
	words := fmt.Sprintf("%+v ends %d remote %v", c, e.Ends.UnixNano(), e.Remote)
	if m := e.Message; m != nil {
		c := *m
		c.Owner, c.Arrived, c.Expires, c.Payload = nil, time.Time{}, time.Time{}, nil
		words += fmt.Sprintf(" message %+v %x arrived %d expires %d", c, m.Payload, m.Arrived.UnixNano(), m.Expires.UnixNano())
		if m.Owner != nil {
			words += fmt.Sprintf(" owner %+v", *m.Owner)
		}
	}
	return words
}

// TestMessageRefused: what no PUBLISH can hold could not be read again.
func TestMessageRefused(t *testing.T) {
	for _, m := range []*broker.Message{{Topic: ""}, {Topic: "a/+"}, {Topic: "a", QoS: 3}, {Topic: "a", Properties: []byte{0xff}}} {
		if b, err := appendMessage([]byte("x"), m, 0); err == nil || string(b) != "x" {
			t.Errorf("%+v: %q, %v", m, b, err)
		}
	}
}
