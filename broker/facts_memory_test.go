package broker_test

import (
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"time"

	"mqtk/broker"
	"mqtk/mqttwire"
)

// The limit of these tests is 64 MiB: the levels begin at 24, 28, 36 and 40.
const (
	heldSpilling = 25 * mebibyte
	heldSlowing  = 30 * mebibyte
	heldRefusing = 37 * mebibyte
	heldClosing  = 45 * mebibyte
)

func shortOfMemory(t *testing.T, attack func(s *siege)) {
	inBubble(t, broker.Options{Limits: limits(t, "memory_limit", "64MiB")}, attack)
}

// New clients are refused while memory is short, and let in again when it has eased.
func TestMemoryRefusesConnect(t *testing.T) {
	shortOfMemory(t, func(s *siege) {
		s.broker.MemoryHeld(heldSlowing)
		s.connect("version=5 client-id=before")
		s.broker.MemoryHeld(heldRefusing)
		old := s.ask("version=3.1.1 clean-start=1 client-id=old")
		old.expect("CONNACK ServerUnavailable")
		young := s.ask("version=5 client-id=young")
		if p, ok := young.next().(*mqttwire.Connack); !ok || p.Reason != mqttwire.ServerUnavailable {
			s.Errorf("5.0: %v", p)
		}
		s.broker.MemoryHeld(35 * mebibyte) // not low enough for a change
		s.ask("version=3.1.1 clean-start=1 client-id=old").expect("CONNACK ServerUnavailable")
		s.broker.MemoryHeld(31 * mebibyte)
		s.connect("version=3.1.1 clean-start=1 client-id=old")
	})
}

// Who has a session comes back to it whatever the memory: that is how what waits
// there gets away.
func TestMemoryLetsSessionsBeResumed(t *testing.T) {
	bubble(t, broker.Options{}, []string{"memory_limit=64MiB"}, func(w *world) {
		a := w.connect5("a", "session-expiry-interval=600")
		a.subscribe("t", 1, "")
		a.leave()
		pub := w.connect5("pub", "clean-start=1")
		pub.publish("t", "kept", "")
		w.b.MemoryHeld(heldClosing)
		a = w.connect5("a", "session-expiry-interval=600")
		a.expect("PUBLISH payload=kept")
		stranger := w.dial("stranger", mqttwire.V5)
		stranger.send("CONNECT client-id=stranger")
		stranger.expect("CONNACK ServerUnavailable")
	})
}

// Queues go to the Store at once, beyond one message of each, and come back from
// it in order; with memory again, they stay in it.
func TestMemorySpillsQueues(t *testing.T) {
	lineageOf(t, []string{"memory_limit=64MiB"}, func(l *lineage) {
		w, k := l.world, l.k
		pub := w.connect5("pub", "clean-start=1")
		for _, c := range []struct {
			held    int64
			fetched int
		}{{0, 0}, {heldSpilling, 9}, {0, 0}} {
			a := w.connect5("a", "session-expiry-interval=600")
			a.subscribe("t", 1, "")
			a.leave()
			w.b.MemoryHeld(c.held)
			for i := range 10 {
				pub.publish("t", fmt.Sprint(i), "")
			}
			before := k.gaveBack()
			a = w.connect5("a", "session-expiry-interval=600")
			for i := range 10 {
				a.acknowledge(a.expect("PUBLISH payload=" + fmt.Sprint(i)))
			}
			a.leave()
			if n := k.gaveBack() - before; n != c.fetched {
				w.t.Errorf("%d MiB held: %d of 10 messages were read back, want %d", c.held>>20, n, c.fetched)
			}
		}
	})
}

// At the last level nothing waits in memory for who is away: a publisher of 5.0 is
// told so, one of 3.1.1 sees it dropped, and counted. Who takes what it gets
// loses nothing, and what waited already stays.
func TestMemoryRefusesWhatWouldWait(t *testing.T) {
	bubble(t, broker.Options{}, []string{"memory_limit=64MiB"}, func(w *world) {
		away := w.connect5("away", "session-expiry-interval=600")
		away.subscribe("t", 1, "")
		away.leave()
		there := w.connect4("there", "clean-start=1")
		there.subscribe("here", 1, "")
		old, young := w.connect4("old", "clean-start=1"), w.connect5("young", "clean-start=1")
		young.publish("t", "kept", "")
		w.b.MemoryHeld(heldClosing)
		young.send("PUBLISH qos=1 packet-id=7 topic=t payload=refused")
		young.expect("PUBACK QuotaExceeded packet-id=7")
		old.publish("t", "dropped", "")
		if s := w.b.Summary(); !strings.Contains(s, "1 queue-full") || !strings.Contains(s, "1 refused") {
			w.t.Errorf("the summary does not count them:\n%s", s)
		}
		for i := range 200 { // beyond the window: there is a queue for who is there
			young.publish("here", fmt.Sprint(i), "")
		}
		for i := range 200 {
			there.acknowledge(there.expect("PUBLISH payload=" + fmt.Sprint(i)))
		}
		w.b.MemoryHeld(0)
		young.publish("t", "later", "")
		away = w.connect5("away", "session-expiry-interval=600")
		away.expect("PUBLISH payload=kept", "PUBLISH payload=later")
		away.quiet(time.Second)
	})
}

// Each level is logged once a minute and counted whenever it begins.
func TestMemoryIsTold(t *testing.T) {
	var log strings.Builder
	o := broker.Options{Log: slog.New(slog.NewTextHandler(&log, nil))}
	bubble(t, o, []string{"memory_limit=64MiB"}, func(w *world) {
		lines := func(want int) {
			w.t.Helper()
			for _, line := range []string{"memory is short\"", "fast publishers are slowed down", "new clients are refused",
				"the slowest consumers are closed", "memory is no longer short"} {
				if n := strings.Count(log.String(), line); n != want {
					w.t.Errorf("%q was logged %d times, want %d", line, n, want)
				}
			}
		}
		for range 3 {
			w.b.MemoryHeld(heldClosing)
			w.b.MemoryHeld(0)
		}
		lines(1)
		pass(61 * time.Second)
		w.b.MemoryHeld(heldClosing)
		w.b.MemoryHeld(0)
		lines(2)
		a := w.connect4("a", "clean-start=1")
		a.subscribe("$SYS/broker/memory/#", 0, "")
		got := a.drain(11 * time.Second)
		for topic, want := range map[string]string{"limit": "67108864", "spilling/count": "4", "slowing/count": "4", "refusing/count": "4", "closed/count": "0"} {
			if got["$SYS/broker/memory/"+topic] != want {
				w.t.Errorf("%s = %q, want %s", topic, got["$SYS/broker/memory/"+topic], want)
			}
		}
	})
}

// A hundred receivers that stop reading share what outboxes may hold, a quarter
// of the limit, without being told of any collection. They are closed whatever
// their QoS when memory runs short, and what they hold is given back at once, not
// after the second in which a socket lingers.
func TestMemoryOfStoppedReceivers(t *testing.T) {
	for _, qos := range []mqttwire.QoS{0, 1} {
		shortOfMemory(t, func(s *siege) {
			const stopped = 100
			for i := range stopped {
				g := s.connect(fmt.Sprintf("version=5 client-id=stopped-%d", i))
				g.send(fmt.Sprintf("SUBSCRIBE packet-id=1 filter=flood/# qos=%d", qos))
				g.expect("SUBACK")
			}
			p := s.connect("version=5 client-id=p")
			s.patience = 10 * time.Second
			most := int64(0)
			s.work.Go(func() { p.flood("flood/a", qos, 400, 4*kibibyte, 10) })
			for range 300 {
				nap(10 * time.Millisecond)
				most = max(most, s.broker.Tally().Held)
			}
			s.work.Wait()
			s.patience = time.Second
			if most < 12*mebibyte || most > 17*mebibyte {
				s.Errorf("QoS %d: outboxes held %d KiB, want 16 MiB, about", qos, most>>10)
			}
			s.broker.MemoryHeld(heldClosing)
			if held := s.broker.Tally().Held; held > most-2*mebibyte {
				s.Errorf("QoS %d: outboxes hold %d KiB still", qos, held>>10)
			}
			for range 20 {
				s.broker.MemoryHeld(60 * mebibyte)
			}
			if held := s.broker.Tally().Held; held > mebibyte {
				s.Errorf("QoS %d: with all closed, outboxes hold %d KiB", qos, held>>10)
			}
			nap(3 * time.Second)
			if n := s.broker.Tally().Live; n != 3 {
				s.Errorf("QoS %d: %d connected, want the publisher and the two that are well", qos, n)
			}
			s.broker.MemoryHeld(0)
			s.others()
		})
	}
}

// A publisher of much that has to wait for somebody is read at 64 KiB a second;
// whose messages wait for nobody is read as ever.
func TestMemorySlowsFastPublishers(t *testing.T) {
	shortOfMemory(t, func(s *siege) {
		away := s.connect("version=5 client-id=away session-expiry-interval=600")
		away.send("SUBSCRIBE packet-id=1 filter=away/# qos=1")
		away.expect("SUBACK GrantedQoS1")
		away.send("DISCONNECT")
		away.expectEnd()
		s.patience = time.Minute
		flood := func(version, topic string) time.Duration {
			g := s.connect("version=" + version + " clean-start=1 client-id=fast")
			start := time.Now()
			g.flood(topic, 1, 200, kibibyte, 100)
			return time.Since(start)
		}
		for _, version := range []string{"3.1.1", "5"} {
			if took := flood(version, "away/a"); took > 100*time.Millisecond {
				s.Errorf("%s: %v before", version, took)
			}
			s.broker.MemoryHeld(heldSlowing)
			if took := flood(version, "away/a"); took < 2*time.Second || took > 4*time.Second {
				s.Errorf("%s: 200 KiB took %v, want it at 64 KiB a second", version, took)
			}
			if took := flood(version, "nobody/reads"); took > 100*time.Millisecond {
				s.Errorf("%s: %v where nothing waits", version, took)
			}
			start := time.Now()
			s.others()
			if took := time.Since(start); took > 10*time.Millisecond {
				s.Errorf("%s: others waited for %v", version, took)
			}
			s.broker.MemoryHeld(20 * mebibyte)
			if took := flood(version, "away/a"); took > 100*time.Millisecond {
				s.Errorf("%s: %v after", version, took)
			}
		}
		s.patience = time.Second
	})
}

// The consumers of QoS 0 that have stopped reading are closed, the fullest first,
// and no more of them than it takes.
func TestMemoryClosesTheSlowest(t *testing.T) {
	shortOfMemory(t, func(s *siege) {
		for _, id := range []string{"stopped-1", "stopped-2"} {
			g := s.connect("version=5 client-id=" + id)
			g.send("SUBSCRIBE packet-id=1 filter=flood/# qos=0")
			g.expect("SUBACK GrantedQoS0")
		}
		reader := s.connect("version=5 client-id=reader")
		reader.send("SUBSCRIBE packet-id=1 filter=flood/# qos=0")
		reader.expect("SUBACK GrantedQoS0")
		p := s.connect("version=5 client-id=p")
		s.patience = 10 * time.Second
		s.work.Go(func() { p.flood("flood/a", 0, 1000, kibibyte, 1) })
		reader.drain(1000, atOnce)
		s.work.Wait()
		s.patience = time.Second
		nap(time.Second)
		before := s.broker.Tally().Live
		s.broker.MemoryHeld(heldRefusing)
		nap(3 * time.Second)
		if n := s.broker.Tally().Live; n != before {
			s.Errorf("%d connected of %d before it is time", n, before)
		}
		s.broker.MemoryHeld(40 * mebibyte)
		nap(3 * time.Second)
		if n := s.broker.Tally().Live; n != before-2 {
			s.Errorf("%d connected of %d, want the two that stopped gone", n, before)
		}
		s.broker.MemoryHeld(0)
		s.others()
	})
}
