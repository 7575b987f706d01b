package topictree

import "slices"

// hints are four bytes of each of many strings that are in order, from where
// they begin to differ. A search looks at them first, side by side in memory as
// they are, and at hardly any of the strings.
type hints struct {
	skip  int // bytes that all strings have in common, or fewer
	heads []uint32
}

// head is the number that the bytes of s behind skip begin with.
func head[S string | []byte](s S, skip int) (n uint32) {
	if len(s) >= skip+4 {
		s = s[skip : skip+4]
		return uint32(s[0])<<24 | uint32(s[1])<<16 | uint32(s[2])<<8 | uint32(s[3])
	}
	for i := skip; i < skip+4; i++ {
		n <<= 8
		if i < len(s) {
			n |= uint32(s[i])
		}
	}
	return n
}

// common is how many bytes a and b begin with alike.
func common[A, B string | []byte](a A, b B) (n int) {
	for most := min(len(a), len(b)); n < most && a[n] == b[n]; {
		n++
	}
	return n
}

// narrow returns the range in which key has its place: strings before low are
// less, strings from high on greater. first is the first of all strings.
func narrow[S string | []byte](h *hints, key string, first S) (low, high int) {
	n := min(h.skip, len(key))
	if begin := string(first[:n]); key[:n] != begin {
		if key[:n] < begin {
			return 0, 0
		}
		return len(h.heads), len(h.heads)
	}
	if n < h.skip {
		return 0, 0
	}
	want := head(key, h.skip)
	low, high = 0, len(h.heads)
	for low < high {
		middle := int(uint(low+high) >> 1)
		if h.heads[middle] < want {
			low = middle + 1
		} else {
			high = middle
		}
	}
	for high < len(h.heads) && h.heads[high] == want {
		high++
	}
	return low, high
}

// renew makes the hints of n strings.
func renew[S string | []byte](h *hints, n int, at func(int) S) {
	h.skip, h.heads = 0, h.heads[:0]
	if n == 0 {
		return
	}
	if cap(h.heads) < n {
		h.heads = make([]uint32, 0, n+n/8)
	}
	h.skip = common(at(0), at(n-1))
	for i := range n {
		h.heads = append(h.heads, head(at(i), h.skip))
	}
}

// insert is told that s is string i now.
func insert[S string | []byte](h *hints, i int, s S, at func(int) S) {
	n, other := len(h.heads)+1, 0
	if i == 0 {
		other = n - 1
	}
	if n == 1 || common(s, at(other)) < h.skip {
		renew(h, n, at)
		return
	}
	h.heads = slices.Insert(h.heads, i, head(s, h.skip))
}

// lows are where neighbouring ranges begin. Everything is above the first one.
type lows struct {
	texts []string
	hints hints // of all but the first, which may be empty
}

func (l *lows) text(i int) string { return l.texts[i+1] }

func (l *lows) renew() { renew(&l.hints, max(len(l.texts), 1)-1, l.text) }

func (l *lows) insert(i int, low string) {
	l.texts = slices.Insert(l.texts, i, low)
	if i == 0 {
		l.renew()
		return
	}
	insert(&l.hints, i-1, low, l.text)
}

func (l *lows) remove(i int) {
	l.texts = slices.Delete(l.texts, i, i+1)
	if len(l.texts) > 0 {
		i = max(i, 1) - 1
		l.hints.heads = slices.Delete(l.hints.heads, i, i+1)
	}
}

// find returns the range that key is in.
func (l *lows) find(key string) int {
	if len(l.texts) == 1 {
		return 0
	}
	low, high := narrow(&l.hints, key, l.texts[1])
	for low < high {
		if middle := int(uint(low+high) >> 1); l.text(middle) > key {
			high = middle
		} else {
			low = middle + 1
		}
	}
	return low
}
