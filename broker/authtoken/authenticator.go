package authtoken

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"runtime"
	"slices"
	"strings"
	"sync"
	"time"
	"unicode/utf8"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"

	"mqtk/broker"
)

// leeway is how far the clock of who signs may be from ours.
const leeway = 30 * time.Second

// Options say which tokens are good.
type Options struct {
	Key  string // file: a public key or certificate in PEM, or a secret
	JWKS string // file: a JSON Web Key Set
	// Algorithms are the methods allowed; empty: all that fit the keys.
	Algorithms []string
	Issuer     string // of iss; empty: anyone
	Audience   string // must be among aud; empty: any
	// UsernameClaim holds the user name; empty: sub.
	UsernameClaim string
	Log           *slog.Logger // nil: no log
}

// Algorithms are the methods of signing there are.
func Algorithms() []string {
	var names []string
	for _, m := range allMethods() {
		names = append(names, string(m))
	}
	return names
}

func allMethods() []jose.SignatureAlgorithm {
	return []jose.SignatureAlgorithm{
		jose.HS256, jose.HS384, jose.HS512, jose.RS256, jose.RS384, jose.RS512, jose.PS256, jose.PS384, jose.PS512,
		jose.ES256, jose.ES384, jose.ES512, jose.EdDSA,
	}
}

// Authenticator lets in who has a good token.
type Authenticator struct {
	o Options

	mu     sync.Mutex
	keys   []key
	looked time.Time // when the files were looked at
	seen   [2]fs.FileInfo
}

var _ broker.Authenticator = (*Authenticator)(nil)

// Open reads the keys.
func Open(o Options) (*Authenticator, error) {
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.UsernameClaim == "" {
		o.UsernameClaim = "sub"
	}
	if o.Key == "" && o.JWKS == "" {
		return nil, errors.New("tokens need a key file or a jwks file to be verified with")
	}
	for _, name := range o.Algorithms {
		if !slices.Contains(Algorithms(), name) {
			return nil, fmt.Errorf("algorithm %q: there are %s", name, strings.Join(Algorithms(), ", "))
		}
	}
	a := &Authenticator{o: o, looked: time.Now(), seen: o.stat()}
	var err error
	if a.keys, err = o.read(); err != nil {
		return nil, err
	}
	return a, nil
}

// read reads all keys and keeps of their methods what is allowed.
func (o *Options) read() (keys []key, err error) {
	for _, file := range []struct {
		path string
		read func(string) ([]key, error)
	}{{o.Key, readKey}, {o.JWKS, readKeySet}} {
		if file.path == "" {
			continue
		}
		more, err := file.read(file.path)
		if err != nil {
			return nil, err
		}
		if exposed(file.path, more) {
			o.Log.Warn("a secret that signs tokens can be read by others: chmod 600", "file", file.path)
		}
		keys = append(keys, more...)
	}
	if len(o.Algorithms) == 0 {
		return keys, nil
	}
	usable := false
	for i := range keys {
		keys[i].methods = slices.DeleteFunc(keys[i].methods, func(m jose.SignatureAlgorithm) bool {
			return !slices.Contains(o.Algorithms, string(m))
		})
		usable = usable || len(keys[i].methods) > 0
	}
	if !usable {
		return nil, fmt.Errorf("%s: no key in it serves one of the algorithms %s", strings.Trim(o.Key+", "+o.JWKS, ", "), strings.Join(o.Algorithms, ", "))
	}
	return keys, nil
}

// exposed tells that others than the owner may read a file with a secret in it.
// Windows has other ways to say who may.
func exposed(path string, keys []key) bool {
	info, err := os.Stat(path)
	return err == nil && runtime.GOOS != "windows" && info.Mode().Perm()&0o077 != 0 && slices.ContainsFunc(keys, func(k key) bool {
		_, secret := k.value.([]byte)
		return secret
	})
}

func (o *Options) stat() (seen [2]fs.FileInfo) {
	for i, path := range []string{o.Key, o.JWKS} {
		if path != "" {
			seen[i], _ = os.Stat(path)
		}
	}
	return seen
}

// current are the keys, read again where a file has changed.
func (a *Authenticator) current() []key {
	a.mu.Lock()
	defer a.mu.Unlock()
	now := time.Now()
	if now.Sub(a.looked) < time.Second {
		return a.keys
	}
	a.looked = now
	seen := a.o.stat()
	if same(seen[0], a.seen[0]) && same(seen[1], a.seen[1]) {
		return a.keys
	}
	a.seen = seen
	keys, err := a.o.read()
	if err != nil {
		a.o.Log.Error("the keys for tokens stay as they were", "error", err)
		return a.keys
	}
	a.o.Log.Info("the keys for tokens were read again", "keys", len(keys))
	a.keys = keys
	return keys
}

func same(a, b fs.FileInfo) bool {
	if a == nil || b == nil {
		return a == nil && b == nil
	}
	return os.SameFile(a, b) && a.Size() == b.Size() && a.ModTime().Equal(b.ModTime())
}

// Authenticate takes the token from CONNECT's password.
func (a *Authenticator) Authenticate(_ context.Context, c *broker.Credentials) (broker.Identity, error) {
	text := string(c.Password)
	if !c.HasPassword || !looksLikeToken(text) {
		return broker.Identity{}, broker.ErrUnknownUser
	}
	name, expires, err := a.verify(text, time.Now())
	if err == nil && c.HasUsername && c.Username != "" && c.Username != name {
		err = fmt.Errorf("it is %q's, and the client says %q", name, c.Username)
	}
	if err != nil {
		a.o.Log.Info("a token was refused", "client", c.ClientID, "remote", c.Remote, "reason", err)
		return broker.Identity{}, broker.ErrBadCredentials
	}
	return broker.Identity{Username: name, Expires: expires}, nil
}

// looksLikeToken tells a JWT from other passwords by its header.
func looksLikeToken(text string) bool {
	header, rest, ok := strings.Cut(text, ".")
	return ok && strings.Count(rest, ".") == 1 && strings.HasPrefix(header, "eyJ") // {" in base64
}

// verify checks a token at a time.
func (a *Authenticator) verify(text string, now time.Time) (name string, expires int64, err error) {
	token, err := jwt.ParseSigned(text, allMethods())
	if err != nil {
		return "", 0, err
	}
	var claims jwt.Claims
	var all map[string]any
	if err := a.signed(token, &claims, &all); err != nil {
		return "", 0, err
	}
	if claims.Expiry == nil {
		return "", 0, errors.New("it has no end (claim exp)")
	}
	expected := jwt.Expected{Issuer: a.o.Issuer, Time: now}
	if a.o.Audience != "" {
		expected.AnyAudience = jwt.Audience{a.o.Audience}
	}
	if err := claims.ValidateWithLeeway(expected, leeway); err != nil {
		return "", 0, err
	}
	name, _ = all[a.o.UsernameClaim].(string)
	if name == "" || len(name) > 65535 || strings.Contains(name, "\x00") || !utf8.ValidString(name) {
		return "", 0, fmt.Errorf("there is no user name in its claim %q", a.o.UsernameClaim)
	}
	return name, claims.Expiry.Time().Add(leeway).Unix(), nil
}

// signed finds the key that signed the token.
func (a *Authenticator) signed(token *jwt.JSONWebToken, into ...any) error {
	header := token.Headers[0]
	err := fmt.Errorf("no key of ours is for the kid %q and the algorithm %s", header.KeyID, header.Algorithm)
	for _, k := range a.current() {
		if k.id != "" && k.id != header.KeyID && header.KeyID != "" || !slices.Contains(k.methods, jose.SignatureAlgorithm(header.Algorithm)) {
			continue
		}
		if err = token.Claims(k.value, into...); err == nil {
			return nil
		}
		if errors.Is(err, jose.ErrCryptoFailure) {
			err = errors.New("the signature is not that of the key")
		}
	}
	return err
}
