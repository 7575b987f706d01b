package sasl

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/md5"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"unicode/utf8"
)

// cramClient is RFC 2195: the server asks first, and the answer is a keyed MD5.
type cramClient struct{ o ClientOptions }

func (*cramClient) Method() string         { return CRAMMD5 }
func (*cramClient) Start() ([]byte, error) { return nil, nil }
func (*cramClient) Finish([]byte) error    { return nil }

func (c *cramClient) Next(challenge []byte) ([]byte, error) {
	if len(challenge) == 0 || len(challenge) > maxMessage {
		return nil, errors.New("the server's challenge is no CRAM-MD5")
	}
	return fmt.Appendf(nil, "%s %x", c.o.Username, cramProof(c.o.Password, challenge)), nil
}

func cramProof(password, challenge []byte) []byte {
	m := hmac.New(md5.New, password)
	m.Write(challenge)
	return m.Sum(nil)
}

type cramServer struct {
	users     Users
	o         ServerOptions
	challenge []byte
}

func (s *cramServer) Next(ctx context.Context, data []byte) ([]byte, bool, string, error) {
	if s.challenge == nil {
		if len(data) > 0 {
			return nil, false, "", ErrBadCredentials
		}
		s.challenge = fmt.Appendf(nil, "<%s@%s>", rand.Text(), s.o.Realm)
		return s.challenge, false, "", nil
	}
	at := bytes.LastIndexByte(data, ' ')
	if at < 1 || len(data) > maxMessage || !utf8.Valid(data) {
		return nil, false, "", ErrBadCredentials
	}
	name := string(data[:at])
	proof, err := hex.DecodeString(string(data[at+1:]))
	password, known, failed := passwordOf(ctx, s.users, name, CRAMMD5, s.o.Secret)
	if failed != nil {
		return nil, false, "", failed
	}
	if !hmac.Equal(cramProof(password, s.challenge), proof) || !known || err != nil || !goodName(name) {
		return nil, false, "", ErrBadCredentials
	}
	return nil, true, name, nil
}

// passwordOf is a user's password in the clear, or one in its place that nobody
// can know.
func passwordOf(ctx context.Context, u Users, name, method string, secret []byte) (password []byte, known bool, err error) {
	v, err := u.Verifier(ctx, name, method)
	switch {
	case err == nil && v.Password != nil:
		return v.Password, true, nil
	case err == nil || errors.Is(err, ErrUnknownUser) || errors.Is(err, ErrNoVerifier):
		return imitate(Verifier{Password: []byte{}}, method, name, secret).Password, false, nil
	}
	return nil, false, err
}
