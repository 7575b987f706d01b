package commands

import (
	"errors"
	"fmt"
	"time"

	"mqtk/mqttwire/client"
)

// count notes what the source has given.
func (t *tally) count(it *item) {
	t.items++
	if it.own != nil {
		t.each = 1
	}
	t.even = t.even && it.number == t.items
	t.input = it.input
	if t.items%probeItems == 0 {
		t.probe()
	}
}

// probeItems is how often a source that never has to wait lets the clock be looked at.
const probeItems = 4096

// leavesOut tells an error of the input that --skip-bad passes over, and says it.
func (t *tally) leavesOut(err error) bool {
	var bad *inputError
	if !t.skip || !errors.As(err, &bad) || bad.number == 0 {
		return false
	}
	if t.bad++; t.bad <= refusalsShown {
		t.say("%v: left out", bad)
	}
	return true
}

// badVerdict is that on a run which has left lines out.
func (t *tally) badVerdict() *failure {
	code, rest := exitPartly, plural(t.taken, "message was", "messages were")+" published"
	if t.taken == 0 {
		code, rest = exitFailed, "nothing was published"
	}
	return fail(code, fmt.Errorf("%s left out; %s", plural(t.bad, "line was", "lines were"), rest))
}

// hints tell of what follows the line.
func (e *inputError) hints() []string {
	if e.number == 0 {
		return nil
	}
	return []string{fmt.Sprintf("nothing of %s was sent from line %d on: go on from line %d, or let --skip-bad leave out lines like it", e.name, e.number, e.number+1)}
}

// probe asks now and then whether messages at QoS 0 have arrived.
func (t *tally) probe() {
	if now := time.Now(); t.loose && !t.probed.IsZero() && now.Sub(t.probed) >= probeEvery {
		t.probed = now
		t.Probe()
	}
}

const probeEvery = 10 * time.Second

// confirmStream makes sure that the last messages at QoS 0 have arrived, where
// the connection stands. adrift tells of those that may not have.
func (t *tally) confirmStream() error {
	if !t.loose {
		return nil
	}
	err := t.Confirm(t.ctx)
	if errors.As(err, new(*client.LostError)) && !errors.As(err, new(*client.GaveUpError)) {
		return nil
	}
	return err
}

// adrift says what broken connections may have taken down.
func (t *tally) adrift() string {
	n := t.Unconfirmed()
	switch {
	case n == 0:
		return ""
	case n == 1:
		return "1 message at QoS 0 may be lost: the connection broke while it was on its way"
	}
	return fmt.Sprintf("up to %d messages at QoS 0 may be lost: the connection broke while they were on their way", n)
}

// open counts the messages that are to be published and have no answer.
func (t *tally) open() int {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.handed - t.taken - t.refused
}

// unfinished adds to what ended a run what was not published.
func (t *tally) unfinished(outcome error, s source) error {
	f := new(failure)
	if !errors.As(outcome, &f) {
		return outcome
	}
	if adrift := t.adrift(); adrift != "" {
		f.Hints = append(f.Hints, adrift)
	}
	if left := t.unpublished(s); left != "" {
		f.Hints = append(f.Hints, left)
	}
	return outcome
}

// unpublished counts what was read and has no answer, and tells where to go on.
func (t *tally) unpublished(s source) string {
	more, whole := s.left()
	open, name := t.open(), t.input
	if name == "" {
		name = "stdin"
	}
	n := open + more*t.each
	text := plural(n, "message", "messages")
	switch {
	case n == 0 && whole:
		return ""
	case n == 0:
		return fmt.Sprintf("all that was read of %s was sent, and it was not read to its end", name)
	case more == 0 && whole:
		text += " without an answer from the broker"
	default:
		text += " unsent or without an answer from the broker"
	}
	if t.even && t.items > 0 && t.Unconfirmed() == 0 {
		text += fmt.Sprintf(", from line %d of %s on", (t.handed-open)/t.each+1, name)
	}
	if !whole {
		text += "; and " + name + " was not read to its end"
	}
	return text
}
