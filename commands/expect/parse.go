package expect

import (
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"

	"mqtk/commands/condition"
)

// An Expectation is what was asked for.
type Expectation struct {
	text   string
	kind   kind
	of     *condition.Condition // nil: any message
	sign   string               // of count
	number int
	within time.Duration // 0: up to the end
}

type kind byte

const (
	some kind = iota
	count
	every
	never
	order
)

// String is the expectation as it was written.
func (e *Expectation) String() string { return e.text }

// Within is the time that it has; 0: up to the end.
func (e *Expectation) Within() time.Duration { return e.within }

// holds tells whether a message is one that the expectation speaks of.
func (e *Expectation) holds(m *condition.Message) bool { return e.of == nil || e.of.Holds(m) }

// aims tells an aim from a guard.
func (e *Expectation) aims() bool {
	switch e.kind {
	case count:
		return e.sign == ">" || (e.sign == ">=" || e.sign == "=") && e.number > 0
	case some, order:
		return true
	}
	return false
}

// Parse reads an expectation. What is wrong is told by a *condition.Error.
func Parse(text string) (*Expectation, error) {
	p := &parser{text: text}
	e := &Expectation{text: strings.TrimSpace(text)}
	p.blanks()
	if err := p.subject(e); err != nil {
		return nil, err
	}
	if p.word("within") {
		if err := p.time(e); err != nil {
			return nil, err
		}
	}
	if p.at < len(p.text) {
		return nil, p.complain("within or the end is expected, not %s", p.next())
	}
	return e, nil
}

type parser struct {
	text string
	at   int
}

func (p *parser) rest() string { return p.text[p.at:] }

func (p *parser) blanks() {
	p.at = len(p.text) - len(strings.TrimLeftFunc(p.rest(), unicode.IsSpace))
}

func (p *parser) complain(format string, a ...any) error {
	return condition.Complain(p.text, p.at, format, a...)
}

// next is the next word, for an error.
func (p *parser) next() string {
	if words := strings.Fields(p.rest()); len(words) > 0 {
		return words[0]
	}
	return "the end"
}

// word reads a word of letters.
func (p *parser) word(w string) bool {
	end := strings.IndexFunc(p.rest()+" ", func(r rune) bool { return !unicode.IsLetter(r) && r != '-' && r != '_' })
	if p.rest()[:end] != w {
		return false
	}
	p.at += end
	p.blanks()
	return true
}

// subject reads all up to within.
func (p *parser) subject(e *Expectation) error {
	switch {
	case p.word("order"):
		e.kind = order
		return nil
	case p.word("count"):
		return p.count(e)
	case p.word("never"):
		e.kind = never
		return p.conditionOrNone(e)
	case p.word("any"):
		return p.conditionOrNone(e)
	case p.word("every"):
		e.kind = every
	}
	return p.condition(e)
}

// conditionOrNone lets a word stand for any message at all.
func (p *parser) conditionOrNone(e *Expectation) error {
	if p.rest() == "" || strings.HasPrefix(p.rest(), "within ") {
		return nil
	}
	return p.condition(e)
}

func (p *parser) condition(e *Expectation) (err error) {
	e.of, p.at, err = condition.ParseAt(p.text, p.at)
	return err
}

// count reads what follows the word: (CONDITION), or nothing, and >=3.
func (p *parser) count(e *Expectation) error {
	e.kind = count
	if strings.HasPrefix(p.rest(), "(") {
		if err := p.condition(e); err != nil {
			return err
		}
	}
	for _, sign := range []string{"!=", "==", "<=", ">=", "=", "<", ">"} {
		if strings.HasPrefix(p.rest(), sign) {
			p.at += len(sign)
			e.sign = strings.Replace(sign, "==", "=", 1)
			break
		}
	}
	if e.sign == "" {
		return p.complain("= != < <= > or >= is expected, as in count>=3, not %s", p.next())
	}
	p.blanks()
	digits := len(p.rest()) - len(strings.TrimLeft(p.rest(), "0123456789"))
	n, err := strconv.ParseUint(p.rest()[:digits], 10, 31)
	if err != nil {
		return p.complain("a number of messages is expected, not %s", p.next())
	}
	e.number = int(n)
	p.at += digits
	p.blanks()
	return nil
}

// time reads 5s, 250ms, or seconds.
func (p *parser) time(e *Expectation) error {
	word := p.next()
	d, err := time.ParseDuration(word)
	if err != nil {
		d, err = time.ParseDuration(word + "s")
	}
	if err != nil || d <= 0 {
		return p.complain("a time is expected behind within, such as 5s or 250ms, not %s", word)
	}
	e.within = d
	p.at += len(word)
	p.blanks()
	if unit := p.next(); slices.Contains([]string{"ms", "s", "m", "h"}, unit) {
		return p.complain("a time is one word: write %s%s", word, unit)
	}
	return nil
}
