package commands

import (
	"cmp"
	"slices"
	"time"
)

// An opening is what is shown below a level: none of it where the level is
// folded.
type opening struct {
	levels []*treeLevel // by their keys
	hidden int          // topics of others, for which there is a row
}

// A folding says what of a tree is shown on a few rows. Each level that is shown
// has a row before any has those below it; the rest goes in equal parts to the
// branches, those that changed last first.
type folding struct {
	now   time.Time
	shown map[*treeLevel]opening
}

func (f *folding) openingOf(l *treeLevel) opening { return f.shown[l] }

func (t *topicTree) rows(room int, now time.Time) (rows []liveRow, left int) {
	f := &folding{now, map[*treeLevel]opening{}}
	shown := opening{levels: f.some(t.root.below, room)}
	for _, level := range shown.levels {
		left -= level.topics
	}
	f.openBranches(shown.levels, room-len(shown.levels))
	return appendTree(nil, shown, "", f.openingOf), left + t.known
}

// some are the levels that have a row, by their keys.
func (f *folding) some(levels []*treeLevel, rows int) []*treeLevel {
	if len(levels) <= rows {
		return levels
	}
	chosen := seated(levels, rows, f.now, rowKept, func(l *treeLevel) *seat { return &l.row })
	slices.SortFunc(chosen, func(a, b *treeLevel) int { return a.compareKey(b.key) })
	return chosen
}

// open shows what is below a level, on so many rows, and tells how many it took.
func (f *folding) open(level *treeLevel, rows int) (taken int) {
	if rows < leastRows(level) {
		return 0
	}
	all := opening{levels: level.below}
	if len(all.levels) <= rows {
		f.shown[level] = all
		return len(all.levels) + f.openBranches(all.levels, rows-len(all.levels))
	}
	some := opening{f.some(level.below, rows-1), level.topics}
	if level.own {
		some.hidden--
	}
	for _, l := range some.levels {
		some.hidden -= l.topics
	}
	f.shown[level] = some
	return rows
}

// leastRows is how many rows below a level are worth while: those for all of
// it, or two levels and a row for the others.
func leastRows(l *treeLevel) int { return min(len(l.below), 3) }

// openBranches opens some of the levels that are shown, on so many rows, and
// tells how many it took.
func (f *folding) openBranches(levels []*treeLevel, rows int) (taken int) {
	var branches []*treeLevel
	for _, level := range levels {
		if len(level.below) > 0 {
			branches = append(branches, level)
		}
	}
	spare := rows
	var opened []*treeLevel
	for _, level := range seated(branches, len(branches), f.now, branchKept, func(l *treeLevel) *seat { return &l.open }) {
		if leastRows(level) <= spare {
			spare -= leastRows(level)
			opened = append(opened, level)
		} else {
			level.open.since = 0
		}
	}
	wants := func(l *treeLevel) int { return l.levels - leastRows(l) }
	slices.SortStableFunc(opened, func(a, b *treeLevel) int { return cmp.Compare(wants(a), wants(b)) })
	for i, level := range opened { // who wants little leaves more to the others
		more := min(wants(level), spare/(len(opened)-i))
		n := f.open(level, leastRows(level)+more)
		taken += n
		spare -= n - leastRows(level)
	}
	return taken
}
