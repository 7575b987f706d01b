package commands

import (
	"os"
	"strconv"
	"strings"
	"time"

	"golang.org/x/term"

	"mqtk/mqttwire"
)

// A watch keeps one line of a terminal for each topic and writes a message
// over the one before it. Topics that find no line any more share the last.
type watch struct {
	file *os.File
	rows map[string]int
	used int
}

func newWatch(file *os.File) *watch { return &watch{file: file, rows: map[string]int{}} }

// render moves up to the topic's line, writes it anew, and moves back below
// the last one.
func (w *watch) render(dst []byte, m *mqttwire.Publish, _ time.Time) ([]byte, bool) {
	columns, lines, err := term.GetSize(int(w.file.Fd()))
	if err != nil || columns < 2 || lines < 3 {
		columns, lines = 80, 24
	}
	row, known := w.rows[m.Topic]
	if !known {
		if w.used < lines-1 {
			w.rows[strings.Clone(m.Topic)] = w.used // m is good until the next one
			w.used++
			return append(appendWatchLine(dst, m, columns), '\n'), true
		}
		row = w.used - 1
	}
	up := min(w.used-row, lines-1)
	dst = append(dst, "\x1b["...)
	dst = strconv.AppendInt(dst, int64(up), 10)
	dst = append(dst, "A\r\x1b[K"...)
	dst = appendWatchLine(dst, m, columns)
	dst = append(dst, "\x1b["...)
	dst = strconv.AppendInt(dst, int64(up), 10)
	return append(dst, "B\r"...), true
}

// appendWatchLine appends topic and payload, cut to one line.
func appendWatchLine(dst []byte, m *mqttwire.Publish, columns int) []byte {
	payload := m.Payload[:min(len(m.Payload), 4*columns)]
	line := visible(m.Topic + " " + string(payload))
	n := 0
	for i := range line {
		if n++; n == columns {
			line = line[:i]
			break
		}
	}
	return append(dst, line...)
}
