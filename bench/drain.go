package bench

import (
	"context"
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
	ctx, cancel := context.WithTimeout(ctx, r.o.Patience+time.Duration(len(r.register.all))*100*time.Millisecond)
	defer cancel()
	err := r.checkRetained(ctx, true)
	if err == nil {
		err = r.examine(ctx)
	}
	r.ledger.sum()
	if err == nil && r.o.Cleanup {
		r.cleanUp(ctx)
	}
	return err
}

// cleanUp leaves nothing behind, as far as the broker allows.
func (r *run) cleanUp(ctx context.Context) {
	for _, s := range r.subscribers {
		r.endSession(ctx, s.clientID, s.version)
	}
	for _, p := range r.publishers {
		r.endSession(ctx, p.clientID, p.version)
	}
	for _, n := range r.register.all {
		r.endSession(ctx, n.clientID, n.version)
	}
	r.clearRetained(ctx)
}

func (r *run) clearRetained(ctx context.Context) {
	conn, _, err := r.connect(ctx, &mqttwire.Connect{Version: r.version(0), ClientID: r.prefix + "reader", CleanStart: true, KeepAlive: keepAlive})
	if err != nil {
		return
	}
	for _, k := range r.keys {
		_ = conn.WritePacket(&mqttwire.Publish{Topic: k.topic, Retain: true})
	}
	_ = r.gather(conn, 0, func(*mqttwire.Publish) {}, func() bool { return true })
	_ = conn.Disconnect(nil)
}
