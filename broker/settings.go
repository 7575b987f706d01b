package broker

import (
	"fmt"
	"math"

	"mqtk/broker/limits"
)

// The limits are a package of their own.
type (
	Limits    = limits.Limits
	Limit     = limits.Limit
	LimitKind = limits.Kind
)

const (
	LimitCount    = limits.Count
	LimitSize     = limits.Size
	LimitSeconds  = limits.Seconds
	LimitDuration = limits.Duration
	LimitSwitch   = limits.Switch
	LimitChoice   = limits.Choice
	LimitText     = limits.Text
)

// DefaultLimits returns every limit at its default.
func DefaultLimits() Limits { return limits.Default() }

// LimitTable is the table of limits, in the order in which they are explained.
func LimitTable() []Limit { return limits.Table() }

// settings are the limits in force and what follows from them. They are never
// changed, but replaced as a whole: whoever asks once sees them in one state.
type settings struct {
	Limits
	most   int64  // max_outbox_bytes
	easy   int64  // what all outboxes may hold with a whole max_outbox_bytes each
	budget int64  // what they may hold at all
	tight  Limits // in place of the limits, once publishers are slowed for memory
}

func newSettings(l Limits) *settings {
	s := &settings{Limits: l, most: int64(l.MaxOutboxBytes), easy: math.MaxInt64, budget: math.MaxInt64 / 2, tight: l}
	if l.MemoryLimit == 0 {
		return s
	}
	s.budget = l.MemoryLimit / outboxesShare
	s.easy = s.budget - outboxShare*s.most
	s.tight.MaxQueuedBytes = max(l.MaxQueuedBytes/tightShare, 1)
	if s.tight.MaxInflightBytes == 0 || s.tight.MaxInflightBytes > s.tight.MaxQueuedBytes {
		s.tight.MaxInflightBytes = s.tight.MaxQueuedBytes
	}
	return s
}

// limits are those in force.
func (b *Broker) limits() *Limits { return &b.settings.Load().Limits }

// SetLimits replaces the limits of a running broker, all or, with an error, none.
// What CONNACK has promised a connection stays as it was for that connection. Who
// is there beyond a new limit stays; what is there beyond it goes as room is made.
func (b *Broker) SetLimits(l Limits) error {
	if err := l.Validate(); err != nil {
		return err
	}
	b.registry.Lock()
	defer b.registry.Unlock()
	was := b.settings.Load()
	for _, limit := range LimitTable() {
		if limit.Fixed && !limit.Same(&l, &was.Limits) {
			return fmt.Errorf("limit %s: it cannot be changed while the broker runs; restart it", limit.Key)
		}
	}
	now := newSettings(l)
	b.settings.Store(now)
	b.memory.apportion(now, b.metrics.outHeld.Load())
	b.recount(&now.Limits)
	return nil
}
