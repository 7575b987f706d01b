package broker_test

import (
	"testing"
	"time"

	"mqtk/broker"
	"mqtk/mqttwire"
)

// What the clients of a gate with a mount point say and hear of topics is theirs;
// outside, everything has the mount point before it.
func TestMountPoint(t *testing.T) {
	bubble(t, broker.Options{}, nil, func(w *world) {
		gate := broker.NewGate(broker.GateRules{MountPoint: "site/"})
		outside := w.connect5("outside", "clean-start=1 topic-alias-maximum=4")
		outside.subscribe("#", 1, "")
		next := 0
		from := func(topic, payload string) {
			w.t.Helper()
			next++
			r := outside.expect("PUBLISH qos=1 topic=" + topic + " payload=" + payload)
			outside.send("PUBACK packet-id=" + field(r, "packet-id"))
		}
		w.throughGate(gate, func() {
			a := w.connect5("a", "clean-start=1 topic-alias-maximum=4")
			b := w.connect4("b", "clean-start=1")
			p := w.connect5("p", "clean-start=1")
			a.subscribe("#", 0, "subscription-identifier=7")
			b.subscribe("+/x", 0, "")
			p.publish("t/x", "one", "")
			from("site/t/x", "one")
			a.expect("PUBLISH topic=t/x subscription-identifier=7 payload=one")
			b.expect("PUBLISH topic=t/x payload=one")
			p.publish("t/x", "two", "topic-alias=3")
			a.expect("PUBLISH payload=two")
			b.expect("PUBLISH topic=t/x payload=two")
			outside.upTo("PUBLISH", time.Second)
			p.publish(`""`, "three", "topic-alias=3")
			a.expect("PUBLISH payload=three")
			b.expect("PUBLISH topic=t/x payload=three")
			outside.upTo("PUBLISH", time.Second)

			// from outside: what has the mount point, and nothing else
			outside.send("PUBLISH topic=t/x payload=no", "PUBLISH topic=sites/t/x payload=no", "PUBLISH topic=site/ payload=no",
				"PUBLISH topic=site/$x payload=no", "PUBLISH topic=site/t/x payload=yes")
			a.expect("PUBLISH payload=yes")
			b.expect("PUBLISH topic=t/x payload=yes")

			b.send("UNSUBSCRIBE packet-id=5 filter=+/x")
			b.expect("UNSUBACK packet-id=5")
			p.publish("t/x", "four", "")
			b.alive()
		})
	})
}

// Retained messages, wills, shares and queues keep to the house as well.
func TestMountPointOfWhatWaits(t *testing.T) {
	bubble(t, broker.Options{}, nil, func(w *world) {
		gate := broker.NewGate(broker.GateRules{MountPoint: "site/"})
		outside := w.connect4("outside", "clean-start=1")
		w.throughGate(gate, func() {
			a := w.connect4("a", "clean-start=0 will-topic=gone will-payload=a will-qos=1")
			a.publish("kept", "r", "retain=1")
			outside.subscribe("site/#", 0, "")
			outside.expect("PUBLISH topic=site/kept retain=1 payload=r")
			a.subscribe("kept", 0, "")
			a.expect("PUBLISH topic=kept retain=1 payload=r")
			a.subscribe("$share/g/work", 1, "")
			a.subscribe("queue/+", 1, "")
			a.drop()
			outside.expect("PUBLISH topic=site/gone payload=a")
			p := w.connect4("p", "clean-start=1")
			p.publish("queue/1", "q", "")
			outside.expect("PUBLISH topic=site/queue/1 payload=q")
			p.publish("work", "s", "")
			outside.expect("PUBLISH topic=site/work payload=s")
			a = w.dial("a", mqttwire.V311)
			a.send("CONNECT client-id=a clean-start=0")
			a.expect("CONNACK Success session-present=1", "PUBLISH topic=queue/1 payload=q", "PUBLISH topic=work payload=s")
			a.send("UNSUBSCRIBE packet-id=5 filter=$share/g/work")
			a.expect("UNSUBACK")
			five := w.connect5("five", "clean-start=1")
			five.send("UNSUBSCRIBE packet-id=5 filter=x")
			five.expect("UNSUBACK NoSubscriptionExisted")
		})
		// the same session by another door hears nothing that has no name there
		a := w.dial("a", mqttwire.V311)
		a.send("CONNECT client-id=a clean-start=0")
		a.expect("CONNACK Success session-present=1")
		a.upTo("PUBLISH", time.Second) // again, with its whole topic: nobody has acknowledged it
	})
}

// $SYS is the same in every house, and nobody publishes to what begins with $.
func TestMountPointAndDollar(t *testing.T) {
	bubble(t, broker.Options{Version: "7.8"}, nil, func(w *world) {
		w.throughGate(broker.NewGate(broker.GateRules{MountPoint: "site/"}), func() {
			a := w.connect5("a", "clean-start=1")
			a.subscribe("$SYS/broker/version", 0, "")
			a.expect(`PUBLISH topic=$SYS/broker/version retain=1 payload="mqtk version 7.8"`)
			for _, topic := range []string{"$SYS/x", "$share/g/x", "$other"} {
				a.send("PUBLISH packet-id=3 qos=1 topic=" + topic + " payload=x")
				a.expect("PUBACK NotAuthorized")
			}
			b := w.dial("b", mqttwire.V5)
			b.send("CONNECT client-id=b clean-start=1 will-topic=$SYS/x will-payload=x")
			b.expect("CONNACK NotAuthorized")
			b.eof()
			b = w.dial("b", mqttwire.V5)
			b.send("CONNECT client-id=b clean-start=1 will-topic=$x will-payload=x")
			b.expect("CONNACK NotAuthorized")
			b.eof()
		})
	})
}

// Rights are asked about whole topics.
func TestRightsKnowTheMountPoint(t *testing.T) {
	rights := &scribe{}
	bubble(t, broker.Options{Authorizer: rights}, nil, func(w *world) {
		w.throughGate(broker.NewGate(broker.GateRules{MountPoint: "site/"}), func() {
			a, p := w.connect5("a", "clean-start=1 will-topic=w will-payload=x"), w.connect5("p", "clean-start=1")
			a.subscribe("f/#", 0, "")
			p.publish("f/t", "x", "")
			a.expect("PUBLISH topic=f/t payload=x")
		})
	})
	want := []string{"1 site/w", "3 site/f/#", "1 site/f/t", "2 site/f/t"}
	for _, asked := range want {
		if !rights.asked[asked] {
			t.Errorf("nobody asked for %s, but for %v", asked, rights.asked)
		}
	}
	for asked := range rights.asked {
		if asked[2:6] != "site" {
			t.Errorf("somebody asked for %s", asked)
		}
	}
}

// scribe allows everything and writes down what it is asked.
type scribe struct{ asked map[string]bool }

func (s *scribe) Authorize(_ *broker.Identity, a broker.Action, topic string) bool {
	if s.asked == nil {
		s.asked = make(map[string]bool)
	}
	s.asked[string('0'+byte(a))+" "+string([]byte(topic))] = true
	return true
}
