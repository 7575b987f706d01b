package acl

import (
	"slices"
	"strings"

	"mqtk/broker"
	"mqtk/broker/topictree"
	"mqtk/mqttwire"
)

// Order says which of several rules that match decides.
type Order byte

const (
	FirstMatch Order = iota // the first
	DenyWins                // a deny, wherever it stands
)

// Rules are what one client may do. They never change.
type Rules struct {
	base    *Rules  // of others as well; nil: none
	entries []entry // in the order in which they decide
	noMatch bool
	depth   int                       // levels of the longest filter, the base's too
	index   [2]*topictree.Tree[int32] // to read, to write: filter -> first entry; nil: few enough to walk
	names   []string
}

// entry is a Rule that speaks about the client.
type entry struct {
	topic   string // filled in
	rule    *Rule
	rank    int32  // the lowest decides
	fixed   uint16 // bytes that each topic it matches begins with
	exact   bool   // has no wildcard, or is literal: matches no topic but itself
	literal bool   // covers no filter but itself
}

// few is up to how many rules one walks along them: with 8 that takes as long as
// the index, which takes 2 KB for each client.
const few = 8

// Compile picks the rules that speak about a client and fills its names in. The
// result refers to the rules, which must not change. noMatch is what holds where
// no rule matches.
func Compile(rules []Rule, c Client, order Order, noMatch bool) *Rules {
	r := &Rules{noMatch: noMatch}
	for i := range rules {
		r.add(&rules[i], rank(rules, i, order), &c)
	}
	return r.arranged()
}

// rank is when a rule is asked.
func rank(rules []Rule, i int, order Order) int32 {
	if order == DenyWins && rules[i].Allow {
		i += len(rules)
	}
	return int32(i)
}

// arranged puts what was added in order, and makes it quick to find.
func (r *Rules) arranged() *Rules {
	slices.SortFunc(r.entries, func(a, b entry) int { return int(a.rank - b.rank) })
	r.entries = slices.Clip(r.entries)
	if r.base != nil {
		r.depth = r.base.depth
	}
	for i := range r.entries {
		n, _ := depth(r.entries[i].topic)
		r.depth = max(r.depth, n)
	}
	if len(r.entries) > few {
		r.index = [...]*topictree.Tree[int32]{r.indexOf(Read), r.indexOf(Write)}
	}
	return r
}

// add takes a rule in if it speaks about the client and can match anything.
func (r *Rules) add(rule *Rule, rank int32, c *Client) {
	if rule.Access == 0 || !rule.about(c) {
		return
	}
	if topic, ok := rule.literal(); ok {
		if topic != "" {
			r.entries = append(r.entries, entry{topic: topic, rule: rule, rank: rank, exact: true, literal: true})
		}
		return
	}
	topic, ok, which := rule.filled(c)
	switch {
	case ok && wellFormed(topic):
		r.entries = append(r.entries, entry{topic: topic, rule: rule, rank: rank, fixed: fixed(topic), exact: !wild(topic)})
	case which != "" && !slices.Contains(r.names, which):
		r.names = append(r.names, which)
	}
}

// indexOf finds the first rule of one access by topic.
func (r *Rules) indexOf(a Access) *topictree.Tree[int32] {
	tree := &topictree.Tree[int32]{}
	for i := range r.entries {
		e := &r.entries[i]
		if e.rule.Access&a == 0 || e.literal && wild(e.topic) {
			continue
		}
		if _, _, taken := tree.Get(e.topic); !taken {
			tree.Set(e.topic, int32(i))
		}
	}
	return tree
}

// Names are the names of the client that rules ask for and that match no
// pattern, since they hold + # / or NUL, or begin a topic with $.
func (r *Rules) Names() []string { return r.names }

// May says whether the client may do that. It allocates nothing, but for a filter
// that no rule covers. Nobody's rules (nil) allow nothing.
func (r *Rules) May(a broker.Action, topic string) bool {
	switch {
	case r == nil:
		return false
	case a == broker.Subscribe:
		return r.maySubscribe(topic)
	}
	return r.says(r.first(accessOf(a), topic))
}

func accessOf(a broker.Action) Access {
	if a == broker.Publish {
		return Write
	}
	return Read
}

// says is the decision of a rule, or of none.
func (r *Rules) says(e *entry) bool {
	if e == nil {
		return r.noMatch
	}
	return e.rule.Allow
}

// first is the rule that decides about the name of a topic, nil for none.
func (r *Rules) first(a Access, topic string) *entry {
	mine := r.own(a, topic)
	if r.base == nil {
		return mine
	}
	return earlier(mine, r.base.own(a, topic))
}

// earlier is the one of two rules that decides; either may be nil.
func earlier(a, b *entry) *entry {
	if a == nil || b != nil && b.rank < a.rank {
		return b
	}
	return a
}

// own is first without the base.
func (r *Rules) own(a Access, topic string) *entry {
	if r.index[0] == nil {
		for i := range r.entries {
			if e := &r.entries[i]; e.rule.Access&a != 0 && e.matches(topic) {
				return e
			}
		}
		return nil
	}
	at := len(r.entries)
	tree := r.index[0]
	if a == Write {
		tree = r.index[1]
	}
	tree.Match(topic, func(i int32) { at = min(at, int(i)) })
	if at == len(r.entries) {
		return nil
	}
	return &r.entries[at]
}

func (e *entry) matches(topic string) bool {
	if e.exact {
		return e.topic == topic
	}
	n := int(e.fixed)
	return len(topic) >= n && topic[:n] == e.topic[:n] && mqttwire.Match(e.topic, topic)
}

// fixed is how much of a filter stands before its first wildcard, less the / that
// its parent need not have.
func fixed(filter string) uint16 {
	n := strings.IndexAny(filter, "+#")
	if n > 0 && filter[n] == '#' {
		n--
	}
	return uint16(max(n, 0))
}

// maySubscribe decides about a filter.
func (r *Rules) maySubscribe(filter string) bool {
	if e := r.covering(filter); e != nil {
		return e.rule.Allow
	}
	_, ok := r.example(filter, true)
	return ok
}

// covering is the first rule to read that covers a whole filter, nil for none.
func (r *Rules) covering(filter string) *entry {
	if r == nil {
		return nil
	}
	for i := range r.entries {
		e := &r.entries[i]
		if e.rule.Access&Read != 0 && (e.topic == filter || !e.literal && covers(e.topic, filter)) {
			return earlier(e, r.base.covering(filter))
		}
	}
	return r.base.covering(filter)
}

// example is a topic that the filter matches and that may be read, or may not,
// with something in place of wildcards that no rule names.
func (r *Rules) example(filter string, allowed bool) (topic string, ok bool) {
	for layer := r; layer != nil; layer = layer.base {
		for i := range layer.entries {
			e := &layer.entries[i]
			if e.rule.Access&Read == 0 || e.rule.Allow != allowed || e.literal && wild(e.topic) {
				continue
			}
			if topic, ok := r.common(filter, e.topic, allowed); ok {
				return topic, true
			}
		}
	}
	if r.noMatch == allowed {
		return r.common(filter, filter, allowed)
	}
	return "", false
}

// common is such a topic that two filters have in common.
func (r *Rules) common(a, b string, allowed bool) (string, bool) {
	shortest, endless, ok := lengths(a, b)
	if !ok {
		return "", false
	}
	longest := shortest
	if endless {
		longest = max(shortest, r.depth+1)
	}
	for n := shortest; n <= longest; n++ {
		topic, ok := sample(a, b, n)
		if !ok {
			return "", false // nor has any other length one
		}
		if topic != "" && r.says(r.first(Read, topic)) == allowed {
			return topic, true
		}
	}
	return "", false
}
