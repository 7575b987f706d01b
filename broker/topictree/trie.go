package topictree

import (
	"hash/maphash"
	"strings"
)

// trie holds the nodes of a Tree.
type trie[V any] struct {
	root node[V]
	size int // nodes that hold a value
	seed maphash.Seed
}

// node is one level of a filter.
type node[V any] struct {
	parent *node[V]
	kids   *kids[V] // nil: none
	name   string   // the whole filter when the node holds a value, else its own level
	holds  bool     // a value
	value  V
}

// level is the last level of the node's name.
func (n *node[V]) level() string { return n.name[strings.LastIndexByte(n.name, '/')+1:] }

// cut splits the first level off s; more is false when it was the last one.
func cut(s string) (level, rest string, more bool) {
	if i := strings.IndexByte(s, '/'); i >= 0 {
		return s[:i], s[i+1:], true
	}
	return s, "", false
}

// find returns the node that stands for name, whether it holds a value or not.
func (t *trie[V]) find(name string) *node[V] {
	n := &t.root
	for more := true; more && n != nil; {
		var level string
		level, name, more = cut(name)
		n = n.kids.get(level, t.seed)
	}
	return n
}

func (t *trie[V]) get(name string) (v V, ok bool) {
	if n := t.find(name); n != nil && n.holds {
		return n.value, true
	}
	return v, false
}

// set stores v under name, which it keeps; it tells whether the name is new.
func (t *trie[V]) set(name string, v V) (fresh bool) {
	if t.seed == (maphash.Seed{}) {
		t.seed = maphash.MakeSeed()
	}
	n := &t.root
	for rest, more := name, true; more; {
		var level string
		level, rest, more = cut(rest)
		child := n.kids.get(level, t.seed)
		if child == nil {
			child = t.create(n, level, more)
		}
		n = child
	}
	fresh = !n.holds
	if fresh {
		t.size++
	}
	n.name, n.value, n.holds = name, v, true
	return fresh
}

// create hangs a new node below parent. A node that will not hold a value now
// copies its level, so that it does not keep a whole name alive.
func (t *trie[V]) create(parent *node[V], level string, inner bool) *node[V] {
	n := &node[V]{parent: parent, name: level}
	if inner {
		n.name = strings.Clone(level)
	}
	if parent.kids == nil {
		parent.kids = &kids[V]{}
	}
	parent.kids.add(n, level, t.seed)
	return n
}

// remove forgets the value under name, and every node that then serves nobody.
func (t *trie[V]) remove(name string) bool {
	n := t.find(name)
	if n == nil || !n.holds {
		return false
	}
	t.size--
	var none V
	n.value, n.holds = none, false
	if n.kids != nil {
		n.name = strings.Clone(n.level())
		return true
	}
	for n.parent != nil && n.kids == nil && !n.holds {
		parent := n.parent
		if parent.kids.drop(n, t.seed) {
			parent.kids = nil
		}
		n.name = ""
		n = parent
	}
	return true
}

// all visits every value in no particular order, until yield says false.
func (t *trie[V]) all(yield func(string, V) bool) {
	todo := []*node[V]{&t.root}
	for len(todo) > 0 {
		n := todo[len(todo)-1]
		todo = todo[:len(todo)-1]
		if n.holds && !yield(n.name, n.value) {
			return
		}
		k := n.kids
		if k == nil {
			continue
		}
		for i := range k.list {
			todo = append(todo, k.list[i].node)
		}
		for _, wild := range [...]*node[V]{k.plus, k.hash} {
			if wild != nil {
				todo = append(todo, wild)
			}
		}
	}
}
