package commands

import (
	"math"
	"testing"
)

// TestRandomFilter: of many messages that share passes which was asked for, and
// with 100 each of them.
func TestRandomFilter(t *testing.T) {
	t.Parallel()
	for _, percent := range []string{"100", "50", "2.5%", "0.1"} {
		s := &subscriber{o: &subOptions{}}
		if err := toChance(&s.o.RandomFilter)(percent); err != nil {
			t.Fatal(err)
		}
		s.makeSieves()
		const n = 200_000
		passed := 0
		for range n {
			if s.sieves[0](nil) {
				passed++
			}
		}
		want := s.o.RandomFilter / 100 * n
		if percent == "100" && passed != n {
			t.Errorf("of %d messages %d passed --random-filter 100", n, passed)
		}
		if math.Abs(float64(passed)-want) > 6*math.Sqrt(want) {
			t.Errorf("of %d messages %d passed --random-filter %s", n, passed, percent)
		}
	}
}
