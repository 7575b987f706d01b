package commands

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"time"

	"github.com/urfave/cli/v2"

	"mqtk/mqttwire/conformance"
)

// auditOptions is what the flags of inspect audit fill.
type auditOptions struct {
	Target targetOptions
	Choice conformance.Choice
	Have   []string
	All    bool
	JUnit  string
	Dir    string // for the scripts of findings
}

const (
	auditLimit   = 45 * time.Second
	auditPreface = 10 * time.Second // of the limit, for the first CONNACK
)

// inspectAuditCommand is mqtk inspect audit.
func (p *program) inspectAuditCommand() *cli.Command {
	var o auditOptions
	return &cli.Command{
		Name:      "audit",
		Usage:     "hold a broker to the standard, statement by statement",
		UsageText: "mqtk inspect audit [FLAGS] [URL]",
		ArgsUsage: "[URL]",
		Description: `Holds conversations with a broker, some 900, side by side, in MQTT 5.0 and 3.1.1, and says of each numbered statement
of the two standards whether the broker keeps it, breaks it, or that nothing is known of it, and why. The whole ends within
45 seconds, also with a broker that is slow or answers half of what it is asked. Of what the standard leaves open nothing is
a finding, and a conversation that goes wrong is held once more: it counts when it goes wrong again.

The summary comes first, then each finding: the statements, the conversation, the step that was not as it must be, what came
in its place and all that was said before. --all lists every statement. --scripts DIR writes the conversation of each
finding to a file, and mqtk inspect send URL -f FILE holds it again, by itself and packet by packet.

It uses client ids and topics of its own (mqtk/… and seven random characters), and clears its sessions and retained messages
away, also when it is interrupted. But it sends what no client should, and some brokers do not survive that: then it says so
and which conversation it was, and what had not been held is not testable. Do not run it against a broker that must not fail.

A broker that asks for a name gets that of --username. What conversations need that cannot be found out by asking is not
testable unless --have names it:

  users       it lets in alice with the password wonder, bob with build,
              and nobody else
  acl         nobody may publish or subscribe to what is below secret/
  challenge   it knows the authentication method TOY
  anonymous   it takes any name (found by asking)
  quiet       nobody else uses it

It ends with 10 if there are findings.`,
		Flags: o.flags(p),
		Action: func(c *cli.Context) error {
			url, err := p.oneURL()
			if err != nil {
				return err
			}
			return o.run(c.Context, p, url)
		},
	}
}

func (o *auditOptions) flags(p *program) []cli.Flag {
	flags := inCategory("What to hold the broker to",
		valued("only", "nothing but `WHAT`: a statement (MQTT-3.1.2-22, MQTT-4.7.*, 5.0/MQTT-3.1.2-22), a section with those below it (4.7), a version (5.0 or 3.1.1), or words of a conversation's title (repeatable)", toList(&o.Choice.Only)),
		valued("skip", "not `WHAT`, named in the same ways (repeatable)", toList(&o.Choice.Skip)),
		valued("have", "the broker has `WHAT`: users, acl, challenge, anonymous or quiet, see above (repeatable)", o.addHave))
	flags = append(flags, inCategory("Output",
		onOff("all", "list every statement, not findings alone", &o.All),
		onOff("json", "print one JSON object, with passed, failed, not_testable, statements, rules, findings", &p.json),
		valued("scripts", "write the conversation of each finding to a file in `DIR`, for inspect send", toString(&o.Dir)),
		valued("junit", "write a JUnit report to `FILE`, too", toString(&o.JUnit)))...)
	return slices.Concat(flags, o.Target.reachFlags(), o.Target.traceFlag())
}

// auditNeeds are what a broker can have of what conversations need.
func auditNeeds() []string { return []string{"users", "acl", "challenge", "anonymous", "quiet"} }

func (o *auditOptions) addHave(s string) error {
	var have string
	if err := toOneOf(&have, auditNeeds()...)(s); err != nil {
		return err
	}
	o.Have = append(o.Have, have)
	return nil
}

// run asks the broker, holds the conversations, and tells what came of it.
func (o *auditOptions) run(ctx context.Context, p *program, url string) error {
	defer ignoreBrokenPipe()()
	t, err := o.Target.target(p, url)
	if err != nil {
		return err
	}
	clauses, scripts, err := o.chosen(p)
	if err != nil {
		return err
	}
	junit, err := o.prepare()
	if err != nil {
		return err
	}
	defer o.closeJUnit(junit)
	if err := o.Target.await(ctx, p, t); err != nil {
		return err
	}
	begun := time.Now()
	whole, cancel := p.newLink(ctx, &o.Target.connectOptions, t.plan)
	defer cancel()
	whole.limit, whole.plan.options.ConnectTimeout = auditPreface, auditPreface
	if err := whole.connect(); err != nil {
		return whole.outcome(err, true)
	}
	_ = whole.disconnect() // it was only to see whether somebody is there
	status := p.newAuditStatus()
	status.silent = status.silent || o.Target.Debug
	scheme := t.place.target.Scheme
	played := conformance.Audit{
		Dial: t.dial, Limit: auditLimit - time.Since(begun), Report: status.show,
		Options: conformance.Options{Have: o.Have, Frames: scheme == "ws" || scheme == "wss", Sweep: true,
			Username: t.options.Connect.Username, Password: string(t.options.Connect.Password)},
	}.Run(whole.ctx, scripts)
	status.clear()
	if whole.ctx.Err() != nil {
		return whole.outcome(context.Cause(whole.ctx), true)
	}
	r := newAuditReport(t.url, played, clauses)
	return o.tell(p, r, junit)
}

// prepare makes what reports are written to, before it takes half a minute to
// find out that there is no place for them. Without --junit the file is nil.
func (o *auditOptions) prepare() (junit *os.File, err error) {
	if o.Dir != "" {
		if err := os.MkdirAll(o.Dir, 0o777); err != nil {
			return nil, fail(exitUsage, fmt.Errorf("--scripts: %w", err))
		}
	}
	if o.JUnit != "" {
		if junit, err = os.OpenFile(o.JUnit, os.O_CREATE|os.O_WRONLY, 0o666); err != nil {
			return nil, fail(exitUsage, fmt.Errorf("--junit: %w", err))
		}
	}
	return junit, nil
}

// closeJUnit leaves no empty file where an audit came to nothing.
func (o *auditOptions) closeJUnit(junit *os.File) {
	if junit == nil {
		return
	}
	if info, err := junit.Stat(); err == nil && info.Mode().IsRegular() && info.Size() == 0 {
		_ = os.Remove(o.JUnit)
	}
	_ = junit.Close()
}

// chosen are the statements and conversations that the flags leave.
func (o *auditOptions) chosen(p *program) ([]conformance.Clause, []*conformance.Script, error) {
	clauses, err := conformance.Clauses()
	if err != nil {
		return nil, nil, err
	}
	scripts, err := conformance.Scripts()
	if err != nil {
		return nil, nil, err
	}
	clauses, scripts, err = o.Choice.Of(clauses, scripts)
	if err != nil {
		return nil, nil, usageIn(p.path, "%w", err)
	}
	if len(clauses) == 0 {
		return nil, nil, usageIn(p.path, "--only and --skip leave nothing")
	}
	return clauses, slices.Clip(scripts), nil
}

// tell writes the reports, and ends with 10 where there are findings. What goes
// wrong with a file takes nothing from the others.
func (o *auditOptions) tell(p *program, r *auditReport, junit *os.File) error {
	var broken error
	if o.Dir != "" {
		broken = r.writeScripts(o.Dir)
	}
	if junit != nil {
		_ = junit.Truncate(0) // of what there was; a pipe cannot be
		broken = errors.Join(broken, r.writeJUnit(junit))
	}
	var err error
	if p.json {
		err = writeJSON(p.Out, r)
	} else {
		err = r.writeText(p.Out, p.inkFor(p.Out), o.All)
	}
	if isReaderGone(err) {
		return broken
	}
	if err = errors.Join(broken, err); err != nil {
		return err
	}
	why := r.findings()
	switch {
	case why == "" && len(r.Limits) > 0:
		return fail(exitPartly, fmt.Errorf("%s: nothing was found, but much could not be asked: %s", r.Target, r.Limits[0]))
	case why == "":
		return nil
	}
	f := fail(exitUnexpected, fmt.Errorf("%s: %s", r.Target, why))
	if o.Dir == "" && len(r.Findings) > 0 && !p.json {
		f.Hints = []string{"--scripts DIR writes the conversation of each finding to a file for mqtk inspect send"}
	}
	return f
}
