package commands

import (
	"fmt"
	"iter"
	"slices"
	"strings"

	"github.com/urfave/cli/v2"
)

// The man pages are rendered from the declarations, and kept in man/, too, for
// packages; a test compares.

// manPages renders every page, by file name.
func manPages(root *cli.Command) map[string]string {
	pages := map[string]string{}
	for path := range pagePaths(root) {
		pages[pageName(path)+".1"] = renderPage(path)
	}
	return pages
}

// pagePaths walks the commands that have a page, in the order of the
// declarations; a subcommand has its own, after that of its verb.
func pagePaths(root *cli.Command) iter.Seq[[]*cli.Command] {
	return func(yield func([]*cli.Command) bool) {
		var walk func(path []*cli.Command) bool
		walk = func(path []*cli.Command) bool {
			if !yield(path) {
				return false
			}
			for _, c := range path[len(path)-1].Subcommands {
				if hasPage(c) && !walk(append(slices.Clone(path), c)) {
					return false
				}
			}
			return true
		}
		walk([]*cli.Command{root})
	}
}

// pageName is what a page is called: mqtk-inspect-journal.
func pageName(path []*cli.Command) string {
	return strings.ReplaceAll(commandName(path), " ", "-")
}

const rootDescription = `One program that is an MQTT broker and the tools around one. It speaks MQTT 5.0, 3.1.1 and 3.1. Whoever knows mosquitto_pub(1) and mosquitto_sub(1) types the same short flags: after a verb, -h is the host.`

// hasPage tells the verbs from the helpers, which the page of mqtk describes.
func hasPage(c *cli.Command) bool {
	switch c.Name {
	case "help", "version", "completion":
		return false
	}
	return !c.Hidden
}

// renderPage writes the page of the last command of path.
func renderPage(path []*cli.Command) string {
	c := path[len(path)-1]
	var r roff
	title := pageName(path)
	r.macro("TH", strings.ToUpper(title), "1", "", "mqtk", "mqtk manual")
	r.heading("NAME")
	r.text(title + " - " + c.Usage)
	r.heading("SYNOPSIS")
	r.synopsis(synopsis(path))
	r.heading("DESCRIPTION")
	description := c.Description
	if len(path) == 1 {
		description = rootDescription
	}
	r.paragraphs(description)
	r.commandList(path)
	r.options(c)
	if c.Name == "serve" {
		r.configuration()
		r.tables()
		r.section(limitNotes())
	}
	notes := notesOn(path)
	for _, section := range notes.sections {
		r.section(section)
	}
	r.section(manSection{heading: "ENVIRONMENT", rows: notes.environment})
	r.heading("EXIT STATUS")
	for _, e := range exitCodes() {
		r.row(fmt.Sprint(e.Code), e.Meaning)
	}
	r.examples(notes.examples)
	r.seeAlso(path)
	return r.String()
}

// synopsis are the usage lines of a command.
func synopsis(path []*cli.Command) []string {
	c := path[len(path)-1]
	text := c.UsageText
	if text == "" {
		text = commandName(path)
		if len(c.Flags) > 0 {
			text += " [FLAGS]"
		}
		text += " " + c.ArgsUsage
	}
	return strings.Split(text, "\n")
}

// roff writes the macros of man(7).
type roff struct{ strings.Builder }

// macro writes a request with quoted arguments.
func (r *roff) macro(name string, arguments ...string) {
	r.WriteString("." + name)
	for _, a := range arguments {
		r.WriteString(` "` + strings.ReplaceAll(roffEscape(a), `"`, `\(dq`) + `"`)
	}
	r.WriteByte('\n')
}

func (r *roff) heading(s string) { r.macro("SH", s) }

// text writes one line of running text; what stands in back quotes is a
// placeholder, and in italics.
func (r *roff) text(s string) {
	parts := strings.Split(s, "`")
	for i := range parts {
		parts[i] = roffEscape(parts[i])
		if i%2 == 1 {
			parts[i] = `\fI` + parts[i] + `\fR`
		}
	}
	line := strings.Join(parts, "")
	if strings.HasPrefix(line, ".") {
		line = `\&` + line
	}
	r.WriteString(line + "\n")
}

// paragraphs writes text whose paragraphs are separated by empty lines.
func (r *roff) paragraphs(s string) {
	for i, paragraph := range paragraphsOf(s) {
		if i > 0 {
			r.macro("PP")
		}
		if paragraph.verbatim {
			r.verbatim(strings.ReplaceAll("\n"+paragraph.text, "\n  ", "\n")[1:])
			continue
		}
		r.text(strings.Join(strings.Fields(paragraph.text), " "))
	}
}

// row writes a bold term and its explanation.
func (r *roff) row(term, explanation string) {
	r.macro("TP")
	r.WriteString(`\fB` + roffEscape(term) + "\\fR\n")
	r.text(explanation)
}

func (r *roff) section(s manSection) {
	r.heading(s.heading)
	if s.text != "" {
		r.paragraphs(s.text)
	}
	for _, row := range s.rows {
		r.row(row.term, row.text)
	}
}

func (r *roff) synopsis(lines []string) {
	for i, line := range lines {
		if i > 0 {
			r.macro("br")
		}
		words := strings.Fields(line)
		for j, w := range words {
			words[j] = roffEscape(w)
			if strings.ToLower(w) == w && !strings.ContainsAny(w, "[]") {
				words[j] = `\fB` + words[j] + `\fR`
			}
		}
		r.WriteString(strings.Join(words, " ") + "\n")
	}
}

func (r *roff) commandList(path []*cli.Command) {
	c := path[len(path)-1]
	if len(visibleNames(c.Subcommands)) == 0 {
		return
	}
	r.heading("COMMANDS")
	for _, sub := range c.Subcommands {
		if sub.Hidden {
			continue
		}
		if hasPage(sub) {
			r.row(sub.Name, sub.Usage+"; see "+pageName(append(slices.Clone(path), sub))+"(1)")
			continue
		}
		r.macro("TP")
		r.synopsis([]string{synopsis([]*cli.Command{c, sub})[0]})
		r.text(sub.Usage)
		for _, f := range sub.Flags {
			r.macro("RS")
			r.option(f)
			r.macro("RE")
		}
	}
}

// options lists the flags under their categories, as the help does.
func (r *roff) options(c *cli.Command) {
	categories := flagCategories(c)
	if len(categories) == 0 {
		return
	}
	r.heading("OPTIONS")
	r.text("Flags and operands mix in any order. Short flags bundle, the last one with its value: -vC1 is -v -C 1. A long flag takes its value as --name=value or --name value. Durations are seconds (5, 0.5) or numbers with a unit (250ms, 2h).")
	for _, category := range categories {
		r.macro("SS", category)
		for _, f := range c.Flags {
			if d, ok := f.(cli.CategorizableFlag); ok && d.GetCategory() == category {
				r.option(f)
			}
		}
	}
	r.macro("SS", "Help")
	r.row("--help [--all]", "show on one screen what most people need of this page, or all flags")
}

func (r *roff) option(f cli.Flag) {
	r.macro("TP")
	label, value := flagLabel(f), ""
	if takesValue(f) {
		value = placeholder(f)
		label = strings.TrimSuffix(label, " "+value)
	}
	names := strings.Split(label, ", ")
	for i := range names {
		names[i] = `\fB` + roffEscape(names[i]) + `\fR`
	}
	line := strings.Join(names, ", ")
	if value != "" {
		line += ` \fI` + roffEscape(value) + `\fR`
	}
	r.WriteString(line + "\n")
	r.text(flagUsage(f))
}

func (r *roff) examples(examples []manRow) {
	r.heading("EXAMPLES")
	for i, e := range examples {
		if i > 0 {
			r.macro("PP")
		}
		r.text(e.text + ":")
		r.example(e.term)
	}
}

// example writes lines as they are, and further in.
func (r *roff) example(text string) {
	r.macro("PP")
	r.macro("RS", "4")
	r.verbatim(text)
	r.macro("RE")
}

// verbatim writes lines as they are.
func (r *roff) verbatim(text string) {
	r.macro("EX")
	for line := range strings.Lines(text) {
		line = roffEscape(strings.TrimSuffix(line, "\n"))
		if strings.HasPrefix(line, ".") {
			line = `\&` + line
		}
		r.WriteString(line + "\n")
	}
	r.macro("EE")
}

func (r *roff) seeAlso(path []*cli.Command) {
	var others []string
	for other := range pagePaths(path[0]) {
		if name := pageName(other); name != pageName(path) {
			others = append(others, `\fB`+roffEscape(name)+`\fR(1)`)
		}
	}
	r.heading("SEE ALSO")
	r.WriteString(strings.Join(others, ",\n") + "\n")
}

// roffEscape makes text safe: nothing in it is a request or an escape, and
// what is to be typed can be copied from the page (a plain - would be a
// typographic hyphen).
func roffEscape(s string) string {
	var b strings.Builder
	for _, r := range s {
		switch {
		case r == '\\':
			b.WriteString(`\e`)
		case r == '-':
			b.WriteString(`\-`)
		case r == '\'':
			b.WriteString(`\(aq`)
		case r == '`':
			b.WriteString(`\(ga`)
		case r == '^':
			b.WriteString(`\(ha`)
		case r == '~':
			b.WriteString(`\(ti`)
		case r > 0x7E:
			fmt.Fprintf(&b, `\[u%04X]`, r)
		default:
			b.WriteRune(r)
		}
	}
	return b.String()
}
