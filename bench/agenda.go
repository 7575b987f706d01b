package bench

import (
	"time"

	"mqtk/mqttwire/client"
)

// An agenda is links, each with a time, in the order of the times: no link has a
// timer of its own.
type agenda struct {
	entries []waiter
	head    int
}

// A waiter is a link with a time that is about its present connection, and about
// one stage of it, if that is not absent.
type waiter struct {
	c     *link
	at    int64
	round uint32
	stage stage
}

// over tells that the link has gone on since.
func (x *waiter) over() bool {
	return x.c.round != x.round || x.c.stage < greeting || x.stage != absent && x.c.stage != x.stage
}

// push adds one whose time comes last. Those in front that are over leave: where
// connections are short there is never much in it.
func (q *agenda) push(x waiter) {
	for q.head < len(q.entries) && q.entries[q.head].over() {
		q.drop()
	}
	if q.empty() {
		q.entries, q.head = q.entries[:0], 0
	}
	if q.head > 64 && q.head > len(q.entries)/2 {
		n := copy(q.entries, q.entries[q.head:])
		clear(q.entries[n:])
		q.entries, q.head = q.entries[:n], 0
	}
	q.entries = append(q.entries, x)
}

// drop takes the first away.
func (q *agenda) drop() {
	q.entries[q.head] = waiter{}
	q.head++
}

// due gives the first that is not over, if its time has come, and else says when
// it will.
func (q *agenda) due(now int64) (x waiter, ok bool, next int64) {
	for q.head < len(q.entries) {
		x = q.entries[q.head]
		if x.at > now {
			return waiter{}, false, x.at
		}
		q.drop()
		if !x.over() {
			return x, true, 0
		}
	}
	return waiter{}, false, never
}

func (q *agenda) empty() bool { return q.head == len(q.entries) }

// last is the time of the last one.
func (q *agenda) last() int64 {
	if q.empty() {
		return 0
	}
	return q.entries[len(q.entries)-1].at
}

// await gives the broker answerTime for what it owes c in its stage.
func (w *worker) await(c *link) {
	first := w.waiting.empty()
	w.waiting.push(waiter{c: c, at: w.loop.Now() + int64(answerTime), round: c.round, stage: c.stage})
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
		awaited := "CONNACK"
		if x.stage == settling {
			awaited = "SUBACK"
		}
		x.c.fail(&client.TimeoutError{Waiting: awaited, After: answerTime})
	}
}

// keepAlive looks at each connection from time to time: it pings those that have
// been silent for long, and ends those whose last PINGREQ is not answered yet.
func (w *worker) keepAlive(now int64) int64 {
	for {
		x, ok, next := w.pings.due(now)
		if !ok {
			return next
		}
		switch c := x.c; {
		case c.ending:
		case c.pinged:
			c.fail(&client.TimeoutError{Waiting: "PINGRESP", After: time.Duration(w.links.pingEvery)})
		default:
			if c.spoke+w.links.pingEvery/2 <= now {
				c.ping()
			}
			w.lookAgain(c, now)
		}
	}
}

// lookAgain has keepAlive look at c in pingEvery, or in up to half of that more:
// connections that were made within a moment come apart.
func (w *worker) lookAgain(c *link, now int64) {
	every := w.links.pingEvery
	apart := every / 2 * int64(len(w.run.workers)) / int64(max(1, w.run.connections()))
	at := min(max(now+every, w.pings.last()+apart), now+every*3/2)
	w.pings.push(waiter{c: c, at: at, round: c.round})
}
