package commands

import (
	"cmp"
	"crypto/sha256"
	"fmt"
	"slices"
	"time"
	"unicode/utf8"
)

// A seat is a claim to one of the rows, where there are too few. Who has one
// keeps it for a while, for people to read it; otherwise the latest change
// decides.
type seat struct {
	turn  uint64 // of the last change; a later one is higher
	since int64  // when it was given, in Unix nanoseconds; 0: it is not
	was   int64  // since, before the seats were given last
}

const (
	rowKept    = time.Second
	branchKept = 5 * time.Second // for to open one moves all rows below
)

// seated gives the seats, and tells who has got them: those who have not had
// theirs for long, then those who changed last.
func seated[T any](all []T, seats int, now time.Time, kept time.Duration, of func(T) *seat) []T {
	at := now.UnixNano()
	keeps := func(s *seat) bool { return s.was != 0 && at-s.was < int64(kept) }
	before := func(a, b T) int {
		x, y := of(a), of(b)
		if keeps(x) == keeps(y) {
			return cmp.Compare(y.turn, x.turn)
		}
		if keeps(x) {
			return -1
		}
		return 1
	}
	chosen := make([]T, 0, seats+1)
	for _, one := range slices.Backward(all) { // the latest may well be behind
		s := of(one)
		s.was, s.since = s.since, 0
		if len(chosen) == seats && (seats == 0 || before(chosen[seats-1], one) < 0) {
			continue
		}
		i, _ := slices.BinarySearchFunc(chosen, one, before)
		chosen = slices.Insert(chosen, i, one)
		chosen = chosen[:min(len(chosen), seats)]
	}
	for _, one := range chosen {
		s := of(one)
		s.since = cmp.Or(s.was, at)
	}
	return chosen
}

// watchKey is what a topic, or a level of one, is remembered by: itself, or of a
// long one the beginning and a hash, for memory is bounded.
func watchKey(text string) string {
	if len(text) <= watchText {
		return text
	}
	sum := sha256.Sum256([]byte(text))
	return text[:watchText] + string(sum[:])
}

// watchBytes keeps as much of a payload as a line has room for, in place of
// what was kept before.
func watchBytes(kept, payload []byte) []byte {
	return append(kept[:0], payload[:min(len(payload), 4*watchText)]...)
}

// watchPayload is what watchBytes has kept, on one line.
func watchPayload(kept []byte) string {
	if len(kept) > 0 && !isText(kept[:len(kept)-cutCharacter(kept)]) {
		return clipped(fmt.Sprintf("hex=%x", kept), watchText)
	}
	return clipped(visible(string(kept)), watchText)
}

// cutCharacter is how many bytes at the end are the begin of a character.
func cutCharacter(b []byte) int {
	for n := 1; n <= min(3, len(b)); n++ {
		if c := b[len(b)-n]; utf8.RuneStart(c) {
			if c >= utf8.RuneSelf && !utf8.FullRune(b[len(b)-n:]) {
				return n
			}
			return 0
		}
	}
	return 0
}
