package broker

import (
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
	heap  []armed // by time, a binary heap
	start time.Time
	until time.Duration // run waits no longer than that, since start
	wake  chan struct{} // it is to look again before
}

// timed is what has a deadline. One thing may have several: each is a type of
// its own over the same struct (sessionEnd and willDelay are Sessions), which
// costs a method and no memory. Rejected: a func in each deadline, since a
// method value is an object on the heap.
type timed interface {
	// fire is called by the goroutine of run, without any lock, and no longer
	// armed. What it decided on may have changed by then: it looks again.
	fire(now time.Time)
	deadline() *deadline
}

// A deadline lives inside what it belongs to, and is as small as can be, since
// few of them are ever armed. Its zero value is not armed.
type deadline struct {
	place int32 // in the heap + 1, 0: not armed
}

// armed is one place of the heap.
type armed struct {
	at    time.Duration // since the start of the set
	timed timed
}

func newDeadlines() *deadlines {
	return &deadlines{start: time.Now(), wake: make(chan struct{}, 1)}
}

// arm makes t due at that time, instead of any earlier arrangement.
func (s *deadlines) arm(t timed, at time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := time.Now() // between at and start there may be a step of the wall clock, and at may know no other
	a := armed{now.Sub(s.start) + at.Sub(now), t}
	d := t.deadline()
	if d.place == 0 {
		s.heap = append(s.heap, a)
		d.place = int32(len(s.heap))
	}
	s.settle(int(d.place)-1, a)
	if a.at < s.until { // hand-shakes that come and go wake nobody but for the first
		s.until = a.at
		select {
		case s.wake <- struct{}{}:
		default:
		}
	}
}

// disarm takes t out and tells whether it was in. False may mean that it is
// firing at this moment.
func (s *deadlines) disarm(t timed) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	d := t.deadline()
	if d.place == 0 {
		return false
	}
	s.remove(d)
	return true
}

// armed says whether t is due at some time to come. What fires asks it when it
// may have been armed anew since its time came.
func (s *deadlines) armed(t timed) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return t.deadline().place != 0
}

// run fires what is due until ctx ends.
func (s *deadlines) run(ctx context.Context) {
	timer := time.NewTimer(0)
	defer timer.Stop()
	for ctx.Err() == nil {
		now := time.Now()
		t, wait := s.due(now)
		if t != nil {
			t.fire(now)
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
func (s *deadlines) due(now time.Time) (timed, time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.heap) == 0 {
		s.until = now.Sub(s.start) + time.Hour
		return nil, time.Hour
	}
	first := s.heap[0]
	if wait := first.at - now.Sub(s.start); wait > 0 {
		s.until = first.at
		return nil, wait
	}
	s.remove(first.timed.deadline())
	return first.timed, 0
}

// remove takes d out of the heap, and gives the memory of a crowd back.
func (s *deadlines) remove(d *deadline) {
	i, last := int(d.place)-1, len(s.heap)-1
	moved := s.heap[last]
	s.heap[last] = armed{}
	s.heap = s.heap[:last]
	if i < last {
		s.settle(i, moved)
	}
	d.place = 0
	if cap(s.heap) > 1024 && last < cap(s.heap)/4 {
		s.heap = append(make([]armed, 0, 2*last), s.heap...)
	}
}

// settle finds the place of a, in or above or below the free one at i. It is
// container/heap without its boxes.
func (s *deadlines) settle(i int, a armed) {
	for i > 0 && a.at < s.heap[(i-1)/2].at {
		s.set(i, s.heap[(i-1)/2])
		i = (i - 1) / 2
	}
	for {
		child := 2*i + 1
		if child+1 < len(s.heap) && s.heap[child+1].at < s.heap[child].at {
			child++
		}
		if child >= len(s.heap) || s.heap[child].at >= a.at {
			break
		}
		s.set(i, s.heap[child])
		i = child
	}
	s.set(i, a)
}

func (s *deadlines) set(i int, a armed) {
	s.heap[i] = a
	a.timed.deadline().place = int32(i + 1)
}

// wheel watches the keep alive of all connections. A packet costs one store
// (touch), an idle connection its wheelEntry: the wheel looks at it when it
// would be due by what was known when it was filed, files it anew if a packet
// came since, and otherwise takes it out and tells. Silence is found between 1.5
// keep alives and, with an instant, five eighths of a second later [MQTT-3.1.2-22].
//
// Time is counted from the start of the wheel on the monotonic clock: setting
// the wall clock, as small machines do after they boot, closes no connection.
type wheel struct {
	mu    sync.Mutex
	slots [wheelSlots]*Conn // by tick modulo wheelSlots
	past  *Conn             // connections of the current tick yet to be looked at
	tick  int64             // everything filed up to this tick has been moved to past
	count int

	// silent is called once, by the goroutine of the deadlines, without any
	// lock, and with the connection no longer in the wheel; it may add it again.
	silent    func(c *Conn, now time.Time)
	start     time.Time
	deadlines *deadlines
	next      deadline // the next tick that has connections
	nextTick  int64
}

const (
	wheelTick    = 500 * time.Millisecond
	wheelSlots   = 512           // connections due later than that are looked at on the way
	wheelBatch   = 64            // looked at under one hold of the lock
	wheelInstant = wheelTick / 4 // in which times are remembered: 32 bits of them are 17 years
)

// wheelEntry is a connection's place in the wheel.
type wheelEntry struct {
	next      *Conn
	link      **Conn        // the pointer that points here, nil: not in the wheel
	heard     atomic.Uint32 // the last touch, in instants begun since the start
	keepAlive uint16        // seconds, as in force; 0: none
}

func newWheel(d *deadlines, silent func(*Conn, time.Time)) *wheel {
	return &wheel{start: time.Now(), deadlines: d, silent: silent}
}

// touch notes that a packet came. Any thread may call it at any time.
func (w *wheel) touch(c *Conn, now time.Time) {
	heard := uint32(now.Sub(w.start)/wheelInstant) + 1 // rounded up: nobody is found silent too early
	if c.watch.heard.Load() != heard {
		c.watch.heard.Store(heard)
	}
}

// overdue says whether c has been silent for too long. What silent is told may
// have been overtaken by a touch.
func (w *wheel) overdue(c *Conn, now time.Time) bool { return c.watch.due() <= now.Sub(w.start) }

// add watches c from now on; with keep alive 0 it does not [3.1.2.10].
func (w *wheel) add(c *Conn, keepAlive uint16, now time.Time) {
	w.touch(c, now)
	w.mu.Lock()
	defer w.mu.Unlock()
	w.unlink(c)
	c.watch.keepAlive = keepAlive
	if keepAlive == 0 {
		return
	}
	if w.count == 0 {
		w.tick, w.nextTick = int64(now.Sub(w.start)/wheelTick), 0
	}
	if tick := w.file(c); w.nextTick == 0 || tick < w.nextTick {
		w.wakeAt(tick)
	}
}

// remove ends the watch. It is harmless for a connection that is not watched.
func (w *wheel) remove(c *Conn) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.unlink(c)
	if w.count == 0 {
		w.deadlines.disarm(w)
	}
}

func (w *wheel) deadline() *deadline { return &w.next }

// fire is what happens at a tick that has connections.
func (w *wheel) fire(now time.Time) {
	var silent []*Conn
	for more := true; more; {
		silent, more = w.look(now, silent[:0])
		for _, c := range silent {
			w.silent(c, now)
		}
	}
}

// look deals with some of the connections that are past, and appends those that
// were silent.
func (w *wheel) look(now time.Time, silent []*Conn) (_ []*Conn, more bool) {
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
		c := w.past
		if c == nil {
			w.wakeNext()
			return silent, false
		}
		w.unlink(c)
		if !w.overdue(c, now) {
			w.file(c)
		} else {
			silent = append(silent, c)
		}
	}
	return silent, true
}

// due is when the connection has been silent for too long.
func (e *wheelEntry) due() time.Duration {
	return time.Duration(e.heard.Load())*wheelInstant + time.Duration(e.keepAlive)*time.Second*3/2
}

// file puts c where it is looked at next, and returns that tick.
func (w *wheel) file(c *Conn) int64 {
	tick := int64((c.watch.due() + wheelTick - 1) / wheelTick)
	tick = min(max(tick, w.tick+1), w.tick+wheelSlots-1)
	slot := &w.slots[tick%wheelSlots]
	relink(*slot, &c.watch.next)
	relink(c, slot)
	w.count++
	return tick
}

// relink makes *link point to c, and c know it.
func relink(c *Conn, link **Conn) {
	*link = c
	if c != nil {
		c.watch.link = link
	}
}

func (w *wheel) unlink(c *Conn) {
	e := &c.watch
	if e.link == nil {
		return
	}
	relink(e.next, e.link)
	e.next, e.link = nil, nil
	w.count--
}

// wakeNext arranges for the next tick that has connections.
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
	w.deadlines.arm(w, w.start.Add(time.Duration(tick)*wheelTick))
}
