package broker

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"net"
	"net/netip"
	"runtime"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"mqtk/mqttwire"
)

// message makes the message of a version of a topic, nil if that is no more.
func (r *retainedSet) message(topic string, version uint64) *Message {
	if _, e, _ := r.find(topic); e.version == version {
		return r.unpack(topic, &e)
	}
	return nil
}

func (r *retainedSet) current(topic string, version uint64) bool {
	return r.message(topic, version) != nil
}

// What is kept in few bytes comes back as it was.
func TestRetainedEntriesComeBackWhole(t *testing.T) {
	now := time.Now()
	owners := []*Identity{
		nil,
		{ClientID: "a", Username: "user", Remote: net.TCPAddrFromAddrPort(netip.MustParseAddrPort("10.1.2.3:4567"))},
		{ClientID: "a", Remote: net.TCPAddrFromAddrPort(netip.MustParseAddrPort("[fe80::1%eth0]:1"))},
		{ClientID: "other", Username: strings.Repeat("u", 300)},
		{ClientID: "a", Remote: &net.UnixAddr{Name: "/run/x", Net: "unix"}},
		{},
	}
	var r retainedSet
	l := DefaultLimits()
	var want []*Message
	for i := range 2000 {
		m := &Message{Topic: fmt.Sprint("t/", i%700), Payload: bytes.Repeat([]byte{byte(i)}, 1+i%3*i), QoS: mqttwire.QoS(i % 3), Retain: i%5 > 0,
			From: []string{"a", "", "b"}[i%3], Owner: owners[i%len(owners)], Arrived: now.Add(time.Duration(i-1000) * time.Hour)}
		if i%4 == 0 {
			m.Properties = m.Properties.AddText(mqttwire.ContentType, strings.Repeat("c", i%200))
		}
		if i%7 == 0 {
			m.Expires = m.Arrived.Add(time.Duration(i) * time.Second)
		}
		if i%11 == 0 {
			m.Arrived, m.Expires = time.Time{}, time.Time{}
		}
		version, replaces, stored := r.set(m.Topic, m, &l)
		if !stored || version != uint64(i+1) || replaces != uint64(max(0, i+1-700)) {
			t.Fatalf("message %d is version %d in place of %d, stored %v", i, version, replaces, stored)
		}
		want = append(want, m)
	}
	size := 0
	for i, m := range want {
		version := uint64(i + 1)
		got := r.message(m.Topic, version)
		if newest := i >= 1300; newest != (got != nil) || newest != r.current(m.Topic, version) {
			t.Fatalf("version %d of %s: %v", version, m.Topic, got)
		} else if !newest {
			continue
		}
		size += m.size()
		a, b := *got, *m
		if !a.Arrived.Equal(b.Arrived) || !a.Expires.Equal(b.Expires) || a.Arrived.IsZero() != b.Arrived.IsZero() || a.Expires.IsZero() != b.Expires.IsZero() {
			t.Fatalf("message %d: arrived %v, expires %v, want %v and %v", i, a.Arrived, a.Expires, b.Arrived, b.Expires)
		}
		if x, y := identityText(a.Owner), identityText(b.Owner); x != y {
			t.Fatalf("message %d: owner %s, want %s", i, x, y)
		}
		a.Arrived, a.Expires, a.Owner = b.Arrived, b.Expires, b.Owner
		a.wire, a.wireID, a.wireOf = nil, 0, 0
		if x, y := fmt.Sprintf("%+v", a), fmt.Sprintf("%+v", b); x != y {
			t.Fatalf("message %d: %s, want %s", i, x, y)
		}
	}
	if messages, bytes := r.counts(); messages != 700 || bytes != int64(size) {
		t.Errorf("%d messages with %d bytes are counted, want 700 with %d", messages, bytes, size)
	}
	for i := range 700 {
		r.set(fmt.Sprint("t/", i), nil, &l)
	}
	if messages, bytes := r.counts(); messages != 0 || bytes != 0 {
		t.Errorf("%d messages with %d bytes are left", messages, bytes)
	}
}

func identityText(id *Identity) string {
	if id == nil {
		return "nobody"
	}
	remote := "nowhere"
	if id.Remote != nil {
		remote = id.Remote.Network() + " " + id.Remote.String()
	}
	return fmt.Sprintf("%q %q %s", id.ClientID, id.Username, remote)
}

// Whatever the order in which a Store hands over versions and removals, the
// highest number decides, and each Event is told who lost.
func TestRestoreInAnyOrder(t *testing.T) {
	for seed := range uint64(300) {
		random := rand.New(rand.NewPCG(seed, 1))
		b := &Broker{}
		r := &b.retained
		var events []Event
		newest := map[string]Event{}
		for version := uint64(1); version <= 200; version++ {
			topic := fmt.Sprint("t/", random.IntN(12))
			e := Event{Kind: EventRetain, Topic: topic, Sequence: version}
			if random.IntN(3) > 0 {
				e.Message = &Message{Topic: topic, Payload: fmt.Append(nil, version)}
			}
			newest[topic] = e
			events = append(events, e)
		}
		random.Shuffle(len(events), func(i, j int) { events[i], events[j] = events[j], events[i] })
		alive := map[uint64]bool{} // versions with a message that nobody was told to have lost
		for i := range events {
			e := &events[i]
			if e.Message != nil {
				alive[e.Sequence] = true
				view := *e.Message
				view.Payload = bytes.Clone(view.Payload)
				e.Message = &view
			}
			e.Replaces = 99999
			r.restore(e)
			if e.Replaces != e.Sequence && e.Replaces != 0 && !alive[e.Replaces] {
				t.Fatalf("seed %d: version %d is said to have lost twice, or was never there", seed, e.Replaces)
			}
			delete(alive, e.Replaces)
			if e.Message != nil {
				clear(e.Message.Payload) // the views end here
			}
		}
		r.restored(b)
		messages := 0
		for topic, e := range newest {
			if (e.Message != nil) != r.current(topic, e.Sequence) || alive[e.Sequence] != (e.Message != nil) {
				t.Fatalf("seed %d: %s version %d: there %v, told to be lost %v", seed, topic, e.Sequence, r.current(topic, e.Sequence), !alive[e.Sequence])
			}
			if e.Message == nil {
				continue
			}
			messages++
			if m := r.message(topic, e.Sequence); string(m.Payload) != fmt.Sprint(e.Sequence) {
				t.Fatalf("seed %d: %s has %q, want %d", seed, topic, m.Payload, e.Sequence)
			}
		}
		if n, _ := r.counts(); n != messages || len(alive) != messages || r.version != 200 {
			t.Fatalf("seed %d: %d messages, %d versions alive, want %d; the next version follows %d", seed, n, len(alive), messages, r.version)
		}
	}
}

// retainedLog is a Store that replays given events and remembers the others.
type retainedLog struct {
	memoryStore
	events []Event
	mu     sync.Mutex
	said   []Event
}

// told returns what was said since the last call.
func (s *retainedLog) told() []Event {
	s.mu.Lock()
	defer s.mu.Unlock()
	said := s.said
	s.said = nil
	return said
}

func (s *retainedLog) Replay(take func(*Event) error) error {
	for i := range s.events {
		if err := take(&s.events[i]); err != nil {
			return err
		}
	}
	return nil
}

func (s *retainedLog) Append(events []Event, durable func(error)) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.said = append(s.said, events...)
	return nil
}

// What has expired, while the broker ran or before it did, is gone from the
// Store as well; each removal names the version that it ends.
func TestExpiredRetainedLeaveTheStore(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		start := time.Now()
		message := func(topic string, seconds int) *Message {
			m := &Message{Topic: topic, Payload: []byte("x"), Retain: true, Arrived: start.Add(-time.Hour)}
			if seconds != 0 {
				m.Expires = start.Add(time.Duration(seconds) * time.Second)
			}
			return m
		}
		s := &retainedLog{}
		for i := range uint64(1000) {
			m := message(fmt.Sprint("t/", i), []int{-5, 0, 30, 60}[i%4])
			s.events = append(s.events, Event{Kind: EventRetain, Topic: m.Topic, Sequence: i + 1, Message: m})
		}
		b, err := New(Options{Store: s})
		if err != nil {
			t.Fatal(err)
		}
		expect := func(after time.Duration, removals, left int) {
			t.Helper()
			time.Sleep(time.Until(start.Add(after)))
			synctest.Wait()
			said := s.told()
			for _, e := range said {
				if e.Kind != EventRetain || e.Message != nil || e.Sequence <= 1000 || e.Topic != fmt.Sprint("t/", e.Replaces-1) {
					t.Fatalf("after %v: an event of another kind: %+v", after, e)
				}
			}
			if n, _ := b.retained.counts(); len(said) != removals || n != left {
				t.Fatalf("after %v: %d removals and %d messages, want %d and %d", after, len(said), n, removals, left)
			}
		}
		expect(0, 250, 750)
		expect(29*time.Second, 0, 750)
		expect(31*time.Second, 250, 500)
		b.Route(message("t/3", 40)) // sooner than before
		if said := s.told(); len(said) != 1 || said[0].Replaces != 4 {
			t.Fatalf("the events are %+v", said)
		}
		time.Sleep(time.Until(start.Add(41 * time.Second)))
		synctest.Wait()
		if said := s.told(); len(said) != 1 || said[0].Topic != "t/3" || said[0].Message != nil {
			t.Fatalf("the events are %+v", said)
		}
		expect(61*time.Second, 249, 250)
		expect(time.Hour, 0, 250)
		if err := b.Shutdown(t.Context()); err != nil {
			t.Error(err)
		}
	})
}

// The Store is told which version a change ends, and nothing of a removal that
// removes nothing.
func TestRetainedTellWhatTheyReplace(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &retainedLog{}
		b, err := New(Options{Store: s})
		if err != nil {
			t.Fatal(err)
		}
		for _, payload := range []string{"", "1", "2", "", "", "3"} {
			b.Route(&Message{Topic: "t", Payload: []byte(payload), Retain: true})
		}
		var got []string
		for _, e := range s.told() {
			got = append(got, fmt.Sprintf("%d/%d %v", e.Sequence, e.Replaces, e.Message != nil))
		}
		if text := strings.Join(got, ", "); text != "1/0 true, 2/1 true, 3/2 false, 4/0 true" {
			t.Error(text)
		}
		b.Shutdown(t.Context())
	})
}

// A retained message that replaces another allocates nothing when no Store is to
// hear of it.
func TestRetainingAllocatesNothing(t *testing.T) {
	b := &Broker{}
	l := DefaultLimits()
	owner := &Identity{ClientID: "a", Remote: net.TCPAddrFromAddrPort(netip.MustParseAddrPort("10.1.2.3:4567"))}
	m := &Message{Topic: "t", Payload: make([]byte, 100), From: "a", Owner: owner, Arrived: time.Now()}
	if n := testing.AllocsPerRun(1000, func() { b.retained.set(m.Topic, m, &l) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

// BenchmarkRestoreRetained replays a million retained messages of 16 bytes and
// reports what each takes in time and memory.
func BenchmarkRestoreRetained(b *testing.B) {
	const n = 1_000_000
	for _, order := range []string{"sorted", "in-turn", "random"} {
		b.Run(order, func(b *testing.B) {
			now := time.Now()
			owner := &Identity{ClientID: "publisher", Remote: net.TCPAddrFromAddrPort(netip.MustParseAddrPort("10.1.2.3:4567"))}
			devices := make([]int, n)
			for i := range devices {
				devices[i] = i
				if order == "in-turn" {
					devices[i] = i%1000*1000 + i/1000
				}
			}
			if order == "random" {
				devices = rand.New(rand.NewPCG(1, 1)).Perm(n)
			}
			name := []byte("site/0000/dev/0000/temp")
			payload := make([]byte, 16)
			for b.Loop() {
				var before, after runtime.MemStats
				runtime.GC()
				runtime.ReadMemStats(&before)
				broker := &Broker{}
				m := Message{Payload: payload, QoS: 1, Retain: true, From: "publisher", Owner: owner}
				start := time.Now()
				for i, device := range devices {
					for at := range 4 {
						name[8-at] = byte('0' + device/1000/[...]int{1, 10, 100, 1000}[at]%10)
						name[17-at] = byte('0' + device%1000/[...]int{1, 10, 100, 1000}[at]%10)
					}
					topic := string(name) // as a Store makes it
					m.Topic, m.Arrived = topic, now.Add(time.Duration(i)*time.Millisecond)
					broker.retained.restore(&Event{Kind: EventRetain, Topic: topic, Sequence: uint64(i + 1), Message: &m})
				}
				b.ReportMetric(float64(time.Since(start).Nanoseconds())/n, "ns/restore")
				runtime.GC()
				runtime.ReadMemStats(&after)
				b.ReportMetric(float64(after.HeapAlloc-before.HeapAlloc)/n, "B/entry")
				runtime.KeepAlive(broker)
			}
			runtime.KeepAlive(devices)
		})
	}
}
