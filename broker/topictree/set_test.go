package topictree

import (
	"fmt"
	"math/rand/v2"
	"runtime"
	"testing"
)

type thing struct{ name string }

func (t *thing) Name() string        { return t.name }
func (t *thing) Is(name string) bool { return t.name == name }

// A Set is what a map would be, in all sizes, growing and shrinking.
func TestSetAgainstMap(t *testing.T) {
	for _, most := range []int{1, fewThings, fewThings + 1, 40, tableSlots, 5000, 40_000} {
		r := rand.New(rand.NewPCG(uint64(most), 1))
		var set Set[*thing]
		model := map[string]*thing{}
		step := func(growing bool) {
			name := fmt.Sprint(r.IntN(2 * most))
			if growing == (r.IntN(4) > 0) {
				e := &thing{name}
				set.Put(e)
				model[name] = e
			} else if got := set.Delete(name); got != model[name] {
				t.Fatalf("at most %d: delete %s: got %p, want %p", most, name, got, model[name])
			} else {
				delete(model, name)
			}
			name = fmt.Sprint(r.IntN(2 * most))
			if got := set.Get(name); got != model[name] || set.Len() != len(model) {
				t.Fatalf("at most %d: get %s: got %p of %d, want %p of %d", most, name, got, set.Len(), model[name], len(model))
			}
		}
		for range 2 {
			for range 4 * most {
				step(true)
			}
			checkSet(t, &set, model)
			for range 4 * most {
				step(false)
			}
			checkSet(t, &set, model)
		}
		for name := range model {
			set.Delete(name)
		}
		if set.Len() != 0 || set.tables != nil {
			t.Fatalf("at most %d: something is left", most)
		}
	}
}

func checkSet(t *testing.T, set *Set[*thing], model map[string]*thing) {
	t.Helper()
	n := 0
	for e := range set.All() {
		if n++; model[e.name] != e {
			t.Fatalf("%s is visited and should not be there", e.name)
		}
	}
	if n != len(model) {
		t.Fatalf("%d are visited, want %d", n, len(model))
	}
	for range set.All() {
		break // and is obeyed
	}
	if d := set.tables; d != nil {
		for i, table := range d.tables {
			used := 0
			for j, e := range table.things {
				if e == nil {
					continue
				}
				if used++; d.table(table.hashes[j]) != table || d.hash(e.name) != table.hashes[j] {
					t.Fatalf("%s is in table %d, where it is not looked for", e.name, i)
				}
			}
			if used != table.used || used == len(table.things) {
				t.Fatalf("table %d has %d of %d, counted %d", i, used, len(table.things), table.used)
			}
		}
	}
}

// What a thing in a large Set costs beside itself, in bytes: 12 at 70 to 88
// percent, and the tables' heads. Measured: 16.3
// to 17.6.
const setEntryBytes = 19

func TestSetBytes(t *testing.T) {
	if raceEnabled {
		t.Skip("the race detector takes memory")
	}
	for _, n := range []int{9000, 14_000, 30_000, 100_000} {
		things := make([]thing, n)
		for i := range things {
			things[i].name = fmt.Sprintf("client-%d", i)
		}
		before := heapBytes()
		var set Set[*thing]
		for i := range things {
			set.Put(&things[i])
		}
		each := float64(heapBytes()-before) / float64(n)
		runtime.KeepAlive(set)
		runtime.KeepAlive(things)
		if t.Logf("%d things: %.1f bytes each", n, each); each > setEntryBytes {
			t.Errorf("%.1f bytes for each of %d things, %d are allowed", each, n, setEntryBytes)
		}
	}
}

func heapBytes() int64 {
	runtime.GC()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}

func BenchmarkSet(b *testing.B) {
	things := make([]thing, 1_000_000)
	names := make([]string, len(things))
	for i := range things {
		things[i].name, names[i] = fmt.Sprintf("client-%d", i), fmt.Sprintf("client-%d", i)
	}
	for _, n := range []int{4, 1000, 1_000_000} {
		var set Set[*thing]
		for i := range n {
			set.Put(&things[i])
		}
		b.Run(fmt.Sprintf("get/of=%d", n), func(b *testing.B) {
			for i := 0; b.Loop(); i++ {
				if set.Get(names[i*7919%n]) == nil {
					b.Fatal("not found")
				}
			}
		})
		b.Run(fmt.Sprintf("delete+put/of=%d", n), func(b *testing.B) {
			for i := 0; b.Loop(); i++ {
				set.Put(set.Delete(names[i*7919%n]))
			}
		})
	}
}

// What a filter costs beside its own string, in bytes: a node of 48 and its
// place in a Set. Where each has an inner node of its own, that is another node
// of 48, its level of 16, and children of 32. Measured: 65.7, 153.5.
func TestBytesOfAFilter(t *testing.T) {
	if raceEnabled {
		t.Skip("the race detector takes memory")
	}
	for _, c := range []struct {
		format string
		most   float64
	}{{"devices/%06d", 67}, {"devices/%06d/set", 156}} {
		const n = 50_000
		filters := make([]string, n)
		for i := range filters {
			filters[i] = fmt.Sprintf(c.format, i)
		}
		before := heapBytes()
		var tree Tree[[2]*int]
		for _, f := range filters {
			tree.Set(f, [2]*int{})
		}
		each := float64(heapBytes()-before) / n
		runtime.KeepAlive(filters)
		if t.Logf("%s: %.1f bytes each", c.format, each); each > c.most {
			t.Errorf("%s: %.1f bytes for each filter, %v are allowed", c.format, each, c.most)
		}
		for _, f := range filters {
			tree.Delete(f)
		}
		if left := heapBytes() - before; left > 10_000 || tree.Len() > 0 {
			t.Errorf("%s: %d bytes are left", c.format, left)
		}
		runtime.KeepAlive(filters)
		runtime.KeepAlive(&tree)
	}
}
