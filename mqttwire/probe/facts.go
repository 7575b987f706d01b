package probe

import (
	"fmt"
	"iter"
	"reflect"
	"strings"
	"time"
)

// A Fact is what was found out about one thing.
type Fact struct {
	// Value is a bool, a number, a string, a list of them, Times, a
	// Certificate, or nil: unknown, and Note says why.
	Value any `json:"value"`
	// AtLeast: it was not looked for further.
	AtLeast bool `json:"at_least,omitempty"`
	// Announced is what the CONNACK says; nil: it is not for the CONNACK to say.
	Announced any `json:"announced,omitempty"`
	// Implied: the CONNACK says nothing, which means Announced.
	Implied bool `json:"implied,omitempty"`
	// Note is how it showed, or what it depends on. It is for people, and may
	// be another one each time.
	Note string `json:"note,omitempty"`

	unit unit
}

// Unknown tells that it could not be found out.
func (f Fact) Unknown() bool { return f.Value == nil }

// A unit says how a number is written for people.
type unit byte

const (
	plain unit = iota
	inBytes
	inSeconds
)

// String is the value for people: "yes", ">= 1 MiB".
func (f Fact) String() string {
	if f.Unknown() {
		return "unknown"
	}
	s := f.unit.text(f.Value)
	if f.AtLeast {
		return ">= " + s
	}
	return s
}

// AnnouncedText is what the CONNACK says, for people; empty: nothing that
// could be said there.
func (f Fact) AnnouncedText() string {
	switch {
	case f.Announced == nil:
		return ""
	case f.Implied:
		return f.unit.text(f.Announced) + " (by saying nothing)"
	}
	return f.unit.text(f.Announced)
}

func (u unit) text(v any) string {
	switch v := v.(type) {
	case bool:
		if v {
			return "yes"
		}
		return "no"
	case int:
		return u.number(int64(v))
	case int64:
		return u.number(v)
	case []string:
		if len(v) == 0 {
			return "none"
		}
		return strings.Join(v, ", ")
	}
	return fmt.Sprint(v)
}

func (u unit) number(n int64) string {
	const never = 0xFFFFFFFF
	switch {
	case u == inSeconds && n == never:
		return "for ever"
	case u == inSeconds && n == 0:
		return "none"
	case u == inSeconds:
		return fmt.Sprintf("%d s", n)
	case u == inBytes && n >= 1<<20 && n%(1<<20) == 0:
		return fmt.Sprintf("%d MiB", n>>20)
	case u == inBytes && n >= 1<<10 && n%(1<<10) == 0:
		return fmt.Sprintf("%d KiB", n>>10)
	case u == inBytes:
		return fmt.Sprintf("%d bytes", n)
	}
	return fmt.Sprint(n)
}

// Times are those of several rounds.
type Times struct {
	Min    Milliseconds `json:"min_ms"`
	Median Milliseconds `json:"median_ms"`
	Max    Milliseconds `json:"max_ms"`
	Rounds int          `json:"rounds"`
}

// String is "0.12 ms (0.10 to 0.21, of 10)": the median, and what is around it.
func (t Times) String() string {
	return fmt.Sprintf("%s ms (%s to %s, %d rounds)", t.Median, t.Min, t.Max, t.Rounds)
}

// Milliseconds is a duration that is written as a number of them.
type Milliseconds time.Duration

// String has as many digits as matter.
func (m Milliseconds) String() string {
	ms := float64(m) / 1e6
	switch {
	case ms >= 100:
		return fmt.Sprintf("%.0f", ms)
	case ms >= 10:
		return fmt.Sprintf("%.1f", ms)
	}
	return fmt.Sprintf("%.2f", ms)
}

// MarshalJSON writes a number, to the microsecond.
func (m Milliseconds) MarshalJSON() ([]byte, error) {
	return fmt.Appendf(nil, "%.3f", float64(m)/1e6), nil
}

// A Report is what was found out about one broker.
type Report struct {
	Facts map[string]map[string]Fact // by section and key, as in Sections
	Took  time.Duration
	Left  []string // that could not be taken away from the broker
}

// A Section is a heading with the facts under it, in their order.
type Section struct {
	Key, Title string
	Entries    []Entry
}

// An Entry names a fact.
type Entry struct{ Key, Title string }

// Each walks over the facts there are, in the order of Sections.
func (r *Report) Each() iter.Seq2[Section, []Entry] {
	return func(yield func(Section, []Entry) bool) {
		for _, s := range Sections() {
			var there []Entry
			for _, e := range s.Entries {
				if _, ok := r.Facts[s.Key][e.Key]; ok {
					there = append(there, e)
				}
			}
			if len(there) > 0 && !yield(s, there) {
				return
			}
		}
	}
}

// A Difference is a fact that two brokers do not share. A broker of which it was
// not asked (TLS, of one without) has the zero Fact and is not Known.
type Difference struct {
	Section        Section
	Entry          Entry
	A, B           Fact
	KnownA, KnownB bool
}

// Differences compares what two brokers do and announce. How long something took
// is no difference, nor is how it showed.
func Differences(a, b *Report) []Difference {
	var all []Difference
	for _, s := range Sections() {
		for _, e := range s.Entries {
			fa, knownA := a.Facts[s.Key][e.Key]
			fb, knownB := b.Facts[s.Key][e.Key]
			if knownA == knownB && fa.alike(fb) {
				continue
			}
			all = append(all, Difference{s, e, fa, fb, knownA, knownB})
		}
	}
	return all
}

func (f Fact) alike(g Fact) bool {
	if _, times := f.Value.(Times); times && reflect.TypeOf(f.Value) == reflect.TypeOf(g.Value) {
		return true
	}
	return reflect.DeepEqual(f.Value, g.Value) && f.AtLeast == g.AtLeast &&
		reflect.DeepEqual(f.Announced, g.Announced) && f.Implied == g.Implied
}
