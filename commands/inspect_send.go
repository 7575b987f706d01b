package commands

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/urfave/cli/v2"

	"mqtk/mqttwire"
	"mqtk/mqttwire/conformance"
)

// sendOptions is what the flags of inspect send fill.
type sendOptions struct {
	targetOptions
	File     string
	Patience time.Duration
	Wait     *time.Duration
}

// inspectSendCommand is mqtk inspect send.
func (p *program) inspectSendCommand() *cli.Command {
	o := &sendOptions{Patience: 5 * time.Second}
	return &cli.Command{
		Name:      "send",
		Usage:     "play a script of packets against a broker",
		UsageText: "mqtk inspect send [FLAGS] [URL] SCRIPT|@FILE|-\nmqtk inspect send [FLAGS] [URL] -f FILE",
		ArgsUsage: "[URL] SCRIPT|@FILE|-",
		Description: `Sends the packets that a script says, when it says, and holds what comes to what it expects. Each packet is
printed as it is sent or comes: the time since the beginning in seconds, the connection, an arrow, and the packet in the
text form. A script is steps, one on a line or several with ; between them: 1> PACKET is sent by client 1, 1< PACKET is what it
receives next, 1< EOF that the broker closes the connection, +2s a wait, +1s..2s the time in which the next packet comes.
The man page has the whole language.

Nothing is sent but what the script says: no CONNECT, no acknowledgement, no PINGREQ (--retry and --wait-broker ask
before that whether the broker is there, on a connection of their own). Client ids and topics are taken
as they are; $` + `{id} and $` + `{topic} in them are a fresh id and topic. hex=... sends bytes that no packet holds. At the end the
connections are closed, without a DISCONNECT unless the script sends one.

It ends with 10 when something else came than what is expected, or nothing in --patience, or when what came breaks the
standard; it says which step that was, what was expected and what came. Records of inspect proxy, files of inspect fuzz and the
scripts of inspect audit are such scripts.`,
		Flags: o.flags(p),
		Action: func(c *cli.Context) error {
			return o.run(c.Context, p)
		},
	}
}

func (o *sendOptions) flags(p *program) []cli.Flag {
	flags := inCategory("What to play",
		valued("file f", "play the script in `FILE`; - is stdin", toString(&o.File)),
		valued("protocol-version V", "play the scripts for MQTT `VERSION`, 5, 311 or 31, and those that say none in it (default auto: all, and 5)", toVersion(&o.Version)),
		valued("patience", "wait `TIME` for what the script gives no time (default 5)", toPositiveDuration(&o.Patience)),
		valued("wait", "print for `TIME` what comes behind the last step (default 1 if that sends a packet, otherwise 0)", toSomeDuration(&o.Wait)))
	flags = append(flags, inCategory("Output", onOff("json", "print a JSON object for each packet, and one for the outcome", &p.json))...)
	return append(flags, o.reachFlags()...)
}

func toSomeDuration(into **time.Duration) func(string) error {
	return func(s string) error {
		*into = new(time.Duration)
		return toDuration(*into)(s)
	}
}

// run plays all that there is to play.
func (o *sendOptions) run(ctx context.Context, p *program) error {
	p.quiet = o.Quiet
	url, word, err := o.operands(p)
	if err != nil {
		return err
	}
	t, err := o.target(p, url)
	if err != nil {
		return err
	}
	scripts, err := o.scripts(p, word)
	if err != nil {
		return err
	}
	for _, s := range scripts {
		if r := s.Check(); r != nil {
			return sendFailure(p, t, r)
		}
	}
	if err := o.await(ctx, p, t); err != nil {
		return err
	}
	defer ignoreBrokenPipe()()
	ctx, end := context.WithCancelCause(ctx)
	defer end(nil)
	ctx, stop := untilSignal(ctx)
	defer stop()
	out := sendPrinter{p: p, ink: p.inkFor(p.Out), end: end}
	var failed []*failure
	for _, s := range scripts {
		if len(scripts) > 1 {
			out.title(s)
		}
		out.begin()
		r := conformance.Run(ctx, s, t.dial, o.options(t, s, out.seen))
		out.finish()
		var signal signalled
		switch cause := context.Cause(ctx); {
		case errors.As(cause, &signal):
			return signalOutcome(signal, true)
		case errors.Is(cause, errReaderGone):
			return nil
		}
		f := sendFailure(p, t, &r)
		if f == nil && len(out.broken) > 0 {
			f = fail(exitUnexpected, fmt.Errorf("all steps are met, but what the broker sent breaks the standard: %s", findingText(out.broken[0])))
		}
		if out.outcome(&r, f, len(scripts) > 1); f == nil {
			continue
		}
		if failed = append(failed, f); f.Code != exitUnexpected {
			return f
		}
	}
	switch {
	case len(failed) == 0:
		return nil
	case len(scripts) == 1:
		return failed[0]
	}
	return fail(exitUnexpected, fmt.Errorf("%d of %d scripts failed", len(failed), len(scripts)))
}

// operands are the URL, which may be left out, and the script, which -f may
// stand for.
func (o *sendOptions) operands(p *program) (url, word string, err error) {
	words := p.line.words()
	if len(words) > 0 && isURL(words[0]) && !strings.ContainsAny(words[0], " \n<>;") {
		url, words = words[0], words[1:]
	}
	switch {
	case o.File != "" && len(words) == 0:
		if o.File == "-" {
			return url, "-", nil
		}
		return url, "@" + o.File, nil
	case o.File != "":
		return "", "", usageIn(p.path, "%s: there is a script in --file already", words[0])
	case len(words) == 0:
		return "", "", usageIn(p.path, "needs a script: '1> CONNECT client-id=a; 1< CONNACK', @FILE, or - for stdin")
	case len(words) > 1:
		return "", "", usageIn(p.path, "a script is one word: put it in quotes ('%s')", strings.Join(words, " "))
	}
	return url, words[0], nil
}

// maxScript is how long a script may be.
const maxScript = 64 << 20

// scripts reads what is to be played.
func (o *sendOptions) scripts(p *program, word string) ([]*conformance.Script, error) {
	name, text := "script", []byte(word)
	var err error
	file, isFile := strings.CutPrefix(word, "@")
	switch {
	case word == "-":
		name = "stdin"
		text, err = readWhole(name, p.In)
	case isFile:
		name = file
		if text, err = os.ReadFile(file); err != nil {
			err = usageIn(p.path, "%w", err)
		}
	}
	if err != nil {
		return nil, err
	}
	if len(text) > maxScript {
		return nil, usageIn(p.path, "%s is longer than %d MB", name, maxScript>>20)
	}
	scripts, err := conformance.ParseIn(name, string(text), o.Version)
	switch {
	case err != nil:
		f := usageIn(p.path, "%w", err)
		if _, missing := os.Stat(word); missing == nil && word != "-" {
			f.Hints = []string{"there is a file of that name: @" + word + " or -f " + word + " plays it"}
		}
		return nil, f
	case len(scripts) == 0 && o.Version != 0:
		return nil, usageIn(p.path, "%s holds no script for MQTT %v", name, o.Version)
	case len(scripts) == 0:
		return nil, usageIn(p.path, "%s holds no script", name)
	}
	return scripts, nil
}

func (o *sendOptions) options(t *target, s *conformance.Script, watch func(conformance.Seen)) conformance.Options {
	var connect mqttwire.Connect
	t.credentials(&connect)
	of := conformance.Options{Prefix: conformance.NewPrefix(), Literal: true, Patience: o.Patience, Watch: watch,
		Username: connect.Username, Password: string(connect.Password)}
	switch {
	case o.Wait != nil:
		of.Linger = *o.Wait
	case s.EndsWithSend():
		of.Linger = time.Second
	}
	return of
}

// sendFailure is what a script ended with, nil where it was met.
func sendFailure(p *program, t *target, r *conformance.Result) *failure {
	var unreachable *conformance.UnreachableError
	var unsayable *conformance.UnsayableError
	var unmeetable *conformance.UnmeetableError
	switch {
	case r.Outcome != conformance.Fail:
		return nil
	case errors.As(r.Err, &unreachable):
		return t.unreachable(p, unreachable.Err)
	case errors.As(r.Err, &unsayable):
		f := usageIn(p.path, "%s, %s: %w", stepOf(r), r.Expected, unsayable.Err)
		f.Hints = []string{"hex=... sends the bytes of a packet that the standard forbids; mqtk inspect decode --encode makes them of others"}
		return f
	case errors.As(r.Err, &unmeetable):
		return usageIn(p.path, "%s, %s: no packet can be this: %w", stepOf(r), r.Expected, unmeetable.Err)
	case r.Err != nil:
		return fail(exitUnexpected, fmt.Errorf("%s, %s: what the broker sent breaks the standard: %s", stepOf(r), r.Expected, r.Got))
	}
	f := fail(exitUnexpected, fmt.Errorf("%s is not met", stepOf(r)), "expected  "+r.Expected, "came      "+r.Got)
	if p.json {
		f.Hints = []string{"expected " + r.Expected, "came " + r.Got}
	}
	if s := r.Script; len(s.Needs)+len(s.Settings) > 0 {
		f.Hints = append(f.Hints, strings.TrimRight("the script is for a broker with "+strings.Join(s.Needs, " ")+" "+conformance.SettingsKey(s.Settings), " "))
	}
	return f
}

// stepOf names the step that a script ended at.
func stepOf(r *conformance.Result) string {
	step := fmt.Sprintf("step %d of %d", r.Step, r.Script.Steps())
	if r.Script.File == "script" {
		return step
	}
	return fmt.Sprintf("%s:%d, %s", r.Script.File, r.Line, step)
}
