package commands

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"
)

// A payloadTemplate makes a payload for each message out of the text of
// --template: what stands between {{ and }} is worked out anew each time. It is
// written like a template of Go, of which it has the pipelines alone; package
// text/template itself would keep the linker from leaving out methods, which
// makes 2 MB.
type payloadTemplate struct {
	parts []templatePart
	lines bool // .line stands in it
	n     int  // messages so far
	out   []byte
}

// A templatePart is text, or what gives a value.
type templatePart struct {
	text string
	term templateTerm // nil: text
}

// A templateTerm is worked out for a message. Its value is an int, a float64 or
// a string.
type templateTerm func(*templateScene) (any, error)

// A templateScene is what a message has to offer.
type templateScene struct {
	n    int
	line []byte
	now  time.Time
}

// newPayloadTemplate reads a template, and tries it: what the environment lacks
// is found before there is a connection. What else fails may do so for want of a
// line.
func newPayloadTemplate(text string) (*payloadTemplate, error) {
	t, err := parseTemplate(text)
	if err != nil {
		return nil, err
	}
	if _, err := t.fill(nil); errors.As(err, new(missingVariable)) {
		return nil, usagef("--template: %w", err)
	}
	t.n = 0
	return t, nil
}

func parseTemplate(text string) (*payloadTemplate, error) {
	t := &payloadTemplate{}
	for {
		before, rest, found := strings.Cut(text, "{{")
		if before != "" {
			t.parts = append(t.parts, templatePart{text: before})
		}
		if !found {
			return t, nil
		}
		s := templateScan{rest: rest}
		term, err := s.pipeline("}}")
		if err != nil {
			shown := "{{" + rest
			if i := strings.Index(shown, "}}"); i >= 0 {
				shown = shown[:i+2]
			}
			return nil, usagef("--template: %s: %w", shown, err)
		}
		t.lines = t.lines || s.lines
		t.parts = append(t.parts, templatePart{term: term})
		text = s.rest
	}
}

// fill makes the next payload, which is good until the next call.
func (t *payloadTemplate) fill(line []byte) ([]byte, error) {
	scene := templateScene{t.n + 1, line, time.Now()}
	t.out = t.out[:0]
	for i := range t.parts {
		p := &t.parts[i]
		if p.term == nil {
			t.out = append(t.out, p.text...)
			continue
		}
		value, err := p.term(&scene)
		if err != nil {
			return nil, err
		}
		t.out = appendTemplateValue(t.out, value)
	}
	t.n++
	return t.out, nil
}

func appendTemplateValue(dst []byte, value any) []byte {
	switch v := value.(type) {
	case int:
		return strconv.AppendInt(dst, int64(v), 10)
	case float64:
		return strconv.AppendFloat(dst, v, 'f', -1, 64)
	case string:
		return append(dst, v...)
	}
	return dst
}

// A templateScan reads what stands between {{ and }}.
type templateScan struct {
	rest  string
	depth int // of the parentheses
	lines bool
}

// maxTemplateDepth of parentheses is more than anyone writes.
const maxTemplateDepth = 50

// pipeline reads commands with | between them, up to the closing }} or ). The
// value of a command is the last argument of the next.
func (s *templateScan) pipeline(closing string) (templateTerm, error) {
	var value templateTerm
	for {
		next, err := s.command(value)
		if err != nil {
			return nil, err
		}
		value = next
		s.space()
		switch {
		case strings.HasPrefix(s.rest, closing):
			s.rest = s.rest[len(closing):]
			return value, nil
		case strings.HasPrefix(s.rest, "|"):
			s.rest = s.rest[1:]
		default:
			return nil, fmt.Errorf("%s is missing", closing)
		}
	}
}

// command reads one operand, or a function with its arguments.
func (s *templateScan) command(piped templateTerm) (templateTerm, error) {
	s.space()
	word := s.word()
	if word == "" || isDigit(word[0]) || strings.IndexByte(".-", word[0]) >= 0 {
		if piped != nil {
			return nil, fmt.Errorf("a function is expected behind |")
		}
		return s.operand(word)
	}
	f, known := templateFunctionNamed(word)
	if !known {
		return nil, unknownTemplateWord(word)
	}
	var arguments []templateTerm
	for s.space(); !s.ends(); s.space() {
		argument, err := s.operand(s.word())
		if err != nil {
			return nil, err
		}
		arguments = append(arguments, argument)
	}
	if piped != nil {
		arguments = append(arguments, piped)
	}
	if len(arguments) < f.least || len(arguments) > f.most {
		return nil, fmt.Errorf("it is {{%s}}", f.usage)
	}
	return f.call(arguments), nil
}

// ends tells that a command is over.
func (s *templateScan) ends() bool {
	return s.rest == "" || s.rest[0] == '|' || s.rest[0] == ')' || s.rest[0] == '}'
}

// operand reads a name, a number, a text or a pipeline in parentheses. word is
// what has been read of it already.
func (s *templateScan) operand(word string) (templateTerm, error) {
	if word == "" && strings.HasPrefix(s.rest, "(") {
		if s.depth++; s.depth > maxTemplateDepth {
			return nil, fmt.Errorf("too many parentheses")
		}
		s.rest = s.rest[1:]
		value, err := s.pipeline(")")
		s.depth--
		return value, err
	}
	if word == "" && s.rest != "" && (s.rest[0] == '"' || s.rest[0] == '`') {
		quoted, err := strconv.QuotedPrefix(s.rest)
		if err != nil {
			return nil, fmt.Errorf("%s: a text that has no end", s.rest)
		}
		s.rest = s.rest[len(quoted):]
		text, err := strconv.Unquote(quoted)
		return constantTerm(text), err
	}
	if word == "" {
		return nil, fmt.Errorf("something is missing")
	}
	if term, known := templateName(word); known {
		s.lines = s.lines || word == ".line"
		return term, nil
	}
	if n, err := strconv.Atoi(word); err == nil {
		return constantTerm(n), nil
	}
	if x, err := strconv.ParseFloat(word, 64); err == nil && (isDigit(word[len(word)-1]) || word[len(word)-1] == '.') {
		return constantTerm(x), nil
	}
	return nil, unknownTemplateWord(word)
}

func constantTerm(value any) templateTerm {
	return func(*templateScene) (any, error) { return value, nil }
}

func isDigit(c byte) bool { return c >= '0' && c <= '9' }

func (s *templateScan) space() { s.rest = strings.TrimLeft(s.rest, " \t\r\n") }

// word takes a name or a number off the text.
func (s *templateScan) word() string {
	i := strings.IndexAny(s.rest, " \t\r\n|(){}\"`")
	if i < 0 {
		i = len(s.rest)
	}
	word := s.rest[:i]
	s.rest = s.rest[i:]
	return word
}
