package commands

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"unicode/utf8"
)

// readHex reads bytes in the notations that tools print them in: digits with or
// without anything between the pairs, 0x or \x before them, a C array, a dump
// with offsets, a Buffer of Node.js, bytes of Python. A # or // begins a comment.
func readHex(text string) ([]byte, error) {
	if b, ok := readWords(text); ok {
		return b, nil
	}
	if b, ok := readDump(text); ok {
		return b, nil
	}
	if b, ok, err := readPython(text); ok {
		return b, err
	}
	if inside, ok := strings.CutPrefix(strings.TrimSpace(text), "<"); ok && strings.HasSuffix(inside, ">") {
		text = strings.TrimPrefix(strings.TrimSuffix(inside, ">"), "Buffer ")
		if strings.Contains(text, " more byte") {
			return nil, errors.New("bytes were left out by Node.js; buffer.toString('hex') has them all")
		}
	}
	if from := strings.IndexByte(text, '{'); from >= 0 {
		if to := strings.IndexByte(text[from:], '}'); to >= 0 {
			text = text[from+1 : from+to]
		}
	}
	if b, ok, err := readList(text); ok {
		return b, err
	}
	b := make([]byte, 0, len(text)/2)
	for i := 0; i < len(text); {
		n := separatorLen(text[i:])
		if n > 0 {
			i += n
			continue
		}
		if lower := strings.ToLower(text[i:min(i+2, len(text))]); lower == "0x" || lower == `\x` {
			i += 2
		}
		digits := hexRun(text[i:])
		switch {
		case len(digits) == 0:
			return nil, notHex(text, i)
		case len(digits) == 1 && i == last(text, digits): // as 30 08 0
			return nil, fmt.Errorf("%s at the end is half a byte, at position %d: a byte is two digits", digits, i+1)
		case len(digits) == 1: // 0x0, or 0 in a C array
			digits = "0" + digits
			i--
		case len(digits)%2 != 0:
			return nil, fmt.Errorf("%s has an odd number of digits, at position %d: a byte is two", shortened(digits), i+1)
		}
		for d := 0; d < len(digits); d += 2 {
			n, _ := strconv.ParseUint(digits[d:d+2], 16, 8)
			b = append(b, byte(n))
		}
		i += len(digits)
	}
	return b, nil
}

// separatorLen is the length of what stands between bytes and means nothing.
func separatorLen(s string) int {
	switch {
	case strings.HasPrefix(s, "\\\n"), strings.HasPrefix(s, "\\\r"): // a line of C goes on
		return 2
	case strings.IndexByte(" \t\r\n,:;-\"'", s[0]) >= 0:
		return 1
	case strings.HasPrefix(s, "hex="):
		return len("hex=")
	case s[0] == '#' || strings.HasPrefix(s, "//"):
		if end := strings.IndexByte(s, '\n'); end >= 0 {
			return end + 1
		}
		return len(s)
	}
	return 0
}

// readList reads numbers between commas of which some begin with 0x, or all of
// them decimal in brackets: without 0x they are decimal, as in C and Python.
func readList(text string) (b []byte, ok bool, err error) {
	bracket := strings.HasPrefix(strings.TrimSpace(text), "[")
	if !strings.Contains(text, ",") || !bracket && !strings.Contains(text, "0x") || strings.ContainsAny(text, "#/\"") {
		return nil, false, nil
	}
	for part := range strings.SplitSeq(strings.Trim(text, "[]() \t\r\n,;"), ",") {
		part = strings.TrimSpace(part)
		lower := strings.ToLower(part)
		if bracket && len(part) > 1 && part[0] == '0' && isDecimal(part) {
			return nil, false, nil // 08, in hexadecimal digits then
		}
		if !strings.HasPrefix(lower, "0x") && !isDecimal(part) || strings.ContainsAny(part, " \t\r\n") {
			return nil, false, nil
		}
		n, err := strconv.ParseUint(lower, 0, 64)
		if err != nil {
			n, err = strconv.ParseUint(part, 10, 64)
		}
		if err != nil || n > 255 {
			return nil, true, fmt.Errorf("%s is no byte: one is at most 0xff, or 255", shortened(part))
		}
		b = append(b, byte(n))
	}
	return b, len(b) > 0, nil
}

func isDecimal(s string) bool { return s != "" && strings.Trim(s, "0123456789") == "" }

// last is where a single digit without a prefix stands at the end of text, as
// the rest of a byte; -1: it does not.
func last(text, digits string) int {
	end := strings.TrimRight(text, " \t\r\n\"'")
	at := len(end) - len(digits)
	if at < 1 || strings.ContainsAny(text, ",xX;{") || !strings.HasSuffix(end, digits) {
		return -1
	}
	return at
}

func hexRun(s string) string {
	return s[:len(s)-len(strings.TrimLeft(s, "0123456789abcdefABCDEF"))]
}

func notHex(text string, at int) error {
	if at == len(text) {
		return fmt.Errorf("the digits end behind a prefix")
	}
	for _, r := range text[at:] {
		return fmt.Errorf("%q at position %d is no hexadecimal digit", r, at+1)
	}
	return nil
}

// readPython reads bytes as Python writes them: b'0\x08\x00\x03a/b'.
func readPython(text string) (b []byte, ok bool, err error) {
	text = strings.TrimSpace(text)
	if len(text) < 3 || text[0] != 'b' || text[1] != '\'' && text[1] != '"' || text[len(text)-1] != text[1] {
		return nil, false, nil
	}
	quote := text[1]
	for rest := text[2 : len(text)-1]; rest != ""; {
		if rest[0] == quote || rest[0] >= utf8.RuneSelf {
			return nil, true, fmt.Errorf("%q cannot stand in bytes of Python", shortened(rest))
		}
		value, wide, tail, err := strconv.UnquoteChar(rest, quote)
		if err != nil || wide {
			return nil, true, fmt.Errorf("%q is no byte of Python", shortened(rest))
		}
		b, rest = append(b, byte(value)), tail
	}
	return b, true, nil
}

// readWords reads what hexdump prints when it is asked for nothing: words of
// two bytes, the second first, and at the end how many bytes there were.
func readWords(text string) (b []byte, ok bool) {
	for line := range strings.Lines(text) {
		words := strings.Fields(line)
		if len(words) == 0 || len(words[0]) != 7 {
			return nil, false
		}
		at, err := strconv.ParseUint(words[0], 16, 32)
		if err != nil || at > uint64(len(b)) {
			return nil, false
		}
		if len(words) == 1 {
			return b[:at], at+1 >= uint64(len(b)) && at > 0
		}
		if at < uint64(len(b)) {
			return nil, false
		}
		for _, word := range words[1:] {
			pair, err := strconv.ParseUint(word, 16, 16)
			if err != nil || len(word) != 4 {
				return nil, false
			}
			b = append(b, byte(pair), byte(pair>>8))
		}
	}
	return nil, false
}

// readDump reads lines that begin with the offset of their bytes, which must be
// right: so nothing else is taken for a dump.
func readDump(text string) (b []byte, ok bool) {
	lines := 0
	for line := range strings.Lines(text) {
		line = strings.TrimRight(line, " \r\n")
		if line == "" {
			continue
		}
		offset, rest, _ := strings.Cut(strings.TrimLeft(line, " "), " ")
		offset = strings.TrimSuffix(offset, ":")
		n, err := strconv.ParseUint(offset, 16, 32)
		if err != nil || len(offset) < 4 || n != uint64(len(b)) {
			return nil, false
		}
		b = appendRow(b, rest)
		lines++
	}
	return b, lines > 0 && len(b) > 0
}

// appendRow appends the bytes of a row, up to the characters that they are
// shown as: those stand behind more blanks than there are between bytes.
func appendRow(b []byte, row string) []byte {
	row, _, _ = strings.Cut(row, "|")
	row = strings.TrimLeft(row, " ")
	for n := 0; n < 16 && len(hexRun(row)) >= 2; n++ {
		x, _ := strconv.ParseUint(row[:2], 16, 8)
		b = append(b, byte(x))
		row = row[2:]
		trimmed := strings.TrimLeft(row, " ")
		if gap := len(row) - len(trimmed); gap > 2 || gap == 2 && n != 7 {
			break
		}
		row = trimmed
	}
	return b
}
