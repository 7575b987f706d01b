package broker

import (
	"fmt"
	"sync/atomic"
	"testing"
	"testing/synctest"

	"mqtk/mqttwire"
)

// deafLink never writes.
type deafLink struct{}

func (deafLink) Flush()  {}
func (deafLink) Resume() {}
func (deafLink) Close()  {}

// miserly lets nobody read, and counts who asks.
type miserly struct{ asked atomic.Int64 }

func (m *miserly) Authorize(_ *Identity, a Action, _ string) bool {
	if a == Receive {
		m.asked.Add(1)
	}
	return a != Receive
}

// One turn of a session is short, whatever its client has asked for; the rest
// comes with the next ones, without anybody's help.
func TestTurnsAreShort(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const n = 50_000
		rights := &miserly{}
		b, err := New(Options{Authorizer: rights})
		if err != nil {
			t.Fatal(err)
		}
		for i := range n {
			b.retained.set(fmt.Sprint("t/", i), &Message{Payload: []byte("x"), Retain: true}, b.limits())
		}
		c, batch := b.Accept(deafLink{}, b.gate, nil), b.NewBatch()
		c.Receive(batch, packetBytes(t, "CONNECT client-id=a clean-start=1"))
		s := c.session
		s.mu.Lock()
		sub := s.subscription(mqttwire.Subscription{Filter: "#"}, 0)
		s.needTraffic()
		s.cursors = append(s.cursors, b.newRetainCursor(sub))
		batch.now = b.started
		s.pump(batch, c)
		if asked := rights.asked.Load(); asked == 0 || asked > pumpWork {
			t.Errorf("the first turn looked at %d messages, at most %d are promised", asked, pumpWork)
		}
		s.mu.Unlock()
		synctest.Wait()
		if asked := rights.asked.Load(); asked != n || len(s.cursors) != 0 || b.turns.running {
			t.Errorf("%d messages were looked at, want %d; %d cursors are left, turns go on: %v", asked, n, len(s.cursors), b.turns.running)
		}
		c.Closed(nil)
		if err := b.Shutdown(t.Context()); err != nil {
			t.Error(err)
		}
	})
}

func packetBytes(t testing.TB, line string) []byte {
	t.Helper()
	p, err := mqttwire.ParseText(line, mqttwire.V5)
	if err != nil {
		t.Fatal(err)
	}
	b, err := p.Append(nil, mqttwire.V5)
	if err != nil {
		t.Fatal(line, err)
	}
	return b
}
