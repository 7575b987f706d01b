package authsql

import (
	"bytes"
	"crypto/hmac"
	"crypto/md5"
	"crypto/pbkdf2"
	"crypto/rand"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/base64"
	"encoding/hex"
	"hash"
	"strconv"
	"strings"

	"golang.org/x/crypto/bcrypt"

	"mqtk/mqttwire/sasl"
)

func hashNames() []string {
	return []string{"plain", "md5", "sha", "sha1", "sha256", "sha512", "bcrypt", "pbkdf2"}
}

// hasher compares passwords with what a table keeps of them.
type hasher struct {
	kind       string // one of hashNames
	suffix     bool   // the salt stands behind the password, else before it
	unsalted   bool   // the column salt is not looked at
	digest     string // of pbkdf2
	iterations int    // of pbkdf2
	key        []byte // of equal
}

func newHasher(o *Options) *hasher {
	key := make([]byte, 32)
	rand.Read(key) // never fails
	return &hasher{
		kind: o.Hash, suffix: o.Salt == "suffix", unsalted: o.Salt == "none",
		digest: o.Digest, iterations: o.Iterations, key: key,
	}
}

// digestOf is the hash function of a name, nil for one that is none.
func digestOf(name string) func() hash.Hash {
	switch name {
	case "md5":
		return md5.New
	case "sha", "sha1":
		return sha1.New
	case "sha256":
		return sha256.New
	case "sha512":
		return sha512.New
	}
	return nil
}

// matches says whether a password is the one that is stored. An empty stored
// value is nobody's password. What cannot be read matches nothing.
func (h *hasher) matches(password []byte, a account) bool {
	stored, salt := a.password, a.salt
	switch {
	case stored == "":
		return false
	case h.kind == "plain":
		return h.equal(password, []byte(stored))
	case h.kind == "bcrypt":
		return bcrypt.CompareHashAndPassword([]byte(strings.TrimSpace(stored)), password) == nil
	case h.kind == "pbkdf2":
		want, _ := keyBytes(stored, 0)
		key, ok := h.derive(password, salt, len(want))
		return ok && h.equal(key, want)
	}
	digest := digestOf(h.kind)()
	want, ok := keyBytes(stored, digest.Size())
	if h.unsalted {
		salt = ""
	}
	parts := [][]byte{[]byte(salt), password}
	if h.suffix {
		parts[0], parts[1] = parts[1], parts[0]
	}
	digest.Write(bytes.Join(parts, nil))
	return ok && h.equal(digest.Sum(nil), want)
}

// equal compares in a time that tells nothing, of the length either.
func (h *hasher) equal(a, b []byte) bool {
	return hmac.Equal(h.mac(a), h.mac(b))
}

func (h *hasher) mac(b []byte) []byte {
	m := hmac.New(sha256.New, h.key)
	m.Write(b)
	return m.Sum(nil)
}

// derive is PBKDF2 in the length of a stored key. Keys so short that a guess
// might do are refused.
func (h *hasher) derive(password []byte, salt string, length int) ([]byte, bool) {
	if length < minKeyLength || length > maxKeyLength {
		return nil, false
	}
	key, err := pbkdf2.Key(digestOf(h.digest), string(password), []byte(salt), h.iterations, length)
	return key, err == nil
}

// keyBytes reads size bytes (0: as many as there are) in hexadecimal, or else in
// base64. What is hexadecimal of the right length is never base64 of it.
func keyBytes(text string, size int) ([]byte, bool) {
	text = strings.TrimSpace(text) // CHAR(n) columns are filled up
	for _, decode := range []func(string) ([]byte, error){hex.DecodeString, base64.StdEncoding.DecodeString, base64.RawStdEncoding.DecodeString} {
		if b, err := decode(text); err == nil && len(b) > 0 && (size == 0 || len(b) == size) {
			return b, true
		}
	}
	return nil, false
}

// likeness is an account for the user who is not there: comparing with it costs
// as much as with the model, the account of somebody else, if there is one. What
// the comparison says is not to be believed.
func (h *hasher) likeness(model account) account {
	salt := strings.Repeat("s", len(model.salt))
	switch h.kind {
	case "plain":
		return account{password: "likeness"}
	case "bcrypt":
		cost, err := bcrypt.Cost([]byte(model.password))
		if err != nil {
			cost = bcrypt.DefaultCost
		}
		return account{password: "$2a$" + twoDigits(cost) + "$" + strings.Repeat(".", 53)} // salt and hash of zeros
	case "pbkdf2":
		key, ok := keyBytes(model.password, 0)
		if !ok {
			key = make([]byte, digestOf(h.digest)().Size())
		}
		return account{password: hex.EncodeToString(make([]byte, len(key))), salt: orElse(salt, "likeness")}
	}
	return account{password: hex.EncodeToString(make([]byte, digestOf(h.kind)().Size())), salt: salt}
}

// readable says whether a stored value can be one of this kind at all.
func (h *hasher) readable(stored string) bool {
	switch h.kind {
	case "plain":
		return true
	case "bcrypt":
		_, err := bcrypt.Cost([]byte(strings.TrimSpace(stored)))
		return err == nil
	case "pbkdf2":
		key, ok := keyBytes(stored, 0)
		return ok && len(key) >= minKeyLength && len(key) <= maxKeyLength
	}
	_, ok := keyBytes(stored, digestOf(h.kind)().Size())
	return ok
}

// verifier is what a method of SASL needs of an account: the password itself
// where it is plain, or SCRAM's values where the key is the one that SCRAM
// derives.
func (h *hasher) verifier(a account, method string) (sasl.Verifier, bool) {
	switch h.kind {
	case "plain":
		return sasl.Verifier{Password: []byte(a.password)}, a.password != ""
	case "pbkdf2":
		key, _ := keyBytes(a.password, 0)
		if method != scramOf(h.digest) {
			return sasl.Verifier{}, false
		}
		v, err := sasl.VerifierOfSalted(method, key, []byte(a.salt), h.iterations)
		return v, err == nil
	}
	return sasl.Verifier{}, false
}

func scramOf(digest string) string {
	switch digest {
	case "sha256":
		return sasl.SCRAMSHA256
	case "sha512":
		return sasl.SCRAMSHA512
	}
	return sasl.SCRAMSHA1
}

func twoDigits(n int) string {
	text := strconv.Itoa(n)
	if len(text) < 2 {
		return "0" + text
	}
	return text
}
