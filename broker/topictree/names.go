package topictree

import (
	"sort"
	"strings"
)

// Names maps topic names to values.
type Names[V any] struct{ trie trie[V] }

// Get returns the value stored under topic.
func (t *Names[V]) Get(topic string) (V, bool) { return t.trie.get(topic) }

// Set stores v under topic. It keeps the string (a retained message owns its
// topic anyway), so topic must not be a view into a buffer.
func (t *Names[V]) Set(topic string, v V) { t.trie.set(topic, v) }

// Delete removes topic and tells whether it was there.
func (t *Names[V]) Delete(topic string) bool { return t.trie.remove(topic) }

// Len returns the number of topics.
func (t *Names[V]) Len() int { return t.trie.size }

// All visits every topic in no particular order until yield returns false. The
// tree must not change meanwhile; a walk is for trees that do.
func (t *Names[V]) All(yield func(topic string, v V) bool) { t.trie.all(yield) }

// Cursor starts a walk over the topics that filter matches. It keeps the
// filter, which must not be a view into a buffer.
func (t *Names[V]) Cursor(filter string) *Cursor[V] {
	return &Cursor[V]{filter: filter, newest: t.trie.born, at: &t.trie.root, names: t}
}

// Walk starts a walk over all topics, those that begin with $ too.
func (t *Names[V]) Walk() *Cursor[V] {
	c := t.Cursor("#")
	c.every = true
	return c
}

// A Cursor walks over the topics that match its filter, as far at a time as it
// is told to; the tree may change between the steps and while yield runs. A
// topic that is there from the beginning to the end of the walk is visited
// once. One that comes or goes meanwhile is visited once or not at all: nodes
// that are younger than the cursor are passed over, so a topic that is removed
// behind the cursor and then set again does not appear twice.
//
// The place of a cursor is a node and the number of the child that it saw
// last, so it needs no registration and costs nothing while it rests.
type Cursor[V any] struct {
	names  *Names[V]
	filter string
	every  bool     // # stands for a first level with $, too
	newest uint64   // the last node created before the cursor
	at     *node[V] // its children are being visited; nil: the walk is over
	level  int      // where the level that selects them begins in filter; past its end: none does
	below  int      // how many levels at stands below the node whose children # selects
	last   uint64   // number of the child visited last, 0: none yet
	place  int      // its place in the list + 1, unless the list was packed meanwhile
	path   []uint32 // place for every ancestor of at
}

// Next visits at most max nodes, calls yield for those that hold a matching
// topic, and tells whether the walk goes on.
func (c *Cursor[V]) Next(max int, yield func(topic string, v V)) (more bool) {
	for i := 0; c.at != nil && (i < max || i == 0); i++ {
		c.step(yield)
	}
	return c.at != nil
}

func (c *Cursor[V]) step(yield func(string, V)) {
	child, level, below := c.child()
	if child == nil {
		c.ascend()
		return
	}
	c.last = child.number()
	if !c.every && c.at.parent == nil && strings.HasPrefix(child.name, "$") && !strings.HasPrefix(c.filter, "$") {
		return // no wildcard stands for a first level with $ [MQTT-4.7.2-1]
	}
	ends := level > len(c.filter)
	matches := child.holds() && (ends || c.filter[level:] == "#") // a/# matches a, too [4.7.1.2]
	topic, value := child.name, child.value
	if child.kids != nil && !ends {
		c.path = append(c.path, uint32(c.place))
		c.at, c.level, c.below, c.last, c.place = child, level, below, 0, 0
	}
	if matches {
		yield(topic, value)
	}
}

// child returns the next child to look at, and what level and below become
// when the walk goes down to it.
func (c *Cursor[V]) child() (n *node[V], level, below int) {
	rest := c.filter[c.level:]
	switch {
	case rest == "#":
		return c.sibling(), c.level, c.below + 1
	case rest == "+" || strings.HasPrefix(rest, "+/"):
		return c.sibling(), c.level + 2, 0
	case c.last != 0:
		return nil, 0, 0 // a literal level has one child, and it was seen
	}
	literal, _, _ := cut(rest)
	n = c.at.kids.get(literal, c.names.trie.seed)
	if n != nil && n.number() > c.newest {
		return nil, 0, 0
	}
	return n, c.level + len(literal) + 1, 0
}

// sibling returns the child after the one that was seen last.
func (c *Cursor[V]) sibling() *node[V] {
	k := c.at.kids
	if k == nil {
		return nil // the node was removed meanwhile
	}
	place := c.place
	if place > len(k.list) || place > 0 && k.list[place-1].node.number() != c.last {
		place = sort.Search(len(k.list), func(i int) bool { return k.list[i].node.number() > c.last })
	}
	if place == len(k.list) || k.list[place].node.number() > c.newest {
		return nil
	}
	c.place = place + 1
	return k.list[place].node
}

// ascend goes back to the parent, behind the node that is left.
func (c *Cursor[V]) ascend() {
	n := c.at
	c.at = n.parent
	if c.at == nil {
		return
	}
	c.last = n.number()
	c.place = int(c.path[len(c.path)-1])
	c.path = c.path[:len(c.path)-1]
	if c.below > 0 {
		c.below--
		return
	}
	c.level = strings.LastIndexByte(c.filter[:c.level-1], '/') + 1
}
