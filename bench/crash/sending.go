package crash

import (
	"mqtk/mqttwire"
	"mqtk/mqttwire/client"
)

// An outgoing message has no final answer yet.
type outgoing struct {
	mqttwire.Publish
	received bool // PUBREC came: it is the broker's, and PUBREL is due

	taken     func() // at PUBACK or PUBREC
	completed func() // at PUBACK or PUBCOMP; may be nil
}

// again is what is sent for it on a new connection.
func (m *outgoing) again() mqttwire.Packet {
	if m.received {
		return &mqttwire.Ack{Kind: mqttwire.PUBREL, PacketID: m.PacketID}
	}
	m.Dup = true
	return &m.Publish
}

// room is how many more messages may be under way.
func (s *session) room() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.limit - len(s.out)
}

// unanswered are the messages without a final answer.
func (s *session) unanswered() []*outgoing {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]*outgoing(nil), s.out...)
}

// publish puts m under way. Where there is no connection any more, the next
// one sends it.
func (s *session) publish(m *outgoing) {
	s.mu.Lock()
	defer s.mu.Unlock()
	m.PacketID = s.freeID()
	s.out = append(s.out, m)
	if s.conn != nil {
		_ = s.conn.WritePacket(&m.Publish)
	}
}

func (s *session) flush() {
	s.mu.Lock()
	conn := s.conn
	s.mu.Unlock()
	if conn != nil {
		_ = conn.Flush()
	}
}

// freeID counts up, so that a late answer meets no other message.
func (s *session) freeID() mqttwire.PacketID {
	for {
		s.lastID++
		if s.lastID != 0 && s.find(s.lastID) == nil {
			return s.lastID
		}
	}
}

func (s *session) find(id mqttwire.PacketID) *outgoing {
	for _, m := range s.out {
		if m.PacketID == id {
			return m
		}
	}
	return nil
}

func (s *session) remove(m *outgoing) {
	for i, other := range s.out {
		if other == m {
			s.out = append(s.out[:i:i], s.out[i+1:]...)
			return
		}
	}
}

// takeAnswer does what PUBACK, PUBREC and PUBCOMP ask for.
func (s *session) takeAnswer(conn *client.Conn, p *mqttwire.Ack) {
	s.mu.Lock()
	defer s.mu.Unlock()
	m := s.find(p.PacketID)
	switch {
	case m == nil:
		if p.Kind == mqttwire.PUBREC && p.Reason < mqttwire.UnspecifiedError {
			_ = conn.WritePacket(&mqttwire.Ack{Kind: mqttwire.PUBREL, PacketID: p.PacketID, Reason: mqttwire.PacketIdentifierNotFound})
		}
	case p.Kind == mqttwire.PUBACK && m.QoS == 1, p.Kind == mqttwire.PUBREC && m.QoS == 2:
		s.takeFirst(conn, m, p)
	case p.Kind == mqttwire.PUBCOMP && m.received:
		s.remove(m)
		if m.completed != nil {
			m.completed()
		}
	}
}

// takeFirst is the answer that makes the message the broker's, or refuses it.
func (s *session) takeFirst(conn *client.Conn, m *outgoing, p *mqttwire.Ack) {
	switch {
	case p.Reason >= mqttwire.UnspecifiedError:
		s.remove(m)
		s.run.ledger.refuse()
	case p.Kind == mqttwire.PUBACK:
		s.remove(m)
		m.taken()
		if m.completed != nil {
			m.completed()
		}
	default:
		if !m.received {
			m.received = true
			m.taken()
		}
		_ = conn.WritePacket(&mqttwire.Ack{Kind: mqttwire.PUBREL, PacketID: m.PacketID})
	}
}
