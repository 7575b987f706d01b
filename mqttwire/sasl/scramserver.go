package sasl

import (
	"context"
	"crypto/hmac"
	"errors"
	"strconv"
	"unicode/utf8"
)

// scramServer is RFC 5802 from the server's side.
type scramServer struct {
	method string
	users  Users
	o      ServerOptions
	nonce  func() string

	first clientFirst
	asked string // the server-first message; empty: not yet
	all   string // the nonces of both
	v     Verifier
	fake  bool // there is no such user: whatever is proven
}

func newScramServer(method string, u Users, o ServerOptions) *scramServer {
	return &scramServer{method: method, users: u, o: o, nonce: nonce}
}

func (s *scramServer) Next(ctx context.Context, data []byte) ([]byte, bool, string, error) {
	if len(data) > maxMessage || !utf8.Valid(data) {
		return nil, false, "", ErrBadCredentials
	}
	if s.asked == "" {
		reply, err := s.challenge(ctx, string(data))
		return reply, false, "", err
	}
	proof, err := s.judge(string(data))
	if err != nil {
		return nil, false, "", err
	}
	return proof, true, s.first.name, nil
}

// challenge reads the client-first message.
func (s *scramServer) challenge(ctx context.Context, message string) ([]byte, error) {
	first, ok := parseClientFirst(message)
	if !ok || first.identity != "" && first.identity != first.name {
		return nil, ErrBadCredentials
	}
	var err error
	if s.v, err = s.verifier(ctx, first.name); err != nil {
		return nil, err
	}
	s.first, s.all = first, first.nonce+s.nonce()
	s.asked = "r=" + s.all + ",s=" + base64Of(s.v.Salt) + ",i=" + strconv.Itoa(s.v.Iterations)
	return []byte(s.asked), nil
}

// verifier is the user's, or one that nobody can prove.
func (s *scramServer) verifier(ctx context.Context, user string) (Verifier, error) {
	v, err := s.users.Verifier(ctx, user, s.method)
	switch {
	case errors.Is(err, ErrUnknownUser) || errors.Is(err, ErrNoVerifier):
		s.fake = true
		v = imitate(v, s.method, user, s.o.Secret)
	case err != nil:
		return Verifier{}, err
	}
	if v.Password == nil {
		return v, nil
	}
	return s.derive(ctx, v, user)
}

// derive makes the values of SCRAM for a user whose password is kept in the
// clear. His salt is as lasting as that of a user who does not exist.
func (s *scramServer) derive(ctx context.Context, v Verifier, user string) (Verifier, error) {
	if s.o.Turns != nil {
		select {
		case s.o.Turns <- struct{}{}:
			defer func() { <-s.o.Turns }()
		case <-ctx.Done():
			return Verifier{}, ctx.Err()
		}
	}
	if len(v.Salt) == 0 {
		v.Salt = imitate(Verifier{}, s.method, user, s.o.Secret).Salt
	}
	if v.Iterations == 0 {
		v.Iterations = Iterations
	}
	made, err := NewVerifier(s.method, v.Password, v.Salt, v.Iterations)
	if errors.Is(err, errForbidden) { // nobody can prove such a password
		s.fake = true
		return imitate(v, s.method, user, s.o.Secret), nil
	}
	return made, err
}

// judge reads the client-final message, and proves in turn that the server knows
// the user.
func (s *scramServer) judge(message string) ([]byte, error) {
	final, ok := parseClientFinal(message)
	said := s.first.bare + "," + s.asked + "," + final.withoutProof
	fits := proofFits(s.method, s.v.StoredKey, final.proof, said)
	if !ok || !fits || s.fake || final.nonce != s.all || !hmac.Equal(final.binding, []byte(s.first.header)) {
		return nil, ErrBadCredentials
	}
	return []byte("v=" + base64Of(sign(s.method, s.v.ServerKey, said))), nil
}
