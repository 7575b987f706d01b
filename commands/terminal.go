package commands

import (
	"io"
	"os"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/fatih/color"
	"github.com/mattn/go-isatty"
)

// Terminal rules, stated once. Colour, layout and visible control characters
// are for people: they apply to a stream that is a terminal, each stream by
// itself. NO_COLOR turns colour off, CLICOLOR_FORCE turns it on where there is
// no terminal. Everything else gets the bytes as they are.

// isTerminal tells whether a stream is a file on a terminal.
func isTerminal(stream any) bool {
	f, ok := stream.(*os.File)
	return ok && (isatty.IsTerminal(f.Fd()) || isatty.IsCygwinTerminal(f.Fd()))
}

// canRedraw tells a terminal on which lines may be written over: who wants no
// colours wants no such thing either.
func (p *program) canRedraw(w io.Writer) bool {
	return isTerminal(w) && p.getenv("NO_COLOR") == "" && p.getenv("TERM") != "dumb"
}

// An ink colours text, or leaves it alone.
type ink struct{ on bool }

func (p *program) inkFor(w io.Writer) ink {
	switch {
	case p.getenv("NO_COLOR") != "":
		return ink{}
	case p.getenv("CLICOLOR_FORCE") != "" && p.getenv("CLICOLOR_FORCE") != "0":
		return ink{on: true}
	}
	return ink{on: isTerminal(w) && p.getenv("TERM") != "dumb"}
}

func (i ink) bad(s string) string   { return i.paint(s, color.FgRed, color.Bold) }
func (i ink) head(s string) string  { return i.paint(s, color.Bold) }
func (i ink) topic(s string) string { return i.paint(s, color.FgCyan) }
func (i ink) faint(s string) string { return i.paint(s, color.Faint) }

func (i ink) paint(s string, attributes ...color.Attribute) string {
	if !i.on {
		return s
	}
	c := color.New(attributes...)
	c.EnableColor()
	return c.Sprint(s)
}

// visible writes control characters, and bytes that are no text, as escapes,
// so that text from the other side cannot drive a terminal.
func visible(s string) string {
	if !strings.ContainsFunc(s, isHidden) && utf8.ValidString(s) {
		return s
	}
	return string(appendVisible(nil, s))
}

func appendVisible(dst []byte, s string) []byte {
	const hex = "0123456789abcdef"
	for i := 0; i < len(s); {
		r, n := utf8.DecodeRuneInString(s[i:])
		switch {
		case r == utf8.RuneError && n == 1:
			dst = append(dst, '\\', 'x', hex[s[i]>>4], hex[s[i]&15])
		case r == '\n':
			dst = append(dst, '\\', 'n')
		case r == '\r':
			dst = append(dst, '\\', 'r')
		case r == '\t':
			dst = append(dst, '\\', 't')
		case isHidden(r) && r < 0x80:
			dst = append(dst, '\\', 'x', hex[r>>4], hex[r&15])
		case isHidden(r):
			dst = append(dst, '\\', 'u', hex[r>>12&15], hex[r>>8&15], hex[r>>4&15], hex[r&15])
		default:
			dst = append(dst, s[i:i+n]...)
		}
		i += n
	}
	return dst
}

// isHidden tells the characters that a terminal acts upon instead of showing
// them: C0, C1, and the marks that turn the writing direction.
func isHidden(r rune) bool {
	return unicode.IsControl(r) || (r >= 0x202A && r <= 0x202E) || (r >= 0x2066 && r <= 0x2069)
}
