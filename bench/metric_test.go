package bench

import (
	"regexp"
	"strings"
	"testing"
	"time"
)

func TestMetrics(t *testing.T) {
	word := regexp.MustCompile(`^[a-z][a-z0-9_]*$`)
	names, places := map[string]bool{}, map[string]bool{}
	for _, m := range Metrics() {
		place := m.object + "." + m.place()
		if names[m.Name] || places[place] || !word.MatchString(m.Name) {
			t.Errorf("%s (%s) is twice in the table, or no word", m.Name, place)
		}
		names[m.Name], places[place] = true, true
		if m.Text == "" || m.Unit == "" || strings.HasSuffix(m.Text, ".") {
			t.Errorf("%s: text %q, unit %q", m.Name, m.Text, m.Unit)
		}
	}
	for _, m := range Metrics() {
		if m.Whole != "" && m.Whole != "rate" && !names[m.Whole] {
			t.Errorf("%s is a share of %s, which is not there", m.Name, m.Whole)
		}
		for _, r := range []*Result{{}, {Plan: Plan{Shape: PubOnly}}, sampleOf(Pairs)} { // no panic, no division by zero
			if v, _ := m.Of(r); v != v || v > 1e18 {
				t.Errorf("%s is %v", m.Name, v)
			}
		}
	}
}

// TestUnknown: what happens elsewhere, or was not watched, is not known, and is
// not 0.
func TestUnknown(t *testing.T) {
	inProcess := sampleOf(Pairs)
	inProcess.Plan.Target.InProcess, inProcess.Generator.CPUOfThreads = true, false
	closed := sampleOf(Pairs)
	closed.Generator.Lag = nil
	for _, test := range []struct {
		r     *Result
		name  string
		known bool
	}{
		{sampleOf(Pairs), "lost", true},
		{sampleOf(Pairs), "p99", true},
		{sampleOf(Pairs), "broker_cpu_us_per_message", false},
		{sampleOf(Pairs), "generator_cpu_us_per_connection", false},
		{sampleOf(Pairs), "drain_per_second", false},
		{sampleOf(Pairs), "bytes_per_connection", false},
		{sampleOf(PubOnly), "sent", true},
		{sampleOf(PubOnly), "delivered", false},
		{sampleOf(PubOnly), "delivered_per_second", false},
		{sampleOf(PubOnly), "lost", false},
		{sampleOf(PubOnly), "p99", false},
		{sampleOf(PubOnly), "acknowledge_p99", true},
		{sampleOf(PubOnly), "generator_cpu_us_per_message", true},
		{sampleOf(PubOnly), "bytes_per_second", true},
		{sampleOf(SubOnly), "sent", false},
		{sampleOf(SubOnly), "sent_per_second", false},
		{sampleOf(SubOnly), "delivered", true},
		{sampleOf(Churn), "delivered", false},
		{sampleOf(Churn), "sent", false},
		{sampleOf(Churn), "bytes_per_second", false},
		{sampleOf(Churn), "connections_per_second", true},
		{sampleOf(Churn), "generator_cpu_us_per_message", false},
		{sampleOf(Churn), "generator_cpu_us_per_connection", true},
		{inProcess, "generator_cpu_us_per_message", false},
		{closed, "generator_lag_us", false},
	} {
		m, ok := MetricNamed(test.name)
		if !ok {
			t.Fatalf("no %s", test.name)
		}
		if v, known := m.Of(test.r); known != test.known {
			t.Errorf("%s of %s: %v, known %v", test.name, test.r.Plan.Shape, v, known)
		}
	}
}

func TestMetricValues(t *testing.T) {
	r := sampleOf(Pairs)
	r.Counts.Delivered, r.Seconds = 15_000, 7.5
	r.Broker = &Process{Seconds: 7.5, CPUSeconds: 0.06, RSS: 12e6, PeakRSS: 13e6}
	r.Phases = []Phase{{"queue", 100, 2}, {"drain", 300, 1.5}}
	r.Connections.Refused = map[string]int{"NotAuthorized": 2, "Banned": 1}
	for name, want := range map[string]float64{
		"delivered_per_second":         2000,
		"generator_cpu_us_per_message": 2.08,
		"broker_cpu_us_per_message":    4,
		"broker_cpus":                  0.008,
		"drain_per_second":             200,
		"queue_seconds":                2,
		"connections_refused":          3,
		"limited_by_generator":         0,
	} {
		m, _ := MetricNamed(name)
		if v, ok := m.Of(r); !ok || v < want-1e-9 || v > want+1e-9 {
			t.Errorf("%s: %v %v, want %v", name, v, ok, want)
		}
	}
	r.Plan.Shape, r.Counts.Acknowledged = PubOnly, 31_200 // acknowledged, where nobody receives
	m, _ := MetricNamed("generator_cpu_us_per_message")
	if v, _ := m.Of(r); v < 0.999 || v > 1.001 {
		t.Errorf("%v µs per acknowledged message, want 1", v)
	}
}

func TestFormat(t *testing.T) {
	for _, test := range []struct{ got, want string }{
		{FormatCount(0), "0"}, {FormatCount(999), "999"}, {FormatCount(1000), "1,000"}, {FormatCount(1234567), "1,234,567"}, {FormatCount(-1234), "-1,234"}, {FormatCount(0.5), "0.50"}, {FormatCount(0.0125), "0.013"}, {FormatCount(0.00996), "0.01"}, {FormatCount(0.000251), "0.00025"}, {FormatCount(1234.6), "1,235"},
		{FormatTime(0), "0"}, {FormatTime(999), "999 ns"}, {FormatTime(1000), "1.00 µs"}, {FormatTime(182_400), "182 µs"}, {FormatTime(999_600), "1.00 ms"}, {FormatTime(3_210_000), "3.21 ms"}, {FormatTime(12_340_000), "12.3 ms"}, {FormatTime(time.Second), "1.00 s"}, {FormatTime(time.Hour), "3,600 s"},
		{FormatBytes(0), "0 B"}, {FormatBytes(999), "999 B"}, {FormatBytes(1000), "1.00 kB"}, {FormatBytes(14_200_000), "14.2 MB"}, {FormatBytes(999_600), "1.00 MB"},
		{FormatPercent(0), "0%"}, {FormatPercent(1), "100%"}, {FormatPercent(0.5), "50%"}, {FormatPercent(0.06), "6%"}, {FormatPercent(0.0006), "0.06%"}, {FormatPercent(0.0000512), "0.0051%"}, {FormatPercent(0.999), "99.9%"}, {FormatPercent(0.99994), "99.994%"}, {FormatPercent(1.7), "170%"}, {FormatPercent(0.437), "44%"},
		{FormatPercent(0.9999), "99.99%"},
	} {
		if test.got != test.want {
			t.Errorf("%q, want %q", test.got, test.want)
		}
	}
	for unit, want := range map[string]string{
		UnitMicroseconds: "12.0 µs", UnitSeconds: "12.0 s", UnitPerSecond: "12/s", UnitBytes: "12 B", UnitBytesRate: "12 B/s", UnitPerMessage: "12.0 µs", UnitCores: "12.0", UnitCount: "12", UnitTruth: "yes",
	} {
		if got := (Metric{Unit: unit}).Format(12); got != want {
			t.Errorf("12 %s: %q, want %q", unit, got, want)
		}
	}
}

// TestSentRateOfPhase: where messages are stored first, the rate of sending is
// that of storing, and not of the time in which they were delivered.
func TestSentRateOfPhase(t *testing.T) {
	m, _ := MetricNamed("sent_per_second")
	r := &Result{Plan: Plan{Shape: Offline}, Seconds: 0.001, Counts: Counts{Sent: 1000}}
	if v, known := m.Of(r); known {
		t.Errorf("without phases it is %v", v)
	}
	r.Phases = []Phase{{Name: "queue", Count: 1000, Seconds: 2}, {Name: "drain", Count: 1000, Seconds: 0.001}}
	if v, known := m.Of(r); v != 500 || !known {
		t.Errorf("it is %v, %v", v, known)
	}
}
