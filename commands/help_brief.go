package commands

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/urfave/cli/v2"
)

// What --help prints fits on a terminal of 80 by 24: what the command is for,
// examples, and the flags that most people need. --help --all prints all of it,
// and mqtk help VERB PART one part, or one flag.

// screenRows leaves a row for the prompt.
const screenRows = 23

// A briefRow puts flags that belong together on one line.
type briefRow struct{ flags, text string }

// briefRows are the flags that most people need; nil: as many as there is room
// for, in the order of their declaration.
func briefRows(path []*cli.Command) []briefRow {
	switch commandName(path) {
	case "mqtk pub":
		return append([]briefRow{
			{"message file null-message", "the message: a text, a file, nothing"},
			{"stdin-line stdin-file jsonl", "stdin: lines; all of it; lines of sub --json"},
			{"qos retain protocol-version", "QoS 0, 1, 2; retained; MQTT 5, 311 or 31"},
			{"template repeat", "with {{.n}}, {{.now}} filled in; so often"},
		}, briefConnection()...)
	case "mqtk sub":
		return append([]briefRow{
			{"topic qos protocol-version", "more filters; QoS 0, 1, 2; MQTT 5, 311 or 31"},
			{"count timeout", "end after N messages; after TIME, with 27"},
			{"verbose format json", "with topics; in your own format; as JSON"},
			{"where grep", "choose: payload.temp>30; regular expressions"},
			{"expect", "end with 10 unless what comes is like this"},
			{"record exec", "keep for --replay; run a program for each"},
		}, briefConnection()...)
	case "mqtk serve":
		return []briefRow{
			{"listen port", "where to listen; or a port of this machine"},
			{"passwords acl", "who may come in; what they may do"},
			{"allow-anonymous", "let everybody in from other machines"},
			{"data", "keep what was acknowledged over a power loss"},
			{"config set", "a file with all of it; one key of it"},
			{"check log-level", "look for all that is wrong, and end; say more"},
		}
	case "mqtk bench":
		return []briefRow{
			{"shape clients", "pairs, fan-in, fan-out, shared, ...; how many"},
			{"host port", "a broker that runs; --broker starts one"},
			{"qos rate duration", "at QoS 0, 1 or 2, how many a second, how long"},
		}
	}
	return nil
}

// briefConnection is the same for every client.
func briefConnection() []briefRow {
	return []briefRow{
		{"host port url", "the broker (localhost, 1883); mqtts://, ws://"},
		{"username password-from", "who connects: env:NAME, file:PATH, prompt"},
		{"cafile context", "TLS: whom to trust; a broker of contexts.toml"},
	}
}

// brief writes a screen.
func (h *helpWriter) brief(path []*cli.Command) {
	c := path[len(path)-1]
	h.line("%s - %s", h.ink.head(commandName(path)), clauseOf(c.Usage, helpWidth-len(commandName(path))-3))
	for i, l := range usageLines(path) {
		h.row(usageColumn, []string{"Usage", ""}[min(i, 1)], l)
	}
	h.briefExamples(path)
	if len(visibleNames(c.Subcommands)) > 0 {
		h.line("")
	}
	for _, sub := range c.Subcommands {
		if !sub.Hidden {
			h.row(wordColumn, sub.Name, clauseOf(sub.Usage, helpWidth-wordColumn))
		}
	}
	footer := helpWriter{ink: h.ink}
	footer.briefFooter(path)
	room := screenRows - strings.Count(h.text.String(), "\n") - strings.Count(footer.text.String(), "\n") - 1
	if rows := labelledRows(path); len(rows) > 0 && room > 2 {
		h.line("")
		for _, row := range rows {
			line := helpWriter{}
			line.row(briefColumn, row.flags, row.text)
			if room -= strings.Count(line.text.String(), "\n"); room < 0 {
				break
			}
			h.text.WriteString(line.text.String())
		}
	}
	h.text.WriteString(footer.text.String())
}

// Where the text of a brief row begins, and where a usage.
const (
	briefColumn = 33
	usageColumn = 8
)

// labelledRows are the brief rows with their flags as they are typed.
func labelledRows(path []*cli.Command) []briefRow {
	c := path[len(path)-1]
	rows := briefRows(path)
	if rows == nil {
		for _, f := range c.Flags {
			rows = append(rows, briefRow{flagNames(f)[0], clauseOf(usageText(f), helpWidth-briefColumn)})
		}
	}
	for i := range rows {
		var labels []string
		for _, name := range strings.Fields(rows[i].flags) {
			labels = append(labels, briefLabel(findFlag(c, name)))
		}
		rows[i].flags = strings.Join(labels, " ")
	}
	return rows
}

// briefLabel is a flag by its shortest name: -h HOST.
func briefLabel(f cli.Flag) string {
	name := slices.MinFunc(flagNames(f), func(a, b string) int { return min(len(a), 2) - min(len(b), 2) })
	label := dashed(name)
	if value := placeholder(f); value != "" && takesValue(f) {
		label += " " + value
	}
	return label
}

// briefExamples shows three that fit on a line each, with what they do; where
// none does, the first that fits on two.
func (h *helpWriter) briefExamples(path []*cli.Command) {
	notes := notesOn(path)
	if len(path) > 1 && !notes.own {
		return
	}
	const term = 46
	var shown []manRow
	column := 0
	for _, row := range notes.examples {
		if wide := max(column, len(row.term)+4); len(row.term) <= term && len(shown) < examplesShown && wide+len(row.text) < helpWidth {
			shown, column = append(shown, row), wide
		}
	}
	if len(shown) == 0 {
		i := slices.IndexFunc(notes.examples, func(row manRow) bool { return len(row.term) < helpWidth-2 })
		if i >= 0 {
			h.line("\n  %s", notes.examples[i].term)
			h.row(exampleColumn, "", notes.examples[i].text)
		}
		return
	}
	h.line("")
	for _, row := range shown {
		h.row(column, row.term, row.text)
	}
}

// briefFooter tells what the codes mean, and where the rest is.
func (h *helpWriter) briefFooter(path []*cli.Command) {
	if len(path) == 1 {
		h.line("\nmqtk VERB --help tells more; -h after a verb is the host.")
		return
	}
	if path[1].Name == "help" || path[1].Name == "version" {
		return
	}
	h.line("")
	var words []string
	for _, row := range exitCodes() {
		words = append(words, strings.ReplaceAll(fmt.Sprintf("%d %s", row.Code, row.Word), " ", noBreak))
	}
	h.row(usageColumn, "Exit", strings.Join(words, noBreak+" "))
	name := strings.TrimPrefix(commandName(path), "mqtk ")
	if parts := helpParts(path[len(path)-1]); len(parts) > 1 {
		h.row(usageColumn, "Parts", "mqtk help "+name+" PART: "+strings.Join(append(parts, listedChapters(path)...), " "))
	}
	h.row(usageColumn, "All", "mqtk "+name+" --help --all; manual: mqtk help --man "+name+" | man -l"+noBreak+"-")
}

// helpParts are the words that name the parts of a long help.
func helpParts(c *cli.Command) []string {
	var parts []string
	for _, category := range flagCategories(c) {
		parts = append(parts, partName(category))
	}
	return parts
}

// partName is the last word of a heading, what stands in brackets left aside.
func partName(category string) string {
	category, _, _ = strings.Cut(category, " (")
	category, _, _ = strings.Cut(category, ",")
	words := strings.Fields(strings.ToLower(cmp.Or(category, "Flags")))
	return words[len(words)-1]
}

// noBreak stands for a blank at which no line ends.
const noBreak = "\x1f"

// clauseOf is a text, or its first clause where it is longer than the room.
func clauseOf(text string, room int) string {
	for _, end := range []string{"; ", " (", ": ", ", "} {
		if len(text) <= room {
			break
		}
		text, _, _ = strings.Cut(text, end)
	}
	return text
}
