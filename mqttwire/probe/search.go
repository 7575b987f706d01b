package probe

import "context"

// found is what a search for the largest number that works has come to.
type found struct {
	low  int    // the largest that worked; 0: none
	high int    // the smallest that did not; 0: none
	why  string // high did not
	err  error  // that ended it early
}

// search climbs the ladder to the first number that does not work, and then
// halves what is between. coarse ends that, beyond 64 KiB, where high is within
// a 256th.
func search(ctx context.Context, ladder []int, coarse bool, works func(n int) (why string, err error)) (f found) {
	try := func(n int) bool {
		why, err := works(n)
		switch {
		case err != nil:
			f.err = err
		case ctx.Err() != nil:
			f.err = context.Cause(ctx)
		case why != "":
			f.high, f.why = n, why
		default:
			f.low = n
		}
		return f.err == nil
	}
	for _, n := range ladder {
		if !try(n) {
			return f
		}
		if f.high != 0 {
			break
		}
	}
	for f.high > f.low+1 && f.low > 0 {
		if coarse && f.low > 64<<10 && f.high-f.low <= f.low/256 || !try(f.low+(f.high-f.low)/2) {
			break
		}
	}
	return f
}

// fact is what a search has shown; most is the largest number that there can be.
func (f found) fact(most int, unit unit) Fact {
	fact := Fact{Value: f.low, unit: unit}
	switch {
	case f.low == 0 && f.err != nil:
		return Fact{Note: describe(f.err)}
	case f.low == 0:
		return Fact{Note: unit.text(f.high) + ": " + f.why}
	case f.high == 0 && f.low == most:
		fact.Note = "the most that there can be"
	case f.high == 0 && f.err == nil:
		fact.AtLeast = true
		fact.Note = "no more was tried"
	case f.high == 0:
		fact.AtLeast = true
		fact.Note = describe(f.err)
	case f.high == f.low+1:
		fact.Note = "beyond: " + f.why
	default:
		fact.AtLeast = true
		fact.Note = unit.text(f.high) + ": " + f.why
	}
	return fact
}
