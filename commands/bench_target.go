package commands

import (
	"cmp"
	"context"
	"errors"
	"net"
	"net/netip"
	"strings"

	"mqtk/bench"
	"mqtk/mqttwire"
	"mqtk/mqttwire/client"
	"mqtk/mqttwire/transport"
)

// A benchTarget is the broker of a run: how it is reached, and what it is that
// ends with the run.
type benchTarget struct {
	*link
	own     *ownBroker     // in this process; nil: it is not
	process *brokerProcess // of --broker; nil: none
	release func()
}

// reach finds the broker, or starts one, and connects to it once: so the version
// is known, and what stands in the way is explained as pub and sub do.
func (o *benchOptions) reach(ctx context.Context, p *program, command []string) (*benchTarget, error) {
	t := &benchTarget{}
	pl, err := o.locate(p, t, command)
	if err != nil {
		return nil, errors.Join(err, t.stop())
	}
	var cancel func()
	of := o.connectOptions
	of.Timeout = 0 // ctx has it
	t.link, cancel = p.newLink(ctx, &of, pl)
	t.release = cancel
	if t.process != nil {
		err = t.process.await(t.ctx, ownBrokerReady)
	}
	if err == nil {
		err = o.probe(t.link)
	}
	if err != nil {
		err = o.explain(t, err)
		cancel()
		return nil, errors.Join(err, t.stop())
	}
	return t, nil
}

// locate says where the broker is, and starts it where it is ours.
func (o *benchOptions) locate(p *program, t *benchTarget, command []string) (plan, error) {
	q := p
	of := *o
	if len(command) > 0 {
		if err := o.Out.open(); err != nil {
			return plan{}, err
		}
		if err := of.startCommand(t, command); err != nil {
			return plan{}, err
		}
		q = p.withoutPlace() // where it listens is for us to say
	}
	pl, err := of.identified(q)
	o.Prefix = of.Prefix
	if err != nil {
		return plan{}, err
	}
	if pl.topic != "" && o.load.Topic == "" {
		return plan{}, usagef("--url: a path has no meaning here: --topic gives the template of the topics")
	}
	nowhere := t.process == nil && !pl.place.named && !pl.place.tls && !o.SRV
	if nowhere && o.kind == benchSub {
		return plan{}, usagef("no broker is named: nobody would publish to one of this process; -h, -p or -L name the one that bench pub publishes to")
	}
	if err := o.Out.open(); err != nil {
		return plan{}, err
	}
	if nowhere {
		if t.own, err = startOwnBroker(); err != nil {
			return plan{}, err
		}
		pl.place.target, err = transport.ParseURL(t.own.url)
		if err != nil {
			return plan{}, err
		}
		p.warn("no broker is named: this measures the one of mqtk, in this process, at %s; -h, -p or -L name one", t.own.url)
	}
	pl.options.URL = pl.place.target.String()
	if o.Sources != "" {
		pl.options.DialOptions.LocalAddress = o.load.Target.Sources[0].String()
	}
	return pl, nil
}

// identified is the plan of the connections, whose client ids share a prefix.
func (o *benchOptions) identified(p *program) (plan, error) {
	where, _, err := o.resolve(p)
	if err != nil {
		return plan{}, err
	}
	if o.ID != "" && o.IDPrefix != "" {
		return plan{}, usagef("-i/--id and -I/--id-prefix are both given: one is enough")
	}
	o.Prefix = cmp.Or(o.ID, o.IDPrefix)
	if o.Prefix == "" && where.clientID != nil {
		o.Prefix = *where.clientID
	}
	o.Prefix = cmp.Or(o.Prefix, where.idPrefix, "mqtk-")
	of := o.connectOptions
	of.ID, of.IDPrefix = o.Prefix+randomID(), ""
	return of.plan(p)
}

// startCommand starts the broker of --broker at a port of its own.
func (o *benchOptions) startCommand(t *benchTarget, command []string) (err error) {
	process := newBrokerProcess("bench", command, "")
	if process.chosenPort, err = freePort(); err != nil {
		return err
	}
	if err := process.prepare(); err != nil {
		return err
	}
	t.process = process
	port := process.chosenPort
	o.Host, o.Port = "127.0.0.1", &port
	return process.Start()
}

// probe connects once, in the name of one more client, and goes.
func (o *benchOptions) probe(l *link) error {
	whole := l.plan.options.Connect
	connect := &l.plan.options.Connect
	connect.CleanStart = true // nothing of it is to stay
	connect.Properties = connect.Properties.AppendWithout(nil, mqttwire.SessionExpiryInterval)
	l.plan.options.Retry.Again = 0
	err := l.connect()
	l.plan.options.Connect = whole
	if err != nil {
		return err
	}
	return goodbye(l.disconnect())
}

// target is where the clients of the run connect to.
func (o *benchOptions) target(t *benchTarget) bench.Target {
	where, options := t.plan.place.target, t.plan.options
	b := bench.Target{Name: where.String(), Sources: o.load.Target.Sources, InProcess: t.own != nil}
	switch {
	case where.Scheme == "unix":
		b.Network, b.Address = "unix", where.Path
	case !isTLS(where.Scheme) && !isWebSocket(where.Scheme) && options.DialOptions.Proxy == "" && !options.DialOptions.SRV:
		b.Network, b.Address = "tcp", t.peer.String() // the name was looked up once
	default:
		b.Dial = func(ctx context.Context, local netip.Addr) (net.Conn, error) {
			d := options.DialOptions
			if local.IsValid() {
				d.LocalAddress = local.String()
			}
			return transport.Dial(ctx, options.URL, d)
		}
	}
	return b
}

// aim completes a plan by what the target is.
func (o *benchOptions) aim(b *bench.Plan, t *benchTarget) {
	b.Target = o.target(t)
	b.Version = t.spoken()
	b.Connect = t.plan.options.Connect
	b.Connect.ClientID = o.Prefix
	b.Connect.Version = b.Version
	if t.plan.authenticator != nil {
		b.Authenticator = t.plan.authenticator
	}
	if t.process != nil {
		b.PID = t.process.cmd.Process.Pid
	}
}

// explain is the failure of a run that did not take place.
func (o *benchOptions) explain(t *benchTarget, err error) error {
	var (
		preflight *bench.PreflightError
		absent    *startError
	)
	switch {
	case errors.As(err, &absent):
		return fail(exitUnreachable, err, t.process.lastWords()...)
	case errors.As(err, &preflight):
		f := fail(exitFailed, errors.New(preflight.Text))
		if preflight.Command != "" {
			f.Hints = []string{"this makes room, in the shell that starts mqtk: " + preflight.Command}
		}
		return f
	}
	if known := new(bench.PlanError); errors.As(err, &known) {
		return planFailure(known)
	}
	if refused := new(client.SubscribeError); errors.As(err, &refused) && interrupted(t.ctx) == nil {
		code := exitPartly
		if refused.Reason == mqttwire.NotAuthorized || refused.Reason == mqttwire.UnspecifiedError && t.spoken() != mqttwire.V5 {
			code = exitDenied // on 3.1.1 a refusal has no reason, and rights are the likely one
		}
		return fail(code, err).withReason(refused.Reason, mqttwire.SUBACK)
	}
	err = t.outcome(err, true)
	if t.process != nil {
		f := classify(err)
		f.Hints = append(f.Hints, t.process.lastWords()...)
		return f
	}
	return err
}

// planFailure names the flag of what makes no sense.
func planFailure(e *bench.PlanError) error {
	if flag := benchFlagOf(e.Field); flag != "" {
		return usagef("%s: %s", flag, e.Text)
	}
	return usagef("%s", e.Text)
}

// benchFlagOf is the flag that fills a field of a plan.
func benchFlagOf(field string) string {
	switch field {
	case "Shape", "Topics", "Topic", "QoS", "Retain", "Messages", "Duration", "Warmup", "Rate", "Ramp", "Window",
		"Outstanding", "Hold", "Workers", "Patience", "Size":
		return "--" + strings.ToLower(field)
	case "ConnectRate":
		return "--connect-rate"
	case "Publishers":
		return "--pubs"
	case "Subscribers":
		return "--subs"
	case "PID":
		return "--pid"
	case "Version":
		return "--protocol-version"
	case "Target", "Sources":
		return "--bind"
	case "PublishProperties":
		return "--property"
	case "Authenticator":
		return "--auth-method"
	}
	return ""
}

// stop ends what was started for the run.
func (t *benchTarget) stop() error {
	if t.release != nil {
		t.release()
	}
	t.own.close()
	if t.process == nil {
		return nil
	}
	return t.process.Stop()
}
