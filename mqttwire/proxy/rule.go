package proxy

import (
	"strings"
	"time"

	"mqtk/mqttwire"
)

// An Action is what a rule does to a packet.
type Action byte

const (
	Drop      Action = iota // it is not forwarded
	Delay                   // it is forwarded later, and what is behind it too
	Duplicate               // it is forwarded again
	Truncate                // its first bytes are forwarded
	Reorder                 // it is forwarded behind the next one that the rule is about
	Reason                  // it is forwarded with another reason code
	HalfOpen                // from it on nothing passes, and nobody is told
	Close                   // instead of it both sides see the connection closed
	Reset                   // instead of it both sides see the connection reset
)

var actionNames = [...]string{"drop", "delay", "duplicate", "truncate", "reorder", "reason", "half-open", "close", "reset"}

// String is the action's word.
func (a Action) String() string { return actionNames[a] }

// A Rule is an action and the packets that it is for. The zero value of a
// condition is no condition.
type Rule struct {
	Text   string // as it was written
	Action Action

	Wait   span                // of Delay; of Reorder, how long at most
	Count  int                 // of Duplicate, how often more; of Truncate, bytes
	Reason mqttwire.ReasonCode // of Reason

	Types       []mqttwire.PacketType
	Topic       string // a filter
	Client      string // a pattern with * and ?
	From        mqttwire.Side
	QoS         []mqttwire.QoS
	Connections [2]int // first and last
	Nth         int    // of those that all conditions above hold for, in a connection and direction: this one
	Every       int    // each so many
	After       int    // those behind so many
	Times       int    // at most so many that the rule has acted on
	Probability float64
	AfterBytes  int64 // of HalfOpen, Close and Reset: when so many bytes have passed in a direction
}

// A span is from a time to a time.
type span struct{ from, to time.Duration }

// at is the time in the span at a place from 0 to 1.
func (s span) at(place float64) time.Duration {
	return s.from + time.Duration(place*float64(s.to-s.from))
}

// A packet is what rules look at.
type packet struct {
	kind       mqttwire.PacketType
	from       mqttwire.Side
	connection int
	number     int // in its direction, from 1
	client     string
	topics     []string // of a PUBLISH, of the filters of a SUBSCRIBE; of an acknowledgement those of what it answers
	qos        mqttwire.QoS
	hasQoS     bool
	raw        []byte
	packet     mqttwire.Packet // nil: raw cannot be decoded
	version    mqttwire.Version
}

// concerns tells whether all conditions hold that need no counting.
func (r *Rule) concerns(p *packet) bool {
	return r.AfterBytes == 0 && (r.Types == nil || contains(r.Types, p.kind)) && r.reaches(p.connection, p.from, p.client) &&
		(r.QoS == nil || p.hasQoS && contains(r.QoS, p.qos)) && (r.Topic == "" || r.about(p.topics))
}

// reaches tells whether the rule is for a direction of a connection.
func (r *Rule) reaches(connection int, from mqttwire.Side, client string) bool {
	return (r.From == mqttwire.Either || r.From == from) && (r.Client == "" || matchPattern(r.Client, client)) &&
		(r.Connections[1] == 0 || r.Connections[0] <= connection && connection <= r.Connections[1])
}

// about tells whether one of the topics, or filters, is what the rule is about.
func (r *Rule) about(topics []string) bool {
	for _, topic := range topics {
		if _, rest, shared := mqttwire.SplitShared(topic); shared {
			topic = rest
		}
		if topic == r.Topic || topic != "" && mqttwire.Match(r.Topic, topic) {
			return true
		}
	}
	return false
}

// counts tells whether the rule acts on the n-th packet that concerns it, by the
// conditions that count; acted is how often it has.
func (r *Rule) counts(n, acted int) bool {
	return (r.Nth == 0 || n == r.Nth) && n > r.After && (r.Every == 0 || (n-r.After)%r.Every == 0) && (r.Times == 0 || acted < r.Times)
}

func contains[T comparable](list []T, v T) bool {
	for _, x := range list {
		if x == v {
			return true
		}
	}
	return false
}

// matchPattern compares a text with a pattern in which * is any text and ? any
// one byte.
func matchPattern(pattern, text string) bool {
	star, mark := -1, 0
	p, t := 0, 0
	for t < len(text) {
		switch {
		case p < len(pattern) && pattern[p] == '*':
			star, mark = p, t
			p++
		case p < len(pattern) && (pattern[p] == '?' || pattern[p] == text[t]):
			p++
			t++
		case star >= 0:
			mark++
			p, t = star+1, mark
		default:
			return false
		}
	}
	return strings.Trim(pattern[p:], "*") == ""
}

// A chance gives numbers that depend on the seed and on a place alone.
type chance struct{ seed uint64 }

// Uses of chance: each has numbers of its own.
const (
	forProbability = iota
	forWait
)

// at is a number from 0 to below 1.
func (c chance) at(connection int, from mqttwire.Side, number, rule, use int) float64 {
	h := c.seed
	for _, n := range [...]int{connection, int(from), number, rule, use} {
		h = mix(h ^ uint64(n))
	}
	return float64(h>>11) / (1 << 53)
}

// mix is the step of SplitMix64.
func mix(x uint64) uint64 {
	x += 0x9e3779b97f4a7c15
	x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
	x = (x ^ x>>27) * 0x94d049bb133111eb
	return x ^ x>>31
}
