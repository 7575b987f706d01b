package journal

import (
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"mqtk/broker"
)

// A life is one journal that goes through many crashes. After each of them it is
// opened again and must show every Append that was acknowledged, none after one
// that it does not show, and nothing else; then it lives on.
type life struct {
	t       *testing.T
	seed    uint64
	random  *rand.Rand
	mu      sync.Mutex // called, asked, sure
	disk    *faultyDisk
	journal *Journal // open
	traffic *traffic
	options Options
	base    *truth           // what the last recovery showed
	appends [][]broker.Event // since, in their order
	sure    int              // how many of them were acknowledged for good
	written int              // and as long as there is power
	weak    bool             // the Durability promised nothing of what then came
	over    bool
	called  int            // callbacks since, with an error or without
	asked   int            // callbacks that were asked for
	late    []broker.Event // an Append of another thread that comes later
	crashes int
}

func newLife(t *testing.T, seed uint64) *life {
	l := &life{t: t, seed: seed, random: rand.New(rand.NewPCG(seed, 4)), disk: newFaultyDisk(seed), traffic: newTraffic(seed), base: newTruth()}
	l.options = Options{SegmentSize: []int64{1 << 10, 2 << 10, 4 << 10}[l.random.IntN(3)]}
	if l.random.IntN(4) == 0 {
		l.options.CommitDelay = time.Millisecond
	}
	l.options.Durability = []Durability{Fsync, Fsync, Fsync, OS, None}[l.random.IntN(5)]
	l.disk.windows = l.random.IntN(4) == 0
	return l
}

// TestCrashes crashes 1,000 times.
func TestCrashes(t *testing.T) { crashes(t, 0, inRace(100, 1000)) }

// inRace is how often to do what takes ten times as long under the race detector.
func inRace[N int | int64 | uint64](often, otherwise N) N {
	if raceEnabled {
		return often
	}
	return otherwise
}

func crashes(t *testing.T, seed uint64, enough int) {
	done, checked := 0, 0
	for ; done < enough; seed++ {
		synctest.Test(t, func(t *testing.T) {
			l := newLife(t, seed)
			for range 20 {
				if checked += l.round(); l.over {
					break
				}
			}
			done += l.crashes
		})
		if t.Failed() {
			t.Fatalf("seed %d", seed)
		}
	}
	t.Logf("%d crashes, after which %d Appends were there", done, checked)
}

func (l *life) fatal(format string, a ...any) {
	l.t.Helper()
	if l.journal != nil {
		l.disk.crash()
		l.journal.Close()
	}
	l.t.Fatalf("seed %d, crash %d: %s", l.seed, l.crashes, fmt.Sprintf(format, a...))
}

// round opens the journal, compares, appends and crashes. The power may go at
// any call of all that.
func (l *life) round() (checked int) {
	l.disk.crashAt = 1 + l.random.IntN([]int{40, 400, 3000}[l.random.IntN(3)])
	slowest := []int{1000, 300_000, 3_000_000}[l.random.IntN(3)]
	l.disk.slow = func(random *rand.Rand) time.Duration { return time.Duration(1 + random.IntN(slowest)) }
	j, err := openIn(l.options, l.disk)
	l.journal = j
	if err == nil {
		checked, err = l.compare(j)
	}
	if err != nil && !l.disk.dead() {
		l.fatal("opening: %v", err)
	}
	if err == nil && !l.over {
		l.work(j)
	}
	if j != nil {
		l.close(j)
	}
	l.disk = l.disk.crash()
	l.crashes++
	if l.disk.killed {
		l.sure = max(l.sure, l.written)
	}
	l.weak = l.weak || l.options.Durability != Fsync && !l.disk.killed
	return checked
}

// compare takes up what the journal shows.
func (l *life) compare(j *Journal) (int, error) {
	found, told, err := reopened(j)
	if err != nil {
		return 0, err
	}
	if l.weak { // that it opens is all there is to say
		l.over = true
		return 0, nil
	}
	n, known, wrong := survivors(l.base, l.appends, l.sure, found, 0)
	for _, line := range wrong {
		l.t.Error(line)
	}
	if n < 0 {
		l.fatal("the journal shows no state that there was")
	}
	known.forget()
	l.base, l.appends, l.sure, l.written, l.late = known, nil, 0, 0, nil
	l.called, l.asked = 0, 0
	l.traffic.restart(known, told)
	return n, nil
}

// work appends until the power goes, or it has enough.
func (l *life) work(j *Journal) {
	for range l.random.IntN([]int{100, 300}[l.random.IntN(2)]) {
		events := l.traffic.next()
		l.traffic.mind.apply(events)
		if follows(events, l.late) {
			l.append(j, l.late)
			l.late = nil
		}
		switch {
		case l.late == nil && l.random.IntN(5) == 0:
			l.late = events
		default:
			l.append(j, events)
		}
		if l.late != nil && l.random.IntN(3) == 0 {
			l.append(j, l.late)
			l.late = nil
		}
		synctest.Wait() // for all that does not wait for the disk: the rest is up to the seed
		switch l.random.IntN(12) {
		case 0, 1, 2:
			time.Sleep(time.Duration(l.random.IntN(2_000_000)))
		case 3:
			time.Sleep(time.Duration(l.random.IntN(20_000_000)))
		case 4:
			l.fetch(j)
		case 5:
			l.append(j, nil)
		}
		if l.disk.dead() {
			return
		}
	}
	if l.random.IntN(2) == 0 {
		time.Sleep(time.Second)
	}
}

// follows says that events cannot have come before former: PUBREC comes when its
// PUBLISH was sent, and that is sent when its record is durable.
func follows(events, former []broker.Event) bool {
	for i := range events {
		for k := range former {
			if e, f := &events[i], &former[k]; e.Kind == broker.EventReleased && e.Incarnation == f.Incarnation && e.Sequence == f.Sequence {
				return true
			}
		}
	}
	return false
}

func (l *life) append(j *Journal, events []broker.Event) {
	if len(events) > 0 {
		l.appends = append(l.appends, events)
	}
	n := len(l.appends)
	var durable func(error)
	if events == nil || l.random.IntN(2) == 0 {
		number := l.asked
		l.asked++
		durable = func(err error) {
			l.mu.Lock()
			defer l.mu.Unlock()
			if l.called != number {
				l.t.Errorf("seed %d: callback %d came as number %d", l.seed, number, l.called)
			}
			l.called++
			switch {
			case err == nil && l.options.Durability == Fsync:
				l.sure = max(l.sure, n)
			case err == nil && l.options.Durability == OS:
				l.written = max(l.written, n)
			}
		}
	}
	l.mu.Lock() // a callback inside Append would stop here
	err := j.Append(events, durable)
	l.mu.Unlock()
	if err != nil {
		if durable != nil {
			l.asked--
		}
		if events != nil {
			l.appends = l.appends[:n-1]
		}
		if !l.disk.dead() {
			l.fatal("append: %v", err)
		}
	}
}

// fetch reads a queue while all goes on. What is there must be right; what was
// acknowledged must be there.
func (l *life) fetch(j *Journal) {
	n := l.traffic.pick(append(l.traffic.live(true), l.traffic.live(false)...))
	if n == 0 {
		return
	}
	before := l.truthNow()
	asked := before.wanted(n)
	events, err := j.Fetch(n, asked)
	if l.disk.dead() {
		return
	}
	found := picture{}
	if err := errors.Join(err, found.fetched(n, asked, events)); err != nil {
		l.fatal("fetch: %v", err)
	}
	want := before.picture(0)
	maps.DeleteFunc(want, func(key, _ string) bool { return found[key] == "" })
	if len(found) != len(asked) || !maps.Equal(want, found) {
		l.fatal("fetch of %v from session %d: %v", asked, n, want.difference(found, "expected", "found"))
	}
}

// truthNow is all that was appended.
func (l *life) truthNow() *truth {
	t := l.base.clone()
	for _, events := range l.appends {
		t.apply(events)
	}
	return t
}

// wanted lists the deliveries of a session whose messages a resume would ask for.
func (t *truth) wanted(n uint64) []uint64 {
	var all []uint64
	h := t.sessions[n]
	if h == nil || h.ended {
		return nil
	}
	for sequence := uint64(1); sequence < 10000; sequence++ {
		if d, ok := h.deliveries[sequence]; ok && h.state(sequence, d) != "" && !d.released {
			all = append(all, sequence)
		}
	}
	return all
}

// close ends the journal in peace or without power, and sees that every callback
// was called.
func (l *life) close(j *Journal) {
	if l.random.IntN(5) > 0 {
		l.disk.crash()
	}
	err := j.Close()
	l.journal = nil
	synctest.Wait()
	if called, _ := l.counts(); called != l.asked {
		l.fatal("%d of %d callbacks came", called, l.asked)
	}
	if err == nil && !l.disk.dead() {
		l.sure = len(l.appends)
	}
}
