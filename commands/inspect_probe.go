package commands

import (
	"cmp"
	"context"
	"fmt"
	"net"
	"slices"
	"strings"
	"sync"

	"github.com/urfave/cli/v2"

	"mqtk/mqttwire"
	"mqtk/mqttwire/client"
	"mqtk/mqttwire/probe"
	"mqtk/mqttwire/sasl"
	"mqtk/mqttwire/transport"
)

// probeOptions is what the flags of inspect probe fill.
type probeOptions struct {
	targetOptions
	Rounds    int
	MaxPacket int
	Topic     string
	IDPrefix  string
}

// inspectProbeCommand is mqtk inspect probe.
func (p *program) inspectProbeCommand() *cli.Command {
	o := &probeOptions{Rounds: 10, MaxPacket: 1 << 20}
	return &cli.Command{
		Name:      "probe",
		Usage:     "find out by asking what a broker can do and allows",
		UsageText: "mqtk inspect probe [FLAGS] [URL] [URL]",
		ArgsUsage: "[URL] [URL]",
		Description: `Asks a broker what it can do, by doing it: a maximum QoS is one that was published and acknowledged, a
limit one beyond which something was refused. Beside what showed stands what the broker announces in its
CONNACK. What could not be found out is unknown, with the reason: a silence that proves nothing is never
taken for a no, and a number with >= was not looked for further.

It takes less than 15 seconds, some of which are waiting for what has to expire, makes a hundred
connections or so, few of them at a time, and sends packets of up to --max-packet, by search upwards. All client ids and
topics are its own; what a broker keeps of them is taken away at the end, after an interruption too. A broker
that writes a log will have refusals in it.

With two brokers it prints only what is different, and ends with 0 whatever that is; how long something takes
is no difference.`,
		Flags: o.flags(p),
		Action: func(c *cli.Context) error {
			return o.run(c.Context, p)
		},
	}
}

func (o *probeOptions) flags(p *program) []cli.Flag {
	flags := inCategory("What to ask",
		valued("rounds n", "measure each round trip `N` times (default 10; fewer where that takes longer than a second)", toNumber(&o.Rounds, 1, 1000)),
		valued("max-packet", "look for the packet size up to `SIZE` (default 1M)", toPacketSize(&o.MaxPacket)),
		valued("topic t", "publish and subscribe below `TOPIC`, where a broker allows only some (default mqtk-probe/ and 12 random characters)", toTopicPrefix(&o.Topic)),
		valued("id-prefix I", "begin client ids with `PREFIX`, of 10 characters at most (default mqtkprobe)", toIDPrefix(&o.IDPrefix)))
	flags = append(flags, inCategory("Output", onOff("json", "print one JSON object", &p.json))...)
	return slices.Concat(flags, o.reachFlags(), o.traceFlag())
}

func toPacketSize(into *int) func(string) error {
	return func(s string) error {
		n, err := parseBytes(s)
		if err != nil || n < 256 || n > 64<<20 {
			return fmt.Errorf("must be bytes such as 4096 or 10M, from 256 to 64M")
		}
		*into = int(n)
		return nil
	}
}

func toTopicPrefix(into *string) func(string) error {
	return func(s string) error {
		if err := mqttwire.CheckTopicName(s); err != nil {
			return fmt.Errorf("%s", detailOf(err))
		}
		*into = strings.TrimSuffix(s, "/")
		return nil
	}
}

func toIDPrefix(into *string) func(string) error {
	return func(s string) error {
		if s == "" || len(s) > 10 {
			return fmt.Errorf("must be 1 to 10 characters, for with what is put behind them every broker has to take 23")
		}
		*into = s
		return nil
	}
}

// run asks one broker, or two.
func (o *probeOptions) run(ctx context.Context, p *program) error {
	p.quiet = o.Quiet
	urls := p.line.words()
	if len(urls) > 2 {
		return usageIn(p.path, "one broker, or two to compare: %s is too much", urls[2])
	}
	if len(urls) == 0 {
		urls = []string{""}
	}
	var targets []*target
	for _, url := range urls {
		t, err := o.target(p, url)
		if err != nil {
			return err
		}
		targets = append(targets, t)
	}
	reports, err := o.askAll(ctx, p, targets)
	if err != nil {
		return err
	}
	out := newProbePrinter(p)
	if len(targets) == 2 {
		return out.differences(targets[0].url, targets[1].url, probe.Differences(reports[0], reports[1]))
	}
	return out.report(targets[0].url, reports[0])
}

// askAll asks brokers at the same time: one waits while the other one does. The
// first failure ends it.
func (o *probeOptions) askAll(ctx context.Context, p *program, targets []*target) (reports []*probe.Report, failure error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	reports = make([]*probe.Report, len(targets))
	var all sync.WaitGroup
	var first sync.Once
	for i, t := range targets {
		all.Go(func() {
			report, err := o.ask(ctx, p, t)
			if reports[i] = report; err != nil {
				first.Do(func() { failure = err })
				cancel()
			}
		})
	}
	all.Wait()
	return reports, failure
}

func (o *probeOptions) ask(ctx context.Context, p *program, t *target) (*probe.Report, error) {
	if err := o.await(ctx, p, t); err != nil {
		return nil, err
	}
	l, cancel := p.newLink(ctx, &o.connectOptions, t.plan)
	defer cancel()
	po, err := t.probeOptions(l)
	if err != nil {
		return nil, err
	}
	po.Rounds, po.MaxPacket = o.Rounds, o.MaxPacket
	if o.Topic != "" {
		po.Topic = o.Topic + "/" + randomID()
	}
	if o.IDPrefix != "" {
		po.IDPrefix = o.IDPrefix + randomID()[:8]
	}
	report, err := probe.Run(l.ctx, po)
	if report != nil && len(report.Left) > 0 {
		l.say("%s keeps something: %s", t.url, strings.Join(report.Left, ", "))
	}
	return report, l.outcome(err, true)
}

// probeOptions are those of package probe that follow from where the broker is,
// and who asks.
func (t *target) probeOptions(l *link) (o probe.Options, err error) {
	connect := &t.options.Connect
	o = probe.Options{
		HasUsername: connect.HasUsername, Username: connect.Username, HasPassword: connect.HasPassword, Password: connect.Password,
		Topic: "mqtk-probe/" + randomID(), IDPrefix: "mqtkprobe" + randomID()[:8],
		AuthMethods: sasl.Methods(),
	}
	o.Dial = func(ctx context.Context) (net.Conn, error) {
		<-l.armed
		nc, err := t.dial(ctx)
		if err != nil {
			return nil, &client.DialError{Target: t.url, Err: err}
		}
		return l.first.watch(nc), nil
	}
	bare := t.place.target
	secure := isTLS(bare.Scheme)
	if bare.Scheme == "unix" || secure && t.options.DialOptions.SRV {
		return o, nil // SRV records are others without TLS
	}
	bare.Scheme = "mqtt"
	o.Bare = func(ctx context.Context) (net.Conn, error) {
		return transport.Dial(ctx, bare.String(), t.options.DialOptions)
	}
	if !secure {
		return o, nil
	}
	o.TLS, err = t.probeTLS()
	return o, err
}

// probeTLS is what package probe needs for handshakes of its own.
func (t *target) probeTLS() (*probe.TLS, error) {
	of := &t.options.DialOptions.TLS
	p := &probe.TLS{ServerName: cmp.Or(of.ServerName, t.place.target.Host), ALPN: of.ALPN}
	if p.ALPN == nil && t.place.target.Port == 443 && t.place.target.Scheme != "wss" {
		p.ALPN = []string{"mqtt"}
	}
	var err error
	if p.Roots, err = of.Authorities(); err != nil {
		return nil, usagef("%w", err)
	}
	if p.Certificate, err = of.Certificate(); err != nil {
		return nil, usagef("%w", err)
	}
	return p, nil
}
