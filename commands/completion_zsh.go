package commands

import (
	"fmt"
	"strings"
)

// zshScript is a function for _arguments. It works in a folder of $fpath as
// _mqtk, and when it is sourced after compinit.
func zshScript(verbs []completionVerb) string {
	var b strings.Builder
	fmt.Fprintf(&b, "#compdef mqtk\n# %s\n", generatedNote("zsh"))
	for _, v := range verbs {
		zshVerb(&b, v)
	}
	b.WriteString("\n_mqtk() {\n    if (( CURRENT == 2 )); then\n        local -a verbs=(\n")
	for _, v := range verbs {
		fmt.Fprintf(&b, "            %s\n", shellQuote(v.name()+":"+strings.ReplaceAll(v.usage, ":", `\:`)))
	}
	b.WriteString(`        )
        _describe -t commands 'mqtk command' verbs
        return
    fi
    local dashes=${words[(i)--]}
    if (( dashes < CURRENT )); then
        shift dashes words
        (( CURRENT -= dashes ))
        _normal
        return
    fi
    local verb=$words[2]
    shift words
    (( CURRENT-- ))
    (( $+functions[_mqtk_$verb] )) && _mqtk_$verb
}

if [[ $zsh_eval_context[-1] == loadautofunc ]]; then
    _mqtk "$@"
else
    compdef _mqtk mqtk
fi
`)
	return b.String()
}

func zshVerb(b *strings.Builder, v completionVerb) {
	for _, sub := range v.under {
		zshVerb(b, sub)
	}
	fmt.Fprintf(b, "\n%s() {\n", v.function())
	if len(v.under) > 0 {
		fmt.Fprintf(b, `    local sub=$words[2]
    if (( CURRENT > 2 && $+functions[%s_$sub] )); then
        shift words
        (( CURRENT-- ))
        %s_$sub
        return
    fi
`, v.function(), v.function())
	}
	zshThen(b, v.then)
	b.WriteString("    _arguments -s -S")
	for _, f := range v.flags {
		names := f.names()
		exclusive := "(" + strings.Join(names, " ") + ")"
		if f.repeats || len(f.words) > 1 {
			exclusive = "*"
		}
		for _, name := range names {
			fmt.Fprintf(b, " \\\n        %s", shellQuote(exclusive+zshFlag(name, f)))
		}
	}
	switch {
	case v.operands != nil:
		fmt.Fprintf(b, " \\\n        %s", shellQuote("*: :("+shellWords(v.operands)+")"))
	case v.operand == directories:
		b.WriteString(" \\\n        '*:directory:_files -/'")
	case v.operand == anyPath:
		b.WriteString(" \\\n        '*:path:_files'")
	case v.name() != "serve" && v.path[0] != "bench":
		fmt.Fprintf(b, " \\\n        %s", shellQuote("*:topic: "))
	}
	b.WriteString("\n}\n")
}

// zshThen completes what stands behind some operands.
func zshThen(b *strings.Builder, then []completionVerb) {
	if len(then) == 0 {
		return
	}
	b.WriteString("    if [[ $PREFIX != -* ]]; then\n        case $words[CURRENT-1] in\n")
	for _, v := range then {
		fmt.Fprintf(b, "        %s) compadd -- %s; return ;;\n", v.name(), shellWords(v.wordsBehind()))
	}
	b.WriteString("        esac\n    fi\n")
}

// zshFlag is the name, how its value is attached, the explanation, and an
// action for each value.
func zshFlag(name string, f completionFlag) string {
	spec := name
	switch {
	case f.value == "" || len(f.words) > 1:
	case strings.HasPrefix(name, "--"):
		spec += "="
	default:
		spec += "+"
	}
	spec += "[" + strings.NewReplacer("[", `\[`, "]", `\]`, ":", `\:`).Replace(f.usage) + "]"
	switch {
	case f.value == "":
	case f.ask != "":
		spec += ":" + zshMessage(f.value) + ":{compadd -- ${(f)\"$(" + askFor(f.ask) + ")\"}}"
	case f.path == directories:
		spec += ":" + zshMessage(f.value) + ":_files -/"
	case f.path == anyPath:
		spec += ":" + zshMessage(f.value) + ":_files"
	case f.words == nil:
		spec += ":" + zshMessage(f.value) + ": "
	case len(f.words) == 1:
		spec += ":" + zshMessage(f.value) + ":(" + zshWords(f.words[0]) + ")"
	default:
		for _, words := range f.words {
			spec += ":" + zshMessage(f.value) + ":(" + zshWords(words) + ")"
		}
		spec += ":value: "
	}
	return spec
}

func zshMessage(s string) string { return strings.ReplaceAll(s, ":", `\:`) }

func zshWords(words []string) string { return strings.ReplaceAll(shellWords(words), ":", `\:`) }
