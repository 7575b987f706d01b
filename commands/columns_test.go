package commands

import (
	"strings"
	"testing"
	"time"

	"mqtk/mqttwire"
)

func TestColumns(t *testing.T) {
	for text, want := range map[string]int{"": 0, "abc": 3, "日本語": 6, "é": 1, "e\u0301": 1, "🚀x": 3, "한": 2, "├─ ": 3, "ｱ": 1, "Ａ": 2} {
		if got := widthOf(text); got != want {
			t.Errorf("%q fills %d columns, not %d", text, got, want)
		}
	}
	for _, test := range []struct{ text, want string }{
		{"日本語", "日本…"}, {"日本", "日本 "}, {"abcdef", "abcd…"}, {"a日本語", "a日… "}, {"e\u0301", "e\u0301    "},
	} {
		if got := paddedTo(test.text, 5); got != test.want {
			t.Errorf("%q is %q in 5 columns", test.text, got)
		}
	}
	for _, test := range []struct{ text, want string }{{"abcdef", "cdef"}, {"a日本語", "本語"}, {"xe\u0301日f", "e\u0301日f"}, {"é日本語", "本語"}, {"abc", "abc"}} {
		if got := fittedEnd(test.text, 4); got != test.want {
			t.Errorf("the end of %q is %q in 4 columns", test.text, got)
		}
	}
	if got := fitted("e\u0301e\u0301x", 2); got != "e\u0301e\u0301" {
		t.Errorf("fitted: %q", got)
	}
}

// TestLiveColumns: wide characters leave the columns of the table in line, and
// no line is wider than the terminal.
func TestLiveColumns(t *testing.T) {
	now := time.Unix(1e9, 0)
	m := &meter{}
	m.add(now)
	name := strings.Repeat("日本語", 10)
	l := &live{view: liveRows{{name: "u/" + name, meter: m, payload: name}, {name: "u/🚀", meter: m, payload: "x"}, {name: "u/plain", meter: m, payload: "y"}}, all: *m}
	for _, columns := range []int{80, 39} {
		lines := l.layout(10, columns, now)
		at := -1
		for i, line := range lines {
			if widthOf(line) > columns {
				t.Errorf("%q is wider than %d columns", line, columns)
			}
			if i == 0 || i == len(lines)-1 {
				continue
			}
			count, _, _ := strings.Cut(line, " 1 ")
			if at >= 0 && widthOf(count) != at {
				t.Errorf("%q: the count is at column %d, not %d", line, widthOf(count), at)
			}
			at = widthOf(count)
		}
		if sum := lines[len(lines)-1]; !strings.Contains(sum, "; 27") {
			t.Errorf("%d columns: %q does not tell what is not shown", columns, sum)
		}
	}
}

// liveRows are rows that stay.
type liveRows []liveRow

func (r liveRows) rows(int, time.Time) ([]liveRow, int) { return r, 27 }

func (r liveRows) take(*mqttwire.Publish, time.Time) {}

func (r liveRows) topics() (int, bool) { return 30, false }

func TestFittedPaint(t *testing.T) {
	for text, want := range map[string]string{
		"abc":                           "abc",
		"abcd":                          "abc",
		"\x1b[1mabc\x1b[22m":            "\x1b[1mabc\x1b[22m",
		"\x1b[1mabcd\x1b[22m":           "\x1b[1mabc\x1b[22m",
		"a\x1b[36mbcd\x1b[0me\x1b[2mf":  "a\x1b[36mbc\x1b[0m\x1b[2m",
		"\x1b[1ma世界\x1b[22m":            "\x1b[1ma世\x1b[22m",
		"\x1b[1mab世\x1b[22mx\x1b[0;22m": "\x1b[1mab\x1b[22m\x1b[0;22m",
	} {
		if got := fittedPaint(text, 3); got != want {
			t.Errorf("%q: %q, want %q", text, got, want)
		}
	}
}
