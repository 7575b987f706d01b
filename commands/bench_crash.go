package commands

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"os/signal"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/urfave/cli/v2"

	"mqtk/bench/crash"
	"mqtk/mqttwire"
	"mqtk/mqttwire/transport"
)

// crashOptions is what the flags of bench crash fill.
type crashOptions struct {
	connectOptions
	load     crash.Test
	Clients  *int
	Seed     *int
	JSON     bool
	KeepData bool
	Log      string
	Command  []string
}

// benchCrashCommand is mqtk bench crash.
func (p *program) benchCrashCommand() *cli.Command {
	o := &crashOptions{load: crash.Defaults()}
	return &cli.Command{
		Name:      "crash",
		Usage:     "kill a broker under load and see what it has lost",
		UsageText: "mqtk bench crash [FLAGS] -- BROKER [ARGUMENT...]",
		ArgsUsage: "-- BROKER [ARGUMENT...]",
		Description: `Starts the broker that the command after -- runs, loads it, kills it with SIGKILL at a random moment,
starts it again on the same data, lets its clients resume, and so on. At the end it tells what of all
that the broker had acknowledged is gone, and ends 10 if anything is.

In the words of the command, {port} becomes a free port and {data} a new empty directory, which is
removed at the end. Without {port}, -h, -p or -L say where the broker listens. The broker is ready
when a CONNECT succeeds. It is started without a shell, and whatever it starts is killed with it,
unless that leaves the process group. Nothing else may listen at its address.

Without {data}, point the broker at a directory for tests, never at data that anyone needs: they are
under load while it is killed, and keep the sessions and the retained messages under mqtk-crash/ of a
test that did not come to its end. One that did removes them.`,
		Flags: o.flags(),
		Action: func(c *cli.Context) error {
			p.quiet, p.json = o.Quiet, o.JSON
			if o.Command = p.line.Dashed; len(o.Command) == 0 {
				return usageIn(p.path, "no broker: give the command that runs it after --")
			}
			return o.run(c.Context, p)
		},
	}
}

func (o *crashOptions) flags() []cli.Flag {
	flags := inCategory("Test",
		valued("kills", "kill the broker `N` times (default 10)", toNumber(&o.load.Kills, 1, 1_000_000)),
		valued("load-time", "load it for `TIME` before each kill, half as long or half as long again (default 1)", toPositiveDuration(&o.load.LoadTime)),
		valued("patience", "give it `TIME` to start and to answer (default 10)", toPositiveDuration(&o.load.Patience)),
		valued("seed", "kill at the moments that `NUMBER` stands for (default: others each time)", toNumberGiven(&o.Seed, 0, 1<<62)))
	flags = append(flags, inCategory("Load",
		valued("c", "the same as --pubs `N` --subs N", toNumberGiven(&o.Clients, 1, 1000)),
		valued("pubs", "have `N` publishers of QoS 1 and 2 (default 4)", toNumber(&o.load.Publishers, 1, 1000)),
		valued("subs", "have `N` subscribers, every other one away at times (default 4)", toNumber(&o.load.Subscribers, 1, 1000)),
		valued("share", "have a shared subscription of `N` members, on MQTT 5.0 (default 2)", toNumber(&o.load.Share, 0, 1000)),
		valued("retained", "have `N` topics with a retained message (default 200)", toNumber(&o.load.Keys, 0, 100_000)),
		valued("wills", "have `N` clients with a will (default 2)", toNumber(&o.load.Wills, 0, 1000)),
		valued("sessions", "make `N` new sessions with subscriptions a second (default 10)", toNumber(&o.load.Sessions, 0, 1000)),
		valued("rate", "publish `N` messages a second in all (default 500)", toNumber(&o.load.Rate, 1, 1_000_000)),
		valued("size s", "publish payloads of `BYTES` (default 64)", toNumber(&o.load.Size, 0, 1<<20)),
		valued("window M max-inflight", "have at most `N` messages of a publisher unacknowledged (default 20)", toNumber(&o.load.Window, 1, 1000)))...)
	flags = append(flags, inCategory("Connection",
		valued("host h", "connect to `HOST` (default localhost; with {port} 127.0.0.1)", toHost(&o.Host)),
		valued("port p", "connect to `PORT`, which {port} becomes, too (default 1883; with {port} a free one)", toNumberGiven(&o.Port, 1, 65535)),
		valued("url L", "connect to `URL`: mqtt://[USER[:PASSWORD]@]HOST[:PORT] or unix:///PATH", toString(&o.URL)),
		valued("username u", "log in as `NAME`", toStringOrEmpty(&o.Username)),
		valued("password P pw", "log in with `PASSWORD`, which ps shows to everyone on this machine", toStringOrEmpty(&o.Password)),
		valued("password-from", "take the password from `SOURCE`: env:NAME, file:PATH, fd:N, cmd:COMMAND or prompt", toString(&o.PasswordFrom)),
		valued("id-prefix I", "begin client ids with `PREFIX` (default mqtk-)", toString(&o.IDPrefix)),
		valued("protocol-version V", "speak MQTT `VERSION`: 5, 311 or both, by turns (default both)", toCrashVersions(&o.load.Versions)))...)
	return append(flags, inCategory("Reporting",
		onOff("json", "print the report as a JSON object", &o.JSON),
		valued("broker-log", "append what the broker prints to `FILE`", toString(&o.Log)),
		onOff("keep-data", "keep the directory of {data} when something was found, and say where it is", &o.KeepData),
		onOff("quiet", "print no warning and no error", &o.Quiet))...)
}

func toCrashVersions(into *[]mqttwire.Version) func(string) error {
	return func(s string) error {
		if s == "both" {
			*into = crash.Defaults().Versions
			return nil
		}
		var v mqttwire.Version
		if err := toVersion(&v)(s); err != nil || v == 0 || v == mqttwire.V31 {
			return fmt.Errorf("must be 5, 311 or both")
		}
		*into = []mqttwire.Version{v}
		return nil
	}
}

// run tests the broker and prints the report.
func (o *crashOptions) run(ctx context.Context, p *program) error {
	if err := lookUpCommand(o.Command); err != nil {
		return err
	}
	process, err := o.process()
	if err != nil {
		return err
	}
	l := &link{p: p}
	if l.plan, err = o.place(p, process); err != nil {
		return err
	}
	defer l.catchSignals(ctx)() // after everything is removed: a second one leaves nothing behind either
	if err := process.prepare(); err != nil {
		return err
	}
	report, err := o.test(p, l)
	failed := err != nil || !report.OK()
	kept, forgotten := process.cleanUp(o.KeepData && failed)
	if kept != "" {
		p.warn("the data of the broker are in %s", kept)
	}
	if err != nil {
		return o.explain(l, process, err)
	}
	if err := o.print(p, process, report); err != nil {
		return err
	}
	return forgotten
}

// place says where the broker listens, and fills in what is known then. With
// {port} that is for us to say, so that the environment does not count.
func (o *crashOptions) place(p *program, process *brokerProcess) (plan, error) {
	if process.chosenPort != 0 {
		if o.URL != "" {
			return plan{}, usagef("--url and {port} both say where the broker listens: give one")
		}
		p = p.withoutPlace()
		o.Port = new(uint16)
		*o.Port = process.chosenPort
		if o.Host == "" {
			o.Host = "127.0.0.1"
		}
	}
	prefix := o.IDPrefix
	if prefix == "" {
		prefix = "mqtk-"
	}
	pl, err := o.plan(p)
	if err != nil {
		return plan{}, err
	}
	if pl.topic != "" {
		return plan{}, usagef("--url: a topic has no meaning here")
	}
	connect := pl.options.Connect
	if connect.HasUsername {
		o.load.Username = &connect.Username
	}
	o.load.Password, o.load.Prefix = connect.Password, prefix
	return pl, nil
}

// process makes the broker of the command, and the numbers that depend on it.
func (o *crashOptions) process() (*brokerProcess, error) {
	if o.Clients != nil {
		o.load.Publishers, o.load.Subscribers = *o.Clients, *o.Clients
	}
	o.load.Seed = rand.Uint64N(1 << 32)
	if o.Seed != nil {
		o.load.Seed = uint64(*o.Seed)
	}
	process := newBrokerProcess("crash", o.Command, o.Log)
	o.load.Broker, o.load.Cleanup = process, !process.usesData()
	if !process.usesPort() {
		return process, nil
	}
	if o.Port != nil {
		process.chosenPort = *o.Port
		return process, nil
	}
	var err error
	process.chosenPort, err = freePort()
	return process, err
}

// freePort finds a port that nobody listens on, below those that systems give to
// connections: one of these may be another's before the broker is there, or while
// it is away.
func freePort() (uint16, error) {
	for tries := 0; ; tries++ {
		port := 10_000 + rand.IntN(20_000)
		if tries == 100 {
			port = 0 // any
		}
		l, err := net.Listen("tcp", net.JoinHostPort("127.0.0.1", strconv.Itoa(port)))
		if err == nil {
			defer l.Close()
			return uint16(l.Addr().(*net.TCPAddr).Port), nil
		}
		if port == 0 {
			return 0, fmt.Errorf("find a free port: %w", err)
		}
	}
}

// catchSignals has the first signal end the test, and further ones do nothing.
func (l *link) catchSignals(ctx context.Context) (release func()) {
	l.ctx, l.stop = context.WithCancelCause(ctx)
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM)
	if !signal.Ignored(syscall.SIGHUP) { // as nohup has it
		signal.Notify(signals, syscall.SIGHUP)
	}
	go func() {
		select {
		case s := <-signals:
			l.stop(signalled{s})
		case <-l.ctx.Done():
		}
	}()
	return func() {
		signal.Stop(signals)
		l.stop(nil)
	}
}

// test runs the test until its end or a signal.
func (o *crashOptions) test(p *program, l *link) (*crash.Report, error) {
	o.load.Dial = func(ctx context.Context) (net.Conn, error) {
		return transport.Dial(ctx, l.plan.options.URL, transport.DialOptions{})
	}
	if p.canRedraw(p.Err) && !p.quiet && !p.json {
		o.load.Progress = func(kills int) { fmt.Fprintf(p.Err, "\rkill %d of %d", kills, o.load.Kills) }
		defer fmt.Fprint(p.Err, "\r\x1b[K")
	}
	return o.load.Run(l.ctx)
}

// explain is the failure of a test that did not take place.
func (o *crashOptions) explain(l *link, process *brokerProcess, err error) error {
	var s signalled
	if errors.As(context.Cause(l.ctx), &s) {
		return signalOutcome(s, true)
	}
	f := l.explain(err)
	var (
		start *crash.StartError
		other *crash.OtherError
	)
	switch {
	case errors.As(err, &other):
		f = fail(exitUnreachable, fmt.Errorf("%s: %w", l.plan.options.URL, err))
		if !other.Before {
			f.Hints = append([]string{"give the broker itself after --, in the foreground and at this address"}, process.lastWords()...)
		}
	case errors.As(err, &start):
		f = fail(exitUnreachable, fmt.Errorf("%s: %w", strings.Join(process.words(), " "), err))
		f.Hints = append(process.lastWords(), "the broker was expected at "+l.plan.options.URL)
	}
	return f
}

// print writes the report; a broker that lost anything ends 10.
func (o *crashOptions) print(p *program, process *brokerProcess, report *crash.Report) error {
	var err error
	if o.JSON {
		err = writeJSON(p.Out, report)
	} else {
		_, err = report.WriteTo(p.Out)
	}
	if err != nil && !isReaderGone(err) {
		return fmt.Errorf("write the output: %w", err)
	}
	if report.OK() {
		return nil
	}
	f := fail(exitUnexpected, fmt.Errorf("%s in %s", plural(report.Findings.Total(), "finding", "findings"), plural(report.Kills, "kill", "kills")))
	if report.Incomplete {
		f.Hints = process.lastWords()
	}
	return f
}

// replacePlaces fills {port} and {data} into the words of a command.
func replacePlaces(words []string, port uint16, data string) []string {
	r := strings.NewReplacer("{port}", fmt.Sprint(port), "{data}", data)
	filled := make([]string, len(words))
	for i, w := range words {
		filled[i] = r.Replace(w)
	}
	return filled
}

// dieLimit is how long a killed broker may take to be gone.
const dieLimit = 10 * time.Second
