package commands

import (
	"errors"
	"fmt"
	"io/fs"
	"os"

	"github.com/urfave/cli/v2"

	"mqtk/commands/config"
)

// importOptions is what the flags of serve import fill.
type importOptions struct {
	File   string // empty: standard input
	Output string // empty: standard output
}

// serveImportCommand is mqtk serve import.
func (p *program) serveImportCommand() *cli.Command {
	var o importOptions
	return &cli.Command{
		Name:      "import",
		Usage:     "turn a mosquitto.conf into a configuration for serve",
		UsageText: "mqtk serve import [FLAGS] FILE",
		ArgsUsage: "FILE",
		Description: `Reads a mosquitto.conf, - from standard input, with the files of its include_dir, and writes the
configuration that says the same to stdout. The comment behind each value names the line that it comes from. Password files
and files of rules stay as they are. What has no equivalent is listed on stderr with its line, and ends the command with 9.

Nothing is opened wider than it was: where what is lost kept clients out (pre-shared keys, a list of revoked certificates, a
plugin, an interface), the listener stands there as a comment.

Lines of the form mqtt.acl_nomatch = deny and auth.mysql.server = HOST:PORT are known, too. What mosquitto has stored is not read.`,
		Flags: inCategory("Output",
			valued("output o", "write to `FILE`, made with mode 0600, in place of stdout", toString(&o.Output))),
		Action: func(c *cli.Context) error {
			if len(p.line.words()) != 1 {
				return usageIn(p.path, "needs one file: a mosquitto.conf")
			}
			o.File = p.line.words()[0]
			return o.run(p)
		},
	}
}

func (o *importOptions) run(p *program) error {
	text, err := o.read(p)
	if err != nil {
		return usagef("%s: %s", o.File, reasonOf(err))
	}
	toml, lost := config.Import(o.File, text)
	if err := o.write(p, toml); err != nil {
		return err
	}
	for _, problem := range lost {
		fmt.Fprintln(p.Err, problem)
	}
	if len(lost) > 0 {
		return fail(exitPartly, fmt.Errorf("%s: %s no equivalent", o.File, plural(len(lost), "line has", "lines have")))
	}
	return nil
}

func (o *importOptions) read(p *program) ([]byte, error) {
	if o.File == "-" {
		o.File = "standard input"
		return config.ReadText(o.File, p.In)
	}
	return config.ReadFile(o.File)
}

func (o *importOptions) write(p *program, toml []byte) error {
	if o.Output == "" {
		_, err := p.Out.Write(toml)
		return err
	}
	f, err := os.OpenFile(o.Output, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if errors.Is(err, fs.ErrExist) {
		return usagef("--output %s: is there already; nothing was written", o.Output)
	}
	if err != nil {
		return usagef("--output %s: %s", o.Output, reasonOf(err))
	}
	_, err = f.Write(toml)
	if err := errors.Join(err, f.Close()); err != nil {
		return fmt.Errorf("--output %s: %s", o.Output, reasonOf(err))
	}
	return nil
}
