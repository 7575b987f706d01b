package sasl

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/xdg-go/scram"
)

const (
	defaultMaxIterations = 1_000_000
	// maxMessage bounds a SCRAM message; an honest one has some hundred bytes
	// beside the user name.
	maxMessage = 8 << 10
)

func generator(method string) scram.HashGeneratorFcn {
	switch method {
	case SCRAMSHA512:
		return scram.SHA512
	case SCRAMSHA1:
		return scram.SHA1
	}
	return scram.SHA256
}

// scramClient is RFC 5802 from the client's side.
type scramClient struct {
	method     string
	client     *scram.Client
	least      int
	most       int
	run        *scram.ClientConversation
	first      string // what was sent
	challenged bool
	nonce      func() string // nil: random; vectors give theirs
}

func newScramClient(method string, o ClientOptions) (*scramClient, error) {
	if len(o.Password) == 0 {
		return nil, fmt.Errorf("%s needs a password", method)
	}
	for _, s := range []string{o.Username, string(o.Password), o.Identity} {
		if !utf8.ValidString(s) {
			return nil, fmt.Errorf("%s takes user names and passwords in UTF-8 alone", method)
		}
	}
	client, err := generator(method).NewClient(o.Username, string(o.Password), o.Identity)
	if err != nil {
		return nil, fmt.Errorf("%s: user name or password: SASLprep (RFC 4013) does not allow one of its characters", method)
	}
	c := &scramClient{method: method, client: client, least: o.MinIterations, most: o.MaxIterations}
	if c.least == 0 {
		c.least = Iterations
	}
	if c.most == 0 {
		c.most = defaultMaxIterations
	}
	client.WithMinIterations(c.least)
	return c, nil
}

func (c *scramClient) Method() string { return c.method }

func (c *scramClient) Start() (_ []byte, err error) {
	if c.nonce != nil {
		c.client.WithNonceGenerator(c.nonce)
	}
	c.run, c.challenged = c.client.NewConversation(), false
	c.first, err = c.run.Step("")
	return []byte(c.first), err
}

// Next answers the server-first message. A server may also send its last message
// in an AUTH of its own, which is answered with nothing.
func (c *scramClient) Next(challenge []byte) ([]byte, error) {
	switch {
	case c.run == nil:
		return nil, errors.New("the server speaks before the client has begun")
	case !c.challenged && len(challenge) == 0: // it did not see what CONNECT said
		return []byte(c.first), nil
	case c.challenged:
		return []byte{}, c.verify(challenge)
	}
	c.challenged = true
	if err := c.judge(string(challenge)); err != nil {
		return nil, err
	}
	reply, err := c.run.Step(string(challenge))
	return []byte(reply), err
}

// judge refuses what a hostile server may ask for.
func (c *scramClient) judge(challenge string) error {
	if len(challenge) > maxMessage {
		return fmt.Errorf("the server sent a message of %d bytes", len(challenge))
	}
	fields := strings.Split(challenge, ",")
	if len(fields) < 3 {
		return errors.New("the server's message is no SCRAM")
	}
	_, sent, _ := strings.Cut(c.first, ",r=")
	nonce := strings.TrimPrefix(fields[0], "r=")
	if !strings.HasPrefix(nonce, sent) || len(nonce) == len(sent) {
		return errors.New("the server added nothing to the nonce: this may be a replay")
	}
	if len(strings.TrimPrefix(fields[1], "s=")) == 0 {
		return errors.New("the server gave no salt")
	}
	n, err := strconv.Atoi(strings.TrimPrefix(fields[2], "i="))
	switch {
	case err != nil:
		return errors.New("the server's message is no SCRAM")
	case n < c.least:
		return fmt.Errorf("the server asks for %d iterations: under %d they do not protect the password", n, c.least)
	case n > c.most:
		return fmt.Errorf("the server asks for %d iterations: more than %d would cost too much", n, c.most)
	}
	return nil
}

func (c *scramClient) verify(data []byte) error {
	if len(data) > maxMessage {
		return fmt.Errorf("the server sent a message of %d bytes", len(data))
	}
	if _, err := c.run.Step(string(data)); err != nil {
		return fmt.Errorf("the server does not prove that it knows the password: %w", err)
	}
	return nil
}

func (c *scramClient) Finish(data []byte) error {
	switch {
	case c.run == nil || !c.challenged:
		return errors.New("the server let us in without asking for a proof, nor gave one")
	case c.run.Valid() && len(data) == 0:
		return nil
	}
	return c.verify(data)
}

// scramServer is RFC 5802 from the server's side.
type scramServer struct {
	method string
	users  Users
	o      ServerOptions
	run    *scram.ServerConversation
	ctx    context.Context // of the step under way, for the look-up
	fake   bool            // there is no such user: whatever he proves
	failed error           // of the look-up
}

func newScramServer(method string, u Users, o ServerOptions) *scramServer {
	s := &scramServer{method: method, users: u, o: o}
	server, _ := generator(method).NewServer(s.lookUp) // it has no error to return
	s.run = server.NewConversation()
	return s
}

func (s *scramServer) lookUp(user string) (scram.StoredCredentials, error) {
	v, err := s.users.Verifier(s.ctx, user, s.method)
	switch {
	case errors.Is(err, ErrUnknownUser) || errors.Is(err, ErrNoVerifier):
		s.fake = true
		v = imitate(v, s.method, user, s.o.Secret)
	case err != nil:
		s.failed = err
		return scram.StoredCredentials{}, err
	}
	if v.Password != nil {
		if v, err = s.derive(v, user); err != nil {
			return scram.StoredCredentials{}, err
		}
	}
	return scram.StoredCredentials{
		KeyFactors: scram.KeyFactors{Salt: string(v.Salt), Iters: v.Iterations},
		StoredKey:  v.StoredKey, ServerKey: v.ServerKey,
	}, nil
}

// derive makes the values of SCRAM for a user whose password is kept in the
// clear. His salt is as lasting as that of a user who does not exist.
func (s *scramServer) derive(v Verifier, user string) (Verifier, error) {
	if len(v.Salt) == 0 {
		v.Salt = imitate(Verifier{}, s.method, user, s.o.Secret).Salt
	}
	if v.Iterations == 0 {
		v.Iterations = Iterations
	}
	made, err := NewVerifier(s.method, v.Password, v.Salt, v.Iterations)
	if err != nil { // a password that SASLprep refuses: nobody can prove it
		s.fake = true
		return imitate(v, s.method, user, s.o.Secret), nil
	}
	return made, nil
}

func (s *scramServer) Next(ctx context.Context, data []byte) ([]byte, bool, string, error) {
	if len(data) > maxMessage || !utf8.Valid(data) {
		return nil, false, "", ErrBadCredentials
	}
	s.ctx = ctx
	reply, err := s.run.Step(string(data))
	s.ctx = nil
	switch name := s.run.Username(); {
	case s.failed != nil:
		return nil, false, "", s.failed
	case err != nil || !goodName(name) || s.run.AuthzID() != "" && s.run.AuthzID() != name:
		return nil, false, "", ErrBadCredentials
	case !s.run.Done():
		return []byte(reply), false, "", nil
	case s.fake || !s.run.Valid():
		return nil, false, "", ErrBadCredentials
	default:
		return []byte(reply), true, name, nil
	}
}

// goodName tells whether a user may have that name.
func goodName(name string) bool { return name != "" && !strings.Contains(name, "\x00") }
