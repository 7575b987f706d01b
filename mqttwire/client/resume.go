package client

import (
	"time"

	"mqtk/mqttwire"
)

// resume puts the session onto a new connection. With the session present,
// what was not acknowledged is sent again in its old order; without, the
// client's half is dropped too [MQTT-3.2.2-5]: subscriptions are asked for
// anew, and messages become new messages. before is what the last connection
// was granted, nil for the first one.
func (c *Client) resume(l *link, before *Grants) {
	c.mu.Lock()
	defer c.unlock()
	c.out.connected(c.window(l.g))
	c.foreign = c.foreign || l.g.SessionPresent && before == nil
	if before == nil {
		c.link = l
		return
	}
	// 3.1 does not tell whether it has the session: both is asked for.
	untold := l.g.Version == mqttwire.V31 && before.SessionExpiry > 0
	present := l.g.SessionPresent || untold
	waiting := c.pendingRequests(present && !untold)
	if present {
		c.recall()
	} else {
		c.foreign = false
		c.lose(before.SessionExpiry == 0)
	}
	c.link = l
	var err error
	if !present || untold {
		err = c.resubscribe()
	}
	if err == nil {
		err = c.askAgain(l, waiting)
	}
	if err == nil {
		err = c.pump(l)
	}
	if err != nil {
		l.cause = err
		l.conn.Close()
	}
	c.changed()
	c.makeRoom()
}

// pendingRequests lists the requests that still want an answer, and frees the
// ids of the others: those that nobody waits for any more and, unless they are
// to be kept, those after a lost session, for they are made again.
func (c *Client) pendingRequests(keepAnew bool) []mqttwire.PacketID {
	for i := range c.out.slots {
		if s := &c.out.slots[i]; s.request != nil && (s.request.given || s.request.anew && !keepAnew) {
			c.out.release(s)
		}
	}
	return c.out.inOrder(func(s *slot) bool { return s.request != nil })
}

// askAgain repeats requests under their old ids: to the server they are new.
func (c *Client) askAgain(l *link, waiting []mqttwire.PacketID) error {
	for _, id := range waiting {
		s := c.out.find(id)
		if err := l.conn.putBytes(s.packet); err != nil {
			return err
		}
		if s.request.sent = time.Now(); s.request.anew {
			c.watch(s.request, l)
		}
		l.stir()
	}
	return nil
}

// recall lines up everything unacknowledged for sending again.
func (c *Client) recall() {
	c.out.resend = c.out.inOrder(func(s *slot) bool { return s.state.message() })
	for _, id := range c.out.resend {
		s := c.out.find(id)
		if s.queued = true; s.state != waitPubcomp {
			s.packet[0] |= dupBit
		}
	}
}

// lose drops the session's state: every message open becomes a new one, but
// those that the server has received are done, for better or worse. The hook is
// called without the lock; the client is still offline to everybody then.
func (c *Client) lose(expected bool) {
	c.held = idSet{}
	c.out.resend = nil
	lost := SessionLost{Expected: expected, Subscriptions: len(c.filters)}
	for _, id := range c.out.inOrder(func(s *slot) bool { return s.state.message() }) {
		s := c.out.find(id)
		if s.state == waitPubcomp {
			lost.InDoubt++
			if done, reason := s.done, s.reason; done != nil {
				c.calls = append(c.calls, func() { done(reason, nil) })
			}
			c.out.release(s)
			continue
		}
		lost.Republished++
		if qos(s.packet) == 2 {
			lost.QoS2++
		}
		s = c.out.renumber(s)
		s.queued = true
		c.out.resend = append(c.out.resend, s.id)
	}
	if c.o.Hooks.OnSessionLost != nil && lost.Republished+lost.InDoubt+lost.Subscriptions > 0 {
		c.mu.Unlock()
		c.o.Hooks.OnSessionLost(lost)
		c.mu.Lock()
	}
}
