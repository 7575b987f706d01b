package commands

import (
	"context"
	"time"

	"github.com/urfave/cli/v2"

	"mqtk/mqttwire"
)

// pubOptions is what the flags of pub fill.
type pubOptions struct {
	connectOptions
	Topics   []string
	QoS      []string
	Retain   bool
	Inflight int

	// Where the messages come from.
	Message  *string
	File     string
	Null     bool
	Stdin    bool
	Lines    bool
	Delim    *string
	Nul      bool
	KeyDelim string
	JSONL    bool
	SkipBad  bool
	Replay   string
	Speed    replaySpeed
	From, To moment

	// What is made of them.
	Template *string
	Decode   decoder
	Gzip     bool
	Rewrite  rewriting

	// How often, and how fast.
	Repeat      int // times, or endless
	RepeatDelay time.Duration
	Interval    time.Duration // between two messages, by --rate or --repeat-delay

	RequireSubscriber bool

	requestOptions

	input any // what messages are read from, but for a file of one
}

// pubCommand is mqtk pub.
func (p *program) pubCommand() *cli.Command {
	o := &pubOptions{Repeat: 1, Speed: 1}
	return &cli.Command{
		Name:      "pub",
		Usage:     "publish messages",
		UsageText: "mqtk pub [FLAGS] TOPIC MESSAGE\nmqtk pub [FLAGS] {-m TEXT | -f FILE | -n | -s | -l | -0 | ...} TOPIC\nmqtk pub [FLAGS] {--jsonl | --key-delim TEXT | --replay FILE}",
		ArgsUsage: "TOPIC [MESSAGE]",
		Description: `Publishes and ends when every message has reached its QoS promise: sent at QoS 0, acknowledged by
the broker at 1 and 2. With --stdin-line and whatever else gives more than one message, a lost
connection is made again, and at QoS 1 and 2 what was not acknowledged is sent anew. The source of the
message must be given: stdin is read where a flag says so, and never for want of one.`,
		Flags: o.flags(),
		Action: func(c *cli.Context) error {
			return o.run(c.Context, p)
		},
	}
}

func (o *pubOptions) flags() []cli.Flag {
	flags := inCategory("Message",
		valued("topic t", "publish to `TOPIC` (repeatable: one payload to each)", toList(&o.Topics)),
		valued("message m", "publish `TEXT`", toStringOrEmpty(&o.Message)),
		valued("file f", "publish the content of `FILE`", toString(&o.File)),
		onOff("null-message n", "publish an empty message, which clears a retained one", &o.Null),
		onOff("stdin-file s", "publish all of stdin as one message", &o.Stdin),
		valued("qos q", "publish at `QOS` 0, 1 or 2 (default 0; one for all topics, or one for each in order)", toQoS(&o.QoS)),
		onOff("retain r", "let the broker retain the message", &o.Retain),
		onOff("require-subscriber", "fail where nobody has subscribed to the topic; at QoS 1 unless -q says 2 (MQTT 5.0)", &o.RequireSubscriber))
	flags = append(flags, inCategory("Many messages",
		onOff("stdin-line l", "publish each line of stdin", &o.Lines),
		valued("delim", "publish each part of stdin, between `TEXT` and TEXT, such as ; or \\r\\n", toDelimiter(&o.Delim)),
		onOff("delim-nul 0", "publish each part of stdin, between NUL and NUL, as find -print0 writes them", &o.Nul),
		valued("key-delim", "publish each line of stdin to the topic that it begins with, up to `TEXT`", toKeyDelimiter(&o.KeyDelim)),
		onOff("jsonl", "publish the messages on stdin that sub --json has written, with all their properties; -t, -q, -r and properties given here stand in place of theirs", &o.JSONL),
		valued("rewrite", "publish messages of --jsonl, --replay and --key-delim whose topic matches a filter to another topic: `FILTER=TOPIC`, as in 'old/#=new/#' (repeatable: the first that matches; other topics stay)", toRewriting(&o.Rewrite)),
		onOff("skip-bad", "leave out lines that cannot be published, and say which; without it the first one ends pub", &o.SkipBad),
		valued("rate", "publish `N` messages a second, evenly; or 30/m, 100/h", toPace(&o.Interval)),
		valued("repeat", "publish the message `N` times, or inf", toRepeat(&o.Repeat)),
		valued("repeat-delay", "publish it again every `TIME` (default 0: without a pause)", toDuration(&o.RepeatDelay)),
		valued("max-inflight M", "have at most `N` messages unacknowledged (default 256, before 5.0 20)", toNumber(&o.Inflight, 1, 65535)))...)
	flags = append(flags, inCategory("Recordings",
		valued("replay", "publish the messages of `FILE`, which sub --record or --json has written, at the times of day between them", toString(&o.Replay)),
		valued("speed", "replay `FACTOR` times as fast, or max", toSpeed(&o.Speed)),
		valued("from", "begin with the messages of `TIME`: 2026-11-22T08:30:00Z, or 90 or 1m30s after the first", toMoment(&o.From)),
		valued("to", "end behind those of `TIME`, said likewise", toMoment(&o.To)))...)
	flags = append(flags, inCategory("Payload",
		valued("template", "publish `TEXT` with {{.n}}, {{.line}}, {{.now}}, {{env \"X\"}} and more filled in: see TEMPLATES in the man page", toStringOrEmpty(&o.Template)),
		valued("decode", "publish the bytes that the text is in `FORMAT`: hex or base64", toDecoder(&o.Decode)),
		onOff("gzip", "compress the payload, and say so in the user property content-encoding (MQTT 5.0)", &o.Gzip))...)
	flags = append(flags, inCategory("Message properties (MQTT 5.0)", append(
		o.Properties.messageFlags("", mqttwire.PUBLISH),
		o.Properties.readable("topic-alias", "send the topic with the alias `NUMBER`", mqttwire.PUBLISH, mqttwire.TopicAlias))...)...)
	flags = append(flags, o.requestOptions.flags()...)
	return append(flags, o.connectOptions.flags(mqttwire.CONNECT, mqttwire.PUBLISH, mqttwire.DISCONNECT, mqttwire.WillProperties)...)
}

// run publishes.
func (o *pubOptions) run(ctx context.Context, p *program) error {
	p.quiet, p.json = o.Quiet, o.JSON
	if err := o.requestOptions.prepare(p, &o.Properties); err != nil {
		return err
	}
	pl, err := o.plan(p)
	if err != nil {
		return err
	}
	if err := o.check(p, &pl); err != nil {
		return err
	}
	messages, err := o.messages(p.line.words(), pl.topic)
	if err != nil {
		return err
	}
	if err := o.checkRequest(&pl, messages); err != nil {
		return err
	}
	source, err := o.open(p, messages)
	if err != nil {
		return err
	}
	if o.Request {
		return o.ask(ctx, p, pl, messages[0], source)
	}
	if o.many() {
		p.oneThread() // for one message the change would take longer than it saves
	}
	session := o.prepare(&pl, messages)
	pl.brief, pl.options.Corked = !o.many(), !o.many()
	l, cancel := p.newLink(ctx, &o.connectOptions, pl)
	defer cancel()
	t := &tally{link: l, oneShot: !o.many(), heard: o.RequireSubscriber, skip: o.SkipBad, second: map[string]bool{}}
	l.counted = true
	l.plan.options.Hooks.OnSessionLost = t.sessionLost
	l.plan.options.Hooks.OnRetry = t.retrying
	line := o.progress(p)
	defer line.end()
	if err := t.begin(session); err != nil {
		return l.outcome(err, o.goal(source.pending()))
	}
	line.begin(o.standing(t, len(messages)))
	err = t.publishAll(messages, source)
	input := t.inputError(&err)
	if err == nil {
		err = l.Wait(l.ctx)
	}
	if err == nil {
		err = t.confirm(messages)
	}
	if err == nil && input == nil { // it was read to its end
		o.Rewrite.sayUnused(p)
	}
	if err == nil {
		err = t.end(session)
	} else {
		t.abandon(session)
	}
	if outcome := l.outcome(err, o.goal(source.pending() || t.open() > 0)); outcome != nil {
		return t.unfinished(outcome, source)
	}
	return t.verdict(input)
}

// goal tells whether pub had something to do when it ended. One message has to
// be sent; that of others there are none left; nobody waits for the last of an
// endless row.
func (o *pubOptions) goal(left bool) bool {
	return o.Repeat != endless && (left || !o.many())
}

// prepare chooses the manners of the session, and tells whether it is ours to
// end. Many messages at QoS 1 and 2 have a session of their own, so that a broker that
// keeps sessions gets none twice over a loss. One message is sent anew over
// a loss, a few times; at QoS 0 never.
func (o *pubOptions) prepare(pl *plan, messages []mqttwire.Publish) (ours bool) {
	qos := mqttwire.QoS(0)
	for _, m := range messages {
		qos = max(qos, m.QoS)
	}
	if o.whole() && len(o.QoS) == 0 {
		qos = 2 // for all we know
	}
	pl.options.MaxInflight = o.Inflight
	connect := &pl.options.Connect
	switch {
	case !o.many() && qos == 0:
		pl.options.Retry.Again = 0
	case !o.many() && o.Retry == nil:
		pl.options.Retry.Again = oneShotRetries
	}
	if (o.many() || o.Request) && qos > 0 && !o.NoClean && o.SessionExpiry == nil && !o.Properties.has(mqttwire.CONNECT, mqttwire.SessionExpiryInterval) {
		connect.CleanStart = false
		connect.Properties = connect.Properties.AddNumber(mqttwire.SessionExpiryInterval, uint32(time.Hour/time.Second))
		return true
	}
	return false
}

// oneShotRetries bounds how long one message is kept alive without a broker:
// 1 + 2 + 4 + 8 + 16 seconds.
const oneShotRetries = 5
