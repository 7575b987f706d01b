package commands

import (
	"fmt"
	"strings"
)

// bashScript needs bash alone, not the bash-completion package, and runs on
// the bash 3.2 of macOS.
func bashScript(verbs []completionVerb) string {
	var b strings.Builder
	fmt.Fprintf(&b, "# %s\n", generatedNote("bash"))
	b.WriteString(`
_mqtk_words() {
    COMPREPLY=($(compgen -W "$1" -- "$cur"))
    case ${COMPREPLY[0]-} in
    *[=:/]) compopt -o nospace 2>/dev/null ;;
    esac
}
_mqtk_files() {
    compopt -o filenames 2>/dev/null
    local IFS=$'\n'
    COMPREPLY=($(compgen -f -- "$cur"))
}
_mqtk_directories() {
    compopt -o filenames 2>/dev/null
    local IFS=$'\n'
    COMPREPLY=($(compgen -d -- "$cur"))
}
`)
	var names []string
	for _, v := range verbs {
		names = append(names, v.name())
		bashVerb(&b, v)
	}
	fmt.Fprintf(&b, `
_mqtk() {
    local cur=${COMP_WORDS[COMP_CWORD]} prev before i
    COMPREPLY=()
    # bash splits --name=value into three words
    i=$COMP_CWORD
    if [[ $cur == '=' ]]; then
        cur=''
    elif [[ $i -gt 1 && ${COMP_WORDS[i-1]} == '=' ]]; then
        i=$((i - 1))
    fi
    prev=${COMP_WORDS[i-1]}
    before=''
    if [[ $i -gt 2 ]]; then before=${COMP_WORDS[i-2]}; fi
    if [[ $COMP_CWORD -le 1 ]]; then
        _mqtk_words '%s --help --version'
        return
    fi
    for ((i = 2; i < COMP_CWORD; i++)); do
        if [[ ${COMP_WORDS[i]} == -- ]]; then
            if [[ $i -eq $((COMP_CWORD - 1)) ]]; then
                COMPREPLY=($(compgen -c -- "$cur"))
            else
                _mqtk_files
            fi
            return
        fi
    done
    case ${COMP_WORDS[1]} in
`, shellWords(names))
	for _, v := range verbs {
		fmt.Fprintf(&b, "    %s) %s ;;\n", v.name(), v.function())
	}
	b.WriteString("    esac\n}\n\ncomplete -F _mqtk mqtk\n")
	return b.String()
}

// bashVerb writes the function that completes behind one verb; cur, prev and
// before are the word under the cursor and the two before it.
func bashVerb(b *strings.Builder, v completionVerb) {
	for _, sub := range v.under {
		bashVerb(b, sub)
	}
	fmt.Fprintf(b, "\n%s() {\n", v.function())
	if len(v.under) > 0 {
		fmt.Fprintf(b, "    if [[ $COMP_CWORD -gt %d ]]; then\n        case ${COMP_WORDS[%d]} in\n", len(v.path)+1, len(v.path)+1)
		for _, sub := range v.under {
			fmt.Fprintf(b, "        %s) %s; return ;;\n", sub.name(), sub.function())
		}
		b.WriteString("        esac\n    fi\n")
	}
	var all []string
	var values strings.Builder
	for _, f := range v.flags {
		all = append(all, f.names()...)
		pattern := strings.Join(f.names(), "|")
		switch {
		case f.value == "":
		case f.ask != "":
			fmt.Fprintf(&values, "    %s) _mqtk_words \"$(%s)\"; return ;;\n", pattern, askFor(f.ask))
		case f.path != noPath:
			fmt.Fprintf(&values, "    %s) %s; return ;;\n", pattern, bashPaths(f.path))
		case f.words == nil:
			fmt.Fprintf(&values, "    %s) return ;;\n", pattern)
		default:
			fmt.Fprintf(&values, "    %s) _mqtk_words %s; return ;;\n", pattern, shellQuote(shellWords(f.words[0])))
		}
		if len(f.words) > 1 {
			fmt.Fprintf(b, "    case $before in\n    %s) _mqtk_words %s; return ;;\n    esac\n",
				pattern, shellQuote(shellWords(f.words[1])))
		}
	}
	if values.Len() > 0 {
		fmt.Fprintf(b, "    case $prev in\n%s    esac\n", values.String())
	}
	fmt.Fprintf(b, "    if [[ $cur == -* ]]; then\n        _mqtk_words %s\n", shellQuote(shellWords(all)))
	switch {
	case v.operands != nil:
		b.WriteString("    else\n")
		bashThen(b, v.then)
		fmt.Fprintf(b, "        _mqtk_words %s\n", shellQuote(shellWords(v.operands)))
	case v.operand != noPath:
		fmt.Fprintf(b, "    else\n        %s\n", bashPaths(v.operand))
	}
	b.WriteString("    fi\n}\n")
}

func bashPaths(k pathKind) string {
	if k == directories {
		return "_mqtk_directories"
	}
	return "_mqtk_files"
}

// bashThen completes what stands behind some operands.
func bashThen(b *strings.Builder, then []completionVerb) {
	if len(then) == 0 {
		return
	}
	b.WriteString("        case $prev in\n")
	for _, v := range then {
		fmt.Fprintf(b, "        %s) _mqtk_words %s; return ;;\n", v.name(), shellQuote(shellWords(v.wordsBehind())))
	}
	b.WriteString("        esac\n")
}
