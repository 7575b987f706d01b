package probe

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"mqtk/mqttwire"
	"mqtk/mqttwire/client"
)

// askPacketSize searches for the largest PUBLISH that goes through. Where a
// limit is announced, it and one byte more come first.
func (a *asker) askPacketSize(ctx context.Context) error {
	topic := a.topic("size")
	e := &echo{a: a, filter: topic}
	defer e.close()
	limit := number(a.base, mqttwire.MaximumPacketSize, 0)
	first := 256
	var ladder []int
	if limit > 0 && limit < a.o.MaxPacket {
		ladder, first = []int{limit, limit + 1}, 4*limit
	}
	for n := first; n < a.o.MaxPacket; n *= 4 {
		ladder = append(ladder, n)
	}
	ladder = append(ladder, a.o.MaxPacket)
	if limit == a.o.MaxPacket {
		ladder = append(ladder, limit+1)
	}
	f := search(ctx, ladder, true, func(n int) (string, error) {
		return e.carries(ctx, mqttwire.Publish{Topic: topic, Payload: make([]byte, payloadSize(a, topic, n))})
	})
	fact := f.fact(0, inBytes)
	if limit > 0 {
		fact.Announced = limit
	}
	a.say("limits", "packet_size", fact)
	return nil
}

// payloadSize is that of a PUBLISH of n bytes in all, or the next smaller one
// where there is none: the length of the length grows in steps.
func payloadSize(a *asker, topic string, n int) int {
	size := n
	for size > 0 {
		whole, err := echoed(a, topic, size).Append(nil, a.version)
		if err != nil || len(whole) <= n {
			break
		}
		size = max(0, size-(len(whole)-n))
	}
	return size
}

// echoed is a message as an echo publishes it.
func echoed(a *asker, topic string, payload int) *mqttwire.Publish {
	return &mqttwire.Publish{Topic: topic, QoS: a.qos, PacketID: mqttwire.PacketID(a.qos), Payload: make([]byte, payload)}
}

// askReceiveMaximum begins as many QoS 2 exchanges as it may, and one more.
func (a *asker) askReceiveMaximum(ctx context.Context) error {
	const bound = 100
	if number(a.base, mqttwire.MaximumQoS, 2) < 2 {
		return errors.New("it shows with QoS 2 alone, which the broker does not take")
	}
	top := number(a.base, mqttwire.ReceiveMaximum, 0xFFFF)
	p, err := a.connect(ctx, hello{hold: true})
	if err != nil {
		return err
	}
	defer p.leave(nil)
	fact := a.announced(Fact{Value: 0}, mqttwire.ReceiveMaximum, 0xFFFF)
	n := min(bound, top)
	taken, err := p.begin(ctx, a.topic("window"), n)
	if err != nil && taken == 0 {
		return err
	}
	fact.Value = taken
	switch {
	case err != nil:
		fact.Note = err.Error()
	case n < top:
		fact.AtLeast, fact.Note = true, "no more was tried"
	default:
		if _, err := p.begin(ctx, a.topic("window"), 1); err != nil {
			fact.Note = "beyond: " + err.Error()
		} else {
			fact.AtLeast, fact.Note = true, "one more than announced is taken, too"
		}
	}
	a.say("limits", "receive_maximum", fact)
	return nil
}

// begin starts QoS 2 exchanges that it does not complete, and counts those that
// were answered well.
func (p *peer) begin(ctx context.Context, topic string, n int) (taken int, err error) {
	first := p.lastID
	for range n {
		if err := p.send(ctx, &mqttwire.Publish{Topic: topic, QoS: 2, PacketID: p.packetID()}); err != nil {
			return taken, err
		}
	}
	for id := first + 1; id <= first+mqttwire.PacketID(n); id++ {
		e, err := p.await(ctx, mqttwire.PUBREC, id)
		if err != nil {
			return taken, err
		}
		if e.reasons[0] >= mqttwire.UnspecifiedError {
			return taken, &Refusal{mqttwire.PUBREC, e.reasons[0]}
		}
		taken++
	}
	return taken, nil
}

// askClientReceiveMaximum acknowledges nothing, and counts what comes.
func (a *asker) askClientReceiveMaximum(ctx context.Context) error {
	const window, messages = 2, 5
	if a.qos == 0 {
		return errors.New("the broker takes QoS 0 alone")
	}
	p, err := a.connect(ctx, hello{hold: true, properties: mqttwire.Properties(nil).AddNumber(mqttwire.ReceiveMaximum, window)})
	if err != nil {
		return err
	}
	defer p.leave(nil)
	topic := a.topic("slow")
	if _, err := p.subscribe(ctx, nil, mqttwire.Subscription{Filter: topic, QoS: 1}); err != nil {
		return err
	}
	if err := a.publishMany(ctx, topic, messages); err != nil {
		return err
	}
	if err := p.settle(ctx); err != nil {
		return err
	}
	if len(p.inbox) < window {
		return fmt.Errorf("of %d messages only %d come", messages, len(p.inbox))
	}
	a.say("limits", "client_receive_maximum", Fact{Value: len(p.inbox) == window,
		Note: fmt.Sprintf("of %d messages %d come unacknowledged to a receive maximum of %d", messages, len(p.inbox), window)})
	return nil
}

// askClientPacketSize has a message sent that is too large for its receiver, and
// a small one behind it.
func (a *asker) askClientPacketSize(ctx context.Context) error {
	const limit = 256
	p, err := a.connect(ctx, hello{properties: mqttwire.Properties(nil).AddNumber(mqttwire.MaximumPacketSize, limit)})
	if err != nil {
		return err
	}
	defer p.leave(nil)
	large, small := a.topic("large"), a.topic("small")
	if _, err := p.subscribe(ctx, nil, mqttwire.Subscription{Filter: large, QoS: a.qos}, mqttwire.Subscription{Filter: small, QoS: a.qos}); err != nil {
		return err
	}
	other, err := a.connect(ctx, hello{})
	if err != nil {
		return err
	}
	defer other.leave(nil)
	for topic, size := range map[string]int{large: 2 * limit, small: 1} {
		if _, err := other.publish(ctx, mqttwire.Publish{Topic: topic, QoS: a.qos, Payload: make([]byte, size)}); err != nil {
			return err
		}
	}
	if err := p.settle(ctx); err != nil {
		return err
	}
	tooLarge, err := p.message(ctx, large, 0)
	if err != nil {
		return err
	}
	fits, err := p.message(ctx, small, 0)
	if err != nil {
		return err
	}
	if tooLarge == nil && fits == nil {
		return errors.New("a message that fits does not come, either")
	}
	a.say("limits", "client_packet_size", Fact{Value: tooLarge == nil})
	return nil
}

// longestTopic is that of a UTF-8 string; shorter for QoS 0 and 1 alike.
const longestTopic = 0xFFFF

func (a *asker) askTopicLength(ctx context.Context) error {
	base := a.topic("long")
	e := &echo{a: a, filter: base + "/+"}
	defer e.close()
	f := search(ctx, []int{len(base) + len("/t"), 128, 1024, 4096, 16384, longestTopic}, false, func(n int) (string, error) {
		return e.carries(ctx, mqttwire.Publish{Topic: long(base, n)})
	})
	a.say("limits", "topic_length", f.fact(longestTopic, inBytes))
	return nil
}

func (a *asker) askTopicLevels(ctx context.Context) error {
	base := a.topic("deep")
	e := &echo{a: a, filter: base + "/#"}
	defer e.close()
	f := search(ctx, []int{strings.Count(base, "/") + 2, 8, 32, 128, 256, 1024}, false, func(n int) (string, error) {
		return e.carries(ctx, mqttwire.Publish{Topic: levels(base, n)})
	})
	a.say("limits", "topic_levels", f.fact(0, plain))
	return nil
}

// askKeepAlive asks for none, and for the longest.
func (a *asker) askKeepAlive(ctx context.Context) error {
	for key, asked := range map[string]uint16{"keep_alive_off": 0, "keep_alive_longest": 0xFFFF} {
		p, err := a.connect(ctx, hello{keepAlive: asked})
		if errors.As(err, new(*client.RefusedError)) {
			a.say("limits", key, Fact{Value: false, Note: describe(err)})
			continue
		} else if err != nil {
			return err
		}
		granted := number(p.props, mqttwire.ServerKeepAlive, int(asked))
		p.leave(nil)
		note := ""
		if granted != int(asked) {
			note = fmt.Sprintf("server keep alive %d s", granted)
		}
		if asked == 0 {
			a.say("limits", key, Fact{Value: granted == 0, Note: note})
		} else {
			a.say("limits", key, Fact{Value: granted, unit: inSeconds, Note: note})
		}
	}
	return nil
}

// askKeepAliveEnforced promises a packet a second, and is silent. Some servers
// look every five seconds only.
func (a *asker) askKeepAliveEnforced(ctx context.Context) error {
	const late = 8 * time.Second
	p, err := a.connect(ctx, hello{keepAlive: 1})
	if err != nil {
		return err
	}
	defer p.close()
	keepAlive := number(p.props, mqttwire.ServerKeepAlive, 1)
	if keepAlive != 1 {
		return fmt.Errorf("of 1 s that were asked for the server made %d s, which is too long to wait for", keepAlive)
	}
	start := time.Now()
	switch _, _, err := p.next(ctx, late); {
	case errors.As(err, new(*endError)):
		a.say("limits", "keep_alive_enforced", Fact{Value: true, Note: fmt.Sprintf("of 1 s: after %.1f s of silence, %v", time.Since(start).Seconds(), err)})
	case err != nil:
		return err
	default:
		a.say("limits", "keep_alive_enforced", Fact{Value: false, Note: fmt.Sprintf("of 1 s: still connected after %v of silence", late)})
	}
	return nil
}
