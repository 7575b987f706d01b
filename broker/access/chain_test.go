package access

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"

	"mqtk/broker"
	"mqtk/mqttwire/sasl"
)

// counted answers the same to everybody, and counts.
type counted struct {
	name  string
	err   error
	asked int
}

func (c *counted) Authenticate(context.Context, *broker.Credentials) (broker.Identity, error) {
	c.asked++
	return broker.Identity{Username: c.name}, c.err
}

func TestChain(t *testing.T) {
	broken := errors.New("no connection to the table")
	named := &broker.Credentials{HasUsername: true, Username: "alice", HasPassword: true}
	for name, test := range map[string]struct {
		links []*counted
		given *broker.Credentials
		want  error
		name  string
		asked []int
	}{
		"the first":               {[]*counted{{name: "a"}, {name: "b"}}, named, nil, "a", []int{1, 0}},
		"the second":              {[]*counted{{err: broker.ErrUnknownUser}, {name: "b"}}, named, nil, "b", []int{1, 1}},
		"a wrong password":        {[]*counted{{err: broker.ErrBadCredentials}, {name: "b"}}, named, broker.ErrBadCredentials, "", []int{1, 1}},
		"wrong, then broken":      {[]*counted{{err: broker.ErrBadCredentials}, {err: broken}}, named, broken, "", []int{1, 1}},
		"banned":                  {[]*counted{{err: broker.ErrBanned}, {name: "b"}}, named, broker.ErrBanned, "", []int{1, 0}},
		"out of reach":            {[]*counted{{err: broken}, {name: "b"}}, named, broken, "", []int{1, 0}},
		"nobody":                  {[]*counted{{err: broker.ErrUnknownUser}, {err: broker.ErrUnknownUser}}, named, broker.ErrBadCredentials, "", []int{1, 1}},
		"nobody, user name alone": {[]*counted{{err: broker.ErrUnknownUser}}, &broker.Credentials{HasUsername: true}, broker.ErrBadCredentials, "", []int{1}},
		"nothing given":           {[]*counted{{err: broker.ErrUnknownUser}}, &broker.Credentials{}, broker.ErrNotAuthorized, "", []int{1}},
		"empty":                   {nil, named, broker.ErrBadCredentials, "", nil},
	} {
		var links []Link
		for _, l := range test.links {
			links = append(links, Link{Name: l.name, Authenticator: l})
		}
		id, err := Chain(links...).Authenticate(t.Context(), test.given)
		if !errors.Is(err, test.want) || err == nil && id.Username != test.name || errors.Is(err, broker.ErrUnknownUser) {
			t.Errorf("%s: %v, %v", name, id, err)
		}
		for i, l := range test.links {
			if l.asked != test.asked[i] {
				t.Errorf("%s: link %d was asked %d times", name, i, l.asked)
			}
		}
	}
}

// The error is for the log: the client is told the same of all of them.
func TestChainTellsWhy(t *testing.T) {
	given := &broker.Credentials{HasUsername: true, Username: "alice", HasPassword: true}
	for _, test := range []struct {
		link  error
		given *broker.Credentials
		want  string
	}{
		{broker.ErrUnknownUser, given, "bad user name or password: nobody knows this user"},
		{broker.ErrUnknownUser, &broker.Credentials{HasUsername: true}, "bad user name or password: there is no password"},
		{broker.ErrBadCredentials, given, "bad user name or password: the password is not the one that file has of this user"},
		{fmt.Errorf("%w: the certificate holds 2 cn", broker.ErrBadCredentials), given, "bad user name or password: the certificate holds 2 cn"},
	} {
		_, err := Chain(Link{Name: "file", Authenticator: &counted{err: test.link}}).Authenticate(t.Context(), test.given)
		if err == nil || err.Error() != test.want || !errors.Is(err, broker.ErrBadCredentials) {
			t.Errorf("%v in place of %q", err, test.want)
		}
	}
}

// EXTERNAL for another name than the certificate's: the log has both.
func TestExternalTellsWhy(t *testing.T) {
	var log strings.Builder
	s, err := NewSASL(SASLOptions{CertificateField: "cn", Log: slog.New(slog.NewTextHandler(&log, nil))})
	if err != nil {
		t.Fatal(err)
	}
	jane := &x509.Certificate{Subject: pkix.Name{Names: []pkix.AttributeTypeAndValue{{Type: []int{2, 5, 4, 3}, Value: "jane"}}}}
	for _, test := range []struct {
		state *tls.ConnectionState
		want  string
	}{
		{&tls.ConnectionState{PeerCertificates: []*x509.Certificate{jane}, VerifiedChains: [][]*x509.Certificate{{jane}}}, `user=other remote=<nil> method=EXTERNAL reason="the certificate is \"jane\"'s"`},
		{nil, `user=other remote=<nil> method=EXTERNAL reason="there is no verified client certificate"`},
	} {
		log.Reset()
		c, err := s.Begin(sasl.External, &broker.Credentials{ClientID: "c", TLS: test.state})
		if err != nil {
			t.Fatal(err)
		}
		if _, _, _, err := c.Next(t.Context(), []byte("other")); !errors.Is(err, broker.ErrBadCredentials) || !strings.Contains(log.String(), test.want) {
			t.Errorf("%v: %s", err, &log)
		}
	}
}

func TestAnonymous(t *testing.T) {
	for _, test := range []struct {
		given broker.Credentials
		want  error
	}{
		{broker.Credentials{ClientID: "a"}, nil},
		{broker.Credentials{HasUsername: true}, broker.ErrUnknownUser},
		{broker.Credentials{HasUsername: true, Username: "alice"}, broker.ErrUnknownUser},
		{broker.Credentials{HasPassword: true}, broker.ErrUnknownUser},
	} {
		if id, err := (Anonymous{}).Authenticate(t.Context(), &test.given); !errors.Is(err, test.want) || id.Username != "" {
			t.Errorf("%+v: %v, %v", test.given, id, err)
		}
	}
}

// shelf is a source of users.
type shelf struct {
	known map[string]error // what Check and Verifier say
	model int
	asked int
}

func (s *shelf) say(user string) error {
	s.asked++
	if err, ok := s.known[user]; ok {
		return err
	}
	return sasl.ErrUnknownUser
}

func (s *shelf) Verifier(_ context.Context, user, _ string) (sasl.Verifier, error) {
	return sasl.Verifier{Iterations: s.model}, s.say(user)
}

func (s *shelf) Check(_ context.Context, user string, _ []byte) error { return s.say(user) }

func TestUsers(t *testing.T) {
	broken := errors.New("no connection to the table")
	first := &shelf{known: map[string]error{"a": nil, "wrong": sasl.ErrBadCredentials, "broken": broken, "none": sasl.ErrNoVerifier}}
	second := &shelf{known: map[string]error{"b": nil, "wrong": nil, "broken": nil, "none": nil}, model: 5000}
	all := Users(first, second)
	for user, want := range map[string]error{"a": nil, "b": nil, "wrong": sasl.ErrBadCredentials, "broken": broken, "none": sasl.ErrNoVerifier, "eve": sasl.ErrUnknownUser} {
		if err := all.Check(t.Context(), user, nil); !errors.Is(err, want) {
			t.Errorf("Check %s: %v", user, err)
		}
		v, err := all.Verifier(t.Context(), user, sasl.SCRAMSHA256)
		if !errors.Is(err, want) || user == "eve" && v.Iterations != 5000 {
			t.Errorf("Verifier %s: %v, %v", user, v, err)
		}
	}
	before := second.asked
	_ = all.Check(t.Context(), "wrong", nil)
	if second.asked == before {
		t.Error("a wrong password in the first source is answered faster than one in the second")
	}
}

// TestOutageTellsNobody: who cannot prove a name learns the same of a name that
// another source knows and of one that nobody knows.
func TestOutageTellsNobody(t *testing.T) {
	broken := errors.New("no connection to the table")
	file := &shelf{known: map[string]error{"alice": sasl.ErrBadCredentials}, model: 4096}
	table := &shelf{known: map[string]error{"alice": broken, "eve": broken}}
	for _, user := range []string{"alice", "eve"} {
		file.known["alice"] = sasl.ErrBadCredentials
		if err := Users(file, table).Check(t.Context(), user, nil); !errors.Is(err, broken) {
			t.Errorf("%s: %v", user, err)
		}
		file.known["alice"] = nil
		s, err := NewSASL(SASLOptions{Users: Users(file, table)})
		if err != nil {
			t.Fatal(err)
		}
		x, err := s.Begin(sasl.SCRAMSHA256, &broker.Credentials{})
		if err != nil {
			t.Fatal(err)
		}
		first, _, _, err := x.Next(t.Context(), []byte("n,,n="+user+",r=abc"))
		if err != nil || !strings.Contains(string(first), ",i=4096") {
			t.Fatalf("%s: %q, %v", user, first, err)
		}
		nonce, _, _ := strings.Cut(string(first), ",")
		if _, _, _, err = x.Next(t.Context(), []byte("c=biws,"+nonce+",p=AAAA")); !errors.Is(err, broken) {
			t.Errorf("%s: a wrong proof gets %v", user, err)
		}
	}
}

// TestModelsOfAllSources: unknown names look like the users of each source, and a
// name like the same one always.
func TestModelsOfAllSources(t *testing.T) {
	file, table := &shelf{model: 4096, known: map[string]error{"alice": nil}}, &shelf{model: 20000}
	all := Users(file, table)
	count := map[int]int{}
	for i := range 100 {
		name := strings.Repeat("x", i+1)
		v, _ := all.Verifier(t.Context(), name, sasl.SCRAMSHA256)
		again, _ := all.Verifier(t.Context(), name, sasl.SCRAMSHA256)
		if v.Iterations != again.Iterations {
			t.Errorf("%s changes", name)
		}
		count[v.Iterations]++
	}
	if count[4096] < 20 || count[20000] < 20 {
		t.Errorf("models: %v", count)
	}
	before := table.asked
	if v, err := all.Verifier(t.Context(), "alice", sasl.SCRAMSHA256); err != nil || v.Iterations != 4096 || table.asked == before {
		t.Errorf("a known user: %v, %v; the table was asked %d times", v, err, table.asked-before)
	}
}
