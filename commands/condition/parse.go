package condition

import (
	"fmt"
	"math"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"mqtk/mqttwire"
)

// An Error tells what is wrong with a text, and where.
type Error struct {
	Column  int // of the character, from 1 on
	Problem string
}

func (e *Error) Error() string { return fmt.Sprintf("column %d: %s", e.Column, e.Problem) }

// Complain makes an error about the character at an offset of a text.
func Complain(text string, at int, format string, a ...any) *Error {
	return &Error{utf8.RuneCountInString(text[:min(at, len(text))]) + 1, fmt.Sprintf(format, a...)}
}

const (
	textLimit  = 64 << 10 // of a condition, in bytes
	depthLimit = 100      // of its parentheses and negations
)

// Parse reads a condition. What is wrong is told by an *Error.
func Parse(text string) (*Condition, error) {
	c, end, err := ParseAt(text, 0)
	if err == nil && end < len(text) {
		err = Complain(text, end, "&&, || or the end is expected, not %s", nextWord(text[end:]))
	}
	if err != nil {
		return nil, err
	}
	return c, nil
}

// ParseAt reads a condition that begins at an offset of the text, up to where
// it can go on no more; end is behind the blanks that follow.
func ParseAt(text string, at int) (c *Condition, end int, err error) {
	p := &parser{text: text, at: at}
	if len(text) > textLimit {
		return nil, 0, Complain(text, textLimit, "a condition has at most %d bytes", textLimit)
	}
	p.blanks()
	start := p.at
	root, err := p.alternatives()
	if err != nil {
		return nil, p.at, err
	}
	return &Condition{strings.TrimSpace(text[start:p.at]), root}, p.at, nil
}

// ParseField reads the name of a field: payload.n, user.k, topic[1], size.
func ParseField(text string) (*Field, error) {
	f, end, err := ParseFieldAt(text, 0)
	if err == nil && end < len(text) {
		err = Complain(text, end, "the end is expected, not %s", nextWord(text[end:]))
	}
	if err != nil {
		return nil, err
	}
	return f, nil
}

// ParseFieldAt reads the name of a field that begins at an offset of the text;
// end is behind the blanks that follow.
func ParseFieldAt(text string, at int) (f *Field, end int, err error) {
	p := &parser{text: text, at: at}
	p.blanks()
	f, err = p.field()
	return f, p.at, err
}

// A parser reads down a text; each method leaves it behind the blanks that
// follow.
type parser struct {
	text  string
	at    int
	depth int
}

func (p *parser) rest() string { return p.text[p.at:] }

func (p *parser) complain(format string, a ...any) *Error {
	return Complain(p.text, p.at, format, a...)
}

func (p *parser) blanks() {
	p.at = len(p.text) - len(strings.TrimLeftFunc(p.rest(), unicode.IsSpace))
}

// take reads a symbol.
func (p *parser) take(symbol string) bool {
	if !strings.HasPrefix(p.rest(), symbol) {
		return false
	}
	p.at += len(symbol)
	p.blanks()
	return true
}

// takeWord reads a word that nothing of a name follows.
func (p *parser) takeWord(word string) bool {
	if nameOf(p.rest(), "") != word {
		return false
	}
	return p.take(word)
}

func (p *parser) alternatives() (node, error) {
	left, err := p.conjunction()
	for err == nil && (p.take("||") || p.takeWord("or")) {
		var right node
		right, err = p.conjunction()
		left = either{left, right}
	}
	return left, err
}

func (p *parser) conjunction() (node, error) {
	left, err := p.negation()
	for err == nil && (p.take("&&") || p.takeWord("and")) {
		var right node
		right, err = p.negation()
		left = both{left, right}
	}
	return left, err
}

func (p *parser) negation() (node, error) {
	if p.depth++; p.depth > depthLimit {
		return nil, p.complain("more than %d parentheses and negations, one in the other", depthLimit)
	}
	defer func() { p.depth-- }()
	switch {
	case p.take("!"), p.takeWord("not"):
		n, err := p.negation()
		return not{n}, err
	case p.take("("):
		n, err := p.alternatives()
		if err == nil && !p.take(")") {
			err = p.complain(") is expected, not %s", nextWord(p.rest()))
		}
		return n, err
	}
	return p.question()
}

// question reads a field, and what it is compared with.
func (p *parser) question() (node, error) {
	start := p.at
	field, err := p.field()
	if err != nil {
		return nil, err
	}
	operator := p.operator()
	if operator == "" {
		if !field.standsAlone() {
			return nil, Complain(p.text, start, "%s needs a comparison, such as %s", field.text, exampleOf(field))
		}
		if r := p.rest(); r != "" && strings.ContainsAny(r[:1], "&|<>~") && !strings.HasPrefix(r, "&&") && !strings.HasPrefix(r, "||") {
			return nil, p.complain("%s is no operator: there are = != < <= > >= ~ !~, && and ||", nextWord(r))
		}
		return &there{*field}, nil
	}
	text, quoted, at, err := p.value(operator)
	if err != nil {
		return nil, err
	}
	if operator == "~" || operator == "!~" {
		re, err := regexp.Compile(text)
		if err != nil {
			return nil, Complain(p.text, at, "no regular expression: %s", strings.TrimPrefix(err.Error(), "error parsing regexp: "))
		}
		return negated(operator == "!~", &matched{*field, re}), nil
	}
	to, problem := literalFor(field, text, quoted)
	if problem != "" {
		return nil, Complain(p.text, at, "%s", problem)
	}
	signs := map[string]sign{"<": less, "<=": lessOrEqual, ">": more, ">=": moreOrEqual}
	return negated(operator == "!=", &compared{*field, signs[operator], to}), nil
}

// literalFor is the right side of a comparison. What is always a number is
// compared with nothing else.
func literalFor(field *Field, text string, quoted bool) (to literal, problem string) {
	to.text = text
	if !quoted || field.isNumber() {
		to.number, to.isNumber = parseNumber(text)
	}
	switch flag := field.part == ofRetain || field.part == ofDup; {
	case to.isNumber && math.IsInf(to.number.float, 0):
		return to, nextWord(text) + " is more than a number can be"
	case flag && (text == "true" || text == "false"):
		to.number, to.isNumber = flagOf(text == "true").asNumber()
	case flag && !to.isNumber:
		return to, field.text + " is true or false, and never " + nextWord(text)
	case field.isNumber() && !to.isNumber:
		return to, field.text + " is a number, and " + nextWord(text) + " is none"
	}
	return to, ""
}

func negated(so bool, n node) node {
	if so {
		return not{n}
	}
	return n
}

// operator reads one, in its shortest spelling; "": there is none.
func (p *parser) operator() string {
	for _, spelling := range [][2]string{
		{"!=", "!="}, {"!~", "!~"}, {"==", "="}, {"=~", "~"}, {"<=", "<="}, {">=", ">="}, {"=", "="}, {"<", "<"}, {">", ">"}, {"~", "~"},
	} {
		if p.take(spelling[0]) {
			return spelling[1]
		}
	}
	return ""
}

func exampleOf(f *Field) string {
	switch f.part {
	case ofTopic:
		return "topic~^a/"
	case ofSize:
		return "size>100"
	}
	return "qos=1"
}

// field reads the name of a part of a message, and the path behind it.
func (p *parser) field() (*Field, error) {
	start := p.at
	name := nameOf(p.rest(), "")
	p.at += len(name)
	f := &Field{}
	var err error
	switch name {
	case "topic":
		err = p.level(f)
	case "payload":
		f.part = ofPayload
		if f.path, err = p.path(); len(f.path) > 0 {
			f.part = ofPayloadPath
		}
	case "user":
		f.part = ofUser
		f.name, err = p.user()
	case "qos":
		f.part = ofQoS
	case "size":
		f.part = ofSize
	case "retain":
		f.part = ofRetain
	case "dup":
		f.part = ofDup
	default:
		f.part = ofProperty
		if !slices.Contains(messageProperties(), name) {
			p.at = start
			return nil, p.unknown(name)
		}
		f.id, _ = mqttwire.ParsePropertyID(name)
		rule, _ := f.id.Rule()
		f.kind = rule.Kind
	}
	if err != nil {
		return nil, err
	}
	if r := p.rest(); r != "" && (r[0] == '.' || r[0] == '[') {
		if f.part == ofTopic {
			return nil, p.complain("nothing is inside topic; its levels are topic[0], topic[1] and so on, and the last is topic[-1]")
		}
		return nil, p.complain("nothing is inside %s", name)
	}
	f.text = p.text[start:p.at]
	p.blanks()
	return f, nil
}

func (p *parser) unknown(name string) *Error {
	known := append([]string{"topic", "payload", "qos", "retain", "dup", "size", "user.NAME"}, messageProperties()...)
	if name == "" {
		return p.complain("a field is expected, not %s: payload.NAME, %s", nextWord(p.rest()), strings.Join(known, ", "))
	}
	return p.complain("there is no field %s: payload.%s is that of a JSON payload; others are %s", name, name, strings.Join(known, ", "))
}

// level reads the [N] that may follow topic.
func (p *parser) level(f *Field) error {
	if !strings.HasPrefix(p.rest(), "[") {
		return nil
	}
	at := p.at
	s, err := p.bracket()
	if err == nil && !s.array {
		err = Complain(p.text, at+1, "the number of a level of the topic is expected, from 0 on")
	}
	f.part, f.at = ofTopicLevel, s.index
	return err
}

// path reads .name, [N] and ["name"] as long as they follow.
func (p *parser) path() (path []step, err error) {
	for err == nil && p.rest() != "" {
		switch p.rest()[0] {
		case '.':
			p.at++
			key := nameOf(p.rest(), "")
			if key == "" {
				return nil, p.complain("a name is expected after the dot: other than letters, digits, - and _ it needs [\"…\"]")
			}
			p.at += len(key)
			path = append(path, step{key: key})
		case '[':
			var s step
			s, err = p.bracket()
			path = append(path, s)
		default:
			return path, nil
		}
	}
	return path, err
}

// bracket reads [N] or ["name"].
func (p *parser) bracket() (s step, err error) {
	p.take("[")
	if r := p.rest(); r != "" && (r[0] == '"' || r[0] == '\'') {
		s.key, err = p.quoted()
	} else {
		end := strings.IndexByte(r, ']')
		number := strings.TrimSpace(r[:max(end, 0)])
		if s.index, err = strconv.Atoi(number); err != nil {
			return s, p.complain("a number or a name in quotes is expected, and then ]")
		}
		s.array = true
		p.at += end
	}
	if err == nil && !strings.HasPrefix(p.rest(), "]") {
		err = p.complain("] is expected, not %s", nextWord(p.rest()))
	}
	if err != nil {
		return s, err
	}
	p.at++ // no blanks: what follows belongs to the field
	return s, nil
}

// user reads the name of a user property: .name, in which dots are part of the
// name, or ["name"].
func (p *parser) user() (string, error) {
	switch r := p.rest(); {
	case strings.HasPrefix(r, "."):
		p.at++
		name := nameOf(p.rest(), ".")
		p.at += len(name)
		if name != "" {
			return name, nil
		}
	case strings.HasPrefix(r, "["):
		at := p.at
		s, err := p.bracket()
		if err == nil && s.array {
			err = Complain(p.text, at+1, "the name of a user property is expected, in quotes")
		}
		return s.key, err
	}
	return "", p.complain("the name of a user property is expected, as in user.room or user[\"my room\"]")
}

// nameOf is the name that a text begins with.
func nameOf(s, also string) string {
	end := strings.IndexFunc(s, func(r rune) bool {
		return !unicode.IsLetter(r) && !unicode.IsDigit(r) && r != '-' && r != '_' && r != '$' && r != '@' && !strings.ContainsRune(also, r)
	})
	if end < 0 {
		return s
	}
	return s[:end]
}

// value reads the right side of an operator: what is in quotes, or all up to a
// blank, && or ||, or a parenthesis that none inside has opened. at is where it
// began.
func (p *parser) value(operator string) (text string, quoted bool, at int, err error) {
	at = p.at
	r := p.rest()
	if r != "" && (r[0] == '"' || r[0] == '\'') {
		text, err = p.quoted()
		p.blanks()
		return text, true, at, err
	}
	end := bareEnd(r)
	if end == 0 {
		return "", false, at, p.complain("a value is expected behind %s, not %s", operator, nextWord(r))
	}
	if strings.ContainsAny(r[:1], "=<>~") {
		return "", false, at, p.complain("%s is no operator and no value: a value that begins like this needs quotes", operator+nextWord(r[:end]))
	}
	p.at += end
	p.blanks()
	return r[:end], false, at, nil
}

// bareEnd finds the end of a value without quotes. Parentheses pair up, but for
// those in the brackets of a regular expression.
func bareEnd(s string) int {
	open, class := 0, false
	for i, r := range s {
		switch {
		case unicode.IsSpace(r), !class && (strings.HasPrefix(s[i:], "&&") || strings.HasPrefix(s[i:], "||")):
			return i
		case i > 0 && s[i-1] == '\\' && oddBackslashes(s[:i]):
		case r == '[':
			class = true
		case r == ']':
			class = false
		case r == '(' && !class:
			open++
		case r == ')' && !class:
			if open--; open < 0 {
				return i
			}
		}
	}
	return len(s)
}

func oddBackslashes(s string) bool {
	return (len(s)-len(strings.TrimRight(s, `\`)))%2 == 1
}

// quoted reads a text in quotes. A backslash takes its meaning from a quote and
// from itself; before anything else it stays, for regular expressions.
func (p *parser) quoted() (string, error) {
	r := p.rest()
	var text []byte
	for i := 1; i < len(r); i++ {
		switch {
		case r[i] == r[0]:
			p.at += i + 1
			return string(text), nil
		case r[i] == '\\' && i+1 < len(r) && (r[i+1] == r[0] || r[i+1] == '\\'):
			i++
		}
		text = append(text, r[i])
	}
	return "", p.complain("the text that begins here has no end: %c is missing", r[0])
}

// nextWord is what a text goes on with, for an error.
func nextWord(s string) string {
	const most = 20
	word := s
	if end := strings.IndexFunc(s, unicode.IsSpace); end > 0 {
		word = s[:end]
	}
	if word == "" {
		return "the end"
	}
	for i := range word {
		if i >= most {
			return word[:i] + "…"
		}
	}
	return word
}
