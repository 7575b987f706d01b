# zsh -f complete.zsh SCRIPT FOLDER LINE: what zsh, with its own completion
# system and the script, offers behind the line, a word on each.
zmodload zsh/zpty
export OFFERED=$2/offered COMPLETIONS=$1
: >$OFFERED
cat >$2/setup.zsh <<'END'
PROMPT=
autoload -U compinit
compinit -u -C -d ${OFFERED:h}/dump
source $COMPLETIONS
compadd() {
    if [[ ${@[1,(i)(-|--)]} == *-(O|A|D)\ * ]]; then
        builtin compadd "$@"
        return
    fi
    typeset -a found
    typeset -A before behind
    builtin compadd -A found "$@"
    zparseopts -E P:=before p:=before
    (( $#found )) && print -rl -- $IPREFIX${(j::)${(v)before}}${^found} >>$OFFERED
    builtin compadd "$@"
}
zstyle ':completion:*' insert-tab false
bindkey '^I' complete-word
comppostfuncs=(exit)
print ready
END
zpty shell zsh -f -i
zpty -w shell "source $2/setup.zsh"
while zpty -r shell line; do [[ $line == ready* ]] && break; done
zpty -n -w shell "$3"$'\t'
while zpty -r shell line; do :; done
sort -u $OFFERED
