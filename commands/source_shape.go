package commands

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"

	"mqtk/mqttwire"
)

// shaped makes the payload that is published out of the one that a source
// gives: the key before it is taken off for a topic, a template filled, text
// decoded, bytes compressed, in this order.
type shaped struct {
	source
	key      []byte // between topic and payload; nil: the topics of the command line
	keyed    mqttwire.Publish
	rewrite  rewriting
	template *payloadTemplate
	decode   decoder
	gzip     *squeezer
}

// shape is the shaping that the flags ask for.
func (o *pubOptions) shape(messages []mqttwire.Publish) (*shaped, error) {
	s := &shaped{rewrite: o.Rewrite, decode: o.Decode}
	if o.Gzip {
		s.gzip = &squeezer{}
	}
	if o.KeyDelim != "" {
		s.key, s.keyed = []byte(o.KeyDelim), messages[0]
	}
	if o.Template == nil {
		return s, nil
	}
	var err error
	s.template, err = newPayloadTemplate(*o.Template)
	if err == nil && s.template.lines && !o.given() {
		return nil, usagef("--template: {{.line}} needs a message to be filled in: -l takes each line of stdin, and -m, -f and -s one text")
	}
	return s, err
}

func (s *shaped) idle() bool {
	return s.key == nil && s.template == nil && s.decode == nil && s.gzip == nil
}

func (s *shaped) next(ctx context.Context, done <-chan struct{}, it *item) (bool, error) {
	it.own = nil
	ok, err := s.source.next(ctx, done, it)
	if !ok || err != nil {
		return false, err
	}
	if it.own != nil { // of --jsonl or --replay: a message that is whole
		s.squeeze(it.own)
		return true, nil
	}
	if err := s.item(it); err != nil {
		return false, &inputError{it.input, it.number, err}
	}
	return true, nil
}

func (s *shaped) item(it *item) (err error) {
	if s.key != nil {
		if err := s.cutKey(it); err != nil {
			return err
		}
	}
	if s.template != nil {
		if it.payload, err = s.template.fill(it.payload); err != nil {
			return err
		}
	}
	if it.payload, err = s.bytes(it.payload); err != nil && s.template != nil {
		s.template.n-- // it is no message
	}
	if s.key != nil {
		s.keyed.Payload = it.payload
		it.own = &s.keyed
	}
	return err
}

// cutKey takes the topic off the front of a line.
func (s *shaped) cutKey(it *item) error {
	topic, payload, found := bytes.Cut(it.payload, s.key)
	if !found {
		return fmt.Errorf("no %q, which is to stand between topic and payload", s.key)
	}
	if err := mqttwire.CheckTopicName(string(topic)); err != nil {
		return fmt.Errorf("topic %q: %s", topic, detailOf(err))
	}
	it.payload = payload
	s.keyed.Topic = s.rewrite.topic(string(topic))
	return nil
}

// bytes decodes and compresses. What is empty stays so: it clears a retained
// message.
func (s *shaped) bytes(payload []byte) (_ []byte, err error) {
	if s.decode != nil {
		if payload, err = s.decode(payload); err != nil {
			return nil, err
		}
	}
	if s.gzip != nil && len(payload) > 0 {
		payload = s.gzip.squeeze(payload)
	}
	return payload, nil
}

// squeeze compresses a message that is not compressed already.
func (s *shaped) squeeze(m *mqttwire.Publish) {
	if s.gzip == nil || len(m.Payload) == 0 {
		return
	}
	for name := range m.Properties.User() {
		if name == contentEncoding {
			return
		}
	}
	m.Payload = s.gzip.squeeze(m.Payload)
	m.Properties = m.Properties.AddUser(contentEncoding, gzipEncoding)
}

// The user property of a payload that is compressed, and its value.
const (
	contentEncoding = "content-encoding"
	gzipEncoding    = "gzip"
)

// A squeezer compresses one payload after another.
type squeezer struct {
	out bytes.Buffer
	w   *gzip.Writer
}

// squeeze compresses; the result is good until the next call.
func (z *squeezer) squeeze(payload []byte) []byte {
	z.out.Reset()
	if z.w == nil {
		z.w = gzip.NewWriter(&z.out)
	} else {
		z.w.Reset(&z.out)
	}
	_, _ = z.w.Write(payload) // a bytes.Buffer takes everything
	_ = z.w.Close()
	return z.out.Bytes()
}

// A decoder makes bytes out of text, which it may overwrite.
type decoder func(text []byte) ([]byte, error)

func toDecoder(into *decoder) func(string) error {
	return func(s string) error {
		switch s {
		case "hex":
			*into = decodeHex
		case "base64":
			*into = decodeBase64
		default:
			return fmt.Errorf("must be hex or base64")
		}
		return nil
	}
}

// decodeHex takes digits with white space and colons wherever they stand, as
// xxd -p writes them, and 0x before any of them.
func decodeHex(text []byte) ([]byte, error) {
	text = hexDigits(text)
	n, err := hex.Decode(text, text)
	if bad := hex.InvalidByteError(0); errors.As(err, &bad) {
		return nil, fmt.Errorf("no hexadecimal: %q is no digit of it", byte(bad))
	}
	if err != nil {
		return nil, fmt.Errorf("no hexadecimal: %d digits, and it takes two for each byte", len(text))
	}
	return text[:n], nil
}

// hexDigits moves together what is left without separators and 0x.
func hexDigits(text []byte) []byte {
	const separators = " \t\r\n:"
	kept := text[:0]
	begins := true // a word
	for i := 0; i < len(text); i++ {
		c := text[i]
		separates := strings.IndexByte(separators, c) >= 0
		switch {
		case separates:
		case begins && c == '0' && i+1 < len(text) && text[i+1]|0x20 == 'x':
			i++
		default:
			kept = append(kept, c)
		}
		begins = separates
	}
	return kept
}

// decodeBase64 takes either alphabet, with or without padding, and lines that
// are broken.
func decodeBase64(text []byte) ([]byte, error) {
	text = bytes.TrimRight(withoutSpace(text), "=")
	for i, c := range text {
		switch c {
		case '-':
			text[i] = '+'
		case '_':
			text[i] = '/'
		}
	}
	payload, err := base64.RawStdEncoding.AppendDecode(nil, text)
	if bad := base64.CorruptInputError(0); errors.As(err, &bad) {
		if len(text)%4 == 1 && int(bad) >= len(text)-1 {
			return nil, errors.New("no base64: it ends in the middle of a byte")
		}
		return nil, fmt.Errorf("no base64: %q at character %d", text[min(int(bad), len(text)-1)], bad+1)
	}
	return payload, err
}

// withoutSpace moves the other characters together.
func withoutSpace(text []byte) []byte {
	kept := text[:0]
	for _, c := range text {
		if c != ' ' && c != '\n' && c != '\t' && c != '\r' {
			kept = append(kept, c)
		}
	}
	return kept
}
