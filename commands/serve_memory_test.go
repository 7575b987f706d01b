package commands

import (
	"context"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"testing/fstest"
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
		percent := uint64(growth(g, 0))
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
		w := &steward{stirred: stirred, collected: make(chan struct{}, 1), log: slog.New(slog.DiscardHandler),
			strained: func() bool { return false }}
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

func TestHeapGrowthNearTheLimit(t *testing.T) {
	const mib, limit = 1 << 20, 40 << 20
	for live := uint64(1); live <= 50; live++ {
		g := heapGauges{live: live * mib, scanned: mib / 2}
		percent := uint64(growth(g, limit))
		step := (g.live + g.scanned) * percent / 100
		if step < limit/10 || live <= 15 && g.live+step > limit*9/16 || live > 15 && step > limit/7 {
			t.Errorf("live %d MiB: the next collection comes after %d KiB", live, step>>10)
		}
	}
}

func TestMemoryThere(t *testing.T) {
	file := func(text string) *fstest.MapFile { return &fstest.MapFile{Data: []byte(text)} }
	meminfo := file("MemTotal:        2048 kB\nMemFree: 1 kB\n")
	for _, c := range []struct {
		name string
		root fstest.MapFS
		want int64
	}{
		{"nothing is told", fstest.MapFS{}, 0},
		{"no groups", fstest.MapFS{"proc/meminfo": meminfo}, 2 << 20},
		{"version 2", fstest.MapFS{"proc/meminfo": meminfo, "proc/self/cgroup": file("0::/a/b\n"),
			"sys/fs/cgroup/a/b/memory.max": file("max\n"), "sys/fs/cgroup/a/memory.max": file("1000000\n")}, 1000000},
		{"version 2, of a container", fstest.MapFS{"proc/meminfo": meminfo, "proc/self/cgroup": file("0::/\n"),
			"sys/fs/cgroup/memory.max": file("500000\n")}, 500000},
		{"version 1", fstest.MapFS{"proc/meminfo": meminfo, "proc/self/cgroup": file("9:cpu:/x\n5:memory:/x\n"),
			"sys/fs/cgroup/memory/x/memory.limit_in_bytes": file("700000\n"), "sys/fs/cgroup/memory/memory.limit_in_bytes": file("9223372036854771712\n")}, 700000},
		{"more than there is", fstest.MapFS{"proc/meminfo": meminfo, "proc/self/cgroup": file("0::/\n"),
			"sys/fs/cgroup/memory.max": file("900000000\n")}, 2 << 20},
	} {
		if got := memoryThere(c.root); got != c.want {
			t.Errorf("%s: %d, want %d", c.name, got, c.want)
		}
	}
}

func TestServeLimitsMemory(t *testing.T) {
	memory := func(value string, more ...setting) serveOptions {
		return serveOptions{Settings: append([]setting{{"--memory-limit", "memory_limit", value}}, more...)}
	}
	for _, c := range []struct {
		o                serveOptions
		environment      string
		memory, retained int64
		most             int // retained messages
	}{
		{memory("64MiB"), "", 64 << 20, 16 << 20, 262_144},
		{memory("100GiB"), "", 100 << 30, 1 << 30, 1_000_000},
		{memory("64MiB", setting{"--set", "max_retained_bytes", "1GiB"}), "", 64 << 20, 1 << 30, 262_144},
		{memory("64MiB", setting{"--set", "max_retained", "300000"}), "", 64 << 20, 16 << 20, 300_000},
		{memory("64MiB"), "max_retained=300000\tmax_retained_bytes=1GiB", 64 << 20, 1 << 30, 300_000},
		{serveOptions{}, "memory_limit=32MiB", 32 << 20, 8 << 20, 131_072},
	} {
		l := configured(t, c.o, c.environment).Limits
		if l.MemoryLimit != c.memory || l.MaxRetainedBytes != c.retained || l.MaxRetained != c.most {
			t.Errorf("%v %q: memory %d, retained %d and %d bytes", c.o.Settings, c.environment, l.MemoryLimit, l.MaxRetained, l.MaxRetainedBytes)
		}
	}
	o := memory("31MiB")
	if _, problems := o.configure(func(string) string { return "" }); len(problems) != 1 || strings.Count(problems[0].String(), "memory") != 1 {
		t.Errorf("31 MiB: %v", problems)
	}
}
