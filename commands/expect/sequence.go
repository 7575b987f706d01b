package expect

import (
	"fmt"
	"slices"
	"strings"
)

// A Sequence checks numbered streams, one for each topic: each number is one
// more than the one before. What it remembers is bounded: past the limits it
// counts, and cannot tell a late number from a second one.
type Sequence struct {
	Numbered, Unnumbered int // messages
	Missing              uint64
	Twice, Late          int
	Again                int // sent again by the broker at QoS 1, which may be
	Restarts             int
	Unwatched            int // messages on topics beyond the limit

	streams map[string]*stream
	gaps    int // of all streams
}

const (
	streamLimit = 1 << 16
	gapLimit    = 1 << 14
)

type stream struct {
	next    uint64
	missing []gap
	stored  bool // so far there is one number, which may be from before the stream
}

// A gap is numbers that did not come, both ends among them.
type gap struct{ from, to uint64 }

func (g gap) String() string {
	if g.from == g.to {
		return fmt.Sprint(g.from)
	}
	return fmt.Sprintf("%d to %d", g.from, g.to)
}

// Take checks a number. What it returns is a sentence about what is wrong with
// it, empty if nothing is. again tells that the broker says it has sent the
// message before; stored that the broker may have kept it from before: a topic's
// first number is then one of the stream only if the next one follows it.
func (s *Sequence) Take(topic string, n uint64, again, stored bool) string {
	s.Numbered++
	at := s.streams[topic]
	if at != nil && at.stored {
		if at.stored = false; n != at.next {
			s.Numbered--
			*at = stream{next: n + 1, stored: stored}
			return ""
		}
	}
	switch {
	case at == nil && len(s.streams) == streamLimit:
		s.Unwatched++
		return ""
	case at == nil:
		if s.streams == nil {
			s.streams = map[string]*stream{}
		}
		s.streams[strings.Clone(topic)] = &stream{next: n + 1, stored: stored}
		return ""
	case n == at.next:
		at.next++
		return ""
	case n > at.next:
		return s.jump(at, n)
	case s.fill(at, n):
		s.Late++
		return fmt.Sprintf("%d comes late, after %d", n, at.next-1)
	case again:
		s.Again++
		return ""
	case n <= 1 && at.next > 2:
		s.Restarts++
		last := at.next - 1
		s.gaps -= len(at.missing)
		*at = stream{next: n + 1}
		return fmt.Sprintf("begins anew with %d, after %d", n, last)
	}
	s.Twice++
	return fmt.Sprintf("%d comes twice", n)
}

// jump notes the numbers up to n as missing.
func (s *Sequence) jump(at *stream, n uint64) string {
	g := gap{at.next, n - 1}
	s.Missing += n - at.next
	at.next = n + 1
	if s.gaps < gapLimit {
		s.gaps++
		at.missing = append(at.missing, g)
	}
	return fmt.Sprintf("%s missing before %d", g, n)
}

// fill takes a number out of those that are missing.
func (s *Sequence) fill(at *stream, n uint64) bool {
	i, found := slices.BinarySearchFunc(at.missing, n, func(g gap, n uint64) int {
		switch {
		case g.to < n:
			return -1
		case g.from > n:
			return 1
		}
		return 0
	})
	if !found {
		return false
	}
	s.Missing--
	before, after := gap{at.missing[i].from, n - 1}, gap{n + 1, at.missing[i].to}
	var rest []gap
	if before.from < n && (after.to <= n || s.gaps < gapLimit) {
		rest = append(rest, before)
	}
	if after.to > n {
		rest = append(rest, after)
	}
	s.gaps += len(rest) - 1
	at.missing = slices.Replace(at.missing, i, i+1, rest...)
	return true
}

// Right tells that nothing is wrong: there were numbers, and all in order.
func (s *Sequence) Right() bool { return s.Numbered > 0 && s.Faultless() }

// Faultless tells that nothing was wrong so far.
func (s *Sequence) Faultless() bool {
	return s.Unnumbered == 0 && s.Missing == 0 && s.Twice == 0 && s.Late == 0 && s.Restarts == 0
}

// String is the balance.
func (s *Sequence) String() string {
	if s.Numbered == 0 {
		return fmt.Sprintf("no number in %s", messages(s.Unnumbered))
	}
	topics := "1 topic"
	if len(s.streams) != 1 {
		topics = fmt.Sprintf("%d topics", len(s.streams))
	}
	text := fmt.Sprintf("%s on %s: %d missing, %d twice, %d late", messages(s.Numbered), topics, s.Missing, s.Twice, s.Late)
	for _, more := range []struct {
		n    int
		what string
	}{
		{s.Restarts, "begun anew"}, {s.Again, "sent again by the broker"},
		{s.Unnumbered, "without a number"}, {s.Unwatched, "on more topics, unchecked"},
	} {
		if more.n > 0 {
			text += fmt.Sprintf(", %d %s", more.n, more.what)
		}
	}
	return text
}
