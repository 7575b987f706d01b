package commands

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/width"
)

// widthOf is how many columns of a terminal a text fills.
func widthOf(s string) (n int) {
	for _, r := range s {
		n += runeColumns(r)
	}
	return n
}

// runeColumns is 2 for wide characters, emoji among them, and 0 for those that
// are written over the one before.
func runeColumns(r rune) int {
	switch {
	case r < 0x300:
		return 1
	case unicode.In(r, unicode.Mn, unicode.Me, unicode.Cf) || r >= 0x1160 && r <= 0x11FF: // the latter: Jamo that join
		return 0
	}
	switch width.LookupRune(r).Kind() {
	case width.EastAsianWide, width.EastAsianFullwidth:
		return 2
	}
	return 1
}

// fitted is the beginning of a text that fits into so many columns.
func fitted(s string, columns int) string {
	n := 0
	for i, r := range s {
		if n += runeColumns(r); n > columns {
			return s[:i]
		}
	}
	return s
}

// fittedEnd is the end of a text that fits into so many columns.
func fittedEnd(s string, columns int) string {
	start, n := len(s), 0
	for i := len(s); i > 0; {
		r, size := utf8.DecodeLastRuneInString(s[:i])
		i -= size
		wide := runeColumns(r)
		if n += wide; n > columns {
			break
		}
		if wide > 0 { // what is written over a character stays with it
			start = i
		}
	}
	return s[start:]
}

// paddedTo is a text that fills so many columns, the end of which is … where there
// was more.
func paddedTo(s string, columns int) string {
	if widthOf(s) > columns {
		s = fitted(s, columns-1) + "…"
	}
	return s + strings.Repeat(" ", max(columns-widthOf(s), 0))
}
