package sasl

import (
	"errors"
	"slices"
	"strings"

	"golang.org/x/text/unicode/norm"
)

// errForbidden does not tell which character it is: the string may be a password.
var errForbidden = errors.New("SASLprep (RFC 4013) does not allow one of its characters")

// Prepare is SASLprep (RFC 4013), which makes strings equal that look equal. It
// takes characters of Unicode 3.2 alone, as for stored strings: both sides must
// agree on what a password becomes, and of later characters they could not know.
func Prepare(s string) (string, error) {
	if plainASCII(s) {
		return s, nil
	}
	out := norm.NFKC.String(strings.Map(mapped, s))
	rtl, ltr := false, false
	for _, r := range out {
		if r < ' ' || in(forbidden[:], r) {
			return "", errForbidden
		}
		rtl = rtl || in(rightToLeft[:], r)
		ltr = ltr || in(leftToRight[:], r)
	}
	if rtl { // RFC 3454 section 6
		runes := []rune(out)
		if ltr || !in(rightToLeft[:], runes[0]) || !in(rightToLeft[:], runes[len(runes)-1]) {
			return "", errForbidden
		}
	}
	return out, nil
}

// plainASCII tells that there is nothing to do: most strings are so.
func plainASCII(s string) bool {
	for i := range len(s) {
		if s[i] < ' ' || s[i] > '~' {
			return false
		}
	}
	return true
}

// mapped is RFC 4013 section 2.1: other spaces are spaces, and what is commonly
// mapped to nothing is nothing.
func mapped(r rune) rune {
	switch {
	case r == 0xA0, r == 0x1680, r >= 0x2000 && r <= 0x200B, r == 0x202F, r == 0x205F, r == 0x3000:
		return ' '
	case r == 0xAD, r == 0x34F, r == 0x1806, r >= 0x180B && r <= 0x180D, r >= 0x200C && r <= 0x200D, r == 0x2060, r >= 0xFE00 && r <= 0xFE0F, r == 0xFEFF:
		return -1
	}
	return r
}

// in looks a rune up in ranges.
func in(ranges [][2]rune, r rune) bool {
	_, found := slices.BinarySearchFunc(ranges, r, func(x [2]rune, r rune) int {
		switch {
		case x[1] < r:
			return -1
		case x[0] > r:
			return 1
		}
		return 0
	})
	return found
}
