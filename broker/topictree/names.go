package topictree

import (
	"encoding/binary"
	"slices"
	"sort"
	"strings"
)

// Names maps topic names to values, which are bytes. It keeps copies of both.
type Names struct {
	chunks  []*chunk
	size    int
	changes uint64 // so that a cursor knows whether its place still is one
	outside [][]byte
	free    []uint32 // places in outside that are
}

// A chunk holds up to chunkPages neighbouring pages. The range of a page begins
// with its low, which need not be a topic that is there, and ends before the low
// of the next one.
type chunk struct {
	lows  []string
	pages []*page
	hints hints // of the lows
}

const chunkPages = 512

func (c *chunk) low(i int) string { return c.lows[i] }

func (c *chunk) renew() { renew(&c.hints, len(c.lows), c.low) }

func (c *chunk) insert(i int, low string, p *page) {
	c.lows = slices.Insert(c.lows, i, low)
	c.pages = slices.Insert(c.pages, i, p)
	insert(&c.hints, i, low, c.low)
}

func (c *chunk) remove(i int) {
	c.lows = slices.Delete(c.lows, i, i+1)
	c.pages = slices.Delete(c.pages, i, i+1)
	c.hints.heads = slices.Delete(c.hints.heads, i, i+1)
}

// spot is the place of a page.
type spot struct{ chunk, page int }

// Len returns the number of topics.
func (t *Names) Len() int { return t.size }

// Get returns the value stored under topic: a view that is good until the next
// change.
func (t *Names) Get(topic string) (value []byte, ok bool) {
	if len(t.chunks) == 0 {
		return nil, false
	}
	p := t.at(t.locate(topic))
	i, ok := p.find(topic)
	if !ok {
		return nil, false
	}
	return t.value(p, i), true
}

func (t *Names) value(p *page, i int) []byte {
	_, value, outside := p.entry(i)
	if outside {
		return t.outside[binary.LittleEndian.Uint32(value)]
	}
	return value
}

// Set stores a value, the parts one behind the other, under topic.
func (t *Names) Set(topic string, parts ...[]byte) {
	t.changes++
	if len(t.chunks) == 0 {
		c := &chunk{lows: []string{""}, pages: []*page{{}}}
		c.renew()
		t.chunks = []*chunk{c}
	}
	size := 0
	for _, part := range parts {
		size += len(part)
	}
	at := t.locate(topic)
	p := t.at(at)
	i, found := p.find(topic)
	if found {
		_, old, outside := p.entry(i)
		if !outside && size <= inside && p.fits(size-len(old)) {
			join(p.resize(i, size), parts)
			return
		}
		t.drop(p, i)
	}
	t.size++
	if size <= inside {
		join(t.insert(at, i, topic, size, false), parts)
		return
	}
	value := make([]byte, size)
	join(value, parts)
	binary.LittleEndian.PutUint32(t.insert(at, i, topic, 4, true), t.keep(value))
}

func join(dst []byte, parts [][]byte) {
	for _, part := range parts {
		dst = dst[copy(dst, part):]
	}
}

// keep finds a place outside the pages.
func (t *Names) keep(value []byte) uint32 {
	if n := len(t.free); n > 0 {
		place := t.free[n-1]
		t.free = t.free[:n-1]
		t.outside[place] = value
		return place
	}
	t.outside = append(t.outside, value)
	return uint32(len(t.outside) - 1)
}

// drop removes entry i of a page, which may be empty then.
func (t *Names) drop(p *page, i int) {
	if _, value, outside := p.entry(i); outside {
		place := binary.LittleEndian.Uint32(value)
		t.outside[place] = nil
		if t.free = append(t.free, place); len(t.free) == len(t.outside) {
			t.free, t.outside = nil, nil
		}
	}
	p.remove(i)
	t.size--
}

// Delete removes topic and tells whether it was there.
func (t *Names) Delete(topic string) bool {
	if len(t.chunks) == 0 {
		return false
	}
	at := t.locate(topic)
	p := t.at(at)
	i, found := p.find(topic)
	if !found {
		return false
	}
	t.changes++
	t.drop(p, i)
	switch {
	case t.size == 0:
		t.chunks = nil
	case len(p.starts) == 0:
		t.vacate(at)
	case len(p.data) < pageBytes/4:
		t.merge(at)
	}
	return true
}

// All visits every topic, in the order of their bytes, until yield returns
// false. Both are views. The names must not change meanwhile; a walk is for
// names that do.
func (t *Names) All(yield func(topic, value []byte) bool) {
	var topic []byte
	for _, c := range t.chunks {
		for _, p := range c.pages {
			for i := range p.starts {
				topic = p.topic(topic[:0], i)
				if !yield(topic, t.value(p, i)) {
					return
				}
			}
		}
	}
}

func (t *Names) at(s spot) *page { return t.chunks[s.chunk].pages[s.page] }

// locate returns the page in whose range topic is.
func (t *Names) locate(topic string) spot {
	last := sort.Search(len(t.chunks)-1, func(i int) bool { return t.chunks[i+1].lows[0] > topic })
	c := t.chunks[last]
	low, high := narrow(&c.hints, topic, c.lows[0])
	for low < high {
		if middle := int(uint(low+high) >> 1); c.lows[middle] > topic {
			high = middle
		} else {
			low = middle + 1
		}
	}
	return spot{last, max(low, 1) - 1}
}

// next is the page behind s; false: s is the last one.
func (t *Names) next(s spot) (spot, bool) {
	if s.page+1 < len(t.chunks[s.chunk].pages) {
		return spot{s.chunk, s.page + 1}, true
	}
	return spot{s.chunk + 1, 0}, s.chunk+1 < len(t.chunks)
}

// prefix is what all topics from low on begin with up to the page behind s.
func (t *Names) prefix(low string, s spot) string {
	behind, ok := t.next(s)
	if !ok {
		return ""
	}
	return shared(low, t.chunks[behind.chunk].lows[behind.page])
}

// shared is what a and b begin with, as far as pages care, cut from a.
func shared(a, b string) string { return a[:min(common(a, b), pagePrefix)] }

// insert makes room for a value under a topic whose place is before entry i of
// the page at s. Pages that are full give way.
func (t *Names) insert(s spot, i int, topic string, value int, outside bool) []byte {
	for {
		p := t.at(s)
		if p.fits(p.size(topic, value)) {
			return p.insert(i, topic, value, outside)
		}
		switch i {
		case len(p.starts): // topics that come in their order fill their pages
			s, i = t.split(s, i, topic), 0
		case 0:
			first := string(p.topic(nil, 0))
			t.split(s, 0, between(topic, first))
		default:
			middle := p.middle()
			before, first := string(p.topic(nil, middle-1)), string(p.topic(nil, middle))
			right := t.split(s, middle, between(before, first))
			if i > middle || i == middle && topic >= t.chunks[right.chunk].lows[right.page] {
				s, i = right, i-middle
			} else if right.page == 0 {
				s = spot{right.chunk - 1, len(t.chunks[right.chunk-1].pages) - 1}
			} else {
				s = spot{right.chunk, right.page - 1}
			}
		}
	}
}

// between is the shortest string that is above a and not above b.
func between(a, b string) string {
	return b[:common(a, b)+1]
}

// split moves the entries from i on to a new page, whose range begins at low,
// and returns its place. The page at s has the same place in its chunk or the
// last one of the chunk before.
func (t *Names) split(s spot, i int, low string) spot {
	p := t.at(s)
	low = strings.Clone(low)
	right := &page{prefix: t.prefix(low, s)}
	right.take(p, i, len(p.starts))
	c := t.chunks[s.chunk]
	left := &page{prefix: shared(c.lows[s.page], low)}
	left.take(p, 0, i)
	*p = *left
	s.page++
	c.insert(s.page, low, right)
	if len(c.pages) <= chunkPages {
		return s
	}
	half := len(c.pages) / 2
	other := &chunk{lows: slices.Clone(c.lows[half:]), pages: slices.Clone(c.pages[half:])}
	clear(c.lows[half:])
	clear(c.pages[half:])
	c.lows, c.pages = c.lows[:half], c.pages[:half]
	c.renew()
	other.renew()
	t.chunks = slices.Insert(t.chunks, s.chunk+1, other)
	if s.page >= half {
		return spot{s.chunk + 1, s.page - half}
	}
	return s
}

// vacate takes the empty page at s out; its range becomes that of the page
// before, or behind the first one.
func (t *Names) vacate(s spot) {
	c := t.chunks[s.chunk]
	first := s == spot{}
	low := c.lows[s.page]
	c.remove(s.page)
	if len(c.pages) == 0 {
		t.chunks = slices.Delete(t.chunks, s.chunk, s.chunk+1)
	}
	switch {
	case first:
		t.chunks[0].lows[0] = low
		t.chunks[0].renew()
		s = spot{}
	case s.page > 0:
		s.page--
	default:
		s.chunk--
		s.page = len(t.chunks[s.chunk].pages) - 1
	}
	t.refresh(s)
}

// refresh gives the page at s the prefix that its range has now.
func (t *Names) refresh(s spot) {
	p := t.at(s)
	prefix := t.prefix(t.chunks[s.chunk].lows[s.page], s)
	if len(prefix) == len(p.prefix) {
		return
	}
	fresh := &page{prefix: prefix}
	fresh.take(p, 0, len(p.starts))
	*p = *fresh
}

// merge joins the page at s and its neighbour in the chunk, if both fit in one.
func (t *Names) merge(s spot) {
	c := t.chunks[s.chunk]
	if s.page+1 == len(c.pages) {
		if s.page--; s.page < 0 {
			return
		}
	}
	p, right := c.pages[s.page], c.pages[s.page+1]
	if len(p.data)+len(right.data) > pageBytes/2 || len(p.starts)+len(right.starts) > pageEntries/2 {
		return
	}
	c.remove(s.page + 1)
	joined := &page{prefix: t.prefix(c.lows[s.page], s)}
	joined.take(p, 0, len(p.starts))
	joined.take(right, 0, len(right.starts))
	*p = *joined
}
