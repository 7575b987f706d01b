package broker_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"mqtk/broker"
)

// A vault is a Store that is durable when the test says so.
type vault struct {
	mu      sync.Mutex
	frames  [][]broker.Event
	said    []string // the frames in words, as they were when they came
	waiting []func(error)
	prompt  bool // durable as soon as possible, by a thread of its own
	wake    chan struct{}
	closed  sync.Once
	full    func(broker.Event) bool // no room for these
}

var errNoRoom = errors.New("no room")

func (v *vault) Replay(func(*broker.Event) error) error { return nil }

func (v *vault) Append(events []broker.Event, durable func(error)) error {
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.full != nil && slices.ContainsFunc(events, v.full) {
		return errNoRoom
	}
	if len(events) > 0 {
		v.frames = append(v.frames, slices.Clone(events))
		v.said = append(v.said, frameText(events))
	}
	if durable != nil {
		v.waiting = append(v.waiting, durable)
		if v.prompt {
			v.ring()
		}
	}
	return nil
}

func (v *vault) ring() {
	select {
	case v.wake <- struct{}{}:
	default:
	}
}

func (v *vault) Close() error { v.closed.Do(func() { close(v.wake) }); return nil }

func (v *vault) run() {
	for range v.wake {
		v.settle(nil)
	}
}

// settle lets everything so far be durable, or fail.
func (v *vault) settle(err error) {
	for {
		v.mu.Lock()
		if len(v.waiting) == 0 {
			v.mu.Unlock()
			return
		}
		next := v.waiting[0]
		v.waiting = v.waiting[1:]
		v.mu.Unlock()
		next(err)
	}
}

// promptly and held say whether things are durable by themselves.
func (v *vault) promptly() {
	v.mu.Lock()
	v.prompt = true
	v.ring()
	v.mu.Unlock()
	synctest.Wait()
}

func (v *vault) held() {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.prompt = false
}

func (v *vault) noRoomFor(kinds ...broker.EventKind) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.full = func(e broker.Event) bool { return slices.Contains(kinds, e.Kind) }
}

// story is what was appended since the last call, in words.
func (v *vault) story() []string {
	v.mu.Lock()
	defer v.mu.Unlock()
	for i, frame := range v.frames {
		if now := frameText(frame); now != v.said[i] {
			v.said[i] = fmt.Sprintf("CHANGED AFTERWARDS: %s, %s before", now, v.said[i])
		}
	}
	said := v.said
	v.frames, v.said = nil, nil
	return said
}

func frameText(events []broker.Event) string {
	var words []string
	for _, e := range events {
		words = append(words, eventText(e))
	}
	return strings.Join(words, "; ")
}

func eventText(e broker.Event) string {
	payload := func() string {
		if e.Message == nil {
			return "nothing"
		}
		return e.Message.Topic + "=" + string(e.Message.Payload)
	}
	switch e.Kind {
	case broker.EventEnqueue:
		return fmt.Sprintf("%s enqueues %d %s qos %d", e.ClientID, e.Sequence, payload(), e.QoS)
	case broker.EventInflight:
		return fmt.Sprintf("%s sends %d as %d", e.ClientID, e.Sequence, e.PacketID)
	case broker.EventReleased:
		return fmt.Sprintf("%s releases %d as %d", e.ClientID, e.Sequence, e.PacketID)
	case broker.EventDequeue:
		return fmt.Sprintf("%s is done with %d", e.ClientID, e.Sequence)
	case broker.EventHeld:
		return fmt.Sprintf("%s holds %d", e.ClientID, e.PacketID)
	case broker.EventForgotten:
		return fmt.Sprintf("%s forgets %d", e.ClientID, e.PacketID)
	case broker.EventRetain:
		return fmt.Sprintf("retain %s: %s", e.Topic, payload())
	case broker.EventSubscribe:
		return fmt.Sprintf("%s subscribes to %s qos %d identifier %d", e.ClientID, e.Subscription.Filter, e.Subscription.QoS, e.Identifier)
	case broker.EventUnsubscribe:
		return fmt.Sprintf("%s unsubscribes from %s", e.ClientID, e.Subscription.Filter)
	case broker.EventSession:
		state := "away"
		if e.Connected {
			state = "connected"
		} else if !e.Ends.IsZero() {
			state = "away until +" + time.Until(e.Ends).String()
		}
		return fmt.Sprintf("%s lasts %d, %s", e.ClientID, e.SessionExpiry, state)
	case broker.EventSessionEnd:
		return e.ClientID + " ends"
	case broker.EventWill:
		return fmt.Sprintf("%s's will is %s after %d", e.ClientID, payload(), e.WillDelay)
	}
	return fmt.Sprint("unknown kind ", e.Kind)
}

// stored runs f with a vault that is prompt.
func stored(t *testing.T, settings []string, f func(w *world, v *vault)) {
	t.Helper()
	v := &vault{}
	bubble(t, broker.Options{Store: v}, settings, func(w *world) {
		v.wake = make(chan struct{}, 1)
		go v.run()
		v.promptly()
		defer v.promptly()
		f(w, v)
	})
}

func (v *vault) Fetch(uint64, []uint64) ([]broker.Event, error) { return nil, nil }

func (v *vault) Full() bool { return false }
