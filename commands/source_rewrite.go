package commands

import (
	"fmt"
	"strings"

	"mqtk/mqttwire"
)

// A rewriteRule turns the topics that match a filter into others: what its
// wildcards stood for goes where those of to stand, in their order.
type rewriteRule struct {
	filter   string
	from, to []string // levels
	text     string   // as it was given
	used     bool
}

// rewriting is the rules of --rewrite, of which the first that matches counts.
type rewriting []rewriteRule

// toRewriting collects FROM=TO.
func toRewriting(into *rewriting) func(string) error {
	return func(s string) error {
		from, to, found := strings.Cut(s, "=")
		if !found || from == "" || to == "" {
			return fmt.Errorf("must be FILTER=TOPIC, as in 'old/#=new/#'")
		}
		if err := mqttwire.CheckTopicFilter(from); err != nil {
			return fmt.Errorf("%s: %s", from, strings.Replace(detailOf(err), "topic filter with ", "", 1))
		}
		if _, _, shared := mqttwire.SplitShared(from); shared {
			return fmt.Errorf("%s: a shared subscription is no topic", from)
		}
		r := rewriteRule{filter: from, from: strings.Split(from, "/"), to: strings.Split(to, "/"), text: s}
		for _, level := range r.to {
			if len(level) > 1 && strings.ContainsAny(level, "+#") {
				return fmt.Errorf("%s: wildcards are whole levels", to)
			}
		}
		for _, wildcard := range []string{"+", "#"} {
			if countOf(r.to, wildcard) > countOf(r.from, wildcard) {
				return fmt.Errorf("%s has more %s than %s", to, wildcard, from)
			}
		}
		*into = append(*into, r)
		return nil
	}
}

func countOf(levels []string, level string) (n int) {
	for _, l := range levels {
		if l == level {
			n++
		}
	}
	return n
}

// topic is what becomes of a topic; it may be empty, where # stood for nothing.
func (r rewriting) topic(topic string) string {
	for i := range r {
		if mqttwire.Match(r[i].filter, topic) {
			r[i].used = true
			return r[i].apply(topic)
		}
	}
	return topic
}

// sayUnused tells of rules that changed no topic: a typo in one leaves messages
// where they were.
func (r rewriting) sayUnused(p *program) {
	for i := range r {
		if !r[i].used {
			p.warn("--rewrite %s matched no topic: topics that no rule matches stay as they are", r[i].text)
		}
	}
}

func (r *rewriteRule) apply(topic string) string {
	levels := strings.Split(topic, "/")
	var plus []string // what each + stood for
	var rest []string // and what # did
	for i, level := range r.from {
		switch level {
		case "+":
			plus = append(plus, levels[i])
		case "#":
			rest = levels[i:]
		}
	}
	result := make([]string, 0, len(r.to)+len(rest))
	for _, level := range r.to {
		switch level {
		case "+":
			result = append(result, plus[0])
			plus = plus[1:]
		case "#":
			result = append(result, rest...)
		default:
			result = append(result, level)
		}
	}
	return strings.Join(result, "/")
}
