package referee

import "mqtk/mqttwire"

// authenticating judges an AUTH.
func (c *Conversation) authenticating(from mqttwire.Side, p *mqttwire.Auth) {
	if c.connects == 0 {
		return
	}
	if !c.hasMethod {
		clause := "MQTT-4.12.0-7"
		if from == mqttwire.Server {
			clause = "MQTT-4.12.0-6"
		}
		c.broken(from, clause, "AUTH, though CONNECT has no authentication method")
		return
	}
	if method, _ := p.Properties.Text(mqttwire.AuthenticationMethod); method != c.method {
		clause := "MQTT-4.12.0-5"
		if p.Reason == mqttwire.ReAuthenticate {
			clause = "MQTT-4.12.1-1"
		}
		c.broken(from, clause, "AUTH with the method %s, and CONNECT has %s", clip(method), clip(c.method))
	}
	if !c.accepted && !c.refused && p.Reason != mqttwire.ContinueAuthentication {
		c.outOfPlace(from, p)
	}
	c.step(from, p)
}

// outOfPlace is an AUTH before CONNACK that does not go on with it.
func (c *Conversation) outOfPlace(from mqttwire.Side, p *mqttwire.Auth) {
	if from == mqttwire.Server {
		c.broken(from, "MQTT-4.12.0-2", "AUTH %s before CONNACK", p.Reason.Name(mqttwire.AUTH))
		return
	}
	f := c.finding(Violation, from, "MQTT-4.12.0-3", "AUTH %s before CONNACK", p.Reason.Name(mqttwire.AUTH))
	c.doubt(f, mqttwire.Server, func(p mqttwire.Packet) bool { return p.Type() == mqttwire.CONNACK }, nil)
}

// step pairs the questions and answers.
func (c *Conversation) step(from mqttwire.Side, p *mqttwire.Auth) {
	if from == mqttwire.Client {
		if p.Reason == mqttwire.ReAuthenticate {
			c.reauth = c.ask()
		} else {
			c.answers(c.auth)
		}
		c.auth = c.ask()
		return
	}
	if before := c.auth; before.number > 0 {
		c.answers(before)
	} else if !c.accepted {
		c.answers(c.asked)
	}
	c.auth = c.ask()
	if p.Reason == mqttwire.Success {
		c.ends(AuthHandshake, c.reauth)
		c.auth, c.reauth = asked{}, asked{}
	}
}

// methodOfConnack holds the method of an accepting CONNACK to CONNECT's.
func (c *Conversation) methodOfConnack(p *mqttwire.Connack) {
	method, ok := p.Properties.Text(mqttwire.AuthenticationMethod)
	c.auth = asked{}
	switch {
	case ok && !c.hasMethod:
		c.broken(mqttwire.Server, "MQTT-4.12.0-6", "CONNACK with an authentication method, though CONNECT has none")
	case c.hasMethod && method != c.method:
		c.broken(mqttwire.Server, "MQTT-4.12.0-5", "CONNACK with the authentication method %q, and CONNECT has %q", clip(method), clip(c.method))
	}
}
