package commands

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/urfave/cli/v2"
)

const (
	exitDone        = 0
	exitFailed      = 1
	exitUsage       = 2
	exitUnreachable = 3
	exitTLS         = 4
	exitRefused     = 5
	exitDenied      = 6
	exitProtocol    = 7
	exitLost        = 8
	exitPartly      = 9
	exitUnexpected  = 10
	exitTimeout     = 27
	exitInterrupted = 130
	exitKilled      = 137 // of a command after --
	exitTerminated  = 143
)

// An exitRow is a row of the table that every help and man page prints.
type exitRow struct {
	Code    int
	Word    string // of a help that is one screen
	Meaning string
}

// exitCodes is the one table of exit codes.
func exitCodes() []exitRow {
	return []exitRow{
		{exitDone, "done", "done; also a signal with no goal open, and a closed output pipe"},
		{exitFailed, "failed", "unclassified failure; serve cannot listen, or cannot take up --data"},
		{exitUsage, "usage", "usage or configuration"},
		{exitUnreachable, "unreachable", "cannot reach the broker: name, refused, time-out, proxy, no CONNACK"},
		{exitTLS, "TLS", "TLS handshake or verification"},
		{exitRefused, "refused", "refused by the broker (CONNACK)"},
		{exitDenied, "denied", "credentials or rights: who you are, or what you may"},
		{exitProtocol, "protocol", "protocol violation by the peer, DISCONNECT with an error reason, or bytes that inspect decode cannot read"},
		{exitLost, "lost", "connection lost, retries used up"},
		{exitPartly, "partly", "partly done: some filters, messages or connections refused, or all and not for rights; something lost in a salvage or an import"},
		{exitUnexpected, "unmet", "an expectation was not met (--expect); a check found something wrong"},
		{exitTimeout, "time up", "time ran out (-W), once connected"},
		{exitInterrupted, "INT", "SIGINT while a goal (-C, unsent messages) was open, or a second one"},
		{exitTerminated, "TERM", "SIGTERM while a goal was open, or a second one"},
	}
}

// A failure is an error that knows its exit code and the hints that go under
// it. Without Err it ends silently.
type failure struct {
	Code   int
	Err    error
	Hints  []string
	Reason string         // name of the reason code, where there is one
	Number int            // its number
	Path   []*cli.Command // usage errors: where they happened
	Flag   string         // and of which flag's value they are
	all    bool           // of the filters: every one refused
	loud   bool           // said with --quiet, too
}

func (f *failure) Error() string {
	if f.Err == nil {
		return fmt.Sprintf("exit %d", f.Code)
	}
	return f.Err.Error()
}

func (f *failure) Unwrap() error { return f.Err }

func fail(code int, err error, hints ...string) *failure {
	return &failure{Code: code, Err: err, Hints: hints}
}

// usagef is a usage error.
func usagef(format string, a ...any) *failure {
	return fail(exitUsage, fmt.Errorf(format, a...))
}

func usageIn(path []*cli.Command, format string, a ...any) *failure {
	f := usagef(format, a...)
	f.Path = path
	return f
}

// unknownWord is the usage error for a word that is not in the list, with the
// nearest one as a hint.
func unknownWord(kind, shown string, known []string) *failure {
	f := usagef("unknown %s %s", kind, visible(shown))
	if near := nearest(shown, known); near != "" {
		f.Hints = []string{"did you mean " + near + "?"}
	}
	return f
}

// nearest returns the known word that is fewest edits away: one at most, two in
// a long word. Others have little to do with what was meant.
func nearest(word string, known []string) string {
	word = strings.ToLower(word)
	best, bestDistance := "", 2
	if len(strings.TrimLeft(word, "-")) >= 8 {
		bestDistance = 3
	}
	for _, k := range known {
		if d := editDistance(word, k); d < bestDistance {
			best, bestDistance = k, d
		}
		if n := strings.TrimLeft(word, "-"); best == "" && len(n) >= 3 && strings.HasPrefix(strings.TrimLeft(k, "-"), n) {
			best = k
		}
	}
	return best
}

// nearestValue is the word that was likely meant as the value of a flag that
// takes one of some words.
func nearestValue(flag, value string) string {
	lists := valueWords(flag)
	if len(lists) != 1 || len(value) < 3 {
		return "" // a digit is near to every other
	}
	words := slices.DeleteFunc(slices.Clone(lists[0]), func(word string) bool { return strings.ContainsAny(word, ":=") })
	if slices.Contains(words, value) {
		return "" // it is meant, and something else is wrong
	}
	return nearest(value, words)
}

// editDistance counts insertions, deletions, changes and swaps of neighbours.
func editDistance(a, b string) int {
	before, last, row := make([]int, len(b)+1), make([]int, len(b)+1), make([]int, len(b)+1)
	for j := range last {
		last[j] = j
	}
	for i := range len(a) {
		row[0] = i + 1
		for j := range len(b) {
			cost := 1
			if a[i] == b[j] {
				cost = 0
			}
			row[j+1] = min(row[j]+1, last[j+1]+1, last[j]+cost)
			if i > 0 && j > 0 && a[i] == b[j-1] && a[i-1] == b[j] {
				row[j+1] = min(row[j+1], before[j-1]+1)
			}
		}
		before, last, row = last, row, before
	}
	return last[len(b)]
}

// finish reports the error, if any, and returns the exit code.
func (p *program) finish(err error) int {
	if err == nil {
		return exitDone
	}
	f := classify(err)
	if f.Err != nil && (!p.quiet || f.loud || f.Code == exitUsage) {
		if f.Code == exitUsage && f.Path == nil {
			f.Path = p.path
		}
		p.report(f)
	}
	return f.Code
}

// aloud is an error that --quiet does not silence.
func aloud(err error) error {
	if err == nil {
		return nil
	}
	f := classify(err)
	f.loud = true
	return f
}

// classify gives an error that has none yet its code and hints.
func classify(err error) *failure {
	var f *failure
	if errors.As(err, &f) {
		return f
	}
	return fail(exitFailed, err)
}

// report says on stderr what went wrong: a sentence, then hints.
func (p *program) report(f *failure) {
	if p.json {
		p.reportJSON(f)
		return
	}
	name := "mqtk"
	if f.Path != nil {
		name = commandName(f.Path)
	}
	ink := p.inkFor(p.Err)
	fmt.Fprintf(p.Err, "%s %s\n", ink.bad(name+":"), visible(f.Err.Error()))
	for _, hint := range f.Hints {
		fmt.Fprintf(p.Err, "  %s\n", visible(hint))
	}
	switch {
	case f.Path != nil && f.Flag != "":
		fmt.Fprintf(p.Err, "  see mqtk help %s %s\n", strings.TrimPrefix(name, "mqtk "), f.Flag)
	case f.Path != nil:
		fmt.Fprintf(p.Err, "  see %s --help\n", name)
	}
}

func (p *program) reportJSON(f *failure) {
	object := struct {
		Error  string   `json:"error"`
		Exit   int      `json:"exit"`
		Reason string   `json:"reason,omitempty"`
		Number int      `json:"reason_code,omitempty"`
		Hints  []string `json:"hints,omitempty"`
	}{f.Err.Error(), f.Code, f.Reason, f.Number, f.Hints}
	_ = writeJSON(p.Err, object)
}
