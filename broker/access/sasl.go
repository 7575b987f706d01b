package access

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"runtime"
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
type SASL struct {
	o     SASLOptions
	turns chan struct{} // of deriving keys from passwords kept in the clear
}

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
	return &SASL{o: o, turns: make(chan struct{}, max(1, runtime.GOMAXPROCS(0)-1))}, nil
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
	e := &exchange{method: method, given: given, log: s.o.Log, users: s.o.Users, secret: s.o.Secret}
	o := sasl.ServerOptions{Secret: s.o.Secret, Turns: s.turns}
	if method == sasl.External {
		if s.o.CertificateField == "" {
			return nil, broker.ErrUnknownMethod
		}
		o.External, e.why = CertificateName(given.TLS, s.o.CertificateField)
		e.proved = o.External
	}
	var err error
	if e.server, err = sasl.NewServer(method, e, o); err != nil {
		return nil, err
	}
	return e, nil
}

// hidden tells that nobody on the way can read what the client sends.
func hidden(given *broker.Credentials) bool {
	if given.TLS != nil {
		return true
	}
	_, local := given.Remote.(*net.UnixAddr)
	return local
}

// exchange is a sasl.Server as the broker wants it. It stands between the server
// and the users, to tell the log what the client must not hear.
type exchange struct {
	server sasl.Server
	users  sasl.Users
	method string
	given  *broker.Credentials
	log    *slog.Logger

	secret []byte // of SASLOptions
	proved string // name in the certificate, of EXTERNAL
	name   string // that was asked for
	why    error  // of the users, or of the certificate
	outage error  // of a source of users; told to who cannot prove to be another's
}

func (e *exchange) Next(ctx context.Context, data []byte) ([]byte, bool, broker.Identity, error) {
	reply, done, name, err := e.server.Next(ctx, data)
	if errors.Is(err, sasl.ErrBadCredentials) {
		if e.method == sasl.External {
			e.external(string(data))
		}
		if e.why == nil {
			e.why = errors.New("the proof of the password is wrong")
		}
		e.log.Info("authentication failed", "client", e.given.ClientID, "user", e.name, "remote", e.given.Remote, "method", e.method, "reason", e.why)
		if err = broker.ErrBadCredentials; e.outage != nil {
			err = e.outage
		}
	}
	if name == "" {
		name = e.name
	}
	return reply, done, broker.Identity{Username: name}, err
}

// external says why EXTERNAL failed for a name that the client asked for.
func (e *exchange) external(asked string) {
	if e.name = asked; e.why == nil {
		e.why = fmt.Errorf("the certificate is %q's", e.proved)
	}
}

// Verifier is the users'.
func (e *exchange) Verifier(ctx context.Context, user, method string) (v sasl.Verifier, err error) {
	e.name = user
	if all, ok := e.users.(*users); ok {
		v, e.why, e.outage = all.verifier(ctx, user, method, e.secret)
	} else {
		v, e.why = e.users.Verifier(ctx, user, method)
	}
	return v, e.why
}

// Check is the users'.
func (e *exchange) Check(ctx context.Context, user string, password []byte) error {
	e.name = user
	e.why = e.users.Check(ctx, user, password)
	return e.why
}
