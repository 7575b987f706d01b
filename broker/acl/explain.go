package acl

import (
	"strings"

	"mqtk/broker"
)

// A Verdict is a decision and its reason.
type Verdict struct {
	Allowed  bool
	Rule     *Rule  // the one that decides; nil: none
	Why      string // a sentence without its subject and full stop
	Delivery string // of a subscription that is granted: what of it is delivered
}

// Explain is May, with the reason.
func (r *Rules) Explain(a broker.Action, topic string) Verdict {
	switch {
	case r == nil:
		return Verdict{Why: "the rights of the client are not known"}
	case a == broker.Subscribe:
		return r.explainSubscribe(topic)
	}
	e := r.first(accessOf(a), topic)
	if e == nil {
		return Verdict{Allowed: r.noMatch, Why: "no rule matches the topic" + r.silence()}
	}
	return Verdict{Allowed: e.rule.Allow, Rule: e.rule, Why: "matches the topic"}
}

// silence says what holds where no rule matches.
func (r *Rules) silence() string {
	if r.noMatch {
		return ", and no_match allows then"
	}
	return ", and no_match denies then"
}

func (r *Rules) explainSubscribe(filter string) Verdict {
	var v Verdict
	if e := r.covering(filter); e != nil {
		v = Verdict{Allowed: e.rule.Allow, Rule: e.rule, Why: "covers the whole filter"}
		if e.topic == filter {
			v.Why = "is about this very filter"
		}
	} else if topic, ok := r.example(filter, true); !ok {
		v.Why = "no rule covers the whole filter, and no topic that it matches may be read"
	} else {
		v.Allowed, v.Rule = true, r.ruleFor(topic)
		v.Why = "no rule covers the whole filter, but " + show(topic) + " may be read"
	}
	if v.Allowed {
		v.Delivery = r.deliveries(filter)
	}
	return v
}

// ruleFor is the rule that decides whether the name of a topic may be read.
func (r *Rules) ruleFor(topic string) *Rule {
	if e := r.first(Read, topic); e != nil {
		return e.rule
	}
	return nil
}

// deliveries says what of a filter is delivered.
func (r *Rules) deliveries(filter string) string {
	readable, some := r.example(filter, true)
	withheld, not := r.example(filter, false)
	switch {
	case !not:
		return "every topic that it matches"
	case !some:
		return "nothing: no topic that it matches may be read"
	}
	return "only what may be read, which is asked for each message: " + show(readable) + " is delivered, " + show(withheld) + " is not"
}

// show makes a topic of example readable: one level of any name is "…".
func show(topic string) string { return strings.ReplaceAll(topic, unnamed, "…") }
