package commands

import (
	"bytes"
	"strconv"
	"strings"
	"testing"
	"time"
	"unsafe"

	"mqtk/mqttwire"
)

// A watchRig is a watch on a terminal of the test's size.
type watchRig struct {
	*watch
	t    *testing.T
	wide int
	high int
	out  bytes.Buffer
}

func newWatchRig(t *testing.T, wide, high int) *watchRig {
	r := &watchRig{t: t, wide: wide, high: high}
	r.watch = &watch{out: &r.out, index: map[string]int{}, size: func() (int, int) { return r.wide, r.high }}
	r.drawn = time.Now()
	return r
}

// gets takes messages and draws; the bytes are those that reach the terminal,
// without the marks around a line that is not to be wrapped.
func (r *watchRig) gets(messages ...[2]string) string {
	r.t.Helper()
	for _, m := range messages {
		topic := []byte(m[0]) // the topic of a message lies in a buffer that others are read into later
		p := mqttwire.Publish{Topic: unsafe.String(&topic[0], len(topic)), Payload: []byte(m[1])}
		if err := r.show(&p, r.drawn); err != nil {
			r.t.Fatal(err)
		}
		clear(topic)
	}
	if err := r.draw(); err != nil {
		r.t.Fatal(err)
	}
	defer r.out.Reset()
	if marks := strings.Count(r.out.String(), "\x1b[?7l"); marks != strings.Count(r.out.String(), "\x1b[?7h") {
		r.t.Errorf("wrapping is left off: %q", r.out.String())
	}
	return strings.NewReplacer("\x1b[?7l", "", "\x1b[?7h", "").Replace(r.out.String())
}

func (r *watchRig) want(got, want string) {
	r.t.Helper()
	if got != want {
		r.t.Errorf("\ngot  %q\nwant %q", got, want)
	}
}

// TestWatch: a topic keeps its line.
func TestWatch(t *testing.T) {
	r := newWatchRig(t, 80, 24)
	r.want(r.gets([2]string{"a", "1"}), "a 1\n")
	r.want(r.gets([2]string{"b", "1"}), "b 1\n")
	r.want(r.gets([2]string{"a", "2"}), "\x1b[2A\r\x1b[Ka 2\x1b[2B\r")
	r.want(r.gets([2]string{"a", "2"}), "")
	r.want(r.gets([2]string{"b", "two\nlines\x1b[2J"}), "\x1b[1A\r\x1b[Kb two\\nlines\\x1b[2J\x1b[1B\r")
	r.want(r.gets([2]string{"a", strings.Repeat("ü", 500)}), "\x1b[2A\r\x1b[Ka "+strings.Repeat("ü", 77)+"\x1b[2B\r")
	r.want(r.gets([2]string{"a", "3"}, [2]string{"c", "1"}, [2]string{"a", "4"}), "\x1b[2A\r\x1b[Ka 4\x1b[2B\rc 1\n")
}

// TestWatchCountsTheRest: topics that find no line are counted in the last.
func TestWatchCountsTheRest(t *testing.T) {
	r := newWatchRig(t, 80, 5)
	r.want(r.gets([2]string{"a", "1"}, [2]string{"b", "1"}, [2]string{"c", "1"}, [2]string{"d", "1"}), "a 1\nb 1\nc 1\nd 1\n")
	r.want(r.gets([2]string{"e", "1"}), "\x1b[1A\r\x1b[K… 2 more topics\x1b[1B\r")
	r.want(r.gets([2]string{"d", "2"}, [2]string{"e", "2"}), "")
	r.want(r.gets([2]string{"f", "1"}), "\x1b[1A\r\x1b[K… 3 more topics\x1b[1B\r")
	for i := range watchRows {
		r.gets([2]string{"more/" + strconv.Itoa(i), "x"}, [2]string{"more/" + strconv.Itoa(i), "y"})
	}
	r.want(r.gets([2]string{"a", "2"}, [2]string{"g", "1"}), "\x1b[4A\r\x1b[Ka 2\x1b[4B\r\x1b[1A\r\x1b[K… 504 more topics\x1b[1B\r")
}

// TestWatchResized: another size of the terminal draws all rows anew.
func TestWatchResized(t *testing.T) {
	r := newWatchRig(t, 80, 24)
	r.gets([2]string{"a", "0123456789"}, [2]string{"b", "1"}, [2]string{"c", "1"})
	r.wide = 8
	r.want(r.gets(), "\x1b[H\x1b[2Ja 01234\nb 1\nc 1\n")
	r.high = 3
	r.want(r.gets(), "\x1b[H\x1b[2Ja 01234\n… 2 mor\n")
	r.wide, r.high = 20, 24
	r.want(r.gets([2]string{"c", "2"}), "\x1b[H\x1b[2Ja 0123456789\nb 1\nc 2\n")
}

// TestWatchInAFlood: what comes without a pause is drawn now and then.
func TestWatchInAFlood(t *testing.T) {
	r := newWatchRig(t, 80, 24)
	start := r.drawn
	for i := range 1000 {
		if err := r.show(&mqttwire.Publish{Topic: "a", Payload: strconv.AppendInt(nil, int64(i), 10)}, start.Add(time.Duration(i)*time.Millisecond)); err != nil {
			t.Fatal(err)
		}
	}
	if n := strings.Count(r.out.String(), "a "); n != 9 {
		t.Errorf("drawn %d times in 999 ms, want 9", n)
	}
}
