package bench

import (
	"encoding/json"
	"fmt"
	"io"
	"math"
	"strings"
	"unicode/utf8"
)

// MarshalJSON makes one object, with the values of all runs.
func (c *Comparison) MarshalJSON() ([]byte, error) {
	o := &object{}
	o.b.WriteByte('{')
	o.put("regressed", c.Regressed())
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

// WriteTo writes a table within 80 columns, what it means, and what to know of
// it. Figures that are not judged are there if they are latencies.
func (c *Comparison) WriteTo(w io.Writer) (int64, error) {
	var b strings.Builder
	fmt.Fprintf(&b, "A  %s\nB  %s\n\n", c.A.summary(), c.B.summary())
	rows := [][]string{{"", "A", "B", "B/A", "95 % interval", ""}}
	for _, f := range c.Figures {
		if f.shown() {
			rows = append(rows, f.row())
		}
	}
	writeTable(&b, rows)
	b.WriteString("\n" + indented("", c.verdict()))
	for _, text := range c.Broken {
		b.WriteString(indented("", text))
	}
	b.WriteString("\n" + indented("", c.words()))
	for _, text := range c.Notes {
		b.WriteString("\n" + indented("", text))
	}
	n, err := io.WriteString(w, b.String())
	return int64(n), err
}

func (r *Record) summary() string {
	return fmt.Sprintf("%s, %s, mqtk %s, %s", r.Target, many(r.runs(), "run", "runs"), r.Program, r.Started.Format("2006-01-02 15:04:05Z07:00"))
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

// writeTable aligns the first column and the last to the left, and the rest to the
// right.
func writeTable(b *strings.Builder, rows [][]string) {
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
	for _, row := range rows {
		line := ""
		for i, cell := range row {
			pad := strings.Repeat(" ", widths[i]-utf8.RuneCountInString(cell))
			if i == 0 || i == len(row)-1 {
				line += cell + pad
			} else {
				line += pad + cell
			}
			line += gap
		}
		b.WriteString(strings.TrimRight(line, " ") + "\n")
	}
}

func (c *Comparison) verdict() string {
	worse, better := c.named(Worse), c.named(Better)
	switch {
	case c.Regressed() && len(worse) > 0:
		return "B is worse than A: " + strings.Join(worse, ", ") + "."
	case c.Regressed():
		return "B is worse than A."
	case len(better) > 0:
		return "B is better than A: " + strings.Join(better, ", ") + "."
	case len(c.named(Unclear)) > 0:
		return "Nothing in B is surely worse than in A."
	}
	return "B is as A."
}

// words say what the words and the numbers mean.
func (c *Comparison) words() string {
	threshold := FormatPercent(c.Threshold)
	text := fmt.Sprintf("A and B are medians of the runs, B/A is the median of the ratios of each run of B to each of A. "+
		"In 95 of 100 comparisons the interval holds the true ratio. Worse and better: the whole interval is beyond 1, and the ratio by more than %s. "+
		"Same: the whole interval is within %s of 1. Unclear: the runs do not tell; more of them might.", threshold, threshold)
	if n := c.judged(); n > 0 && min(c.A.runs(), c.B.runs()) >= Fewest {
		text += fmt.Sprintf(" %s judged: if nothing has changed, the chance that noise makes one of them worse is at most %s.",
			many(n, "figure is", "figures are"), FormatPercent(min(0.025*float64(n), 1)))
	}
	return text
}
