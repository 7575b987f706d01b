package commands

import (
	"encoding/xml"
	"fmt"
	"io"
	"strings"
	"time"

	"mqtk/commands/expect"
)

// A trialVerdict is what came of a trial, for stderr and for reports.
type trialVerdict struct {
	results  []expect.Result
	sequence *expect.Sequence
	messages int
	duration time.Duration
	failed   int
	broken   error // not nil: the run broke off
}

// add takes the results, and that of the sequence as one more.
func (v *trialVerdict) add(t *trial) {
	if t.Trial != nil {
		v.results, v.messages = t.Results(), t.Trial.Count()
	}
	if v.sequence = t.sequence; v.sequence != nil {
		r := expect.Result{Text: "seq " + t.number.String(), State: expect.Failed, Detail: v.sequence.String(), After: v.duration}
		if v.sequence.Right() {
			r.State = expect.Met
		}
		if v.broken != nil && v.sequence.Faultless() {
			r.State = expect.Open
		}
		v.results = append(v.results, r)
		v.messages = max(v.messages, v.sequence.Numbered+v.sequence.Unnumbered)
	}
	for _, r := range v.results {
		if r.State == expect.Failed {
			v.failed++
		}
	}
}

// undecided is why an expectation is open.
func (v *trialVerdict) undecided() string {
	if v.broken != nil {
		return "undecided: " + v.broken.Error()
	}
	return "undecided: another one failed first"
}

// text is a line for each expectation.
func (v *trialVerdict) text(ink ink) string {
	var b strings.Builder
	for i, r := range v.results {
		if v.sequence == nil || i < len(v.results)-1 {
			r.Text = "expect " + r.Text
		}
		b.WriteString("mqtk: " + visible(r.Text) + ": ")
		switch r.State {
		case expect.Open:
			b.WriteString(visible(v.undecided()))
		case expect.Failed:
			b.WriteString(ink.bad("failed") + ": " + visible(r.Detail))
		default:
			b.WriteString("ok: " + visible(r.Detail))
		}
		if r.State != expect.Open {
			fmt.Fprintf(&b, ", after %s", trialTime(r.After))
		}
		b.WriteByte('\n')
	}
	return b.String()
}

func trialTime(d time.Duration) string { return fmt.Sprintf("%.3f s", d.Seconds()) }

// A verdictObject is the verdict with --json.
type verdictObject struct {
	Verdict      string              `json:"verdict"` // passed, failed, undecided
	Messages     int                 `json:"messages"`
	Seconds      float64             `json:"duration"`
	Expectations []expectationObject `json:"expectations"`
	Sequence     *sequenceObject     `json:"sequence,omitempty"`
}

type expectationObject struct {
	Expect  string   `json:"expect"`
	Result  string   `json:"result"` // ok, failed, undecided
	Detail  string   `json:"detail"`
	Seconds *float64 `json:"after,omitempty"`
}

type sequenceObject struct {
	Numbered   int    `json:"numbered"`
	Unnumbered int    `json:"unnumbered"`
	Missing    uint64 `json:"missing"`
	Twice      int    `json:"twice"`
	Late       int    `json:"late"`
	Restarts   int    `json:"restarts"`
	Again      int    `json:"sent_again"`
}

func (v *trialVerdict) object() verdictObject {
	o := verdictObject{Verdict: "passed", Messages: v.messages, Seconds: v.duration.Seconds()}
	for _, r := range v.results {
		after := r.After.Seconds()
		e := expectationObject{r.Text, "ok", r.Detail, &after}
		switch r.State {
		case expect.Failed:
			e.Result = "failed"
		case expect.Open:
			e.Result, e.Detail, e.Seconds = "undecided", v.undecided(), nil
			o.Verdict = "undecided"
		}
		o.Expectations = append(o.Expectations, e)
	}
	if v.failed > 0 {
		o.Verdict = "failed"
	}
	if s := v.sequence; s != nil {
		o.Sequence = &sequenceObject{s.Numbered, s.Unnumbered, s.Missing, s.Twice, s.Late, s.Restarts, s.Again}
	}
	return o
}

// writeTAP writes the Test Anything Protocol, version 13.
func (v *trialVerdict) writeTAP(w io.Writer) error {
	var b strings.Builder
	fmt.Fprintf(&b, "TAP version 13\n1..%d\n", len(v.results))
	for i, r := range v.results {
		word, why, skip := "ok", r.Detail, ""
		switch {
		case r.State == expect.Failed:
			word = "not ok"
		case r.State == expect.Open && v.broken != nil:
			word, why = "not ok", v.undecided()
		case r.State == expect.Open:
			why, skip = v.undecided(), " # SKIP "+v.undecided()
		}
		name := strings.ReplaceAll(visible(r.Text), "#", `\#`) // begins a directive
		fmt.Fprintf(&b, "%s %d - %s%s\n", word, i+1, name, skip)
		if skip == "" {
			message := appendJSONText(nil, visible(why)) // a string of YAML, too
			fmt.Fprintf(&b, "  ---\n  message: %s\n  duration_ms: %.3f\n  ...\n", message, r.After.Seconds()*1000)
		}
	}
	if v.broken != nil {
		fmt.Fprintf(&b, "Bail out! %s\n", visible(v.broken.Error()))
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// writeJUnit writes a suite with a case for each expectation.
func (v *trialVerdict) writeJUnit(w io.Writer) error {
	suite := junitSuite{Name: "mqtk sub", Tests: len(v.results), Failures: v.failed, Time: fmt.Sprintf("%.3f", v.duration.Seconds())}
	for _, r := range v.results {
		c := junitCase{Class: suite.Name, Name: visible(r.Text), Time: fmt.Sprintf("%.3f", r.After.Seconds())}
		switch {
		case r.State == expect.Failed:
			c.Failure = &junitDetail{Message: visible(r.Detail)}
		case r.State == expect.Open && v.broken != nil:
			suite.Errors++
			c.Error = &junitDetail{Message: visible(v.undecided())}
		case r.State == expect.Open:
			suite.Skipped++
			c.Skipped = &junitDetail{Message: visible(v.undecided())}
		}
		suite.Cases = append(suite.Cases, c)
	}
	return writeXML(w, junitSuites{Suites: []junitSuite{suite}})
}

// writeXML writes a document, indented.
func writeXML(w io.Writer, v any) error {
	if _, err := io.WriteString(w, xml.Header); err != nil {
		return err
	}
	e := xml.NewEncoder(w)
	e.Indent("", "  ")
	if err := e.Encode(v); err != nil {
		return err
	}
	_, err := io.WriteString(w, "\n")
	return err
}
