package commands

import (
	"slices"
	"strings"
	"time"

	"mqtk/mqttwire"
)

// A watch has a row for each topic, with the latest payload. A topic keeps its
// row as long as it has one; where there are too few, seats decide who has, and
// who comes takes the place of who goes. Topics without a row are counted.
type watch struct {
	all   []*watchRow          // in the order of their first messages
	index map[string]*watchRow // all, by watchKey
	shown []*watchRow          // in the order of their rows
	turn  uint64
	known int  // the most that were remembered at a time
	more  bool // some have been forgotten
}

type watchRow struct {
	key, topic string
	payload    []byte
	meter      meter
	seat       seat
}

func newWatch() *watch { return &watch{index: map[string]*watchRow{}} }

func (w *watch) take(m *mqttwire.Publish, now time.Time) {
	row := w.index[m.Topic]
	if row == nil {
		row = w.rowFor(watchKey(m.Topic))
	}
	w.turn++
	row.seat.turn = w.turn
	row.payload = watchBytes(row.payload, m.Payload)
	row.meter.add(now)
}

// rowFor finds the row of a topic, or makes it.
func (w *watch) rowFor(key string) *watchRow {
	row := w.index[key]
	if row == nil {
		if len(w.all) == watchTopics {
			w.forget()
		}
		key = strings.Clone(key) // the message is good until the next one
		row = &watchRow{key: key, topic: clipped(visible(key), watchText)}
		w.all, w.index[key] = append(w.all, row), row
		w.known = max(w.known, len(w.all))
	}
	return row
}

// forget forgets the half of the topics that has been quiet for longer.
func (w *watch) forget() {
	turns := make([]uint64, len(w.all))
	for i, row := range w.all {
		turns[i] = row.seat.turn
	}
	slices.Sort(turns)
	w.more = true
	w.all = slices.DeleteFunc(w.all, func(row *watchRow) bool {
		quiet := row.seat.turn < turns[len(turns)/2]
		if quiet {
			row.seat.since = 0
			delete(w.index, row.key)
		}
		return quiet
	})
}

func (w *watch) topics() (n int, more bool) { return w.known, w.more }

func (w *watch) rows(room int, now time.Time) (rows []liveRow, left int) {
	chosen := seated(w.all, room, now, rowKept, func(row *watchRow) *seat { return &row.seat })
	fresh := slices.DeleteFunc(chosen, func(row *watchRow) bool { return row.seat.was != 0 })
	slices.Reverse(fresh) // the latest change last
	for i, row := range w.shown {
		if row.seat.since == 0 && len(fresh) > 0 {
			w.shown[i], fresh = fresh[0], fresh[1:]
		}
	}
	w.shown = append(slices.DeleteFunc(w.shown, func(row *watchRow) bool { return row.seat.since == 0 }), fresh...)
	for _, row := range w.shown {
		rows = append(rows, liveRow{name: row.topic, meter: &row.meter, payload: watchPayload(row.payload), inside: true})
	}
	return rows, w.known - len(rows)
}
