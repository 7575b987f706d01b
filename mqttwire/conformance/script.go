package conformance

import (
	"embed"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strings"

	"mqtk/mqttwire"
)

//go:embed scripts/*.mqtt
var scriptFiles embed.FS

// A Script is one conversation in one version of the protocol.
type Script struct {
	Title    string // unique among the scripts of a version
	File     string // in scripts/
	Line     int    // of the title
	Number   int    // among all scripts; keeps their topics and clients apart
	Version  mqttwire.Version
	Shows    []string  // statements of Version
	House    string    // not empty: why this is our choice, beyond the standard
	Settings []Setting // that the broker must run with
	Needs    []string  // what the broker must have besides
	Uses     []string  // capabilities without which the script is skipped
	Frames   string    // how its packets go into frames of WebSocket; empty: as they come
	steps    []step
}

// A Setting is a limit of the broker by its key.
type Setting struct{ Key, Value string }

// Name is the title with the version before it.
func (s *Script) Name() string { return s.Version.String() + " " + s.Title }

// Scripts are all scripts of this package, in the order of their files.
func Scripts() ([]*Script, error) {
	files, err := fs.Glob(scriptFiles, "scripts/*.mqtt")
	if err != nil {
		return nil, err
	}
	var all []*Script
	for _, name := range files {
		text, err := scriptFiles.ReadFile(name)
		if err != nil {
			return nil, err
		}
		scripts, err := Parse(path.Base(name), string(text))
		if err != nil {
			return nil, err
		}
		all = append(all, scripts...)
	}
	for i, s := range all {
		s.Number = i
	}
	return all, nil
}

// Parse reads the scripts of a file. A script that runs in several versions,
// or for several rows of # each, becomes as many; one without a version runs in
// 5.0. A file may be one script without a title.
func Parse(file, text string) ([]*Script, error) {
	return ParseIn(file, text, 0)
}

// ParseIn is Parse for scripts that are to run in one version: those that do
// not are left out, and those that name none run in it. 0: any.
func ParseIn(file, text string, only mqttwire.Version) ([]*Script, error) {
	scripts, err := parse(file, text, only)
	if only != 0 {
		scripts = slices.DeleteFunc(scripts, func(s *Script) bool { return s.Version != only })
	}
	return scripts, err
}

func parse(file, text string, only mqttwire.Version) ([]*Script, error) {
	var all []*Script
	var preface []string // comments before the first step, and no title
	var source *source
	finish := func() error {
		if source == nil {
			return nil
		}
		scripts, err := source.scripts(only)
		all = append(all, scripts...)
		return err
	}
	number := 0
	for line := range strings.Lines(text) {
		number++
		line = strings.TrimRight(line, " \r\n")
		title, isTitle := strings.CutPrefix(line, "=== ")
		if isTitle {
			if err := finish(); err != nil {
				return nil, err
			}
			source = newSource(file, title, number)
			continue
		}
		if source == nil {
			if line == "" || line[0] == '#' {
				preface = append(preface, line)
				continue
			}
			source = newSource(file, file, number)
			for i, comment := range preface {
				if err := source.add(comment, number-len(preface)+i); err != nil {
					return nil, err
				}
			}
		}
		if source != nil {
			if err := source.add(line, number); err != nil {
				return nil, err
			}
		}
	}
	return all, finish()
}

// A source is a script as it stands in its file.
type source struct {
	file, title string
	line        int
	versions    []mqttwire.Version
	shows       map[mqttwire.Version]string
	house       string
	set, needs  string
	uses        string
	frames      string
	tables      []table
	body        []numbered
}

// A table is one # each.
type table struct {
	names []string
	rows  [][]string
}

type numbered struct {
	line int
	text string
}

func newSource(file, title string, line int) *source {
	return &source{file: file, title: title, line: line, shows: make(map[mqttwire.Version]string)}
}

func (s *source) errorf(line int, format string, args ...any) error {
	return fmt.Errorf("%s:%d: %w", s.file, line, fmt.Errorf(format, args...))
}

// add takes one line of the script: of its header, or a step.
func (s *source) add(line string, number int) error {
	if !strings.HasPrefix(line, "#") {
		if line != "" {
			s.body = append(s.body, numbered{number, line})
		}
		return nil
	}
	if row, ok := strings.CutPrefix(line, "#   "); ok && len(s.tables) > 0 && len(s.body) == 0 {
		return s.addRow(row, number)
	}
	key, value, ok := strings.Cut(strings.TrimSpace(line[1:]), ":")
	if !ok {
		return nil // a comment
	}
	if _, section := versionNamed(key); section && len(s.body) > 0 {
		s.body = append(s.body, numbered{number, line})
		return nil
	}
	known, err := s.header(key, strings.TrimSpace(value), number)
	if err == nil && known && len(s.body) > 0 {
		err = s.errorf(number, "# %s stands after the first step", key)
	}
	return err
}

// header takes a comment that may be one of the header.
func (s *source) header(key, value string, number int) (known bool, err error) {
	if names, ok := strings.CutPrefix(key, "each "); ok {
		s.tables = append(s.tables, table{names: strings.Fields(names)})
		for row := range strings.SplitSeq(value, " | ") {
			if row != "" && err == nil {
				err = s.addRow(row, number)
			}
		}
		return true, err
	}
	switch key {
	case "mqtk":
		s.house = value
	case "set":
		s.set = value
	case "needs":
		s.needs = value
	case "uses":
		s.uses = value
	case "frames":
		s.frames = value
	default:
		v, known := versionNamed(key)
		if known {
			s.versions = append(s.versions, v)
			s.shows[v] = value
		}
		return known, nil
	}
	return true, nil
}

func versionNamed(name string) (mqttwire.Version, bool) {
	for _, v := range []mqttwire.Version{mqttwire.V5, mqttwire.V311, mqttwire.V31} {
		if v.String() == name {
			return v, true
		}
	}
	return 0, false
}

func (s *source) addRow(row string, number int) error {
	t := &s.tables[len(s.tables)-1]
	var values []string
	rest := strings.TrimSpace(row)
	for i := range t.names {
		value := rest
		if i < len(t.names)-1 {
			var err error
			if value, rest, err = cutValue(rest); err != nil {
				return s.errorf(number, "%w", err)
			}
		} else if text, more, err := cutValue(rest); err == nil && more == "" && i > 0 {
			value = text // a text in quotes alone
		}
		if value == "" && !strings.Contains(row, `""`) {
			return s.errorf(number, "%s: a value for %s is expected", row, t.names[i])
		}
		values = append(values, value)
	}
	t.rows = append(t.rows, values)
	return nil
}
