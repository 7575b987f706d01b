package broker

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

// withDeadlines runs f in a bubble with a set of deadlines that is served.
func withDeadlines(t *testing.T, f func(t *testing.T, s *deadlines)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		s, ended := newDeadlines(), make(chan struct{})
		go func() { s.run(ctx); close(ended) }()
		f(t, s)
		cancel()
		<-ended
	})
}

func TestDeadlinesFireInOrderAndOnTime(t *testing.T) {
	withDeadlines(t, func(t *testing.T, s *deadlines) {
		start := time.Now()
		var fired []int
		all := make([]deadline, 200)
		for _, i := range rand.New(rand.NewPCG(1, 2)).Perm(len(all)) {
			all[i].fire = func(now time.Time) {
				if at := now.Sub(start); at != time.Duration(i)*time.Second {
					t.Errorf("deadline %d fires at %v", i, at)
				}
				fired = append(fired, i)
			}
			s.arm(&all[i], start.Add(time.Duration(i)*time.Second))
		}
		for i := 1; i < len(all); i += 2 {
			if !s.disarm(&all[i]) {
				t.Errorf("deadline %d was not armed", i)
			}
		}
		time.Sleep(time.Hour)
		synctest.Wait()
		if len(fired) != len(all)/2 || !slices.IsSorted(fired) {
			t.Errorf("fired %v", fired)
		}
	})
}

func TestDeadlineMoves(t *testing.T) {
	withDeadlines(t, func(t *testing.T, s *deadlines) {
		start := time.Now()
		var fired []time.Duration
		var d, other deadline
		d.fire = func(now time.Time) {
			if fired = append(fired, now.Sub(start)); len(fired) < 3 {
				s.arm(&d, now.Add(time.Second)) // its owner may arm it again at once
			}
		}
		other.fire = func(time.Time) { t.Error("a disarmed deadline fires") }
		s.arm(&other, start.Add(8*time.Second))
		s.arm(&d, start.Add(20*time.Second))
		s.arm(&d, start.Add(5*time.Second)) // sooner
		time.Sleep(time.Second)
		s.arm(&d, start.Add(7*time.Second)) // later
		time.Sleep(3 * time.Second)
		if !s.disarm(&other) || s.disarm(&other) {
			t.Error("disarm does not say whether it was armed")
		}
		time.Sleep(time.Minute)
		synctest.Wait()
		want := []time.Duration{7 * time.Second, 8 * time.Second, 9 * time.Second}
		if !slices.Equal(fired, want) {
			t.Errorf("fired at %v, want %v", fired, want)
		}
	})
}

// TestDisarmAtTheSameInstant lets one deadline disarm another one that is due
// with it.
func TestDisarmAtTheSameInstant(t *testing.T) {
	withDeadlines(t, func(t *testing.T, s *deadlines) {
		at, fired := time.Now().Add(time.Second), 0
		var a, b deadline
		a.fire = func(time.Time) { fired++; s.disarm(&b) }
		b.fire = func(time.Time) { fired++; s.disarm(&a) }
		s.arm(&a, at)
		s.arm(&b, at)
		time.Sleep(2 * time.Second)
		synctest.Wait()
		if fired != 1 {
			t.Errorf("%d fired", fired)
		}
	})
}

func TestDeadlineInThePast(t *testing.T) {
	withDeadlines(t, func(t *testing.T, s *deadlines) {
		fired := false
		d := deadline{fire: func(time.Time) { fired = true }}
		s.arm(&d, time.Now().Add(-time.Hour))
		synctest.Wait()
		if !fired {
			t.Error("it waits")
		}
	})
}

func TestArmAllocatesNothing(t *testing.T) {
	s := newDeadlines()
	all := make([]deadline, 100)
	for i := range all {
		s.arm(&all[i], time.Now().Add(time.Hour))
	}
	i := 0
	if n := testing.AllocsPerRun(1000, func() {
		s.disarm(&all[i%100])
		s.arm(&all[(i+50)%100], time.Now())
		s.arm(&all[i%100], time.Now().Add(time.Minute))
		i++
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

// TestWheelFindsSilence starts at odd moments, so that no due time falls on a
// tick, and stops sending at odd moments.
func TestWheelFindsSilence(t *testing.T) {
	for _, keepAlive := range []uint16{1, 2, 3, 60, 171, 600, 65535} {
		for _, chatty := range []int{0, 1, 5} {
			t.Run(fmt.Sprintf("%ds/%d", keepAlive, chatty), func(t *testing.T) {
				withDeadlines(t, func(t *testing.T, s *deadlines) {
					r := rand.New(rand.NewPCG(uint64(keepAlive), uint64(chatty)))
					w := newWheel(s)
					for range 8 {
						time.Sleep(time.Duration(r.Int64N(int64(3 * time.Second))))
						var e wheelEntry
						var ended atomic.Int64
						e.silent = func(now time.Time) { ended.Store(now.UnixNano()) }
						last := time.Now()
						w.add(&e, keepAlive, last)
						for range chatty {
							time.Sleep(time.Duration(r.Int64N(int64(keepAlive) * int64(time.Second) * 3 / 2)))
							last = time.Now()
							w.touch(&e, last)
						}
						limit := time.Duration(keepAlive) * 1500 * time.Millisecond
						time.Sleep(limit - 1)
						synctest.Wait()
						if at := ended.Load(); at != 0 {
							t.Fatalf("silent after %v", time.Unix(0, at).Sub(last))
						}
						time.Sleep(time.Second + 1)
						synctest.Wait()
						if ended.Load() == 0 {
							t.Fatalf("not silent after %v", time.Since(last))
						}
						if w.count != 0 || e.link != nil {
							t.Fatal("a silent entry stays")
						}
					}
				})
			})
		}
	}
}

// TestWheelWithMany mixes keep alives, packets and departures, and checks every
// end by itself.
func TestWheelWithMany(t *testing.T) {
	withDeadlines(t, func(t *testing.T, s *deadlines) {
		r := rand.New(rand.NewPCG(3, 4))
		w := newWheel(s)
		type client struct {
			wheelEntry
			last    time.Time
			talks   bool
			gone    bool
			silents int
		}
		var mu sync.Mutex // guards the clients
		clients := make([]client, 3000)
		for i := range clients {
			c := &clients[i]
			c.silent = func(now time.Time) {
				mu.Lock()
				defer mu.Unlock()
				c.silents++
				quiet, limit := now.Sub(c.last), time.Duration(c.keepAlive)*1500*time.Millisecond
				if c.talks || c.gone || quiet < limit || quiet > limit+time.Second {
					t.Errorf("client %d, keep alive %d s: silent after %v (talks %v, gone %v)", i, c.keepAlive, quiet, c.talks, c.gone)
				}
			}
			c.talks, c.last = i%3 == 0, time.Now()
			w.add(&c.wheelEntry, uint16(1+r.IntN(400)), c.last)
		}
		for range 4000 {
			time.Sleep(250 * time.Millisecond)
			synctest.Wait()
			now := time.Now()
			mu.Lock()
			for i := range clients {
				switch c := &clients[i]; {
				case c.talks && now.Sub(c.last) >= time.Duration(c.keepAlive)*time.Second:
					c.last = now
					w.touch(&c.wheelEntry, now)
				case i%3 == 1 && !c.gone && c.silents == 0 && r.IntN(2000) == 0:
					c.gone = true
					w.remove(&c.wheelEntry)
					w.remove(&c.wheelEntry)
				}
			}
			mu.Unlock()
		}
		synctest.Wait()
		left := 0
		for i := range clients {
			c := &clients[i]
			if c.talks {
				left++
			} else if !c.gone && c.silents != 1 {
				t.Errorf("client %d was found silent %d times", i, c.silents)
			}
			w.remove(&c.wheelEntry)
		}
		if left == 0 || w.count != 0 || len(s.heap) != 0 {
			t.Errorf("%d left, %d counted, %d deadlines", left, w.count, len(s.heap))
		}
	})
}

// TestWheelAddsAgain covers what an owner does that was paused: it is told, and
// goes on.
func TestWheelAddsAgain(t *testing.T) {
	withDeadlines(t, func(t *testing.T, s *deadlines) {
		w, times := newWheel(s), 0
		var e, never wheelEntry
		e.silent = func(now time.Time) {
			if times++; times < 3 {
				w.add(&e, 2, now)
			}
		}
		never.silent = func(time.Time) { t.Error("keep alive 0 is watched") }
		w.add(&never, 0, time.Now())
		w.add(&e, 60, time.Now())
		w.add(&e, 2, time.Now())
		time.Sleep(time.Minute)
		synctest.Wait()
		if times != 3 {
			t.Errorf("told %d times", times)
		}
	})
}

// TestWheelAfterAStandstill lets no time be served for far longer than one
// turn of the wheel.
func TestWheelAfterAStandstill(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newDeadlines()
		w, silents := newWheel(s), 0
		entries := make([]wheelEntry, 700)
		for i := range entries {
			entries[i].silent = func(time.Time) { silents++ }
			w.add(&entries[i], uint16(1+i), time.Now())
		}
		time.Sleep(time.Hour)
		w.touch(&entries[0], time.Now())
		w.turn(time.Now())
		if silents != len(entries)-1 || w.count != 1 {
			t.Errorf("%d silent, %d left", silents, w.count)
		}
		time.Sleep(3 * time.Second)
		w.turn(time.Now())
		if w.count != 0 {
			t.Errorf("%d left", w.count)
		}
	})
}

func BenchmarkTouch(b *testing.B) {
	w := newWheel(newDeadlines())
	now := time.Now()
	var e wheelEntry
	for b.Loop() {
		w.touch(&e, now)
	}
}
