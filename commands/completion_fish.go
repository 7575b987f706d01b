package commands

import (
	"fmt"
	"strings"
)

// fishScript is a list of complete commands, each with the verb it is for.
func fishScript(verbs []completionVerb) string {
	var b strings.Builder
	fmt.Fprintf(&b, "# %s\n", generatedNote("fish"))
	b.WriteString(`
function __mqtk_verb
    set -l words (commandline -opc)
    set -l last (math 1 + (count $argv))
    test (count $words) -ge $last; and test "$words[2..$last]" = "$argv"; and not contains -- -- $words
end

# the word before the last one is one of these
function __mqtk_second_of
    set -l words (commandline -opc)
    test (count $words) -gt 2; and contains -- "$words[-2]" $argv
end

# the last word is one of these
function __mqtk_after
    set -l words (commandline -opc)
    contains -- "$words[-1]" $argv
end

complete -c mqtk -f
complete -c mqtk -n 'test (count (commandline -opc)) -eq 1' -a '--help --version'
complete -c mqtk -n 'contains -- -- (commandline -opc)' -a '(__fish_complete_subcommand --fcs-skip=(contains -i -- -- (commandline -opc)))'
`)
	for _, v := range verbs {
		fishVerb(&b, v)
	}
	return b.String()
}

func fishVerb(b *strings.Builder, v completionVerb) {
	above := ""
	if parents := v.path[:len(v.path)-1]; len(parents) > 0 {
		above = "; and __mqtk_verb " + strings.Join(parents, " ")
	}
	fmt.Fprintf(b, "\ncomplete -c mqtk -n 'test (count (commandline -opc)) -eq %d%s' -a %s -d %s\n", len(v.path), above, v.name(), fishQuote(v.usage))
	verb := strings.Join(v.path, " ")
	own := verb
	for _, sub := range v.under {
		own += "; and not __mqtk_verb " + strings.Join(sub.path, " ")
	}
	for _, f := range v.flags {
		fishFlag(b, own, f)
	}
	switch {
	case len(v.under) > 0:
	case len(v.then) > 0:
		var names []string
		for _, t := range v.then {
			names = append(names, t.name())
			fmt.Fprintf(b, "complete -c mqtk -n '__mqtk_verb %s; and __mqtk_after %s' -a %s\n", verb, t.name(), fishQuote(shellWords(t.wordsBehind())))
		}
		fmt.Fprintf(b, "complete -c mqtk -n '__mqtk_verb %s; and not __mqtk_after %s' -a %s\n", verb, shellWords(names), fishQuote(shellWords(v.operands)))
	case v.operands != nil:
		fmt.Fprintf(b, "complete -c mqtk -n '__mqtk_verb %s' -a %s\n", verb, fishQuote(shellWords(v.operands)))
	case v.operand == directories:
		fmt.Fprintf(b, "complete -c mqtk -n '__mqtk_verb %s' -a %s\n", verb, fishDirectories)
	case v.operand == anyPath:
		fmt.Fprintf(b, "complete -c mqtk -n '__mqtk_verb %s' -F\n", verb)
	}
	for _, sub := range v.under {
		fishVerb(b, sub)
	}
}

// fishDirectories is fish's own list of them.
const fishDirectories = "'(__fish_complete_directories)'"

func fishFlag(b *strings.Builder, verb string, f completionFlag) {
	fmt.Fprintf(b, "complete -c mqtk -n '__mqtk_verb %s'", verb)
	for _, name := range f.short {
		fmt.Fprintf(b, " -s %s", name[1:])
	}
	for _, name := range f.long {
		fmt.Fprintf(b, " -l %s", name[2:])
	}
	switch {
	case f.value == "":
	case f.ask != "":
		fmt.Fprintf(b, " -x -a '(%s)'", askFor(f.ask))
	case f.path == directories:
		b.WriteString(" -x -a " + fishDirectories)
	case f.path == anyPath:
		b.WriteString(" -r -F")
	case f.words == nil:
		b.WriteString(" -x")
	default:
		fmt.Fprintf(b, " -x -a %s", fishQuote(shellWords(f.words[0])))
	}
	fmt.Fprintf(b, " -d %s\n", fishQuote(f.usage))
	if len(f.words) > 1 {
		fmt.Fprintf(b, "complete -c mqtk -n '__mqtk_verb %s; and __mqtk_second_of %s' -a %s\n",
			verb, strings.Join(f.names(), " "), fishQuote(shellWords(f.words[1])))
	}
}

// fishQuote puts a word into single quotes, in which a backslash escapes.
func fishQuote(s string) string {
	return "'" + strings.NewReplacer(`\`, `\\`, "'", `\'`).Replace(s) + "'"
}
