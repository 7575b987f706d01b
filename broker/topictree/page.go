package topictree

import (
	"encoding/binary"
	"slices"
)

// A page holds neighbouring topics and their values in one piece of memory
// without pointers, in the order of the topics' bytes:
//
//	size of the rest << 1 | outside, the rest of the topic, value
//
// What all topics of its range begin with is there once. A value that is longer
// than most is outside, and four bytes that say where stand for it.
type page struct {
	prefix string
	data   []byte
	starts []uint16 // of the entries in data
	hints  hints    // of the rests
}

const (
	pageBytes   = 4096 // of a page with more than one entry, unless its prefix got shorter
	pageEntries = 256
	pagePrefix  = 64  // more of a prefix is not shared
	inside      = 512 // bytes of a value that is kept in its page
)

// size is how many bytes an entry takes. It leaves out nothing that counts.
func (p *page) size(topic string, value int) int {
	rest := len(topic) - len(p.prefix)
	return varintSize(rest<<1) + rest + value
}

func varintSize(n int) (size int) {
	for size = 1; n >= 0x80; size++ {
		n >>= 7
	}
	return size
}

func (p *page) fits(more int) bool {
	return len(p.starts) == 0 || len(p.data)+more <= pageBytes && len(p.starts) < pageEntries
}

// bounds is where entry i is in data.
func (p *page) bounds(i int) (from, to int) {
	if i+1 < len(p.starts) {
		return int(p.starts[i]), int(p.starts[i+1])
	}
	return int(p.starts[i]), len(p.data)
}

// entry is a view of entry i: what follows the prefix in its topic, and its
// value, or the place of that when it is outside.
func (p *page) entry(i int) (rest, value []byte, outside bool) {
	from, to := p.bounds(i)
	raw := p.data[from:to]
	head, n := int(raw[0]), 1
	if head >= 0x80 {
		long, m := binary.Uvarint(raw)
		head, n = int(long), m
	}
	end := n + head>>1
	return raw[n:end], raw[end:], head&1 != 0
}

// rest is a view of what follows the prefix in the topic of entry i.
func (p *page) rest(i int) []byte {
	rest, _, _ := p.entry(i)
	return rest
}

// find returns the first entry whose topic is not before key, and whether it is
// key itself. key is in the range of the page.
func (p *page) find(key string) (i int, found bool) {
	if len(p.starts) == 0 {
		return 0, false
	}
	key = key[len(p.prefix):]
	low, high := narrow(&p.hints, key, p.rest(0))
	for low < high {
		middle := int(uint(low+high) >> 1)
		if rest := p.rest(middle); string(rest) < key {
			low = middle + 1
		} else if len(rest) == len(key) && string(rest) == key {
			return middle, true
		} else {
			high = middle
		}
	}
	return low, false
}

// insert makes an entry i for topic with room for a value, and returns the room.
func (p *page) insert(i int, topic string, value int, outside bool) []byte {
	size := p.size(topic, value)
	at := len(p.data)
	if i < len(p.starts) {
		at = int(p.starts[i])
	}
	p.extend(at, size)
	p.starts = slices.Insert(p.starts, i, uint16(at))
	for j := i + 1; j < len(p.starts); j++ {
		p.starts[j] += uint16(size)
	}
	n := putHead(p.data[at:], len(topic)-len(p.prefix), outside)
	n += copy(p.data[at+n:], topic[len(p.prefix):])
	insert(&p.hints, i, p.rest(i), p.rest)
	return p.data[at+n : at+size]
}

func putHead(b []byte, rest int, outside bool) int {
	head := uint64(rest) << 1
	if outside {
		head |= 1
	}
	return binary.PutUvarint(b, head)
}

// extend makes a hole of size bytes in data.
func (p *page) extend(at, size int) {
	end := len(p.data)
	if need := end + size; need > cap(p.data) {
		p.data = append(make([]byte, 0, roomFor(need)), p.data...)
	}
	p.data = p.data[:end+size]
	copy(p.data[at+size:], p.data[at:end])
}

// roomFor is the capacity of data for so many bytes. The steps are those that
// the allocator knows.
func roomFor(need int) int {
	for _, step := range [...]int{256, 512, 1024, 1536, 2048, 2688, 3456, pageBytes} {
		if need <= step {
			return step
		}
	}
	return need
}

// resize gives the value of entry i another size and returns the room for it.
func (p *page) resize(i, value int) []byte {
	from, to := p.bounds(i)
	_, old, _ := p.entry(i)
	change := value - len(old)
	switch {
	case change > 0:
		p.extend(to, change)
	case change < 0:
		p.data = slices.Delete(p.data, to+change, to)
	}
	if change != 0 {
		for j := i + 1; j < len(p.starts); j++ {
			p.starts[j] += uint16(change)
		}
	}
	to += change
	return p.data[max(from, to-value):to]
}

func (p *page) remove(i int) {
	from, to := p.bounds(i)
	p.data = slices.Delete(p.data, from, to)
	p.starts = slices.Delete(p.starts, i, i+1)
	p.hints.heads = slices.Delete(p.hints.heads, i, i+1)
	for j := i; j < len(p.starts); j++ {
		p.starts[j] -= uint16(to - from)
	}
}

// take appends entries of q, whose topics begin with the prefix of p as well.
func (p *page) take(q *page, from, to int) {
	if from == to {
		return
	}
	more := to - from
	start, _ := q.bounds(from)
	_, end := q.bounds(to - 1)
	size := end - start + more*max(0, len(q.prefix)-len(p.prefix)+1)
	at := len(p.data)
	p.extend(at, size)
	if cap(p.starts) < len(p.starts)+more {
		p.starts = append(make([]uint16, 0, (len(p.starts)+more)*5/4), p.starts...)
	}
	for i := from; i < to; i++ {
		rest, value, outside := q.entry(i)
		p.starts = append(p.starts, uint16(at))
		begin := ""
		if short := len(q.prefix) - len(p.prefix); short >= 0 {
			begin = q.prefix[len(p.prefix):]
		} else {
			rest = rest[-short:]
		}
		at += putHead(p.data[at:], len(begin)+len(rest), outside)
		at += copy(p.data[at:], begin)
		at += copy(p.data[at:], rest)
		at += copy(p.data[at:], value)
	}
	p.data = p.data[:at]
	renew(&p.hints, len(p.starts), p.rest)
}

// topic appends the whole topic of entry i.
func (p *page) topic(dst []byte, i int) []byte {
	rest, _, _ := p.entry(i)
	return append(append(dst, p.prefix...), rest...)
}

// middle is the entry at which the page falls into halves of about one size,
// neither of them empty.
func (p *page) middle() int {
	i, _ := slices.BinarySearch(p.starts, uint16(min(len(p.data)/2, 65535)))
	return min(max(i, 1), len(p.starts)-1)
}
