package broker

import (
	"bytes"
	"context"
	"time"

	"mqtk/mqttwire"
)

// exchange is enhanced authentication on one connection: MQTT 5 section 4.12.
// It stays for the life of the connection, since a client may authenticate
// again at any time.
type exchange struct {
	method    string
	challenge Challenge
	claimed   string // the user name that the exchange is about, once it is known
	again     bool   // a re-authentication is under way
}

// beginExchange starts the exchange that a CONNECT with a method asks for.
func (c *Conn) beginExchange(batch *Batch, r *connectRequest) {
	challenger, ok := c.authenticator().(ChallengeAuthenticator)
	if !ok {
		c.refuse(refusal{refusedMethod, mqttwire.BadAuthenticationMethod, "the authentication method is unknown"})
		return
	}
	c.auth = &exchange{method: r.method}
	c.phase = authenticating
	c.ask(func(ctx context.Context) func(*Batch) {
		challenge, err := challenger.Begin(r.method, &r.credentials)
		if err != nil {
			return func(*Batch) { c.turnAway(err) }
		}
		c.auth.challenge = challenge
		return c.step(ctx, r.data)
	})
}

// step gives the challenge the client's data and returns what follows from it.
func (c *Conn) step(ctx context.Context, data []byte) func(*Batch) {
	reply, done, id, err := c.auth.challenge.Next(ctx, data)
	if id.Username != "" {
		c.auth.claimed = id.Username
	}
	suspected := c.suspected(time.Now())
	switch {
	case suspected && !c.auth.again:
		return func(*Batch) { c.refuse(tooManyFailures()) }
	case err == nil && done && !c.auth.again:
		accept := c.acceptable(ctx, id)
		return func(batch *Batch) {
			c.connect.data = reply
			accept(batch)
		}
	}
	return func(batch *Batch) {
		switch {
		case c.auth.again && (err != nil || suspected || done && id.Username != c.identity.Username):
			// One answer to all: it shall not tell the password of somebody else.
			if err == nil || reasonOf(err) != mqttwire.ServerUnavailable {
				c.blame(batch.now)
			}
			c.fail(batch, mqttwire.NotAuthorized, "the re-authentication failed")
		case err != nil:
			c.turnAway(err)
		case !done:
			c.sendAuth(mqttwire.ContinueAuthentication, reply)
		default:
			c.reauthenticated(reply)
		}
	}
}

func (c *Conn) sendAuth(reason mqttwire.ReasonCode, data []byte) {
	p := &mqttwire.Auth{Reason: reason}
	p.Properties = p.Properties.AddText(mqttwire.AuthenticationMethod, c.auth.method)
	if data != nil {
		p.Properties = p.Properties.AddBinary(mqttwire.AuthenticationData, data)
	}
	c.send(p)
}

// handleAuth takes an AUTH before CONNACK.
func (c *Conn) handleAuth(batch *Batch, p *mqttwire.Auth) {
	method, _ := p.Properties.Text(mqttwire.AuthenticationMethod)
	switch {
	case method != c.auth.method:
		c.refuse(refusal{refusedProtocol, mqttwire.BadAuthenticationMethod, "AUTH names another method than CONNECT"})
	case p.Reason != mqttwire.ContinueAuthentication:
		c.refuse(refusal{refusedProtocol, mqttwire.ProtocolError, "AUTH before CONNACK continues, nothing else"})
	default:
		c.next(p)
	}
}

// handleReAuth takes an AUTH on an accepted connection.
func (c *Conn) handleReAuth(batch *Batch, p *mqttwire.Auth) {
	method, _ := p.Properties.Text(mqttwire.AuthenticationMethod)
	switch {
	case c.handshake == nil:
		c.fail(batch, mqttwire.ProtocolError, "AUTH on a connection without an authentication method")
	case method != c.auth.method:
		c.fail(batch, mqttwire.ProtocolError, "AUTH names another method than CONNECT")
	case p.Reason == mqttwire.ReAuthenticate && !c.auth.again:
		c.reauthenticate(p)
	case p.Reason == mqttwire.ContinueAuthentication && c.auth.again:
		c.next(p)
	default:
		c.fail(batch, mqttwire.ProtocolError, "AUTH out of turn")
	}
}

// reauthenticate begins the exchange anew on an accepted connection.
func (c *Conn) reauthenticate(p *mqttwire.Auth) {
	c.auth.again = true
	data := authData(p)
	challenger, ok := c.authenticator().(ChallengeAuthenticator)
	if !ok { // the gate has other rules by now
		c.end(mqttwire.NotAuthorized, "the re-authentication failed")
		return
	}
	c.ask(func(ctx context.Context) func(*Batch) {
		challenge, err := challenger.Begin(c.auth.method, &c.connect.credentials)
		if err != nil {
			return func(batch *Batch) { c.fail(batch, mqttwire.NotAuthorized, "the re-authentication failed") }
		}
		c.auth.challenge = challenge
		return c.step(ctx, data)
	})
}

// next puts the client's data before the challenge.
func (c *Conn) next(p *mqttwire.Auth) {
	data := authData(p)
	c.ask(func(ctx context.Context) func(*Batch) { return c.step(ctx, data) })
}

func authData(p *mqttwire.Auth) []byte {
	view, _ := p.Properties.Binary(mqttwire.AuthenticationData)
	return bytes.Clone(view)
}

// reauthenticated ends a re-authentication, which has not changed who the session
// belongs to.
func (c *Conn) reauthenticated(reply []byte) {
	c.auth.again = false
	c.sendAuth(mqttwire.Success, reply)
}
