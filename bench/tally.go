package bench

import "mqtk/mqttwire"

// A tally is what a worker has counted in the present phase.
type tally struct {
	Counts
	asides
	last int64 // when the last message was received, or acknowledged where nobody receives
	sent int64 // when the last was sent

	latency, service, acknowledge, lag runs
}

// asides are counts that end in a sentence.
type asides struct {
	stale         int64 // messages of the warm-up that came behind it
	retransmitted int64 // PUBLISH with DUP, whose QoS 2 transfer was not over: no new messages
	misrouted     int64 // messages of this run to who had not subscribed to them, or by another topic
	queued        int64 // that were sent before this process came
	orphaned      int64 // of the unsent, those of publishers whose connection had ended
	waited        int64 // deliveries of what was never sent, timed up to the end
	forgiven      int64 // times that a publisher went on though nothing of its messages came
}

func (a *asides) add(o *asides) {
	a.stale += o.stale
	a.retransmitted += o.retransmitted
	a.misrouted += o.misrouted
	a.queued += o.queued
	a.orphaned += o.orphaned
	a.waited += o.waited
	a.forgiven += o.forgiven
}

// runs is a histogram of durations of which the same often follows itself: each
// run of them is recorded once.
type runs struct {
	Histogram
	value, n int64
}

func (r *runs) record(ns int64) {
	if ns == r.value {
		r.n++
		return
	}
	r.settle()
	r.value, r.n = ns, 1
}

// settle records the run that is on.
func (r *runs) settle() {
	if r.n > 0 {
		r.Histogram.Record(r.value, r.n)
		r.n = 0
	}
}

// settleRuns makes all histograms complete.
func (t *tally) settleRuns() {
	t.latency.settle()
	t.service.settle()
	t.acknowledge.settle()
	t.lag.settle()
}

// take gives what was counted and begins anew; into is empty.
func (t *tally) take(into *tally) {
	t.settleRuns()
	last, sent := t.last, t.sent
	*into, *t = *t, *into
	*t = tally{latency: t.latency, service: t.service, acknowledge: t.acknowledge, lag: t.lag, last: last, sent: sent}
}

// add adds what another has counted, and empties that.
func (t *tally) add(other *tally) {
	t.Counts.add(&other.Counts)
	t.asides.add(&other.asides)
	t.last, t.sent = max(t.last, other.last), max(t.sent, other.sent)
	for _, h := range []struct{ to, from *runs }{
		{&t.latency, &other.latency}, {&t.service, &other.service},
		{&t.acknowledge, &other.acknowledge}, {&t.lag, &other.lag},
	} {
		if h.from.Count() > 0 {
			h.to.Add(&h.from.Histogram)
			h.from.Reset()
		}
	}
	other.Counts, other.asides = Counts{}, asides{}
}

// time records how long a message took.
func (w *worker) time(f *phase, h *header) {
	if f.untimed {
		return
	}
	service := since(h.sent, w.readAt)
	if !f.pacer.open() {
		w.tally.latency.record(service)
		return
	}
	w.tally.service.record(service)
	w.tally.latency.record(w.readAt - f.start.Load() - f.pacer.plannedOf(h.publisher, h.sequence))
}

// examples are the first cases of what should not be.
type examples struct{ duplicated, disordered, corrupted, misrouted example }

type example struct {
	of        *subscriber
	publisher uint32
	sequence  int64
}

func (w *worker) remember(e *example, s *subscriber, publisher uint32, sequence int64) {
	if e.of == nil {
		*e = example{s, publisher, sequence}
	}
}

// noteRefusal remembers why messages were refused.
func (w *worker) noteRefusal(p *publisher, a *mqttwire.Ack) {
	if w.refusals == nil {
		w.refusals = map[refusal]int64{}
	}
	w.refusals[refusal{a.Kind, a.Reason}]++
}

type refusal struct {
	kind   mqttwire.PacketType
	reason mqttwire.ReasonCode
}
