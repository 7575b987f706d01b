package commands

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"slices"
	"sync"

	"mqtk/mqttwire"
	"mqtk/mqttwire/client"
)

// A retainedChange publishes retained messages, and counts what becomes of them.
type retainedChange struct {
	*link
	told func(m *mqttwire.Publish) // prints one that was taken; under mu

	mu      sync.Mutex
	open    map[string]bool // topics without an answer
	done    int
	refused int
	first   *failure // of those refused
	denied  bool     // all of them for rights
}

// publish publishes one message, which stands for what m was; its answer is
// counted, and m told, when it comes.
func (c *retainedChange) publish(message, m *mqttwire.Publish) error {
	topic := m.Topic
	if most := c.Grants().MaximumQoS; message.QoS > most {
		c.say("%s: published at QoS %d, not %d, which the broker does not take", topic, most, message.QoS)
		message.QoS = most
	}
	c.mu.Lock()
	c.open[topic] = true
	c.mu.Unlock()
	err := c.Publish(c.ctx, message, func(reason mqttwire.ReasonCode, err error) {
		c.mu.Lock()
		defer c.mu.Unlock()
		switch {
		case err != nil: // the connection's end tells more
		case reason < mqttwire.UnspecifiedError:
			delete(c.open, topic)
			c.done++
			c.told(m)
		default:
			c.refuse(topic, fmt.Errorf("publish %s: %s (0x%02X)", topic, reason.Text(mqttwire.PUBACK), byte(reason)), reason)
		}
	})
	if limit := new(client.LimitError); errors.As(err, &limit) {
		c.mu.Lock()
		defer c.mu.Unlock()
		c.refuse(topic, fmt.Errorf("publish %s: %w", topic, err), 0)
		return nil
	}
	return err
}

// unanswered names the messages that the broker may or may not have taken when
// the connection ended.
func (c *retainedChange) unanswered(of int) {
	const most = 5
	c.mu.Lock()
	defer c.mu.Unlock()
	for i, topic := range slices.Sorted(maps.Keys(c.open)) {
		if i == most {
			c.say("… %d more without an answer", len(c.open)-most)
			break
		}
		c.say("publish %s: no answer, and the connection has ended", topic)
	}
	c.say("%d of %d messages were taken", c.done, of)
}

// refuse counts a refusal, of the broker or by what it has announced (reason 0);
// c.mu is held.
func (c *retainedChange) refuse(topic string, err error, reason mqttwire.ReasonCode) {
	delete(c.open, topic)
	denied := reason == mqttwire.NotAuthorized
	if c.refused++; c.refused == 1 {
		c.first, c.denied = fail(exitPartly, err), denied
		if reason != 0 {
			c.first.withReason(reason, mqttwire.PUBACK)
		}
	}
	c.denied = c.denied && denied
	c.say("%v", err)
}

// verdict is the error of what was refused.
func (c *retainedChange) verdict() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.refused == 0 {
		return nil
	}
	if c.done == 0 && c.denied {
		c.first.Code = exitDenied
	}
	c.first.Err = fmt.Errorf("%d of %d messages refused", c.refused, c.refused+c.done)
	return c.first
}

// restore publishes the messages of an export.
func (o *retainedOptions) restore(ctx context.Context, p *program, words []string) error {
	t, words, err := o.where(p, words)
	if err != nil {
		return err
	}
	if len(words) > 1 {
		return usageIn(p.path, "%s: one FILE at a time", words[1])
	}
	messages, skipped, err := o.readExport(p, words)
	if err != nil {
		return err
	}
	if skipped > 0 {
		p.warn("%s not retained: left out", plural(skipped, "message was", "messages were"))
	}
	out := bufio.NewWriter(p.Out)
	if o.DryRun {
		for _, m := range messages {
			o.tell(out, "would publish", m)
		}
		return finishOutput(out, nil)
	}
	err = o.change(ctx, p, t, messages, retainedWork{out, "published", func(m *mqttwire.Publish) *mqttwire.Publish { return m }})
	return finishOutput(out, err)
}

// A retainedWork is what is published for each message, and how that is told.
type retainedWork struct {
	out     *bufio.Writer
	done    string
	message func(*mqttwire.Publish) *mqttwire.Publish
}

// change connects, publishes, waits for all answers and disconnects. A broker
// that closes on a message would close on it again: there is no second try.
func (o *retainedOptions) change(ctx context.Context, p *program, t *target, messages []*mqttwire.Publish, work retainedWork) error {
	t.options.Retry.Again = 0
	l, cancel := p.newLink(ctx, &o.connectOptions, t.plan)
	defer cancel()
	c := &retainedChange{link: l, open: make(map[string]bool), told: func(m *mqttwire.Publish) { o.tell(work.out, work.done, m) }}
	if err := l.connect(); err != nil {
		return c.outcome(err, true)
	}
	var err error
	for _, m := range messages {
		if err = c.publish(work.message(m), m); err != nil {
			break
		}
	}
	if err == nil {
		err = c.Wait(c.ctx)
	}
	if problem := goodbye(c.disconnect()); err == nil {
		err = problem
	}
	if err != nil {
		c.unanswered(len(messages))
		return c.outcome(err, true)
	}
	if c.refused == 0 && !o.JSON {
		p.warn("%s %s", plural(c.done, "message", "messages"), work.done)
	}
	return c.verdict()
}

// tell prints what was done with a message.
func (o *retainedOptions) tell(out *bufio.Writer, what string, m *mqttwire.Publish) {
	if o.JSON {
		out.Write(appendJSONText([]byte(`{"topic":`), m.Topic))
		fmt.Fprintf(out, `,"qos":%d,"payloadlen":%d,"dry_run":%t}`+"\n", m.QoS, len(m.Payload), o.DryRun)
		return
	}
	fmt.Fprintf(out, "%s %s\n", what, visible(m.Topic))
}

// readExport reads the lines of a file, or of stdin.
func (o *retainedOptions) readExport(p *program, words []string) (messages []*mqttwire.Publish, skipped int, err error) {
	in, name := p.In, "stdin"
	if len(words) == 1 && words[0] != "-" {
		file, err := os.Open(words[0])
		if err != nil {
			return nil, 0, usageIn(p.path, "%s: %w", words[0], withoutPath(err))
		}
		defer file.Close()
		in, name = file, words[0]
	}
	all, err := parseExport(in, name)
	for _, m := range all {
		if !m.Retain {
			skipped++
			continue
		}
		messages = append(messages, m)
	}
	return messages, skipped, err
}

// parseExport reads messages, a line each.
func parseExport(in io.Reader, name string) (messages []*mqttwire.Publish, err error) {
	lines := bufio.NewReaderSize(in, 64<<10)
	for number := 1; ; number++ {
		line, err := lines.ReadBytes('\n')
		if line = bytes.TrimSpace(line); len(line) > 0 {
			m, bad := parseMessageJSON(line)
			if bad != nil {
				return nil, usagef("%s:%d: %w", name, number, bad)
			}
			messages = append(messages, m)
		}
		if err == io.EOF {
			return messages, nil
		}
		if err != nil {
			return nil, fmt.Errorf("%s: %w", name, withoutPath(err))
		}
	}
}

// withoutPath is an error of a file without its name, which is said already.
func withoutPath(err error) error {
	if bad := new(fs.PathError); errors.As(err, &bad) {
		return bad.Err
	}
	return err
}

// clear removes what matches.
func (o *retainedOptions) clear(ctx context.Context, p *program, words []string) error {
	t, words, err := o.where(p, words)
	if err != nil {
		return err
	}
	if len(words) == 0 && t.topic == "" {
		return usageIn(p.path, "which messages? give a FILTER; '#' is all of them")
	}
	filters, err := o.filters(t, words)
	if err != nil {
		return err
	}
	var topics []*mqttwire.Publish // of QoS and payload only what tell prints
	err = p.readRetained(ctx, &o.targetOptions, t, filters, func(m *mqttwire.Publish) error {
		short := *m
		short.Properties = nil
		topics = append(topics, keptMessage(&short))
		return nil
	})
	if err != nil {
		return err
	}
	out := bufio.NewWriter(p.Out)
	if o.DryRun {
		for _, m := range topics {
			o.tell(out, "would remove", m)
		}
		return finishOutput(out, nil)
	}
	err = o.change(ctx, p, t, topics, retainedWork{out, "removed", func(m *mqttwire.Publish) *mqttwire.Publish {
		return &mqttwire.Publish{Topic: m.Topic, Retain: true, QoS: 1}
	}})
	return finishOutput(out, err)
}
