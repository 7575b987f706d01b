package commands

import (
	"slices"
	"strings"

	"github.com/urfave/cli/v2"
)

// A commandLine is the words of one run, sorted: flags are canonical
// --name=value words in the order given, operands are all the rest.
type commandLine struct {
	Flags    []string
	Operands []string // words that are no flags, before --
	Dashed   []string // words after --
	HasDash  bool
	Help     bool
	All      bool // of the help

	given []cli.Flag // the declarations that Flags name, each once
	typed []string   // for each of Flags, how it was typed
}

// asTyped is the name of a flag as it was typed where it got that value.
func (l commandLine) asTyped(name, value string) string {
	for i, f := range l.Flags {
		if given, v, _ := strings.Cut(f, "="); given == "--"+name && v == value {
			return l.typed[i]
		}
	}
	return dashed(name)
}

// repeated tells whether one of the flags was given more than once.
func (l commandLine) repeated(names ...string) bool {
	seen := map[string]bool{}
	for _, f := range l.Flags {
		name, _, _ := strings.Cut(f[len("--"):], "=")
		if seen[name] && slices.Contains(names, name) {
			return true
		}
		seen[name] = true
	}
	return false
}

// words returns the operands before and after -- as one list.
func (l commandLine) words() []string {
	return append(append([]string(nil), l.Operands...), l.Dashed...)
}

// fill stores the values of the flags, in the order given.
func (l commandLine) fill(path []*cli.Command) error {
	for i, word := range l.Flags {
		name, value, _ := strings.Cut(word[len("--"):], "=")
		if err := setFlag(findFlag(path[len(path)-1], name), value); err != nil {
			if value == "" {
				value = `""`
			}
			f := usageIn(path, "%s %s: %v", l.typed[i], strings.ReplaceAll(value, wordSeparator, " "), err)
			f.Flag = name
			f.pointAt(l.typed[i], value, err)
			if near := nearestValue(name, value); near != "" {
				f.Hints = []string{"did you mean " + near + "?"}
			}
			return f
		}
	}
	return nil
}

// parseCommandLine walks the words once. path is the root, the verb and the
// subcommand, if any.
func parseCommandLine(root *cli.Command, args []string) (path []*cli.Command, line commandLine, err error) {
	if strings.HasPrefix(args[0], "-") {
		flag := args[0]
		if len(flag) > 2 && flag[1] != '-' && len(strings.TrimLeft(flag[1:], "abcdefghijklmnopqrstuvwxyz")) == 0 {
			flag = "-" + flag // -help is a bundle after a verb, and refused there
		}
		return nil, line, usagef("%s before the verb: flags come after it, as in mqtk VERB %s", visible(args[0]), visible(flag))
	}
	verb := root.Command(args[0])
	if verb == nil {
		return nil, line, unknownWord("command", args[0], visibleNames(root.Subcommands))
	}
	s := argvScan{path: []*cli.Command{root, verb}, words: args[1:]}
	for len(s.words) > 0 && err == nil {
		if s.words[0] == "--all" && slices.Contains(s.words, "--help") {
			s.words = s.words[1:]
			continue
		}
		err = s.next()
	}
	if s.wantsDash() {
		err = s.usagef("%q: the command goes after --", s.line.Operands[0])
	}
	if err == nil && !s.line.Help {
		err = s.checkSubcommand()
	}
	if s.line.Help {
		err, s.line.All = nil, slices.Contains(args, "--all")
	}
	return s.path, s.line, err
}

// argvScan is the state of the walk.
type argvScan struct {
	path  []*cli.Command
	words []string
	line  commandLine
}

func (s *argvScan) command() *cli.Command { return s.path[len(s.path)-1] }

// next takes one flag with its values, or one operand, off the words.
func (s *argvScan) next() error {
	word := s.words[0]
	s.words = s.words[1:]
	switch {
	case word == "--":
		s.line.HasDash = true
		s.line.Dashed, s.words = s.words, nil
		return nil
	case word == "--help":
		s.line.Help = true
		return nil
	case strings.HasPrefix(word, "--"):
		return s.long(word[2:])
	case len(word) > 1 && word[0] == '-':
		return s.bundle(word)
	}
	if len(s.line.Operands) == 0 {
		if sub := s.command().Command(word); sub != nil {
			return s.enter(sub)
		}
	}
	s.line.Operands = append(s.line.Operands, word)
	return nil
}

// enter goes on with a subcommand. Flags that came before its name are its own, or
// nobody's.
func (s *argvScan) enter(sub *cli.Command) error {
	s.path = append(s.path, sub)
	for i, f := range s.line.given {
		var own cli.Flag
		for _, name := range flagNames(f) {
			if own = findFlag(sub, name); own != nil {
				break
			}
		}
		if own == nil || takesValue(own) != takesValue(f) {
			return s.unknownFlag(dashed(flagNames(f)[0]))
		}
		s.line.given[i] = own
		s.rename(flagNames(f)[0], flagNames(own)[0])
	}
	return nil
}

// rename gives a flag the first name that it has elsewhere.
func (s *argvScan) rename(before, after string) {
	for i, word := range s.line.Flags {
		if value, found := strings.CutPrefix(word, "--"+before+"="); found {
			s.line.Flags[i] = "--" + after + "=" + value
		}
	}
}

// long takes --name, --name=value or --name value.
func (s *argvScan) long(word string) error {
	name, value, attached := strings.Cut(word, "=")
	f := findFlag(s.command(), name)
	if f == nil || len(name) == 1 {
		return s.unknownFlag("--" + name)
	}
	if !takesValue(f) {
		if attached && value != "true" && value != "false" {
			return s.usagef("--%s takes no value", name)
		}
		if !attached {
			value = "true"
		}
		s.add(f, value, "--"+name)
		return nil
	}
	if attached && arity(f, nil) == 1 {
		s.add(f, value, "--"+name)
		return nil
	}
	if attached {
		return s.usagef("--%s takes its values as separate words", name)
	}
	return s.values(f, "--"+name)
}

// bundle takes -abc, -p1884, -vC 1: flags without value, then at most one with
// a value, which is the rest of the word or the next word.
func (s *argvScan) bundle(word string) error {
	if name, _, _ := strings.Cut(word[1:], "="); len(name) > 1 && (name == "help" || findFlag(s.command(), name) != nil) {
		return s.usagef("%s has one dash, which is a bundle of short flags: write --%s", word, name)
	}
	letters := word[1:]
	if len(letters) > 1 && s.isLoad() && foreignFlag(word) != "" {
		return s.unknownFlag(word)
	}
	if why := s.foreignBundle(word); why != "" {
		return s.usagef("%s: %s", word, why)
	}
	for i, r := range letters {
		letter := string(r)
		f := findFlag(s.command(), letter)
		if f == nil {
			if i == 0 {
				return s.unknownFlag("-" + letter)
			}
			return s.usagef("unknown flag -%s in %s", letter, word)
		}
		if !takesValue(f) {
			s.add(f, "true", "-"+letter)
			continue
		}
		rest := letters[i+len(letter):]
		if arity(f, nil) != 1 && len(letters) > len(letter) {
			return s.usagef("-%s takes several words and cannot stand in a bundle (%s)", letter, word)
		}
		if rest == "" {
			return s.values(f, "-"+letter)
		}
		s.add(f, strings.TrimPrefix(rest, "="), "-"+letter)
		return nil
	}
	return nil
}

// values takes the words that follow a flag.
func (s *argvScan) values(f cli.Flag, shown string) error {
	n := arity(f, s.words)
	if len(s.words) < n {
		if n == 1 {
			return s.usagef("%s needs a value", shown)
		}
		return s.usagef("%s needs %s", shown, placeholder(f))
	}
	if n == 1 && s.isFlag(s.words[0]) {
		long := "--" + flagNames(f)[0]
		return s.usagef("%s needs a value, and %s is a flag: write %s=%s if that is meant", shown, s.words[0], long, s.words[0])
	}
	s.add(f, strings.Join(s.words[:n], wordSeparator), shown)
	s.words = s.words[n:]
	return nil
}

// isFlag tells that a word is a flag of the command, so that it is hardly a
// value. A bundle of several letters may be one: passwords look like that.
func (s *argvScan) isFlag(word string) bool {
	name, _, _ := strings.Cut(strings.TrimPrefix(word, "--"), "=")
	if strings.HasPrefix(word, "--") {
		return name == "help" || len(name) > 1 && findFlag(s.command(), name) != nil
	}
	return len(word) == 2 && word[0] == '-' && findFlag(s.command(), word[1:]) != nil
}

func (s *argvScan) add(f cli.Flag, value, shown string) {
	s.line.typed = append(s.line.typed, shown)
	s.line.Flags = append(s.line.Flags, "--"+flagNames(f)[0]+"="+value)
	if !slices.Contains(s.line.given, f) {
		s.line.given = append(s.line.given, f)
	}
}

// wantsDash tells that there are words before -- where all belong after it;
// flags among them would be anyone's.
func (s *argvScan) wantsDash() bool {
	return len(s.line.Operands) > 0 && strings.HasPrefix(s.command().ArgsUsage, "-- ")
}

// checkSubcommand refuses words that no one would read.
func (s *argvScan) checkSubcommand() error {
	c := s.command()
	if len(s.line.Operands) > 0 && c.ArgsUsage == "" {
		word := s.line.Operands[0]
		if len(c.Subcommands) > 0 {
			f := unknownWord("command", word, visibleNames(c.Subcommands))
			f.Path = s.path
			if len(f.Hints) == 0 && s.isLoad() {
				f.Hints = []string{brokerHint(word)}
			}
			return f
		}
		if slices.ContainsFunc(c.Flags, func(f cli.Flag) bool { return f.Names()[0] == "acl" }) {
			return s.usagef("%q: the file of rules stands behind --acl: --acl %s", word, word)
		}
		f := usageIn(s.path, "%q: %s takes no operand", word, commandName(s.path))
		if s.isLoad() {
			f.Hints = []string{brokerHint(word)}
		}
		return f
	}
	return nil
}

// isLoad tells that the command is bench, or one of those that put load on a broker.
func (s *argvScan) isLoad() bool {
	return len(s.path) > 1 && s.path[1].Name == "bench" && findFlag(s.command(), "clients") != nil && findFlag(s.command(), "workers") != nil
}

func (s *argvScan) usagef(format string, a ...any) error {
	return usageIn(s.path, format, a...)
}

func (s *argvScan) unknownFlag(shown string) error {
	if why := absentFlag(s.path, shown); why != "" {
		return s.usagef("%s: %s", shown, why)
	}
	if why := foreignFlag(shown); why != "" && s.isLoad() {
		return s.usagef("%s: %s", shown, why)
	}
	var names []string
	for _, f := range s.command().Flags {
		if len(shown) == 2 {
			break // a letter is near to every other
		}
		for _, name := range flagNames(f) {
			names = append(names, dashed(name))
		}
	}
	err := unknownWord("flag", shown, names)
	err.Path = s.path
	return err
}

// wordSeparator joins the words of a flag that takes several; no word of a
// command line can hold it.
const wordSeparator = "\x00"

// findFlag looks a name up in the command's own flags.
func findFlag(c *cli.Command, name string) cli.Flag { return findIn(c.Flags, name) }

func findIn(flags []cli.Flag, name string) cli.Flag {
	for _, f := range flags {
		for _, n := range flagNames(f) {
			if n == name {
				return f
			}
		}
	}
	return nil
}

// flagNames is f.Names(), which runs a regular expression over each name.
func flagNames(f cli.Flag) []string {
	switch f := f.(type) {
	case *cli.GenericFlag:
		return append([]string{f.Name}, f.Aliases...)
	case *cli.BoolFlag:
		return append([]string{f.Name}, f.Aliases...)
	}
	return f.Names()
}

func takesValue(f cli.Flag) bool {
	d, ok := f.(cli.DocGenerationFlag)
	return ok && d.TakesValue()
}

// arity is how many words follow the flag; next are the words that do.
func arity(f cli.Flag, next []string) int {
	if g, ok := f.(*cli.GenericFlag); ok {
		if v, ok := g.Value.(*setter); ok && v.arity != nil {
			return v.arity(next)
		}
	}
	return 1
}

// dashed writes a flag's name as it is typed.
func dashed(name string) string {
	if len(name) == 1 {
		return "-" + name
	}
	return "--" + name
}

// commandName is the path as typed: mqtk serve passwd.
func commandName(path []*cli.Command) string {
	names := make([]string, len(path))
	for i, c := range path {
		names[i] = c.Name
	}
	return strings.Join(names, " ")
}

func visibleNames(commands []*cli.Command) []string {
	var names []string
	for _, c := range commands {
		if !c.Hidden {
			names = append(names, c.Name)
		}
	}
	return names
}
