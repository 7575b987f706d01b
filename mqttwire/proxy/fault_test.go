package proxy

import (
	"fmt"
	"math/rand/v2"
	"net"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"mqtk/mqttwire"
)

// greeted is a connection on which CONNECT and CONNACK have passed.
func greeted(t *testing.T, r *rig, id string) (client, broker net.Conn) {
	t.Helper()
	client, broker = r.connect()
	send(t, client, packets(t, 5, "CONNECT version=5 clean-start=1 client-id="+id))
	synctest.Wait()
	send(t, broker, packets(t, 5, "CONNACK Success"))
	synctest.Wait()
	return client, broker
}

// What comes at the other side of what is sent, by rule.
func TestFaults(t *testing.T) {
	publishes := []string{"PUBLISH topic=a/1 qos=1 packet-id=1", "PUBLISH topic=b qos=1 packet-id=2", "PUBLISH topic=a/2", "PINGREQ"}
	answers := []string{"PUBACK packet-id=1", "PUBACK packet-id=2", "PUBACK packet-id=3", "PINGRESP"}
	for _, test := range []struct {
		rule       string
		toBroker   []string // of publishes
		toClient   []string // of answers, which the broker sends then
		faults     string   // of the first packet that has one
		fromClient []string // in place of publishes
		fromBroker []string
	}{
		{rule: "drop type=PUBLISH", toBroker: publishes[3:], toClient: answers, faults: "drop"},
		{rule: "drop topic=a/+", toBroker: []string{publishes[1], publishes[3]}, toClient: answers[1:], faults: "drop"},
		{rule: "drop topic=a/+ from=client", toBroker: []string{publishes[1], publishes[3]}, toClient: answers, faults: "drop"},
		{rule: "drop client=dev-* type=PINGREQ", toBroker: publishes[:3], toClient: answers, faults: "drop"},
		{rule: "drop client=other", toBroker: publishes, toClient: answers},
		{rule: "drop qos=0", toBroker: []string{publishes[0], publishes[1], publishes[3]}, toClient: answers, faults: "drop"},
		{rule: "drop type=PUBLISH nth=2", toBroker: []string{publishes[0], publishes[2], publishes[3]}, toClient: answers, faults: "drop"},
		{rule: "drop type=PUBACK after=1 times=1", toBroker: publishes, toClient: []string{answers[0], answers[2], answers[3]}, faults: "drop"},
		{rule: "drop type=PUBACK every=2", toBroker: publishes, toClient: []string{answers[0], answers[2], answers[3]}, faults: "drop"},
		{rule: "drop connection=2..9", toBroker: publishes, toClient: answers},
		{rule: "drop connection=1 type=PINGRESP", toBroker: publishes, toClient: answers[:3], faults: "drop"},
		{rule: "duplicate type=PINGREQ; duplicate 2 nth=2 type=PUBACK", toBroker: append(slices.Clone(publishes), publishes[3]),
			toClient: []string{answers[0], answers[1], answers[1], answers[1], answers[2], answers[3]}, faults: "duplicate 1"},
		{rule: "truncate 3 type=PINGRESP|PUBACK nth=3", toBroker: publishes, toClient: []string{answers[0], answers[1], "PUBACK packet-id=208", "hex=00"}, faults: "truncate 3 of 4 bytes"},
		{rule: "truncate 4 type=PUBACK", toBroker: publishes, toClient: answers},
		{rule: "reorder from=server", toBroker: publishes, toClient: []string{answers[1], answers[0], answers[3]}, faults: "reorder: held back"},
		{rule: "reorder type=PUBACK|PINGRESP", toBroker: publishes, toClient: []string{answers[1], answers[0], answers[3], answers[2]}, faults: "reorder: held back"},
		{rule: "reason QuotaExceeded type=PUBACK nth=2", toBroker: publishes, toClient: []string{answers[0], "PUBACK QuotaExceeded packet-id=2", answers[2], answers[3]}, faults: "reason QuotaExceeded"},
		{rule: "reason=0x87", fromBroker: []string{"SUBACK GrantedQoS0 GrantedQoS1 packet-id=4", "UNSUBACK Success packet-id=5", "DISCONNECT ServerBusy"},
			toBroker: publishes, toClient: []string{"SUBACK NotAuthorized NotAuthorized packet-id=4", "UNSUBACK NotAuthorized packet-id=5", "DISCONNECT NotAuthorized"}, faults: "reason NotAuthorized"},
		{rule: "drop topic=a/#", fromClient: []string{"SUBSCRIBE packet-id=4 filter=a/+", "SUBSCRIBE packet-id=5 filter=$share/g/a", "UNSUBSCRIBE packet-id=6 filter=b"},
			fromBroker: []string{"SUBACK GrantedQoS0 packet-id=4", "UNSUBACK Success packet-id=6"},
			toBroker:   []string{"UNSUBSCRIBE packet-id=6 filter=b"}, toClient: []string{"UNSUBACK Success packet-id=6"}, faults: "drop"},
		{rule: "drop topic=a", fromClient: []string{"PUBLISH topic=a topic-alias=1 payload=1", "PUBLISH topic-alias=1 payload=2", "PUBLISH topic-alias=2 topic=b payload=3"},
			toBroker: []string{"PUBLISH topic=b topic-alias=2 payload=3"}, toClient: answers, faults: "drop"},
		{rule: "drop topic=q type=PUBREL|PUBCOMP", fromClient: []string{"PUBLISH topic=q qos=2 packet-id=7", "PUBREL packet-id=7"}, fromBroker: []string{"PUBREC packet-id=7", "PUBCOMP packet-id=7"},
			toBroker: []string{"PUBLISH topic=q qos=2 packet-id=7"}, toClient: []string{"PUBREC packet-id=7"}, faults: "drop"},
		{rule: "half-open type=PUBACK nth=2", toBroker: publishes, toClient: answers[:1], faults: "half-open"},
	} {
		t.Run(test.rule, func(t *testing.T) {
			bubble(t, Options{Rules: rules(t, test.rule)}, func(t *testing.T, r *rig) {
				client, broker := greeted(t, r, "dev-1")
				lines(t, client, mqttwire.Server)
				lines(t, broker, mqttwire.Client)
				r.took()
				if test.fromClient == nil {
					test.fromClient = publishes
				}
				if test.fromBroker == nil {
					test.fromBroker = answers
				}
				send(t, client, packets(t, 5, test.fromClient...))
				if got := lines(t, broker, mqttwire.Client); !slices.Equal(got, test.toBroker) {
					t.Errorf("the broker got\n%s", strings.Join(got, "\n"))
				}
				send(t, broker, packets(t, 5, test.fromBroker...))
				if got := lines(t, client, mqttwire.Server); !slices.Equal(got, test.toClient) {
					t.Errorf("the client got\n%s", strings.Join(got, "\n"))
				}
				seen := r.took()
				_, faults, found := strings.Cut(seen, " [")
				faults, _, _ = strings.Cut(faults, "]")
				if found != (test.faults != "") || faults != test.faults {
					t.Errorf("faults %q, want %q:\n%s", faults, test.faults, seen)
				}
			})
		})
	}
}

func TestDelay(t *testing.T) {
	bubble(t, Options{Rules: rules(t, "delay 2s type=PUBLISH topic=slow")}, func(t *testing.T, r *rig) {
		client, broker := greeted(t, r, "a")
		lines(t, broker, mqttwire.Client)
		send(t, client, packets(t, 5, "PUBLISH topic=slow", "PINGREQ", "PUBLISH topic=slow"))
		time.Sleep(1999 * time.Millisecond)
		if got := lines(t, broker, mqttwire.Client); len(got) != 0 {
			t.Errorf("too early: %q", got)
		}
		send(t, broker, packets(t, 5, "PINGRESP"))
		if got := lines(t, client, mqttwire.Server); len(got) != 2 {
			t.Errorf("the other direction waits: %q", got)
		}
		time.Sleep(2 * time.Millisecond)
		if got := lines(t, broker, mqttwire.Client); len(got) != 3 {
			t.Errorf("after the delay: %q", got) // what is behind follows at once; each is late once, not twice
		}
		send(t, client, packets(t, 5, "PINGREQ"))
		if got := lines(t, broker, mqttwire.Client); len(got) != 1 {
			t.Errorf("behind the delay: %q", got)
		}
	})
}

// What waits to be forwarded is bounded: then the sender waits.
func TestDelayHoldsUpTheSender(t *testing.T) {
	bubble(t, Options{Rules: rules(t, "delay 1h type=PUBLISH")}, func(t *testing.T, r *rig) {
		client, _ := greeted(t, r, "a")
		message := packets(t, 5, "PUBLISH topic=a payload="+strings.Repeat("x", 60_000))
		client.SetWriteDeadline(time.Now().Add(time.Minute))
		sent := 0
		for {
			if _, err := client.Write(message); err != nil {
				break
			}
			if sent += len(message); sent > 3*maxHeld {
				t.Fatalf("%d bytes are held", sent)
			}
		}
		if sent < maxHeld/2 {
			t.Errorf("the sender waits after %d bytes", sent)
		}
	})
}

func TestReorderAlone(t *testing.T) {
	bubble(t, Options{Rules: rules(t, "reorder 300ms type=PUBACK")}, func(t *testing.T, r *rig) {
		client, broker := greeted(t, r, "a")
		lines(t, client, mqttwire.Server)
		send(t, broker, packets(t, 5, "PUBACK packet-id=1"))
		time.Sleep(299 * time.Millisecond)
		if got := lines(t, client, mqttwire.Server); len(got) != 0 {
			t.Errorf("too early: %q", got)
		}
		time.Sleep(2 * time.Millisecond)
		if got := lines(t, client, mqttwire.Server); len(got) != 1 {
			t.Errorf("after the time: %q", got)
		}
		send(t, broker, packets(t, 5, "PUBACK packet-id=2", "PUBACK packet-id=3"))
		if got := lines(t, client, mqttwire.Server); !slices.Equal(got, []string{"PUBACK packet-id=2"}) {
			t.Errorf("the partner of the first, whenever it comes, is not held: %q", got)
		}
		broker.Close()
		if got := lines(t, client, mqttwire.Server); !slices.Equal(got, []string{"PUBACK packet-id=3"}) {
			t.Errorf("at the end: %q", got)
		}
	})
}

func TestEndings(t *testing.T) {
	for rule, passes := range map[string]int{"reset type=PINGREQ": 0, "close type=PINGREQ": 0, "reset after-bytes=40 from=client": 40, "close after-bytes=27 client=dev": 27,
		"reset after-bytes=30 client=dev connection=1; drop connection=2 type=PUBLISH": 30} {
		t.Run(rule, func(t *testing.T) {
			bubble(t, Options{Rules: rules(t, rule)}, func(t *testing.T, r *rig) {
				client, broker := r.connect()
				hello := packets(t, 5, "CONNECT version=5 clean-start=1 client-id=dev")
				send(t, client, hello)
				got := arrived(t, broker)
				send(t, client, packets(t, 5, "PINGREQ", "PINGREQ", "PINGREQ", "PUBLISH topic=a payload=0123456789012345"))
				got = append(got, arrived(t, broker)...)
				if want := max(passes, len(hello)); len(got) != want {
					t.Errorf("%d bytes passed, not %d", len(got), want)
				}
				if !atEnd(client) || !atEnd(broker) {
					t.Error("the connection goes on")
				}
				if seen := r.took(); !strings.HasSuffix(seen, "1 gone") || !strings.Contains(seen, "[") {
					t.Errorf("seen: %s", seen)
				}
			})
		})
	}
}

func TestHalfOpen(t *testing.T) {
	bubble(t, Options{Rules: rules(t, "half-open type=PINGREQ")}, func(t *testing.T, r *rig) {
		client, broker := greeted(t, r, "a")
		arrived(t, client)
		arrived(t, broker)
		send(t, client, packets(t, 5, "PINGREQ", "PINGREQ"))
		synctest.Wait()
		send(t, broker, packets(t, 5, "PUBLISH topic=a"))
		if a, b := arrived(t, client), arrived(t, broker); len(a)+len(b) != 0 {
			t.Errorf("something passed: %x, %x", a, b)
		}
		broker.Close()
		if atEnd(client) {
			t.Error("the client hears of the end")
		}
		seen := r.took()
		for _, want := range []string{"1> PINGREQ [half-open]", "1> PINGREQ [lost: half-open]", "1< PUBLISH topic=a [lost: half-open]", "1< EOF"} {
			if !strings.Contains(seen, want) {
				t.Errorf("%s is not in\n%s", want, seen)
			}
		}
		if strings.Contains(seen, "gone") {
			t.Error("the connection is over")
		}
	})
}

// Before 5.0 not every answer has a reason.
func TestReasonsBefore5(t *testing.T) {
	bubble(t, Options{Rules: rules(t, "reason NotAuthorized")}, func(t *testing.T, r *rig) {
		client, broker := r.connect()
		send(t, client, packets(t, 4, "CONNECT version=4 clean-start=1 client-id=a"))
		synctest.Wait()
		send(t, broker, packets(t, 4, "CONNACK Success session-present=1", "PUBACK packet-id=1", "SUBACK GrantedQoS1 packet-id=2"))
		same(t, "answers", arrived(t, client), []byte{0x20, 2, 0, 5, 0x40, 2, 0, 1, 0x90, 3, 0, 2, 0x80})
		if seen := r.took(); !strings.Contains(seen, "[reason NotAuthorized: not changed, 3.1.1 cannot say it]") {
			t.Errorf("seen: %s", seen)
		}
	})
}

// By chance, and yet the same by seed, connection and number of the packet: in
// whatever pieces, times and company they come.
func TestSeeds(t *testing.T) {
	faulted := func(seed, timing uint64) (all string) {
		bubble(t, Options{Rules: rules(t, "drop p=0.3 type=PUBLISH; delay 1ms..90ms p=50% type=PUBLISH|PINGREQ; duplicate p=0.2; reorder p=0.5"), Seed: seed}, func(t *testing.T, r *rig) {
			random := rand.New(rand.NewPCG(timing, 0))
			var clients, brokers [2]net.Conn
			for i := range clients {
				clients[i], brokers[i] = r.connect()
			}
			var rest [2][]byte
			for i := range rest {
				rest[i] = packets(t, 5, "CONNECT version=5 clean-start=1 client-id=a")
				for n := range 60 {
					rest[i] = append(rest[i], packets(t, 5, fmt.Sprintf("PUBLISH topic=a payload=%d", n), "PINGREQ")...)
				}
			}
			for len(rest[0])+len(rest[1]) > 0 {
				i := random.IntN(2)
				n := min(len(rest[i]), 1+random.IntN(40))
				send(t, clients[i], rest[i][:n])
				rest[i] = rest[i][n:]
				time.Sleep(time.Duration(random.IntN(20)) * time.Millisecond)
			}
			time.Sleep(time.Minute)
			var by [2][]string
			for line := range strings.SplitSeq(r.took(), "\n") {
				if strings.HasPrefix(line, "1> ") {
					by[0] = append(by[0], line)
				} else if strings.HasPrefix(line, "2> ") {
					by[1] = append(by[1], line)
				}
			}
			for i := range brokers {
				all += strings.Join(by[i], "\n") + "\n" + strings.Join(lines(t, brokers[i], mqttwire.Client), "\n") + "\n"
			}
		})
		return all
	}
	first := faulted(7, 1)
	for _, fault := range []string{"[drop]", "[delay ", "[duplicate 1]"} {
		if !strings.Contains(first, fault) {
			t.Fatalf("%s did not happen", fault)
		}
	}
	if again := faulted(7, 2); again != first {
		t.Errorf("the same seed, another time:\n%s\n\n%s", first, again)
	}
	if other := faulted(8, 1); other == first {
		t.Error("another seed does the same")
	}
	one, two, _ := strings.Cut(first, "2> CONNECT")
	if strings.Count(one, "[drop]") == strings.Count(two, "[drop]") && strings.Count(one, "[delay") == strings.Count(two, "[delay") {
		t.Error("both connections have the same faults")
	}
}

// A side is judged by what it was given to see: nobody is blamed for a fault.
func TestNobodyIsBlamedForFaults(t *testing.T) {
	var findings []string
	bubble(t, Options{Rules: rules(t, "drop type=PUBACK; duplicate type=CONNACK; drop type=PINGRESP"), Watch: func(e *Event) {
		for _, f := range e.Findings {
			findings = append(findings, f.Text)
		}
		if e.Packet != nil {
			for _, f := range e.Packet.Findings {
				findings = append(findings, f.Text)
			}
		}
	}}, func(t *testing.T, r *rig) {
		client, broker := greeted(t, r, "a")
		send(t, client, packets(t, 5, "PUBLISH topic=a qos=1 packet-id=1", "PINGREQ"))
		synctest.Wait()
		send(t, broker, packets(t, 5, "PUBACK packet-id=1", "PINGRESP"))
		synctest.Wait()
		send(t, client, packets(t, 5, "DISCONNECT"))
		client.Close()
		synctest.Wait()
		broker.Close()
		synctest.Wait()
		if len(findings) > 0 {
			t.Errorf("findings: %q", findings)
		}
	})
}
