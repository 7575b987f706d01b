package bench

import (
	"context"
	"errors"
	"runtime"
	"time"

	"mqtk/bench/loop"
	"mqtk/mqttwire"
	"mqtk/mqttwire/client"
)

// A worker is one loop and the clients it carries. All of it belongs to the
// loop; others ask by run.each.
type worker struct {
	run     *run
	number  int
	loop    *loop.Loop
	ended   chan struct{} // the loop has
	err     error         // of the loop, once it has ended
	decoder mqttwire.Decoder
	out     []byte // for what is being encoded

	dialling dialling
	links    linkTally
	waiting  agenda // who awaits an answer
	pings    agenda // who may have to be heard of

	publishers     []*publisher
	subscribers    []*subscriber
	groups         []*group
	phase          *phase // that is on; nil: none
	turn           turn
	dirty          []*publisher // to pump at the end of the batch
	starved        []*publisher // that deliveries on other workers may let go on
	spare          []*publisher // memory for dirty
	tally          tally
	taken          tally  // by the coordinator
	fill           []byte // as long as the longest payload that may come
	examples       examples
	refusals       map[refusal]int64
	violated       int64 // connections ended by the broker's breaking of the protocol
	firstViolation error
	readAt         int64      // when what is being handled was read from its socket
	usage          loop.Usage // when the phase began
}

func newWorker(r *run, number int) (*worker, error) {
	w := &worker{run: r, number: number, ended: make(chan struct{}), fill: r.fill}
	w.decoder = mqttwire.Decoder{Version: r.plan.Version, From: mqttwire.Server}
	w.links.refused, w.links.failed = map[string]int{}, map[string]int{}
	l, err := loop.New(loop.Options{
		Network: r.plan.Target.Network, Address: r.plan.Target.Address, Dial: r.plan.Target.Dial,
		Clock: r.clock.now, Wake: w.wake,
	})
	w.loop = l
	return w, err
}

// work is the worker's goroutine.
func (w *worker) work(ctx context.Context) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	defer close(w.ended)
	w.err = w.loop.Run(ctx)
}

// decode reads one packet.
func (w *worker) decode(in []byte) (mqttwire.Packet, int, error) { return w.decoder.Decode(in) }

// wake does what is due, and says when the next is.
func (w *worker) wake(now int64) (next int64) {
	next = min(w.dial(now), w.overdue(now), w.keepAlive(now))
	if len(w.starved) > 0 {
		w.retry()
	}
	next = min(next, w.pace(now))
	w.pump()
	if len(w.dirty) > 0 { // they have more, and others had their turn
		w.loop.Wake()
	}
	return next
}

// An agenda is links, each with a time, in the order of the times.
type agenda struct {
	entries []waiter
	head    int
}

type waiter struct {
	c     *link
	at    int64
	since int64 // when the link had entered its stage: if it is in another now, nobody waits
}

func (q *agenda) push(x waiter) {
	if q.head > 64 && q.head > len(q.entries)/2 {
		n := copy(q.entries, q.entries[q.head:])
		clear(q.entries[n:])
		q.entries, q.head = q.entries[:n], 0
	}
	q.entries = append(q.entries, x)
}

// due gives the first, if its time has come, and else says when it will.
func (q *agenda) due(now int64) (x waiter, ok bool, next int64) {
	if q.head == len(q.entries) {
		return waiter{}, false, never
	}
	x = q.entries[q.head]
	if x.at > now {
		return waiter{}, false, x.at
	}
	q.entries[q.head] = waiter{}
	q.head++
	return x, true, 0
}

// await gives the broker answerTime for what it owes c.
func (w *worker) await(c *link) {
	first := w.waiting.head == len(w.waiting.entries)
	w.waiting.push(waiter{c: c, at: c.since + int64(answerTime), since: c.since})
	if first {
		w.loop.Wake()
	}
}

// overdue ends those whose answer has not come.
func (w *worker) overdue(now int64) int64 {
	for {
		x, ok, next := w.waiting.due(now)
		if !ok {
			return next
		}
		if x.c.since == x.since && (x.c.stage == greeting || x.c.stage == settling) {
			awaited := "CONNACK"
			if x.c.stage == settling {
				awaited = "SUBACK"
			}
			x.c.fail(&client.TimeoutError{Waiting: awaited, After: answerTime})
		}
	}
}

// keepAlive pings those who have been silent for half of their keep alive, and
// ends those whose last PINGREQ was not answered in that time.
func (w *worker) keepAlive(now int64) int64 {
	for {
		x, ok, next := w.pings.due(now)
		if !ok {
			return next
		}
		c := x.c
		every := w.links.pingEvery
		if c.stage < settling || c.since < x.since && x.since != 0 {
			continue
		}
		if c.pinged {
			c.fail(&client.TimeoutError{Waiting: "PINGRESP", After: time.Duration(every)})
			continue
		}
		if c.spoke+every <= now {
			c.ping()
		}
		w.pings.push(waiter{c: c, at: now + every})
	}
}

// each calls f on every loop, and waits. It is for the coordinator; false: a loop
// has ended by itself.
func (r *run) each(f func(w *worker)) bool {
	done := make(chan struct{}, len(r.workers))
	for _, w := range r.workers {
		w.loop.Do(func() {
			f(w)
			done <- struct{}{}
		})
	}
	for _, w := range r.workers {
		_ = w
		select {
		case <-done:
		case <-r.broken:
			return false
		}
	}
	return true
}

var errLoopEnded = errors.New("the load generator's loop has ended")
