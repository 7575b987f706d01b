package bench

import (
	"encoding/csv"
	"fmt"
	"io"
	"math"
	"strconv"
	"strings"
	"unicode/utf8"
)

// Lines are the rows of the table as text, the headings first.
func (t *Table) Lines() [][]string {
	open := false
	for i := range t.Rows {
		open = open || t.Rows[i].open()
	}
	lines := [][]string{t.line(open, "row", "broker", "delivered/s", "CPU/message", "p99", "RSS", "A faster by", "A cheaper by")}
	for i := range t.Rows {
		r := &t.Rows[i]
		for broker := range r.Runs {
			name, rates, cpu := r.Name, "", ""
			if broker > 0 {
				name, rates, cpu = "", r.faster(broker), r.cheaper(broker)
			}
			mark := ""
			if r.limited(broker) > 0 {
				mark = "+"
			}
			if len(r.failures(broker)) > 0 {
				mark += "!"
			}
			rate := strings.TrimSuffix(r.formatted(broker, "delivered_per_second"), "/s")
			lines = append(lines, t.line(open, name, BrokerLetter(broker)+" "+short(t.Brokers[broker]), rate+mark,
				r.formatted(broker, "broker_cpu_us_per_message"), r.formatted(broker, "p99"), r.formatted(broker, "broker_rss_bytes"), rates, cpu))
		}
	}
	return lines
}

// line leaves the latency out of a table of closed loops.
func (t *Table) line(open bool, cells ...string) []string {
	if open {
		return cells
	}
	return append(cells[:4:4], cells[5:]...)
}

// Legend says how to read the table.
func (t *Table) Legend() []string {
	runs := 0
	for i := range t.Rows {
		for _, r := range t.Rows[i].Runs {
			runs = max(runs, len(r))
		}
	}
	legend := []string{fmt.Sprintf("medians of %s of each broker, by turns, MQTT %s; A faster by: A's rate divided by this broker's, with the interval that holds the true factor in 95 of 100 such tables; A cheaper by: this broker's CPU time for a message divided by A's; 3x slower, 3x dearer: A is, by so much", many(runs, "run", "runs"), t.Version)}
	if runs < Fewest {
		legend = append(legend, fmt.Sprintf("(?): too few runs for an interval, which takes %d; --repeat makes more", Fewest))
	}
	if len(t.Limits()) > 0 {
		legend = append(legend, "+ the generator was the limit: the broker can do more")
	}
	if len(t.Failures()) > 0 {
		legend = append(legend, "! something went wrong, see below")
	}
	return legend
}

// WriteTo writes the table for people.
func (t *Table) WriteTo(w io.Writer) (int64, error) {
	var b strings.Builder
	for i, command := range t.Brokers {
		fmt.Fprintf(&b, "%s  %s\n", BrokerLetter(i), command)
	}
	b.WriteByte('\n')
	writeColumns(&b, t.Lines())
	b.WriteByte('\n')
	for _, line := range t.Legend() {
		b.WriteString(strings.Join(wrap(line, lineWidth), "\n") + "\n")
	}
	for _, line := range t.Limits() {
		b.WriteString(Line{Label: "LIMIT", Text: line}.String() + "\n")
	}
	for _, f := range t.Failures() {
		b.WriteString(Line{Label: "FAILED", Text: f.Text}.String() + "\n")
	}
	n, err := io.WriteString(w, b.String())
	return int64(n), err
}

// writeColumns writes words under each other, numbers to the right.
func writeColumns(b *strings.Builder, lines [][]string) {
	widths := make([]int, len(lines[0]))
	for _, line := range lines {
		for i, cell := range line {
			widths[i] = max(widths[i], utf8.RuneCountInString(cell))
		}
	}
	for _, line := range lines {
		var text strings.Builder
		for i, cell := range line {
			space := strings.Repeat(" ", widths[i]-utf8.RuneCountInString(cell))
			if i < 2 {
				text.WriteString(cell + space + "  ")
			} else {
				text.WriteString(space + cell + "  ")
			}
		}
		b.WriteString(strings.TrimRight(text.String(), " ") + "\n")
	}
}

// WriteSummaryCSV writes a row for each run.
func (t *Table) WriteSummaryCSV(w io.Writer) error {
	out := csv.NewWriter(w)
	header := []string{"row", "broker", "command", "run"}
	for _, name := range tableMetrics() {
		m, _ := MetricNamed(name)
		header = append(header, m.column())
	}
	_ = out.Write(append(header, "limited_by_generator"))
	for i := range t.Rows {
		for broker, runs := range t.Rows[i].Runs {
			for n, run := range runs {
				line := []string{t.Rows[i].Name, BrokerLetter(broker), t.Brokers[broker], strconv.Itoa(n + 1)}
				for _, name := range tableMetrics() {
					line = append(line, figure(run, name))
				}
				_ = out.Write(append(line, strconv.FormatBool(run.Generator.Limited)))
			}
		}
	}
	out.Flush()
	return out.Error()
}

// figure is a metric of a run as CSV has it; what is not known is empty.
func figure(r *Result, name string) string {
	m, _ := MetricNamed(name)
	v, known := m.Of(r)
	if !known || math.IsNaN(v) {
		return ""
	}
	return strconv.FormatFloat(v, 'g', 8, 64)
}
