// Package page draws the result of a run as one page of HTML that needs nothing
// else: no script, no font, no file beside it, no network.
//
//	Document ── WriteTo ──▶ page.html
//	   │  sections: checks, latency, time, runs ...   what is said, in words and tables
//	   │  chart, axis: numbers to SVG                 what is drawn
//	   └▶ pen: every string from elsewhere is escaped on its way in
//
// The page forbids by its own Content-Security-Policy whatever it does not need,
// so that not even a topic that got through could load or run anything.
package page

import (
	_ "embed"
	"io"
	"strings"

	"mqtk/bench"
)

// A Document is what a page tells of: a run, or a search for the highest rate.
type Document struct {
	Result *bench.Result
	Curve  *bench.Curve // nil: it was no search
}

//go:embed style.css
var style string

// WriteTo writes the page.
func (d Document) WriteTo(w io.Writer) (int64, error) {
	if d.Result == nil {
		d.Result = shown(d.Curve)
	}
	p, v := &pen{}, newView(d.Result)
	v.search = d.Curve
	p.page(v.subject(), func() {
		for _, section := range []func(*view, *pen){
			(*view).head, (*view).rates, (*view).checks, (*view).latency, (*view).connecting, (*view).time,
			(*view).runs, (*view).phases, (*view).machinery, (*view).notes, (*view).setting, (*view).terms,
		} {
			section(v, p)
		}
	})
	return p.WriteTo(w)
}

// page writes what every page begins and ends with.
func (p *pen) page(title string, body func()) {
	p.put(`<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8"/>
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'; img-src data:"/>
<meta name="viewport" content="width=device-width, initial-scale=1"/>
<meta name="color-scheme" content="light dark"/>
<meta name="referrer" content="no-referrer"/>
<link rel="icon" href="data:,"/>
<title>%s - mqtk bench</title>
<style>
%s</style>
</head>
<body>
<main>
`, title, markup(style))
	body()
	p.put("</main>\n</body>\n</html>\n")
}

// A view is a result with its figures by name, and the search it is of, if it is.
type view struct {
	*bench.Result
	search  *bench.Curve
	metrics map[string]bench.Metric
}

func newView(r *bench.Result) *view {
	v := &view{Result: r, metrics: map[string]bench.Metric{}}
	for _, m := range bench.Metrics() {
		v.metrics[m.Name] = m
	}
	return v
}

// figure is the value of a metric and how a person reads it; of what is not known
// it is a dash.
func (v *view) figure(name string) (value float64, text string, known bool) {
	m, ok := v.metrics[name]
	if ok {
		value, known = m.Of(v.Result)
	}
	if !known {
		return 0, "–", false
	}
	return value, m.Format(value), true
}

// text is the figure alone.
func (v *view) text(name string) string {
	_, text, _ := v.figure(name)
	return text
}

func (v *view) known(name string) bool {
	_, _, known := v.figure(name)
	return known
}

// connects tells that the run is about connections alone.
func (v *view) connects() bool { return !v.known("sent") && !v.known("delivered") }

// subject is what was tested, in a few words.
func (v *view) subject() string {
	p := &v.Plan
	if n := v.StormRounds(); n > 0 {
		return bench.FormatCount(float64(p.Publishers+p.Subscribers)) + " connections, lost and made again " + count(n, "time") + ", MQTT " + p.Version.String()
	}
	if v.connects() {
		return string(p.Shape) + " of " + bench.FormatCount(float64(v.Connections.Wanted)) + " connections, MQTT " + p.Version.String()
	}
	var ends []string
	if v.known("sent") {
		ends = append(ends, count(p.Publishers, "publisher"))
	}
	if v.known("delivered") {
		ends = append(ends, count(p.Subscribers, "subscriber"))
	}
	return string(p.Shape) + ", " + strings.Join(ends, " and ") + ", QoS " + string('0'+rune(p.QoS)) + ", MQTT " + p.Version.String()
}

func count(n int, noun string) string {
	text := bench.FormatCount(float64(n)) + " " + noun
	if n != 1 {
		text += "s"
	}
	return text
}

// section begins a part of the page; what it returns ends it.
func (p *pen) section(id markup, title, lede string) (end func()) {
	p.put("<section id=\"%s\" aria-labelledby=\"%s-h\">\n<h2 id=\"%s-h\">%s</h2>\n", id, id, id, title)
	if lede != "" {
		p.put("<p class=\"lede\">%s</p>\n", lede)
	}
	return func() { p.put("</section>\n") }
}
