package broker_test

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"mqtk/broker"
	"mqtk/mqttwire"
)

// Limits can be changed while clients are connected: what CONNACK has promised one
// stays, everything else holds at once.
func TestLimitsChangeWhileClientsAreThere(t *testing.T) {
	bubble(t, broker.Options{}, []string{"receive_maximum=3", "topic_alias_in=5", "max_packet_size=2000", "max_qos=2"}, func(w *world) {
		a := w.dial("a", mqttwire.V5)
		a.send("CONNECT client-id=a clean-start=1")
		a.expect("CONNACK Success receive-maximum=3 topic-alias-maximum=5 maximum-packet-size=2000")
		err := w.b.SetLimits(limitsWith(w.t, "receive_maximum=1", "topic_alias_in=1", "max_packet_size=200", "max_qos=1",
			"retain_available=false", "max_topic_levels=2", "max_subscriptions=1", "shared_available=false"))
		if err != nil {
			t.Fatal(err)
		}
		a.send("PUBLISH topic=t topic-alias=5 payload=" + strings.Repeat("x", 1000))
		a.send("PUBLISH topic=t qos=2 retain=1 packet-id=1 payload=1", "PUBLISH topic=t qos=2 packet-id=2 payload=1")
		a.expect("PUBREC packet-id=1", "PUBREC packet-id=2")
		a.subscribe("$share/g/x", 1, "")
		a.send("SUBSCRIBE packet-id=9 filter=second") // that was no promise
		a.expect("SUBACK QuotaExceeded packet-id=9")
		a.send("PUBLISH topic=a/b/c qos=1 packet-id=3 payload=x")
		a.expect("PUBACK TopicNameInvalid packet-id=3")

		b := w.dial("b", mqttwire.V5)
		b.send("CONNECT client-id=b clean-start=1")
		b.expect("CONNACK Success receive-maximum=1 maximum-qos=1 retain-available=0 maximum-packet-size=200 topic-alias-maximum=1 shared-subscription-available=0")
		b.send("PUBLISH topic=t topic-alias=2 payload=x")
		b.expect("DISCONNECT TopicAliasInvalid")
		b.eof()
		a.alive()
	})
}

// What cannot be changed is refused, and so is what is out of its range: then
// nothing has changed.
func TestLimitsThatCannotChange(t *testing.T) {
	bubble(t, broker.Options{}, []string{"max_topic_levels=9"}, func(w *world) {
		for _, setting := range []string{"memory_limit=64MiB", ""} {
			l := limitsWith(w.t, "max_topic_levels=2")
			if setting == "" {
				l.MaxInflight = -1
			} else if err := l.Set("memory_limit", "64MiB"); err != nil {
				t.Fatal(err)
			}
			if err := w.b.SetLimits(l); err == nil {
				t.Errorf("%q: the limits are taken", setting)
			}
		}
		a := w.connect5("a", "clean-start=1")
		a.subscribe("a/b/c/d", 0, "")
	})
}

// A gate may wait for nobody where the others do.
func TestSlowReceiversOfAGate(t *testing.T) {
	for _, rule := range []string{"drop", ""} {
		bubble(t, broker.Options{}, []string{"max_outbox_bytes=1024"}, func(w *world) {
			var s *client
			w.throughGate(broker.NewGate(broker.GateRules{SlowReceiver: rule}), func() {
				s = w.connect5("s", "clean-start=1")
				s.subscribe("t", 0, "")
				p := w.connect5("p", "clean-start=1")
				for range 200 {
					p.send("PUBLISH topic=t payload=" + strings.Repeat("x", 400))
				}
				n := 0
				for {
					r, ok := s.next(time.Second)
					if !ok || r.err != nil {
						break
					}
					n++
				}
				if all := n == 200; all == (rule == "drop") {
					t.Errorf("with the rule %q %d of 200 messages come", rule, n)
				}
			})
		})
	}
}

// A archive is a RightsLoader: who is on its list may do everything, and it knows
// whose rights it has loaded.
type archive struct {
	mu      sync.Mutex
	allowed map[string]bool
	loads   []string
	gate    chan struct{} // each load waits for a value; nil: none does
	broken  bool
}

func (l *archive) LoadRights(ctx context.Context, id *broker.Identity) error {
	if l.gate != nil {
		select {
		case <-l.gate:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.loads = append(l.loads, id.ClientID)
	if l.broken {
		return fmt.Errorf("no answer")
	}
	id.Rights.Store(folder{l, l.allowed[id.ClientID]})
	return nil
}

type folder struct {
	of      *archive
	allowed bool
}

func (l *archive) Known(id *broker.Identity) bool {
	e, ok := id.Rights.Load().(folder)
	return ok && e.of == l
}

func (l *archive) Authorize(id *broker.Identity, _ broker.Action, _ string) bool {
	e, ok := id.Rights.Load().(folder)
	return ok && e.of == l && e.allowed
}

// An Authorizer can be replaced while clients are there. Until the new one knows
// them all the former decides, so that nothing is lost in between; who comes
// meanwhile is loaded before CONNACK.
func TestAuthorizerIsReplaced(t *testing.T) {
	for _, first := range []broker.Authorizer{nil, &archive{allowed: map[string]bool{"a": true, "p": true}}} {
		bubble(t, broker.Options{Authorizer: first}, nil, func(w *world) {
			a, p := w.connect5("a", "clean-start=1"), w.connect5("p", "clean-start=1")
			a.subscribe("t", 0, "")
			next := &archive{allowed: map[string]bool{"p": true, "late": true}, gate: make(chan struct{})}
			done := make(chan error, 1)
			go func() { done <- w.b.SetAuthorizer(context.Background(), next) }()
			synctest.Wait()
			p.send("PUBLISH topic=t payload=1")
			a.expect("PUBLISH payload=1") // the former still decides
			late := w.dial("late", mqttwire.V5)
			late.send("CONNECT client-id=late clean-start=1")
			for range 6 { // a, p, and late by both
				select {
				case next.gate <- struct{}{}:
				case <-time.After(time.Second):
				}
			}
			if err := <-done; err != nil {
				t.Fatal(err)
			}
			late.expect("CONNACK Success")
			p.send("PUBLISH topic=t payload=2")
			late.publish("t", "3", "")
			a.alive() // which may not read any more
			a.send("PUBLISH topic=t qos=1 packet-id=1 payload=x")
			a.expect("PUBACK NotAuthorized")
			if err := w.b.SetAuthorizer(context.Background(), nil); err != nil {
				t.Fatal(err)
			}
			p.send("PUBLISH topic=t payload=4")
			a.expect("PUBLISH payload=4")
		})
	}
}

// Rights that cannot be loaded let nobody in; a replacement that is given up leaves
// all as it was.
func TestRightsThatCannotBeLoaded(t *testing.T) {
	l := &archive{broken: true}
	bubble(t, broker.Options{Authorizer: l}, nil, func(w *world) {
		a := w.dial("a", mqttwire.V5)
		a.send("CONNECT client-id=a clean-start=1")
		a.expect("CONNACK ServerUnavailable")
		a.eof()
		l.mu.Lock()
		l.broken, l.allowed = false, map[string]bool{"a": true}
		l.mu.Unlock()
		a = w.connect5("a", "clean-start=1")
		a.subscribe("t", 0, "")
		ctx, cancel := context.WithCancel(context.Background())
		cancel()
		if err := w.b.SetAuthorizer(ctx, &archive{}); err == nil {
			t.Error("the replacement is done")
		}
		a.send("PUBLISH topic=t payload=x")
		a.expect("PUBLISH payload=x")
	})
}
