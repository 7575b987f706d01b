package commands

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"

	"mqtk/mqttwire"
)

// diff compares what two brokers retain, or exports of them.
func (o *retainedOptions) diff(ctx context.Context, p *program, words []string) error {
	if len(words) < 2 {
		return usageIn(p.path, "compare what with what? give two URLs, or a URL and the FILE of an export")
	}
	if i := slices.IndexFunc(words[2:], isURL); i >= 0 {
		return usageIn(p.path, "%s: two are compared, and what follows them is a FILTER", words[2+i])
	}
	filters, err := o.filters(&target{}, words[2:])
	if err != nil {
		return err
	}
	var sides [2]map[string]*mqttwire.Publish
	for i, word := range words[:2] {
		if sides[i], err = o.side(ctx, p, word, filters); err != nil {
			return err
		}
	}
	out, n := bufio.NewWriter(p.Out), 0
	ink := p.inkFor(p.Out)
	for _, topic := range slices.Sorted(maps.Keys(merged(sides[0], sides[1]))) {
		d := retainedDifference{topic: topic, a: sides[0][topic], b: sides[1][topic]}
		if d.a != nil && d.b != nil && len(d.fields()) == 0 {
			continue
		}
		n++
		if o.JSON {
			err = writeJSON(out, d.object())
		} else {
			_, err = fmt.Fprintln(out, d.line(ink))
		}
		if err != nil {
			return finishOutput(out, err)
		}
	}
	if n > 0 {
		err = fail(exitUnexpected, fmt.Errorf("%s in %d and %d retained messages", plural(n, "difference", "differences"), len(sides[0]), len(sides[1])))
	} else {
		p.warn("no differences in %s", plural(len(sides[0]), "retained message", "retained messages"))
	}
	return finishOutput(out, err)
}

func merged(a, b map[string]*mqttwire.Publish) map[string]*mqttwire.Publish {
	all := maps.Clone(a)
	maps.Copy(all, b)
	return all
}

// side reads one of the two.
func (o *retainedOptions) side(ctx context.Context, p *program, word string, filters []string) (map[string]*mqttwire.Publish, error) {
	side := make(map[string]*mqttwire.Publish)
	if isURL(word) {
		t, err := o.target(p, word)
		if err != nil {
			return nil, err
		}
		return side, p.readRetained(ctx, &o.targetOptions, t, filters, func(m *mqttwire.Publish) error {
			kept := keptMessage(m)
			side[kept.Topic] = kept
			return nil
		})
	}
	file, err := os.Open(word)
	if err != nil {
		return nil, usageIn(p.path, "%s: is neither a URL nor a file that can be read: %w", word, withoutPath(err))
	}
	defer file.Close()
	messages, err := parseExport(file, word)
	for _, m := range messages {
		if m.Retain && slices.ContainsFunc(filters, func(f string) bool { return mqttwire.Match(f, m.Topic) }) {
			side[m.Topic] = m
		}
	}
	return side, err
}

// A retainedDifference is a topic that the two do not have alike.
type retainedDifference struct {
	topic string
	a, b  *mqttwire.Publish // nil: it has none
}

// A changedField is what differs in a message that both have.
type changedField struct {
	Name string `json:"field"`
	A    string `json:"a"`
	B    string `json:"b"`
}

func (d *retainedDifference) fields() (changed []changedField) {
	add := func(name, a, b string) {
		if a != b {
			changed = append(changed, changedField{name, a, b})
		}
	}
	add("qos", fmt.Sprint(d.a.QoS), fmt.Sprint(d.b.QoS))
	if !bytes.Equal(d.a.Payload, d.b.Payload) {
		changed = append(changed, changedField{"payload", shownPayload(d.a.Payload), shownPayload(d.b.Payload)})
	}
	add("properties", lastingProperties(d.a), lastingProperties(d.b))
	return changed
}

// lastingProperties are the properties of a retained message that time does
// not change, in a fixed order, in words.
func lastingProperties(m *mqttwire.Publish) string {
	of := mqttwire.Publish{Properties: m.Properties.AppendWithout(nil, mqttwire.MessageExpiryInterval, mqttwire.TopicAlias, mqttwire.SubscriptionIdentifier)}
	var words []string
	for _, f := range mqttwire.LineOf(&of, mqttwire.V5).Fields {
		words = append(words, f.String())
	}
	// User properties are a list, whose order means something; the others are not.
	slices.SortStableFunc(words, func(a, b string) int {
		nameA, _, _ := strings.Cut(a, "=")
		nameB, _, _ := strings.Cut(b, "=")
		return strings.Compare(nameA, nameB)
	})
	return strings.Join(words, " ")
}

func (d *retainedDifference) line(ink ink) string {
	topic := ink.topic(visible(d.topic))
	switch {
	case d.b == nil:
		return "- " + topic + " " + shownPayload(d.a.Payload)
	case d.a == nil:
		return "+ " + topic + " " + shownPayload(d.b.Payload)
	}
	line := "~ " + topic
	for _, f := range d.fields() {
		if f.A == f.B {
			line += fmt.Sprintf("  %s: %d and %d bytes that begin alike", f.Name, len(d.a.Payload), len(d.b.Payload))
			continue
		}
		line += fmt.Sprintf("  %s: %s -> %s", f.Name, orNone(visible(f.A)), orNone(visible(f.B)))
	}
	return line
}

func orNone(s string) string {
	if s == "" {
		return "(none)"
	}
	return s
}

func (d *retainedDifference) object() any {
	object := struct {
		Topic  string         `json:"topic"`
		Only   string         `json:"only,omitempty"` // a or b
		Fields []changedField `json:"differs,omitempty"`
	}{Topic: d.topic}
	switch {
	case d.b == nil:
		object.Only = "a"
	case d.a == nil:
		object.Only = "b"
	default:
		object.Fields = d.fields()
	}
	return object
}
