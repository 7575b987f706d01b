package bench

import (
	"bytes"
	"fmt"
	"io"
	"strings"
	"time"
	"unicode/utf8"
)

// A Status is the lines at the end of a terminal that say how a run stands. They
// are redrawn in place; the cursor stays at the start of the line below them. The
// zero value has drawn nothing yet.
type Status struct {
	lines int // that are there
}

// Draw draws how it stands in place of what was drawn before, within width
// columns.
func (s *Status) Draw(w io.Writer, at Snapshot, width int) error {
	return s.DrawLines(w, at.Lines(width-1)) // the last column stays free: no terminal breaks the line
}

// DrawLines draws lines, which have room in one row each, in place of what was
// drawn before.
func (s *Status) DrawLines(w io.Writer, lines []string) error {
	var b bytes.Buffer
	s.back(&b)
	for _, line := range lines {
		b.WriteString(line + "\x1b[K\n")
	}
	if len(lines) < s.lines {
		b.WriteString("\x1b[J")
	}
	s.lines = len(lines)
	_, err := w.Write(b.Bytes())
	return err
}

// Clear takes the lines away, for others to be written there. The next Draw
// begins below those.
func (s *Status) Clear(w io.Writer) error {
	if s.lines == 0 {
		return nil
	}
	var b bytes.Buffer
	s.back(&b)
	b.WriteString("\x1b[J")
	s.lines = 0
	_, err := w.Write(b.Bytes())
	return err
}

// back goes to the first column of the first line.
func (s *Status) back(b *bytes.Buffer) {
	if s.lines > 0 {
		fmt.Fprintf(b, "\r\x1b[%dA", s.lines)
	}
}

// Lines are two lines of at most width columns: how far the phase is, and the
// figures of late.
func (s Snapshot) Lines(width int) []string {
	head := fmt.Sprintf("%-8s", s.Phase)
	tail := s.elapsed()
	if left, ok := s.left(); ok {
		tail = duration((left + time.Second - 1).Truncate(time.Second)) + " left" // not 0 before the end
	}
	if s.Done >= 0 {
		tail = fmt.Sprintf("%3.0f%%  %s", 100*min(s.Done, 1), tail)
		if room := width - utf8.RuneCountInString(head) - utf8.RuneCountInString(tail) - 6; room >= 8 {
			head += "  " + bar(s.Done, min(room, 40))
		}
	}
	return []string{
		cut(strings.TrimRight(head+"  "+tail, " "), width),
		fitting(s.figures(), "   ", width),
	}
}

// String is a line for a log.
func (s Snapshot) String() string {
	return s.Phase + " " + strings.Join(append([]string{s.elapsed()}, s.figures()...), ", ")
}

func (s Snapshot) elapsed() string {
	if s.Total > 0 {
		return duration(s.Elapsed) + " of " + duration(s.Total)
	}
	return duration(s.Elapsed)
}

// left is the time that the phase will still take, if that can be told.
func (s Snapshot) left() (time.Duration, bool) {
	switch {
	case s.Total > 0:
		return max(s.Total-s.Elapsed, 0), true
	case s.Done >= 0.05 && s.Done <= 1:
		return time.Duration(float64(s.Elapsed) * (1 - s.Done) / s.Done), true
	}
	return 0, false
}

// figures are what is known of late, the most important first.
func (s Snapshot) figures() []string {
	var all []string
	if s.Sent > 0 || s.Delivered > 0 || s.Rate > 0 {
		all = append(all, FormatCount(s.Rate)+"/s")
	}
	if s.P99 > 0 {
		all = append(all, "p50 "+FormatTime(s.P50), "p99 "+FormatTime(s.P99))
	}
	switch {
	case s.Sent > 0:
		all = append(all, counted(s.Delivered)+" done", counted(s.Sent)+" sent")
	case s.Delivered > 0:
		all = append(all, counted(s.Delivered)+" done")
	}
	if s.Connected == s.Connections {
		return append(all, counted(s.Connected)+" connected")
	}
	return append(all, counted(s.Connected)+" of "+counted(s.Connections)+" connected")
}

// duration is d in whole seconds.
func duration(d time.Duration) string {
	seconds := int64(d.Round(time.Second) / time.Second)
	switch {
	case seconds < 60:
		return fmt.Sprintf("%d s", seconds)
	case seconds < 3600:
		return fmt.Sprintf("%d min %02d s", seconds/60, seconds%60)
	}
	return fmt.Sprintf("%d h %02d min", seconds/3600, seconds/60%60)
}

// bar is a bar of width columns between brackets.
func bar(done float64, width int) string {
	full := int(min(max(done, 0), 1) * float64(width))
	return "[" + strings.Repeat("=", full) + strings.Repeat(" ", width-full) + "]"
}

// fitting is as many of the parts, from the first, as have room.
func fitting(parts []string, between string, width int) string {
	line := parts[0]
	for _, part := range parts[1:] {
		if longer := line + between + part; utf8.RuneCountInString(longer) <= width {
			line = longer
		} else {
			break
		}
	}
	return cut(line, width)
}

// cut is at most the first width characters of s.
func cut(s string, width int) string {
	for i := range s {
		if width--; width < 0 {
			return s[:i]
		}
	}
	return s
}
