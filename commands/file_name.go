package commands

import (
	"crypto/sha256"
	"encoding/hex"
	"path/filepath"
	"strings"
	"unicode/utf8"
)

// Text from elsewhere as the name of a file: no two texts have one name, no
// name leads out of its folder, and names are the same, and allowed, on each
// system.

// nameLimit is how long a name may be: 255 bytes are the limit of most systems.
const nameLimit = 200

// topicPath is the path of a topic, relative, with a folder for each level.
func topicPath(topic string) string {
	var path []byte
	for level := range strings.SplitSeq(topic, "/") {
		if path != nil {
			path = append(path, '/')
		}
		path = appendFileName(path, level)
	}
	return filepath.FromSlash(string(path))
}

// appendFileName appends a text as a name. Bytes that a system may refuse are
// %XX, as in a URL; an empty text is %, and of a long one the end is a hash.
func appendFileName(dst []byte, text string) []byte {
	if text == "" {
		return append(dst, '%')
	}
	start := len(dst)
	for i := 0; i < len(text); {
		r, n := utf8.DecodeRuneInString(text[i:])
		first, last := i == 0, i+n == len(text)
		escaped := r == utf8.RuneError && n == 1 || isHidden(r) || strings.ContainsRune(`%/\:*?"<>|`, r) ||
			r == '.' && (first || last) || r == ' ' && (first || last) || first && isDevice(text)
		for ; n > 0; n-- {
			if escaped {
				dst = append(dst, '%', hexCapitals[text[i]>>4], hexCapitals[text[i]&15])
			} else {
				dst = append(dst, text[i])
			}
			i++
		}
	}
	if len(dst)-start <= nameLimit {
		return dst
	}
	sum := sha256.Sum256([]byte(text))
	cut := start + nameLimit - 40
	for dst[cut]&0xC0 == 0x80 { // within a character
		cut--
	}
	dst = append(dst[:cut], "%+"...)
	return hex.AppendEncode(dst, sum[:16])
}

const hexCapitals = "0123456789ABCDEF"

// isDevice tells the names that Windows keeps for devices, with any extension.
func isDevice(name string) bool {
	name, _, _ = strings.Cut(strings.ToUpper(name), ".")
	switch name {
	case "CON", "PRN", "AUX", "NUL":
		return true
	}
	digit := len(name) == 4 && name[3] >= '0' && name[3] <= '9'
	return digit && (name[:3] == "COM" || name[:3] == "LPT")
}
