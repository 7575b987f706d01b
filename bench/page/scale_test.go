package page

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"mqtk/bench"
)

// TestAxes: an axis has all values in it, few ticks in order, and no two names
// are the same.
func TestAxes(t *testing.T) {
	random := rand.New(rand.NewPCG(3, 4))
	for range 5000 {
		low := math.Pow(10, 14*random.Float64()-5)
		high := low * math.Pow(10, 6*random.Float64())
		for name, a := range map[string]axis{
			"from zero": fromZero("", high, 2+random.IntN(5), shortCount),
			"decades":   decades("", low, high, shortTime),
			"times":     times("", low, high),
			"seconds":   seconds(high),
		} {
			if a.at(high) <= 0 || a.at(high) > 1 || a.high < high*(1-1e-9) || a.low > low*(1+1e-9) {
				t.Fatalf("%s of %g to %g: from %g to %g", name, low, high, a.low, a.high)
			}
			if len(a.ticks) > 31 || len(a.ticks) < 1 {
				t.Fatalf("%s of %g to %g: %d ticks", name, low, high, len(a.ticks))
			}
			for i, tick := range a.ticks[1:] {
				if last := a.ticks[i]; tick.value <= last.value || a.at(tick.value) <= a.at(last.value) || tick.label != "" && tick.label == last.label {
					t.Fatalf("%s of %g to %g: %+v after %+v", name, low, high, tick, last)
				}
			}
		}
	}
}

func TestScale(t *testing.T) {
	for _, test := range []struct {
		s       scale
		v, want float64
	}{
		{scale{0, 10, false}, 5, 0.5},
		{scale{0, 10, false}, 11, 1},
		{scale{0, 10, false}, -1, 0},
		{scale{1, 100, true}, 10, 0.5},
		{scale{1, 100, true}, 0, 0},
		{scale{3, 3, false}, 3, 0},
		{scale{0, 10, false}, math.NaN(), 0},
	} {
		if got := test.s.at(test.v); math.Abs(got-test.want) > 1e-12 {
			t.Errorf("%v of %+v is at %v, want %v", test.v, test.s, got, test.want)
		}
	}
}

func TestTickNames(t *testing.T) {
	for got, want := range map[string]string{
		shortCount(250_000): "250k", shortCount(1_500_000): "1.5M", shortCount(20): "20", shortCount(0.05): "0.05", shortCount(0): "0",
		shortTime(0.5): "500 ns", shortTime(20): "20 µs", shortTime(2000): "2 ms", shortTime(5e6): "5 s", shortBytes(5e6): "5 MB",
	} {
		if got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
	if a := seconds(3 * 3600); a.ticks[1].label != "0:30" || a.title != "measured time, hours:minutes" {
		t.Errorf("three hours: %+v", a)
	}
}

// TestCondense: what is put together is all that there was.
func TestCondense(t *testing.T) {
	for _, n := range []int{0, 1, 2, 239, 240, 241, 1000, 10_801} {
		var series []bench.Point
		var sent int64
		var longest time.Duration
		for i := range n {
			p := bench.Point{At: float64(i + 1), Seconds: 1, Sent: int64(i), Max: time.Duration(i % 97), BrokerCPU: 0.5, Connected: i}
			if i == n-1 && n > 1 {
				p.At, p.Seconds = float64(i)+0.1, 0.1
			}
			sent, longest = sent+p.Sent, max(longest, p.Max)
			series = append(series, p)
		}
		got := condense(series)
		if n > 0 && (len(got) == 0 || got[len(got)-1].At != series[n-1].At || got[len(got)-1].Connected != n-1) || len(got) > mostPoints {
			t.Fatalf("%d points became %d", n, len(got))
		}
		for _, p := range got {
			sent -= p.Sent
			if p.Max == longest {
				longest = 0
			}
			if math.Abs(p.BrokerCPU-0.5) > 1e-9 {
				t.Errorf("the mean of 0.5 CPUs is %v", p.BrokerCPU)
			}
		}
		if sent != 0 || longest != 0 {
			t.Errorf("of %d points %d messages are missing, and the longest time of %d", n, sent, longest)
		}
	}
}

// TestPath: a curve has a piece for each run of values, and none for a gap.
func TestPath(t *testing.T) {
	c := &chart{height: 100, x: axis{scale: scale{0, 4, false}}, y: axis{scale: scale{0, 10, false}}}
	points := []point{{0, 0}, {1, 10}, {2, none}, {3, 5}, {4, none}}
	if got, want := c.path(points, false), markup("M0.0 100.0L250.0 0.0M750.0 50.0"); got != want {
		t.Errorf("%s, want %s", got, want)
	}
	if got, want := c.path(points, true), markup("M0.0 100.0L0.0 100.0L250.0 0.0L250.0 100.0ZM750.0 100.0L750.0 50.0L750.0 100.0Z"); got != want {
		t.Errorf("%s, want %s", got, want)
	}
}

// TestHistory: curves are broken between runs; means last for their second, and
// states are those of its end.
func TestHistory(t *testing.T) {
	v := newView(&bench.Result{Runs: []*bench.Result{{Seconds: 2}, {Seconds: 1}}})
	h := &history{view: v, points: []bench.Point{{At: 1, Seconds: 1, Sent: 1}, {At: 2, Seconds: 1, Sent: 2}, {At: 3, Seconds: 1, Sent: 3}}}
	sent := func(at bench.Point) float64 { return float64(at.Sent) }
	for name, test := range map[string]struct {
		got  line
		want []point
	}{
		"line":  {h.line("", first, sent), []point{{0.5, 1}, {1.5, 2}, {2, none}, {2.5, 3}}},
		"steps": {h.steps("", first, sent), []point{{0, 1}, {1, 1}, {1, 2}, {2, 2}, {2, none}, {2, 3}, {3, 3}}},
		"state": {h.state("", sent), []point{{1, 1}, {2, 2}, {2, none}, {3, 3}}},
	} {
		same := func(a, b point) bool { return a.x == b.x && (a.y == b.y || math.IsNaN(a.y) && math.IsNaN(b.y)) }
		if !slices.EqualFunc(test.got.points, test.want, same) {
			t.Errorf("%s: %v, want %v", name, test.got.points, test.want)
		}
	}
}
