package journal

import (
	"fmt"
	"testing"

	"mqtk/broker"
)

// TestInterruptedCleaning: any head may be copied at any time, and a crash may
// come before it is removed, so that records stand twice. Whatever happens to
// them afterwards, nothing is lost and nothing rises.
func TestInterruptedCleaning(t *testing.T) {
	seeds := 16
	if testing.Short() {
		seeds = 4
	}
	for seed := range seeds {
		t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) { interrupted(t, uint64(seed)) })
	}
}

func interrupted(t *testing.T, seed uint64) {
	h, dir := newHistory(seed), t.TempDir()
	for round := range 40 {
		j := openTest(t, dir, 2048)
		facts, err := replayedFacts(j)
		if err != nil {
			t.Fatal(err)
		}
		byHand(j)
		compareFacts(t, facts, h.facts, fmt.Sprint("round ", round))
		compareIndex(t, j, h.facts)
		twice := [2]bool{}
		for range 20 + h.IntN(60) {
			if events := h.next(h.IntN(3) == 0); len(events) > 0 {
				appendTest(t, j, events...)
			}
			g := generation(h.IntN(2))
			if h.IntN(8) > 0 || twice[g] || !cleanable(j, g) {
				continue
			}
			if err := j.copyOut(g); err != nil {
				t.Fatal(err)
			}
			if twice[g] = h.IntN(3) == 0; !twice[g] {
				if err := j.remove(g); err != nil {
					t.Fatal(err)
				}
			}
		}
		closeTest(t, j)
	}
}

// byHand stops the cleaner, so that the test is the one that cleans.
func byHand(j *Journal) {
	j.cleaner.end()
	j.cleaner.init()
}

// cleanable says whether a generation's head is complete.
func cleanable(j *Journal, g generation) bool {
	written(j)
	j.log.mu.Lock()
	defer j.log.mu.Unlock()
	for j.index.bury(cleanBury) {
	}
	head, ok := j.log.head(g)
	return ok && !head.tail
}

// TestEndsGo: when what they ended is gone from the disk, the ends go as well.
func TestEndsGo(t *testing.T) {
	h, dir := newHistory(1), t.TempDir()
	j := openTest(t, dir, 2048)
	defer closeTest(t, j)
	if _, err := replayedFacts(j); err != nil {
		t.Fatal(err)
	}
	byHand(j)
	const kept = 20
	keep(t, j, 1_000_000, kept)
	for range 1000 {
		if events := h.next(false); len(events) > 0 {
			appendTest(t, j, events...)
		}
		if h.IntN(20) == 0 && cleanable(j, young) {
			if err := j.copyHead(young); err != nil {
				t.Fatal(err)
			}
		}
	}
	for len(h.live) > 0 {
		if events := h.end(); events != nil {
			appendTest(t, j, events...)
		}
	}
	around(t, j, 60)
	v, err := View(dir)
	if err != nil {
		t.Fatal(err)
	}
	segments := 0
	for _, s := range v.Segments() {
		if segments += count(s.Old); s.Old && s.Live != s.Records {
			t.Errorf("%+v", s)
		}
	}
	if segments < 2 || len(h.facts)+kept != v.Statistics().Retained {
		t.Errorf("%d old segments, %+v", segments, v.Statistics())
	}
}

// keep retains messages of 300 bytes: six or so fill a segment.
func keep(t *testing.T, j *Journal, version uint64, n int) {
	t.Helper()
	for range n {
		version++
		m := &broker.Message{Topic: fmt.Sprint("kept/", version), Payload: make([]byte, 300)}
		appendTest(t, j, broker.Event{Kind: broker.EventRetain, Topic: m.Topic, Sequence: version, Message: m})
	}
}

// around cleans each generation a number of times.
func around(t *testing.T, j *Journal, times int) {
	t.Helper()
	for range times {
		for _, g := range []generation{young, old} {
			if cleanable(j, g) {
				if err := j.copyHead(g); err != nil {
					t.Fatal(err)
				}
			}
		}
	}
}

// TestCopiesOfCopies: a crash leaves a record twice in the old generation. Its
// end then outlives both.
func TestCopiesOfCopies(t *testing.T) {
	m := &broker.Message{Topic: "a", Payload: []byte("x"), QoS: 1}
	for name, e := range map[string][2]broker.Event{
		"delivery":  {{Kind: broker.EventEnqueue, Incarnation: 1, Sequence: 5, Message: m, QoS: 1}, {Kind: broker.EventDequeue, Incarnation: 1, Sequence: 5}},
		"packet id": {{Kind: broker.EventHeld, Incarnation: 1, Sequence: 5, PacketID: 3}, {Kind: broker.EventForgotten, Incarnation: 1, Sequence: 6, PacketID: 3}},
	} {
		dir := t.TempDir()
		start := func() *Journal {
			j := openTest(t, dir, 2048)
			if _, err := replayedFacts(j); err != nil {
				t.Fatal(err)
			}
			byHand(j)
			return j
		}
		clean := func(j *Journal, g generation, copy func(generation) error) {
			if !cleanable(j, g) {
				t.Fatalf("%s: the %v head is not complete", name, g)
			}
			if err := copy(g); err != nil {
				t.Fatal(err)
			}
		}
		j := start()
		appendTest(t, j, broker.Event{Kind: broker.EventSession, ClientID: "c", Incarnation: 1, Sequence: 1}, e[0])
		keep(t, j, 100, 20)
		clean(j, young, j.copyHead)
		clean(j, young, j.copyHead)
		clean(j, old, j.copyOut) // and no more: twice
		closeTest(t, j)
		j = start()
		appendTest(t, j, e[1])
		keep(t, j, 200, 20)
		clean(j, old, j.copyHead)
		for cleanable(j, young) { // until the end is at the tail, or gone
			clean(j, young, j.copyHead)
		}
		closeTest(t, j)
		j = start()
		if s := j.index.sessions[1]; s == nil || s.queue.count != 0 || len(s.held) != 0 {
			t.Errorf("%s: has risen", name)
		}
		closeTest(t, j)
	}
}
