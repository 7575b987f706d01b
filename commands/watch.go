package commands

import (
	"fmt"
	"io"
	"os"
	"strings"
	"sync"
	"time"
	"unicode/utf8"

	"golang.org/x/term"

	"mqtk/mqttwire"
)

// A watch keeps one line of a terminal for each topic and writes a message
// over the one before it. Topics that find no line are counted in the last one.
// What changed is drawn when nothing more comes, and now and then in a flood.
type watch struct {
	out  io.Writer
	size func() (columns, lines int)

	mu             sync.Mutex // guards what follows
	rows           []string   // topic and payload, in the order of their first message
	index          map[string]int
	more           int      // topics that have no row
	screen         []string // the lines as drawn
	columns, lines int      // then
	drawn          time.Time
}

const (
	watchRows   = 500     // more lines than a terminal has
	watchTopics = 1 << 16 // that are remembered, if only to count them
	watchText   = 512     // more characters than a line has
	watchEvery  = 100 * time.Millisecond
)

func newWatch(file *os.File) *watch {
	return &watch{out: file, index: map[string]int{}, size: func() (int, int) {
		columns, lines, err := term.GetSize(int(file.Fd()))
		if err != nil || columns < 2 || lines < 3 {
			return 80, 24
		}
		return columns, lines
	}}
}

// show takes a message.
func (w *watch) show(m *mqttwire.Publish, now time.Time) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	row, known := w.index[m.Topic]
	switch {
	case known && row >= 0:
		w.rows[row] = watchLine(m)
	case !known && len(w.rows) < watchRows:
		w.index[strings.Clone(m.Topic)] = len(w.rows) // m is good until the next one
		w.rows = append(w.rows, watchLine(m))
	case !known && len(w.index) < watchTopics:
		w.index[strings.Clone(m.Topic)] = -1
		w.more++
	}
	if now.Sub(w.drawn) < watchEvery {
		return nil
	}
	w.drawn = now
	return w.update()
}

// draw brings the terminal up to date.
func (w *watch) draw() error {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.update()
}

// update writes the lines that differ from those drawn, and all of them after a
// change of the terminal's size, which may have wrapped them; w.mu is held.
func (w *watch) update() error {
	columns, lines := w.size()
	var b []byte
	if resized := columns != w.columns || lines != w.lines; resized && w.screen != nil {
		b = append(b, "\x1b[H\x1b[2J"...)
		w.screen = w.screen[:0]
	}
	w.columns, w.lines = columns, lines
	before := len(w.screen)
	for i, line := range w.layout() {
		if line = clipped(line, columns-1); i >= before {
			b = append(appendUnwrapped(b, line), '\n')
			w.screen = append(w.screen, line)
		} else if line != w.screen[i] {
			b = fmt.Appendf(b, "\x1b[%dA\r\x1b[K", before-i)
			b = fmt.Appendf(appendUnwrapped(b, line), "\x1b[%dB\r", before-i)
			w.screen[i] = line
		}
	}
	if len(b) == 0 {
		return nil
	}
	_, err := w.out.Write(b)
	return err
}

// layout is what should be on the screen, above the line of the cursor.
func (w *watch) layout() []string {
	topics, room := len(w.rows)+w.more, w.lines-1
	if topics <= room {
		return w.rows
	}
	shown := min(len(w.rows), room-1)
	rest := fmt.Sprintf("… %d more topics", topics-shown)
	if topics == watchTopics {
		rest = fmt.Sprintf("… at least %d more topics", topics-shown)
	}
	return append(append([]string(nil), w.rows[:shown]...), rest)
}

// watchLine is topic and payload, on one line.
func watchLine(m *mqttwire.Publish) string {
	payload := m.Payload[:min(len(m.Payload), 4*watchText)]
	return strings.Clone(clipped(visible(m.Topic+" "+string(payload)), watchText))
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

// appendUnwrapped appends a line that stays on its row even where characters
// are wider than one column.
func appendUnwrapped(b []byte, line string) []byte {
	b = append(b, "\x1b[?7l"...)
	b = append(b, line...)
	return append(b, "\x1b[?7h"...)
}
