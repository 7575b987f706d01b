package topictree

// kids are the children of one node. Most nodes have but one.
type kids[V any] struct {
	plus, hash *node[V]       // the children + and #
	only       *node[V]       // the one other child
	others     *Set[*node[V]] // all others, where there are more
}

// Name is the node's own level.
func (n *node[V]) Name() string { return n.level() }

// Is says whether the node stands for a level. It compares the size first, so a
// long level costs nothing where none fits.
func (n *node[V]) Is(level string) bool {
	rest := len(n.name) - len(level)
	return rest >= 0 && (rest == 0 || n.name[rest-1] == '/') && n.name[rest:] == level
}

func (k *kids[V]) get(level string) *node[V] {
	switch {
	case k == nil:
		return nil
	case level == "+":
		return k.plus
	case level == "#":
		return k.hash
	}
	return k.literal(level)
}

// literal looks only among the children that are no wildcards.
func (k *kids[V]) literal(level string) *node[V] {
	if k.others != nil {
		return k.others.Get(level)
	}
	if k.only != nil && k.only.Is(level) {
		return k.only
	}
	return nil
}

// add takes in a child that is not there yet.
func (k *kids[V]) add(n *node[V], level string) {
	switch {
	case level == "+":
		k.plus = n
	case level == "#":
		k.hash = n
	case k.others != nil:
		k.others.Put(n)
	case k.only != nil:
		k.others = &Set[*node[V]]{}
		k.others.Put(k.only)
		k.others.Put(n)
		k.only = nil
	default:
		k.only = n
	}
}

// drop removes a child and tells whether none is left.
func (k *kids[V]) drop(level string) (empty bool) {
	switch {
	case level == "+":
		k.plus = nil
	case level == "#":
		k.hash = nil
	case k.others == nil:
		k.only = nil
	default:
		k.others.Delete(level)
		if k.others.Len() == 1 {
			for n := range k.others.All() {
				k.only = n
			}
			k.others = nil
		}
	}
	return k.plus == nil && k.hash == nil && k.only == nil && k.others == nil
}

// single says whether there is but one child.
func (k *kids[V]) single() bool {
	n := 0
	for _, kid := range [...]*node[V]{k.plus, k.hash, k.only} {
		if kid != nil {
			n++
		}
	}
	return n == 1 && k.others == nil
}

// appendTo appends all children to a list.
func (k *kids[V]) appendTo(list []*node[V]) []*node[V] {
	for _, n := range [...]*node[V]{k.plus, k.hash, k.only} {
		if n != nil {
			list = append(list, n)
		}
	}
	if k.others != nil {
		for n := range k.others.All() {
			list = append(list, n)
		}
	}
	return list
}
