package commands

import (
	"context"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path"
	"runtime"
	"runtime/debug"
	"runtime/metrics"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"mqtk/broker"
	"mqtk/commands/config"
)

// A steward keeps the heap of serve at the size that suits what the broker does.
// Busy, a small heap is collected no sooner than after heapSlack of allocations,
// where the runtime alone would collect after 2 to 4 MiB of them and spend an
// eighth of the CPU on it; a large one when it has doubled, as ever. Calm again,
// what a burst has left behind goes back to the system.
//
// Nothing ticks while nothing happens: the broker says that connections have come
// or gone, a collection that there were allocations, and only then the steward
// looks each second until it is calm.
type steward struct {
	stirred   <-chan struct{} // by connections
	collected chan struct{}
	held      func(live int64) // tells the broker
	strained  func() bool      // asks it
	heapLimit uint64           // bytes, 0: none
	tunes     bool             // GOGC is ours to set
	percent   int              // GOGC as set last
	collects  atomic.Int64
	ended     atomic.Bool
	read      func() heapGauges
	giveBack  func()
	log       *slog.Logger
}

const (
	// heapSlack bounds what garbage may add to a small heap; a flood stays under
	// 64 MiB with it, and collects ten times as seldom.
	heapSlack = 20 << 20
	// runtimeMinimum is the heap below which GOGC=100 never collects; it grows
	// with GOGC.
	runtimeMinimum = 4 << 20
	// programBytes of a memory limit are not for the heap: the program itself, and
	// what the collector may be late.
	programBytes = 12 << 20
	// calmBytes allocated in a second are no burst.
	calmBytes = 1 << 20
	// worthBytes that may go back to the system are worth a collection, if they
	// are a sixteenth of the live heap, too.
	worthBytes = 1 << 20
)

// heapGauges are what the runtime tells of its heap, in bytes.
type heapGauges struct {
	allocated uint64 // since the start of the process
	objects   uint64 // live ones and garbage
	free      uint64 // pages that are ours and empty
	live      uint64 // objects that the last collection left
	scanned   uint64 // stacks and globals, which count towards GOGC
}

func readHeap() (g heapGauges) {
	into := [...]struct {
		name  string
		value *uint64
	}{
		{"/gc/heap/allocs:bytes", &g.allocated},
		{"/memory/classes/heap/objects:bytes", &g.objects},
		{"/memory/classes/heap/free:bytes", &g.free},
		{"/gc/heap/live:bytes", &g.live},
		{"/gc/scan/stack:bytes", &g.scanned},
		{"/gc/scan/globals:bytes", nil},
	}
	var samples [len(into)]metrics.Sample
	for i := range into {
		samples[i].Name = into[i].name
	}
	metrics.Read(samples[:])
	for i := range into {
		if samples[i].Value.Kind() != metrics.KindUint64 {
			continue
		}
		if into[i].value != nil {
			*into[i].value = samples[i].Value.Uint64()
		} else {
			g.scanned += samples[i].Value.Uint64()
		}
	}
	return g
}

// keepHouse has a steward look after the memory until the function that it
// returns is called.
func (s *service) keepHouse(ctx context.Context) (end func()) {
	return tend(ctx, newSteward(s.broker, s.house.config.Limits.MemoryLimit, s.log))
}

// tend has a steward work until the function that it returns is called.
func tend(ctx context.Context, w *steward) (end func()) {
	ctx, cancel := context.WithCancel(ctx)
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		w.run(ctx)
	}()
	return func() {
		w.ended.Store(true)
		cancel()
		<-ended
	}
}

// newSteward takes the heap over, as far as GOGC and GOMEMLIMIT do not say that
// somebody else has.
func newSteward(b *broker.Broker, limit int64, log *slog.Logger) *steward {
	w := &steward{held: b.MemoryHeld, strained: b.Strained, stirred: b.Stirred(), collected: make(chan struct{}, 1), percent: 100,
		tunes: os.Getenv("GOGC") == "", read: readHeap, giveBack: freeMemory, log: log}
	if limit > 0 {
		w.heapLimit = uint64(limit - programBytes)
		if os.Getenv("GOMEMLIMIT") == "" {
			debug.SetMemoryLimit(limit - programBytes)
		}
	}
	w.tune()
	w.watch()
	w.collected <- struct{}{} // the start, too, leaves garbage behind
	return w
}

// watch has tune called after each collection, by the runtime's own thread for
// such things: an object that nobody holds is found dead by every one of them.
func (w *steward) watch() {
	runtime.AddCleanup(new([64]byte), func(w *steward) {
		if w.ended.Load() {
			return
		}
		w.collects.Add(1)
		w.tune()
		select {
		case w.collected <- struct{}{}:
		default:
		}
		w.watch()
	}, w)
}

// tune sets GOGC for the heap as it is now. Setting it stops the world for a
// moment, so small differences are let be.
func (w *steward) tune() {
	g := w.read()
	w.held(int64(g.live))
	if !w.tunes {
		return
	}
	percent := growth(g, w.heapLimit)
	if apart := percent - w.percent; apart > w.percent/8 || -apart > w.percent/8 || percent == 100 && apart != 0 {
		debug.SetGCPercent(percent)
		w.percent = percent
	}
}

// growth is the GOGC with which the next collection comes heapSlack from now, or
// when the heap has doubled; at half of the limit in any case and more often above
// that, so that the broker hears in time how much is live.
func growth(g heapGauges, limit uint64) int {
	step := max(heapSlack, g.live+g.scanned)
	if limit > 0 {
		room := limit/2 - min(g.live, limit/2)
		step = min(step, max(room, limit/8))
	}
	percent := step * 100 / max(g.live+g.scanned, 1)
	percent = min(percent, (g.live+step)*100/runtimeMinimum)
	return int(max(percent, 10))
}

// run gives memory back until ctx ends.
func (w *steward) run(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-w.stirred:
		case <-w.collected:
		}
		if !w.calm(ctx) {
			return
		}
		if w.read().worth() {
			w.giveBack()
			w.log.Debug("memory given back", "live", w.read().live)
		}
	}
}

// freeMemory collects twice, for what lies in a sync.Pool outlives the first time.
func freeMemory() {
	runtime.GC()
	debug.FreeOSMemory()
}

// worth says whether a collection may give enough back to the system.
func (g heapGauges) worth() bool {
	gain := g.free
	if g.objects > g.live {
		gain += g.objects - g.live
	}
	return gain >= worthBytes && gain >= g.live/16
}

// calm returns when a second has passed with few allocations and no connection
// that came or went. False: ctx has ended.
func (w *steward) calm(ctx context.Context) bool {
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	collects := w.collects.Load()
	for before := w.read().allocated; ; {
		select {
		case <-ctx.Done():
			return false
		case <-tick.C:
		}
		now := w.read().allocated
		stirred := false
		select {
		case <-w.stirred:
			stirred = true
		default:
		}
		strained := w.strained()
		if !strained && !stirred && now-before < calmBytes {
			return true
		}
		if strained && w.collects.Load() == collects {
			runtime.GC() // or nobody would hear that it has eased
		}
		collects = w.collects.Load()
		before = now
	}
}

// settleMemory divides what there is where nobody has: half of it for all, and of
// that a quarter, or 1 GiB, for the retained messages, and no more of them than
// take another quarter besides their bytes.
func settleMemory(c *config.Config) {
	limits := &c.Limits
	if limits.MemoryLimit == 0 {
		if there := memoryThere(os.DirFS("/")); there > 0 {
			limits.MemoryLimit = max(there/2, leastMemory)
		}
	}
	if limits.MemoryLimit == 0 {
		return
	}
	if !c.Given("limits.max_retained_bytes") {
		limits.MaxRetainedBytes = min(limits.MaxRetainedBytes, limits.MemoryLimit/4)
	}
	if !c.Given("limits.max_retained") {
		limits.MaxRetained = min(limits.MaxRetained, int(limits.MemoryLimit/4/retainedOverhead))
	}
}

// retainedOverhead is about what a retained message takes besides its topic and
// payload, in bytes.
const retainedOverhead = 64

// leastMemory is the least memory_limit that may be set.
const leastMemory = 32 << 20

func (s *service) greetMemory() {
	limits := s.house.config.Limits
	if limit := limits.MemoryLimit; limit > 0 {
		text, _ := limits.Get("memory_limit")
		if limit > 1<<30 && limit%(1<<20) != 0 {
			text = fmt.Sprintf("%.1fGiB", float64(limit)/(1<<30))
		}
		s.log.Info("memory has a limit, which --memory-limit changes", "memory_limit", text)
	}
}

// memoryThere is what the machine has, or the control group allows, if that is
// less; 0 where nobody tells.
func memoryThere(root fs.FS) int64 {
	least := int64(0)
	take := func(bytes int64) {
		if bytes > 0 && bytes < 1<<60 && (least == 0 || bytes < least) { // version 1 writes none as 1<<63, about
			least = bytes
		}
	}
	info, _ := fs.ReadFile(root, "proc/meminfo")
	if _, rest, ok := strings.Cut(string(info), "MemTotal:"); ok {
		var kib int64
		fmt.Sscan(rest, &kib)
		take(kib << 10)
	}
	groups, _ := fs.ReadFile(root, "proc/self/cgroup")
	for line := range strings.Lines(string(groups)) {
		parts := strings.SplitN(strings.TrimSpace(line), ":", 3)
		if len(parts) < 3 {
			continue
		}
		base, file := "sys/fs/cgroup", "memory.max"
		if parts[1] == "memory" {
			base, file = "sys/fs/cgroup/memory", "memory.limit_in_bytes"
		} else if parts[1] != "" {
			continue
		}
		for dir := path.Clean("/" + parts[2]); ; dir = path.Dir(dir) { // the groups above bind, too
			text, _ := fs.ReadFile(root, path.Join(base, dir, file))
			bytes, _ := strconv.ParseInt(strings.TrimSpace(string(text)), 10, 64)
			take(bytes)
			if dir == "/" {
				break
			}
		}
	}
	return least
}
