package commands

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/urfave/cli/v2"

	"mqtk/mqttwire"
	"mqtk/mqttwire/fuzz"
	"mqtk/mqttwire/transport"
)

// fuzzOptions is what the flags of inspect fuzz fill.
type fuzzOptions struct {
	targetOptions
	Command     []string // of --broker
	Time        time.Duration
	Count       int
	Seed        *int
	Case        *int
	DryRun      bool
	Patience    time.Duration
	Shrink      time.Duration
	Out         string
	AllowRemote bool
}

// inspectFuzzCommand is mqtk inspect fuzz.
func (p *program) inspectFuzzCommand() *cli.Command {
	o := &fuzzOptions{Patience: 5 * time.Second, Shrink: 30 * time.Second, Out: "."}
	return &cli.Command{
		Name:      "fuzz",
		Usage:     "send a broker packets that are almost valid, and shrink what breaks it",
		UsageText: "mqtk inspect fuzz [FLAGS] [URL]\nmqtk inspect fuzz --broker 'COMMAND {port}' [FLAGS]",
		ArgsUsage: "[URL]",
		Description: `Plays cases, some hundred a second: in each, two or three clients that cooperate connect, subscribe, publish, answer,
take over sessions and leave, and a part of their packets is not quite right: lengths, flags, ids, properties, text, order. A
healthy pair of clients watches: what one publishes at QoS 0, 1 and 2 must reach the other, in order, unchanged and in time.

It finds a crash (connections lost and refused, or the process of --broker gone), a hang (no answer), a rule-break (the broker
broke a statement of the standard, or did not close a connection where it must) and a disturbance (of the healthy pair). What
is found is played again and made smaller, and written as a script to a file, which mqtk inspect send plays. It ends with 10
if anything was found.

With --broker the broker is started here, in its words {port} becomes a free port and {data} a new directory. Then it is also
started anew for each step of making a case smaller, and after a crash; without, a broker that does not come back by itself
ends the run. Cases follow from the seed, which is printed: --seed S --case N plays one again. It breaks things on
purpose, so it refuses brokers on other machines without --allow-remote.

A broker that it did not start gets back what was left on it, also when the run is broken off: the sessions of all its client
ids are ended, and the topics that it retained messages on are cleared. These begin with fz, all but the few whose text was
changed on purpose: such a topic may hit the retained message of someone else.`,
		Flags: o.flags(p),
		Action: func(c *cli.Context) error {
			return o.run(c.Context, p)
		},
	}
}

func (o *fuzzOptions) flags(p *program) []cli.Flag {
	flags := inCategory("What to play",
		valued("broker", "start the broker that `COMMAND` runs, without a shell, in place of a URL", o.toCommand),
		valued("time", "begin new cases for `TIME` of playing, --shrink-time comes on top (default 60, unless --count says how many)", toPositiveDuration(&o.Time)),
		valued("count", "end after `N` cases", toCount(&o.Count)),
		valued("seed", "make up the cases that the seed `N` stands for (default: others each time, with a seed that is printed)", toNumberGiven(&o.Seed, 0, 1<<62)),
		valued("case", "play only the case `N` of the seed", toNumberGiven(&o.Case, 0, 1<<40)),
		valued("protocol-version V", "speak MQTT `VERSION`: 5, 311, 31 or auto, which is 5 and 311 by turns as far as the broker speaks them (default auto)", toVersion(&o.Version)),
		onOff("dry-run", "print the cases as scripts, and play nothing", &o.DryRun),
		valued("patience", "wait `TIME` for what must come before its absence is a finding (default 5)", toPositiveDuration(&o.Patience)),
		valued("shrink-time", "make one finding smaller for at most `TIME` (default 30)", toPositiveDuration(&o.Shrink)),
		onOff("allow-remote", "play against a broker that is not on this machine", &o.AllowRemote))
	flags = append(flags, o.reachFlags()...)
	return append(flags, inCategory("Output",
		valued("out", "write what is found to mqtk-fuzz-SEED-CASE.mqtt in the directory `DIR` (default: this one)", toString(&o.Out)),
		onOff("json", "print one JSON object", &p.json))...)
}

// toCommand takes the command of --broker as a shell would read it.
func (o *fuzzOptions) toCommand(s string) error {
	var b benchOptions
	if err := b.toBroker(s); err != nil {
		return err
	}
	o.Command = splitWords(s)
	return nil
}

func (o *fuzzOptions) run(ctx context.Context, p *program) error {
	p.quiet = o.Quiet
	f, err := o.options(p)
	if err != nil {
		return err
	}
	if o.DryRun {
		return o.print(p, f)
	}
	t, err := o.reach(ctx, p)
	if err != nil {
		return err
	}
	defer t.stop()
	if f.Dial = t.dial; t.process != nil {
		f.Process = t
	}
	from := t.link.plan.options.Connect
	if from.HasUsername {
		f.Username, f.Password = &from.Username, from.Password
	}
	report := newFuzzReport(p, o, f.Seed)
	f.Progress, f.Found = report.progress, report.found
	report.begin(t.url())
	summary, err := fuzz.Run(t.link.ctx, f)
	if err != nil {
		return t.explain(err)
	}
	return report.end(summary)
}

// options are those that need no broker.
func (o *fuzzOptions) options(p *program) (fuzz.Options, error) {
	f := fuzz.Options{Seed: rand.Uint64N(1 << 32), Count: o.Count, Time: o.Time, Patience: o.Patience, Shrink: o.Shrink}
	if o.Seed != nil {
		f.Seed = uint64(*o.Seed)
	}
	if o.Version != 0 {
		f.Versions = []mqttwire.Version{o.Version}
	}
	if o.Case != nil {
		if o.Seed == nil || o.Version == 0 {
			return f, usageIn(p.path, "--case needs --seed and -V, which say of what it is the number")
		}
		f.First, f.Count = *o.Case, 1
	}
	switch {
	case o.DryRun:
		f.Count = max(f.Count, 1)
	case f.Count == 0 && f.Time == 0:
		f.Time = time.Minute
	}
	if info, err := os.Stat(o.Out); err != nil || !info.IsDir() {
		return f, usageIn(p.path, "--out %s: is no directory", o.Out)
	}
	return f, nil
}

// print prints cases.
func (o *fuzzOptions) print(p *program, f fuzz.Options) error {
	if len(f.Versions) == 0 {
		f.Versions = fuzz.DefaultVersions()
	}
	defer ignoreBrokenPipe()()
	out := bufio.NewWriter(p.Out)
	var err error
	for n := f.First; n < f.First+f.Count && err == nil; n++ {
		c := fuzz.Generate(f.Seed, n, f.Versions[n%len(f.Versions)])
		fmt.Fprintf(out, "=== fuzz %d/%d\n# %s:\n", f.Seed, n, c.Version)
		for i := range c.Steps {
			_, err = fmt.Fprintln(out, c.Steps[i].String())
		}
	}
	if err = out.Flush(); err != nil && !isReaderGone(err) {
		return fail(exitFailed, fmt.Errorf("write the output: %w", err))
	}
	return nil
}

// A fuzzTarget is the broker of a run: one that is there, or a process.
type fuzzTarget struct {
	link    *link
	place   *target
	process *brokerProcess
	release func()
}

// reach finds the broker and connects to it once, so that what stands in the
// way is explained as pub and sub do.
func (o *fuzzOptions) reach(ctx context.Context, p *program) (t *fuzzTarget, err error) {
	url, err := p.oneURL()
	if err != nil {
		return nil, err
	}
	t = &fuzzTarget{}
	if o.Command != nil {
		if t.process, url, err = o.command(p, url); err != nil {
			return nil, err
		}
		t.place, err = o.target(p.withoutPlace(), url) // where it listens is for us to say
	} else {
		t.place, err = o.target(p, url)
	}
	if err != nil {
		return nil, err
	}
	t.link, t.release = p.newLink(ctx, &o.connectOptions, t.place.plan)
	if t.process != nil {
		return t, nil
	}
	if !o.AllowRemote && !t.place.onLoopback(t.link.ctx) {
		t.stop()
		return nil, usageIn(p.path, "%s: is not on this machine; fuzzing breaks brokers and everything that depends on them, --allow-remote does it all the same", t.place.url)
	}
	connect := &t.link.plan.options.Connect
	connect.CleanStart = true
	if err := t.link.connect(); err != nil {
		err = t.link.outcome(err, true)
		t.stop()
		return nil, err
	}
	return t, goodbye(t.link.disconnect())
}

// command prepares the broker of --broker, on a port of its own.
func (o *fuzzOptions) command(p *program, url string) (*brokerProcess, string, error) {
	if url != "" || o.Host != "" || o.Port != nil || o.URL != "" || o.Unix != "" {
		return nil, "", usageIn(p.path, "the broker is named twice, by --broker and by what says where it is; one is enough")
	}
	if o.Retry != nil || o.WaitBroker > 0 {
		return nil, "", usageIn(p.path, "--retry and --wait-broker are for a broker that is named; that of --broker is waited for")
	}
	process := newBrokerProcess("fuzz", o.Command, "")
	var err error
	if process.chosenPort, err = freePort(); err != nil {
		return nil, "", err
	}
	return process, fmt.Sprintf("mqtt://127.0.0.1:%d", process.chosenPort), process.prepare()
}

func (t *fuzzTarget) dial(ctx context.Context) (net.Conn, error) {
	c, err := transport.Dial(ctx, t.link.plan.options.URL, t.link.plan.options.DialOptions)
	if err != nil {
		return nil, err
	}
	return quick(c), nil
}

// url is where the broker is, for people.
func (t *fuzzTarget) url() string {
	if t.process != nil {
		return strings.Join(t.process.words(), " ")
	}
	return t.place.url
}

func (t *fuzzTarget) stop() {
	if t.process != nil {
		_ = t.process.Stop()
	}
	t.release()
}

// Restart ends the process, if it runs, and starts one without a memory.
func (t *fuzzTarget) Restart(ctx context.Context) error {
	b := t.process
	if err := b.Kill(); err != nil {
		return err
	}
	if _, err := b.cleanUp(false); err != nil {
		return err
	}
	b.output.forget()
	if err := b.prepare(); err != nil {
		return err
	}
	if err := b.Start(); err != nil {
		return err
	}
	return b.await(ctx, ownBrokerReady)
}

// Ended tells whether the process is gone, how, and what it said last.
func (t *fuzzTarget) Ended(wait time.Duration) (how string, lastWords []string, ended bool) {
	select {
	case <-t.process.ended:
	default:
		if wait == 0 || !waitFor(t.process.ended, wait) {
			return "", nil, false
		}
	}
	return t.process.cmd.ProcessState.String(), dyingWords(t.process.lastLines()), true
}

// dyingWords are the lines that tell why a process died, as its runtime wrote
// them, or else the last that it wrote.
func dyingWords(lines []string) []string {
	for i, line := range lines {
		for _, sign := range []string{"panic: ", "fatal error: ", "WARNING: DATA RACE", "ERROR: AddressSanitizer", "Assertion ", "terminate called"} {
			if strings.Contains(line, sign) {
				return lines[i:min(i+outputShown, len(lines))]
			}
		}
	}
	return lines[max(0, len(lines)-outputShown):]
}

// explain is the failure of a run that could not begin.
func (t *fuzzTarget) explain(err error) error {
	var absent *startError
	if errors.As(err, &absent) && t.process != nil {
		return fail(exitUnreachable, err, t.process.lastWords()...)
	}
	var refused *fuzz.RefusedError
	if errors.As(err, &refused) {
		return fail(exitRefused, err)
	}
	if t.link.ctx.Err() != nil {
		return t.link.outcome(err, false)
	}
	return fail(exitUnreachable, err)
}

// file is where a finding is written.
func (o *fuzzOptions) file(seed uint64, number int) string {
	return filepath.Join(o.Out, fmt.Sprintf("mqtk-fuzz-%d-%d.mqtt", seed, number))
}
