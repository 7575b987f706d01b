package condition

import (
	"bytes"
	"math"
	"math/bits"
	"strings"

	"mqtk/mqttwire"
)

// A Field is a part of a message that has a name.
type Field struct {
	text string
	part part
	path []step                // of payload
	name string                // of a user property
	id   mqttwire.PropertyID   // of another one
	kind mqttwire.PropertyKind // of that
	at   int                   // of topic[N]
}

type part byte

const (
	ofTopic part = iota
	ofTopicLevel
	ofPayload
	ofPayloadPath
	ofQoS
	ofSize
	ofRetain
	ofDup
	ofUser
	ofProperty
)

// String is the field as it was written.
func (f *Field) String() string { return f.text }

// standsAlone tells whether the field is a question without a comparison.
func (f *Field) standsAlone() bool {
	return f.part != ofTopic && f.part != ofQoS && f.part != ofSize
}

// isNumber tells whether the field is always a number.
func (f *Field) isNumber() bool {
	text := f.kind == mqttwire.UTF8 || f.kind == mqttwire.Binary
	return f.part == ofQoS || f.part == ofSize || f.part == ofRetain || f.part == ofDup || f.part == ofProperty && !text
}

// Append appends the field as text: nothing where it is not there, objects and
// arrays as they came, and several values with a blank between them.
func (f *Field) Append(dst []byte, m *Message) []byte {
	if f.part == ofUser || f.id == mqttwire.SubscriptionIdentifier {
		all := joined{dst: dst}
		f.any(m, &all)
		return all.dst
	}
	return f.of(m).append(dst)
}

// joined is the question for all values, the answer to which is always no.
type joined struct {
	dst   []byte
	begun bool
}

func (j *joined) asked(v value) bool {
	if j.begun {
		j.dst = append(j.dst, ' ')
	}
	j.dst, j.begun = v.append(j.dst), true
	return false
}

// any tells whether one of the field's values, of which user properties and
// subscription identifiers may have several, is as asked for.
func (f *Field) any(m *Message, q question) bool {
	switch {
	case f.part == ofUser:
		for name, v := range m.Properties.User() {
			if name == f.name && q.asked(value{kind: isText, text: v}) {
				return true
			}
		}
		return false
	case f.part == ofProperty && f.id == mqttwire.SubscriptionIdentifier:
		for p := range m.Properties.All() {
			if p.ID == f.id && q.asked(countOf(int(p.Number))) {
				return true
			}
		}
		return false
	}
	v := f.of(m)
	return v.kind != isMissing && q.asked(v)
}

// of is the one value of the field.
func (f *Field) of(m *Message) value {
	switch f.part {
	case ofTopic:
		return value{kind: isText, text: m.Topic}
	case ofTopicLevel:
		return level(m.Topic, f.at)
	case ofPayload:
		return value{kind: isText, bytes: m.Payload}
	case ofPayloadPath:
		if !m.isJSON() {
			return value{}
		}
		if raw := find(m.Payload, f.path); raw != nil {
			return fromJSON(raw)
		}
		return value{}
	case ofQoS:
		return countOf(int(m.QoS))
	case ofSize:
		return countOf(len(m.Payload))
	case ofRetain:
		return flagOf(m.Retain)
	case ofDup:
		return flagOf(m.Dup)
	}
	return f.property(m)
}

func (f *Field) property(m *Message) value {
	switch f.kind {
	case mqttwire.UTF8:
		if text, ok := m.Properties.Text(f.id); ok {
			return value{kind: isText, text: text}
		}
	case mqttwire.Binary:
		if b, ok := m.Properties.Binary(f.id); ok {
			return value{kind: isText, bytes: b}
		}
	default:
		if n, ok := m.Properties.Number(f.id); ok {
			return countOf(int(n))
		}
	}
	return value{}
}

// level is the level of a topic, from 0 on; a negative one counts from the end.
func level(topic string, at int) value {
	if at < 0 {
		at += strings.Count(topic, "/") + 1
	}
	for ; at > 0; at-- {
		_, rest, more := strings.Cut(topic, "/")
		if !more {
			return value{}
		}
		topic = rest
	}
	if at < 0 {
		return value{}
	}
	text, _, _ := strings.Cut(topic, "/")
	return value{kind: isText, text: text}
}

// Count is the whole number that the field has, or that its text begins with;
// false: none.
func (f *Field) Count(m *Message) (n uint64, ok bool) {
	var c counted
	ok = f.any(m, &c)
	return c.n, ok
}

// counted is the question for a number; the last answer is kept.
type counted struct{ n uint64 }

func (c *counted) asked(v value) (ok bool) {
	c.n, ok = leading(v)
	return ok
}

func leading(v value) (uint64, bool) {
	switch {
	case v.kind == isWhole:
		return 0, false
	case v.kind == isNumber && v.bytes != nil && bytes.ContainsAny(v.bytes, ".eE"):
		n, _ := v.asNumber() // 1e3 is whole, 1.5 is not
		whole := n.float >= 0 && n.float < 1<<53 && n.float == math.Trunc(n.float)
		if !whole {
			return 0, false
		}
		return uint64(n.float), true
	case v.bytes != nil:
		return leadingDigits(v.bytes)
	case v.kind == isNumber && v.text == "":
		return uint64(v.number.whole), v.number.whole >= 0
	}
	return leadingDigits(v.text)
}

// leadingDigits reads a whole number at the start of a text, behind blanks.
func leadingDigits[T string | []byte](text T) (n uint64, ok bool) {
	i := 0
	for i < len(text) && text[i] == ' ' {
		i++
	}
	start := i
	for i < len(text) && text[i] >= '0' && text[i] <= '9' {
		high, low := bits.Mul64(n, 10)
		sum, carry := bits.Add64(low, uint64(text[i]-'0'), 0)
		if high+carry > 0 || sum == math.MaxUint64 { // a stream goes on behind it
			return 0, false
		}
		n = sum
		i++
	}
	if i == start || i+1 < len(text) && text[i] == '.' && text[i+1] >= '0' && text[i+1] <= '9' {
		return 0, false
	}
	return n, true
}

// messageProperties are the names of the properties that a message may have,
// user properties aside.
func messageProperties() (names []string) {
	for rule := range mqttwire.PropertyTable() {
		if rule.ID != mqttwire.UserProperty && rule.AllowedIn(mqttwire.PUBLISH, mqttwire.Server) {
			names = append(names, rule.Name)
		}
	}
	return names
}
