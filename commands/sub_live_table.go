package commands

import (
	"fmt"
	"strconv"
	"time"
)

// A liveRow is a line of the table.
type liveRow struct {
	stem    string // what leads to the name, in a tree
	name    string
	meter   *meter // nil: the row counts nothing
	payload string
	inside  bool // of a name that is too long the middle is left out, for the end says more
}

// layout is what should be on so many lines: a heading, the rows, and a line
// that sums up. Where there are few lines, the heading goes first.
func (l *live) layout(room, columns int, now time.Time) []string {
	if size := [2]int{room, columns}; size != l.size {
		l.size, l.wide = size, len("TOPIC")
	}
	heading := 0
	if room >= 4 {
		heading = 1
	}
	rows, left := l.view.rows(max(room-1-heading, 0), now)
	lines := l.table(rows, columns, now)[1-heading:]
	return append(lines, l.sum(left, columns, now))
}

// sum is the last line, in fewer words where there are few columns. What is not
// shown says more than the rate.
func (l *live) sum(left, columns int, now time.Time) string {
	topics := topicsOf(l.view)
	sum, rate, missing := fmt.Sprintf("%s of %s", plural(int(l.all.count), "message", "messages"), topics), "", ""
	if r := l.all.rate(now); r > 0 {
		rate = ", " + rateText(r) + " a second"
	}
	if left > 0 {
		missing = fmt.Sprintf("; %s not shown", plural(left, "topic is", "topics are"))
	}
	tooLong := func() bool { return len(sum)+len(rate)+len(missing) > columns }
	if left > 0 && tooLong() {
		missing = fmt.Sprintf("; %d not shown", left)
	}
	if tooLong() {
		rate = ""
	}
	if left > 0 && tooLong() {
		sum = fmt.Sprintf("%d of %s", l.all.count, topics)
	}
	return sum + rate + missing
}

// topicsOf says how many topics there are.
func topicsOf(v view) string {
	n, more := v.topics()
	if more {
		return fmt.Sprintf("at least %d topics", n)
	}
	return plural(n, "topic", "topics")
}

// Below so many columns the rates are left out, for the payloads to have room,
// and then the counts, too.
const (
	columnsForRates  = 70
	columnsForCounts = 28
)

// table is rows under a heading. The payloads have what the other columns leave
// of a line; the names never have less than before, or all would move to and fro.
func (l *live) table(rows []liveRow, columns int, now time.Time) []string {
	counted, wide, counts := "MESSAGES", l.wide, 0
	if columns < columnsForRates {
		counted = "MSGS"
	}
	for _, r := range rows {
		wide = max(wide, widthOf(r.stem)+widthOf(r.name))
		if r.meter != nil {
			counts = max(counts, len(strconv.FormatUint(r.meter.count, 10)))
		}
	}
	wide = min(wide, max(columns/2-3, 8))
	l.wide = wide
	counts = max(counts, len(counted))
	line := func(name, count, rate, payload string) string {
		line := name
		if columns >= columnsForCounts {
			line += fmt.Sprintf(" %*s", counts, count)
		}
		if columns >= columnsForRates {
			line += fmt.Sprintf(" %7s", rate)
		}
		return fitted(line+"  "+payload, columns)
	}
	lines := make([]string, 0, len(rows)+2)
	lines = append(lines, line(paddedTo("TOPIC", wide), counted, "PER S", "PAYLOAD"))
	for _, r := range rows {
		count, rate := "", ""
		if r.meter != nil {
			count = strconv.FormatUint(r.meter.count, 10)
			if n := r.meter.rate(now); n > 0 {
				rate = rateText(n)
			}
		}
		lines = append(lines, line(r.label(wide), count, rate, r.payload))
	}
	return lines
}

// label is the name, in so many columns.
func (r *liveRow) label(columns int) string {
	if widthOf(r.name) <= columns || !r.inside {
		return paddedTo(r.stem+r.name, columns)
	}
	end := fittedEnd(r.name, max(columns*2/3, min(columns-1, 20)))
	return paddedTo(fitted(r.name, columns-1-widthOf(end))+"…"+end, columns)
}

// rateText is a rate with the digits that tell something.
func rateText(rate float64) string {
	if rate < 9.95 {
		return strconv.FormatFloat(rate, 'f', 1, 64)
	}
	return strconv.FormatFloat(rate, 'f', 0, 64)
}
