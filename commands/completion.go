package commands

import (
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/urfave/cli/v2"

	"mqtk/commands/contexts"
	"mqtk/mqttwire"
	"mqtk/mqttwire/sasl"
)

// completionCommand is mqtk completion SHELL.
func (p *program) completionCommand() *cli.Command {
	return &cli.Command{
		Name:      "completion",
		Usage:     "print the completion script for bash, zsh or fish",
		ArgsUsage: "SHELL",
		Action: func(*cli.Context) error {
			words := p.line.words()
			if len(words) != 1 {
				return usageIn(p.path, "needs one shell: %s", strings.Join(shells(), ", "))
			}
			if !slices.Contains(shells(), words[0]) {
				return usageIn(p.path, "no completion for %s; there is one for %s", words[0], strings.Join(shells(), ", "))
			}
			_, err := io.WriteString(p.Out, completionScripts(Tree())["mqtk."+words[0]])
			return err
		},
	}
}

func shells() []string { return []string{"bash", "zsh", "fish"} }

// completionScripts renders every script, by file name. They are kept in
// completions/, too, for packages; a test compares.
func completionScripts(root *cli.Command) map[string]string {
	verbs := completionVerbs(root)
	return map[string]string{
		"mqtk.bash": bashScript(verbs),
		"mqtk.zsh":  zshScript(verbs),
		"mqtk.fish": fishScript(verbs),
	}
}

// completeCommand is mqtk __complete WHAT: words that are known to this machine
// alone, a line each. No complaint may disturb who is typing.
func (p *program) completeCommand() *cli.Command {
	return &cli.Command{
		Name: "__complete", Usage: "print words for the completion scripts", ArgsUsage: "contexts", Hidden: true,
		Action: func(*cli.Context) error {
			path, err := contexts.Path()
			if words := p.line.words(); err != nil || len(words) != 1 || words[0] != "contexts" {
				return nil
			}
			file, err := contexts.Read(path)
			if err != nil {
				return nil
			}
			for _, name := range file.Names() {
				if strings.ContainsAny(name, " \t:'\"\\$`") || name != visible(name) {
					continue // a shell would have to quote it
				}
				fmt.Fprintln(p.Out, name)
			}
			return nil
		},
	}
}

// askFor is the command that prints the words.
func askFor(what string) string { return "mqtk __complete " + what + " 2>/dev/null" }

// A completionVerb is what a shell has to know of a command.
type completionVerb struct {
	path     []string // serve; inspect, journal
	usage    string
	flags    []completionFlag
	operands []string // the words an operand can be; nil: anything
	operand  pathKind // an operand is one
	under    []completionVerb
	parts    []string         // of its help
	then     []completionVerb // operands behind which others may stand: their wordsBehind
}

// A pathKind says which paths a word can be.
type pathKind byte

const (
	noPath pathKind = iota
	anyPath
	directories
)

func (v completionVerb) name() string { return v.path[len(v.path)-1] }

// function is the name of the shell function that completes behind the command.
func (v completionVerb) function() string { return "_mqtk_" + strings.Join(v.path, "_") }

// A completionFlag is what a shell has to know of a flag.
type completionFlag struct {
	short, long []string // as typed: -q, --qos
	usage       string
	value       string     // placeholder; empty: takes none
	path        pathKind   // the value is one
	words       [][]string // the words each value can be; nil: anything
	ask         string     // what mqtk __complete is asked for the words
	repeats     bool
}

func (f completionFlag) names() []string { return append(slices.Clone(f.short), f.long...) }

func completionVerbs(root *cli.Command) []completionVerb {
	verbs := completionsOf([]*cli.Command{root}, func(c *cli.Command) []string {
		switch c.Name {
		case "completion":
			return shells()
		case "help":
			return visibleNames(root.Subcommands)
		}
		return nil
	})
	for i := range verbs {
		if verbs[i].name() == "help" {
			verbs[i].then = withParts(verbs)
		}
	}
	return verbs
}

// withParts are the verbs, at any depth, behind which help takes another word,
// each name once.
func withParts(verbs []completionVerb) []completionVerb {
	var found []completionVerb
	for _, v := range verbs {
		for _, candidate := range append([]completionVerb{v}, withParts(v.under)...) {
			isHere := func(other completionVerb) bool { return other.name() == candidate.name() }
			if len(candidate.wordsBehind()) > 0 && !slices.ContainsFunc(found, isHere) {
				found = append(found, candidate)
			}
		}
	}
	return found
}

// wordsBehind are what help takes behind the name: subcommands and parts.
func (v completionVerb) wordsBehind() []string {
	var words []string
	for _, sub := range v.under {
		words = append(words, sub.name())
	}
	for _, part := range v.parts {
		if !slices.Contains(words, part) {
			words = append(words, part)
		}
	}
	return words
}

func completionsOf(above []*cli.Command, operands func(*cli.Command) []string) []completionVerb {
	var verbs []completionVerb
	for _, c := range above[len(above)-1].Subcommands {
		if c.Hidden {
			continue
		}
		here := append(slices.Clone(above), c)
		v := completionVerb{path: strings.Fields(commandName(here))[1:], usage: c.Usage, operands: operands(c), operand: pathIn(c.ArgsUsage)}
		if hasPage(c) && len(helpParts(c)) > 1 {
			v.parts = append(helpParts(c), listedChapters(here)...)
		}
		for _, f := range c.Flags {
			v.flags = append(v.flags, newCompletionFlag(f))
		}
		v.flags = append(v.flags, completionFlag{long: []string{"--help"}, usage: "show help"})
		if v.under = completionsOf(here, operands); len(v.under) > 0 {
			v.operands = visibleNames(c.Subcommands)
		}
		verbs = append(verbs, v)
	}
	return verbs
}

// pathIn tells by its placeholder that a word is a path.
func pathIn(placeholder string) pathKind {
	switch {
	case strings.Contains(placeholder, "FILE") || strings.Contains(placeholder, "PATH"):
		return anyPath
	case placeholder == "DIR" || placeholder == "OUT":
		return directories
	}
	return noPath
}

func newCompletionFlag(f cli.Flag) completionFlag {
	var c completionFlag
	for _, name := range f.Names() {
		if len(name) == 1 {
			c.short = append(c.short, "-"+name)
		} else {
			c.long = append(c.long, "--"+name)
		}
	}
	c.usage = usageText(f)
	c.repeats = strings.Contains(c.usage, "repeatable")
	if !takesValue(f) {
		return c
	}
	c.value = placeholder(f)
	switch c.words = valueWords(f.Names()[0]); f.Names()[0] {
	case "property":
		c.words = propertyWords(f)
	case "shape":
		c.words = shapeWords(f)
	case "from":
		if c.value == "TIME" { // of a recording
			c.words = nil
		}
	case "context":
		c.ask = "contexts"
	case "format":
		switch {
		case strings.Contains(c.usage, formatNagios): // that of sub is another
			c.words = [][]string{checkFormats()}
		case c.value == "FORMAT" && listedWords(f) == nil:
			c.words = formatWords()
		}
	}
	if c.words == nil {
		c.words = listedWords(f)
	}
	if c.words == nil {
		c.path = pathIn(c.value)
	}
	return c
}

// valueWords are the words that the values of a flag can be, for each value a
// list; nil where nobody can guess.
func valueWords(flag string) [][]string {
	one := func(words ...string) [][]string { return [][]string{words} }
	switch flag {
	case "qos", "will-qos":
		return one("0", "1", "2")
	case "protocol-version":
		return one("auto", "5", "311", "31", "mqttv5", "mqttv311", "mqttv31")
	case "retain-handling":
		return one("0", "1", "2", "always", "new", "never")
	case "payload-format", "will-payload-format":
		return one("utf8", "bytes")
	case "password-from", "key-password-from":
		return one("env:", "file:", "fd:", "cmd:", "prompt")
	case "log-level":
		return one("debug", "info", "warn", "error")
	case "log-format":
		return one("text", "json")
	case "durability":
		return one("fsync", "os", "none")
	case "kind":
		return one(shownEvents()...)
	case "action":
		return one("publish", "subscribe")
	case "driver":
		return one("auto", "eventloop", "goroutine")
	case "from":
		return one("client", "server")
	case "decode":
		return one("hex", "base64")
	case "speed":
		return one("max")
	case "repeat":
		return one("inf")
	case "have":
		return one(auditNeeds()...)
	case "host":
		return one("localhost")
	case "url":
		return one("mqtt://", "mqtts://", "ws://", "wss://", "unix:///")
	case "listen":
		return one("mqtt://", "mqtts://", "ws://", "wss://", "unix:///")
	case "proxy":
		return one("socks5://", "socks5h://", "http://")
	case "tls-version":
		return one("1.2", "1.3")
	case "auth-method":
		return one(sasl.Methods()...)
	case "set":
		return one(settingKeys()...)
	case "content-type", "will-content-type":
		return one("application/json", "application/cbor", "application/octet-stream", "text/plain")
	case "session-expiry":
		return one("inf")
	case "reply":
		return one("echo", "text:", "exec:")
	case "report":
		return one("tap=", "junit=")
	}
	return nil
}

// propertyWords are the first two words of -D: the packets that its usage
// lists, and what a client may put into one of those.
func propertyWords(f cli.Flag) [][]string {
	_, list, _ := strings.Cut(usageText(f), "one of ")
	packets := strings.Split(list, ", ")
	var names []string
	for t := range mqttwire.AUTH + 1 {
		if slices.Contains(packets, strings.ToLower(t.String())) {
			names = append(names, propertyNames(t)...)
		}
	}
	slices.Sort(names)
	return [][]string{packets, slices.Compact(names)}
}

// listedWords are those that a usage lists behind the placeholder: FORMAT: text,
// nagios or json.
func listedWords(f cli.Flag) [][]string {
	_, list, found := strings.Cut(flagUsage(f), "`"+placeholder(f)+"`: ")
	if !found {
		return nil
	}
	list, _, _ = strings.Cut(list, " (")
	words := strings.Split(strings.ReplaceAll(list, " or ", ", "), ", ")
	for _, word := range words {
		if word == "" || strings.Trim(word, "abcdefghijklmnopqrstuvwxyz0123456789.") != "" {
			return nil
		}
	}
	if len(words) < 2 {
		return nil
	}
	return [][]string{words}
}

// formatWords are the letters of -F.
func formatWords() [][]string {
	var words []string
	for _, letter := range formatLetters {
		words = append(words, "%"+string(letter))
	}
	return [][]string{words}
}

// shapeWords are those that the usage of --shape lists; each command has its own.
func shapeWords(f cli.Flag) [][]string {
	_, list, _ := strings.Cut(usageText(f), "says: ")
	list, _, _ = strings.Cut(list, " (")
	return [][]string{strings.Split(list, ", ")}
}

// shellQuote puts a word into single quotes.
func shellQuote(s string) string { return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'" }

// shellWords joins words for a place inside single quotes.
func shellWords(words []string) string { return strings.Join(words, " ") }

func generatedNote(shell string) string {
	return fmt.Sprintf("%s completion for mqtk, rendered from its declarations: do not edit", shell)
}
