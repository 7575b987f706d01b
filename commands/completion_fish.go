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
    test (count $words) -gt 1; and test "$words[2]" = "$argv[1]"; and not contains -- -- $words
end

# the word before the last one is one of these
function __mqtk_second_of
    set -l words (commandline -opc)
    test (count $words) -gt 2; and contains -- "$words[-2]" $argv
end

complete -c mqtk -f
complete -c mqtk -n 'test (count (commandline -opc)) -eq 1' -a '--help --version'
complete -c mqtk -n 'contains -- -- (commandline -opc)' -a '(__fish_complete_subcommand --fcs-skip=(contains -i -- -- (commandline -opc)))'
`)
	for _, v := range verbs {
		fmt.Fprintf(&b, "\ncomplete -c mqtk -n 'test (count (commandline -opc)) -eq 1' -a %s -d %s\n", v.name, fishQuote(v.usage))
		for _, f := range v.flags {
			fishFlag(&b, v.name, f)
		}
		if v.operands != nil {
			fmt.Fprintf(&b, "complete -c mqtk -n '__mqtk_verb %s' -a %s\n", v.name, fishQuote(shellWords(v.operands)))
		}
	}
	return b.String()
}

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
	case f.files:
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
