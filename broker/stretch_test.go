package broker

import (
	"math/rand/v2"
	"slices"
	"testing"
)

// TestStretchAgainstASet does the same to a stretch and to a sorted list.
func TestStretchAgainstASet(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for range 200 {
		var s stretch
		var want []uint64
		next := uint64(1)
		for range 300 {
			switch number := 1 + r.Uint64N(next+3); r.IntN(5) {
			case 0, 1:
				next += 1 + r.Uint64N(8)/7
				s.add(next, 1)
				want = append(want, next)
			case 2:
				if place, in := slices.BinarySearch(want, number); !in {
					s.insert(number, 1)
					want = slices.Insert(want, place, number)
					next = max(next, number)
				}
			default:
				place, in := slices.BinarySearch(want, number)
				if s.remove(number, 1) != in {
					t.Fatalf("%d is taken out of %v: %v", number, want, !in)
				}
				if in {
					want = slices.Delete(want, place, place+1)
				}
			}
			if got := s.front(1000); !slices.Equal(got, want) || s.count != len(want) || s.bytes != int64(len(want)) {
				t.Fatalf("the stretch holds %v (%d, %d bytes), and not %v", got, s.count, s.bytes, want)
			}
			after := r.Uint64N(next + 2)
			place, _ := slices.BinarySearch(want, after+1)
			if got := s.after(after, 3); !slices.Equal(got, want[place:min(place+3, len(want))]) {
				t.Fatalf("after %d come %v in %v", after, got, want)
			}
			for i := 1; i < len(s.spans); i++ {
				if s.spans[i-1].last+1 >= s.spans[i].first {
					t.Fatalf("spans %v are not apart", s.spans)
				}
			}
		}
	}
}
