package transport

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/des"
	"crypto/pbkdf2"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/sha512"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"encoding/pem"
	"errors"
	"fmt"
	"hash"
	"strings"

	"mqtk/mqttwire/transport/keyfile"
)

// loadKeyPair reads a certificate with its chain and the key to it, which may
// be encrypted: as PKCS#8 with PBES2, which openssl writes today, or in the way
// of old PEM files.
func loadKeyPair(certFile, keyFile string, password []byte) (tls.Certificate, error) {
	if certFile == "" {
		return tls.Certificate{}, tlsUsage("key "+keyFile, errors.New("a key needs its certificate"))
	}
	certificate, err := keyfile.Read(certFile)
	if err != nil {
		return tls.Certificate{}, tlsUsage("certificate", err)
	}
	key, name := certificate, certFile
	if keyFile != "" {
		name = keyFile
		if key, err = keyfile.Read(keyFile); err != nil {
			return tls.Certificate{}, tlsUsage("key", err)
		}
	}
	if key, err = openKey(key, password); err != nil {
		return tls.Certificate{}, tlsUsage("key "+name, err)
	}
	pair, err := tls.X509KeyPair(certificate, key)
	if err != nil {
		return tls.Certificate{}, tlsUsage("certificate "+certFile, errors.New(trimmed(err)))
	}
	return pair, nil
}

// ErrKeyEncrypted is in an error about a key that needs a password.
var ErrKeyEncrypted = errors.New("it is encrypted, and no password was given")

var errKeyPassword = errors.New("the password does not open it")

// openKey finds the key in PEM text and decrypts it where it is encrypted.
func openKey(text, password []byte) ([]byte, error) {
	for rest := text; ; {
		block, next := pem.Decode(rest)
		if block == nil {
			return nil, errors.New("there is no key in it (PEM is wanted: -----BEGIN PRIVATE KEY-----)")
		}
		if !strings.HasSuffix(block.Type, "PRIVATE KEY") {
			rest = next
			continue
		}
		//lint:ignore SA1019 what it cannot do well is to notice a wrong password
		old := x509.IsEncryptedPEMBlock(block)
		encrypted := block.Type == "ENCRYPTED PRIVATE KEY"
		switch {
		case !old && !encrypted:
			return pem.EncodeToMemory(block), nil
		case len(password) == 0:
			return nil, ErrKeyEncrypted
		case encrypted:
			der, err := decryptPKCS8(block.Bytes, password)
			if err != nil {
				return nil, err
			}
			return pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}), nil
		}
		//lint:ignore SA1019 as above
		der, err := x509.DecryptPEMBlock(block, password)
		var key asn1.RawValue
		if err == nil { // by a wrong password, too, once in 256 times
			_, err = asn1.Unmarshal(der, &key)
		}
		if err != nil || len(key.FullBytes) < len(der) || key.Tag != asn1.TagSequence {
			return nil, errKeyPassword
		}
		return pem.EncodeToMemory(&pem.Block{Type: block.Type, Bytes: der}), nil
	}
}

// The structures of RFC 5958, section 3, and RFC 8018, appendix A.
type (
	encryptedKey struct {
		Algorithm pkix.AlgorithmIdentifier
		Data      []byte
	}
	pbes2 struct {
		Derivation, Cipher pkix.AlgorithmIdentifier
	}
	pbkdf2Parameters struct {
		Salt      []byte
		Rounds    int
		KeyLength int                      `asn1:"optional"`
		PRF       pkix.AlgorithmIdentifier `asn1:"optional"`
	}
)

// maxRounds bounds what a file can make us compute: openssl's default is 2048.
const maxRounds = 10_000_000

// decryptPKCS8 opens PBES2 with PBKDF2 and AES or triple DES, all that openssl
// writes unless asked for scrypt.
func decryptPKCS8(der, password []byte) ([]byte, error) {
	var (
		outer  encryptedKey
		scheme pbes2
		kdf    pbkdf2Parameters
		iv     []byte
	)
	if _, err := asn1.Unmarshal(der, &outer); err != nil {
		return nil, errors.New("it is damaged")
	}
	if !outer.Algorithm.Algorithm.Equal(oid(1, 2, 840, 113549, 1, 5, 13)) {
		return nil, errors.New("it is encrypted in an old way that is not known here: openssl pkcs8 -topk8 writes it anew")
	}
	if _, err := asn1.Unmarshal(outer.Algorithm.Parameters.FullBytes, &scheme); err != nil {
		return nil, errors.New("it is damaged")
	}
	if !scheme.Derivation.Algorithm.Equal(oid(1, 2, 840, 113549, 1, 5, 12)) {
		return nil, errors.New("its password is hashed by something else than PBKDF2: openssl pkcs8 -topk8 writes it anew")
	}
	_, err := asn1.Unmarshal(scheme.Derivation.Parameters.FullBytes, &kdf)
	_, err2 := asn1.Unmarshal(scheme.Cipher.Parameters.FullBytes, &iv)
	if err != nil || err2 != nil || kdf.Rounds < 1 || kdf.Rounds > maxRounds {
		return nil, errors.New("it is damaged")
	}
	newCipher, size := cipherOf(scheme.Cipher.Algorithm)
	digest := digestOf(kdf.PRF.Algorithm)
	if newCipher == nil || digest == nil {
		return nil, fmt.Errorf("its cipher (%v) or hash (%v) is not known here", scheme.Cipher.Algorithm, kdf.PRF.Algorithm)
	}
	key, err := pbkdf2.Key(digest, string(password), kdf.Salt, kdf.Rounds, size)
	if err != nil {
		return nil, err
	}
	block, err := newCipher(key)
	if err != nil {
		return nil, err
	}
	return unpad(block, iv, outer.Data)
}

// unpad decrypts in CBC mode and takes the padding off (RFC 8018, 6.1.1).
func unpad(block cipher.Block, iv, data []byte) ([]byte, error) {
	size := block.BlockSize()
	if len(iv) != size || len(data) == 0 || len(data)%size != 0 {
		return nil, errors.New("it is damaged")
	}
	plain := make([]byte, len(data))
	cipher.NewCBCDecrypter(block, iv).CryptBlocks(plain, data)
	n := int(plain[len(plain)-1])
	if n == 0 || n > size {
		return nil, errKeyPassword
	}
	plain = plain[:len(plain)-n]
	if _, err := x509.ParsePKCS8PrivateKey(plain); err != nil {
		return nil, errKeyPassword
	}
	return plain, nil
}

func oid(numbers ...int) asn1.ObjectIdentifier { return numbers }

func cipherOf(id asn1.ObjectIdentifier) (func([]byte) (cipher.Block, error), int) {
	switch {
	case id.Equal(oid(2, 16, 840, 1, 101, 3, 4, 1, 2)):
		return aes.NewCipher, 16
	case id.Equal(oid(2, 16, 840, 1, 101, 3, 4, 1, 22)):
		return aes.NewCipher, 24
	case id.Equal(oid(2, 16, 840, 1, 101, 3, 4, 1, 42)):
		return aes.NewCipher, 32
	case id.Equal(oid(1, 2, 840, 113549, 3, 7)):
		return des.NewTripleDESCipher, 24
	}
	return nil, 0
}

// digestOf is the hash of the HMAC in PBKDF2; none named is SHA-1.
func digestOf(id asn1.ObjectIdentifier) func() hash.Hash {
	switch {
	case id == nil, id.Equal(oid(1, 2, 840, 113549, 2, 7)):
		return sha1.New
	case id.Equal(oid(1, 2, 840, 113549, 2, 8)):
		return sha256.New224
	case id.Equal(oid(1, 2, 840, 113549, 2, 9)):
		return sha256.New
	case id.Equal(oid(1, 2, 840, 113549, 2, 10)):
		return sha512.New384
	case id.Equal(oid(1, 2, 840, 113549, 2, 11)):
		return sha512.New
	}
	return nil
}
