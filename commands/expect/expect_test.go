package expect

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"mqtk/commands/condition"
	"mqtk/mqttwire"
)

// run plays messages into a trial: "a" is a payload, "+2s" lets time go on, "."
// is an end from without, and ";" one by time. It tells how each expectation stands after it (o open,
// m met, f failed), and a ! where the trial was over.
func run(t *testing.T, lasting bool, script string, texts ...string) (string, []Result) {
	t.Helper()
	var list []*Expectation
	for _, text := range texts {
		e, err := Parse(text)
		if err != nil {
			t.Fatalf("%s: %v", text, err)
		}
		list = append(list, e)
	}
	trial, err := NewTrial(list, lasting)
	if err != nil {
		return err.Error(), nil
	}
	now := time.Unix(1000, 0)
	trial.Start(now)
	over := false
	for _, word := range strings.Fields(script) {
		if d, err := time.ParseDuration(strings.TrimPrefix(word, "+")); err == nil && word[0] == '+' {
			now = now.Add(d)
			if due, ok := trial.Next(); ok && !due.After(now) {
				over = trial.Tick(now) || over
			}
			continue
		}
		if word == "." || word == ";" {
			trial.End(now, word == ".")
			continue
		}
		if over {
			t.Fatalf("%v: over before %s", texts, word)
		}
		m := &condition.Message{Publish: &mqttwire.Publish{Topic: "t", Payload: []byte(word), QoS: 1}}
		over = trial.Take(m, now)
	}
	states := ""
	for _, r := range trial.Results() {
		states += "omf"[r.State : r.State+1]
	}
	if over {
		states += "!"
	}
	if trial.Failed() != strings.Contains(states, "f") {
		t.Errorf("%v: %s, failed %t", texts, states, trial.Failed())
	}
	return states, trial.Results()
}

func TestTrial(t *testing.T) {
	for _, test := range []struct {
		script, want string
		lasting      bool
		texts        []string
	}{
		// Some message.
		{"x y a", "m!", false, []string{"payload=a"}},
		{"x y", "o", false, []string{"payload=a"}},
		{"x y .", "f", false, []string{"payload=a"}},
		{"x +4.9s a", "m!", false, []string{"payload=a within 5s"}},
		{"x +5s", "f!", false, []string{"payload=a within 5s"}},
		{"a", "mo", false, []string{"payload=a", "payload=b"}},
		{"b a", "mm!", false, []string{"payload=a", "payload=b"}},
		{"x", "m!", false, []string{"any within 5s"}},
		{"x", "m!", false, []string{"any"}},
		{"+5s", "f!", false, []string{"any within 5"}},
		{"x", "m!", false, []string{"any qos=1"}},
		// Counts.
		{"x y", "o", false, []string{"count>=3"}},
		{"x y z", "m!", true, []string{"count>=3"}},
		{"x y z", "o", true, []string{"count>3"}},
		{"x y z u", "m!", true, []string{"count > 3"}},
		{"x y z", "m!", false, []string{"count=3"}}, // nothing would show a fourth
		{"x y z", "o", true, []string{"count=3"}},
		{"x y z .", "m", true, []string{"count==3"}},
		{"x y z u", "f!", true, []string{"count=3"}},
		{"x y .", "f", true, []string{"count=3"}},
		{"x y z", "o", false, []string{"count=3 within 1s"}},
		{"x y z +1s", "m!", false, []string{"count=3 within 1s"}},
		{"x y z u", "f!", false, []string{"count=3 within 1s"}},
		{"x +1s", "f!", false, []string{"count>=2 within 1s"}},
		{"x +1s", "m!", false, []string{"count<2 within 1s"}},
		{"x y", "f!", false, []string{"count<2 within 1s"}},
		{"x y", "f!", true, []string{"count<=1"}},
		{"x .", "m", true, []string{"count<=1"}},
		{"x .", "f", true, []string{"count!=1"}},
		{"x y .", "m", true, []string{"count!=1"}},
		{".", "m", true, []string{"count=0"}},
		{"x", "f!", true, []string{"count=0"}},
		{"x a y a", "m!", false, []string{"count(payload=a)>=2"}},
		{"x a y .", "f", false, []string{"count(payload=a or payload=b) = 2"}},
		// Every message, and none.
		{"x y", "o", true, []string{"every qos=1"}},
		{"x y .", "m", true, []string{"every qos=1"}},
		{"a x", "f!", true, []string{"every payload=a"}},
		{".", "f", true, []string{"every qos=1"}}, // of nothing
		{"x +2s", "m!", false, []string{"every qos=1 within 2s"}},
		{"x a", "f!", true, []string{"never payload=a"}},
		{"x .", "m", true, []string{"never payload=a"}},
		{"+5s", "m!", false, []string{"never within 5s"}},
		{"x", "f!", false, []string{"never within 5s"}},
		{"x +5s", "m!", false, []string{"never payload=a within 5s"}},
		// The run ended before its time, and nobody knows what would have come.
		{"x +1s .", "f", true, []string{"never payload=a within 5s"}},
		{"x +1s .", "f", true, []string{"every qos=1 within 5s"}},
		{"x +1s .", "f", true, []string{"count<3 within 5s"}},
		{"x +1s .", "fm", true, []string{"never payload=a within 5s", "never payload=b"}},
		{"x +1s ;", "m", true, []string{"never payload=a within 5s"}}, // -W is time, too
		// A guard beside an aim holds for as long as the aim takes, one with a time
		// for that.
		{"x y", "mm!", false, []string{"never payload=a", "count>=2"}},
		{"x a", "fo!", false, []string{"never payload=a", "count>=3"}},
		{"x a .", "fo!", false, []string{"never payload=a", "count>=3"}}, // undecided
		{"x .", "ff", false, []string{"payload=a", "payload=b"}},
		{"x y", "om", false, []string{"never payload=a within 5s", "count>=2"}},
		{"x y +5s", "mm!", false, []string{"never payload=a within 5s", "count>=2"}},
		{"x y z", "mo", true, []string{"count>=2", "count=3"}},
		// Order.
		{"x a x b", "mmm!", false, []string{"payload=a", "payload=b", "order"}},
		{"b", "oof!", false, []string{"payload=a", "payload=b", "order"}},
		{"a b a", "mmmm!", false, []string{"payload=a", "payload=b", "payload=a", "order"}},
		{"a a", "moof!", false, []string{"payload=a", "payload=b", "payload=a", "order"}},
		{"a", "moo", false, []string{"qos=1", "payload=a", "order"}}, // a message for each
		{"a a", "mmm!", false, []string{"qos=1", "payload=a", "order"}},
		{"a .", "mff", false, []string{"payload=a", "payload=b", "order"}},
		{"a +3s", "mof!", false, []string{"payload=a", "payload=b", "order within 3s"}},
	} {
		if got, _ := run(t, test.lasting, test.script, test.texts...); got != test.want {
			t.Errorf("%v with %q: %s, want %s", test.texts, test.script, got, test.want)
		}
	}
}

func TestDetails(t *testing.T) {
	for _, test := range []struct{ script, text, want string }{
		{"x a", "payload=a", "message 2 on t"},
		{"+1s .", "payload=a", "no message came"},
		{"x .", "payload=a", "none of 1 message was like this"},
		{"x x y", "count<=2", "3 messages, the last: message 3 on t: y"},
		{"x a", "never payload=a", "message 2 on t: a"},
		{"x a x .", "count(payload=a)=3", "1 of 3 messages"},
		{"x a .", "count>3", "2 messages"},
		{"x x .", "every qos=1", "all of 2 messages"},
		{"x " + strings.Repeat("ä", 400), "never size>100", "message 2 on t: " + strings.Repeat("ä", 120) + "…"},
	} {
		_, results := run(t, true, test.script, test.text)
		if got := results[0].Detail; got != test.want {
			t.Errorf("%s with %.20q: %s", test.text, test.script, got)
		}
	}
	_, results := run(t, false, "+1s x +2s a", "payload=a")
	if results[0].After != 3*time.Second || results[0].Text != "payload=a" {
		t.Errorf("%+v", results[0])
	}
}

func TestUnbounded(t *testing.T) {
	for _, texts := range [][]string{
		{"never"}, {"every qos=1"}, {"count<3"}, {"count=0"}, {"count>=0"}, {"never payload=a", "every qos=1"},
	} {
		if got, _ := run(t, false, "", texts...); got != texts[0]+" is known only at an end, and nothing brings one" {
			t.Errorf("%v: %s", texts, got)
		}
		if got, _ := run(t, true, "", texts...); len(got) != len(texts) {
			t.Errorf("%v, with an end: %s", texts, got)
		}
	}
	for _, texts := range [][]string{{"order"}, {"order", "payload=a"}, {"order", "count=3"}} {
		if got, _ := run(t, true, "", texts...); !strings.HasPrefix(got, "order is about") {
			t.Errorf("%v: %s", texts, got)
		}
	}
}

func TestParseErrors(t *testing.T) {
	for text, want := range map[string]string{
		"":                    "column 1: a field is expected",
		"count":               "column 6: = != < <= > or >= is expected, as in count>=3, not the end",
		"count 3":             "column 7: = != < <= > or >= is expected, as in count>=3, not 3",
		"count>=x":            "column 8: a number of messages is expected, not x",
		"count>=-1":           "column 8: a number of messages is expected, not -1",
		"count>=9999999999":   "column 8: a number of messages",
		"count(size>1":        "column 13: ) is expected, not the end",
		"count>=3 x":          "column 10: within or the end is expected, not x",
		"count>=3 within 1 s": "column 19: a time is one word: write 1s",
		"count>=3 within":     "column 16: a time is expected behind within, such as 5s or 250ms, not the end",
		"count>=3 within 0":   "column 17: a time is expected",
		"count>=3 within -1s": "column 17: a time is expected",
		"count>=3 within 5 x": "column 19: within or the end is expected, not x",
		"every":               "column 6: a field is expected, not the end",
		"every within 5s":     "column 7: there is no field within",
		"never payload.":      "column 15: a name is expected",
		"order topic~a":       "column 7: within or the end is expected",
		"temp>30":             "column 1: there is no field temp",
		"payload.a 5":         "column 11: within or the end is expected, not 5",
	} {
		_, err := Parse(text)
		if err == nil || !strings.HasPrefix(err.Error(), want) {
			t.Errorf("%s: %v, want %s", text, err, want)
		}
	}
	for text, want := range map[string]time.Duration{
		"topic~^a/ within 5s": 5 * time.Second, "never  within  250ms ": 250 * time.Millisecond, "order within 0.5": 500 * time.Millisecond, "qos=1": 0,
	} {
		if e, err := Parse(text); err != nil || e.Within() != want || e.String() != strings.TrimSpace(text) {
			t.Errorf("%s: %v, %v", text, e, err)
		}
	}
}

// FuzzParse: whatever is read, a trial of it can be held.
func FuzzParse(f *testing.F) {
	for _, text := range []string{"count(qos=1)>=3 within 5s", "never within 1", "every payload.a~x", "any", "order", "payload=a && !dup within 2h"} {
		f.Add(text, "a")
	}
	f.Fuzz(func(t *testing.T, text, payload string) {
		e, err := Parse(text)
		if err != nil {
			if !errors.As(err, new(*condition.Error)) {
				t.Fatalf("%q: %v", text, err)
			}
			return
		}
		trial, err := NewTrial([]*Expectation{e}, true)
		if err != nil {
			return
		}
		now := time.Unix(1000, 0)
		trial.Start(now)
		m := &condition.Message{Publish: &mqttwire.Publish{Topic: "t", Payload: []byte(payload)}}
		over := trial.Take(m, now)
		trial.End(now, false)
		if r := trial.Results()[0]; r.State == Open || r.Detail == "" {
			t.Fatalf("%q: %+v, over %t", text, r, over)
		}
	})
}

func TestSequence(t *testing.T) {
	for _, test := range []struct {
		numbers, said, balance string
		right                  bool
	}{
		{"1 2 3", "", "3 messages on 1 topic: 0 missing, 0 twice, 0 late", true},
		{"7 8", "", "2 messages on 1 topic: 0 missing, 0 twice, 0 late", true},
		{"1 2 5", "3 to 4 missing before 5", "3 messages on 1 topic: 2 missing, 0 twice, 0 late", false},
		{"1 3 2", "2 missing before 3; 2 comes late, after 3", "3 messages on 1 topic: 0 missing, 0 twice, 1 late", false},
		{"1 2 2", "2 comes twice", "3 messages on 1 topic: 0 missing, 1 twice, 0 late", false},
		{"1 2 2r", "", "3 messages on 1 topic: 0 missing, 0 twice, 0 late, 1 sent again by the broker", true},
		{"1 9 5 4 6 2 2", "2 to 8 missing before 9; 5 comes late, after 9; 4 comes late, after 9; 6 comes late, after 9; 2 comes late, after 9; 2 comes twice",
			"7 messages on 1 topic: 3 missing, 1 twice, 4 late", false},
		{"4 5 6 0 1", "begins anew with 0, after 6", "5 messages on 1 topic: 0 missing, 0 twice, 0 late, 1 begun anew", false},
		{"99s 1 2 3", "", "3 messages on 1 topic: 0 missing, 0 twice, 0 late", true}, // 99 is from before
		{"1s 2s 4s", "3 missing before 4", "3 messages on 1 topic: 1 missing, 0 twice, 0 late", false},
		{"", "", "no number in 0 messages", false},
	} {
		s, said := &Sequence{}, []string{}
		for _, word := range strings.Fields(test.numbers) {
			var n uint64
			fmt.Sscan(strings.TrimRight(word, "rs"), &n)
			if text := s.Take("t", n, strings.HasSuffix(word, "r"), strings.HasSuffix(word, "s")); text != "" {
				said = append(said, text)
			}
		}
		if got := strings.Join(said, "; "); got != test.said {
			t.Errorf("%s: %s", test.numbers, got)
		}
		if s.String() != test.balance || s.Right() != test.right {
			t.Errorf("%s: %s, %t", test.numbers, s, s.Right())
		}
	}
	s := &Sequence{}
	for n := range uint64(3) {
		s.Take("a", n, false, false)
		s.Take("b", n+7, false, false)
	}
	if !s.Right() || s.String() != "6 messages on 2 topics: 0 missing, 0 twice, 0 late" {
		t.Errorf("two topics: %s", s)
	}
	if s.Unnumbered++; s.Right() || !strings.HasSuffix(s.String(), ", 1 without a number") {
		t.Errorf("one without: %s", s)
	}
}

// TestSequenceIsBounded: numbers that tear holes, and topics without end.
func TestSequenceIsBounded(t *testing.T) {
	s := &Sequence{}
	s.Take("t", 0, false, false)
	s.Take("t", 1<<40, false, false)
	for n := range uint64(3 * gapLimit) {
		s.Take("t", 2*n+2, false, false)
	}
	if got := len(s.streams["t"].missing); got > gapLimit || got != s.gaps {
		t.Errorf("%d gaps are remembered, %d counted", got, s.gaps)
	}
	for n := range streamLimit + 10 {
		s.Take(fmt.Sprint(n), 1, false, false)
	}
	if len(s.streams) > streamLimit || s.Unwatched == 0 {
		t.Errorf("%d topics are remembered, %d are not", len(s.streams), s.Unwatched)
	}
}

// FuzzSequence holds the intervals against a set of numbers.
func FuzzSequence(f *testing.F) {
	f.Add([]byte{5, 6, 9, 7, 7, 8, 200, 100, 0, 1})
	f.Fuzz(func(t *testing.T, numbers []byte) {
		s := &Sequence{}
		var missing map[uint64]bool
		var next uint64
		for i, b := range numbers {
			n := uint64(b)
			before := *s
			s.Take("t", n, false, false)
			switch {
			case i == 0 || missing == nil || n <= 1 && n < next && next > 2 && !missing[n]:
				missing, next = map[uint64]bool{}, n+1
			case n >= next:
				for ; next < n; next++ {
					missing[next] = true
				}
				next = n + 1
			case missing[n]:
				delete(missing, n)
				if s.Late != before.Late+1 {
					t.Fatalf("%v: %d is late", numbers[:i+1], n)
				}
			case s.Twice != before.Twice+1:
				t.Fatalf("%v: %d comes twice", numbers[:i+1], n)
			}
			count := 0
			for _, g := range s.streams["t"].missing {
				for m := g.from; m <= g.to; m++ {
					if count++; !missing[m] {
						t.Fatalf("%v: %d is not missing", numbers[:i+1], m)
					}
				}
			}
			if count != len(missing) || len(s.streams["t"].missing) != s.gaps {
				t.Fatalf("%v: %d missing, want %d", numbers[:i+1], count, len(missing))
			}
		}
	})
}
