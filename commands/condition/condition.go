package condition

import (
	"regexp"

	"mqtk/mqttwire"
)

// A Condition holds of a message, or does not. It is safe for concurrent use.
type Condition struct {
	text string
	root node
}

// String is the condition as it was written.
func (c *Condition) String() string { return c.text }

// Holds answers for one message.
func (c *Condition) Holds(m *Message) bool { return c.root.holds(m) }

// A Message is what conditions look at: a PUBLISH, and what was found out about
// its payload on the way.
type Message struct {
	*mqttwire.Publish
	checked, json bool // the payload was looked at, and is an object or an array
}

// Set makes m stand for the next message.
func (m *Message) Set(p *mqttwire.Publish) { *m = Message{Publish: p} }

// A node is a part of a condition.
type node interface{ holds(m *Message) bool }

type (
	both   struct{ left, right node }
	either struct{ left, right node }
	not    struct{ node }
	// there asks whether a field is there, and neither false nor null; of the
	// payload, whether it is not empty.
	there struct{ field Field }
	// compared asks how a field stands to a literal.
	compared struct {
		field Field
		sign  sign
		to    literal
	}
	matched struct {
		field Field
		with  *regexp.Regexp
	}
)

func (n both) holds(m *Message) bool   { return n.left.holds(m) && n.right.holds(m) }
func (n either) holds(m *Message) bool { return n.left.holds(m) || n.right.holds(m) }
func (n not) holds(m *Message) bool    { return !n.node.holds(m) }

func (n *there) holds(m *Message) bool    { return n.field.any(m, n) }
func (n *compared) holds(m *Message) bool { return n.field.any(m, n) }
func (n *matched) holds(m *Message) bool  { return n.field.any(m, n) }

// A question is asked of each value of a field. It is a node and no closure,
// which would be made anew for each message.
type question interface{ asked(v value) bool }

func (n *there) asked(v value) bool {
	return v.kind != isNull && v.kind != isFalse && (n.field.part != ofPayload || len(v.bytes) > 0)
}

func (n *compared) asked(v value) bool { return v.compare(n.sign, &n.to) }

func (n *matched) asked(v value) bool {
	if v.bytes != nil {
		return n.with.Match(v.bytes)
	}
	return n.with.MatchString(v.string())
}
