package sasl

import (
	"bytes"
	"crypto/hmac"
	"crypto/pbkdf2"
	"errors"
	"fmt"
	"strings"
	"unicode/utf8"
)

// scramClient is RFC 5802 from the client's side.
type scramClient struct {
	method                   string
	name, password, identity string // prepared
	least, most              int    // iterations
	nonce                    func() string

	header, bare, cnonce string // what was sent
	stage                stage
	proof                []byte // that the server must send

	// What the password became at last: a server asks for the same at each
	// connection.
	salt       []byte
	iterations int
	salted     []byte
}

// stage is how far an exchange has come.
type stage byte

const (
	idle stage = iota
	begun
	challenged
	proven
)

func newScramClient(method string, o ClientOptions) (*scramClient, error) {
	if len(o.Password) == 0 {
		return nil, fmt.Errorf("%s needs a password", method)
	}
	c := &scramClient{method: method, least: o.MinIterations, most: o.MaxIterations, nonce: nonce}
	for _, f := range []struct {
		what string
		into *string
		text string
	}{{"user name", &c.name, o.Username}, {"password", &c.password, string(o.Password)}, {"identity", &c.identity, o.Identity}} {
		var err error
		if *f.into, err = Prepare(f.text); err != nil || !utf8.ValidString(f.text) {
			return nil, fmt.Errorf("%s cannot use this %s: %w", method, f.what, errForbidden)
		}
	}
	if c.least == 0 {
		c.least = Iterations
	}
	if c.most == 0 {
		c.most = defaultMaxIterations
	}
	return c, nil
}

func (c *scramClient) Method() string { return c.method }

func (c *scramClient) Start() ([]byte, error) {
	c.header = "n,,"
	if c.identity != "" {
		c.header = "n,a=" + escapeName(c.identity) + ","
	}
	c.cnonce = c.nonce()
	c.bare = "n=" + escapeName(c.name) + ",r=" + c.cnonce
	c.stage, c.proof = begun, nil
	return []byte(c.header + c.bare), nil
}

// Next answers the server-first message. A server may also send its last message
// in an AUTH of its own, which is answered with nothing.
func (c *scramClient) Next(challenge []byte) ([]byte, error) {
	switch c.stage {
	case begun:
		if len(challenge) == 0 { // it did not look at what CONNECT said
			return []byte(c.header + c.bare), nil
		}
		return c.answer(string(challenge))
	case challenged:
		return []byte{}, c.verify(challenge)
	}
	return nil, errors.New("the server speaks where it has nothing to say")
}

// answer is the client-final message.
func (c *scramClient) answer(challenge string) ([]byte, error) {
	first, err := parseServerFirst(challenge)
	if err == nil {
		err = c.judge(first)
	}
	if err != nil {
		return nil, err
	}
	if !bytes.Equal(c.salt, first.salt) || c.iterations != first.iterations {
		h := hashOf(c.method)
		if c.salted, err = pbkdf2.Key(h, c.password, first.salt, first.iterations, h().Size()); err != nil {
			return nil, err
		}
		c.salt, c.iterations = first.salt, first.iterations
	}
	v, err := VerifierOfSalted(c.method, c.salted, c.salt, c.iterations)
	if err != nil {
		return nil, err
	}
	final := "c=" + base64Of([]byte(c.header)) + ",r=" + first.nonce
	message := c.bare + "," + challenge + "," + final
	proof := xor(clientKey(c.method, c.salted), sign(c.method, v.StoredKey, message))
	c.stage, c.proof = challenged, sign(c.method, v.ServerKey, message)
	return []byte(final + ",p=" + base64Of(proof)), nil
}

// judge refuses what a hostile server may ask for.
func (c *scramClient) judge(first serverFirst) error {
	switch {
	case !strings.HasPrefix(first.nonce, c.cnonce) || len(first.nonce) == len(c.cnonce):
		return errors.New("the server added nothing to the nonce: this may be a replay")
	case len(first.salt) == 0:
		return errors.New("the server gave no salt")
	case first.iterations < c.least:
		return fmt.Errorf("the server asks for %d iterations: under %d they do not protect the password", first.iterations, c.least)
	case first.iterations > c.most:
		return fmt.Errorf("the server asks for %d iterations: more than %d would cost too much", first.iterations, c.most)
	}
	return nil
}

// verify reads the server-final message.
func (c *scramClient) verify(data []byte) error {
	fields := strings.Split(string(data), ",")
	if reason, failed := field(fields, 0, "e"); failed {
		return fmt.Errorf("the server refuses: %.100q", reason)
	}
	proof, ok := binaryField(fields, 0, "v")
	if !ok || !hmac.Equal(proof, c.proof) {
		return errors.New("the server does not prove that it knows the password")
	}
	c.stage = proven
	return nil
}

func (c *scramClient) Finish(data []byte) error {
	switch {
	case c.stage == challenged:
		return c.verify(data)
	case c.stage == proven && len(data) == 0:
		return nil
	}
	return errors.New("the server let us in out of turn, without a proof of either side")
}
