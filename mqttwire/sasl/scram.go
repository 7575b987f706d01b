package sasl

import (
	"crypto/hmac"
	"crypto/rand"
	"encoding/base64"
	"errors"
	"strconv"
	"strings"
)

const (
	defaultMaxIterations = 1_000_000
	// maxMessage bounds a SCRAM message; an honest one has some hundred bytes
	// beside the user name.
	maxMessage = 8 << 10
)

// The messages of RFC 5802 section 7, and how each half reads the other's:
//
//	client-first   n,,n=NAME,r=CNONCE            gs2 header, then the bare message
//	server-first   r=CNONCE SNONCE,s=SALT,i=ITERATIONS
//	client-final   c=biws,r=CNONCE SNONCE,p=PROOF
//	server-final   v=SIGNATURE
//
// What is signed is the bare client-first, the server-first and the client-final
// without its proof, with commas between. Extensions are passed over, but for m=,
// which says that whoever does not know it must not go on.

var errNoScram = errors.New("the server's message is no SCRAM")

// nonce is 130 bits that nobody has seen before, printable and without comma.
func nonce() string { return rand.Text() }

// escapeName writes a name so that it holds no comma and no equals sign.
func escapeName(s string) string { return strings.NewReplacer("=", "=3D", ",", "=2C").Replace(s) }

// unescapeName reads what escapeName wrote. Another = is an error.
func unescapeName(s string) (string, bool) {
	name := strings.NewReplacer("=2C", ",", "=3D", "=").Replace(s)
	return name, escapeName(name) == s
}

// field is the value of the attribute that must stand at a place.
func field(fields []string, place int, key string) (string, bool) {
	if place >= len(fields) {
		return "", false
	}
	return strings.CutPrefix(fields[place], key+"=")
}

func binaryField(fields []string, place int, key string) ([]byte, bool) {
	text, ok := field(fields, place, key)
	value, err := base64.StdEncoding.Strict().DecodeString(text) // one spelling for each value
	return value, ok && err == nil
}

func base64Of(b []byte) string { return base64.StdEncoding.EncodeToString(b) }

// serverFirst is what a server-first message says.
type serverFirst struct {
	nonce      string
	salt       []byte
	iterations int
}

func parseServerFirst(message string) (m serverFirst, err error) {
	fields := strings.Split(message, ",")
	var known, salted bool
	m.nonce, known = field(fields, 0, "r")
	m.salt, salted = binaryField(fields, 1, "s")
	count, counted := field(fields, 2, "i")
	m.iterations, err = strconv.Atoi(count)
	if !known || !salted || !counted || err != nil || len(message) > maxMessage {
		return m, errNoScram
	}
	return m, nil
}

// clientFirst is what a client-first message says.
type clientFirst struct {
	header, bare          string
	identity, name, nonce string
}

func parseClientFirst(message string) (m clientFirst, ok bool) {
	fields := strings.Split(message, ",")
	if len(fields) < 4 || fields[0] != "n" && fields[0] != "y" { // p= binds to a channel, which is not offered
		return m, false
	}
	var whose, safe bool
	if m.identity, whose = field(fields, 1, "a"); !whose && fields[1] != "" {
		return m, false
	}
	if m.identity, safe = unescapeName(m.identity); !safe || whose && m.identity == "" {
		return m, false
	}
	name, named := field(fields, 2, "n")
	m.name, safe = unescapeName(name)
	m.nonce, ok = field(fields, 3, "r")
	m.header = fields[0] + "," + fields[1] + ","
	m.bare = message[len(m.header):]
	return m, ok && named && safe && goodName(m.name) && goodNonce(m.nonce)
}

// goodNonce takes what is printable; commas are gone by then.
func goodNonce(s string) bool {
	return s != "" && strings.IndexFunc(s, func(r rune) bool { return r < '!' || r > '~' }) < 0
}

// clientFinal is what a client-final message says.
type clientFinal struct {
	binding      []byte
	nonce        string
	proof        []byte
	withoutProof string
}

func parseClientFinal(message string) (m clientFinal, ok bool) {
	fields := strings.Split(message, ",")
	last := len(fields) - 1
	if last < 2 {
		return m, false
	}
	var bound, proven bool
	m.binding, bound = binaryField(fields, 0, "c")
	m.nonce, ok = field(fields, 1, "r")
	m.proof, proven = binaryField(fields, last, "p")
	m.withoutProof = message[:len(message)-len(fields[last])-1]
	return m, ok && bound && proven
}

// goodName tells whether a user may have that name.
func goodName(name string) bool { return name != "" && !strings.Contains(name, "\x00") }

// sign is HMAC(key, message), which proves one side to the other.
func sign(method string, key []byte, message string) []byte { return mac(hashOf(method), key, message) }

// proofFits tells whether a proof is the client's key under its signature of what
// was said.
func proofFits(method string, storedKey, proof []byte, message string) bool {
	signature := sign(method, storedKey, message)
	if len(proof) != len(signature) {
		return false
	}
	clientKey := hashOf(method)()
	clientKey.Write(xor(proof, signature))
	return hmac.Equal(clientKey.Sum(nil), storedKey)
}

func xor(a, b []byte) []byte {
	out := make([]byte, len(a))
	for i := range a {
		out[i] = a[i] ^ b[i]
	}
	return out
}
