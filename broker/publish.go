package broker

import (
	"strings"
	"unicode/utf8"

	"mqtk/mqttwire"
)

// handlePublish takes a PUBLISH from the client. False: a receiver is full and
// the packet is left for later.
func (c *Conn) handlePublish(batch *Batch, p *mqttwire.Publish) bool {
	if !c.resolve(batch, p) {
		return true
	}
	s := c.session
	if p.QoS == 2 && s.holds(p.PacketID) {
		c.reply(&mqttwire.Ack{Kind: mqttwire.PUBREC, PacketID: p.PacketID}) // known by its id alone until PUBREL
		return true
	}
	if p.QoS > 0 && c.version == mqttwire.V5 && int(c.inbound.Load()) >= c.b.limits.ReceiveMaximum {
		c.fail(batch, mqttwire.ReceiveMaximumExceeded, "more than Receive Maximum unacknowledged")
		return true
	}
	if reason := c.b.checkPublish(c, p); reason != mqttwire.Success {
		c.refusePublish(batch, p, reason)
		return true
	}
	m := c.b.matchFor(batch, c, p.Topic)
	if c.heldUp(batch, m, p.QoS) {
		return false
	}
	c.b.metrics.publishReceived(p.QoS, len(p.Payload))
	if p.QoS > 0 && c.b.limits.QueueFull == "refuse" && !m.fits(len(p.Topic)+len(p.Payload), &c.b.limits) {
		c.refusePublish(batch, p, mqttwire.QuotaExceeded)
		return true
	}
	c.view(batch, p, m)
	matches := c.b.route(batch, s, m)
	if p.QoS > 0 {
		c.withhold(m)
	}
	c.acknowledge(batch, p, matches)
	batch.drop()
	return true
}

// resolve puts the topic in place of an alias, and learns the alias even if the
// message is refused afterwards. False: the connection ends.
func (c *Conn) resolve(batch *Batch, p *mqttwire.Publish) bool {
	if len(p.Properties) == 0 {
		return true
	}
	alias, ok := p.Properties.Number(mqttwire.TopicAlias)
	if !ok {
		return true
	}
	if int(alias) > c.b.limits.TopicAliasIn {
		c.fail(batch, mqttwire.TopicAliasInvalid, "the topic alias is above the maximum")
		return false
	}
	if p.Topic != "" {
		if c.aliases == nil {
			c.aliases = make([]string, c.b.limits.TopicAliasIn)
		}
		if c.aliases[alias-1] != p.Topic {
			c.aliases[alias-1] = strings.Clone(p.Topic)
		}
		return true
	}
	if c.aliases == nil || c.aliases[alias-1] == "" {
		c.fail(batch, mqttwire.ProtocolError, "the topic alias is unknown")
		return false
	}
	p.Topic = c.aliases[alias-1]
	return true
}

// checkPublish holds a PUBLISH against limits and rights.
func (b *Broker) checkPublish(c *Conn, p *mqttwire.Publish) mqttwire.ReasonCode {
	l := &b.limits
	switch {
	case int(p.QoS) > l.MaxQoS:
		return mqttwire.QoSNotSupported
	case p.Retain && !l.RetainAvailable:
		return mqttwire.RetainNotSupported
	case !b.topicFits(p.Topic):
		return mqttwire.TopicNameInvalid
	case p.Topic[0] == '$' && reserved(p.Topic):
		return mqttwire.NotAuthorized
	case !b.authorized(c.identity, Publish, p.Topic):
		return mqttwire.NotAuthorized
	case l.CheckPayloadFormat && !payloadFits(p.Properties, p.Payload):
		return mqttwire.PayloadFormatInvalid
	}
	return mqttwire.Success
}

// topicFits holds a name or filter against the limits of length and depth.
func (b *Broker) topicFits(topic string) bool {
	l := &b.limits
	return len(topic) <= l.MaxTopicLength && (len(topic) < l.MaxTopicLevels || strings.Count(topic, "/") < l.MaxTopicLevels)
}

// reserved says whether clients may not publish to a topic that begins with $.
func reserved(topic string) bool {
	level, _, _ := strings.Cut(topic, "/")
	return level == "$SYS" || level == "$share"
}

func payloadFits(p mqttwire.Properties, payload []byte) bool {
	format, _ := p.Number(mqttwire.PayloadFormatIndicator)
	return format != 1 || utf8.Valid(payload)
}

// refusePublish answers a PUBLISH that is not taken: with its reason where there
// is a packet that may carry it, by closing where the standard wants that, and
// on 3.x as if it had been taken where only rights were missing [3.1.1 s3.3.5].
func (c *Conn) refusePublish(batch *Batch, p *mqttwire.Publish, reason mqttwire.ReasonCode) {
	kind := mqttwire.PUBACK
	if p.QoS == 2 {
		kind = mqttwire.PUBREC
	}
	c.b.metrics.dropped(dropRefused)
	switch {
	case reason == mqttwire.QoSNotSupported, reason == mqttwire.RetainNotSupported:
		c.fail(batch, reason, "")
	case p.QoS == 0 && reason != mqttwire.NotAuthorized:
		c.fail(batch, reason, "")
	case p.QoS == 0:
		c.b.log.Debug("publish refused", "client", c.session.ClientID, "topic", p.Topic, "reason", reason.String())
	case c.version == mqttwire.V5:
		answer := &mqttwire.Ack{Kind: kind, PacketID: p.PacketID, Reason: reason}
		c.reply(answer)
	case reason != mqttwire.NotAuthorized:
		c.fail(batch, reason, "") // an acknowledged message may not be lost
	default:
		c.b.log.Info("publish refused", "client", c.session.ClientID, "topic", p.Topic, "reason", reason.String())
		c.acknowledge(batch, p, 1)
	}
}

// view makes the PUBLISH the message under way.
func (c *Conn) view(batch *Batch, p *mqttwire.Publish, m *matched) {
	batch.view = Message{
		Topic: p.Topic, Payload: p.Payload, Properties: p.Properties,
		QoS: p.QoS, Retain: p.Retain, From: c.session.ClientID, Owner: c.identity,
	}
	batch.view.begin(batch.now)
	topic := ""
	if !m.transient {
		topic = m.topic
	}
	batch.carry(&batch.view, topic)
}

// acknowledge answers a PUBLISH that was taken, once the store has its events.
func (c *Conn) acknowledge(batch *Batch, p *mqttwire.Publish, matches int) {
	reason := mqttwire.Success
	if matches == 0 {
		reason = mqttwire.NoMatchingSubscribers
	}
	if p.QoS == 2 {
		c.session.hold(batch, c, p.PacketID)
	}
	if err := batch.append(); err != nil {
		c.fail(batch, mqttwire.QuotaExceeded, "the store has no room")
		return
	}
	if p.QoS > 0 {
		c.inbound.Add(1) // until the acknowledgement that ends it has left
	}
	switch p.QoS {
	case 1:
		c.reply(&mqttwire.Ack{Kind: mqttwire.PUBACK, PacketID: p.PacketID, Reason: reason})
		c.segment().settled++
	case 2:
		c.reply(&mqttwire.Ack{Kind: mqttwire.PUBREC, PacketID: p.PacketID, Reason: reason})
	}
}

// holds says whether an inbound QoS 2 id is held.
func (s *Session) holds(id mqttwire.PacketID) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	_, held := s.held[id]
	return held
}

// hold remembers an inbound QoS 2 id until its PUBREL.
func (s *Session) hold(batch *Batch, c *Conn, id mqttwire.PacketID) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.owner != c {
		return
	}
	if s.held == nil {
		s.held = make(map[mqttwire.PacketID]uint32)
	}
	s.held[id] = s.epoch
	if s.persistent() {
		batch.events = append(batch.events, Event{Kind: EventHeld, ClientID: s.ClientID, PacketID: id})
	}
}

// fits says whether every receiver's queue would take a message, for
// queue_full = "refuse".
func (m *matched) fits(size int, l *Limits) bool {
	for _, t := range m.targets {
		s := t.session
		s.mu.Lock()
		c := s.conn.Load()
		ok := t.qos == 0 || c == nil && !s.persistent() || s.queue.fits(size, l, 1) ||
			c != nil && s.queue.len() == 0 && s.window.used < c.receiveMaximum
		s.mu.Unlock()
		if !ok {
			return false
		}
	}
	return true
}
