package client

import (
	"context"
	"errors"

	"mqtk/mqttwire"
)

// Publish sends a message; of p it takes Topic, Payload, QoS, Retain and
// Properties, and keeps no part of p after it returned. It blocks while the
// client is offline, the window is full or the peer does not read, until ctx
// ends. An error means that the message was not and will not be sent: a
// *LimitError where the server's grants forbid it, a *mqttwire.Error where it
// is not valid, ctx's error, or what ended the client.
//
// done, which may be nil, is called once for each message accepted, when its
// promise is kept: at QoS 0 before Publish returns (the bytes are in the
// output buffer; Flush, Wait or Disconnect sees them off), at QoS 1 and 2 with
// the server's answer, on the reading goroutine. A reason of 0x80 or above
// means that the server refused the message. err is set when the client ended
// first, or a reconnect brought grants that forbid the message.
func (c *Client) Publish(ctx context.Context, p *mqttwire.Publish, done func(reason mqttwire.ReasonCode, err error)) error {
	if _, ok := p.Properties.Number(mqttwire.SubscriptionIdentifier); ok {
		return &mqttwire.Error{Reason: mqttwire.ProtocolError, Clause: "MQTT-3.3.4-6", Detail: "PUBLISH of a client with a subscription identifier"}
	}
	c.mu.Lock()
	err := c.room(ctx, p.QoS)
	if err == nil {
		err = c.publish(p, done)
	}
	c.mu.Unlock()
	if err == nil && p.QoS == 0 && done != nil {
		done(mqttwire.Success, nil)
	}
	return err
}

// PublishWait publishes and waits for the promise: the reason is that of
// PUBACK, PUBREC or PUBCOMP, Success at QoS 0 once the bytes were handed to
// the network.
func (c *Client) PublishWait(ctx context.Context, p *mqttwire.Publish) (mqttwire.ReasonCode, error) {
	if p.QoS == 0 {
		if err := c.Publish(ctx, p, nil); err != nil {
			return 0, err
		}
		return mqttwire.Success, c.Flush(ctx)
	}
	type answer struct {
		reason mqttwire.ReasonCode
		err    error
	}
	answers := make(chan answer, 1)
	if err := c.Publish(ctx, p, func(r mqttwire.ReasonCode, err error) { answers <- answer{r, err} }); err != nil {
		return 0, err
	}
	c.mu.Lock()
	c.uncork()
	c.mu.Unlock()
	select {
	case a := <-answers:
		return a.reason, a.err
	case <-ctx.Done():
		return 0, context.Cause(ctx)
	}
}

// room waits, with c.mu held, until a message of that QoS may be sent. It gives
// the lock up while it waits. It is not until, which makes a channel for each
// change: at full speed this is where a publisher spends its life.
func (c *Client) room(ctx context.Context, q mqttwire.QoS) error {
	for {
		if err := c.over(); err != nil {
			c.makeRoom() // for the next in line to see it too
			return err
		}
		if c.roomy(q) {
			c.makeRoom()
			return nil
		}
		if c.uncork() {
			continue
		}
		c.waiting++
		c.mu.Unlock()
		var err error
		select {
		case <-c.space:
		case <-c.done:
		case <-ctx.Done():
			err = context.Cause(ctx)
		}
		c.mu.Lock()
		c.waiting--
		if err != nil {
			return err
		}
	}
}

func (c *Client) roomy(q mqttwire.QoS) bool {
	if c.link == nil || len(c.out.resend) > 0 || q > 0 && !c.out.room() {
		return false
	}
	size, _, err := c.link.conn.pending()
	return err == nil && size < roomyOutput
}

// makeRoom lets one who waits look again; c.mu is held.
func (c *Client) makeRoom() {
	if c.waiting == 0 {
		return
	}
	select {
	case c.space <- struct{}{}:
	default:
	}
}

// publish sends p; c.mu is held, and there is room.
func (c *Client) publish(p *mqttwire.Publish, done func(mqttwire.ReasonCode, error)) error {
	l, m, encoded := c.link, &c.message, &c.encoded
	*m = mqttwire.Publish{QoS: p.QoS, Retain: p.Retain, Topic: p.Topic, Properties: p.Properties, Payload: p.Payload}
	defer func() { *m = mqttwire.Publish{} }()
	chosen, err := l.unalias(m)
	if err != nil {
		return err
	}
	var s *slot
	if m.QoS > 0 {
		if s = c.out.next(); s == nil {
			return errNoID
		}
		m.PacketID, encoded = s.id, &s.packet
	}
	packet, err := m.Append((*encoded)[:0], l.g.Version)
	if err != nil {
		return err
	}
	if *encoded = packet; cap(packet) > spareLimit && s == nil {
		*encoded = nil
	}
	if err := l.g.allowsMessage(m.Topic, m.QoS, m.Retain, len(packet)); err != nil {
		return err
	}
	sent, err := l.alias(m, packet, chosen)
	if err != nil {
		return err
	}
	if m.QoS == 2 && c.foreign {
		c.free(l, m.PacketID)
	}
	if err := l.conn.putBytes(sent); err == ErrClosed {
		return err
	} // any other error is that of a broken connection, as if it broke just after
	if s == nil {
		l.loose++
	} else {
		s.idAt, s.done = packetIDAt(packet, len(m.Topic)), done
		c.out.sent(s, expects(m.QoS))
	}
	if l.dirty = true; !c.o.Corked {
		l.stir()
	}
	return nil
}

// free has the server release an id of QoS 2 before its first use, in a session
// that another client of this name has begun: it would take the new message for
// that one's, come again. That it knows no such id is its usual answer, and no
// error during recovery (table 3-7 of 5.0).
func (c *Client) free(l *link, id mqttwire.PacketID) {
	if c.freed.has(id) {
		return
	}
	c.freed.add(id)
	_, _ = l.conn.put(&mqttwire.Ack{Kind: mqttwire.PUBREL, PacketID: id}, false) // a failure is that of the PUBLISH behind it
}

// expects is what the first transmission at QoS q waits for.
func expects(q mqttwire.QoS) state {
	if q == 2 {
		return waitPubrec
	}
	return waitPuback
}

// packetIDAt finds the packet id in an encoded PUBLISH.
func packetIDAt(packet []byte, topic int) int {
	i := 1
	for packet[i]&0x80 != 0 {
		i++
	}
	return i + 1 + 2 + topic
}

// pump sends what a former connection left, as far as the quota goes; c.mu is
// held. Messages that this connection's grants forbid are given up.
func (c *Client) pump(l *link) error {
	for len(c.out.resend) > 0 {
		s := c.out.find(c.out.resend[0])
		if s.state != waitPubcomp && c.out.quota == 0 {
			return nil
		}
		c.out.resend = c.out.resend[1:]
		if err := c.sendAgain(l, s); err != nil {
			return err
		}
	}
	return nil
}

func (c *Client) sendAgain(l *link, s *slot) error {
	s.queued = false
	if s.state == waitPubcomp {
		l.ack = mqttwire.Ack{Kind: mqttwire.PUBREL, PacketID: s.id}
		_, err := l.conn.put(&l.ack, false)
		l.stir()
		return err
	}
	if err := l.g.allowsMessage(s.topic(), qos(s.packet), s.packet[0]&retainBit != 0, len(s.packet)); err != nil {
		if done := s.done; done != nil {
			c.calls = append(c.calls, func() { done(0, err) })
		}
		c.out.release(s)
		return nil
	}
	s.counted = true
	c.out.quota--
	l.stir()
	return l.conn.putBytes(s.packet)
}

// acknowledged takes PUBACK, PUBREC and PUBCOMP.
func (c *Client) acknowledged(l *link, p *mqttwire.Ack) error {
	c.mu.Lock()
	defer c.unlock()
	s := c.out.find(p.PacketID)
	if s == nil {
		return c.stray(l, p)
	}
	if c.foreign && p.Kind == mqttwire.PUBCOMP && s.state == waitPubrec {
		return nil // the answer to free
	}
	if s.queued || s.state != waits(p.Kind) && !(p.Kind == mqttwire.PUBREC && s.state == waitPubcomp) {
		return violation(mqttwire.ProtocolError, "4.3", "%v for packet id %d, which waits for something else", p.Kind, p.PacketID)
	}
	if p.Kind == mqttwire.PUBREC && p.Reason < mqttwire.UnspecifiedError {
		return c.received(l, s, p.Reason)
	}
	reason := p.Reason
	if p.Kind == mqttwire.PUBCOMP && (reason == mqttwire.Success || !s.counted) {
		reason = s.reason // on a resumed session, "not found" means that it was done before
	}
	if done := s.done; done != nil {
		c.calls = append(c.calls, func() { done(reason, nil) })
	}
	l.useful = true
	c.out.release(s)
	if c.out.quota*2 >= c.out.limit { // else when the reader runs dry: not one by one
		c.makeRoom()
	}
	return c.pump(l)
}

// received takes a PUBREC that accepts the message.
func (c *Client) received(l *link, s *slot, r mqttwire.ReasonCode) error {
	if s.state == waitPubrec {
		c.out.seq++
		s.state, s.reason, s.seq, s.packet = waitPubcomp, r, c.out.seq, s.packet[:0]
	}
	return c.release(l, s.id, mqttwire.Success)
}

// release sends a PUBREL; c.mu is held.
func (c *Client) release(l *link, id mqttwire.PacketID, r mqttwire.ReasonCode) error {
	l.ack = mqttwire.Ack{Kind: mqttwire.PUBREL, PacketID: id, Reason: r}
	return l.send(&l.ack, false)
}

// stray takes an acknowledgement for an id that is not in use. One that was
// never in use is a violation. Else the exchange may have been ended twice; a
// PUBREC is then answered by a PUBREL, so that the server can forget it.
func (c *Client) stray(l *link, p *mqttwire.Ack) error {
	if p.PacketID > c.out.top && !c.foreign {
		return violation(mqttwire.ProtocolError, "4.3", "%v for packet id %d, which was never used", p.Kind, p.PacketID)
	}
	if p.Kind == mqttwire.PUBREC && p.Reason < mqttwire.UnspecifiedError {
		return c.release(l, p.PacketID, mqttwire.PacketIdentifierNotFound)
	}
	return nil
}

var errNoID = errors.New("no packet id is free")
