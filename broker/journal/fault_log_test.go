package journal

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// A logLife is a log without a journal around it that goes through many crashes:
// numbered frames in both streams, heads removed now and then. What a recovery
// shows of a stream must be all from its head to beyond the last that is sure.
type logLife struct {
	t      *testing.T
	seed   uint64
	random *rand.Rand
	disk   *faultyDisk
	log    *log
	young  span
	old    span
}

// A span is what must be there of a stream: its frames from oldest to newest,
// those up to sure in any case; before, frames up to oldest may still be there.
type span struct {
	oldest, newest uint64
	sure, written  uint64 // acknowledged for good, and for as long as there is power
	places         map[uint64]place
}

func TestLogCrashes(t *testing.T) {
	for seed := range uint64(150) {
		synctest.Test(t, func(t *testing.T) {
			l := &logLife{t: t, seed: seed, random: rand.New(rand.NewPCG(seed, 5)), disk: newFaultyDisk(seed)}
			l.disk.windows = seed%4 == 0
			l.young, l.old = span{oldest: 1}, span{oldest: 1}
			for range 10 {
				l.round()
			}
		})
	}
}

func (l *logLife) fatal(format string, a ...any) {
	l.t.Helper()
	l.t.Fatalf("seed %d: %s", l.seed, fmt.Sprintf(format, a...))
}

func (l *logLife) round() {
	l.disk.crashAt = 1 + l.random.IntN([]int{30, 300, 2000}[l.random.IntN(3)])
	if l.random.IntN(2) == 0 {
		l.disk.slow = func(random *rand.Rand) time.Duration { return time.Duration(1 + random.IntN(300_000)) }
	}
	durability := []Durability{Fsync, Fsync, OS}[l.random.IntN(3)]
	g, err := openLog(logOptions{filesystem: l.disk, segmentSize: 2 << 10, durability: durability})
	if err == nil {
		l.log = g
		found := [2][]uint64{}
		places := [2]map[uint64]place{{}, {}}
		err = g.recover(func(g generation, at place, payload []byte) error {
			n, err := readNumbered(payload)
			found[g] = append(found[g], n)
			places[g][n] = at
			return err
		})
		if err == nil {
			l.compare("young", &l.young, found[young], places[young])
			l.compare("old", &l.old, found[old], places[old])
			l.work(durability)
		}
	}
	if err != nil && !l.disk.dead() {
		l.fatal("opening: %v", err)
	}
	l.disk.crash()
	if g != nil {
		g.close()
	}
	if l.disk = l.disk.crash(); !l.disk.killed {
		l.young.written = 0
	}
}

func (l *logLife) compare(name string, s *span, found []uint64, places map[uint64]place) {
	for i, n := range found {
		if n != found[0]+uint64(i) {
			l.fatal("%s: frame %d comes after %d", name, n, found[i-1])
		}
	}
	last := s.oldest - 1
	if len(found) > 0 {
		last = found[len(found)-1]
		if found[0] > s.oldest && found[0] > 1 {
			l.fatal("%s: begins with frame %d in place of %d", name, found[0], s.oldest)
		}
		s.oldest = found[0]
	}
	s.sure = max(s.sure, s.written)
	if last < s.sure || last > s.newest {
		l.fatal("%s: ends with frame %d; %d are sure of %d", name, last, s.sure, s.newest)
	}
	s.newest, s.sure, s.written, s.places = last, last, last, places
	if len(found) == 0 {
		s.oldest = last + 1
	}
}

func (l *logLife) numbered(n uint64) func([]byte) []byte {
	size := l.random.IntN(300)
	if l.random.IntN(30) == 0 {
		size = 5000 // more than a segment
	}
	return func(dst []byte) []byte { return fmt.Appendf(dst, "%d %d %s", n, size, strings.Repeat("y", size)) }
}

func readNumbered(payload []byte) (uint64, error) {
	var n uint64
	var size int
	if _, err := fmt.Sscanf(string(payload[:min(len(payload), 40)]), "%d %d ", &n, &size); err != nil {
		return 0, fmt.Errorf("frame %q: %w", payload, err)
	}
	if want := fmt.Sprintf("%d %d %s", n, size, strings.Repeat("y", size)); want != string(payload) {
		return 0, fmt.Errorf("frame %q is not what was written", payload)
	}
	return n, nil
}

func (l *logLife) work(durability Durability) {
	for range l.random.IntN(400) {
		switch l.random.IntN(10) {
		case 0:
			time.Sleep(time.Duration(l.random.IntN(3_000_000)))
		case 1:
			l.clean(young)
		case 2:
			l.flush()
			if l.random.IntN(4) == 0 {
				l.clean(old)
			}
		case 3:
			l.read()
		default:
			l.add(durability)
		}
		if l.disk.dead() {
			return
		}
	}
}

func (l *logLife) add(durability Durability) {
	s := &l.young
	l.log.mu.Lock()
	defer l.log.mu.Unlock()
	s.newest++
	n := s.newest
	s.places[n] = l.log.add(l.numbered(n))
	if l.random.IntN(3) > 0 {
		l.log.wait(func(err error) {
			l.log.mu.Lock()
			defer l.log.mu.Unlock()
			if err == nil && durability == Fsync {
				s.sure = max(s.sure, n)
			}
			if err == nil {
				s.written = max(s.written, n)
			}
		})
	}
}

func (l *logLife) flush() {
	s := &l.old
	l.log.mu.Lock()
	for range 1 + l.random.IntN(5) {
		s.newest++
		s.places[s.newest] = l.log.addOld(l.numbered(s.newest))
	}
	l.log.mu.Unlock()
	if err := l.log.flushOld(); err == nil {
		s.sure = s.newest
	} else if !l.disk.dead() {
		l.fatal("flush: %v", err)
	}
}

// clean removes the head of a generation.
func (l *logLife) clean(g generation) {
	s := map[generation]*span{young: &l.young, old: &l.old}[g]
	l.log.mu.Lock()
	head, ok := l.log.head(g)
	l.log.mu.Unlock()
	if !ok || head.tail {
		return
	}
	walked := uint64(0)
	err := l.log.walkHead(g, func(at place, payload []byte) error {
		n, err := readNumbered(payload)
		if err == nil && s.places[n] != at {
			err = fmt.Errorf("frame %d is at %x and was at %x", n, at, s.places[n])
		}
		walked = max(walked, n)
		return err
	})
	if err == nil {
		err = l.log.removeHead(g, nil)
	}
	l.log.mu.Lock()
	defer l.log.mu.Unlock()
	if walked >= s.oldest {
		s.oldest = walked + 1
		s.sure = max(s.sure, walked)
	}
	if err != nil && !l.disk.dead() {
		l.fatal("clean: %v", err)
	}
}

func (l *logLife) read() {
	l.log.mu.Lock()
	n := l.young.oldest + l.random.Uint64N(l.young.newest-l.young.oldest+2)
	at := l.young.places[n]
	l.log.mu.Unlock()
	if at == 0 || n < l.young.oldest {
		return
	}
	payload, err := l.log.read(at, nil)
	if err == nil {
		var got uint64
		if got, err = readNumbered(payload); got != n {
			l.fatal("read frame %d in place of %d", got, n)
		}
	}
	if err != nil && !l.disk.dead() {
		l.fatal("read: %v", err)
	}
}
