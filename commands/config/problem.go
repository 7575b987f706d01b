package config

import (
	"fmt"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

// A Problem is one thing that is wrong with what was given, and what to do.
type Problem struct {
	File         string // or who gave it: --set, --listen, MQTK_SET
	Line, Column int    // from 1, the column in runes; 0: not in a file
	Key          string // the path of the key; may be empty
	Text         string // a sentence that says what to change

	line  string // the line of the file
	width int    // runes to underline
	more  bool   // the next of what the one before says, in a file of its own
}

// String is FILE:LINE:COLUMN: KEY: TEXT, and below it the line with the key
// underlined.
func (p Problem) String() string {
	if p.more {
		return p.Text
	}
	var b strings.Builder
	b.WriteString(p.File)
	if p.Line > 0 {
		fmt.Fprintf(&b, ":%d:%d", p.Line, p.Column)
	}
	if b.Len() > 0 {
		b.WriteString(": ")
	}
	if p.Key != "" {
		b.WriteString(p.Key + ": ")
	}
	b.WriteString(p.Text)
	if p.Line > 0 {
		p.underline(&b)
	}
	return b.String()
}

// Error makes a Problem an error.
func (p Problem) Error() string { return p.String() }

const (
	longestLine = 160 // runes that are shown of a line
	beforeKey   = 40  // of those, at least, before the key
)

func (p Problem) underline(b *strings.Builder) {
	line, column := []rune(hideSecret(p.line)), p.Column-1
	if from := column - beforeKey; from > 0 && len(line) > longestLine {
		line, column = line[min(from, len(line)):], beforeKey
	}
	line = line[:min(len(line), longestLine)]
	margin := fmt.Sprintf("%5d | ", p.Line)
	b.WriteString("\n" + margin)
	for _, r := range line {
		if r != '\t' && (unicode.IsControl(r) || r == utf8.RuneError) {
			r = '?'
		}
		b.WriteRune(r)
	}
	b.WriteString("\n" + strings.Repeat(" ", len(margin)-2) + "| ")
	for i := range column {
		if i < len(line) && line[i] == '\t' {
			b.WriteByte('\t') // so that the mark stands where the key does
			continue
		}
		b.WriteByte(' ')
	}
	b.WriteString("^" + strings.Repeat("~", max(min(p.width, longestLine-column)-1, 0)))
}

// hideSecret leaves out of a line what a key of it keeps to itself.
func hideSecret(line string) string {
	for _, k := range schema() {
		if !k.Secret {
			continue
		}
		i := strings.Index(line, k.name())
		if i < 0 {
			continue
		}
		if equals := strings.IndexByte(line[i:], '='); equals >= 0 {
			return line[:i+equals+1] + " ..."
		}
	}
	from, to := strings.Index(line, "://"), strings.LastIndexByte(line, '@')
	if from >= 0 && to > from {
		return line[:from+3] + "..." + line[to:] // a URL with a password
	}
	return line
}

// InOrder sorts problems as they stand in the file, those of others before.
func InOrder(problems []Problem) []Problem {
	slices.SortStableFunc(problems, func(a, b Problem) int {
		if a.Line != b.Line {
			return a.Line - b.Line
		}
		return a.Column - b.Column
	})
	return problems
}
