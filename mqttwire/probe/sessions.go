package probe

import (
	"context"
	"errors"
	"fmt"
	"time"

	"mqtk/mqttwire"
	"mqtk/mqttwire/client"
)

const sessionSeconds = 60 // that a session of ours is asked to last, should we be lost

func lasting(v mqttwire.Version, seconds uint32) mqttwire.Properties {
	if v != mqttwire.V5 {
		return nil
	}
	return mqttwire.Properties(nil).AddNumber(mqttwire.SessionExpiryInterval, seconds)
}

// endSession is what a DISCONNECT says so that nothing is kept.
func endSession(v mqttwire.Version) mqttwire.Properties { return lasting(v, 0) }

// absent leaves a session with subscriptions behind.
func (a *asker) absent(ctx context.Context, topics ...string) (id string, err error) {
	p, err := a.connect(ctx, hello{keep: true, properties: lasting(a.version, sessionSeconds)})
	if err != nil {
		return "", err
	}
	defer p.leave(nil)
	var all []mqttwire.Subscription
	for _, topic := range topics {
		all = append(all, mqttwire.Subscription{Filter: topic, QoS: 1})
	}
	_, err = p.subscribe(ctx, nil, all...)
	return p.id, err
}

// back is the client of that session again, with what was kept for it.
func (a *asker) back(ctx context.Context, id string) (*peer, error) {
	p, err := a.connect(ctx, hello{id: id, keep: true, properties: lasting(a.version, sessionSeconds)})
	if err != nil {
		return nil, err
	}
	if err := p.settle(ctx); err != nil {
		p.leave(endSession(a.version))
		return nil, err
	}
	return p, nil
}

// askSession comes back to a session that it left, ends it, and comes back.
func (a *asker) askSession(ctx context.Context) error {
	h := hello{keep: true, properties: lasting(a.version, sessionSeconds)}
	p, err := a.connect(ctx, h)
	if err != nil {
		return err
	}
	p.leave(nil)
	h.id = p.id
	if p, err = a.connect(ctx, h); err != nil {
		return err
	}
	kept := p.there
	a.say("sessions", "kept", Fact{Value: kept})
	p.leave(endSession(a.version))
	switch {
	case !kept:
		return errors.New("no session is kept")
	case a.version != mqttwire.V5:
		return errors.New("there is no such thing before MQTT 5.0")
	}
	if p, err = a.connect(ctx, h); err != nil {
		return err
	}
	p.leave(endSession(a.version))
	a.say("sessions", "ended_by_client", Fact{Value: !p.there, Note: "with an expiry of 0"})
	return nil
}

// askSessionExpiry asks for a session for ever, and ends it.
func (a *asker) askSessionExpiry(ctx context.Context) error {
	const never = 0xFFFFFFFF
	p, err := a.connect(ctx, hello{properties: lasting(a.version, never)})
	if errors.As(err, new(*client.RefusedError)) {
		return err
	} else if err != nil {
		return err
	}
	granted, limited := p.props.Number(mqttwire.SessionExpiryInterval)
	if !limited {
		granted = never
	}
	p.leave(endSession(a.version))
	a.say("sessions", "expiry_longest", Fact{Value: int64(granted), unit: inSeconds, Note: "asked for one for ever"})
	return nil
}

func (a *asker) askSessionExpires(ctx context.Context) error {
	const wait = 2500 * time.Millisecond
	p, err := a.connect(ctx, hello{properties: lasting(a.version, 1)})
	if err != nil {
		return err
	}
	if granted := number(p.props, mqttwire.SessionExpiryInterval, 1); granted != 1 {
		p.leave(endSession(a.version))
		return fmt.Errorf("of 1 s that was asked for the server made %d s", granted)
	}
	p.leave(nil)
	if err := pause(ctx, wait); err != nil {
		return err
	}
	again, err := a.connect(ctx, hello{id: p.id, keep: true})
	if err != nil {
		return err
	}
	again.leave(nil)
	a.say("sessions", "expires", Fact{Value: !again.there, Note: fmt.Sprintf("one of 1 s, after %v", wait)})
	return nil
}

// askOffline has messages sent to a client that is away.
func (a *asker) askOffline(ctx context.Context) error {
	const messages = 100
	id, err := a.absent(ctx, a.topic("offline/qos0"), a.topic("offline/qos1"))
	if err != nil {
		return err
	}
	p, err := a.connect(ctx, hello{})
	if err != nil {
		return err
	}
	_, err = p.publish(ctx, mqttwire.Publish{Topic: a.topic("offline/qos0")})
	if err == nil {
		err = p.settle(ctx)
	}
	p.leave(nil)
	if err != nil {
		return err
	}
	if err := a.publishMany(ctx, a.topic("offline/qos1"), messages); err != nil {
		return err
	}
	back, err := a.back(ctx, id)
	if err != nil {
		return err
	}
	defer back.leave(endSession(a.version))
	loose, queued := 0, 0
	for _, m := range back.inbox {
		if m.Topic == a.topic("offline/qos0") {
			loose++
		} else {
			queued++
		}
	}
	a.say("sessions", "offline_qos0", Fact{Value: loose > 0})
	if a.qos == 0 {
		return errors.New("the broker takes QoS 0 alone")
	}
	a.say("sessions", "offline_qos1", Fact{Value: queued, AtLeast: queued == messages,
		Note: fmt.Sprintf("of %d messages for an absent client", messages)})
	return nil
}
