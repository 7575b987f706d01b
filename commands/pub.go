package commands

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"sync"
	"time"

	"github.com/urfave/cli/v2"

	"mqtk/mqttwire"
	"mqtk/mqttwire/client"
)

// pubOptions is what the flags of pub fill.
type pubOptions struct {
	connectOptions
	Topics   []string
	QoS      []string
	Message  *string
	File     string
	Null     bool
	Stdin    bool
	Lines    bool
	Retain   bool
	Inflight int
	Repeated bool // one of the sources was given twice
}

// pubCommand is mqtk pub.
func (p *program) pubCommand() *cli.Command {
	o := &pubOptions{}
	flags := inCategory("Message",
		valued("topic t", "publish to `TOPIC` (repeatable: one payload to each)", toList(&o.Topics)),
		valued("message m", "publish `TEXT`", toStringOrEmpty(&o.Message)),
		valued("file f", "publish the content of `FILE`", toString(&o.File)),
		onOff("null-message n", "publish an empty message, which clears a retained one", &o.Null),
		onOff("stdin-file s", "publish all of stdin as one message", &o.Stdin),
		onOff("stdin-line l", "publish each line of stdin", &o.Lines),
		valued("qos q", "publish at `QOS` 0, 1 or 2 (default 0; one for all topics, or one for each in order)", toQoS(&o.QoS)),
		onOff("retain r", "let the broker retain the message", &o.Retain),
		valued("max-inflight M", "have at most `N` messages unacknowledged (default 256)", toNumber(&o.Inflight, 1, 65535)))
	flags = append(flags, inCategory("Message properties (MQTT 5.0)", append(
		o.Properties.messageFlags("", mqttwire.PUBLISH),
		o.Properties.readable("topic-alias", "send the topic with the alias `NUMBER`", mqttwire.PUBLISH, mqttwire.TopicAlias))...)...)
	flags = append(flags, o.connectOptions.flags(mqttwire.CONNECT, mqttwire.PUBLISH, mqttwire.DISCONNECT, mqttwire.WillProperties)...)
	return &cli.Command{
		Name:      "pub",
		Usage:     "publish messages",
		UsageText: "mqtk pub [FLAGS] TOPIC MESSAGE\nmqtk pub [FLAGS] {-m TEXT | -f FILE | -n | -s | -l} TOPIC",
		ArgsUsage: "TOPIC [MESSAGE]",
		Description: `Publishes and ends when every message has reached its QoS promise: sent at QoS 0, acknowledged by
the broker at 1 and 2. With --stdin-line a lost connection is made again, and at QoS 1 and 2 what was
not acknowledged is sent anew. The source of the message must be given: stdin is read with -s and -l
alone.`,
		Flags: flags,
		Action: func(c *cli.Context) error {
			return o.run(c.Context, p)
		},
	}
}

// run publishes.
func (o *pubOptions) run(ctx context.Context, p *program) error {
	p.quiet = o.Quiet
	pl, err := o.plan(p)
	if err != nil {
		return err
	}
	o.Repeated = p.line.repeated("message", "file", "null-message", "stdin-file", "stdin-line")
	messages, err := o.messages(p.line.words(), pl.topic)
	if err != nil {
		return err
	}
	source, err := o.open(p)
	if err != nil {
		return err
	}
	session := o.prepare(&pl, messages)
	l, cancel := p.newLink(ctx, &o.connectOptions, pl)
	defer cancel()
	t := &tally{link: l, oneShot: !o.Lines}
	l.plan.options.Hooks.OnSessionLost = t.sessionLost
	l.plan.options.Hooks.OnRetry = t.retrying
	if err := l.connect(); err != nil {
		return l.outcome(err, !o.Lines || source.pending())
	}
	err = t.publishAll(messages, source)
	if err == nil {
		err = l.Wait(l.ctx)
	}
	if err == nil {
		err = t.confirm(messages)
	}
	if err == nil {
		err = t.end(session)
	} else {
		_ = l.disconnect()
	}
	if outcome := l.outcome(err, !o.Lines || l.Unsent() > 0 || source.pending()); outcome != nil {
		return outcome
	}
	return t.verdict()
}

// messages pairs topics with QoS and sorts the operands. The payload comes
// later, from the source.
func (o *pubOptions) messages(words []string, topicOfURL string) ([]mqttwire.Publish, error) {
	topics := o.Topics
	if len(topics) == 0 && topicOfURL != "" {
		topics = []string{topicOfURL}
	}
	if len(topics) == 0 {
		if len(words) == 0 {
			return nil, usagef("no topic: give one as operand or with --topic")
		}
		topics, words = words[:1], words[1:]
	}
	if len(words) > 1 || (len(words) == 1 && o.sources() > 0) {
		return nil, usagef("%q is one operand too many: there is a topic and a message already", words[len(words)-1])
	}
	if len(words) == 1 {
		o.Message = &words[0]
	}
	switch n := o.sources(); {
	case n == 0:
		return nil, usagef("no message: give it as operand, or with -m, -f, -n, -s or -l")
	case n > 1, o.Repeated:
		return nil, usagef("more than one message: give one of -m, -f, -n, -s and -l")
	}
	levels, err := pairQoS(o.QoS, len(topics), "topic")
	if err != nil {
		return nil, err
	}
	messages := make([]mqttwire.Publish, len(topics))
	for i, topic := range topics {
		if err := checkTopic("topic "+strconv.Quote(topic), topic); err != nil {
			return nil, err
		}
		messages[i] = mqttwire.Publish{Topic: topic, QoS: levels[i], Retain: o.Retain, Properties: o.Properties.of(mqttwire.PUBLISH)}
	}
	return messages, nil
}

// sources counts where the message is said to come from.
func (o *pubOptions) sources() int {
	n := 0
	for _, given := range []bool{o.Message != nil, o.File != "", o.Null, o.Stdin, o.Lines} {
		if given {
			n++
		}
	}
	return n
}

// prepare chooses the manners of the session, and tells whether it is ours to
// end. Lines at QoS 1 and 2 have a session of their own, so that a broker that
// keeps sessions gets no line twice over a loss. One message is sent anew over
// a loss, a few times; at QoS 0 never.
func (o *pubOptions) prepare(pl *plan, messages []mqttwire.Publish) (ours bool) {
	qos := mqttwire.QoS(0)
	for _, m := range messages {
		qos = max(qos, m.QoS)
	}
	pl.options.MaxInflight = o.Inflight
	connect := &pl.options.Connect
	switch {
	case !o.Lines && qos == 0:
		pl.options.Retry.Again = 0
	case !o.Lines && o.Retry == nil:
		pl.options.Retry.Again = oneShotRetries
	case o.Lines && qos > 0 && !o.NoClean && o.SessionExpiry == nil && !o.Properties.has(mqttwire.CONNECT, mqttwire.SessionExpiryInterval):
		connect.CleanStart = false
		connect.Properties = connect.Properties.AddNumber(mqttwire.SessionExpiryInterval, uint32(time.Hour/time.Second))
		return true
	}
	return false
}

// oneShotRetries bounds how long one message is kept alive without a broker:
// 1 + 2 + 4 + 8 + 16 seconds.
const oneShotRetries = 5

// A tally publishes and counts what the broker says to it.
type tally struct {
	*link
	mu      sync.Mutex
	refused int
	denied  int // of the refused: for rights
	taken   int
	doubt   int // QoS 2 messages that the loss of a session left in doubt
	oneShot bool
	unsaid  bool // the broker says nothing to the last message: it is at QoS 0
	losses  int  // of the connection, right behind one message
	longest int  // payload
}

// publishAll publishes what the source gives, to every topic.
func (t *tally) publishAll(messages []mqttwire.Publish, s source) error {
	answers := make([]func(mqttwire.ReasonCode, error), len(messages))
	for i := range messages {
		answers[i] = t.answer(messages[i].Topic)
	}
	for {
		if s.waits() {
			if err := t.Flush(t.ctx); err != nil {
				return err
			}
		}
		payload, ok, err := s.next(t.ctx, t.Done())
		if err != nil || !ok {
			return err
		}
		t.mu.Lock()
		t.longest = max(t.longest, len(payload))
		t.mu.Unlock()
		for i := range messages {
			messages[i].Payload = payload
			if err := t.publish(&messages[i], answers[i]); err != nil {
				return err
			}
		}
	}
}

// publish hands one message over. What the broker's grants forbid counts as
// refused by it.
func (t *tally) publish(m *mqttwire.Publish, answer func(mqttwire.ReasonCode, error)) error {
	err := t.Publish(t.ctx, m, answer)
	var limit *client.LimitError
	if errors.As(err, &limit) {
		t.refuse(limit.Reason, err.Error())
		return nil
	}
	return err
}

// answer returns what takes the broker's answers for one topic.
func (t *tally) answer(topic string) func(mqttwire.ReasonCode, error) {
	return func(reason mqttwire.ReasonCode, err error) {
		switch {
		case err != nil: // the end of the client is told by others
		case reason >= mqttwire.UnspecifiedError:
			t.refuse(reason, fmt.Sprintf("publish %s: %s (0x%02X)", topic, reason.Text(mqttwire.PUBACK), byte(reason)))
		default:
			t.mu.Lock()
			t.taken++
			t.mu.Unlock()
		}
	}
}

const refusalsShown = 10

func (t *tally) refuse(reason mqttwire.ReasonCode, sentence string) {
	t.mu.Lock()
	t.refused++
	if reason == mqttwire.NotAuthorized {
		t.denied++
	}
	shown := t.refused <= refusalsShown
	t.mu.Unlock()
	if shown {
		t.say("%s", sentence)
	}
}

// sessionLost says what a broker that forgot the session may have done to the
// messages in flight.
func (t *tally) sessionLost(lost client.SessionLost) {
	t.mu.Lock()
	t.doubt += lost.QoS2 + lost.InDoubt
	t.mu.Unlock()
	switch {
	case lost.Republished+lost.InDoubt == 0:
	case lost.Expected:
		t.say("%s sent anew, in a new session", plural(lost.Republished, "message", "messages"))
	default:
		t.say("the broker has lost the session: %s sent anew", plural(lost.Republished, "message", "messages"))
	}
}

// doubtfulSize is a payload that a broker may find too long. On 5.0 it says
// beforehand what it takes; on 3.x all it can do is close the connection.
const doubtfulSize = 16 << 10

// confirm makes sure, where that is in doubt, that the broker has taken a
// message to which it has no answer: it answers a PINGREQ behind it.
func (t *tally) confirm(messages []mqttwire.Publish) error {
	answered := false
	for _, m := range messages {
		t.unsaid = t.unsaid || t.oneShot && m.QoS == 0
		answered = answered || m.QoS > 0
	}
	if !t.unsaid || t.spoken() == mqttwire.V5 || t.longest < doubtfulSize {
		return nil
	}
	err := t.Ping(t.ctx)
	if errors.As(err, new(*client.LostError)) && !answered {
		<-t.Done() // the connection is not made again
		err = t.Err()
	}
	return err
}

// retrying tells why the next attempt follows, and ends attempts to send a long
// message to a broker that closes the connection right behind it each time.
func (t *tally) retrying(cause error, wait time.Duration) {
	var lost *client.LostError
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.oneShot && t.spoken() != mqttwire.V5 && t.longest >= doubtfulSize && errors.As(cause, &lost) && !lost.Handshake {
		t.losses++
	}
	size := fmt.Sprintf("the broker closes the connection each time right behind the message: its size, %d bytes, may be the reason", t.longest)
	if t.losses == lossesForSize {
		t.stop(fail(exitLost, cause, size, "1 message without an answer from the broker"))
		return
	}
	t.again(cause, wait)
	if t.losses == lossesForSize-1 {
		t.say("%s", size)
	}
}

// lossesForSize of a connection in a row, each behind the same long message, are
// no accident.
const lossesForSize = 3

// end says good-bye, and ends the session on the broker where it is ours. What
// the broker did not read has not reached it, which an answer would else tell.
func (t *tally) end(ours bool) error {
	if !ours {
		err := t.disconnect()
		if t.unsaid && errors.As(err, new(*client.LostError)) {
			return err
		}
		return goodbye(err)
	}
	ctx, cancel := context.WithTimeout(t.ctx, 5*time.Second)
	defer cancel()
	err := t.EndSession(ctx)
	if goodbye(err) == nil && err != nil {
		t.say("the session on the broker was not ended, it expires in an hour: %v", err)
	}
	return goodbye(err)
}

// verdict is the error of a run in which everything was answered.
func (t *tally) verdict() error {
	t.mu.Lock()
	defer t.mu.Unlock()
	switch {
	case t.refused > 0 && t.refused == t.denied && t.taken == 0:
		return fail(exitDenied, fmt.Errorf("not authorized to publish"))
	case t.refused > 0:
		return fail(exitPartly, fmt.Errorf("%s refused of %d", plural(t.refused, "message", "messages"), t.refused+t.taken))
	case t.doubt > 0:
		return fail(exitPartly, fmt.Errorf("%s may have come twice or not at all: the session was lost", plural(t.doubt, "QoS 2 message", "QoS 2 messages")))
	}
	return nil
}

// toQoS collects levels as text, checked; pairQoS makes numbers of them.
func toQoS(into *[]string) func(string) error {
	return func(s string) error {
		if s != "0" && s != "1" && s != "2" {
			return fmt.Errorf("must be 0, 1 or 2")
		}
		*into = append(*into, s)
		return nil
	}
}

// pairQoS gives each of n topics its level: none is 0, one is for all, and
// otherwise there must be as many.
func pairQoS(given []string, n int, noun string) ([]mqttwire.QoS, error) {
	if len(given) > 1 && len(given) != n {
		return nil, usagef("%d times --qos for %s: give one for all or one for each", len(given), plural(n, noun, noun+"s"))
	}
	levels := make([]mqttwire.QoS, n)
	for i := range levels {
		switch {
		case len(given) == 1:
			levels[i] = mqttwire.QoS(given[0][0] - '0')
		case len(given) > 1:
			levels[i] = mqttwire.QoS(given[i][0] - '0')
		}
	}
	return levels, nil
}
