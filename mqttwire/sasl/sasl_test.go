package sasl

import (
	"context"
	"errors"
	"strings"
	"testing"
)

// people keeps passwords in the clear, and verifiers of them.
type people struct {
	clear    map[string]string
	verifier map[string]Verifier
	broken   error
	model    Verifier
}

func (p people) Verifier(_ context.Context, user, method string) (Verifier, error) {
	if p.broken != nil {
		return Verifier{}, p.broken
	}
	if v, ok := p.verifier[user]; ok {
		if v.Method != method {
			return p.model, ErrNoVerifier
		}
		return v, nil
	}
	if password, ok := p.clear[user]; ok {
		return Verifier{Password: []byte(password)}, nil
	}
	return p.model, ErrUnknownUser
}

func (p people) Check(_ context.Context, user string, password []byte) error {
	want, ok := p.clear[user]
	switch {
	case p.broken != nil:
		return p.broken
	case !ok:
		return ErrUnknownUser
	case want != string(password):
		return ErrBadCredentials
	}
	return nil
}

func options() ServerOptions {
	return ServerOptions{Secret: []byte("a secret of the process")}
}

// talk lets two halves speak until one of them is done. It returns what the
// server said last.
func talk(t *testing.T, c Client, s Server) (name string, err error) {
	t.Helper()
	data, err := c.Start()
	if err != nil {
		t.Fatal(err)
	}
	for range 5 {
		reply, done, name, err := s.Next(t.Context(), data)
		if err != nil {
			return "", err
		}
		if done {
			if err := c.Finish(reply); err != nil {
				return "", err
			}
			return name, nil
		}
		if data, err = c.Next(reply); err != nil {
			return "", err
		}
	}
	return "", errors.New("they never end")
}

func halves(t *testing.T, method string, users Users, c ClientOptions) (Client, Server) {
	t.Helper()
	o := options()
	if method == External {
		o.External = "tim"
	}
	client, err := NewClient(method, c)
	if err != nil {
		t.Fatal(err)
	}
	server, err := NewServer(method, users, o)
	if err != nil {
		t.Fatal(err)
	}
	return client, server
}

func TestEachMethod(t *testing.T) {
	users := people{clear: map[string]string{"tim": "secret", "a,b=c": "secret", "Jürgen": "groß,e=p"}}
	for _, method := range Methods() {
		t.Run(method, func(t *testing.T) {
			for name, password := range users.clear {
				if method == External && name != "tim" {
					continue
				}
				c, s := halves(t, method, users, ClientOptions{Username: name, Password: []byte(password)})
				if got, err := talk(t, c, s); got != name || err != nil {
					t.Errorf("%s: %q, %v", name, got, err)
				}
				// One client serves one connection after the other.
				_, s = halves(t, method, users, ClientOptions{Username: name, Password: []byte(password)})
				if got, err := talk(t, c, s); got != name || err != nil {
					t.Errorf("%s, again: %q, %v", name, got, err)
				}
			}
			if method == External {
				return
			}
			for _, wrong := range []ClientOptions{
				{Username: "tim", Password: []byte("Secret")},
				{Username: "tom", Password: []byte("secret")},
				{Username: "tim", Password: []byte("secret"), Identity: "root"},
			} {
				if wrong.Identity != "" && method == CRAMMD5 {
					continue // which knows no identity beside the user's
				}
				c, s := halves(t, method, users, wrong)
				if name, err := talk(t, c, s); err == nil || !errors.Is(err, ErrBadCredentials) {
					t.Errorf("%+v: is let in as %q, or refused by %v", wrong, name, err)
				}
			}
			users := users
			users.broken = errors.New("no connection to the table")
			c, s := halves(t, method, users, ClientOptions{Username: "tim", Password: []byte("secret")})
			if _, err := talk(t, c, s); !errors.Is(err, users.broken) {
				t.Errorf("trouble of the server's own is told as %v", err)
			}
		})
	}
}

func TestMessagesOutOfPlace(t *testing.T) {
	users := people{clear: map[string]string{"tim": "secret"}}
	for _, method := range Methods() {
		for _, data := range []string{"", "\x00", "\x00\x00", "\x00tim\x00", "\x00\x00secret", "tim\x00tim\x00secret\x00", "n,,", "n,,n=tim",
			"n,,n=,r=abc", "p=tls-unique,,n=tim,r=abc", "n,,n=t=20im,r=abc", "m=x,,n=tim,r=a", "\xff", "realm=\"", "a=b,a=b", "tim ", " ", "=,=",
			strings.Repeat("x", 10<<10)} {
			_, s := halves(t, method, users, ClientOptions{Username: "tim", Password: []byte("secret")})
			for range 4 { // the same again where it went on
				_, done, name, err := s.Next(t.Context(), []byte(data))
				if done && (method != External || data != "") {
					t.Errorf("%s: %q is let in as %q", method, data, name)
				}
				if done || err != nil {
					break
				}
			}
		}
	}
}

// A client that was to speak first and did not is asked to; nobody waits for ever.
func TestNoInitialData(t *testing.T) {
	users := people{clear: map[string]string{"tim": "secret"}}
	for _, method := range []string{SCRAMSHA256, Plain, External} {
		c, s := halves(t, method, users, ClientOptions{Username: "tim", Password: []byte("secret")})
		if _, err := c.Start(); err != nil {
			t.Fatal(err)
		}
		data, err := []byte(nil), error(nil)
		reply, done, name := []byte(nil), false, ""
		for range 4 {
			if reply, done, name, err = s.Next(t.Context(), data); err != nil || done {
				break
			}
			if data, err = c.Next(reply); err != nil {
				break
			}
		}
		if err != nil || name != "tim" {
			t.Errorf("%s: %q, %v", method, name, err)
		}
		_, s = halves(t, method, users, ClientOptions{Username: "tim", Password: []byte("secret")})
		_, _, _, _ = s.Next(t.Context(), nil)
		if _, done, _, err := s.Next(t.Context(), nil); !done && !errors.Is(err, ErrBadCredentials) {
			t.Errorf("%s: asks for ever: %v", method, err)
		}
	}
}

func TestUnknownMethod(t *testing.T) {
	if _, err := NewClient("SCRAM-SHA-256-PLUS", ClientOptions{Username: "a", Password: []byte("b")}); !errors.Is(err, ErrUnknownMethod) || !strings.Contains(err.Error(), Plain) {
		t.Error(err)
	}
	if _, err := NewServer("plain", people{}, options()); !errors.Is(err, ErrUnknownMethod) {
		t.Error(err)
	}
	if _, err := NewServer(SCRAMSHA256, people{}, ServerOptions{Secret: []byte("short")}); err == nil {
		t.Error("a server without a secret tells who exists by the salt")
	}
	for _, method := range []string{SCRAMSHA1, Plain, CRAMMD5} {
		if _, err := NewClient(method, ClientOptions{Password: []byte("b")}); err == nil {
			t.Errorf("%s without a user name", method)
		}
	}
}
