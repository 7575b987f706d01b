package acl

import (
	"fmt"
	"strings"
)

// A Finding is what Lint has to say about a rule.
type Finding struct {
	Origin    string
	Text      string // what the rule does, its subject being the rule
	Dangerous bool   // it lets in more than it seems to, or does not keep out what it seems to
}

// Lint looks for rules that are dangerous or do nothing. Its findings are in the
// order of the rules. It compares each rule with each other one.
func Lint(rules []Rule, order Order) []Finding {
	l := linter{rules: rules, order: order, shapes: make([]shape, len(rules))}
	for i := range rules {
		l.shapes[i] = rules[i].shape()
	}
	for i := range rules {
		l.rule = &rules[i]
		l.lintAlone()
		if l.shapes[i].counts {
			l.lintWide(l.shapes[i])
			l.lintShadow(i)
		}
	}
	return l.findings
}

// linter is at one rule.
type linter struct {
	rules    []Rule
	shapes   []shape
	order    Order
	rule     *Rule
	findings []Finding
}

func (l *linter) found(dangerous bool, format string, args ...any) {
	l.findings = append(l.findings, Finding{l.rule.Origin, fmt.Sprintf(format, args...), dangerous})
}

// idle tells of a rule that matches nothing, which is dangerous in a deny.
func (l *linter) idle(format string, args ...any) { l.found(!l.rule.Allow, format, args...) }

// lintAlone looks at one rule for itself.
func (l *linter) lintAlone() {
	r := l.rule
	literal, isLiteral := r.literal()
	at, p := r.Form.next(r.Topic)
	switch {
	case r.nobody():
		l.idle("names no user, client or address: it matches nobody")
	case r.Access == 0:
		l.idle("has an access that is neither 1 (subscribe), 2 (publish) nor 3 (both): it never counts")
	case r.Topic == "" || isLiteral && literal == "":
		l.idle("has no topic: it matches nothing")
	case strings.HasPrefix(r.Topic, "$share/"):
		l.idle("begins with $share/: rights are asked about without it, so the rule matches nothing")
	case !isLiteral && !wellFormed(r.Topic):
		l.idle("has a topic that is no filter: it matches nothing")
	case at >= 0 && !isLiteral && p.unusable(r):
		l.idle("can never put the name into %s: a name that is empty or holds + # / or NUL matches no pattern", p.text)
	}
	if _, ok := r.network(); r.Address != "" && !r.All && !ok {
		l.idle("has %q for an address, which is neither one nor a network as 10.0.0.0/8: it matches nobody", r.Address)
	}
	if r.All && (r.Address != "" || r.ClientID != "") {
		l.found(r.Allow, "is about everybody: its address and client id are ignored")
	}
	l.lintText(literal, isLiteral)
}

// unusable says whether the rule is about nobody whose name fits the placeholder.
func (p placeholder) unusable(r *Rule) bool {
	switch {
	case r.All:
		return false
	case p.username:
		return r.Anonymous || hostile(r.Username)
	}
	return hostile(r.ClientID)
}

// lintText looks for a topic that reads differently than it may be meant.
func (l *linter) lintText(literal string, isLiteral bool) {
	r := l.rule
	at, p := Extended.next(r.Topic)
	switch {
	case isLiteral && at >= 0:
		l.idle("is literal, with eq: %s is not filled in", p.text)
	case isLiteral && r.Allow && wild(literal):
		l.found(false, "allows to subscribe to this filter, and none of the topics that it matches: nothing is delivered by it")
	case r.Form == Filter && at >= 0 && p.file:
		l.idle("has %s in a topic line, where it is not filled in: write pattern in place of topic", p.text)
	case r.Form == Filter && (r.Topic == "read" || r.Topic == "write" || r.Topic == "readwrite" || r.Topic == "deny"):
		l.found(true, "is about the topic called %q: perhaps its topic is missing", r.Topic)
	case r.Form == Pattern && at >= 0 && !p.file:
		l.idle("has %s, which a file does not fill in: write %%c or %%u", p.text)
	case at >= 0 && !isLiteral && r.Form != Filter && partOfLevel(r):
		l.found(false, "has a placeholder that is not a whole level: other names may come to the same")
	}
}

// partOfLevel says whether a placeholder shares its level with something.
func partOfLevel(r *Rule) bool {
	for level := range strings.SplitSeq(r.shape().text, "/") {
		if strings.Contains(level, nameMark) && len(level) != len(nameMark)+1 {
			return true
		}
	}
	return false
}

// lintWide looks for a rule that opens everything, or what cannot be opened.
func (l *linter) lintWide(s shape) {
	r := l.rule
	if !r.Allow {
		return
	}
	if (r.All || r.Anonymous) && !s.literal && covers(s.text, "#") {
		who := "everybody"
		if r.Anonymous {
			who = "clients without a user name"
		}
		if r.Access&Read != 0 {
			l.found(true, "lets %s read every topic", who)
		}
		if r.Access&Write != 0 {
			l.found(true, "lets %s publish to every topic", who)
		}
	}
	if r.Access&Write != 0 && (s.text == "$SYS" || strings.HasPrefix(s.text, "$SYS/")) {
		l.found(true, "allows to publish to $SYS, which is the broker's own: it refuses that whatever the rules say")
	}
}
