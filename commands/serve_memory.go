package commands

import (
	"context"
	"log/slog"
	"os"
	"runtime"
	"runtime/debug"
	"runtime/metrics"
	"sync/atomic"
	"time"
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
	percent   int // GOGC as set last
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
	ctx, cancel := context.WithCancel(ctx)
	w, ended := newSteward(s.broker.Stirred(), s.log), make(chan struct{})
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

// newSteward takes the heap over, unless GOGC says that somebody else has.
func newSteward(stirred <-chan struct{}, log *slog.Logger) *steward {
	w := &steward{stirred: stirred, collected: make(chan struct{}, 1), percent: 100, read: readHeap, giveBack: freeMemory, log: log}
	if os.Getenv("GOGC") == "" {
		w.tune()
		w.watch()
	}
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
	percent := growth(w.read())
	if apart := percent - w.percent; apart > w.percent/8 || -apart > w.percent/8 || percent == 100 && apart != 0 {
		debug.SetGCPercent(percent)
		w.percent = percent
	}
}

// growth is the GOGC with which the next collection comes heapSlack from now, or
// when the heap has doubled.
func growth(g heapGauges) int {
	percent := heapSlack * 100 / max(g.live+g.scanned, 1)
	percent = min(percent, (g.live+heapSlack)*100/runtimeMinimum)
	return int(max(percent, 100))
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
		if !stirred && now-before < calmBytes {
			return true
		}
		before = now
	}
}
