package loop

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"net/netip"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

func TestEcho(t *testing.T) {
	inWorlds(t, func(t *testing.T, p *place) {
		l := p.loop(echo)
		var got []byte
		c := join(l, &client{
			onOpen: func(c *client) { c.Send([]byte("ab")); c.Queue([]byte("cd")); c.Queue([]byte("ef")) },
			onReceived: func(c *client, in []byte) int {
				if got = append(got, in...); len(got) == 6 {
					c.Close()
				}
				return len(in)
			},
		}, netip.Addr{}, 0)
		if err := c.end(); err != nil || string(got) != "abcdef" {
			t.Errorf("got %q, %v", got, err)
		}
	})
}

// What is queued leaves by one write, in order with what is sent.
func TestQueueGathers(t *testing.T) {
	inWorlds(t, func(t *testing.T, p *place) {
		l := p.loop(echo)
		var got []byte
		var before, after Usage
		all := pattern(1000)
		c := join(l, &client{onReceived: func(c *client, in []byte) int {
			if got = append(got, in...); len(got) >= len(all) {
				after = l.Usage()
				c.Close()
			}
			return len(in)
		}, onOpen: func(c *client) {
			before = l.Usage()
			for _, b := range all[:500] {
				c.Queue([]byte{b})
			}
			c.Send(all[500:510])
			for _, b := range all[510:] {
				c.Queue([]byte{b})
			}
		}}, netip.Addr{}, 0)
		if err := c.end(); err != nil || !bytes.Equal(got, all) {
			t.Errorf("%d bytes came, %v", len(got), err)
		}
		if n := after.Writes - before.Writes; n < 1 || n > 2 {
			t.Errorf("%d writes", n)
		}
		if after.Reads == before.Reads {
			t.Error("nothing was read")
		}
	})
}

// What a handler leaves comes again, in front of what comes next.
func TestPartialPackets(t *testing.T) {
	inWorlds(t, func(t *testing.T, p *place) {
		l := p.loop(func(nc net.Conn) {
			for _, part := range []string{"ab", "c", "defgh", "ij"} {
				if _, err := nc.Write([]byte(part)); err != nil {
					return
				}
				if _, err := nc.Read(make([]byte, 1)); err != nil {
					return
				}
			}
		})
		var calls, words []string
		c := join(l, &client{onReceived: func(c *client, in []byte) (used int) {
			calls = append(calls, string(in))
			for ; len(in)-used >= 3; used += 3 {
				words = append(words, string(in[used:used+3]))
			}
			c.Send([]byte("."))
			return used
		}}, netip.Addr{}, 0)
		if err := c.end(); err != io.EOF {
			t.Errorf("the end is %v", err)
		}
		wantCalls, wantWords := []string{"ab", "abc", "defgh", "ghij"}, []string{"abc", "def", "ghi"}
		if !slices.Equal(calls, wantCalls) || !slices.Equal(words, wantWords) {
			t.Errorf("got %q, %q", calls, words)
		}
	})
}

// A packet that is larger than all buffers comes whole, in the end.
func TestLargePacket(t *testing.T) {
	const size = 3<<20 + 17
	inWorlds(t, func(t *testing.T, p *place) {
		l := p.loop(func(nc net.Conn) { _, _ = nc.Write(pattern(size)) })
		whole := false
		c := join(l, &client{onReceived: func(c *client, in []byte) int {
			if len(in) < size {
				return 0
			}
			whole = bytes.Equal(in, pattern(size))
			return size
		}}, netip.Addr{}, 0)
		if err := c.end(); err != io.EOF || !whole {
			t.Errorf("whole: %v, %v", whole, err)
		}
	})
}

// pattern has no period that a lost or doubled buffer would hide behind.
func pattern(n int) []byte {
	p := make([]byte, n)
	x := uint32(1)
	for i := range p {
		x = x*1664525 + 1013904223
		p[i] = byte(x >> 24)
	}
	return p
}

// A peer that does not read holds nobody up; Full says that it does not, and Room
// when it has.
func TestSlowReader(t *testing.T) {
	const size = 8 << 20
	inWorlds(t, func(t *testing.T, p *place) {
		read, got := make(chan struct{}), make(chan []byte, 1)
		l := p.loop(func(nc net.Conn) {
			<-read
			all, _ := io.ReadAll(nc)
			got <- all
		})
		opened, room := make(chan bool, 1), make(chan bool, 1)
		c := join(l, &client{
			onOpen: func(c *client) {
				for all := pattern(size); len(all) > 0; all = all[1<<20:] {
					c.Send(all[:1<<20])
				}
				opened <- c.Full()
			},
			onRoom: func(c *client) { room <- c.Full() },
		}, netip.Addr{}, 0)
		if !<-opened {
			t.Error("8 MiB are not Full")
		}
		on(l, func() {}) // the loop works
		close(read)
		if <-room {
			t.Error("Full in Room")
		}
		on(l, c.Close)
		if all := <-got; !bytes.Equal(all, pattern(size)) {
			t.Errorf("%d bytes came, not what was sent", len(all))
		}
	})
}

// Close sends what is kept, as long as the peer takes it.
func TestCloseSendsTheRest(t *testing.T) {
	const size = 2 << 20
	inWorlds(t, func(t *testing.T, p *place) {
		got := make(chan []byte, 1)
		l := p.loop(func(nc net.Conn) {
			_, _ = nc.Write([]byte("unread")) // which must not become a reset
			all, _ := io.ReadAll(nc)
			got <- all
		})
		c := join(l, &client{onOpen: func(c *client) {
			c.Send(pattern(size))
			c.Close()
			if c.closes != 1 {
				t.Error("Close returned before Closed was called")
			}
			c.Send([]byte("too late"))
			c.Close()
			c.Abort()
		}}, netip.Addr{}, 0)
		if err := c.end(); err != nil {
			t.Error(err)
		}
		if all := <-got; !bytes.Equal(all, pattern(size)) {
			t.Errorf("%d bytes came, not what was sent", len(all))
		}
	})
}

func TestPeerCloses(t *testing.T) {
	inWorlds(t, func(t *testing.T, p *place) {
		l := p.loop(func(nc net.Conn) { _, _ = nc.Write([]byte("bye")) })
		var got []byte
		c := join(l, &client{onReceived: func(_ *client, in []byte) int {
			got = append(got, in...)
			return len(in)
		}}, netip.Addr{}, 0)
		if err := c.end(); err != io.EOF || string(got) != "bye" {
			t.Errorf("%q, then %v", got, err)
		}
	})
}

// The reason of a broker's end is read though writing has failed before.
func TestLastWordsAfterAFailedWrite(t *testing.T) {
	inWorlds(t, func(t *testing.T, p *place) {
		l := p.loop(func(nc net.Conn) {
			_, _ = nc.Read(make([]byte, 3))
			_, _ = nc.Write([]byte("last words"))
		})
		var got []byte
		c := join(l, &client{
			onOpen: func(c *client) { c.Send([]byte("abc")) },
			onReceived: func(c *client, in []byte) int {
				got = append(got, in...)
				c.Send(pattern(1 << 20))
				return len(in)
			},
		}, netip.Addr{}, 0)
		if err := c.end(); err == nil || string(got) != "last words" {
			t.Errorf("%q, then %v", got, err)
		}
	})
}

// What is connected when ctx ends hears of it, and cannot come back.
func TestRunEnds(t *testing.T) {
	inWorlds(t, func(t *testing.T, p *place) {
		listener, o := p.listen(t)
		serveAll(t, listener, echo)
		d, err := p.driver(withClock(o))
		if err != nil {
			t.Fatal(err)
		}
		l := &Loop{d}
		ctx, cancel := context.WithCancelCause(context.Background())
		ended := make(chan error)
		go func() { ended <- l.Run(ctx) }()
		var clients []*client
		var open sync.WaitGroup
		open.Add(10)
		for range 10 {
			clients = append(clients, join(l, &client{
				onOpen: func(*client) { open.Done() },
				onClosed: func(c *client, _ error) {
					l.Connect(&client{}, netip.Addr{}, 0).Close()
				},
			}, netip.Addr{}, 0))
		}
		open.Wait()
		cancel(errTest)
		if err := <-ended; err != nil {
			t.Error(err)
		}
		for _, c := range clients {
			if err := c.end(); err != errTest {
				t.Errorf("ended with %v", err)
			}
		}
		l.Do(func() { t.Error("called after the end") })
		l.Wake()
		if l.Run(ctx) == nil {
			t.Error("Run runs twice")
		}
	})
}

func withClock(o Options) Options {
	start := time.Now()
	o.Clock = func() int64 { return int64(time.Since(start)) }
	return o
}

// Functions of many goroutines run on the loop, each once, those of one in order.
func TestDo(t *testing.T) {
	inWorlds(t, func(t *testing.T, p *place) {
		l := p.loop(echo)
		const callers, calls = 20, 500
		last := make([]int, callers) // no lock: -race would tell
		var all, callersDone sync.WaitGroup
		all.Add(callers * calls)
		for i := range callers {
			callersDone.Go(func() {
				for j := range calls {
					l.Do(func() {
						if last[i] != j {
							t.Errorf("%d after %d", j, last[i])
						}
						last[i]++
						all.Done()
					})
				}
			})
		}
		all.Wait()
		callersDone.Wait()
		on(l, func() { l.Do(all.Done); all.Add(1) }) // from the loop itself
		all.Wait()
	})
}

// In fake time Wake is called at the very nanosecond that it asked for, at the
// start, and after Loop.Wake.
func TestWakeInFakeTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var at []int64
		start := time.Now()
		next := []int64{1000, 1001, 5_000_000, never, never, 7e9, never}
		w := worlds()[0]
		_, o := w.listen(t)
		o.Wake = func(now int64) int64 {
			at = append(at, now)
			return next[len(at)-1]
		}
		o.Clock = func() int64 { return int64(time.Since(start)) }
		l := w.run(t, o)
		time.Sleep(time.Second)
		l.Wake()
		l.Wake()
		synctest.Wait()
		time.Sleep(time.Second)
		l.Wake()
		time.Sleep(time.Hour)
		synctest.Wait()
		want := []int64{0, 1000, 1001, 5_000_000, 1e9, 2e9, 7e9}
		if len(at) != len(want) {
			t.Fatalf("woken at %v, want %v", at, want)
		}
		for i := range at {
			if at[i] != want[i] {
				t.Errorf("woken at %v, want %v", at, want)
			}
		}
	})
}

// A dial that takes too long ends, and one that is given up makes no connection.
func TestDialTimesOut(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		dialed := 0
		o := Options{Dial: func(ctx context.Context, _ netip.Addr) (net.Conn, error) {
			dialed++
			<-ctx.Done()
			return nil, ctx.Err()
		}}
		l := worlds()[0].run(t, o)
		began := time.Now()
		c := join(l, &client{}, netip.Addr{}, 3*time.Second)
		if err := c.end(); !errors.Is(err, context.DeadlineExceeded) || time.Since(began) != 3*time.Second {
			t.Errorf("%v after %v", err, time.Since(began))
		}
		c = join(l, &client{}, netip.Addr{}, time.Hour)
		synctest.Wait()
		on(l, c.Close)
		if err := c.end(); err != nil || c.opens != 0 || dialed != 2 {
			t.Errorf("%v, opened %d times, dialed %d times", err, c.opens, dialed)
		}
	})
}
