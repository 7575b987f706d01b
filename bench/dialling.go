package bench

import (
	"errors"
	"strings"

	"mqtk/mqttwire"
	"mqtk/mqttwire/client"
)

// maxHalfOpen is how many connections a run may be making at one time: fewer than
// the backlog of any listener.
const maxHalfOpen = 64

// A dialling is the links that a worker has yet to connect, in the order of their
// planned times.
type dialling struct {
	todo     []*link
	halfOpen int
	bound    int // of halfOpen
	asked    bool
}

// A linkTally is what became of a worker's connections.
type linkTally struct {
	wanted, opened, lost int
	refused, failed      map[string]int // by reason, by what the system said
	connect              Histogram      // from the planned connecting to CONNACK
	lastOpened           int64          // when it was
	pingEvery            int64          // ns; 0: nobody has to be heard of
	first                error          // why the first that failed did
	firstLost            error          // why the first that was lost was
}

// toDial has links connected, each when it is planned.
func (w *worker) toDial(links []*link) {
	d := &w.dialling
	d.todo = append(d.todo, links...)
	d.bound = max(1, maxHalfOpen/len(w.run.workers))
	w.links.wanted += len(links)
	w.loop.Wake()
}

// dial begins the connections that are due, as far as there may be more half open
// ones.
func (w *worker) dial(now int64) (next int64) {
	d := &w.dialling
	d.asked = false
	for len(d.todo) > 0 && d.halfOpen < d.bound {
		c := d.todo[0]
		if c.planned > now {
			return c.planned
		}
		d.todo = d.todo[1:]
		d.halfOpen++
		if w.run.plan.ConnectRate == 0 {
			c.planned = now
		}
		c.dial(now)
	}
	return never
}

// oneLess makes place for another connection.
func (w *worker) oneLess() {
	d := &w.dialling
	d.halfOpen--
	if len(d.todo) > 0 && !d.asked {
		d.asked = true
		w.loop.Wake()
	}
}

// greeted counts a CONNACK.
func (w *worker) greeted(c *link, g *grants) {
	l := &w.links
	now := w.loop.Now()
	l.opened++
	l.lastOpened = now
	l.connect.Record(now-c.planned, 1)
	w.run.opened(1)
	if g.keepAlive > 0 {
		every := int64(g.keepAlive) * 1e9 / 2
		if l.pingEvery == 0 || every < l.pingEvery {
			l.pingEvery = every
			w.loop.Wake()
		}
		w.pings.push(waiter{c: c, at: now + l.pingEvery, since: c.since})
	}
}

// isReady is told by links that are.
func (w *worker) isReady(*link) {
	w.oneLess()
	w.run.ready.Add(1)
	w.run.poke()
}

// closed is told by links that have ended; err is nil where we wanted it.
func (w *worker) closed(c *link, was stage, err error) {
	if was != ready {
		w.oneLess()
	}
	if was >= settling {
		w.run.opened(-1)
	}
	if was == ready {
		w.run.ready.Add(-1)
	}
	if err != nil {
		w.links.note(was, err)
		w.run.failed.Add(1)
	}
	w.run.poke()
}

// note counts a connection that has come to nothing, or was lost.
func (l *linkTally) note(was stage, err error) {
	var refused *client.RefusedError
	switch {
	case was >= settling:
		l.lost++
		orElse(&l.firstLost, err)
	case errors.As(err, &refused):
		l.refused[refused.Reason.Name(mqttwire.CONNACK)]++
		orElse(&l.first, err)
	default:
		l.failed[cause(err)]++
		orElse(&l.first, err)
	}
}

// cause is what the system said, without which connection it was about.
func cause(err error) string {
	for {
		inner := errors.Unwrap(err)
		if inner == nil {
			return strings.TrimSpace(err.Error())
		}
		err = inner
	}
}
