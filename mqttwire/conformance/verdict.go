package conformance

import (
	"slices"
	"strings"
)

// A Verdict is what a broker's conduct says of a statement.
type Verdict string

const (
	Kept        Verdict = "pass"
	Broken      Verdict = "fail"
	NotTestable Verdict = "not testable"
)

// A Judgement is the verdict on one clause.
type Judgement struct {
	Clause
	Verdict Verdict
	Reason  string   // why it is not testable
	Results []Result // of the scripts that are about it
}

// Judge says of each clause what the scripts have shown: it is broken if one of
// them failed by it, and kept if one has shown it and none has failed.
func (p *Played) Judge(clauses []Clause) []Judgement {
	by := make(map[string][]Result)
	for _, r := range p.Results {
		if r.Script == nil {
			continue
		}
		ids := slices.Clone(r.Script.Shows)
		for _, id := range r.Broken {
			if !slices.Contains(ids, id) {
				ids = append(ids, id)
			}
		}
		for _, id := range ids {
			key := r.Script.Version.String() + " " + id
			by[key] = append(by[key], r)
		}
	}
	judgements := make([]Judgement, len(clauses))
	for i, c := range clauses {
		judgements[i] = judge(c, by[c.Version+" "+c.ID])
	}
	return judgements
}

func judge(c Clause, results []Result) Judgement {
	j := Judgement{Clause: c, Verdict: NotTestable, Results: results}
	for _, r := range results {
		switch {
		case slices.Contains(r.Broken, c.ID):
			j.Verdict = Broken
		case j.Verdict != Broken && slices.Contains(r.Shown, c.ID):
			j.Verdict = Kept
		}
	}
	if j.Verdict == NotTestable {
		j.Reason = whyNot(c, results)
	}
	return j
}

// mild tells whether the step that failed is about a statement that binds who
// sends.
func (r *Result) mild(id string) bool {
	return slices.ContainsFunc(r.Script.steps, func(st step) bool {
		return st.line == r.Line && slices.Contains(st.shows, id) && !slices.Contains(st.binds, id)
	})
}

// whyNot is the reason why nothing is known of a clause.
func whyNot(c Clause, results []Result) string {
	var reasons []string
	for _, r := range results {
		reason := needed(r.Got)
		if r.Outcome == Fail && r.mild(c.ID) {
			reason = "it binds who sends, and this broker takes what breaks it"
		} else if r.Outcome == Fail {
			reason = "what comes before could not be done: at " + r.Expected + ", " + r.Got
		}
		if !slices.Contains(reasons, reason) {
			reasons = append(reasons, reason)
		}
	}
	switch {
	case len(reasons) > 0:
		return strings.Join(reasons, "; ")
	case c.NotTestable() != "":
		return c.NotTestable()
	case c.Side == "client":
		return "it binds the client"
	case slices.ContainsFunc(c.Shown, func(s string) bool { return strings.HasSuffix(s, ".mqtt") }):
		return "no conversation that was chosen is about it"
	case slices.ContainsFunc(c.Shown, func(s string) bool { return strings.HasPrefix(s, "broker ") }):
		return "it can be seen from inside of a broker alone"
	}
	return "it can be seen at a client alone"
}

// needed words what a script needs for people.
func needed(reason string) string {
	need, ok := strings.CutPrefix(reason, "needs ")
	switch {
	case !ok:
		return reason
	case strings.Contains(need, "="):
		return "needs a broker that runs with " + need + ", in the words of mqtk serve"
	}
	return "needs " + need + ", see --have"
}
