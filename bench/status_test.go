package bench

import (
	"fmt"
	"strings"
	"testing"
	"time"
	"unicode/utf8"
)

// A screen is as much of a terminal as the status needs: lines without end, and a
// cursor. It breaks lines as terminals do.
type screen struct {
	width    int
	rows     [][]rune
	row, col int
	err      error
}

func (s *screen) Write(p []byte) (int, error) {
	text := []rune(string(p))
	for i := 0; i < len(text); i++ {
		for len(s.rows) <= s.row {
			s.rows = append(s.rows, nil)
		}
		switch c := text[i]; c {
		case '\n':
			s.row, s.col = s.row+1, 0
		case '\r':
			s.col = 0
		case '\x1b':
			n, used := s.escape(text[i+1:])
			s.act(n, text[i+used])
			i += used
		default:
			if s.col == s.width {
				s.err = fmt.Errorf("line %d is longer than %d columns", s.row, s.width)
			}
			for len(s.rows[s.row]) <= s.col {
				s.rows[s.row] = append(s.rows[s.row], ' ')
			}
			s.rows[s.row][s.col] = c
			s.col++
		}
	}
	return len(p), s.err
}

// escape reads the number of a sequence, and how long it is.
func (s *screen) escape(text []rune) (n, used int) {
	for used = 1; text[used] >= '0' && text[used] <= '9'; used++ {
		n = 10*n + int(text[used]-'0')
	}
	return n, used + 1
}

func (s *screen) act(n int, command rune) {
	switch command {
	case 'A':
		if s.row -= n; s.row < 0 {
			s.err = fmt.Errorf("the cursor leaves the screen")
		}
	case 'K':
		s.rows[s.row] = s.rows[s.row][:min(s.col, len(s.rows[s.row]))]
	case 'J':
		s.rows[s.row] = s.rows[s.row][:min(s.col, len(s.rows[s.row]))]
		s.rows = s.rows[:s.row+1]
	default:
		s.err = fmt.Errorf("unknown sequence %c", command)
	}
}

func (s *screen) String() string {
	var b strings.Builder
	for _, row := range s.rows {
		b.WriteString(strings.TrimRight(string(row), " ") + "\n")
	}
	return strings.TrimRight(b.String(), "\n")
}

func measuring() Snapshot {
	return Snapshot{
		Phase: "measure", Elapsed: 5200 * time.Millisecond, Total: 10 * time.Second, Done: 0.52, Connected: 20, Connections: 20,
		Sent: 10_400, Delivered: 10_398, Rate: 1999.7, P50: 210 * time.Microsecond, P99: 1313 * time.Microsecond,
	}
}

func TestSnapshotLines(t *testing.T) {
	connecting := Snapshot{Phase: "connect", Elapsed: 2 * time.Second, Done: 0.25, Connected: 500, Connections: 2000}
	waiting := Snapshot{Phase: "wait", Elapsed: 3 * time.Second, Done: -1, Connected: 20, Connections: 20, Delivered: 5}
	for _, test := range []struct {
		at    Snapshot
		width int
		want  string
	}{
		{measuring(), 79, "measure   [====================                    ]   52%  5 s left|2,000/s   p50 210 µs   p99 1.31 ms   10,398 done   10,400 sent   20 connected"},
		{measuring(), 40, "measure   [======      ]   52%  5 s left|2,000/s   p50 210 µs   p99 1.31 ms"},
		{measuring(), 25, "measure    52%  5 s left|2,000/s   p50 210 µs"},
		{measuring(), 5, "measu|2,000"},
		{connecting, 60, "connect   [========                        ]   25%  6 s left|500 of 2,000 connected"},
		{waiting, 60, "wait      3 s|0/s   5 done   20 connected"},
		{Snapshot{Phase: "drain", Elapsed: time.Second, Done: 0.01}, 40, "drain     [                 ]    1%  1 s|0 connected"},
		{Snapshot{Phase: "hold", Elapsed: 3 * time.Second, Total: 2 * time.Second, Done: 1.5}, 40, "hold      [============]  100%  0 s left|0 connected"},
	} {
		lines := test.at.Lines(test.width)
		for _, line := range lines {
			if utf8.RuneCountInString(line) > test.width {
				t.Errorf("%q has more than %d columns", line, test.width)
			}
		}
		if got := strings.Join(lines, "|"); got != test.want {
			t.Errorf("%s, %d columns:\n%q, want\n%q", test.at.Phase, test.width, got, test.want)
		}
	}
}

func TestSnapshotString(t *testing.T) {
	for _, test := range []struct {
		at   Snapshot
		want string
	}{
		{measuring(), "measure 5 s of 10 s, 2,000/s, p50 210 µs, p99 1.31 ms, 10,398 done, 10,400 sent, 20 connected"},
		{Snapshot{Phase: "connect", Elapsed: 62 * time.Second, Connections: 3}, "connect 1 min 02 s, 0 of 3 connected"},
		{Snapshot{Phase: "hold", Elapsed: 3700 * time.Second, Connected: 1, Connections: 1}, "hold 1 h 01 min, 1 connected"},
	} {
		if got := test.at.String(); got != test.want {
			t.Errorf("%q, want %q", got, test.want)
		}
	}
}

// TestStatus: whatever was drawn before, the screen shows the last state alone,
// below what was written before and between.
func TestStatus(t *testing.T) {
	var s Status
	screen := &screen{width: 40}
	draw := func(at Snapshot, width int) {
		t.Helper()
		if err := s.Draw(screen, at, width); err != nil {
			t.Fatal(err)
		}
	}
	show := func(want string) {
		t.Helper()
		if got := screen.String(); got != want {
			t.Errorf("the screen is\n%s\nwant\n%s", got, want)
		}
	}
	fmt.Fprintln(screen, "$ mqtk bench")
	if err := s.Clear(screen); err != nil { // there is nothing yet
		t.Fatal(err)
	}
	draw(measuring(), 40)
	later := measuring()
	later.Phase, later.Done, later.Elapsed, later.P99 = "wait", -1, time.Second, 0
	draw(later, 40)
	draw(later, 20)
	show("$ mqtk bench\nwait      9 s left\n2,000/s")
	if err := s.Clear(screen); err != nil {
		t.Fatal(err)
	}
	show("$ mqtk bench")
	fmt.Fprintln(screen, "a word between")
	draw(measuring(), 40)
	draw(measuring(), 40)
	show("$ mqtk bench\na word between\nmeasure   [=====      ]   52%  5 s left\n2,000/s   p50 210 µs   p99 1.31 ms")
	if err := s.Draw(fullDisk{}, measuring(), 40); err == nil {
		t.Error("no error from a writer that fails")
	}
}
