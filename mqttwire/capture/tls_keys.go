package capture

import (
	"crypto/hkdf"
	"crypto/hmac"
	"crypto/md5"
	"crypto/sha1"
	"errors"
	"fmt"
	"hash"
)

// errWait: the key log has no such secret yet.
var errWait = errors.New("wait")

// keysMissing is why a connection stays encrypted.
type keysMissing struct{ text string }

func (e *keysMissing) Error() string { return e.text }

// missing is what to say about a connection whose secrets are not there.
func (t *tlsConnection) missing() error {
	switch {
	case !t.hello:
		return &keysMissing{"it is encrypted, and its TLS hand-shake was not seen, without which nobody can tell the keys"}
	case t.version == 0:
		return &keysMissing{fmt.Sprintf("it is encrypted, and the server's TLS hello was not seen (%s)", t.about())}
	case t.keys == nil || len(t.keys.secrets) == 0 && !t.keys.grows():
		return &keysMissing{fmt.Sprintf("it is encrypted, and there is no key log (%s)", t.about())}
	}
	return &keysMissing{fmt.Sprintf("it is encrypted, and the key log holds no secret of it (%s)", t.about())}
}

// find finds what the log says about this connection.
func (t *tlsConnection) find(label string) ([]byte, error) {
	secret, ok := t.keys.find(label, t.random)
	switch {
	case ok:
		return secret, nil
	case t.keys.grows():
		return nil, errWait
	}
	return nil, t.missing()
}

// keysOf gives a side the keys of its phase, and finds out about the phase of
// a client that may send early data.
func (t *tlsConnection) keysOf(s *tlsSide, header, body []byte) error {
	if s.phase == phaseClear && !s.fromServer && t.early {
		if found, err := t.earlyKeys(s, header, body); found || err != nil {
			return err
		}
		s.phase = phaseHandshake
	}
	label := labelClientHandshake
	switch {
	case s.phase == phaseClear, t.version == 0:
		return t.missing() // the hellos were not seen
	case s.phase == phaseLegacy:
		return t.legacyKeys(s)
	case s.phase == phaseHandshake && s.fromServer:
		label = labelServerHandshake
	case s.phase == phaseApplication && s.fromServer:
		label = labelServerTraffic
	case s.phase == phaseApplication:
		label = labelClientTraffic
	}
	secret, err := t.find(label)
	if err != nil {
		return err
	}
	return t.set(s, secret)
}

// set has a side use a traffic secret from its next record on.
func (t *tlsConnection) set(s *tlsSide, secret []byte) (err error) {
	s.secret, s.sequence = secret, 0
	s.opener, err = t.suite.opener13(secret)
	return err
}

// earlyKeys are those of the session that is resumed, whose suite nobody says:
// it is one of those that the client offers. The keys fit, or the server has
// refused early data and the client has gone on.
func (t *tlsConnection) earlyKeys(s *tlsSide, header, body []byte) (found bool, err error) {
	secret, err := t.find(labelEarly)
	if err != nil {
		if t.version != 0 {
			err = nil
		}
		return false, err
	}
	for _, id := range t.offered[:min(len(t.offered), 64)] {
		suite, known := suiteOf(id)
		if !known {
			continue
		}
		opener, err := suite.opener13(secret)
		if err != nil {
			continue
		}
		if _, _, err := opener.open(0, header, body); err == nil {
			s.phase, s.opener, s.sequence = phaseEarly, opener, 0
			return true, nil
		}
	}
	if t.version == 0 {
		err = errors.New("the early data of the client cannot be decrypted with the secrets of the key log")
	}
	return false, err
}

// updateKeys follows a KeyUpdate.
func (t *tlsConnection) updateKeys(s *tlsSide) error {
	secret, err := expandLabel(t.suite.hash, s.secret, "traffic upd", len(s.secret))
	if err != nil {
		return err
	}
	return t.set(s, secret)
}

// expandLabel is HKDF-Expand-Label of RFC 8446, with an empty context.
func expandLabel(h func() hash.Hash, secret []byte, label string, length int) ([]byte, error) {
	label = "tls13 " + label
	info := append([]byte{byte(length >> 8), byte(length), byte(len(label))}, label...)
	return hkdf.Expand(h, secret, string(append(info, 0)), length)
}

// opener13 has the keys of a traffic secret.
func (suite tlsSuite) opener13(secret []byte) (recordOpener, error) {
	if suite.protection != protectionTLS13 || len(secret) != suite.hash().Size() {
		return nil, errors.New("the secret in the key log does not belong to the cipher suite of the connection")
	}
	key, err := expandLabel(suite.hash, secret, "key", suite.keySize)
	if err != nil {
		return nil, err
	}
	iv, err := expandLabel(suite.hash, secret, "iv", 12)
	if err != nil {
		return nil, err
	}
	aead, err := suite.aead(key)
	return &opener13{aead: aead, iv: iv}, err
}

// legacyKeys gives a side of 1.0 to 1.2 its keys.
func (t *tlsConnection) legacyKeys(s *tlsSide) error {
	if t.suite.protection == protectionTLS13 {
		return errors.New("the server has chosen a cipher suite of TLS 1.3 for a connection that is none")
	}
	master, err := t.master()
	if err != nil {
		return err
	}
	var keys recordKeys
	var other []byte
	mac, key, iv := t.suite.macSize(), t.suite.keySize, t.suite.ivSize(t.version)
	block := t.keyBlock(master, 2*(mac+key+iv))
	for _, part := range []struct {
		size int
		into *[]byte
	}{{mac, &keys.mac}, {key, &keys.key}, {iv, &keys.iv}} {
		*part.into, other, block = block[:part.size], block[part.size:2*part.size], block[2*part.size:]
		if s.fromServer {
			*part.into = other
		}
	}
	s.sequence = 0
	s.opener, err = t.suite.legacyOpener(keys, t.version, t.etm)
	return err
}

// keyBlock is the PRF of RFC 5246 or RFC 2246, for the keys of both sides.
func (t *tlsConnection) keyBlock(master []byte, length int) []byte {
	seed := append([]byte("key expansion"), t.serverRandom[:]...)
	seed = append(seed, t.random[:]...)
	if t.version == versionTLS12 {
		return expandHMAC(t.suite.hash, master, seed, length)
	}
	half := (len(master) + 1) / 2
	keys := expandHMAC(md5.New, master[:half], seed, length)
	for i, b := range expandHMAC(sha1.New, master[len(master)-half:], seed, length) {
		keys[i] ^= b
	}
	return keys
}

// expandHMAC is P_hash of RFC 5246.
func expandHMAC(h func() hash.Hash, secret, seed []byte, length int) []byte {
	mac := hmac.New(h, secret)
	sum := func(parts ...[]byte) []byte {
		mac.Reset()
		for _, b := range parts {
			mac.Write(b)
		}
		return mac.Sum(nil)
	}
	var out []byte
	for a := sum(seed); len(out) < length; a = sum(a) {
		out = append(out, sum(a, seed)...)
	}
	return out[:length]
}
