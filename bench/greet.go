package bench

import (
	"errors"
	"fmt"
	"math"
	"strings"

	"mqtk/mqttwire"
	"mqtk/mqttwire/client"
)

var (
	errClosedByServer  = errors.New("the server closed it")
	errNoAuthenticator = errors.New("there is nothing to answer a challenge with")
)

// grants are what the broker's CONNACK grants, the standard's defaults filled in.
type grants struct {
	session        bool
	receiveMaximum int
	maximumQoS     mqttwire.QoS
	maximumPacket  int
	retain         bool
	wildcard       bool
	shared         bool
	keepAlive      int // seconds
}

func readGrants(p *mqttwire.Connack, keepAlive uint16) grants {
	number := func(id mqttwire.PropertyID, absent int) int {
		if n, ok := p.Properties.Number(id); ok {
			return int(min(n, math.MaxInt32)) // more than any packet or window is
		}
		return absent
	}
	return grants{
		session:        p.SessionPresent,
		receiveMaximum: number(mqttwire.ReceiveMaximum, maxWindow),
		maximumQoS:     mqttwire.QoS(number(mqttwire.MaximumQoS, 2)),
		maximumPacket:  number(mqttwire.MaximumPacketSize, math.MaxInt32),
		retain:         number(mqttwire.RetainAvailable, 1) == 1,
		wildcard:       number(mqttwire.WildcardSubscriptionAvailable, 1) == 1,
		shared:         number(mqttwire.SharedSubscriptionAvailable, 1) == 1,
		keepAlive:      number(mqttwire.ServerKeepAlive, int(keepAlive)),
	}
}

// greet takes one packet on the way to CONNACK, or, if it has not arrived, none.
func (c *link) greet(in []byte) (used int, err error) {
	p, n, err := c.w.decode(in)
	if err != nil {
		return 0, c.oldAnswer(in, err)
	}
	if n == 0 {
		return 0, nil
	}
	switch p := p.(type) {
	case *mqttwire.Connack:
		return n, c.greeted(p)
	case *mqttwire.Auth:
		return n, c.challenged(p)
	}
	return 0, violation(mqttwire.ProtocolError, "MQTT-3.2.0-1", "%v before CONNACK", p.Type())
}

// oldAnswer understands the CONNACK that a server older than 5.0 sends to a
// version it does not know: two bytes long, as it knows them.
func (c *link) oldAnswer(in []byte, err error) error {
	if c.w.run.plan.Version != mqttwire.V5 || len(in) < 4 || in[0] != byte(mqttwire.CONNACK)<<4 || in[1] != 2 {
		return err
	}
	old := mqttwire.Decoder{Version: mqttwire.V311, From: mqttwire.Server}
	p, _, bad := old.Decode(in[:4])
	if connack, ok := p.(*mqttwire.Connack); ok && bad == nil && connack.Reason != mqttwire.Success {
		return &client.RefusedError{Version: mqttwire.V5, Reason: connack.Reason}
	}
	return err
}

// greeted holds a CONNACK against the CONNECT it answers.
func (c *link) greeted(p *mqttwire.Connack) error {
	plan := &c.w.run.plan
	if p.Reason != mqttwire.Success {
		text, _ := p.Properties.Text(mqttwire.ReasonString)
		reference, _ := p.Properties.Text(mqttwire.ServerReference)
		return &client.RefusedError{Version: plan.Version, Reason: p.Reason, ReasonString: clone(text), ServerReference: clone(reference)}
	}
	if p.SessionPresent && !c.kept {
		return violation(mqttwire.ProtocolError, "MQTT-3.2.2-4", "CONNACK with a session present after a clean start")
	}
	if err := c.loggedIn(p); err != nil {
		return err
	}
	c.met = true
	g := readGrants(p, plan.Connect.KeepAlive)
	c.w.greeted(c, &g)
	missing := false
	if c.role != nil {
		var err error
		if missing, err = c.role.connected(c, &g); err != nil || c.stage == absent {
			return err
		}
	}
	if missing {
		c.enter(settling)
		return nil
	}
	c.settled()
	return nil
}

// A login is an enhanced authentication at work.
type login struct{ client.Authenticator }

// logIn adds the first word of an enhanced authentication to CONNECT.
func (c *link) logIn(connect *mqttwire.Connect) error {
	a, err := c.w.run.plan.Authenticator()
	if err != nil {
		return err
	}
	data, err := a.Start()
	if err != nil {
		return &client.AuthError{Method: a.Method(), Err: err}
	}
	c.auth = &login{a}
	connect.Properties = c.auth.properties(append(mqttwire.Properties(nil), connect.Properties...), data)
	return nil
}

func (a *login) properties(dst mqttwire.Properties, data []byte) mqttwire.Properties {
	dst = dst.AddText(mqttwire.AuthenticationMethod, a.Method())
	if data != nil {
		dst = dst.AddBinary(mqttwire.AuthenticationData, data)
	}
	return dst
}

// challenged answers AUTH.
func (c *link) challenged(p *mqttwire.Auth) error {
	method, _ := p.Properties.Text(mqttwire.AuthenticationMethod)
	switch {
	case c.auth == nil:
		if asked, ok := c.w.run.plan.Connect.Properties.Text(mqttwire.AuthenticationMethod); ok {
			return &client.AuthError{Method: asked, Err: errNoAuthenticator}
		}
		return violation(mqttwire.ProtocolError, "4.12", "AUTH that nobody asked for")
	case p.Reason != mqttwire.ContinueAuthentication:
		return violation(mqttwire.ProtocolError, "MQTT-4.12.0-2", "AUTH %v before CONNACK", p.Reason)
	case method != c.auth.Method():
		return violation(mqttwire.ProtocolError, "MQTT-4.12.0-5", "AUTH with the method %q instead of %q", method, c.auth.Method())
	}
	challenge, _ := p.Properties.Binary(mqttwire.AuthenticationData)
	data, err := c.auth.Next(challenge)
	if err != nil {
		return &client.AuthError{Method: method, Err: err}
	}
	answer := mqttwire.Auth{Reason: mqttwire.ContinueAuthentication, Properties: c.auth.properties(nil, data)}
	b, err := answer.Append(nil, mqttwire.V5)
	if err != nil {
		return err
	}
	c.send(b)
	return nil
}

// loggedIn hears the last word of an enhanced authentication.
func (c *link) loggedIn(p *mqttwire.Connack) error {
	a := c.auth
	if a == nil {
		return nil
	}
	c.auth = nil
	if method, _ := p.Properties.Text(mqttwire.AuthenticationMethod); method != a.Method() {
		return violation(mqttwire.ProtocolError, "MQTT-4.12.0-5", "CONNACK with the authentication method %q instead of %q", method, a.Method())
	}
	data, _ := p.Properties.Binary(mqttwire.AuthenticationData)
	if err := a.Finish(data); err != nil {
		return &client.AuthError{Method: a.Method(), Err: err}
	}
	return nil
}

func violation(r mqttwire.ReasonCode, clause, format string, a ...any) error {
	return &mqttwire.Error{Reason: r, Clause: clause, Detail: fmt.Sprintf(format, a...)}
}

func clone(s string) string { return strings.Clone(s) }
