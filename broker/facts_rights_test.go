package broker_test

import (
	"strings"
	"sync"
	"testing"
	"time"

	"mqtk/broker"
	"mqtk/mqttwire"
)

// rules deny by action and topic, for all or for one client. They may change at
// any time.
type rules struct {
	mu   sync.Mutex
	deny map[string]bool // "receive a/b", "publish a/b", "subscribe a/#", "ID receive a/b"
}

func (r *rules) Authorize(id *broker.Identity, a broker.Action, topic string) bool {
	word := map[broker.Action]string{broker.Publish: "publish", broker.Receive: "receive", broker.Subscribe: "subscribe"}[a]
	r.mu.Lock()
	defer r.mu.Unlock()
	return !r.deny[word+" "+topic] && !r.deny[id.ClientID+" "+word+" "+topic]
}

func (r *rules) set(denied ...string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.deny = make(map[string]bool)
	for _, d := range denied {
		r.deny[d] = true
	}
}

// forbidden runs f under rules that begin as denied says.
func forbidden(t *testing.T, denied string, f func(w *world, r *rules)) {
	r := &rules{}
	if denied != "" {
		r.set(denied)
	}
	bubble(t, broker.Options{Authorizer: r}, nil, func(w *world) { f(w, r) })
}

func TestPublishDenied(t *testing.T) {
	forbidden(t, "publish no", func(w *world, r *rules) {
		watch := w.connect5("watch", "clean-start=1")
		watch.subscribe("#", 2, "")
		a := w.connect5("a", "clean-start=1")
		a.send("PUBLISH topic=no payload=0", "PUBLISH topic=no qos=1 packet-id=1 payload=1", "PUBLISH topic=no qos=2 packet-id=2 payload=2")
		a.expect("PUBACK NotAuthorized packet-id=1", "PUBREC NotAuthorized packet-id=2")
		a.send("PUBREL packet-id=2") // the exchange is over
		a.expect("PUBCOMP PacketIdentifierNotFound packet-id=2")
		a.send("PUBLISH topic=yes qos=2 packet-id=2 payload=3")
		a.expect("PUBREC Success packet-id=2")
		watch.expect("PUBLISH topic=yes payload=3")
		a.send("PUBLISH topic=no retain=1 payload=kept")
		a.subscribe("no", 0, "")
		a.alive()
		for _, v := range []mqttwire.Version{mqttwire.V311, mqttwire.V31} {
			b := w.connect(v, "b", "clean-start=1")
			b.send("PUBLISH topic=no payload=0", "PUBLISH topic=no qos=1 packet-id=1 payload=1", "PUBLISH topic=no qos=2 packet-id=2 payload=2")
			b.expect("PUBACK packet-id=1", "PUBREC packet-id=2")
			b.send("PUBREL packet-id=2")
			b.expect("PUBCOMP packet-id=2")
			b.alive()
		}
		watch.quiet(time.Second)
	})
}

func TestSubscribeDenied(t *testing.T) {
	forbidden(t, "", func(w *world, r *rules) {
		r.set("subscribe no/#", "subscribe no")
		pub := w.connect5("pub", "clean-start=1")
		pub.publish("no/a", "kept", "retain=1")
		for v, code := range map[mqttwire.Version]string{
			mqttwire.V5: "NotAuthorized", mqttwire.V311: "UnspecifiedError", mqttwire.V31: "GrantedQoS1",
		} {
			c := w.connect(v, "c", "clean-start=1")
			c.send("SUBSCRIBE packet-id=1 filter=no/# qos=1 filter=yes qos=2")
			c.expect("SUBACK " + code + " GrantedQoS2 packet-id=1")
			if v == mqttwire.V5 {
				c.send("SUBSCRIBE packet-id=2 filter=$share/g/no qos=1") // the right is to the filter
				c.expect("SUBACK NotAuthorized packet-id=2")
			}
			pub.publish("no/a", "x", "")
			pub.publish("yes", "y", "")
			c.expect("PUBLISH topic=yes payload=y")
			c.send("DISCONNECT")
			c.eof()
		}
	})
}

// What a granted filter matches is asked for again with each delivery.
func TestDeliveryDeniedLive(t *testing.T) {
	forbidden(t, "", func(w *world, r *rules) {
		a := w.connect5("a", "clean-start=1")
		a.subscribe("t/#", 1, "")
		pub := w.connect5("pub", "clean-start=1")
		pub.publish("t/x", "1", "")
		a.expect("PUBLISH payload=1")
		r.set("receive t/x") // though the match is cached
		pub.publish("t/x", "2", "")
		pub.send("PUBLISH topic=t/x payload=2")
		pub.publish("t/y", "3", "")
		a.expect("PUBLISH payload=3")
		r.set()
		pub.publish("t/x", "4", "")
		a.expect("PUBLISH payload=4")
	})
}

func TestDeliveryDeniedRetained(t *testing.T) {
	forbidden(t, "receive t/x", func(w *world, r *rules) {
		pub := w.connect5("pub", "clean-start=1")
		pub.publish("t/x", "1", "retain=1")
		pub.publish("t/y", "2", "retain=1")
		a := w.connect5("a", "clean-start=1")
		a.subscribe("t/#", 1, "")
		a.expect("PUBLISH topic=t/y retain=1 payload=2")
		a.alive()
	})
}

func TestDeliveryDeniedQueued(t *testing.T) {
	forbidden(t, "", func(w *world, r *rules) {
		a := w.connect5("a", "session-expiry-interval=60")
		a.subscribe("t/#", 2, "")
		a.leave()
		pub := w.connect5("pub", "clean-start=1")
		pub.publish("t/x", "1", "")
		pub.publish("t/y", "2", "")
		r.set("receive t/x")
		a = w.connect5("a", "session-expiry-interval=60")
		a.expect("PUBLISH topic=t/y payload=2")
		a.alive()
	})
}

// A message that is sent again needs the right, too. The QoS 2 exchange is ended
// by PUBREL, for the client may hold its id.
func TestDeliveryDeniedResumed(t *testing.T) {
	forbidden(t, "", func(w *world, r *rules) {
		a := w.connect5("a", "session-expiry-interval=60 receive-maximum=2")
		a.subscribe("t/#", 2, "")
		pub := w.connect5("pub", "clean-start=1")
		pub.publish("t/x", "1", "")
		pub.send("PUBLISH topic=t/x qos=2 packet-id=1 payload=2")
		pub.expect("PUBREC packet-id=1")
		pub.publish("t/y", "3", "")
		first := a.expect("PUBLISH payload=1")
		second := a.expect("PUBLISH payload=2")
		a.drop()
		r.set("receive t/x")
		a = w.connect5("a", "session-expiry-interval=60 receive-maximum=2")
		a.expect("PUBREL packet-id="+field(second, "packet-id"), "PUBLISH !dup topic=t/y payload=3")
		a.send("PUBCOMP packet-id=" + field(second, "packet-id"))
		a.send("PUBACK packet-id=" + field(first, "packet-id"))
		a.alive()
	})
}

func TestDeliveryDeniedToOneMember(t *testing.T) {
	forbidden(t, "a receive t/x", func(w *world, r *rules) {
		a := w.connect5("a", "clean-start=1")
		a.subscribe("$share/g/t/#", 1, "")
		b := w.connect5("b", "clean-start=1")
		b.subscribe("$share/g/t/#", 1, "")
		pub := w.connect5("pub", "clean-start=1")
		for range 4 {
			pub.publish("t/x", "1", "")
			b.expect("PUBLISH payload=1")
		}
		a.alive()
	})
}

func TestDeliveryDeniedWill(t *testing.T) {
	forbidden(t, "a receive will/x", func(w *world, r *rules) {
		a := w.connect5("a", "clean-start=1")
		a.subscribe("will/+", 1, "")
		b := w.connect5("b", "clean-start=1 will-topic=will/x will-payload=w")
		b.drop()
		a.quiet(time.Second)
	})
}

// A will is checked at CONNECT, and again when it goes out.
func TestWillDenied(t *testing.T) {
	forbidden(t, "publish will/no", func(w *world, r *rules) {
		watch := w.connect5("watch", "clean-start=1")
		watch.subscribe("will/#", 0, "")
		a := w.dial("a", mqttwire.V5)
		a.send("CONNECT client-id=a will-topic=will/no will-payload=w")
		a.expect("CONNACK NotAuthorized")
		a.eof()
		b := w.dial("b", mqttwire.V311)
		b.send("CONNECT client-id=b clean-start=1 will-topic=will/no will-payload=w")
		b.expect("CONNACK NotAuthorized")
		b.eof()
		c := w.connect5("c", "clean-start=1 will-topic=will/later will-payload=w")
		r.set("publish will/later")
		c.drop()
		watch.quiet(time.Second)
	})
}

// The prefix of a share is no part of the topic, and its levels do not count.
func TestLevelsOfShares(t *testing.T) {
	bubble(t, broker.Options{}, []string{"max_topic_levels=3"}, func(w *world) {
		a := w.connect5("a", "clean-start=1")
		a.subscribe("$share/g/a/b/c", 0, "")
		a.send("SUBSCRIBE packet-id=1 filter=$share/g/a/b/c/d filter=a/b/c/d filter=a/b/c")
		a.expect("SUBACK TopicFilterInvalid TopicFilterInvalid GrantedQoS0 packet-id=1")
		a.send("PUBLISH topic=" + strings.Repeat("/", 3) + " payload=x")
		a.expect("DISCONNECT TopicNameInvalid")
		a.eof()
	})
}
