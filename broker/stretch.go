package broker

import (
	"slices"
	"sort"
)

// stretch is the part of a queue that the Store alone has: the numbers of its
// deliveries, in order. They are mostly contiguous, so that a million of them
// are a handful of spans. Guarded by the session's mutex.
type stretch struct {
	spans []span
	count int
	bytes int64 // of the messages; about, for those of an earlier process
}

// span is the numbers from first to last.
type span struct{ first, last uint64 }

// add appends a delivery, which is newer than all others.
func (t *stretch) add(sequence uint64, size int) { t.extend(span{sequence, sequence}, int64(size)) }

// extend appends deliveries that are newer than all others.
func (t *stretch) extend(s span, bytes int64) {
	t.count += int(s.last - s.first + 1)
	t.bytes += bytes
	if n := len(t.spans); n > 0 && t.spans[n-1].last+1 == s.first {
		t.spans[n-1].last = s.last
		return
	}
	t.spans = append(t.spans, s)
}

// payload is the bytes of the messages alone.
func (t *stretch) payload() int { return int(t.bytes) - storedOverhead*t.count }

// first is the oldest number, 0 for none.
func (t *stretch) first() uint64 {
	if t.count == 0 {
		return 0
	}
	return t.spans[0].first
}

// insert adds a delivery that is not the newest.
func (t *stretch) insert(sequence uint64, size int) {
	t.count++
	t.bytes += int64(size)
	i := t.search(sequence)
	t.spans = slices.Insert(t.spans, i, span{sequence, sequence})
	if i > 0 && t.spans[i-1].last+1 == sequence {
		t.spans[i-1].last = sequence
		t.spans = slices.Delete(t.spans, i, i+1)
		i--
	}
	if i+1 < len(t.spans) && t.spans[i].last+1 == t.spans[i+1].first {
		t.spans[i].last = t.spans[i+1].last
		t.spans = slices.Delete(t.spans, i+1, i+2)
	}
}

// front returns the oldest numbers, at most n.
func (t *stretch) front(n int) []uint64 { return t.after(0, n) }

// after returns the oldest numbers above one, at most n.
func (t *stretch) after(sequence uint64, n int) []uint64 {
	found := make([]uint64, 0, min(n, t.count))
	for _, s := range t.spans[t.search(sequence+1):] {
		for number := max(s.first, sequence+1); number <= s.last; number++ {
			if len(found) == n {
				return found
			}
			found = append(found, number)
		}
	}
	return found
}

// search returns the place of the first span that ends at or above a number.
func (t *stretch) search(sequence uint64) int {
	return sort.Search(len(t.spans), func(i int) bool { return t.spans[i].last >= sequence })
}

func (t *stretch) has(sequence uint64) bool {
	i := t.search(sequence)
	return i < len(t.spans) && t.spans[i].first <= sequence
}

// remove takes a delivery out and says whether it was in.
func (t *stretch) remove(sequence uint64, size int) bool {
	if !t.has(sequence) {
		return false
	}
	i := t.search(sequence)
	s := &t.spans[i]
	t.count--
	t.bytes = max(t.bytes-int64(size), 0)
	switch {
	case s.first == s.last:
		t.spans = append(t.spans[:i], t.spans[i+1:]...)
	case s.first == sequence:
		s.first++
	case s.last == sequence:
		s.last--
	default:
		rest := span{sequence + 1, s.last}
		s.last = sequence - 1
		t.spans = append(t.spans, span{})
		copy(t.spans[i+2:], t.spans[i+1:])
		t.spans[i+1] = rest
	}
	if t.count == 0 {
		*t = stretch{}
	}
	return true
}
