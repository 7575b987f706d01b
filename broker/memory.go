package broker

import (
	"cmp"
	"log/slog"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"mqtk/mqttwire"
)

// A strain says what the broker gives up as the live heap comes near its limit;
// each level does what those before it do. All are undone when it eases.
type strain int32

const (
	relaxed  strain = iota
	spilling        // what may lie in the Store goes there at once
	slowing         // who publishes fast is read slowly
	refusing        // CONNECT is refused
	closing         // the slowest consumers of QoS 0 are closed
	strains
)

func (s strain) String() string {
	return [...]string{"memory is no longer short", "memory is short: queues go to the disk at once", "memory is short: fast publishers are slowed down",
		"memory is short: new clients are refused", "memory is short: the slowest consumers of QoS 0 are closed"}[s]
}

// strainedAt is where each level begins, in sixteenths of the limit. A level ends
// a sixteenth below, so that it does not come and go with each collection.
var strainedAt = [strains]int64{spilling: 6, slowing: 7, refusing: 9, closing: 10}

const (
	strainedRate  = 64 << 10 // bytes a second that are read of a fast publisher
	strainedSpare = 4 << 10  // bytes that anybody may send at once
)

// memory is how the broker stands to its limit. Nothing of it costs a message
// anything: who collects the heap says what was left of it (MemoryHeld).
//
// Rejected: adding up what outboxes, queues and windows hold. A message that
// waits for a thousand sessions is there once, so the sum says a thousand times
// what giving it up would bring; and every core would count on the same lines.
type memory struct {
	strain atomic.Int32
	held   atomic.Int64

	mu     sync.Mutex
	told   [strains]time.Time
	begun  [strains]atomic.Int64 // times that a level was entered
	closed atomic.Int64          // consumers
}

// MemoryHeld tells the broker how many bytes of the heap are live, after each
// collection. It acts on the difference to the memory limit.
func (b *Broker) MemoryHeld(live int64) {
	limit := b.limits.MemoryLimit
	if limit == 0 {
		return
	}
	m := &b.memory
	m.mu.Lock()
	m.held.Store(live)
	was := strain(m.strain.Load())
	now := was
	for now+1 < strains && live >= limit/16*strainedAt[now+1] {
		now++
	}
	for now > relaxed && live < limit/16*(strainedAt[now]-1) {
		now--
	}
	m.strain.Store(int32(now))
	for s := was + 1; s <= now; s++ {
		m.begun[s].Add(1)
		b.complain(s, live)
	}
	if was > relaxed && now == relaxed {
		b.complain(now, live)
	}
	m.mu.Unlock()
	if now == closing {
		b.closeSlowest(live - limit/16*(strainedAt[closing]-1))
	}
}

// Strained says whether the memory limit is near enough to act on it.
func (b *Broker) Strained() bool { return b.strained(spilling) }

func (b *Broker) strained(s strain) bool { return b.memory.strain.Load() >= int32(s) }

// complain logs a level, once a minute. memory.mu is held.
func (b *Broker) complain(s strain, live int64) {
	now := time.Now()
	if now.Sub(b.memory.told[s]) < time.Minute {
		return
	}
	b.memory.told[s] = now
	level := slog.LevelWarn
	if s == relaxed {
		level = slog.LevelInfo
	}
	b.log.Log(b.context, level, s.String(), "held", live, "limit", b.limits.MemoryLimit)
}

// brake ends the pause of a publisher that was fast.
type brake struct {
	c   *Conn
	due deadline
}

func (k *brake) deadline() *deadline { return &k.due }
func (k *brake) fire(time.Time)      { k.c.released() }

// slowDown pauses the reading of a client that sends more than strainedRate, for
// as long as what was read should have taken. Who sends less is read as ever. A
// client that has a limit of messages is held to that alone: it has the bucket.
func (c *Conn) slowDown(read int, now time.Time) {
	if c.b.limits.MaxMessageRate > 0 || c.phase != connected || c.asks() || c.paused.Load() || c.closing.Load() {
		return
	}
	if wait := c.publishing().rate.owe(read, strainedSpare, strainedRate, now); wait > 0 {
		c.pause()
		c.b.deadlines.arm(&brake{c: c}, now.Add(wait))
	}
}

// closeSlowest closes consumers of QoS 0 that fell below their pace, those with
// the most in their outboxes first, until that is as much as excess.
func (b *Broker) closeSlowest(excess int64) {
	type consumer struct {
		c       *Conn
		pending int
	}
	b.registry.Lock()
	conns := slices.Clone(b.registry.conns)
	b.registry.Unlock()
	var slow []consumer
	for _, c := range conns {
		c.out.mu.Lock()
		pending, is := c.out.pending, c.out.slow && !c.out.closed && !c.out.queueFull
		c.out.mu.Unlock()
		if is && c.live.Load() {
			slow = append(slow, consumer{c, pending})
		}
	}
	slices.SortFunc(slow, func(x, y consumer) int { return cmp.Compare(y.pending, x.pending) })
	for _, s := range slow {
		if excess <= 0 {
			return
		}
		excess -= int64(s.pending)
		b.memory.closed.Add(1)
		s.c.kick(mqttwire.QuotaExceeded, "the server is short of memory, and the client reads slowly")
	}
}

// sysMemory tells how the broker stands to its memory limit, in the order of
// MemoryTopics.
func sysMemory(s *sysState) []sysTopic {
	m := s.memory
	if m == nil {
		return nil
	}
	values := [...]any{s.memoryLimit, m.held.Load(), m.begun[spilling].Load(), m.begun[slowing].Load(), m.begun[refusing].Load(), m.closed.Load()}
	topics := make([]sysTopic, len(values))
	for i, t := range MemoryTopics() {
		topics[i] = sysTopic{t.Name, values[i]}
	}
	return topics
}

// MemoryTopics lists the $SYS topics about the memory limit.
func MemoryTopics() []SysTopic {
	return []SysTopic{
		{"memory/limit", "The memory limit in bytes."},
		{"memory/held", "Bytes of the heap that were live after the last collection."},
		{"memory/spilling/count", "Times that queues began to go to the disk at once, for memory was short."},
		{"memory/slowing/count", "Times that fast publishers were slowed down for it."},
		{"memory/refusing/count", "Times that the refusal of new clients began for it."},
		{"memory/closed/count", "Slow consumers of QoS 0 that were closed for it."},
	}
}
