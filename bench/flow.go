package bench

import "slices"

// A span is the numbers from first up to and without end.
type span struct{ first, end int64 }

// spans are numbers in rising spans that do not touch.
type spans []span

// find is the index of the first span that ends behind n.
func (s spans) find(n int64) int {
	i, _ := slices.BinarySearchFunc(s, n, func(x span, n int64) int {
		if x.end <= n {
			return -1
		}
		return 1
	})
	return i
}

func (s spans) has(n int64) bool {
	i := s.find(n)
	return i < len(s) && s[i].first <= n
}

// count is how many numbers there are.
func (s spans) count() (n int64) {
	for _, x := range s {
		n += x.end - x.first
	}
	return n
}

// without counts the numbers that are not in other.
func (s spans) without(other spans) (n int64) {
	for _, x := range s {
		n += x.end - x.first
		for _, o := range other[other.find(x.first):] {
			if o.first >= x.end {
				break
			}
			n -= min(o.end, x.end) - max(o.first, x.first)
		}
	}
	return n
}

// add puts n in, which is not there yet.
func (s *spans) add(n int64) {
	i := s.find(n)
	before, behind := i > 0 && (*s)[i-1].end == n, i < len(*s) && (*s)[i].first == n+1
	switch {
	case before && behind:
		(*s)[i-1].end = (*s)[i].end
		*s = slices.Delete(*s, i, i+1)
	case before:
		(*s)[i-1].end++
	case behind:
		(*s)[i].first--
	default:
		*s = slices.Insert(*s, i, span{n, n + 1})
	}
}

// remove takes n out, and tells whether it was there.
func (s *spans) remove(n int64) bool {
	i := s.find(n)
	if i == len(*s) || (*s)[i].first > n {
		return false
	}
	x := &(*s)[i]
	switch {
	case x.first == n && x.end == n+1:
		*s = slices.Delete(*s, i, i+1)
	case x.first == n:
		x.first++
	case x.end == n+1:
		x.end--
	default:
		rest := span{n + 1, x.end}
		x.end = n
		*s = slices.Insert(*s, i+1, rest)
	}
	return true
}

// A flow is what one receiver - a subscriber, or the members of a share together -
// has had of one publisher, whose messages are numbered from 0.
type flow struct {
	first   int64 // the number that the flow begins with
	next    int64 // one more than the highest received; first if there was none
	missing spans // numbers from first up to next that were not received
}

// receive notes the number n and tells whether it came for the first time, and
// whether a higher one has come before it.
func (f *flow) receive(n int64) (fresh, late bool) {
	if n == f.next {
		f.next++
		return true, false
	}
	if n > f.next {
		f.missing = append(f.missing, span{f.next, n})
		f.next = n + 1
		return true, false
	}
	if n < f.first { // where the flow begins is what came first
		if n+1 < f.first {
			f.missing = slices.Insert(f.missing, 0, span{n + 1, f.first})
		}
		f.first = n
		return true, true
	}
	return f.missing.remove(n), n < f.next-1
}

// lost counts the numbers up to end that were not received, without those that
// were refused.
func (f *flow) lost(end int64, refused spans) int64 {
	n := f.missing.without(refused)
	if end > f.next {
		n += spans{{f.next, end}}.without(refused)
	}
	return n
}
