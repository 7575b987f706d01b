package broker

import (
	"fmt"
	"slices"
)

// Panics is how many panics the last net has caught.
func (b *Broker) Panics() int64 { return b.metrics.panics.Load() }

// Tally is what a broker holds that must be nothing when nobody is there.
type Tally struct {
	Sessions, Connections, Live, Full    int
	Greeted                              int // handshakes
	Queued, QueuedBytes, Unwritten, Held int64
	Subscriptions, Shared, Filters, Sys  int
	Watched                              int
	Busy                                 int // sessions that have traffic and a client
}

// Tally counts.
func (b *Broker) Tally() (t Tally) {
	b.registry.Lock()
	t.Sessions, t.Connections, t.Live = b.registry.sessions.Len(), len(b.registry.conns), b.registry.live
	t.Greeted = len(b.registry.greeted)
	b.registry.Unlock()
	t.Full = int(b.pressed.Load())
	t.Queued, t.QueuedBytes = b.metrics.queuedMessages.Load(), b.metrics.queuedBytes.Load()
	t.Unwritten, t.Held = b.metrics.outBytes.Load(), b.metrics.outHeld.Load()
	b.subscriptions.RLock()
	t.Subscriptions, t.Shared, t.Filters, t.Sys = b.subscriptions.plain, b.subscriptions.shared, b.subscriptions.tree.Len(), b.subscriptions.sys
	b.subscriptions.RUnlock()
	b.wheel.mu.Lock()
	t.Watched = b.wheel.count
	b.wheel.mu.Unlock()
	b.busy.mu.Lock()
	t.Busy = len(b.busy.sessions)
	b.busy.mu.Unlock()
	return t
}

// Unsettled lists what sessions and connections still have under way.
func (b *Broker) Unsettled() (all []string) {
	b.registry.Lock()
	var sessions []*Session
	for s := range b.registry.sessions.All() {
		sessions = append(sessions, s)
	}
	conns := slices.Clone(b.registry.conns)
	b.registry.Unlock()
	for _, s := range sessions {
		s.mu.Lock()
		if s.traffic == nil {
			s.mu.Unlock()
			continue
		}
		w := &s.window
		if w.open != 0 || w.used != 0 || w.unsent != 0 || w.bytes != 0 || s.queue.len() != 0 || s.queue.bytes != 0 || s.queue.qos0 != 0 || s.held.len() != 0 || s.queue.stored.count != 0 || len(s.unwritten) != 0 || w.waiting != 0 {
			all = append(all, fmt.Sprintf("session %s: %d open, %d used, %d unsent, %d bytes, %d waiting in the window; %d queued, of QoS 0 %d, %d bytes; %d on disk, %d on their way there, fetching %t; %d ids held; online %t",
				s.ClientID(), w.open, w.used, w.unsent, w.bytes, w.waiting, s.queue.len(), s.queue.qos0, s.queue.bytes,
				s.queue.stored.count, len(s.unwritten), s.fetching, s.held.len(), s.live() != nil))
		}
		s.mu.Unlock()
	}
	for _, c := range conns {
		o := &c.out
		o.mu.Lock()
		if full := o.full.Load(); full || o.pending != 0 || o.queueFull || o.waiting() != 0 || c.segments != nil || c.inbound.Load() != 0 || c.Paused() {
			all = append(all, fmt.Sprintf("connection: full %t, queue full %t, crowded %t, slow %t, starved %t, writing %t, dirty %t; %d pending, %d waiters, segments %t, %d inbound, paused %t",
				full, o.queueFull, o.crowded, o.slow, o.starved, o.writing, o.dirty, o.pending, o.waiting(), c.segments != nil, c.inbound.Load(), c.Paused()))
		}
		o.mu.Unlock()
	}
	return all
}

// AddSessions adds so many sessions with one subscription each, without a connection.
func (b *Broker) AddSessions(n int) {
	for i := range n {
		s := b.newSession(&Identity{ClientID: fmt.Sprintf("client-%07d", i)}, uint64(i))
		s.file(fmt.Sprintf("devices/%07d", i))
		b.registry.sessions.Put(s)
	}
}

// AppendOut takes what lies in the outbox, as a driver whose peer reads at once.
func (c *Conn) AppendOut(dst []byte) []byte {
	var room [8][]byte
	for pieces := c.Take(room[:0]); len(pieces) > 0; {
		n := 0
		for _, piece := range pieces {
			dst = append(dst, piece...)
			n += len(piece)
		}
		pieces = c.Next(n, room[:0])
	}
	return dst
}
