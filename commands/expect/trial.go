package expect

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"mqtk/commands/condition"
)

// A Trial is a run and what is expected of it. Not safe for concurrent use.
type Trial struct {
	held    []*held
	inOrder bool // order is among them
	lasting bool // something else ends the run
	start   time.Time
	count   int
}

// A held is an expectation and how it stands.
type held struct {
	*Expectation
	Result
	number int // of messages that it speaks of
}

// A State is how an expectation stands.
type State byte

const (
	Open State = iota
	Met
	Failed
)

// A Result is the judgement on one expectation.
type Result struct {
	Text   string
	State  State
	Detail string        // why
	After  time.Duration // since the start, when it was known
}

// An Unbounded error names an expectation that would be open for ever.
type Unbounded struct{ Text string }

func (e *Unbounded) Error() string {
	return e.Text + " is known only at an end, and nothing brings one"
}

// NewTrial begins one. lasting tells that something else ends the run, so that
// count=3 can wait for a fourth message.
func NewTrial(list []*Expectation, lasting bool) (*Trial, error) {
	t := &Trial{lasting: lasting}
	bounded, conditions := lasting, 0
	for _, e := range list {
		t.held = append(t.held, &held{Expectation: e, Result: Result{Text: e.text}})
		bounded = bounded || e.aims() || e.within > 0
		t.inOrder = t.inOrder || e.kind == order
		if e.kind == some {
			conditions++
		}
	}
	if t.inOrder && conditions < 2 {
		return nil, fmt.Errorf("order is about the conditions of other expectations: give two at least, as in 'payload=open' and 'payload=shut'")
	}
	if !bounded {
		return nil, &Unbounded{list[0].text}
	}
	return t, nil
}

// Start sets the time from which within counts.
func (t *Trial) Start(at time.Time) { t.start = at }

// Take judges a message; over: nothing more needs to come.
func (t *Trial) Take(m *condition.Message, at time.Time) (over bool) {
	if t.Tick(at) {
		return true
	}
	t.count++
	if t.inOrder {
		t.takeInOrder(m, at)
	}
	for _, h := range t.held {
		if h.State == Open && !(t.inOrder && h.kind == some) {
			t.judge(h, m, at)
		}
	}
	return t.over(at)
}

// Tick judges what time judges.
func (t *Trial) Tick(at time.Time) (over bool) {
	for _, h := range t.held {
		if h.State == Open && h.within > 0 && at.Sub(t.start) >= h.within {
			t.conclude(h, at)
		}
	}
	return t.over(at)
}

// Next is when Tick has something to judge.
func (t *Trial) Next() (at time.Time, ok bool) {
	for _, h := range t.held {
		if h.State == Open && h.within > 0 {
			if due := t.start.Add(h.within); !ok || due.Before(at) {
				at, ok = due, true
			}
		}
	}
	return at, ok
}

// End judges what was open up to the end. It is not called where the run broke
// off, and judges nothing where a failure ended it: what is open stays so. early
// tells that something else than time brought the end: what would hold up to the
// end of its own time was then not watched for so long.
func (t *Trial) End(at time.Time, early bool) {
	if t.Failed() {
		return
	}
	for _, h := range t.held {
		if h.State != Open {
			continue
		}
		if t.conclude(h, at); early && h.State == Met && h.within > h.After {
			h.State, h.Detail = Failed, fmt.Sprintf("the run ended before %s were over: %s", h.within, h.Detail)
		}
	}
}

// Results are the judgements, in the order of the expectations.
func (t *Trial) Results() (results []Result) {
	for _, h := range t.held {
		results = append(results, h.Result)
	}
	return results
}

// Count is how many messages there were.
func (t *Trial) Count() int { return t.count }

// Failed tells whether an expectation has failed.
func (t *Trial) Failed() bool {
	for _, h := range t.held {
		if h.State == Failed {
			return true
		}
	}
	return false
}

// over tells whether nothing can change the judgement any more, or need not.
func (t *Trial) over(at time.Time) bool {
	if t.Failed() {
		return true
	}
	bounded := false
	for _, h := range t.held {
		if h.State == Open && t.waitsFor(h) {
			return false
		}
		bounded = bounded || h.aims() || h.within > 0
	}
	if bounded {
		t.End(at, false)
	}
	return bounded
}

// waitsFor tells whether an open expectation keeps the run going: an aim, or
// a time that is not over. count=3 is reached with the third message only where
// nothing would show a fourth.
func (t *Trial) waitsFor(h *held) bool {
	if h.within > 0 {
		return true
	}
	if h.kind == count && h.sign == "=" && h.Expectation.number == h.number {
		return t.lasting && h.aims()
	}
	return h.aims()
}

// judge judges a message for all kinds but conditions in order.
func (t *Trial) judge(h *held, m *condition.Message, at time.Time) {
	holds := h.holds(m)
	if holds {
		h.number++
	}
	switch {
	case h.kind == some && holds:
		t.close(h, Met, at, t.this(m, false))
	case h.kind == never && holds, h.kind == every && !holds:
		t.close(h, Failed, at, t.this(m, true))
	case h.kind == count && holds:
		t.judgeCount(h, m, at)
	}
}

// judgeCount closes what further messages cannot change.
func (t *Trial) judgeCount(h *held, m *condition.Message, at time.Time) {
	most := h.Expectation.number
	if h.sign == "<" {
		most--
	}
	switch h.sign {
	case ">=", ">":
		if h.counts() {
			t.close(h, Met, at, messages(h.number))
		}
	case "=", "<", "<=":
		if h.number > most {
			t.close(h, Failed, at, messages(h.number)+", the last: "+t.this(m, true))
		}
	}
}

// counts tells whether the number of messages is as expected.
func (h *held) counts() bool {
	n := h.Expectation.number
	switch h.sign {
	case "=":
		return h.number == n
	case "!=":
		return h.number != n
	case "<":
		return h.number < n
	case "<=":
		return h.number <= n
	case ">":
		return h.number > n
	}
	return h.number >= n
}

// takeInOrder gives a message to the first condition that is open. To be like a
// later one before its turn is wrong.
func (t *Trial) takeInOrder(m *condition.Message, at time.Time) {
	var turn *held
	for _, h := range t.held {
		if h.kind != some || h.State != Open {
			continue
		}
		holds := h.holds(m)
		if turn == nil && holds {
			t.close(h, Met, at, t.this(m, false))
			break
		}
		if turn == nil {
			turn = h
		} else if holds {
			t.closeOrder(Failed, at, fmt.Sprintf("%s before %s: %s", h.text, turn.text, t.this(m, true)))
			return
		}
	}
	for _, h := range t.held {
		if h.kind == some && h.State != Met {
			return
		}
	}
	t.closeOrder(Met, at, t.this(m, false))
}

func (t *Trial) closeOrder(s State, at time.Time, why string) {
	for _, h := range t.held {
		if h.kind == order && h.State == Open {
			t.close(h, s, at, why)
		}
	}
}

// conclude judges an expectation at its end.
func (t *Trial) conclude(h *held, at time.Time) {
	state, why := Failed, "no message came"
	switch h.kind {
	case some:
		if t.count > 0 {
			why = "none of " + messages(t.count) + " was like this"
		}
	case count:
		why = messages(h.number)
		if h.counts() {
			state = Met
		} else if n := h.Expectation.number; h.number < n && h.sign != ">" {
			why = strconv.Itoa(h.number) + " of " + messages(n)
		}
	case every:
		if t.count > 0 {
			state, why = Met, "all of "+messages(t.count)
		}
	case never:
		state, why = Met, "none of "+messages(t.count)
	case order:
		why = "not all of them came"
	}
	t.close(h, state, at, why)
}

func (t *Trial) close(h *held, s State, at time.Time, why string) {
	h.State, h.Detail, h.After = s, why, at.Sub(t.start)
}

// messages is a number of them, in words.
func messages(n int) string {
	if n == 1 {
		return "1 message"
	}
	return strconv.Itoa(n) + " messages"
}

// this names the message, and with its payload if that is what is wrong.
func (t *Trial) this(m *condition.Message, wrong bool) string {
	text := fmt.Sprintf("message %d on %s", t.count, shortened(m.Topic, 100))
	if wrong && len(m.Payload) > 0 {
		text += ": " + shortened(string(m.Payload[:min(len(m.Payload), 1000)]), 120)
	}
	return text
}

// shortened is a text of so many characters at most, on its own.
func shortened(s string, most int) string {
	n := 0
	for i := range s {
		if n++; n > most {
			return s[:i] + "…"
		}
	}
	return strings.Clone(s)
}
