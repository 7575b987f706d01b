package broker

import "mqtk/mqttwire"

// will is the Will Message of a session, and when it is to go out.
type will struct {
	message *Message // its expiry starts when it is published
	delay   uint32   // Will Delay Interval in seconds
}

// newWill copies the will out of a CONNECT.
func newWill(w *mqttwire.Will, topic, from string) *will {
	view := Message{Topic: topic, Payload: w.Payload, QoS: w.QoS, Retain: w.Retain, From: from}
	view.Properties = w.Properties.AppendWithout(nil, mqttwire.WillDelayInterval)
	k := &will{message: view.keep(topic, mqttwire.V311)}
	k.delay, _ = w.Properties.Number(mqttwire.WillDelayInterval)
	return k
}

// checkWill holds a will against the broker's limits.
func (b *Broker) checkWill(c *Conn, w *will) refusal {
	m := w.message
	switch {
	case int(m.QoS) > b.limits().MaxQoS:
		return refusal{refusedWill, mqttwire.QoSNotSupported, "the will's QoS is above the maximum"}
	case m.Retain && !b.limits().RetainAvailable:
		return refusal{refusedWill, mqttwire.RetainNotSupported, "the will is retained"}
	case !b.topicFits(m.Topic):
		return refusal{refusedWill, mqttwire.TopicNameInvalid, "the will topic is too long or too deep"}
	case reserved(m.Topic) || c.mounted && m.Topic[0] == '$':
		return refusal{refusedWill, mqttwire.NotAuthorized, "the will topic is the broker's own"}
	case b.limits().CheckPayloadFormat && !payloadFits(m.Properties, m.Payload):
		return refusal{refusedWill, mqttwire.PayloadFormatInvalid, "the will payload is not the UTF-8 that it says"}
	}
	return refusal{}
}

// publishWill sends a will out. The right to publish it is asked again. Where that
// has to be loaded first, the will goes out later; a crash in between loses it.
func (b *Broker) publishWill(batch *Batch, w *will) {
	m := *w.message
	if a := b.authority.Load(); m.Owner != nil && !a.knows(m.Owner) {
		b.goroutines.Go(func() {
			m.Owner = b.known(a.loader, m.Owner)
			b.background(func(batch *Batch) { b.sendWill(batch, m) })
		})
		return
	}
	b.sendWill(batch, m)
}

// sendWill is publishWill once the rights are known, if ever.
func (b *Broker) sendWill(batch *Batch, m Message) {
	if m.Owner != nil && !b.authorized(m.Owner, Publish, m.Topic) {
		b.log.Info("will not published: not authorized", "client", m.From, "topic", m.Topic)
		return
	}
	m.begin(batch.now)
	batch.carry(&m, m.Topic)
	b.route(batch, b.findSession(m.From), b.matchFor(batch, nil, m.Topic))
	b.offer(batch)
	batch.drop()
}

// dropWill forgets the will at the client's DISCONNECT [MQTT-3.14.4-3]: at once,
// for its next connection may come before the end of this one is noticed.
func (s *Session) dropWill(batch *Batch, c *Conn) {
	s.mu.Lock()
	if s.owner.Load() == c {
		s.takeWill(&batch.events)
	}
	s.mu.Unlock()
	batch.appendOrLog()
}
