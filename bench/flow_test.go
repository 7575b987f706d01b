package bench

import (
	"math/rand/v2"
	"slices"
	"testing"

	"mqtk/mqttwire"
)

// A plainFlow is a flow that remembers every number.
type plainFlow struct{ order []int64 }

func (f *plainFlow) receive(n int64) (fresh, late bool) {
	for _, m := range f.order {
		late = late || m > n
	}
	fresh = !slices.Contains(f.order, n)
	f.order = append(f.order, n)
	return fresh, late
}

func (f *plainFlow) lost(first, end int64, refused spans) (n int64) {
	highest := end
	for _, m := range f.order {
		highest = max(highest, m+1)
	}
	for m := first; m < highest; m++ {
		if !slices.Contains(f.order, m) && !refused.has(m) {
			n++
		}
	}
	return n
}

// disturb is the numbers from first to first+n-1 with losses, duplicates and
// exchanges.
func disturb(r *rand.Rand, first, n int64) (order []int64) {
	for i := range n {
		switch r.IntN(8) {
		case 0: // lost
		case 1:
			order = append(order, first+i, first+i)
		default:
			order = append(order, first+i)
		}
	}
	for range r.IntN(8) {
		if len(order) > 1 {
			i, j := r.IntN(len(order)), r.IntN(len(order))
			order[i], order[j] = order[j], order[i]
		}
	}
	return order
}

func TestFlowAgreesWithPlainOne(t *testing.T) {
	for seed := range uint64(2000) {
		r := rand.New(rand.NewPCG(seed, 1))
		first := int64(r.IntN(2)) * r.Int64N(100)
		f, plain := flow{first: first, next: first}, plainFlow{}
		n := r.Int64N(40)
		var refused spans
		for range r.IntN(6) {
			if m := first + r.Int64N(n+1); !refused.has(m) {
				refused.add(m)
			}
		}
		for _, m := range disturb(r, first, n) {
			fresh, late := f.receive(m)
			if wantFresh, wantLate := plain.receive(m); fresh != wantFresh || late != wantLate {
				t.Fatalf("seed %d: %d after %v: fresh %t, late %t; want %t, %t", seed, m, plain.order, fresh, late, wantFresh, wantLate)
			}
		}
		end := first + n + r.Int64N(4)
		if got, want := f.lost(end, refused), plain.lost(first, end, refused); got != want {
			t.Fatalf("seed %d: %v up to %d without %v: %d lost, want %d", seed, plain.order, end, refused, got, want)
		}
		if got := f.firstLost(end, refused); plain.lost(first, end, refused) > 0 && (slices.Contains(plain.order, got) || refused.has(got) || got < first || got >= max(end, f.next)) {
			t.Fatalf("seed %d: %v up to %d without %v: the first lost is said to be %d", seed, plain.order, end, refused, got)
		}
	}
}

// TestFlowBeginsInTheMiddle: where nobody knows how many were sent before, the
// flow begins with the lowest number seen.
func TestFlowBeginsInTheMiddle(t *testing.T) {
	f := flow{first: 100, next: 100}
	for _, step := range []struct {
		n           int64
		fresh, late bool
	}{{100, true, false}, {98, true, true}, {98, false, true}, {101, true, false}, {95, true, true}, {96, true, true}, {101, false, false}} {
		if fresh, late := f.receive(step.n); fresh != step.fresh || late != step.late {
			t.Errorf("%d: fresh %t, late %t", step.n, fresh, late)
		}
	}
	if f.first != 95 || !slices.Equal(f.missing, spans{{97, 98}, {99, 100}}) || f.lost(103, nil) != 3 {
		t.Errorf("%+v", f)
	}
}

func TestSpansAgreeWithSet(t *testing.T) {
	for seed := range uint64(500) {
		r := rand.New(rand.NewPCG(seed, 2))
		var s spans
		set := map[int64]bool{}
		for range 200 {
			n := r.Int64N(40)
			if s.has(n) != set[n] {
				t.Fatalf("seed %d: %v has %d: %t", seed, s, n, s.has(n))
			}
			if set[n] {
				if !s.remove(n) || s.remove(n) {
					t.Fatalf("seed %d: %v and %d", seed, s, n)
				}
				delete(set, n)
			} else {
				s.add(n)
				set[n] = true
			}
			checkSpans(t, s, set)
		}
	}
}

func checkSpans(t *testing.T, s spans, set map[int64]bool) {
	t.Helper()
	if s.count() != int64(len(set)) {
		t.Fatalf("%v has %d numbers, want %d", s, s.count(), len(set))
	}
	below := int64(0)
	for n := range set {
		if n < 20 {
			below++
		}
	}
	if s.below(20) != below {
		t.Fatalf("%v has %d numbers below 20, want %d", s, s.below(20), below)
	}
	for i, x := range s {
		if x.first >= x.end || i > 0 && s[i-1].end >= x.first {
			t.Fatalf("%v is not in order", s)
		}
	}
}

func TestFlowDoesNotAllocate(t *testing.T) {
	f := flow{}
	n := int64(0)
	if a := testing.AllocsPerRun(1000, func() { f.receive(n); n++ }); a != 0 {
		t.Errorf("%v allocations for a message in order", a)
	}
}

// TestBooksAreClosed: once the sums are being made, what still comes changes none.
func TestBooksAreClosed(t *testing.T) {
	w := &worker{booksClosed: true, phase: &phase{name: phaseListen}}
	payload := make([]byte, HeaderSize)
	if s := (&subscriber{w: w}); s.judge(0, payload) || w.tally.Counts != (Counts{}) {
		t.Errorf("a subscriber counted %+v", w.tally.Counts)
	}
	if x := (&collector{w: w}); x.judge(&mqttwire.Publish{Payload: payload}) || w.tally.Counts != (Counts{}) {
		t.Errorf("a collector counted %+v", w.tally.Counts)
	}
	p := &publisher{w: w, flights: []flight{{stage: byte(mqttwire.PUBACK)}}}
	if p.acknowledged(&mqttwire.Ack{Kind: mqttwire.PUBACK, PacketID: 1}); w.tally.Counts != (Counts{}) || p.flights[0].stage == 0 {
		t.Errorf("a publisher counted %+v", w.tally.Counts)
	}
}
