package sasl

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
)

// The exchanges that the RFCs print.
func TestScramVectors(t *testing.T) {
	for _, v := range []struct {
		method, salt, nonce, more, proof, signature string
	}{
		{SCRAMSHA1, "QSXCR+Q6sek8bf92", "fyko+d2lbbFgONRv9qkxdawL", "3rfcNHYJY1ZVvWVs7j", "v0X8v3Bz2T0CJGbJQyF0X+HI4Ts=", "rmF9pqV8S7suAoZWja4dJRkFsKQ="}, // RFC 5802 section 5
		{SCRAMSHA256, "W22ZaJ0SNY7soEsUEjb6gQ==", "rOprNGfwEbeRWgbNEkqO", "%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0",
			"dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=", "6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4="}, // RFC 7677 section 3
	} {
		t.Run(v.method, func(t *testing.T) {
			verifier := made(t, v.method, "pencil", v.salt, 4096)
			c, err := newScramClient(v.method, ClientOptions{Username: "user", Password: []byte("pencil")})
			if err != nil {
				t.Fatal(err)
			}
			c.nonce = func() string { return v.nonce }
			s := newScramServer(v.method, people{verifier: map[string]Verifier{"user": verifier}}, options())
			s.nonce = func() string { return v.more }

			say(t, "n,,n=user,r="+v.nonce, c.Start)
			first := hear(t, s, "n,,n=user,r="+v.nonce, fmt.Sprintf("r=%s%s,s=%s,i=4096", v.nonce, v.more, v.salt), false)
			final := fmt.Sprintf("c=biws,r=%s%s,p=%s", v.nonce, v.more, v.proof)
			say(t, final, func() ([]byte, error) { return c.Next(first) })
			if err := c.Finish(hear(t, s, final, "v="+v.signature, true)); err != nil {
				t.Error(err)
			}
		})
	}
}

func made(t *testing.T, method, password, salt string, iterations int) Verifier {
	t.Helper()
	v, err := ParseVerifier(fmt.Sprintf("%s$%d:%s$%s:%s", method, iterations, salt, zeros(method), zeros(method)))
	if err != nil {
		t.Fatal(err)
	}
	if v, err = NewVerifier(method, []byte(password), v.Salt, iterations); err != nil {
		t.Fatal(err)
	}
	return v
}

// zeros is a key of nothing, in base64.
func zeros(method string) string {
	v := Verifier{StoredKey: make([]byte, hashOf(method)().Size())}
	s := v.String()
	return s[strings.LastIndex(s, "$")+1 : strings.LastIndex(s, ":")]
}

func say(t *testing.T, want string, speak func() ([]byte, error)) {
	t.Helper()
	if got, err := speak(); string(got) != want || err != nil {
		t.Fatalf("the client says %q, %v\n not %q", got, err, want)
	}
}

func hear(t *testing.T, s Server, data, want string, done bool) []byte {
	t.Helper()
	got, end, _, err := s.Next(t.Context(), []byte(data))
	if string(got) != want || err != nil || end != done {
		t.Fatalf("the server says %q, %v, %v\n not %q", got, end, err, want)
	}
	return got
}

func TestCRAMVector(t *testing.T) { // RFC 2195 section 2
	users := people{clear: map[string]string{"tim": "tanstaaftanstaaf"}}
	challenge, answer := "<1896.697170952@postoffice.reston.mci.net>", "tim b913a602c7eda7a495b4e6e7334d3890"
	c, _ := NewClient(CRAMMD5, ClientOptions{Username: "tim", Password: []byte("tanstaaftanstaaf")})
	say(t, answer, func() ([]byte, error) { return c.Next([]byte(challenge)) })
	hear(t, &cramServer{users: users, o: options(), challenge: []byte(challenge)}, answer, "", true)
}

func TestDigestVector(t *testing.T) { // RFC 2831 section 4
	const answer = `charset=utf-8,username="chris",realm="elwood.innosoft.com",nonce="OA6MG9tEQGm2hh",nc=00000001,cnonce="OA6MHXh6VqTrRk",` +
		`digest-uri="imap/elwood.innosoft.com",response=d388dad90d4bbd760a152321f2143af7,qop=auth`
	d := digest{user: "chris", realm: "elwood.innosoft.com", nonce: "OA6MG9tEQGm2hh", cnonce: "OA6MHXh6VqTrRk", uri: "imap/elwood.innosoft.com", utf8: true}
	say(t, answer, func() ([]byte, error) { return d.message([]byte("secret")), nil })
	s := &digestServer{users: people{clear: map[string]string{"chris": "secret"}}, o: ServerOptions{Realm: "elwood.innosoft.com", Secret: options().Secret}, nonce: d.nonce}
	last := hear(t, s, answer, "rspauth=ea40f60335c427b5527b84dbabcdfffd", true)
	c := &digestClient{o: ClientOptions{Username: "chris", Password: []byte("secret")}, answer: d, asked: true}
	if err := c.Finish(last); err != nil {
		t.Error(err)
	}
	if err := c.Finish([]byte("rspauth=ea40f60335c427b5527b84dbabcdfffe")); err == nil {
		t.Error("a server that proves nothing is believed")
	}
}

// A hostile server gets nothing out of a client, and no work beyond bounds.
func TestHostileScramServer(t *testing.T) {
	const salt = "W22ZaJ0SNY7soEsUEjb6gQ=="
	for what, test := range map[string]struct{ challenge, want string }{
		"few iterations":       {"r=abcdef,s=" + salt + ",i=4095", "4095 iterations"},
		"many iterations":      {"r=abcdef,s=" + salt + ",i=1000001", "1000001 iterations"},
		"iterations unbounded": {"r=abcdef,s=" + salt + ",i=99999999999999999999", "no SCRAM"},
		"negative iterations":  {"r=abcdef,s=" + salt + ",i=-1", "iterations"},
		"another nonce":        {"r=xbcdef,s=" + salt + ",i=4096", "nonce"},
		"our nonce alone":      {"r=abc,s=" + salt + ",i=4096", "nonce"},
		"no salt":              {"r=abcdef,s=,i=4096", "salt"},
		"an extension":         {"m=x,r=abcdef,s=" + salt + ",i=4096", "no SCRAM"},
		"something else":       {"v=abcdef", "no SCRAM"},
		"much":                 {"r=abcdef,s=" + salt + ",i=4096," + strings.Repeat("x", 10000), "no SCRAM"},
	} {
		c, err := newScramClient(SCRAMSHA256, ClientOptions{Username: "user", Password: []byte("pencil")})
		if err != nil {
			t.Fatal(err)
		}
		c.nonce = func() string { return "abc" }
		if _, err := c.Start(); err != nil {
			t.Fatal(err)
		}
		if got, err := c.Next([]byte(test.challenge)); err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: %q, %v", what, got, err)
		}
	}
	// Nor is one believed that lets us in without proof.
	for what, end := range map[string]func(c Client) error{
		"at once":             func(c Client) error { return c.Finish(nil) },
		"at once, with words": func(c Client) error { return c.Finish([]byte("v=AAAA")) },
		"without proof":       func(c Client) error { _, _ = c.Next(first(c)); return c.Finish(nil) },
		"with a wrong proof":  func(c Client) error { _, _ = c.Next(first(c)); return c.Finish([]byte("v=" + zeros(SCRAMSHA256))) },
		"with an error":       func(c Client) error { _, _ = c.Next(first(c)); return c.Finish([]byte("e=other-error")) },
	} {
		c, _ := newScramClient(SCRAMSHA256, ClientOptions{Username: "user", Password: []byte("pencil")})
		if _, err := c.Start(); err != nil {
			t.Fatal(err)
		}
		if err := end(c); err == nil {
			t.Errorf("a server that succeeds %s is believed", what)
		}
	}
}

// first is a good message of a server that knows nothing of the user.
func first(c Client) []byte {
	return []byte("r=" + c.(*scramClient).cnonce + "x,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096")
}

// A name that nobody has, and one whose password cannot be used, are led through
// the course of all others, with a salt that stays.
func TestUnknownUserLooksReal(t *testing.T) {
	users := people{
		verifier: map[string]Verifier{"user": made(t, SCRAMSHA256, "pencil", "AAAAAAAAAAAAAAAA", 5000), "sha1": made(t, SCRAMSHA1, "pencil", "AAAA", 4096)},
		model:    Verifier{Salt: make([]byte, 12), Iterations: 5000},
	}
	challenge := func(o ServerOptions, name string) (string, Server) {
		s, err := NewServer(SCRAMSHA256, users, o)
		if err != nil {
			t.Fatal(err)
		}
		reply, done, _, err := s.Next(t.Context(), []byte("n,,n="+name+",r=abc"))
		if done || err != nil {
			t.Fatal(done, err)
		}
		_, rest, _ := strings.Cut(string(reply), ",")
		return rest, s
	}
	for _, name := range []string{"eve", "sha1"} {
		one, s := challenge(options(), name)
		two, _ := challenge(options(), name)
		if one != two {
			t.Errorf("%s is asked %s, then %s", name, one, two)
		}
		real, r := challenge(options(), "user")
		if len(one) != len(real) || !strings.HasSuffix(one, ",i=5000") {
			t.Errorf("%s is asked %s, a real user %s", name, one, real)
		}
		if other, _ := challenge(options(), "mallory"); other == one {
			t.Errorf("eve and mallory have one salt: %s", one)
		}
		if other, _ := challenge(ServerOptions{Secret: []byte("of another process")}, name); other == one {
			t.Errorf("everybody can compute the salt %s", one)
		}
		var answers []string
		for _, server := range []Server{s, r} {
			final := "c=biws,r=" + server.(*polite).Server.(*scramServer).all + ",p=" + zeros(SCRAMSHA256)
			_, _, _, err := server.Next(t.Context(), []byte(final))
			answers = append(answers, err.Error())
			if !errors.Is(err, ErrBadCredentials) {
				t.Error(err)
			}
		}
		if answers[0] != answers[1] {
			t.Errorf("%q", answers)
		}
	}
}

func TestVerifierText(t *testing.T) {
	v := made(t, SCRAMSHA256, "pencil", "W22ZaJ0SNY7soEsUEjb6gQ==", 4096)
	// As PostgreSQL writes it, from the keys of RFC 7677's example.
	const text = "SCRAM-SHA-256$4096:W22ZaJ0SNY7soEsUEjb6gQ==$WG5d8oPm3OtcPnkdi4Uo7BkeZkBFzpcXkuLmtbsT4qY=:wfPLwcE6nTWhTAmQ7tl2KeoiWGPlZqQxSrmfPwDl2dU="
	if v.String() != text {
		t.Errorf("%s", v)
	}
	if again, err := ParseVerifier(text); err != nil || again.String() != text {
		t.Errorf("%v, %v", again, err)
	}
	for _, bad := range []string{"", "SCRAM-SHA-256", "MD5" + text, text + "=", text[:len(text)-4], strings.Replace(text, "4096", "0", 1), strings.Replace(text, "4096", "-1", 1),
		strings.Replace(text, "4096", "99999999", 1), strings.Replace(text, "W22ZaJ0SNY7soEsUEjb6gQ==", "", 1), strings.Replace(text, ":wf", "wf", 1), strings.Replace(text, "-256", "-512", 1)} {
		if v, err := ParseVerifier(bad); err == nil {
			t.Errorf("%q is read as %v", bad, v)
		}
	}
}

// A password in the clear serves every SCRAM method; one that SASLprep refuses none.
func TestPasswordInTheClear(t *testing.T) {
	users := people{clear: map[string]string{"user": "pencil", "odd": "a\x07b"}}
	c, s := halves(t, SCRAMSHA512, users, ClientOptions{Username: "user", Password: []byte("pencil")})
	if name, err := talk(t, c, s); name != "user" || err != nil {
		t.Errorf("%q, %v", name, err)
	}
	if _, err := NewClient(SCRAMSHA512, ClientOptions{Username: "odd", Password: []byte("a\x07b")}); err == nil || strings.Contains(err.Error(), "\x07") {
		t.Error(err)
	}
	c, s = halves(t, SCRAMSHA512, users, ClientOptions{Username: "odd", Password: []byte("a")})
	if _, err := talk(t, c, s); !errors.Is(err, ErrBadCredentials) {
		t.Error(err)
	}
}

// Deriving keys waits for its turn, for a name that nobody has as well.
func TestDerivingWaits(t *testing.T) {
	o := options()
	o.Turns = make(chan struct{}, 1)
	o.Turns <- struct{}{}
	users := people{clear: map[string]string{"tim": "secret"}, model: Verifier{Password: []byte{}}}
	for _, name := range []string{"tim", "eve"} {
		s, err := NewServer(SCRAMSHA256, users, o)
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if _, _, _, err := s.Next(ctx, []byte("n,,n="+name+",r=abc")); !errors.Is(err, context.Canceled) {
			t.Errorf("%s: %v", name, err)
		}
	}
	<-o.Turns
	s, _ := NewServer(SCRAMSHA256, users, o)
	if _, _, _, err := s.Next(t.Context(), []byte("n,,n=tim,r=abc")); err != nil || len(o.Turns) != 0 {
		t.Error(err)
	}
}

func FuzzServers(f *testing.F) {
	f.Add(byte(0), []byte("n,,n=tim,r=abc"), []byte("c=biws,r=abc,p=AAAA"))
	f.Add(byte(3), []byte("\x00tim\x00secret"), []byte{})
	f.Add(byte(5), []byte{}, []byte("tim b913a602c7eda7a495b4e6e7334d3890"))
	f.Add(byte(6), []byte{}, []byte(`username="tim",realm="mqtt",nonce="x",nc=00000001,cnonce="y",digest-uri="mqtt/x",response=d388dad90d4bbd760a152321f2143af7,qop=auth`))
	users := people{clear: map[string]string{"tim": "secret"}}
	f.Fuzz(func(t *testing.T, n byte, first, second []byte) {
		method := Methods()[int(n)%len(Methods())]
		s, err := NewServer(method, users, options())
		if err != nil {
			t.Fatal(err)
		}
		for _, data := range [][]byte{first, second} {
			_, done, name, err := s.Next(context.Background(), data)
			if done && !(method == Plain && name == "tim") {
				t.Errorf("%s lets %q in by %q and %q", method, name, first, second)
			}
			if done || err != nil {
				return
			}
		}
	})
}

func FuzzClients(f *testing.F) {
	f.Add(byte(0), []byte("r=abcdef,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096"), []byte("v=AAAA"))
	f.Add(byte(6), []byte(`realm="elwood.innosoft.com",nonce="OA6MG9tEQGm2hh",qop="auth",algorithm=md5-sess,charset=utf-8`), []byte("rspauth=x"))
	f.Add(byte(6), []byte(`nonce="\\",algorithm=md5-sess`), []byte(`rspauth="`))
	f.Fuzz(func(t *testing.T, n byte, challenge, last []byte) {
		method := Methods()[int(n)%len(Methods())]
		c, err := NewClient(method, ClientOptions{Username: "tim", Password: []byte("secret"), MaxIterations: 5000})
		if err != nil {
			t.Fatal(err)
		}
		if s, ok := c.(*scramClient); ok {
			s.nonce = func() string { return "abc" }
		}
		if _, err := c.Start(); err != nil {
			t.Fatal(err)
		}
		if _, err := c.Next(challenge); err != nil {
			return
		}
		if err := c.Finish(last); err == nil && (hashOf(method) != nil || method == DigestMD5) {
			t.Errorf("%s believes a server that says %q and %q", method, challenge, last)
		}
	})
}
