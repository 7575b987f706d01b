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

// moment is something with a deadline and nothing else.
type moment struct {
	when deadline
	f    func(now time.Time)
}

func (m *moment) deadline() *deadline { return &m.when }
func (m *moment) fire(now time.Time)  { m.f(now) }

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
		all := make([]moment, 3000) // so many that the heap shrinks on the way
		for _, i := range rand.New(rand.NewPCG(1, 2)).Perm(len(all)) {
			all[i].f = func(now time.Time) {
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
		var d, other moment
		d.f = func(now time.Time) {
			if fired = append(fired, now.Sub(start)); len(fired) < 3 {
				s.arm(&d, now.Add(time.Second)) // its owner may arm it again at once
			}
		}
		other.f = func(time.Time) { t.Error("a disarmed deadline fires") }
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
		var a, b moment
		a.f = func(time.Time) { fired++; s.disarm(&b) }
		b.f = func(time.Time) { fired++; s.disarm(&a) }
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
		d := moment{f: func(time.Time) { fired = true }}
		s.arm(&d, time.Now().Add(-time.Hour))
		synctest.Wait()
		if !fired {
			t.Error("it waits")
		}
	})
}

func TestArmAllocatesNothing(t *testing.T) {
	s := newDeadlines()
	all := make([]moment, 100)
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
					var ended map[*Conn]*atomic.Int64
					w := newWheel(s, func(c *Conn, now time.Time) { ended[c].Store(now.UnixNano()) })
					for range 8 {
						time.Sleep(time.Duration(r.Int64N(int64(3 * time.Second))))
						e := new(Conn)
						ended = map[*Conn]*atomic.Int64{e: {}}
						last := time.Now()
						w.add(e, keepAlive, last)
						for range chatty {
							time.Sleep(time.Duration(r.Int64N(int64(keepAlive) * int64(time.Second) * 3 / 2)))
							last = time.Now()
							w.touch(e, last)
						}
						limit := time.Duration(keepAlive) * 1500 * time.Millisecond
						time.Sleep(limit - 1)
						synctest.Wait()
						if at := ended[e].Load(); at != 0 {
							t.Fatalf("silent after %v", time.Unix(0, at).Sub(last))
						}
						time.Sleep(time.Second + 1)
						synctest.Wait()
						if ended[e].Load() == 0 {
							t.Fatalf("not silent after %v", time.Since(last))
						}
						if w.count != 0 || e.watch.link != nil {
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
		type client struct {
			Conn
			last    time.Time
			talks   bool
			gone    bool
			silents int
		}
		var mu sync.Mutex // guards the clients
		clients := make([]client, 3000)
		index := make(map[*Conn]int)
		w := newWheel(s, func(conn *Conn, now time.Time) {
			mu.Lock()
			defer mu.Unlock()
			i := index[conn]
			c := &clients[i]
			c.silents++
			quiet, limit := now.Sub(c.last), time.Duration(c.watch.keepAlive)*1500*time.Millisecond
			if c.talks || c.gone || quiet < limit || quiet > limit+time.Second {
				t.Errorf("client %d, keep alive %d s: silent after %v (talks %v, gone %v)", i, c.watch.keepAlive, quiet, c.talks, c.gone)
			}
		})
		for i := range clients {
			c := &clients[i]
			index[&c.Conn] = i
			c.talks, c.last = i%3 == 0, time.Now()
			w.add(&c.Conn, uint16(1+r.IntN(400)), c.last)
		}
		for range 4000 {
			time.Sleep(250 * time.Millisecond)
			synctest.Wait()
			now := time.Now()
			mu.Lock()
			for i := range clients {
				switch c := &clients[i]; {
				case c.talks && now.Sub(c.last) >= time.Duration(c.watch.keepAlive)*time.Second:
					c.last = now
					w.touch(&c.Conn, now)
				case i%3 == 1 && !c.gone && c.silents == 0 && r.IntN(2000) == 0:
					c.gone = true
					w.remove(&c.Conn)
					w.remove(&c.Conn)
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
			w.remove(&c.Conn)
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
		var w *wheel
		var e, never Conn
		times := 0
		w = newWheel(s, func(c *Conn, now time.Time) {
			if c == &never {
				t.Error("keep alive 0 is watched")
			}
			if times++; times < 3 {
				w.add(&e, 2, now)
			}
		})
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
		silents := 0
		w := newWheel(newDeadlines(), func(*Conn, time.Time) { silents++ })
		entries := make([]Conn, 700)
		for i := range entries {
			w.add(&entries[i], uint16(1+i), time.Now())
		}
		time.Sleep(time.Hour)
		w.touch(&entries[0], time.Now())
		w.fire(time.Now())
		if silents != len(entries)-1 || w.count != 1 {
			t.Errorf("%d silent, %d left", silents, w.count)
		}
		time.Sleep(3 * time.Second)
		w.fire(time.Now())
		if w.count != 0 {
			t.Errorf("%d left", w.count)
		}
	})
}

func BenchmarkTouch(b *testing.B) {
	w := newWheel(newDeadlines(), nil)
	now := time.Now()
	var e Conn
	for b.Loop() {
		w.touch(&e, now)
	}
}
