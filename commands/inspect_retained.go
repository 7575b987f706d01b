package commands

import (
	"context"
	"strconv"

	"github.com/urfave/cli/v2"

	"mqtk/mqttwire"
)

// retainedOptions is what the flags of the commands below inspect retained fill.
type retainedOptions struct {
	targetOptions
	JSON    bool
	Verbose bool
	Depth   int
	Out     string
	DryRun  bool
}

// inspectRetainedCommand is mqtk inspect retained.
func (p *program) inspectRetainedCommand() *cli.Command {
	return &cli.Command{
		Name:      "retained",
		Usage:     "list, export, import, clear and compare retained messages",
		UsageText: "mqtk inspect retained COMMAND [FLAGS] [URL] [FILTER...]",
		Description: `Looks after the messages that a broker retains. To know when it has seen them all, it retains a message
of its own below mqtk/retained-end/, which comes last, and takes it back at once; where the broker does
not let it, a second of silence is taken for the end. Brokers keep back part of many retained messages
at QoS 1 and 2: so the topics are learnt at QoS 0, and then asked for by their names.`,
		Subcommands: []*cli.Command{
			p.retainedListCommand(), p.retainedTreeCommand(), p.retainedExportCommand(),
			p.retainedImportCommand(), p.retainedClearCommand(), p.retainedDiffCommand(),
		},
		Action: func(*cli.Context) error {
			return usageIn(p.path, "retained what? ls, tree, export, import, clear and diff are what there is")
		},
	}
}

// retainedCommand declares one of them.
func (p *program) retainedCommand(name, usage, operands, description string, o *retainedOptions, run func(context.Context, *program, []string) error, flags ...cli.Flag) *cli.Command {
	flags = inCategory("What to do", flags...)
	return &cli.Command{
		Name:        name,
		Usage:       usage,
		UsageText:   "mqtk inspect retained " + name + " [FLAGS] " + operands,
		ArgsUsage:   operands,
		Description: description,
		Flags:       append(flags, o.connectOptions.flags(mqttwire.CONNECT, mqttwire.DISCONNECT, mqttwire.WillProperties)...),
		Action: func(c *cli.Context) error {
			p.json, p.quiet = o.JSON, o.Quiet
			defer ignoreBrokenPipe()()
			return run(c.Context, p, p.line.words())
		},
	}
}

func (o *retainedOptions) jsonFlag(what string) cli.Flag { return onOff("json", what, &o.JSON) }

func (p *program) retainedListCommand() *cli.Command {
	o := &retainedOptions{}
	return p.retainedCommand("ls", "list retained messages", "[URL] [FILTER...]",
		`Prints a line for each retained message, as it comes: its QoS, the bytes of its payload, the seconds after
which it expires, and its topic; with -v the payload, too. Without a FILTER it lists all (#), though none
below $SYS, which a filter must name.`,
		o, o.list,
		onOff("verbose v", "print the payload behind the topic", &o.Verbose),
		o.jsonFlag("print a JSON object for each message, as sub does"))
}

func (p *program) retainedTreeCommand() *cli.Command {
	o := &retainedOptions{}
	return p.retainedCommand("tree", "show the topics of retained messages as a tree", "[URL] [FILTER...]",
		`Prints the levels of the topics as a tree. A level that has a message of its own shows its payload; one
that has others below it shows how many.`,
		o, o.tree,
		valued("depth", "show `N` levels (default 100)", toNumber(&o.Depth, 1, 1000)),
		o.jsonFlag("print one JSON object"))
}

func (p *program) retainedExportCommand() *cli.Command {
	o := &retainedOptions{}
	return p.retainedCommand("export", "write retained messages as JSON lines", "[URL] [FILTER...]",
		`Writes each retained message with all of it: QoS, properties, payload bytes, as sub --json does. import
takes it back, here or at another broker. A message that expires carries the seconds that it had left.`,
		o, o.export,
		valued("out", "write to `FILE`, which is there when all of it is (default stdout)", toString(&o.Out)))
}

func (p *program) retainedImportCommand() *cli.Command {
	o := &retainedOptions{}
	return p.retainedCommand("import", "publish the messages of an export, retained", "[URL] [FILE]",
		`Reads what export wrote, from FILE or stdin, and publishes each message with its QoS and properties,
retained. All lines are read and checked before the first is published. Lines of messages that were not
retained are left out. It ends with 9 if the broker refused some.`,
		o, o.restore,
		onOff("dry-run", "publish nothing, and say what would be", &o.DryRun),
		o.jsonFlag("print a JSON object for each message"))
}

func (p *program) retainedClearCommand() *cli.Command {
	o := &retainedOptions{}
	return p.retainedCommand("clear", "remove retained messages", "[URL] FILTER...",
		`Removes the retained messages that match, and prints the topic of each. A FILTER must be given: # is all.
--dry-run shows first what would go. It ends with 9 if the broker refused some.`,
		o, o.clear,
		onOff("dry-run", "remove nothing, and say what would go", &o.DryRun),
		o.jsonFlag("print a JSON object for each message"))
}

func (p *program) retainedDiffCommand() *cli.Command {
	o := &retainedOptions{}
	return p.retainedCommand("diff", "compare the retained messages of two brokers, or of a broker and an export", "URL|FILE URL|FILE [FILTER...]",
		`Prints what the two do not have in common: - before what only the first has, + before what only the
second has, ~ before what differs, and in what. Remaining expiry times are not compared. The flags of
the connection hold for both. It ends with 10 if there is a difference.`,
		o, o.diff,
		o.jsonFlag("print a JSON object for each difference"))
}

// where takes the URL off the operands, if the first is one.
func (o *retainedOptions) where(p *program, words []string) (*target, []string, error) {
	url := ""
	if len(words) > 0 && isURL(words[0]) {
		url, words = words[0], words[1:]
	}
	for _, word := range words {
		if isURL(word) { // as a filter it would be taken to another broker
			return nil, nil, usageIn(p.path, "%s: a URL stands before everything else, and once", word)
		}
	}
	t, err := o.target(p, url)
	return t, words, err
}

// filters checks filters; without any it is all.
func (o *retainedOptions) filters(t *target, words []string) ([]string, error) {
	if len(words) == 0 && t.topic != "" {
		words = []string{t.topic}
	}
	if len(words) == 0 {
		words = []string{"#"}
	}
	for _, filter := range words {
		if err := checkFilter("filter "+strconv.Quote(filter), filter); err != nil {
			return nil, err
		}
		if _, _, shared := mqttwire.SplitShared(filter); shared {
			return nil, usagef("%s: a shared subscription gets no retained messages", filter)
		}
	}
	return words, nil
}

// read reads the retained messages that the operands name.
func (o *retainedOptions) read(ctx context.Context, p *program, words []string, each func(*mqttwire.Publish) error) error {
	t, words, err := o.where(p, words)
	if err != nil {
		return err
	}
	filters, err := o.filters(t, words)
	if err != nil {
		return err
	}
	return p.readRetained(ctx, &o.targetOptions, t, filters, each)
}
