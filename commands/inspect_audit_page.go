package commands

import (
	"bufio"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"
	"time"

	"mqtk/mqttwire/conformance"
)

// writeText is the report for people: the summary, then what was found.
func (r *auditReport) writeText(w io.Writer, ink ink, all bool) error {
	out := bufio.NewWriter(w)
	fmt.Fprintf(out, "%s: %s\n", ink.head(r.Target), r.summary())
	for _, line := range r.Limits {
		fmt.Fprintln(out, ink.bad(visible(line)))
	}
	r.writeUnstable(out)
	for _, line := range r.lossLines() {
		fmt.Fprintln(out, ink.bad(visible(line)))
	}
	for _, group := range r.groups() {
		r.writeGroup(out, ink, group)
	}
	if all {
		r.writeAll(out, ink)
	}
	return out.Flush()
}

// writeUnstable names what is no finding, since it did not come again.
func (r *auditReport) writeUnstable(out io.Writer) {
	if len(r.Unstable) == 0 {
		return
	}
	fmt.Fprintf(out, "%s wrong once and right when held again, which is no finding:\n", plural(len(r.Unstable), "conversation went", "conversations went"))
	for _, f := range r.Unstable {
		fmt.Fprintf(out, "  MQTT %s: %s: expected %s, got %s\n", f.Version, visible(f.Script), visible(f.Expected), visible(f.Got))
	}
}

func (r *auditReport) summary() string {
	return fmt.Sprintf("%s of MQTT 5.0 and 3.1.1: %d passed, %d failed, %d not testable; %s without a number: %d passed, %d failed, %d not testable; %s in %.0f s",
		plural(len(r.Statements), "statement", "statements"), r.Passed, r.Failed, r.NotTestable, plural(len(r.Rules), "rule", "rules"), r.RuleCounts.Passed, r.RuleCounts.Failed, r.RuleCounts.NotTestable,
		plural(r.Scripts.Passed+r.Scripts.Failed, "conversation", "conversations"), r.Seconds)
}

// lossLines say when the broker went away, and what it was told just before.
func (r *auditReport) lossLines() (lines []string) {
	for _, l := range r.Losses {
		what := "and did not come back: what was still to be held is not testable"
		if l.Back {
			what = "and came back"
		}
		lines = append(lines, fmt.Sprintf("the broker went away after %.1f s, %s (%s)", l.Seconds, what, l.Why))
		if len(l.Suspects) > 0 {
			lines = append(lines, "  the last that was begun before: "+l.Suspects[0])
		}
		if len(l.Suspects) > 1 {
			lines = append(lines, fmt.Sprintf("  and %d under way", len(l.Suspects)-1))
		}
	}
	return lines
}

// groups puts findings of one place together: rows of one table, and versions.
func (r *auditReport) groups() (groups [][]auditFinding) {
	index := make(map[string]int)
	for _, f := range r.Findings {
		key := f.Place + " " + f.Version
		i, ok := index[key]
		if !ok {
			i = len(groups)
			index[key] = i
			groups = append(groups, nil)
		}
		groups[i] = append(groups[i], f)
	}
	return groups
}

// writeGroup shows the first finding of a group, and names the others.
func (r *auditReport) writeGroup(out io.Writer, ink ink, group []auditFinding) {
	first := group[0]
	fmt.Fprintf(out, "\n%s %s\n", ink.bad("MQTT "+first.Version+":"), ink.head(visible(first.Script)))
	var broken []string
	for _, f := range group {
		for _, id := range f.Breaks {
			broken = appendOnce(broken, id)
		}
	}
	for _, id := range broken {
		fmt.Fprintf(out, "  %-16s %s\n", id, r.title(first.Version, id))
	}
	for _, line := range first.lines() {
		fmt.Fprintf(out, "  %s\n", visible(line))
	}
	for _, f := range group[1:] {
		fmt.Fprintf(out, "  likewise: %s\n", visible(f.Script))
		for _, step := range f.steps {
			if !slices.Contains(first.steps, step) {
				fmt.Fprintf(out, "    with     %s\n", visible(step))
			}
		}
		fmt.Fprintf(out, "    expected %s\n    got      %s\n", visible(f.Expected), visible(f.Got))
		if f.File != "" {
			fmt.Fprintf(out, "    script   %s\n", visible(f.File))
		}
	}
}

func appendOnce(list []string, word string) []string {
	for _, w := range list {
		if w == word {
			return list
		}
	}
	return append(list, word)
}

// title is what a statement says, in brief.
func (r *auditReport) title(version, id string) string {
	for _, list := range [][]auditStatement{r.Statements, r.Rules} {
		for _, s := range list {
			if s.Version == version && s.ID == id {
				return fmt.Sprintf("%s (section %s)", s.Title, s.Section)
			}
		}
	}
	return ""
}

// lines are a finding in full.
func (f *auditFinding) lines() []string {
	lines := []string{"expected " + f.Expected, "got      " + f.Got}
	if f.File != "" {
		lines = append(lines, "script   "+f.File)
	}
	for _, line := range f.Trace {
		lines = append(lines, "  "+line)
	}
	return lines
}

// writeAll lists every statement.
func (r *auditReport) writeAll(out io.Writer, ink ink) {
	version := ""
	for _, list := range [][]auditStatement{r.Statements, r.Rules} {
		for _, s := range list {
			if s.Version != version {
				version = s.Version
				fmt.Fprintf(out, "\n%s\n", ink.head("MQTT "+version))
			}
			word := fmt.Sprintf("%-4s", strings.ReplaceAll(s.Verdict, "not_testable", "-"))
			if s.Verdict == "fail" {
				word = ink.bad(word)
			}
			fmt.Fprintf(out, "%s %-16s %s\n", word, s.ID, s.Title)
			if s.Reason != "" {
				fmt.Fprintf(out, "     %s\n", ink.faint("not testable: "+visible(s.Reason)))
			}
		}
	}
}

// An auditStatus tells on a terminal how far an audit is.
type auditStatus struct {
	w      io.Writer
	silent bool
	begun  time.Time
	mu     sync.Mutex
	last   time.Time
	failed int
}

func (p *program) newAuditStatus() *auditStatus {
	return &auditStatus{w: p.Err, silent: p.quiet || !p.canRedraw(p.Err), begun: time.Now()}
}

func (s *auditStatus) show(done, of int, r conformance.Result) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if r.Outcome == conformance.Fail {
		s.failed++
	}
	if s.silent || time.Since(s.last) < 100*time.Millisecond {
		return
	}
	s.last = time.Now()
	fmt.Fprintf(s.w, "\r\x1b[K%d of %d conversations, %d went wrong, %.0f s", done, of, s.failed, time.Since(s.begun).Seconds())
}

func (s *auditStatus) clear() {
	if !s.silent {
		fmt.Fprint(s.w, "\r\x1b[K")
	}
}
