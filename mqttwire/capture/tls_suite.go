package capture

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/des"
	"crypto/rc4"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/sha512"
	"hash"

	"golang.org/x/crypto/chacha20poly1305"
)

// A tlsSuite is what a cipher suite says about records.
type tlsSuite struct {
	id         uint16
	protection tlsProtection
	algorithm  tlsAlgorithm
	keySize    int
	hash       func() hash.Hash // of the key derivation
	mac        func() hash.Hash // of the records, where the algorithm has none of its own
}

// tlsProtection is how a suite protects records.
type tlsProtection byte

const (
	protectionTLS13 tlsProtection = iota
	protectionAEAD
	protectionBlock
	protectionStream
)

type tlsAlgorithm byte

const (
	algorithmGCM tlsAlgorithm = iota
	algorithmChaCha20
	algorithmCCM
	algorithmCCM8
	algorithmAES
	algorithmTripleDES
	algorithmRC4
)

// suiteOf knows the suites of Go and OpenSSL that encrypt with AES, ChaCha20,
// Triple DES and RC4. How keys are agreed upon does not matter here, so suites
// that differ in that alone share a line.
func suiteOf(id uint16) (tlsSuite, bool) {
	s := tlsSuite{id: id, hash: sha256.New}
	switch id {
	case 0x1301, 0x1302, 0x1303, 0x1304, 0x1305:
		s.protection = protectionTLS13
	case 0x0005, 0xC007, 0xC011, 0xC033:
		s.protection = protectionStream
	default:
		s.protection = protectionAEAD
	}
	switch id {
	case 0x1301, 0x009C, 0x009E, 0x00A8, 0x00AA, 0x00AC, 0xC02B, 0xC02F, 0xD001:
		s.algorithm, s.keySize = algorithmGCM, 16
	case 0x1302, 0x009D, 0x009F, 0x00A9, 0x00AB, 0x00AD, 0xC02C, 0xC030, 0xD002:
		s.algorithm, s.keySize, s.hash = algorithmGCM, 32, sha512.New384
	case 0x1303, 0xCCA8, 0xCCA9, 0xCCAA, 0xCCAB, 0xCCAC, 0xCCAD, 0xCCAE:
		s.algorithm, s.keySize = algorithmChaCha20, 32
	case 0x1304, 0xC09C, 0xC09E, 0xC0A4, 0xC0A6, 0xC0AC, 0xD005:
		s.algorithm, s.keySize = algorithmCCM, 16
	case 0xC09D, 0xC09F, 0xC0A5, 0xC0A7, 0xC0AD:
		s.algorithm, s.keySize = algorithmCCM, 32
	case 0x1305, 0xC0A0, 0xC0A2, 0xC0A8, 0xC0AA, 0xC0AE, 0xD003:
		s.algorithm, s.keySize = algorithmCCM8, 16
	case 0xC0A1, 0xC0A3, 0xC0A9, 0xC0AB, 0xC0AF:
		s.algorithm, s.keySize = algorithmCCM8, 32
	case 0x0005, 0xC007, 0xC011, 0xC033:
		s.algorithm, s.keySize, s.mac = algorithmRC4, 16, sha1.New
	default:
		return blockSuite(s)
	}
	return s, true
}

// blockSuite knows those with a block cipher in CBC mode and a MAC.
func blockSuite(s tlsSuite) (tlsSuite, bool) {
	s.protection, s.algorithm, s.keySize, s.mac = protectionBlock, algorithmAES, 16, sha1.New
	switch s.id {
	case 0x002F, 0x0033, 0x008C, 0x0090, 0x0094, 0xC009, 0xC013, 0xC035:
	case 0x0035, 0x0039, 0x008D, 0x0091, 0x0095, 0xC00A, 0xC014, 0xC036:
		s.keySize = 32
	case 0x003C, 0x0067, 0x00AE, 0x00B2, 0x00B6, 0xC023, 0xC027, 0xC037:
		s.mac = sha256.New
	case 0x003D, 0x006B:
		s.mac, s.keySize = sha256.New, 32
	case 0x00AF, 0x00B3, 0x00B7, 0xC024, 0xC028, 0xC038:
		s.mac, s.hash, s.keySize = sha512.New384, sha512.New384, 32
	case 0x000A, 0x0016, 0x008B, 0x008F, 0x0093, 0xC008, 0xC012, 0xC034:
		s.algorithm, s.keySize = algorithmTripleDES, 24
	default:
		return s, false
	}
	return s, true
}

// macSize is how long a key the MAC has.
func (s tlsSuite) macSize() int {
	if s.mac == nil {
		return 0
	}
	return s.mac().Size()
}

// ivSize is how much of an initialisation vector comes with the keys.
func (s tlsSuite) ivSize(version uint16) int {
	switch {
	case s.algorithm == algorithmChaCha20:
		return 12
	case s.protection == protectionAEAD:
		return 4
	case s.protection == protectionBlock && version == versionTLS10 && s.algorithm == algorithmTripleDES:
		return des.BlockSize
	case s.protection == protectionBlock && version == versionTLS10:
		return aes.BlockSize
	}
	return 0
}

// aead is the cipher with the key, for the suites that have one.
func (s tlsSuite) aead(key []byte) (cipher.AEAD, error) {
	if s.algorithm == algorithmChaCha20 {
		return chacha20poly1305.New(key)
	}
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, err
	}
	switch s.algorithm {
	case algorithmCCM:
		return &ccm{block: block, tag: 16}, nil
	case algorithmCCM8:
		return &ccm{block: block, tag: 8}, nil
	}
	return cipher.NewGCM(block)
}

// recordKeys are the keys of one side of 1.0 to 1.2.
type recordKeys struct{ mac, key, iv []byte }

// legacyOpener has the keys of a side of 1.0 to 1.2.
func (s tlsSuite) legacyOpener(keys recordKeys, version uint16, etm bool) (recordOpener, error) {
	switch s.protection {
	case protectionAEAD:
		aead, err := s.aead(keys.key)
		return &openerAEAD{aead: aead, iv: keys.iv}, err
	case protectionStream:
		stream, err := rc4.NewCipher(keys.key)
		return &openerStream{stream: stream, mac: recordMAC{s.mac, keys.mac}}, err
	}
	var block cipher.Block
	var err error
	if s.algorithm == algorithmTripleDES {
		block, err = des.NewTripleDESCipher(keys.key)
	} else {
		block, err = aes.NewCipher(keys.key)
	}
	o := &openerBlock{block: block, mac: recordMAC{s.mac, keys.mac}, etm: etm}
	if version == versionTLS10 {
		o.chained = keys.iv
	}
	return o, err
}
