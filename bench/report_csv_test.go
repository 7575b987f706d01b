package bench

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"errors"
	"slices"
	"strconv"
	"testing"
)

func TestCSV(t *testing.T) {
	var b bytes.Buffer
	r := fullSample()
	r.Series[2].BrokerRSS = 12_345_678
	if err := r.WriteCSV(&b); err != nil {
		t.Fatal(err)
	}
	golden(t, "series.csv", b.Bytes())
}

func TestSummaryCSV(t *testing.T) {
	r := fullSample()
	r.Plan.Topic = `a,"b"`
	r.Runs = []*Result{fullSample(), sampleOf(PubOnly)}
	var b bytes.Buffer
	if err := r.WriteSummaryCSV(&b); err != nil {
		t.Fatal(err)
	}
	rows, err := csv.NewReader(&b).ReadAll()
	if err != nil || len(rows) != 3 {
		t.Fatalf("%v %v", rows, err)
	}
	for i, run := range r.Runs {
		for _, m := range Metrics() {
			got := rows[i+1][slices.Index(rows[0], m.column())]
			if v, known := m.Of(run); (got != "") != known || (known && m.Unit == UnitCount && got != strconv.FormatFloat(v, 'f', -1, 64)) {
				t.Errorf("%s of run %d: %q, is %v %v", m.Name, i+1, got, v, known)
			}
		}
	}
	for _, name := range []string{"p99_us", "acknowledge_p99_9_us", "connect_max_us", "mean_us", "generator_lag_us", "store_seconds", "lost"} {
		if !slices.Contains(rows[0], name) {
			t.Errorf("no column %s", name)
		}
	}
	column := func(name string) string { return rows[2][slices.Index(rows[0], name)] }
	if column("run") != "2" || column("shape") != "pub" || column("rate") != "2000" || column("outstanding") != "" || column("delivered") != "" || column("ok") != "true" || column("started") != "2026-02-03T04:05:06Z" || column("limited_by_generator") != "false" {
		t.Errorf("%q", rows[2])
	}
	r.Runs = nil
	b.Reset()
	if err := r.WriteSummaryCSV(&b); err != nil || !bytes.Contains(b.Bytes(), []byte(`,"a,""b""",`)) {
		t.Errorf("%s %v", b.Bytes(), err)
	}
}

// TestSummaryNames: the columns are all that is said of what was done.
func TestSummaryNames(t *testing.T) {
	var fields map[string]any
	if text, err := json.Marshal(Head{}); err != nil || json.Unmarshal(text, &fields) != nil {
		t.Fatal(err)
	}
	delete(fields, "command")
	names, _ := Head{}.cells()
	for _, name := range names {
		if _, ok := fields[name]; !ok {
			t.Errorf("%s is not in JSON", name)
		}
	}
	if len(names) != len(fields) {
		t.Errorf("%d columns, %d fields", len(names), len(fields))
	}
}

// A fullDisk takes nothing.
type fullDisk struct{}

func (fullDisk) Write([]byte) (int, error) { return 0, errors.New("no space left on device") }

func TestWritersFail(t *testing.T) {
	r := fullSample()
	for i, err := range []error{r.WriteCSV(fullDisk{}), r.WriteSummaryCSV(fullDisk{})} {
		if err == nil {
			t.Errorf("writer %d has no error", i)
		}
	}
	if _, err := r.WriteTo(fullDisk{}); err == nil {
		t.Error("WriteTo has no error")
	}
}
