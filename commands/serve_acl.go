package commands

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net/netip"
	"strings"

	"github.com/urfave/cli/v2"

	"mqtk/broker"
	"mqtk/broker/acl"
	"mqtk/mqttwire"
)

// serveACLCommand is mqtk serve acl: what asks rules and changes none.
func (p *program) serveACLCommand() *cli.Command {
	return &cli.Command{
		Name:      "acl",
		Usage:     "ask the rules that serve decides by",
		UsageText: "mqtk serve acl COMMAND [FLAGS] [OPERANDS]",
		Description: `Looks at the rules of a file in mosquitto's format, or of the table that a configuration names, without a
broker: explain says what a client may do and which rule says so, lint looks for rules that are dangerous or do nothing.`,
		Subcommands: []*cli.Command{p.serveACLExplainCommand(), p.serveACLLintCommand()},
		Action:      func(*cli.Context) error { return usageIn(p.path, "acl what? explain and lint are what there is") },
	}
}

// aclExplainOptions is what the flags of serve acl explain fill.
type aclExplainOptions struct {
	rulesOptions
	User, Client string
	Address      netip.Addr
	Action       string
}

func (p *program) serveACLExplainCommand() *cli.Command {
	var o aclExplainOptions
	return &cli.Command{
		Name:      "explain",
		Usage:     "say what a client may do, and which rule says so",
		UsageText: "mqtk serve acl explain (--acl FILE | --config FILE) [--user NAME] [--client ID] [--address IP]\n--action publish|subscribe TOPIC",
		ArgsUsage: "TOPIC",
		Description: `Says whether a client may publish to a topic, or subscribe to a filter, and which rule decides: the line of
the file, or the row of the table. For a filter it says what is delivered as well, since each message is asked about again. It ends
with 0 for either answer. Without --user the client has no user name.`,
		Flags: append(inCategory("The question",
			valued("user", "of the user `NAME`", toString(&o.User)),
			valued("client", "of the client with the id `ID`", toString(&o.Client)),
			valued("address", "from the address `IP`", o.setAddress),
			valued("action", "may it publish, or subscribe: `ACTION`", toOneOf(&o.Action, "publish", "subscribe"))), o.flags(p)...),
		Action: func(c *cli.Context) error {
			if len(p.line.words()) != 1 {
				return usageIn(p.path, "needs one topic, or topic filter")
			}
			return o.run(c, p, p.line.words()[0])
		},
	}
}

func (o *aclExplainOptions) setAddress(s string) (err error) {
	if o.Address, err = netip.ParseAddr(s); err != nil {
		return fmt.Errorf("must be an IP address")
	}
	o.Address = o.Address.Unmap().WithZone("")
	return nil
}

// explained is a verdict, as JSON.
type explained struct {
	Allowed  bool     `json:"allowed"`
	Origin   string   `json:"rule,omitempty"`
	Rule     string   `json:"text,omitempty"`
	Why      string   `json:"why"`
	Delivery string   `json:"delivery,omitempty"`
	Notes    []string `json:"notes,omitempty"`
}

func (o *aclExplainOptions) run(c *cli.Context, p *program, topic string) error {
	action := map[string]broker.Action{"publish": broker.Publish, "subscribe": broker.Subscribe}[o.Action]
	var problem error
	switch action {
	case broker.Publish:
		problem = mqttwire.CheckTopicName(topic)
	case broker.Subscribe:
		problem = mqttwire.CheckTopicFilter(topic)
	default:
		return usageIn(p.path, "--action publish or --action subscribe says what is asked")
	}
	if problem != nil {
		return usageIn(p.path, "%s %s: %s", o.Action, visible(topic), detailOf(problem))
	}
	book, err := o.open(c.Context, p)
	if err != nil {
		return err
	}
	defer book.close()
	e, err := book.explain(c.Context, acl.Client{Username: o.User, ClientID: o.Client, Address: o.Address}, action, topic)
	if err != nil {
		return fail(exitUsage, err)
	}
	return printed(p.Out, func(w *bufio.Writer) {
		if p.json {
			writeJSON(w, e)
		} else {
			e.write(w, p.inkFor(p.Out))
		}
	})
}

func (e *explained) write(w io.Writer, ink ink) {
	verdict := ink.bad("denied")
	if e.Allowed {
		verdict = ink.head("allowed")
	}
	if e.Origin == "" {
		fmt.Fprintf(w, "%s: %s\n", verdict, visible(e.Why))
	} else {
		fmt.Fprintf(w, "%s: %s: %s\n", verdict, visible(e.Origin), visible(e.Rule))
		fmt.Fprintf(w, "why: %s\n", visible(e.Why))
	}
	if e.Delivery != "" {
		fmt.Fprintf(w, "delivered: %s\n", visible(e.Delivery))
	}
	for _, note := range e.Notes {
		fmt.Fprintf(w, "note: %s\n", visible(note))
	}
}

// explain asks the rules, and before them what holds whatever they say.
func (b *rulebook) explain(ctx context.Context, c acl.Client, action broker.Action, topic string) (*explained, error) {
	if level, _, _ := strings.Cut(topic, "/"); action == broker.Publish && (level == "$SYS" || level == "$share") {
		return &explained{Why: "topics below " + level + " are the broker's own: nobody may publish to them, whatever the rules say"}, nil
	}
	e := &explained{}
	if _, rest, shared := mqttwire.SplitShared(topic); action == broker.Subscribe && shared {
		e.Notes = append(e.Notes, "rights are asked about without the prefix of a shared subscription: about "+rest)
		topic = rest
	}
	if b.open {
		e.Allowed, e.Why = true, "there are no rules: whoever is let in may do everything"
		return e, nil
	}
	rules, superuser, err := b.of(ctx, c)
	if err != nil {
		return nil, err
	}
	if superuser {
		e.Allowed, e.Why = true, "user "+c.Username+" is a superuser, for whom no rule is asked"
		return e, nil
	}
	compiled := acl.Compile(rules, c, b.order, b.noMatch)
	v := compiled.Explain(action, topic)
	e.Allowed, e.Why, e.Delivery = v.Allowed, v.Why, v.Delivery
	if v.Rule != nil {
		e.Origin, e.Rule = v.Rule.Origin, v.Rule.String()
	}
	for _, name := range compiled.Names() {
		e.Notes = append(e.Notes, "the name "+name+" holds + # or /, or begins a topic with $, and matches no pattern: rules that ask for it do not count for this client")
	}
	return e, nil
}

// serveACLLintCommand is mqtk serve acl lint.
func (p *program) serveACLLintCommand() *cli.Command {
	var o rulesOptions
	return &cli.Command{
		Name:      "lint",
		Usage:     "look for rules that are dangerous or do nothing",
		UsageText: "mqtk serve acl lint (--acl FILE | --config FILE)",
		Description: `Looks for rules that open more than they seem to, denies that deny nothing, rules that others leave nothing to
decide for, and rules that match nobody or nothing. It ends with 10 where it found any, and with 2 where the rules cannot be read.`,
		Flags:  o.flags(p),
		Action: func(c *cli.Context) error { return o.lint(c.Context, p) },
	}
}

func (o *rulesOptions) lint(ctx context.Context, p *program) error {
	book, err := o.open(ctx, p)
	if err != nil {
		return err
	}
	defer book.close()
	if book.open {
		return usageIn(p.path, "%s names no rules: [acl] needs file or sql", o.Config)
	}
	rules, findings, err := book.all(ctx)
	if err != nil {
		return fail(exitUsage, err)
	}
	findings = append(findings, acl.Lint(rules, book.order)...)
	dangerous := 0
	err = printed(p.Out, func(w *bufio.Writer) {
		ink := p.inkFor(p.Out)
		for _, f := range findings {
			if f.Dangerous {
				dangerous++
			}
			writeFinding(w, ink, f, p.json)
		}
		if len(findings) == 0 && !p.json {
			fmt.Fprintf(w, "%s: %s\n", ink.head("clean"), plural(len(rules), "rule", "rules"))
		}
	})
	if err == nil && len(findings) > 0 {
		err = fail(exitUnexpected, fmt.Errorf("%s in %s, dangerous: %d",
			plural(len(findings), "finding", "findings"), plural(len(rules), "rule", "rules"), dangerous))
	}
	return err
}

func writeFinding(w io.Writer, ink ink, f acl.Finding, asJSON bool) {
	if asJSON {
		writeJSON(w, struct {
			Rule      string `json:"rule"`
			Dangerous bool   `json:"dangerous"`
			Text      string `json:"text"`
		}{f.Origin, f.Dangerous, f.Text})
		return
	}
	mark := "note"
	if f.Dangerous {
		mark = ink.bad("danger")
	}
	fmt.Fprintf(w, "%s: %s: %s\n", visible(f.Origin), mark, visible(f.Text))
}

// printed lets f write to stdout. That nobody reads it any more is no error.
func printed(out io.Writer, f func(*bufio.Writer)) error {
	defer ignoreBrokenPipe()()
	w := bufio.NewWriter(out)
	f(w)
	return finishOutput(w, nil)
}
