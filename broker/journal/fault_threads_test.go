package journal

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"mqtk/broker"
)

// A threadLife is one of several threads that append to one journal at once, each
// with sessions and topics of its own, so that each has an order of its own.
type threadLife struct {
	traffic *traffic
	appends [][]broker.Event
	mu      sync.Mutex
	sure    int
}

const threadIncarnations = 1000 // of each thread

// TestThreads has threads that append, wait and fetch while the journal commits
// and cleans, and then crashes. What each of them was told must be true.
func TestThreads(t *testing.T) {
	for seed := range inRace[uint64](12, 60) {
		synctest.Test(t, func(t *testing.T) { threadsOnce(t, seed) })
	}
}

func threadsOnce(t *testing.T, seed uint64) {
	random := rand.New(rand.NewPCG(seed, 8))
	d := newFaultyDisk(seed)
	d.crashAt = 50 + random.IntN(2000)
	d.windows = seed%2 == 0
	d.slow = func(random *rand.Rand) time.Duration { return time.Duration(1 + random.IntN(200_000)) }
	options := Options{SegmentSize: 2 << 10}
	j, err := openIn(options, d)
	if err == nil {
		_, _, err = reopened(j)
	}
	if err != nil {
		t.Fatal(err)
	}
	var threads []*threadLife
	var group sync.WaitGroup
	for i := range uint64(4) {
		thread := &threadLife{traffic: newTraffic(seed*4 + i)}
		thread.traffic.prefix = fmt.Sprint("thread", i)
		thread.traffic.incarnation, thread.traffic.version = i*threadIncarnations, i<<32
		threads = append(threads, thread)
		group.Go(func() { thread.run(t, j, d) })
	}
	group.Wait()
	d.crash()
	j.Close()
	synctest.Wait()
	j, err = openIn(options, d.crash())
	if err != nil {
		t.Fatal(err)
	}
	defer j.Close()
	found, _, err := reopened(j)
	if err != nil {
		t.Fatalf("seed %d: %v", seed, err)
	}
	for i, thread := range threads {
		n, _, wrong := survivors(newTruth(), thread.appends, thread.sure, found.of(uint64(i)), 0)
		if n < 0 {
			t.Fatalf("seed %d: thread %d: %s", seed, i, strings.Join(wrong, "\n"))
		}
	}
}

func (l *threadLife) run(t *testing.T, j *Journal, d *faultyDisk) {
	for range 300 {
		if d.dead() {
			return
		}
		events := l.traffic.next()
		l.traffic.mind.apply(events)
		l.appends = append(l.appends, events)
		n := len(l.appends)
		durable := make(chan error, 1)
		if err := j.Append(events, func(err error) {
			l.mu.Lock()
			defer l.mu.Unlock()
			if err == nil {
				l.sure = n
			}
			durable <- err
		}); err != nil {
			t.Errorf("append: %v", err)
			return
		}
		switch l.traffic.random.IntN(4) {
		case 0:
			<-durable
		case 1:
			time.Sleep(time.Duration(l.traffic.random.IntN(1_000_000)))
		case 2:
			l.fetch(t, j, d)
		}
	}
}

func (l *threadLife) fetch(t *testing.T, j *Journal, d *faultyDisk) {
	n := l.traffic.pick(l.traffic.live(true))
	if n == 0 {
		return
	}
	asked := l.traffic.mind.wanted(n)
	events, err := j.Fetch(n, asked)
	found := picture{}
	if err == nil {
		err = found.fetched(n, asked, events)
	}
	if d.dead() {
		return
	}
	want := l.traffic.mind.picture(0)
	maps.DeleteFunc(want, func(key, _ string) bool { return !strings.HasPrefix(key, fmt.Sprintf("session %d message ", n)) })
	if err != nil || !maps.Equal(want, found) {
		t.Errorf("fetch from session %d: %v %v", n, err, want.difference(found, "expected", "found"))
	}
}

// of is what a thread made of a picture.
func (p picture) of(thread uint64) picture {
	q := picture{}
	for key, text := range p {
		var n uint64
		if _, err := fmt.Sscanf(key, "session %d ", &n); err == nil && (n-1)/threadIncarnations != thread {
			continue
		}
		if strings.HasPrefix(key, "retained ") && !strings.HasPrefix(key, fmt.Sprint("retained thread", thread, "/")) {
			continue
		}
		q[key] = text
	}
	return q
}
