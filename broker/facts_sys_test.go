package broker_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"mqtk/broker"
	"mqtk/mqttwire"
)

// drain takes all that comes within a while, payloads by topic.
func (c *client) drain(wait time.Duration) map[string]string {
	got := make(map[string]string)
	for {
		r, ok := c.next(wait)
		if !ok || r.err != nil || r.line.Type != mqttwire.PUBLISH {
			return got
		}
		got[field(r.line, "topic")] = field(r.line, "payload")
	}
}

// All that is to be published, by the names that other brokers give it.
func TestSysTree(t *testing.T) {
	names := strings.Fields(`version uptime bytes/received bytes/sent
		clients/total clients/maximum clients/connected clients/active clients/disconnected clients/inactive clients/expired
		connections/socket/count messages/received messages/sent messages/stored messages/inflight
		publish/messages/received publish/messages/sent publish/messages/dropped publish/bytes/received publish/bytes/sent
		packet/out/count packet/out/bytes retained_messages/count store/messages/count store/messages/bytes
		subscriptions/count shared_subscriptions/count heap/current heap/maximum
		load/bytes/received load/bytes/sent messages/publish/dropped messages/publish/received messages/publish/sent
		messages/retained/count time`)
	for _, load := range strings.Fields("connections sockets messages/received messages/sent bytes/received bytes/sent publish/received publish/sent publish/dropped") {
		names = append(names, "load/"+load+"/1min", "load/"+load+"/5min", "load/"+load+"/15min")
	}
	for _, t := range broker.RefusalTopics() {
		names = append(names, t.Name)
	}
	for i := range names {
		names[i] = "$SYS/broker/" + strings.Replace(names[i], "retained_messages/", "retained messages/", 1)
	}
	bubble(t, broker.Options{Version: "7.8"}, nil, func(w *world) {
		wild := w.connect5("wild", "clean-start=1")
		wild.subscribe("#", 0, "")
		wild.subscribe("+/broker/#", 0, "")
		a := w.connect4("a", "clean-start=1")
		a.subscribe("$SYS/#", 0, "")
		got := a.drain(time.Second)
		for _, name := range names {
			if got[name] == "" {
				w.t.Errorf("%s is missing", name)
			}
		}
		for name := range got {
			if !slices.Contains(names, name) {
				w.t.Errorf("%s = %s is not promised", name, got[name])
			}
		}
		for name, want := range map[string]string{"version": "mqtk version 7.8", "clients/connected": "2", "subscriptions/count": "2", "messages/inflight": "0"} {
			if got["$SYS/broker/"+name] != want {
				w.t.Errorf("%s = %q and not %q", name, got["$SYS/broker/"+name], want)
			}
		}
		wild.quiet(30 * time.Second)
	})
}

// Each interval, by the clock, only what has changed.
func TestSysRounds(t *testing.T) {
	bubble(t, broker.Options{}, []string{"sys_interval=10s"}, func(w *world) {
		pass(3 * time.Second)
		a := w.connect5("a", "clean-start=1")
		a.subscribe("$SYS/broker/#", 0, "")
		a.drain(0)
		began := time.Now()
		first, ok := a.next(20 * time.Second)
		if at := time.Now(); !ok || !at.Equal(at.Truncate(10*time.Second)) || at.Sub(began) > 10*time.Second {
			w.t.Fatalf("the round comes at %v: %v", at, first)
		}
		changed := a.drain(time.Second)
		changed[field(first.line, "topic")] = field(first.line, "payload")
		pass(9 * time.Second)
		changed = a.drain(time.Second)
		for _, name := range []string{"version", "clients/maximum", "subscriptions/count", "clients/connected"} {
			if v, told := changed["$SYS/broker/"+name]; told {
				w.t.Errorf("%s = %s is told again", name, v)
			}
		}
		for _, name := range []string{"uptime", "time"} {
			if _, told := changed["$SYS/broker/"+name]; !told {
				w.t.Errorf("%s is not told", name)
			}
		}
	})
}

// What a new subscriber finds retained is current, and those who were there are
// told all the same.
func TestSysForTwo(t *testing.T) {
	const count = "$SYS/broker/clients/connected"
	bubble(t, broker.Options{}, []string{"sys_interval=10s"}, func(w *world) {
		a := w.connect5("a", "clean-start=1")
		a.subscribe(count, 0, "")
		a.expect("PUBLISH retain=1 payload=1")
		a.drain(12 * time.Second)
		b := w.connect5("b", "clean-start=1")
		b.subscribe(count, 0, "")
		b.expect("PUBLISH retain=1 payload=2")
		pass(10 * time.Second)
		a.expect("PUBLISH !retain payload=2")
	})
}

// Nobody else publishes there.
func TestSysIsReserved(t *testing.T) {
	bubble(t, broker.Options{}, nil, func(w *world) {
		watch := w.connect5("watch", "clean-start=1")
		watch.subscribe("$SYS/mine", 1, "")
		a := w.connect5("a", "clean-start=1")
		a.send("PUBLISH topic=$SYS/mine payload=x", "PUBLISH topic=$SYS/mine qos=1 packet-id=1 payload=x", "PUBLISH topic=$SYS qos=2 packet-id=2 payload=x")
		a.expect("PUBACK NotAuthorized packet-id=1", "PUBREC NotAuthorized packet-id=2")
		for _, v := range []mqttwire.Version{mqttwire.V311, mqttwire.V31} {
			b := w.connect(v, "b", "clean-start=1")
			b.send("PUBLISH topic=$SYS/mine retain=1 payload=x", "PUBLISH topic=$SYS/mine qos=1 packet-id=1 payload=x")
			b.expect("PUBACK packet-id=1")
			b.alive()
		}
		c := w.dial("c", mqttwire.V5)
		c.send("CONNECT client-id=c will-topic=$SYS/mine will-payload=w")
		c.expect("CONNACK NotAuthorized|TopicNameInvalid")
		c.eof()
		watch.quiet(time.Second)
		watch.subscribe("$SYS/mine", 1, "")
		watch.quiet(time.Second)
		a.publish("$SYSTEM", "x", "") // is somebody else's
	})
}
