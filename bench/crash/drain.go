package crash

import (
	"cmp"
	"context"
	"fmt"
	"time"

	"mqtk/mqttwire"
)

// drain lets everything arrive that is under way. Waiting ends when nothing is
// missing, or nothing has moved for too long.
func (r *run) drain(ctx context.Context) error {
	r.wait(ctx, min(r.o.LoadTime, 300*time.Millisecond)) // let those resume who have nothing to say
	close(r.silence)
	if err := r.until(ctx, r.o.Patience, r.unanswered); err != nil {
		return err
	}
	owed := func() int {
		owed, arrived := r.ledger.state()
		if owed == 0 {
			return 0
		}
		return -arrived // it moves as long as anything arrives
	}
	if err := r.until(ctx, r.o.Patience/4, owed); err != nil {
		return err
	}
	r.wait(ctx, 200*time.Millisecond) // for what comes twice
	if err := r.until(ctx, r.o.Patience, r.unanswered); err != nil {
		return err
	}
	for _, p := range r.publishers {
		for _, m := range p.session.unanswered() {
			r.ledger.find(Unanswered, Example{Client: p.clientID, Topic: m.Topic})
		}
	}
	return ctx.Err()
}

// unanswered counts the messages under way.
func (r *run) unanswered() int {
	n := 0
	for _, p := range r.publishers {
		n += len(p.session.unanswered())
	}
	return n
}

// until waits until left gives 0, or has given the same for as long as limit.
// A broker that ends meanwhile is started again.
func (r *run) until(ctx context.Context, limit time.Duration, left func() int) error {
	since := time.Now()
	for last := left(); last != 0; {
		r.wait(ctx, 2*beat)
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if closed(r.o.Broker.Ended()) {
			r.ledger.find(Died, Example{Detail: "while everything was delivered"})
			if r.ledger.found(Died) > deathsBorne {
				return errDies
			}
			if err := r.restart(ctx); err != nil {
				return err
			}
			since = time.Now()
		}
		now := left()
		if now != last {
			since = time.Now()
		}
		if last = now; time.Since(since) > limit {
			return nil
		}
	}
	return nil
}

// look examines what can be seen when everybody has gone.
func (r *run) look(ctx context.Context) error {
	limit := r.o.Patience + time.Duration(len(r.register.all))*100*time.Millisecond
	looking, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	err := r.checkRetained(looking, true)
	if err == nil {
		err = r.examine(looking)
	}
	r.ledger.sum()
	if err == nil && r.o.Cleanup {
		cleaning, cancel := context.WithTimeout(ctx, limit)
		defer cancel()
		if err := r.cleanUp(cleaning); err != nil {
			r.notes = append(r.notes, fmt.Sprintf("not all of %s could be removed from the broker: %v", r.topic("#"), err))
		}
	}
	return err
}

// cleanUp leaves nothing behind. A publish without an acknowledgement would not
// do: the broker is killed soon.
func (r *run) cleanUp(ctx context.Context) error {
	topics := make([]string, len(r.keys))
	for i, k := range r.keys {
		topics[i] = k.topic
	}
	err := r.tell(ctx, topics, mqttwire.Publish{Retain: true})
	for _, s := range r.subscribers {
		err = cmp.Or(err, r.endSession(ctx, s.clientID, s.version))
	}
	for _, p := range r.publishers {
		err = cmp.Or(err, r.endSession(ctx, p.clientID, p.version))
	}
	for _, n := range r.register.all {
		err = cmp.Or(err, r.endSession(ctx, n.clientID, n.version))
	}
	return err
}
