package broker_test

import (
	"maps"
	"slices"
	"sync"

	"mqtk/broker"
	"mqtk/mqttwire"
)

// A keeper is a Store in memory that replays as the interface says. Everything is
// durable as soon as a thread of its own says so, unless it is held; a crash is
// the start of another keeper with the frames that were durable, or fewer.
type keeper struct {
	mu      sync.Mutex
	frames  [][]broker.Event
	durable int // frames
	waiting []keptCall
	wake    chan struct{}
	full    bool
	cramped bool // takes no deliveries
	fetched int  // deliveries given back
	most    int  // frames that will ever be durable; 0: all
	closed  sync.Once
}

type keptCall struct {
	frames int
	call   func(error)
}

// newKeeper makes a keeper that holds the frames of an earlier one.
func newKeeper(frames [][]broker.Event) *keeper {
	k := &keeper{frames: slices.Clone(frames), durable: len(frames), wake: make(chan struct{}, 1)}
	go k.run()
	return k
}

func (k *keeper) run() {
	for range k.wake {
		for {
			k.mu.Lock()
			if len(k.waiting) == 0 || k.most > 0 && k.waiting[0].frames > k.most {
				k.mu.Unlock()
				break
			}
			next := k.waiting[0]
			k.waiting = k.waiting[1:]
			k.durable = max(k.durable, next.frames)
			k.mu.Unlock()
			next.call(nil)
		}
	}
}

func (k *keeper) Append(events []broker.Event, durable func(error)) error {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.cramped && slices.ContainsFunc(events, func(e broker.Event) bool { return e.Kind == broker.EventEnqueue }) {
		return errNoRoom
	}
	if len(events) > 0 {
		k.frames = append(k.frames, slices.Clone(events))
	}
	if durable != nil {
		k.waiting = append(k.waiting, keptCall{len(k.frames), durable})
		k.ring()
	}
	return nil
}

func (k *keeper) ring() {
	select {
	case k.wake <- struct{}{}:
	default:
	}
}

func (k *keeper) Full() bool {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.full
}

func (k *keeper) Close() error { k.closed.Do(func() { close(k.wake) }); return nil }

// acknowledged returns the frames that were durable when somebody was told so.
func (k *keeper) acknowledged() [][]broker.Event {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.frames[:k.durable:k.durable]
}

func (k *keeper) Fetch(incarnation uint64, sequences []uint64) ([]broker.Event, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	var found []broker.Event
	for _, number := range sequences {
		for _, frame := range k.frames {
			for _, e := range frame {
				if e.Kind == broker.EventEnqueue && e.Incarnation == incarnation && e.Sequence == number {
					found = append(found, e)
				}
			}
		}
	}
	k.fetched += len(found)
	return found, nil
}

// keptSession is what the frames say of one incarnation.
type keptSession struct {
	session, will  broker.Event
	subscriptions  map[string]broker.Event
	held           map[mqttwire.PacketID]broker.Event
	queue          map[uint64]broker.Event
	window         map[uint64]broker.Event
	done           map[uint64]bool
	ended          bool
	delivery, rest uint64 // highest numbers
	clientID       string
}

func (k *keeper) Replay(take func(*broker.Event) error) error {
	sessions := map[uint64]*keptSession{}
	for _, frame := range k.frames {
		for _, e := range frame {
			if e.Kind == broker.EventRetain {
				if err := take(&e); err != nil {
					return err
				}
				continue
			}
			s := sessions[e.Incarnation]
			if s == nil {
				s = &keptSession{subscriptions: map[string]broker.Event{}, held: map[mqttwire.PacketID]broker.Event{},
					queue: map[uint64]broker.Event{}, window: map[uint64]broker.Event{}, done: map[uint64]bool{}}
				sessions[e.Incarnation] = s
			}
			s.apply(e)
		}
	}
	for _, incarnation := range slices.Sorted(maps.Keys(sessions)) {
		if err := sessions[incarnation].replay(take); err != nil {
			return err
		}
	}
	if len(sessions) == 0 {
		return nil
	}
	highest := slices.Max(slices.Collect(maps.Keys(sessions)))
	return take(&broker.Event{Kind: broker.EventSessionEnd, Incarnation: highest})
}

func (s *keptSession) apply(e broker.Event) {
	s.clientID = e.ClientID
	switch e.Kind {
	case broker.EventEnqueue, broker.EventInflight, broker.EventReleased, broker.EventDequeue:
		s.delivery = max(s.delivery, e.Sequence)
	default:
		s.rest = max(s.rest, e.Sequence)
	}
	switch e.Kind {
	case broker.EventEnqueue:
		s.queue[e.Sequence] = e
	case broker.EventInflight, broker.EventReleased:
		if was, ok := s.window[e.Sequence]; !ok || was.Kind == broker.EventInflight {
			s.window[e.Sequence] = e
		}
	case broker.EventDequeue:
		s.done[e.Sequence] = true
	case broker.EventHeld, broker.EventForgotten:
		if e.Sequence >= s.held[e.PacketID].Sequence {
			s.held[e.PacketID] = e
		}
	case broker.EventSubscribe, broker.EventUnsubscribe:
		if e.Sequence >= s.subscriptions[e.Subscription.Filter].Sequence {
			s.subscriptions[e.Subscription.Filter] = e
		}
	case broker.EventSession:
		if e.Sequence >= s.session.Sequence {
			s.session = e
		}
	case broker.EventWill:
		if e.Sequence >= s.will.Sequence {
			s.will = e
		}
	case broker.EventSessionEnd:
		s.ended = true
	}
}

// replay tells what is true of the session, as Store says.
func (s *keptSession) replay(take func(*broker.Event) error) error {
	if s.ended {
		return nil
	}
	var events []broker.Event
	if s.session.Kind != 0 {
		s.session.Sequence = s.rest
		events = append(events, s.session)
	}
	for _, filter := range slices.Sorted(maps.Keys(s.subscriptions)) {
		if e := s.subscriptions[filter]; e.Kind == broker.EventSubscribe {
			events = append(events, e)
		}
	}
	for _, id := range slices.Sorted(maps.Keys(s.held)) {
		if e := s.held[id]; e.Kind == broker.EventHeld {
			events = append(events, e)
		}
	}
	if s.will.Message != nil {
		events = append(events, s.will)
	}
	var waiting []broker.Event
	for _, number := range slices.Sorted(maps.Keys(s.queue)) {
		e := s.queue[number]
		switch sent, in := s.window[number]; {
		case s.done[number]:
		case in:
			sent.Message = nil
			events = append(events, sent)
		default:
			waiting = append(waiting, broker.Event{Kind: broker.EventQueued, ClientID: s.clientID, Incarnation: e.Incarnation,
				Sequence: number, Last: number, Bytes: int64(len(e.Message.Topic) + len(e.Message.Payload) + len(e.Message.Properties) + 64)})
		}
	}
	events = append(events, waiting...)
	for i := range events {
		if i == 0 && events[i].Kind != broker.EventQueued {
			events[i].Last = s.delivery
		}
		if err := take(&events[i]); err != nil {
			return err
		}
	}
	return nil
}

// gaveBack is how many deliveries were read back so far.
func (k *keeper) gaveBack() int {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.fetched
}
