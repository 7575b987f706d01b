package bench

import (
	"context"
	"time"

	"mqtk/mqttwire"
)

// traffic is the course of the shapes in which messages go from publishers to
// subscribers that are there, and of those that have one side of it.
func (r *run) traffic(ctx context.Context) error {
	if err := r.cast(); err != nil {
		return err
	}
	r.begun = r.clock.now()
	if err := r.connect(ctx, r.links); err != nil {
		return err
	}
	if r.plan.Shape == SubOnly {
		return r.listen(ctx)
	}
	if err := r.warmUp(ctx); err != nil {
		return err
	}
	f := r.newPhase(phaseMeasure, r.plan.Duration, r.plan.Messages)
	if err := r.measure(ctx, f); err != nil {
		return err
	}
	r.conclude(f)
	return nil
}

// cast makes the clients of the shape, and gives each to a worker: those of one
// topic to the same, if only they meet there.
func (r *run) cast() error {
	p := &r.plan
	for i := range p.Publishers {
		topic, err := topicName(p.Topic, i%p.Topics, r.word)
		if err != nil {
			return err
		}
		r.addPublisher(topic, i%p.Topics)
	}
	var share *group
	for j := range p.Subscribers {
		filters, err := r.filters(j)
		if err != nil {
			return err
		}
		w := r.workers[j%len(r.workers)]
		switch p.Shape {
		case Pairs, Offline:
			w = r.workers[j%p.Topics%len(r.workers)]
		case Shared, SubOnly:
			if isShared(filters[0]) {
				w = r.workers[0]
			}
		}
		s := r.addSubscriber(w, filters)
		if p.Shape == Pairs || p.Shape == Offline {
			r.mind(s, j%p.Topics, p.Topics)
		} else {
			r.mind(s, 0, 1)
		}
		if p.Shape == Shared || p.Shape == SubOnly && isShared(filters[0]) {
			share = s.join(share)
		}
	}
	r.countReceivers()
	return nil
}

// addPublisher adds the next publisher; group decides on its worker.
func (r *run) addPublisher(topic string, group int) *publisher {
	w := r.workers[group%len(r.workers)]
	p := &publisher{w: w, number: uint32(len(r.publishers)), topic: topic}
	p.c = r.link(w, 'p', p)
	if r.plan.Shape != PubOnly {
		p.fan = &fan{}
	}
	w.publishers = append(w.publishers, p)
	r.publishers = append(r.publishers, p)
	r.fans = append(r.fans, p.fan)
	return p
}

func (r *run) addSubscriber(w *worker, filters []string) *subscriber {
	s := &subscriber{w: w, number: r.subscribers, filters: filters, step: 1, lastPublisher: maxClients}
	r.subscribers++
	s.c = r.link(w, 's', s)
	w.subscribers = append(w.subscribers, s)
	return s
}

// filters are what a subscriber subscribes to.
func (r *run) filters(number int) ([]string, error) {
	p := &r.plan
	if p.Shape == Pairs || p.Shape == Offline || p.Shape == SubOnly {
		name, err := topicName(p.Topic, number%p.Topics, r.word)
		return []string{name}, err
	}
	share := ""
	if p.Shape == Shared {
		share = "$share/" + r.word + "/"
	}
	if p.Topics > 1 {
		if filter, ok := topicFilter(p.Topic, r.word); ok {
			return []string{share + filter}, nil
		}
	}
	var all []string
	for i := range p.Topics {
		name, err := topicName(p.Topic, i, r.word)
		if err != nil {
			return nil, err
		}
		all = append(all, share+name)
	}
	return all, nil
}

// mind has a subscriber expect the messages of the publishers first, first+step ...
func (r *run) mind(s *subscriber, first, step int) {
	s.first, s.step = uint32(first), uint32(step)
	if n := r.plan.Publishers; n > first {
		s.flows = make([]flow, (n-first+step-1)/step)
	}
}

// join makes the subscriber a member of the group, or of a new one.
func (s *subscriber) join(g *group) *group {
	if g == nil {
		g = &group{flows: make([]flow, len(s.flows))}
		s.w.groups = append(s.w.groups, g)
	}
	g.members = append(g.members, s)
	s.group = g
	return g
}

// countReceivers tells each publisher how many will receive its messages.
func (r *run) countReceivers() {
	for _, w := range r.workers {
		for _, s := range w.subscribers {
			if s.group != nil && s.group.members[0] != s {
				continue
			}
			for i := range s.flows {
				r.fans[s.first+uint32(i)*s.step].receivers.Add(1)
			}
		}
	}
}

// wakeAll has all publishers look again whether they may go on.
func (r *run) wakeAll() {
	for _, w := range r.workers {
		w.loop.Wake()
	}
}

// warmUp is traffic as it is measured afterwards, that nobody counts.
func (r *run) warmUp(ctx context.Context) error {
	if r.plan.Warmup <= 0 {
		return nil
	}
	f := r.newPhase(phaseWarmUp, r.plan.Warmup, 0)
	if !r.begin(f) {
		return r.loopError()
	}
	if err := r.send(ctx, f); err != nil {
		return err
	}
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	r.hush(f)
	_, err := r.wait(ctx, f, time.Second)
	if err == nil && ctx.Err() != nil {
		err = context.Cause(ctx)
	}
	if err == nil && r.deserted() {
		err = r.firstFailure()
	}
	return err
}

// measure is the measured time of a phase.
func (r *run) measure(ctx context.Context, f *phase) error {
	r.openBook()
	if !r.begin(f) {
		return r.loopError()
	}
	r.book.begin(r, f)
	if err := r.send(ctx, f); err != nil {
		return err
	}
	r.noteUsage()
	r.hush(f)
	if _, err := r.wait(ctx, f, r.plan.Patience); err != nil {
		return err
	}
	return nil
}

func isShared(filter string) bool {
	_, _, shared := mqttwire.SplitShared(filter)
	return shared
}
