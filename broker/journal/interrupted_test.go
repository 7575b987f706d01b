package journal

import (
	"fmt"
	"testing"
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

// TestEndsGo: when all has ended, what told of the ends goes as well.
func TestEndsGo(t *testing.T) {
	h := newHistory(1)
	j := openTest(t, t.TempDir(), 2048)
	defer closeTest(t, j)
	if _, err := replayedFacts(j); err != nil {
		t.Fatal(err)
	}
	byHand(j)
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
	for len(h.facts) > 0 {
		if events := h.retain(false); events != nil {
			appendTest(t, j, events...)
		}
	}
	for range 400 {
		for _, g := range []generation{young, old} {
			if cleanable(j, g) {
				if err := j.copyHead(g); err != nil {
					t.Fatal(err)
				}
			}
		}
	}
	if m := j.Measure(); m.LiveBytes != 0 || m.DiskBytes > 3*2048 {
		t.Errorf("all has ended, and there is %+v", m)
	}
}
