package sasl

import (
	"bytes"
	"context"
	"errors"
	"unicode/utf8"
)

// plainClient sends the password as it is: RFC 4616. Whether the connection hides
// it is the caller's to know.
type plainClient struct{ o ClientOptions }

func newPlainClient(o ClientOptions) (*plainClient, error) {
	for _, field := range [][]byte{[]byte(o.Identity), []byte(o.Username), o.Password} {
		if bytes.IndexByte(field, 0) >= 0 || !utf8.Valid(field) {
			return nil, errors.New("PLAIN takes user names and passwords in UTF-8 without NUL alone")
		}
	}
	if len(o.Password) == 0 {
		return nil, errors.New("PLAIN needs a password")
	}
	return &plainClient{o: o}, nil
}

func (*plainClient) Method() string { return Plain }

func (c *plainClient) Start() ([]byte, error) {
	return bytes.Join([][]byte{[]byte(c.o.Identity), []byte(c.o.Username), c.o.Password}, []byte{0}), nil
}

func (c *plainClient) Next(challenge []byte) ([]byte, error) {
	if len(challenge) > 0 {
		return nil, errors.New("the server asks a question, and PLAIN has none")
	}
	return c.Start()
}

func (*plainClient) Finish([]byte) error { return nil }

type plainServer struct{ users Users }

func (s *plainServer) Next(ctx context.Context, data []byte) ([]byte, bool, string, error) {
	fields := bytes.Split(data, []byte{0})
	if len(fields) != 3 || len(fields[1]) == 0 || len(fields[2]) == 0 || !utf8.Valid(data) {
		return nil, false, "", ErrBadCredentials
	}
	name := string(fields[1])
	if identity := string(fields[0]); identity != "" && identity != name {
		return nil, false, "", ErrBadCredentials
	}
	if err := s.users.Check(ctx, name, fields[2]); err != nil {
		return nil, false, "", refused(err)
	}
	return nil, true, name, nil
}

// externalClient says who it is and leaves the proof to the connection: RFC 4422,
// appendix A.
type externalClient struct{ identity string }

func (*externalClient) Method() string           { return External }
func (c *externalClient) Start() ([]byte, error) { return []byte(c.identity), nil }
func (*externalClient) Finish([]byte) error      { return nil }

func (c *externalClient) Next(challenge []byte) ([]byte, error) {
	if len(challenge) > 0 {
		return nil, errors.New("the server asks a question, and EXTERNAL has none")
	}
	return c.Start()
}

type externalServer struct{ name string }

func (s *externalServer) Next(_ context.Context, data []byte) ([]byte, bool, string, error) {
	if s.name == "" || len(data) > 0 && string(data) != s.name {
		return nil, false, "", ErrBadCredentials
	}
	return nil, true, s.name, nil
}
