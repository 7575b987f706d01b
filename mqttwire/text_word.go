package mqttwire

import (
	"encoding/hex"
	"fmt"
	"strconv"
	"strings"
	"unicode/utf8"
)

// A word is what stands between two blanks of a line: a bare word, kept in
// key, or a key and its value.
type word struct {
	raw, key, value string
	isField         bool
}

// cutWord takes the first word off a line that does not begin with a blank.
func cutWord(line string) (w word, rest string, err error) {
	n := bareLen(line)
	for n > 0 && strings.HasPrefix(line[n:], "|") && !strings.Contains(line[:n], "=") {
		more := bareLen(line[n+1:]) // REASON|REASON, for Match
		if more == 0 {
			break
		}
		n += 1 + more
	}
	w.key, w.value, w.isField = strings.Cut(line[:n], "=")
	if w.isField && w.value == "" && n < len(line) && (line[n] == '"' || line[n] == '`') {
		quoted, err := strconv.QuotedPrefix(line[n:])
		if err != nil {
			return w, "", fmt.Errorf("%s: the quote is not closed, or holds an escape that does not exist", clip(line))
		}
		w.value, _ = strconv.Unquote(quoted)
		n += len(quoted)
	}
	w.raw, rest = line[:n], line[n:]
	if rest != "" && rest[0] != ' ' && rest[0] != '\t' {
		r, size := utf8.DecodeRuneInString(rest)
		char := strconv.QuoteRune(r)
		if r == utf8.RuneError && size == 1 {
			char = fmt.Sprintf("byte 0x%02X", rest[0])
		}
		return w, "", fmt.Errorf("%s: %s cannot stand here outside double quotes", clip(w.raw+rest), char)
	}
	if w.isField && w.key == "" {
		return w, "", fmt.Errorf("%s: a key is expected before the =", clip(w.raw))
	}
	return w, rest, nil
}

// bareLen is the length of the part of s that may stand without quotes.
func bareLen(s string) int {
	for i, r := range s {
		if !strconv.IsPrint(r) || strings.ContainsRune(" \"'`;|", r) {
			return i
		}
		if r == utf8.RuneError && !strings.HasPrefix(s[i:], "\uFFFD") {
			return i
		}
	}
	return len(s)
}

func (f Field) String() string { return string(f.append(nil)) }

func (f Field) append(dst []byte) []byte {
	dst = append(append(dst, f.Key...), '=')
	if f.Value == "" || bareLen(f.Value) < len(f.Value) || strings.Contains(f.Value, "=") {
		return strconv.AppendQuote(dst, f.Value)
	}
	return append(dst, f.Value...)
}

// hexKey is the key under which the binary value of key is written in
// hexadecimal.
func hexKey(key string) string {
	if before, ok := strings.CutSuffix(key, "payload"); ok {
		return before + "hex"
	}
	return key + "-hex"
}

// baseKey is the key that a hexKey was made from.
func baseKey(key string) string {
	if key == "hex" || key == "will-hex" {
		return strings.TrimSuffix(key, "hex") + "payload"
	}
	return strings.TrimSuffix(key, "-hex")
}

func isPayload(key string) bool { return key == "payload" || key == "hex" }

// binaryField is key=text or, where b does not read as text, its hexadecimal
// sibling.
func binaryField(key string, b []byte) Field {
	if readsAsText(b) {
		return Field{key, string(b)}
	}
	return Field{hexKey(key), hex.EncodeToString(b)}
}

// readsAsText reports whether b is UTF-8 without control characters other
// than those that end and indent lines.
func readsAsText(b []byte) bool {
	if !utf8.Valid(b) {
		return false
	}
	for _, r := range string(b) {
		if (r < ' ' || r >= 0x7F && r < 0xA0) && r != '\n' && r != '\r' && r != '\t' {
			return false
		}
	}
	return true
}

// unhex reads hexadecimal digits; in quotes they may be spaced.
func unhex(s string) ([]byte, error) {
	b, err := hex.DecodeString(strings.ReplaceAll(s, " ", ""))
	if err != nil {
		return nil, fmt.Errorf("pairs of hexadecimal digits are expected")
	}
	return b, nil
}

// pairField is a user property: split at the first =, so that a name that
// holds one goes into hexadecimal.
func pairField(key, name, value string) Field {
	if strings.Contains(name, "=") {
		return Field{hexKey(key), hex.EncodeToString([]byte(name)) + "=" + hex.EncodeToString([]byte(value))}
	}
	return Field{key, name + "=" + value}
}

func splitPair(s string, inHex bool) (name, value string, err error) {
	name, value, ok := strings.Cut(s, "=")
	if !ok {
		return "", "", fmt.Errorf("name=value is expected after the key")
	}
	if inHex {
		n, err1 := unhex(name)
		v, err2 := unhex(value)
		if err1 != nil || err2 != nil {
			return "", "", fmt.Errorf("name=value is expected after the key, both as pairs of hexadecimal digits")
		}
		name, value = string(n), string(v)
	}
	return name, value, nil
}

// parseNumber reads a decimal or, after 0x, hexadecimal number up to max.
func parseNumber(s string, max uint32) (uint32, error) {
	digits, base := s, 10
	if len(s) > 2 && strings.EqualFold(s[:2], "0x") {
		digits, base = s[2:], 16
	}
	n, err := strconv.ParseUint(digits, base, 32)
	if err != nil || uint32(n) > max {
		return 0, fmt.Errorf("a number from 0 to %d is expected", max)
	}
	return uint32(n), nil
}

func yesNo(s string) (bool, error) {
	switch strings.ToLower(s) {
	case "1", "true":
		return true, nil
	case "0", "false":
		return false, nil
	}
	return false, fmt.Errorf("1 or 0 is expected")
}

// clip shortens what an error repeats, and makes all of it visible.
func clip(s string) string {
	if s = shorten(s); bareLen(s) < len(s) {
		return strconv.Quote(s)
	}
	return s
}

func shorten(s string) string {
	const most = 40
	if len(s) <= most {
		return s
	}
	n := most - 3
	for n > 0 && !utf8.RuneStart(s[n]) {
		n--
	}
	return s[:n] + "..."
}

// hint proposes the name nearest to a misspelt one, or lists them all.
func hint(got string, names []string) string {
	if best := Nearest(got, names); best != "" {
		return "did you mean " + best + "?"
	}
	return "it is one of " + strings.Join(names, " ")
}

// Nearest is the name that a misspelt one is most likely to be: of those that
// differ in a letter, or in up to three where it is long, the one that differs
// least. Empty: there is none.
func Nearest(got string, names []string) string {
	best, least := "", 1+min(len(got)/4, 2)
	for _, name := range names {
		if len(got)-len(name) > least {
			continue // spares the distance of a very long word
		}
		if d := editDistance(got, name); d <= least && (best == "" || d < least) {
			best, least = name, d
		}
	}
	return best
}

// editDistance counts the letters to add, drop or change between a and b.
func editDistance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			change := diagonal
			if a[i] != b[j] {
				change++
			}
			diagonal = row[j+1]
			row[j+1] = min(change, row[j]+1, row[j+1]+1)
		}
	}
	return row[len(b)]
}
