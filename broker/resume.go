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

// resend repeats, in their order, the exchanges that an earlier connection left
// open: PUBLISH with DUP, PUBREL without. Where a QoS 2 PUBLISH waits for the
// store, those behind it do not overtake it. False: the quota or the outbox is full.
func (s *Session) resend(batch *Batch, c *Conn) bool {
	w, behind := &s.window, false
	for i := 0; i < w.entries.len() && w.unsent > 0; i++ {
		f := w.entries.at(i)
		behind = behind || f.waits
		if f.state == done || f.sent || f.waits || behind && f.state == wantPubrec && !f.delivered {
			continue
		}
		refused := f.state != wantPubcomp && !s.b.mayReceive(s, f.message.Topic)
		if refused && f.state == wantPubrec && f.delivered {
			s.b.metrics.dropped(dropNotAuthorized)
			s.unpublish(batch, f) // the client may hold the id: PUBREL tells it that the exchange is over
		}
		if f.state != wantPubcomp {
			if !f.counted && w.used >= int(c.receiveMaximum) {
				return false
			}
			v := tooLarge
			if refused {
				s.refuse(batch, &f.delivery)
			} else {
				var flush bool
				if v, flush = c.putPublish(batch, &f.delivery, f.packetID, f.delivered, batch.now); flush {
					batch.note(c)
				}
			}
			switch v {
			case noRoom:
				return false
			case tooLarge, expired: // or no longer allowed: as if sent and acknowledged
				if f.recorded {
					batch.events = append(batch.events, s.event(EventDequeue, f.sequence))
				}
				w.finish(f)
				i = -1 // finish moves entries; what was sent is passed over
				continue
			}
			if !f.counted {
				w.used++
			}
			f.counted, f.delivered = true, true
		} else {
			c.send(&mqttwire.Ack{Kind: mqttwire.PUBREL, PacketID: f.packetID})
			if _, flush := c.out.unflushed(); flush {
				batch.note(c)
			}
		}
		f.sent = true
		w.unsent--
	}
	return true
}

// unpublish goes on with a QoS 2 exchange as if its PUBREC had come.
func (s *Session) unpublish(batch *Batch, f *flight) {
	s.window.release(f)
	switch {
	case !f.recorded:
	case s.persistent():
		released := s.event(EventReleased, f.sequence)
		released.PacketID = f.packetID
		batch.events = append(batch.events, released)
	default: // of a share: it has arrived, and nobody else is to have it
		f.recorded = false
		batch.events = append(batch.events, s.event(EventDequeue, f.sequence))
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
