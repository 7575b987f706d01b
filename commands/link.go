package commands

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/signal"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"mqtk/mqttwire"
	"mqtk/mqttwire/client"
	"mqtk/mqttwire/transport"
)

// A link is a client together with what a verb needs around it: the context
// that a signal or -W ends, the trace, and what is said on stderr on the way.
type link struct {
	*client.Client
	p       *program
	plan    plan
	debug   bool
	ending  mqttwire.Properties // of our DISCONNECT
	ctx     context.Context
	stop    func(cause error)
	armed   chan struct{} // closed when signals are caught
	late    bool          // which is to be once the conversation lasts
	greeted atomic.Bool   // there was a CONNACK
	away    atomic.Bool   // the connection is being made again
	counted bool          // the verb tells itself what was not sent
	version atomic.Uint32 // of the last CONNECT
	first   firstBytes
	limit   time.Duration // up to the CONNACK
	silence *time.Timer   // of the broker before its CONNACK; nil before any attempt
	dialled atomic.Bool   // there is a connection
	peer    net.Addr      // of the last one; for after connect
	mu      sync.Mutex    // one line at a time on stderr
}

var (
	errTimeUp     = errors.New("time ran out")
	errReaderGone = errors.New("nobody reads the output")
)

// signalled is the cause of a context that a signal ended.
type signalled struct{ os.Signal }

func (s signalled) Error() string { return "got " + s.String() }

// newLink prepares the conversation; cancel frees what it holds.
func (p *program) newLink(ctx context.Context, o *connectOptions, pl plan) (l *link, cancel func()) {
	l = &link{p: p, plan: pl, debug: o.Debug, ending: o.Properties.of(mqttwire.DISCONNECT), armed: make(chan struct{}), limit: connectLimit}
	l.ctx, l.stop = context.WithCancelCause(ctx)
	var timers []*time.Timer
	if l.late = pl.brief && !o.Debug; l.late {
		timers = append(timers, time.AfterFunc(briefly, l.watchSignals))
	} else {
		go l.watchSignals()
	}
	if o.Timeout > 0 {
		l.limit = min(l.limit, o.Timeout)
		timers = append(timers, time.AfterFunc(o.Timeout, func() { l.stop(errTimeUp) }))
	}
	return l, func() {
		for _, t := range timers {
			t.Stop()
		}
		l.stop(context.Canceled)
	}
}

// watchSignals ends the conversation with the first signal; the next one ends
// the process, even one that was started with SIGINT ignored, as shells start
// what runs in the background. Arming takes three threads and several hand-overs
// to them, a tenth of what a one-shot pub takes, so it happens while the
// connection is being made, and disarming while the process ends. A brief
// conversation comes to that only if it lasts: a signal before, as one before
// main, ends the process without a word, for the shell with the same code.
func (l *link) watchSignals() {
	signals := make(chan os.Signal, 1)
	ignored := signal.Ignored(os.Interrupt)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM)
	close(l.armed)
	select {
	case s := <-signals:
		l.stop(signalled{s})
		if ignored {
			s = <-signals
			os.Exit(int(classify(signalOutcome(signalled{s}, true)).Code))
		}
		signal.Stop(signals)
	case <-l.ctx.Done():
		signal.Stop(signals)
	}
}

const (
	briefly      = 20 * time.Millisecond
	connectLimit = 30 * time.Second
	oddSilence   = 3 * time.Second // after which it is said what is waited for
)

// listening is called with each attempt. A port that says nothing, or a proxy,
// would look like mqtk hanging.
func (l *link) listening() {
	l.dialled.Store(false)
	l.silence = time.AfterFunc(oddSilence, func() {
		what := "the connection to"
		if l.dialled.Load() {
			what = "CONNACK from"
		}
		if l.ctx.Err() == nil {
			l.say("waiting for %s %s (%g s at most)", what, l.plan.options.URL, l.limit.Seconds())
		}
	})
}

// answered ends the wait, whatever the answer was.
func (l *link) answered() {
	if l.silence != nil {
		l.silence.Stop()
	}
}

// connect opens the connection and waits for the CONNACK.
func (l *link) connect() (err error) {
	o := l.plan.options
	o.ConnectTimeout = cmp.Or(o.ConnectTimeout, connectLimit)
	o.Hooks.OnConnect = func(g *client.Grants) {
		l.away.Store(false)
		l.answered()
		l.greeted.Store(true)
	}
	retry := o.Hooks.OnRetry
	if retry == nil {
		retry = l.again
	}
	o.Hooks.OnRetry = func(cause error, wait time.Duration) error {
		l.away.Store(true)
		l.answered()
		return retry(cause, wait)
	}
	o.Hooks.OnFallback = func(to mqttwire.Version) error {
		l.answered()
		if l.plan.needs5 != "" {
			return fail(exitRefused, fmt.Errorf("the broker does not speak MQTT 5.0, which %s needs", l.plan.needs5))
		}
		l.version.Store(uint32(to))
		l.say("the broker does not speak MQTT 5.0, going on with %s", to)
		return nil
	}
	if l.debug {
		o.Hooks.Trace = l.trace
	}
	l.version.Store(uint32(cmp.Or(o.Connect.Version, mqttwire.V5)))
	o.Dial = func(ctx context.Context) (net.Conn, error) {
		l.first.reset()
		l.listening()
		nc, err := transport.Dial(ctx, o.URL, o.DialOptions)
		if err != nil {
			return nil, err
		}
		if !l.late {
			<-l.armed
		}
		l.peer = nc.RemoteAddr()
		l.dialled.Store(true)
		return l.first.watch(nc), nil
	}
	if l.Client, err = client.Connect(l.ctx, o); err != nil {
		l.answered()
	}
	return err
}

// again says that and why another attempt follows.
func (l *link) again(cause error, wait time.Duration) error {
	l.say("%v; trying again in %s", cause, wait.Round(time.Millisecond))
	return nil
}

// keepsSession tells whether the broker keeps the session when the run is over.
func (l *link) keepsSession() bool { return l.Grants().SessionExpiry > 0 }

// spoken is the version of the conversation.
func (l *link) spoken() mqttwire.Version { return mqttwire.Version(l.version.Load()) }

// disconnect ends in order, within a second.
func (l *link) disconnect() error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(l.ctx), time.Second)
	defer cancel()
	return l.Client.Disconnect(ctx, &mqttwire.Disconnect{Properties: l.ending})
}

// goodbye is what remains of an error of the last DISCONNECT: what the broker
// held against us. That the connection broke when all was done is no matter.
func goodbye(err error) error {
	if errors.As(err, new(*client.DisconnectedError)) || errors.As(err, new(*client.ViolationError)) {
		return err
	}
	return nil
}

// say writes a line about the course of things to stderr.
func (l *link) say(format string, a ...any) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.p.warn(format, a...)
}

// sayOnce does so unless it was said.
func (l *link) sayOnce(said *bool, format string, a ...any) {
	if !*said {
		*said = true
		l.say(format, a...)
	}
}

// warn writes a line that is no failure to stderr.
func (p *program) warn(format string, a ...any) {
	if p.quiet {
		return
	}
	text := fmt.Sprintf(format, a...)
	if p.json {
		p.Err.Write(append(appendJSONText([]byte(`{"warning":`), text), "}\n"...))
		return
	}
	fmt.Fprintf(p.Err, "mqtk: %s\n", visible(text))
}

// outcome is the error of a conversation that ended with err: a signal, -W and
// a closed output come before what they caused. open tells whether the verb
// still had something to do.
func (l *link) outcome(err error, open bool) error {
	var s signalled
	cause := context.Cause(l.ctx)
	switch {
	case err == nil:
		return nil
	case errors.Is(cause, errReaderGone):
		return nil
	case errors.As(cause, &s):
		return signalOutcome(s, open)
	case errors.Is(cause, errTimeUp):
		if !l.greeted.Load() {
			return fail(exitUnreachable, fmt.Errorf("connect to %s: no CONNACK before the time of -W/--timeout ran out", l.plan.options.URL))
		}
		return fail(exitTimeout, errors.New("the time of -W/--timeout ran out"))
	}
	return l.explain(err)
}

func signalOutcome(s signalled, open bool) error {
	switch {
	case !open:
		return nil
	case s.Signal == os.Interrupt:
		return fail(exitInterrupted, errors.New("interrupted"))
	}
	return fail(exitTerminated, errors.New("terminated"))
}

// firstBytes remembers how the peer began to speak, to tell who it is when it
// is no MQTT broker.
type firstBytes struct {
	mu   sync.Mutex
	seen []byte
}

const firstBytesLimit = 16

func (f *firstBytes) reset() {
	f.mu.Lock()
	f.seen = nil
	f.mu.Unlock()
}

func (f *firstBytes) get() []byte {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.seen
}

func (f *firstBytes) note(b []byte) {
	f.mu.Lock()
	f.seen = append(f.seen, b[:min(len(b), firstBytesLimit-len(f.seen))]...)
	f.mu.Unlock()
}

func (f *firstBytes) watch(nc net.Conn) net.Conn { return &watchedConn{Conn: nc, first: f} }

type watchedConn struct {
	net.Conn
	first *firstBytes
	full  bool // of the reading goroutine
}

func (c *watchedConn) Read(b []byte) (int, error) {
	n, err := c.Conn.Read(b)
	if !c.full && n > 0 {
		c.first.note(b[:n])
		c.full = len(c.first.get()) == firstBytesLimit
	}
	return n, err
}

// SyscallConn is that of a plain socket; others have none.
func (c *watchedConn) SyscallConn() (syscall.RawConn, error) {
	if socket, ok := c.Conn.(syscall.Conn); ok {
		return socket.SyscallConn()
	}
	return nil, errors.ErrUnsupported
}

// CloseWrite shuts the sending side down, as the connection underneath does.
func (c *watchedConn) CloseWrite() error { return closeWrite(c.Conn) }

func closeWrite(nc net.Conn) error {
	if half, ok := nc.(interface{ CloseWrite() error }); ok {
		return half.CloseWrite()
	}
	return nil
}
