package broker_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"mqtk/broker"
	"mqtk/mqttwire"
)

// A connection that says nothing is closed after the time to a CONNECT, and so
// is one that says it drop by drop.
func TestHostileConnectTimeout(t *testing.T) {
	inBubble(t, broker.Options{}, func(s *siege) {
		s.patience = 10 * time.Second
		start := time.Now()
		silent, dripping, slow := s.knock(mqttwire.V5), s.knock(mqttwire.V5), s.knock(mqttwire.V5)
		packet := dripping.bytes("CONNECT version=5 client-id=a-rather-long-client-id keep-alive=1")
		s.work.Go(func() {
			for i := range packet {
				dripping.Write(packet[i : i+1])
				slow.Write(packet[i : i+1])
				nap(300 * time.Millisecond)
				if i == 10 {
					slow.Write(packet[i+1:]) // in time
					return
				}
			}
		})
		slow.expect("CONNACK Success")
		silent.expectEnd()
		dripping.expectEnd()
		if took := time.Since(start); took != 5*time.Second {
			s.Errorf("closed after %v", took)
		}
		slow.expectClosed("DISCONNECT KeepAliveTimeout")
		s.patience = time.Second
	})
}

// A dripping half packet is not activity: the keep alive is enforced within one
// and a half times and a second.
func TestHostileKeepAlive(t *testing.T) {
	for _, version := range []string{"3.1", "3.1.1", "5"} {
		for _, keepAlive := range []int{1, 7, 60} {
			t.Run(fmt.Sprintf("%s, %d s", version, keepAlive), func(t *testing.T) {
				inBubble(t, broker.Options{}, func(s *siege) {
					limit := time.Duration(keepAlive) * time.Second * 3 / 2
					s.patience = limit + 2*time.Second
					connect := func(id string) *guest {
						return s.connect(fmt.Sprintf("version=%s clean-start=1 client-id=%s keep-alive=%d", version, id, keepAlive))
					}
					start := time.Now()
					silent, dripping, alive := connect("silent"), connect("dripping"), connect("alive")
					packet := dripping.bytes("PUBLISH topic=well/b payload=" + strings.Repeat("x", 1000))
					s.work.Go(func() {
						for i := range packet[1:] {
							if _, err := dripping.Write(packet[i : i+1]); err != nil {
								return
							}
							nap(limit / 10)
						}
					})
					alive.send("PINGREQ")
					nap(limit - 100*time.Millisecond)
					alive.send("PINGREQ")
					for _, g := range []*guest{silent, dripping} {
						g.expectClosed("DISCONNECT KeepAliveTimeout")
						if took := time.Since(start); took < limit || took > limit+time.Second {
							s.Errorf("closed after %v", took)
						}
					}
					alive.expect("PINGRESP")
					alive.expect("PINGRESP")
					alive.send("PINGREQ")
					alive.expect("PINGRESP")
					s.patience = time.Second
				})
			})
		}
	}
}

// One QoS 2 packet id holds at most one message, whatever is sent with it, and
// over a reconnect too.
func TestHostileQoS2Repeats(t *testing.T) {
	inBubble(t, broker.Options{}, func(s *siege) {
		listener := s.connect("version=5 client-id=b")
		listener.send("SUBSCRIBE packet-id=1 filter=a/# qos=0")
		listener.expect("SUBACK GrantedQoS0")
		for range 2 {
			g := s.connect("version=5 client-id=a session-expiry-interval=60")
			for i := range 1000 {
				dup := ""
				if i%2 == 1 {
					dup = " dup=1"
				}
				g.send(fmt.Sprintf("PUBLISH topic=a/%d qos=2%s packet-id=7 payload=%d", i, dup, i))
			}
			for range 1000 {
				g.expect("PUBREC Success packet-id=7")
			}
			g.Close()
		}
		listener.expect("PUBLISH topic=a/0 payload=0")
		listener.quiet(time.Second)
		g := s.connect("version=5 client-id=a session-expiry-interval=60")
		g.send("PUBREL packet-id=7", "PUBREL packet-id=7", "PUBLISH topic=a/b qos=2 packet-id=7")
		g.expect("PUBCOMP Success packet-id=7")
		g.expect("PUBCOMP PacketIdentifierNotFound packet-id=7")
		g.expect("PUBREC Success packet-id=7")
		listener.expect("PUBLISH topic=a/b")
	})
}

// Receive Maximum is enforced on those who publish at QoS 2 and release nothing.
func TestHostileReceiveMaximumEnforced(t *testing.T) {
	inBubble(t, broker.Options{Limits: limits(t, "receive_maximum", "10")}, func(s *siege) {
		g := s.ask("version=5 client-id=a")
		g.expect("CONNACK Success receive-maximum=10")
		for round := range 3 { // ids that are released count no more
			for id := 1; id <= 10; id++ {
				g.send(fmt.Sprintf("PUBLISH topic=a qos=2 packet-id=%d payload=%d", id, round))
				g.expect(fmt.Sprintf("PUBREC packet-id=%d", id))
			}
			for id := 1; id <= 10 && round < 2; id++ {
				g.send(fmt.Sprintf("PUBREL packet-id=%d", id))
				g.expect(fmt.Sprintf("PUBCOMP Success packet-id=%d", id))
			}
		}
		g.send("PUBLISH topic=a qos=2 packet-id=1 dup=1", "PUBLISH topic=a payload=x") // allowed
		g.expect("PUBREC packet-id=1")
		g.send("PINGREQ")
		g.expect("PINGRESP")
		g.send("PUBLISH topic=a qos=1 packet-id=11")
		g.expectClosed("DISCONNECT ReceiveMaximumExceeded")

		old := s.connect("version=3.1.1 clean-start=1 client-id=b") // 3.x knows no such thing
		for id := 1; id <= 30; id++ {
			old.send(fmt.Sprintf("PUBLISH topic=a qos=2 packet-id=%d", id))
			old.expect(fmt.Sprintf("PUBREC packet-id=%d", id))
		}
	})
}

// The client's Receive Maximum is never exceeded, over a resumption neither.
func TestHostileReceiveMaximumKept(t *testing.T) {
	inBubble(t, broker.Options{}, func(s *siege) {
		g := s.connect("version=5 client-id=a session-expiry-interval=600 receive-maximum=5")
		g.send("SUBSCRIBE packet-id=1 filter=a qos=2")
		g.expect("SUBACK GrantedQoS2")
		p := s.connect("version=5 client-id=p")
		for i := 1; i <= 100; i++ {
			p.send(fmt.Sprintf("PUBLISH topic=a qos=%d packet-id=%d payload=%d", 1+i%2, i, i))
			if i%2 == 1 {
				p.expect("PUBREC Success")
				p.send(fmt.Sprintf("PUBREL packet-id=%d", i))
				p.expect("PUBCOMP Success")
			} else {
				p.expect("PUBACK Success")
			}
		}
		var ids []mqttwire.PacketID
		for range 5 {
			ids = append(ids, g.next().(*mqttwire.Publish).PacketID)
		}
		g.quiet(time.Minute)
		g.Close()

		g = s.connect("version=5 client-id=a session-expiry-interval=600 receive-maximum=2")
		for i := range 2 {
			m := g.expect("PUBLISH dup=1").(*mqttwire.Publish)
			if m.PacketID != ids[i] {
				s.Errorf("packet id %d came again as %d", ids[i], m.PacketID)
			}
		}
		g.quiet(time.Minute)
		got := 2
		for open := ids[:2:2]; len(open) > 0; open = open[1:] { // answer one, get one
			g.settle(open[0])
			if got == 100 {
				continue
			}
			m := g.next().(*mqttwire.Publish)
			if got++; string(m.Payload) != fmt.Sprint(got) {
				s.Fatalf("message %d holds %s", got, m.Payload)
			}
			open = append(open, m.PacketID)
			g.quiet(time.Second)
		}
		if got != 100 {
			s.Errorf("%d messages came", got)
		}
	})
}

// settle ends the exchange of a message with this packet id at either QoS: odd
// ids are of QoS 2 in the test above.
func (g *guest) settle(id mqttwire.PacketID) {
	g.s.Helper()
	if id%2 == 0 {
		g.put(&mqttwire.Ack{Kind: mqttwire.PUBACK, PacketID: id})
		return
	}
	g.put(&mqttwire.Ack{Kind: mqttwire.PUBREC, PacketID: id})
	g.expect(fmt.Sprintf("PUBREL packet-id=%d", id))
	g.put(&mqttwire.Ack{Kind: mqttwire.PUBCOMP, PacketID: id})
}

// Topics of 10,000 levels and of 65,535 slashes are refused, or, where the limit
// allows them, cost no more than their length.
func TestHostileTopicDepth(t *testing.T) {
	deep, slashes := strings.Repeat("a/", 10_000)+"a", strings.Repeat("/", 65_535)
	inBubble(t, broker.Options{}, func(s *siege) {
		for _, topic := range []string{deep, slashes} {
			g := s.connect("version=5 client-id=a")
			g.put(&mqttwire.Subscribe{PacketID: 1, Subscriptions: []mqttwire.Subscription{{Filter: topic}, {Filter: "a"}}})
			g.expect("SUBACK TopicFilterInvalid GrantedQoS0")
			g.put(&mqttwire.Publish{Topic: topic, QoS: 1, PacketID: 2}, &mqttwire.Publish{Topic: topic, QoS: 2, PacketID: 3})
			g.expect("PUBACK TopicNameInvalid packet-id=2")
			g.expect("PUBREC TopicNameInvalid packet-id=3")
			g.put(&mqttwire.Publish{Topic: topic})
			g.expectClosed("DISCONNECT TopicNameInvalid")

			old := s.connect("version=3.1.1 clean-start=1 client-id=a")
			old.put(&mqttwire.Subscribe{PacketID: 1, Subscriptions: []mqttwire.Subscription{{Filter: topic}}})
			old.expect("SUBACK UnspecifiedError")
			old.put(&mqttwire.Publish{Topic: topic, QoS: 1, PacketID: 2})
			old.expectEnd()

			g = s.knock(mqttwire.V5)
			g.put(&mqttwire.Connect{Version: mqttwire.V5, ClientID: "a", Will: &mqttwire.Will{Topic: topic}})
			g.expect("CONNACK TopicNameInvalid")
			g.expectEnd()
		}
	})
	overLoopback(t, broker.Options{Limits: limits(t, "max_topic_levels", "65536")}, func(s *siege) {
		for _, topic := range []string{deep, slashes} {
			g := s.connect("version=5 clean-start=1 client-id=a")
			g.put(&mqttwire.Subscribe{PacketID: 1, Subscriptions: []mqttwire.Subscription{{Filter: topic}}})
			g.expect("SUBACK GrantedQoS0")
			g.put(&mqttwire.Subscribe{PacketID: 1, Subscriptions: []mqttwire.Subscription{{Filter: topic[:len(topic)-2] + "/#"}}})
			g.expect("SUBACK GrantedQoS0")
			for range scale(100) {
				g.put(&mqttwire.Publish{Topic: topic, Retain: true, Payload: []byte("x")})
				g.expect("PUBLISH payload=x")
			}
			g.put(&mqttwire.Unsubscribe{PacketID: 1, Filters: []string{topic}})
			g.expect("UNSUBACK Success")
			g.put(&mqttwire.Publish{Topic: topic, Retain: true})
		}
	})
}

// 2^14 filters that mix a name and + at 14 levels all match one topic, and cost
// the others nothing.
func TestHostileWildcards(t *testing.T) {
	o := broker.Options{Limits: limits(t, "max_subscriptions", "100000")}
	overLoopback(t, o, func(s *siege) {
		const levels = 14
		g := s.connect("version=5 client-id=a")
		var filters []mqttwire.Subscription
		for i := range 1 << levels {
			words := make([]string, levels)
			for j := range words {
				words[j] = []string{"a", "+"}[i>>j&1]
			}
			filters = append(filters, mqttwire.Subscription{Filter: strings.Join(words, "/")})
			if len(filters) == 1000 || i == 1<<levels-1 {
				g.put(&mqttwire.Subscribe{PacketID: 1, Subscriptions: filters})
				if n := len(g.next().(*mqttwire.Suback).Reasons); n != len(filters) {
					s.Fatalf("%d reasons for %d filters", n, len(filters))
				}
				filters = nil
			}
		}
		topic := strings.Repeat("a/", levels-1)
		for i := range 20 {
			for _, last := range []string{"a", "b", "a/a"} {
				g.put(&mqttwire.Publish{Topic: topic + last, QoS: 1, PacketID: 9, Payload: []byte{byte(i)}})
				if last != "a/a" {
					g.expect("PUBLISH topic=" + topic + last)
					g.expect("PUBACK Success")
				} else {
					g.expect("PUBACK NoMatchingSubscribers")
				}
			}
			s.others()
		}
		g.send("DISCONNECT NormalDisconnection")
		g.expectEnd()
	})
}
