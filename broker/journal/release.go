package journal

import (
	"runtime"
	"time"
)

// wait has durable called, by a goroutine of the log, when everything added so
// far survives what the Durability promises. mu is held.
func (l *log) wait(durable func(error)) {
	b := &l.young.pending
	switch {
	case !l.running || l.closing:
		go durable(errClosed)
	case l.err != nil:
		l.ready = append(l.ready, waiter{durable, l.err})
		notify(l.release)
	case l.durability == None || b.empty() && !l.busy:
		l.ready = append(l.ready, waiter{durable, nil})
		notify(l.release)
	case b.empty():
		l.young.writing.waiting = append(l.young.writing.waiting, waiter{durable, nil})
	default:
		b.waiting = append(b.waiting, waiter{durable, nil})
		if !l.busy && len(b.waiting) == l.wanted {
			notify(l.wake)
		}
	}
}

// settle is wait for the disk whatever the Durability: for who is about to
// remove what the frames added so far replace. mu is held.
func (l *log) settle(durable func(error)) {
	if l.durability == Fsync || !l.running || l.closing || l.err != nil {
		l.wait(durable)
		return
	}
	l.settling = append(l.settling, waiter{durable, nil})
	notify(l.wake)
}

// releaseWaiters is the releaser: it calls who waited, while the next commit
// is on its way to the disk.
func (l *log) releaseWaiters() {
	var spare []waiter
	for range l.release {
		spare = l.releaseReady(spare)
		l.gatherRest()
	}
	l.releaseReady(spare)
}

func (l *log) releaseReady(spare []waiter) []waiter {
	l.mu.Lock()
	if l.calling { // the writer does, and will wake the releaser
		l.mu.Unlock()
		return spare
	}
	ready := l.ready
	l.ready, l.calling = spare[:0], true
	l.mu.Unlock()
	for _, w := range ready {
		w.durable(w.err)
	}
	clear(ready)
	l.mu.Lock()
	l.calling = false
	l.mu.Unlock()
	return ready
}

// callAlone spares a lone waiter the way through the releaser: nobody else's
// commit waits for the writer. mu is held, and for the call let go.
func (l *log) callAlone() {
	if len(l.ready) != 1 || l.calling || !l.young.pending.empty() {
		if len(l.ready) > 0 {
			notify(l.release)
		}
		return
	}
	w := l.ready[0]
	l.ready[0] = waiter{}
	l.ready, l.calling = l.ready[:0], true
	l.mu.Unlock()
	w.durable(w.err)
	l.mu.Lock()
	if l.calling = false; len(l.ready) > 0 {
		notify(l.release)
	}
}

// gather has the writer wait for as many as wait already or are called now, if
// they come back at once: else half of the producers would wait for the other
// half's commit, and each commit cost as much as one of all. When the releaser
// has called everybody and nobody comes any more, or after a commit's time, who
// came is enough. mu is held.
func (l *log) gather(called int, took time.Duration) {
	waiting := len(l.young.pending.waiting)
	l.wanted = called + waiting
	switch {
	case called == 0 || l.commitDelay > 0:
		l.wanted = 1
		if waiting > 0 {
			notify(l.wake)
		}
	case l.wanted > 1:
		l.gathered.Reset(took)
	}
}

// gatherRest is the releaser's part in it.
func (l *log) gatherRest() {
	for idle, before := 0, -1; idle < 2; idle++ {
		l.mu.Lock()
		waiting, over := len(l.young.pending.waiting), l.busy || l.wanted <= 1
		l.mu.Unlock()
		if over {
			return
		}
		if waiting > before {
			idle = 0
		}
		before = waiting
		runtime.Gosched()
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.wanted = 1
	if len(l.young.pending.waiting) > 0 && !l.busy {
		notify(l.wake)
	}
}
