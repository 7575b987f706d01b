package topictree

import (
	"hash/maphash"
	"iter"
	"slices"
)

// A Set holds things by a name that each of them carries, at 14 to 18 bytes for
// each: a pointer and a hash in open tables of at most tableSlots places. A table
// that is full is parted in two, so no Add pays for more than one table, however
// many there are. Rejected: a Go map, which keeps the names' string headers as
// well, 16 bytes that are there already.
//
// The zero value is empty. A thing's name must not change while it is in.
type Set[E Named] struct {
	few    []E // searched by looking
	tables *directory[E]
}

// Named is a pointer to something that knows its name.
type Named interface {
	comparable
	Name() string
	// Is says whether Name returns name. It may know faster.
	Is(name string) bool
}

// directory finds a table by the first bits of a hash: as many as the table that
// has been parted most often needs.
type directory[E Named] struct {
	tables []*table[E] // 1<<depth, those that were parted less often several times in a row
	depth  uint8
	size   int
	seed   maphash.Seed
}

// table is an open hash table with linear probing, at most seven eighths full. It
// grows by a quarter, so that little of it is empty. The last 16 bits of a hash
// say, as a fraction of the table, where its thing is at home.
type table[E Named] struct {
	hashes []uint32
	things []E // the zero E: free
	used   int
	depth  uint8 // bits of the hash that all of its things share
}

const (
	fewThings  = 4
	tableSlots = 512
	mostBits   = 22 // of the directory; beyond that tables grow
)

// Len returns how many things are in.
func (s *Set[E]) Len() int {
	if s.tables != nil {
		return s.tables.size
	}
	return len(s.few)
}

// Get returns the thing of that name, the zero E for none.
func (s *Set[E]) Get(name string) (e E) {
	if d := s.tables; d != nil {
		hash := d.hash(name)
		t := d.table(hash)
		if i := t.find(hash, name); i >= 0 {
			return t.things[i]
		}
		return e
	}
	for _, e := range s.few {
		if e.Is(name) {
			return e
		}
	}
	return e
}

// Put adds a thing, in place of what has its name.
func (s *Set[E]) Put(e E) {
	name := e.Name()
	if s.tables != nil {
		s.tables.put(e, name)
		return
	}
	for i, other := range s.few {
		if other.Is(name) {
			s.few[i] = e
			return
		}
	}
	if len(s.few) < fewThings {
		s.few = append(s.few, e)
		return
	}
	d := &directory[E]{seed: maphash.MakeSeed(), tables: []*table[E]{newTable[E](2*fewThings, 0)}}
	for _, other := range append(s.few, e) {
		d.put(other, other.Name())
	}
	s.few, s.tables = nil, d
}

// Delete removes the thing of that name and returns it, the zero E for none.
func (s *Set[E]) Delete(name string) (e E) {
	d := s.tables
	if d == nil {
		if i := slices.IndexFunc(s.few, func(e E) bool { return e.Is(name) }); i >= 0 {
			e = s.few[i]
			s.few = slices.Delete(s.few, i, i+1)
		}
		return e
	}
	e = d.drop(name)
	if d.size <= fewThings/2 {
		few := make([]E, 0, fewThings)
		for e := range s.All() {
			few = append(few, e)
		}
		s.few, s.tables = few, nil
	}
	return e
}

// All visits everything, in no particular order. The set must not change meanwhile.
func (s *Set[E]) All() iter.Seq[E] {
	return func(yield func(E) bool) {
		for _, e := range s.few {
			if !yield(e) {
				return
			}
		}
		if s.tables != nil {
			s.tables.all(yield)
		}
	}
}

func (d *directory[E]) hash(name string) uint32 { return uint32(maphash.String(d.seed, name)) }

// place is where the directory has the table of a hash.
func (d *directory[E]) place(hash uint32) int { return int(uint64(hash) << d.depth >> 32) }

func (d *directory[E]) table(hash uint32) *table[E] { return d.tables[d.place(hash)] }

func (d *directory[E]) put(e E, name string) {
	hash := d.hash(name)
	t := d.table(hash)
	if i := t.find(hash, name); i >= 0 {
		t.things[i] = e
		return
	}
	for t.full() {
		if len(t.things) < tableSlots || t.depth == mostBits {
			t.resize(larger(len(t.things)))
			break
		}
		d.part(t, hash)
		t = d.table(hash)
	}
	t.add(e, hash)
	d.size++
}

// part puts two tables in the place of one, to which a hash leads.
func (d *directory[E]) part(t *table[E], hash uint32) {
	if t.depth == d.depth {
		wider := make([]*table[E], 2*len(d.tables))
		for i, t := range d.tables {
			wider[2*i], wider[2*i+1] = t, t
		}
		d.tables = wider
		d.depth++
	}
	halves := t.halves()
	run := 1 << (d.depth - t.depth) // places that lead to t
	first := d.place(hash) &^ (run - 1)
	for i := range run {
		d.tables[first+i] = halves[2*i/run]
	}
}

func (d *directory[E]) drop(name string) (e E) {
	hash := d.hash(name)
	t := d.table(hash)
	i := t.find(hash, name)
	if i < 0 {
		return e
	}
	e = t.things[i]
	t.free(i)
	d.size--
	if t.used*3 < len(t.things) && len(t.things) > 2*fewThings {
		t.resize(max(larger(t.used), 2*fewThings))
	}
	return e
}

func (d *directory[E]) all(yield func(E) bool) {
	var none E
	for i := 0; i < len(d.tables); {
		t := d.tables[i]
		for _, e := range t.things {
			if e != none && !yield(e) {
				return
			}
		}
		i += 1 << (d.depth - t.depth)
	}
}

func newTable[E Named](slots int, depth uint8) *table[E] {
	return &table[E]{hashes: make([]uint32, slots), things: make([]E, slots), depth: depth}
}

// larger is the number of places that a table grows to. The allocator has sizes
// for it.
func larger(slots int) int {
	if slots < 128 {
		return (slots+slots/4)&^7 + 8
	}
	return (slots + slots/4 + 31) &^ 31
}

func (t *table[E]) full() bool { return (t.used+1)*8 > len(t.things)*7 }

func (t *table[E]) home(hash uint32) int {
	return int(uint64(hash&0xFFFF) * uint64(len(t.things)) >> 16)
}

// next is the place behind one.
func (t *table[E]) next(i int) int {
	if i++; i < len(t.things) {
		return i
	}
	return 0
}

// find returns the place of a thing, -1 for none.
func (t *table[E]) find(hash uint32, name string) int {
	var none E
	for i := t.home(hash); t.things[i] != none; i = t.next(i) {
		if t.hashes[i] == hash && t.things[i].Is(name) {
			return i
		}
	}
	return -1
}

// add puts in what is not in yet; there is room.
func (t *table[E]) add(e E, hash uint32) {
	var none E
	i := t.home(hash)
	for t.things[i] != none {
		i = t.next(i)
	}
	t.hashes[i], t.things[i] = hash, e
	t.used++
}

// free empties a place and moves up the ones behind it that would otherwise no
// longer be found.
func (t *table[E]) free(i int) {
	var none E
	for j := t.next(i); t.things[j] != none; j = t.next(j) {
		if home := t.home(t.hashes[j]); t.from(home, j) >= t.from(i, j) {
			t.hashes[i], t.things[i] = t.hashes[j], t.things[j]
			i = j
		}
	}
	t.things[i] = none
	t.used--
}

// from is how many places j is behind i.
func (t *table[E]) from(i, j int) int {
	if j < i {
		j += len(t.things)
	}
	return j - i
}

// halves parts the things by the first bit in which they differ.
func (t *table[E]) halves() (h [2]*table[E]) {
	var none E
	bit := 31 - t.depth
	ones := 0
	for i, e := range t.things {
		if e != none {
			ones += int(t.hashes[i] >> bit & 1)
		}
	}
	for i, n := range [2]int{t.used - ones, ones} {
		h[i] = newTable[E](larger(max(n, fewThings)), t.depth+1)
	}
	for i, e := range t.things {
		if e != none {
			h[t.hashes[i]>>bit&1].add(e, t.hashes[i])
		}
	}
	return h
}

// resize makes room for another number of things.
func (t *table[E]) resize(slots int) {
	next := newTable[E](slots, t.depth)
	var none E
	for i, e := range t.things {
		if e != none {
			next.add(e, t.hashes[i])
		}
	}
	*t = *next
}
