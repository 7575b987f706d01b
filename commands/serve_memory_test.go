package commands

import (
	"context"
	"log/slog"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

func TestHeapGrowth(t *testing.T) {
	const mib = 1 << 20
	for _, c := range []struct {
		live, least, most uint64 // of live, and where the next collection comes
	}{
		{0, 4 * mib, 22 * mib},
		{1 * mib, 18 * mib, 24 * mib},
		{4 * mib, 22 * mib, 26 * mib},
		{15 * mib, 33 * mib, 37 * mib},
		{20 * mib, 40 * mib, 43 * mib},
		{500 * mib, 1000 * mib, 1002 * mib},
	} {
		g := heapGauges{live: c.live, scanned: mib / 2}
		percent := uint64(growth(g))
		next := max(runtimeMinimum*percent/100, g.live+(g.live+g.scanned)*percent/100)
		if next < c.least || next > c.most {
			t.Errorf("live %d KiB: GOGC=%d, collected at %d KiB, want %d to %d", c.live>>10, percent, next>>10, c.least>>10, c.most>>10)
		}
	}
	if g := readHeap(); g.allocated == 0 || g.objects == 0 || g.live+g.scanned == 0 {
		t.Errorf("the runtime does not tell: %+v", g)
	}
}

// TestStewardWaitsForCalm lets connections come for three seconds, then garbage
// be made for two, and counts who looks at the heap after that.
func TestStewardWaitsForCalm(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		stirred := make(chan struct{}, 1)
		heap := heapGauges{objects: 30 << 20, live: 3 << 20}
		looks, given, start := 0, time.Duration(0), time.Now()
		var mu sync.Mutex // of the three
		w := &steward{stirred: stirred, collected: make(chan struct{}, 1), log: slog.New(slog.DiscardHandler)}
		w.read = func() heapGauges {
			mu.Lock()
			defer mu.Unlock()
			looks++
			return heap
		}
		w.giveBack = func() {
			mu.Lock()
			defer mu.Unlock()
			heap.objects, given = heap.live, time.Since(start)
		}
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan struct{})
		go func() { w.run(ctx); close(ended) }()
		for range 6 {
			stirred <- struct{}{}
			time.Sleep(500 * time.Millisecond)
		}
		for range 20 {
			mu.Lock()
			heap.allocated += calmBytes / 10
			mu.Unlock()
			time.Sleep(100 * time.Millisecond)
		}
		time.Sleep(3 * time.Second)
		synctest.Wait() // nothing of it runs now, nor later unless it is told
		if given < 5*time.Second || given > 7*time.Second {
			t.Errorf("given back after %v, want it 5 to 7 s from the start, when all is calm", given)
		}
		before := looks
		time.Sleep(time.Hour)
		synctest.Wait()
		if looks != before {
			t.Errorf("%d looks at the heap while nothing happened", looks-before)
		}
		given = 0
		w.collected <- struct{}{} // with nothing that would be worth it
		time.Sleep(5 * time.Second)
		synctest.Wait()
		if given != 0 || looks == before {
			t.Errorf("given back after %v, %d looks; want a look, and nothing given", given, looks-before)
		}
		cancel()
		<-ended
	})
}
