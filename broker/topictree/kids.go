package topictree

import (
	"hash/maphash"
	"math"
	"math/bits"
	"slices"
)

// kids are the children of one node, in the order in which they came.
type kids[V any] struct {
	plus, hash *node[V]   // the children + and #
	list       []child[V] // all others
	index      *index     // nil while the list is short
}

type child[V any] struct {
	node *node[V]
	hash uint32 // of the level; set only when there is an index
	size uint32 // length of the level; gone: removed, and an empty node until the list is packed
}

// index is an open hash table with linear probing over the list.
type index struct {
	slots []uint32 // 1 + place in the list; 0: free; the length is a power of two
	gone  int      // removed children that still have a place in the list
}

const (
	gone  = math.MaxUint32
	short = 8 // children that are searched without an index
)

func (k *kids[V]) get(level string, seed maphash.Seed) *node[V] {
	switch {
	case k == nil:
		return nil
	case level == "+":
		return k.plus
	case level == "#":
		return k.hash
	}
	return k.literal(level, seed)
}

// literal looks only among the children that are no wildcards.
func (k *kids[V]) literal(level string, seed maphash.Seed) *node[V] {
	if k.index != nil {
		if i := k.slot(level, hashOf(level, seed)); i >= 0 {
			return k.list[k.index.slots[i]-1].node
		}
		return nil
	}
	for i := range k.list {
		if c := &k.list[i]; c.is(level) {
			return c.node
		}
	}
	return nil
}

// is compares the size first, so a long level costs nothing where none fits.
func (c *child[V]) is(level string) bool {
	if uint64(c.size) != uint64(len(level)) {
		return false
	}
	name := c.node.name
	return name[len(name)-len(level):] == level
}

func hashOf(level string, seed maphash.Seed) uint32 { return uint32(maphash.String(seed, level)) }

// slot returns where the index holds level, -1 if it does not.
func (k *kids[V]) slot(level string, hash uint32) int {
	slots := k.index.slots
	mask := len(slots) - 1
	for i := int(hash) & mask; slots[i] != 0; i = (i + 1) & mask {
		if c := &k.list[slots[i]-1]; c.hash == hash && c.is(level) {
			return i
		}
	}
	return -1
}

func (k *kids[V]) add(n *node[V], level string, seed maphash.Seed) {
	switch level {
	case "+":
		k.plus = n
		return
	case "#":
		k.hash = n
		return
	}
	c := child[V]{node: n, size: uint32(len(level))}
	if k.index != nil {
		c.hash = hashOf(level, seed)
	}
	k.list = append(k.list, c)
	switch live := k.live(); {
	case k.index == nil && live > short:
		for i := range k.list {
			k.list[i].hash = hashOf(k.list[i].node.level(), seed)
		}
		k.pack()
	case k.index == nil:
	case live*4 > len(k.index.slots)*3:
		k.pack()
	default:
		k.place(c.hash, len(k.list)-1)
	}
}

func (k *kids[V]) live() int {
	if k.index == nil {
		return len(k.list)
	}
	return len(k.list) - k.index.gone
}

// drop removes n and tells whether no child is left.
func (k *kids[V]) drop(n *node[V], seed maphash.Seed) (empty bool) {
	switch {
	case k.plus == n:
		k.plus = nil
	case k.hash == n:
		k.hash = nil
	case k.index == nil:
		at := slices.IndexFunc(k.list, func(c child[V]) bool { return c.node == n })
		k.list = slices.Delete(k.list, at, at+1)
	default:
		level := n.level()
		at := k.slot(level, hashOf(level, seed))
		k.list[k.index.slots[at]-1].size = gone
		k.index.gone++
		k.free(at)
		if k.index.gone > k.live() {
			k.pack()
		}
	}
	return k.plus == nil && k.hash == nil && k.live() == 0
}

// pack takes the removed children out of the list and indexes the others
// afresh, or not at all once they are few. It is paid for by the additions or
// removals since the last time.
func (k *kids[V]) pack() {
	if live := k.live(); live < len(k.list) {
		list := make([]child[V], 0, live+live/8)
		for _, c := range k.list {
			if c.size != gone {
				list = append(list, c)
			}
		}
		k.list = list
	}
	if len(k.list) <= short/2 {
		k.index = nil
		return
	}
	k.index = &index{slots: make([]uint32, 1<<bits.Len(uint(2*len(k.list)-1)))}
	for i := range k.list {
		k.place(k.list[i].hash, i)
	}
}

func (k *kids[V]) place(hash uint32, place int) {
	slots := k.index.slots
	mask := len(slots) - 1
	i := int(hash) & mask
	for slots[i] != 0 {
		i = (i + 1) & mask
	}
	slots[i] = uint32(place + 1)
}

// free empties a slot and moves up the ones behind it that would otherwise no
// longer be found.
func (k *kids[V]) free(i int) {
	slots := k.index.slots
	mask := len(slots) - 1
	for j := (i + 1) & mask; slots[j] != 0; j = (j + 1) & mask {
		home := int(k.list[slots[j]-1].hash) & mask
		if (j-home)&mask >= (j-i)&mask {
			slots[i] = slots[j]
			i = j
		}
	}
	slots[i] = 0
}
