package topictree

import (
	"bytes"
	"fmt"
	"math/rand/v2"
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

// The filter that was there first is the one that is kept and handed out.
func TestGetGivesTheKeptFilter(t *testing.T) {
	first, second := strings.Clone("a/b"), strings.Clone("a/b")
	var tree Tree[int]
	tree.Set(first, 1)
	tree.Set(second, 2)
	kept, v, ok := tree.Get("a/b")
	if !ok || v != 2 || tree.Len() != 1 {
		t.Fatalf("got %d %v, %d filters", v, ok, tree.Len())
	}
	if unsafe.StringData(kept) != unsafe.StringData(first) {
		t.Error("the filter is kept twice")
	}
	if _, _, ok := tree.Get("a"); ok {
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
		var names Names
		names.Set(topic, []byte("7"))
		names.Set(topic[:len(topic)/2*2], []byte("8"))
		for _, filter := range []string{topic, "#", strings.Repeat("+/", strings.Count(topic, "/")) + "+"} {
			got := ""
			for cursor := names.Cursor(filter); cursor.Next(1000, taking(func(_, v []byte) { got += string(v) })); {
			}
			if !strings.HasSuffix(got, "7") && !strings.HasPrefix(got, "7") {
				t.Errorf("cursor %.10q over %.20q: %s", filter, topic, got)
			}
		}
		names.Delete(topic)
		checkNames(t, &names)
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
	var tree Tree[int]
	filter := func(i int) string { return fmt.Sprint("p/", i*7919%n) }
	for i := range n {
		tree.Set(filter(i), i)
	}
	check(t, &tree.trie)
	for i := range n {
		if _, v, ok := tree.Get(filter(i)); !ok || v != i {
			t.Fatalf("get %s: %d %v", filter(i), v, ok)
		}
	}
	for i := range n {
		if !tree.Delete(filter(i)) {
			t.Fatalf("%s is not there", filter(i))
		}
		if i%500 == 0 {
			check(t, &tree.trie)
		}
	}
	if tree.Len() != 0 || tree.trie.root.kids != nil {
		t.Error("nodes are left")
	}
}

// TestCursorPaysBySlice holds a cursor to its bound of work, over names that
// do not match as much as over those that do. What cannot match is not looked
// at: that is what the last ones are about.
func TestCursorPaysBySlice(t *testing.T) {
	var names Names
	for i := range 1000 {
		names.Set(fmt.Sprint("p/", i, "/x"), []byte("x"))
		names.Set(fmt.Sprint("$hidden", i), []byte("x"))
	}
	for _, c := range []struct {
		filter    string
		want      int
		from, max int // calls
	}{{"p/+/x", 1000, 10, 50}, {"p/+/y", 0, 70, 90}, {"#", 1000, 10, 60}, {"p/+/+", 1000, 10, 11},
		{"p/77/x", 1, 1, 1}, {"+", 0, 1, 1}, {"q/#", 0, 1, 1}, {"p/99/#", 1, 1, 1}, {"$hidden77", 1, 1, 1}} {
		cursor, calls, got := names.Cursor(c.filter), 1, 0
		for cursor.Next(100, taking(func([]byte, []byte) { got++ })) {
			calls++
		}
		if got != c.want || calls < c.from || calls > c.max {
			t.Errorf("%s: %d names in %d calls, want %d in %d to %d", c.filter, got, calls, c.want, c.from, c.max)
		}
		if cursor.Next(100, taking(func([]byte, []byte) { t.Error("a finished cursor goes on") })) {
			t.Error("a finished cursor says that there is more")
		}
	}
}

// TestCursorWhereItStands removes the very topics that the cursor stands on,
// and puts them back.
func TestCursorWhereItStands(t *testing.T) {
	var names Names
	for _, topic := range []string{"a/1", "a/2", "a/3", "b/1", "c"} {
		names.Set(topic, []byte("1"))
	}
	cursor := names.Cursor("#")
	var got []string
	visit := func(topic, _ []byte) { got = append(got, string(topic)) }
	for len(got) < 2 {
		cursor.Next(1, taking(visit))
	}
	for _, topic := range []string{"a/1", "a/2", "a/3"} {
		names.Delete(topic)
	}
	for _, topic := range []string{"a/1", "a/2", "a/0"} {
		names.Set(topic, []byte("2"))
	}
	for cursor.Next(1, taking(func(topic, v []byte) { visit(topic, v); names.Delete(string(topic)) })) {
	}
	if s := strings.Join(got, " "); s != "a/1 a/2 b/1 c" {
		t.Errorf("visited %s", s)
	}
	if names.Len() != 3 {
		t.Errorf("%d names are left", names.Len())
	}
}

// TestCursorOverNothing begins before there is anything, and goes on when there
// is nothing left.
func TestCursorOverNothing(t *testing.T) {
	var names Names
	for range stepping(names.Cursor("#"), 3) {
		t.Error("something is visited")
	}
	names.Set("a", nil)
	names.Set("b", nil)
	cursor := names.Cursor("#")
	cursor.Next(1, taking(func([]byte, []byte) {}))
	names.Delete("a")
	names.Delete("b")
	if cursor.Next(1, taking(func([]byte, []byte) { t.Error("what is gone is visited") })) {
		t.Error("there is more of nothing")
	}
}

// TestInnerNodesCopyTheirLevel makes sure that a node on the way, which may
// live for ever, does not keep the string of a filter that is gone.
func TestInnerNodesCopyTheirLevel(t *testing.T) {
	var tree trie[int]
	filter := "first/second/third"
	tree.set(filter, 1)
	tree.set("first/second", 2)
	tree.set("first/second/other", 3)
	tree.remove(filter)
	tree.remove("first/second")
	for _, inner := range []string{"first", "first/second"} {
		n := tree.find(inner)
		if n.name != n.level() || unsafe.StringData(n.name) == unsafe.StringData(filter) {
			t.Errorf("the node of %s keeps %q", inner, n.name)
		}
	}
}

// TestNamesKeepNoView: what is handed over may change afterwards.
func TestNamesKeepNoView(t *testing.T) {
	for _, size := range []int{3, 3 * inside} {
		topic, value := []byte("a/b"), bytes.Repeat([]byte("x"), size)
		want := string(value)
		var names Names
		names.Set(unsafe.String(&topic[0], len(topic)), value)
		clear(topic)
		clear(value)
		if v, ok := names.Get("a/b"); !ok || string(v) != want {
			t.Errorf("the value of %d bytes is %.10q, %v", size, v, ok)
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
	var names Names
	value := make([]byte, 16)
	for _, topic := range topics {
		names.Set(topic, value)
	}
	if n := testing.AllocsPerRun(1000, func() { names.Set(topics[i%len(topics)], value[:8], value[8:]); names.Get(topics[i%len(topics)]); i++ }); n != 0 {
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

// BenchmarkNames reports what a topic and a value of 32 bytes cost in memory,
// and the longest single Set. The orders are those in which devices come to be:
// by name, site by site in turn, and at random.
func BenchmarkNames(b *testing.B) {
	const n = 1_000_000
	for _, order := range []string{"sorted", "in-turn", "random"} {
		b.Run(order, func(b *testing.B) {
			topics := make([]string, n)
			for i := range topics {
				topics[i] = fmt.Sprintf("site/%04d/dev/%04d/temp", i/1000, i%1000)
			}
			switch order {
			case "in-turn":
				slices.SortFunc(topics, func(a, b string) int { return strings.Compare(a[10:], b[10:]) })
			case "random":
				rand.New(rand.NewPCG(1, 1)).Shuffle(n, func(i, j int) { topics[i], topics[j] = topics[j], topics[i] })
			}
			value := make([]byte, 32)
			for b.Loop() {
				var before, after runtime.MemStats
				runtime.GC()
				runtime.ReadMemStats(&before)
				names := &Names{}
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
				for _, topic := range topics {
					names.Set(topic, value)
				}
				b.ReportMetric(float64(time.Since(start).Nanoseconds())/n, "ns/replace")
				start = time.Now()
				found := 0
				for cursor := names.Cursor("#"); cursor.Next(1024, taking(func([]byte, []byte) { found++ })); {
				}
				if found != n {
					b.Fatalf("found %d", found)
				}
				b.ReportMetric(float64(time.Since(start).Nanoseconds())/n, "ns/visit")
			}
		})
	}
}
