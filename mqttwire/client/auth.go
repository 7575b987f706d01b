package client

import (
	"context"
	"errors"
	"strings"
	"time"

	"mqtk/mqttwire"
)

// Authenticator is the client's half of an enhanced authentication method
// (SCRAM and the like). One value serves one Client; Start begins each exchange.
type Authenticator interface {
	// Method is the Authentication Method, the same for the whole life.
	Method() string
	// Start begins an exchange and returns the data for CONNECT or for AUTH
	// Re-authenticate; nil sends none.
	Start() ([]byte, error)
	// Next answers the server's AUTH Continue authentication.
	Next(challenge []byte) ([]byte, error)
	// Finish checks the data that came with success, nil if none came.
	Finish(data []byte) error
}

// authentication is an Authenticator at work; a nil one answers nobody.
type authentication struct{ Authenticator }

// begin starts an exchange and returns the two properties that say so.
func (a *authentication) begin(dst mqttwire.Properties) (mqttwire.Properties, error) {
	data, err := a.Start()
	if err != nil {
		return nil, &AuthError{Method: a.Method(), Err: err}
	}
	return a.properties(dst, data), nil
}

func (a *authentication) properties(dst mqttwire.Properties, data []byte) mqttwire.Properties {
	dst = dst.AddText(mqttwire.AuthenticationMethod, a.Method())
	if data != nil {
		dst = dst.AddBinary(mqttwire.AuthenticationData, data)
	}
	return dst
}

// finish checks the server's last word.
func (a *authentication) finish(p mqttwire.Properties) error {
	data, _ := p.Binary(mqttwire.AuthenticationData)
	if err := a.Finish(data); err != nil {
		return &AuthError{Method: a.Method(), Err: err}
	}
	return nil
}

// answerAuth answers an AUTH that came before CONNACK.
func (c *Conn) answerAuth(p *mqttwire.Auth, connect *mqttwire.Connect, auth *authentication) error {
	if method, asked := connect.Properties.Text(mqttwire.AuthenticationMethod); auth == nil && asked {
		return &AuthError{Method: method, Err: errNoAuthenticator}
	}
	if auth == nil {
		return violation(mqttwire.ProtocolError, "4.12", "AUTH that nobody asked for")
	}
	if p.Reason != mqttwire.ContinueAuthentication {
		return violation(mqttwire.ProtocolError, "MQTT-4.12.0-2", "AUTH %v before CONNACK", p.Reason)
	}
	if err := c.continueAuth(p, auth); err != nil {
		return err
	}
	if err := c.Flush(); err != nil {
		return lost(err, true)
	}
	return nil
}

// continueAuth puts the answer to a challenge into the output.
func (c *Conn) continueAuth(p *mqttwire.Auth, auth *authentication) error {
	if method, _ := p.Properties.Text(mqttwire.AuthenticationMethod); method != auth.Method() {
		return violation(mqttwire.ProtocolError, "MQTT-4.12.0-5", "AUTH with the method %q instead of %q", method, auth.Method())
	}
	challenge, _ := p.Properties.Binary(mqttwire.AuthenticationData)
	data, err := auth.Next(challenge)
	if err != nil {
		return &AuthError{Method: auth.Method(), Err: err}
	}
	_, err = c.put(&mqttwire.Auth{Reason: mqttwire.ContinueAuthentication, Properties: auth.properties(nil, data)}, false)
	return err
}

// judgeAuth checks what a successful CONNACK says of the method.
func (c *Conn) judgeAuth(p *mqttwire.Connack, connect *mqttwire.Connect, auth *authentication) error {
	asked, wanted := connect.Properties.Text(mqttwire.AuthenticationMethod)
	got, given := p.Properties.Text(mqttwire.AuthenticationMethod)
	if asked != got || wanted != given {
		return violation(mqttwire.ProtocolError, "MQTT-4.12.0-5", "CONNACK with the authentication method %q instead of %q", got, asked)
	}
	if auth == nil {
		return nil
	}
	return auth.finish(p.Properties)
}

var errNoAuthenticator = errors.New("the client has no authenticator, or speaks a version without AUTH")

// Reauthenticate runs the Authenticator again on the living connection.
func (c *Client) Reauthenticate(ctx context.Context) error {
	if c.auth == nil {
		return errNoAuthenticator
	}
	properties, err := c.auth.begin(nil)
	if err != nil {
		return err
	}
	r := newRequest(request{sent: time.Now()})
	c.mu.Lock()
	err = c.until(ctx, func() bool { return c.link != nil && c.reauth == nil })
	if err == nil {
		if _, err = c.link.conn.put(&mqttwire.Auth{Reason: mqttwire.ReAuthenticate, Properties: properties}, false); err == nil {
			c.reauth = r
			c.link.stir()
		}
	}
	c.mu.Unlock()
	if err != nil {
		return err
	}
	if err := c.answer(ctx, r, mqttwire.AUTH); err != nil {
		return err
	}
	return r.err
}

// clone copies a view.
func clone(s string) string { return strings.Clone(s) }
