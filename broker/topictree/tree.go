package topictree

import "strings"

// Tree maps topic filters to values.
type Tree[V any] struct{ trie trie[V] }

// Get returns the value stored under filter itself, and the filter as it was
// first set: who keeps that one instead of its own saves a string.
func (t *Tree[V]) Get(filter string) (kept string, v V, ok bool) {
	if n := t.trie.find(filter); n != nil && n.holds {
		return n.name, n.value, true
	}
	return "", v, false
}

// Set stores v under filter, and keeps the string if it is new.
func (t *Tree[V]) Set(filter string, v V) { t.trie.set(filter, v) }

// Delete removes filter and tells whether it was there.
func (t *Tree[V]) Delete(filter string) bool { return t.trie.remove(filter) }

// Len returns the number of filters.
func (t *Tree[V]) Len() int { return t.trie.size }

// All visits every filter in no particular order until yield returns false.
// The tree must not change meanwhile.
func (t *Tree[V]) All(yield func(filter string, v V) bool) { t.trie.all(yield) }

// fork is a branch that Match has yet to take: a + beside a literal level.
type fork[V any] struct {
	node *node[V]
	at   int
}

// Match calls yield with the value of every filter that matches the topic
// name, each once, in no particular order. The cost is that of the nodes whose
// filter matches a beginning of the topic. It allocates nothing unless more
// than 32 levels of one topic have both a literal and a + branch to follow.
// The tree must not change meanwhile.
func (t *Tree[V]) Match(topic string, yield func(V)) {
	var room [32]fork[V]
	forks := room[:0]
	wild := !strings.HasPrefix(topic, "$") // no wildcard stands for a first level with $ [MQTT-4.7.2-1]
	n, at := &t.trie.root, 0               // at: where the level below n begins in topic
	for {
		var next *node[V]
		k := n.kids
		if k != nil && k.hash != nil && k.hash.holds && wild {
			yield(k.hash.value) // also when the topic ends at n: # includes its parent
		}
		switch {
		case at > len(topic):
			if n.holds {
				yield(n.value)
			}
		case k != nil:
			end := len(topic)
			if i := strings.IndexByte(topic[at:], '/'); i >= 0 {
				end = at + i
			}
			next, at = k.literal(topic[at:end]), end+1
			if k.plus != nil && wild {
				if next == nil {
					next = k.plus
				} else {
					forks = append(forks, fork[V]{k.plus, at})
				}
			}
		}
		if next == nil {
			if len(forks) == 0 {
				return
			}
			last := forks[len(forks)-1]
			forks = forks[:len(forks)-1]
			next, at = last.node, last.at
		}
		n, wild = next, true
	}
}
