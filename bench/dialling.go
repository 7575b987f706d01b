package bench

import (
	"errors"
	"math"
	"slices"

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
	asked    bool
}

// A linkTally is what became of a worker's connections.
type linkTally struct {
	wanted, opened, lost int
	resumed              int            // of opened, whose session the broker had
	refused, failed      map[string]int // by reason, by what the system said
	connect              Histogram      // from the planned connecting to CONNACK
	lastOpened           int64          // when it was
	pingEvery            int64          // ns, 2/5 of the keep alive; 0: nobody has to be heard of
	first                error          // why the first that failed did
	short                error          // the same, where this machine is to blame
	firstLost            error          // why the first that was lost was
}

func newLinkTally() linkTally {
	return linkTally{refused: map[string]int{}, failed: map[string]int{}}
}

// takeLinks gives what was counted and begins anew.
func (w *worker) takeLinks() linkTally {
	taken := w.links
	w.links = newLinkTally()
	w.links.pingEvery = taken.pingEvery
	return taken
}

// toDial has links connected, each when it is planned.
func (w *worker) toDial(links []*link) {
	w.dialling.todo = append(w.dialling.todo, links...)
	w.links.wanted += len(links)
	w.loop.Wake()
}

// dialAgain has one link connected, whose planned time may be before that of
// others.
func (w *worker) dialAgain(c *link) {
	d := &w.dialling
	place := len(d.todo)
	for place > 0 && d.todo[place-1].planned > c.planned {
		place--
	}
	d.todo = slices.Insert(d.todo, place, c)
	if !d.asked {
		d.asked = true
		w.loop.Wake()
	}
}

// bound is how many connections the worker may be making at one time.
func (w *worker) bound() int {
	if w.run.plan.ConnectRate > 0 {
		return math.MaxInt // the plan says when, and nothing else
	}
	return max(1, maxHalfOpen/len(w.run.workers))
}

// dial begins the connections that are due, as far as there may be more half open
// ones.
func (w *worker) dial(now int64) (next int64) {
	d := &w.dialling
	d.asked = false
	for bound := w.bound(); len(d.todo) > 0 && d.halfOpen < bound; {
		c := d.todo[0]
		if c.planned > now {
			return c.planned
		}
		if d.todo = d.todo[1:]; len(d.todo) == 0 {
			d.todo = nil // the memory of so many, too
		}
		d.halfOpen++
		if c.planned == 0 {
			c.planned = now
		}
		c.dial()
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
	if g.session {
		l.resumed++
	}
	l.connect.Record(now-c.planned, 1)
	w.run.opened(1)
	if g.keepAlive > 0 {
		every := int64(g.keepAlive) * 1e9 * 2 / 5
		if l.pingEvery == 0 || every < l.pingEvery {
			l.pingEvery = every
		}
		if w.pings.empty() {
			w.loop.Wake()
		}
		w.lookAgain(c, now)
	}
}

// isReady is told by links that are.
func (w *worker) isReady(c *link) {
	w.oneLess()
	w.run.ready.Add(1)
	w.run.poke()
	if w.turnover != nil {
		w.turnover.stands(c)
	}
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
	if w.turnover != nil {
		w.turnover.ended(c, err)
	}
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
		l.failed[failureName(err)]++
		orElse(&l.first, err)
		if isShortage(err) {
			orElse(&l.short, err)
		}
	}
}
