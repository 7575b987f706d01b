package broker

// A ring is a queue in an array that goes round: what comes takes the place of
// what has left, so that a busy one neither moves nor allocates anything. Its
// zero value is empty.
type ring[T any] struct {
	array []T // its length is a power of two
	front uint32
	count uint32
}

// spareRing is how long an array is at most that an empty ring keeps.
const spareRing = 128

// len is how many entries there are.
func (r *ring[T]) len() int { return int(r.count) }

// at is the entry that has i before it.
func (r *ring[T]) at(i int) *T { return &r.array[(int(r.front)+i)&(len(r.array)-1)] }

// push makes a place behind all others.
func (r *ring[T]) push() *T {
	if r.len() == len(r.array) {
		r.grow()
	}
	r.count++
	return r.at(r.len() - 1)
}

// unshift makes a place before all others.
func (r *ring[T]) unshift() *T {
	r.push()
	r.front = (r.front - 1) & uint32(len(r.array)-1)
	return r.at(0)
}

// pop removes the oldest entry.
func (r *ring[T]) pop() {
	var none T
	*r.at(0) = none
	r.front = (r.front + 1) & uint32(len(r.array)-1)
	if r.count--; r.count == 0 {
		r.spare()
	}
}

// filter removes the entries that it is not told to keep.
func (r *ring[T]) filter(keep func(*T) bool) {
	var none T
	kept := 0
	for i := range r.len() {
		if e := r.at(i); keep(e) {
			*r.at(kept) = *e
			kept++
		}
	}
	for i := kept; i < r.len(); i++ {
		*r.at(i) = none
	}
	if r.count = uint32(kept); kept == 0 {
		r.spare()
	}
}

func (r *ring[T]) spare() {
	if len(r.array) > spareRing {
		*r = ring[T]{}
	}
}

func (r *ring[T]) grow() {
	next := make([]T, max(2*len(r.array), 2))
	n := copy(next, r.array[r.front:])
	copy(next[n:], r.array[:r.front])
	r.array, r.front = next, 0
}
