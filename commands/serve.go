package commands

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"

	"github.com/urfave/cli/v2"

	"mqtk/broker"
	"mqtk/mqttwire/transport"
)

// serveOptions is what the flags of serve fill.
type serveOptions struct {
	Listen         []string
	Port           *uint16
	AllowAnonymous bool
	Set            []string
	ReadyFile      string
	ReadyFD        int
	LogLevel       slog.Level
	LogFormat      string
	Verbose        bool
	For            time.Duration
	Drain          time.Duration
	Driver         string
	MemoryLimit    string
	Command        []string
	dataOptions
}

// serveCommand is mqtk serve.
func (p *program) serveCommand() *cli.Command {
	o := serveOptions{Drain: 10 * time.Second, LogFormat: "text", Driver: "auto"}
	return &cli.Command{
		Name:      "serve",
		Usage:     "run a broker",
		UsageText: "mqtk serve [FLAGS]\nmqtk serve [FLAGS] -- COMMAND [ARGUMENT...]",
		Description: `Runs a broker for MQTT 5.0, 3.1.1 and 3.1. With --data DIR, what it has acknowledged survives a
restart, kill -9 and power loss; without, all is in memory and ends with the process. Without --listen it listens on port 1883 of the loopback interface, so that only
this machine reaches it. Log and hints go to stderr; stdout belongs to the command after --, which
is started once the broker is ready and finds its address in MQTT_URL and MQTK_URL. When that command
ends, serve ends with its exit code, or 128 and the number of the signal that killed it.` + serveSignals,
		Flags: o.flags(),
		Action: func(c *cli.Context) error {
			if len(p.line.Operands) > 0 {
				return usageIn(p.path, "%q: serve takes a command after -- alone", p.line.Operands[0])
			}
			if o.Command = p.line.Dashed; p.line.HasDash && len(o.Command) == 0 {
				return usageIn(p.path, "no command after --")
			}
			return o.run(c.Context, p)
		},
	}
}

const serveSignals = `

TERM and INT drain: accepting stops, MQTT 5.0 clients are told, what is pending is sent and synced. A second
signal ends at once. USR1 prints a summary of what the broker holds (there is none on Windows).`

func (o *serveOptions) flags() []cli.Flag {
	flags := inCategory("Listeners",
		valued("listen", "listen on `URL`: mqtt://HOST:PORT, tcp://HOST:PORT or unix:///PATH; port 0 takes a free one (repeatable)", toList(&o.Listen)),
		valued("port p", "listen on `PORT` of the loopback interface (default 1883)", toNumberGiven(&o.Port, 0, 65535)),
		onOff("allow-anonymous", "let clients of other machines in without credentials", &o.AllowAnonymous))
	flags = append(flags, o.dataOptions.flags()...)
	flags = append(flags, inCategory("Behaviour",
		valued("set", "set one limit as `KEY=VALUE`; LIMITS in the man page lists them (repeatable)", toList(&o.Set)),
		valued("memory-limit", "keep the process to about `SIZE` of memory (default half of what the machine or the control group has); the same as --set memory_limit=SIZE", toString(&o.MemoryLimit)),
		valued("driver", "drive connections by `KIND`: auto, eventloop (Linux, plain TCP and Unix sockets) or goroutine (default auto)", toOneOf(&o.Driver, "auto", "eventloop", "goroutine")),
		valued("for", "end after `DURATION`, with 0, also where the command after -- had to be ended", toDuration(&o.For)),
		valued("drain", "give clients `DURATION` to take what is pending at the end (default 10s)", toDuration(&o.Drain)))...)
	return append(flags, inCategory("Reporting",
		valued("ready-file", "once ready, write the listeners as a JSON line to `FILE`, which is removed at the end", toString(&o.ReadyFile)),
		valued("ready-fd", "once ready, write the same line to the open descriptor `NUMBER`", toNumber(&o.ReadyFD, 1, 1<<20)),
		valued("log-level", "log from `LEVEL` on: debug, info, warn or error (default info)", toLogLevel(&o.LogLevel)),
		valued("log-format", "write the log as `FORMAT`: text or json (default text)", toOneOf(&o.LogFormat, "text", "json")),
		onOff("verbose v", "the same as --log-level debug", &o.Verbose))...)
}

func toLogLevel(into *slog.Level) func(string) error {
	return func(s string) error {
		var name string
		if err := toOneOf(&name, "debug", "info", "warn", "error")(s); err != nil {
			return err
		}
		return into.UnmarshalText([]byte(s))
	}
}

func toOneOf(into *string, allowed ...string) func(string) error {
	return func(s string) error {
		for _, a := range allowed {
			if s == a {
				*into = s
				return nil
			}
		}
		return fmt.Errorf("must be one of %s", strings.Join(allowed, ", "))
	}
}

// A service is a running serve: the broker and everything around it.
type service struct {
	*serveOptions
	log       *slog.Logger
	logLines  *lineBuffer
	limits    broker.Limits
	store     broker.MeasuredStore // nil: nothing is kept
	broker    *broker.Broker
	listeners []net.Listener
	ready     readyFile
	notify    notifier
	command   *companion // nil without --
	signals   chan os.Signal
	summaries chan os.Signal
	served    chan error // one value for each listener that ended
	expired   bool       // the time of --for was what ended it
}

// run brings the broker up, serves until something ends it, and takes it down.
func (o *serveOptions) run(ctx context.Context, p *program) error {
	s, err := o.prepare(p)
	if err != nil {
		return err
	}
	defer s.logLines.Close(time.Second)
	s.catchSignals()
	defer signal.Stop(s.signals)
	defer signal.Stop(s.summaries)
	defer s.keepHouse(ctx)()
	if err := s.start(p); err != nil {
		s.closeAll()
		return err
	}
	err = s.wait(ctx)
	stopped := s.stop(err)
	if err == nil {
		err = stopped
	}
	return err
}

// prepare does all that can be refused before a port is opened.
func (o *serveOptions) prepare(p *program) (*service, error) {
	if o.Verbose {
		o.LogLevel = slog.LevelDebug
	}
	limits, err := o.limits(p.getenv)
	if err != nil {
		return nil, err
	}
	if err := lookUpCommand(o.Command); err != nil {
		return nil, err
	}
	lines := newLineBuffer(p.Err, lostLines(o.LogFormat))
	s := &service{serveOptions: o, limits: limits, logLines: lines, log: p.newLogger(lines, o.LogFormat, o.LogLevel)}
	if s.ready, err = o.openReady(); err == nil {
		err = s.open()
	}
	if err == nil {
		s.notify, err = openNotifier(p.getenv)
	}
	if err != nil {
		s.closeStore()
		lines.Close(time.Second)
		return nil, err
	}
	return s, nil
}

// open takes up what was kept and makes the broker; the listeners come last.
func (s *service) open() error {
	driver, err := s.driver()
	if err != nil {
		return err
	}
	o := broker.Options{Limits: s.limits, Driver: driver, Log: s.log, Version: buildVersion().Version}
	if s.store, err = s.openData(s.log); err != nil {
		return err
	}
	if s.store != nil {
		o.Store = s.store
	}
	if s.broker, err = broker.New(o); err != nil && s.store != nil {
		return s.explain(err)
	} else if err != nil {
		return err
	}
	s.listeners, err = s.listen()
	return err
}

func (s *service) catchSignals() {
	s.signals, s.summaries = make(chan os.Signal, 2), make(chan os.Signal, 1)
	signal.Notify(s.signals, os.Interrupt, syscall.SIGTERM)
	notifySummary(s.summaries)
}

// start lets clients in and says so, in this order: whoever reads "ready" may
// connect.
func (s *service) start(p *program) (err error) {
	s.greet()
	s.served = make(chan error, len(s.listeners))
	for _, l := range s.listeners {
		go func() { s.served <- s.broker.Serve(l) }()
	}
	urls := listenerURLs(s.listeners)
	if err := s.ready.announce(urls); err != nil {
		return err
	}
	if len(s.Command) > 0 {
		s.command, err = startCompanion(s.Command, clientURL(urls), p.Stdio)
	}
	if err == nil {
		s.notify.ready("serving on " + strings.Join(urls, " "))
	}
	return err
}

// greet says where the broker is, and what one might not expect.
func (s *service) greet() {
	s.log.Info("listening", "url", strings.Join(listenerURLs(s.listeners), " "))
	if len(s.Listen) == 0 && len(s.Command) == 0 {
		port := uint16(1883)
		if s.Port != nil && *s.Port != 0 {
			port = *s.Port
		}
		s.log.Info(fmt.Sprintf("only this machine can connect; for others: mqtk serve --listen mqtt://:%d --allow-anonymous", port))
	}
	s.greetData()
	s.checkLimits()
	s.log.Info("connections have a limit, which --set changes", "max_connections", s.limits.MaxConnections)
	s.greetMemory()
}

// wait returns when serving is over: nil for a wished end, and the exit code
// of the command when that was what ended.
func (s *service) wait(ctx context.Context) error {
	var over <-chan time.Time
	if s.For > 0 {
		timer := time.NewTimer(s.For)
		defer timer.Stop()
		over = timer.C
	}
	for {
		select {
		case <-s.summaries:
			s.summarize(ctx)
		case got := <-s.signals:
			s.log.Info("ending", "signal", got.String())
			return nil
		case <-over:
			s.log.Info("ending", "after", s.For.String())
			s.expired = true
			return nil
		case <-ctx.Done():
			return nil
		case <-s.command.ended():
			s.log.Info("ending, for the command has ended", "exit", s.command.code)
			return nil
		case err := <-s.served:
			return fmt.Errorf("a listener ended: %w", err)
		}
	}
}

// summarize prints what was asked for, whatever the level of the log.
func (s *service) summarize(ctx context.Context) {
	summary := strings.TrimRight(s.broker.Summary(), "\n")
	if s.LogFormat != "json" {
		s.logLines.Write([]byte(summary + "\n"))
		return
	}
	record := slog.NewRecord(time.Now(), slog.LevelInfo, "summary", 0)
	record.AddAttrs(slog.String("summary", summary))
	_ = s.log.Handler().Handle(ctx, record) // lines of the log do not fail
}

// stop drains within the time given; a signal in the meantime ends it at once.
func (s *service) stop(failed error) error {
	defer s.closeAll()
	ctx, cancel := context.WithTimeout(context.Background(), s.Drain)
	defer cancel()
	s.notify.stopping("draining")
	s.command.terminate()
	drained := make(chan error, 1)
	go func() { drained <- s.drain(ctx) }()
	select {
	case got := <-s.signals:
		s.log.Warn("ended at once by a second signal", "signal", got.String())
		return fail(signalExit(got), nil)
	case err := <-drained:
		late := errors.Is(err, context.DeadlineExceeded)
		if late && failed == nil && s.Drain > 0 {
			return fmt.Errorf("drain: not everything was sent within %v", s.Drain)
		}
		if err != nil && !late {
			return fmt.Errorf("--data %s: %w", s.Data, err)
		}
	}
	if s.command == nil {
		return nil
	}
	err := s.command.result()
	if s.expired && (s.command.code == exitTerminated || s.command.code == exitKilled) {
		return nil // of our signal
	}
	return err
}

// drain gives the command its time first: it may be a client that has yet to
// say goodbye.
func (s *service) drain(ctx context.Context) error {
	s.command.await(ctx)
	if ctx.Err() != nil && s.command != nil { // it took all of the time
		s.command.kill()
		brief, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Second)
		defer cancel()
		ctx = brief
	}
	return s.broker.Shutdown(ctx)
}

func (s *service) closeAll() {
	s.command.kill()
	for _, l := range s.listeners {
		l.Close()
	}
	s.closeStore()
	s.ready.remove()
	s.notify.close()
}

// closeStore closes what a broker that was cut short could not.
func (s *service) closeStore() {
	if s.store == nil {
		return
	}
	if err := s.store.Close(); err != nil {
		s.log.Error("the data was not closed well; the next start makes up for it", "data", s.Data, "error", err)
	}
}

func signalExit(got os.Signal) int {
	if got == os.Interrupt {
		return exitInterrupted
	}
	return exitTerminated
}

func listenerURLs(listeners []net.Listener) []string {
	urls := make([]string, len(listeners))
	for i, l := range listeners {
		urls[i] = transport.URL(l)
	}
	return urls
}
