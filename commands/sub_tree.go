package commands

import (
	"bufio"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"mqtk/mqttwire"
)

// A topicTree has a row for each level of the topics. Where they do not all
// fit, some levels are folded into those above them: see sub_tree_fold.go.
type topicTree struct {
	root  treeLevel
	path  []*treeLevel // reused
	count int          // levels
	known int          // topics
	full  bool         // there was no room for some
	turn  uint64
}

// A treeLevel is a level of topics. What it counts has come for it and for all
// below.
type treeLevel struct {
	name    string // as it is shown
	key     string // as it is, or by watchKey
	meter   meter
	payload []byte       // of this very topic, the last one
	own     bool         // there was one
	topics  int          // here and below
	levels  int          // below
	below   []*treeLevel // by their keys
	row     seat         // among its neighbours
	open    seat         // for what is below
}

// take counts a message on each level of its topic.
func (t *topicTree) take(m *mqttwire.Publish, now time.Time) {
	t.turn++
	path, at := t.path[:0], &t.root
	for level := range strings.SplitSeq(m.Topic, "/") {
		if len(path) == treeDepth {
			t.full = true
			break
		}
		if at = t.child(at, watchKey(level)); at == nil {
			t.full = true
			break
		}
		path = append(path, at)
	}
	t.path = path
	first := at != nil && !at.own
	if first {
		at.own = true
		t.known++
	}
	if at != nil {
		at.payload = watchBytes(at.payload, m.Payload)
	}
	made := 0
	for _, level := range slices.Backward(path) {
		level.levels += made
		if level.meter.count == 0 {
			made++
		}
		if first {
			level.topics++
		}
		level.meter.add(now)
		level.row.turn, level.open.turn = t.turn, t.turn
	}
}

func (l *treeLevel) compareKey(key string) int { return strings.Compare(l.key, key) }

// child finds a level, or makes it where there is room.
func (t *topicTree) child(of *treeLevel, key string) *treeLevel {
	i, known := slices.BinarySearchFunc(of.below, key, (*treeLevel).compareKey)
	if known {
		return of.below[i]
	}
	if t.count == watchTopics {
		return nil
	}
	t.count++
	key = strings.Clone(key) // the message is good until the next one
	next := &treeLevel{name: clipped(visible(key), watchText), key: key}
	if key == "" {
		next.name = "(empty)"
	}
	of.below = slices.Insert(of.below, i, next)
	return next
}

func (t *topicTree) topics() (n int, more bool) { return t.known, t.full }

// unfolded is a level with all below it.
func unfolded(l *treeLevel) opening { return opening{levels: l.below} }

// appendTree appends the rows of what is shown below a level.
func appendTree(rows []liveRow, shown opening, indent string, open func(*treeLevel) opening) []liveRow {
	for i, level := range shown.levels {
		branch, stem := "├─ ", "│  "
		if i == len(shown.levels)-1 && shown.hidden == 0 {
			branch, stem = "└─ ", "   "
		}
		row := liveRow{stem: indent + branch, name: level.name, meter: &level.meter, payload: watchPayload(level.payload)}
		below := open(level)
		if len(below.levels) == 0 && len(level.below) > 0 {
			row.name += "/…"
			row.payload = plural(level.topics, "topic", "topics")
		}
		rows = appendTree(append(rows, row), below, indent+stem, open)
	}
	if shown.hidden > 0 {
		rows = append(rows, liveRow{stem: indent + "└─ ", name: "…", payload: plural(shown.hidden, "more topic", "more topics")})
	}
	return rows
}

// A treePrinter prints the tree once, at the end, where nothing can be written
// over.
type treePrinter struct {
	tree topicTree
	all  meter
	out  io.Writer
}

func (t *treePrinter) take(m *mqttwire.Publish, at time.Time) error {
	t.all.add(at)
	t.tree.take(m, at)
	return nil
}

func (t *treePrinter) flush() error { return nil }

func (t *treePrinter) close() error {
	out := bufio.NewWriterSize(t.out, 64<<10)
	for _, r := range appendTree(nil, unfolded(&t.tree.root), "", unfolded) {
		fmt.Fprintf(out, "%s%s (%d)", r.stem, r.name, r.meter.count)
		if r.payload != "" {
			fmt.Fprintf(out, " %s", r.payload)
		}
		fmt.Fprintln(out)
	}
	why := ""
	if t.tree.full {
		why = fmt.Sprintf(": the tree has no room for more than %d levels, nor for topics of more than %d", watchTopics, treeDepth)
	}
	fmt.Fprintf(out, "%s of %s%s\n", plural(int(t.all.count), "message", "messages"), topicsOf(&t.tree), why)
	return out.Flush()
}
