package commands

import (
	"fmt"
	"os"
	"strings"
	"time"

	"mqtk/mqttwire/fuzz"
)

// A fuzzReport tells on stderr how a run stands, writes the files, and prints
// the summary on stdout.
type fuzzReport struct {
	p        *program
	o        *fuzzOptions
	seed     uint64
	terminal bool
	begun    time.Time
	told     time.Time
	files    map[*fuzz.Finding]string
	failed   error // of writing a file
}

func newFuzzReport(p *program, o *fuzzOptions, seed uint64) *fuzzReport {
	return &fuzzReport{p: p, o: o, seed: seed, begun: time.Now(), told: time.Now(),
		terminal: p.canRedraw(p.Err), files: make(map[*fuzz.Finding]string)}
}

func (r *fuzzReport) begin(url string) {
	if !r.p.json && !r.p.quiet {
		fmt.Fprintf(r.p.Err, "fuzzing %s, seed %d\n", visible(url), r.seed)
	}
}

// progress draws one line anew on a terminal, and writes one every ten seconds
// elsewhere. Of a run whose report is JSON it tells on a terminal alone.
func (r *fuzzReport) progress(now fuzz.Progress) {
	every := 10 * time.Second
	if r.terminal {
		every = 200 * time.Millisecond
	}
	if time.Since(r.told) < every || r.p.json && !r.terminal || r.p.quiet {
		return
	}
	r.told = time.Now()
	seconds := time.Since(r.begun).Seconds()
	text := fmt.Sprintf("%.0f s: %s, %.0f a second, %s", seconds, plural(now.Cases, "case", "cases"), float64(now.Cases)/seconds, plural(now.Findings, "finding", "findings"))
	if now.Doing != "" {
		text += ", " + now.Doing
	}
	if r.terminal {
		fmt.Fprintf(r.p.Err, "\r%.*s\x1b[K", columnsOf(r.p.Err)-1, text)
		return
	}
	fmt.Fprintln(r.p.Err, text)
}

func (r *fuzzReport) clear() {
	if r.terminal {
		fmt.Fprint(r.p.Err, "\r\x1b[K")
	}
}

// found writes the script of a finding at once: the run may be broken off.
func (r *fuzzReport) found(f *fuzz.Finding) {
	r.clear()
	name := r.o.file(r.seed, f.Case.Number)
	for _, taken := range r.files {
		if taken == name { // a crash that came while this case was made smaller
			name = strings.TrimSuffix(name, ".mqtt") + "-" + f.Verdict.String() + ".mqtt"
			break
		}
	}
	if err := os.WriteFile(name, []byte(f.Script), 0o644); err != nil {
		r.failed = fail(exitFailed, fmt.Errorf("write what was found: %w", err))
		name = ""
	}
	r.files[f] = name
	if !r.p.json && !r.p.quiet {
		ink := r.p.inkFor(r.p.Err)
		fmt.Fprintf(r.p.Err, "%s case %d: %s\n", ink.bad(f.Verdict.String()+":"), f.Case.Number, visible(f.Text))
	}
}

// A fuzzFinding is one in JSON.
type fuzzFinding struct {
	Verdict   string   `json:"finding"`
	Clause    string   `json:"statement,omitempty"`
	Text      string   `json:"detail"`
	Case      int      `json:"case"`
	Version   string   `json:"version"`
	Seen      int      `json:"seen"`
	StepsWere int      `json:"steps_before"`
	Steps     int      `json:"steps"`
	Again     bool     `json:"reproduced"`
	Shows     bool     `json:"script_shows"`
	Before    int      `json:"cases_before,omitempty"`
	File      string   `json:"file"`
	LastWords []string `json:"last_words,omitempty"`
}

func (r *fuzzReport) end(s *fuzz.Summary) error {
	r.clear()
	findings := make([]fuzzFinding, 0, len(s.Findings))
	for _, f := range s.Findings {
		findings = append(findings, fuzzFinding{f.Verdict.String(), f.Clause, f.Text, f.Case.Number, f.Case.Version.String(), f.Seen,
			f.Steps, len(f.Case.Steps), f.Again, f.Shows, f.Before, r.files[f], f.LastWords})
	}
	if r.p.json {
		object := struct {
			Seed     uint64        `json:"seed"`
			Versions []string      `json:"versions"`
			Cases    int           `json:"cases"`
			Steps    int           `json:"steps"`
			Seconds  float64       `json:"duration"`
			Stopped  string        `json:"stopped,omitempty"`
			Doubtful []fuzzDoubt   `json:"doubtful,omitempty"`
			Findings []fuzzFinding `json:"findings"`
		}{s.Seed, fuzzVersions(s), s.Cases, s.Steps, s.Elapsed.Seconds(), s.Stopped, fuzzDoubts(s), findings}
		if err := writeJSON(r.p.Out, object); err != nil {
			return err
		}
	} else {
		r.print(s, findings)
	}
	switch {
	case r.failed != nil:
		return r.failed
	case len(findings) > 0:
		return fail(exitUnexpected, fmt.Errorf("%s", plural(len(findings), "finding", "findings")))
	}
	return nil
}

// A fuzzDoubt is what came once and not again, and is no finding.
type fuzzDoubt struct {
	Verdict string `json:"finding"`
	Clause  string `json:"statement,omitempty"`
	Text    string `json:"detail"`
	Case    int    `json:"case"`
	Version string `json:"version"`
}

func fuzzDoubts(s *fuzz.Summary) (doubts []fuzzDoubt) {
	for _, f := range s.Doubtful {
		doubts = append(doubts, fuzzDoubt{f.Verdict.String(), f.Clause, f.Text, f.Case.Number, f.Case.Version.String()})
	}
	return doubts
}

func fuzzVersions(s *fuzz.Summary) []string {
	var names []string
	for _, v := range s.Versions {
		if len(names) == 0 || names[len(names)-1] != v.String() {
			names = append(names, v.String())
		}
	}
	return names
}

func (r *fuzzReport) print(s *fuzz.Summary, findings []fuzzFinding) {
	out, ink := r.p.Out, r.p.inkFor(r.p.Out)
	for _, f := range findings {
		clause := ""
		if f.Clause != "" {
			clause = " [" + f.Clause + "]"
		}
		fmt.Fprintf(out, "%s %s%s\n", ink.bad(f.Verdict+":"), visible(f.Text), clause)
		for _, words := range f.LastWords {
			fmt.Fprintf(out, "  %s\n", visible(words))
		}
		how := fmt.Sprintf("%s of %d left", plural(f.Steps, "step", "steps"), f.StepsWere)
		switch {
		case f.Again && !f.Shows:
			how += ", not shown by the file alone"
		case !f.Again:
			how = "came once, and not again when it was played again"
		}
		fmt.Fprintf(out, "  MQTT %s, case %d, seen %s, %s: %s\n", f.Version, f.Case, plural(f.Seen, "time", "times"), how, f.File)
	}
	for _, d := range fuzzDoubts(s) {
		fmt.Fprintf(out, "no finding, for it did not come again: %s: %s (MQTT %s, case %d)\n", d.Verdict, visible(d.Text), d.Version, d.Case)
	}
	fmt.Fprintf(out, "seed %d: %s of MQTT %s in %.0f s, %s\n", s.Seed, plural(s.Cases, "case", "cases"), strings.Join(fuzzVersions(s), " and "), s.Elapsed.Seconds(), plural(len(findings), "finding", "findings"))
	if s.Stopped != "" {
		fmt.Fprintf(out, "stopped: %s\n", visible(s.Stopped))
	}
}
