package topictree

import (
	"encoding/binary"
	"slices"
	"strings"
)

// Names maps topic names to values, which are bytes. It keeps copies of both.
type Names struct {
	chunks  []*chunk
	lows    lows
	size    int
	changes uint64 // so that a cursor knows whether its place still is one
	outside [][]byte
	free    []uint32 // places in outside that are
}

// A chunk holds up to chunkPages neighbouring pages. The range of a page begins
// with its low, which need not be a topic that is there, and ends before the low
// of the next one. That of a chunk is the range of its pages.
type chunk struct {
	lows  lows
	pages []*page
}

const chunkPages = 512

// spot is the place of a page.
type spot struct{ chunk, page int }

// Place is where a topic is, or would be, until the names change.
type Place struct {
	spot
	entry int
	found bool
}

// Len returns the number of topics.
func (t *Names) Len() int { return t.size }

// Get returns the value stored under topic: a view that is good until the next
// change.
func (t *Names) Get(topic string) (value []byte, ok bool) {
	_, value, ok = t.Find(topic)
	return value, ok
}

// Find is Get for who may set another value at once.
func (t *Names) Find(topic string) (at Place, value []byte, ok bool) {
	if len(t.chunks) == 0 {
		return at, nil, false
	}
	at.spot = t.locate(topic)
	p := t.at(at.spot)
	if at.entry, at.found = p.find(topic); at.found {
		value = t.value(p, at.entry)
	}
	return at, value, at.found
}

func (t *Names) value(p *page, i int) []byte {
	_, value, outside := p.entry(i)
	if outside {
		return t.far(value)
	}
	return value
}

// far is the value that is outside, by what stands in its page.
func (t *Names) far(place []byte) []byte { return t.outside[binary.LittleEndian.Uint32(place)] }

// Set stores a value, the parts one behind the other, under topic.
func (t *Names) Set(topic string, parts ...[]byte) {
	at, _, _ := t.Find(topic)
	t.SetAt(at, topic, parts...)
}

// SetAt is Set at the place that Find found for the topic.
func (t *Names) SetAt(at Place, topic string, parts ...[]byte) {
	t.changes++
	if len(t.chunks) == 0 {
		t.chunks = []*chunk{{pages: []*page{{}}}}
		t.chunks[0].lows.insert(0, "")
		t.lows.insert(0, "")
	}
	size := 0
	for _, part := range parts {
		size += len(part)
	}
	if at.found {
		p := t.at(at.spot)
		_, old, outside := p.entry(at.entry)
		if !outside && size <= inside && p.fits(size-len(old)) {
			join(p.resize(at.entry, size), parts)
			return
		}
		t.drop(p, at.entry)
	}
	t.size++
	if size <= inside {
		join(t.insert(at.spot, at.entry, topic, size, false), parts)
		return
	}
	value := make([]byte, size)
	join(value, parts)
	binary.LittleEndian.PutUint32(t.insert(at.spot, at.entry, topic, 4, true), t.keep(value))
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
	at, _, found := t.Find(topic)
	if !found {
		return false
	}
	t.changes++
	p := t.at(at.spot)
	t.drop(p, at.entry)
	switch {
	case t.size == 0:
		t.chunks, t.lows = nil, lows{}
	case len(p.starts) == 0:
		t.vacate(at.spot)
	case len(p.data) < pageBytes/4:
		t.merge(at.spot)
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
	i := t.lows.find(topic)
	return spot{i, t.chunks[i].lows.find(topic)}
}

// low is where the range of a page begins.
func (t *Names) low(s spot) string { return t.chunks[s.chunk].lows.texts[s.page] }

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
	return shared(low, t.low(behind))
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
			_, s = t.split(s, i, between(string(p.topic(nil, i-1)), topic))
			i = 0
		case 0:
			first := string(p.topic(nil, 0))
			s, _ = t.split(s, 0, between(topic, first))
		default:
			middle := p.middle()
			before, first := string(p.topic(nil, middle-1)), string(p.topic(nil, middle))
			left, right := t.split(s, middle, between(before, first))
			if s = left; i > middle || i == middle && topic >= t.low(right) {
				s, i = right, i-middle
			}
		}
	}
}

// between is the shortest string that is above a and not above b.
func between(a, b string) string {
	return b[:common(a, b)+1]
}

// split moves the entries from i on to a new page, whose range begins at low,
// and returns where both are then.
func (t *Names) split(s spot, i int, low string) (left, right spot) {
	p := t.at(s)
	low = strings.Clone(low)
	behind := &page{prefix: t.prefix(low, s)}
	behind.take(p, i, len(p.starts))
	before := &page{prefix: shared(t.low(s), low)}
	before.take(p, 0, i)
	*p = *before
	c := t.chunks[s.chunk]
	c.lows.insert(s.page+1, low)
	c.pages = slices.Insert(c.pages, s.page+1, behind)
	if len(c.pages) > chunkPages {
		return t.part(s)
	}
	return s, spot{s.chunk, s.page + 1}
}

// part moves a half of the pages of a chunk to a new one, and returns where the
// page at s and the next one are then.
func (t *Names) part(s spot) (left, right spot) {
	c := t.chunks[s.chunk]
	half := len(c.pages) / 2
	if s.page == len(c.pages)-2 {
		half = s.page + 1 // as with pages
	}
	other := &chunk{pages: slices.Clone(c.pages[half:])}
	other.lows.texts = slices.Clone(c.lows.texts[half:])
	c.pages = slices.Delete(c.pages, half, len(c.pages))
	c.lows.texts = slices.Delete(c.lows.texts, half, len(c.lows.texts))
	c.lows.renew()
	other.lows.renew()
	t.chunks = slices.Insert(t.chunks, s.chunk+1, other)
	t.lows.insert(s.chunk+1, other.lows.texts[0])
	if s.page >= half {
		s = spot{s.chunk + 1, s.page - half}
	}
	right, _ = t.next(s)
	return s, right
}

// vacate takes the empty page at s out; its range becomes that of the page
// before, or behind the first one.
func (t *Names) vacate(s spot) {
	c := t.chunks[s.chunk]
	first := s == spot{}
	c.lows.remove(s.page)
	c.pages = slices.Delete(c.pages, s.page, s.page+1)
	if len(c.pages) == 0 {
		t.chunks = slices.Delete(t.chunks, s.chunk, s.chunk+1)
		t.lows.remove(s.chunk)
	} else if s.page == 0 {
		t.lows.texts[s.chunk] = c.lows.texts[0]
		t.lows.renew()
	}
	switch {
	case first:
		t.lows.texts[0], t.chunks[0].lows.texts[0] = "", ""
		t.lows.renew()
		t.chunks[0].lows.renew()
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
	prefix := t.prefix(t.low(s), s)
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
	c.lows.remove(s.page + 1)
	c.pages = slices.Delete(c.pages, s.page+1, s.page+2)
	joined := &page{prefix: t.prefix(t.low(s), s)}
	joined.take(p, 0, len(p.starts))
	joined.take(right, 0, len(right.starts))
	*p = *joined
}
