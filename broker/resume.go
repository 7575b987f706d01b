package broker

import "mqtk/mqttwire"

// resume is begin, once what the Store has of the window is there. It runs on
// the Store's thread and must not wait.
func (s *Session) resume(c *Conn, connack *mqttwire.Connack) {
	s.mu.Lock()
	cold := s.owner.Load() == c && s.traffic != nil && len(s.window.cold()) > 0
	if cold { // and so the connection, which Shutdown waits for, has not ended
		s.b.goroutines.Go(func() { s.resumeCold(c, connack) })
	}
	s.mu.Unlock()
	if !cold {
		s.begin(c, connack)
	}
}

func (s *Session) resumeCold(c *Conn, connack *mqttwire.Connack) {
	defer c.catchAside()
	if err := s.warm(); err != nil {
		s.unreadable(err)
		c.kick(mqttwire.ServerUnavailable, "the store failed")
		return
	}
	s.begin(c, connack)
	c.flush()
}

// begin makes c the live connection of the session: CONNACK goes first, then
// what the session owes the client.
func (s *Session) begin(c *Conn, connack *mqttwire.Connack) {
	said, mine := true, true
	s.b.background(func(batch *Batch) {
		s.mu.Lock()
		defer s.mu.Unlock()
		if mine = s.owner.Load() == c && !s.ended; !mine {
			return // taken over meanwhile
		}
		if said = c.send(connack); !said {
			return
		}
		if s.traffic != nil {
			s.window.restart()
		}
		c.live.Store(true)
		s.pump(batch, c)
	})
	switch {
	case !mine:
	case !said:
		c.kick(mqttwire.PacketTooLarge, "the client's Maximum Packet Size has no room for CONNACK")
	default:
		s.b.welcome(c)
		c.released()
	}
}

// forsake takes back what attach did for a connection that is refused after
// all: it has no will, and a session that is fresh ends with it.
func (s *Session) forsake(c *Conn, fresh bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.owner.Load() != c {
		return
	}
	s.will = nil
	if fresh {
		s.expiry.Store(0)
	}
}
