package commands

import "github.com/urfave/cli/v2"

// benchCommand is mqtk bench, which is a family of commands.
func (p *program) benchCommand() *cli.Command {
	return &cli.Command{
		Name:      "bench",
		Usage:     "put a broker to the test",
		UsageText: "mqtk bench crash [FLAGS] -- BROKER [ARGUMENT...]",
		Description: `Puts load on a broker and judges what it makes of it. mqtk bench crash kills a broker under load and
tells whether what it had acknowledged survived.`,
		Subcommands: []*cli.Command{p.benchCrashCommand()},
		Action: func(*cli.Context) error {
			return usageIn(p.path, "which test? there is crash")
		},
	}
}
