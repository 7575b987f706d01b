package conformance

import (
	"bytes"
	"fmt"
	"strconv"
	"strings"
)

// parseRaw reads the notation for bytes: digits, "text", "text"*3, (…) after
// its length in two bytes, […] after its length as a variable byte integer.
func parseRaw(s string) ([]byte, error) {
	r := rawReader{rest: s}
	b, err := r.sequence(0)
	if err == nil && r.rest != "" {
		err = fmt.Errorf("hex=%s: %q is not open", s, r.rest[:1])
	}
	return b, err
}

type rawReader struct{ rest string }

// sequence reads up to the closing character, or to the end.
func (r *rawReader) sequence(closing byte) (b []byte, err error) {
	for {
		r.rest = strings.TrimLeft(r.rest, " ")
		if r.rest == "" {
			if closing != 0 {
				return nil, fmt.Errorf("hex: %q is missing", closing)
			}
			return b, nil
		}
		switch c := r.rest[0]; c {
		case ')', ']':
			if c != closing {
				return b, nil
			}
			r.rest = r.rest[1:]
			return b, nil
		case '(', '[':
			b, err = r.prefixed(b, c)
		case '"':
			b, err = r.text(b)
		default:
			b, err = r.digits(b)
		}
		if err != nil {
			return nil, err
		}
	}
}

func (r *rawReader) prefixed(b []byte, opening byte) ([]byte, error) {
	r.rest = r.rest[1:]
	closing := byte(')')
	if opening == '[' {
		closing = ']'
	}
	inner, err := r.sequence(closing)
	if err != nil {
		return nil, err
	}
	n := len(inner)
	if opening == '(' {
		return append(append(b, byte(n>>8), byte(n)), inner...), nil
	}
	for n > 127 {
		b = append(b, byte(n)|128)
		n >>= 7
	}
	return append(append(b, byte(n)), inner...), nil
}

func (r *rawReader) text(b []byte) ([]byte, error) {
	quoted, err := strconv.QuotedPrefix(r.rest)
	if err != nil {
		return nil, fmt.Errorf("hex: %s: the quote is not closed", r.rest)
	}
	text, err := strconv.Unquote(quoted)
	if err != nil {
		return nil, err
	}
	r.rest = r.rest[len(quoted):]
	times := 1
	if after, ok := strings.CutPrefix(r.rest, "*"); ok {
		n := len(after) - len(strings.TrimLeft(after, "0123456789"))
		if times, err = strconv.Atoi(after[:n]); err != nil {
			return nil, fmt.Errorf("hex: a number is expected after %s*", quoted)
		}
		r.rest = after[n:]
	}
	return append(b, bytes.Repeat([]byte(text), times)...), nil
}

func (r *rawReader) digits(b []byte) ([]byte, error) {
	if len(r.rest) < 2 {
		return nil, fmt.Errorf("hex: %s: pairs of digits are expected", r.rest)
	}
	n, err := strconv.ParseUint(r.rest[:2], 16, 8)
	if err != nil {
		return nil, fmt.Errorf("hex: %s: pairs of digits are expected", r.rest)
	}
	r.rest = r.rest[2:]
	return append(b, byte(n)), nil
}
