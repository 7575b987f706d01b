package crash

import (
	"context"
	"sync"
	"time"
)

// A gate keeps clients away while the broker is down, and counts those inside.
type gate struct {
	mu     sync.Mutex
	opened chan struct{} // closed while the gate is open
	empty  chan struct{} // closed while nobody is inside
	inside int
}

func newGate() *gate {
	g := &gate{opened: make(chan struct{}), empty: make(chan struct{})}
	close(g.empty)
	return g
}

func (g *gate) open() {
	g.mu.Lock()
	defer g.mu.Unlock()
	close(g.opened)
}

func (g *gate) shut() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.opened = make(chan struct{})
}

// enter waits until the gate is open, or for the end of ctx.
func (g *gate) enter(ctx context.Context) error {
	for ctx.Err() == nil {
		g.mu.Lock()
		opened := g.opened
		select {
		case <-opened:
			if g.inside == 0 {
				g.empty = make(chan struct{})
			}
			g.inside++
			g.mu.Unlock()
			return nil
		default:
		}
		g.mu.Unlock()
		select {
		case <-opened:
		case <-ctx.Done():
		}
	}
	return ctx.Err()
}

func (g *gate) leave() {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.inside--; g.inside == 0 {
		close(g.empty)
	}
}

// quiet waits until nobody is inside, at most for the time given.
func (g *gate) quiet(limit time.Duration) {
	g.mu.Lock()
	empty := g.empty
	g.mu.Unlock()
	timer := time.NewTimer(limit)
	defer timer.Stop()
	select {
	case <-empty:
	case <-timer.C:
	}
}
