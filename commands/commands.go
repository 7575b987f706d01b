package commands

import (
	"context"
	"io"
	"os"

	"github.com/urfave/cli/v2"
)

// Stdio is what a command reads and writes. Terminal rules apply where a
// stream is an *os.File on a terminal.
type Stdio struct {
	In  io.Reader
	Out io.Writer
	Err io.Writer
}

// A program is one run of mqtk. Every command is a method value or a closure
// over it, so nothing is global.
type program struct {
	Stdio
	getenv func(string) string
	path   []*cli.Command // the verb of this run, from the root on
	line   commandLine    // its words, sorted by argv.go
	bases  []*base        // below what was typed; stronger ones first
	json   bool           // warnings and errors as objects on stderr
	quiet  bool           // neither of them, but for errors of usage
}

// Run runs one command line (without the program's name) and returns the exit
// code.
func Run(ctx context.Context, args []string, stdio Stdio) int {
	p := &program{Stdio: stdio, getenv: os.Getenv}
	return p.finish(p.asPlugin(args, p.run(ctx, args)))
}

// Tree returns the declarations of all commands, from which help, man pages
// and completions are rendered.
func Tree() *cli.Command {
	return (&program{getenv: os.Getenv}).root("")
}

// root is mqtk itself, as a command. It has all verbs, or the one of that name:
// to declare the others takes longer than to parse a command line.
func (p *program) root(verb string) *cli.Command {
	c := &cli.Command{
		Name:      "mqtk",
		Usage:     "an MQTT broker and its tools, for MQTT 5.0, 3.1.1 and 3.1",
		UsageText: "mqtk VERB [FLAGS] [OPERANDS]",
	}
	for _, v := range p.verbs() {
		if v.name == verb {
			c.Subcommands = []*cli.Command{v.declare()}
			return c
		}
	}
	for _, v := range p.verbs() {
		c.Subcommands = append(c.Subcommands, v.declare())
	}
	return c
}

// A verb is the name of a command and what declares it.
type verb struct {
	name    string
	declare func() *cli.Command
}

// verbs lists the verbs in the order in which help shows them.
func (p *program) verbs() []verb {
	return []verb{
		{"serve", p.serveCommand},
		{"pub", p.pubCommand},
		{"sub", p.subCommand},
		{"bench", p.benchCommand},
		{"inspect", p.inspectCommand},
		{"completion", p.completionCommand},
		{"help", p.helpCommand},
		{"version", p.versionCommand},
		{"__complete", p.completeCommand},
	}
}

// run finds the verb, sorts its words, fills its options and acts. It goes by
// urfave/cli's declarations and not through its App, which links text/template
// for the help that it writes: with that, the linker keeps each exported method
// of every type, a fifth of the program.
func (p *program) run(ctx context.Context, args []string) error {
	if len(args) == 0 {
		_ = p.writeHelp(p.Err, []*cli.Command{p.root("")}, false)
		return fail(exitUsage, nil)
	}
	switch args[0] {
	case "-h", "--help":
		return p.writeHelp(p.Out, []*cli.Command{p.root("")}, false)
	case "--version":
		args[0] = "version"
	}
	path, line, err := parseCommandLine(p.root(args[0]), args)
	if err != nil {
		return err
	}
	if line.Help {
		return p.writeHelp(p.Out, path, line.All)
	}
	p.path = path
	if p.line, err = p.withBases(path, line); err != nil {
		return err
	}
	if err := p.line.fill(path); err != nil {
		return err
	}
	c := cli.NewContext(nil, nil, &cli.Context{Context: ctx})
	c.Command = path[len(path)-1]
	return c.Command.Action(c)
}
