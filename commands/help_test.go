package commands

import (
	"bytes"
	"cmp"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"
)

// What is indented in a description stands in the help as it was written, and
// on the page between the requests that turn filling off.
func TestVerbatimParagraphs(t *testing.T) {
	const text = "Running text that\nis wrapped.\n\n  drop      the packet\n            is gone\n  .delay T  it is 'late'\n\nMore of it."
	var h helpWriter
	h.paragraphs(text)
	if want := "\nRunning text that is wrapped.\n\n  drop      the packet\n            is gone\n  .delay T  it is 'late'\n\nMore of it.\n"; h.text.String() != want {
		t.Errorf("the help is\n%s\nwant\n%s", h.text.String(), want)
	}
	var r roff
	r.paragraphs(text)
	if want := "Running text that is wrapped.\n.PP\n.EX\ndrop      the packet\n          is gone\n\\&.delay T  it is \\(aqlate\\(aq\n.EE\n.PP\nMore of it.\n"; r.String() != want {
		t.Errorf("the page is\n%s\nwant\n%s", r.String(), want)
	}
}

// Tables and examples in descriptions fit on a terminal, also on a page, which
// is further in.
func TestVerbatimParagraphsFit(t *testing.T) {
	const most = helpWidth - 6
	found := 0
	for path := range everyCommand(Tree()) {
		texts := []string{path[len(path)-1].Description}
		for _, section := range notesOn(path).sections {
			texts = append(texts, section.text)
		}
		for _, p := range paragraphsOf(strings.Join(texts, "\n\n")) {
			for line := range strings.Lines(p.text) {
				if !p.verbatim {
					if strings.HasPrefix(line, "  ") {
						t.Errorf("%s: what is indented needs an empty line before it and behind it: %s", commandName(path), line)
					}
					continue
				}
				found++
				if n := utf8.RuneCountInString(strings.TrimRight(line, "\n")); n > most {
					t.Errorf("%s: %d columns, %d fit: %s", commandName(path), n, most, line)
				}
			}
		}
	}
	if found < 30 {
		t.Errorf("only %d lines", found)
	}
}

// Each command of inspect has examples of its own.
func TestInspectExamples(t *testing.T) {
	for path := range pagePaths(Tree()) {
		name := commandName(path)
		if !strings.HasPrefix(name, "mqtk inspect ") {
			continue
		}
		notes := notesOn(path)
		if len(notes.examples) == 0 || len(notes.environment) == 0 {
			t.Errorf("%s has no examples or no environment", name)
		}
		for _, example := range notes.examples {
			if !strings.Contains(example.term, name) && !strings.Contains(example.term, "mqtk inspect send") {
				t.Errorf("%s: the example %s is of another command", name, example.term)
			}
		}
	}
}

// What --help says fits on a terminal of 80 by 24, with its examples, and names
// every part of what --all adds.
func TestHelpFitsScreen(t *testing.T) {
	root := Tree()
	for path := range everyCommand(root) {
		c := path[len(path)-1]
		t.Run(commandName(path), func(t *testing.T) {
			words := append(strings.Fields(commandName(path))[1:], "--help")
			brief := helpOf(t, words...)
			for i, line := range strings.Split(strings.TrimSuffix(brief, "\n"), "\n") {
				if n := utf8.RuneCountInString(line); n > helpWidth || i >= screenRows || strings.HasSuffix(line, " ") {
					t.Errorf("line %d has %d columns: %q", i+1, n, line)
				}
			}
			for _, row := range briefRows(path) {
				for _, name := range strings.Fields(row.flags) {
					if f := findFlag(c, name); f == nil || !strings.Contains(brief, "  "+briefLabel(f)) && !strings.Contains(brief, " "+briefLabel(f)) {
						t.Errorf("%s is missing", dashed(name))
					}
				}
			}
			all := helpOf(t, append(words, "--all")...)
			for _, f := range c.Flags {
				if !strings.Contains(all, "  "+flagLabel(f)) {
					t.Errorf("%s is not in all of the help", flagLabel(f))
				}
			}
			if brief != all && len(helpParts(c)) > 1 {
				for i, part := range helpParts(c) {
					if !strings.Contains(brief, part) || slices.Index(helpParts(c), part) != i {
						t.Errorf("the part %s is not named, or twice", part)
					}
				}
			}
		})
	}
}

// Each part of a help, and each flag, can be asked for by its name.
func TestHelpParts(t *testing.T) {
	for path := range everyCommand(Tree()) {
		c := path[len(path)-1]
		words := append([]string{"help"}, strings.Fields(commandName(path))[1:]...)
		for i, part := range helpParts(c) {
			if text := helpOf(t, append(words, part)...); !strings.HasPrefix(text, cmp.Or(flagCategories(c)[i], "Flags")+"\n  -") {
				t.Errorf("mqtk %s %s says\n%s", strings.Join(words, " "), part, text)
			}
		}
		for _, f := range c.Flags {
			name := f.Names()[0]
			if slices.Contains(helpParts(c), name) || c.Command(name) != nil || Tree().Command(name) != nil && len(path) < 4 {
				continue
			}
			if text := helpOf(t, append(words, name)...); !strings.HasPrefix(text, "  "+flagLabel(f)) {
				t.Errorf("mqtk %s %s says\n%s", strings.Join(words, " "), name, text)
			}
		}
	}
}

func helpOf(t *testing.T, words ...string) string {
	t.Helper()
	var out, complaints bytes.Buffer
	if code := Run(t.Context(), words, Stdio{Out: &out, Err: &complaints}); code != 0 || complaints.Len() > 0 {
		t.Fatalf("mqtk %q ends with %d: %s", words, code, &complaints)
	}
	return out.String()
}
