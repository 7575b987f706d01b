package commands

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"strconv"
	"sync"
	"time"

	"github.com/urfave/cli/v2"

	"mqtk/mqttwire"
	"mqtk/mqttwire/client"
)

// subOptions is what the flags of sub fill.
type subOptions struct {
	connectOptions
	Topics      []string
	QoS         []string
	Unsubscribe []string
	FilterOut   []string

	Count              uint32
	ExitAfterSubscribe bool
	RetainedOnly       bool
	NoRetained         bool

	Verbose, NoNewline, JSON, Watch bool
	Format                          *string

	NoLocal           bool
	RetainAsPublished bool
	RetainHandling    *uint8
	ReauthEvery       time.Duration
	Identifier        *string
}

// subCommand is mqtk sub.
func (p *program) subCommand() *cli.Command {
	o := &subOptions{}
	return &cli.Command{
		Name:      "sub",
		Usage:     "subscribe and print the messages that come",
		UsageText: "mqtk sub [FLAGS] FILTER...",
		ArgsUsage: "FILTER...",
		Description: `Prints the payload of each message and a line end. In a pipe or a file the bytes are those that came;
on a terminal control characters are made visible and binary payloads are shown as a hexdump. Ends
with -C, -E, --retained-only, -W, a signal, or when nobody reads the output any more; a lost
connection is made again.`,
		Flags:  o.flags(),
		Action: func(c *cli.Context) error { return o.run(c.Context, p) },
	}
}

func (o *subOptions) flags() []cli.Flag {
	flags := inCategory("Subscription",
		valued("topic t", "subscribe to `FILTER` (repeatable; operands count as more of them)", toList(&o.Topics)),
		valued("qos q", "subscribe at `QOS` 0, 1 or 2 (default 0; one for all filters, or one for each in order)", toQoS(&o.QoS)),
		valued("unsubscribe U", "unsubscribe from `FILTER`, of a session that is kept (repeatable)", toList(&o.Unsubscribe)),
		valued("filter-out T", "leave out messages whose topic matches `FILTER` (repeatable)", toList(&o.FilterOut)),
		onOff("no-local", "leave out our own messages (MQTT 5.0)", &o.NoLocal),
		onOff("retain-as-published", "keep the retain mark of live messages (MQTT 5.0)", &o.RetainAsPublished),
		valued("retain-handling", "get retained messages `WHEN`: 0 always, 1 with a new subscription, 2 never (MQTT 5.0)", toNumberGiven(&o.RetainHandling, 0, 2)),
		valued("sub-id", "let messages carry the subscription identifier `NUMBER` (MQTT 5.0)", toStringOrEmpty(&o.Identifier)),
		o.Properties.readable("user-property", "add the user property `NAME=VALUE` to the SUBSCRIBE (repeatable, MQTT 5.0)", mqttwire.SUBSCRIBE, mqttwire.UserProperty))
	flags = append(flags, inCategory("End",
		valued("count C", "end after `N` messages", toNumber(&o.Count, 1, 0xFFFFFFFF)),
		onOff("exit-after-subscribe E", "end once the broker has granted the subscriptions", &o.ExitAfterSubscribe),
		onOff("retained-only", "print retained messages, and end with the first that is not", &o.RetainedOnly),
		onOff("no-retained R", "leave retained messages out", &o.NoRetained))...)
	flags = append(flags, inCategory("Output",
		onOff("verbose v", "print the topic before the payload", &o.Verbose),
		valued("format F", "print each message as `FORMAT` says, with the letters of mosquitto_sub: see FORMAT in the man page", toFormat(&o.Format)),
		onOff("json", "print each message as a JSON object on one line", &o.JSON),
		onOff("watch w", "on a terminal, keep one line for each topic and update it in place", &o.Watch),
		onOff("no-newline N", "print no line end after a message", &o.NoNewline))...)
	flags = append(flags, o.connectOptions.flags(mqttwire.CONNECT, mqttwire.SUBSCRIBE, mqttwire.UNSUBSCRIBE, mqttwire.DISCONNECT, mqttwire.WillProperties)...)
	return append(flags, inCategory("Identity",
		valued("reauth-every", "prove anew who we are, every `TIME`; needs --auth-method", toPositiveDuration(&o.ReauthEvery)))...)
}

// A subscriber is sub at work.
type subscriber struct {
	*link
	o       *subOptions
	printer *printer
	done    chan struct{} // closed when nothing more is wanted
	once    sync.Once

	// Of the reading goroutine.
	printed uint32
}

// run subscribes and prints.
func (o *subOptions) run(ctx context.Context, p *program) error {
	p.json = o.JSON
	p.quiet = o.Quiet
	pl, err := o.plan(p)
	if err != nil {
		return err
	}
	subscriptions, err := o.subscriptions(append(o.Topics, p.line.words()...), pl.topic)
	if err != nil {
		return err
	}
	if pl.needs5 == "" {
		pl.needs5 = o.needs5()
	}
	if err := o.check(pl); err != nil {
		return err
	}
	l, cancel := p.newLink(ctx, &o.connectOptions, pl)
	defer cancel()
	brokenPipe := ignoreBrokenPipe()
	defer brokenPipe()
	defer watchReader(p.Out, func() { l.stop(errReaderGone) })()

	s := &subscriber{link: l, o: o, printer: o.printer(p), done: make(chan struct{})}
	if w := s.printer.watch; w != nil {
		defer onResize(func() { _ = w.draw() })() // the next message tells of an error
	}
	l.plan.options.Hooks.OnMessage = s.message
	l.plan.options.Hooks.OnDrained = s.flush
	l.plan.options.Hooks.OnSessionLost = func(lost client.SessionLost) {
		if !lost.Expected {
			l.say("the broker has lost the session: %s subscribed anew", plural(lost.Subscriptions, "filter", "filters"))
		}
	}
	if err := l.connect(); err != nil {
		return l.outcome(err, o.Count > 0)
	}
	defer s.reauthenticating(o.ReauthEvery)()
	refused, err := s.subscribe(subscriptions)
	if err == nil {
		err = s.wait()
	}
	if problem := goodbye(l.disconnect()); err == nil {
		err = problem
	}
	s.flush()
	if outcome := l.outcome(err, o.Count > 0); outcome != nil || context.Cause(l.ctx) != nil {
		return outcome
	}
	return refused
}

// subscriptions pairs filters with QoS and options.
func (o *subOptions) subscriptions(filters []string, filterOfURL string) ([]mqttwire.Subscription, error) {
	if len(filters) == 0 && filterOfURL != "" {
		filters = []string{filterOfURL}
	}
	if len(filters) == 0 && len(o.Unsubscribe) == 0 {
		return nil, usagef("no topic filter: give one as operand or with --topic")
	}
	levels, err := pairQoS(o.QoS, len(filters), "filter")
	if err != nil && len(filters) > 0 {
		return nil, err
	}
	subscriptions := make([]mqttwire.Subscription, len(filters))
	for i, filter := range filters {
		if err := checkFilter("filter "+strconv.Quote(filter), filter); err != nil {
			return nil, err
		}
		if _, _, shared := mqttwire.SplitShared(filter); shared && o.NoLocal {
			return nil, usagef("--no-local cannot go with the shared subscription %s", filter)
		}
		subscriptions[i] = mqttwire.Subscription{Filter: filter, QoS: levels[i], NoLocal: o.NoLocal, RetainAsPublished: o.RetainAsPublished}
		subscriptions[i].RetainAsPublished = o.RetainAsPublished || (o.JSON && !o.RetainedOnly)
		if o.RetainHandling != nil {
			subscriptions[i].RetainHandling = *o.RetainHandling
		} else if o.NoRetained && subscriptions[i].RetainAsPublished {
			subscriptions[i].RetainHandling = 2 // the retain mark does not tell them apart then
		}
	}
	return subscriptions, nil
}

// check refuses what contradicts itself.
func (o *subOptions) check(pl plan) error {
	for _, filter := range o.Unsubscribe {
		if err := checkFilter("--unsubscribe "+strconv.Quote(filter), filter); err != nil {
			return err
		}
	}
	for _, filter := range o.FilterOut {
		if err := checkFilter("--filter-out "+strconv.Quote(filter), filter); err != nil {
			return err
		}
	}
	if o.RetainedOnly && o.NoRetained {
		return usagef("--retained-only and --no-retained leave nothing to print")
	}
	if (o.JSON && (o.Format != nil || o.Watch)) || (o.Format != nil && o.Watch) {
		return usagef("--json, --format and --watch are three ways to print: give one")
	}
	if o.ReauthEvery > 0 && o.AuthMethod == "" {
		return usagef("--reauth-every needs --auth-method")
	}
	if o.Identifier != nil {
		if err := o.Properties.add("--sub-id", mqttwire.SUBSCRIBE, mqttwire.SubscriptionIdentifier, *o.Identifier); err != nil {
			return usagef("--sub-id %s: %w", *o.Identifier, err)
		}
	}
	return checkVersion(pl.options.Connect.Version, pl.needs5)
}

// needs5 names a flag of the subscription that 3.x has no words for.
func (o *subOptions) needs5() string {
	switch {
	case o.NoLocal:
		return "--no-local"
	case o.RetainAsPublished:
		return "--retain-as-published"
	case o.RetainHandling != nil:
		return "--retain-handling"
	case o.Identifier != nil:
		return "--sub-id"
	}
	return ""
}

// subscribe asks for all filters at once, then takes the unwanted ones back.
// refused is the verdict on filters that the broker refused beside others that
// it granted; when it granted none, that is err.
func (s *subscriber) subscribe(subscriptions []mqttwire.Subscription) (refused, err error) {
	if len(subscriptions) > 0 {
		reasons, err := s.Subscribe(s.ctx, subscriptions, s.o.Properties.of(mqttwire.SUBSCRIBE))
		if err != nil {
			return nil, err
		}
		refused = s.judge(subscriptions, reasons)
		if f, ok := refused.(*failure); ok && f.all {
			return nil, refused
		}
	}
	if len(s.o.Unsubscribe) > 0 {
		reasons, err := s.Unsubscribe(s.ctx, s.o.Unsubscribe, s.o.Properties.of(mqttwire.UNSUBSCRIBE))
		if err != nil {
			return nil, err
		}
		for i, reason := range reasons {
			if reason >= mqttwire.UnspecifiedError && i < len(s.o.Unsubscribe) {
				s.say("unsubscribe %s: %s (0x%02X)", s.o.Unsubscribe[i], reason.Text(mqttwire.UNSUBACK), byte(reason))
				refused = fail(exitPartly, fmt.Errorf("not every filter was unsubscribed"))
			}
		}
	}
	return refused, nil
}

// judge says what was refused or granted at a lower QoS. On 3.1.1 a refusal
// has no reason, and rights are the likely one.
func (s *subscriber) judge(subscriptions []mqttwire.Subscription, reasons []mqttwire.ReasonCode) error {
	old := s.spoken() != mqttwire.V5
	var first *failure
	refused, denied := 0, 0
	for i, reason := range reasons {
		if i >= len(subscriptions) {
			break
		}
		filter := subscriptions[i].Filter
		if reason < mqttwire.UnspecifiedError {
			if mqttwire.QoS(reason) < subscriptions[i].QoS {
				s.say("subscribe %s: granted at QoS %d, not %d", filter, reason, subscriptions[i].QoS)
			}
			continue
		}
		refused++
		if reason == mqttwire.NotAuthorized || (old && reason == mqttwire.UnspecifiedError) {
			denied++
		}
		sentence := fmt.Errorf("subscribe %s: %s (0x%02X)", filter, reason.Text(mqttwire.SUBACK), byte(reason))
		if first == nil {
			first = fail(exitPartly, sentence).withReason(reason, mqttwire.SUBACK)
		}
		if len(subscriptions) > 1 {
			s.say("%v", sentence)
		}
	}
	if first == nil {
		return nil
	}
	if len(subscriptions) > 1 {
		first.Err = fmt.Errorf("%d of %d filters refused", refused, len(subscriptions))
	}
	first.all = refused == len(subscriptions)
	if first.all && denied == refused {
		first.Code = exitDenied
	}
	return first
}

// wait waits for the end, whoever brings it.
func (s *subscriber) wait() error {
	if s.o.ExitAfterSubscribe {
		return nil
	}
	select {
	case <-s.done:
		return nil
	default:
	}
	select {
	case <-s.done:
		return nil
	case <-s.ctx.Done():
		return context.Cause(s.ctx)
	case <-s.Done():
	}
	select {
	case <-s.done: // the count was reached before the end
		return nil
	default:
		return s.Err()
	}
}

// message takes one message, on the reading goroutine.
func (s *subscriber) message(m *mqttwire.Publish) error {
	select {
	case <-s.done:
		return client.ErrStop
	default:
	}
	if s.o.RetainedOnly && !m.Retain {
		s.finish()
		return client.ErrStop
	}
	if s.leaveOut(m) {
		return nil
	}
	if err := s.printer.print(m); err != nil {
		return s.brokenOutput(err)
	}
	s.printed++
	if s.printed == s.o.Count {
		s.flush()
		s.finish()
		return client.ErrStop
	}
	return nil
}

func (s *subscriber) leaveOut(m *mqttwire.Publish) bool {
	if m.Retain && s.o.NoRetained && (!s.o.RetainAsPublished && !s.o.JSON || s.spoken() != mqttwire.V5) {
		return true
	}
	for _, filter := range s.o.FilterOut {
		if mqttwire.Match(filter, m.Topic) {
			return true
		}
	}
	return false
}

func (s *subscriber) finish() { s.once.Do(func() { close(s.done) }) }

// flush sends what is printed on its way.
func (s *subscriber) flush() {
	if err := s.printer.flush(); err != nil {
		_ = s.brokenOutput(err)
	}
}

// brokenOutput ends the conversation: quietly if the reader of our output has
// gone, as head does, with an error otherwise.
func (s *subscriber) brokenOutput(err error) error {
	if isReaderGone(err) {
		err = errReaderGone
	} else {
		err = fail(exitFailed, fmt.Errorf("write the output: %w", err))
	}
	s.stop(err)
	return err
}

// printer chooses how messages are printed.
func (o *subOptions) printer(p *program) *printer {
	out := &printer{
		w: bufio.NewWriterSize(p.Out, 64<<10), eol: !o.NoNewline, verbose: o.Verbose,
		terminal: isTerminal(p.Out), ink: p.inkFor(p.Out),
	}
	switch {
	case o.JSON:
		out.render = out.json
	case o.Format != nil:
		out.format, _ = parseFormat(*o.Format) // checked by its flag
		out.render = out.formatted
		out.complain = p.warn
	case o.Watch && out.terminal:
		out.watch = newWatch(p.Out.(*os.File))
	case o.Watch:
		out.verbose = true
		out.render = out.plain
	default:
		out.render = out.plain
	}
	return out
}
