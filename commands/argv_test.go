package commands

import (
	"strings"
	"testing"

	"github.com/urfave/cli/v2"
)

// grammar is a command with every shape of flag, for the tests of the words.
func grammar() *cli.Command {
	none := func(string) error { return nil }
	var on bool
	property := valued("property D", "`PACKET NAME VALUE`", none)
	property.Value.(*setter).arity = func(next []string) int {
		if len(next) > 1 && next[1] == "user-property" {
			return 4
		}
		return 3
	}
	leaf := &cli.Command{Name: "leaf", ArgsUsage: "[X]", Flags: []cli.Flag{valued("host h", "`HOST`", none)}}
	return &cli.Command{Name: "mqtk", Subcommands: []*cli.Command{
		{
			Name: "pub", ArgsUsage: "[X]",
			Flags: []cli.Flag{
				valued("host h", "`HOST`", none), valued("port p", "`PORT`", none), valued("count C", "`N`", none),
				valued("id i", "`ID`", none), onOff("verbose v", "", &on), onOff("retain r", "", &on), property,
			},
		},
		{Name: "tree", Flags: []cli.Flag{valued("host h", "`HOST`", none)}, Subcommands: []*cli.Command{leaf}},
	}}
}

func TestWordsOfACommandLine(t *testing.T) {
	for _, test := range []struct{ args, want string }{
		{"pub a b", "pub | a b |"},
		{"pub a -h x b", "pub --host=x | a b |"},
		{"pub -hx -p1884 -vrC1", "pub --host=x --port=1884 --verbose=true --retain=true --count=1 | |"},
		{"pub -p=1884 --port=1885 --port 1886", "pub --port=1884 --port=1885 --port=1886 | |"},
		{"pub -vC 5 t", "pub --verbose=true --count=5 | t |"},
		{"pub -D publish content-type a/b -D connect user-property k v z", "pub --property=publish~content-type~a/b --property=connect~user-property~k~v | z |"},
		{"pub --count -1 -", "pub --count=-1 | - |"},
		{"pub a -- -h x --help", "pub | a | -h x --help"},
		{"pub --host= a", "pub --host= | a |"},
		{"tree -h x leaf y", "tree leaf --host=x | y |"},
		{"tree leaf -h x", "tree leaf --host=x | |"},
		{"pub --retain=false", "pub --retain=false | |"},
		{"pub x --help --nonsense", "pub help"},
		{"pub --nonsense", "unknown flag --nonsense"},
		{"pub --prot 1", "unknown flag --prot; did you mean --port?"},
		{"pub --verbos", "unknown flag --verbos; did you mean --verbose?"},
		{"pub -z", "unknown flag -z"},
		{"pub -vz", "unknown flag -z in -vz"},
		{"pub -host x", "-host has one dash, which is a bundle of short flags: write --host"},
		{"pub -help", "-help has one dash, which is a bundle of short flags: write --help"},
		{"pub -id=x", "-id=x has one dash, which is a bundle of short flags: write --id"},
		{"pub a -h", "-h needs a value"},
		{"pub a --host", "--host needs a value"},
		{"pub -h -v x", "-h needs a value, and -v is a flag: write --host=-v if that is meant"},
		{"pub --host --port=5", "--host needs a value, and --port=5 is a flag: write --host=--port=5 if that is meant"},
		{"pub --host=-v --host -vr --host -- x", "pub --host=-v --host=-vr --host=-- | x |"},
		{"pub -D publish content-type", "-D needs PACKET NAME VALUE"},
		{"pub -vD publish content-type x", "-D takes several words and cannot stand in a bundle (-vD)"},
		{"pub --property=publish x y", "--property takes its values as separate words"},
		{"pub --verbose=maybe", "--verbose takes no value"},
		{"pbu x", "unknown command pbu; did you mean pub?"},
		{"-v pub", "-v before the verb: flags come after it, as in mqtk VERB -v"},
		{"tree laef", "unknown command laef; did you mean leaf?"},
	} {
		t.Run(test.args, func(t *testing.T) {
			path, line, err := parseCommandLine(grammar(), strings.Fields(test.args))
			got := ""
			switch {
			case err != nil:
				f := classify(err)
				if f.Code != exitUsage {
					t.Errorf("exit code %d, want %d", f.Code, exitUsage)
				}
				got = strings.Join(append([]string{f.Error()}, f.Hints...), "; ")
			case line.Help:
				got = strings.TrimPrefix(commandName(path), "mqtk ") + " help"
			default:
				words := strings.Join(append([]string{commandName(path[1:])}, line.Flags...), " ")
				got = strings.ReplaceAll(words, wordSeparator, "~") + " | " + strings.Join(line.Operands, " ")
				got = strings.TrimRight(got, " ") + " | " + strings.Join(line.Dashed, " ")
			}
			if got = strings.TrimRight(got, " "); got != test.want {
				t.Errorf("got  %s\nwant %s", got, test.want)
			}
		})
	}
}

// TestAliasesStoreOnce: by whatever name a flag was given, each value is stored
// once, in order.
func TestAliasesStoreOnce(t *testing.T) {
	var list []string
	c := &cli.Command{Name: "pub", Flags: []cli.Flag{valued("topic t also", "`T`", toList(&list))}}
	root := &cli.Command{Name: "mqtk", Subcommands: []*cli.Command{c}}
	path, line, err := parseCommandLine(root, []string{"pub", "-t", "a,b", "--also= c\n", "-t", ""})
	if err != nil {
		t.Fatal(err)
	}
	if err := line.fill(path); err != nil {
		t.Fatal(err)
	}
	if len(list) != 3 || list[0] != "a,b" || list[1] != " c\n" || list[2] != "" {
		t.Errorf("stored %q", list)
	}
}

// TestEveryCommandActs: a command without an action, or a flag of a kind that
// setFlag does not know, would be taken and do nothing.
func TestEveryCommandActs(t *testing.T) {
	for path := range everyCommand(Tree()) {
		c := path[len(path)-1]
		if c.Action == nil && len(path) > 1 {
			t.Errorf("%s has no action", commandName(path))
		}
		for _, f := range c.Flags {
			switch f.(type) {
			case *cli.GenericFlag, *cli.BoolFlag:
			default:
				t.Errorf("%s %s is a %T", commandName(path), dashed(f.Names()[0]), f)
			}
		}
	}
}
