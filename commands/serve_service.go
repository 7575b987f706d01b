package commands

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"os/signal"
	"strconv"
	"strings"
	"syscall"
	"time"

	"mqtk/broker"
	"mqtk/commands/config"
)

// A service is a running serve: the broker and everything around it.
type service struct {
	*serveOptions
	getenv    func(string) string
	level     *slog.LevelVar
	log       *slog.Logger
	logLines  *lineBuffer
	house     *house // what the configuration has become
	vault     vault
	broker    *broker.Broker
	ready     readyFile
	notify    notifier
	command   *companion // nil without --
	signals   chan os.Signal
	summaries chan os.Signal
	hangUps   *hangUps
	moving    chan struct{} // full while a reload moves house, and for good when serve ends
	served    chan error    // from a listener that ended of itself
	over      chan struct{} // closed when nobody waits for that any more
	reloaded  int           // times
	expired   bool          // the time of --for was what ended it
}

// run reads the configuration, and says what is wrong with it, or what it is, or
// serves.
func (o *serveOptions) run(ctx context.Context, p *program) error {
	if err := lookUpCommand(o.Command); err != nil {
		return err
	}
	hangs := &hangUps{}
	if !o.Check && !o.PrintConfig {
		hangs = catchHangUps(p.In, p.Err) // one that comes while serve starts is a reload after it
		defer hangs.stop()
	}
	var err error
	if o.sockets, err = inheritSockets(p.getenv); err != nil {
		return err
	}
	defer o.sockets.close()
	c, problems := o.configure(p.getenv)
	if len(problems) > 0 {
		return p.refuse(problems)
	}
	if o.PrintConfig {
		c.Print(p.Out)
	}
	if o.Check {
		for _, w := range c.Warnings(time.Now()) {
			first, rest, _ := strings.Cut(plainly(w)+"\n", "\n")
			fmt.Fprintf(p.Err, "%s: warning: %s\n%s", commandName(p.path), visible(first), rest)
		}
		fmt.Fprintf(p.Err, "%s: the configuration is good\n", commandName(p.path))
	}
	if o.Check || o.PrintConfig {
		return nil
	}
	return o.serve(ctx, p, c, hangs)
}

// serve brings the broker up, serves until something ends it, and takes it down.
func (o *serveOptions) serve(ctx context.Context, p *program, c *config.Config, hangs *hangUps) error {
	s, err := o.prepare(ctx, p, c)
	if err != nil {
		return err
	}
	defer s.logLines.Close(time.Second)
	s.hangUps = hangs
	s.catchSignals()
	defer signal.Stop(s.signals)
	defer signal.Stop(s.summaries)
	defer s.keepHouse(ctx)()
	defer close(s.over)
	if err := s.start(ctx, p); err != nil {
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

// prepare does all that can be refused before clients are let in.
func (o *serveOptions) prepare(ctx context.Context, p *program, c *config.Config) (*service, error) {
	lines, level := newLineBuffer(p.Err, lostLines(c.LogFormat)), new(slog.LevelVar)
	setLevel(level, c)
	s := &service{serveOptions: o, getenv: p.getenv, logLines: lines, level: level, log: p.newLogger(lines, c.LogFormat, level),
		served: make(chan error), over: make(chan struct{}), moving: make(chan struct{}, 1)}
	var err error
	if s.ready, err = o.openReady(); err == nil {
		err = s.open(ctx, c)
	}
	if err == nil {
		s.notify, err = openNotifier(p.getenv)
	}
	if err != nil {
		s.closeAll()
		lines.Close(time.Second)
		return nil, err
	}
	return s, nil
}

// setLevel takes the level that the configuration says; it has been checked.
func setLevel(level *slog.LevelVar, c *config.Config) {
	_ = level.UnmarshalText([]byte(c.LogLevel))
}

// open takes up what was kept and makes the broker; the doors come last.
func (s *service) open(ctx context.Context, c *config.Config) error {
	h, err := newHouse(ctx, c, nil, s.log)
	if err != nil {
		return err
	}
	s.house = h
	driver, err := s.driver(c.Driver)
	if err != nil {
		return err
	}
	o := broker.Options{Limits: c.Limits, Driver: driver, Authorizer: h.locks.authorizer(), Log: s.log, Version: buildVersion().Version}
	if s.vault, err = openVault(c, s.log); err != nil {
		return err
	}
	if s.vault.store != nil {
		o.Store = s.vault.store
	}
	if s.broker, err = broker.New(o); err != nil && s.vault.store != nil {
		return explainData(c, err)
	} else if err != nil {
		return err
	}
	if err := h.open(nil, s.sockets); err != nil {
		return err
	}
	return s.sockets.unclaimed()
}

func (s *service) catchSignals() {
	s.signals, s.summaries = make(chan os.Signal, 2), make(chan os.Signal, 1)
	signal.Notify(s.signals, os.Interrupt, syscall.SIGTERM)
	notifySummary(s.summaries)
}

// start lets clients in and says so, in this order: whoever reads "ready" may
// connect.
func (s *service) start(ctx context.Context, p *program) (err error) {
	s.greet()
	if err := s.move(ctx, s.house); err != nil {
		return err
	}
	urls := s.house.urls()
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
	c := s.house.config
	for _, d := range s.house.doors {
		d.greet(s.log)
	}
	if source := c.Listeners[0].Source("url"); len(c.Listeners) == 1 && (source == config.Default || source == "--port") && len(s.Command) == 0 {
		port := "1883"
		if s.Port != nil {
			port = strconv.Itoa(int(*s.Port))
		}
		s.log.Info("only this machine can connect; for others: mqtk serve --listen mqtt://:" + port +
			" --passwords FILE, which mqtk serve passwd writes, or --allow-anonymous for everybody")
	}
	s.house.locks.greet()
	s.warn(c)
	s.greetData()
	s.checkLimits()
	s.log.Info("connections have a limit, which --set changes", "max_connections", c.Limits.MaxConnections)
	s.greetMemory()
}

// warn says what of the configuration is good, and not for long.
func (s *service) warn(c *config.Config) {
	for _, w := range c.Warnings(time.Now()) {
		s.log.Warn(w.Text, "key", w.Key)
	}
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
	ctx, cancel := context.WithCancel(ctx)
	defer cancel() // nobody waits for a reload then
	var reloaded <-chan struct{}
	for {
		summaries, hangUps := s.summaries, s.hangUps.came
		if reloaded != nil {
			summaries, hangUps = nil, nil // they keep
		}
		select {
		case <-summaries:
			s.summarize(ctx)
		case <-hangUps:
			if s.hangUps.orphaned() {
				s.log.Info("ending, for the terminal is gone")
				return nil
			}
			reloaded = s.startReload(ctx)
		case <-reloaded:
			reloaded = nil
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
	summary := s.house.summary() + strings.TrimRight(s.broker.Summary(), "\n")
	if s.house.config.LogFormat != "json" {
		s.logLines.Write([]byte(summary + "\n"))
		return
	}
	record := slog.NewRecord(time.Now(), slog.LevelInfo, "summary", 0)
	record.AddAttrs(slog.String("summary", summary))
	_ = s.log.Handler().Handle(ctx, record) // lines of the log do not fail
}

// stop drains within the time given; a signal in the meantime ends it at once.
func (s *service) stop(failed error) error {
	select {
	case s.moving <- struct{}{}:
	case got := <-s.signals:
		s.command.kill()
		return fail(signalExit(got), nil)
	}
	defer s.closeAll()
	ctx, cancel := context.WithTimeout(context.Background(), s.house.config.Drain)
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
		if late && failed == nil && s.house.config.Drain > 0 {
			return fmt.Errorf("drain: not everything was sent within %v", s.house.config.Drain)
		}
		if err != nil && !late {
			return fmt.Errorf("%s: %w", told(s.house.config, "data", s.house.config.Data), err)
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
	if s.house != nil {
		s.house.close(nil)
	}
	s.closeStore()
	s.ready.remove()
	s.notify.close()
}

// closeStore closes what a broker that was cut short could not.
func (s *service) closeStore() {
	if s.vault.store == nil {
		return
	}
	if err := s.vault.store.Close(); err != nil {
		s.log.Error("the data was not closed well; the next start makes up for it", "data", s.house.config.Data, "error", err)
	}
}

func signalExit(got os.Signal) int {
	if got == os.Interrupt {
		return exitInterrupted
	}
	return exitTerminated
}
