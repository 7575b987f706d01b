package conformance

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"mqtk/mqttwire"
)

// scripts makes a script for each version and each row of the tables.
func (s *source) scripts(unsaid mqttwire.Version) ([]*Script, error) {
	if unsaid == 0 {
		unsaid = mqttwire.V5
	}
	if len(s.versions) == 0 {
		s.versions = []mqttwire.Version{unsaid}
	}
	rows := []map[string]string{{}}
	for _, t := range s.tables {
		var more []map[string]string
		for _, before := range rows {
			for _, values := range t.rows {
				more = append(more, merged(before, t.names, values))
			}
		}
		rows = more
	}
	var all []*Script
	for _, v := range s.versions {
		for _, row := range rows {
			script, err := s.script(v, row)
			if err != nil {
				return nil, err
			}
			all = append(all, script)
		}
	}
	return all, nil
}

func merged(before map[string]string, names, values []string) map[string]string {
	row := make(map[string]string)
	for name, value := range before {
		row[name] = value
	}
	for i, name := range names {
		row[name] = values[i]
	}
	return row
}

func (s *source) script(v mqttwire.Version, row map[string]string) (*Script, error) {
	script := &Script{File: s.file, Line: s.line, Version: v, House: s.house}
	script.Title = s.titleOf(row)
	shows := statements(nil, replaced(s.shows[v], row))
	if !slices.ContainsFunc(s.body, func(line numbered) bool { return isSection(line) && strings.Contains(line.text, "${shows}") }) {
		shows = statements(shows, row["shows"])
	}
	script.Shows = plainly(shows)
	script.Needs, script.Uses = strings.Fields(s.needs), strings.Fields(s.uses)
	var err error
	if script.Frames, err = s.framing(replaced(s.frames, row)); err != nil {
		return nil, err
	}
	for word := range strings.FieldsSeq(replaced(s.set, row)) {
		key, value, ok := strings.Cut(word, "=")
		if !ok {
			return nil, s.errorf(s.line, "# set: %s is not KEY=VALUE", word)
		}
		script.Settings = append(script.Settings, Setting{key, value})
	}
	for name, value := range versionVariables(v) {
		row = merged(row, []string{name}, []string{value})
	}
	lines, err := s.repeated(row)
	if err != nil {
		return nil, err
	}
	p := newStepParser(s)
	for _, line := range lines {
		if isSection(line) {
			if version, ids, _ := strings.Cut(strings.TrimSpace(line.text[1:]), ":"); version == v.String() {
				shows = statements(nil, ids)
				script.Shows = statements(script.Shows, strings.ReplaceAll(ids, "~", ""))
			}
			continue
		}
		if err := p.parse(line); err != nil {
			return nil, s.errorf(line.line, "%w", err)
		}
		st := &p.steps[len(p.steps)-1]
		st.shows, st.binds = plainly(shows), slices.DeleteFunc(slices.Clone(shows), isMild)
	}
	if err := p.check(); err != nil {
		return nil, s.errorf(s.line, "%w", err)
	}
	script.steps = p.steps
	return script, nil
}

// isSection tells the line that says what the steps behind it show.
func isSection(line numbered) bool { return strings.HasPrefix(line.text, "#") }

// statements adds ids, with spaces or commas between them, to others.
func statements(ids []string, text string) []string {
	for _, id := range strings.FieldsFunc(text, func(r rune) bool { return r == ' ' || r == ',' }) {
		if id != "-" && !slices.Contains(ids, id) {
			ids = append(ids[:len(ids):len(ids)], id)
		}
	}
	return ids
}

// isMild tells the id of a statement that binds who sends.
func isMild(id string) bool { return strings.HasPrefix(id, "~") }

// plainly leaves out the mark of mild statements.
func plainly(ids []string) []string {
	plain := make([]string, len(ids))
	for i, id := range ids {
		plain[i] = strings.TrimPrefix(id, "~")
	}
	return plain
}

// titleOf names the row, where the title does not do it itself.
func (s *source) titleOf(row map[string]string) string {
	title := replaced(s.title, row)
	for _, t := range s.tables {
		if slices.ContainsFunc(t.names, func(name string) bool { return strings.Contains(s.title, "${"+name+"}") }) {
			continue
		}
		var values []string
		for _, name := range t.names {
			if name != "shows" {
				values = append(values, row[name])
			}
		}
		title += " [" + strings.Join(values, " ") + "]"
	}
	return title
}

// versionVariables are the texts that differ among the versions.
func versionVariables(v mqttwire.Version) map[string]string {
	if v == mqttwire.V5 {
		return map[string]string{"none": "00", "resumed": "session-present=1",
			"kept": "session-expiry-interval=120", "kept2": "session-expiry-interval=2"}
	}
	row := map[string]string{"none": "", "resumed": "session-present=1", "kept": "", "kept2": ""}
	if v == mqttwire.V31 {
		row["resumed"] = ""
	}
	return row
}

// replaced puts values in place of ${name}; other names stay for later.
func replaced(text string, values map[string]string) string {
	for range 2 { // a value may hold another variable
		for name, value := range values {
			text = strings.ReplaceAll(text, "${"+name+"}", value)
		}
	}
	return text
}

// repeated writes the body out: rows, repetitions, and a line for each step.
func (s *source) repeated(row map[string]string) ([]numbered, error) {
	var out []numbered
	body := s.apart()
	for i := 0; i < len(body); i++ {
		line := body[i]
		if isSection(line) {
			out = append(out, numbered{line.line, replaced(line.text, row)})
			continue
		}
		head, ok := strings.CutPrefix(line.text, "repeat ")
		if !ok {
			out = appendSteps(out, line, row)
			continue
		}
		name, from, to, err := parseRepeat(replaced(head, row))
		if err != nil {
			return nil, s.errorf(line.line, "%w", err)
		}
		end := i + 1
		for end < len(body) && body[end].text != "end" {
			end++
		}
		if end == len(body) {
			return nil, s.errorf(line.line, "repeat without end")
		}
		for n := from; n <= to; n++ {
			inner := merged(row, []string{name}, []string{strconv.Itoa(n)})
			for _, l := range body[i+1 : end] {
				out = appendSteps(out, l, inner)
			}
		}
		i = end
	}
	return out, nil
}

// apart is the body with repeat and end on lines of their own.
func (s *source) apart() (body []numbered) {
	for _, line := range s.body {
		if isSection(line) {
			body = append(body, line)
			continue
		}
		parts := splitOutside(stripComment(line.text), ";")
		for i := range parts {
			parts[i] = strings.TrimSpace(parts[i])
		}
		if !slices.ContainsFunc(parts, func(part string) bool { return part == "end" || strings.HasPrefix(part, "repeat ") }) {
			parts = []string{line.text}
		}
		for _, part := range parts {
			body = append(body, numbered{line.line, part})
		}
	}
	return body
}

func appendSteps(out []numbered, line numbered, row map[string]string) []numbered {
	text := replaced(stripComment(line.text), row)
	for _, part := range splitOutside(text, ";") {
		if part = strings.TrimSpace(part); part != "" {
			out = append(out, numbered{line.line, part})
		}
	}
	return out
}

func parseRepeat(s string) (name string, from, to int, err error) {
	name, rest, ok := strings.Cut(s, "=")
	a, b, ok2 := strings.Cut(rest, "..")
	from, err1 := strconv.Atoi(a)
	to, err2 := strconv.Atoi(b)
	if !ok || !ok2 || err1 != nil || err2 != nil || to-from > 1000 {
		return "", 0, 0, fmt.Errorf("repeat %s: NAME=FROM..TO is expected", s)
	}
	return name, from, to, nil
}

// stripComment cuts what follows a # at the start or after a space, if that
// is not within quotes.
func stripComment(s string) string {
	for i := 0; i < len(s); i++ {
		switch s[i] {
		case '"', '`':
			i += quotedLen(s[i:]) - 1
		case '#':
			if i == 0 || s[i-1] == ' ' {
				return s[:i]
			}
		}
	}
	return s
}

// splitOutside splits s at each sep that is not within quotes.
func splitOutside(s, sep string) []string {
	var parts []string
	start := 0
	for i := 0; i < len(s); i++ {
		switch {
		case s[i] == '"' || s[i] == '`':
			i += quotedLen(s[i:]) - 1
		case strings.HasPrefix(s[i:], sep):
			parts = append(parts, s[start:i])
			start = i + len(sep)
			i = start - 1
		}
	}
	return append(parts, s[start:])
}

// quotedLen is the length of the quoted text that s begins with; 1 if its
// quote is never closed.
func quotedLen(s string) int {
	quoted, err := strconv.QuotedPrefix(s)
	if err != nil {
		return 1
	}
	return len(quoted)
}

// cutValue takes a word, or a text in quotes, off a row.
func cutValue(s string) (value, rest string, err error) {
	if strings.HasPrefix(s, `"`) {
		quoted, err := strconv.QuotedPrefix(s)
		if err != nil {
			return "", "", fmt.Errorf("%s: the quote is not closed", s)
		}
		value, err = strconv.Unquote(quoted)
		return value, strings.TrimSpace(s[len(quoted):]), err
	}
	value, rest, _ = strings.Cut(s, " ")
	return value, strings.TrimSpace(rest), nil
}
