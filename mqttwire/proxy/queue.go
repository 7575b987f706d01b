package proxy

import (
	"sync"
	"time"

	"mqtk/mqttwire"
)

// A parcel is what is forwarded, or done, at its time.
type parcel struct {
	raw  []byte
	due  time.Time
	deed deed
	err  error // of passEnd
}

// A deed is what is done instead of forwarding bytes.
type deed byte

const (
	passBytes deed = iota
	goSilent       // half-open
	endBoth        // close
	resetBoth      // reset
	passEnd        // the source has ended
)

// A queue is what a direction has yet to forward, in order. Its writer does each
// at its time. What rules hold back until something else has passed lies beside.
type queue struct {
	*direction
	arrived *eye // of what is forwarded

	queueMu sync.Mutex
	change  sync.Cond
	parcels []parcel
	size    int
	held    map[int]*heldBack // by rule
	closed  bool              // nothing will be added
	gone    bool              // nothing will be taken
}

type heldBack struct {
	pieces [][]byte
	timer  *time.Timer
}

func newQueue(d *direction) *queue {
	other := brokerLeg
	if d.from == mqttwire.Server {
		other = clientLeg
	}
	q := &queue{direction: d, arrived: d.eye(other), held: make(map[int]*heldBack)}
	q.change.L = &q.queueMu
	return q
}

// put adds a parcel, and waits while the queue is full.
func (q *queue) put(p parcel) {
	q.queueMu.Lock()
	defer q.queueMu.Unlock()
	for q.size > 0 && q.size+len(p.raw) > maxHeld && !q.gone {
		q.change.Wait()
	}
	q.add(p)
}

func (q *queue) add(p parcel) {
	if q.gone {
		return
	}
	q.parcels = append(q.parcels, p)
	q.size += len(p.raw)
	q.change.Broadcast()
}

// hold keeps pieces for a rule until free, or for a time.
func (q *queue) hold(rule int, pieces [][]byte, most time.Duration) {
	q.queueMu.Lock()
	defer q.queueMu.Unlock()
	h := &heldBack{pieces: pieces}
	h.timer = time.AfterFunc(most, func() {
		q.queueMu.Lock()
		defer q.queueMu.Unlock()
		if q.held[rule] == h {
			q.letGo(rule, time.Now())
		}
	})
	q.held[rule] = h
}

// free forwards what was held for a rule, if it has not been yet.
func (q *queue) free(rule int, due time.Time) {
	q.queueMu.Lock()
	defer q.queueMu.Unlock()
	q.letGo(rule, due)
}

func (q *queue) letGo(rule int, due time.Time) {
	h := q.held[rule]
	if h == nil {
		return
	}
	h.timer.Stop()
	delete(q.held, rule)
	for _, piece := range h.pieces {
		q.add(parcel{raw: piece, due: due})
	}
}

// freeAll forwards all that is held back, for nothing else will come.
func (q *queue) freeAll() {
	q.queueMu.Lock()
	defer q.queueMu.Unlock()
	for rule := range q.Rules {
		q.letGo(rule, time.Time{})
	}
}

func (q *queue) close() {
	q.queueMu.Lock()
	defer q.queueMu.Unlock()
	q.closed = true
	q.change.Broadcast()
}

// next takes the oldest parcel; false: there will be none.
func (q *queue) next() (parcel, bool) {
	q.queueMu.Lock()
	defer q.queueMu.Unlock()
	for len(q.parcels) == 0 {
		if q.closed {
			return parcel{}, false
		}
		q.change.Wait()
	}
	p := q.parcels[0]
	q.parcels[0] = parcel{}
	q.parcels = q.parcels[1:]
	q.size -= len(p.raw)
	q.change.Broadcast()
	return p, true
}

// write does what stands in the queue until something ends it.
func (q *queue) write() {
	for {
		p, more := q.next()
		if !more {
			return
		}
		if !q.sleep(time.Until(p.due)) || !q.do(p) {
			q.queueMu.Lock()
			q.gone, q.parcels, q.size = true, nil, 0
			q.change.Broadcast()
			q.queueMu.Unlock()
			return
		}
	}
}

// sleep waits; false: the connection has to end meanwhile.
func (q *queue) sleep(d time.Duration) bool {
	if d <= 0 {
		return true
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-q.done:
		return false
	}
}

// do forwards a parcel, or does its deed; false: nothing can follow.
func (q *queue) do(p parcel) bool {
	q.mu.Lock()
	if p.deed == goSilent {
		q.silent = true
	}
	silent := q.silent
	q.mu.Unlock()
	switch {
	case silent:
		return p.deed != passEnd
	case p.deed == passBytes:
		q.arrived.see(p.raw, nil)
		if _, err := q.target.Write(p.raw); err != nil {
			q.forsake()
			return false
		}
	case p.deed == endBoth:
		q.source.Close()
		q.target.Close()
		return false
	case p.deed == resetBoth:
		abort(q.source)
		abort(q.target)
		return false
	case p.deed == passEnd:
		q.arrived.ended(p.err)
		q.pass(p.err)
	}
	return true
}
