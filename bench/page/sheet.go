package page

import (
	"fmt"
	"io"
	"math"
	"time"

	"mqtk/bench"
)

// A Sheet is a page about several brokers side by side.
type Sheet struct{ Table *bench.Table }

// WriteTo writes the page.
func (s Sheet) WriteTo(w io.Writer) (int64, error) {
	p, t := &pen{}, s.Table
	p.page(fmt.Sprintf("%d brokers side by side", len(t.Brokers)), func() {
		s.head(p)
		s.figures(p)
		s.ratios(p)
		func() {
			defer p.section("setting", "How it was measured", "")()
			p.command(t.Command)
			p.list(environment(t.Program, &t.Environment))
		}()
	})
	return p.WriteTo(w)
}

func (s Sheet) head(p *pen) {
	t := s.Table
	p.put("<header class=\"plain\">\n<p class=\"eyebrow\">mqtk bench</p>\n<h1>%d brokers side by side</h1>\n", len(t.Brokers))
	p.put("<p class=\"where\"><time datetime=\"%s\">%s</time></p>\n", t.Started.UTC().Format(time.RFC3339), t.Started.UTC().Format("2 January 2006, 15:04 UTC"))
	var brokers [][2]string
	for i, command := range t.Brokers {
		brokers = append(brokers, [2]string{bench.BrokerLetter(i), command})
	}
	p.list(brokers)
	for _, f := range t.Failures() {
		p.put("<p class=\"callout bad\">%s<span>%s</span></p>\n", bad.icon(), f.Text)
	}
	for _, text := range t.Limits() {
		p.put("<p class=\"callout caution\">%s<span>%s</span></p>\n", caution.icon(), text)
	}
	p.put("</header>\n")
}

func (s Sheet) figures(p *pen) {
	defer p.section("table", "What each of them did", "")()
	lines := s.Table.Lines()
	p.table(table{caption: "Medians of the runs", columns: lines[0], rows: lines[1:]})
	p.bullets(s.Table.Legend())
}

// ratios draws how many times better the first broker's figures are than those of
// the others.
func (s Sheet) ratios(p *pen) {
	if len(s.Table.Brokers) < 2 || len(s.Table.Rows) == 0 {
		return
	}
	defer p.section("ratios", "A beside the others", "How many times as good A is as another broker, on a logarithmic scale: right of the upright line it is ahead. The bar is the interval that holds the true factor in 95 of 100 such comparisons; where it lies over the line, nothing is proven, and a hollow dot has none.")()
	s.ratio(p, "delivered_per_second", "Messages a second: A is faster by")
	s.ratio(p, "broker_cpu_us_per_message", "CPU time a message: A is cheaper by")
	s.ratio(p, "broker_rss_bytes", "Memory: A is smaller by")
}

// A factor is how many times A's figure is better than another's, with its interval.
type factor struct {
	row              string
	ratio, low, high float64
}

// known tells that there is an interval.
func (f factor) known() bool { return f.low > 0 && !math.IsInf(f.high, 0) }

func (s Sheet) ratio(p *pen, metric, title string) {
	var all []factor
	near := scale{0.9, 1.1, true}
	m, _ := bench.MetricNamed(metric)
	for i := range s.Table.Rows {
		row := &s.Table.Rows[i]
		for broker := 1; broker < len(row.Runs); broker++ {
			f := factor{row: row.Name}
			if len(s.Table.Brokers) > 2 {
				f.row += ", A to " + bench.BrokerLetter(broker)
			}
			f.ratio, f.low, f.high = row.Ratio(broker, metric)
			if m.Better < 0 {
				f.ratio, f.low, f.high = 1/f.ratio, 1/f.high, 1/f.low
			}
			if !(f.ratio > 0) || math.IsInf(f.ratio, 0) {
				continue
			}
			near.low, near.high = min(near.low, f.ratio/1.1), max(near.high, f.ratio*1.1)
			if f.known() {
				near.low, near.high = min(near.low, f.low), max(near.high, f.high)
			}
			all = append(all, f)
		}
	}
	if len(all) == 0 {
		return
	}
	p.put("<h3>%s</h3>\n<table class=\"ratios\"><caption class=\"unseen\">%s</caption>\n<thead class=\"unseen\"><tr><th scope=\"col\">row</th><th scope=\"col\">times</th><th scope=\"col\">drawn</th></tr></thead>\n<tbody>\n", title, title)
	for _, f := range all {
		p.put("<tr><th scope=\"row\">%s</th><td>%s</td><td>", f.row, f.text())
		f.draw(p, near)
		p.put("</td></tr>\n")
	}
	p.put("</tbody></table>\n")
}

func (f factor) text() string {
	if !f.known() {
		return fmt.Sprintf("%.2f (too few runs for an interval)", f.ratio)
	}
	return fmt.Sprintf("%.2f (%.2f to %.2f)", f.ratio, f.low, f.high)
}

func (f factor) draw(p *pen, s scale) {
	one := percent(s.at(1))
	p.put(`<svg class="factor" width="100%%" height="22" aria-hidden="true"><line class="grid" x1="0" x2="100%%" y1="11" y2="11"/><line class="base" x1="%s" x2="%s" y1="0" y2="22"/>`, one, one)
	class := markup("dot s1")
	if f.known() {
		p.put(`<line class="interval" x1="%s" x2="%s" y1="11" y2="11"/>`, percent(s.at(f.low)), percent(s.at(f.high)))
	} else {
		class += " hollow"
	}
	p.put(`<circle class="%s" cx="%s" cy="11" r="5"/></svg>`, class, percent(s.at(f.ratio)))
}
