package page

import (
	"slices"
	"strings"
	"time"

	"mqtk/bench"
)

// A state is how a check came out, and the class of its colours.
type state markup

const (
	good    state = "good"
	bad     state = "bad"
	caution state = "caution"
	plain   state = "plain"
)

// icon is the sign of a state: never its colour alone.
func (s state) icon() markup {
	shape := map[state]markup{
		good:    `<path d="M5 8.5l2.2 2.2L11.2 6"/>`,
		bad:     `<path d="M5.5 5.5l5 5m0-5l-5 5"/>`,
		caution: `<path d="M8 4.5v4.2M8 11v.6"/>`,
	}[s]
	radius := markup("8")
	if s == plain {
		radius = "3"
	}
	return `<svg class="icon ` + markup(s) + `" width="16" height="16" viewBox="0 0 16 16" aria-hidden="true"><circle cx="8" cy="8" r="` + radius + `"/>` + shape + `</svg>`
}

// verdict is the sentence above all figures: that of the report for people, as a
// heading.
func (v *view) verdict() (state, string) {
	if v.search != nil {
		return v.found()
	}
	l := v.Verdict()
	text := strings.ToUpper(l.Text[:1]) + l.Text[1:]
	if l.Tone == bench.Good && len(v.Judged) > 0 {
		text += ", and the objectives were kept"
	}
	return map[bench.Tone]state{bench.Good: good, bench.Warning: caution, bench.Bad: bad}[l.Tone], text
}

func (v *view) head(p *pen) {
	s, verdict := v.verdict()
	p.put("<header class=\"%s\">\n<p class=\"eyebrow\">mqtk bench</p>\n<h1>%s%s</h1>\n", markup(s), s.icon(), verdict)
	p.put("<p class=\"subject\">%s</p>\n<p class=\"where\">", v.subject())
	target := v.Plan.Target.Name
	if v.Plan.Target.InProcess {
		target = "mqtk's own broker, in the same process"
	}
	if target != "" {
		p.put("against %s · ", target)
	}
	if !v.Started.IsZero() {
		p.put(`<time datetime="%s">%s</time> · `, v.Started.UTC().Format(time.RFC3339), v.Started.UTC().Format("2 January 2006, 15:04 UTC"))
	}
	p.put("%s measured", v.text("seconds"))
	if n := len(v.Runs); n > 0 {
		p.put(" in %s", count(n, "run"))
	}
	p.put("</p>\n")
	v.tiles(p)
	for _, f := range v.Failures {
		p.put("<p class=\"callout bad\">%s<span>%s</span></p>\n", bad.icon(), f.Text)
	}
	if limit := v.Limit(); limit != "" {
		p.put("<p class=\"callout caution\">%s<span>%s</span></p>\n", caution.icon(), strings.ToUpper(limit[:1])+limit[1:])
	}
	p.put("</header>\n")
}

// A tile is one figure in large letters, with words above and below it.
type tile struct{ name, metric, value, whole, below string }

// tiles are the figures that one looks for first, as far as they are known.
func (v *view) tiles(p *pen) {
	tiles := []tile{
		{name: "delivered", metric: "delivered_per_second"}, {name: "lost", metric: "lost", whole: "expected"},
		{name: "latency, p50", metric: "p50"}, {name: "latency, p99", metric: "p99"}, {name: "latency, longest", metric: "max"},
		{name: "broker CPU", metric: "broker_cpu_us_per_message", below: "per message"},
	}
	switch {
	case v.connects():
		tiles = []tile{
			{name: "connections", metric: "connections_opened", whole: "connections_wanted"}, {name: "opened", metric: "connections_per_second"},
			{name: "lost", metric: "connections_lost"}, {name: "connect, p50", metric: "connect_p50"}, {name: "connect, p99", metric: "connect_p99"},
			{name: "connect, longest", metric: "connect_max"}, {name: "broker memory", metric: "broker_bytes_per_connection", below: "per connection"},
		}
	case !v.known("delivered"):
		tiles = []tile{
			{name: "sent", metric: "sent_per_second"}, {name: "unanswered", metric: "unacknowledged", whole: "sent"},
			{name: "acknowledged, p50", metric: "acknowledge_p50"}, {name: "acknowledged, p99", metric: "acknowledge_p99"},
			{name: "acknowledged, longest", metric: "acknowledge_max"}, {name: "broker CPU", metric: "broker_cpu_us_per_message", below: "per message"},
		}
	}
	p.put("<ul class=\"tiles\">\n")
	if c := v.search; c != nil && c.Max != nil {
		tiles[0] = tile{name: "highest rate", value: bench.FormatCount(c.Max.Rate) + "/s"}
		if c.Knee > 0 {
			tiles = slices.Insert(tiles, 1, tile{name: "knee", value: bench.FormatCount(c.Knee) + "/s"})
		}
	}
	if c := v.search; c != nil && c.Max == nil { // the other tiles are of the lowest rate
		tiles[0] = tile{name: "highest rate", value: "none"}
		if c.LimitedByGenerator {
			tiles[0].value = "not known"
		}
	}
	for _, t := range tiles {
		if _, text, known := v.figure(t.metric); known {
			t.value = text
		}
		if t.value == "" {
			continue
		}
		if _, whole, known := v.figure(t.whole); known {
			t.below = "of " + whole
		}
		p.put("<li><span class=\"name\">%s</span><span class=\"value\">%s</span><span class=\"of\">%s</span></li>\n", t.name, t.value, t.below)
	}
	p.put("</ul>\n")
}
