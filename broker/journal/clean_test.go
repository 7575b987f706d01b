package journal

import (
	"bytes"
	"fmt"
	"strings"
	"testing"
	"time"

	"mqtk/broker"
)

func openTest(t testing.TB, dir string, segmentSize int64) *Journal {
	t.Helper()
	j, err := Open(Options{Dir: dir, SegmentSize: segmentSize, Durability: OS})
	if err != nil {
		t.Fatal(err)
	}
	return j
}

func appendTest(t testing.TB, j *Journal, events ...broker.Event) {
	t.Helper()
	if err := j.Append(events, nil); err != nil {
		t.Fatal(err)
	}
}

func closeTest(t testing.TB, j *Journal) {
	t.Helper()
	if err := j.Close(); err != nil {
		t.Fatal(err)
	}
}

// awaitDurable waits until everything appended is durable.
func awaitDurable(t testing.TB, j *Journal) {
	t.Helper()
	durable := make(chan error, 1)
	if err := j.Append(nil, func(err error) { durable <- err }); err != nil {
		t.Fatal(err)
	}
	if err := <-durable; err != nil {
		t.Fatal(err)
	}
}

// settle waits until the cleaner has nothing to do.
func settle(t testing.TB, j *Journal) {
	t.Helper()
	deadline := time.Now().Add(20 * time.Second)
	for {
		awaitDurable(t, j)
		j.log.mu.Lock()
		idle := len(j.index.dying) == 0 && j.chore() == nothing
		j.wakeCleaner()
		j.log.mu.Unlock()
		if idle {
			return
		}
		if time.Now().After(deadline) {
			t.Fatal("the cleaner does not come to an end")
		}
	}
}

// TestCleaningLosesNothing: random histories over tiny segments, opened anew
// every few hundred Appends, are always found as they are.
func TestCleaningLosesNothing(t *testing.T) {
	seeds := 10
	if testing.Short() {
		seeds = 3
	}
	for seed := range seeds {
		t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) { cleaning(t, uint64(seed), 25) })
	}
}

func cleaning(t *testing.T, seed uint64, rounds int) {
	h := newHistory(seed)
	dir := t.TempDir()
	for round := range rounds {
		j := openTest(t, dir, 4096)
		facts, err := replayedFacts(j)
		if err != nil {
			t.Fatal(err)
		}
		compareFacts(t, facts, h.facts, fmt.Sprint("round ", round))
		compareIndex(t, j, h.facts)
		drain := h.IntN(3) == 0
		for range h.IntN(400) {
			if events := h.next(drain); len(events) > 0 {
				appendTest(t, j, events...)
			}
		}
		if round%5 == 4 {
			settle(t, j)
			compareIndex(t, j, h.facts)
			if m := j.Measure(); m.DiskBytes > 2*m.LiveBytes+(cleanSlack+2)*4096 {
				t.Errorf("round %d: %d bytes on disk, %d needed", round, m.DiskBytes, m.LiveBytes)
			}
		}
		closeTest(t, j)
	}
}

// compareIndex: what the index holds is what is true, and no more; and each
// record of it counts once.
func compareIndex(t *testing.T, j *Journal, facts map[string]string) {
	t.Helper()
	j.log.mu.Lock()
	defer j.log.mu.Unlock()
	x, found := j.index, map[string]int{"retained": j.index.retained.count}
	records := int64(x.retained.count + len(x.shared))
	for _, s := range x.sessions {
		if s.session.at != 0 {
			found["session"]++
		}
		if s.will.at != 0 {
			found["will"]++
		}
		found["filter"] += len(s.subscriptions)
		found["held"] += len(s.held)
		found["queue"] += s.queue.count
		for _, f := range s.window.entries {
			if f.state == released {
				found["queue"]++
			}
			if f.state == sent && f.at != 0 {
				records++
			}
		}
	}
	want := map[string]int{}
	for fact := range facts {
		want[strings.Fields(fact)[0]]++
	}
	for _, word := range []string{"retained", "session", "will", "filter", "held", "queue"} {
		if found[word] != want[word] {
			t.Fatalf("the index has %d of %s instead of %d", found[word], word, want[word])
		}
		if word != "retained" {
			records += int64(found[word])
		}
	}
	counted := int64(0)
	for _, s := range []*stream{&j.log.young, &j.log.old} {
		for _, seg := range s.segments {
			counted += seg.records
			if seg.records < 0 || seg.live < 0 {
				t.Fatalf("%s: %d records, %d bytes", seg.name(), seg.records, seg.live)
			}
		}
	}
	if counted != records && len(x.dying) == 0 {
		t.Fatalf("the segments count %d records, the index has %d", counted, records)
	}
}

// TestDrainGivesBack: when the queues are empty, what remains of them on disk is
// a few segments, whatever stays alive among them.
func TestDrainGivesBack(t *testing.T) {
	const size = 16 << 10
	j := openTest(t, t.TempDir(), size)
	defer closeTest(t, j)
	if _, err := replayedFacts(j); err != nil {
		t.Fatal(err)
	}
	m := &broker.Message{Topic: "a/b", Payload: bytes.Repeat([]byte("x"), 200), QoS: 1}
	const sessions, messages = 5, 600
	for n := uint64(1); n <= sessions; n++ {
		appendTest(t, j, broker.Event{Kind: broker.EventSession, ClientID: fmt.Sprint("c", n), Incarnation: n, Sequence: 1})
	}
	for sequence := uint64(1); sequence <= messages; sequence++ {
		var events []broker.Event
		for n := uint64(1); n <= sessions; n++ {
			events = append(events, broker.Event{Kind: broker.EventEnqueue, Incarnation: n, Sequence: sequence, Message: m, QoS: 1})
		}
		appendTest(t, j, events...)
		if sequence%100 == 0 {
			appendTest(t, j, broker.Event{Kind: broker.EventRetain, Topic: m.Topic, Sequence: sequence, Replaces: sequence - 100, Message: m})
		}
	}
	settle(t, j)
	full := j.Measure()
	if full.DiskBytes < messages*200 || full.LiveBytes < messages*200 || full.LiveBytes > full.DiskBytes {
		t.Errorf("before the drain: %+v", full)
	}
	for n := uint64(1); n < sessions; n++ {
		for sequence := uint64(1); sequence <= messages; sequence++ {
			appendTest(t, j, broker.Event{Kind: broker.EventDequeue, Incarnation: n, Sequence: sequence})
		}
	}
	settle(t, j)
	if m := j.Measure(); m.DiskBytes > 2*m.LiveBytes+(cleanSlack+2)*size || m.LiveBytes < messages*180 {
		t.Errorf("with one session left: %+v", m)
	}
	appendTest(t, j, broker.Event{Kind: broker.EventSessionEnd, Incarnation: sessions})
	settle(t, j)
	if m := j.Measure(); m.DiskBytes > (cleanSlack+2)*size || m.LiveBytes > 10*size/100 {
		t.Errorf("after the drain: %+v", m)
	}
}

// TestDrainWithoutDurability: with durability none too a head goes only when what
// ended it has been written, and it does go.
func TestDrainWithoutDurability(t *testing.T) {
	dir := t.TempDir()
	j, err := Open(Options{Dir: dir, Durability: None, SegmentSize: 4096})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := replayedFacts(j); err != nil {
		t.Fatal(err)
	}
	latest := map[string]uint64{}
	for version := uint64(1); version <= 100; version++ {
		m := &broker.Message{Topic: "a", Payload: bytes.Repeat([]byte("x"), 1000)}
		if version%20 == 5 {
			m.Topic = "b"
		}
		appendTest(t, j, broker.Event{Kind: broker.EventRetain, Topic: m.Topic, Sequence: version, Replaces: latest[m.Topic], Message: m})
		latest[m.Topic] = version
		if version%10 == 0 {
			if version%20 == 0 {
				written(j)
			}
			settle(t, j)
			v, err := View(dir) // what a process that was killed now would leave
			if err != nil {
				t.Fatal(err)
			}
			if s := v.Segments(); len(s) > 0 && v.Statistics().Retained != 2 {
				t.Fatalf("version %d: %+v", version, v.Statistics())
			}
		}
	}
	if m := j.Measure(); m.DiskBytes > (cleanSlack+2)*4096 {
		t.Errorf("%+v", m)
	}
	closeTest(t, j)
}

// written waits until everything appended is on disk, whatever the Durability.
func written(j *Journal) {
	done := make(chan error, 1)
	j.log.mu.Lock()
	j.log.settle(func(err error) { done <- err })
	j.log.mu.Unlock()
	<-done
}
