package probe

import (
	"errors"
	"testing"
)

func TestSearch(t *testing.T) {
	trouble := errors.New("trouble")
	for _, test := range []struct {
		name   string
		limit  int // the largest that works
		fails  int // where there is an error instead; 0: nowhere
		coarse bool
		want   string
		note   string
	}{
		{"found exactly", 37, 0, false, "37", "beyond: no"},
		{"at a rung", 64, 0, false, "64", "beyond: no"},
		{"below a rung", 63, 0, false, "63", "beyond: no"},
		{"all of the ladder", 5000, 0, false, ">= 1024", "no more was tried"},
		{"the most there can be", 4096, 0, false, "4096", "the most that there can be"},
		{"nothing works", 7, 0, false, "unknown", "8: no"},
		{"trouble at once", 99, 8, false, "unknown", "trouble"},
		{"trouble on the way", 99, 128, false, ">= 64", "trouble"},
		{"small and coarse", 777, 0, true, "777", "beyond: no"},
		{"coarse", 777_777, 0, true, ">= 776458", "778504: no"},
	} {
		t.Run(test.name, func(t *testing.T) {
			ladder := []int{8, 64, 128, 1024}
			if test.limit > 100_000 {
				ladder = []int{1024, 1 << 20}
			}
			if test.limit == 4096 {
				ladder = append(ladder, 4096)
			}
			tried := 0
			f := search(t.Context(), ladder, test.coarse, func(n int) (string, error) {
				tried++
				switch {
				case n == test.fails:
					return "", trouble
				case n > test.limit:
					return "no", nil
				}
				return "", nil
			}).fact(4096, plain)
			if f.String() != test.want || f.Note != test.note {
				t.Errorf("got %s (%s), want %s (%s)", f, f.Note, test.want, test.note)
			}
			if tried > 20 {
				t.Errorf("tried %d times", tried)
			}
		})
	}
}

// A PUBLISH of each size is of that size, or of the next smaller one that there is.
func TestPayloadSize(t *testing.T) {
	a := &asker{version: 5, qos: 1}
	for n := 20; n < 70_000; n += 1 + n/50 {
		if got := packetSize(t, a, payloadSize(a, "a/topic", n)); got != n && got != n-1 {
			t.Errorf("for %d: %d", n, got)
		}
	}
}

func packetSize(t *testing.T, a *asker, payload int) int {
	t.Helper()
	b, err := echoed(a, "a/topic", payload).Append(nil, a.version)
	if err != nil {
		t.Fatal(err)
	}
	return len(b)
}
