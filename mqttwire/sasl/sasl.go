package sasl

import (
	"context"
	"errors"
	"fmt"
	"slices"
)

// Names of the mechanisms, as Authentication Method has them.
const (
	SCRAMSHA256 = "SCRAM-SHA-256"
	SCRAMSHA512 = "SCRAM-SHA-512"
	SCRAMSHA1   = "SCRAM-SHA-1"
	Plain       = "PLAIN"
	External    = "EXTERNAL"
	CRAMMD5     = "CRAM-MD5"
	DigestMD5   = "DIGEST-MD5"
)

// Methods are the mechanisms there are, the best first.
func Methods() []string {
	return []string{SCRAMSHA256, SCRAMSHA512, SCRAMSHA1, External, Plain, CRAMMD5, DigestMD5}
}

// Historic tells that a mechanism should not be used where another one can be.
func Historic(method string) bool { return method == CRAMMD5 || method == DigestMD5 }

var (
	// ErrUnknownMethod is the answer to a mechanism that is not spoken.
	ErrUnknownMethod = errors.New("unknown authentication method")
	// ErrBadCredentials refuses: a user name that nobody has, a password that is
	// not his, and messages that make no sense are all the same.
	ErrBadCredentials = errors.New("bad user name or password")
	// ErrUnknownUser is for Users to return; a Server never passes it on.
	ErrUnknownUser = errors.New("unknown user")
	// ErrNoVerifier is for Users to return where a user's password is kept in a
	// form that the mechanism cannot use. To the client it is ErrBadCredentials.
	ErrNoVerifier = errors.New("the password is not kept in a form for this method")
)

// Client is a client's half of a mechanism. One value serves one connection after
// the other; Start begins each exchange.
type Client interface {
	Method() string
	// Start returns the data for CONNECT or AUTH Re-authenticate; nil is none.
	Start() ([]byte, error)
	// Next answers the server's AUTH Continue authentication.
	Next(challenge []byte) ([]byte, error)
	// Finish checks what came with success, nil if nothing came.
	Finish(data []byte) error
}

// ClientOptions is who a Client is.
type ClientOptions struct {
	Username string
	Password []byte
	// Identity to act as, where it differs from Username; mostly empty.
	Identity string
	// Host of the server, for DIGEST-MD5's digest-uri.
	Host string
	// MinIterations and MaxIterations bound what a SCRAM server may ask for; 0
	// means 4,096 and 1,000,000.
	MinIterations, MaxIterations int
}

// NewClient makes the client's half of a mechanism.
func NewClient(method string, o ClientOptions) (Client, error) {
	if method != External && o.Username == "" {
		return nil, fmt.Errorf("%s needs a user name", method)
	}
	switch method {
	case SCRAMSHA256, SCRAMSHA512, SCRAMSHA1:
		return newScramClient(method, o)
	case Plain:
		return newPlainClient(o)
	case External:
		return &externalClient{identity: o.Identity}, nil
	case CRAMMD5:
		return &cramClient{o: o}, nil
	case DigestMD5:
		return &digestClient{o: o}, nil
	}
	return nil, fmt.Errorf("%w %q: there are %v", ErrUnknownMethod, method, Methods())
}

// Server is a server's half of a mechanism, for one exchange.
type Server interface {
	// Next takes what the client sent, nil if it sent no data, and returns what
	// to answer; nil is no data. done ends the exchange with the name of the
	// user. The error of a client that may not is ErrBadCredentials; another
	// one is the server's own trouble.
	Next(ctx context.Context, data []byte) (reply []byte, done bool, username string, err error)
}

// Users know the passwords. Their methods may block.
type Users interface {
	// Verifier returns what method needs to know of a user. With ErrUnknownUser
	// and ErrNoVerifier it may return one as well: a model, whose salt length,
	// iterations and kind the Server imitates for the name that nobody has.
	Verifier(ctx context.Context, user, method string) (Verifier, error)
	// Check compares a password. ErrUnknownUser must take the time that
	// ErrBadCredentials takes.
	Check(ctx context.Context, user string, password []byte) error
}

// ServerOptions is what a Server knows beside the users.
type ServerOptions struct {
	// Secret is what the salts of unknown users are made of: 16 bytes or more,
	// the same ones for each exchange, told to nobody.
	Secret []byte
	// External is who the client was found to be by other means, its certificate
	// for one. Empty: nobody, and EXTERNAL fails.
	External string
	// Turns bounds how many SCRAM verifiers are derived from passwords at once: each
	// derivation holds a place in it. Nil: no bound.
	Turns chan struct{}
	// Realm of DIGEST-MD5, and the host in CRAM-MD5's challenge; empty means mqtt.
	Realm string
}

const minSecret = 16

// NewServer makes the server's half of a mechanism.
func NewServer(method string, u Users, o ServerOptions) (Server, error) {
	if o.Realm == "" {
		o.Realm = "mqtt"
	}
	if len(o.Secret) < minSecret && method != Plain && method != External {
		return nil, fmt.Errorf("a %s server needs a secret of %d bytes or more", method, minSecret)
	}
	switch method {
	case SCRAMSHA256, SCRAMSHA512, SCRAMSHA1:
		return &polite{Server: newScramServer(method, u, o)}, nil
	case Plain:
		return &polite{Server: &plainServer{users: u}}, nil
	case External:
		return &polite{Server: &externalServer{name: o.External}}, nil
	case CRAMMD5:
		return &cramServer{users: u, o: o}, nil
	case DigestMD5:
		return &digestServer{users: u, o: o}, nil
	}
	return nil, fmt.Errorf("%w %q: there are %v", ErrUnknownMethod, method, Methods())
}

// polite lets a client that is to speak first, and did not, do so: with an empty
// challenge, once.
type polite struct {
	Server
	begun bool
}

func (p *polite) Next(ctx context.Context, data []byte) ([]byte, bool, string, error) {
	if data == nil && !p.begun {
		p.begun = true
		return []byte{}, false, "", nil
	}
	p.begun = true
	return p.Server.Next(ctx, data)
}

// refused turns what Users said into what the client is told.
func refused(err error) error {
	if err == nil || slices.ContainsFunc([]error{ErrUnknownUser, ErrNoVerifier, ErrBadCredentials}, func(e error) bool { return errors.Is(err, e) }) {
		return ErrBadCredentials
	}
	return err
}
