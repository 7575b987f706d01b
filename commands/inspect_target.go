package commands

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"os"
	"os/signal"
	"slices"
	"strings"
	"syscall"

	"github.com/urfave/cli/v2"

	"mqtk/mqttwire"
	"mqtk/mqttwire/client"
	"mqtk/mqttwire/transport"
)

// targetOptions are the connection flags of an inspect command, which also
// takes its broker as a URL operand.
type targetOptions struct{ connectOptions }

// reachFlags are the connection flags of a command that makes the packets
// itself: where the broker is, how long to wait for it, TLS, and who connects.
func (o *targetOptions) reachFlags() []cli.Flag {
	flags := slices.DeleteFunc(o.connectOptions.flags(), func(f cli.Flag) bool {
		g, ok := f.(cli.CategorizableFlag)
		if !ok {
			return false
		}
		switch g.GetCategory() {
		case "Session", "Will":
			return true
		}
		switch flagNames(f)[0] {
		case "id", "id-prefix", "debug", "nodelay", "auth-method", "auth-data", "plain-without-tls", "timeout":
			return true
		}
		return false
	})
	for _, f := range flags {
		if g, ok := f.(*cli.GenericFlag); ok && g.Name == "retry" {
			g.Usage = "try again at most `N` times, before anything else, if the broker is not there (default: never)"
		}
	}
	return flags
}

// isPatience tells the flags on waiting for the broker.
func isPatience(f cli.Flag) bool {
	return slices.Contains([]string{"retry", "retry-wait", "wait-broker"}, flagNames(f)[0])
}

// A target is a broker to inspect.
type target struct {
	plan
	url   string       // without user name and password, for people
	trace *packetTrace // nil: packets are not printed
}

// oneURL is the operand of a command that takes one broker, empty if there is
// none.
func (p *program) oneURL() (string, error) {
	words := p.line.words()
	if len(words) > 1 {
		return "", usageIn(p.path, "%s: one broker is enough", words[1])
	}
	return strings.Join(words, ""), nil
}

// isURL tells an operand that names a broker from others.
func isURL(word string) bool { return strings.Contains(word, "://") }

// target resolves the flags and url, the operand, which may be empty.
func (o *targetOptions) target(p *program, url string) (*target, error) {
	of := *o
	if url != "" {
		if o.Host != "" || o.Port != nil || o.URL != "" || o.Unix != "" {
			return nil, usageIn(p.path, "%s: the broker is named twice, by the operand and by a flag; one is enough", url)
		}
		if !isURL(url) {
			return nil, usageIn(p.path, "%s: is no URL; a broker is named as in mqtt://%s", url, url)
		}
		of.URL = url
	}
	pl, err := of.plan(p)
	if err != nil {
		return nil, err
	}
	t := &target{plan: pl, url: pl.place.target.String()}
	if o.Debug {
		t.trace = &packetTrace{p: p}
	}
	return t, nil
}

// dial opens a connection to the broker.
func (t *target) dial(ctx context.Context) (net.Conn, error) {
	nc, err := transport.Dial(ctx, t.options.URL, t.options.DialOptions)
	if err != nil {
		return nil, err
	}
	return t.trace.watch(nc), nil
}

// await waits for the broker if --retry or --wait-broker say so, by connections
// of its own. Who refuses them is there, too.
func (o *targetOptions) await(ctx context.Context, p *program, t *target) error {
	if r := t.options.Retry; r.First == 0 && r.FirstFor == 0 {
		return nil
	}
	l, cancel := p.newLink(ctx, &o.connectOptions, t.plan)
	defer cancel()
	err := l.connect()
	if err == nil {
		return goodbye(l.disconnect())
	}
	if errors.As(err, new(*client.RefusedError)) {
		return nil
	}
	return l.outcome(err, true)
}

// unreachable is the error of a dial that failed: with its exit code, and hints
// on the likely causes.
func (t *target) unreachable(p *program, err error) *failure {
	l := &link{p: p, plan: t.plan}
	return l.explain(&client.DialError{Target: t.url, Err: err})
}

// untilSignal is a context that SIGINT or SIGTERM ends, with a signalled as its
// cause; signalOutcome tells what to end with. A second signal ends the process.
func untilSignal(ctx context.Context) (of context.Context, stop func()) {
	of, end := context.WithCancelCause(ctx)
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM)
	go func() {
		select {
		case s := <-signals:
			signal.Stop(signals)
			end(signalled{s})
		case <-of.Done():
			signal.Stop(signals)
		}
	}()
	return of, func() { end(context.Canceled) }
}

// credentials are what a CONNECT to the broker says of who connects.
func (t *target) credentials(c *mqttwire.Connect) {
	from := &t.options.Connect
	c.HasUsername, c.Username = from.HasUsername, from.Username
	c.HasPassword, c.Password = from.HasPassword, from.Password
}

// onLoopback tells whether the broker is on this machine: what breaks things
// asks for more than that before it goes further.
func (t *target) onLoopback(ctx context.Context) bool {
	where := t.place.target
	if where.Scheme == "unix" {
		return true
	}
	if t.options.DialOptions.Proxy != "" || t.options.DialOptions.SRV {
		return false
	}
	addresses, err := net.DefaultResolver.LookupNetIP(ctx, "ip", where.Host)
	return err == nil && len(addresses) > 0 && !slices.ContainsFunc(addresses, func(a netip.Addr) bool { return !a.Unmap().IsLoopback() })
}
