package bench

import (
	"encoding/csv"
	"fmt"
	"io"
	"reflect"
	"strconv"
	"time"
)

// WriteCSV writes a row for each second of each run, below the names of
// SeriesColumns. What is not known is empty.
func (r *Result) WriteCSV(w io.Writer) error {
	rows := csv.NewWriter(w)
	header := []string{"run"}
	for _, c := range SeriesColumns() {
		header = append(header, c.Name)
	}
	_ = rows.Write(header) // Error tells
	for i, run := range r.each() {
		for _, p := range run.Series {
			row := []string{strconv.Itoa(i + 1)}
			for _, c := range SeriesColumns() {
				row = append(row, cell(c.of(run, &p)))
			}
			_ = rows.Write(row)
		}
	}
	rows.Flush()
	return rows.Error()
}

// WriteSummaryCSV writes a row for each run, below the names of JSON for what
// was done and of Metrics, with _us behind those of times, for what came of it. What is not known is empty.
func (r *Result) WriteSummaryCSV(w io.Writer) error {
	rows := csv.NewWriter(w)
	for i, run := range r.each() {
		header, row := run.summary()
		if i == 0 {
			_ = rows.Write(append([]string{"run"}, header...))
		}
		_ = rows.Write(append([]string{strconv.Itoa(i + 1)}, row...))
	}
	rows.Flush()
	return rows.Error()
}

// each are the single runs.
func (r *Result) each() []*Result {
	if len(r.Runs) > 0 {
		return r.Runs
	}
	return []*Result{r}
}

func (r *Result) summary() (header, row []string) {
	header, row = r.head().cells()
	for _, m := range Metrics() {
		header, row = append(header, m.column()), append(row, cell(m.json(r)))
	}
	return append(header, "ok"), append(row, cell(r.OK()))
}

// column is the name of a metric with the unit of a time.
func (m Metric) column() string {
	if m.timed() {
		return m.Name + "_us"
	}
	return m.Name
}

// cells are the fields that are no arrays, by their names in JSON.
func (h Head) cells() (names, values []string) {
	v := reflect.ValueOf(h)
	for i := range v.NumField() {
		field := v.Field(i)
		switch {
		case field.Kind() == reflect.Slice:
			continue
		case field.Kind() != reflect.Pointer:
		case field.IsNil():
			field = reflect.ValueOf("")
		default:
			field = field.Elem()
		}
		names, values = append(names, v.Type().Field(i).Tag.Get("json")), append(values, cell(field.Interface()))
	}
	return names, values
}

func cell(v any) string {
	switch v := v.(type) {
	case nil:
		return ""
	case time.Time:
		return v.Format(time.RFC3339Nano)
	case float64:
		return strconv.FormatFloat(v, 'f', -1, 64)
	}
	return fmt.Sprint(v)
}
