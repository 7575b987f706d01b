package commands

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/fatih/color"
	"github.com/urfave/cli/v2"

	"mqtk/bench"
)

// benchOutput is where the report goes.
type benchOutput struct {
	JSON bool
	CSV  *string // empty: stdout
	HTML string
	// Series is a file of CSV with a row for each second.
	Series string

	csv, html, series *reportFile
	opened, printed   bool
}

func (o *benchOptions) outputFlags() []cli.Flag {
	out := &o.Out
	csv := valued("csv", "write the figures as CSV, a row for each run, to `FILE`, or, where none follows or -, to stdout", toStringOrEmpty(&out.CSV))
	csv.Value.(*setter).arity = fileArity
	return o.kind.pick("Reporting",
		benchFlag{"bpsc", onOff("json", "print the report as a JSON object", &out.JSON)},
		benchFlag{"bpsc", csv},
		benchFlag{"bpsc", valued("html", "write a page with curves to `FILE`", toString(&out.HTML))},
		benchFlag{"bpsc", valued("series", "write what each second was like as CSV, a row for each, to `FILE`", toString(&out.Series))},
		benchFlag{"bpsc", onOff("quiet", "print no warning and nothing about the course of things; of errors those alone that leave no report", &o.Quiet)})
}

// fileArity lets a flag stand without its file: at the end, before another flag, and
// before the name of a command.
func fileArity(next []string) int {
	switch {
	case next == nil: // --csv=FILE
		return 1
	case len(next) > 0 && next[0] == "-":
		return 1
	case len(next) == 0 || strings.HasPrefix(next[0], "-") || slices.Contains([]string{"pub", "sub", "conn"}, next[0]):
		return 0
	}
	return 1
}

// check refuses outputs that cannot be had together.
func (out *benchOutput) check() error {
	if out.CSV != nil && *out.CSV == "-" {
		*out.CSV = ""
	}
	switch {
	case out.CSV != nil && *out.CSV == "" && out.JSON:
		return usagef("--json and --csv both want stdout: give --csv a file")
	case out.HTML == "-":
		return usagef("--html -: stdout has the report: give the page a file, as in --html report.html")
	case out.Series == "-":
		return usagef("--series -: stdout has the report: give the seconds a file, as in --series seconds.csv")
	}
	return nil
}

// open opens the files before anything is measured for them, and once.
func (out *benchOutput) open() (err error) {
	if out.opened {
		return nil
	}
	out.opened = true
	if out.CSV != nil && *out.CSV != "" {
		if out.csv, err = openReport("--csv", *out.CSV); err != nil {
			return err
		}
	}
	if out.Series != "" {
		if out.series, err = openReport("--series", out.Series); err != nil {
			return err
		}
	}
	if out.HTML != "" {
		out.html, err = openReport("--html", out.HTML)
	}
	return err
}

// close closes the files, and removes those that nothing was written to.
func (out *benchOutput) close() {
	out.csv.close()
	out.html.close()
	out.series.close()
}

// A reportFile is a file that waits for its report. A nil one is none.
type reportFile struct {
	flag    string
	file    *os.File
	stream  bool // it is stdout or stderr: what they hold stays before it
	created bool
	written bool
}

func openReport(flag, path string) (*reportFile, error) {
	_, before := os.Stat(path)
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE, 0o644)
	if err != nil {
		return nil, usagef("%s: %w", flag, err)
	}
	for _, stream := range []*os.File{os.Stdout, os.Stderr} {
		if sameFile(f, stream) {
			f.Close()
			return &reportFile{flag: flag, file: stream, stream: true}, nil
		}
	}
	return &reportFile{flag: flag, file: f, created: errors.Is(before, fs.ErrNotExist)}, nil
}

// sameFile tells that what is written to one goes to the other: /dev/stdout is a
// second opening of the file that stdout was sent to.
func sameFile(a, b *os.File) bool {
	one, err := a.Stat()
	other, problem := b.Stat()
	return err == nil && problem == nil && os.SameFile(one, other)
}

// write puts the report in place of what the file held.
func (r *reportFile) write(write func(w io.Writer) error) error {
	if r == nil {
		return nil
	}
	var whole bytes.Buffer
	if err := write(&whole); err != nil {
		return fmt.Errorf("%s: %w", r.flag, err)
	}
	r.written = true
	if stat, err := r.file.Stat(); err == nil && stat.Mode().IsRegular() && !r.stream {
		if err := r.file.Truncate(0); err != nil {
			return fmt.Errorf("%s: %w", r.flag, err)
		}
	}
	if _, err := r.file.Write(whole.Bytes()); err != nil {
		return fmt.Errorf("%s: %w", r.flag, err)
	}
	return nil
}

func (r *reportFile) close() {
	if r == nil || r.stream {
		return
	}
	r.file.Close()
	if r.created && !r.written {
		_ = os.Remove(r.file.Name())
	}
}

// A report is what a run ends in: for people, for programs, for tables.
type report interface {
	io.WriterTo
	json.Marshaler
	WriteSummaryCSV(w io.Writer) error
}

// print writes the report wherever it is asked for. A reader of stdout that has
// gone is no failure.
func (out *benchOutput) print(p *program, r report, draw func(w io.Writer) error) error {
	defer ignoreBrokenPipe()()
	out.printed = true
	err := errors.Join(out.html.write(draw), out.csv.write(r.WriteSummaryCSV))
	if seconds, ok := r.(interface{ WriteCSV(w io.Writer) error }); ok {
		err = errors.Join(err, out.series.write(seconds.WriteCSV))
	}
	var printed error
	switch {
	case out.JSON:
		printed = writeJSON(p.Out, r)
	case out.CSV != nil && *out.CSV == "":
		printed = r.WriteSummaryCSV(p.Out)
	default:
		printed = p.writeReport(r)
	}
	if printed != nil && !isReaderGone(printed) {
		err = errors.Join(err, fmt.Errorf("write the output: %w", printed))
	}
	return err
}

// writeReport writes a report for people; on a terminal in colours, and so that
// nothing from a broker can drive it.
func (p *program) writeReport(r io.WriterTo) error {
	var whole strings.Builder
	lines, ok := r.(interface{ Lines() []bench.Line })
	if ink := p.inkFor(p.Out); ok && ink.on {
		for _, l := range lines.Lines() {
			whole.WriteString(ink.tone(l.Tone, visibleLines(l.String())) + "\n")
		}
	} else if _, err := r.WriteTo(&whole); err != nil {
		return err
	} else if isTerminal(p.Out) {
		_, err := io.WriteString(p.Out, visibleLines(whole.String()))
		return err
	}
	_, err := io.WriteString(p.Out, whole.String())
	return err
}

func visibleLines(s string) string {
	lines := strings.Split(s, "\n")
	for i := range lines {
		lines[i] = visible(lines[i])
	}
	return strings.Join(lines, "\n")
}

// tone colours a line by how it is meant.
func (i ink) tone(t bench.Tone, s string) string {
	switch t {
	case bench.Good:
		return i.paint(s, color.FgGreen)
	case bench.Warning:
		return i.paint(s, color.FgYellow)
	case bench.Bad:
		return i.bad(s)
	}
	return s
}

// sign says on a result what made it.
func (o *benchOptions) sign(p *program, r *bench.Result) {
	r.Program, r.Command, r.Environment = buildVersion().Version, p.typed(), bench.CurrentEnvironment()
	if r.Started.IsZero() {
		r.Started = time.Now()
	}
}

// typed is the command line, without its secrets.
func (p *program) typed() []string {
	words := []string{commandName(p.path)}
	words = strings.Fields(words[0])
	for i, f := range p.line.Flags {
		name, value, _ := strings.Cut(strings.TrimPrefix(f, "--"), "=")
		words = append(words, p.line.typed[i])
		switch {
		case value == "true" && isSwitch(p.line.given, name), value == "" && name == "csv":
		case name == "password" || name == "ws-header" || name == "password-from" && strings.HasPrefix(value, "cmd:"):
			words = append(words, "***")
		case name == "url" || name == "proxy":
			words = append(words, withoutSecrets(value))
		default:
			words = append(words, strings.Split(value, wordSeparator)...)
		}
	}
	words = append(words, p.line.Operands...)
	if p.line.HasDash {
		words = append(append(words, "--"), p.line.Dashed...)
	}
	return words
}

func isSwitch(given []cli.Flag, name string) bool {
	return slices.ContainsFunc(given, func(f cli.Flag) bool { return flagNames(f)[0] == name && !takesValue(f) })
}

// withoutSecrets leaves user name and password out of a URL.
func withoutSecrets(url string) string {
	scheme, rest, found := strings.Cut(url, "://")
	if !found {
		return url
	}
	end := strings.IndexAny(rest, "/?#")
	if end < 0 {
		end = len(rest)
	}
	if at := strings.LastIndexByte(rest[:end], '@'); at >= 0 {
		rest = "***@" + rest[at+1:]
	}
	return scheme + "://" + rest
}
