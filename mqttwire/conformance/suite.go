package conformance

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"
)

// Outcome is how a script ended.
type Outcome byte

const (
	Pass Outcome = iota
	Fail
	Skip
)

func (o Outcome) String() string { return [...]string{"pass", "fail", "skip"}[o] }

// A Result is the outcome of one script.
type Result struct {
	Script   *Script
	Outcome  Outcome
	Step     int      // the one that failed, from 1 on; 0: none did
	Line     int      // of the step that failed, or was the reason to skip
	Expected string   // that step
	Got      string   // what came instead, or why it was skipped
	Shown    []string // statements of Script.Shows that it has shown
	Broken   []string // those that the failed step was about; none: what it prepares failed
	Trace    []string
	Elapsed  time.Duration
	packet   bool  // what came instead was a packet, of the only connection
	late     bool  // of an audit: this process stood still meanwhile
	gone     bool  // of an audit: the broker was not there all the time
	Err      error // *UnreachableError, *UnsayableError, or the breach of a rule; nil otherwise
}

// String is a line for a pass, and a small report for a failure.
func (r Result) String() string {
	head := fmt.Sprintf("%s %s (%s:%d)", r.Outcome, r.Script.Name(), r.Script.File, r.Script.Line)
	switch {
	case r.Outcome == Pass:
		return head
	case r.Line == 0:
		return head + ": " + r.Got
	}
	report := fmt.Sprintf("%s\n  line     %d\n  expected %s\n  got      %s", head, r.Line, r.Expected, r.Got)
	if r.Outcome == Fail {
		for _, line := range r.Trace {
			report += "\n  " + line
		}
	}
	return report
}

// SettingsKey is the settings as one text, the same in any order.
func SettingsKey(settings []Setting) string {
	words := make([]string, len(settings))
	for i, s := range settings {
		words[i] = s.Key + "=" + s.Value
	}
	slices.Sort(words)
	return strings.Join(words, " ")
}

// BySettings sorts scripts by the settings that they need, so that a broker
// can be started for each set; the default settings come first.
func BySettings(scripts []*Script) [][]*Script {
	var groups [][]*Script
	index := make(map[string]int)
	for _, s := range scripts {
		key := SettingsKey(s.Settings)
		i, ok := index[key]
		if !ok {
			i = len(groups)
			index[key] = i
			groups = append(groups, nil)
		}
		groups[i] = append(groups[i], s)
	}
	slices.SortStableFunc(groups, func(a, b []*Script) int {
		return min(len(a[0].Settings), 1) - min(len(b[0].Settings), 1)
	})
	return groups
}

// RunAll plays scripts side by side and returns their results in order. Each
// is told to report, if it is not nil, as it ends; one at a time.
func RunAll(ctx context.Context, scripts []*Script, dial Dialer, o Options, report func(Result)) []Result {
	if o.Parallel == 0 {
		o.Parallel = 64
	}
	results := make([]Result, len(scripts))
	places := make(chan struct{}, o.Parallel)
	var running sync.WaitGroup
	var reporting sync.Mutex
	for i, s := range scripts {
		places <- struct{}{}
		running.Go(func() {
			defer func() { <-places }()
			results[i] = Run(ctx, s, dial, o)
			if report != nil {
				reporting.Lock()
				defer reporting.Unlock()
				report(results[i])
			}
		})
	}
	running.Wait()
	return results
}
