package broker

import (
	"slices"
	"strings"

	"mqtk/mqttwire"
)

// handleSubscribe takes a SUBSCRIBE: filter by filter, one code each.
func (c *Conn) handleSubscribe(batch *Batch, p *mqttwire.Subscribe) {
	identifier, has := p.Properties.Number(mqttwire.SubscriptionIdentifier)
	answer := &batch.suback
	*answer = mqttwire.Suback{PacketID: p.PacketID, Reasons: answer.Reasons[:0]}
	for i, f := range p.Subscriptions {
		if c.mounted {
			f.Filter = c.mountFilter(f.Filter)
			p.Subscriptions[i].Filter = f.Filter
		}
		reason := c.b.checkFilter(c, f.Filter)
		if has && !c.terms.limits.SubscriptionIdentifiersAvailable {
			reason = mqttwire.SubscriptionIdentifiersNotSupported
		}
		if reason != mqttwire.Success {
			c.complain(batch.now, "subscribe", f.Filter, reason)
		}
		if c.version == mqttwire.V5 && switchedOff(reason) {
			c.fail(batch, reason, "CONNACK said so") // a Protocol Error [3.2.2.3.11 to 3.2.2.3.13]
			return
		}
		if reason == mqttwire.NotAuthorized && c.b.limits().DenyAction == "disconnect" {
			c.fail(batch, reason, "the filter may not be subscribed to")
			return
		}
		if reason == mqttwire.Success && isSys(f.Filter) {
			c.b.refreshSys(batch.now)
		}
		answer.Reasons = append(answer.Reasons, reason)
	}
	cursors, stored := c.subscribe(batch, p, identifier, answer.Reasons)
	switch {
	case stored:
	case c.version != mqttwire.V5: // cannot be told
		c.fail(batch, mqttwire.QuotaExceeded, "")
		return
	default:
		cursors, answer.Reasons = nil, refuseAll(answer.Reasons, mqttwire.QuotaExceeded)
	}
	for i, f := range p.Subscriptions {
		answer.Reasons[i] = c.subackCode(answer.Reasons[i], f.QoS)
	}
	c.reply(answer)
	if len(cursors) > 0 {
		seg := c.segment()
		seg.then = append(seg.then, func() { c.session.sendRetained(c, cursors) })
	}
	c.commit(batch) // so that SUBACK goes before what the next packet publishes
}

// subscribe makes those subscriptions whose reason is Success, and puts in its
// place what is granted. False: the store has no room, and all is as it was.
func (c *Conn) subscribe(batch *Batch, p *mqttwire.Subscribe, identifier uint32, reasons []mqttwire.ReasonCode) (cursors []*retainCursor, stored bool) {
	c.session.handling.Lock()
	defer c.session.handling.Unlock()
	var changes []change
	for i, f := range p.Subscriptions {
		if reasons[i] != mqttwire.Success {
			continue
		}
		reason, done, cursor := c.session.subscribe(batch, c, f, identifier)
		if reasons[i] = reason; done.now != nil {
			changes = append(changes, done)
			c.b.tellInterest(done)
		}
		if cursor != nil {
			cursors = append(cursors, cursor)
		}
	}
	return cursors, c.stored(batch, changes)
}

// switchedOff says whether a reason is that the server does without a feature.
func switchedOff(r mqttwire.ReasonCode) bool {
	return r == mqttwire.SharedSubscriptionsNotSupported || r == mqttwire.WildcardSubscriptionsNotSupported ||
		r == mqttwire.SubscriptionIdentifiersNotSupported
}

// subackCode says a reason as the client's version can. 3.1 has no word for a
// refusal: the filter is granted and nothing comes.
func (c *Conn) subackCode(reason mqttwire.ReasonCode, asked mqttwire.QoS) mqttwire.ReasonCode {
	switch {
	case reason < 0x80 || c.version == mqttwire.V5:
		return reason
	case c.version == mqttwire.V311:
		return mqttwire.UnspecifiedError
	}
	return mqttwire.ReasonCode(asked)
}

// checkFilter holds a well-formed filter against limits and rights.
func (b *Broker) checkFilter(c *Conn, filter string) mqttwire.ReasonCode {
	l := c.terms.limits
	_, rest, shared := mqttwire.SplitShared(filter)
	switch {
	case !b.topicFits(rest):
		return mqttwire.TopicFilterInvalid
	case shared && !l.SharedAvailable:
		return mqttwire.SharedSubscriptionsNotSupported
	case !l.WildcardAvailable && strings.ContainsAny(rest, "+#"):
		return mqttwire.WildcardSubscriptionsNotSupported
	case !b.authorized(c.identity, Subscribe, rest):
		return mqttwire.NotAuthorized
	}
	return mqttwire.Success
}

// subscribe makes or replaces one subscription and returns the granted QoS and
// the cursor over the retained messages that it brings, if any.
func (s *Session) subscribe(batch *Batch, c *Conn, f mqttwire.Subscription, identifier uint32) (mqttwire.ReasonCode, change, *retainCursor) {
	b := s.b
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.owner.Load() != c || s.ended {
		return mqttwire.UnspecifiedError, change{}, nil
	}
	old := s.subscriptions.get(f.Filter)
	if old == nil && s.subscriptions.len() >= b.limits().MaxSubscriptions {
		return mqttwire.QuotaExceeded, change{}, nil
	}
	if old != nil {
		f.Filter = old.filter
	} else {
		f.Filter = strings.Clone(f.Filter)
	}
	sub := s.subscription(f, identifier)
	b.subscriptions.add(sub, old)
	s.subscriptions.put(sub)
	if s.persistent() && !sub.repeats(old, f.QoS) {
		made := s.change(EventSubscribe)
		made.Subscription, made.Identifier = f, identifier
		batch.events = append(batch.events, made)
	}
	reason, done := mqttwire.ReasonCode(sub.qos), change{sub, old}
	if sub.share != nil || sub.handling == 2 || sub.handling == 1 && old != nil {
		return reason, done, nil
	}
	if old != nil {
		s.dropCursors(old) // the new one sends all of it
	}
	return reason, done, b.newRetainCursor(sub)
}

// repeats says whether a subscription is what old, which is recorded, already
// was: clients that come back subscribe anew, and must be able to on a full disk.
func (s *subscription) repeats(old *subscription, asked mqttwire.QoS) bool {
	return old != nil && asked == s.qos && old.qos == s.qos && old.identifier == s.identifier &&
		old.noLocal == s.noLocal && old.asPublished == s.asPublished && old.handling == s.handling
}

// subscription is a new one of the session, at the QoS that it is granted. It
// keeps the filter.
func (s *Session) subscription(f mqttwire.Subscription, identifier uint32) *subscription {
	return &subscription{
		session: s, filter: f.Filter, identifier: identifier, qos: min(f.QoS, mqttwire.QoS(s.b.limits().MaxQoS)),
		noLocal: f.NoLocal, asPublished: f.RetainAsPublished, handling: f.RetainHandling,
	}
}

// change is one subscription made, replaced or (now is nil) removed.
type change struct{ now, old *subscription }

// tellInterest tells the Fabric of a subscription that is new or gone. No lock
// but a Session.handling is held.
func (b *Broker) tellInterest(done change) {
	switch {
	case b.fabric == nil:
	case done.old == nil:
		b.fabric.Interest(done.now.filter, 1)
	case done.now == nil:
		b.fabric.Interest(done.old.filter, -1)
	}
}

// stored appends what the changes have to be remembered by. False: the store has
// no room, and they are taken back.
func (c *Conn) stored(batch *Batch, changes []change) bool {
	err := batch.append()
	if err == nil {
		return true
	}
	c.b.log.Error("subscriptions refused: the store has no room", "client", c.clientID(), "error", err)
	for _, done := range slices.Backward(changes) {
		if c.session.revert(done) {
			c.b.tellInterest(change{now: done.old, old: done.now})
		}
	}
	return false
}

// revert takes a change back. False: the session has ended, and with it all of
// its subscriptions.
func (s *Session) revert(done change) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.ended {
		return false
	}
	switch {
	case done.now == nil:
		s.b.subscriptions.add(done.old, nil)
		s.subscriptions.put(done.old)
	case done.old == nil:
		s.b.subscriptions.drop(done.now)
		s.subscriptions.drop(done.now.filter)
	default:
		s.b.subscriptions.add(done.old, done.now)
		s.subscriptions.put(done.old)
	}
	return true
}

// refuseAll puts one reason in place of all that are good.
func refuseAll(reasons []mqttwire.ReasonCode, reason mqttwire.ReasonCode) []mqttwire.ReasonCode {
	for i, r := range reasons {
		if r < 0x80 {
			reasons[i] = reason
		}
	}
	return reasons
}

// sendRetained starts the cursors of one SUBSCRIBE, behind those that are there.
func (s *Session) sendRetained(c *Conn, cursors []*retainCursor) {
	s.b.background(func(batch *Batch) {
		s.mu.Lock()
		defer s.mu.Unlock()
		if s.live() != c {
			return
		}
		for _, cursor := range cursors {
			if sub := cursor.subscription; s.subscriptions.get(sub.filter) == sub {
				s.needTraffic()
				s.cursors = append(s.cursors, cursor)
			}
		}
		s.pump(batch, c)
	})
}

// handleUnsubscribe takes an UNSUBSCRIBE.
func (c *Conn) handleUnsubscribe(batch *Batch, p *mqttwire.Unsubscribe) {
	answer := &mqttwire.Unsuback{PacketID: p.PacketID}
	stored := false
	answer.Reasons, stored = c.unsubscribe(batch, p.Filters)
	switch {
	case stored:
	case c.version != mqttwire.V5: // cannot be told
		c.fail(batch, mqttwire.QuotaExceeded, "")
		return
	default:
		answer.Reasons = refuseAll(answer.Reasons, mqttwire.ImplementationSpecificError)
	}
	c.reply(answer)
}

// unsubscribe ends subscriptions. False: the store has no room, and all is as it
// was.
func (c *Conn) unsubscribe(batch *Batch, filters []string) (reasons []mqttwire.ReasonCode, stored bool) {
	c.session.handling.Lock()
	defer c.session.handling.Unlock()
	var changes []change
	for _, filter := range filters {
		if c.mounted {
			filter = c.mountFilter(filter)
		}
		reason := mqttwire.NoSubscriptionExisted
		if old := c.session.unsubscribe(batch, c, filter); old != nil {
			reason = mqttwire.Success
			changes = append(changes, change{old: old})
		}
		reasons = append(reasons, reason)
	}
	return reasons, c.stored(batch, changes)
}

// unsubscribe removes one subscription and returns it, nil where there was none.
// Deliveries that have begun go on [MQTT-3.10.4-3]; what waited for it through a
// share goes to another member.
func (s *Session) unsubscribe(batch *Batch, c *Conn, filter string) *subscription {
	s.mu.Lock()
	sub := s.subscriptions.get(filter)
	if sub == nil || s.owner.Load() != c {
		s.mu.Unlock()
		return nil
	}
	s.subscriptions.drop(filter)
	s.b.subscriptions.drop(sub)
	s.dropCursors(sub)
	var orphans []orphan
	if sub.share != nil {
		orphans = s.leaveShare(batch, sub.share)
		s.relieve(batch, s.live())
	}
	if s.persistent() {
		removed := s.change(EventUnsubscribe)
		removed.Subscription.Filter = sub.filter
		batch.events = append(batch.events, removed)
	}
	s.mu.Unlock()
	s.b.rehome(batch, orphans)
	s.b.tellInterest(change{old: sub})
	return sub
}
