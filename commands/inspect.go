package commands

import (
	"github.com/urfave/cli/v2"
)

// inspectCommand is mqtk inspect: what looks at MQTT and judges it.
func (p *program) inspectCommand() *cli.Command {
	return &cli.Command{
		Name:      "inspect",
		Usage:     "see and judge MQTT on the wire, and what a broker keeps",
		UsageText: "mqtk inspect COMMAND [FLAGS] [OPERANDS]",
		Description: `decode, pcap and proxy show packets: of bytes, of a capture, of a connection under way. probe, audit, check
and top ask a broker. send and fuzz say to it what they were told, or what they make up. retained and journal look at what it keeps.`,
		Subcommands: []*cli.Command{
			p.inspectDecodeCommand(),
			p.inspectPcapCommand(),
			p.inspectProxyCommand(),
			p.inspectProbeCommand(),
			p.inspectAuditCommand(),
			p.inspectSendCommand(),
			p.inspectCheckCommand(),
			p.inspectRetainedCommand(),
			p.inspectTopCommand(),
			p.inspectFuzzCommand(),
			p.inspectJournalCommand(),
		},
		Action: func(*cli.Context) error {
			return usageIn(p.path, "inspect what? decode, pcap, proxy, probe, audit, send, check, retained, top, fuzz and journal are what there is")
		},
	}
}
