package broker

import (
	"fmt"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"mqtk/mqttwire"
)

// manySubscriptions are a broker with n of them: nine tenths exact, the others
// with a + or, one in a hundred, a #. Each session has ten.
func manySubscriptions(tb testing.TB, n int) (*Broker, []*Session) {
	b, err := New(Options{})
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { b.Shutdown(tb.Context()) })
	sessions := make([]*Session, (n+9)/10)
	for i := range sessions {
		sessions[i] = b.newSession(&Identity{ClientID: fmt.Sprintf("client-%07d", i)}, 1)
	}
	for i := range n {
		sessions[i/10].file(manyFilter(i))
	}
	return b, sessions
}

func manyFilter(i int) string {
	switch {
	case i%100 == 99:
		return fmt.Sprintf("site/%d/device/%d/#", i%500, i)
	case i%10 == 9:
		return fmt.Sprintf("site/+/device/%d/state", i)
	}
	return manyTopic(i)
}

func manyTopic(i int) string { return fmt.Sprintf("site/%d/device/%d/state", i%500, i) }

// file is subscribe without a connection.
func (s *Session) file(filter string) *subscription {
	sub := s.subscription(mqttwire.Subscription{Filter: strings.Clone(filter)}, 0)
	s.b.subscriptions.add(sub, s.subscriptions.get(filter))
	s.subscriptions.put(sub)
	return sub
}

func heapInUse() int64 {
	runtime.GC()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}

// BenchmarkManySubscriptions: what a million of them cost, and what they cost
// those who publish.
func BenchmarkManySubscriptions(b *testing.B) {
	const n = 1_000_000
	before := heapInUse()
	broker, sessions := manySubscriptions(b, n)
	each := float64(heapInUse()-before) / n
	batch := broker.NewBatch()
	batch.now = time.Now()

	b.Run("subscribe", func(b *testing.B) {
		for i := 0; b.Loop(); i++ {
			sessions[i%len(sessions)].file(fmt.Sprintf("site/%d/device/%d/set", i%500, i))
		}
		b.ReportMetric(each, "B/subscription")
		b.StopTimer()
		for i := range b.N {
			s, filter := sessions[i%len(sessions)], fmt.Sprintf("site/%d/device/%d/set", i%500, i)
			broker.subscriptions.drop(s.subscriptions.get(filter))
			s.subscriptions.drop(filter)
		}
	})
	b.Run("subscribe+unsubscribe", func(b *testing.B) {
		var worst time.Duration
		for i := 0; b.Loop(); i++ {
			began := time.Now()
			s := sessions[i%len(sessions)]
			sub := s.file("site/7/device/none/state")
			broker.subscriptions.drop(sub)
			s.subscriptions.drop(sub.filter)
			worst = max(worst, time.Since(began))
		}
		b.ReportMetric(float64(worst.Microseconds()), "worst-us")
	})
	topics := make([]string, 100_000)
	for i := range topics {
		topics[i] = manyTopic(i * 7 % n)
	}
	compile := func(name string, topic func(i int) string) {
		b.Run(name, func(b *testing.B) {
			matches := 0
			for i := 0; b.Loop(); i++ {
				broker.compile(batch, &batch.match, topic(i))
				matches += len(batch.match.targets)
			}
			b.ReportMetric(float64(matches)/float64(b.N), "matches/op")
		})
	}
	compile("match", func(i int) string { return topics[i%len(topics)] })
	compile("match-nothing", func(i int) string { return "site/7/nothing" })
	compile("match-deep", func(i int) string { return "site/7/device/7/" + strings.Repeat("/", 100) })
	b.Run("drop-10000", func(b *testing.B) {
		for range b.N {
			b.StopTimer()
			s := broker.newSession(&Identity{ClientID: "heir"}, 1)
			for i := range 10_000 {
				s.file(fmt.Sprintf("site/%d/device/%d/own", i%500, i))
			}
			b.StartTimer()
			broker.dropAll(&s.subscriptions)
		}
	})
}

// BenchmarkPublishWhileOthersSubscribe: a publisher of 1,000 topics beside a
// million subscriptions, of which another one changes after each so many
// messages.
func BenchmarkPublishWhileOthersSubscribe(b *testing.B) {
	broker, sessions := manySubscriptions(b, 1_000_000)
	batch, c := broker.NewBatch(), &Conn{b: broker}
	batch.now = time.Now()
	topics := make([]string, 1000)
	for i := range topics {
		topics[i] = manyTopic(i * 7)
	}
	for _, every := range []int{0, 1000, 100, 10} {
		b.Run(fmt.Sprintf("each=%d", every), func(b *testing.B) {
			matches := 0
			for i := 0; b.Loop(); i++ {
				if every > 0 && i%every == 0 {
					s := sessions[i%len(sessions)]
					sub := s.file("site/7/device/none/state")
					broker.subscriptions.drop(sub)
					s.subscriptions.drop(sub.filter)
				}
				matches += len(broker.matchFor(batch, c, topics[i%len(topics)]).targets)
			}
			b.ReportMetric(float64(matches)/float64(b.N), "matches/op")
		})
	}
}

// BenchmarkManySessions: what a session with one subscription costs while its
// client is away, in memory and to find.
func BenchmarkManySessions(b *testing.B) {
	const n = 100_000
	before := heapInUse()
	broker, _ := New(Options{})
	b.Cleanup(func() { broker.Shutdown(b.Context()) })
	var longest []time.Duration
	for i := range n {
		id := fmt.Sprintf("client-%07d", i)
		began := time.Now()
		s := broker.newSession(&Identity{ClientID: id}, uint64(i))
		s.expiry.Store(3600)
		s.file("devices/" + id)
		broker.registry.sessions.Put(s)
		broker.deadlines.arm((*sessionEnd)(s), began.Add(time.Hour))
		longest = append(longest, time.Since(began))
	}
	each := float64(heapInUse()-before-int64(8*cap(longest))) / n
	for i := 0; b.Loop(); i++ {
		if broker.findSession(fmt.Sprintf("client-%07d", i%n)) == nil {
			b.Fatal("not found")
		}
	}
	b.ReportMetric(each, "B/session")
	b.ReportMetric(float64(slices.Max(longest).Microseconds()), "worst-us")
}
