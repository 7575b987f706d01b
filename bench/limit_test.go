package bench

import (
	"strings"
	"testing"
	"time"

	"mqtk/bench/loop"
)

func histogramOf(d time.Duration) *Histogram {
	h := &Histogram{}
	h.Record(int64(d), 1000)
	return h
}

// TestLimit: at which point the generator says that it was the limit, and what it
// says then.
func TestLimit(t *testing.T) {
	for _, test := range []struct {
		g       Generator
		latency time.Duration
		want    string // in the sentence; empty: it was not
	}{
		{Generator{Workers: 2, Busy: .5}, time.Second, ""},
		{Generator{Workers: 2, Busy: .94, Waiting: .5}, time.Second, ""},
		{Generator{Workers: 2, Busy: .97, Waiting: .01}, time.Second, "its busiest thread of 2 was at work for 97% of the time"},
		{Generator{Workers: 1, Busy: .97, Waiting: .5}, time.Second, "they waited for a CPU for 50% of it"},
		{Generator{Lag: histogramOf(900 * time.Microsecond), Busy: .99, Waiting: -1}, time.Millisecond, ""},
		{Generator{Lag: histogramOf(9 * time.Millisecond), Busy: .2, Waiting: .1}, 100 * time.Millisecond, ""},
		{Generator{Lag: histogramOf(2 * time.Millisecond), Busy: .2, Waiting: .1}, 10 * time.Millisecond, "2.00 ms or more after its time"},
		{Generator{Lag: histogramOf(20 * time.Millisecond), Busy: .999, Waiting: -1}, 100 * time.Millisecond, "at work for 99.9% of the time"},
		{Generator{Lag: histogramOf(20 * time.Millisecond), Busy: .3, Waiting: .4}, 100 * time.Millisecond, "at work for 30% of the time, and they waited for a CPU for 40% of it"},
		{Generator{Lag: histogramOf(20 * time.Microsecond), Busy: .3, Waiting: .4}, 100 * time.Millisecond, "threads waited for a CPU for 40% of the time"},
	} {
		var why string
		if test.g.Lag != nil {
			why = test.g.limitOpen(histogramOf(test.latency))
		} else {
			why = test.g.limitClosed()
		}
		if test.want == "" && why != "" || !strings.Contains(why, test.want) {
			t.Errorf("%+v: %q", test.g, why)
		}
	}
}

// TestGeneratorReadsItsLoops: the busiest counts, and what one loop does not know
// nobody knows.
func TestGeneratorReadsItsLoops(t *testing.T) {
	usages := []usageSpan{
		{100, loop.Usage{Asleep: 90, CPU: 10e9, Waiting: 1}},
		{100, loop.Usage{Asleep: 40, CPU: 20e9, Waiting: 9}},
	}
	g := Generator{CPUSeconds: 99, Waiting: -1}
	g.read(usages, true)
	if g.Busy != .6 || g.Waiting != .05 || !g.CPUOfThreads || g.CPUSeconds != 30 {
		t.Errorf("%+v", g)
	}
	usages[0].CPU, usages[1].Waiting = -1, -1
	g = Generator{CPUSeconds: 99, Waiting: -1}
	g.read(usages, true)
	if g.Waiting >= 0 || g.CPUOfThreads || g.CPUSeconds != 99 {
		t.Errorf("%+v", g)
	}
}
