package commands

import (
	"fmt"
	"io"
	"os"
	"strings"
	"unicode/utf8"

	"golang.org/x/term"
)

// A screen is lines of a terminal that are written over in place. It leaves
// what stands above them alone. Not safe for concurrent use.
type screen struct {
	out            io.Writer
	size           func() (columns, lines int)
	drawn          []string
	columns, lines int // then
}

func newScreen(file *os.File) screen {
	return screen{out: file, size: func() (int, int) {
		columns, lines, err := term.GetSize(int(file.Fd()))
		if err != nil || columns < 2 || lines < 2 {
			return 80, 24
		}
		return columns, lines
	}}
}

// draw writes the lines that differ from those drawn, and all of them after a
// change of the terminal's size, which may have wrapped them. layout says what
// should be on a terminal of so many lines, above the line of the cursor.
func (s *screen) draw(layout func(lines int) []string) error {
	columns, lines := s.size()
	var b []byte
	if resized := columns != s.columns || lines != s.lines; resized && s.drawn != nil {
		b = append(b, "\x1b[H\x1b[2J"...)
		s.drawn = s.drawn[:0]
	}
	s.columns, s.lines = columns, lines
	before := len(s.drawn)
	wanted := layout(lines)
	wanted = wanted[:min(len(wanted), lines-1)]
	for len(wanted) < before {
		wanted = append(wanted[:len(wanted):len(wanted)], "")
	}
	for i, line := range wanted {
		if line = fittedPaint(line, columns-1); i >= before {
			b = append(appendUnwrapped(b, line), '\n')
			s.drawn = append(s.drawn, line)
		} else if line != s.drawn[i] {
			b = fmt.Appendf(b, "\x1b[%dA\r\x1b[K", before-i)
			b = fmt.Appendf(appendUnwrapped(b, line), "\x1b[%dB\r", before-i)
			s.drawn[i] = line
		}
	}
	if len(b) == 0 {
		return nil
	}
	_, err := s.out.Write(b)
	return err
}

// erase takes the lines away, and begins anew where the first of them stood.
func (s *screen) erase() error {
	if len(s.drawn) == 0 {
		return nil
	}
	_, err := fmt.Fprintf(s.out, "\x1b[%dA\r\x1b[J", len(s.drawn))
	s.drawn = nil
	return err
}

// clipped is a text of so many characters at most.
func clipped(s string, most int) string {
	if utf8.RuneCountInString(s) <= most {
		return s
	}
	n := 0
	for i := range s {
		if n++; n > most {
			return s[:i]
		}
	}
	return s
}

// fittedPaint is fitted for a text in colours: they take no columns, and those
// behind the cut are kept, as they end what is before it.
func fittedPaint(s string, columns int) string {
	var b strings.Builder
	for s != "" {
		text, paint, _ := strings.Cut(s, "\x1b")
		kept := fitted(text, columns)
		b.WriteString(kept)
		if columns -= widthOf(kept); len(kept) < len(text) {
			columns = 0
		}
		end := strings.IndexByte(paint, 'm') + 1
		if end > 0 {
			b.WriteString("\x1b" + paint[:end])
		}
		s = paint[end:]
	}
	return b.String()
}

// appendUnwrapped appends a line that stays on its row even where characters
// are wider than one column.
func appendUnwrapped(b []byte, line string) []byte {
	b = append(b, "\x1b[?7l"...)
	b = append(b, line...)
	return append(b, "\x1b[?7h"...)
}
