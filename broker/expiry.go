package broker

import (
	"container/heap"
	"context"
	"sync"
	"sync/atomic"
	"time"
)

// deadlines is the broker's one ordered set of moments at which something is
// due: session and message expiry, will delay, hand-shakes. One goroutine, in
// run, waits for the first of them; nothing else in the broker owns a timer.
type deadlines struct {
	mu    sync.Mutex
	heap  deadlineHeap
	start time.Time
	wake  chan struct{} // the first deadline has changed
}

// A deadline lives inside what it belongs to, so arming it allocates nothing.
// Its zero value is not armed; fire must be set before it is.
type deadline struct {
	// fire is called by the goroutine of run, without any lock, and no longer
	// armed. What it decided on may have changed by then: it looks again.
	fire  func(now time.Time)
	at    time.Duration // since the start of the set
	place int           // in the heap + 1, 0: not armed
}

func newDeadlines() *deadlines {
	return &deadlines{start: time.Now(), wake: make(chan struct{}, 1)}
}

// arm makes d due at that time, instead of any earlier arrangement.
func (s *deadlines) arm(d *deadline, at time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := time.Now() // between at and start there may be a step of the wall clock, and at may know no other
	d.at = now.Sub(s.start) + at.Sub(now)
	if d.place == 0 {
		heap.Push(&s.heap, d)
	} else {
		heap.Fix(&s.heap, d.place-1)
	}
	if d.place == 1 {
		select {
		case s.wake <- struct{}{}:
		default:
		}
	}
}

// disarm takes d out and tells whether it was in. False may mean that it is
// firing at this moment.
func (s *deadlines) disarm(d *deadline) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if d.place == 0 {
		return false
	}
	heap.Remove(&s.heap, d.place-1)
	return true
}

// armed says whether d is due at some time to come. What fires asks it when it
// may have been armed anew since its time came.
func (s *deadlines) armed(d *deadline) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return d.place != 0
}

// run fires what is due until ctx ends.
func (s *deadlines) run(ctx context.Context) {
	timer := time.NewTimer(0)
	defer timer.Stop()
	for ctx.Err() == nil {
		now := time.Now()
		d, wait := s.due(now)
		if d != nil {
			d.fire(now)
			continue
		}
		timer.Reset(wait)
		select {
		case <-ctx.Done():
		case <-s.wake:
		case <-timer.C:
		}
	}
}

// due takes out the first deadline if its time has come; otherwise it says how
// long to wait for it.
func (s *deadlines) due(now time.Time) (*deadline, time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.heap) == 0 {
		return nil, time.Hour
	}
	if wait := s.heap[0].at - now.Sub(s.start); wait > 0 {
		return nil, wait
	}
	return heap.Pop(&s.heap).(*deadline), 0
}

// deadlineHeap is what container/heap asks for.
type deadlineHeap []*deadline

func (h deadlineHeap) Len() int           { return len(h) }
func (h deadlineHeap) Less(i, j int) bool { return h[i].at < h[j].at }

func (h deadlineHeap) Swap(i, j int) {
	h[i], h[j] = h[j], h[i]
	h[i].place, h[j].place = i+1, j+1
}

func (h *deadlineHeap) Push(d any) {
	*h = append(*h, d.(*deadline))
	d.(*deadline).place = len(*h)
}

func (h *deadlineHeap) Pop() any {
	last := len(*h) - 1
	d := (*h)[last]
	(*h)[last] = nil
	*h = (*h)[:last]
	d.place = 0
	return d
}

// wheel watches the keep alive of all connections. A packet costs one store
// (touch), an idle connection its wheelEntry: the wheel looks at an entry when
// it would be due by what was known when it was filed, files it anew if a
// packet came since, and otherwise takes it out and tells its owner. Silence
// is found between 1.5 keep alives and half a second later [MQTT-3.1.2-22].
//
// Time is counted from the start of the wheel on the monotonic clock: setting
// the wall clock, as small machines do after they boot, closes no connection.
type wheel struct {
	mu    sync.Mutex
	slots [wheelSlots]*wheelEntry // by tick modulo wheelSlots
	past  *wheelEntry             // entries of the current tick yet to be looked at
	tick  int64                   // everything filed up to this tick has been moved to past
	count int

	start     time.Time
	deadlines *deadlines
	next      deadline // the next tick that has entries
	nextTick  int64
}

const (
	wheelTick  = 500 * time.Millisecond
	wheelSlots = 512 // entries due later than that are looked at on the way
	wheelBatch = 64  // entries looked at under one hold of the lock
)

// wheelEntry is one connection's place in the wheel.
type wheelEntry struct {
	// silent is called once, by the goroutine of the deadlines, without any
	// lock, and with the entry no longer in the wheel; it may add it again.
	silent    func(now time.Time)
	heard     atomic.Int64 // the last touch
	next      *wheelEntry
	link      **wheelEntry // the pointer that points here, nil: not in the wheel
	keepAlive uint16       // seconds
}

func newWheel(d *deadlines) *wheel {
	w := &wheel{start: time.Now(), deadlines: d}
	w.next.fire = w.turn
	return w
}

// touch notes that a packet came. Any thread may call it at any time.
func (w *wheel) touch(e *wheelEntry, now time.Time) { e.heard.Store(int64(now.Sub(w.start))) }

// overdue says whether e has been silent for too long. What silent is told may
// have been overtaken by a touch.
func (w *wheel) overdue(e *wheelEntry, now time.Time) bool { return e.due() <= now.Sub(w.start) }

// add watches e from now on; with keep alive 0 it does not [3.1.2.10].
func (w *wheel) add(e *wheelEntry, keepAlive uint16, now time.Time) {
	w.touch(e, now)
	w.mu.Lock()
	defer w.mu.Unlock()
	w.unlink(e)
	e.keepAlive = keepAlive
	if keepAlive == 0 {
		return
	}
	if w.count == 0 {
		w.tick, w.nextTick = int64(now.Sub(w.start)/wheelTick), 0
	}
	if tick := w.file(e); w.nextTick == 0 || tick < w.nextTick {
		w.wakeAt(tick)
	}
}

// remove ends the watch. It is harmless for an entry that is not watched.
func (w *wheel) remove(e *wheelEntry) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.unlink(e)
	if w.count == 0 {
		w.deadlines.disarm(&w.next)
	}
}

// turn is what happens at a tick that has entries.
func (w *wheel) turn(now time.Time) {
	var silent []*wheelEntry
	for more := true; more; {
		silent, more = w.look(now, silent[:0])
		for _, e := range silent {
			e.silent(now)
		}
	}
}

// look deals with some of the entries that are past, and appends those that
// were silent.
func (w *wheel) look(now time.Time, silent []*wheelEntry) (_ []*wheelEntry, more bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	target := int64(now.Sub(w.start) / wheelTick)
	w.tick = max(w.tick, target-wheelSlots) // after a standstill every slot comes once
	for range wheelBatch {
		for w.past == nil && w.tick < target {
			w.tick++
			slot := &w.slots[w.tick%wheelSlots]
			relink(*slot, &w.past)
			*slot = nil
		}
		e := w.past
		if e == nil {
			w.wakeNext()
			return silent, false
		}
		w.unlink(e)
		if e.due() > now.Sub(w.start) {
			w.file(e)
		} else {
			silent = append(silent, e)
		}
	}
	return silent, true
}

// due is when e has been silent for too long.
func (e *wheelEntry) due() time.Duration {
	return time.Duration(e.heard.Load()) + time.Duration(e.keepAlive)*time.Second*3/2
}

// file puts e where it is looked at next, and returns that tick.
func (w *wheel) file(e *wheelEntry) int64 {
	tick := int64((e.due() + wheelTick - 1) / wheelTick)
	tick = min(max(tick, w.tick+1), w.tick+wheelSlots-1)
	slot := &w.slots[tick%wheelSlots]
	e.next = *slot
	relink(e.next, &e.next)
	relink(e, slot)
	w.count++
	return tick
}

// relink makes *link point to e, and e know it.
func relink(e *wheelEntry, link **wheelEntry) {
	*link = e
	if e != nil {
		e.link = link
	}
}

func (w *wheel) unlink(e *wheelEntry) {
	if e.link == nil {
		return
	}
	relink(e.next, e.link)
	e.next, e.link = nil, nil
	w.count--
}

// wakeNext arranges for the next tick that has entries.
func (w *wheel) wakeNext() {
	for tick := w.tick + 1; tick < w.tick+wheelSlots; tick++ {
		if w.slots[tick%wheelSlots] != nil {
			w.wakeAt(tick)
			return
		}
	}
	w.nextTick = 0
}

func (w *wheel) wakeAt(tick int64) {
	w.nextTick = tick
	w.deadlines.arm(&w.next, w.start.Add(time.Duration(tick)*wheelTick))
}
