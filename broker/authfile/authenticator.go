package authfile

import (
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"runtime"
	"sync/atomic"

	"mqtk/broker"
	"mqtk/mqttwire/sasl"
)

// Authenticator lets in whom a password file knows. It is a broker.Authenticator
// and the sasl.Users of enhanced authentication.
type Authenticator struct {
	file   atomic.Pointer[File]
	work   chan struct{} // a token for each hash under way
	secret [32]byte
}

var (
	_ broker.Authenticator = (*Authenticator)(nil)
	_ sasl.Users           = (*Authenticator)(nil)
)

// New makes an Authenticator of a file.
func New(f *File) *Authenticator {
	a := &Authenticator{work: make(chan struct{}, max(1, runtime.GOMAXPROCS(0)-1))}
	_, _ = rand.Read(a.secret[:]) // it never fails
	a.file.Store(f)
	return a
}

// Set replaces the file, for all who log in from now on.
func (a *Authenticator) Set(f *File) { a.file.Store(f) }

// Authenticate knows users by CONNECT's user name and password. Who is not in the
// file, or gives no user name, is broker.ErrUnknownUser.
func (a *Authenticator) Authenticate(ctx context.Context, c *broker.Credentials) (broker.Identity, error) {
	if !c.HasUsername || c.Username == "" {
		return broker.Identity{}, broker.ErrUnknownUser
	}
	switch err := a.Check(ctx, c.Username, c.Password); {
	case err == nil:
		return broker.Identity{Username: c.Username}, nil
	case errors.Is(err, sasl.ErrUnknownUser):
		return broker.Identity{}, broker.ErrUnknownUser
	case errors.Is(err, sasl.ErrBadCredentials):
		return broker.Identity{}, broker.ErrBadCredentials
	default:
		return broker.Identity{}, err
	}
}

// Check compares a password. It waits for its turn to compute the hash, at most as
// long as ctx lasts.
func (a *Authenticator) Check(ctx context.Context, user string, password []byte) error {
	f := a.file.Load()
	e := f.users[user]
	known := e != nil
	if !known {
		e = f.order[a.choose(user, len(f.order))]
	}
	select {
	case a.work <- struct{}{}:
	case <-ctx.Done():
		return fmt.Errorf("waiting for the hash of a password: %w", ctx.Err())
	}
	matches := e.matches(password)
	<-a.work
	switch {
	case !known:
		return sasl.ErrUnknownUser
	case !matches:
		return sasl.ErrBadCredentials
	}
	return nil
}

// Verifier is for SCRAM. For a name that is not in the file it gives the verifier
// of one that is, as a model.
func (a *Authenticator) Verifier(_ context.Context, user, method string) (sasl.Verifier, error) {
	f := a.file.Load()
	e, reason := f.users[user], sasl.ErrUnknownUser
	if e != nil {
		v, err := e.verifier(method)
		if err == nil {
			return v, nil
		}
		reason = err
	}
	return a.model(f, user, method), reason
}

// model is the verifier of a user who has one for the method; empty if the file
// has none.
func (a *Authenticator) model(f *File, name, method string) sasl.Verifier {
	able := f.able[method]
	if len(able) == 0 {
		return sasl.Verifier{}
	}
	v, _ := able[a.choose(name, len(able))].verifier(method)
	return v
}

// choose gives a name one of n places, always the same one, that only we can tell.
func (a *Authenticator) choose(name string, n int) int {
	m := hmac.New(sha256.New, a.secret[:])
	m.Write([]byte(name))
	return int(binary.BigEndian.Uint64(m.Sum(nil)) % uint64(n))
}
