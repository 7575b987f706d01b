package commands

import (
	"github.com/urfave/cli/v2"
)

// inspectCommand is mqtk inspect: what looks at things and changes none.
func (p *program) inspectCommand() *cli.Command {
	return &cli.Command{
		Name:        "inspect",
		Usage:       "look into what a broker keeps",
		UsageText:   "mqtk inspect COMMAND [FLAGS] [OPERANDS]",
		Description: "Looks at things and changes none.",
		Subcommands: []*cli.Command{p.inspectJournalCommand()},
		Action:      func(*cli.Context) error { return usageIn(p.path, "inspect what? journal is what there is") },
	}
}
