package sasl

import (
	"crypto/hmac"
	"crypto/pbkdf2"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/base64"
	"fmt"
	"hash"
	"strconv"
	"strings"
)

// Iterations and SaltLength are what a new verifier is made with: RFC 7677 asks
// for 4,096 or more.
const (
	Iterations = 4096
	SaltLength = 16
)

// maxStoredIterations bounds what a file or table may ask of us and, by SCRAM, of
// the client.
const maxStoredIterations = 10_000_000

// Verifier is what a server keeps of a user: the four values of SCRAM, from which
// nobody can log in, or the password itself. From the password SCRAM's values
// are derived at each exchange.
type Verifier struct {
	Method     string // of the four values
	Salt       []byte
	Iterations int
	StoredKey  []byte
	ServerKey  []byte

	Password []byte // nil: only the values above are there
}

// NewVerifier derives the values of a SCRAM method from a password.
func NewVerifier(method string, password, salt []byte, iterations int) (Verifier, error) {
	prepared, err := Prepare(string(password))
	if err != nil {
		return Verifier{}, err
	}
	return derive(method, prepared, salt, iterations)
}

func derive(method, password string, salt []byte, iterations int) (Verifier, error) {
	h := hashOf(method)
	if h == nil {
		return Verifier{}, fmt.Errorf("%w %q: a verifier is of a SCRAM method", ErrUnknownMethod, method)
	}
	if err := checkFactors(salt, iterations); err != nil {
		return Verifier{}, err
	}
	salted, err := pbkdf2.Key(h, password, salt, iterations, h().Size())
	if err != nil {
		return Verifier{}, err
	}
	return VerifierOfSalted(method, salted, salt, iterations)
}

// VerifierOfSalted derives the values from a SaltedPassword, which is what PBKDF2
// with the method's hash makes of a password: what many a password file keeps.
func VerifierOfSalted(method string, salted, salt []byte, iterations int) (Verifier, error) {
	h := hashOf(method)
	if h == nil {
		return Verifier{}, fmt.Errorf("%w %q: a verifier is of a SCRAM method", ErrUnknownMethod, method)
	}
	if err := checkFactors(salt, iterations); err != nil {
		return Verifier{}, err
	}
	if len(salted) != h().Size() {
		return Verifier{}, fmt.Errorf("%s has a hash of %d bytes, not %d", method, h().Size(), len(salted))
	}
	digest := h()
	digest.Write(clientKey(method, salted))
	return Verifier{
		Method: method, Salt: salt, Iterations: iterations,
		StoredKey: digest.Sum(nil), ServerKey: mac(h, salted, "Server Key"),
	}, nil
}

func clientKey(method string, salted []byte) []byte { return mac(hashOf(method), salted, "Client Key") }

func checkFactors(salt []byte, iterations int) error {
	switch {
	case len(salt) == 0:
		return fmt.Errorf("the salt is empty")
	case len(salt) > 1024:
		return fmt.Errorf("the salt is longer than 1,024 bytes")
	case iterations < 1 || iterations > maxStoredIterations:
		return fmt.Errorf("%d iterations: there must be 1 to %d", iterations, maxStoredIterations)
	}
	return nil
}

// hashOf is the hash of a SCRAM method, nil for another one.
func hashOf(method string) func() hash.Hash {
	switch method {
	case SCRAMSHA256:
		return sha256.New
	case SCRAMSHA512:
		return sha512.New
	case SCRAMSHA1:
		return sha1.New
	}
	return nil
}

func mac(h func() hash.Hash, key []byte, parts ...string) []byte {
	m := hmac.New(h, key)
	for _, p := range parts {
		m.Write([]byte(p))
	}
	return m.Sum(nil)
}

// String is the form in which PostgreSQL keeps a verifier:
// SCRAM-SHA-256$4096:salt$StoredKey:ServerKey, in base64.
func (v Verifier) String() string {
	b := base64.StdEncoding.EncodeToString
	return v.Method + "$" + strconv.Itoa(v.Iterations) + ":" + b(v.Salt) + "$" + b(v.StoredKey) + ":" + b(v.ServerKey)
}

// ParseVerifier reads the form that String writes.
func ParseVerifier(s string) (Verifier, error) {
	const form = "a verifier looks like SCRAM-SHA-256$4096:SALT$STOREDKEY:SERVERKEY"
	method, rest, _ := strings.Cut(s, "$")
	h := hashOf(method)
	if h == nil {
		return Verifier{}, fmt.Errorf("%s", form)
	}
	factors, keys, _ := strings.Cut(rest, "$")
	count, salt, _ := strings.Cut(factors, ":")
	stored, server, ok := strings.Cut(keys, ":")
	v := Verifier{Method: method}
	var err error
	if v.Iterations, err = strconv.Atoi(count); err != nil || !ok {
		return Verifier{}, fmt.Errorf("%s", form)
	}
	for _, field := range []struct {
		into *[]byte
		text string
		size int
	}{{&v.Salt, salt, 0}, {&v.StoredKey, stored, h().Size()}, {&v.ServerKey, server, h().Size()}} {
		if *field.into, err = base64.StdEncoding.Strict().DecodeString(field.text); err != nil {
			return Verifier{}, fmt.Errorf("%s: what is there is no base64", form)
		}
		if field.size > 0 && len(*field.into) != field.size {
			return Verifier{}, fmt.Errorf("a key of %s has %d bytes, not %d", method, field.size, len(*field.into))
		}
	}
	return v, checkFactors(v.Salt, v.Iterations)
}

// imitate makes a verifier for a name that nobody has, in the likeness of a model.
func imitate(model Verifier, method, user string, secret []byte) Verifier {
	h := hashOf(method)
	if h == nil {
		h = sha256.New
	}
	fake := func(what string) []byte { return mac(sha512.New, secret, what, "\x00", user) }
	size := len(model.Salt)
	if size == 0 {
		size = SaltLength
	}
	v := Verifier{Method: method, Iterations: model.Iterations, StoredKey: fake("stored")[:h().Size()], ServerKey: fake("server")[:h().Size()]}
	for n := 0; len(v.Salt) < size; n++ {
		v.Salt = append(v.Salt, fake("salt"+strconv.Itoa(n))...)
	}
	v.Salt = v.Salt[:size]
	if v.Iterations == 0 {
		v.Iterations = Iterations
	}
	if model.Password != nil {
		v.Password = []byte(base64.StdEncoding.EncodeToString(fake("password")))
	}
	return v
}
