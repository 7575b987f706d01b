package broker_test

import (
	"fmt"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"mqtk/mqttwire"
)

// payloads takes what comes at QoS 1 and 2, acknowledges it to the end, and
// returns the payloads, sorted.
func (c *client) payloads(n int) []string {
	c.w.t.Helper()
	var all []string
	for range n {
		p := c.expect("PUBLISH")
		id := field(p, "packet-id")
		if field(p, "qos") == "2" {
			c.send("PUBREC packet-id=" + id)
			c.expect("PUBREL packet-id=" + id)
			c.send("PUBCOMP packet-id=" + id)
		} else {
			c.send("PUBACK packet-id=" + id)
		}
		all = append(all, field(p, "payload"))
	}
	slices.Sort(all)
	return all
}

// What a clean session holds of a share that has a member which lasts goes to
// that one, when the holder or the process ends: QoS 1 always, QoS 2 unless it
// was sent.
func TestShareHeldGoesOn(t *testing.T) {
	for _, crashed := range []bool{false, true} {
		lineageOf(t, nil, func(l *lineage) {
			l.connect5("last", "session-expiry-interval=3600").subscribeAndLeave("$share/g/t")
			clean := l.connect5("clean", "clean-start=1 receive-maximum=3")
			clean.subscribe("$share/g/t", 2, "")
			pub := l.connect5("pub", "clean-start=1")
			send := func(qos, i int) {
				pub.send(fmt.Sprintf("PUBLISH topic=t qos=%d packet-id=%d payload=%d-%d", qos, i, qos, i))
				pub.expect(fmt.Sprintf("%s packet-id=%d", []string{"PUBACK", "PUBREC"}[qos-1], i))
			}
			send(1, 1) // acknowledged: gone
			clean.expect("PUBLISH payload=1-1")
			clean.send("PUBACK packet-id=1")
			send(2, 2) // released: has arrived
			clean.expect("PUBLISH payload=2-2")
			clean.send("PUBREC packet-id=2")
			clean.expect("PUBREL packet-id=2")
			send(1, 3) // sent, not acknowledged
			send(2, 4) // sent: goes to nobody else
			clean.expect("PUBLISH payload=1-3", "PUBLISH payload=2-4")
			send(1, 5) // not sent, for the window is full
			send(2, 6)
			synctest.Wait()
			if crashed {
				l.sync()
				l.crash(0)
			} else {
				clean.drop()
			}
			last := l.connect5("last", "session-expiry-interval=3600")
			want := []string{"1-3", "1-5", "2-6"}
			if got := last.payloads(len(want)); !slices.Equal(got, want) {
				l.t.Errorf("crashed %v: %v go to the member that lasts, and not %v", crashed, got, want)
			}
			last.alive()
			l.sync()
			l.crash(0)
			l.connect5("last", "session-expiry-interval=3600").alive() // once
		})
	}
}

// A session that ends leaves what it has on disk to the other members, and a
// process that ends meanwhile does not matter.
func TestBequestFromTheDisk(t *testing.T) {
	for name, end := range map[string]func(l *lineage){
		"expired":               func(l *lineage) { pass(61 * time.Second) },
		"expired meanwhile":     func(l *lineage) { l.crash(61 * time.Second) },
		"expired afterwards":    func(l *lineage) { l.crash(time.Second); pass(61 * time.Second) },
		"clean start":           func(l *lineage) { l.connect5("heir", "clean-start=1").leave() },
		"clean start and crash": func(l *lineage) { l.connect5("heir", "clean-start=1").leave(); l.sync(); l.crash(0) },
		"crash and clean start": func(l *lineage) { l.crash(0); l.connect5("heir", "clean-start=1 session-expiry-interval=5") },
	} {
		t.Run(name, func(t *testing.T) {
			lineageOf(t, []string{"max_queued_messages=4"}, func(l *lineage) {
				heir := l.connect5("heir", "session-expiry-interval=60")
				heir.subscribe("$share/g/t", 1, "")
				heir.subscribe("own", 1, "")
				heir.leave()
				pub := l.connect5("pub", "clean-start=1")
				var want []string
				for i := range 600 {
					pub.publish("t", fmt.Sprint(1000+i), "")
					want = append(want, fmt.Sprint(1000+i))
				}
				pub.publish("own", "others-do-not-get-this", "")
				other := l.connect5("other", "session-expiry-interval=3600")
				other.subscribe("$share/g/t", 1, "")
				other.alive()
				other.leave()
				end(l)
				synctest.Wait()
				other = l.connect5("other", "session-expiry-interval=3600")
				if got := other.payloads(len(want)); !slices.Equal(got, want) {
					l.t.Fatalf("%d messages go to the other member, from %s to %s", len(got), got[0], got[len(got)-1])
				}
				other.alive()
				l.sync()
				l.crash(0)
				l.connect5("other", "session-expiry-interval=3600").alive()
				heir = l.dial("heir", mqttwire.V5)
				heir.send("CONNECT client-id=heir")
				heir.expect("CONNACK Success")
				heir.alive()
			})
		})
	}
}

// A store that is full refuses what it would have to keep, and nothing else.
func TestFullStore(t *testing.T) {
	lineageOf(t, nil, func(l *lineage) {
		a := l.connect5("a", "session-expiry-interval=3600")
		a.subscribe("kept", 1, "")
		live := l.connect5("live", "clean-start=1")
		live.subscribe("#", 1, "")
		l.connect5("member", "session-expiry-interval=3600").subscribeAndLeave("$share/g/shared")
		l.k.mu.Lock()
		l.k.full = true
		l.k.mu.Unlock()
		pub := l.connect5("pub", "clean-start=1")
		pub.send("PUBLISH topic=kept qos=1 packet-id=1 payload=x", "PUBLISH topic=x retain=1 qos=1 packet-id=2 payload=x",
			"PUBLISH topic=kept qos=2 packet-id=3 payload=x", "PUBLISH topic=shared qos=1 packet-id=4 payload=x", "PUBLISH topic=x qos=1 packet-id=5 payload=live")
		pub.expect("PUBACK QuotaExceeded packet-id=1", "PUBACK QuotaExceeded packet-id=2", "PUBREC QuotaExceeded packet-id=3",
			"PUBACK QuotaExceeded packet-id=4", "PUBACK Success packet-id=5")
		live.expect("PUBLISH topic=x qos=1 payload=live") // and nothing of what was refused
		pub.send("PUBLISH topic=x qos=2 packet-id=6 payload=two", "PUBREL packet-id=6")
		pub.expect("PUBREC Success packet-id=6", "PUBCOMP packet-id=6") // nobody has to remember it
		live.expect("PUBLISH topic=x qos=1 payload=two")
		a.send("PUBLISH topic=x qos=2 packet-id=7 payload=x")
		a.expect("PUBREC QuotaExceeded packet-id=7")
		pub.send("PUBLISH topic=kept payload=zero")
		live.expect("PUBLISH topic=kept qos=0 payload=zero")
		a.expect("PUBLISH topic=kept qos=0 payload=zero")
		pub.send("PUBLISH topic=x retain=1 payload=x")
		pub.expect("DISCONNECT QuotaExceeded")
		pub.eof()
		pub4 := l.connect4("pub4", "clean-start=1")
		pub4.send("PUBLISH topic=kept qos=1 packet-id=1 payload=x")
		pub4.eof()
		l.k.mu.Lock()
		l.k.full = false
		l.k.mu.Unlock()
		l.connect5("pub", "clean-start=1").publish("kept", "again", "")
		a.expect("PUBLISH topic=kept payload=again")
	})
}
