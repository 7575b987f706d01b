package commands

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"strconv"
	"strings"
	"testing"
	"time"
	"unsafe"

	"mqtk/mqttwire"
)

// A liveRig is a live view on a terminal of the test's size.
type liveRig struct {
	*live
	t    *testing.T
	wide int
	high int
	out  bytes.Buffer
	now  time.Time
}

func newLiveRig(t *testing.T, v view, wide, high int) *liveRig {
	r := &liveRig{t: t, wide: wide, high: high, now: time.Unix(1000, 0)}
	r.live = &live{screen: screen{out: &r.out, size: func() (int, int) { return r.wide, r.high }}, view: v}
	r.drawn = r.now
	return r
}

// gets takes messages and draws; the bytes are those that reach the terminal,
// without the marks around a line that is not to be wrapped.
func (r *liveRig) gets(messages ...[2]string) string {
	r.t.Helper()
	for _, m := range messages {
		topic := []byte(m[0]) // the topic of a message lies in a buffer that others are read into later
		p := mqttwire.Publish{Topic: unsafe.String(&topic[0], len(topic)), Payload: []byte(m[1])}
		if err := r.show(&p, r.now); err != nil {
			r.t.Fatal(err)
		}
		clear(topic)
	}
	if err := r.draw(r.now); err != nil {
		r.t.Fatal(err)
	}
	defer r.out.Reset()
	if marks := strings.Count(r.out.String(), "\x1b[?7l"); marks != strings.Count(r.out.String(), "\x1b[?7h") {
		r.t.Errorf("wrapping is left off: %q", r.out.String())
	}
	return strings.NewReplacer("\x1b[?7l", "", "\x1b[?7h", "").Replace(r.out.String())
}

// lines are what is on the screen.
func (r *liveRig) want(lines ...string) {
	r.t.Helper()
	got := slicesTrimmed(r.screen.drawn)
	if want := strings.Join(lines, "\n"); got != want {
		r.t.Errorf("\ngot\n%s\nwant\n%s", got, want)
	}
	for _, line := range r.screen.drawn {
		if n := len([]rune(line)); n >= r.wide {
			r.t.Errorf("%d columns: %q", n, line)
		}
	}
	if len(r.screen.drawn) >= r.high {
		r.t.Errorf("%d lines on a terminal of %d", len(r.screen.drawn), r.high)
	}
}

func slicesTrimmed(lines []string) string {
	var trimmed []string
	for _, line := range lines {
		trimmed = append(trimmed, strings.TrimRight(line, " "))
	}
	return strings.TrimRight(strings.Join(trimmed, "\n"), "\n")
}

// TestWatch: a topic keeps its line, and nothing is drawn that stands there.
func TestWatch(t *testing.T) {
	r := newLiveRig(t, newWatch(), 80, 24)
	if got := r.gets(); got != "" {
		t.Errorf("before any message: %q", got)
	}
	r.gets([2]string{"b", "1"}, [2]string{"a/b/c", "x"})
	r.want(
		"TOPIC MESSAGES   PER S  PAYLOAD",
		"b            1     1.0  1",
		"a/b/c        1     1.0  x",
		"2 messages of 2 topics, 2.0 a second")
	if got, want := r.gets([2]string{"b", "2"}), "\x1b[3A\r\x1b[Kb            2     2.0  2\x1b[3B\r\x1b[1A\r\x1b[K3 messages of 2 topics, 3.0 a second\x1b[1B\r"; got != want {
		t.Errorf("\ngot  %q\nwant %q", got, want)
	}
	if got := r.gets(); got != "" {
		t.Errorf("without a change: %q", got)
	}
	r.now = r.now.Add(9 * time.Second)
	r.gets([2]string{"b", "two\nlines\x1b[2J"}, [2]string{"a/b/c", "\xff\x00"}, [2]string{"d", strings.Repeat("ü", 600)}, [2]string{"e", ""})
	r.want(
		"TOPIC MESSAGES   PER S  PAYLOAD",
		"b            3     0.2  two\\nlines\\x1b[2J",
		"a/b/c        2     0.2  hex=ff00",
		"d            1     1.0  "+strings.Repeat("ü", 55),
		"e            1     1.0",
		"7 messages of 4 topics, 0.8 a second")
}

// TestWatchShowsWhatChanged: a topic keeps its row while it has one, and who has
// none takes that of the topic that has been quiet the longest, unless that is
// new; the last line counts those that find no row.
func TestWatchShowsWhatChanged(t *testing.T) {
	const heading = "TOPIC MESSAGES   PER S  PAYLOAD"
	r := newLiveRig(t, newWatch(), 80, 5)
	r.gets([2]string{"a", "1"}, [2]string{"b", "1"})
	r.want(heading, "a            1     1.0  1", "b            1     1.0  1", "2 messages of 2 topics, 2.0 a second")
	r.gets([2]string{"c", "1"})
	r.want(heading, "a            1     1.0  1", "b            1     1.0  1", "3 messages of 3 topics, 3.0 a second; 1 topic is not shown")
	r.now = r.now.Add(rowKept)
	r.gets()
	r.want(heading, "c            1     0.5  1", "b            1     0.5  1", "3 messages of 3 topics, 1.5 a second; 1 topic is not shown")
	r.now = r.now.Add(rowKept)
	r.gets([2]string{"a", "2"}, [2]string{"c", "2"})
	r.want(heading, "c            2     0.7  2", "a            2     0.7  2", "5 messages of 3 topics, 1.7 a second; 1 topic is not shown")
	r.now = r.now.Add(rowKept)
	r.gets([2]string{"c", "3"}, [2]string{"a", "3"})
	r.gets()
	r.want(heading, "c            3     0.8  3", "a            3     0.8  3", "7 messages of 3 topics, 1.8 a second; 1 topic is not shown")
	r.high = 4
	r.gets()
	r.want("c            3     0.8  3", "a            3     0.8  3", "7 messages of 3 topics, 1.8 a second; 1 topic is not shown")
	r.high = 3
	r.gets()
	r.want("a            3     0.8  3", "7 messages of 3 topics, 1.8 a second; 2 topics are not shown")
	r.high = 2
	r.gets()
	r.want("7 messages of 3 topics, 1.8 a second; 3 topics are not shown")
	r.high = 24
	r.gets()
	r.want(heading, "b            1     0.2  1", "c            3     0.8  3", "a            3     0.8  3", "7 messages of 3 topics, 1.8 a second")
}

// TestWatchForgets: of more topics than are remembered the last ones are shown,
// and the count of those that are known is no total.
func TestWatchForgets(t *testing.T) {
	r := newLiveRig(t, newWatch(), 90, 5)
	for i := range watchTopics + 10 {
		if err := r.show(&mqttwire.Publish{Topic: "more/" + strconv.Itoa(i)}, r.now.Add(time.Duration(i)*time.Millisecond)); err != nil {
			t.Fatal(err)
		}
	}
	r.now = r.now.Add((watchTopics + 10) * time.Millisecond)
	r.gets()
	r.now = r.now.Add(rowKept)
	r.gets([2]string{"more/" + strings.Repeat("x", 60000), "1"}, [2]string{"more/" + strings.Repeat("x", 60000), "2"})
	r.want("TOPIC                                     MESSAGES   PER S  PAYLOAD",
		"more/65545                                       1     0.5",
		"more/xxxxxxxx…xxxxxxxxxxxxxxxxxxxxxxxxxxx        2     2.0  2",
		"65548 messages of at least 65536 topics, 710 a second; 65534 topics are not shown")
	if n := len(r.view.(*watch).all[watchTopics/2].key); n > 1024 {
		t.Errorf("%d bytes of a topic are remembered", n)
	}
}

// TestLiveColumnsStay: a long topic that goes does not move the columns.
func TestLiveColumnsStay(t *testing.T) {
	r := newLiveRig(t, newWatch(), 80, 4)
	r.gets([2]string{"a/long/topic", "1"}, [2]string{"b", "1"})
	r.now = r.now.Add(rowKept)
	r.gets([2]string{"c", "1"})
	r.now = r.now.Add(rowKept)
	r.gets([2]string{"b", "2"}, [2]string{"c", "2"})
	r.want("c                   2     1.0  2", "b                   2     0.7  2", "5 messages of 3 topics, 1.7 a second; 1 topic is not shown")
}

// TestLiveNarrow: on a narrow terminal the payloads have the room.
func TestLiveNarrow(t *testing.T) {
	r := newLiveRig(t, newWatch(), 40, 10)
	r.gets([2]string{"plant/line1/oven/temp", "21.5 degrees"}, [2]string{"plant/line1/oven/door", "shut"})
	r.want(
		"TOPIC            MSGS  PAYLOAD",
		"…line1/oven/temp    1  21.5 degrees",
		"…line1/oven/door    1  shut",
		"2 messages of 2 topics, 2.0 a second")
	r.wide = 20
	r.gets()
	r.want(
		"TOPIC     PAYLOAD",
		"…en/temp  21.5 degr",
		"…en/door  shut",
		"2 messages of 2 top")
	r = newLiveRig(t, &topicTree{}, 40, 10)
	r.gets([2]string{"plant/line1/oven/temperature", "21.5 degrees"})
	r.want(
		"TOPIC            MSGS  PAYLOAD",
		"└─ plant            1",
		"   └─ line1         1",
		"      └─ oven       1",
		"         └─ tem…    1  21.5 degrees",
		"1 message of 1 topic, 1.0 a second")
}

// TestTree: levels fold where they find no line, from the root on.
func TestTree(t *testing.T) {
	r := newLiveRig(t, &topicTree{}, 80, 24)
	messages := [][2]string{{"home/kitchen/temp", "21"}, {"home", "yes"}, {"home/door", "open"}, {"$SYS/uptime", "9"}, {"home/kitchen/temp", "22"}, {"/x", "\x1b"}}
	r.gets(messages...)
	r.want(
		"TOPIC         MESSAGES   PER S  PAYLOAD",
		"├─ (empty)           1     1.0",
		"│  └─ x              1     1.0  \\x1b",
		"├─ $SYS              1     1.0",
		"│  └─ uptime         1     1.0  9",
		"└─ home              4     4.0  yes",
		"   ├─ door           1     1.0  open",
		"   └─ kitchen        2     2.0",
		"      └─ temp        2     2.0  22",
		"6 messages of 5 topics, 6.0 a second")
	r.high = 9
	r.gets()
	r.want(
		"TOPIC           MESSAGES   PER S  PAYLOAD",
		"├─ (empty)             1     1.0",
		"│  └─ x                1     1.0  \\x1b",
		"├─ $SYS/…              1     1.0  1 topic",
		"└─ home                4     4.0  yes",
		"   ├─ door             1     1.0  open",
		"   └─ kitchen/…        2     2.0  1 topic",
		"6 messages of 5 topics, 6.0 a second")
	r.high = 5
	r.gets()
	r.want(
		"TOPIC        MESSAGES   PER S  PAYLOAD",
		"├─ (empty)/…        1     1.0  1 topic",
		"└─ home/…           4     4.0  3 topics",
		"6 messages of 5 topics, 6.0 a second; 1 topic is not shown")
	var out bytes.Buffer
	p := &treePrinter{out: &out}
	for _, m := range messages {
		p.take(&mqttwire.Publish{Topic: m[0], Payload: []byte(m[1])}, r.now)
	}
	p.close()
	if got, want := out.String(), `├─ (empty) (1)
│  └─ x (1) \x1b
├─ $SYS (1)
│  └─ uptime (1) 9
└─ home (4) yes
   ├─ door (1) open
   └─ kitchen (2)
      └─ temp (2) 22
6 messages of 5 topics
`; got != want {
		t.Errorf("\ngot\n%s\nwant\n%s", got, want)
	}
}

// TestTreeFillsTheScreen: a branch with more levels than there are lines shows
// those that changed last, and the room is spread over the branches.
func TestTreeFillsTheScreen(t *testing.T) {
	r := newLiveRig(t, &topicTree{}, 80, 12)
	for i := range 30 {
		r.gets([2]string{fmt.Sprintf("w/%02d", i), "x"})
	}
	r.now = r.now.Add(rowKept)
	r.gets([2]string{"w/07", "new"})
	r.want(
		"TOPIC    MESSAGES   PER S  PAYLOAD",
		"└─ w           31      16",
		"   ├─ 07        2     1.0  new",
		"   ├─ 24        1     0.5  x",
		"   ├─ 25        1     0.5  x",
		"   ├─ 26        1     0.5  x",
		"   ├─ 27        1     0.5  x",
		"   ├─ 28        1     0.5  x",
		"   ├─ 29        1     0.5  x",
		"   └─ …                    23 more topics",
		"31 messages of 30 topics, 16 a second")
	for i := range 30 {
		r.gets([2]string{fmt.Sprintf("v/%02d/temp", i), "y"})
	}
	r.gets([2]string{"u/only", "z"})
	r.high = 14
	r.now = r.now.Add(rowKept)
	r.gets()
	r.want(
		"TOPIC      MESSAGES   PER S  PAYLOAD",
		"├─ u              1     0.5",
		"│  └─ only        1     0.5  z",
		"├─ v             30      15",
		"│  ├─ 27/…        1     0.5  1 topic",
		"│  ├─ 28/…        1     0.5  1 topic",
		"│  ├─ 29/…        1     0.5  1 topic",
		"│  └─ …                      27 more topics",
		"└─ w             31      10",
		"   ├─ 07          2     0.7  new",
		"   ├─ 29          1     0.3  x",
		"   └─ …                      28 more topics",
		"62 messages of 61 topics, 21 a second")
}

// TestTreeKeepsBranchesOpen: a branch that was opened stays so for a while,
// whatever comes on others.
func TestTreeKeepsBranchesOpen(t *testing.T) {
	r := newLiveRig(t, &topicTree{}, 80, 6)
	want := func(lines ...string) {
		t.Helper()
		for i, line := range lines {
			if got := r.screen.drawn[1+i]; !strings.HasPrefix(got, line+" ") {
				t.Errorf("line %d is %q, not %s", i, got, line)
			}
		}
	}
	r.gets([2]string{"a/x", ""})
	r.gets([2]string{"b/y", ""})
	want("├─ a", "│  └─ x", "└─ b/…")
	r.now = r.now.Add(branchKept - 1)
	r.gets([2]string{"b/y", ""})
	want("├─ a", "│  └─ x", "└─ b/…")
	r.now = r.now.Add(1)
	r.gets()
	want("├─ a/…", "└─ b", "   └─ y")
}

// TestTreeUsesItsRows: what is unfolded never has more rows than there are, and
// no branch is folded that there is room for.
func TestTreeUsesItsRows(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	for range 200 {
		tree := &topicTree{}
		now := time.Unix(1000, 0)
		for range random.IntN(60) {
			levels := make([]string, 1+random.IntN(4))
			for i := range levels {
				levels[i] = strconv.Itoa(random.IntN(5))
			}
			tree.take(&mqttwire.Publish{Topic: strings.Join(levels, "/")}, now)
			now = now.Add(300 * time.Millisecond)
		}
		for room := range 40 {
			rows, left := tree.rows(room, now)
			if len(rows) > room || tree.count <= room && len(rows) != tree.count {
				t.Fatalf("%d rows of %d levels in a room of %d", len(rows), tree.count, room)
			}
			if len(tree.root.below) <= room && (left != 0 || tree.count > room && len(rows) < room-2) {
				t.Fatalf("%d rows of %d levels in a room of %d: %+v", len(rows), tree.count, room, rows)
			}
		}
	}
}

// TestTreeIsBounded: neither many topics nor long ones take memory without end.
func TestTreeIsBounded(t *testing.T) {
	tree := &topicTree{}
	now := time.Unix(1000, 0)
	tree.take(&mqttwire.Publish{Topic: strings.Repeat("a/", 30000)}, now)
	if tree.count != treeDepth {
		t.Errorf("%d levels of one topic", tree.count)
	}
	if n, more := tree.topics(); n != 1 || !more {
		t.Errorf("%d topics, of which more: %t", n, more)
	}
	tree.take(&mqttwire.Publish{Topic: strings.Repeat("a", 60000)}, now)
	if n := len(tree.root.below[1].key); n > 1024 {
		t.Errorf("%d bytes of a level are remembered", n)
	}
	for i := range watchTopics + 10 {
		tree.take(&mqttwire.Publish{Topic: strconv.Itoa(i)}, now)
	}
	if tree.count != watchTopics {
		t.Errorf("%d levels", tree.count)
	}
}

// TestLiveResized: another size of the terminal draws all rows anew, and so
// does a line of stderr that pushes them up.
func TestLiveResized(t *testing.T) {
	r := newLiveRig(t, newWatch(), 80, 24)
	r.gets([2]string{"a", "0123456789"}, [2]string{"b", "1"})
	whole := "TOPIC MESSAGES   PER S  PAYLOAD\na            1     1.0  0123456789\nb            1     1.0  1\n2 messages of 2 topics, 2.0 a second\n"
	r.wide = 16
	if got := r.gets(); !strings.HasPrefix(got, "\x1b[H\x1b[2JTOPIC ") || strings.Contains(got, "0123456789") {
		t.Errorf("%q", got)
	}
	r.wide = 80
	if got := r.gets(); got != "\x1b[H\x1b[2J"+whole {
		t.Errorf("%q", got)
	}
	var told bytes.Buffer
	aroundScreen{&told, r.live}.Write([]byte("the connection was lost\n"))
	erased := "\x1b[4A\r\x1b[J"
	whole = strings.NewReplacer("     1.0", "        ", ", 2.0 a second", "").Replace(whole) // by the clock, that was long ago
	if got := r.gets(); got != erased+whole || told.String() != "the connection was lost\n" {
		t.Errorf("%q after %q", got, told.String())
	}
	r.resume(time.Now()) // below what a shell has written meanwhile
	if got := r.gets(); got != whole {
		t.Errorf("%q after a stop", got)
	}
}

// Colours take no columns.
func TestScreenInColours(t *testing.T) {
	var out bytes.Buffer
	s := screen{out: &out, size: func() (int, int) { return 10, 5 }}
	if err := s.draw(func(int) []string { return []string{"\x1b[1m123456789\x1b[22m", "\x1b[1m1234567890\x1b[22m"} }); err != nil {
		t.Fatal(err)
	}
	if n := strings.Count(out.String(), "\x1b[1m123456789\x1b[22m"); n != 2 {
		t.Errorf("%q", out.String())
	}
}

// TestScreenIsFull: no line is drawn that would move the others off the top.
func TestScreenIsFull(t *testing.T) {
	var out bytes.Buffer
	s := screen{out: &out, size: func() (int, int) { return 80, 3 }}
	for range 2 {
		if err := s.draw(func(int) []string { return []string{"a", "b", "c", "d"} }); err != nil {
			t.Fatal(err)
		}
	}
	if got := strings.Count(out.String(), "\n"); got != 2 {
		t.Errorf("%d lines on a terminal of 3: %q", got, &out)
	}
}

// TestLiveInAFlood: what comes without a pause is drawn now and then.
func TestLiveInAFlood(t *testing.T) {
	r := newLiveRig(t, newWatch(), 80, 24)
	start := r.drawn
	for i := range 1000 {
		if err := r.show(&mqttwire.Publish{Topic: "a", Payload: strconv.AppendInt(nil, int64(i), 10)}, start.Add(time.Duration(i)*time.Millisecond)); err != nil {
			t.Fatal(err)
		}
	}
	if n := strings.Count(r.out.String(), "a  "); n != 9 {
		t.Errorf("drawn %d times in 999 ms, want 9", n)
	}
}

func TestMeter(t *testing.T) {
	var m meter
	at := func(s int64) time.Time { return time.Unix(s, 0) }
	for second := range int64(8) {
		for range 10 {
			m.add(at(1000 + second))
		}
	}
	for after, want := range map[int64]float64{0: 10} {
		if got := m.rate(at(1007 + after)); got != want {
			t.Errorf("after %d s: %g a second, want %g", after, got, want)
		}
	}
	for _, test := range []struct {
		second int64
		want   float64
	}{{1008, 8}, {1010, 4}, {1012, 0}, {2000, 0}} {
		if got := m.rate(at(test.second)); got != test.want {
			t.Errorf("at %d: %g a second, want %g", test.second, got, test.want)
		}
	}
	if m.count != 80 {
		t.Errorf("counted %d", m.count)
	}
}
