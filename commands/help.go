package commands

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/urfave/cli/v2"
)

// helpCommand is mqtk help [--all | --man] [VERB...], or mqtk help [VERB] PART.
func (p *program) helpCommand() *cli.Command {
	var all, man, schema bool
	return &cli.Command{
		Name:      "help",
		Usage:     "show the help of a command, a part of it, or its man page",
		ArgsUsage: "[VERB... [PART]]",
		Flags: inCategory("Output",
			onOff("all", "show all flags and exit codes, not what fits on a screen", &all),
			onOff("man", "print the man page (roff)", &man),
			onOff("schema", "print the JSON Schema (2020-12) of the lines of sub --json: mqtk help --schema sub", &schema)),
		Action: func(*cli.Context) error {
			words := p.line.words()
			if schema {
				return p.writeSchema(words)
			}
			paths, err := p.pathsOf(words)
			for n := len(words) - 1; err != nil && n >= 0; n-- {
				if before, problem := p.pathsOf(words[:n]); problem == nil && len(before) == 1 {
					return p.writePart(before[0], words[n:], err)
				}
			}
			if err != nil {
				return err
			}
			for i, path := range paths {
				if man {
					err = errors.Join(err, p.writeManPage(path))
					continue
				}
				if i > 0 {
					io.WriteString(p.Out, "\n")
				}
				if problem := p.writeHelp(p.Out, path, all); problem != nil {
					return errors.Join(err, problem)
				}
			}
			return err
		},
	}
}

// pathsOf reads the names of commands, one after the other; a subcommand
// follows its verb. None is mqtk itself.
func (p *program) pathsOf(words []string) (paths [][]*cli.Command, err error) {
	root := p.root("")
	for _, word := range words {
		if last := len(paths) - 1; last >= 0 {
			if c := paths[last][len(paths[last])-1].Command(word); c != nil {
				paths[last] = append(paths[last], c)
				continue
			}
		}
		c := root.Command(word)
		if c == nil {
			return nil, unknownWord("command", word, visibleNames(root.Subcommands))
		}
		paths = append(paths, []*cli.Command{root, c})
	}
	if len(paths) == 0 {
		paths = [][]*cli.Command{{root}}
	}
	return paths, nil
}

// writeManPage prints the page of a command. It is rendered here and not taken
// from man/: those files and the completions would be a megabyte of the program.
func (p *program) writeManPage(path []*cli.Command) error {
	page, ok := manPages(Tree())[pageName(path)+".1"]
	if !ok {
		return usagef("%s has no man page of its own", commandName(path))
	}
	_, err := io.WriteString(p.Out, page)
	return err
}

// writeHelp prints the help of the last command of path: a screen, or all.
func (p *program) writeHelp(w io.Writer, path []*cli.Command, all bool) error {
	h := helpWriter{ink: p.inkFor(w)}
	h.whole(path)
	if !all && strings.Count(h.text.String(), "\n") > screenRows {
		h.text.Reset()
		h.brief(path)
	}
	_, err := io.WriteString(w, strings.NewReplacer(noBreak+"\n", "\n", noBreak, " ").Replace(h.text.String()))
	if err != nil {
		err = fmt.Errorf("write the output: %w", withoutPath(err))
	}
	return err
}

// whole writes all there is.
func (h *helpWriter) whole(path []*cli.Command) {
	c := path[len(path)-1]
	h.line("%s - %s", h.ink.head(commandName(path)), c.Usage)
	h.usage(path)
	if notes := notesOn(path); len(path) == 1 || notes.own {
		h.examples(notes.examples)
	}
	if c.Description != "" {
		h.paragraphs(c.Description)
	}
	h.commands(c)
	for _, category := range flagCategories(c) {
		h.category(c, category)
	}
	if len(path) == 1 {
		h.line("\nmqtk VERB --help tells more; -h after a verb is the host.")
	} else if c.Name != "help" && c.Name != "version" {
		h.exitCodes(path)
	}
	if len(path) > 1 && !slices.ContainsFunc(path, func(c *cli.Command) bool { return !hasPage(c) }) {
		h.line("\nmqtk help --man %s | man -l - tells all, with examples.", strings.TrimPrefix(commandName(path), "mqtk "))
	}
}

// helpWriter lays the help out in two columns.
type helpWriter struct {
	text strings.Builder
	ink  ink
}

func (h *helpWriter) line(format string, a ...any) {
	fmt.Fprintf(&h.text, format+"\n", a...)
}

func (h *helpWriter) heading(s string) {
	h.line("\n%s", h.ink.head(s))
}

func (h *helpWriter) usage(path []*cli.Command) {
	h.heading("Usage")
	for _, l := range usageLines(path) {
		h.line("  %s", l)
	}
}

func usageLines(path []*cli.Command) []string {
	c := path[len(path)-1]
	text := c.UsageText
	if text == "" {
		text = strings.TrimSpace(commandName(path) + " [FLAGS] " + c.ArgsUsage)
	}
	lines := strings.Split(text, "\n")
	for i := range lines {
		lines[i] = strings.TrimSpace(lines[i])
	}
	return lines
}

// examples shows a few that fit on a line; the man page has more.
func (h *helpWriter) examples(rows []manRow) {
	h.heading("Examples")
	shown := 0
	for _, row := range rows {
		if len(row.term) > helpWidth-2 || shown == examplesShown {
			continue
		}
		shown++
		h.line("  %s", row.term)
		h.row(exampleColumn, "", row.text)
	}
}

func (h *helpWriter) commands(c *cli.Command) {
	if len(visibleNames(c.Subcommands)) == 0 {
		return
	}
	h.heading("Commands")
	for _, sub := range c.Subcommands {
		if !sub.Hidden {
			h.row(wordColumn, sub.Name, sub.Usage)
		}
	}
}

// category lists the flags under one heading, in the order declared.
func (h *helpWriter) category(c *cli.Command, category string) {
	h.heading(cmp.Or(category, "Flags"))
	for _, f := range c.Flags {
		if d, ok := f.(cli.CategorizableFlag); ok && d.GetCategory() == category {
			h.row(flagColumn, flagLabel(f), usageText(f))
		}
	}
}

func (h *helpWriter) exitCodes(path []*cli.Command) {
	h.heading("Exit codes")
	for _, e := range exitCodes() {
		h.row(codeColumn, fmt.Sprintf("%3d", e.Code), e.Meaning)
	}
}

// Where the second column begins, and where it ends.
const (
	wordColumn = 14
	flagColumn = 30
	codeColumn = 7

	exampleColumn = 7
	examplesShown = 3

	helpWidth = 79
)

// row writes a label and wraps its text in the second column.
func (h *helpWriter) row(column int, label, text string) {
	margin := "\n" + strings.Repeat(" ", column-1)
	fmt.Fprintf(&h.text, "  %-*s", column-3, label)
	at := max(column-1, len(label)+2)
	if at > column-1 {
		h.text.WriteString(margin)
		at = column - 1
	}
	for _, word := range strings.Fields(text) {
		if at+1+len(word) > helpWidth {
			h.text.WriteString(margin)
			at = column - 1
		}
		h.text.WriteString(" " + word)
		at += 1 + len(word)
	}
	h.text.WriteString("\n")
}

// paragraphs writes text: running text wrapped anew, the rest as it stands.
func (h *helpWriter) paragraphs(text string) {
	for _, paragraph := range paragraphsOf(text) {
		h.line("")
		if paragraph.verbatim {
			h.line("%s", paragraph.text)
			continue
		}
		line := ""
		for _, word := range strings.Fields(paragraph.text) {
			if line != "" && len(line)+1+len(word) > helpWidth {
				h.line("%s", line)
				line = ""
			}
			line = strings.TrimPrefix(line+" "+word, " ")
		}
		h.line("%s", line)
	}
}

// A paragraph of a description. It is verbatim, a table or an example, if each
// of its lines begins with two blanks.
type paragraph struct {
	text     string
	verbatim bool
}

// paragraphsOf takes text apart where lines are empty.
func paragraphsOf(text string) []paragraph {
	var all []paragraph
	for part := range strings.SplitSeq(strings.Trim(text, "\n"), "\n\n") {
		verbatim := part != ""
		for line := range strings.Lines(part) {
			verbatim = verbatim && strings.HasPrefix(line, "  ")
		}
		all = append(all, paragraph{part, verbatim})
	}
	return all
}

// flagCategories are the headings of a command's flags, in order.
func flagCategories(c *cli.Command) []string {
	var categories []string
	for _, f := range c.Flags {
		d, ok := f.(cli.CategorizableFlag)
		if ok && !slices.Contains(categories, d.GetCategory()) {
			categories = append(categories, d.GetCategory())
		}
	}
	return categories
}

// flagLabel is a flag as help shows it: -h, --host HOST.
func flagLabel(f cli.Flag) string {
	names := slices.Clone(f.Names())
	slices.SortStableFunc(names, func(a, b string) int { return min(len(a), 2) - min(len(b), 2) })
	for i, name := range names {
		names[i] = dashed(name)
	}
	label := strings.Join(names, ", ")
	if value := placeholder(f); value != "" && takesValue(f) {
		label += " " + value
	}
	return label
}
