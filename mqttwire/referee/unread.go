package referee

import "mqtk/mqttwire"

// Unread gives the bytes of a side that are no whole packet yet, good until the
// next Feed. Not followed is a side whose bytes are not packets any more, or not
// yet again after a gap: what is fed of it is in no Packet.
func (c *Conversation) Unread(from mqttwire.Side) (b []byte, followed bool) {
	c.sessions.mutex.Lock()
	defer c.sessions.mutex.Unlock()
	h := c.half(from)
	return h.tail, h.state == following
}
