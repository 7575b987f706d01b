package page

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"time"

	"mqtk/bench"
)

func formatMicroseconds(us float64) string { return bench.FormatTime(time.Duration(us * 1e3)) }

// mostPoints is how many points of time are drawn: those of a longer run are put
// together.
const mostPoints = 240

// condense puts neighbours of a series together until there are at most mostPoints:
// counts are added up, and of times and sizes the greatest stays. A last piece that
// is much shorter than the others goes to the one before.
func condense(series []bench.Point) []bench.Point {
	series = slices.Clone(series)
	if n := len(series); n > 1 && series[n-1].Seconds < series[n-2].Seconds/4 {
		series = append(series[:n-2], join(series[n-2], series[n-1]))
	}
	group := (len(series) + mostPoints - 1) / mostPoints
	if group <= 1 {
		return series
	}
	var out []bench.Point
	for chunk := range slices.Chunk(series, group) {
		all := chunk[0]
		for _, next := range chunk[1:] {
			all = join(all, next)
		}
		out = append(out, all)
	}
	return out
}

func join(a, b bench.Point) bench.Point {
	seconds := a.Seconds + b.Seconds
	if seconds > 0 {
		a.BrokerCPU = (a.BrokerCPU*a.Seconds + b.BrokerCPU*b.Seconds) / seconds
	}
	return bench.Point{
		At: b.At, Seconds: seconds, Sent: a.Sent + b.Sent, Delivered: a.Delivered + b.Delivered,
		P50: max(a.P50, b.P50), P99: max(a.P99, b.P99), Max: max(a.Max, b.Max),
		Connected: b.Connected, BrokerCPU: a.BrokerCPU, BrokerRSS: max(a.BrokerRSS, b.BrokerRSS),
	}
}

// A history is a series that is ready to be drawn.
type history struct {
	*view
	points []bench.Point
	x      axis
}

// time draws how the figures went on.
func (v *view) time(p *pen) {
	points := condense(v.Series)
	if len(points) < 2 {
		return
	}
	lede := "Each point is a second of the measured time."
	if long := points[0].Seconds; len(points) < len(v.Series)-1 {
		lede = fmt.Sprintf("Each point is %s of the measured time: rates are the mean, times the greatest of its seconds.", bench.FormatTime(time.Duration(long*1e9)))
	}
	if len(v.Runs) > 0 {
		lede += " The runs stand one after the other."
	}
	defer p.section("time", "Over time", lede)()
	h := &history{v, points, seconds(points[len(points)-1].At)}
	h.rates(p)
	h.times(p)
	h.connections(p)
	h.broker(p)
	p.folded("The numbers of these charts", h.table())
}

// line is a curve of the history: of is what a point says of its second, none
// where it says nothing. Where one run ends, and the next begins, it is broken.
func (h *history) line(name string, s stroke, of func(bench.Point) float64) line {
	l := line{name: name, stroke: s, dots: len(h.points) < 13}
	seams := h.seams()
	for _, at := range h.points {
		middle := at.At - at.Seconds/2
		if len(seams) > 0 && seams[0] < middle {
			l.points = append(l.points, point{seams[0], none})
			seams = seams[1:]
		}
		l.points = append(l.points, point{middle, of(at)})
	}
	return l
}

// steps is a curve of what is the mean of each second.
func (h *history) steps(name string, s stroke, of func(bench.Point) float64) line {
	l := line{name: name, stroke: s}
	seams := h.seams()
	for _, at := range h.points {
		begin := at.At - at.Seconds
		if len(seams) > 0 && seams[0] < at.At-at.Seconds/2 {
			l.points = append(l.points, point{seams[0], none})
			seams = seams[1:]
		}
		l.points = append(l.points, point{begin, of(at)}, point{at.At, of(at)})
	}
	return l
}

// state is a curve of what is so at the end of each second.
func (h *history) state(name string, of func(bench.Point) float64) line {
	l := h.line(name, first, of)
	i := 0
	for _, at := range h.points {
		for math.IsNaN(l.points[i].y) && l.points[i].x < at.At-at.Seconds/2 {
			i++
		}
		l.points[i].x = at.At
		i++
	}
	l.area = true
	return l
}

// seams are where one run ends and the next begins.
func (h *history) seams() (places []float64) {
	end := 0.0
	for i, r := range h.Runs {
		if end += r.Seconds; i < len(h.Runs)-1 {
			places = append(places, end)
		}
	}
	return places
}

func highest(lines ...line) (low, high float64) {
	low = math.Inf(1)
	for _, l := range lines {
		for _, at := range l.points {
			if !math.IsNaN(at.y) {
				low, high = min(low, at.y), max(high, at.y)
			}
		}
	}
	return low, high
}

// draw draws lines of the history, with the seconds' own words under the pointer.
func (h *history) draw(p *pen, c *chart, words func(bench.Point) string) {
	p.put("<h3>%s</h3>\n", c.title)
	c.x = h.x
	for _, at := range h.points {
		c.hovers = append(c.hovers, hover{at.At - at.Seconds, at.At, "to " + strconv.FormatFloat(math.Round(at.At*10)/10, 'f', -1, 64) + " s: " + words(at)})
	}
	for _, seam := range h.seams() {
		c.marks = append(c.marks, mark{x: seam, y: none, class: "seam"})
	}
	c.draw(p)
}

func (h *history) rates(p *pen) {
	perSecond := func(n int64, at bench.Point) float64 { return float64(n) / max(at.Seconds, 1e-9) }
	delivered := h.steps("delivered", first, func(at bench.Point) float64 { return perSecond(at.Delivered, at) })
	sent := h.steps("sent", second, func(at bench.Point) float64 { return perSecond(at.Sent, at) })
	c := &chart{id: "rate", title: "Messages a second"}
	if h.known("delivered") {
		delivered.area = true
		c.lines = append(c.lines, delivered)
	}
	if h.known("sent") {
		c.lines = append(c.lines, sent)
	}
	_, high := highest(c.lines...)
	if high == 0 {
		return
	}
	if len(c.lines) == 1 {
		c.title = "Messages " + c.lines[0].name + " a second"
	}
	rate := h.Plan.Rate
	c.y = fromZero("per second", max(high, rate), 5, shortCount)
	if rate > 0 && h.known("sent") {
		c.marks = append(c.marks, mark{x: none, y: rate, label: "planned: " + bench.FormatCount(rate) + "/s", class: "plan"})
	}
	c.desc = fmt.Sprintf("Messages a second over the measured time, at most %s. On the whole %s were sent and %s delivered a second.", bench.FormatCount(high), h.text("sent_per_second"), h.text("delivered_per_second"))
	h.draw(p, c, func(at bench.Point) string {
		return bench.FormatCount(float64(at.Sent)) + " sent, " + bench.FormatCount(float64(at.Delivered)) + " delivered"
	})
}

// place is a time on an axis, and a gap where there is none.
func place(d time.Duration) float64 {
	if d <= 0 {
		return none
	}
	return microseconds(d)
}

func (h *history) times(p *pen) {
	c := &chart{id: "times", title: "Latency over time", lines: []line{
		h.line("p50", first, func(at bench.Point) float64 { return place(at.P50) }),
		h.line("p99", second, func(at bench.Point) float64 { return place(at.P99) }),
		h.line("longest", third, func(at bench.Point) float64 { return place(at.Max) }),
	}}
	if h.connects() {
		c.title = "Time to connect, over time"
	}
	low, high := highest(c.lines...)
	if high == 0 {
		return
	}
	c.y = times("time", low, high)
	c.desc = fmt.Sprintf("The median, the 99th percentile and the longest time of each second; the longest of all is %s.", formatMicroseconds(high))
	h.draw(p, c, func(at bench.Point) string {
		return "p50 " + bench.FormatTime(at.P50) + ", p99 " + bench.FormatTime(at.P99) + ", longest " + bench.FormatTime(at.Max)
	})
}

// connections draws how many are open: where they are what is tested, or where
// they change.
func (h *history) connections(p *pen) {
	c := &chart{id: "connections", title: "Open connections", lines: []line{h.state("open", func(at bench.Point) float64 { return float64(at.Connected) })}}
	low, high := highest(c.lines...)
	if high == 0 || low == high && !h.connects() {
		return
	}
	c.y = fromZero("connections", high, 4, shortCount)
	c.desc = fmt.Sprintf("Open connections over time: at least %s, at most %s.", bench.FormatCount(low), bench.FormatCount(high))
	h.draw(p, c, func(at bench.Point) string { return bench.FormatCount(float64(at.Connected)) + " open" })
}

func (h *history) broker(p *pen) {
	if h.Broker == nil {
		return
	}
	cpu := &chart{id: "broker-cpu", title: "CPUs that the broker keeps busy", height: 140, lines: []line{h.steps("CPUs", first, func(at bench.Point) float64 { return at.BrokerCPU })}}
	cpu.lines[0].area = true
	_, high := highest(cpu.lines...)
	cpu.y = fromZero("in use", high, 3, shortCount)
	cpu.desc = fmt.Sprintf("CPUs in use by the broker over time, at most %.2f; %s of its CPU time a message.", high, h.text("broker_cpu_us_per_message"))
	h.draw(p, cpu, func(at bench.Point) string { return fmt.Sprintf("%.2f CPUs", at.BrokerCPU) })
	memory := &chart{id: "broker-memory", title: "The broker's memory", height: 140, lines: []line{h.state("resident", func(at bench.Point) float64 {
		if at.BrokerRSS <= 0 {
			return none
		}
		return float64(at.BrokerRSS)
	})}}
	if _, high = highest(memory.lines...); high == 0 {
		return
	}
	memory.y = fromZero("bytes resident", high, 3, shortBytes)
	memory.desc = fmt.Sprintf("Memory that the broker has resident, over time: at most %s.", bench.FormatBytes(high))
	h.draw(p, memory, func(at bench.Point) string { return bench.FormatBytes(float64(at.BrokerRSS)) })
}

// table is what the charts show.
func (h *history) table() table {
	t := table{caption: "Over time", columns: []string{"to, s", "sent", "delivered", "p50", "p99", "longest", "connections"}}
	if h.Broker != nil {
		t.columns = append(t.columns, "broker's CPUs", "broker's memory")
	}
	whole := func(n int64) string { return bench.FormatCount(float64(n)) }
	for _, at := range h.points {
		row := []string{strconv.FormatFloat(at.At, 'f', 1, 64), whole(at.Sent), whole(at.Delivered), dash(at.P50), dash(at.P99), dash(at.Max), whole(int64(at.Connected))}
		if h.Broker != nil {
			row = append(row, fmt.Sprintf("%.2f", at.BrokerCPU), bench.FormatBytes(float64(at.BrokerRSS)))
		}
		t.rows = append(t.rows, row)
	}
	return t
}

// dash is a time, or none.
func dash(d time.Duration) string {
	if d <= 0 {
		return "–"
	}
	return bench.FormatTime(d)
}
