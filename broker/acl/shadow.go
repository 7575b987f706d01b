package acl

import "strings"

// nameMark stands before the c or u of a placeholder in a shape. No name begins a
// topic with $, so it is an ordinary level for wildcards.
const nameMark = "\x01"

// A shape is a rule's topic with each placeholder written alike.
type shape struct {
	text    string
	literal bool
	counts  bool // it can match something for somebody
	fixed   int  // bytes that whatever it covers begins with
}

func (r *Rule) shape() shape {
	if text, ok := r.literal(); ok {
		return shape{text: text, literal: true, counts: text != "" && r.Access != 0 && !r.nobody(), fixed: len(text)}
	}
	var b strings.Builder
	rest := r.Topic
	for {
		at, p := r.Form.next(rest)
		if at < 0 {
			break
		}
		b.WriteString(rest[:at] + nameMark)
		if p.username {
			b.WriteByte('u')
		} else {
			b.WriteByte('c')
		}
		rest = rest[at+len(p.text):]
	}
	b.WriteString(rest)
	s := shape{text: b.String(), counts: wellFormed(r.Topic) && r.Access != 0 && !r.nobody()}
	if s.counts {
		s.fixed = int(fixed(s.text))
	}
	return s
}

// covers says whether s matches whatever other matches, for each client.
func (s shape) covers(other shape) bool {
	switch {
	case s.literal:
		return s.text == other.text && (other.literal || !wild(other.text))
	case other.literal && !wellFormed(other.text):
		return false
	}
	return covers(s.text, other.text)
}

// reaches says whether the rule is about all whom another is about.
func (r *Rule) reaches(other *Rule) bool {
	switch {
	case r.All:
		return true
	case other.All || r.Anonymous != other.Anonymous:
		return false
	}
	return (r.Username == "" || r.Username == other.Username) &&
		(r.ClientID == "" || r.ClientID == other.ClientID) &&
		(r.Address == "" || r.Address == other.Address || r.around(other))
}

// around says whether the rule's network holds the other's.
func (r *Rule) around(other *Rule) bool {
	wide, ok := r.network()
	narrow, ok2 := other.network()
	return ok && ok2 && wide.Bits() <= narrow.Bits() && wide.Contains(narrow.Addr())
}

// lintShadow looks for another rule that leaves nothing for this one to decide:
// one that decides otherwise, or else one that says the same.
func (l *linter) lintShadow(i int) {
	r := l.rule
	other := l.shadow(i, !r.Allow)
	switch {
	case other != nil && r.Allow:
		l.found(false, "never allows anything: %s denies it", other.Origin)
	case other != nil:
		l.found(true, "never denies anything: %s allows it before", other.Origin)
	default:
		if other = l.shadow(i, r.Allow); other != nil {
			l.found(false, "does nothing: %s says the same, of no less", other.Origin)
		}
	}
}

// shadow is the first rule with that decision that takes all from rule i.
func (l *linter) shadow(i int, allow bool) *Rule {
	for j := range l.rules {
		if l.shapes[j].counts && l.rules[j].Allow == allow && l.hides(j, i) && l.asked(j, i) {
			return &l.rules[j]
		}
	}
	return nil
}

// asked says whether rule j takes what it covers from rule i: it is asked before
// it, or, in a file, where the order does not count, says the same of more.
func (l *linter) asked(j, i int) bool {
	if i == j {
		return false
	}
	if rank(l.rules, j, l.order) < rank(l.rules, i, l.order) {
		return true
	}
	return l.order == DenyWins && l.rules[i].Allow == l.rules[j].Allow && !l.hides(i, j)
}

// hides says whether rule j is about all whom and what rule i is about.
func (l *linter) hides(j, i int) bool {
	a, b := &l.rules[j], &l.rules[i]
	s, other := &l.shapes[j], &l.shapes[i]
	return len(other.text) >= s.fixed && other.text[:s.fixed] == s.text[:s.fixed] && // most end here
		a.Access&b.Access == b.Access && a.reaches(b) && s.covers(*other)
}
