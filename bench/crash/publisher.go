package crash

import (
	"context"
	"time"
)

// A publisher publishes at an even rate, in small bursts, until there is to be
// silence; then it waits for what it has under way.
type publisher struct {
	*session
	rate float64 // messages a second
	next func() *outgoing
}

// beat is the time from burst to burst.
const beat = 10 * time.Millisecond

func (p *publisher) work(ctx context.Context) {
	tick := time.NewTicker(beat)
	defer tick.Stop()
	for due := 0.0; ; {
		select {
		case <-ctx.Done():
			return
		case <-p.run.silence:
			<-ctx.Done()
			return
		case <-tick.C:
		}
		due = min(due+p.rate*beat.Seconds(), float64(p.run.o.Window))
		before := due
		for ; due >= 1 && p.room() > 0; due-- {
			p.publish(p.next())
		}
		if due < before {
			p.flush()
			p.run.noteBurst()
		}
	}
}

// loadPublisher publishes numbered messages on two topics, one for each QoS:
// the standard promises an order for each topic and QoS alone.
func (r *run) loadPublisher(index int, rate float64) *publisher {
	s := r.session("p", index)
	var lines []*line
	for _, qos := range []byte{1, 2} {
		topic := r.topic("load/p" + decimal(index) + "/qos" + decimal(int(qos)))
		lines = append(lines, r.ledger.line(s.clientID, topic, qosOf(qos), r.o.Size, false))
	}
	next := func() *outgoing {
		n := lines[s.random.IntN(len(lines))]
		number, payload := r.ledger.sent(n)
		m := &outgoing{taken: func() { r.ledger.acknowledged(n, number) }}
		m.Topic, m.QoS, m.Payload = n.topic, n.qos, payload
		return m
	}
	return &publisher{session: s, rate: rate, next: next}
}

// retainPublisher writes and clears retained messages.
func (r *run) retainPublisher(index int, rate float64, keys []*key) *publisher {
	s := r.session("r", index)
	next := func() *outgoing {
		k := keys[s.random.IntN(len(keys))]
		number, payload := r.shelf.write(k, s.random.IntN(5) == 0)
		m := &outgoing{taken: func() {}, completed: func() {
			r.shelf.acknowledged(k, number)
			r.ledger.count(func(a *Acknowledged) { a.Retained++ })
		}}
		m.Topic, m.QoS, m.Payload, m.Retain = k.topic, k.qos, payload, true
		return m
	}
	return &publisher{session: s, rate: rate, next: next}
}
