package broker

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"unsafe"

	"mqtk/mqttwire"
)

// What a subscription costs, in bytes: itself, and its filter's node in the tree
// (topictree's tests hold that one to its size). The allocator has a size of
// exactly this.
const subscriptionBytes = 48

func TestSizeOfASubscription(t *testing.T) {
	if unsafe.Sizeof(uintptr(0)) < 8 {
		t.Skip("the budget is that of 64 bits")
	}
	if size := unsafe.Sizeof(subscription{}); size > subscriptionBytes {
		t.Errorf("a subscription has %d bytes, %d are allowed", size, subscriptionBytes)
	}
	if size := unsafe.Sizeof(audience{}); size > 16 {
		t.Errorf("an audience has %d bytes, which makes the nodes of the tree larger", size)
	}
}

// Subscriptions come, are replaced and go, plain and shared, and the tree and
// their sessions always have exactly those that are there.
func TestSubscriptionsAgainstModel(t *testing.T) {
	for seed := range uint64(20) {
		r := rand.New(rand.NewPCG(seed, 1))
		b := &Broker{}
		b.settings.Store(newSettings(DefaultLimits()))
		sessions := make([]*Session, 1+r.IntN(30))
		for i := range sessions {
			sessions[i] = b.newSession(&Identity{ClientID: fmt.Sprint(i)}, 1)
		}
		filters := []string{"a", "a/b", "+", "a/#", "$SYS/#", "$share/g/a", "$share/h/a", "$share/g/a/b", "b", "c", "d/e/f"}
		model := map[*subscription]bool{}
		for range 600 {
			s, filter := sessions[r.IntN(len(sessions))], filters[r.IntN(len(filters))]
			old := s.subscriptions.get(filter)
			if old != nil && r.IntN(2) == 0 {
				b.subscriptions.drop(old)
				s.subscriptions.drop(filter)
				delete(model, old)
			} else {
				sub := s.subscription(mqttwire.Subscription{Filter: string([]byte(filter))}, 0)
				b.subscriptions.add(sub, old)
				s.subscriptions.put(sub)
				delete(model, old)
				model[sub] = true
			}
			checkSubscriptions(t, b, sessions, model)
		}
		for sub := range model {
			b.subscriptions.drop(sub)
		}
		if all, shared := b.subscriptions.counts(); all != 0 || shared != 0 || b.subscriptions.tree.Len() != 0 || b.subscriptions.sys != 0 {
			t.Fatalf("%d subscriptions are left, %d shared, %d filters", all, shared, b.subscriptions.tree.Len())
		}
	}
}

func checkSubscriptions(t *testing.T, b *Broker, sessions []*Session, model map[*subscription]bool) {
	t.Helper()
	seen := 0
	b.subscriptions.tree.All(func(filter string, a audience) bool {
		members := []*subscription{a.one}
		if a.crowd != nil {
			members = a.crowd.plain
			for i, m := range members {
				if int(m.place) != i {
					t.Fatalf("%s: place %d says %d", filter, i, m.place)
				}
			}
			for _, s := range a.crowd.shares {
				if len(*s.members.Load()) == 0 {
					t.Fatalf("%s has no member", s.filter)
				}
				members = append(members[:len(members):len(members)], *s.members.Load()...)
			}
		}
		for _, m := range members {
			if seen++; !model[m] {
				t.Fatalf("%s: a subscription is left, or nil", filter)
			}
			if m.share == nil && unsafe.StringData(m.filter) != unsafe.StringData(filter) {
				t.Fatalf("%s is kept twice", filter)
			}
		}
		return true
	})
	own := 0
	for _, s := range sessions {
		own += s.subscriptions.len()
		for sub := range s.subscriptions.all {
			if !model[sub] || s.subscriptions.get(sub.filter) != sub || sub.session != s {
				t.Fatalf("session %s: %s is not its own", s.ClientID(), sub.filter)
			}
		}
	}
	if all, _ := b.subscriptions.counts(); seen != len(model) || own != len(model) || all != len(model) {
		t.Fatalf("%d in the tree, %d of sessions, %d counted; want %d", seen, own, all, len(model))
	}
}

// What is cached of who receives a topic is what matching it anew would give,
// whatever subscriptions change, and stays in the cache where none concerns it.
func TestCachedMatchesStand(t *testing.T) {
	b, err := New(Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer b.Shutdown(t.Context())
	r := rand.New(rand.NewPCG(1, 2))
	batch, fresh, publishers := b.NewBatch(), b.NewBatch(), []*Conn{{b: b}, {b: b}}
	sessions := make([]*Session, 5)
	for i := range sessions {
		sessions[i] = b.newSession(&Identity{ClientID: fmt.Sprint(i)}, 1)
	}
	filters := []string{"a/0", "a/1", "a/+", "+/1", "a/#", "#", "b", "$share/g/a/1", "$share/g/b", "a/2"}
	topics := []string{"a/0", "a/1", "a/2", "b", "c"}
	kept := 0
	for range 20_000 {
		for range 1 << r.IntN(8) >> 6 * r.IntN(2*changesKept) { // seldom, and then more than are kept
			s, filter := sessions[r.IntN(len(sessions))], filters[r.IntN(len(filters))]
			old := s.subscriptions.get(filter)
			if old != nil && r.IntN(3) > 0 {
				b.subscriptions.drop(old)
				s.subscriptions.drop(filter)
				continue
			}
			sub := s.subscription(mqttwire.Subscription{Filter: string([]byte(filter)), QoS: mqttwire.QoS(r.IntN(3))}, 0)
			b.subscriptions.add(sub, old)
			s.subscriptions.put(sub)
		}
		topic, c := topics[r.IntN(len(topics))], publishers[r.IntN(len(publishers))]
		before := b.subscriptions.generation.Load()
		var was *matched
		if c.cache != nil {
			was = c.cache.topics[topic]
		}
		outdated := was != nil && was.generation.Load() != before
		got := b.matchFor(batch, c, topic)
		if outdated && got == was {
			kept++
		}
		want := b.matchFor(fresh, nil, topic)
		if fmt.Sprint(receivers(got)) != fmt.Sprint(receivers(want)) || !slices.Equal(got.shares, want.shares) {
			t.Fatalf("%s: cached are %v and %d shares, right are %v and %d", topic, receivers(got), len(got.shares), receivers(want), len(want.shares))
		}
	}
	if kept == 0 {
		t.Error("each change of a subscription ends every cached match")
	}
}

func receivers(m *matched) (all []string) {
	for _, t := range m.targets {
		all = append(all, fmt.Sprint(t.session.ClientID(), " at ", t.qos))
	}
	slices.Sort(all)
	return all
}
