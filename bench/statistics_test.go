package bench

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"
)

// TestRatioHoldsTruth simulates comparisons whose true factor is known, and
// counts how often the interval holds it.
func TestRatioHoldsTruth(t *testing.T) {
	const truth, comparisons = 1.25, 500
	random := rand.New(rand.NewPCG(7, 11))
	lognormal := func(sigma float64) func() float64 {
		return func() float64 { return math.Exp(sigma * random.NormFloat64()) }
	}
	outliers := func(share, factor float64) func() float64 {
		return func() float64 {
			v := math.Exp(0.02 * random.NormFloat64())
			if random.Float64() < share {
				v *= factor
			}
			return v
		}
	}
	oneSided := func() float64 { return math.Exp(0.05 * random.ExpFloat64()) }
	for _, noise := range []struct {
		name string
		a, b func() float64
	}{
		{"lognormal", lognormal(0.05), lognormal(0.05)},
		{"B noisier", lognormal(0.01), lognormal(0.05)},
		{"A noisier", lognormal(0.05), lognormal(0.01)},
		{"outliers in 1 of 10", outliers(0.1, 1.5), outliers(0.1, 1.5)},
		{"outliers in 1 of 5", outliers(0.2, 1.5), outliers(0.2, 1.5)},
		{"falls in 1 of 5", outliers(0.2, 1/1.5), outliers(0.2, 1/1.5)},
		{"one-sided", oneSided, oneSided},
	} {
		for _, size := range [][2]int{{3, 3}, {3, 4}, {4, 4}, {3, 5}, {5, 5}, {3, 20}, {20, 3}, {8, 8}, {5, 20}, {20, 20}} {
			held := 0
			for range comparisons {
				a, b := draw(size[0], 1, noise.a), draw(size[1], truth, noise.b)
				ratio, low, high := Ratio(a, b)
				if !(low <= ratio && ratio <= high) {
					t.Fatalf("the ratio %g is not from %g to %g", ratio, low, high)
				}
				if low <= truth && truth <= high {
					held++
				}
			}
			// 93.5 % less three standard deviations of the count itself
			if share := float64(held) / comparisons; share < 0.902 {
				t.Errorf("%s, %d against %d values: %.1f %% of the intervals hold the truth", noise.name, size[0], size[1], 100*share)
			}
		}
	}
}

func draw(n int, scale float64, value func() float64) []float64 {
	values := make([]float64, n)
	for i := range values {
		values[i] = scale * value()
	}
	return values
}

// TestRatioIsNarrow: an interval that holds everything would be honest, too.
func TestRatioIsNarrow(t *testing.T) {
	for _, test := range []struct {
		a, b      []float64
		low, high float64 // bounds of the interval
	}{
		{[]float64{100, 101, 102}, []float64{90, 91, 92}, 0.87, 0.93},
		{[]float64{100, 101, 102, 103, 104}, []float64{110, 111, 112, 113, 114}, 1.05, 1.15},
		{[]float64{100, 101, 102, 103, 104, 105, 106, 107, 108, 300}, []float64{110, 111, 112, 113, 114, 115, 116, 117, 118, 30}, 1.03, 1.15}, // an outlier each
	} {
		ratio, low, high := Ratio(test.a, test.b)
		if low < test.low || high > test.high || low > high || ratio < low || ratio > high {
			t.Errorf("%v to %v: %g, from %g to %g", test.a, test.b, ratio, low, high)
		}
	}
}

func TestRatioCannotTell(t *testing.T) {
	for _, test := range []struct{ a, b []float64 }{
		{nil, nil},
		{[]float64{1}, nil},
		{[]float64{1, 2}, []float64{1, 2, 3, 4, 5}},
		{[]float64{1, 2, 3, 4}, []float64{5}},
		{[]float64{1, 2, 3}, []float64{1, 0, 3}},
		{[]float64{1, 2, 3}, []float64{1, -1, 3}},
		{[]float64{1, math.NaN(), 3}, []float64{1, 2, 3}},
		{[]float64{1, math.Inf(1), 3}, []float64{1, 2, 3}},
	} {
		if ratio, low, high := Ratio(test.a, test.b); low != 0 || !math.IsInf(high, 1) {
			t.Errorf("%v to %v: %g, from %g to %g", test.a, test.b, ratio, low, high)
		}
	}
	if ratio, _, _ := Ratio([]float64{4}, []float64{6}); math.Abs(ratio-1.5) > 1e-9 {
		t.Errorf("the ratio of single values is %g", ratio)
	}
	same := []float64{7, 7, 7}
	if ratio, low, high := Ratio(same, same); ratio != 1 || low != 1 || high != 1 {
		t.Errorf("what is the same has the ratio %g, from %g to %g", ratio, low, high)
	}
}

// TestRatioTurned: what B is to A says what A is to B.
func TestRatioTurned(t *testing.T) {
	random := rand.New(rand.NewPCG(3, 5))
	for range 200 {
		a := draw(3+random.IntN(10), 1, func() float64 { return math.Exp(random.NormFloat64()) })
		b := draw(3+random.IntN(10), 1, func() float64 { return math.Exp(random.NormFloat64()) })
		ratio, low, high := Ratio(a, b)
		back, from, to := Ratio(b, a)
		if math.Abs(ratio*back-1) > 1e-9 || math.Abs(low*to-1) > 1e-9 || math.Abs(high*from-1) > 1e-9 {
			t.Fatalf("%g (%g to %g), turned %g (%g to %g)", ratio, low, high, back, from, to)
		}
	}
}

// TestCriticalU: against the tables of the Mann-Whitney test (two-sided, 5 %),
// which give the greatest U that is significant: one less.
func TestCriticalU(t *testing.T) {
	for _, test := range []struct{ m, n, u int }{
		{3, 5, 0}, {3, 10, 3}, {4, 4, 0}, {5, 5, 2}, {5, 10, 8}, {7, 7, 8}, {8, 8, 13}, {10, 10, 23}, {10, 20, 55}, {15, 15, 64}, {20, 20, 127},
	} {
		if k := criticalU(test.m, test.n); k != test.u+1 {
			t.Errorf("%d and %d: %d, want %d", test.m, test.n, k, test.u+1)
		}
		if k := criticalU(test.n, test.m); k != test.u+1 {
			t.Errorf("%d and %d: %d, want %d", test.n, test.m, k, test.u+1)
		}
	}
	for _, few := range [][2]int{{3, 3}, {3, 4}, {4, 3}} {
		if k := criticalU(few[0], few[1]); k != 0 {
			t.Errorf("%v: %d", few, k)
		}
	}
	exact, near := criticalU(50, 50), criticalU(50, 51)
	if near < exact || near > exact+40 {
		t.Errorf("50 and 50 have %d, 50 and 51 about %d", exact, near)
	}
}

func TestStudentT(t *testing.T) {
	for freedom, want := range map[float64]float64{2: 4.3027, 3: 3.1824, 4: 2.7764, 5: 2.5706, 10: 2.2281, 38: 2.0244} {
		if got := studentT(freedom); math.Abs(got/want-1) > 0.01 {
			t.Errorf("%g degrees of freedom: %g, want %g", freedom, got, want)
		}
	}
}

func ExampleRatio() {
	before := []float64{81_200, 80_700, 82_100, 80_900, 81_600}
	after := []float64{88_900, 89_600, 88_200, 90_100, 89_300}
	ratio, low, high := Ratio(before, after)
	fmt.Printf("%.3f (%.3f to %.3f)\n", ratio, low, high)
	// Output: 1.098 (1.083 to 1.110)
}
