package loop

import (
	"math/rand/v2"
	"net"
	"net/netip"
	"sync"
	"testing"
	"time"
)

// A tangle is connections that do to each other what handlers may do, and a server
// that is no better. client panics where it is called out of order.
type tangle struct {
	l      *Loop
	random *rand.Rand
	living []*client
	begun  int
	goal   int
	ended  sync.WaitGroup
}

func TestTangle(t *testing.T) {
	inWorlds(t, func(t *testing.T, p *place) {
		goal := 1500
		if raceEnabled || testing.Short() {
			goal = 300
		}
		g := &tangle{random: rand.New(rand.NewPCG(1, 2)), goal: goal}
		g.l = p.loop(moody, func(o *Options) {
			o.Wake = func(now int64) int64 { g.act(); return now + int64(100*time.Microsecond) }
		})
		g.ended.Add(goal)
		on(g.l, func() {
			for range 20 {
				g.connect()
			}
		})
		g.ended.Wait()
		on(g.l, func() {
			if g.begun != goal || len(g.living) != 0 {
				t.Errorf("%d of %d begun, %d are left", g.begun, goal, len(g.living))
			}
		})
	})
}

// connect makes another connection, until all are made.
func (g *tangle) connect() {
	if g.begun == g.goal {
		return
	}
	g.begun++
	c := &client{
		over:       make(chan struct{}),
		onOpen:     func(*client) { g.act() },
		onRoom:     func(*client) { g.act() },
		onReceived: func(_ *client, in []byte) int { g.act(); return g.random.IntN(len(in) + 1) },
		onClosed: func(c *client, _ error) {
			for i := range g.living {
				if g.living[i] == c {
					g.living[i] = g.living[len(g.living)-1]
					g.living = g.living[:len(g.living)-1]
					break
				}
			}
			g.connect()
			g.ended.Done()
		},
	}
	g.living = append(g.living, c)
	c.Conn = g.l.Connect(c, netip.Addr{}, time.Duration(1+g.random.IntN(5000))*time.Millisecond)
}

// act does something to somebody.
func (g *tangle) act() {
	if len(g.living) == 0 {
		return
	}
	c := g.living[g.random.IntN(len(g.living))]
	switch what := g.random.IntN(100); {
	case what < 5:
		c.Close()
	case what < 8:
		c.Abort()
	case c.opens == 0: // must not send yet
	case what < 40:
		c.Send(make([]byte, g.random.IntN(2000)))
	case what < 80:
		c.Queue(make([]byte, g.random.IntN(2000)))
	case what < 82:
		c.Send(make([]byte, 300_000))
	case what < 90:
		g.l.Wake()
	case what < 95:
		g.l.Do(g.act)
	}
}

// moody sends back some of what it reads, and ends some time.
func moody(nc net.Conn) {
	b := make([]byte, 5000)
	for range 1 + rand.IntN(20) {
		_ = nc.SetDeadline(time.Now().Add(20 * time.Millisecond))
		n, err := nc.Read(b)
		if err != nil {
			break
		}
		if _, err := nc.Write(b[:rand.IntN(n+1)]); err != nil {
			break
		}
	}
	if socket, ok := nc.(*net.TCPConn); ok && rand.IntN(3) == 0 {
		_ = socket.SetLinger(0)
	}
}
