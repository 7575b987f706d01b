package page

import (
	"fmt"
	"math"
	"strconv"

	"mqtk/bench"
)

// A timing is one of the histograms of a result, as a curve.
type timing struct {
	name      string
	histogram *bench.Histogram
	stroke    stroke
}

// latency draws the times of messages.
func (v *view) latency(p *pen) {
	timings := v.timings()
	if len(timings) == 0 {
		return
	}
	lede := "Latency counts from the moment a message was planned to be sent, so that a broker that holds up the sender cannot hide it; service time counts from the moment it was sent."
	switch {
	case v.Latency.Count() == 0:
		lede = "From the sending of a message to its PUBACK or PUBCOMP: when it arrived is not known here."
	case v.Plan.Rate == 0:
		lede = "The next message waits for those before it (a closed loop), so a broker that stalls is asked less: the times here are service times, and say little about a load that does not wait. --rate measures that."
	}
	defer p.section("latency", "Latency", lede)()
	p.put("<div class=\"split\">\n")
	v.curve(p, "latency-curve", "Latency by percentile", timings)
	p.table(timesTable("Latency by percentile", timings))
	p.put("</div>\n")
	shape(p, "latency-shape", "How the times of messages are spread", timings[0])
}

// connecting draws the times of connections.
func (v *view) connecting(p *pen) {
	if v.Connect.Count() == 0 || !v.connects() {
		return
	}
	defer p.section("connecting", "Connecting", "From the moment a connection was planned to CONNACK: "+v.text("connections_opened")+" connections in "+v.text("connections_seconds")+", "+v.text("connections_per_second")+".")()
	timings := []timing{{"connecting", v.Connect, first}}
	p.put("<div class=\"split\">\n")
	v.curve(p, "connect-curve", "Time to connect by percentile", timings)
	p.table(timesTable("Time to connect by percentile", timings))
	p.put("</div>\n")
	shape(p, "connect-shape", "How the times to connect are spread", timings[0])
}

// timings are the histograms of messages that are there.
func (v *view) timings() (list []timing) {
	add := func(name string, h *bench.Histogram) {
		if h.Count() > 0 {
			list = append(list, timing{name, h, []stroke{first, second, third}[len(list)]})
		}
	}
	add("latency", v.Latency)
	if v.Plan.Rate > 0 || v.Latency.Count() == 0 {
		add("service time", v.Service)
	}
	if v.Plan.QoS > 0 || v.Latency.Count() == 0 {
		add("acknowledged", v.Acknowledge)
	}
	return list
}

// quantiles are those that have a name.
func quantiles() []struct {
	name  string
	share float64
} {
	return []struct {
		name  string
		share float64
	}{{"p50", 0.5}, {"p90", 0.9}, {"p95", 0.95}, {"p99", 0.99}, {"p99.9", 0.999}, {"p99.99", 0.9999}, {"p99.999", 0.99999}}
}

// curve draws percentiles: the x axis counts nines, and ends at the longest of all.
func (v *view) curve(p *pen, id markup, title string, timings []timing) {
	var n int64
	low, high := math.Inf(1), 0.0
	for _, t := range timings {
		n = max(n, t.histogram.Count())
		low = min(low, microseconds(t.histogram.Quantile(0)))
		high = max(high, microseconds(t.histogram.Max()))
	}
	end := min(max(math.Log10(float64(n)), 1.3), 6)
	c := &chart{
		id: id, title: title, height: 280,
		desc: fmt.Sprintf("The time that a share of all did not pass, from the shortest to the longest, with the rare long ones drawn wide. The table says the numbers; the longest is %s.", v.longest(timings)),
		x:    axis{scale: scale{0, end, false}, title: "percentile: the share of messages that were not slower"},
		y:    times("time", low, high),
	}
	if v.connects() {
		c.x.title = "percentile: the share of connections that were not slower"
	}
	for _, q := range quantiles() {
		if at := nines(q.share); at < end-0.45 && q.share != 0.95 { // p90 is next to it
			c.x.ticks = append(c.x.ticks, tick{at, q.name, at > 0.85*end || q.share > 0.9999})
		}
	}
	c.x.ticks = append(c.x.ticks, tick{end, "max", false})
	for _, t := range timings {
		l := line{name: t.name, stroke: t.stroke}
		const steps = 160
		for i := range steps {
			x := end * float64(i) / steps
			l.points = append(l.points, point{x, microseconds(t.histogram.Quantile(1 - math.Pow(10, -x)))})
		}
		l.points = append(l.points, point{end, microseconds(t.histogram.Max())})
		c.lines = append(c.lines, l)
	}
	c.draw(p)
}

// nines is the place of a share on an axis of percentiles: 0.99 is 2.
func nines(share float64) float64 { return -math.Log10(1 - share) }

func (v *view) longest(timings []timing) string {
	return bench.FormatTime(timings[0].histogram.Max())
}

func timesTable(caption string, timings []timing) table {
	t := table{caption: caption, columns: []string{"percentile"}}
	row := func(name string, of func(*bench.Histogram) string) {
		cells := []string{name}
		for _, timing := range timings {
			cells = append(cells, of(timing.histogram))
		}
		t.rows = append(t.rows, cells)
	}
	for _, timing := range timings {
		t.columns = append(t.columns, timing.name)
	}
	row("shortest", func(h *bench.Histogram) string { return bench.FormatTime(h.Quantile(0)) })
	for _, q := range quantiles()[:6] {
		row(q.name, func(h *bench.Histogram) string {
			return bench.FormatTime(h.Quantile(q.share))
		})
	}
	row("longest", func(h *bench.Histogram) string { return bench.FormatTime(h.Max()) })
	row("mean", func(h *bench.Histogram) string { return bench.FormatTime(h.Mean()) })
	row("timed", func(h *bench.Histogram) string { return bench.FormatCount(float64(h.Count())) })
	t.bottom = 2
	return t
}

// shape draws how many took how long, in bars of equal ratio.
func shape(p *pen, id markup, title string, t timing) {
	h := t.histogram
	low, high := microseconds(h.Quantile(0)), microseconds(h.Max())
	if h.Count() < 100 || low <= 0 || high < low*1.2 {
		return
	}
	x := decades("time, on a logarithmic axis", low, high, shortTime)
	const bars = 48
	width := math.Log(x.high/x.low) / bars
	counts := make([]int64, bars)
	var most int64
	for d, n := range h.All() {
		i := min(max(int(math.Log(microseconds(d)/x.low)/width), 0), bars-1)
		counts[i] += n
		most = max(most, counts[i])
	}
	share := func(n int64) float64 { return float64(n) / float64(h.Count()) }
	c := &chart{
		id: id, title: title, height: 140, x: x,
		desc: "How large a share of all took how long. Half of all took no longer than " + bench.FormatTime(h.Quantile(0.5)) + ". The table behind it says the numbers.",
		y:    fromZero("share of all, %", 100*share(most), 3, func(v float64) string { return strconv.FormatFloat(v, 'g', 3, 64) + "%" }),
	}
	rows := table{caption: title, columns: []string{"from", "to", "how many", "share"}}
	for i, n := range counts {
		if n == 0 {
			continue
		}
		from, to := x.low*math.Exp(width*float64(i)), x.low*math.Exp(width*float64(i+1))
		row := []string{formatMicroseconds(from), formatMicroseconds(to), bench.FormatCount(float64(n)), bench.FormatPercent(share(n))}
		rows.rows = append(rows.rows, row)
		c.bars = append(c.bars, bar{from, to, 100 * share(n), row[0] + " to " + row[1] + ": " + row[2] + " (" + row[3] + ")"})
	}
	p.put("<h3>%s</h3>\n", title)
	c.draw(p)
	p.folded("The numbers of this chart", rows)
}
