package probe

import (
	"context"
	"errors"
	"fmt"
	"time"

	"mqtk/mqttwire"
)

// askMaximumQoS publishes at each QoS, beyond what is announced too, until one
// is refused.
func (a *asker) askMaximumQoS(ctx context.Context) error {
	fact := Fact{Value: 0}
	for qos := mqttwire.QoS(1); qos <= 2; qos++ {
		p, err := a.connect(ctx, hello{})
		if err != nil {
			return err
		}
		_, err = p.publish(ctx, mqttwire.Publish{Topic: a.topic("qos"), QoS: qos})
		p.leave(nil)
		if a.refuses(err) {
			fact.Note = fmt.Sprintf("QoS %d: %v", qos, err)
			break
		} else if err != nil {
			return err
		}
		fact.Value = int(qos)
	}
	a.say("publish", "maximum_qos", a.announced(fact, mqttwire.MaximumQoS, 2))
	return nil
}

// askRetained leaves a message and lets another client find it.
func (a *asker) askRetained(ctx context.Context) error {
	fact := a.announced(Fact{Value: true}, mqttwire.RetainAvailable, 1)
	topic := a.topic("retained")
	err := a.retain(ctx, mqttwire.Publish{Topic: topic, Payload: []byte("retained")})
	if a.refuses(err) {
		fact.Value, fact.Note = false, err.Error()
	} else if err != nil {
		return err
	} else if m, err := a.find(ctx, topic); err != nil {
		return err
	} else if m == nil {
		fact.Value, fact.Note = false, "it is taken and not there for a new subscription"
	} else if !m.Retain {
		fact.Note = "it comes without the RETAIN flag"
	}
	a.say("publish", "retained", fact)
	return nil
}

// retain publishes a retained message.
func (a *asker) retain(ctx context.Context, m mqttwire.Publish) error {
	p, err := a.connect(ctx, hello{})
	if err != nil {
		return err
	}
	defer p.leave(nil)
	m.Retain, m.QoS = true, a.qos
	_, err = p.publish(ctx, m)
	return err
}

// find is the retained message that a new subscription brings; nil: none.
func (a *asker) find(ctx context.Context, filter string) (*message, error) {
	p, err := a.connect(ctx, hello{})
	if err != nil {
		return nil, err
	}
	defer p.leave(nil)
	if _, err := p.subscribe(ctx, nil, mqttwire.Subscription{Filter: filter, QoS: a.qos}); err != nil {
		return nil, err
	}
	if err := p.settle(ctx); err != nil {
		return nil, err
	}
	return p.message(ctx, "", 0)
}

func alias(n int) mqttwire.Properties {
	return mqttwire.Properties(nil).AddNumber(mqttwire.TopicAlias, uint32(n))
}

// askTopicAlias uses the highest alias that is announced, and the one behind it.
func (a *asker) askTopicAlias(ctx context.Context) error {
	top := number(a.base, mqttwire.TopicAliasMaximum, 0)
	fact := a.announced(Fact{Value: 0}, mqttwire.TopicAliasMaximum, 0)
	for _, n := range []int{top, top + 1} {
		if n == 0 || n > 0xFFFF {
			continue
		}
		why, err := a.tryAlias(ctx, n)
		switch {
		case err != nil:
			return err
		case why == "":
			fact.Value, fact.AtLeast = n, n > top
		case n == top:
			fact.Note = fmt.Sprintf("alias %d: %s", n, why)
		default:
			fact.Note = fmt.Sprintf("alias %d: %s", n, why)
		}
		if why != "" {
			break
		}
	}
	a.say("publish", "topic_alias_maximum", fact)
	return nil
}

// tryAlias gives an alias to a topic and publishes by it alone.
func (a *asker) tryAlias(ctx context.Context, n int) (why string, err error) {
	p, err := a.connect(ctx, hello{})
	if err != nil {
		return "", err
	}
	defer p.leave(nil)
	topic := a.topic(fmt.Sprintf("alias/%d", n))
	if _, err := p.subscribe(ctx, nil, mqttwire.Subscription{Filter: topic, QoS: a.qos}); err != nil {
		return "", err
	}
	for _, name := range []string{topic, ""} {
		if _, err = p.publish(ctx, mqttwire.Publish{Topic: name, QoS: a.qos, Properties: alias(n)}); err != nil {
			break
		}
	}
	if err == nil {
		err = p.settle(ctx)
	}
	switch {
	case a.refuses(err):
		return err.Error(), nil
	case err != nil:
		return "", err
	case len(p.inbox) != 2:
		return fmt.Sprintf("%d of 2 messages arrive", len(p.inbox)), nil
	}
	return "", nil
}

// askSentAlias allows the broker aliases, and looks whether it takes some.
func (a *asker) askSentAlias(ctx context.Context) error {
	p, err := a.connect(ctx, hello{properties: mqttwire.Properties(nil).AddNumber(mqttwire.TopicAliasMaximum, 10)})
	if err != nil {
		return err
	}
	defer p.leave(nil)
	topic := a.topic("sent/alias")
	if _, err := p.subscribe(ctx, nil, mqttwire.Subscription{Filter: topic, QoS: a.qos}); err != nil {
		return err
	}
	for range 3 {
		if _, err := p.publish(ctx, mqttwire.Publish{Topic: topic, QoS: a.qos}); err != nil {
			return err
		}
	}
	if err := p.settle(ctx); err != nil {
		return err
	}
	if len(p.inbox) == 0 {
		return errors.New("none of three messages arrived")
	}
	fact := Fact{Value: false, Note: "allowed 10, three messages of one topic"}
	for _, m := range p.inbox {
		if _, ok := m.Properties.Number(mqttwire.TopicAlias); ok {
			fact.Value = true
		}
	}
	a.say("publish", "topic_alias_sent", fact)
	return nil
}

const (
	expirySoon  = 1   // seconds
	expiryLater = 100 // seconds
	expiryWait  = 2500 * time.Millisecond
)

func expiry(seconds uint32) mqttwire.Properties {
	return mqttwire.Properties(nil).AddNumber(mqttwire.MessageExpiryInterval, seconds)
}

// pause waits while the clocks of the broker go on.
func pause(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// askMessageExpiry retains a message that expires soon, and one that does not.
func (a *asker) askMessageExpiry(ctx context.Context) error {
	soon, later := a.topic("expiry/soon"), a.topic("expiry/later")
	for topic, seconds := range map[string]uint32{soon: expirySoon, later: expiryLater} {
		if err := a.retain(ctx, mqttwire.Publish{Topic: topic, Payload: []byte("expires"), Properties: expiry(seconds)}); err != nil {
			return err
		}
	}
	if err := pause(ctx, expiryWait); err != nil {
		return err
	}
	kept, err := a.find(ctx, later)
	switch {
	case err != nil:
		return err
	case kept == nil:
		return fmt.Errorf("a retained message of %d s is not there after %v", expiryLater, expiryWait)
	}
	a.sayTold(kept)
	gone, err := a.find(ctx, soon)
	if err != nil {
		return err
	}
	a.say("publish", "message_expiry", Fact{Value: gone == nil, Note: fmt.Sprintf("a message of %d s, after %v", expirySoon, expiryWait)})
	return nil
}

// sayTold looks at the expiry that is left of a message.
func (a *asker) sayTold(m *message) {
	left, ok := m.Properties.Number(mqttwire.MessageExpiryInterval)
	fact := Fact{Value: ok && left < expiryLater}
	if ok {
		fact.Note = fmt.Sprintf("%d s are left of %d after %v", left, expiryLater, expiryWait)
	}
	a.say("publish", "message_expiry_told", fact)
}

// askQueuedExpiry does the same with the queue of an absent client.
func (a *asker) askQueuedExpiry(ctx context.Context) error {
	id, err := a.absent(ctx, a.topic("queued/soon"), a.topic("queued/later"))
	if err != nil {
		return err
	}
	p, err := a.connect(ctx, hello{})
	if err != nil {
		return err
	}
	defer p.leave(nil)
	for name, seconds := range map[string]uint32{"queued/soon": expirySoon, "queued/later": expiryLater} {
		if _, err := p.publish(ctx, mqttwire.Publish{Topic: a.topic(name), QoS: 1, Properties: expiry(seconds)}); err != nil {
			return err
		}
	}
	if err := pause(ctx, expiryWait); err != nil {
		return err
	}
	back, err := a.back(ctx, id)
	if err != nil {
		return err
	}
	defer back.leave(endSession(a.version))
	kept, err := back.message(ctx, a.topic("queued/later"), 0)
	if err != nil {
		return err
	}
	if kept == nil {
		return fmt.Errorf("a queued message of %d s is not there after %v", expiryLater, expiryWait)
	}
	gone, err := back.message(ctx, a.topic("queued/soon"), 0)
	if err != nil {
		return err
	}
	a.say("publish", "message_expiry_queued", Fact{Value: gone == nil, Note: fmt.Sprintf("a message of %d s, after %v", expirySoon, expiryWait)})
	return nil
}

// askPayloadFormat says of bytes that are no UTF-8 that they are.
func (a *asker) askPayloadFormat(ctx context.Context) error {
	p, err := a.connect(ctx, hello{})
	if err != nil {
		return err
	}
	defer p.leave(nil)
	fact := Fact{Value: false}
	_, err = p.publish(ctx, mqttwire.Publish{Topic: a.topic("format"), QoS: a.qos, Payload: []byte{0xFF, 0xFE},
		Properties: mqttwire.Properties(nil).AddNumber(mqttwire.PayloadFormatIndicator, 1)})
	if err == nil {
		err = p.settle(ctx)
	}
	if a.refuses(err) {
		fact = Fact{Value: true, Note: err.Error()}
	} else if err != nil {
		return err
	}
	a.say("publish", "payload_format_checked", fact)
	return nil
}

func (a *asker) askNoSubscribers(ctx context.Context) error {
	if a.qos == 0 {
		return errors.New("the broker takes QoS 0 alone")
	}
	p, err := a.connect(ctx, hello{})
	if err != nil {
		return err
	}
	defer p.leave(nil)
	reason, err := p.publish(ctx, mqttwire.Publish{Topic: a.topic("nobody"), QoS: 1})
	if err != nil {
		return err
	}
	fact := Fact{Value: reason == mqttwire.NoMatchingSubscribers, Note: fmt.Sprintf("PUBACK 0x%02X", byte(reason))}
	a.say("publish", "no_matching_subscribers", fact)
	return nil
}

func (a *asker) askResponseInformation(ctx context.Context) error {
	p, err := a.connect(ctx, hello{properties: mqttwire.Properties(nil).AddNumber(mqttwire.RequestResponseInformation, 1)})
	if err != nil {
		return err
	}
	defer p.leave(nil)
	text, ok := p.props.Text(mqttwire.ResponseInformation)
	a.say("publish", "response_information", Fact{Value: ok, Note: text})
	return nil
}

// bequeath connects with a will, and a second client that waits for it.
func (a *asker) bequeath(ctx context.Context, topic string, h hello, delay uint32) (dying, heir *peer, err error) {
	heir, err = a.connect(ctx, hello{})
	if err != nil {
		return nil, nil, err
	}
	if _, err = heir.subscribe(ctx, nil, mqttwire.Subscription{Filter: topic, QoS: a.qos}); err == nil {
		h.will = &mqttwire.Will{Topic: topic, Payload: []byte("will"), QoS: a.qos}
		if delay > 0 {
			h.will.Properties = h.will.Properties.AddNumber(mqttwire.WillDelayInterval, delay)
		}
		dying, err = a.connect(ctx, h)
	}
	if err != nil {
		heir.leave(nil)
		return nil, nil, err
	}
	return dying, heir, nil
}

// askWill breaks a connection off.
func (a *asker) askWill(ctx context.Context) error {
	topic := a.topic("will")
	dying, heir, err := a.bequeath(ctx, topic, hello{}, 0)
	if err != nil {
		return err
	}
	defer heir.leave(nil)
	dying.close()
	m, err := heir.message(ctx, topic, 2*time.Second)
	if err != nil {
		return err
	}
	fact := Fact{Value: m != nil}
	if m == nil {
		fact.Note = "not within 2 s of a connection that was broken off"
	}
	a.say("publish", "will", fact)
	return nil
}

// askWillDelay does so with a will that is to wait for two seconds. Servers
// that count in seconds may be one of them early.
func (a *asker) askWillDelay(ctx context.Context) error {
	const delay, late = 2, 7 * time.Second
	topic := a.topic("will/delayed")
	h := hello{properties: mqttwire.Properties(nil).AddNumber(mqttwire.SessionExpiryInterval, 60)}
	dying, heir, err := a.bequeath(ctx, topic, h, delay)
	if err != nil {
		return err
	}
	defer heir.leave(nil)
	dying.close()
	start := time.Now()
	m, err := heir.message(ctx, topic, late)
	if err != nil {
		return err
	}
	if m == nil {
		return fmt.Errorf("a will with a delay of %d s did not come within %v", delay, late)
	}
	waited := m.at.Sub(start)
	a.say("publish", "will_delay", Fact{Value: waited > (delay-1)*time.Second,
		Note: fmt.Sprintf("of %d s; it came after %.1f s", delay, waited.Seconds())})
	return nil
}
