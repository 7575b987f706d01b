package crash

import (
	"context"
	"time"

	"mqtk/mqttwire"
)

// A subscriber receives what its filters say. One that wanders stays away now
// and then, for a while or until the messages that wait for it are many.
type subscriber struct {
	*session
	wanders bool
}

// backlog bounds the messages that wait for a wanderer: brokers drop from some
// limit on, and 1000 is a usual one.
const backlog = 400

// subscriber subscribes to all that is published and to all wills.
func (r *run) subscriber(index int) *subscriber {
	s := &subscriber{session: r.session("s", index), wanders: index%2 == 1}
	to := r.ledger.receiver(s.clientID, false)
	s.receive = func(p *mqttwire.Publish) { r.ledger.received(to, s.clientID, p) }
	s.filters = []mqttwire.Subscription{{Filter: r.topic("load/#"), QoS: 2}, {Filter: r.topic("will/#"), QoS: 2}}
	return s
}

// member is one of a share; to is the share.
func (r *run) member(index int, to *receiver) *subscriber {
	s := &subscriber{session: r.session("g", index), wanders: index%2 == 1}
	s.version = mqttwire.V5
	s.receive = func(p *mqttwire.Publish) { r.ledger.received(to, s.clientID, p) }
	s.filters = []mqttwire.Subscription{{Filter: "$share/" + r.id + "/" + r.topic("load/#"), QoS: 2}}
	return s
}

func (s *subscriber) work(ctx context.Context) {
	if !s.wanders {
		<-ctx.Done()
		return
	}
	select {
	case <-ctx.Done():
		return
	case <-s.subscribed():
	}
	select {
	case <-ctx.Done():
		return
	case <-s.run.silence:
		<-ctx.Done()
		return
	case <-time.After(s.some(s.run.o.LoadTime / 2)):
	}
	s.hangUp(ctx, s.random.IntN(2) == 0)
}

// stayAway is the time between two connections.
func (s *subscriber) stayAway(ctx context.Context) {
	published := s.run.ledger.published()
	until := time.After(s.some(s.run.o.LoadTime))
	tick := time.NewTicker(5 * beat)
	defer tick.Stop()
	for s.run.ledger.published()-published < backlog {
		select {
		case <-ctx.Done():
			return
		case <-s.run.silence:
			return
		case <-until:
			return
		case <-tick.C:
		}
	}
}

// live is that of a session, with absences.
func (s *subscriber) live(ctx context.Context) {
	for ctx.Err() == nil {
		if err := s.online(ctx, s.work); err != nil {
			pause(ctx, s.some(20*time.Millisecond))
			continue
		}
		if s.wanders {
			s.stayAway(ctx)
		}
	}
}

// some is up to twice the time given, d on average.
func (s *session) some(d time.Duration) time.Duration {
	return time.Duration(s.random.Int64N(int64(2*d) + 1))
}
