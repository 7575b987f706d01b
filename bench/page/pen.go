package page

import (
	"bytes"
	"fmt"
	"html"
	"strings"
	"unicode"
)

// markup is text of the page as it stands: the constants of this package. All
// other text is a string, which is escaped on its way in.
type markup string

// A pen writes a page.
type pen struct{ bytes.Buffer }

// longestText is how much of a text from elsewhere is shown, in runes.
const longestText = 2000

// put writes format, whose verbs are filled like those of Fprintf: a string is
// text, and cannot be anything else.
func (p *pen) put(format markup, args ...any) {
	for i, a := range args {
		switch a := a.(type) {
		case markup, int, int64, float64:
		default:
			args[i] = escape(fmt.Sprint(a))
		}
	}
	fmt.Fprintf(p, string(format), args...)
}

// escape makes a text safe between tags and in quotes, also for XML, which has no
// way to say most control characters. What would turn the direction of the text
// around it shows as a replacement, too.
func escape(s string) markup {
	var b strings.Builder
	n := 0
	for _, r := range s { // an invalid byte is U+FFFD
		if n++; n > longestText {
			b.WriteString("…")
			break
		}
		switch {
		case r == '\n' || r == '\t':
		case unicode.IsControl(r), unicode.Is(unicode.Bidi_Control, r), r&0xFFFE == 0xFFFE:
			r = unicode.ReplacementChar
		}
		b.WriteRune(r)
	}
	return markup(html.EscapeString(b.String()))
}
