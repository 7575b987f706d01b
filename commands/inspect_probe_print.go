package commands

import (
	"bufio"
	"fmt"
	"strings"
	"unicode/utf8"

	"mqtk/mqttwire/probe"
)

// A probePrinter writes what inspect probe found, for people or as JSON.
type probePrinter struct {
	*bufio.Writer
	json bool
	ink  ink
}

func newProbePrinter(p *program) *probePrinter {
	return &probePrinter{Writer: bufio.NewWriter(p.Out), json: p.json, ink: p.inkFor(p.Out)}
}

const (
	probeNames  = 26 // columns of what a fact is about
	probeValues = 12 // of what is so
)

func (p *probePrinter) report(url string, r *probe.Report) error {
	if p.json {
		return p.object(struct {
			URL   string                           `json:"url"`
			Took  float64                          `json:"duration"`
			Facts map[string]map[string]probe.Fact `json:"facts"`
		}{url, r.Took.Seconds(), r.Facts})
	}
	fmt.Fprintf(p, "%s, asked for %.1f s\n", visible(url), r.Took.Seconds())
	for section, entries := range r.Each() {
		fmt.Fprintf(p, "\n%s\n", p.ink.head(section.Title))
		for _, e := range entries {
			p.fact(e, r.Facts[section.Key][e.Key])
		}
	}
	return p.finish()
}

// fact is one line: what, how it is, and how that showed.
func (p *probePrinter) fact(e probe.Entry, f probe.Fact) {
	if chain, ok := f.Value.([]probe.Certificate); ok {
		p.chain(e, chain)
		return
	}
	value := visible(f.String())
	var remarks []string
	if announced := f.AnnouncedText(); announced != "" {
		remarks = append(remarks, "announced "+announced)
	}
	if f.Note != "" {
		remarks = append(remarks, visible(f.Note))
	}
	line := "  " + padded(e.Title, probeNames) + value
	if len(remarks) > 0 {
		line = "  " + padded(e.Title, probeNames) + padded(value, probeValues) + p.ink.faint(strings.Join(remarks, "; "))
	}
	fmt.Fprintln(p, line)
}

// padded fills a word up to a column, and has two blanks behind it in any case.
func padded(s string, width int) string {
	return s + strings.Repeat(" ", max(2, width-utf8.RuneCountInString(s)))
}

func (p *probePrinter) chain(e probe.Entry, chain []probe.Certificate) {
	for i, c := range chain {
		title := ""
		if i == 0 {
			title = e.Title
		}
		names := ""
		if len(c.Names) > 0 {
			names = " for " + strings.Join(c.Names, ", ")
		}
		fmt.Fprintf(p, "  %s%s\n", padded(title, probeNames), visible(quotedName(c.Subject)+names))
		fmt.Fprintf(p, "  %s  %s\n", padded("", probeNames), p.ink.faint(visible(fmt.Sprintf("by %s, %s, %s, from %s to %s",
			quotedName(c.Issuer), c.Key, c.Signature, day(c.NotBefore), day(c.NotAfter)))))
	}
}

func (p *probePrinter) differences(a, b string, all []probe.Difference) error {
	if p.json {
		return p.differencesJSON(a, b, all)
	}
	if len(all) == 0 {
		fmt.Fprintln(p, "no differences")
		return p.finish()
	}
	fmt.Fprintf(p, "A  %s\nB  %s\n", visible(a), visible(b))
	last := ""
	for _, d := range all {
		if d.Section.Key != last {
			fmt.Fprintf(p, "\n%s\n", p.ink.head(d.Section.Title))
			last = d.Section.Key
		}
		p.side(d.Entry.Title, "A", d.A, d.KnownA)
		p.side("", "B", d.B, d.KnownB)
	}
	return p.finish()
}

func (p *probePrinter) side(title, which string, f probe.Fact, known bool) {
	if !known {
		f = probe.Fact{Note: "not asked"}
	}
	p.fact(probe.Entry{Title: padded(title, probeNames) + which}, f)
}

func (p *probePrinter) differencesJSON(a, b string, all []probe.Difference) error {
	type difference struct {
		Section string      `json:"section"`
		Key     string      `json:"key"`
		A       *probe.Fact `json:"a"`
		B       *probe.Fact `json:"b"`
	}
	list := []difference{}
	for _, d := range all {
		one := difference{Section: d.Section.Key, Key: d.Entry.Key}
		if d.KnownA {
			one.A = &d.A
		}
		if d.KnownB {
			one.B = &d.B
		}
		list = append(list, one)
	}
	return p.object(struct {
		A           string       `json:"a"`
		B           string       `json:"b"`
		Differences []difference `json:"differences"`
	}{a, b, list})
}

func (p *probePrinter) object(v any) error {
	return finishOutput(p.Writer, writeJSON(p, v))
}

// finish sends the rest on its way; that nobody reads it is no error.
func (p *probePrinter) finish() error { return finishOutput(p.Writer, nil) }
