package page

import (
	"fmt"
	"io"
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
	for _, line := range s.Table.Legend() {
		p.put("<p>%s</p>\n", line)
	}
}
