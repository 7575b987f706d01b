package bench

import (
	"cmp"
	"context"
	"math"
	"slices"
	"sync"
	"time"
)

// A stranger is a publisher of another process, as a receiver knows it: by what
// has come.
type stranger struct {
	flow
	qos byte // of its last message
}

// listen is the course of subscribers alone: the measured time begins with the
// first message.
func (r *run) listen(ctx context.Context) error {
	f := &phase{name: phaseListen, duration: r.plan.Duration, messages: r.plan.Messages, until: never}
	r.openBook()
	f.start.Store(r.clock.now())
	if !r.each(func(w *worker) {
		w.prepare(f)
		w.beginUsage()
	}) {
		return r.loopError()
	}
	if err := r.await(ctx, f); err != nil {
		return err
	}
	if first := r.firstSeen.Load(); first != 0 {
		f.start.Store(first)
		r.each((*worker).beginUsage)
	}
	r.book.begin(r, f)
	if err := r.hear(ctx, f); err != nil {
		return err
	}
	r.noteUsage()
	r.conclude(f)
	return nil
}

const phaseListen = "listen"

// await waits for the first message.
func (r *run) await(ctx context.Context, f *phase) error {
	begun := r.clock.now()
	for r.firstSeen.Load() == 0 && !r.deserted() && ctx.Err() == nil {
		if f.duration > 0 && r.clock.now()-begun >= int64(f.duration) {
			r.remark("no message came within %v", f.duration)
			return nil
		}
		r.pause(ctx, 10*time.Millisecond, true)
		if err := r.glance(f); err != nil {
			return err
		}
	}
	return nil
}

// hear counts until there is enough, or nothing comes any more.
func (r *run) hear(ctx context.Context, f *phase) error {
	come, quiet := int64(-1), r.clock.now()
	for ctx.Err() == nil && !r.deserted() {
		now := r.clock.now()
		if f.duration > 0 && now-f.start.Load() >= int64(f.duration) {
			return nil
		}
		var n int64
		var mu sync.Mutex
		if !r.each(func(w *worker) {
			mu.Lock()
			defer mu.Unlock()
			n += w.progress()
		}) {
			return r.loopError()
		}
		if f.messages > 0 && n >= f.messages {
			return nil
		}
		if n != come {
			come, quiet = n, now
		}
		if now-quiet >= int64(r.plan.Patience) {
			return nil
		}
		r.pause(ctx, 10*time.Millisecond, false)
		if err := r.glance(f); err != nil {
			return err
		}
	}
	return nil
}

// hearOf takes a message of a publisher that this process knows nothing of.
func (s *subscriber) hearOf(first byte, payload []byte) (fresh bool) {
	w, t := s.w, &s.w.tally
	h := readHeader(payload)
	w.fillUp(len(payload))
	switch {
	case !intact(payload, w.fill):
		t.Foreign++ // nothing tells it from a message of somebody else
		return false
	case h.tag&warmupTag != 0:
		t.stale++
		return false
	}
	x, own := s.stranger(uint64(h.tag)<<24|uint64(h.publisher), h.sequence)
	if h.sequence > x.next+maxJump {
		s.corrupted(&h)
		return false
	}
	qos := first >> 1 & 3
	x.qos = qos
	if qos > byte(s.granted) {
		t.WrongQoS++
	}
	fresh, late := x.receive(h.sequence)
	if own != nil {
		late = h.sequence < own.next-1
		own.next = max(own.next, h.sequence+1)
	}
	if !s.count(fresh, late, qos, h.publisher, h.sequence) {
		return false
	}
	w.run.firstSeen.CompareAndSwap(0, w.readAt)
	t.BytesReceived += int64(len(payload))
	latency := since(h.sent, w.readAt)
	t.latency.record(latency)
	if w.readAt-latency < w.run.begun {
		t.queued++
	}
	return true
}

// maxJump is how many messages of one publisher nobody loses in a row.
const maxJump = math.MaxUint32

// fillUp makes the fill as long as a payload is.
func (w *worker) fillUp(size int) {
	if size > len(w.fill) {
		w.fill = fill(size)
	}
}

// stranger finds a publisher; own is a member's view of it.
func (s *subscriber) stranger(key uint64, sequence int64) (x, own *stranger) {
	if s.group == nil {
		return find(&s.strangers, key, sequence), nil
	}
	return find(&s.group.strangers, key, sequence), find(&s.strangers, key, sequence)
}

func find(m *map[uint64]*stranger, key uint64, sequence int64) *stranger {
	x := (*m)[key]
	if x == nil {
		if *m == nil {
			*m = map[uint64]*stranger{}
		}
		x = &stranger{flow: flow{first: sequence, next: sequence}}
		(*m)[key] = x
	}
	return x
}

// strangers adds what a receiver has had of publishers elsewhere: what is missing
// between the first and the last number was lost.
func (s *survey) strangers(x *subscriber) {
	all := x.strangers
	if g := x.group; g != nil {
		if g.members[0] != x {
			return
		}
		all = g.strangers
	}
	keys := make([]uint64, 0, len(all))
	for key := range all {
		keys = append(keys, key)
	}
	slices.SortFunc(keys, cmp.Compare)
	for _, key := range keys {
		f := all[key]
		p := standing{sent: f.next}
		s.flow(x, uint32(key&(maxClients-1)), &f.flow, &p, false, f.qos > 0)
	}
}
