package bench

import (
	"fmt"
	"io"
	"strings"
	"unicode"
	"unicode/utf8"
)

// A Tone is how a line is meant, for whoever has colours.
type Tone byte

const (
	Plain Tone = iota
	Good
	Warning
	Bad
)

// A Line is a row of a report.
type Line struct {
	Label string
	Text  string
	Tone  Tone
}

const (
	lineWidth  = 80
	labelWidth = 14
)

// String is the row, broken at spaces where it is too long for a terminal,
// without the last newline. What a broker may have put into it to move the cursor
// becomes question marks.
func (l Line) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%-*s", labelWidth-1, l.Label)
	for i, text := range wrap(printable(l.Text), lineWidth-labelWidth) {
		if i > 0 {
			b.WriteString("\n" + strings.Repeat(" ", labelWidth-1))
		}
		b.WriteString(" " + text)
	}
	return strings.TrimRight(b.String(), " ")
}

func printable(s string) string {
	return strings.Map(func(c rune) rune {
		if unicode.IsPrint(c) {
			return c
		}
		return '?'
	}, s)
}

// wrap breaks s into lines of at most width columns where it has spaces: after a
// comma or the like, if that leaves no more than a third of a line empty.
func wrap(s string, width int) []string {
	var lines []string
	for utf8.RuneCountInString(s) > width {
		cut := lastSpace(s, width)
		if cut < 0 {
			break
		}
		lines = append(lines, strings.TrimRight(s[:cut], " "))
		s = s[cut+1:]
	}
	return append(lines, s)
}

// lastSpace is the index of the space to break s at; if the first width columns
// have none, the first one after them.
func lastSpace(s string, width int) int {
	space, stop, column := -1, -1, 0
	for i, c := range s {
		if column > width && space >= 0 {
			break
		}
		if c == ' ' {
			space = i
			if column > width*2/3 && i > 0 && strings.IndexByte(",;:", s[i-1]) >= 0 {
				stop = i
			}
		}
		column++
	}
	if stop >= 0 {
		return stop
	}
	return space
}

// writeLines writes each line as it is.
func writeLines(w io.Writer, lines []Line) (n int64, err error) {
	var b strings.Builder
	for _, l := range lines {
		b.WriteString(l.String() + "\n")
	}
	written, err := io.WriteString(w, b.String())
	return int64(written), err
}
