package authsql

import (
	"context"
	"sync"
	"time"
)

// networks are the rows whose address is a network, or of IPv6, which may be
// written in several ways. No index finds those of a client, so all of them are
// read, for everybody: again after twenty times as long as that took, or the time
// between two refreshes if that is shorter. So the database is at it for a
// twentieth of the time at most, and a new row is felt at once in a small table.
type networks struct {
	statement statement

	sync.Mutex
	rows  []row
	until time.Time // rows are good till then
	under *reading  // way; nil: none is
}

const networksRest = 20 // times the time that reading them takes

// reading is a query that several wait for.
type reading struct {
	done chan struct{}
	rows []row
	err  error
}

func (n *networks) get(ctx context.Context, r *Rights) ([]row, error) {
	if r.db.acl.ipaddr == "" {
		return nil, nil
	}
	n.Lock()
	if time.Now().Before(n.until) {
		defer n.Unlock()
		return n.rows, nil
	}
	if under := n.under; under != nil {
		n.Unlock()
		return under.wait(ctx)
	}
	mine := &reading{done: make(chan struct{})}
	n.under = mine
	n.Unlock()

	begun := time.Now()
	mine.rows, mine.err = r.db.rows(context.WithoutCancel(ctx), n.statement, nil) // has a time limit of its own
	n.Lock()
	defer n.Unlock()
	n.under = nil
	if mine.err == nil {
		r.warn(mine.rows)
		now := time.Now()
		n.rows, n.until = mine.rows, now.Add(min(networksRest*now.Sub(begun), r.db.options.Refresh))
	}
	close(mine.done)
	return mine.rows, mine.err
}

func (m *reading) wait(ctx context.Context) ([]row, error) {
	select {
	case <-m.done:
		return m.rows, m.err
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}
