package bench

import (
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"math"
	"slices"
	"strings"
	"time"
	"unicode/utf8"
)

// A Curve is what came of a search: latency against rate.
type Curve struct {
	Objectives []string
	Precision  float64
	Trials     []Trial // by rate, those of one rate in the order they were made
	Max        *Trial  // the last one that kept the highest rate that was kept; nil: none was
	Next       float64 // the lowest rate that was missed; 0: none was
	Confirmed  bool    // Max was kept twice, and Next missed twice
	// Knee is the rate beyond which p99 grows faster than the rate; 0: there is
	// none on the curve.
	Knee float64
	// LimitedByGenerator tells that Next was missed because of the generator: the
	// broker's own highest rate lies above Max.
	LimitedByGenerator bool
	Why                string  // of the generator
	Ceiling            *Result // of the closed loop that the search began with; nil: there was none
	Notes              []string
}

func (h *hunt) curve() *Curve {
	c := &Curve{Precision: h.Precision, Trials: slices.Clone(h.trials), Ceiling: h.ceiling}
	for _, o := range h.Objectives {
		c.Objectives = append(c.Objectives, o.Text)
	}
	slices.SortStableFunc(c.Trials, func(a, b Trial) int { return cmp.Compare(a.Rate, b.Rate) })
	low, high := h.edge()
	if high != nil {
		c.Next = high.rate
		c.blame(high.rate)
	}
	for i, t := range c.Trials {
		if low != nil && t.Rate == low.rate && t.Kept {
			c.Max = &c.Trials[i]
		}
	}
	c.Confirmed = low != nil && low.sure() && high != nil && high.sure()
	c.Knee = knee(c.Trials)
	c.note(h, low, high)
	return c
}

// blame tells whether it was the generator that the lowest missed rate is owed to.
func (c *Curve) blame(rate float64) {
	for _, t := range c.Trials {
		switch {
		case t.Rate != rate || t.Kept:
		case !t.Limited:
			c.LimitedByGenerator, c.Why = false, ""
			return
		default:
			c.LimitedByGenerator, c.Why = true, t.Result.Generator.Why
		}
	}
}

func (c *Curve) note(h *hunt, low, high *level) {
	say := func(format string, a ...any) { c.Notes = append(c.Notes, fmt.Sprintf(format, a...)) }
	if h.stopped != "" {
		c.Notes = append(c.Notes, h.stopped)
	}
	switch {
	case c.LimitedByGenerator && low == nil:
		say("this machine is too busy or too small to measure a rate: the generator was the limit at %s/s already; %s", FormatCount(c.Next), c.Why)
	case c.LimitedByGenerator:
		say("the generator was the limit at %s/s: the highest rate of the broker lies above %s/s; %s", FormatCount(c.Next), FormatCount(low.rate), c.Why)
	case low != nil && high == nil:
		say("no rate was missed: the highest one lies above %s/s", FormatCount(low.rate))
	}
	if low != nil && !low.sure() {
		say("the highest rate was kept once, and not tried again")
	}
	missed, below := 0, 0
	for _, t := range c.Trials {
		if low != nil && t.Rate <= low.rate {
			below++
			missed += int(truth(!t.Kept))
		}
	}
	if missed > 0 {
		say("%d of %d trials at the highest rate or below missed all the same: what was measured is not steady", missed, below)
	}
}

// knee is the rate beyond which p99 grows faster than the rate does: where rate
// / p99 - Kleinrock's power - is greatest. It asks for no unit, no scale and no
// parameter, unlike the greatest curvature, which moves with the range that is
// drawn, and it is what queueing theory calls the best point to work at: half of
// the capacity of one server with random arrivals (M/M/1), nearer to the
// capacity the more regular the work is, and the edge itself where latency is flat
// up to it. Of trials at one rate it takes the median. There is no knee with fewer
// than four rates, nor at the first and the last: it lies beyond.
func knee(trials []Trial) float64 {
	var rates, powers []float64
	for i := 0; i < len(trials); {
		rate := trials[i].Rate
		var tails []float64
		for ; i < len(trials) && trials[i].Rate == rate; i++ {
			if h := typical(trials[i].Result); h.Count() > 0 && !trials[i].Limited {
				tails = append(tails, float64(max(h.Quantile(0.99), 1)))
			}
		}
		if len(tails) > 0 {
			rates, powers = append(rates, rate), append(powers, rate/Median(tails))
		}
	}
	if len(rates) < 4 {
		return 0
	}
	best := slices.Index(powers, slices.Max(powers))
	if best == 0 || best == len(rates)-1 {
		return 0
	}
	return rates[best]
}

// MarshalJSON makes one object; a trial has all figures of its result.
func (c *Curve) MarshalJSON() ([]byte, error) {
	o := &object{}
	o.b.WriteByte('{')
	if len(c.Trials) > 0 {
		head := c.Trials[0].Result.head()
		head.Rate = nil
		o = &object{}
		o.b.Write(trimBrace(o.text(head)))
		o.put("environment", c.Trials[0].Result.Environment)
	}
	var highest *float64
	if c.Max != nil {
		highest = &c.Max.Rate
	}
	o.put("objectives", c.Objectives)
	o.put("met", c.Max != nil)
	o.put("max_rate", highest)
	o.put("missed_rate", known(c.Next))
	o.put("confirmed", c.Confirmed)
	o.put("precision", c.Precision)
	o.put("knee_rate", known(c.Knee))
	o.put("limited_by_generator", c.LimitedByGenerator)
	o.put("limited_why", c.Why)
	if c.Ceiling != nil {
		o.put("closed_loop_per_second", round(perSecond(c.Ceiling.Counts.Sent, c.Ceiling.Seconds), 4))
	}
	trials := []json.RawMessage{}
	for i := range c.Trials {
		text, err := c.Trials[i].object()
		if err != nil {
			return nil, err
		}
		trials = append(trials, text)
	}
	o.put("trials", trials)
	o.put("notes", append([]string{}, c.Notes...))
	return o.end(), o.err
}

func trimBrace(text []byte) []byte { return text[:len(text)-1] }

func (t *Trial) object() ([]byte, error) {
	o := &object{}
	o.b.WriteByte('{')
	o.put("rate", t.Rate)
	o.put("kept", t.Kept)
	o.put("why", t.Why)
	t.Result.putMetrics(o)
	return o.end(), o.err
}

// WriteTo writes the lines.
func (c *Curve) WriteTo(w io.Writer) (int64, error) { return writeLines(w, c.Lines()) }

// Lines are the highest rate, and the curve: a bar for each trial, to p50 and on to
// p99, on a logarithmic scale.
func (c *Curve) Lines() []Line {
	t := &text{}
	t.row("objectives", "%s", strings.Join(c.Objectives, ", "))
	if c.Ceiling != nil {
		t.row("closed loop", "%s/s at full speed", FormatCount(perSecond(c.Ceiling.Counts.Sent, c.Ceiling.Seconds)))
	}
	c.draw(t)
	if c.Knee > 0 {
		t.row("knee", "%s/s: beyond it p99 grows faster than the rate", FormatCount(c.Knee))
	}
	last := 0.0
	for i := range c.Trials {
		// why the lowest rate that was missed was, and any below that was missed once
		if trial := &c.Trials[i]; !trial.Kept && trial.Rate != last && trial.Rate <= c.Next {
			last = trial.Rate
			t.row("missed", "%s/s: %s", FormatCount(trial.Rate), trial.Why)
		}
	}
	for _, n := range c.Notes {
		t.toned(Warning, "note", "%s", n)
	}
	switch {
	case c.Max == nil && c.LimitedByGenerator:
		t.toned(Warning, "highest rate", "not known: this machine is too busy or too small to measure one")
	case c.Max == nil:
		t.toned(Bad, "highest rate", "none keeps the objectives")
	case c.LimitedByGenerator || c.Next == 0:
		t.toned(Warning, "highest rate", "at least %s/s", FormatCount(c.Max.Rate))
	default:
		t.toned(Good, "highest rate", "%s/s", FormatCount(c.Max.Rate))
	}
	return t.lines
}

const barWidth = 34

func (c *Curve) draw(t *text) {
	shortest, longest := math.Inf(1), 0.0
	for _, trial := range c.Trials {
		if h := typical(trial.Result); h.Count() > 0 {
			shortest = min(shortest, float64(h.Quantile(0.5)))
			longest = max(longest, float64(h.Quantile(0.99)))
		}
	}
	scale := newScale(shortest, longest)
	t.row("rate", "%9s %9s  %s", "p50", "p99", scale.title())
	for i := range c.Trials {
		trial := &c.Trials[i]
		p50, p99, bar := "-", "-", ""
		if h := typical(trial.Result); h.Count() > 0 {
			p50, p99 = FormatTime(h.Quantile(0.5)), FormatTime(h.Quantile(0.99))
			bar = scale.bar(h.Quantile(0.5), h.Quantile(0.99))
		}
		mark, tone := c.mark(trial)
		pad := strings.Repeat(" ", barWidth-utf8.RuneCountInString(bar))
		t.toned(tone, FormatCount(trial.Rate)+"/s", "%9s %9s  %s%s %s", p50, p99, bar, pad, mark)
	}
}

// mark is a word about a trial.
func (c *Curve) mark(t *Trial) (string, Tone) {
	switch {
	case t == c.Max:
		return "highest", Good
	case t.Limited:
		return "generator", Warning
	case !t.Kept:
		return "missed", Bad
	case t.Rate == c.Knee:
		return "knee", Plain
	}
	return "", Plain
}

// A scale is logarithmic, from one power of ten of nanoseconds to another.
type scale struct{ from, to float64 }

func newScale(shortest, longest float64) scale {
	if longest <= 0 {
		return scale{0, 1}
	}
	from := math.Floor(math.Log10(max(shortest/1.5, 1))) // the shortest has a bar as well
	return scale{from, max(math.Ceil(math.Log10(longest)), from+1)}
}

func (s scale) column(d time.Duration) int {
	at := (math.Log10(max(float64(d), 1)) - s.from) / (s.to - s.from)
	return min(max(int(math.Round(at*barWidth)), 0), barWidth)
}

func (s scale) bar(p50, p99 time.Duration) string {
	inner, outer := s.column(p50), s.column(p99)
	return strings.Repeat("█", inner) + strings.Repeat("░", max(outer-inner, 0))
}

// title names the powers of ten where they are, as far as there is room.
func (s scale) title() string {
	line := ""
	for power := s.from; power < s.to; power++ {
		d := time.Duration(math.Pow(10, power))
		if column := s.column(d); column == 0 || utf8.RuneCountInString(line) < column {
			line += strings.Repeat(" ", column-utf8.RuneCountInString(line)) + FormatTime(d)
		}
	}
	return line
}
