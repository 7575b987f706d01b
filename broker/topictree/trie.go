package topictree

import "strings"

// trie holds the nodes of a Tree.
type trie[V any] struct {
	root node[V]
	size int // nodes that hold a value
}

// node is one level of a filter. It does not know its parent: who takes it out
// has come by there.
type node[V any] struct {
	name  string // the whole filter when the node holds a value, else its own level
	value V
	kids  *kids[V] // nil: none
	holds bool     // a value
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
		n = n.kids.get(level)
	}
	return n
}

// set stores v under name, which it keeps; it tells whether the name is new.
func (t *trie[V]) set(name string, v V) (fresh bool) {
	n := &t.root
	for rest, more := name, true; more; {
		var level string
		level, rest, more = cut(rest)
		child := n.kids.get(level)
		if child == nil {
			child = n.beget(level, more)
		}
		n = child
	}
	fresh = !n.holds
	if fresh {
		t.size++
		n.name, n.holds = name, true
	}
	n.value = v
	return fresh
}

// beget hangs a new node below one. A node that will not hold a value now copies
// its level, so that it does not keep a whole name alive.
func (n *node[V]) beget(level string, inner bool) *node[V] {
	child := &node[V]{name: level}
	if inner {
		child.name = strings.Clone(level)
	}
	if n.kids == nil {
		n.kids = &kids[V]{}
	}
	n.kids.add(child, level)
	return child
}

// remove forgets the value under name, and every node that then serves nobody:
// those below the last one on the way that has a value or another child.
func (t *trie[V]) remove(name string) bool {
	n := &t.root
	stays, below := n, ""
	for rest, more := name, true; more; {
		var level string
		level, rest, more = cut(rest)
		child := n.kids.get(level)
		if child == nil {
			return false
		}
		if n.holds || n == &t.root || !n.kids.single() {
			stays, below = n, level
		}
		n = child
	}
	if !n.holds {
		return false
	}
	t.size--
	var none V
	n.value, n.holds = none, false
	if n.kids != nil {
		n.name = strings.Clone(n.level())
		return true
	}
	if stays.kids.drop(below) {
		stays.kids = nil
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
		if n.kids != nil {
			todo = n.kids.appendTo(todo)
		}
	}
}
