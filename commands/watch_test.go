package commands

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
	"unsafe"

	"mqtk/mqttwire"
)

// TestWatchKeepsTopics: the topic of a message lies in a buffer that others are
// read into later.
func TestWatchKeepsTopics(t *testing.T) {
	file, err := os.Create(filepath.Join(t.TempDir(), "screen"))
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	w := newWatch(file)
	for _, step := range []struct{ topic, want string }{
		{"a", "a x\n"},
		{"b", "b x\n"},
		{"a", "\x1b[2A\r\x1b[Ka x\x1b[2B\r"},
		{"b", "\x1b[1A\r\x1b[Kb x\x1b[1B\r"},
	} {
		buffer := []byte(step.topic)
		m := mqttwire.Publish{Topic: unsafe.String(&buffer[0], len(buffer)), Payload: []byte("x")}
		if got, _ := w.render(nil, &m, time.Time{}); string(got) != step.want {
			t.Errorf("%s:\ngot  %q\nwant %q", step.topic, got, step.want)
		}
		clear(buffer)
	}
}

// TestWatch: a topic keeps its line. Without a terminal to ask, it is one of
// 80 columns and 24 lines.
func TestWatch(t *testing.T) {
	file, err := os.Create(filepath.Join(t.TempDir(), "screen"))
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	w := newWatch(file)
	show := func(topic, payload string) string {
		b, ok := w.render(nil, &mqttwire.Publish{Topic: topic, Payload: []byte(payload)}, time.Time{})
		if !ok {
			t.Errorf("%s left out", topic)
		}
		return string(b)
	}
	for _, step := range []struct{ topic, payload, want string }{
		{"a", "1", "a 1\n"},
		{"b", "1", "b 1\n"},
		{"a", "2", "\x1b[2A\r\x1b[Ka 2\x1b[2B\r"},
		{"b", "two\nlines\x1b[2J", "\x1b[1A\r\x1b[Kb two\\nlines\\x1b[2J\x1b[1B\r"},
		{"a", strings.Repeat("ü", 500), "\x1b[2A\r\x1b[Ka " + strings.Repeat("ü", 77) + "\x1b[2B\r"},
	} {
		if got := show(step.topic, step.payload); got != step.want {
			t.Errorf("%s:\ngot  %q\nwant %q", step.topic, got, step.want)
		}
	}
	for i := range 30 {
		show("more/"+string('a'+rune(i)), "x")
	}
	if got := show("yet/another", "x"); !strings.HasPrefix(got, "\x1b[1A\r") {
		t.Errorf("more topics than lines: got %q", got)
	}
}
