package topictree

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"mqtk/mqttwire"
)

// matches is the rule of section 4.7, level by level, as plain as it gets.
func matches(filter, topic string) bool {
	f, t := strings.Split(filter, "/"), strings.Split(topic, "/")
	if strings.HasPrefix(topic, "$") && (f[0] == "+" || f[0] == "#") {
		return false
	}
	for i, level := range f {
		switch {
		case level == "#":
			return true
		case i >= len(t), level != "+" && level != t[i]:
			return false
		}
	}
	return len(f) == len(t)
}

// topicOf and filterOf draw from few levels, so that things meet; level "" and
// $ are among them.
func topicOf(r *rand.Rand) string {
	levels := make([]string, 1+r.IntN(5))
	for i := range levels {
		levels[i] = []string{"a", "b", "", "$c", "dd", "a$"}[r.IntN(6)]
		if r.IntN(4) == 0 {
			levels[i] = fmt.Sprint("n", r.IntN(30))
		}
	}
	if len(levels) == 1 && levels[0] == "" {
		return "/"
	}
	return strings.Join(levels, "/")
}

func filterOf(r *rand.Rand) string {
	levels := strings.Split(topicOf(r), "/")
	for i := range levels {
		if r.IntN(3) == 0 {
			levels[i] = "+"
		}
	}
	if r.IntN(3) == 0 {
		levels[len(levels)-1] = "#"
	}
	return strings.Join(levels, "/")
}

// check walks over the whole trie and reports what must never be.
func check[V any](t *testing.T, tr *trie[V]) {
	t.Helper()
	values := 0
	todo := []*node[V]{&tr.root}
	for len(todo) > 0 {
		n := todo[len(todo)-1]
		todo = todo[:len(todo)-1]
		if n.holds() {
			values++
		}
		if n != &tr.root && !n.holds() && n.kids == nil {
			t.Fatalf("node %q serves nobody", n.name)
		}
		k := n.kids
		if k == nil {
			continue
		}
		if k.live() == 0 && k.plus == nil && k.hash == nil {
			t.Fatalf("node %q keeps an empty set of children", n.name)
		}
		var last uint64
		live := 0
		for i, c := range k.list {
			if c.node.number() <= last {
				t.Fatalf("children of %q: number %d after %d", n.name, c.node.number(), last)
			}
			last = c.node.number()
			if c.size == gone {
				if c.node.kids != nil || c.node.holds() || c.node.name != "" {
					t.Fatalf("removed child %d of %q is not empty", i, n.name)
				}
				continue
			}
			live++
			if c.node.parent != n || int(c.size) != len(c.node.level()) || k.literal(c.node.level(), tr.seed) != c.node {
				t.Fatalf("child %q of %q is not found", c.node.name, n.name)
			}
			todo = append(todo, c.node)
		}
		if live != k.live() || k.index != nil && k.index.gone > live {
			t.Fatalf("children of %q: %d of %d live, counted %d", n.name, live, len(k.list), k.live())
		}
		for _, wild := range []*node[V]{k.plus, k.hash} {
			if wild != nil {
				todo = append(todo, wild)
			}
		}
	}
	if values != tr.size {
		t.Fatalf("%d values, counted %d", values, tr.size)
	}
}

// TestModelAgreesWithTheWire keeps the two readings of section 4.7 together:
// the one that the trees are held to here, and the one that the house uses for
// single filters.
func TestModelAgreesWithTheWire(t *testing.T) {
	r := rand.New(rand.NewPCG(5, 6))
	for range 50_000 {
		filter, topic := filterOf(r), topicOf(r)
		if got, want := mqttwire.Match(filter, topic), matches(filter, topic); got != want {
			t.Fatalf("filter %q, topic %q: mqttwire.Match says %v, the model %v", filter, topic, got, want)
		}
	}
}

func compareMatch(t *testing.T, tree *Tree[int], model map[string]int, topic string) {
	t.Helper()
	var got, want []int
	tree.Match(topic, func(v int) { got = append(got, v) })
	for f, v := range model {
		if matches(f, topic) {
			want = append(want, v)
		}
	}
	slices.Sort(got)
	slices.Sort(want)
	if !slices.Equal(got, want) {
		t.Fatalf("match %q: got %v, want %v of %v", topic, got, want, model)
	}
}

func TestTreeAgainstModel(t *testing.T) {
	for seed := range uint64(40) {
		r := rand.New(rand.NewPCG(seed, 1))
		var tree Tree[int]
		model := map[string]int{}
		for i := range 400 {
			filter, before := filterOf(r), tree.Generation()
			_, known := model[filter]
			if r.IntN(5) < 3 {
				tree.Set(filter, i)
				model[filter] = i
				known = !known
			} else {
				if tree.Delete(filter) != known {
					t.Fatalf("seed %d: delete %q: want %v", seed, filter, known)
				}
				delete(model, filter)
			}
			if changed := tree.Generation() != before; changed != known {
				t.Fatalf("seed %d: %q: generation changed: %v, want %v", seed, filter, changed, known)
			}
			if tree.Len() != len(model) {
				t.Fatalf("seed %d: Len %d, want %d", seed, tree.Len(), len(model))
			}
			compareMatch(t, &tree, model, topicOf(r))
			probe := filterOf(r)
			want, ok := model[probe]
			if v, found := tree.Get(probe); found != ok || v != want {
				t.Fatalf("seed %d: get %q: %d %v, want %d %v", seed, probe, v, found, want, ok)
			}
		}
		check(t, &tree.trie)
		if all := maps.Collect(tree.All); !maps.Equal(all, model) {
			t.Fatalf("seed %d: All gives %v, want %v", seed, all, model)
		}
		for f := range model {
			tree.Delete(f)
		}
		if tree.Len() != 0 || tree.trie.root.kids != nil {
			t.Fatalf("seed %d: nodes are left after every filter is deleted", seed)
		}
	}
}

// TestCursorAgainstModel changes the names between the steps of several
// cursors and holds them to their promise.
func TestCursorAgainstModel(t *testing.T) {
	for seed := range uint64(300) {
		r := rand.New(rand.NewPCG(seed, 2))
		var names Names[int]
		model := map[string]int{}
		for i := range 150 {
			topic := topicOf(r)
			names.Set(topic, i)
			model[topic] = i
		}
		filter := filterOf(r)
		cursor := names.Cursor(filter)
		steady := maps.Clone(model) // topics that no change has touched
		seen := map[string]bool{}
		for step := 0; ; step++ {
			more := cursor.Next(1+r.IntN(6), func(topic string, v int) {
				if want, ok := model[topic]; !ok || v != want || seen[topic] || !matches(filter, topic) {
					t.Fatalf("seed %d: filter %q visits %q=%d, want %d (there %v, seen %v)", seed, filter, topic, v, want, ok, seen[topic])
				}
				seen[topic] = true
			})
			if !more {
				break
			}
			if step > 10000 {
				t.Fatalf("seed %d: filter %q does not end", seed, filter)
			}
			for range r.IntN(5) {
				topic := topicOf(r)
				delete(steady, topic)
				if r.IntN(2) == 0 {
					names.Set(topic, step)
					model[topic] = step
				} else {
					names.Delete(topic)
					delete(model, topic)
				}
			}
		}
		for topic := range steady {
			if matches(filter, topic) && !seen[topic] {
				t.Fatalf("seed %d: filter %q passes over %q", seed, filter, topic)
			}
		}
		check(t, &names.trie)
		walked := map[string]int{}
		for walk := names.Walk(); walk.Next(7, func(topic string, v int) { walked[topic] = v }); {
		}
		if !maps.Equal(walked, model) {
			t.Fatalf("seed %d: Walk gives %v, want %v", seed, walked, model)
		}
		if all := maps.Collect(names.All); !maps.Equal(all, model) || names.Len() != len(model) {
			t.Fatalf("seed %d: All gives %v, want %v", seed, all, model)
		}
	}
}

func FuzzTree(f *testing.F) {
	f.Add("a/+/b\na/#\n#\n+/+\n$s/#\n/\n\n", "a/x/b")
	f.Add("-a\na\n-a\na/b\n-a/b\n", "a")
	f.Add(strings.Repeat("+/", 50)+"#", strings.Repeat("/", 60))
	f.Fuzz(func(t *testing.T, script, topic string) {
		if topic == "" || strings.ContainsAny(topic, "+#") {
			return
		}
		var tree Tree[int]
		var names Names[int]
		filters, topics := map[string]int{}, map[string]int{}
		for i, line := range strings.Split(script, "\n") {
			filter, off := strings.CutPrefix(line, "-")
			switch {
			case !valid(filter):
			case off:
				tree.Delete(filter)
				names.Delete(filter)
				delete(filters, filter)
				delete(topics, filter)
			default:
				tree.Set(filter, i)
				filters[filter] = i
				if !strings.ContainsAny(filter, "+#") {
					names.Set(filter, i)
					topics[filter] = i
				}
			}
		}
		check(t, &tree.trie)
		check(t, &names.trie)
		compareMatch(t, &tree, filters, topic)
		for filter := range filters {
			got, want := map[string]int{}, map[string]int{}
			cursor := names.Cursor(filter)
			for cursor.Next(3, func(topic string, v int) { got[topic] = v }) {
			}
			for topic, v := range topics {
				if matches(filter, topic) {
					want[topic] = v
				}
			}
			if !maps.Equal(got, want) {
				t.Fatalf("cursor %q: got %v, want %v", filter, got, want)
			}
		}
	})
}

func valid(filter string) bool {
	levels := strings.Split(filter, "/")
	for i, level := range levels {
		if len(level) > 1 && strings.ContainsAny(level, "+#") || level == "#" && i < len(levels)-1 {
			return false
		}
	}
	return filter != ""
}
