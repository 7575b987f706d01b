package bench

import (
	"math/rand/v2"
	"testing"
	"time"
)

func TestPacerIsEven(t *testing.T) {
	p := newPacer(4000, 0, 3)
	for k, want := range []int64{0, 250_000, 500_000, 750_000} {
		if got := p.planned(int64(k)); got != want {
			t.Errorf("message %d at %d, want %d", k, got, want)
		}
	}
	if got := p.plannedOf(2, 5); got != p.planned(17) {
		t.Errorf("message 5 of publisher 2 of 3 at %d, want that of message 17", got)
	}
	if got := p.before(int64(time.Second)); got != 4000 {
		t.Errorf("%d messages in the first second, want 4000", got)
	}
}

// TestPacerRamps: in the ramp half as many messages are sent as at the full rate.
func TestPacerRamps(t *testing.T) {
	p := newPacer(1000, 4*time.Second, 1)
	for _, step := range []struct {
		at   time.Duration
		want int64
	}{{time.Second, 125}, {2 * time.Second, 500}, {4 * time.Second, 2000}, {5 * time.Second, 3000}} {
		if got := p.before(int64(step.at)); got < step.want-1 || got > step.want+1 {
			t.Errorf("%d messages in %v, want %d", got, step.at, step.want)
		}
	}
}

// TestPacerAgrees: before counts what planned plans, which never goes back.
func TestPacerAgrees(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 1))
	for range 300 {
		ramp := time.Duration(r.IntN(2)) * time.Duration(r.Int64N(int64(5*time.Second)))
		p := newPacer(minRate+r.ExpFloat64()*2000, ramp, 1)
		at := r.Int64N(int64(6 * time.Second))
		n := p.before(at)
		if n > 0 && p.planned(n-1) >= at || p.planned(n) < at {
			t.Fatalf("%+v: %d messages before %d; they are at %d and %d", p, n, at, p.planned(n-1), p.planned(n))
		}
		if k := r.Int64N(20_000); p.planned(k) > p.planned(k+1) {
			t.Fatalf("%+v: message %d at %d, the next at %d", p, k, p.planned(k), p.planned(k+1))
		}
	}
}

func TestShareOf(t *testing.T) {
	for _, n := range []int64{0, 1, 6, 7, 8, 1000} {
		sum := int64(0)
		for i := range uint32(7) {
			share := shareOf(n, i, 7)
			sum += share
			if share < n/7 || share > n/7+1 {
				t.Errorf("publisher %d of 7 has %d of %d messages", i, share, n)
			}
		}
		if sum != n {
			t.Errorf("7 publishers have %d of %d messages", sum, n)
		}
	}
}
