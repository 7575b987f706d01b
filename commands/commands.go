package commands

import (
	"context"
	"io"
	"io/fs"
	"os"
	"time"

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
	files  fs.FS // man/ and completions/, embedded by main
	getenv func(string) string
	path   []*cli.Command // the verb of this run, from the root on
	line   commandLine    // its words, sorted by argv.go
	json   bool           // warnings and errors as objects on stderr
	quiet  bool           // neither of them at all
}

// Run runs one command line (without the program's name) and returns the exit
// code. files holds the folders man and completions.
func Run(ctx context.Context, args []string, stdio Stdio, files fs.FS) int {
	p := &program{Stdio: stdio, files: files, getenv: os.Getenv}
	return p.finish(p.run(ctx, args))
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
	}
}

// run finds the verb, sorts its words and lets urfave/cli fill its options.
func (p *program) run(ctx context.Context, args []string) error {
	if len(args) == 0 {
		p.writeHelp(p.Err, []*cli.Command{p.root("")})
		return fail(exitUsage, nil)
	}
	switch args[0] {
	case "-h", "--help":
		p.writeHelp(p.Out, []*cli.Command{p.root("")})
		return nil
	case "--version":
		args[0] = "version"
	}
	path, line, err := parseCommandLine(p.root(args[0]), args)
	if err != nil {
		return err
	}
	if line.Help {
		p.writeHelp(p.Out, path)
		return nil
	}
	p.path, p.line = path, line
	return p.app(path, line).RunContext(ctx, line.canonical(path))
}

// app is the urfave/cli application around the found verb. Help and version
// are ours, so that -h stays free for the host; and nothing in it may print or
// end the process. It sees the flags that were given and no others: all of
// them would cost a millisecond, a third of what a one-shot pub takes.
func (p *program) app(path []*cli.Command, line commandLine) *cli.App {
	usage := func(_ *cli.Context, err error, _ bool) error { return usageFromFlag(path, line, err) }
	var found *cli.Command
	for i := len(path) - 1; i > 0; i-- {
		c := &cli.Command{
			Name: path[i].Name, Action: path[i].Action, OnUsageError: usage,
			HideHelp: true, HideHelpCommand: true,
		}
		if found == nil {
			for _, f := range line.given {
				c.Flags = append(c.Flags, bare(f))
			}
		} else {
			c.Subcommands = []*cli.Command{found}
		}
		found = c
	}
	return &cli.App{
		Name:            path[0].Name,
		Commands:        []*cli.Command{found},
		HideHelp:        true,
		HideHelpCommand: true,
		HideVersion:     true,
		Compiled:        time.Unix(0, 0), // unless told, it looks at the file of the program
		Reader:          p.In,
		Writer:          p.Out,
		ErrWriter:       p.Err,
		OnUsageError:    usage,
		ExitErrHandler:  func(*cli.Context, error) {},
	}
}
