package capture

import (
	"crypto/cipher"
	"crypto/hmac"
	"crypto/rc4"
	"crypto/subtle"
	"encoding/binary"
	"errors"
	"hash"
)

// A recordOpener decrypts records of one side with one set of keys. What it
// returns is new; the record stays as it was.
type recordOpener interface {
	open(sequence uint64, header, body []byte) (kind byte, plain []byte, err error)
	stateful() bool // a record can be opened only after all before it
}

var errRecord = errors.New("wrong keys")

// opener13 opens records of 1.3, which hide their type and pad.
type opener13 struct {
	aead cipher.AEAD
	iv   []byte
}

func (o *opener13) stateful() bool { return false }

func (o *opener13) open(sequence uint64, header, body []byte) (byte, []byte, error) {
	plain, err := o.aead.Open(nil, maskedNonce(o.iv, sequence), body, header)
	if err != nil {
		return 0, nil, errRecord
	}
	for i := len(plain) - 1; i >= 0; i-- {
		if plain[i] != 0 {
			return plain[i], plain[:i], nil
		}
	}
	return 0, nil, errRecord
}

func maskedNonce(iv []byte, sequence uint64) []byte {
	nonce := append([]byte(nil), iv...)
	number := nonce[len(nonce)-8:]
	binary.BigEndian.PutUint64(number, binary.BigEndian.Uint64(number)^sequence)
	return nonce
}

// openerAEAD opens records of 1.2 with GCM, CCM or ChaCha20.
type openerAEAD struct {
	aead cipher.AEAD
	iv   []byte // 4 bytes, before those that each record has; or 12
}

func (o *openerAEAD) stateful() bool { return false }

func (o *openerAEAD) open(sequence uint64, header, body []byte) (byte, []byte, error) {
	var nonce []byte
	if len(o.iv) == 4 {
		if len(body) < 8 {
			return 0, nil, errRecord
		}
		nonce, body = append(o.iv[:4:4], body[:8]...), body[8:]
	} else {
		nonce = maskedNonce(o.iv, sequence)
	}
	length := len(body) - o.aead.Overhead()
	if length < 0 {
		return 0, nil, errRecord
	}
	plain, err := o.aead.Open(nil, nonce, body, recordData(sequence, header, length))
	if err != nil {
		return 0, nil, errRecord
	}
	return header[0], plain, nil
}

// recordData is what is authenticated besides the data, before 1.3.
func recordData(sequence uint64, header []byte, length int) []byte {
	data := binary.BigEndian.AppendUint64(make([]byte, 0, 13), sequence)
	data = append(data, header[:3]...)
	return binary.BigEndian.AppendUint16(data, uint16(length))
}

// A recordMAC is the MAC of suites whose cipher has none.
type recordMAC struct {
	hash func() hash.Hash
	key  []byte
}

func (m recordMAC) size() int { return len(m.key) }

func (m recordMAC) fits(sum []byte, sequence uint64, header, data []byte) bool {
	mac := hmac.New(m.hash, m.key)
	mac.Write(recordData(sequence, header, len(data)))
	mac.Write(data)
	return hmac.Equal(mac.Sum(nil), sum)
}

// openerStream opens records with RC4.
type openerStream struct {
	stream *rc4.Cipher
	mac    recordMAC
}

func (o *openerStream) stateful() bool { return true }

func (o *openerStream) open(sequence uint64, header, body []byte) (byte, []byte, error) {
	plain := make([]byte, len(body))
	o.stream.XORKeyStream(plain, body)
	end := len(plain) - o.mac.size()
	if end < 0 || !o.mac.fits(plain[end:], sequence, header, plain[:end]) {
		return 0, nil, errRecord
	}
	return header[0], plain[:end], nil
}

// openerBlock opens records with a block cipher in CBC mode.
type openerBlock struct {
	block   cipher.Block
	mac     recordMAC
	etm     bool
	chained []byte // 1.0: the last block before; nil: each record has its own
}

func (o *openerBlock) stateful() bool { return o.chained != nil }

func (o *openerBlock) open(sequence uint64, header, body []byte) (byte, []byte, error) {
	var sum []byte
	if o.etm {
		end := len(body) - o.mac.size()
		if end < 0 || !o.mac.fits(body[end:], sequence, header, body[:end]) {
			return 0, nil, errRecord
		}
		body = body[:end]
	}
	iv, size := o.chained, o.block.BlockSize()
	if iv == nil && len(body) >= size {
		iv, body = body[:size], body[size:]
	}
	if len(body) == 0 || len(body)%size != 0 {
		return 0, nil, errRecord
	}
	plain := make([]byte, len(body))
	cipher.NewCBCDecrypter(o.block, iv).CryptBlocks(plain, body)
	if o.chained != nil {
		o.chained = append([]byte(nil), body[len(body)-size:]...)
	}
	end := len(plain) - 1 - int(plain[len(plain)-1])
	if !o.etm {
		end -= o.mac.size()
	}
	if end < 0 {
		return 0, nil, errRecord
	}
	if plain, sum = plain[:end], plain[end:]; !o.etm && !o.mac.fits(sum[:o.mac.size()], sequence, header, plain) {
		return 0, nil, errRecord
	}
	return header[0], plain, nil
}

// ccm is AES in CCM mode (RFC 3610, RFC 6655) for nonces of 12 bytes, for
// opening alone; small devices like it.
type ccm struct {
	block cipher.Block
	tag   int
}

func (c *ccm) NonceSize() int { return 12 }
func (c *ccm) Overhead() int  { return c.tag }

// Seal is not for readers of captures.
func (c *ccm) Seal(dst, nonce, plaintext, additionalData []byte) []byte {
	panic("capture: nothing is encrypted here")
}

func (c *ccm) Open(dst, nonce, ciphertext, additionalData []byte) ([]byte, error) {
	end := len(ciphertext) - c.tag
	if end < 0 {
		return nil, errRecord
	}
	counter := append(append([]byte{2}, nonce...), 0, 0, 0)
	pad := make([]byte, 16)
	stream := cipher.NewCTR(c.block, counter)
	stream.XORKeyStream(pad, pad)
	plain := make([]byte, end)
	stream.XORKeyStream(plain, ciphertext[:end])
	sum := c.sum(nonce, plain, additionalData)
	subtle.XORBytes(sum, sum, pad)
	if subtle.ConstantTimeCompare(sum[:c.tag], ciphertext[end:]) != 1 {
		return nil, errRecord
	}
	return append(dst, plain...), nil
}

// sum is the CBC-MAC of the data.
func (c *ccm) sum(nonce, plain, additional []byte) []byte {
	flags := byte(0x40 | (c.tag-2)/2<<3 | 2)
	n := len(plain)
	sum := append(append([]byte{flags}, nonce...), byte(n>>16), byte(n>>8), byte(n))
	c.block.Encrypt(sum, sum)
	add := func(b []byte) {
		for len(b) > 0 {
			b = b[subtle.XORBytes(sum, sum, b[:min(16, len(b))]):]
			c.block.Encrypt(sum, sum)
		}
	}
	add(append(binary.BigEndian.AppendUint16(nil, uint16(len(additional))), additional...))
	add(plain)
	return sum
}
