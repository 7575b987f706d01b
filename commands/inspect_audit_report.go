package commands

import (
	"cmp"
	"encoding/xml"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"mqtk/mqttwire/conformance"
)

// An auditReport is what an audit tells, as the object of --json.
type auditReport struct {
	Target      string           `json:"url"`
	Seconds     float64          `json:"duration"`
	Passed      int              `json:"passed"`
	Failed      int              `json:"failed"`
	NotTestable int              `json:"not_testable"`
	RuleCounts  auditCounts      `json:"rule_counts"`
	Scripts     auditScripts     `json:"scripts"`
	Have        []string         `json:"have"`
	Findings    []auditFinding   `json:"findings"`
	Losses      []auditLoss      `json:"losses"`
	Limits      []string         `json:"limits"` // of what could be found out
	Unstable    []auditFinding   `json:"unstable"`
	Statements  []auditStatement `json:"statements"`
	Rules       []auditStatement `json:"rules"`
}

// auditCounts are those of the rules without a number.
type auditCounts struct {
	Passed      int `json:"passed"`
	Failed      int `json:"failed"`
	NotTestable int `json:"not_testable"`
}

type auditScripts struct {
	Passed  int `json:"passed"`
	Failed  int `json:"failed"`
	Skipped int `json:"skipped"`
}

// An auditStatement is the verdict on one statement, or rule without a number.
type auditStatement struct {
	ID      string            `json:"id"`
	Version string            `json:"version"`
	Section string            `json:"section"`
	Side    string            `json:"side"`
	Title   string            `json:"title"`
	Verdict string            `json:"verdict"` // pass, fail, not_testable
	Reason  string            `json:"reason,omitempty"`
	Scripts []auditScriptName `json:"scripts"`
}

type auditScriptName struct {
	Title   string `json:"title"`
	Outcome string `json:"outcome"` // pass, fail, skip
	Breaks  bool   `json:"breaks"`  // this statement
}

// An auditFinding is a conversation that went wrong.
type auditFinding struct {
	Version  string   `json:"version"`
	Script   string   `json:"script"`
	Place    string   `json:"place"`
	Breaks   []string `json:"statements"`
	Line     int      `json:"line"`
	Expected string   `json:"expected"`
	Got      string   `json:"got"`
	Trace    []string `json:"trace"`
	Text     string   `json:"text"`           // the script, for inspect send
	File     string   `json:"file,omitempty"` // of --scripts
	steps    []string
}

// An auditLoss is the broker going away.
type auditLoss struct {
	Seconds  float64  `json:"since_start"`
	Back     bool     `json:"back"`
	Why      string   `json:"why"`
	Suspects []string `json:"suspects"`
}

func newAuditReport(target string, played *conformance.Played, clauses []conformance.Clause) *auditReport {
	r := &auditReport{Target: target, Seconds: played.Elapsed.Seconds(), Have: slices.Clip(played.Have)}
	r.Findings, r.Losses, r.Unstable = []auditFinding{}, []auditLoss{}, []auditFinding{}
	r.Statements, r.Rules = []auditStatement{}, []auditStatement{}
	for _, result := range played.Results {
		switch result.Outcome {
		case conformance.Pass:
			r.Scripts.Passed++
		case conformance.Skip:
			r.Scripts.Skipped++
		default:
			r.Scripts.Failed++
			if f := newAuditFinding(result); chosen(&f, clauses) {
				r.Findings = append(r.Findings, f)
			}
		}
	}
	for _, result := range played.Unstable {
		r.Unstable = append(r.Unstable, newAuditFinding(result))
	}
	for _, loss := range played.Losses {
		r.Losses = append(r.Losses, newAuditLoss(loss))
	}
	r.Limits = auditLimits(played)
	for _, j := range played.Judge(clauses) {
		r.add(j)
	}
	return r
}

// auditLimits say why much could not be held, or all of it.
func auditLimits(played *conformance.Played) []string {
	limits := slices.Sorted(maps.Values(played.Silent))
	held, why := false, ""
	for _, result := range played.Results {
		held = held || result.Outcome != conformance.Skip
		if !strings.HasPrefix(result.Got, "needs ") {
			why = cmp.Or(why, result.Got)
		}
	}
	if !held && why != "" {
		limits = append(limits, "nothing could be held: "+why)
	}
	return slices.Clip(append([]string{}, limits...))
}

// chosen leaves of a finding what was asked for, and tells whether that is
// anything.
func chosen(f *auditFinding, clauses []conformance.Clause) bool {
	f.Breaks = slices.DeleteFunc(slices.Clone(f.Breaks), func(id string) bool {
		return !slices.ContainsFunc(clauses, func(c conformance.Clause) bool { return c.ID == id && c.Version == f.Version })
	})
	return len(f.Breaks) > 0
}

func newAuditFinding(result conformance.Result) auditFinding {
	s := result.Script
	return auditFinding{
		Version: s.Version.String(), Script: s.Title, Place: fmt.Sprintf("%s:%d", s.File, s.Line), Breaks: slices.Clip(result.Broken),
		Line: result.Line, Expected: result.Expected, Got: result.Got, Trace: slices.Clip(result.Trace),
		Text: s.Text(), steps: s.Lines(),
	}
}

// writeScripts writes the conversations that went wrong, each to a file.
func (r *auditReport) writeScripts(dir string) error {
	taken := make(map[string]int)
	for _, list := range [][]auditFinding{r.Findings, r.Unstable} {
		for i := range list {
			f := &list[i]
			name := fileName(f.Version + " " + f.Script)
			if taken[name]++; taken[name] > 1 {
				name += fmt.Sprintf("-%d", taken[name])
			}
			f.File = filepath.Join(dir, name+".mqtt")
			head := fmt.Sprintf("# %s of mqtk inspect audit %s\n# expected %s\n# got %s\n\n", f.Place, r.Target, visible(f.Expected), visible(f.Got))
			if err := os.WriteFile(f.File, []byte(head+f.Text), 0o666); err != nil {
				return fmt.Errorf("--scripts: %w", err)
			}
		}
	}
	return nil
}

// fileName is a title as the name of a file: 5.0-silent-for-one-and-a-half.
func fileName(title string) string {
	words := strings.FieldsFunc(strings.ToLower(title), func(r rune) bool {
		return (r < 'a' || r > 'z') && (r < '0' || r > '9') && r != '.'
	})
	name := strings.Join(words, "-")
	return strings.TrimRight(name[:min(len(name), 80)], "-.")
}

func newAuditLoss(loss conformance.Loss) auditLoss {
	l := auditLoss{Seconds: loss.At.Seconds(), Back: loss.Back, Why: loss.Why, Suspects: []string{}}
	for _, s := range loss.Suspects {
		l.Suspects = append(l.Suspects, s.Name())
	}
	return l
}

// add counts a judgement and puts it where it belongs.
func (r *auditReport) add(j conformance.Judgement) {
	s := auditStatement{ID: j.ID, Version: j.Version, Section: j.Section, Side: j.Side, Title: j.Title, Reason: j.Reason, Scripts: []auditScriptName{}}
	s.Verdict = strings.ReplaceAll(string(j.Verdict), " ", "_")
	for _, result := range j.Results {
		s.Scripts = append(s.Scripts, auditScriptName{result.Script.Title, result.Outcome.String(), slices.Contains(result.Broken, j.ID)})
	}
	count := &auditCounts{r.Passed, r.Failed, r.NotTestable}
	if !j.Numbered() {
		count = &r.RuleCounts
	}
	switch j.Verdict {
	case conformance.Kept:
		count.Passed++
	case conformance.Broken:
		count.Failed++
	default:
		count.NotTestable++
	}
	if !j.Numbered() {
		r.Rules = append(r.Rules, s)
		return
	}
	r.Statements = append(r.Statements, s)
	r.Passed, r.Failed, r.NotTestable = count.Passed, count.Failed, count.NotTestable
}

// findings says in brief what was found, "" if nothing.
func (r *auditReport) findings() string {
	var found []string
	if r.Failed > 0 {
		found = append(found, plural(r.Failed, "statement is", "statements are")+" broken")
	}
	if r.RuleCounts.Failed > 0 {
		found = append(found, plural(r.RuleCounts.Failed, "rule without a number is", "rules without a number are")+" broken")
	}
	if len(found) == 0 && len(r.Findings) > 0 {
		found = append(found, plural(len(r.Findings), "conversation", "conversations")+" went wrong")
	}
	if len(r.Losses) > 0 {
		found = append(found, "the broker went away")
	}
	return strings.Join(found, ", ")
}

// The elements of a JUnit report.
type junitSuites struct {
	XMLName xml.Name     `xml:"testsuites"`
	Suites  []junitSuite `xml:"testsuite"`
}

type junitSuite struct {
	Name     string      `xml:"name,attr"`
	Tests    int         `xml:"tests,attr"`
	Failures int         `xml:"failures,attr"`
	Errors   int         `xml:"errors,attr,omitempty"`
	Skipped  int         `xml:"skipped,attr"`
	Time     string      `xml:"time,attr"`
	Cases    []junitCase `xml:"testcase"`
}

type junitCase struct {
	Class   string       `xml:"classname,attr"`
	Name    string       `xml:"name,attr"`
	Time    string       `xml:"time,attr,omitempty"`
	Failure *junitDetail `xml:"failure"`
	Error   *junitDetail `xml:"error"`
	Skipped *junitDetail `xml:"skipped"`
}

type junitDetail struct {
	Message string `xml:"message,attr"`
	Text    string `xml:",chardata"`
}

// writeJUnit writes a suite for each version, a case for each statement.
func (r *auditReport) writeJUnit(w io.Writer) error {
	var all junitSuites
	for _, s := range slices.Concat(r.Statements, r.Rules) {
		name := "MQTT " + s.Version
		i := slices.IndexFunc(all.Suites, func(suite junitSuite) bool { return suite.Name == name })
		if i < 0 {
			i = len(all.Suites)
			all.Suites = append(all.Suites, junitSuite{Name: name, Time: fmt.Sprintf("%.3f", r.Seconds)})
		}
		suite := &all.Suites[i]
		c := junitCase{Class: name + ", section " + s.Section, Name: s.ID + " " + s.Title}
		suite.Tests++
		switch s.Verdict {
		case "fail":
			suite.Failures++
			c.Failure = r.junitFailure(s)
		case "not_testable":
			suite.Skipped++
			c.Skipped = &junitDetail{Message: visible(s.Reason)}
		}
		suite.Cases = append(suite.Cases, c)
	}
	if len(r.Losses) > 0 {
		text := strings.Join(r.lossLines(), "\n")
		all.Suites = append(all.Suites, junitSuite{Name: "the broker", Tests: 1, Failures: 1, Time: "0",
			Cases: []junitCase{{Class: "the broker", Name: "stays", Failure: &junitDetail{Message: "the broker went away", Text: text}}}})
	}
	return writeXML(w, all)
}

func (r *auditReport) junitFailure(s auditStatement) *junitDetail {
	d := &junitDetail{}
	for _, f := range r.Findings {
		if f.Version == s.Version && slices.Contains(f.Breaks, s.ID) {
			d.Message = cmp.Or(d.Message, visible(f.Script))
			d.Text += strings.Join(f.lines(), "\n") + "\n"
		}
	}
	return d
}
