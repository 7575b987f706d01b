package sasl

import (
	"context"
	"crypto/hmac"
	"crypto/md5"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"
	"unicode/utf8"
)

// digestClient is RFC 2831 with quality of protection "auth", the only one that
// makes sense where MQTT follows in the clear or in TLS.
type digestClient struct {
	o      ClientOptions
	cnonce string // empty: random; vectors give theirs
	answer digest
	asked  bool
	proven bool
}

func (*digestClient) Method() string { return DigestMD5 }

func (c *digestClient) Start() ([]byte, error) {
	c.asked, c.proven = false, false
	return nil, nil
}

func (c *digestClient) Next(challenge []byte) ([]byte, error) {
	if c.asked {
		return []byte{}, c.verify(challenge)
	}
	fields, err := parseDigest(challenge)
	switch {
	case err != nil:
		return nil, fmt.Errorf("the server's challenge is no DIGEST-MD5: %w", err)
	case fields["nonce"] == "" || fields["algorithm"] != "md5-sess":
		return nil, errors.New("the server's challenge is no DIGEST-MD5")
	case fields["qop"] != "" && !hasWord(fields["qop"], "auth"):
		return nil, fmt.Errorf("the server wants the protection %q, and there is only auth", fields["qop"])
	}
	c.asked = true
	host := c.o.Host
	if host == "" {
		host = "localhost"
	}
	c.answer = digest{
		user: c.o.Username, realm: fields["realm"], nonce: fields["nonce"], cnonce: c.cnonce,
		uri: "mqtt/" + host, identity: c.o.Identity, utf8: fields["charset"] == "utf-8",
	}
	if c.answer.cnonce == "" {
		c.answer.cnonce = rand.Text()
	}
	return c.answer.message(c.o.Password), nil
}

func (c *digestClient) verify(data []byte) error {
	fields, err := parseDigest(data)
	if err != nil || !hmac.Equal([]byte(fields["rspauth"]), []byte(c.answer.proof(c.o.Password, ""))) {
		return errors.New("the server does not prove that it knows the password")
	}
	c.proven = true
	return nil
}

func (c *digestClient) Finish(data []byte) error {
	switch {
	case !c.asked:
		return errors.New("the server let us in without asking for a proof, nor gave one")
	case c.proven && len(data) == 0:
		return nil
	}
	return c.verify(data)
}

// digest is what both sides hash.
type digest struct {
	user, realm, nonce, cnonce, uri, identity string
	utf8                                      bool
}

// message is the digest-response.
func (d *digest) message(password []byte) []byte {
	var b strings.Builder
	if d.utf8 {
		b.WriteString("charset=utf-8,")
	}
	fmt.Fprintf(&b, "username=%s,", quote(d.user))
	if d.realm != "" {
		fmt.Fprintf(&b, "realm=%s,", quote(d.realm))
	}
	fmt.Fprintf(&b, "nonce=%s,nc=00000001,cnonce=%s,digest-uri=%s,response=%s,qop=auth",
		quote(d.nonce), quote(d.cnonce), quote(d.uri), d.proof(password, "AUTHENTICATE"))
	if d.identity != "" {
		fmt.Fprintf(&b, ",authzid=%s", quote(d.identity))
	}
	return []byte(b.String())
}

// proof is the response-value; the server's has no verb.
func (d *digest) proof(password []byte, verb string) string {
	user, realm, secret := d.user, d.realm, string(password)
	if d.utf8 { // what fits into ISO 8859-1 is hashed as that: section 2.1.2.1
		user, realm, secret = latin1(user), latin1(realm), latin1(secret)
	}
	sum := md5.Sum([]byte(user + ":" + realm + ":" + secret))
	a1 := string(sum[:]) + ":" + d.nonce + ":" + d.cnonce
	if d.identity != "" {
		a1 += ":" + d.identity
	}
	return hexMD5(hexMD5(a1) + ":" + d.nonce + ":00000001:" + d.cnonce + ":auth:" + hexMD5(verb+":"+d.uri))
}

func hexMD5(s string) string {
	sum := md5.Sum([]byte(s))
	return hex.EncodeToString(sum[:])
}

func latin1(s string) string {
	b := make([]byte, 0, len(s))
	for _, r := range s {
		if r > 0xFF {
			return s
		}
		b = append(b, byte(r))
	}
	return string(b)
}

func quote(s string) string {
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(s) + `"`
}

func hasWord(list, word string) bool {
	for _, w := range strings.Split(list, ",") {
		if strings.TrimSpace(w) == word {
			return true
		}
	}
	return false
}

// parseDigest reads name=value,name="value" and refuses a name that comes twice
// (but for realm, of which a client takes the first).
func parseDigest(data []byte) (map[string]string, error) {
	if len(data) > maxMessage || !utf8.Valid(data) {
		return nil, errors.New("it is too long or no UTF-8")
	}
	fields := make(map[string]string)
	for s := strings.TrimLeft(string(data), ", \t"); s != ""; s = strings.TrimLeft(s, ", \t") {
		name, rest, ok := strings.Cut(s, "=")
		if !ok || strings.ContainsAny(name, "\",") {
			return nil, errors.New("a field has no value")
		}
		value, rest, err := digestValue(rest)
		if err != nil {
			return nil, err
		}
		name = strings.ToLower(strings.TrimSpace(name))
		if _, twice := fields[name]; !twice {
			fields[name] = value
		} else if name != "realm" {
			return nil, fmt.Errorf("%s comes twice", name)
		}
		s = rest
	}
	return fields, nil
}

func digestValue(s string) (value, rest string, err error) {
	if !strings.HasPrefix(s, `"`) {
		value, rest, _ = strings.Cut(s, ",")
		return strings.TrimSpace(value), rest, nil
	}
	var b strings.Builder
	for i := 1; i < len(s); i++ {
		switch {
		case s[i] == '\\' && i+1 < len(s):
			i++
			b.WriteByte(s[i])
		case s[i] == '"':
			return b.String(), s[i+1:], nil
		default:
			b.WriteByte(s[i])
		}
	}
	return "", "", errors.New("a quote is not closed")
}

type digestServer struct {
	users Users
	o     ServerOptions
	nonce string
}

func (s *digestServer) Next(ctx context.Context, data []byte) ([]byte, bool, string, error) {
	if s.nonce == "" {
		if len(data) > 0 {
			return nil, false, "", ErrBadCredentials
		}
		s.nonce = rand.Text()
		return fmt.Appendf(nil, `realm=%s,nonce=%s,qop="auth",charset=utf-8,algorithm=md5-sess`, quote(s.o.Realm), quote(s.nonce)), false, "", nil
	}
	fields, err := parseDigest(data)
	d := digest{
		user: fields["username"], realm: fields["realm"], nonce: s.nonce, cnonce: fields["cnonce"],
		uri: fields["digest-uri"], identity: fields["authzid"], utf8: fields["charset"] == "utf-8",
	}
	password, known, failed := passwordOf(ctx, s.users, d.user, DigestMD5, s.o.Secret)
	if failed != nil {
		return nil, false, "", failed
	}
	fits := hmac.Equal([]byte(fields["response"]), []byte(d.proof(password, "AUTHENTICATE")))
	switch {
	case err != nil || !fits || !known || !goodName(d.user):
	case fields["nonce"] != s.nonce || fields["nc"] != "00000001" || d.cnonce == "" || d.realm != s.o.Realm || d.uri == "":
	case fields["qop"] != "" && fields["qop"] != "auth" || d.identity != "" && d.identity != d.user:
	default:
		return []byte("rspauth=" + d.proof(password, "")), true, d.user, nil
	}
	return nil, false, "", ErrBadCredentials
}
