package commands

import (
	"slices"
	"strings"

	"github.com/urfave/cli/v2"
)

// What a man page tells beyond flags stands in chapters, which help prints by
// their names: mqtk help sub contexts, mqtk help sub lost connections. The last
// word of a name is enough.

// chaptersOf are the chapters of a command's own page.
func chaptersOf(path []*cli.Command) []manSection {
	notes := notesOn(path)
	if !notes.own {
		return nil
	}
	var all []manSection
	if path[len(path)-1].Name == "serve" {
		all = []manSection{configNotes(), tableNotes(), limitNotes()}
	}
	all = append(all, notes.sections...)
	return append(all, manSection{heading: "ENVIRONMENT", rows: notes.environment}, manSection{heading: "EXAMPLES", rows: notes.examples})
}

// chapterWords are the names of chapters that are none of parts. The last lines
// of a help have these, but for what the pages of all clients tell: there is no
// room for those.
func chapterWords(path []*cli.Command) (words []string) {
	parts := helpParts(path[len(path)-1])
	for _, s := range chaptersOf(path) {
		if word := partName(s.heading); !slices.Contains(parts, word) && !slices.Contains(words, word) {
			words = append(words, word)
		}
	}
	return words
}

func listedChapters(path []*cli.Command) []string {
	return slices.DeleteFunc(chapterWords(path), func(word string) bool {
		return slices.Contains([]string{"connections", "precedence", "authentication", "environment"}, word) && path[1].Name != "serve"
	})
}

// chaptersNamed are those of a page that a name means: the whole of it, or the
// last word.
func chaptersNamed(path []*cli.Command, name string) []manSection {
	name = strings.ReplaceAll(name, "-", " ")
	all := chaptersOf(path)
	is := func(s manSection) bool { return strings.ToLower(s.heading) == name }
	if !slices.ContainsFunc(all, is) {
		is = func(s manSection) bool { return partName(s.heading) == name }
	}
	return slices.DeleteFunc(all, func(s manSection) bool { return !is(s) })
}

// chaptersBelow looks for a chapter on the pages below a command, and tells
// which of them have one. Where all tell the same, it is that.
func chaptersBelow(above []*cli.Command, name string) (found []manSection, pages []string) {
	for path := range pagePaths(above[0]) {
		if len(path) < len(above) || path[len(above)-1] != above[len(above)-1] {
			continue
		}
		here := chaptersNamed(path, name)
		if len(here) == 0 || len(pages) > 0 && slices.EqualFunc(here, found, manSection.equal) {
			continue
		}
		found, pages = here, append(pages, commandName(path))
	}
	return found, pages
}

func (s manSection) equal(t manSection) bool {
	return s.heading == t.heading && s.text == t.text && slices.Equal(s.rows, t.rows)
}

// writePart prints a part of the help of a command, a flag, a chapter of its
// page, or what of these has that name. unknown is the error where the words
// are hardly meant for one name.
func (p *program) writePart(path []*cli.Command, words []string, unknown error) error {
	c, h := path[len(path)-1], helpWriter{ink: p.inkFor(p.Out)}
	name := strings.ToLower(strings.TrimLeft(strings.Join(words, " "), "-"))
	if i := slices.Index(helpParts(c), name); i >= 0 {
		h.category(c, flagCategories(c)[i])
	} else if f := findFlag(c, name); f != nil {
		h.row(flagColumn, flagLabel(f), usageText(f))
	} else if name == "exit" {
		h.exitCodes(path)
	}
	chapters := chaptersNamed(path, name)
	if h.text.Len() == 0 && len(chapters) == 0 {
		var pages []string
		if chapters, pages = chaptersBelow(path, name); len(pages) > 1 {
			return severalChapters(name, pages)
		}
	}
	for _, s := range chapters {
		h.chapter(s)
	}
	if h.text.Len() == 0 {
		return unknownPart(path, name, len(words), unknown)
	}
	_, err := p.Out.Write([]byte(strings.TrimPrefix(h.text.String(), "\n")))
	return err
}

// severalChapters is the error of a name that would be too much, or is not here.
func severalChapters(name string, pages []string) error {
	f := usagef("several pages have a chapter %s", name)
	if len(pages) == 1 {
		f = usagef("%s is a chapter of another page", name)
	}
	for _, page := range pages {
		f.Hints = append(f.Hints, "mqtk help "+strings.TrimPrefix(page, "mqtk ")+" "+name)
	}
	return f
}

// unknownPart names what is near, or the command whose page has it.
func unknownPart(path []*cli.Command, name string, words int, unknown error) error {
	c := path[len(path)-1]
	if _, others := chaptersBelow(path[:1], name); len(others) > 0 {
		return severalChapters(name, others)
	}
	kind, pages := "command, part or flag", [][]*cli.Command{path}
	known := slices.Concat(visibleNames(path[0].Subcommands), visibleNames(c.Subcommands), helpParts(c))
	for _, f := range c.Flags {
		known = append(known, flagNames(f)...)
	}
	if len(path) == 1 {
		kind, pages = "command", slices.Collect(pagePaths(path[0]))
	}
	for _, page := range pages {
		known = append(known, chapterWords(page)...)
		for _, s := range chaptersOf(page) {
			known = append(known, strings.ToLower(s.heading))
		}
	}
	if f := unknownWord(kind, name, known); words == 1 || len(f.Hints) > 0 {
		return f
	}
	return unknown
}

// chapter writes one.
func (h *helpWriter) chapter(s manSection) {
	h.heading(s.heading)
	if text := (helpWriter{}); s.text != "" {
		text.paragraphs(strings.ReplaceAll(s.text, "`", ""))
		h.text.WriteString(strings.TrimPrefix(text.text.String(), "\n"))
		if len(s.rows) > 0 {
			h.line("")
		}
	}
	column := codeColumn
	for _, row := range s.rows {
		if wide := len(row.term) + 4; wide <= flagColumn {
			column = max(column, wide)
		}
	}
	if s.heading == "EXAMPLES" {
		column = exampleColumn
	}
	for _, row := range s.rows {
		h.row(column, row.term, row.text)
	}
}
