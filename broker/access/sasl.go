package access

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"slices"

	"mqtk/broker"
	"mqtk/mqttwire/sasl"
)

// SASLOptions say which mechanisms a listener speaks, and with whom.
type SASLOptions struct {
	// Methods that clients may use; empty: DefaultMethods.
	Methods []string
	Users   sasl.Users // nil: EXTERNAL alone has users
	// PlainWithoutTLS lets PLAIN's passwords over connections that everybody on
	// the way can read.
	PlainWithoutTLS bool
	// CertificateField is where EXTERNAL finds the name; empty: there is none.
	CertificateField string
	// Secret is what the salts of unknown users are made of. Kept over a reload,
	// it keeps them too; nil: one of its own.
	Secret []byte
	Log    *slog.Logger // nil: no log
}

// DefaultMethods are the mechanisms spoken where the configuration names none:
// all that is not historic.
func DefaultMethods() []string {
	return slices.DeleteFunc(sasl.Methods(), sasl.Historic)
}

// SASL is the link for enhanced authentication. It knows nobody by CONNECT's user
// name and password: other links do.
type SASL struct{ o SASLOptions }

var _ broker.ChallengeAuthenticator = (*SASL)(nil)

// NewSASL makes the link. A mechanism that does not exist is an error, a historic
// one a warning in the log.
func NewSASL(o SASLOptions) (*SASL, error) {
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if len(o.Methods) == 0 {
		o.Methods = DefaultMethods()
	}
	for _, method := range o.Methods {
		if !slices.Contains(sasl.Methods(), method) {
			return nil, fmt.Errorf("authentication method %q: there are %v", method, sasl.Methods())
		}
		if sasl.Historic(method) {
			o.Log.Warn("a historic authentication method is on: it is weak and wants passwords kept in the clear", "method", method)
		}
	}
	if o.Secret == nil {
		o.Secret = []byte(rand.Text())
	}
	return &SASL{o: o}, nil
}

// Authenticate knows nobody.
func (*SASL) Authenticate(context.Context, *broker.Credentials) (broker.Identity, error) {
	return broker.Identity{}, broker.ErrUnknownUser
}

// Begin starts an exchange.
func (s *SASL) Begin(method string, given *broker.Credentials) (broker.Challenge, error) {
	if !slices.Contains(s.o.Methods, method) || s.o.Users == nil && method != sasl.External {
		return nil, broker.ErrUnknownMethod
	}
	if method == sasl.Plain && !s.o.PlainWithoutTLS && !hidden(given) {
		s.o.Log.Warn("PLAIN over a connection without TLS was refused", "remote", given.Remote)
		return nil, broker.ErrUnknownMethod
	}
	o := sasl.ServerOptions{Secret: s.o.Secret}
	if method == sasl.External {
		if s.o.CertificateField == "" {
			return nil, broker.ErrUnknownMethod
		}
		name, err := CertificateName(given.TLS, s.o.CertificateField)
		if err != nil {
			s.o.Log.Info("EXTERNAL without a name in the certificate", "remote", given.Remote, "error", err)
		}
		o.External = name
	}
	server, err := sasl.NewServer(method, s.o.Users, o)
	if err != nil {
		return nil, err
	}
	return &exchange{server: server}, nil
}

// hidden tells that nobody on the way can read what the client sends.
func hidden(given *broker.Credentials) bool {
	if given.TLS != nil {
		return true
	}
	_, local := given.Remote.(*net.UnixAddr)
	return local
}

// exchange is a sasl.Server as the broker wants it.
type exchange struct{ server sasl.Server }

func (e *exchange) Next(ctx context.Context, data []byte) ([]byte, bool, broker.Identity, error) {
	reply, done, name, err := e.server.Next(ctx, data)
	if errors.Is(err, sasl.ErrBadCredentials) {
		err = broker.ErrBadCredentials
	}
	return reply, done, broker.Identity{Username: name}, err
}
