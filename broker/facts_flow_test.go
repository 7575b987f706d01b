package broker_test

import (
	"fmt"
	"strconv"
	"strings"
	"testing"
	"time"

	"mqtk/broker"
	"mqtk/mqttwire"
)

// publish2 makes a whole QoS 2 exchange.
func (c *client) publish2(topic, payload string) {
	c.w.t.Helper()
	c.send("PUBLISH topic=" + topic + " qos=2 packet-id=997 payload=" + payload)
	c.expect("PUBREC Success|NoMatchingSubscribers packet-id=997")
	c.send("PUBREL packet-id=997")
	c.expect("PUBCOMP Success packet-id=997")
}

// acknowledge answers a QoS 1 PUBLISH.
func (c *client) acknowledge(l mqttwire.Line) {
	c.w.t.Helper()
	c.send("PUBACK packet-id=" + field(l, "packet-id"))
}

// The quota of a new connection is its own: what is sent again takes it, in its
// order; a PUBREL takes none, and its PUBCOMP gives none back.
func TestQuotaAfterResume(t *testing.T) {
	const connect = "session-expiry-interval=60 receive-maximum="
	bubble(t, broker.Options{}, nil, func(w *world) {
		a := w.connect5("a", connect+"5")
		a.subscribe("t", 2, "")
		pub := w.connect5("pub", "clean-start=1")
		for i := range 5 {
			pub.publish2("t", fmt.Sprint("m", i+1))
			a.expect(fmt.Sprintf("PUBLISH qos=2 packet-id=%d payload=m%d", i+1, i+1))
		}
		a.send("PUBREC packet-id=1", "PUBREC packet-id=3")
		a.expect("PUBREL packet-id=1", "PUBREL packet-id=3")
		pub.publish2("t", "m6")
		a.quiet(time.Second)
		a.drop()
		a = w.connect5("a", connect+"2")
		a.expect("PUBREL packet-id=1", "PUBLISH dup=1 packet-id=2 payload=m2", "PUBREL packet-id=3", "PUBLISH dup=1 packet-id=4 payload=m4")
		a.quiet(time.Second)
		a.send("PUBCOMP packet-id=1", "PUBCOMP packet-id=3")
		a.quiet(time.Second)
		a.send("PUBREC packet-id=2")
		a.expect("PUBREL packet-id=2")
		a.quiet(time.Second)
		a.send("PUBCOMP packet-id=2")
		a.expect("PUBLISH dup=1 packet-id=5 payload=m5")
		a.quiet(time.Second)
		a.send("PUBREC UnspecifiedError packet-id=4")
		a.expect("PUBLISH !dup packet-id=6 payload=m6") // the ids count on
		a.send("PUBREC packet-id=5", "PUBREC packet-id=6", "PUBREC packet-id=6")
		a.expect("PUBREL packet-id=5", "PUBREL packet-id=6", "PUBREL packet-id=6")
		a.send("PUBCOMP packet-id=5", "PUBCOMP packet-id=6")
		a.alive()
	})
}

// An acknowledgement of a message that has yet to be sent again on this
// connection is good.
func TestLateAcknowledgement(t *testing.T) {
	bubble(t, broker.Options{}, nil, func(w *world) {
		a := w.connect5("a", "session-expiry-interval=60")
		a.subscribe("t", 1, "")
		pub := w.connect5("pub", "clean-start=1")
		for i := range 3 {
			pub.publish("t", fmt.Sprint("m", i+1), "")
			a.expect(fmt.Sprintf("PUBLISH packet-id=%d", i+1))
		}
		a.drop()
		a = w.connect5("a", "session-expiry-interval=60 receive-maximum=1")
		a.expect("PUBLISH dup=1 packet-id=1")
		a.send("PUBACK packet-id=2", "PUBACK packet-id=1")
		a.expect("PUBLISH dup=1 packet-id=3")
		a.send("PUBACK packet-id=3")
		pub.publish("t", "m4", "")
		a.expect("PUBLISH packet-id=4 payload=m4")
	})
}

// Receive Maximum counts what this connection has unanswered: over segments,
// QoS 2 until its PUBCOMP, refused ones not at all, repetitions once.
func TestInboundQuota(t *testing.T) {
	bubble(t, broker.Options{}, []string{"receive_maximum=3"}, func(w *world) {
		a := w.connect5("a", "session-expiry-interval=60")
		for i := range 3 {
			a.send(fmt.Sprintf("PUBLISH topic=t qos=2 packet-id=%d payload=x", i+1))
			a.expect("PUBREC")
		}
		a.send("PUBLISH topic=t qos=2 dup=1 packet-id=3 payload=x", "PUBLISH topic=t payload=x") // a repetition, and QoS 0
		a.expect("PUBREC packet-id=3")
		a.send("PUBREL packet-id=2")
		a.expect("PUBCOMP packet-id=2")
		a.send("PUBLISH topic=t qos=1 packet-id=9 payload=x") // takes the place, for a moment
		a.expect("PUBACK packet-id=9")
		a.send("PUBLISH topic=t qos=2 packet-id=4 payload=x")
		a.expect("PUBREC packet-id=4")
		a.send("PUBLISH topic=t qos=1 packet-id=5 payload=x")
		a.expect("DISCONNECT ReceiveMaximumExceeded")
		a.eof()

		// 1, 3 and 4 are held, but count again only where they are repeated.
		a = w.connect5("a", "session-expiry-interval=60")
		for i := range 2 {
			a.send(fmt.Sprintf("PUBLISH topic=t qos=2 packet-id=%d payload=x", i+5))
			a.expect("PUBREC")
		}
		a.send("PUBLISH topic=t qos=2 dup=1 packet-id=1 payload=x", "PUBLISH topic=t qos=2 dup=1 packet-id=1 payload=x")
		a.expect("PUBREC packet-id=1", "PUBREC packet-id=1")
		a.send("PUBREL packet-id=3") // came on another connection, gives nothing back
		a.expect("PUBCOMP Success packet-id=3")
		a.send("PUBLISH topic=t qos=2 dup=1 packet-id=4 payload=x")
		a.expect("DISCONNECT ReceiveMaximumExceeded")
	})
}

// What is refused has its answer, and counts no longer.
func TestInboundQuotaOfRefused(t *testing.T) {
	bubble(t, broker.Options{}, []string{"receive_maximum=1"}, func(w *world) {
		a := w.connect5("a", "clean-start=1")
		for range 3 {
			a.send("PUBLISH topic=$SYS/x qos=1 packet-id=1 payload=x", "PUBLISH topic=$SYS/x qos=2 packet-id=2 payload=x")
			a.expect("PUBACK NotAuthorized packet-id=1", "PUBREC NotAuthorized packet-id=2")
		}
	})
}

// A whole pipelined segment over the quota is too much; as much as the quota is
// not, and 3.x is slowed.
func TestInboundQuotaInOneSegment(t *testing.T) {
	bubble(t, broker.Options{}, []string{"receive_maximum=4"}, func(w *world) {
		burst := func(n int) (lines []string) {
			for i := range n {
				lines = append(lines, fmt.Sprintf("PUBLISH topic=t qos=1 packet-id=%d payload=x", i+1))
			}
			return lines
		}
		a := w.connect5("a", "clean-start=1")
		a.send(burst(4)...)
		for range 4 {
			a.expect("PUBACK")
		}
		a.alive()
		b := w.connect4("b", "clean-start=1")
		b.send(burst(40)...)
		for i := range 40 {
			b.expect(fmt.Sprintf("PUBACK packet-id=%d", i+1))
		}
		b.alive()
	})
}

// While its answers wait for the store, a 3.x client is read no further than
// Receive Maximum; nothing is lost by that, and keep alive does not close it.
func TestReadingOf3xIsPaused(t *testing.T) {
	stored(t, []string{"receive_maximum=3"}, func(w *world, v *vault) {
		watch := w.connect5("watch", "clean-start=1")
		watch.subscribe("t", 0, "")
		a := w.connect4("a", "keep-alive=2")
		v.held()
		for i := range 5 {
			a.send(fmt.Sprintf("PUBLISH topic=t qos=1 packet-id=%d payload=m%d", i+1, i+1))
		}
		watch.expect("PUBLISH payload=m1", "PUBLISH payload=m2", "PUBLISH payload=m3")
		watch.quiet(2 * time.Second)
		a.quiet(3 * time.Second)
		v.promptly()
		for i := range 5 {
			a.expect(fmt.Sprintf("PUBACK packet-id=%d", i+1))
		}
		watch.expect("PUBLISH payload=m4", "PUBLISH payload=m5")
		a.alive()
	})
}

// Outgoing aliases are given from a topic's first message while one is free.
func TestOutgoingAliases(t *testing.T) {
	bubble(t, broker.Options{}, []string{"topic_alias_out=2"}, func(w *world) {
		a := w.connect5("a", "clean-start=1 topic-alias-maximum=9")
		a.subscribe("t/#", 1, "")
		pub := w.connect5("pub", "clean-start=1")
		for _, topic := range []string{"t/a", "t/b", "t/c", "t/a", "t/b", "t/c"} {
			pub.send("PUBLISH topic=" + topic + " payload=x")
		}
		a.expect("PUBLISH topic=t/a topic-alias=1", "PUBLISH topic=t/b topic-alias=2", "PUBLISH !topic-alias topic=t/c",
			"PUBLISH !topic topic-alias=1", "PUBLISH !topic topic-alias=2", "PUBLISH !topic-alias topic=t/c")
	})
}

// An alias is used only if the packet that told it was sent.
func TestAliasOfAMessageThatIsNotSent(t *testing.T) {
	bubble(t, broker.Options{}, nil, func(w *world) {
		a := w.connect5("a", "clean-start=1 topic-alias-maximum=1 maximum-packet-size=100")
		a.subscribe("t/#", 1, "")
		pub := w.connect5("pub", "clean-start=1")
		pub.send("PUBLISH topic=t/a payload="+strings.Repeat("x", 200), "PUBLISH topic=t/b payload=y", "PUBLISH topic=t/a payload=z", "PUBLISH topic=t/b payload=y")
		a.expect("PUBLISH topic=t/b topic-alias=1 payload=y", "PUBLISH !topic-alias topic=t/a payload=z", "PUBLISH !topic topic-alias=1 payload=y")

		// A message that fits without a new alias is sent without it.
		b := w.connect5("b", "clean-start=1 topic-alias-maximum=1 maximum-packet-size=40")
		b.subscribe("u", 0, "")
		fits := strings.Repeat("x", 40-2-3-1)
		pub.send("PUBLISH topic=u payload="+fits, "PUBLISH topic=u payload=y", "PUBLISH topic=u payload="+fits)
		b.expect("PUBLISH !topic-alias topic=u payload="+fits, "PUBLISH topic=u topic-alias=1 payload=y")
		b.quiet(time.Second) // it is a byte longer with the alias than with the topic
	})
}

// The client's Maximum Packet Size: the copy is dropped as if sent, and takes
// nothing of the window; others get theirs.
func TestMaximumPacketSizeOfOneReceiver(t *testing.T) {
	bubble(t, broker.Options{}, nil, func(w *world) {
		a := w.connect5("a", "session-expiry-interval=60 maximum-packet-size=60 receive-maximum=1")
		a.subscribe("t", 2, "")
		b := w.connect5("b", "clean-start=1")
		b.subscribe("t", 2, "")
		pub := w.connect5("pub", "clean-start=1")
		large := strings.Repeat("x", 100)
		for i := range 3 {
			pub.publish("t", large, "")
			b.expect("PUBLISH packet-id=" + strconv.Itoa(2*i+1))
			pub.publish("t", "small", "")
			b.expect("PUBLISH packet-id=" + strconv.Itoa(2*i+2))
			a.acknowledge(a.expect(fmt.Sprintf("PUBLISH packet-id=%d payload=small", i+1)))
		}
		// In flight, and too large for the next connection: ended, as if acknowledged.
		a.leave()
		a = w.connect5("a", "session-expiry-interval=60 receive-maximum=1")
		pub.publish("t", large, "")
		a.expect("PUBLISH packet-id=4")
		pub.publish("t", large, "")
		pub.publish("t", "small", "")
		a.drop()
		a = w.connect5("a", "session-expiry-interval=60 receive-maximum=1 maximum-packet-size=60")
		a.expect("PUBLISH !dup payload=small")
	})
}

// What the broker says itself that is too large: without reason and user
// properties, else not at all.
func TestMaximumPacketSizeOfAnswers(t *testing.T) {
	bubble(t, broker.Options{}, nil, func(w *world) {
		long := strings.Repeat("i", 200)
		a := w.dial("a", mqttwire.V5)
		a.send("CONNECT clean-start=1 maximum-packet-size=20 client-id=" + long + long)
		a.expect("CONNACK ClientIdentifierNotValid !reason-string")
		a.eof()
		b := w.dial("b", mqttwire.V5)
		b.send("CONNECT clean-start=1 maximum-packet-size=12 will-topic=w will-payload=w client-id=b")
		b.eof()
		watch := w.connect5("watch", "clean-start=1 maximum-packet-size=24")
		filters := ""
		for i := range 30 {
			filters += fmt.Sprint(" filter=f", i)
		}
		watch.send("SUBSCRIBE packet-id=1" + filters)
		watch.expect("DISCONNECT PacketTooLarge !reason-string")
		watch.eof()
	})
}

// Reasons in words stand on failures, and where the client wants them.
func TestReasonStrings(t *testing.T) {
	bubble(t, broker.Options{}, nil, func(w *world) {
		for _, c := range []struct{ connect, has string }{{"", ""}, {"request-problem-information=0", "!"}} {
			a := w.connect5("a", "clean-start=1 "+c.connect)
			a.send("PUBLISH topic=t qos=1 packet-id=1 payload=x", "SUBSCRIBE packet-id=2 filter=t", "UNSUBSCRIBE packet-id=3 filter=t",
				"PUBLISH topic=$SYS/x qos=1 packet-id=4 payload=x")
			a.expect("PUBACK !reason-string packet-id=1", "SUBACK !reason-string packet-id=2", "UNSUBACK !reason-string packet-id=3")
			if c.has == "!" {
				a.expect("PUBACK NotAuthorized !reason-string packet-id=4")
			} else {
				a.expect("PUBACK NotAuthorized packet-id=4")
			}
			a.sendHex("82 05 0001 00 0000") // an empty filter
			a.expect("DISCONNECT ProtocolError|MalformedPacket reason-string=*")
			a.eof()
		}
		b := w.dial("b", mqttwire.V5)
		b.send("CONNECT clean-start=1 request-problem-information=0 client-id=" + strings.Repeat("i", 300))
		b.expect("CONNACK ClientIdentifierNotValid reason-string=*")
		b.eof()
	})
}

func TestResponseInformation(t *testing.T) {
	bubble(t, broker.Options{}, []string{"response_information=replies/%c/%u"}, func(w *world) {
		for fields, want := range map[string]string{
			"request-response-information=1": "CONNACK Success response-information=replies/a/",
			"request-response-information=0": "CONNACK Success !response-information",
			"":                               "CONNACK Success !response-information",
		} {
			a := w.dial("a", mqttwire.V5)
			a.send("CONNECT client-id=a clean-start=1 " + fields)
			a.expect(want)
			a.leave()
		}
	})
	bubble(t, broker.Options{}, nil, func(w *world) {
		a := w.dial("a", mqttwire.V5)
		a.send("CONNECT client-id=a clean-start=1 request-response-information=1")
		a.expect("CONNACK Success !response-information")
	})
}

// Whom the broker turns away for want of room it sends elsewhere, if told where.
func TestServerReference(t *testing.T) {
	bubble(t, broker.Options{}, []string{"max_connections=1", "server_reference=other:1883"}, func(w *world) {
		w.connect5("a", "clean-start=1")
		b := w.dial("b", mqttwire.V5)
		b.send("CONNECT client-id=b clean-start=1")
		b.expect("CONNACK UseAnotherServer server-reference=other:1883")
		b.eof()
		c := w.dial("c", mqttwire.V311)
		c.send("CONNECT client-id=c clean-start=1")
		c.expect("CONNACK ServerUnavailable|UseAnotherServer")
		c.eof()
	})
}

// Acknowledgements that come together are taken together, in their order, up to
// one that is wrong; those before it have had their effect.
func TestAcknowledgementsTogether(t *testing.T) {
	const connect = "session-expiry-interval=60 receive-maximum=3"
	bubble(t, broker.Options{}, nil, func(w *world) {
		a, pub := w.connect5("a", connect), w.connect5("pub", "")
		a.subscribe("t", 2, "")
		for i := range 8 {
			pub.publish("t", fmt.Sprint("m", i+1), "")
		}
		a.expect("PUBLISH packet-id=1 payload=m1", "PUBLISH packet-id=2 payload=m2", "PUBLISH packet-id=3 payload=m3")
		a.send("PUBACK packet-id=2", "PUBACK packet-id=9", "PUBACK packet-id=1", "PUBACK packet-id=1", "PINGREQ", "PUBACK Success packet-id=3")
		a.expect("PUBLISH packet-id=4 payload=m4", "PUBLISH packet-id=5 payload=m5", "PINGRESP", "PUBLISH packet-id=6 payload=m6")
		a.send("PUBACK packet-id=4", "PUBREC packet-id=5", "PUBACK packet-id=6")
		a.expect("DISCONNECT ProtocolError")
		a.eof()
		a = w.connect5("a", connect)
		a.expect("PUBLISH dup=1 packet-id=5 payload=m5", "PUBLISH dup=1 packet-id=6 payload=m6", "PUBLISH !dup packet-id=7 payload=m7")
		a.send("PUBACK packet-id=5", "PUBACK packet-id=6", "PUBACK packet-id=7")
		a.expect("PUBLISH packet-id=8 payload=m8")
		a.sendHex("40 02 00 00") // an id that is none
		a.expect("DISCONNECT")
		a.eof()
	})
}

// Whoever a message was kept for first, all get it as their version has it: at
// once, once more on the next connection, and out of the queue.
func TestKeptForAllVersions(t *testing.T) {
	versions := []mqttwire.Version{mqttwire.V5, mqttwire.V311, mqttwire.V31}
	for i := range versions {
		bubble(t, broker.Options{}, []string{"max_inflight=2"}, func(w *world) {
			clients := make(map[mqttwire.Version]*client)
			open := func(v mqttwire.Version) {
				fields := "clean-start=0"
				if v == mqttwire.V5 {
					fields = "session-expiry-interval=60"
				}
				clients[v] = w.connect(v, v.String(), fields)
			}
			for k := range versions {
				v := versions[(i+k)%len(versions)]
				open(v)
				options := ""
				if v == mqttwire.V5 {
					options = "retain-as-published=1"
				}
				clients[v].subscribe("t", 2, options)
			}
			pub := w.connect5("pub", "")
			pub.publish("t", "m1", "")
			pub.publish2("t", "m2")
			pub.publish("t", "m3", "retain=1")
			for _, v := range versions {
				clients[v].expect("PUBLISH qos=1 !dup packet-id=1 topic=t payload=m1", "PUBLISH qos=2 !dup packet-id=2 topic=t payload=m2")
				clients[v].drop()
				open(v)
				clients[v].expect("PUBLISH qos=1 dup=1 packet-id=1 topic=t payload=m1", "PUBLISH qos=2 dup=1 packet-id=2 topic=t payload=m2")
				clients[v].send("PUBACK packet-id=1")
				retain := "!retain"
				if v == mqttwire.V5 {
					retain = "retain=1"
				}
				clients[v].expect("PUBLISH qos=1 !dup packet-id=3 topic=t " + retain + " payload=m3")
			}
		})
	}
}
