package conformance

import (
	"errors"
	"slices"
	"strings"

	"mqtk/mqttwire"
)

// A failure ends a script; so does a skip.
type failure struct {
	step   *step
	got    string
	clause string // that the broker broke, where it is not what the step shows
	skip   bool
	packet bool  // what came instead was a packet
	err    error // why the broker could not be asked
}

// breachAt is the failure of a broker that breaks a rule that the script may
// have nothing to do with.
func (r *runner) breachAt(st *step, err error) *failure {
	return &failure{step: st, got: err.Error(), clause: clauseOf(err, r.script.Version), err: err}
}

// unreached is the failure to open a connection, or what came on the one before.
func (r *runner) unreached(st *step, err error) *failure {
	if errors.As(err, new(*breach)) || errors.As(err, new(*mqttwire.Error)) {
		return r.breachAt(st, err)
	}
	return &failure{step: st, got: err.Error(), err: err}
}

// repeatClause is the statement on DUP where that bit alone is not as it must
// be: whatever else the step is about was as expected.
func (r *runner) repeatClause(st *step, e *event) string {
	_, came := e.line.Get("dup")
	for _, it := range st.items {
		if it.line.Type != mqttwire.PUBLISH || e.line.Type != mqttwire.PUBLISH {
			continue
		}
		other := it
		other.line.Fields = slices.DeleteFunc(slices.Clone(it.line.Fields), func(f mqttwire.Field) bool { return f.Key == "dup" })
		other.line.Reasons = slices.DeleteFunc(slices.Clone(it.line.Reasons), func(word string) bool { return word == "!dup" })
		if r.match(other, e, r.script.Version) == "" {
			if came {
				return "MQTT-3.3.1-3"
			}
			return "MQTT-3.3.1-1"
		}
	}
	return ""
}

// clauseOf is the statement that an event breaks, or a rule without a number.
func clauseOf(err error, v mqttwire.Version) string {
	var bad *mqttwire.Error
	var breach *breach
	switch {
	case errors.As(err, &breach):
		return breach.clause
	case errors.As(err, &bad) && bad.Clause == "MQTT-2.2.1-3" && strings.HasPrefix(bad.Detail, "PUBLISH"):
		return "MQTT-2.2.1-4" // what that is for the server
	case errors.As(err, &bad) && bad.Clause == "MQTT-2.2.1-3":
		return "" // the answer to id 0 has it, too
	case errors.As(err, &bad) && strings.HasPrefix(bad.Clause, "MQTT-"):
		return bad.Clause
	case errors.As(err, &bad) && bad.Clause == "3.2.2.3" && v != mqttwire.V5:
		return "MQTT-3.2.2-6" // no return code of the table
	case errors.As(err, &bad) && bad.Clause == "2.2.1" && v != mqttwire.V5:
		return "s3.14-client-only"
	}
	return "s2.1-valid"
}

// result is what the script has come to: what the failed step was to show is
// broken, what the sections before it show is shown, and of the rest nothing is
// known.
func (r *runner) result(f *failure) Result {
	result := Result{Outcome: Fail, Line: f.step.line, Expected: f.step.text, Got: brief(f.got, 1000), Broken: f.step.binds, Err: f.err, packet: f.packet && r.opened == 1}
	for i := range r.script.steps {
		if f.step == &r.script.steps[i] {
			result.Step = i + 1
		}
	}
	switch {
	case f.clause != "" && len(f.step.items) > 0 && f.step.items[0].isRaw:
		result.Broken = statements([]string{f.clause}, strings.Join(f.step.binds, " ")) // these very bytes were to come
	case f.clause != "":
		result.Broken = []string{f.clause}
	}
	if f.skip {
		result.Outcome, result.Broken = Skip, nil
	}
	for i := range r.script.steps {
		st := &r.script.steps[i]
		if st == f.step || slices.Equal(st.shows, f.step.shows) {
			break
		}
		for _, id := range st.shows {
			if !slices.Contains(result.Shown, id) && !slices.Contains(f.step.shows, id) && !slices.Contains(result.Broken, id) {
				result.Shown = append(result.Shown, id)
			}
		}
	}
	return result
}
