package topictree

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strconv"
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
		if n.holds {
			values++
		}
		if n != &tr.root && !n.holds && n.kids == nil {
			t.Fatalf("node %q serves nobody", n.name)
		}
		k := n.kids
		if k == nil {
			continue
		}
		children := k.appendTo(nil)
		if len(children) == 0 {
			t.Fatalf("node %q keeps an empty set of children", n.name)
		}
		if k.others != nil && (k.others.Len() < 2 || k.only != nil) || k.single() != (len(children) == 1) {
			t.Fatalf("node %q does not know how many children it has", n.name)
		}
		for _, c := range children {
			if k.get(c.level()) != c {
				t.Fatalf("child %q of %q is not found", c.name, n.name)
			}
		}
		todo = append(todo, children...)
	}
	if values != tr.size {
		t.Fatalf("%d values, counted %d", values, tr.size)
	}
}

// checkNames walks over all pages and reports what must never be.
func checkNames(t *testing.T, names *Names) {
	t.Helper()
	topics, outside, last := 0, 0, ""
	if len(names.lows.texts) != len(names.chunks) {
		t.Fatalf("%d chunks have %d lows", len(names.chunks), len(names.lows.texts))
	}
	for ci, c := range names.chunks {
		if len(c.pages) == 0 || len(c.pages) > chunkPages || len(c.lows.texts) != len(c.pages) || c.lows.texts[0] != names.lows.texts[ci] {
			t.Fatalf("a chunk has %d pages and %d lows, the first %q, known as %q", len(c.pages), len(c.lows.texts), c.lows.texts[0], names.lows.texts[ci])
		}
		for pi, p := range c.pages {
			low := c.lows.texts[pi]
			if (ci == 0 && pi == 0) != (low == "") || low < last {
				t.Fatalf("the range of page %d/%d begins with %q, behind %q", ci, pi, low, last)
			}
			if want := names.prefix(low, spot{ci, pi}); p.prefix != want {
				t.Fatalf("the prefix of page %d/%d is %q, its range says %q", ci, pi, p.prefix, want)
			}
			if len(p.starts) == 0 && names.size > 0 {
				t.Fatalf("page %d/%d is empty", ci, pi)
			}
			for i := range p.starts {
				topic := string(p.topic(nil, i))
				if topic < low || topics > 0 && topic <= last {
					t.Fatalf("%q is behind %q in the range of %q", topic, last, low)
				}
				if at := names.locate(topic); names.at(at) != p {
					t.Fatalf("%q is on another page than it should be", topic)
				}
				if _, value, out := p.entry(i); out {
					outside++
					if v := names.value(p, i); len(v) <= inside {
						t.Fatalf("%q has %d bytes outside, at %x", topic, len(v), value)
					}
				} else if len(value) > inside {
					t.Fatalf("%q has %d bytes inside", topic, len(value))
				}
				topics++
				last = topic
			}
		}
	}
	if topics != names.size || outside != len(names.outside)-len(names.free) {
		t.Fatalf("%d topics, counted %d; %d outside, %d of %d places free", topics, names.size, outside, len(names.free), len(names.outside))
	}
}

// bytesOf makes a value of i: most are short, some lie outside their page.
func bytesOf(i int) []byte {
	b := []byte(strconv.Itoa(i))
	if i%7 == 0 {
		b = append(b, make([]byte, i*131%1500)...)
	}
	return b
}

// collect is what All and a whole walk give, by topic.
func collect(t *testing.T, all func(func(topic, value []byte) bool)) map[string]string {
	t.Helper()
	m := map[string]string{}
	for topic, value := range all {
		if _, twice := m[string(topic)]; twice {
			t.Fatalf("%q comes twice", topic)
		}
		m[string(topic)] = string(value)
	}
	return m
}

// stepping is a whole walk in steps of n.
func stepping(c *Cursor, n int) func(func(topic, value []byte) bool) {
	return func(yield func(topic, value []byte) bool) {
		for c.Next(n, taking(func(topic, value []byte) { yield(topic, value) })) {
		}
	}
}

// taking is a visit that takes every topic.
func taking(visit func(topic, value []byte)) func(topic, value []byte) bool {
	return func(topic, value []byte) bool {
		visit(topic, value)
		return true
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
			filter := filterOf(r)
			_, known := model[filter]
			if r.IntN(5) < 3 {
				tree.Set(filter, i)
				model[filter] = i
			} else {
				if tree.Delete(filter) != known {
					t.Fatalf("seed %d: delete %q: want %v", seed, filter, known)
				}
				delete(model, filter)
			}
			if tree.Len() != len(model) {
				t.Fatalf("seed %d: Len %d, want %d", seed, tree.Len(), len(model))
			}
			compareMatch(t, &tree, model, topicOf(r))
			probe := filterOf(r)
			want, ok := model[probe]
			if kept, v, found := tree.Get(probe); found != ok || v != want || ok && kept != probe {
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
	for seed := range uint64(600) {
		r := rand.New(rand.NewPCG(seed, 2))
		var names Names
		model := map[string]string{}
		set := func(topic string, i int) {
			value := bytesOf(i)
			cut := r.IntN(len(value) + 1)
			names.Set(topic, value[:cut], value[cut:])
			model[topic] = string(value)
		}
		for i := range 150 * int(1+seed%2*10) {
			set(topicOf(r), i)
		}
		filter := filterOf(r)
		cursor := names.Cursor(filter)
		steady := maps.Clone(model) // topics that no change has touched
		seen := map[string]bool{}
		change := func(i int) {
			topic := topicOf(r)
			delete(steady, topic)
			if r.IntN(2) == 0 {
				set(topic, i)
				return
			}
			_, there := model[topic]
			if names.Delete(topic) != there {
				t.Fatalf("seed %d: delete %q: want %v", seed, topic, there)
			}
			delete(model, topic)
		}
		refused := ""
		for step := 0; ; step++ {
			more := cursor.Next(1+r.IntN(6), func(topic, v []byte) bool {
				if refused != "" && string(topic) != refused {
					if _, there := model[refused]; there {
						t.Fatalf("seed %d: filter %q goes on to %q behind %q, which was not taken", seed, filter, topic, refused)
					}
				}
				if refused = ""; r.IntN(4) == 0 {
					refused = string(topic)
					return false
				}
				if want, ok := model[string(topic)]; !ok || string(v) != want || seen[string(topic)] || !matches(filter, string(topic)) {
					t.Fatalf("seed %d: filter %q visits %q=%.10q, want %.10q (there %v, seen %v)", seed, filter, topic, v, want, ok, seen[string(topic)])
				}
				seen[string(topic)] = true
				if r.IntN(3) == 0 {
					change(step)
				}
				return true
			})
			if !more {
				break
			}
			if step > 10000 {
				t.Fatalf("seed %d: filter %q does not end", seed, filter)
			}
			for range r.IntN(5) {
				change(step)
			}
		}
		for topic := range steady {
			if matches(filter, topic) && !seen[topic] {
				t.Fatalf("seed %d: filter %q passes over %q", seed, filter, topic)
			}
		}
		checkNames(t, &names)
		if walked := collect(t, stepping(names.Walk(), 7)); !maps.Equal(walked, model) {
			t.Fatalf("seed %d: Walk gives %.200q, want %.200q", seed, walked, model)
		}
		if all := collect(t, names.All); !maps.Equal(all, model) || names.Len() != len(model) {
			t.Fatalf("seed %d: All gives %.200q, want %.200q", seed, all, model)
		}
		for topic, want := range model {
			if v, ok := names.Get(topic); !ok || string(v) != want {
				t.Fatalf("seed %d: get %q: %.10q %v, want %.10q", seed, topic, v, ok, want)
			}
		}
	}
}

// TestNamesGrowAndShrink fills and empties many pages in several orders, with
// topics and values of all sizes, and holds them to a map.
func TestNamesGrowAndShrink(t *testing.T) {
	for seed := range uint64(12) {
		r := rand.New(rand.NewPCG(seed, 3))
		var names Names
		model := map[string]string{}
		topic := func(i int) string {
			switch {
			case seed%3 == 2 && i%50 == 0: // a long prefix that few share
				return strings.Repeat("long/", i%3000) + strconv.Itoa(i)
			case seed%3 == 1:
				return fmt.Sprintf("site/%04d/dev/%05d", i%37, i)
			}
			return fmt.Sprintf("site/%d/dev/%d", i%7, i)
		}
		const n = 6000
		for range 3 * n {
			i := r.IntN(n)
			names.Set(topic(i), bytesOf(i+r.IntN(3)), []byte("!"))
			v, _ := names.Get(topic(i))
			model[topic(i)] = string(v)
			if !strings.HasSuffix(string(v), "!") {
				t.Fatalf("seed %d: %q has the value %.10q", seed, topic(i), v)
			}
		}
		checkNames(t, &names)
		if all := collect(t, names.All); !maps.Equal(all, model) {
			t.Fatalf("seed %d: All gives another set", seed)
		}
		order := slices.Sorted(maps.Keys(model))
		switch seed % 4 {
		case 0:
			slices.Reverse(order)
		case 1:
			r.Shuffle(len(order), func(i, j int) { order[i], order[j] = order[j], order[i] })
		}
		for i, topic := range order {
			if !names.Delete(topic) || names.Delete(topic) {
				t.Fatalf("seed %d: %q is not deleted once", seed, topic)
			}
			delete(model, topic)
			if i%500 == 0 {
				checkNames(t, &names)
				if all := collect(t, names.All); !maps.Equal(all, model) {
					t.Fatalf("seed %d: All gives another set after %d", seed, i)
				}
			}
		}
		if names.chunks != nil || names.outside != nil || names.Len() != 0 {
			t.Fatalf("seed %d: %d pages and %d values are left", seed, len(names.chunks), len(names.outside))
		}
	}
}

// TestNamesOfManyPages lets chunks of pages come and go as well.
func TestNamesOfManyPages(t *testing.T) {
	for seed := range uint64(6) {
		r := rand.New(rand.NewPCG(seed, 4))
		var names Names
		order := r.Perm(20_000)
		if seed%3 == 1 {
			slices.Sort(order)
		} else if seed%3 == 2 {
			slices.Sort(order)
			slices.Reverse(order)
		}
		model := map[string]string{}
		for _, i := range order {
			topic, value := fmt.Sprintf("site/%04d/%04d", i%300, i), make([]byte, 300+i%200)
			copy(value, topic)
			names.Set(topic, value)
			model[topic] = string(value)
		}
		checkNames(t, &names)
		if len(names.chunks) < 3 {
			t.Fatalf("seed %d: %d chunks are too few for this test", seed, len(names.chunks))
		}
		if all := collect(t, names.All); !maps.Equal(all, model) {
			t.Fatalf("seed %d: All gives another set", seed)
		}
		for n, i := range r.Perm(20_000) {
			if topic := fmt.Sprintf("site/%04d/%04d", i%300, i); !names.Delete(topic) {
				t.Fatalf("seed %d: %q is not there", seed, topic)
			}
			if n%4000 == 0 {
				checkNames(t, &names)
			}
		}
		checkNames(t, &names)
	}
}

// TestNamesPartChunks puts one more topic into a chunk that is full of full
// pages, wherever that may be.
func TestNamesPartChunks(t *testing.T) {
	for _, at := range []int{0, 1, 254, 255, 256, 257, 400, 510, 511} {
		for _, where := range []string{"before", "between", "behind"} {
			var names Names
			value := bytesOf(7 * 400)[:400]
			for i := 10; len(names.chunks) < 1 || len(names.chunks[0].pages) < chunkPages || names.chunks[0].pages[chunkPages-1].fits(408); i += 10 {
				names.Set(fmt.Sprintf("t/%06d", i), value)
			}
			p := names.chunks[0].pages[at]
			topic := string(p.topic(nil, 0))
			switch where {
			case "before":
				topic = topic[:len(topic)-1]
			case "between":
				topic = string(p.topic(nil, 2)) + "/x"
			case "behind":
				topic = string(p.topic(nil, len(p.starts)-1)) + "/x"
			}
			names.Set(topic, value)
			checkNames(t, &names)
			if _, ok := names.Get(topic); !ok || len(names.chunks) != 2 {
				t.Errorf("%s %d: there %v, %d chunks", where, at, ok, len(names.chunks))
			}
		}
	}
}

// TestNamesVacatePages empties pages and puts back what was in them.
func TestNamesVacatePages(t *testing.T) {
	var names Names
	value := make([]byte, 330)
	for i := range 20_000 {
		names.Set(fmt.Sprintf("%05d", i), value)
	}
	for _, s := range []spot{{0, 0}, {0, 1}, {1, 0}, {1, 7}, {2, 0}, {-1, 0}, {-1, -1}} {
		if s.chunk < 0 {
			s.chunk = len(names.chunks) - 1
		}
		if s.page < 0 {
			s.page = len(names.chunks[s.chunk].pages) - 1
		}
		p := names.at(s)
		var topics []string
		for i := range p.starts {
			topics = append(topics, string(p.topic(nil, i)))
		}
		for _, topic := range topics {
			names.Delete(topic)
		}
		checkNames(t, &names)
		for _, topic := range topics {
			names.Set(topic, value)
			names.Set(topic+"/x", value)
		}
		checkNames(t, &names)
	}
}

// TestNamesFillTheirPages in all the orders in which topics come.
func TestNamesFillTheirPages(t *testing.T) {
	for _, order := range []string{"up", "down", "in turn up", "in turn down", "random"} {
		var names Names
		const n = 10_000
		for i, at := range rand.New(rand.NewPCG(1, 1)).Perm(n) {
			switch order {
			case "up", "in turn up":
				at = i
			case "down", "in turn down":
				at = n - 1 - i
			}
			if strings.HasPrefix(order, "in turn") {
				at = at%50*1000 + at/50
			}
			names.Set(fmt.Sprintf("site/%02d/dev/%04d/temp", at/1000, at%1000), make([]byte, 32))
		}
		checkNames(t, &names)
		pages := 0
		for _, c := range names.chunks {
			pages += len(c.pages)
		}
		if each := n / pages; each < 45 {
			t.Errorf("%s: %d topics a page", order, each)
		}
	}
}

// TestNamesThatComeDownToAFullPage: their pages are full, too.
func TestNamesThatComeDownToAFullPage(t *testing.T) {
	for n := range 150 {
		var names Names
		for i := range n {
			names.Set(fmt.Sprintf("a/%03d", i), make([]byte, 32))
		}
		for i := range 200 {
			names.Set(fmt.Sprintf("b/%03d", 999-i), make([]byte, 32))
		}
		if pages := len(names.chunks[0].pages); pages > 10 {
			t.Fatalf("200 topics down to %d others take %d pages", n, pages)
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
		var names Names
		filters, topics := map[string]int{}, map[string]string{}
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
					names.Set(filter, bytesOf(i))
					topics[filter] = string(bytesOf(i))
				}
			}
		}
		check(t, &tree.trie)
		checkNames(t, &names)
		compareMatch(t, &tree, filters, topic)
		for filter := range filters {
			want := map[string]string{}
			for topic, v := range topics {
				if matches(filter, topic) {
					want[topic] = v
				}
			}
			if got := collect(t, stepping(names.Cursor(filter), 3)); !maps.Equal(got, want) {
				t.Fatalf("cursor %q: got %q, want %q", filter, got, want)
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
