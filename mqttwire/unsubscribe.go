package mqttwire

// Unsubscribe is an UNSUBSCRIBE packet. The list lies in the Decoder and is
// reused by the next Decode; its strings are views into the read buffer.
type Unsubscribe struct {
	PacketID   PacketID
	Properties Properties
	Filters    []string
}

// Type is UNSUBSCRIBE.
func (*Unsubscribe) Type() PacketType { return UNSUBSCRIBE }

// Append writes the filters.
func (p *Unsubscribe) Append(dst []byte, v Version) ([]byte, error) {
	a := begin(dst, UNSUBSCRIBE, v)
	a.packetID(p.PacketID)
	a.properties(UNSUBSCRIBE, p.Properties)
	for _, filter := range p.Filters {
		a.filter(filter)
	}
	if len(p.Filters) == 0 {
		a.note(errNoFilters(UNSUBSCRIBE, v))
	}
	return a.finish()
}

func (p *Unsubscribe) decode(_ byte, c *cursor, v Version) error {
	*p = Unsubscribe{Filters: reuse(p.Filters), PacketID: c.packetID()}
	if v == V5 {
		p.Properties = c.properties(UNSUBSCRIBE)
	}
	for len(c.rest) > 0 {
		if filter := c.filter(); c.err == nil {
			c.countFilter(len(p.Filters))
			p.Filters = append(p.Filters, filter)
		}
	}
	if len(p.Filters) == 0 && c.err == nil {
		return errNoFilters(UNSUBSCRIBE, v)
	}
	return c.close()
}
