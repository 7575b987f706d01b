package commands

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"time"

	"github.com/urfave/cli/v2"

	"mqtk/mqttwire"
)

// subOptions is what the flags of sub fill.
type subOptions struct {
	connectOptions
	chooseOptions
	expectOptions
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

	endOptions
	replyOptions
	outletOptions
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
with -C, -E, --idle, --until-retained-end, --retained-only, -W, a signal, or when nobody reads the output
any more; a lost connection is made again.`,
		Flags:  o.flags(),
		Action: func(c *cli.Context) error { return o.run(c.Context, p) },
	}
}

func (o *subOptions) flags() []cli.Flag {
	flags := inCategory("Subscription",
		valued("topic t", "subscribe to `FILTER` (repeatable; operands count as more of them, and so does the topic of --url)", toList(&o.Topics)),
		valued("qos q", "subscribe at `QOS` 0, 1 or 2 (default 0, and with --json and --record 2, for messages to come as they were published; one for all filters, or one for each in order)", toQoS(&o.QoS)),
		valued("unsubscribe U", "unsubscribe from `FILTER`, of a session that is kept (repeatable)", toList(&o.Unsubscribe)),
		valued("filter-out T", "leave out messages whose topic matches `FILTER` (repeatable)", toList(&o.FilterOut)),
		onOff("no-local", "leave out our own messages (MQTT 5.0)", &o.NoLocal),
		onOff("retain-as-published", "keep the retain mark of live messages (MQTT 5.0)", &o.RetainAsPublished),
		valued("retain-handling", "get retained messages `WHEN`: 0 or always, 1 or new, with a new subscription, 2 or never (MQTT 5.0)", toRetainHandling(&o.RetainHandling)),
		valued("sub-id", "let messages carry the subscription identifier `NUMBER` (MQTT 5.0)", toStringOrEmpty(&o.Identifier)),
		o.Properties.readable("user-property", "add the user property `NAME=VALUE` to the SUBSCRIBE (repeatable, MQTT 5.0)", mqttwire.SUBSCRIBE, mqttwire.UserProperty))
	flags = append(flags, inCategory("Subscription", o.chooseOptions.flags()...)...)
	flags = append(flags, inCategory("End",
		valued("count C", "end after `N` messages", toNumber(&o.Count, 1, 0xFFFFFFFF)),
		onOff("exit-after-subscribe E", "end once the broker has granted the subscriptions", &o.ExitAfterSubscribe),
		onOff("retained-only", "print retained messages, and end with the first that is not", &o.RetainedOnly),
		onOff("no-retained R", "leave retained messages out", &o.NoRetained))...)
	flags = append(flags, o.endOptions.flags()...)
	flags = append(flags, o.replyOptions.flags()...)
	flags = append(flags, inCategory("Output",
		onOff("verbose v", "print the topic before the payload", &o.Verbose),
		valued("format F", "print each message as `FORMAT` says, with the letters of mosquitto_sub, or with fields, as in '%t %{payload.temp}': see FORMAT in the man page", toFormat(&o.Format)),
		onOff("json", "print each message as a JSON object on one line", &o.JSON),
		onOff("watch w", "on a terminal, keep one line for each topic and update it in place", &o.Watch),
		onOff("no-newline N", "print no line end after a message", &o.NoNewline))...)
	flags = append(flags, o.expectOptions.flags()...)
	flags = append(flags, o.outletOptions.flags()...)
	flags = append(flags, o.connectOptions.flags(mqttwire.CONNECT, mqttwire.SUBSCRIBE, mqttwire.UNSUBSCRIBE, mqttwire.DISCONNECT, mqttwire.WillProperties)...)
	return append(flags, inCategory("Identity",
		valued("reauth-every", "prove anew who we are, every `TIME`; needs --auth-method", toPositiveDuration(&o.ReauthEvery)))...)
}

// toRetainHandling takes a number of the standard or a word of mosquitto_sub.
func toRetainHandling(into **uint8) func(string) error {
	return func(s string) error {
		n := slices.Index([]string{"always", "new", "never"}, s)
		if n < 0 {
			n = slices.Index([]string{"0", "1", "2"}, s)
		}
		if n < 0 {
			return fmt.Errorf("must be 0 or always, 1 or new, 2 or never")
		}
		handling := uint8(n)
		*into = &handling
		return nil
	}
}

// subscriptions pairs filters with QoS and options.
func (o *subOptions) subscriptions(filters []string, filterOfURL string) ([]mqttwire.Subscription, error) {
	if filterOfURL != "" && (len(filters) == 0 || o.URL != "" && !slices.Contains(filters, filterOfURL)) {
		filters = append([]string{filterOfURL}, filters...) // that of a URL that is typed is one of them, as in mosquitto_sub
	}
	if len(filters) == 0 && len(o.Unsubscribe) == 0 {
		return nil, usagef("no topic filter: give one as operand or with --topic")
	}
	levels, err := pairQoS(o.QoS, len(filters), "filter")
	if o.exactly() && len(o.QoS) == 0 {
		for i := range levels {
			levels[i] = 2
		}
	}
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
		subscriptions[i] = mqttwire.Subscription{Filter: filter, QoS: levels[i], NoLocal: o.NoLocal, RetainAsPublished: o.keepsRetain()}
		if _, _, shared := mqttwire.SplitShared(filter); o.Reply.how != "" && !shared {
			subscriptions[i].NoLocal = true // no answer of ours is a request
		}
		if o.RetainHandling != nil {
			subscriptions[i].RetainHandling = *o.RetainHandling
		} else if o.NoRetained && subscriptions[i].RetainAsPublished {
			subscriptions[i].RetainHandling = 2 // the retain mark does not tell them apart then
		}
	}
	return subscriptions, o.replyOptions.check(subscriptions)
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
	if err := cmp.Or(o.chooseOptions.parse(), o.expectOptions.parse()); err != nil {
		return err
	}
	if o.RetainedOnly && o.NoRetained {
		return usagef("--retained-only and --no-retained leave nothing to print")
	}
	if err := o.endOptions.check(o); err != nil {
		return err
	}
	if err := o.outletOptions.check(o); err != nil {
		return err
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
