package commands

import (
	"cmp"
	"fmt"
	"strconv"
	"strings"

	"mqtk/mqttwire"
)

// split tells that stdin is published in parts.
func (o *pubOptions) split() bool {
	return o.Lines || o.Nul || o.Delim != nil || o.KeyDelim != ""
}

// whole tells that the source gives messages with topic, QoS and all.
func (o *pubOptions) whole() bool { return o.JSONL || o.Replay != "" }

// given tells that there is a message, or a stream of them, for a template.
func (o *pubOptions) given() bool {
	return o.Message != nil || o.File != "" || o.Stdin || o.split()
}

// many tells that there may be more than one message.
func (o *pubOptions) many() bool { return o.split() || o.whole() || o.Repeat != 1 }

// delimiter stands between the parts of stdin.
func (o *pubOptions) delimiter() string {
	switch {
	case o.Nul:
		return "\x00"
	case o.Delim != nil:
		return *o.Delim
	}
	return "\n"
}

// check refuses what contradicts itself.
func (o *pubOptions) check(p *program, pl *plan) error {
	if p.line.repeated("message", "file", "null-message", "stdin-file", "stdin-line", "replay") {
		return usagef("more than one message: give one of -m, -f, -n, -s and -l")
	}
	for _, rule := range []struct {
		wrong bool
		why   string
	}{
		{o.Delim != nil && o.Nul, "--delim and -0 are two delimiters: give one"},
		{o.Replay == "" && (p.line.has("speed") || o.From.set || o.To.set), "--speed, --from and --to go with --replay"},
		{o.To.before(o.From), "--to is before --from: nothing lies between them"},
		{p.line.has("speed") && p.line.has("rate"), "--speed and --rate are two paces: give one"},
		{len(o.Rewrite) > 0 && !o.whole() && o.KeyDelim == "", "--rewrite goes with --jsonl, --replay and --key-delim, whose messages have topics of their own"},
		{o.whole() && o.Template != nil, "--template is for payloads: messages of --jsonl and --replay have theirs"},
		{o.whole() && o.Decode != nil, "--decode is for text: --jsonl and --replay take bytes as payload_b64"},
		{o.SkipBad && !o.split() && !o.whole(), "--skip-bad goes with -l, --delim, -0, --key-delim, --jsonl and --replay, which read lines"},
		{o.Repeat != 1 && (o.split() || o.whole()), "--repeat repeats one message, and there is a stream of them"},
		{p.line.has("repeat-delay") && !p.line.has("repeat"), "--repeat-delay goes with --repeat"},
		{p.line.has("repeat-delay") && o.Interval > 0, "--repeat-delay and --rate are two paces: give one"},
		{o.Null && (o.Template != nil || o.Decode != nil), "-n/--null-message is empty: there is nothing for --template or --decode"},
		{o.RequireSubscriber && strings.Contains(strings.Join(o.QoS, ""), "0"), "--require-subscriber needs an answer of the broker, which QoS 0 has not: give -q 1 or -q 2"},
	} {
		if rule.wrong {
			return usagef("%s", rule.why)
		}
	}
	o.Interval = cmp.Or(o.Interval, o.RepeatDelay)
	return o.needProperties(pl)
}

// needProperties refuses 3.x where a flag is of no use without properties and
// reason codes.
func (o *pubOptions) needProperties(pl *plan) error {
	switch {
	case pl.needs5 != "":
	case o.Gzip:
		pl.needs5 = "--gzip"
	case o.RequireSubscriber:
		pl.needs5 = "--require-subscriber"
	}
	return checkVersion(pl.options.Connect.Version, pl.needs5)
}

// messages pairs topics with QoS and sorts the operands. The payload comes
// later, from the source; messages of --jsonl have no need of a topic.
func (o *pubOptions) messages(words []string, topicOfURL string) ([]mqttwire.Publish, error) {
	topics, words, err := o.topics(words, topicOfURL)
	if err != nil {
		return nil, err
	}
	if err := o.oneSource(words); err != nil {
		return nil, err
	}
	levels, err := pairQoS(o.QoS, max(len(topics), 1), "topic")
	if err != nil {
		return nil, err
	}
	messages := make([]mqttwire.Publish, len(levels))
	for i := range messages {
		if o.RequireSubscriber {
			levels[i] = max(levels[i], 1)
		}
		messages[i] = mqttwire.Publish{QoS: levels[i], Retain: o.Retain, Properties: o.Properties.of(mqttwire.PUBLISH)}
		if o.Gzip && !o.whole() {
			messages[i].Properties = messages[i].Properties.AddUser(contentEncoding, gzipEncoding)
		}
		if len(topics) == 0 {
			break
		}
		if err := checkTopic("topic "+strconv.Quote(topics[i]), topics[i]); err != nil {
			return nil, err
		}
		messages[i].Topic = topics[i]
	}
	return messages, nil
}

// topics are those of the command line, and the operands that are none.
func (o *pubOptions) topics(words []string, topicOfURL string) (topics, rest []string, err error) {
	topics = o.Topics
	if len(topics) == 0 && topicOfURL != "" {
		topics = []string{topicOfURL}
	}
	if len(topics) == 0 && len(words) > 0 {
		topics, words = words[:1], words[1:]
	}
	switch {
	case o.KeyDelim != "" && len(topics) > 0:
		return nil, nil, usagef("topic %q: with --key-delim each line begins with its topic", topics[0])
	case len(topics) == 0 && !o.whole() && o.KeyDelim == "":
		return nil, nil, usagef("no topic: give one as operand or with --topic")
	}
	return topics, words, nil
}

// oneSource refuses none and more than one; a word may be the message.
func (o *pubOptions) oneSource(words []string) error {
	n := 0
	for _, given := range []bool{o.Message != nil, o.File != "", o.Null, o.Stdin, o.split(), o.JSONL, o.Replay != ""} {
		if given {
			n++
		}
	}
	if len(words) > 1 || len(words) == 1 && n > 0 {
		return usagef("%q is one operand too many: there is a topic and a message already", words[len(words)-1])
	}
	switch {
	case len(words) == 1:
		o.Message = &words[0]
	case n == 0 && o.Template == nil:
		return usagef("no message: give it as operand, or with -m, -f, -n, -s or -l")
	case n > 1:
		return usagef("more than one message: give one of -m, -f, -n, -s and -l")
	}
	return nil
}

// override is what the command line says of messages that have it all.
func (o *pubOptions) override(p *program, messages []mqttwire.Publish) override {
	v := override{topics: messages, qos: len(o.QoS) > 0, rewrite: o.Rewrite, properties: o.Properties.of(mqttwire.PUBLISH)}
	if o.RequireSubscriber {
		v.least = 1
	}
	if p.line.has("retain") {
		v.retain = &o.Retain
	}
	return v
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

// toDelimiter takes text with the escapes of --format.
func toDelimiter(into **string) func(string) error {
	return func(s string) error {
		s, err := unescape(s)
		if err == nil && s == "" {
			err = fmt.Errorf("may not be empty")
		}
		*into = &s
		return err
	}
}

func toKeyDelimiter(into *string) func(string) error {
	var text *string
	set := toDelimiter(&text)
	return func(s string) error {
		err := set(s)
		*into = *text
		return err
	}
}

// unescape puts the characters in place of \n, \t, \0 and the like.
func unescape(s string) (string, error) {
	var text strings.Builder
	for {
		before, after, found := strings.Cut(s, `\`)
		text.WriteString(before)
		if !found {
			return text.String(), nil
		}
		if after == "" {
			return "", fmt.Errorf(`ends with \: write \\ for one`)
		}
		c, known := formatEscape(after[0])
		if !known {
			return "", fmt.Errorf(`\%c is unknown: there are \\, \0, \a, \e, \n, \r, \t and \v`, after[0])
		}
		text.WriteString(c)
		s = after[1:]
	}
}
