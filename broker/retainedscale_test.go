package broker

import (
	"fmt"
	"math/rand/v2"
	"runtime"
	"testing"
	"time"

	"mqtk/mqttwire"
)

// retainedScale is how many retained messages the benchmarks of a large set have.
const retainedScale = 1_000_000

// retainedTopics are as many topics of 20 bytes, in their order.
func retainedTopics() []string {
	topics := make([]string, retainedScale)
	for i := range topics {
		topics[i] = fmt.Sprintf("site/%04d/dev/%05d", i/1000, i%1000)
	}
	return topics
}

// What a million retained messages take: bytes each, and the time to set one, to
// put another in its place and to delete it, in an order that nobody likes.
func BenchmarkRetainedChange(b *testing.B) {
	topics := retainedTopics()
	rand.New(rand.NewPCG(1, 1)).Shuffle(len(topics), func(i, j int) { topics[i], topics[j] = topics[j], topics[i] })
	l := DefaultLimits()
	for _, size := range []int{16, 64} {
		b.Run(fmt.Sprint("payload=", size), func(b *testing.B) {
			m := &Message{Payload: make([]byte, size), QoS: 1, Retain: true, From: "publisher", Owner: &Identity{ClientID: "publisher"}}
			for b.Loop() {
				var r retainedSet
				var before, after runtime.MemStats
				runtime.GC()
				runtime.ReadMemStats(&before)
				each := func(unit string, do func(topic string)) {
					start := time.Now()
					for _, topic := range topics {
						do(topic)
					}
					b.ReportMetric(float64(time.Since(start).Nanoseconds())/retainedScale, unit)
				}
				set := func(topic string) {
					m.Topic, m.Arrived = topic, m.Arrived.Add(time.Millisecond)
					r.set(topic, m, &l)
				}
				m.Arrived = time.Now()
				each("ns/set", set)
				runtime.GC()
				runtime.ReadMemStats(&after)
				b.ReportMetric(float64(after.HeapAlloc-before.HeapAlloc)/retainedScale, "B/entry")
				each("ns/replace", set)
				each("ns/delete", func(topic string) { r.set(topic, nil, &l) })
				if n, _ := r.counts(); n != 0 {
					b.Fatalf("%d are left", n)
				}
			}
		})
	}
}

// What a retained message takes beside its payload, in bytes, its topic of 20
// included: in whatever order they come.
func TestBytesOfARetainedMessage(t *testing.T) {
	const n, most = 100_000, 58
	topics := retainedTopics()[:n]
	l := DefaultLimits()
	for _, order := range []string{"sorted", "random"} {
		if order == "random" {
			rand.New(rand.NewPCG(1, 1)).Shuffle(n, func(i, j int) { topics[i], topics[j] = topics[j], topics[i] })
		}
		for _, payload := range []int{16, 64} {
			var r retainedSet
			var before, after runtime.MemStats
			runtime.GC()
			runtime.ReadMemStats(&before)
			m := &Message{Payload: make([]byte, payload), QoS: 1, Retain: true, From: "publisher", Owner: &Identity{ClientID: "publisher"}, Arrived: time.Now()}
			for _, topic := range topics {
				m.Topic, m.Arrived = topic, m.Arrived.Add(time.Millisecond)
				r.set(topic, m, &l)
			}
			runtime.GC()
			runtime.ReadMemStats(&after)
			each := float64(after.HeapAlloc)/n - float64(before.HeapAlloc)/n - float64(payload)
			if each > most {
				t.Errorf("%s, %d: %.1f bytes beside the payload, at most %d are promised", order, payload, each, most)
			}
			runtime.KeepAlive(&r)
		}
	}
}

// What a SUBSCRIBE costs with a million retained messages, by what it asks for:
// the time in all, and that of one step, for which it has the set's lock.
func BenchmarkRetainedMatch(b *testing.B) {
	broker, err := New(Options{Authorizer: &miserly{}})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { broker.Shutdown(b.Context()) })
	m := &Message{Payload: make([]byte, 16), QoS: 1, Retain: true, From: "publisher", Owner: &Identity{ClientID: "publisher"}}
	for _, topic := range retainedTopics() {
		broker.retained.set(topic, m, broker.limits())
	}
	for _, c := range []struct {
		filter string
		finds  int
	}{
		{"site/0500/dev/00500", 1},
		{"site/0500/dev/nobody", 0},
		{"site/0500/#", 1000},
		{"site/+/dev/00500", 1000},
		{"+/0500/+/+", 1000},
		{"#", retainedScale},
		{"+/+/+/+", retainedScale},
		{"nobody/#", 0},
		{"+/+/+/x", 0},
		{"+/+/+/+/x", 0},
		{"site/+/+/+/#", retainedScale},
		{"+/+/x/#", 0},
		{"+/+/+/00000x", 0},
		{"+/+/dev/00500/+", 0},
	} {
		b.Run(c.filter, func(b *testing.B) {
			conn, batch := broker.Accept(deafLink{}, broker.gate, nil), broker.NewBatch()
			conn.Receive(batch, packetBytes(b, "CONNECT client-id=a clean-start=1"))
			rights := broker.authority.Load().Authorizer.(*miserly)
			steps := 0
			for b.Loop() {
				before := rights.asked.Load()
				cursor := broker.newRetainCursor(conn.session.subscription(mqttwire.Subscription{Filter: c.filter}, 0))
				for more := true; more; steps++ {
					_, more = cursor.step(batch, conn, 1<<20, cursorStep)
				}
				if found := int(rights.asked.Load() - before); found != c.finds {
					b.Fatalf("%d were found, want %d", found, c.finds)
				}
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(steps), "ns/step")
			conn.Closed(nil)
		})
	}
}
