package bench

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"time"
)

// A Search looks for the highest rate that keeps all objectives.
//
// It begins below what a short closed loop gets through, doubles the rate until a
// trial misses, or divides it until one keeps, and then halves what is between. A
// trial is a run of its own, with its own warm-up. One that misses because of
// noise must not decide: in the end the highest rate that kept must have kept
// twice, and the lowest that missed have missed twice, with a third trial where
// two disagree. What trials are left then go to lower rates, for the curve.
type Search struct {
	// Plan is that of each trial. Rate is where the search begins; 0: below what
	// a closed loop gets through. Duration is 5 s unless it says another.
	Plan       Plan
	Objectives []Objective
	Precision  float64 // how near the highest rate is found, as a share of it; 0: 0.05
	MaxTrials  int     // at most so many runs are made; 0: 24
}

const (
	trialTime   = 5 * time.Second
	ceilingTime = 2 * time.Second // of the closed loop
	reachedRate = 0.99            // of the rate must be sent
	firstRate   = 1000            // where nothing else is known
	fewMessages = 100             // that a trial must have, or it says nothing
)

// A Trial is a run of a search.
type Trial struct {
	Rate float64 // messages a second that were asked for
	Kept bool
	Why  string // it was not kept; empty if it was
	// Limited tells that it was missed because the generator was the limit, which
	// says nothing about the broker.
	Limited bool
	Result  *Result
}

// fillIn sets defaults, and refuses what cannot be searched for; with a *PlanError
// where the plan is to blame.
func (s *Search) fillIn() error {
	orElse(&s.Precision, 0.05)
	orElse(&s.MaxTrials, 24)
	orElse(&s.Plan.Duration, trialTime)
	switch p := &s.Plan; {
	case !p.Shape.hasRate():
		return nonsense("Shape", "the shape %s has no rate whose highest could be searched for: choose pairs, fan-in, fan-out, shared or pub", p.Shape)
	case p.Messages > 0:
		return nonsense("Messages", "a search for the highest rate takes a time for each trial, not a number of messages")
	case p.Ramp > 0:
		return nonsense("Ramp", "a search for the highest rate takes one rate after the other: the rate of a trial cannot grow as well")
	case len(s.Objectives) == 0:
		return errors.New("a search for the highest rate needs an objective that it is to keep, such as p99<10ms")
	case !(s.Precision >= 0.001 && s.Precision < 1):
		return fmt.Errorf("the highest rate can be found to 0.1%% or less precisely, not to %g", s.Precision)
	case s.MaxTrials < 1:
		return fmt.Errorf("a search of %d trials finds nothing", s.MaxTrials)
	}
	return nil
}

// hasRate tells that the messages of a shape can have an open-loop schedule that
// goes on.
func (s Shape) hasRate() bool {
	switch s {
	case "", Pairs, FanIn, FanOut, Shared, PubOnly:
		return true
	}
	return false
}

// Announce says in advance how long the search will take at most.
func (s Search) Announce() string {
	if err := s.fillIn(); err != nil {
		return ""
	}
	warmup := s.Plan.Warmup
	orElse(&warmup, time.Second)
	each := warmup + s.Plan.Duration
	return fmt.Sprintf("at most %d trials of %s: %s, and what the broker takes to bring what is late", s.MaxTrials, each, (time.Duration(s.MaxTrials) * each).Round(time.Second))
}

// Run searches; tell, if not nil, hears of each trial. When ctx ends, or a run did
// not take place, the curve is of what is known until then, nil if that is nothing.
// The error is that of the run, or of an objective that no run can know.
func (s Search) Run(ctx context.Context, run Runner, tell func(Trial)) (*Curve, error) {
	if err := s.fillIn(); err != nil {
		return nil, err
	}
	h := &hunt{Search: s, ctx: ctx, run: run, tell: tell}
	err := h.begin()
	if err == nil {
		err = h.close()
	}
	if err == nil {
		err = h.round()
	}
	if len(h.trials) == 0 {
		return nil, err
	}
	return h.curve(), err
}

// A hunt is a search under way.
type hunt struct {
	Search
	ctx  context.Context
	run  Runner
	tell func(Trial)

	ceiling *Result // of the closed loop; nil: there was none
	start   float64
	made    int // runs
	trials  []Trial
	levels  []level // by rate
	stopped string  // why it ended early
}

// A level is a rate, and how often it was tried.
type level struct {
	rate         float64
	kept, missed int
}

// sure tells that another trial could not change what most trials say.
func (l *level) sure() bool { return max(l.kept, l.missed) >= 2 && l.kept != l.missed }

// begin finds the rate to begin with.
func (h *hunt) begin() error {
	if h.start = h.Plan.Rate; h.start > 0 {
		return nil
	}
	p := h.Plan
	p.Duration = min(p.Duration, ceilingTime)
	h.made++
	r, err := h.run(h.ctx, p)
	if err != nil {
		return err
	}
	h.ceiling = r
	h.start = firstRate
	if rate := perSecond(r.Counts.Sent, r.Seconds); rate > 0 {
		h.start = roundRate(rate / 2)
	}
	h.stop(r)
	return nil
}

// stop ends the hunt if nothing more can be found.
func (h *hunt) stop(r *Result) {
	switch {
	case h.ctx.Err() != nil:
		h.stopped = "the search was ended before it was over"
	case len(r.failures(NotAllowed)) > 0:
		h.stopped = r.failures(NotAllowed)[0] + ": no other rate would change that"
	}
}

// close closes in on the highest rate.
func (h *hunt) close() error {
	for h.stopped == "" {
		rate, ok := h.next()
		if !ok {
			return nil
		}
		if h.made >= h.MaxTrials {
			h.stopped = fmt.Sprintf("the search ended after %d runs, which is its bound, before the highest rate was found to %s", h.made, FormatPercent(h.Precision))
			return nil
		}
		if err := h.try(rate); err != nil {
			return err
		}
	}
	return nil
}

// next is the rate to try; none is left when the edge is found, and sure. Rates
// that kept are all below the ones that missed: it tries between the two, or one
// of them again.
func (h *hunt) next() (float64, bool) {
	for _, l := range h.levels {
		if l.kept == l.missed {
			return l.rate, true
		}
	}
	low, high := h.edge()
	switch {
	case low == nil && high == nil:
		return h.start, true
	case low == nil && high.rate > h.floor():
		return max(h.floor(), roundRate(high.rate/h.fall())), true
	case low == nil:
		return high.rate, !high.sure()
	case high == nil:
		return min(roundRate(h.growth(low.rate)*low.rate), maxRate), low.rate < maxRate || !low.sure()
	}
	if middle := roundRate(math.Sqrt(low.rate * high.rate)); high.rate > (1+h.Precision)*low.rate && middle > low.rate && middle < high.rate {
		return middle, true
	}
	if !low.sure() {
		return low.rate, true
	}
	return high.rate, !high.sure()
}

// growth is how much faster the next trial is when all before kept. Near what a
// closed loop got through the edge is near, too.
func (h *hunt) growth(rate float64) float64 {
	if near := 2 * h.start; h.ceiling != nil && rate > 0.9*near && rate < 1.2*near {
		return 1.25
	}
	return 2
}

// fall is by what the rate is divided when none is kept: by more and more, as
// long as no trial kept even once.
func (h *hunt) fall() float64 {
	if slices.ContainsFunc(h.levels, func(l level) bool { return l.kept > 0 }) {
		return 2
	}
	return math.Exp2(math.Exp2(float64(len(h.levels) - 1)))
}

// edge is the highest rate that most of its trials kept, and the lowest above it
// that most missed; nil: there is none.
func (h *hunt) edge() (low, high *level) {
	for i := range h.levels {
		switch l := &h.levels[i]; {
		case l.kept > l.missed:
			low, high = l, nil
		case l.missed > l.kept && high == nil:
			high = l
		}
	}
	return low, high
}

// floor is the rate below which a trial has too few messages to say anything.
func (h *hunt) floor() float64 { return min(h.start, fewMessages/h.Plan.Duration.Seconds()) }

// roundRate leaves four digits: a rate is a number that people say.
func roundRate(rate float64) float64 {
	unit := math.Pow10(int(math.Floor(math.Log10(rate))) - 3)
	return math.Round(rate/unit) * unit
}

// round tries rates below the highest, where there is nothing on the curve yet;
// once more if one is missed there.
func (h *hunt) round() error {
	low, _ := h.edge()
	if low == nil {
		return nil
	}
	highest := low.rate
	for _, share := range []float64{0.5, 0.9, 0.75, 0.25, 0.1} {
		rate := roundRate(share * highest)
		near := func(l level) bool { return math.Abs(l.rate-rate) < 0.1*rate }
		if h.stopped != "" || h.made >= h.MaxTrials || rate < h.floor() || slices.ContainsFunc(h.levels, near) {
			continue
		}
		if err := h.try(rate); err != nil {
			return err
		}
		if noise := !h.trials[len(h.trials)-1].Kept; noise && h.stopped == "" && h.made < h.MaxTrials {
			if err := h.try(rate); err != nil {
				return err
			}
		}
	}
	return nil
}

// try makes a trial. One that was cut short does not count.
func (h *hunt) try(rate float64) error {
	p := h.Plan
	p.Rate = rate
	h.made++
	r, err := h.run(h.ctx, p)
	if err != nil {
		return err
	}
	if h.stop(r); h.ctx.Err() != nil {
		return nil
	}
	t, err := h.judge(rate, r)
	if err != nil {
		return err
	}
	h.trials = append(h.trials, t)
	h.count(t)
	if h.tell != nil {
		h.tell(t)
	}
	return nil
}

func (h *hunt) count(t Trial) {
	i, found := slices.BinarySearchFunc(h.levels, t.Rate, func(l level, rate float64) int { return cmp.Compare(l.rate, rate) })
	if !found {
		h.levels = slices.Insert(h.levels, i, level{rate: t.Rate})
	}
	if t.Kept {
		h.levels[i].kept++
	} else {
		h.levels[i].missed++
	}
}

// judge tells whether a trial keeps what it must: no failure, the rate, and the
// objectives. One in which the generator was at its limit is kept as well if it
// keeps all that: whatever the generator did amiss has only made it worse.
func (h *hunt) judge(rate float64, r *Result) (Trial, error) {
	t := Trial{Rate: rate, Result: r}
	var why []string
	for _, f := range r.Failures {
		why = append(why, f.Text)
	}
	t.Limited = r.Generator.Limited && len(why) == 0
	if sent := sentRateOf(r); sent < reachedRate*rate {
		why = append(why, fmt.Sprintf("the rate was not reached: %s/s were sent", FormatCount(sent)))
	}
	for _, o := range h.Objectives {
		kept, text, err := o.Judge(r)
		if err != nil && typical(r).Count() > 0 {
			return t, fmt.Errorf("an objective that the search cannot judge: %w", err)
		}
		if err != nil {
			text = err.Error()
		}
		if !kept {
			why = append(why, text)
		}
	}
	t.Kept = len(why) == 0
	if t.Limited = t.Limited && !t.Kept; t.Limited {
		why = append([]string{"the generator was the limit"}, why...)
	}
	t.Why = strings.Join(why, "; ")
	return t, nil
}

// sentRateOf is the rate that was sent at. Seconds last until the last delivery;
// that one has taken its time as well, which is none that was sent in.
func sentRateOf(r *Result) float64 {
	sending := r.Seconds - typical(r).Quantile(0.5).Seconds()
	return perSecond(r.Counts.Sent, max(sending, r.Plan.Duration.Seconds()))
}

// typical is the latency by which a run is drawn: to PUBACK or PUBCOMP where
// nobody receives.
func typical(r *Result) *Histogram {
	if r.Latency.Count() > 0 {
		return r.Latency
	}
	return r.Acknowledge
}
