package commands

import (
	"context"
	"errors"
	"fmt"
	"os"
	"sync/atomic"
	"time"

	"github.com/urfave/cli/v2"

	"mqtk/mqttwire"
)

// topOptions is what the flags of inspect top fill.
type topOptions struct {
	targetOptions
	JSON     bool
	Interval time.Duration
	Count    uint32
}

// inspectTopCommand is mqtk inspect top.
func (p *program) inspectTopCommand() *cli.Command {
	o := &topOptions{Interval: time.Second}
	flags := inCategory("What to do",
		valued("interval", "bring the table up to date every `TIME` (default 1)", toPositiveDuration(&o.Interval)),
		valued("count n", "end after `N` tables (default: never on a terminal, else 1)", toNumber(&o.Count, 1, 0xFFFFFFFF)),
		onOff("json", "print a JSON object for each table, with each topic below $SYS and what is known of its rate", &o.JSON))
	return &cli.Command{
		Name:      "top",
		Usage:     "show what a broker tells of itself below $SYS, as a table that is kept up to date",
		UsageText: "mqtk inspect top [FLAGS] [URL]",
		ArgsUsage: "[URL]",
		Description: `Subscribes to $SYS/# and shows the values as a table: those that mosquitto and mqtk publish below
$SYS/broker by their meaning, with what came in each second between the last two times that the broker
told them, and its own averages of a second over 1, 5 and 15 minutes; all others by their topics. On a terminal the
table is written over in place until Ctrl-C; elsewhere it is printed once, or --count times.

A broker tells its values every few seconds (mosquitto 10, serve 10): a new table is no fresher than that.
It ends with 6 if the broker does not let us see them, and with 9 if it tells nothing.`,
		Flags: append(flags, o.connectOptions.flags(mqttwire.CONNECT, mqttwire.DISCONNECT, mqttwire.WillProperties)...),
		Action: func(c *cli.Context) error {
			p.json, p.quiet = o.JSON, o.Quiet
			url, err := p.oneURL()
			if err != nil {
				return err
			}
			return o.run(c.Context, p, url)
		},
	}
}

// sysPatience is how long a broker may take to tell anything: mosquitto tells
// its values every ten seconds, and retains them.
const sysPatience = 15 * time.Second

// run subscribes and prints tables.
func (o *topOptions) run(ctx context.Context, p *program, url string) error {
	t, err := o.target(p, url)
	if err != nil {
		return err
	}
	defer ignoreBrokenPipe()()
	l, cancel := p.newLink(ctx, &o.connectOptions, t.plan)
	defer cancel()
	defer watchReader(p.Out, func() { l.stop(errReaderGone) })()
	values := newSysValues(t.url)
	l.plan.options.Hooks.OnMessage = values.message
	err = l.connect()
	if err == nil {
		err = o.show(p, l, values)
		if problem := goodbye(l.disconnect()); err == nil {
			err = problem
		}
	}
	return l.outcome(err, o.Count > 0)
}

// show prints tables until there are enough.
func (o *topOptions) show(p *program, l *link, values *sysValues) error {
	r := retainedReader{link: l}
	if err := r.subscribe([]string{"$SYS/#"}, 0); err != nil {
		return err
	}
	if err := o.first(l, values); err != nil {
		return err
	}
	draw, stop := o.drawer(p, values)
	defer stop()
	left := o.Count
	if left == 0 && (o.JSON || !isTerminal(p.Out)) {
		left = 1
	}
	tick := time.NewTicker(o.Interval)
	defer tick.Stop()
	for {
		if err := draw(); err != nil {
			if isReaderGone(err) {
				return nil
			}
			return fmt.Errorf("write the output: %w", err)
		}
		if left == 1 {
			return nil
		}
		left = max(left, 1) - 1
		select {
		case <-tick.C:
		case <-l.Done():
			return l.Err()
		case <-l.ctx.Done():
			return context.Cause(l.ctx)
		}
	}
}

// first waits for values: the retained ones come before the answer to a ping.
func (o *topOptions) first(l *link, values *sysValues) error {
	if err := l.Ping(l.ctx); err != nil {
		return err
	}
	timer := time.NewTimer(sysPatience)
	defer timer.Stop()
	select {
	case <-values.there:
		return nil
	case <-timer.C:
		f := fail(exitPartly, errors.New("the broker tells nothing below $SYS"))
		f.Hints = []string{"it may tell such things to certain users alone, or not be set to"}
		return f
	case <-l.Done():
		return l.Err()
	case <-l.ctx.Done():
		return context.Cause(l.ctx)
	}
}

// drawer chooses how a table is printed.
func (o *topOptions) drawer(p *program, values *sysValues) (draw func() error, stop func()) {
	ink := p.inkFor(p.Out)
	switch {
	case o.JSON:
		return func() error { return values.writeJSON(p.Out) }, func() {}
	case !p.canRedraw(p.Out):
		return func() error { return values.writeTable(p.Out, ink) }, func() {}
	}
	s := newScreen(p.Out.(*os.File))
	var resumed atomic.Bool
	return func() error {
		if resumed.Swap(false) {
			s.drawn = nil // below what has been written meanwhile
		}
		return s.draw(func(lines int) []string { return values.fitting(lines-1, ink) })
	}, onResume(func() { resumed.Store(true) })
}
