package authtoken

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rsa"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"slices"

	"github.com/go-jose/go-jose/v4"

	"mqtk/mqttwire/transport/keyfile"
)

// key is a key that tokens may be signed with.
type key struct {
	id      string // of a JWKS; empty: for tokens with any kid
	value   any    // []byte, *rsa.PublicKey, *ecdsa.PublicKey or ed25519.PublicKey
	methods []jose.SignatureAlgorithm
}

// methodsOf are the methods that fit a key.
func methodsOf(value any) ([]jose.SignatureAlgorithm, error) {
	switch k := value.(type) {
	case []byte:
		switch n := len(k); {
		case n < 32:
			return nil, fmt.Errorf("a secret of %d bytes is too short for HS256: take 32 random ones or more", n)
		case n < 48:
			return []jose.SignatureAlgorithm{jose.HS256}, nil
		case n < 64:
			return []jose.SignatureAlgorithm{jose.HS256, jose.HS384}, nil
		}
		return []jose.SignatureAlgorithm{jose.HS256, jose.HS384, jose.HS512}, nil
	case *rsa.PublicKey:
		if k.N.BitLen() < 2048 {
			return nil, fmt.Errorf("an RSA key of %d bits is too short: take 2048 or more", k.N.BitLen())
		}
		return []jose.SignatureAlgorithm{jose.RS256, jose.RS384, jose.RS512, jose.PS256, jose.PS384, jose.PS512}, nil
	case *ecdsa.PublicKey:
		if m, ok := map[int]jose.SignatureAlgorithm{256: jose.ES256, 384: jose.ES384, 521: jose.ES512}[k.Curve.Params().BitSize]; ok {
			return []jose.SignatureAlgorithm{m}, nil
		}
		return nil, errors.New("an EC key must be on P-256, P-384 or P-521")
	case ed25519.PublicKey:
		return []jose.SignatureAlgorithm{jose.EdDSA}, nil
	}
	return nil, fmt.Errorf("a key of the type %T verifies no token", value)
}

// readKey reads a file with one key: PEM of a public key or a certificate, else
// the bytes of a secret, without the line end behind them.
func readKey(path string) ([]key, error) {
	text, err := keyfile.Read(path)
	if err != nil {
		return nil, err
	}
	value, err := parseKey(text)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	methods, err := methodsOf(value)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return []key{{value: value, methods: methods}}, nil
}

func parseKey(text []byte) (any, error) {
	if !bytes.Contains(text, []byte("-----BEGIN ")) {
		secret := bytes.TrimSuffix(bytes.TrimSuffix(text, []byte("\n")), []byte("\r"))
		if trimmed := bytes.TrimSpace(text); bytes.HasPrefix(trimmed, []byte("{")) && json.Valid(trimmed) {
			return nil, errors.New("this is JSON: a key set is configured as jwks, not as key")
		}
		return secret, nil
	}
	block, rest := pem.Decode(text)
	if block == nil {
		return nil, errors.New("the PEM is damaged")
	}
	if more, _ := pem.Decode(rest); more != nil && block.Type != "CERTIFICATE" { // behind a certificate: its chain
		return nil, errors.New("there is more than one key in it: several keys are a jwks file")
	}
	switch block.Type {
	case "PUBLIC KEY":
		return x509.ParsePKIXPublicKey(block.Bytes)
	case "RSA PUBLIC KEY":
		return x509.ParsePKCS1PublicKey(block.Bytes)
	case "CERTIFICATE":
		cert, err := x509.ParseCertificate(block.Bytes)
		if err != nil {
			return nil, err
		}
		return cert.PublicKey, nil
	case "PRIVATE KEY", "RSA PRIVATE KEY", "EC PRIVATE KEY", "ENCRYPTED PRIVATE KEY":
		return nil, errors.New("this is a private key: whoever verifies wants the public one (openssl pkey -pubout)")
	}
	return nil, fmt.Errorf("PEM of the kind %q is no public key", block.Type)
}

// readKeySet reads a JWKS file (RFC 7517 section 5). Keys of kinds that verify no
// token are passed over, as the RFC has it; a set without any other is an error.
func readKeySet(path string) ([]key, error) {
	text, err := keyfile.Read(path)
	if err != nil {
		return nil, err
	}
	keys, err := parseKeySet(text)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return keys, nil
}

func parseKeySet(text []byte) (keys []key, err error) {
	var set struct{ Keys []json.RawMessage }
	if err := json.Unmarshal(text, &set); err != nil {
		return nil, fmt.Errorf("no JSON of a key set: %w", err)
	}
	for n, raw := range set.Keys {
		var k jose.JSONWebKey
		if err := k.UnmarshalJSON(raw); errors.Is(err, jose.ErrUnsupportedKeyType) {
			continue
		} else if err != nil {
			return nil, fmt.Errorf("key %d: %w", n+1, err)
		}
		if k.Use != "" && k.Use != "sig" {
			continue
		}
		value := k.Key
		if public := k.Public(); public.Key != nil { // a secret has none
			value = public.Key
		}
		methods, err := methodsOf(value)
		if err != nil {
			return nil, fmt.Errorf("key %d: %w", n+1, err)
		}
		if k.Algorithm != "" {
			methods = slices.DeleteFunc(methods, func(m jose.SignatureAlgorithm) bool { return string(m) != k.Algorithm })
		}
		keys = append(keys, key{id: k.KeyID, value: value, methods: methods})
	}
	if len(keys) == 0 {
		return nil, errors.New("there is no key in the set that verifies a token")
	}
	return keys, nil
}
