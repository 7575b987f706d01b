package broker_test

import (
	"bytes"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"mqtk/broker"
	"mqtk/mqttwire"
)

// 400 clients race for one client id while they subscribe and publish: exactly
// one connection stays, none hangs, and those who were in are told.
func TestHostileTakeoverRace(t *testing.T) {
	t.Run("in memory", func(t *testing.T) {
		inBubble(t, broker.Options{}, func(s *siege) { takeoverRace(s, 400) })
	})
	t.Run("over TCP", func(t *testing.T) {
		o := broker.Options{Limits: limits(t, "connect_timeout", "10m")} // all have connected before one says CONNECT
		overLoopback(t, o, func(s *siege) { takeoverRace(s, 400) })
	})
}

func takeoverRace(s *siege, n int) {
	var ended, accepted atomic.Int32
	racers := make([]*guest, n)
	for i := range racers {
		version := mqttwire.V5
		if i%4 == 3 {
			version = mqttwire.V311
		}
		racers[i] = s.knock(version)
	}
	start := make(chan struct{})
	for i, g := range racers {
		s.work.Go(func() {
			<-start
			g.race(i, &accepted)
			ended.Add(1)
		})
	}
	close(start)
	if !eventually(func() bool { return int(ended.Load()) == n-1 }) {
		s.Fatalf("%d connections of %d ended", ended.Load(), n)
	}
	s.others()
	if n := ended.Load(); int(n) == len(racers) {
		s.Error("nobody stayed")
	}
	s.Logf("%d were accepted", accepted.Load())
	last := s.connect("version=5 client-id=one") // takes over from the one that stayed
	s.work.Wait()
	last.send("PINGREQ")
	for last.next().Type() != mqttwire.PINGRESP {
	}
}

// race connects, subscribes, publishes and reads until the connection ends.
func (g *guest) race(i int, accepted *atomic.Int32) {
	write := func(lines ...string) { g.Write(g.bytes(lines...)) } // the broker may have closed
	if g.r.Version == mqttwire.V5 {
		write(fmt.Sprintf("CONNECT version=5 client-id=one clean-start=%d session-expiry-interval=%d", i%2, i%3*60))
	} else {
		write(fmt.Sprintf("CONNECT version=3.1.1 client-id=one clean-start=%d", i%2))
	}
	write("SUBSCRIBE packet-id=1 filter=race/# qos=1", "PUBLISH topic=race/a qos=1 packet-id=2", "PUBLISH topic=race/b qos=2 packet-id=3")
	var in, late bool
	var last mqttwire.PacketType
	var reason mqttwire.ReasonCode
	for start := time.Now(); ; {
		g.SetReadDeadline(time.Now().Add(time.Minute))
		p, err := g.r.ReadPacket()
		if err != nil {
			// The broker waits a second for its last word to be read.
			late = errors.Is(err, syscall.ECONNRESET) && time.Since(start) > time.Second
			break
		}
		last = p.Type()
		switch p := p.(type) {
		case *mqttwire.Connack:
			if in = true; p.Reason != mqttwire.Success {
				g.s.Errorf("CONNACK %v", p.Reason)
			}
			accepted.Add(1)
		case *mqttwire.Publish:
			if p.QoS == 1 {
				write(fmt.Sprintf("PUBACK packet-id=%d", p.PacketID), "PUBLISH topic=race/c")
			}
		case *mqttwire.Disconnect:
			reason = p.Reason
		}
	}
	if in && !late && g.r.Version == mqttwire.V5 && (last != mqttwire.DISCONNECT || reason != mqttwire.SessionTakenOver) {
		g.s.Errorf("the last word to a 5.0 client was %v %v", last, reason)
	}
}

// A resumed session keeps QoS, retain and properties of what was on its way, in
// order, and packet ids are unique.
func TestHostileResume(t *testing.T) {
	inBubble(t, broker.Options{}, func(s *siege) {
		connect := func() *guest {
			return s.connect("version=5 client-id=a session-expiry-interval=600 receive-maximum=40")
		}
		g := connect()
		g.send("SUBSCRIBE packet-id=1 subscription-identifier=77 filter=a/+ qos=2 retain-as-published=1")
		g.expect("SUBACK GrantedQoS2")
		const n = 100
		p := s.connect("version=5 client-id=p")
		for i := range n {
			p.send(fmt.Sprintf("PUBLISH topic=a/%d qos=%d retain=%d packet-id=%d message-expiry-interval=9000 content-type=c%d correlation-data=d%d user-property=n=%d payload=%d",
				i, 1+i%2, i%3/2, i+1, i, i, i, i))
			p.next()
			if i%2 == 1 {
				p.send(fmt.Sprintf("PUBREL packet-id=%d", i+1))
				p.expect("PUBCOMP Success")
			}
		}
		var got []*mqttwire.Publish // of this connection, not yet answered
		ids := make(map[mqttwire.PacketID]bool)
		next := 0
		for connections := 0; next < n; connections++ {
			dup := len(got) // so many come again
			for i := range dup {
				m := g.next().(*mqttwire.Publish)
				if o := got[i]; m.PacketID != o.PacketID || !m.Dup || m.Topic != o.Topic || m.QoS != o.QoS || m.Retain != o.Retain || !bytes.Equal(m.Payload, o.Payload) {
					s.Fatalf("%v came again as %v", o, mqttwire.LineOf(m, mqttwire.V5))
				}
			}
			for ; next < n && len(got) < 40; next++ {
				m := g.expect(fmt.Sprintf("PUBLISH topic=a/%d qos=%d retain=%d message-expiry-interval=* subscription-identifier=77 content-type=c%d correlation-data=d%d user-property=n=%d payload=%d",
					next, 1+next%2, next%3/2, next, next, next, next)).(*mqttwire.Publish)
				if ids[m.PacketID] || m.PacketID == 0 {
					s.Fatalf("packet id %d is in use", m.PacketID)
				}
				ids[m.PacketID] = true
				kept := *m
				kept.Topic, kept.Payload = string([]byte(m.Topic)), bytes.Clone(m.Payload)
				got = append(got, &kept)
			}
			for _, m := range got[:min(15, len(got))] {
				g.answer(m)
				delete(ids, m.PacketID)
			}
			got = got[min(15, len(got)):]
			for ; next < n && len(got) < 40; next++ { // what came for the answers
				m := g.message()
				if ids[m.PacketID] {
					s.Fatalf("packet id %d is in use", m.PacketID)
				}
				ids[m.PacketID] = true
				kept := *m
				kept.Topic, kept.Payload = string([]byte(m.Topic)), bytes.Clone(m.Payload)
				got = append(got, &kept)
			}
			g.Close()
			g = connect()
		}
	})
}

// message is the next PUBLISH; PUBREL may come before it.
func (g *guest) message() *mqttwire.Publish {
	for {
		switch p := g.next().(type) {
		case *mqttwire.Publish:
			return p
		case *mqttwire.Ack:
		default:
			g.s.Fatalf("%T came", p)
		}
	}
}

// answer ends the exchange of a message.
func (g *guest) answer(m *mqttwire.Publish) {
	g.s.Helper()
	if m.QoS == 1 {
		g.put(&mqttwire.Ack{Kind: mqttwire.PUBACK, PacketID: m.PacketID})
		return
	}
	g.put(&mqttwire.Ack{Kind: mqttwire.PUBREC, PacketID: m.PacketID})
	g.put(&mqttwire.Ack{Kind: mqttwire.PUBCOMP, PacketID: m.PacketID})
}

// gate is a store that says when things are durable, not before it is opened.
type gate struct {
	mu      sync.Mutex
	waiting []func(error)
	kinds   []broker.EventKind // appended so far
	open    bool
}

func (*gate) Replay(func(*broker.Event) error) error { return nil }
func (*gate) Close() error                           { return nil }

func (g *gate) Append(events []broker.Event, durable func(error)) error {
	g.mu.Lock()
	defer g.mu.Unlock()
	for _, e := range events {
		g.kinds = append(g.kinds, e.Kind)
	}
	if durable != nil && g.open {
		go durable(nil)
	} else if durable != nil {
		g.waiting = append(g.waiting, durable)
	}
	return nil
}

// fsync makes everything durable that was appended.
func (g *gate) fsync() {
	g.mu.Lock()
	waiting := g.waiting
	g.waiting = nil
	g.mu.Unlock()
	for _, durable := range waiting {
		durable(nil)
	}
}

// set opens or closes the gate, and forgets what was appended.
func (g *gate) set(open bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.open, g.kinds = open, nil
}

func (g *gate) has(kind broker.EventKind) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	for _, k := range g.kinds {
		if k == kind {
			return true
		}
	}
	return false
}

// Durable, then acknowledged: each answer waits until the event behind it is
// durable.
func TestHostileDurableFirst(t *testing.T) {
	store := &gate{open: true}
	inBubble(t, broker.Options{Store: store}, func(s *siege) {
		store.set(false)
		g := s.ask("version=5 client-id=a session-expiry-interval=60")
		step := func(line string, kind broker.EventKind, answer string) {
			s.Helper()
			if line != "" {
				store.set(false)
				g.send(line)
			}
			g.quiet(time.Second)
			if !store.has(kind) {
				s.Errorf("no event of kind %d before %s", kind, answer)
			}
			store.fsync()
			g.expect(answer)
		}
		step("", broker.EventSession, "CONNACK Success")
		step("SUBSCRIBE packet-id=1 filter=b", broker.EventSubscribe, "SUBACK GrantedQoS0")
		step("UNSUBSCRIBE packet-id=2 filter=b", broker.EventUnsubscribe, "UNSUBACK Success")
		step("PUBLISH topic=keep retain=1 qos=1 packet-id=3 payload=x", broker.EventRetain, "PUBACK NoMatchingSubscribers")
		step("PUBLISH topic=x qos=2 packet-id=4", broker.EventHeld, "PUBREC NoMatchingSubscribers")
		step("PUBREL packet-id=4", broker.EventForgotten, "PUBCOMP Success")
		step("SUBSCRIBE packet-id=5 filter=a qos=2", broker.EventSubscribe, "SUBACK GrantedQoS2")
		store.set(true)
		s.publisher.send("PUBLISH topic=a qos=2 packet-id=9 payload=x", "PUBREL packet-id=9")
		g.expect("PUBLISH topic=a qos=2 packet-id=1 payload=x")
		s.publisher.expect("PUBREC Success")
		s.publisher.expect("PUBCOMP Success")
		if !store.has(broker.EventEnqueue) || !store.has(broker.EventInflight) {
			s.Error("a message was acknowledged that is not kept for its receiver")
		}
		step("PUBREC packet-id=1", broker.EventReleased, "PUBREL Success packet-id=1")
		store.set(true)
		g.send("PUBCOMP packet-id=1", "PINGREQ")
		g.expect("PINGRESP")
		if !store.has(broker.EventDequeue) {
			s.Error("an exchange has ended and is kept on")
		}
	})
}

func (*gate) Fetch(uint64, []uint64) ([]broker.Event, error) { return nil, nil }

func (*gate) Full() bool { return false }
