package commands

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"time"

	"mqtk/mqttwire"
)

// messageLines is the source of --jsonl and --replay: messages that sub --json
// or mosquitto_sub -F %j has written, a line each.
type messageLines struct {
	*lines
	line     item
	override override
	clock    *replayClock // of --replay; nil: each at once
	torn     func(error)  // told of a line that was not written to its end; nil: that is an error
	message  *mqttwire.Publish
	copies   []mqttwire.Publish // of the topics of the command line, those still to come
}

// An override is what the command line says of messages that have it all.
type override struct {
	topics     []mqttwire.Publish // one for each copy: its topic, unless empty, and its QoS
	qos        bool               // that QoS counts
	least      mqttwire.QoS
	retain     *bool
	properties mqttwire.Properties
	rewrite    rewriting
}

func (s *messageLines) next(ctx context.Context, done <-chan struct{}, it *item) (bool, error) {
	for len(s.copies) == 0 {
		ok, err := s.lines.next(ctx, done, &s.line)
		if !ok || err != nil {
			return false, cmp.Or(err, s.missed())
		}
		due, err := s.read()
		if err != nil {
			return false, &inputError{s.name, s.number, err}
		}
		if over, err := waitUntil(ctx, done, due); over || err != nil {
			return false, err
		}
	}
	it.own, it.input, it.number = s.message, s.name, s.number
	if s.copies[0].Topic != "" {
		s.message.Topic = s.copies[0].Topic
	}
	if s.override.qos {
		s.message.QoS = s.copies[0].QoS
	}
	s.copies = s.copies[1:]
	return true, nil
}

// missed tells of an input that has ended that nothing of it was to be sent.
func (s *messageLines) missed() error {
	if s.clock == nil || !s.ended() {
		return nil
	}
	if err := s.clock.missed(); err != nil {
		return &inputError{name: s.name, err: fmt.Errorf("%s: %w", s.name, err)}
	}
	return nil
}

// waits is true where the time of a message is known only once it is read.
func (s *messageLines) waits() bool {
	return s.clock != nil && s.clock.speed != 0 || len(s.copies) == 0 && s.lines.waits()
}

// pending is true with copies to come, too.
func (s *messageLines) pending() bool { return len(s.copies) > 0 || s.lines.pending() }

func (s *messageLines) left() (n int, whole bool) {
	n, whole = s.lines.left()
	return n*len(s.override.topics) + len(s.copies), whole
}

// read takes the message of the line, unless there is none that is to be sent,
// and tells when it is due.
func (s *messageLines) read() (due time.Time, err error) {
	text := s.line.payload
	if s.number == 1 { // some editors put it before a text
		text = bytes.TrimPrefix(text, []byte("\ufeff"))
	}
	text = bytes.TrimSpace(text)
	if len(text) == 0 {
		return due, nil
	}
	m, at, err := parseRecordJSON(text)
	if s.torn != nil && errors.Is(err, errTorn) {
		s.torn(&inputError{s.name, s.number, err})
		return due, nil
	}
	if err != nil {
		return due, err
	}
	if s.clock != nil {
		inside, err := false, error(nil)
		if due, inside, err = s.clock.plan(at); err != nil || !inside {
			return due, err
		}
	}
	s.message, s.copies = m, s.override.topics
	return due, s.override.apply(m)
}

// apply changes a message as the command line says.
func (o *override) apply(m *mqttwire.Publish) error {
	topic := m.Topic
	if m.Topic = o.rewrite.topic(topic); m.Topic == "" {
		return fmt.Errorf("topic %q: --rewrite leaves nothing of it", topic)
	}
	if !o.qos {
		m.QoS = max(m.QoS, o.least)
	}
	if o.retain != nil {
		m.Retain = *o.retain
	}
	if len(o.properties) > 0 {
		m.Properties = withProperties(m.Properties, o.properties)
	}
	return nil
}

// withProperties puts properties in the place of those that a message has; user
// properties come behind its own.
func withProperties(own, more mqttwire.Properties) mqttwire.Properties {
	var replaced []mqttwire.PropertyID
	for p := range more.All() {
		if p.ID != mqttwire.UserProperty {
			replaced = append(replaced, p.ID)
		}
	}
	return append(own.AppendWithout(nil, replaced...), more...)
}
