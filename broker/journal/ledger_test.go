package journal

import (
	"maps"
	"math/rand/v2"
	"slices"
	"testing"
)

// TestLedger compares ledgers with maps through histories in which numbers come
// nearly in order and things end in the order of their numbers, at random, or
// nearly all.
func TestLedger(t *testing.T) {
	for seed := range uint64(24) {
		random := rand.New(rand.NewPCG(seed, 7))
		var l ledger
		model := map[uint64]place{}
		next := uint64(1)
		spread := uint64(1 + random.IntN(40))
		ends := random.IntN(4)
		for step := range 30_000 {
			switch roll := random.IntN(10); {
			case roll < 5:
				number := next + random.Uint64N(spread)
				at := place(1 + random.Uint64N(1<<50))
				if was := l.put(number, at); was != model[number] {
					t.Fatalf("seed %d, step %d: put(%d) says %d, the model %d", seed, step, number, was, model[number])
				}
				model[number] = at
				next++
			case roll < 5+ends+step/15_000*3:
				number := pickNumber(random, &l, next)
				if was := l.kill(number); was != model[number] {
					t.Fatalf("seed %d, step %d: kill(%d) says %d, the model %d", seed, step, number, was, model[number])
				}
				delete(model, number)
			default:
				number := random.Uint64N(next + 10)
				if at := l.get(number); at != model[number] {
					t.Fatalf("seed %d, step %d: get(%d) says %d, the model %d", seed, step, number, at, model[number])
				}
			}
			if step%5_000 == 0 {
				l.clip()
			}
		}
		compareLedger(t, &l, model)
	}
}

func pickNumber(random *rand.Rand, l *ledger, next uint64) uint64 {
	if random.IntN(2) == 0 {
		for number := range l.all {
			return number
		}
	}
	return random.Uint64N(next + 5)
}

func compareLedger(t *testing.T, l *ledger, model map[uint64]place) {
	t.Helper()
	if l.count != len(model) {
		t.Fatalf("%d alive, the model has %d", l.count, len(model))
	}
	var numbers []uint64
	for number, at := range l.all {
		numbers = append(numbers, number)
		if model[number] != at {
			t.Fatalf("%d is at %d, the model says %d", number, at, model[number])
		}
	}
	if want := slices.Sorted(maps.Keys(model)); !slices.Equal(numbers, want) {
		t.Fatalf("numbers %v, the model has %v", numbers, want)
	}
	entries := 0
	for _, p := range l.pages {
		entries += len(p.entries)
		if len(p.entries) > 2*pageSize {
			t.Fatalf("a page of %d", len(p.entries))
		}
	}
	if entries > 2*len(model)+64*len(l.pages) {
		t.Errorf("%d entries in %d pages for %d that are alive", entries, len(l.pages), len(model))
	}
}

// TestLedgerShrinks: of a million things a few thousand remain, anywhere.
func TestLedgerShrinks(t *testing.T) {
	var l ledger
	const n = 1 << 20
	for number := uint64(1); number <= n; number++ {
		l.put(number, place(number))
	}
	for number := uint64(1); number <= n; number++ {
		if number%512 != 0 {
			l.kill(number)
		}
	}
	if bytes := ledgerBytes(&l); l.count != n/512 || bytes > 16*8*l.count {
		t.Errorf("%d alive in %d bytes", l.count, bytes)
	}
}

func ledgerBytes(l *ledger) (n int) {
	for _, p := range l.pages {
		n += 16*cap(p.entries) + 32
	}
	return n
}

// TestLedgerEarly: what ended before it came is refused, once, and remembered
// in bounded room.
func TestLedgerEarly(t *testing.T) {
	var l ledger
	for _, n := range []uint64{9, 3, 7, 3} {
		l.expect(n)
	}
	if !slices.Equal(l.early, []uint64{3, 7, 9}) {
		t.Fatalf("remembers %v", l.early)
	}
	if !l.expected(7) || !l.refuse(7) || l.refuse(7) || l.refuse(8) {
		t.Error("7 ended early, 8 did not")
	}
	for n := uint64(10); n < 3*mostEarly; n++ {
		l.expect(n)
	}
	if len(l.early) != mostEarly || l.early[mostEarly-1] != 3*mostEarly-1 || !slices.IsSorted(l.early) {
		t.Errorf("remembers %d up to %d", len(l.early), l.early[len(l.early)-1])
	}
}

// BenchmarkLedger is a put and a kill of a queue of 100,000.
func BenchmarkLedger(b *testing.B) {
	var l ledger
	const n = 100_000
	for number := range uint64(n) {
		l.put(number, 1)
	}
	b.ReportAllocs()
	number := uint64(n)
	for b.Loop() {
		l.put(number, 1)
		l.kill(number - n)
		number++
	}
}
