package broker

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"
)

// sysPublisher owns what $SYS remembers between two rounds. Its mutex is held
// while a round is computed, not while it is routed.
type sysPublisher struct {
	sync.Mutex
	meter *sysMeter
	told  map[string]string // what the subscribers were told last
	kept  map[string]string // what the retained messages say
	at    time.Time         // when the values were computed last
}

// runSys publishes the $SYS topics that somebody subscribes to, each interval by
// the wall clock, where they have changed.
func (b *Broker) runSys(ctx context.Context) {
	timer := time.NewTimer(time.Until(nextSysRound(time.Now(), b.limits().SysInterval)))
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-timer.C:
		}
		now := time.Now()
		for topic, value := range b.sysChanges(now, b.subscriptions.sysWanted(), true) {
			b.Route(&Message{Topic: topic, Payload: []byte(value), Retain: true})
		}
		timer.Reset(nextSysRound(now, b.limits().SysInterval).Sub(now))
	}
}

// sysChanges measures, and returns what is new: to be told, or to be kept alone.
// Where nobody wants it, nothing but the averages is kept up.
func (b *Broker) sysChanges(now time.Time, wanted, tell bool) map[string]string {
	state := sysState{}
	if wanted {
		state = b.sysState(now)
	}
	b.sys.Lock()
	defer b.sys.Unlock()
	b.sys.meter.measure(&state, b.metrics.snapshot(), now)
	if !wanted {
		return nil
	}
	if b.sys.told == nil {
		b.sys.told, b.sys.kept = make(map[string]string), make(map[string]string)
	}
	changes := make(map[string]string)
	for topic, value := range sysTopics(&state) {
		if tell && b.sys.told[topic] != value || !tell && b.sys.kept[topic] != value {
			changes[topic] = value
		}
	}
	b.sys.at = now
	maps.Copy(b.sys.kept, changes)
	if tell {
		maps.Copy(b.sys.told, changes)
	}
	return changes
}

// refreshSys makes the retained $SYS messages current for a subscription that
// is about to read them. Those who subscribed before hear of it in their round.
func (b *Broker) refreshSys(now time.Time) {
	b.sys.Lock()
	fresh := now.Sub(b.sys.at) < time.Second && b.sys.told != nil
	b.sys.Unlock()
	if fresh {
		return
	}
	for topic, value := range b.sysChanges(now, true, false) {
		b.retained.set(topic, &Message{Topic: topic, Payload: []byte(value), Retain: true}, b.limits())
	}
}

// sysState takes stock.
func (b *Broker) sysState(now time.Time) sysState {
	s := sysState{Version: b.version, Uptime: now.Sub(b.started)}
	s.Retained, s.RetainedBytes = b.retained.counts()
	s.Subscriptions, s.SharedSubscriptions = b.subscriptions.counts()
	if b.limits().MemoryLimit > 0 {
		s.memory, s.memoryLimit = &b.memory, b.limits().MemoryLimit
	}
	if store, ok := b.store.(MeasuredStore); ok {
		measures := store.Measure()
		s.Store = &measures
	}
	b.registry.Lock()
	s.Connections = len(b.registry.conns)
	s.Clients, s.MaxClients = b.registry.live, b.registry.maximum
	sessions := make([]*Session, 0, b.registry.sessions.Len())
	for session := range b.registry.sessions.All() {
		sessions = append(sessions, session)
	}
	conns := slices.Clone(b.registry.conns)
	b.registry.Unlock()
	for _, session := range sessions {
		session.mu.Lock()
		if session.traffic != nil {
			s.Inflight += session.window.open
		}
		if session.owner.Load() == nil {
			s.OfflineSessions++
		}
		session.mu.Unlock()
	}
	for _, c := range conns {
		c.out.mu.Lock()
		s.PacketsOut += int(c.out.packets)
		c.out.mu.Unlock()
	}
	return s
}

// Summary says in a few lines how the broker stands.
func (b *Broker) Summary() string {
	s := b.sysState(time.Now())
	c := b.metrics.snapshot()
	var out strings.Builder
	line := func(name, format string, values ...any) {
		fmt.Fprintf(&out, "%-14s "+format+"\n", append([]any{name}, values...)...)
	}
	line("uptime", "%v", s.Uptime.Round(time.Second))
	line("clients", "%d connected (%d at most), %d sessions offline, %d connections", s.Clients, s.MaxClients, s.OfflineSessions, s.Connections)
	line("subscriptions", "%d, of them %d shared", s.Subscriptions, s.SharedSubscriptions)
	line("retained", "%d messages, %d bytes", s.Retained, s.RetainedBytes)
	line("queued", "%d messages, %d bytes, %d in flight", c.queuedMessages, c.queuedBytes, s.Inflight)
	line("received", "%d publications, %d packets, %d bytes", sumQoS(c.publishReceived), c.packetsReceived, c.bytesReceived)
	line("sent", "%d publications, %d packets, %d bytes", sumQoS(c.publishSent), c.packetsSent, c.bytesSent)
	line("dropped", "%s", c.droppedText())
	line("refused", "%s", c.refusedText())
	if m := s.Store; m != nil {
		line("on disk", "%d bytes, of them about %d needed; %d written since the start", m.DiskBytes, m.needed(), m.BytesWritten)
		line("commits", "%d of %.1f frames on average, synced in %v on average, %v at most", m.Commits, m.meanFrames(),
			m.meanSync().Round(time.Microsecond), m.LongestSync.Round(time.Microsecond))
		line("recovery", "took %v", m.Recovery.Round(time.Millisecond))
		if state := m.trouble(); state != "" {
			line("store", "%s", state)
		}
	}
	return out.String()
}

// trouble says what keeps a store from taking all there is, if anything does.
func (m *StoreMeasures) trouble() string {
	switch {
	case m.Failed:
		return "failed: nothing is acknowledged until a restart"
	case m.Full:
		return "full: messages are refused until there is room"
	}
	return ""
}

// refusedText lists why connections were not let in, reason by reason.
func (c *counts) refusedText() string {
	return reasonsText(c.refused[:], func(i int) string { return refused(i).String() })
}

// droppedText lists why messages were dropped, reason by reason.
func (c *counts) droppedText() string {
	return reasonsText(c.dropped[:], func(i int) string { return dropReason(i).String() })
}

func reasonsText(counts []int64, name func(int) string) string {
	var parts []string
	for i, n := range counts {
		if n > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", n, name(i)))
		}
	}
	if len(parts) == 0 {
		return "none"
	}
	return strings.Join(parts, ", ")
}
