package broker

import (
	"cmp"
	"log/slog"
	"math"
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
	closing         // the slowest consumers are closed, those of QoS 0 first, and queues in memory stand still
	strains
)

func (s strain) String() string {
	return [...]string{"memory is no longer short", "memory is short: queues go to the disk at once", "memory is short: fast publishers are slowed down",
		"memory is short: new clients are refused", "memory is short: the slowest consumers are closed, and no message waits for who is away"}[s]
}

// strainedAt is where each level begins, in sixteenths of the limit. A level ends
// a sixteenth below, so that it does not come and go with each collection.
var strainedAt = [strains]int64{spilling: 6, slowing: 7, refusing: 9, closing: 10}

const (
	strainedRate  = 64 << 10 // bytes a second that are read of a fast publisher
	strainedSpare = 4 << 10  // bytes that anybody may send at once
)

// memory is how the broker stands to its limit. What fills fastest is bounded as
// it fills: outboxes, of which each may hold a sixteenth of what all together have
// left. The rest is measured: who collects the heap says what is left of it
// (MemoryHeld); between two collections what has come into outboxes and queues is
// added to that.
//
// Rejected: adding up what queues and windows hold. A message that waits for a
// thousand sessions is there once, so the sum says a thousand times what giving it
// up would bring; and every core would count on the same lines.
type memory struct {
	strain atomic.Int32
	held   atomic.Int64
	outbox atomic.Int64 // the limit of each
	mark   atomic.Int64 // what outboxes may hold until the levels are looked at again
	waited atomic.Int64 // bytes of all messages so far that had to wait, each once
	pause  atomic.Int64 // what it may grow to until then
	stale  atomic.Bool  // one of them is beyond that

	mu     sync.Mutex
	live   int64 // the heap as measured last
	then   gauges
	told   [strains]time.Time
	begun  [strains]atomic.Int64 // times that a level was entered
	closed atomic.Int64          // consumers
}

const (
	outboxesShare   = 4       // all outboxes may hold this part of the memory limit
	outboxShare     = 16      // and each this part of what they have left
	tightShare      = 16      // and a queue this part of its limits, once memory is short
	messageOverhead = 256     // bytes of a kept message besides topic and payload, and of its places in queues
	smallPublish    = 4 << 10 // bytes of a PUBLISH that always finds room in an empty outbox
)

// begin settles what the levels begin with.
func (m *memory) begin(l *Limits) {
	m.outbox.Store(int64(l.MaxOutboxBytes))
	m.mark.Store(math.MaxInt64)
	m.pause.Store(math.MaxInt64)
	if l.MemoryLimit > 0 {
		m.mark.Store(l.MemoryLimit / 16)
		m.pause.Store(l.MemoryLimit / 16)
	}
}

// hold counts memory that outboxes take, and with a negative number give back.
// The limit of each follows: while there is plenty, nothing but the count is
// looked at.
func (b *Broker) hold(bytes int) {
	m, s := &b.memory, b.settings.Load()
	held := b.metrics.outHeld.Add(int64(bytes))
	if held > s.easy || m.outbox.Load() != s.most {
		m.apportion(s, held)
	}
	if held > m.mark.Load() && !m.stale.Load() {
		m.stale.Store(true)
	}
}

// apportion sets the limit of each outbox by what all of them hold. It never goes
// below a chunk: what even that adds up to is for the levels.
func (m *memory) apportion(s *settings, held int64) {
	limit := min(max((s.budget-held)/outboxShare, outboxChunk), s.most)
	if was := m.outbox.Load(); limit != was && (limit == s.most || limit < was-was/8 || limit > was+was/8) {
		m.outbox.Store(limit)
	}
}

// brimming says whether outboxes hold so much that not even into an empty one n
// bytes of QoS 0 may go: thousands of receivers can have one large message each.
func (b *Broker) brimming(n int) bool {
	return n > smallPublish && b.metrics.outHeld.Load() > b.settings.Load().budget/4*5
}

// wait counts a message that has to wait for somebody, or is retained.
func (batch *Batch) wait(bytes int) {
	batch.waited += bytes
	batch.tally.waited += bytes + messageOverhead
}

// waits takes what a batch has counted of such messages.
func (b *Broker) waits(bytes int) {
	if m := &b.memory; m.waited.Add(int64(bytes)) > m.pause.Load() && !m.stale.Load() {
		m.stale.Store(true)
	}
}

// gauges are what the broker's own counters say at one moment, in bytes.
type gauges struct{ out, waited, queued int64 }

func (b *Broker) gauges() gauges {
	m := &b.metrics
	return gauges{m.outHeld.Load(), b.memory.waited.Load(), m.queuedBytes.Load() + messageOverhead*m.queuedMessages.Load()}
}

// since is by how much the heap can have grown. A message in many queues is there
// once, and one that came may have left: of both counts the lower holds.
func (g gauges) since(then gauges) int64 {
	return g.out - then.out + max(min(g.waited-then.waited, g.queued-then.queued), 0)
}

// queueLimits are those by which queues and windows make publishers wait.
func (b *Broker) queueLimits() *Limits {
	if b.strained(slowing) {
		return &b.settings.Load().tight
	}
	return b.limits()
}

// MemoryHeld tells the broker how many bytes of the heap are live, after each
// collection. It acts on the difference to the memory limit.
func (b *Broker) MemoryHeld(live int64) {
	if b.limits().MemoryLimit == 0 {
		return
	}
	m := &b.memory
	m.mu.Lock()
	m.live, m.then = live, b.gauges()
	m.mu.Unlock()
	b.weigh()
}

// lookAgain weighs what has come into outboxes since the last collection.
func (b *Broker) lookAgain() {
	if b.memory.stale.CompareAndSwap(true, false) {
		b.weigh()
	}
}

// weigh enters and leaves levels.
func (b *Broker) weigh() {
	limit, m := b.limits().MemoryLimit, &b.memory
	m.mu.Lock()
	now := b.gauges()
	live := max(m.live+now.since(m.then), 0)
	m.mark.Store(now.out + limit/16)
	m.pause.Store(now.waited + limit/16)
	m.held.Store(live)
	was := strain(m.strain.Load())
	level := was
	for level+1 < strains && live >= limit/16*strainedAt[level+1] {
		level++
	}
	for level > relaxed && live < limit/16*(strainedAt[level]-1) {
		level--
	}
	m.strain.Store(int32(level))
	for s := was + 1; s <= level; s++ {
		m.begun[s].Add(1)
		b.complain(s, live)
	}
	if was > relaxed && level == relaxed {
		b.complain(level, live)
	}
	m.mu.Unlock()
	if level == closing {
		b.closeSlowest(live - limit/16*(strainedAt[slowing]-1)) // so that nobody's publishers stay slowed for their sake
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
	what := s.String()
	if s == spilling && !b.keeps {
		what = "memory is short" // there is no disk for queues
	}
	b.log.Log(b.context, level, what, "held", live, "limit", b.limits().MemoryLimit)
}

// slowDown pauses the reading of a client of whose messages more than strainedRate
// have to wait for somebody, or are retained, for as long as they should have
// taken. Whose messages go through is read as ever: that holds no memory.
func (c *Conn) slowDown(waited int, now time.Time) {
	if waited == 0 || c.phase != connected || c.asks() || c.paused.Load() || c.closing.Load() {
		return
	}
	if wait := c.publishing().rate.owe(waited, strainedSpare, strainedRate, now); wait > 0 {
		c.pause()
		c.b.deadlines.arm(&brake{c: c}, now.Add(wait))
	}
}

// closeSlowest closes consumers that fell below their pace, those of QoS 0 first
// and of them those that hold the most, until that is as much as excess.
func (b *Broker) closeSlowest(excess int64) {
	type consumer struct {
		c      *Conn
		queues bool
		holds  int // bytes that go with the connection
	}
	b.registry.Lock()
	conns := slices.Clone(b.registry.conns)
	b.registry.Unlock()
	var slow []consumer
	for _, c := range conns {
		c.out.mu.Lock()
		x, is := consumer{c, false, c.out.pending}, c.out.slow && !c.out.closed
		c.out.mu.Unlock()
		if !is || !c.live.Load() {
			continue
		}
		s := c.session
		s.mu.Lock()
		if t := s.traffic; t != nil && s.owner.Load() == c {
			x.queues = t.window.open > 0 || t.queue.len() > 0
			if !s.persistent() {
				x.holds += t.window.bytes + t.queue.bytes
			}
		}
		s.mu.Unlock()
		slow = append(slow, x)
	}
	slices.SortFunc(slow, func(x, y consumer) int {
		if x.queues != y.queues {
			if x.queues {
				return 1
			}
			return -1
		}
		return cmp.Compare(y.holds, x.holds)
	})
	for _, s := range slow {
		if excess <= 0 {
			return
		}
		excess -= int64(s.holds)
		b.memory.closed.Add(1)
		s.c.giveUp(mqttwire.QuotaExceeded, "the server is short of memory, and the client reads slowly")
	}
}

// giveUp is kick for a client that holds too much: its outbox is empty at once, of
// its DISCONNECT too, for which its socket has no room anyway.
func (c *Conn) giveUp(reason mqttwire.ReasonCode, detail string) {
	c.end(reason, detail)
	c.out.mu.Lock()
	c.forsake()
	c.out.mu.Unlock()
	c.ease()
	c.link.Close()
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
		{"memory/held", "Bytes of the heap that were live after the last collection, and what outboxes and queues have taken since."},
		{"memory/spilling/count", "Times that queues began to go to the disk at once, for memory was short."},
		{"memory/slowing/count", "Times that fast publishers were slowed down for it."},
		{"memory/refusing/count", "Times that the refusal of new clients began for it."},
		{"memory/closed/count", "Slow consumers that were closed for it."},
	}
}
