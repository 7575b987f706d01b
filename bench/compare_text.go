package bench

import (
	"encoding/json"
	"fmt"
	"io"
	"math"
	"strings"
	"time"
	"unicode/utf8"
)

// MarshalJSON makes one object, with the values of all runs.
func (c *Comparison) MarshalJSON() ([]byte, error) {
	o := &object{}
	o.b.WriteByte('{')
	o.put("regressed", c.Regressed())
	_, verdict := c.verdict()
	o.put("verdict", verdict)
	o.put("threshold", c.Threshold)
	o.put("runs_a", c.A.runs())
	o.put("runs_b", c.B.runs())
	o.put("better", append([]string{}, c.named(Better)...))
	o.put("worse", append([]string{}, c.named(Worse)...))
	o.put("broken", append([]string{}, c.Broken...))
	o.put("different", append([]string{}, c.Different...))
	o.put("notes", append([]string{}, c.Notes...))
	figures := []json.RawMessage{}
	for i := range c.Figures {
		text, err := c.Figures[i].object()
		if err != nil {
			return nil, err
		}
		figures = append(figures, text)
	}
	o.put("figures", figures)
	return o.end(), o.err
}

func (f *ComparedFigure) object() ([]byte, error) {
	o := &object{}
	o.b.WriteByte('{')
	o.put("name", f.Metric.Name)
	o.put("unit", f.Metric.Unit)
	o.put("verdict", f.Verdict)
	o.put("why", f.Why)
	for _, side := range []struct {
		name   string
		values []float64
	}{{"a", f.A}, {"b", f.B}} {
		o.put(side.name, map[string]any{
			"median": finite(round(Median(side.values), 4)), "spread": finite(round(Spread(side.values), 4)), "runs": side.values,
		})
	}
	o.put("ratio", finite(round(f.Ratio, 6)))
	var low, high *float64
	if f.bounded() {
		low, high = finite(round(f.Low, 6)), finite(round(f.High, 6))
	}
	o.put("low", low)
	o.put("high", high)
	return o.end(), o.err
}

// WriteTo writes the lines.
func (c *Comparison) WriteTo(w io.Writer) (int64, error) { return writeLines(w, c.Lines()) }

// Lines are a table within 80 columns, what it means, and what to know of it.
// Figures that are not judged are there if they are latencies.
func (c *Comparison) Lines() []Line {
	t := &text{}
	t.row("A", "%s", c.A.summary(c.NameA))
	t.row("B", "%s", c.B.summary(c.NameB))
	rows, tones := [][]string{{"", "A", "B", "B/A", "95% interval", ""}}, []Tone{Plain}
	for _, f := range c.Figures {
		if f.shown() {
			rows, tones = append(rows, f.row()), append(tones, f.Verdict.tone())
		}
	}
	for i, line := range aligned(rows) {
		t.toned(tones[i], line, "")
	}
	for _, said := range c.words() {
		t.row(said[0], "%s", said[1])
	}
	for _, n := range c.Notes {
		t.toned(Warning, "note", "%s", n)
	}
	for _, said := range c.Broken {
		t.toned(Bad, "WORSE", "%s", said)
	}
	tone, verdict := c.verdict()
	t.toned(tone, "verdict", "%s", verdict)
	return t.lines
}

func (v Verdict) tone() Tone {
	switch v {
	case Better:
		return Good
	case Worse:
		return Bad
	}
	return Plain
}

func (r *Record) summary(name string) string {
	if name != "" {
		name += ": "
	}
	return fmt.Sprintf("%s%s, %s, mqtk %s, %s", name, r.Target, many(r.runs(), "run", "runs"), r.Program, r.Started.Format(time.DateTime+"Z07:00"))
}

// shown tells that a figure has a row: not those of what never happened.
func (f *ComparedFigure) shown() bool {
	if f.Metric.Unit == UnitCount {
		return sumOf(f.A)+sumOf(f.B) > 0
	}
	return f.Verdict != NotJudged || f.Metric.object == "latency_us"
}

func (f *ComparedFigure) row() []string {
	row := []string{f.Metric.Name, f.Metric.Format(Median(f.A)), f.Metric.Format(Median(f.B)), "", "", string(f.Verdict)}
	if f.Metric.Unit == UnitCount {
		row[1], row[2] = f.Metric.Format(sumOf(f.A)), f.Metric.Format(sumOf(f.B))
		return row
	}
	if !math.IsNaN(f.Ratio) {
		row[3] = formatRatio(f.Ratio)
	}
	if math.IsNaN(f.Ratio) && len(f.A) >= Fewest && len(f.B) >= Fewest {
		row[3] = "unclear"
	}
	if row[4] = "cannot tell"; f.bounded() {
		row[4] = formatRatio(f.Low) + " to " + formatRatio(f.High)
	}
	return row
}

// bounded tells that there is an interval.
func (f *ComparedFigure) bounded() bool { return f.Low > 0 && !math.IsInf(f.High, 1) }

func formatRatio(v float64) string {
	switch {
	case v >= 1000:
		return ">999"
	case v >= 10:
		return fmt.Sprintf("%.1f", v)
	}
	return fmt.Sprintf("%.3f", v)
}

// aligned are the rows as lines: the first column and the last to the left, and
// the rest to the right.
func aligned(rows [][]string) []string {
	widths, total := make([]int, len(rows[0])), 0
	for _, row := range rows {
		for i, cell := range row {
			widths[i] = max(widths[i], utf8.RuneCountInString(cell))
		}
	}
	for _, width := range widths {
		total += width
	}
	gap := "  "
	if total+len(gap)*(len(widths)-1) > lineWidth {
		gap = " "
	}
	var lines []string
	for _, row := range rows {
		line := ""
		for i, cell := range row {
			pad := strings.Repeat(" ", widths[i]-utf8.RuneCountInString(cell))
			if i == 0 || i == len(row)-1 {
				line += cell + pad + gap
			} else {
				line += pad + cell + gap
			}
		}
		lines = append(lines, strings.TrimRight(line, " "))
	}
	return lines
}

func (c *Comparison) verdict() (Tone, string) {
	worse, better := c.named(Worse), c.named(Better)
	switch {
	case len(worse) > 0:
		return Bad, "B is worse than A: " + strings.Join(worse, ", ")
	case c.Regressed():
		return Bad, "B is worse than A"
	case !c.tells():
		return Warning, fmt.Sprintf("cannot tell: it takes %d runs of each, and --repeat 5 makes five", Fewest)
	case len(better) > 0:
		return Good, "B is better than A: " + strings.Join(better, ", ")
	case len(c.named(Unclear)) > 0:
		return Plain, "nothing in B is surely worse than in A"
	}
	return Good, "B is as A"
}

// words say what the words and the numbers of the table mean.
func (c *Comparison) words() [][2]string {
	threshold := FormatPercent(c.Threshold)
	words := [][2]string{
		{"A, B", "medians of the runs"},
		{"B/A", "median of the ratios of each run of B to each one of A; in 95 of 100 comparisons the interval holds the true ratio"},
		{"worse, better", fmt.Sprintf("the whole interval is beyond 1, and the ratio by more than %s", threshold)},
		{"same", fmt.Sprintf("the whole interval is within %s of 1", threshold)},
		{"unclear", "the runs do not tell, or medians and ratios contradict each other; more runs might tell"},
	}
	if n := c.judged(); n > 0 && c.tells() {
		words = append(words, [2]string{"false alarm", fmt.Sprintf("%s judged: if nothing has changed, the chance that noise makes one of them worse is at most %s",
			many(n, "figure is", "figures are"), FormatPercent(min(0.025*float64(n), 1)))})
	}
	return words
}
