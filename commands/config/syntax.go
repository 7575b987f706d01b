package config

import (
	"bytes"
	"errors"
	"regexp"
	"strings"

	"github.com/pelletier/go-toml/v2/unstable"
)

// mostSyntaxErrors bounds what is said, and the time that is spent, on a file
// that is no TOML at all.
const mostSyntaxErrors = 50

// A span is a stretch of the text, in bytes.
type span struct{ from, to int }

// expressions walks the expressions of a TOML text. Behind one that is broken
// it goes on at the next line that may begin another.
func expressions(text []byte, each func(n *unstable.Node, offset int), broken func(at span, n syntaxError)) {
	p := unstable.Parser{KeepComments: true} // so that every expression ends where its node does
	errs := 0
	for offset := skipBlank(text, 0); offset < len(text) && errs < mostSyntaxErrors; offset = skipBlank(text, offset) {
		p.Reset(text[offset:])
		if p.NextExpression() {
			n := p.Expression()
			each(n, offset)
			offset = lineAfter(text, offset+endOf(n))
			continue
		}
		var e *unstable.ParserError
		if !errors.As(p.Error(), &e) {
			return // only blanks are left
		}
		errs++
		r := p.Range(e.Highlight)
		at := span{offset + int(r.Offset), offset + int(r.Offset+r.Length)}
		s := syntaxError{message: e.Message, text: text, start: offset, at: at}
		broken(s.place(), s)
		offset = s.resume()
	}
}

func endOf(n *unstable.Node) int {
	end := int(n.Raw.Offset + n.Raw.Length)
	if n.Kind == unstable.Table || n.Kind == unstable.ArrayTable {
		for it := n.Key(); it.Next(); {
			if it.Node().Kind == unstable.Key {
				end = int(it.Node().Raw.Offset + it.Node().Raw.Length)
			}
		}
	}
	return end
}

func skipBlank(text []byte, from int) int {
	for from < len(text) && (text[from] == ' ' || text[from] == '\t' || text[from] == '\n') {
		from++
	}
	return from
}

// lineAfter is the beginning of the line after the one that offset is in.
func lineAfter(text []byte, offset int) int {
	if offset >= len(text) {
		return len(text)
	}
	i := bytes.IndexByte(text[offset:], '\n')
	if i < 0 {
		return len(text)
	}
	return offset + i + 1
}

func lineAround(text []byte, offset int) []byte {
	offset = min(offset, len(text))
	from := bytes.LastIndexByte(text[:offset], '\n') + 1
	return bytes.TrimRight(text[from:lineAfter(text, offset)], "\r\n")
}

// A syntaxError is where the parser gave up on an expression.
type syntaxError struct {
	message string
	text    []byte
	start   int // of the expression
	at      span
}

// spread says that the expression goes on behind its first line: a list or a
// text that is not closed.
func (s syntaxError) spread() bool {
	next := lineAfter(s.text, s.start)
	if s.at.from >= next || s.at.to >= len(s.text) && next < len(s.text) {
		return true
	}
	_, value, _ := bytes.Cut(s.text[s.start:next], []byte("="))
	value = bytes.TrimSpace(value)
	opened := bytes.HasPrefix(value, []byte("[")) || bytes.HasPrefix(value, []byte("{"))
	return opened && bytes.Count(value, []byte("["))+bytes.Count(value, []byte("{")) >
		bytes.Count(value, []byte("]"))+bytes.Count(value, []byte("}"))
}

// place is what to show: where the parser stopped, or, if that is another line
// or the end of the text, the beginning of the expression.
func (s syntaxError) place() span {
	if s.at.from < lineAfter(s.text, s.start) && s.at.from < len(s.text) && !strings.Contains(s.message, "new lines") {
		return s.at
	}
	first := lineAround(s.text, s.start)
	key, _, _ := bytes.Cut(s.text[s.start:], []byte("="))
	if i := bytes.IndexByte(key, '\n'); i >= 0 {
		key = bytes.TrimSpace(key[:i])
	}
	return span{s.start, s.start + max(1, min(len(bytes.TrimSpace(key)), len(first)))}
}

// statement is the pattern of a line that begins a table or sets a key.
const statement = `^[ \t]*(\[\[?[ \t]*[\w."'-]+[ \t]*\]\]?[ \t]*(#.*)?$|[\w."'-]+[ \t]*=)`

// resume is where to go on.
func (s syntaxError) resume() int {
	offset := lineAfter(s.text, s.start)
	if !s.spread() {
		return offset
	}
	begins := regexp.MustCompile(statement)
	for offset < len(s.text) && !begins.Match(lineAround(s.text, offset)) {
		offset = lineAfter(s.text, offset)
	}
	return offset
}

// advice says what to change; of the parser's message, what is not known here.
func (s syntaxError) advice() string {
	value := string(lineAround(s.text, s.start))
	_, value, _ = strings.Cut(value, "=")
	value = strings.TrimSpace(value)
	switch {
	case s.spread() && strings.HasPrefix(value, "["):
		return "the list that begins here is not closed: put ] at its end, and a comma between items"
	case s.spread() && strings.HasPrefix(value, "{"):
		return "the table that begins here is not closed: put } at its end, and a comma between keys"
	case strings.Contains(s.message, "expected newline") && (strings.HasPrefix(value, "inf") || strings.HasPrefix(value, "nan")):
		return "a value that is no number needs quotes around it"
	}
	for _, a := range []struct{ message, advice string }{
		{"strings must be quoted", "a value that is no number needs quotes around it"},
		{"expected '=' after key", "a key needs = and a value behind it"},
		{"cannot have new lines", "the text is not closed: put its second quote at its end"},
		{"unterminated", "the text is not closed: put its second quote at its end"},
		{"string not terminated", "the text that begins here is not closed by its three quotes"},
		{"after array value", "a list has a comma between items and ] at its end"},
		{"after inline table", "a table has a comma between keys and } at its end"},
		{"expected value, not end of input", "there is no value behind the ="},
		{"expected newline", "there is more on the line than a value; a list stands in [ ], a comment begins with #"},
		{"to close", "the name of a table stands between [ and ], that of a listener between [[ and ]]"},
		{"escape", `a \ in a text is written \\, or the text stands in single quotes`},
		{"invalid character at start of key", "a line is KEY = VALUE, [TABLE] or a comment that begins with #"},
		{"leading zeroes", "a number has no leading zeros; put permissions in quotes"},
	} {
		if strings.Contains(s.message, a.message) {
			return a.advice
		}
	}
	if strings.Contains(s.message, "at start of value") || strings.Contains(s.message, "expected keyword") || strings.Contains(s.message, "expected \"") {
		switch strings.ToLower(strings.TrimSpace(strings.SplitN(value, "#", 2)[0])) {
		case "":
			return "there is no value behind the ="
		case "true", "false", "on", "off", "yes", "no":
			return "a switch is written true or false"
		}
		return "a value that is no number needs quotes around it"
	}
	return s.message
}
