package commands

import (
	"fmt"
	"strings"
	"time"

	"github.com/urfave/cli/v2"
)

// serveOptions is what the flags of serve fill. What a config file can say, too,
// flags say as settings.
type serveOptions struct {
	Config         string
	Check          bool
	PrintConfig    bool
	Listen         []string
	Port           *uint16
	AllowAnonymous bool
	Verbose        bool
	Settings       []setting // in the order given
	ReadyFile      string
	ReadyFD        int
	For            time.Duration
	Command        []string

	sockets *sockets // that were passed on to us
}

// A setting is what a flag says about a key of the configuration.
type setting struct{ source, key, value string }

// serveCommand is mqtk serve.
func (p *program) serveCommand() *cli.Command {
	var o serveOptions
	return &cli.Command{
		Name:      "serve",
		Usage:     "run a broker",
		UsageText: "mqtk serve [FLAGS]\nmqtk serve [FLAGS] -- COMMAND [ARGUMENT...]",
		Description: `Runs a broker for MQTT 5.0, 3.1.1 and 3.1. With --data DIR, what it has acknowledged survives a
restart, kill -9 and power loss; without, all is in memory and ends with the process. Without --listen and without listeners in the file
of --config it listens on port 1883 of the loopback interface, so that only
this machine reaches it. Log and hints go to stderr; stdout belongs to the command after --, which
is started once the broker is ready and finds its address in MQTT_URL and MQTK_URL. When that command
ends, serve ends with its exit code, or 128 and the number of the signal that killed it.` + serveSignals,
		Flags:       o.flags(),
		Subcommands: []*cli.Command{p.serveACLCommand(), p.servePasswdCommand(), p.serveImportCommand()},
		Action: func(c *cli.Context) error {
			if len(p.line.Operands) > 0 {
				return usageIn(p.path, "%q: serve takes a command after -- alone", p.line.Operands[0])
			}
			if o.Command = p.line.Dashed; p.line.HasDash && len(o.Command) == 0 {
				return usageIn(p.path, "no command after --")
			}
			return o.run(c.Context, p)
		},
	}
}

const serveSignals = `

TERM and INT drain: accepting stops, MQTT 5.0 clients are told, what is pending is sent and synced. A second
signal ends at once. HUP reads the configuration and all that it names anew, and takes it over as a whole or, where something is wrong
with it, not at all; where the terminal that serve was started on is gone, HUP drains as well. USR1 prints a summary of what the broker holds. (Windows has neither HUP nor USR1.)`

func (o *serveOptions) flags() []cli.Flag {
	flags := inCategory("Configuration",
		valued("config c", "read the configuration from `FILE`; what flags say wins, and listeners of flags replace those of the file", toString(&o.Config)),
		valued("set", "give a key of the configuration a value, as `KEY=VALUE`; LIMITS and CONFIGURATION in the man page list the keys (repeatable)", o.toSetting),
		onOff("check", "look for all that is wrong with the configuration and the files that it names, say it and end, with 0 or 2", &o.Check),
		onOff("print-config", "print each value that would hold, with where it comes from, and end", &o.PrintConfig))
	flags = append(flags, inCategory("Listeners",
		valued("listen", "listen on `URL`: mqtt, mqtts, ws or wss://HOST:PORT, or unix:///PATH; port 0 takes a free one; keys of a listener stand behind a question mark (repeatable)", toList(&o.Listen)),
		valued("port p", "listen on `PORT` of the loopback interface (default 1883)", toNumberGiven(&o.Port, 0, 65535)))...)
	flags = append(flags, inCategory("Doors and locks",
		valued("passwords", "let users in with the passwords of `FILE`, in mosquitto's format; mqtk serve passwd writes it", o.to("passwords", "auth.file.passwords")),
		valued("acl", "let users do what the rules of `FILE` allow, in the format of mosquitto's acl_file", o.to("acl", "acl.file")),
		onOff("allow-anonymous", "let clients of other machines in without credentials", &o.AllowAnonymous))...)
	flags = append(flags, inCategory("Storage",
		valued("data", "keep sessions, queues, retained messages and wills in `DIR`, so that they survive a restart, kill -9 and power loss; made if it is not there, in a directory that is", o.to("data", "data")),
		valued("durability", "acknowledge when it is on the disk (fsync), with the system (os) or at once and written within a second (none): `MODE` (default fsync)", o.to("durability", "durability")),
		valued("commit-delay", "wait up to `DURATION` for more to share a commit: fewer writes for an SD card, later acknowledgements (default 0)", o.to("commit-delay", "commit_delay")))...)
	flags = append(flags, inCategory("Behaviour",
		valued("memory-limit", "keep the process within `SIZE` of memory (default half of what the machine or the control group has)", o.to("memory-limit", "memory_limit")),
		valued("driver", "drive connections by `KIND`: auto, eventloop (Linux, plain TCP and Unix sockets) or goroutine (default auto)", o.to("driver", "driver")),
		valued("for", "end after `DURATION`, with 0, also where the command after -- had to be ended", toDuration(&o.For)),
		valued("drain", "give clients `DURATION` to take what is pending at the end (default 10s)", o.to("drain", "drain")))...)
	return append(flags, inCategory("Reporting",
		valued("ready-file", "once ready, write the listeners as a JSON line to `FILE`, which is removed at the end", toString(&o.ReadyFile)),
		valued("ready-fd", "once ready, write the same line to the open descriptor `NUMBER`", toNumber(&o.ReadyFD, 1, 1<<20)),
		valued("log-level", "log from `LEVEL` on: debug, info, warn or error (default info)", o.to("log-level", "log_level")),
		valued("log-format", "write the log as `FORMAT`: text or json (default text)", o.to("log-format", "log_format")),
		onOff("verbose v", "the same as --log-level debug", &o.Verbose))...)
}

// to makes the value of a flag that of a key.
func (o *serveOptions) to(flag, key string) func(string) error {
	return func(s string) error {
		o.Settings = append(o.Settings, setting{"--" + flag, key, s})
		return nil
	}
}

func (o *serveOptions) toSetting(s string) error {
	key, value, ok := strings.Cut(s, "=")
	if !ok {
		return fmt.Errorf("must be KEY=VALUE")
	}
	o.Settings = append(o.Settings, setting{"--set", key, value})
	return nil
}

func toOneOf(into *string, allowed ...string) func(string) error {
	return func(s string) error {
		for _, a := range allowed {
			if s == a {
				*into = s
				return nil
			}
		}
		return fmt.Errorf("must be one of %s", strings.Join(allowed, ", "))
	}
}
