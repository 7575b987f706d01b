package access_test

import (
	"context"
	"crypto/sha1"
	"crypto/sha256"
	"errors"
	"hash"
	"testing"

	others "mellium.im/sasl"

	"mqtk/broker"
	"mqtk/broker/access"
	"mqtk/broker/authfile"
	"mqtk/mqttwire"
	"mqtk/mqttwire/sasl"
)

// theirs are the mechanisms of mellium.im/sasl, another implementation.
func theirs() map[string]others.Mechanism {
	return map[string]others.Mechanism{sasl.SCRAMSHA1: others.ScramSha1, sasl.SCRAMSHA256: others.ScramSha256, sasl.Plain: others.Plain}
}

// theirClient is their client's half in ours.
type theirClient struct {
	name string
	run  *others.Negotiator
}

func newTheirClient(name, user, password string) *theirClient {
	credentials := others.Credentials(func() (_, _, _ []byte) { return []byte(user), []byte(password), nil })
	return &theirClient{name, others.NewClient(theirs()[name], credentials)}
}

func (c *theirClient) Method() string { return c.name }

func (c *theirClient) Start() ([]byte, error) {
	c.run.Reset()
	_, data, err := c.run.Step(nil)
	return data, err
}

func (c *theirClient) Next(challenge []byte) ([]byte, error) {
	_, data, err := c.run.Step(challenge)
	return data, err
}

func (c *theirClient) Finish(data []byte) error {
	if c.name == sasl.Plain {
		return nil
	}
	more, _, err := c.run.Step(data)
	if err == nil && more {
		err = errors.New("their client is not satisfied")
	}
	return err
}

// theirServer lets our broker speak with their server's half.
type theirServer struct{ password string }

func (theirServer) Authenticate(context.Context, *broker.Credentials) (broker.Identity, error) {
	return broker.Identity{}, broker.ErrUnknownUser
}

func (s theirServer) Begin(method string, _ *broker.Credentials) (broker.Challenge, error) {
	mechanism, ok := theirs()[method]
	if !ok {
		return nil, broker.ErrUnknownMethod
	}
	salted := func(_, _ []byte, name string) ([]byte, []byte, int64, error) {
		salt, hash := []byte("a salt"), map[string]func() hash.Hash{sasl.SCRAMSHA1: sha1.New, sasl.SCRAMSHA256: sha256.New}[name]
		return salt, others.SCRAMSaltPassword(hash, []byte(s.password), salt, 4096), 4096, nil
	}
	permit := func(n *others.Negotiator) bool {
		user, password, _ := n.Credentials()
		return string(user) == "tim" && string(password) == s.password
	}
	return &theirExchange{others.NewServer(mechanism, permit, others.SaltedCredentials(salted))}, nil
}

type theirExchange struct{ run *others.Negotiator }

func (e *theirExchange) Next(_ context.Context, data []byte) ([]byte, bool, broker.Identity, error) {
	more, reply, err := e.run.Step(data)
	if err != nil {
		return nil, false, broker.Identity{}, broker.ErrBadCredentials
	}
	return reply, !more, broker.Identity{Username: "tim"}, nil
}

// Their client logs in here, by AUTH packets.
func TestTheirClient(t *testing.T) {
	for method := range theirs() {
		t.Run(method, func(t *testing.T) {
			o := access.SASLOptions{Users: clear{"tim": "secret", "a,b=c": "secret"}, PlainWithoutTLS: true}
			if method == sasl.SCRAMSHA256 {
				o.Users = authfile.New(fileOf(t, "tim:secret", "a,b=c:secret"))
			}
			withDoor(t, access.Chain(access.Link{Authenticator: saslOf(t, o)}), func(d *door) {
				for _, name := range []string{"tim", "a,b=c"} {
					c, user := d.wantIn(newTheirClient(method, name, "secret"))
					if user != "user "+name {
						d.Errorf("%s is let in as %s", name, user)
					}
					if err := c.Reauthenticate(d.Context()); err != nil {
						d.Errorf("again: %v", err)
					}
					c.Disconnect(d.Context(), nil)
				}
				d.wantOut(newTheirClient(method, "tim", "wrong"), mqttwire.BadUserNameOrPassword)
				d.wantOut(newTheirClient(method, "eve", "secret"), mqttwire.BadUserNameOrPassword)
			})
		})
	}
}

// Our client logs in there.
func TestTheirServer(t *testing.T) {
	for method := range theirs() {
		t.Run(method, func(t *testing.T) {
			withDoor(t, theirServer{"secret"}, func(d *door) {
				c, user := d.wantIn(half(d, method, "tim", "secret"))
				if user != "user tim" {
					d.Error(user)
				}
				if err := c.Reauthenticate(d.Context()); err != nil {
					d.Errorf("again: %v", err)
				}
				c.Disconnect(d.Context(), nil)
				d.wantOut(half(d, method, "tim", "wrong"), mqttwire.BadUserNameOrPassword)
			})
		})
	}
}
