package authsql

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"time"
	"weak"
)

const (
	ringSize  = 20 // parts in which everybody's rows are read again, one after the other
	atOnce    = 2  // queries of the refresher, so that CONNECTs find connections free
	tolerated = 5  // refreshes that may fail before what was known is known no more
)

// ring holds the grants that are in use, weakly, spread over the time between
// two refreshes.
type ring struct {
	sync.Mutex
	parts [ringSize][]weak.Pointer[grant]
	next  int // part of the next grant
}

func (r *ring) add(g *grant) {
	r.Lock()
	defer r.Unlock()
	r.parts[r.next] = append(r.parts[r.next], weak.Make(g))
	r.next = (r.next + 1) % ringSize
}

// live returns the grants of a part, and forgets those that are gone.
func (r *ring) live(part int) []*grant {
	r.Lock()
	defer r.Unlock()
	var live []*grant
	kept := r.parts[part][:0]
	for _, w := range r.parts[part] {
		if g := w.Value(); g != nil {
			live = append(live, g)
			kept = append(kept, w)
		}
	}
	if len(kept) < cap(kept)/4 {
		kept = append([]weak.Pointer[grant](nil), kept...)
	}
	r.parts[part] = kept
	return live
}

// run reads everybody's rows again, one part of the ring after the other.
func (r *Rights) run(ctx context.Context) {
	ticker := time.NewTicker(r.db.options.Refresh / ringSize)
	defer ticker.Stop()
	for part := 0; ; part = (part + 1) % ringSize {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
		r.refresh(ctx, r.ring.live(part))
		if part == 0 {
			r.shared.sweep()
		}
	}
}

// refresh reads the rows of some clients again.
func (r *Rights) refresh(ctx context.Context, grants []*grant) {
	if len(grants) == 0 {
		return
	}
	networks, err := r.networks.get(ctx, r)
	if err != nil {
		r.failed(ctx, grants, err)
		return
	}
	var workers sync.WaitGroup
	free := make(chan struct{}, atOnce)
	for len(grants) > 0 && ctx.Err() == nil {
		n := min(batchSize, len(grants))
		batch := grants[:n]
		grants = grants[n:]
		free <- struct{}{}
		workers.Go(func() {
			r.refreshBatch(ctx, batch, networks)
			<-free
		})
	}
	workers.Wait()
}

func (r *Rights) refreshBatch(ctx context.Context, batch []*grant, networks []row) {
	err := r.loadWith(ctx, batch, networks)
	if errors.Is(err, errTooMany) && len(batch) > 1 {
		// One client's many rows are not to be felt by the others.
		for i := range batch {
			r.refreshBatch(ctx, batch[i:i+1], networks)
		}
		return
	}
	if err != nil {
		r.failed(ctx, batch, err)
		return
	}
	r.trouble.note(r.db.options.Log, nil)
	for _, g := range batch {
		g.failed = 0
	}
}

// failed keeps what was known of the clients, for a while.
func (r *Rights) failed(ctx context.Context, grants []*grant, err error) {
	if ctx.Err() != nil {
		return // the end
	}
	r.trouble.note(r.db.options.Log, err)
	for _, g := range grants {
		if g.failed++; g.failed <= tolerated {
			continue
		}
		if r.lenient {
			g.decision.Store(r.withoutRows(g))
		} else {
			g.decision.Store(nil)
		}
	}
}

// trouble tells of a database that does not answer: at once, once a minute as
// long as it lasts, and when it is over.
type trouble struct {
	sync.Mutex
	since, told time.Time
}

const tellEvery = time.Minute

func (t *trouble) note(log *slog.Logger, err error) {
	t.Lock()
	defer t.Unlock()
	now := time.Now()
	switch {
	case err == nil && !t.since.IsZero():
		log.Info("the rights of clients can be read again", "after", now.Sub(t.since).Round(time.Second))
		t.since, t.told = time.Time{}, time.Time{}
	case err != nil && now.Sub(t.told) >= tellEvery:
		if t.since.IsZero() {
			t.since = now
		}
		t.told = now
		log.Error("the rights of clients cannot be read", "error", err, "since", t.since)
	}
}
