package authtoken

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/hmac"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"errors"
	"log/slog"
	"math/big"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/go-jose/go-jose/v4"

	"mqtk/broker"
)

func encode(v any) string {
	var text []byte
	switch v := v.(type) {
	case string:
		text = []byte(v)
	case []byte:
		text = v
	default:
		text, _ = json.Marshal(v)
	}
	return base64.RawURLEncoding.EncodeToString(text)
}

type claims map[string]any

// hs256 signs by hand, so that it may lie.
func hs256(header any, c any, secret []byte) string {
	text := encode(header) + "." + encode(c)
	m := hmac.New(sha256.New, secret)
	m.Write([]byte(text))
	return text + "." + encode(m.Sum(nil))
}

func signed(t *testing.T, method jose.SignatureAlgorithm, k any, kid string, c claims) string {
	t.Helper()
	o := &jose.SignerOptions{}
	if kid != "" {
		o = o.WithHeader("kid", kid)
	}
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: method, Key: k}, o)
	if err != nil {
		t.Fatal(err)
	}
	text, _ := json.Marshal(c)
	object, err := signer.Sign(text)
	if err != nil {
		t.Fatal(err)
	}
	token, err := object.CompactSerialize()
	if err != nil {
		t.Fatal(err)
	}
	return token
}

func write(t *testing.T, path string, text []byte) string {
	t.Helper()
	if path == "" {
		path = filepath.Join(t.TempDir(), "key")
	}
	if err := os.WriteFile(path, text, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func pemOf(t *testing.T, public any) []byte {
	t.Helper()
	der, err := x509.MarshalPKIXPublicKey(public)
	if err != nil {
		t.Fatal(err)
	}
	return pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der})
}

func open(t *testing.T, o Options) *Authenticator {
	t.Helper()
	a, err := Open(o)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

func soon() int64 { return time.Now().Add(time.Hour).Unix() }

// login is what CONNECT with that password leads to; an empty name is left out.
func login(t *testing.T, a *Authenticator, username, password string) (broker.Identity, error) {
	t.Helper()
	return a.Authenticate(t.Context(), &broker.Credentials{
		HasUsername: username != "", Username: username, HasPassword: true, Password: []byte(password),
	})
}

func wantUser(t *testing.T, what string, a *Authenticator, token string) {
	t.Helper()
	if id, err := login(t, a, "", token); err != nil || id.Username != "alice" {
		t.Errorf("%s: %v, %v", what, id, err)
	}
}

func wantRefused(t *testing.T, what string, a *Authenticator, token string) {
	t.Helper()
	if id, err := login(t, a, "", token); !errors.Is(err, broker.ErrBadCredentials) || errors.Is(err, broker.ErrUnknownUser) {
		t.Errorf("%s is let in as %v, or passed on: %v", what, id, err)
	}
}

var secret = []byte("a secret of some length, that is 64 bytes or more in this place.")

func keyPairs(t *testing.T) map[jose.SignatureAlgorithm]crypto.Signer {
	t.Helper()
	r, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	pairs := map[jose.SignatureAlgorithm]crypto.Signer{
		jose.RS256: r, jose.RS384: r, jose.RS512: r, jose.PS256: r, jose.PS384: r, jose.PS512: r,
	}
	for method, curve := range map[jose.SignatureAlgorithm]elliptic.Curve{jose.ES256: elliptic.P256(), jose.ES384: elliptic.P384(), jose.ES512: elliptic.P521()} {
		if pairs[method], err = ecdsa.GenerateKey(curve, rand.Reader); err != nil {
			t.Fatal(err)
		}
	}
	_, pairs[jose.EdDSA], _ = ed25519.GenerateKey(rand.Reader)
	return pairs
}

func TestEachAlgorithm(t *testing.T) {
	good := claims{"sub": "alice", "exp": soon()}
	for _, method := range []jose.SignatureAlgorithm{jose.HS256, jose.HS384, jose.HS512} {
		a := open(t, Options{Key: write(t, "", append(bytes.Clone(secret), '\n'))})
		token := signed(t, method, secret, "", good)
		wantUser(t, string(method), a, token)
		wantRefused(t, string(method)+" with another signature", a, token[:len(token)-3]+"AAA")
		wantRefused(t, string(method)+" with another secret", a, signed(t, method, append([]byte("x"), secret...), "", good))
	}
	pairs := keyPairs(t)
	for method, private := range pairs {
		path := write(t, "", pemOf(t, private.Public()))
		wantUser(t, string(method), open(t, Options{Key: path}), signed(t, method, private, "a kid that no key has", good))
		if _, err := Open(Options{Key: path, Algorithms: []string{"HS256"}}); err == nil {
			t.Errorf("a %s key may serve HS256", method)
		}
		for other, theirs := range pairs {
			if strings.HasSuffix(string(other), "S256") && other[:2] == "ES" && method != other {
				wantRefused(t, "a token of another key", open(t, Options{Key: path}), signed(t, other, theirs, "", good))
			}
		}
	}
	if a := open(t, Options{Key: write(t, "", pemOf(t, pairs[jose.RS256].Public())), Algorithms: []string{"RS256"}}); true {
		wantUser(t, "RS256", a, signed(t, jose.RS256, pairs[jose.RS256], "", good))
		wantRefused(t, "RS512, which is not allowed", a, signed(t, jose.RS512, pairs[jose.RS512], "", good))
	}
}

// What a forger writes into the header chooses neither key nor method.
func TestForgeries(t *testing.T) {
	private, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	public := pemOf(t, private.Public())
	der, _ := x509.MarshalPKIXPublicKey(private.Public())
	a := open(t, Options{Key: write(t, "", public)})
	good := claims{"sub": "alice", "exp": soon()}
	jwk, _ := jose.JSONWebKey{Key: []byte(secret), KeyID: "mine"}.MarshalJSON()
	for what, token := range map[string]string{
		"no signature":                encode(claims{"alg": "none"}) + "." + encode(good) + ".",
		"no signature, in capitals":   encode(claims{"alg": "NONE", "typ": "JWT"}) + "." + encode(good) + ".",
		"no method":                   hs256(claims{"typ": "JWT"}, good, public),
		"the PEM as secret":           hs256(claims{"alg": "HS256"}, good, public),
		"the trimmed PEM as secret":   hs256(claims{"alg": "HS256"}, good, bytes.TrimSpace(public)),
		"the DER as secret":           hs256(claims{"alg": "HS256"}, good, der),
		"a key of its own":            hs256(claims{"alg": "HS256", "jwk": json.RawMessage(jwk)}, good, secret),
		"an empty signature":          encode(claims{"alg": "RS256"}) + "." + encode(good) + ".",
		"something critical":          signedWith(t, private, good, map[jose.HeaderKey]any{"crit": []string{"x"}, "x": 1}),
		"claims of another signature": splice(signed(t, jose.RS256, private, "", claims{"sub": "bob", "exp": soon()}), encode(good)),
	} {
		wantRefused(t, what, a, token)
	}
	wantUser(t, "the real one", a, signed(t, jose.RS256, private, "", good))
}

func signedWith(t *testing.T, private any, c claims, headers map[jose.HeaderKey]any) string {
	t.Helper()
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: jose.RS256, Key: private}, &jose.SignerOptions{ExtraHeaders: headers})
	if err != nil {
		t.Fatal(err)
	}
	text, _ := json.Marshal(c)
	object, err := signer.Sign(text)
	if err != nil {
		t.Fatal(err)
	}
	token, _ := object.CompactSerialize()
	return token
}

func splice(token, payload string) string {
	parts := strings.Split(token, ".")
	return parts[0] + "." + payload + "." + parts[2]
}

func TestClaims(t *testing.T) {
	path := write(t, "", secret)
	now := time.Now()
	at := func(d time.Duration) int64 { return now.Add(d).Unix() }
	for what, test := range map[string]struct {
		o    Options
		c    any
		good bool
	}{
		"all there":                   {c: claims{"sub": "alice", "exp": at(time.Hour), "nbf": at(0), "iat": at(0)}, good: true},
		"over, within the leeway":     {c: claims{"sub": "alice", "exp": at(-20 * time.Second)}, good: true},
		"over":                        {c: claims{"sub": "alice", "exp": at(-40 * time.Second)}},
		"early, within the leeway":    {c: claims{"sub": "alice", "exp": at(time.Hour), "nbf": at(20 * time.Second)}, good: true},
		"too early":                   {c: claims{"sub": "alice", "exp": at(time.Hour), "nbf": at(40 * time.Second)}},
		"without end":                 {c: claims{"sub": "alice"}},
		"an end that is no number":    {c: claims{"sub": "alice", "exp": "never"}},
		"an end beyond all time":      {c: claims{"sub": "alice", "exp": 1e300}},
		"without user name":           {c: claims{"exp": at(time.Hour)}},
		"with an empty user name":     {c: claims{"sub": "", "exp": at(time.Hour)}},
		"a user name that is a list":  {c: claims{"sub": []string{"alice"}, "exp": at(time.Hour)}},
		"a user name with a NUL":      {c: claims{"sub": "alice\x00", "exp": at(time.Hour)}},
		"another claim":               {o: Options{UsernameClaim: "username"}, c: claims{"username": "alice", "sub": "17", "exp": at(time.Hour)}, good: true},
		"another claim, missing":      {o: Options{UsernameClaim: "username"}, c: claims{"sub": "alice", "exp": at(time.Hour)}},
		"the issuer":                  {o: Options{Issuer: "us"}, c: claims{"sub": "alice", "iss": "us", "exp": at(time.Hour)}, good: true},
		"another issuer":              {o: Options{Issuer: "us"}, c: claims{"sub": "alice", "iss": "them", "exp": at(time.Hour)}},
		"no issuer":                   {o: Options{Issuer: "us"}, c: claims{"sub": "alice", "exp": at(time.Hour)}},
		"the audience":                {o: Options{Audience: "mqtt"}, c: claims{"sub": "alice", "aud": "mqtt", "exp": at(time.Hour)}, good: true},
		"the audience among others":   {o: Options{Audience: "mqtt"}, c: claims{"sub": "alice", "aud": []string{"web", "mqtt"}, "exp": at(time.Hour)}, good: true},
		"another audience":            {o: Options{Audience: "mqtt"}, c: claims{"sub": "alice", "aud": "web", "exp": at(time.Hour)}},
		"no audience":                 {o: Options{Audience: "mqtt"}, c: claims{"sub": "alice", "exp": at(time.Hour)}},
		"no object":                   {c: "[]"},
		"an object that is no object": {c: "{"},
	} {
		test.o.Key = path
		a, token := open(t, test.o), hs256(claims{"alg": "HS256"}, test.c, secret)
		if test.good {
			wantUser(t, what, a, token)
		} else {
			wantRefused(t, what, a, token)
		}
	}
}

func TestIdentity(t *testing.T) {
	a := open(t, Options{Key: write(t, "", secret)})
	exp := soon()
	token := hs256(claims{"alg": "HS256"}, claims{"sub": "alice", "exp": exp}, secret)
	id, err := login(t, a, "alice", token)
	if err != nil || id.Username != "alice" || id.Expires != exp+30 {
		t.Errorf("%+v, %v", id, err)
	}
	if id, err := login(t, a, "bob", token); !errors.Is(err, broker.ErrBadCredentials) {
		t.Errorf("alice's token is bob's: %v, %v", id, err)
	}
	for _, password := range []string{"", "secret", "a.b.c", "eyJ", "eyJ.x", "eyJ.x.y.z", "...", token + ".x"} {
		if _, err := login(t, a, "alice", password); !errors.Is(err, broker.ErrUnknownUser) {
			t.Errorf("%q, which is no token, is not left to others: %v", password, err)
		}
	}
	if _, err := a.Authenticate(t.Context(), &broker.Credentials{HasUsername: true, Username: "alice"}); !errors.Is(err, broker.ErrUnknownUser) {
		t.Error(err)
	}
}

func TestKeySet(t *testing.T) {
	pairs := keyPairs(t)
	set := jose.JSONWebKeySet{Keys: []jose.JSONWebKey{
		{Key: pairs[jose.RS256].Public(), KeyID: "rsa", Use: "sig", Algorithm: "RS256"},
		{Key: pairs[jose.ES256].Public(), KeyID: "ec"},
		{Key: pairs[jose.EdDSA], KeyID: "ed"}, // private: read as the public one
		{Key: secret, KeyID: "hs"},
		{Key: pairs[jose.ES384].Public(), KeyID: "enc", Use: "enc"},
	}}
	text, err := json.Marshal(set)
	if err != nil {
		t.Fatal(err)
	}
	text = bytes.Replace(text, []byte(`{"keys":[`), []byte(`{"keys":[{"kty":"of tomorrow","kid":"x"},`), 1)
	path := write(t, "", text)
	a := open(t, Options{JWKS: path})
	good := claims{"sub": "alice", "exp": soon()}
	for kid, method := range map[string]jose.SignatureAlgorithm{"rsa": jose.RS256, "ec": jose.ES256, "ed": jose.EdDSA} {
		wantUser(t, kid, a, signed(t, method, pairs[method], kid, good))
		wantUser(t, "without kid", a, signed(t, method, pairs[method], "", good))
		wantRefused(t, "an unknown kid", a, signed(t, method, pairs[method], "rsa2", good))
	}
	wantUser(t, "hs", a, hs256(claims{"alg": "HS256", "kid": "hs"}, good, secret))
	wantRefused(t, "the kid of another key", a, signed(t, jose.ES256, pairs[jose.ES256], "rsa", good))
	wantRefused(t, "a method that the key is not for", a, signed(t, jose.RS512, pairs[jose.RS512], "rsa", good))
	wantRefused(t, "a key for encryption", a, signed(t, jose.ES384, pairs[jose.ES384], "enc", good))
	a = open(t, Options{JWKS: path, Key: write(t, "", pemOf(t, pairs[jose.ES512].Public()))})
	wantUser(t, "the key beside the set", a, signed(t, jose.ES512, pairs[jose.ES512], "whatever", good))
	wantUser(t, "the set beside the key", a, signed(t, jose.ES256, pairs[jose.ES256], "ec", good))
}

// A file that changes counts from the next look on; one that breaks is told and
// changes nothing.
func TestFilesAreReadAgain(t *testing.T) {
	path := write(t, "", secret)
	synctest.Test(t, func(t *testing.T) {
		var log strings.Builder
		a := open(t, Options{Key: path, Log: slog.New(slog.NewTextHandler(&log, nil))})
		old := hs256(claims{"alg": "HS256"}, claims{"sub": "alice", "exp": soon()}, secret)
		other := []byte("another secret of some length, as it should be")
		fresh := hs256(claims{"alg": "HS256"}, claims{"sub": "alice", "exp": soon()}, other)
		wantUser(t, "the old secret", a, old)
		write(t, path, other)
		wantUser(t, "the old secret, in the same second", a, old)
		time.Sleep(time.Second)
		wantUser(t, "the new secret", a, fresh)
		wantRefused(t, "the old secret", a, old)
		write(t, path, []byte("short"))
		time.Sleep(time.Second)
		wantUser(t, "the secret before a broken one", a, fresh)
		if !strings.Contains(log.String(), "too short") {
			t.Errorf("nobody is told: %s", log.String())
		}
		os.Remove(path)
		time.Sleep(time.Second)
		wantUser(t, "the secret before none", a, fresh)
	})
}

func TestUselessKeys(t *testing.T) {
	small, err := rsa.GenerateKey(rand.Reader, 1024)
	if err != nil {
		t.Skip(err)
	}
	private, _ := x509.MarshalPKCS8PrivateKey(small)
	for what, test := range map[string]struct{ key, jwks, want string }{
		"nothing":            {"", "", "key file"},
		"missing":            {"/nowhere/key", "", "/nowhere/key"},
		"missing set":        {"", "/nowhere/jwks", "/nowhere/jwks"},
		"empty":              {write(t, "", nil), "", "too short"},
		"short":              {write(t, "", []byte("0123456789012345678901234567890")), "", "too short"},
		"small RSA":          {write(t, "", pemOf(t, small.Public())), "", "1024 bits"},
		"private":            {write(t, "", pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: private})), "", "private key"},
		"damaged PEM":        {write(t, "", []byte("-----BEGIN PUBLIC KEY-----\nAAAA")), "", "damaged"},
		"PEM of other bytes": {write(t, "", pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: []byte("x")})), "", "asn1"},
		"other PEM":          {write(t, "", pem.EncodeToMemory(&pem.Block{Type: "DH PARAMETERS", Bytes: []byte("x")})), "", "DH PARAMETERS"},
		"a set as key":       {write(t, "", []byte(`{"keys":[]}`)), "", "jwks"},
		"an empty set":       {"", write(t, "", []byte(`{"keys":[]}`)), "no key"},
		"a set without keys": {"", write(t, "", []byte(`{}`)), "no key"},
		"no set":             {"", write(t, "", []byte(`x`)), "no JSON"},
		"a broken key":       {"", write(t, "", []byte(`{"keys":[{"kty":"RSA"}]}`)), "key 1"},
		"a short secret":     {"", write(t, "", []byte(`{"keys":[{"kty":"oct","k":"AAAA"}]}`)), "too short"},
	} {
		if _, err := Open(Options{Key: test.key, JWKS: test.jwks}); err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: %v", what, err)
		}
	}
	if _, err := Open(Options{Key: write(t, "", secret), Algorithms: []string{"none"}}); err == nil || !strings.Contains(err.Error(), "HS256") {
		t.Errorf("the algorithm none: %v", err)
	}
}

// A secret that others can read is told; a public key is for everybody.
func TestExposedSecret(t *testing.T) {
	public, _, _ := ed25519.GenerateKey(rand.Reader)
	for what, test := range map[string]struct {
		text []byte
		mode os.FileMode
		want bool
	}{
		"a secret": {secret, 0o600, false}, "a secret that others can read": {secret, 0o644, true}, "a public key": {pemOf(t, public), 0o644, false},
	} {
		path := write(t, "", test.text)
		if err := os.Chmod(path, test.mode); err != nil {
			t.Fatal(err)
		}
		var log strings.Builder
		open(t, Options{Key: path, Log: slog.New(slog.NewTextHandler(&log, nil))})
		if got := strings.Contains(log.String(), "chmod 600"); got != test.want {
			t.Errorf("%s: %q", what, log.String())
		}
	}
}

func TestCertificateAsKey(t *testing.T) {
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "signer"}, NotAfter: time.Now().Add(time.Hour)}
	der, err := x509.CreateCertificate(rand.Reader, template, template, private.Public(), private)
	if err != nil {
		t.Fatal(err)
	}
	text := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
	a := open(t, Options{Key: write(t, "", append(text, text...))}) // as with its chain
	wantUser(t, "signed by the certificate's key", a, signed(t, jose.ES256, private, "", claims{"sub": "alice", "exp": soon()}))
}

func FuzzToken(f *testing.F) {
	good := hs256(claims{"alg": "HS256"}, claims{"sub": "alice", "exp": int64(1) << 40}, secret)
	f.Add(good)
	f.Add(encode(claims{"alg": "none"}) + "." + encode(claims{"sub": "alice"}) + ".")
	f.Add(encode(claims{"alg": "HS256", "crit": []string{"b64"}, "b64": false}) + ".x.y")
	dir := f.TempDir()
	path := filepath.Join(dir, "key")
	if err := os.WriteFile(path, secret, 0o600); err != nil {
		f.Fatal(err)
	}
	a, err := Open(Options{Key: path})
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, token string) {
		id, err := a.Authenticate(t.Context(), &broker.Credentials{HasPassword: true, Password: []byte(token)})
		if err == nil && token != good {
			t.Errorf("%q is let in as %v", token, id)
		}
	})
}

func FuzzKeySet(f *testing.F) {
	f.Add([]byte(`{"keys":[{"kty":"oct","k":"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA","kid":"a"}]}`))
	f.Add([]byte(`{"keys":[{"kty":"OKP","crv":"Ed25519","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"},{"kty":"EC","crv":"P-256"}]}`))
	f.Fuzz(func(t *testing.T, text []byte) {
		keys, err := parseKeySet(text)
		if (err == nil) != (len(keys) > 0) {
			t.Errorf("%d keys and %v", len(keys), err)
		}
		_, _ = parseKey(text)
	})
}

// The log says in words of ours that a signature is wrong.
func TestWrongSignatureIsSaid(t *testing.T) {
	var log bytes.Buffer
	a := open(t, Options{Key: write(t, "", secret), Log: slog.New(slog.NewTextHandler(&log, nil))})
	wantRefused(t, "another secret", a, signed(t, jose.HS256, append([]byte("x"), secret...), "", claims{"sub": "ann", "exp": soon()}))
	if !strings.Contains(log.String(), `reason="the signature is not that of the key"`) {
		t.Errorf("logged: %s", &log)
	}
}
