package probe

import (
	"context"
	"fmt"
	"strings"

	"mqtk/mqttwire"
)

// An echo is a client that publishes to its own subscription: what comes back
// was really taken, which an acknowledgement of 3.1.1 does not tell.
type echo struct {
	a      *asker
	filter string // of all topics; not where there are no wildcards
	p      *peer  // nil: to be connected
}

func (e *echo) close() {
	if e.p != nil {
		e.p.leave(nil)
	}
}

func (e *echo) connect(ctx context.Context) error {
	if e.p != nil {
		return nil
	}
	p, err := e.a.connect(ctx, hello{})
	if err != nil {
		return err
	}
	e.p = p
	if e.plain() {
		return nil
	}
	_, err = p.subscribe(ctx, nil, mqttwire.Subscription{Filter: e.filter, QoS: e.a.qos})
	return err
}

// plain tells that each topic needs a subscription of its own.
func (e *echo) plain() bool { return number(e.a.base, mqttwire.WildcardSubscriptionAvailable, 1) == 0 }

// carries tells whether a message goes through; why says how not.
func (e *echo) carries(ctx context.Context, m mqttwire.Publish) (why string, err error) {
	if err := e.connect(ctx); err != nil {
		return "", err
	}
	m.QoS = e.a.qos
	got, err := e.send(ctx, m)
	switch {
	case e.a.refuses(err):
		if e.p.end != nil {
			e.p.close()
			e.p = nil
		}
		return err.Error(), nil
	case err != nil:
		return "", err
	case got == nil:
		return "it is taken and does not arrive", nil
	case len(got.Payload) != len(m.Payload):
		return fmt.Sprintf("of %d bytes %d arrive", len(m.Payload), len(got.Payload)), nil
	}
	return "", nil
}

// send publishes a message and waits for it; nil: it does not come.
func (e *echo) send(ctx context.Context, m mqttwire.Publish) (got *message, err error) {
	if e.plain() {
		if _, err := e.p.subscribe(ctx, nil, mqttwire.Subscription{Filter: m.Topic, QoS: e.a.qos}); err != nil {
			return nil, err
		}
	}
	if _, err := e.p.publish(ctx, m); err != nil {
		return nil, err
	}
	return e.p.arrived(ctx, m.Topic)
}

// levels is a topic of n levels, the first of which are those of base.
func levels(base string, n int) string {
	have := strings.Count(base, "/") + 1
	return base + strings.Repeat("/l", max(0, n-have))
}

// long is a topic of n bytes, the first of which are those of base.
func long(base string, n int) string {
	return base + "/" + strings.Repeat("t", max(1, n-len(base)-1))
}
