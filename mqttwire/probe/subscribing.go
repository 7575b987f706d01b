package probe

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"mqtk/mqttwire"
)

func (a *asker) askGrantedQoS(ctx context.Context) error {
	p, err := a.connect(ctx, hello{})
	if err != nil {
		return err
	}
	defer p.leave(nil)
	granted, err := p.subscribe(ctx, nil, mqttwire.Subscription{Filter: a.topic("granted"), QoS: 2})
	if err != nil {
		return err
	}
	a.say("subscribe", "granted_qos", Fact{Value: int(granted), Note: "asked for QoS 2"})
	return nil
}

// hears tells whether a message of a topic reaches a subscription; why says how
// it was refused.
func (a *asker) hears(ctx context.Context, topic string, properties mqttwire.Properties, s mqttwire.Subscription) (m *message, why string, err error) {
	p, err := a.connect(ctx, hello{})
	if err != nil {
		return nil, "", err
	}
	defer p.leave(nil)
	s.QoS = a.qos
	if _, err = p.subscribe(ctx, properties, s); err == nil {
		_, err = p.publish(ctx, mqttwire.Publish{Topic: topic, QoS: a.qos, Payload: []byte("heard")})
	}
	if err == nil {
		m, err = p.arrived(ctx, topic)
	}
	if a.refuses(err) {
		return nil, err.Error(), nil
	}
	if err == nil && m == nil {
		why = "granted, and no message comes"
	}
	return m, why, err
}

func (a *asker) askWildcards(ctx context.Context) error {
	fact := a.announced(Fact{Value: true}, mqttwire.WildcardSubscriptionAvailable, 1)
	for _, filter := range []string{"wild/+/c", "wild/#"} {
		_, why, err := a.hears(ctx, a.topic("wild/b/c"), nil, mqttwire.Subscription{Filter: a.topic(filter)})
		if err != nil {
			return err
		}
		if why != "" {
			fact.Value, fact.Note = false, fmt.Sprintf("%s: %s", filter[len("wild/"):], why)
		}
	}
	a.say("subscribe", "wildcards", fact)
	return nil
}

// askShared has two members of a group: each of ten messages must come once.
func (a *asker) askShared(ctx context.Context) error {
	const messages = 10
	fact := a.announced(Fact{Value: true}, mqttwire.SharedSubscriptionAvailable, 1)
	topic := a.topic("shared")
	var members [2]*peer
	for i := range members {
		p, err := a.connect(ctx, hello{})
		if err != nil {
			return err
		}
		defer p.leave(nil)
		_, err = p.subscribe(ctx, nil, mqttwire.Subscription{Filter: "$share/mqtk-probe/" + topic, QoS: a.qos})
		if a.refuses(err) {
			fact.Value, fact.Note = false, err.Error()
			a.say("subscribe", "shared", fact)
			return nil
		} else if err != nil {
			return err
		}
		members[i] = p
	}
	if err := a.publishMany(ctx, topic, messages); err != nil {
		return err
	}
	for _, p := range members {
		if err := p.settle(ctx); err != nil {
			return err
		}
	}
	first, second := len(members[0].inbox), len(members[1].inbox)
	fact.Value = first+second == messages
	fact.Note = fmt.Sprintf("of %d messages %d and %d came to two members", messages, first, second)
	a.say("subscribe", "shared", fact)
	return nil
}

// publishMany publishes numbered messages, a few of them on their way at a time.
func (a *asker) publishMany(ctx context.Context, topic string, n int) error {
	p, err := a.connect(ctx, hello{})
	if err != nil {
		return err
	}
	defer p.leave(nil)
	window := min(10, number(a.base, mqttwire.ReceiveMaximum, 10))
	sent, answered := 0, 0
	for answered < n {
		for sent < n && sent-answered < window {
			sent++
			m := mqttwire.Publish{Topic: topic, QoS: a.qos, Payload: fmt.Appendf(nil, "%d", sent)}
			if a.qos > 0 {
				m.PacketID = mqttwire.PacketID(sent)
			}
			if err := p.send(ctx, &m); err != nil {
				return err
			}
		}
		answered++
		if a.qos == 0 {
			continue
		}
		e, err := p.await(ctx, mqttwire.PUBACK, mqttwire.PacketID(answered))
		if err != nil {
			return err
		}
		if e.reasons[0] >= mqttwire.UnspecifiedError {
			return &Refusal{mqttwire.PUBACK, e.reasons[0]}
		}
	}
	return nil
}

func (a *asker) askIdentifiers(ctx context.Context) error {
	const identifier = 7
	fact := a.announced(Fact{Value: true}, mqttwire.SubscriptionIdentifiersAvailable, 1)
	topic := a.topic("identified")
	m, why, err := a.hears(ctx, topic, mqttwire.Properties(nil).AddNumber(mqttwire.SubscriptionIdentifier, identifier), mqttwire.Subscription{Filter: topic})
	if err != nil {
		return err
	}
	switch {
	case why != "":
		fact.Value, fact.Note = false, why
	case number(m.Properties, mqttwire.SubscriptionIdentifier, 0) != identifier:
		fact.Value, fact.Note = false, "taken, and the message comes without it"
	}
	a.say("subscribe", "identifiers", fact)
	return nil
}

// askNoLocal publishes to a subscription that does not want it, and then to one
// that does.
func (a *asker) askNoLocal(ctx context.Context) error {
	p, err := a.connect(ctx, hello{})
	if err != nil {
		return err
	}
	defer p.leave(nil)
	deaf, open := a.topic("local/deaf"), a.topic("local/open")
	if _, err := p.subscribe(ctx, nil, mqttwire.Subscription{Filter: deaf, QoS: a.qos, NoLocal: true}, mqttwire.Subscription{Filter: open, QoS: a.qos}); err != nil {
		return err
	}
	for _, topic := range []string{deaf, open} {
		if _, err := p.publish(ctx, mqttwire.Publish{Topic: topic, QoS: a.qos}); err != nil {
			return err
		}
	}
	if err := p.settle(ctx); err != nil {
		return err
	}
	own, err := p.message(ctx, deaf, 0)
	if err != nil {
		return err
	}
	other, err := p.message(ctx, open, 0)
	if err != nil {
		return err
	}
	if other == nil {
		return errors.New("a message without No Local does not come back, either")
	}
	a.say("subscribe", "no_local", Fact{Value: own == nil})
	return nil
}

func (a *asker) askRetainAsPublished(ctx context.Context) error {
	p, err := a.connect(ctx, hello{})
	if err != nil {
		return err
	}
	defer p.leave(nil)
	as, not := a.topic("published/as"), a.topic("published/not")
	if _, err := p.subscribe(ctx, nil, mqttwire.Subscription{Filter: as, QoS: a.qos, RetainAsPublished: true}, mqttwire.Subscription{Filter: not, QoS: a.qos}); err != nil {
		return err
	}
	for _, topic := range []string{as, not} {
		if _, err := p.publish(ctx, mqttwire.Publish{Topic: topic, QoS: a.qos, Retain: true, Payload: []byte("kept")}); err != nil {
			return err
		}
	}
	if err := p.settle(ctx); err != nil {
		return err
	}
	with, err := p.message(ctx, as, 0)
	if err != nil {
		return err
	}
	without, err := p.message(ctx, not, 0)
	if err != nil {
		return err
	}
	if with == nil || without == nil {
		return errors.New("the messages do not arrive")
	}
	fact := Fact{Value: with.Retain && !without.Retain}
	if without.Retain {
		fact.Note = "the flag comes without it, too"
	}
	a.say("subscribe", "retain_as_published", fact)
	return nil
}

// askRetainHandling subscribes to one retained message in each way.
func (a *asker) askRetainHandling(ctx context.Context) error {
	topic := a.topic("handling")
	if err := a.retain(ctx, mqttwire.Publish{Topic: topic, Payload: []byte("kept")}); err != nil {
		return err
	}
	p, err := a.connect(ctx, hello{})
	if err != nil {
		return err
	}
	defer p.leave(nil)
	for _, step := range []struct {
		handling byte
		comes    bool
		what     string
	}{
		{2, false, "a new subscription with 2"},
		{1, false, "one that was there, with 1,"},
		{0, true, "one that was there, with 0,"},
	} {
		if _, err := p.subscribe(ctx, nil, mqttwire.Subscription{Filter: topic, QoS: a.qos, RetainHandling: step.handling}); err != nil {
			return err
		}
		if err := p.settle(ctx); err != nil {
			return err
		}
		m, err := p.message(ctx, topic, 0)
		if err != nil {
			return err
		}
		if (m != nil) != step.comes {
			note := step.what + " brings the message"
			if step.comes {
				note = step.what + " brings no message"
			}
			a.say("subscribe", "retain_handling", Fact{Value: false, Note: note})
			return nil
		}
	}
	a.say("subscribe", "retain_handling", Fact{Value: true})
	return nil
}

func (a *asker) askOverlapping(ctx context.Context) error {
	p, err := a.connect(ctx, hello{})
	if err != nil {
		return err
	}
	defer p.leave(nil)
	topic := a.topic("overlap/x")
	if number(a.base, mqttwire.WildcardSubscriptionAvailable, 1) == 0 {
		return errors.New("there are no wildcards")
	}
	for _, filter := range []string{"overlap/x", "overlap/+"} {
		if _, err := p.subscribe(ctx, nil, mqttwire.Subscription{Filter: a.topic(filter), QoS: a.qos}); err != nil {
			return err
		}
	}
	if _, err := p.publish(ctx, mqttwire.Publish{Topic: topic, QoS: a.qos}); err != nil {
		return err
	}
	if err := p.settle(ctx); err != nil {
		return err
	}
	if len(p.inbox) == 0 {
		return errors.New("no message arrives")
	}
	a.say("subscribe", "overlapping", Fact{Value: len(p.inbox), Note: "of a message that two filters match"})
	return nil
}

// askSys reads what the broker tells about itself. Some tell it every few
// seconds only, so that silence says nothing.
func (a *asker) askSys(ctx context.Context) error {
	const wait = 3 * time.Second
	if number(a.base, mqttwire.WildcardSubscriptionAvailable, 1) == 0 {
		return errors.New("it is asked for by a wildcard, and there are none")
	}
	p, err := a.connect(ctx, hello{})
	if err != nil {
		return err
	}
	defer p.close()
	_, err = p.subscribe(ctx, nil, mqttwire.Subscription{Filter: "$SYS/#"})
	if errors.As(err, new(*Refusal)) || errors.As(err, new(*endError)) {
		a.say("subscribe", "sys", Fact{Value: false, Note: err.Error()})
		return nil
	} else if err != nil {
		return err
	}
	first, err := p.message(ctx, "", wait)
	if err != nil {
		return err
	}
	if first == nil {
		return fmt.Errorf("it is granted, and nothing came within %v", wait)
	}
	if err := p.settle(ctx); err != nil {
		return err
	}
	fact := Fact{Value: true, Note: "such as " + first.Topic}
	for _, m := range append(p.inbox, *first) {
		if strings.HasSuffix(m.Topic, "/version") {
			fact.Note = fmt.Sprintf("%s is %q", m.Topic, m.Payload)
		}
	}
	a.say("subscribe", "sys", fact)
	return nil
}
