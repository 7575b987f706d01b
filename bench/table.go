package bench

import (
	"cmp"
	"encoding/json"
	"fmt"
	"math"
	"slices"
	"strings"
	"time"

	"mqtk/mqttwire"
)

// A Table puts brokers side by side that were measured by turns, with the same
// plan in each row.
type Table struct {
	Program     string
	Command     []string
	Started     time.Time
	Environment Environment
	Version     mqttwire.Version // that all of them speak
	Brokers     []string         // their commands
	Rows        []TableRow
}

// A TableRow is one plan, and what each broker made of it.
type TableRow struct {
	Name string // pairs/1/64
	Runs [][]*Result
}

// tableMetrics are the columns, and figures that ratios are told of.
func tableMetrics() []string {
	return []string{"delivered_per_second", "broker_cpu_us_per_message", "p99", "broker_rss_bytes"}
}

// values are what the runs of one broker in a row say of a metric.
func (r *TableRow) values(broker int, metric string) []float64 {
	m, ok := MetricNamed(metric)
	if !ok {
		return nil
	}
	var values []float64
	for _, run := range r.Runs[broker] {
		if v, known := m.Of(run); known {
			values = append(values, v)
		}
	}
	return values
}

// open tells that the row is an open loop, so that latency says something.
func (r *TableRow) open() bool {
	for _, runs := range r.Runs {
		for _, run := range runs {
			return run.Plan.Rate > 0
		}
	}
	return false
}

// limited is in how many runs of a broker the generator was the limit.
func (r *TableRow) limited(broker int) (n int) {
	for _, run := range r.Runs[broker] {
		if run.Generator.Limited {
			n++
		}
	}
	return n
}

// failures are what went wrong in the runs of a broker, each text once.
func (r *TableRow) failures(broker int) []Failure {
	var all []Failure
	for _, run := range r.Runs[broker] {
		for _, f := range run.Failures {
			if !slices.ContainsFunc(all, func(known Failure) bool { return known.Kind == f.Kind }) {
				all = append(all, f)
			}
		}
	}
	return all
}

// Failures are those of all runs, with the row and the broker.
func (t *Table) Failures() []Failure {
	var all []Failure
	for i := range t.Rows {
		for broker := range t.Brokers {
			for _, f := range t.Rows[i].failures(broker) {
				all = append(all, Failure{f.Kind, fmt.Sprintf("%s, %s: %s", t.Rows[i].Name, BrokerLetter(broker), f.Text)})
			}
		}
	}
	return all
}

// BrokerLetter is what a broker is called in a table.
func BrokerLetter(i int) string {
	if i < 26 {
		return string(rune('A' + i))
	}
	return fmt.Sprint(i + 1)
}

// A TableRatio is how many times the first broker's figure is another's, with its
// interval of 95 %.
type TableRatio struct {
	To     string   `json:"to"`
	Metric string   `json:"metric"`
	Ratio  *float64 `json:"ratio"`
	Low    *float64 `json:"low"`
	High   *float64 `json:"high"`
}

// Ratio tells how many times the figure of another broker the one of the first is.
func (r *TableRow) Ratio(broker int, metric string) (ratio, low, high float64) {
	return Ratio(r.values(broker, metric), r.values(0, metric))
}

func (r *TableRow) ratios() []TableRatio {
	all := []TableRatio{}
	for broker := 1; broker < len(r.Runs); broker++ {
		for _, metric := range tableMetrics() {
			if metric == "p99" && !r.open() {
				continue
			}
			ratio, low, high := r.Ratio(broker, metric)
			all = append(all, TableRatio{BrokerLetter(broker), metric, finite(ratio), finite(low), finite(high)})
		}
	}
	return all
}

// finite is nil for what JSON has no word for.
func finite(v float64) *float64 {
	if math.IsNaN(v) || math.IsInf(v, 0) {
		return nil
	}
	return &v
}

// MarshalJSON makes one object: brokers, rows with the median of each figure, all
// runs as bench --json has them, and ratios.
func (t *Table) MarshalJSON() ([]byte, error) {
	type cell struct {
		Broker  string              `json:"broker"`
		Medians map[string]*float64 `json:"medians"`
		Limited int                 `json:"runs_limited_by_generator"`
		Runs    []*Result           `json:"runs"`
	}
	type row struct {
		Row    string       `json:"row"`
		Cells  []cell       `json:"brokers"`
		Ratios []TableRatio `json:"ratios"`
	}
	o := struct {
		Program     string            `json:"mqtk"`
		Command     []string          `json:"command"`
		Started     time.Time         `json:"started"`
		Version     string            `json:"version"`
		Brokers     map[string]string `json:"brokers"`
		Rows        []row             `json:"rows"`
		Failures    []string          `json:"failures"`
		OK          bool              `json:"ok"`
		Environment Environment       `json:"environment"`
	}{Program: t.Program, Command: t.Command, Started: t.Started.UTC().Round(time.Millisecond), Version: t.Version.String(),
		Brokers: map[string]string{}, Rows: []row{}, Failures: []string{}, Environment: t.Environment}
	for i, command := range t.Brokers {
		o.Brokers[BrokerLetter(i)] = command
	}
	for i := range t.Rows {
		r := &t.Rows[i]
		made := row{Row: r.Name, Ratios: r.ratios()}
		for broker, runs := range r.Runs {
			c := cell{Broker: BrokerLetter(broker), Medians: map[string]*float64{}, Limited: r.limited(broker), Runs: runs}
			for _, metric := range tableMetrics() {
				c.Medians[metric] = finite(Median(r.values(broker, metric)))
			}
			made.Cells = append(made.Cells, c)
		}
		o.Rows = append(o.Rows, made)
	}
	for _, f := range t.Failures() {
		o.Failures = append(o.Failures, f.Text)
	}
	o.OK = len(o.Failures) == 0
	return json.Marshal(o)
}

// Limits are sentences about rows in which the generator was the limit.
func (t *Table) Limits() []string {
	var all []string
	for i := range t.Rows {
		for broker := range t.Brokers {
			if n := t.Rows[i].limited(broker); n > 0 {
				all = append(all, fmt.Sprintf("%s, %s: the generator was the limit in %d of %d runs, so that its rate is the least this broker can do, and the ratio of rates says little",
					t.Rows[i].Name, BrokerLetter(broker), n, len(t.Rows[i].Runs[broker])))
			}
		}
	}
	return all
}

// name is a row's name from its plan.
func (p *Plan) name() string {
	size := fmt.Sprint(p.SizeMin)
	if p.SizeMax > p.SizeMin {
		size += "-" + fmt.Sprint(p.SizeMax)
	}
	name := fmt.Sprintf("%s/%d/%s", p.Shape, p.QoS, size)
	if p.Rate > 0 {
		name += " at " + FormatCount(p.Rate) + "/s"
	}
	return name
}

// NewTableRow is a row of a plan that was checked.
func NewTableRow(p *Plan, brokers int) TableRow {
	return TableRow{Name: p.name(), Runs: make([][]*Result, brokers)}
}

// formatted is a figure as the table has it; what is not known is a dash.
func (r *TableRow) formatted(broker int, metric string) string {
	m, _ := MetricNamed(metric)
	v := Median(r.values(broker, metric))
	if math.IsNaN(v) || metric == "p99" && !r.open() {
		return "-"
	}
	return m.Format(v)
}

// faster is how many times the rate of another broker that of the first is, as the
// table has it: 13.3x (12.9-13.7).
func (r *TableRow) faster(broker int) string {
	return factor(r.Ratio(broker, "delivered_per_second"))
}

// cheaper is how many times the CPU time of the first another broker takes for a
// message.
func (r *TableRow) cheaper(broker int) string {
	return strings.Replace(factor(Ratio(r.values(0, "broker_cpu_us_per_message"), r.values(broker, "broker_cpu_us_per_message"))), "slower", "dearer", 1)
}

func factor(ratio, low, high float64) string {
	switch {
	case math.IsNaN(ratio):
		return "-"
	case math.IsInf(high, 1):
		return digits(ratio) + "x (?)"
	case high < 1:
		return fmt.Sprintf("%sx slower (%s-%s)", digits(1/ratio), digits(1/high), digits(1/low))
	}
	return fmt.Sprintf("%sx (%s-%s)", digits(ratio), digits(low), digits(high))
}

// short is the program of a command.
func short(command string) string {
	word, _, _ := strings.Cut(strings.TrimSpace(command), " ")
	return cmp.Or(word[strings.LastIndexByte(word, '/')+1:], command)
}
