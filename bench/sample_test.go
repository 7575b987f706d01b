package bench

import (
	"bytes"
	"errors"
	"flag"
	"io/fs"
	"os"
	"path/filepath"
	"testing"
	"time"

	"mqtk/mqttwire"
)

var update = flag.Bool("update", false, "write the golden files of testdata")

// golden compares got with a file of testdata.
func golden(t *testing.T, name string, got []byte) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *update {
		if err := os.WriteFile(path, got, 0o666); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want) {
		t.Errorf("%s is not what comes; go test -run %s -update writes it. It came:\n%s", path, t.Name(), got)
	}
}

// spread is a histogram of n durations around middle, one in a thousand of them
// far away.
func spread(n int64, middle time.Duration) *Histogram {
	var h Histogram
	for i := range int64(100) {
		h.Record(int64(middle)*(50+i)/100, n/100)
	}
	h.Record(12*int64(middle), n/1000)
	return &h
}

// sampleOf is a result of a shape, all well, with every figure that such a run
// has.
func sampleOf(shape Shape) *Result {
	r := &Result{
		Plan: Plan{
			Shape: shape, Publishers: 10, Subscribers: 10, Topics: 10, Topic: "bench/%r/%i", Version: mqttwire.V5, QoS: 1,
			SizeMin: 64, SizeMax: 64, Duration: 10 * time.Second, Warmup: time.Second, Rate: 2000, Window: 100,
			Workers: 1, Target: Target{Name: "mqtt://127.0.0.1:1883", Network: "tcp", Address: "127.0.0.1:1883"},
		},
		Started: time.Date(2026, 2, 3, 4, 5, 6, 0, time.UTC), Program: "1.2.3",
		Command:     []string{"mqtk", "bench", "--rate", "2000", "--expect", "p99<10ms"},
		Environment: Environment{OS: "linux", Arch: "amd64", CPUs: 4, CPUModel: "Some CPU", MemoryBytes: 8e9, Go: "go1.26"},
		Seconds:     10.0004,
		Connect:     spread(2000, 800*time.Microsecond),
		Connections: Connections{Wanted: 20, Opened: 20, Seconds: 0.0123, MaxOpen: 20},
		Generator:   Generator{Workers: 1, CPUSeconds: 0.0312, CPUOfThreads: true, Busy: 0.0161, Lag: spread(20_000, 21*time.Microsecond), Waiting: 0.002, RSS: 14_200_000},
	}
	if shape.sends() {
		r.Counts.Sent, r.Counts.Acknowledged, r.Counts.BytesSent = 20_000, 20_000, 20_000*64
		r.Acknowledge = spread(20_000, 150*time.Microsecond)
	}
	if shape.receives() {
		r.Counts.Expected, r.Counts.Delivered, r.Counts.BytesReceived = 20_000, 20_000, 20_000*64
		r.Latency, r.Service = spread(20_000, 210*time.Microsecond), spread(20_000, 180*time.Microsecond)
	}
	r.Series = []Point{
		{At: 1, Seconds: 1, Sent: 2000, Delivered: 1998, P50: 210 * time.Microsecond, P99: 315 * time.Microsecond, Max: 2520 * time.Microsecond, Connected: 20},
		{At: 2, Seconds: 1, Sent: 2000, Delivered: 2002, P50: 209 * time.Microsecond, P99: 314 * time.Microsecond, Max: 2 * time.Millisecond, Connected: 20},
		{At: 2.5, Seconds: 0.5, Sent: 0, Delivered: 0, Connected: 19},
	}
	return r
}
