package page

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"strings"

	"mqtk/bench"
)

// typical are the times by which a trial is drawn.
func typical(r *bench.Result) *bench.Histogram {
	if r.Latency.Count() > 0 {
		return r.Latency
	}
	return r.Acknowledge
}

// shown is the run of a search that is told of in full: the one at the highest
// rate, or else at the lowest one.
func shown(c *bench.Curve) *bench.Result {
	switch {
	case c.Max != nil:
		return c.Max.Result
	case len(c.Trials) > 0:
		return c.Trials[0].Result
	}
	return &bench.Result{}
}

// found is the sentence about what the search has found.
func (v *view) found() (state, string) {
	c := v.search
	objectives := strings.Join(c.Objectives, ", ")
	switch {
	case c.Max == nil && c.LimitedByGenerator:
		return caution, "This machine is too busy or too small to measure a rate for " + objectives
	case c.Max == nil:
		return bad, "No rate keeps " + objectives
	case c.LimitedByGenerator || c.Next == 0:
		return caution, "At least " + bench.FormatCount(c.Max.Rate) + "/s keep " + objectives
	}
	return good, bench.FormatCount(c.Max.Rate) + "/s is the highest rate that keeps " + objectives
}

// rates draws latency against rate.
func (v *view) rates(p *pen) {
	c := v.search
	if c == nil {
		return
	}
	lede := "Each dot is a run of its own; a hollow one missed the objective. What follows below is the run at the highest rate."
	if c.Max == nil {
		lede = "Each dot is a run of its own; a hollow one missed the objective. What follows below is the run at the lowest rate."
	}
	defer p.section("rates", "Latency against rate", lede)()
	p.put("<div class=\"split\">\n<div>\n")
	v.drawRates(p)
	p.put("</div>\n")
	t := table{caption: "Runs by rate", columns: []string{"rate", "p50", "p99", "objective"}}
	for _, trial := range c.Trials {
		h := typical(trial.Result)
		verdict := "kept"
		switch {
		case trial.Limited:
			verdict = "generator"
		case !trial.Kept:
			verdict = "missed"
		}
		t.rows = append(t.rows, []string{bench.FormatCount(trial.Rate) + "/s", dash(h.Quantile(0.5)), dash(h.Quantile(0.99)), verdict})
	}
	p.table(t)
	p.put("</div>\n")
	var missed [][2]string
	last := 0.0
	for _, trial := range c.Trials {
		if !trial.Kept && trial.Rate != last && (c.Next == 0 || trial.Rate <= c.Next) {
			missed, last = append(missed, [2]string{bench.FormatCount(trial.Rate) + "/s", trial.Why}), trial.Rate
		}
	}
	if len(missed) > 0 {
		p.put("<h3>Why rates were missed</h3>\n")
		p.list(missed)
	}
	p.bullets(c.Notes)
}

func (v *view) drawRates(p *pen) {
	c := v.search
	lines := []line{
		{name: "p50", stroke: first, points: medians(c.Trials, 0.5)},
		{name: "p99", stroke: second, points: medians(c.Trials, 0.99)},
	}
	low, high := highest(lines...)
	if high == 0 {
		return
	}
	ch := &chart{id: "rates-curve", title: "Latency against rate", height: 300, lines: lines}
	lowest, fastest := c.Trials[0].Rate, c.Trials[len(c.Trials)-1].Rate
	for _, trial := range c.Trials {
		h := typical(trial.Result)
		if h.Count() == 0 {
			continue
		}
		high = max(high, microseconds(h.Quantile(0.99)))
		text := fmt.Sprintf("%s/s: p50 %s, p99 %s", bench.FormatCount(trial.Rate), bench.FormatTime(h.Quantile(0.5)), bench.FormatTime(h.Quantile(0.99)))
		ch.spots = append(ch.spots,
			spot{trial.Rate, microseconds(h.Quantile(0.5)), first, !trial.Kept, text},
			spot{trial.Rate, microseconds(h.Quantile(0.99)), second, !trial.Kept, text})
	}
	if ch.x = fromZero("messages a second that were asked for", fastest, 6, shortCount); lowest > 0 && fastest > 25*lowest {
		ch.x = decades(ch.x.title, lowest, fastest, shortCount)
	}
	for _, limit := range v.limits() {
		low, high = min(low, limit.y), max(high, limit.y)
		ch.marks = append(ch.marks, limit)
	}
	ch.y = times("time", low, high)
	ch.desc = fmt.Sprintf("Latency at each rate that was tried, %d runs. ", len(c.Trials))
	if c.Knee > 0 {
		ch.marks = append(ch.marks, mark{x: c.Knee, y: none, row: 1, left: true, label: "knee: " + bench.FormatCount(c.Knee) + "/s", class: "knee"})
		ch.desc += "Beyond " + bench.FormatCount(c.Knee) + " a second p99 grows faster than the rate. "
	}
	if c.Max != nil {
		ch.marks = append(ch.marks, mark{x: c.Max.Rate, y: none, label: "highest: " + bench.FormatCount(c.Max.Rate) + "/s", class: "best"})
		ch.desc += "The highest rate that keeps the objective is " + bench.FormatCount(c.Max.Rate) + " a second."
	}
	ch.draw(p)
}

// medians are the medians of a quantile over the trials of each rate.
func medians(trials []bench.Trial, quantile float64) (points []point) {
	values := map[float64][]float64{}
	for _, t := range trials {
		if h := typical(t.Result); h.Count() > 0 {
			values[t.Rate] = append(values[t.Rate], microseconds(h.Quantile(quantile)))
		}
	}
	for rate, all := range values {
		points = append(points, point{rate, bench.Median(all)})
	}
	slices.SortFunc(points, func(a, b point) int { return cmp.Compare(a.x, b.x) })
	return points
}

// limits are the objectives that can be drawn as a level.
func (v *view) limits() (marks []mark) {
	all, err := bench.ParseObjectives(strings.Join(v.search.Objectives, ","))
	if err != nil {
		return nil
	}
	for _, o := range all {
		if name := o.Metric.Name; (name == "p50" || name == "p99" || name == "acknowledge_p50" || name == "acknowledge_p99") && o.Value > 0 && !math.IsInf(o.Value, 0) {
			marks = append(marks, mark{x: none, y: o.Value, label: o.Text, class: "goal"})
		}
	}
	return marks
}
