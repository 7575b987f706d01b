package commands

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/urfave/cli/v2"

	"mqtk/mqttwire/proxy"
	"mqtk/mqttwire/transport"
)

// proxyOptions is what the flags of inspect proxy fill.
type proxyOptions struct {
	targetOptions
	Listen      string
	Cert, Key   string
	To          string
	Faults      []string
	Seed        *uint32
	AllowRemote bool
	Record      string
	Pcapng      string
	Findings    bool
	Verbose     bool
	Connections int
	Timeout     time.Duration

	rules []proxy.Rule
}

const proxyListen = "mqtt://127.0.0.1:1884"

// inspectProxyCommand is mqtk inspect proxy.
func (p *program) inspectProxyCommand() *cli.Command {
	var o proxyOptions
	return &cli.Command{
		Name:      "proxy",
		Usage:     "stand between clients and a broker, print each packet, and break things on purpose",
		UsageText: "mqtk inspect proxy [--listen URL] [--to] URL [FLAGS]",
		ArgsUsage: "[URL]",
		Description: `Clients connect to --listen (default ` + proxyListen + `), and what they and the broker at URL say to each
other passes unchanged, byte for byte, be it MQTT or not. Each packet is printed in the text form of pub -d, with its time,
the number of its connection, and an arrow: > is from the client, < from the broker. Passwords are shown as ***. An answer
says how long after its request it came. What breaks the standard is named below its packet: whose doing it is, and which
statement (that of 3.1.1 where MQTT 3.1 is spoken, which numbers none). Either side may be TCP, TLS, WebSocket or a Unix socket, whatever the other is.

  10:21:07.304518 1  from 192.168.1.7:50112
  10:21:07.305102 1> CONNECT version=5.0 clean-start=1 client-id=boiler
  10:21:07.306411 1< CONNACK Success # after 1.309ms

Printing never holds up what passes. If the output is slower than the traffic, 64 MiB wait for it; what is beyond passes
unseen, and a line says at which place and how many bytes that were.

--record FILE writes all that the broker heard and said as a script, with times. mqtk inspect send -f FILE URL plays it: it
sends what the clients sent, and expects what the broker answered; packet ids that the broker chose are variables, client
ids that it assigned are *. mqtk inspect pcap FILE reads it, too. It holds passwords and payloads; nobody else may read it.
--pcapng FILE writes a capture for Wireshark, without encryption, whatever was on the wire.

--fault 'RULE; RULE...' breaks things. A rule is an action and conditions, which all must hold. The actions:

  drop                  the packet is not forwarded
  delay T | T..T        it is forwarded so much later, and what is behind
                        it, too
  duplicate [N]         it is forwarded once more, or N times
  truncate N            its first N bytes are forwarded
  reorder [T]           it is forwarded behind the next one that the rule
                        is about, or alone after T (1s); without type=
                        that is acknowledgements
  reason NAME           its reason code becomes this one (NotAuthorized,
                        0x87)
  half-open             from it on nothing passes, and neither side is
                        told
  close, reset          instead of it the connection ends, for both sides

The conditions:

  type=PUBACK|PUBREC    packets of these types
  topic=FILTER          PUBLISH to a topic, SUBSCRIBE and UNSUBSCRIBE to
                        a filter, and what acknowledges them
  client=PATTERN        of clients by their id: * is any text, ? a
                        character
  from=client|server    from this side
  qos=1|2               PUBLISH of these
  connection=N | N..M   on these connections, as they are numbered
  nth=N                 the N-th for which the conditions above hold, of
                        a connection and direction
  every=N               each N-th of them
  after=N               those behind the N-th
  p=0.1 | 10%           with this probability
  times=N               until the rule has acted N times, on a connection
                        and direction
  after-bytes=N         half-open, close and reset alone: as soon as N
                        bytes have passed in a direction

The rules are asked in their order, and several may act on a packet. What they do depends on the seed, the number of the
connection and the number of the packet in its direction, so that --seed repeats it, however fast the network is. With
faults each side is judged by what it was given to see. Brokers on other machines need --allow-remote.

It goes on until a signal, -W or --connections ends it: with 0, or with 10 if the standard was broken.`,
		Flags: o.flags(p),
		Action: func(c *cli.Context) error {
			p.quiet = o.Quiet
			return o.run(c.Context, p)
		},
	}
}

func (o *proxyOptions) flags(p *program) []cli.Flag {
	flags := inCategory("Listening",
		valued("listen", "wait for clients at `URL`: mqtt, mqtts, ws, wss or unix, port 0 is any (default "+proxyListen+")", toString(&o.Listen)),
		valued("listen-cert", "of mqtts and wss: the certificate, with its chain, in the PEM file `FILE`", toString(&o.Cert)),
		valued("listen-key", "its key, in the PEM file `FILE`", toString(&o.Key)))
	flags = append(flags, inCategory("Faults",
		valued("fault", "break what `RULES` say, see above; @FILE takes them from a file (repeatable)", toList(&o.Faults)),
		valued("seed", "break what the seed `N` stands for (default: others each time, with a seed that is printed)", toNumberGiven(&o.Seed, 0, 1<<32-1)),
		onOff("allow-remote", "break things between clients and a broker that is not on this machine", &o.AllowRemote))...)
	flags = append(flags, inCategory("Output",
		valued("record", "write all that is said to `FILE` as a script for inspect send", toString(&o.Record)),
		valued("pcapng", "write all that is said to `FILE` as a capture", toString(&o.Pcapng)),
		onOff("findings", "print only packets that break the standard, or that a fault touched", &o.Findings),
		onOff("verbose v", "print payloads whole", &o.Verbose),
		onOff("json", "print a JSON object for each packet and each event", &p.json))...)
	flags = append(flags, inCategory("The end",
		valued("connections", "end when `N` connections are over", toNumber(&o.Connections, 1, 1<<30)),
		valued("timeout W", "end after `TIME`", toPositiveDuration(&o.Timeout)))...)
	to := inCategory("Connection", valued("to", "connect to the broker at `URL`", toString(&o.To)))
	return append(append(flags, to...), slices.DeleteFunc(o.reachFlags(), func(f cli.Flag) bool {
		g, ok := f.(cli.CategorizableFlag)
		return ok && g.GetCategory() == "Identity" || isPatience(f)
	})...)
}

// run opens the door and keeps it open.
func (o *proxyOptions) run(ctx context.Context, p *program) error {
	t, err := o.where(p)
	if err != nil {
		return err
	}
	if err := o.readFaults(ctx, p, t); err != nil {
		return err
	}
	ctx, stop := untilSignal(ctx)
	defer stop()
	if o.Timeout > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, o.Timeout)
		defer cancel()
	}
	defer ignoreBrokenPipe()()
	ctx, end := context.WithCancelCause(ctx)
	defer end(nil)
	out, err := o.output(p, t, end)
	if err != nil {
		return err
	}
	l, err := o.listen(p)
	if err != nil {
		return errors.Join(err, out.close())
	}
	if t.isServedBy(l) {
		l.Close()
		return errors.Join(usageIn(p.path, "--listen %s: that is the broker's own address; the two have to differ", transport.URL(l)), out.close())
	}
	p.warn("%s leads to %s", transport.URL(l), t.url)
	settings := proxy.Options{Dial: out.dialer(t), Watch: out.see, Idle: out.flush, Rules: o.rules}
	if len(o.rules) > 0 {
		seed := rand.Uint32()
		if o.Seed != nil {
			seed = *o.Seed
		}
		settings.Seed = uint64(seed)
		p.warn("faults by --seed %d", seed)
	}
	err = proxy.Serve(ctx, l, settings)
	return out.verdict(err)
}

// isServedBy tells whether whoever connects to the broker finds l.
func (t *target) isServedBy(l net.Listener) bool {
	tcp, ok := l.Addr().(*net.TCPAddr)
	where := t.place.target
	if !ok || where.Scheme == "unix" || tcp.Port != where.Port {
		return false
	}
	if where.Host == "localhost" {
		return tcp.IP.IsLoopback() || tcp.IP.IsUnspecified()
	}
	at := net.ParseIP(where.Host)
	return at != nil && (at.Equal(tcp.IP) || at.IsLoopback() && tcp.IP.IsUnspecified())
}

// where finds out what broker is meant.
func (o *proxyOptions) where(p *program) (*target, error) {
	words := p.line.words()
	switch {
	case len(words) > 1, len(words) == 1 && o.To != "":
		return nil, usageIn(p.path, "the broker is named twice; one URL is enough")
	case len(words) == 1:
		o.To = words[0]
	}
	return o.target(p, o.To)
}

// readFaults reads the rules, and asks for a word where they reach far.
func (o *proxyOptions) readFaults(ctx context.Context, p *program, t *target) error {
	for _, text := range o.Faults {
		if name, ok := strings.CutPrefix(text, "@"); ok {
			b, err := os.ReadFile(name)
			if err != nil {
				return usageIn(p.path, "--fault %s: %v", text, err)
			}
			text = string(b)
		}
		rules, err := proxy.ParseRules(text)
		if err != nil {
			return usageIn(p.path, "--fault %w", err)
		}
		if len(rules) == 0 {
			return usageIn(p.path, "--fault %s holds no rule", shortened(text))
		}
		o.rules = append(o.rules, rules...)
	}
	switch {
	case len(o.rules) == 0 && o.Seed != nil:
		return usageIn(p.path, "--seed is for --fault, and nothing is to be broken")
	case len(o.rules) > 0 && !o.AllowRemote && !t.onLoopback(ctx):
		return usageIn(p.path, "%s is not on this machine: --allow-remote breaks things there, too", t.url)
	}
	return nil
}

// listen opens the door for clients.
func (o *proxyOptions) listen(p *program) (net.Listener, error) {
	at := o.Listen
	if at == "" {
		at = proxyListen
	}
	scheme, _, ok := strings.Cut(at, "://")
	if !ok {
		return nil, usageIn(p.path, "--listen %s: is no URL; give one as in mqtt://%s", at, at)
	}
	var options transport.ListenOptions
	secure := isTLS(strings.ToLower(scheme))
	switch {
	case secure && (o.Cert == "" || o.Key == ""):
		return nil, usageIn(p.path, "--listen %s: TLS needs a certificate and its key: --listen-cert and --listen-key", at)
	case !secure && o.Cert+o.Key != "":
		return nil, usageIn(p.path, "--listen %s is without TLS, and --listen-cert and --listen-key are for mqtts and wss", at)
	case secure:
		options.TLS = &transport.ServerTLS{Certificates: []transport.KeyPair{{Cert: o.Cert, Key: o.Key}}}
	}
	if isWebSocket(strings.ToLower(scheme)) {
		options.WebSocket.NoSubprotocol = true
	}
	l, err := transport.Listen(at, options)
	if err == nil {
		return l, nil
	}
	f := fail(exitFailed, fmt.Errorf("--listen %w", err))
	var bad *transport.Error
	switch {
	case errors.Is(err, syscall.EADDRINUSE):
		f.Hints = []string{"something else listens there: take another port, or 0 for any free one"}
	case errors.As(err, &bad) && bad.Kind != transport.Unreachable:
		f.Code = exitUsage
	}
	return nil, f
}
