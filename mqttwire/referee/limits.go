package referee

import (
	"time"

	"mqtk/mqttwire"
)

// Limits are what one side lets the other do.
type limits struct {
	packetSize    int // 0: any
	receive       int // Receive Maximum
	alias         int // Topic Alias Maximum
	qos           mqttwire.QoS
	noRetain      bool
	noWildcard    bool
	noIdentifiers bool
	noShared      bool
	known         bool
}

// limitsIn are those that a CONNECT or CONNACK names.
func limitsIn(p mqttwire.Properties, v mqttwire.Version) limits {
	l := limits{receive: 65535, qos: 2, known: true}
	if v != mqttwire.V5 {
		return l
	}
	if n, ok := p.Number(mqttwire.MaximumPacketSize); ok {
		l.packetSize = int(min(n, 1<<31-1))
	}
	if n, ok := p.Number(mqttwire.ReceiveMaximum); ok {
		l.receive = int(n)
	}
	if n, ok := p.Number(mqttwire.TopicAliasMaximum); ok {
		l.alias = int(n)
	}
	if n, ok := p.Number(mqttwire.MaximumQoS); ok {
		l.qos = mqttwire.QoS(n)
	}
	denied := func(id mqttwire.PropertyID) bool {
		n, ok := p.Number(id)
		return ok && n == 0
	}
	l.noRetain = denied(mqttwire.RetainAvailable)
	l.noWildcard = denied(mqttwire.WildcardSubscriptionAvailable)
	l.noIdentifiers = denied(mqttwire.SubscriptionIdentifiersAvailable)
	l.noShared = denied(mqttwire.SharedSubscriptionAvailable)
	return l
}

// grants reads what the client lets the server do.
func (c *Conversation) grants(p *mqttwire.Connect) {
	c.half(mqttwire.Server).limits = limitsIn(p.Properties, p.Version)
	if p.Version != mqttwire.V5 {
		return
	}
	c.expiry, _ = p.Properties.Number(mqttwire.SessionExpiryInterval)
	c.asksNoExpiry = c.expiry == 0
	n, ok := p.Properties.Number(mqttwire.RequestProblemInformation)
	c.quiet = ok && n == 0
	n, ok = p.Properties.Number(mqttwire.RequestResponseInformation)
	c.wantsReply = ok && n == 1
	method, ok := p.Properties.Text(mqttwire.AuthenticationMethod)
	c.method, c.hasMethod = string(append([]byte(nil), method...)), ok
}

// restrains reads what the server lets the client do.
func (c *Conversation) restrains(p *mqttwire.Connack) {
	c.half(mqttwire.Client).limits = limitsIn(p.Properties, c.version)
	c.agreed = c.expiry
	if c.version != mqttwire.V5 {
		return
	}
	if l := c.half(mqttwire.Client).limits; c.willQoS > l.qos {
		c.broken(mqttwire.Server, "MQTT-3.2.2-12", "CONNACK accepts a will with QoS %d, and the server's maximum is %d", c.willQoS, l.qos)
	} else if c.willRetain && l.noRetain {
		c.broken(mqttwire.Server, "MQTT-3.2.2-13", "CONNACK accepts a will with RETAIN, and the server retains nothing")
	}
	if n, ok := p.Properties.Number(mqttwire.ServerKeepAlive); ok {
		c.keepAlive = time.Duration(n) * time.Second
	}
	if n, ok := p.Properties.Number(mqttwire.SessionExpiryInterval); ok {
		c.expiry, c.agreed = n, n
	}
	if _, ok := p.Properties.Text(mqttwire.ResponseInformation); ok && !c.wantsReply {
		c.broken(mqttwire.Server, "MQTT-3.1.2-28", "CONNACK with response information that the client did not ask for")
	}
	c.methodOfConnack(p)
}

// limit holds the client to what CONNACK allows: a violation if it must have
// received it, else a note.
func (c *Conversation) limit(clause, format string, args ...any) {
	c.add(c.beyond(clause, format, args...))
}

func (c *Conversation) beyond(clause, format string, args ...any) Finding {
	kind := Violation
	if !c.knowsConnack() {
		kind = Note
		format += "; it may not have received CONNACK"
	}
	return c.finding(kind, mqttwire.Client, clause, format, args...)
}

// knowsConnack tells whether the client must have received CONNACK: it has
// answered what came after, or it seems to have waited for it, or had time.
func (c *Conversation) knowsConnack() bool {
	since := c.now.Sub(c.connackAt)
	return c.proven || !c.early && since >= c.skew || since > 2*time.Second
}

// fits judges the size of a packet and what it may hold.
func (c *Conversation) fits(from mqttwire.Side, p mqttwire.Packet, size int) {
	l := &c.half(from).limits
	if from == mqttwire.Server {
		if l.packetSize > 0 && size > l.packetSize {
			c.broken(from, "MQTT-3.1.2-24", "%s of %d bytes, and the client takes %d", p.Type(), size, l.packetSize)
		}
		c.modest(p)
		return
	}
	if l.packetSize > 0 && size > l.packetSize {
		c.limit("MQTT-3.2.2-15", "%s of %d bytes, and the server takes %d", p.Type(), size, l.packetSize)
	}
}

// modest holds the server to Request Problem Information 0.
func (c *Conversation) modest(p mqttwire.Packet) {
	if !c.quiet {
		return
	}
	var list mqttwire.Properties
	switch p := p.(type) {
	case *mqttwire.Ack:
		list = p.Properties
	case *mqttwire.Suback:
		list = p.Properties
	case *mqttwire.Unsuback:
		list = p.Properties
	case *mqttwire.Auth:
		list = p.Properties
	}
	for x := range list.All() {
		if x.ID == mqttwire.ReasonString || x.ID == mqttwire.UserProperty {
			c.broken(mqttwire.Server, "MQTT-3.1.2-29", "%s with %s, though the client wants no problem information", p.Type(), x.ID)
			return
		}
	}
}
