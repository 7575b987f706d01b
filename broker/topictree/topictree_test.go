package topictree

import (
	"fmt"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"
	"unsafe"
)

func TestMatch(t *testing.T) {
	for _, c := range []struct{ topic, want string }{
		{"a/b", "# +/+ +/b a/# a/+ a/b a/b/#"},
		{"a", "# a/#"},
		{"a/", "# +/+ a/# a/+"},
		{"/", "# +/+"},
		{"/b", "# +/+ +/b /b"},
		{"$SYS/b", "$SYS/#"},
		{"$SYS", "$SYS/#"},
		{"x$/b", "# +/+ +/b"},
	} {
		var tree Tree[string]
		for _, filter := range strings.Fields("# +/+ +/b a/# a/+ a/b a/b/# /b $SYS/# a/b/c") {
			tree.Set(filter, filter)
		}
		var got []string
		tree.Match(c.topic, func(v string) { got = append(got, v) })
		slices.Sort(got)
		if s := strings.Join(got, " "); s != c.want {
			t.Errorf("match %q: got %q, want %q", c.topic, s, c.want)
		}
	}
}

func TestSetKeepsACopyOfTheFilter(t *testing.T) {
	buffer := []byte("a/b")
	var tree Tree[int]
	tree.Set(string(buffer), 1)
	tree.Set("a/b", 2)
	if v, ok := tree.Get("a/b"); !ok || v != 2 || tree.Len() != 1 {
		t.Fatalf("got %d %v, %d filters", v, ok, tree.Len())
	}
	if _, ok := tree.Get("a"); ok {
		t.Error("a node that is only on the way is found")
	}
}

// TestWildcardAttack sets every filter of 14 levels out of a and +. A topic
// then meets at most the 2^15 nodes of that tree; whatever took the branches
// anew for each level would not come back.
func TestWildcardAttack(t *testing.T) {
	const levels = 14
	var tree Tree[int]
	for set := range 1 << levels {
		filter := make([]string, levels)
		for i := range filter {
			filter[i] = "a"
			if set>>i&1 != 0 {
				filter[i] = "+"
			}
		}
		tree.Set(strings.Join(filter, "/"), set)
	}
	start := time.Now()
	for _, c := range []struct {
		last string
		want int
	}{{"a", 1 << levels}, {"b", 1 << (levels - 1)}, {"a/a", 0}, {strings.Repeat("x", 60000), 1 << (levels - 1)}} {
		got := 0
		tree.Match(strings.Repeat("a/", levels-1)+c.last, func(int) { got++ })
		if got != c.want {
			t.Errorf("last level %.10q: %d matches, want %d", c.last, got, c.want)
		}
	}
	if took := time.Since(start); took > 2*time.Second {
		t.Errorf("4 topics took %v", took)
	}
}

// TestDepth uses topics as deep as the wire allows in every verb.
func TestDepth(t *testing.T) {
	for _, topic := range []string{
		strings.Repeat("a/", 9999) + "a",
		strings.Repeat("/", 65535),
		strings.Repeat("x", 65535),
	} {
		var tree Tree[string]
		for _, filter := range []string{topic, "#", topic[:len(topic)-1] + "+", "+/+", strings.Repeat("+/", 5000) + "#"} {
			tree.Set(filter, filter)
		}
		matched := 0
		tree.Match(topic, func(filter string) {
			matched++
			if !matches(filter, topic) {
				t.Errorf("%.20q matches %.20q", filter, topic)
			}
		})
		if matched < 2 {
			t.Errorf("%.20q: %d matches", topic, matched)
		}
		if !tree.Delete(topic) || tree.Delete(topic) || tree.Len() != 4 {
			t.Errorf("%.20q is not deleted once", topic)
		}
		var names Names[int]
		names.Set(topic, 7)
		for _, filter := range []string{topic, "#"} {
			cursor, sum := names.Cursor(filter), 0
			for cursor.Next(1000, func(_ string, v int) { sum += v }) {
			}
			if sum != 7 {
				t.Errorf("cursor %.10q over %.20q: sum %d", filter, topic, sum)
			}
		}
		names.Delete(topic)
		if names.trie.root.kids != nil {
			t.Errorf("%.20q leaves nodes behind", topic)
		}
	}
}

// TestForks follows more + branches at once than Match has room for on its
// stack.
func TestForks(t *testing.T) {
	const levels = 100
	var tree Tree[int]
	for i := range levels {
		tree.Set(strings.Repeat("a/", i)+"+/#", i)
	}
	got := 0
	tree.Match(strings.Repeat("a/", levels)+"a", func(int) { got++ })
	if got != levels {
		t.Errorf("%d matches, want %d", got, levels)
	}
}

// TestManySiblings fills one parent far beyond the short list and empties it
// again in another order, with the index rebuilt on the way.
func TestManySiblings(t *testing.T) {
	const n = 5000
	var names Names[int]
	topic := func(i int) string { return fmt.Sprint("p/", i*7919%n) }
	for i := range n {
		names.Set(topic(i), i)
	}
	check(t, &names.trie)
	for i := range n {
		if v, ok := names.Get(topic(i)); !ok || v != i {
			t.Fatalf("get %s: %d %v", topic(i), v, ok)
		}
	}
	for i := range n {
		if !names.Delete(topic(i)) {
			t.Fatalf("%s is not there", topic(i))
		}
		if i%500 == 0 {
			check(t, &names.trie)
		}
	}
	if names.Len() != 0 || names.trie.root.kids != nil {
		t.Error("nodes are left")
	}
}

// TestCursorPaysBySlice holds a cursor to its bound of work, over names that
// do not match as much as over those that do.
func TestCursorPaysBySlice(t *testing.T) {
	var names Names[int]
	for i := range 1000 {
		names.Set(fmt.Sprint("p/", i, "/x"), i)
		names.Set(fmt.Sprint("$hidden", i), i)
	}
	for _, c := range []struct {
		filter    string
		want      int
		from, max int // calls
	}{{"p/+/x", 1000, 20, 50}, {"p/+/y", 0, 10, 40}, {"+", 0, 10, 30}, {"#", 1000, 30, 60}, {"p/77/x", 1, 1, 1}} {
		cursor, calls, got := names.Cursor(c.filter), 1, 0
		for cursor.Next(100, func(string, int) { got++ }) {
			calls++
		}
		if got != c.want || calls < c.from || calls > c.max {
			t.Errorf("%s: %d names in %d calls, want %d in %d to %d", c.filter, got, calls, c.want, c.from, c.max)
		}
		if cursor.Next(100, func(string, int) { t.Error("a finished cursor goes on") }) {
			t.Error("a finished cursor says that there is more")
		}
	}
}

// TestCursorWhereItStands removes the very nodes that the cursor stands on,
// and puts them back.
func TestCursorWhereItStands(t *testing.T) {
	var names Names[int]
	for _, topic := range []string{"a/1", "a/2", "a/3", "b/1", "c"} {
		names.Set(topic, 1)
	}
	cursor := names.Cursor("#")
	var got []string
	visit := func(topic string, _ int) { got = append(got, topic) }
	for len(got) < 2 {
		cursor.Next(1, visit)
	}
	for _, topic := range []string{"a/1", "a/2", "a/3"} {
		names.Delete(topic)
	}
	for _, topic := range []string{"a/1", "a/2", "a/9"} {
		names.Set(topic, 2)
	}
	for cursor.Next(1, func(topic string, _ int) { got = append(got, topic); names.Delete(topic) }) {
	}
	if s := strings.Join(got, " "); s != "a/1 a/2 b/1 c" {
		t.Errorf("visited %s", s)
	}
	if names.Len() != 3 {
		t.Errorf("%d names are left", names.Len())
	}
}

// TestCursorPassesOverWhatIsYounger holds for literal levels as for wildcards.
func TestCursorPassesOverWhatIsYounger(t *testing.T) {
	for _, filter := range []string{"a/b", "a/+", "#"} {
		var names Names[int]
		names.Set("a/x/y", 1)
		cursor, got := names.Cursor(filter), 0
		names.Set("a/b", 2)
		for cursor.Next(1, func(topic string, _ int) {
			if topic == "a/b" {
				got++
			}
		}) {
		}
		if got != 0 {
			t.Errorf("%s visits a name that came later", filter)
		}
	}
}

// TestInnerNodesCopyTheirLevel makes sure that a node on the way, which may
// live for ever, does not keep the string of a topic that is gone.
func TestInnerNodesCopyTheirLevel(t *testing.T) {
	var names Names[int]
	topic := "first/second/third"
	names.Set(topic, 1)
	names.Set("first/second", 2)
	names.Set("first/second/other", 3)
	names.Delete(topic)
	names.Delete("first/second")
	for _, inner := range []string{"first", "first/second"} {
		n := names.trie.find(inner)
		if n.name != n.level() || unsafe.StringData(n.name) == unsafe.StringData(topic) {
			t.Errorf("the node of %s keeps %q", inner, n.name)
		}
	}
}

func TestAllStops(t *testing.T) {
	var tree Tree[int]
	for i := range 10 {
		tree.Set(fmt.Sprint("f/", i), i)
	}
	n := 0
	for range tree.All {
		if n++; n == 3 {
			break
		}
	}
	if n != 3 {
		t.Errorf("visited %d", n)
	}
}

func TestMatchAllocatesNothing(t *testing.T) {
	if raceEnabled {
		t.Skip("the race detector allocates")
	}
	tree, topics := subscriptions(2000)
	sum, i := 0, 0
	add := func(v int) { sum += v }
	if n := testing.AllocsPerRun(1000, func() { tree.Match(topics[i%len(topics)], add); i++ }); n != 0 {
		t.Errorf("match: %v allocations", n)
	}
	var names Names[int]
	for i, topic := range topics {
		names.Set(topic, i)
	}
	if n := testing.AllocsPerRun(1000, func() { names.Set(topics[i%len(topics)], i); names.Get(topics[i%len(topics)]); i++ }); n != 0 {
		t.Errorf("set and get of a known name: %v allocations", n)
	}
}

// subscriptions are n clients with four filters each, and a topic for each.
func subscriptions(n int) (*Tree[int], []string) {
	tree, topics := &Tree[int]{}, make([]string, n)
	for i := range n {
		topics[i] = fmt.Sprintf("site/%d/device/%d/temperature", i%100, i)
		tree.Set(topics[i], i)
		tree.Set(fmt.Sprintf("site/%d/device/%d/#", i%100, i), i)
		tree.Set(fmt.Sprintf("site/+/device/%d/+", i), i)
		tree.Set(fmt.Sprintf("client/%d/commands", i), i)
	}
	return tree, topics
}

func BenchmarkMatch(b *testing.B) {
	for _, n := range []int{100, 10_000} {
		b.Run(fmt.Sprint("clients=", n), func(b *testing.B) {
			tree, topics := subscriptions(n)
			matched := 0
			count := func(int) { matched++ }
			b.ReportAllocs()
			for i := 0; b.Loop(); i++ {
				tree.Match(topics[i%n], count)
			}
			b.ReportMetric(float64(matched)/float64(b.N), "matches/op")
		})
	}
}

func BenchmarkSubscribe(b *testing.B) {
	tree, topics := subscriptions(10_000)
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		filter := topics[i%len(topics)]
		tree.Delete(filter)
		tree.Set(filter, i)
	}
}

// BenchmarkNames reports what a retained name costs beside its own string, and
// the longest single Set (the growth of the index).
func BenchmarkNames(b *testing.B) {
	const n = 1_000_000
	for _, shape := range []string{"flat/%07d", "dev/%07d/state"} {
		b.Run(strings.ReplaceAll(shape, "/", "_"), func(b *testing.B) {
			topics := make([]string, n)
			for i := range topics {
				topics[i] = fmt.Sprintf(shape, i)
			}
			value := new(int)
			for b.Loop() {
				var before, after runtime.MemStats
				runtime.GC()
				runtime.ReadMemStats(&before)
				names := &Names[*int]{}
				var longest time.Duration
				start := time.Now()
				for _, topic := range topics {
					one := time.Now()
					names.Set(topic, value)
					longest = max(longest, time.Since(one))
				}
				b.ReportMetric(float64(time.Since(start).Nanoseconds())/n, "ns/set")
				b.ReportMetric(float64(longest.Microseconds()), "µs/longest-set")
				runtime.GC()
				runtime.ReadMemStats(&after)
				b.ReportMetric(float64(after.HeapAlloc-before.HeapAlloc)/n, "B/name")
				start = time.Now()
				found := 0
				for cursor := names.Cursor("#"); cursor.Next(1024, func(string, *int) { found++ }); {
				}
				if found != n {
					b.Fatalf("found %d", found)
				}
				b.ReportMetric(float64(time.Since(start).Nanoseconds())/n, "ns/visit")
			}
		})
	}
}
