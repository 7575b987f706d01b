package sasl

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/xdg-go/scram"
	"github.com/xdg-go/stringprep"
)

// Each character alone, between others and beside right-to-left ones becomes what
// another implementation makes of it.
func TestPrepareAgainstAnother(t *testing.T) {
	check := func(s string) {
		want, bad := stringprep.SASLprep.Prepare(s)
		got, err := Prepare(s)
		if got != want || (err == nil) != (bad == nil) {
			t.Errorf("%+q: %+q, %v; another one says %+q, %v", s, got, err, want, bad)
		}
	}
	differs := func(r rune) bool {
		return r == 0x200B || // both in C.1.2 and in B.1: PostgreSQL and libidn take it for a space, as we do
			r == 0x1806 // in B.1, but not in theirs
	}
	for r := rune(0); r <= 0x10FFFF && !t.Failed(); r++ {
		if differs(r) || r >= 0xD800 && r < 0xE000 {
			continue
		}
		check(string(r))
		if r < 0x3000 || r > 0xF000 && r < 0x11000 || r > 0xE0000 && r < 0xE0100 {
			check("a" + string(r) + "b")
			check("\u05d0" + string(r) + "\u05d1")
		}
	}
	for range 20_000 {
		runes := make([]rune, rand.IntN(6))
		for i := range runes {
			for runes[i] = rune(rand.IntN(0x3100)); differs(runes[i]); runes[i]++ {
			}
		}
		check(string(runes))
	}
	for in, want := range map[string]string{"I\u00adX": "IX", "user": "user", "USER": "USER", "\u00aa": "a", "\u2168": "IX", "a\u200bb": "a b", "a\u1806b": "ab"} { // RFC 4013 section 3
		if got, err := Prepare(in); got != want || err != nil {
			t.Errorf("%+q: %+q, %v", in, got, err)
		}
	}
	for _, in := range []string{"\x07", "\u06271", "\x7f", "a\nb", "\xff", "\U0001F600"} {
		if got, err := Prepare(in); err == nil {
			t.Errorf("%+q: %+q", in, got)
		}
	}
}

// Both halves against both halves of xdg-go/scram.
func TestScramAgainstAnother(t *testing.T) {
	generators := map[string]scram.HashGeneratorFcn{SCRAMSHA1: scram.SHA1, SCRAMSHA256: scram.SHA256, SCRAMSHA512: scram.SHA512}
	for method, theirs := range generators {
		for _, c := range []ClientOptions{
			{Username: "tim", Password: []byte("secret")}, {Username: "a,b=c=2C", Password: []byte("p,=w")},
			{Username: "Jürgen", Password: []byte("ⅷ ß"), Identity: "Jürgen"}, {Username: "tim", Password: []byte("x"), Identity: "a,=b"},
		} {
			name := fmt.Sprint(method, c.Username, c.Identity)
			verifier, err := NewVerifier(method, c.Password, []byte("some salt"), 4096)
			if err != nil {
				t.Fatal(err)
			}
			them, err := theirs.NewClient(c.Username, string(c.Password), c.Identity)
			if err != nil {
				t.Fatal(err)
			}
			kept, err := them.GetStoredCredentialsWithError(scram.KeyFactors{Salt: "some salt", Iters: 4096})
			if err != nil || string(kept.StoredKey) != string(verifier.StoredKey) || string(kept.ServerKey) != string(verifier.ServerKey) {
				t.Errorf("%s: the verifiers differ, %v", name, err)
			}
			// Their client, our server, which lets nobody act as another one.
			run := them.NewConversation()
			message, _ := run.Step("")
			s := newScramServer(method, people{verifier: map[string]Verifier{c.Username: verifier}}, options())
			for range 2 {
				reply, done, _, err := s.Next(t.Context(), []byte(message))
				if err != nil {
					message = err.Error()
					break
				}
				if message, err = run.Step(string(reply)); err != nil || done && message != "" {
					t.Errorf("%s: their client: %q, %v", name, message, err)
				}
			}
			if other := c.Identity != "" && c.Identity != c.Username; run.Valid() == other || other && message != ErrBadCredentials.Error() {
				t.Errorf("%s: their client ends with %v, %q", name, run.Valid(), message)
			}
			// Our client, their server.
			ours, err := NewClient(method, c)
			if err != nil {
				t.Fatal(err)
			}
			server, _ := theirs.NewServer(func(string) (scram.StoredCredentials, error) { return kept, nil })
			answer := server.NewConversation()
			data, _ := ours.Start()
			first, err := answer.Step(string(data))
			if err != nil {
				t.Fatal(err)
			}
			if data, err = ours.Next([]byte(first)); err != nil {
				t.Fatal(err)
			}
			last, err := answer.Step(string(data))
			if err != nil || !answer.Valid() || answer.Username() != c.Username || answer.AuthzID() != c.Identity {
				t.Errorf("%s: their server: %v, %q, %q", name, err, answer.Username(), answer.AuthzID())
			}
			if err := ours.Finish([]byte(last)); err != nil {
				t.Errorf("%s: our client: %v", name, err)
			}
		}
	}
}

// Whatever is changed in a message of a good exchange, it fails.
func TestScramHoldsEveryByte(t *testing.T) {
	verifier, err := NewVerifier(SCRAMSHA256, []byte("secret"), []byte("some salt"), 1)
	if err != nil {
		t.Fatal(err)
	}
	for n := range 3 {
		for at := 0; ; at++ {
			c, _ := newScramClient(SCRAMSHA256, ClientOptions{Username: "tim", Password: []byte("secret"), MinIterations: 1, MaxIterations: 100_000})
			s := newScramServer(SCRAMSHA256, people{verifier: map[string]Verifier{"tim": verifier, "tIm": verifier, "uim": verifier}}, options())
			long := true
			change := func(stage int, message []byte) []byte {
				if stage == n {
					if long = at < len(message); long {
						message[at] ^= 1
					}
				}
				return message
			}
			first, _ := c.Start()
			asked, _, _, err := s.Next(t.Context(), change(0, first))
			var final []byte
			if err == nil {
				final, err = c.Next(change(1, asked))
			}
			end, done := []byte(nil), false
			if err == nil {
				end, done, _, err = s.Next(t.Context(), change(2, final))
			}
			if !long {
				if err != nil || !done || c.Finish(end) != nil {
					t.Errorf("unchanged: %v", err)
				}
				break
			}
			if done && err == nil {
				t.Errorf("message %d with another byte %d: %q %q %q", n, at, strings.ReplaceAll(string(first), c.cnonce, "…"), asked, final)
			}
		}
	}
}

// Who knows the password must still say what was agreed on: the header, for a
// third one may have taken the binding out of it, and the nonce, for it may be a
// replay.
func TestScramFinalMustFit(t *testing.T) {
	salted := make([]byte, 32)
	verifier, err := VerifierOfSalted(SCRAMSHA256, salted, []byte("some salt"), 1)
	if err != nil {
		t.Fatal(err)
	}
	for what, test := range map[string]struct {
		header, binding, nonce string // nonce is added
		good                   bool
	}{
		"as agreed":             {"n,,", "n,,", "", true},
		"binding not offered":   {"y,,", "y,,", "", true},
		"another header":        {"n,,", "y,,", "", false},
		"with identity":         {"n,a=tim,", "n,a=tim,", "", true},
		"without the identity":  {"n,a=tim,", "n,,", "", false},
		"more of the nonce":     {"n,,", "n,,", "x", false},
		"an extension":          {"n,,", "n,,", ",x=y", true},
		"binding to a channel":  {"p=tls-exporter,,", "p=tls-exporter,,", "", false},
		"an identity of nobody": {"n,a=,", "n,a=,", "", false},
		"somebody else":         {"n,a=root,", "n,a=root,", "", false},
	} {
		s := newScramServer(SCRAMSHA256, people{verifier: map[string]Verifier{"tim": verifier}}, options())
		asked, _, _, err := s.Next(t.Context(), []byte(test.header+"n=tim,r=abc"))
		done := false
		if err == nil {
			final := "c=" + base64Of([]byte(test.binding)) + "," + strings.Split(string(asked), ",")[0] + test.nonce
			message := "n=tim,r=abc," + string(asked) + "," + final
			proof := xor(clientKey(SCRAMSHA256, salted), sign(SCRAMSHA256, verifier.StoredKey, message))
			_, done, _, err = s.Next(t.Context(), []byte(final+",p="+base64Of(proof)))
		}
		if done != test.good || (err == nil) != test.good {
			t.Errorf("%s: %v, %v", what, done, err)
		}
	}
}
