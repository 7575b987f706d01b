package broker

import (
	"slices"
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
	if p.QoS == 2 && c.repeated(batch, p.PacketID) || p.QoS > 0 && c.overQuota(batch) {
		return true
	}
	if p.QoS > 0 && c.stalls(batch) {
		return false
	}
	if c.mounted {
		if reason := c.mount(p); reason != mqttwire.Success {
			c.refusePublish(batch, p, reason)
			return true
		}
	}
	if reason := c.b.checkPublish(c, p); reason != mqttwire.Success {
		c.refusePublish(batch, p, reason)
		return true
	}
	m := c.b.matchFor(batch, c, p.Topic)
	if c.heldUp(batch, m, p) {
		return false
	}
	if l := c.b.limits(); l.MaxMessageRate > 0 && !c.publishing().needRare().messages.take(l.MaxMessageRate, batch.now) {
		return c.tooFast(batch, l)
	}
	batch.tally.publishReceived(p.QoS, len(p.Payload))
	if (p.QoS > 0 || p.Retain) && c.b.store.Full() && m.recorded(s, p) {
		c.refusePublish(batch, p, mqttwire.QuotaExceeded)
		return true
	}
	if p.QoS > 0 && c.refuses() && !m.fits(s, p.QoS, len(p.Topic)+len(p.Payload), c.b.limits()) {
		c.refusePublish(batch, p, mqttwire.QuotaExceeded)
		return true
	}
	if p.QoS > 0 && p.Retain && !c.b.retained.fits(p.Topic, p.Payload, c.b.limits()) {
		c.refusePublish(batch, p, mqttwire.QuotaExceeded)
		return true
	}
	matches, taken, err := c.give(batch, p, m)
	if !taken {
		return true
	}
	if p.QoS > 0 {
		c.withhold(m)
	}
	c.acknowledge(batch, p, matches, err)
	batch.kept, batch.many = nil, false
	return true
}

// refuses says whether a publisher is told that somebody's queue is full: as
// queue_full wants it, and at the last level of the memory limit whoever can be
// told without being closed.
func (c *Conn) refuses() bool {
	return c.b.limits().QueueFull == "refuse" || c.version == mqttwire.V5 && c.b.strained(closing)
}

// give routes a PUBLISH and lets the Store have what comes of it. Not taken: the
// session was taken over, and the client will send the message again there.
func (c *Conn) give(batch *Batch, p *mqttwire.Publish, m *matched) (matches int, taken bool, err error) {
	if p.QoS == 2 {
		return c.giveOnce(batch, p, m)
	}
	matches, err = c.route(batch, p, m)
	return matches, true, err
}

// giveOnce is give for QoS 2. The session's next connection answers a repetition
// by its id alone, and what the client sends there behind it must not overtake
// the first copy: until that is in the Store, the next connection waits.
func (c *Conn) giveOnce(batch *Batch, p *mqttwire.Publish, m *matched) (matches int, taken bool, err error) {
	s := c.session
	s.handling.Lock()
	defer s.handling.Unlock()
	if !s.hold(batch, c, p.PacketID) {
		return 0, false, nil
	}
	if matches, err = c.route(batch, p, m); err != nil {
		s.release(p.PacketID)
	}
	return matches, true, err
}

func (c *Conn) route(batch *Batch, p *mqttwire.Publish, m *matched) (matches int, err error) {
	c.view(batch, p, m)
	queued := batch.tally.queuedBytes
	matches = c.b.route(batch, c.session, m)
	if p.Retain || batch.tally.queuedBytes > queued {
		batch.wait(len(p.Payload) + len(p.Topic))
	}
	c.b.offer(batch)
	return matches, batch.append()
}

// hush holds the id of a QoS 2 PUBLISH that is refused without a word, as give
// does of one that is taken.
func (c *Conn) hush(batch *Batch, id mqttwire.PacketID) (mine bool, err error) {
	s := c.session
	s.handling.Lock()
	defer s.handling.Unlock()
	if !s.hold(batch, c, id) {
		return false, nil
	}
	if err = batch.append(); err != nil {
		s.release(id)
	}
	return true, err
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
	if int(alias) > c.terms.limits.TopicAliasIn {
		c.fail(batch, mqttwire.TopicAliasInvalid, "the topic alias is above the maximum")
		return false
	}
	k := c.publishing()
	if p.Topic != "" {
		if k.aliases == nil {
			k.aliases = make([]string, c.terms.limits.TopicAliasIn)
		}
		if k.aliases[alias-1] != p.Topic {
			k.aliases[alias-1] = strings.Clone(p.Topic)
		}
		return true
	}
	if k.aliases == nil || k.aliases[alias-1] == "" {
		c.fail(batch, mqttwire.ProtocolError, "the topic alias is unknown")
		return false
	}
	p.Topic = k.aliases[alias-1]
	return true
}

// checkPublish holds a PUBLISH against limits and rights.
func (b *Broker) checkPublish(c *Conn, p *mqttwire.Publish) mqttwire.ReasonCode {
	l, promised := b.limits(), c.terms.limits
	switch {
	case int(p.QoS) > promised.MaxQoS:
		return mqttwire.QoSNotSupported
	case p.Retain && !promised.RetainAvailable:
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
	l := b.limits()
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
	c.complain(batch.now, "publish", p.Topic, reason)
	switch {
	case reason == mqttwire.QoSNotSupported, reason == mqttwire.RetainNotSupported:
		c.fail(batch, reason, "")
	case reason == mqttwire.NotAuthorized && c.b.limits().DenyAction == "disconnect":
		c.fail(batch, reason, "the topic may not be published to")
	case p.QoS == 0 && reason != mqttwire.NotAuthorized:
		c.fail(batch, reason, "")
	case p.QoS == 0: // there is no word for it
	case c.version == mqttwire.V5:
		c.replyAck(kind, p.PacketID, reason)
	case reason != mqttwire.NotAuthorized:
		c.fail(batch, reason, "") // an acknowledged message may not be lost
	default:
		mine, err := true, error(nil)
		if p.QoS == 2 {
			mine, err = c.hush(batch, p.PacketID)
		}
		if mine {
			c.acknowledge(batch, p, 1, err)
		}
	}
}

// view makes the PUBLISH the message under way. What the one before it in the
// batch has left there, and most have in common, is not written again: each
// pointer costs a barrier while the garbage collector marks.
func (c *Conn) view(batch *Batch, p *mqttwire.Publish, m *matched) {
	v := &batch.view
	v.Topic, v.Payload, v.QoS, v.Retain = p.Topic, p.Payload, p.QoS, p.Retain
	if v.Owner != c.identity || v.From != c.identity.ClientID {
		v.Owner, v.From = c.identity, c.identity.ClientID
	}
	if len(p.Properties) > 0 || len(v.Properties) > 0 {
		v.Properties = p.Properties
	}
	if len(p.Properties) > 0 || v.Arrived != batch.now || !v.Expires.IsZero() {
		v.begin(batch.now)
	}
	topic := ""
	if !m.transient {
		topic = m.topic
	}
	batch.carry(v, topic)
}

// acknowledge answers a PUBLISH that was taken, unless the store has no room for
// its events.
func (c *Conn) acknowledge(batch *Batch, p *mqttwire.Publish, matches int, err error) {
	reason := mqttwire.Success
	if matches == 0 {
		reason = mqttwire.NoMatchingSubscribers
	}
	if err != nil {
		c.b.log.Error("publish refused: the store has no room", "client", c.session.ClientID(), "topic", p.Topic, "error", err)
		c.refusePublish(batch, p, mqttwire.QuotaExceeded)
		return
	}
	if p.QoS > 0 {
		c.inbound.Add(1) // until the acknowledgement that ends it has left
	}
	switch p.QoS {
	case 1:
		c.replyAck(mqttwire.PUBACK, p.PacketID, reason)
		c.segment().settled++
	case 2:
		c.replyAck(mqttwire.PUBREC, p.PacketID, reason)
	}
}

// overQuota ends a 5.0 connection that has more unanswered than Receive Maximum.
func (c *Conn) overQuota(batch *Batch) bool {
	if c.version != mqttwire.V5 || int(c.inbound.Load()) < c.terms.limits.ReceiveMaximum {
		return false
	}
	c.fail(batch, mqttwire.ReceiveMaximumExceeded, "more than Receive Maximum unacknowledged")
	return true
}

// stalls pauses a 3.x client that has more unanswered than Receive Maximum,
// which it cannot know of, as long as answers are withheld from it.
func (c *Conn) stalls(batch *Batch) bool {
	if c.version == mqttwire.V5 || int(c.inbound.Load()) < c.terms.limits.ReceiveMaximum {
		return false
	}
	c.commit(batch)
	c.pause()
	c.out.mu.Lock()
	c.out.stalled = c.segments != nil
	stalled := c.out.stalled
	c.out.mu.Unlock()
	if !stalled {
		c.paused.Store(false)
	}
	return stalled
}

// repeated answers a QoS 2 PUBLISH whose id is held: it is known by its id alone
// until PUBREL. It counts against this connection's quota from its first
// repetition here [4.9].
func (c *Conn) repeated(batch *Batch, id mqttwire.PacketID) bool {
	s := c.session
	s.mu.Lock()
	epoch, held := s.holds(id)
	counts := held && s.owner.Load() == c && epoch != s.epoch
	s.mu.Unlock()
	if !held || counts && c.overQuota(batch) {
		return held
	}
	if counts && s.recount(c, id) {
		c.inbound.Add(1)
	}
	c.replyAck(mqttwire.PUBREC, id, mqttwire.Success)
	return true
}

// recount makes a held id count on this connection, unless the session has been
// taken over meanwhile.
func (s *Session) recount(c *Conn, id mqttwire.PacketID) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.owner.Load() != c {
		return false
	}
	s.held.set(id, s.epoch)
	return true
}

// hold remembers an inbound QoS 2 id until its PUBREL. It comes before the
// message is routed: once another connection has taken the session over, a
// repetition there must find the id, or this one must do nothing. False: that.
func (s *Session) hold(batch *Batch, c *Conn, id mqttwire.PacketID) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.owner.Load() != c {
		return false
	}
	s.needTraffic()
	s.held.set(id, s.epoch)
	if s.persistent() {
		held := s.change(EventHeld)
		held.PacketID = id
		batch.events = append(batch.events, held)
	}
	return true
}

// release forgets an id whose message was not taken after all.
func (s *Session) release(id mqttwire.PacketID) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.traffic != nil {
		s.held.drop(id)
	}
}

// recorded says whether the Store is to have something of a message, which it
// cannot where it is full.
func (m *matched) recorded(from *Session, p *mqttwire.Publish) bool {
	if p.Retain || p.QoS == 2 && from.persistent() {
		return true
	}
	for _, t := range m.targets {
		if t.qos > 0 && t.session.persistent() {
			return true
		}
	}
	return slices.ContainsFunc(m.shares, (*share).lasting)
}

// fits says whether every receiver's queue would take a message, for
// queue_full = "refuse".
func (m *matched) fits(from *Session, qos mqttwire.QoS, size int, l *Limits) bool {
	for _, t := range m.targets {
		s := t.session
		if s == from && t.own != nil && t.own.mute {
			continue
		}
		s.mu.Lock()
		c := s.live()
		ok := t.qos == 0 || c == nil && !s.persistent() || s.fits(size) ||
			c != nil && s.ready(c)
		s.mu.Unlock()
		if !ok {
			return false
		}
	}
	for _, s := range m.shares {
		if !s.fits(qos, size) {
			return false
		}
	}
	return true
}
