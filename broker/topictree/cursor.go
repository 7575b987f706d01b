package topictree

import (
	"bytes"
	"strings"
)

// Cursor starts a walk over the topics that filter matches. It keeps the
// filter, which must not be a view into a buffer.
func (t *Names) Cursor(filter string) *Cursor {
	c := &Cursor{names: t, filter: filter}
	run, wildcard := literals(filter)
	if wildcard == "#" {
		run = strings.TrimSuffix(run, "/") // a/# matches a, too [4.7.1.2]
	}
	c.position = append(c.position, run...)
	return c
}

// Walk starts a walk over all topics, those that begin with $ too.
func (t *Names) Walk() *Cursor { return &Cursor{names: t, filter: "#", every: true} }

// A Cursor walks over the topics that match its filter, in the order of their
// bytes, as far at a time as it is told to; the names may change between the
// steps and while yield runs. A topic that is there from the beginning to the
// end of the walk is visited once; one that comes or goes meanwhile once or not
// at all, since the walk never goes back.
//
// The place of a cursor is a topic, so it needs no registration and costs
// nothing while it rests.
type Cursor struct {
	names    *Names
	filter   string
	every    bool   // # stands for a first level with $, too
	ended    bool   // the walk is over
	passed   bool   // position is a topic that was visited; else the first one that is due
	position []byte // where to go on when the names have changed
	topic    []byte // scratch
	changes  uint64 // of the names, when spot and entry were true; 0: they are not
	spot     spot
	entry    int
}

// Next looks at about max topics at most, of which one that is far from the last
// counts as several, calls yield for those that match, and tells whether the walk
// goes on. What yield is given are views: they end with the call, the value as
// soon as the names change. Where yield returns false it did not take the topic,
// which comes again with the following Next.
func (c *Cursor) Next(max int, yield func(topic, value []byte) bool) (more bool) {
	for looks := 0; !c.ended && (looks < max || looks == 0); {
		n := c.step(yield)
		if n == 0 {
			break
		}
		looks += n
	}
	return !c.ended
}

// jump is what it takes to find another place, in topics that are looked at where
// they stand.
const jump = 8

// step looks at one topic and returns what that took, 0 if it was not taken.
func (c *Cursor) step(yield func(topic, value []byte) bool) (looks int) {
	if !c.seek() {
		c.ended = true
		return 1
	}
	p := c.names.at(c.spot)
	rest, value, outside := p.entry(c.entry)
	c.topic = append(append(c.topic[:0], p.prefix...), rest...)
	topic := c.topic
	v := c.judge(topic)
	if v == elsewhere {
		c.passed, c.changes = false, 0
		return jump
	}
	c.topic, c.position = c.position, c.topic
	c.passed, c.ended = true, v == over
	c.entry++
	if v != match {
		return 1
	}
	if outside {
		value = c.names.far(value)
	}
	if !yield(topic, value) {
		c.passed = false
		c.entry--
		return 0
	}
	return 1
}

// seek finds the entry to look at next; false: there is none.
func (c *Cursor) seek() bool {
	t := c.names
	if len(t.chunks) == 0 || c.ended {
		return false
	}
	if c.changes != t.changes || c.changes == 0 {
		c.changes = t.changes
		found := false
		c.spot = t.locate(string(c.position))
		c.entry, found = t.at(c.spot).find(string(c.position))
		if found && c.passed {
			c.entry++
		}
	}
	for c.entry == len(t.at(c.spot).starts) {
		next, ok := t.next(c.spot)
		if !ok {
			return false
		}
		c.spot, c.entry = next, 0
	}
	return true
}

// verdict is what a cursor makes of a topic.
type verdict byte

const (
	match     verdict = iota
	pass              // no, but perhaps the next one
	elsewhere         // no, nor any other before position
	over              // no, nor any other
)

func (c *Cursor) judge(topic []byte) verdict {
	filter := c.filter
	if !c.every && len(topic) > 0 && topic[0] == '$' && (filter[0] == '#' || filter[0] == '+') {
		c.position = append(c.position[:0], '$'+1) // no wildcard stands for a first level with $ [MQTT-4.7.2-1]
		return elsewhere
	}
	behind := 0    // where the level begins behind the last that + stands for
	rest := filter // from there on
	deeper := true // there is such a level
	f, n := 0, 0
	for {
		level, _, more := cut(filter[f:])
		if level == "#" {
			return match
		}
		end := len(topic)
		if i := bytes.IndexByte(topic[n:], '/'); i >= 0 {
			end = n + i
		}
		if level != "+" && level != string(topic[n:end]) {
			return c.beyond(topic, behind, rest, deeper)
		}
		f += len(level) + 1
		if level == "+" {
			behind, deeper = end+1, more
			if more {
				rest = filter[f:]
			}
		}
		last := end == len(topic)
		switch {
		case last && (!more || filter[f:] == "#"): // a/# matches a, too [4.7.1.2]
			return match
		case last && behind > end:
			return pass // the topics below this one need not come next: a-b is before a/b
		case last || !more:
			return c.beyond(topic, behind, rest, deeper)
		}
		n = end + 1
	}
}

// beyond sets position to the first topic behind this one, which does not match,
// that could: below the last level that + stands for, or beside it.
func (c *Cursor) beyond(topic []byte, behind int, rest string, deeper bool) verdict {
	if deeper {
		run, wildcard := literals(rest)
		c.position = append(append(c.position[:0], topic[:behind]...), run...)
		if parent, found := bytes.CutSuffix(c.position, []byte("/")); found && wildcard == "#" && bytes.Compare(parent, topic) > 0 {
			c.position = parent
			return elsewhere
		}
		if bytes.Compare(c.position, topic) > 0 {
			return elsewhere
		}
	}
	if behind == 0 {
		return over
	}
	c.position = append(append(c.position[:0], topic[:behind-1]...), '/'+1)
	return elsewhere
}

// literals cuts a filter before its first wildcard, which is empty for none.
func literals(filter string) (run, wildcard string) {
	i := strings.IndexAny(filter, "+#")
	if i < 0 {
		return filter, ""
	}
	return filter[:i], filter[i : i+1]
}
