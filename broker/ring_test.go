package broker

import (
	"math/rand/v2"
	"slices"
	"testing"
)

// A ring is what a slice would be, and what left it is not held.
func TestRing(t *testing.T) {
	for _, most := range []int{1, 2, 7, 64, 3 * spareRing} {
		var r ring[*int]
		var model []*int
		for step := range 20_000 {
			growing := step/500%2 == 0
			switch n := rand.IntN(8); {
			case len(model) > 0 && (n < 3 || len(model) == most || !growing && n < 6):
				r.pop()
				model = model[1:]
			case len(model) >= most:
			case n == 7:
				model = slices.Insert(model, 0, new(int))
				*r.unshift() = model[0]
			default:
				model = append(model, new(int))
				*r.push() = model[len(model)-1]
			}
			if rand.IntN(300) == 0 {
				goes := make(map[*int]bool)
				for _, e := range model {
					goes[e] = rand.IntN(2) == 0
				}
				r.filter(func(e **int) bool { return !goes[*e] })
				model = slices.DeleteFunc(model, func(e *int) bool { return goes[e] })
			}
			if r.len() != len(model) {
				t.Fatalf("at most %d: %d entries after %d steps, want %d", most, r.len(), step, len(model))
			}
			for i, want := range model {
				if *r.at(i) != want {
					t.Fatalf("at most %d: after %d steps entry %d of %d is another", most, step, i, len(model))
				}
			}
			held := len(r.array)
			for _, e := range r.array {
				if e == nil {
					held--
				}
			}
			if held != len(model) || len(model) == 0 && len(r.array) > spareRing {
				t.Fatalf("at most %d: after %d steps an array of %d holds %d of %d", most, step, len(r.array), held, len(model))
			}
		}
	}
}
