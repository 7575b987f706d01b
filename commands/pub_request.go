package commands

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/urfave/cli/v2"

	"mqtk/mqttwire"
)

// requestOptions are the flags of pub that make it ask and print the answers.
type requestOptions struct {
	Request         bool
	Replies         int
	Gather          time.Duration
	Verbose         bool
	NoNewline, JSON bool
	Pretty          bool
	Format          *string

	topic string // where replies are asked for; empty: at a topic of our own
}

func (o *requestOptions) flags() []cli.Flag {
	return inCategory("Request and reply",
		onOff("request", "ask: wait for the reply, and print its payload", &o.Request),
		valued("replies", "wait for `N` replies (default 1, with --gather all that come)", toNumber(&o.Replies, 1, 1<<31-1)),
		valued("gather", "take the replies of `TIME`, and end then", toPositiveDuration(&o.Gather)),
		onOff("verbose v", "print the topic before each reply", &o.Verbose),
		valued("format F", "print each reply as `FORMAT` says, as in mqtk sub", toFormat(&o.Format)),
		onOff("json", "print each reply as mqtk sub --json does", &o.JSON),
		onOff("pretty", "lay JSON out on several lines: payloads that are objects or arrays, or the objects of --json", &o.Pretty),
		onOff("no-newline N", "print no line end after a reply", &o.NoNewline),
		&cli.BoolFlag{Name: "no-retained", Aliases: []string{"R"}, Usage: "accepted for mosquitto_rr's sake: what is retained is older than the request, and never its reply"})
}

// prepare checks the flags and takes the response topic out of the properties:
// where replies come is for the request to say, on 3.1.1 even without them.
func (o *requestOptions) prepare(p *program, properties *propertySet) error {
	if !o.Request {
		for _, name := range []string{"replies", "gather", "verbose", "format", "json", "pretty", "no-newline", "no-retained"} {
			if value, given := p.line.value(name); given {
				return usagef("%s goes with --request", p.line.asTyped(name, value))
			}
		}
		return nil
	}
	if o.JSON && o.Format != nil {
		return usagef("--json and --format are two ways to print: give one")
	}
	given := properties.of(mqttwire.PUBLISH)
	topic, stated := given.Text(mqttwire.ResponseTopic)
	if !stated {
		return nil
	}
	o.topic = topic
	properties.packets[mqttwire.PUBLISH] = given.AppendWithout(nil, mqttwire.ResponseTopic)
	if !slices.ContainsFunc(properties.packets[:], func(s mqttwire.Properties) bool { return len(s) > 0 }) {
		properties.source = "" // it needs no 5.0
	}
	return nil
}

// check refuses what a request has no use for.
func (o *pubOptions) checkRequest(pl *plan, messages []mqttwire.Publish) error {
	switch {
	case !o.Request:
		return nil
	case o.whole():
		return usagef("--request asks with text: the messages of --jsonl and --replay have topics and properties of their own")
	case len(messages) != 1 || messages[0].Topic == "":
		return usagef("--request asks at one topic")
	case o.topic == messages[0].Topic:
		return usagef("--response-topic %s: the request goes there, and would be its own reply", o.topic)
	}
	if o.topic == "" {
		pl.needs5 = cmp.Or(pl.needs5, "--request without --response-topic")
		if c := &pl.options.Connect; !o.Properties.has(mqttwire.CONNECT, mqttwire.RequestResponseInformation) {
			c.Properties = c.Properties.AddNumber(mqttwire.RequestResponseInformation, 1)
		}
	}
	return checkVersion(pl.options.Connect.Version, pl.needs5)
}

// An asker publishes requests, one after the other, and prints the replies.
type asker struct {
	*tally
	o       *pubOptions
	request mqttwire.Publish
	topic   string // of the replies
	own     bool   // nobody but us knows it; each of many requests has a level of its own below it
	printer *printer

	mu          sync.Mutex
	correlation []byte // of the request that is open; nil: none is
	left        int    // replies still wanted; negative: all that come
	came        int    // replies to it
	enough      chan struct{}
	replies     string // the topic of those to it
	strays      int    // what came at the topic and was no reply
	bare        int    // of them, those without correlation data
	lacking     int    // requests without their replies
	asked       int
}

// ask is the way of a pub with --request.
func (o *pubOptions) ask(ctx context.Context, p *program, pl plan, request mqttwire.Publish, s source) error {
	session := o.prepare(&pl, []mqttwire.Publish{request})
	if request.QoS == 0 && o.Retry == nil {
		pl.options.Retry.Again = 0 // a lost request would not come again
	}
	l, cancel := p.newLink(ctx, &o.connectOptions, pl)
	defer cancel()
	defer ignoreBrokenPipe()()
	defer watchReader(p.Out, func() { l.stop(errReaderGone) })()
	a := &asker{tally: &tally{link: l, oneShot: !o.many(), heard: o.RequireSubscriber, skip: o.SkipBad}, o: o, request: request}
	a.printer = (&subOptions{Verbose: o.Verbose, NoNewline: o.NoNewline, JSON: o.JSON, Format: o.Format, outletOptions: outletOptions{Pretty: o.Pretty}}).printer(p)
	l.plan.options.Hooks.OnSessionLost = a.sessionLost
	l.plan.options.Hooks.OnRetry = a.retrying
	l.plan.options.Hooks.OnMessage = a.message
	l.plan.options.Hooks.OnDrained = func() error { return a.output(a.printer.flush()) }
	if err := a.begin(session); err != nil {
		return l.outcome(err, true)
	}
	err := a.subscribe()
	if err == nil {
		err = a.askAll(s)
	}
	input := a.inputError(&err)
	if err == nil {
		err = a.end(session)
	} else {
		a.abandon(session)
	}
	_ = a.output(a.printer.close())
	if outcome := l.outcome(err, a.waiting() || s.pending()); outcome != nil || errors.Is(context.Cause(l.ctx), errReaderGone) {
		return a.late(outcome)
	}
	if err := a.verdict(input); err != nil {
		return err
	}
	return a.missing()
}

// subscribe asks for the replies. A broker that has a place for them says so.
func (a *asker) subscribe() error {
	if a.topic = a.o.topic; a.topic == "" {
		a.own, a.topic = true, "mqtk/reply/"+randomID()
		if place := a.Grants().ResponseInformation; place != "" {
			place = strings.TrimSuffix(place, "/") + "/" + randomID()
			if mqttwire.CheckTopicName(place) == nil {
				a.topic = place
			}
		}
	}
	filter := a.topic
	if a.own && a.o.many() {
		filter += "/+"
	}
	reasons, err := a.Subscribe(a.ctx, []mqttwire.Subscription{{Filter: filter, QoS: a.request.QoS, NoLocal: true, RetainHandling: 2}}, nil)
	if err != nil || len(reasons) == 0 || reasons[0] < mqttwire.UnspecifiedError {
		return err
	}
	code := exitPartly
	if reasons[0] == mqttwire.NotAuthorized || a.spoken() != mqttwire.V5 {
		code = exitDenied
	}
	f := fail(code, fmt.Errorf("subscribe %s: %s (0x%02X)", filter, reasons[0].Text(mqttwire.SUBACK), byte(reasons[0]))).withReason(reasons[0], mqttwire.SUBACK)
	f.Hints = append(f.Hints, "replies would come there; --response-topic names another topic")
	return f
}

// askAll asks for each payload, and waits for its replies before the next.
func (a *asker) askAll(s source) error {
	var it item
	for {
		ok, err := a.next(s, &it)
		if err != nil || !ok {
			return err
		}
		if err := a.askOne(it.payload); err != nil {
			return err
		}
	}
}

func (a *asker) askOne(payload []byte) error {
	m := a.request
	m.Payload = payload
	correlation, given := m.Properties.Binary(mqttwire.CorrelationData)
	if !given {
		correlation = []byte(randomID())
		m.Properties = slices.Clip(m.Properties).AddBinary(mqttwire.CorrelationData, correlation)
	}
	enough := a.open(correlation)
	m.Properties = slices.Clip(m.Properties).AddText(mqttwire.ResponseTopic, a.replies)
	a.note(len(payload))
	before := a.refusals()
	if err := a.publish(&m, a.reaction()); err != nil {
		return err
	}
	if a.refusals() > before {
		return nil
	}
	if err := a.await(enough); err != nil {
		return err
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.correlation = nil; a.left > 0 || a.came == 0 {
		a.lacking++
	}
	return nil
}

// waiting tells that a request has not had its replies.
func (a *asker) waiting() bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.correlation != nil
}

// open makes ready for the replies to a request.
func (a *asker) open(correlation []byte) (enough chan struct{}) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.correlation, a.came, a.left, a.enough = slices.Clone(correlation), 0, a.o.Replies, make(chan struct{})
	a.asked++
	if a.replies = a.topic; a.own && a.o.many() {
		a.replies += "/" + strconv.Itoa(a.asked)
	}
	if a.left == 0 {
		a.left = 1
		if a.o.Gather > 0 {
			a.left = -1
		}
	}
	return a.enough
}

// reaction takes what the broker says to a request. One that it refused gets no
// reply, so that there is nothing to wait for.
func (a *asker) reaction() func(mqttwire.ReasonCode, error) {
	answer := a.answer(a.request.Topic)
	return func(reason mqttwire.ReasonCode, err error) {
		answer(reason, err)
		if err != nil || reason == mqttwire.Success {
			return
		}
		if reason == mqttwire.NoMatchingSubscribers && !a.heard {
			a.say("nobody has subscribed to %s", a.request.Topic)
			return
		}
		a.mu.Lock()
		defer a.mu.Unlock()
		a.shut()
	}
}

// shut ends the wait; a.mu is held.
func (a *asker) shut() {
	select {
	case <-a.enough:
	default:
		close(a.enough)
	}
}

func (a *asker) refusals() int {
	a.tally.mu.Lock()
	defer a.tally.mu.Unlock()
	return a.refused
}

// oddWait is after what time a person is told what is waited for.
const oddWait = 5 * time.Second

func (a *asker) await(enough <-chan struct{}) error {
	var gathered <-chan time.Time
	if a.o.Gather > 0 {
		timer := time.NewTimer(a.o.Gather)
		defer timer.Stop()
		gathered = timer.C
	}
	odd := time.NewTimer(oddWait)
	defer odd.Stop()
	for {
		select {
		case <-enough:
			return nil
		case <-gathered:
			return nil
		case <-a.ctx.Done():
			return context.Cause(a.ctx)
		case <-a.Done():
			return a.Err()
		case <-odd.C:
			if a.o.Timeout == 0 && gathered == nil && isTerminal(a.p.Err) {
				a.say("waiting for a reply at %s; -W limits the time", a.topic)
			}
		}
	}
}

// message takes what comes at the topic of the replies.
func (a *asker) message(m *mqttwire.Publish) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	if m.Retain || !a.answers(m) {
		a.strays++
		if _, given := m.Properties.Binary(mqttwire.CorrelationData); !given && !m.Retain && !a.own && a.asked > 1 && a.spoken() == mqttwire.V5 {
			a.bare++
		}
		return nil
	}
	if a.left == 0 {
		return nil // more than were asked for
	}
	if err := a.output(a.printer.take(m, time.Now())); err != nil {
		return err
	}
	a.came++
	if a.left > 0 {
		a.left--
	}
	if a.left == 0 {
		if err := a.output(a.printer.flush()); err != nil {
			return err
		}
		a.shut()
	}
	return nil
}

// answers tells whether a message is a reply to the open request. A reply may
// lack the correlation data where it can be to no other request of ours.
func (a *asker) answers(m *mqttwire.Publish) bool {
	if a.correlation == nil || m.Topic != a.replies {
		return false
	}
	if a.spoken() != mqttwire.V5 {
		return true
	}
	correlation, given := m.Properties.Binary(mqttwire.CorrelationData)
	return given && bytes.Equal(correlation, a.correlation) || !given && (a.own || a.asked == 1)
}

// output ends the conversation where the output cannot be written.
func (a *asker) output(err error) error {
	switch {
	case err == nil:
		return nil
	case isReaderGone(err):
		err = errReaderGone
	default:
		err = fail(exitFailed, fmt.Errorf("write the output: %w", err))
	}
	a.stop(err)
	return err
}

// late says of a time that ran out what did not come in it.
func (a *asker) late(outcome error) error {
	f := new(failure)
	a.mu.Lock()
	defer a.mu.Unlock()
	if !errors.As(outcome, &f) || f.Code != exitTimeout || a.correlation == nil {
		return outcome
	}
	f.Err = fmt.Errorf("no reply before the time of -W/--timeout ran out")
	if a.came > 0 {
		f.Err = fmt.Errorf("%s, and not %d, before the time of -W/--timeout ran out", plural(a.came, "reply", "replies"), a.came+a.left)
	}
	f.Hints = append(f.Hints, a.hints()...)
	return f
}

// missing is the verdict on replies that did not come while they were gathered.
func (a *asker) missing() error {
	a.mu.Lock()
	defer a.mu.Unlock()
	switch {
	case a.lacking == 0:
		return nil
	case a.asked > 1:
		return fail(exitTimeout, fmt.Errorf("%d of %d requests lack replies", a.lacking, a.asked), a.hints()...)
	case a.came > 0:
		return fail(exitTimeout, fmt.Errorf("%s within %s, and not %d", plural(a.came, "reply", "replies"), a.o.Gather, a.came+a.left), a.hints()...)
	}
	return fail(exitTimeout, fmt.Errorf("no reply within %s", a.o.Gather), a.hints()...)
}

func (a *asker) hints() []string {
	hints := []string{fmt.Sprintf("the request went to %s, and replies were expected at %s", a.request.Topic, a.topic)}
	if other := a.strays - a.bare; other > 0 {
		hints = append(hints, plural(other, "message", "messages")+" there with other correlation data, or retained")
	}
	if a.bare > 0 {
		hints = append(hints, plural(a.bare, "message", "messages")+" there without correlation data, which may be late replies to other requests; -V 311 takes whatever comes for the reply")
	}
	return hints
}
