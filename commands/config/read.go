package config

import (
	"bytes"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"unicode/utf8"

	"github.com/pelletier/go-toml/v2"
	"github.com/pelletier/go-toml/v2/unstable"

	"mqtk/mqttwire/transport"
)

const (
	longestFile  = 1 << 20 // far beyond what anybody writes
	mostProblems = 100     // of what is no config file at all
)

// Read reads a config file, whose paths are relative to it. The Config is never
// nil, and good only if there are no problems; Check finds more.
func Read(path string, text []byte) (*Config, []Problem) {
	r := reader{c: New(), rows: schema(), path: path, dir: filepath.Dir(path), defined: map[string]int{}}
	r.c.Path = path
	if len(text) > longestFile {
		return r.c, []Problem{{File: path, Text: fmt.Sprintf("%d bytes are too long for a config file; %d are allowed", len(text), longestFile)}}
	}
	r.text = bytes.TrimPrefix(text, []byte("\xEF\xBB\xBF"))
	r.c.text = r.text
	expressions(r.text, r.expression, r.broken)
	if len(r.problems) == 0 {
		r.unmarshal()
	}
	for i := range r.c.Listeners {
		r.checkURL(&r.c.Listeners[i])
	}
	return r.c, InOrder(r.problems)
}

// A reader puts the expressions of a file into a Config.
type reader struct {
	c         *Config
	rows      []Key
	path, dir string
	text      []byte
	base      int // offset of the expression that is read

	table    string // that the next keys belong to
	listener int    // the listener that they belong to, from 1; 0: none
	skip     bool   // the table is unknown: one problem is enough
	defined  map[string]int
	problems []Problem
}

func (r *reader) complain(at span, key, format string, a ...any) {
	if len(r.problems) == mostProblems {
		return
	}
	p := problemAt(r.path, r.text, at)
	p.Key, p.Text = key, fmt.Sprintf(format, a...)
	r.problems = append(r.problems, p)
}

// problemAt is a problem with a stretch of the text.
func problemAt(path string, text []byte, at span) Problem {
	at.from = min(at.from, len(text))
	before := text[:at.from]
	line := lineAround(text, at.from)
	start := bytes.LastIndexByte(before, '\n') + 1
	end := min(max(at.to, at.from+1), start+len(line))
	return Problem{
		File: path, Line: bytes.Count(before, []byte("\n")) + 1, Column: utf8.RuneCount(text[start:at.from]) + 1,
		line: string(line), width: utf8.RuneCount(text[at.from:max(end, at.from)]),
	}
}

func (r *reader) broken(at span, e syntaxError) {
	r.complain(at, "", "%s", e.advice())
	if r.text[e.start] == '[' { // whose keys follow, nobody knows
		r.skip = true
	}
}

// A key is one dotted key, with its place.
type key struct {
	path string
	at   span
}

func (r *reader) keyOf(n *unstable.Node, table string) key {
	parts, at := []string{}, span{from: -1}
	if table != "" {
		parts = append(parts, table)
	}
	for it := n.Key(); it.Next(); {
		part := it.Node()
		if part.Kind != unstable.Key {
			continue // a comment behind the header
		}
		name := string(part.Data)
		if name == "" || strings.ContainsAny(name, ".\"\n") {
			name = fmt.Sprintf("%q", name) // quoted, it is another key
		}
		parts = append(parts, name)
		from := r.base + int(part.Raw.Offset)
		if at.from < 0 {
			at.from = from
		}
		at.to = from + int(part.Raw.Length)
	}
	return key{strings.Join(parts, "."), at}
}

func (r *reader) expression(n *unstable.Node, offset int) {
	r.base = offset
	if len(r.problems) == mostProblems {
		return
	}
	switch n.Kind {
	case unstable.Table:
		r.header(r.keyOf(n, ""), false)
	case unstable.ArrayTable:
		r.header(r.keyOf(n, ""), true)
	case unstable.KeyValue:
		if !r.skip {
			r.keyValue(n)
		}
	}
}

// header is [table] or [[table]].
func (r *reader) header(k key, many bool) {
	r.skip, r.listener, r.table = false, 0, k.path
	switch {
	case k.path == "listener":
		if !many {
			r.complain(k.at, "", "a listener is written [[listener]], for there may be more than one")
		}
		r.addListener(k)
		return
	case !r.isTable(k.path):
		r.skip = true
		r.unknownTable(k)
		return
	case many:
		r.complain(k.at, "", "%s is written [%s], for there is only one", k.path, k.path)
	}
	r.define(k, "["+k.path+"]", "table is there")
}

func (r *reader) addListener(k key) {
	l := newListener(r.rows)
	l.origins[""] = r.origin(k)
	r.c.Listeners = append(r.c.Listeners, l)
	r.listener, r.table = len(r.c.Listeners), "listener"
}

// define notes where a key or a table stands, once.
func (r *reader) define(k key, name, what string) bool {
	line := problemAt(r.path, r.text, k.at).Line
	if before, ok := r.defined[name]; ok {
		r.complain(k.at, strings.Trim(k.path, "[]"), "this %s already, in line %d; leave one of them", what, before)
		return false
	}
	r.defined[name] = line
	return true
}

func (r *reader) keyValue(n *unstable.Node) {
	k, value := r.keyOf(n, r.table), n.Value()
	switch {
	case k.path == "listener" && value.Kind == unstable.Array:
		r.listenerArray(k, value)
		return
	case value.Kind == unstable.InlineTable && r.isTable(k.path):
		if !r.define(k, "["+k.path+"]", "table is there") {
			return
		}
		r.inline(k.path, value)
		return
	}
	r.assign(k, value)
}

// inline reads { key = value, ... } as keys of a table.
func (r *reader) inline(table string, n *unstable.Node) {
	outer := r.table
	r.table = table
	for it := n.Children(); it.Next(); {
		if it.Node().Kind == unstable.KeyValue {
			r.keyValue(it.Node())
		}
	}
	r.table = outer
}

func (r *reader) listenerArray(k key, n *unstable.Node) {
	for it := n.Children(); it.Next(); {
		switch it.Node().Kind {
		case unstable.Comment:
		case unstable.InlineTable:
			r.addListener(k)
			r.inline("listener", it.Node())
		default:
			r.complain(k.at, k.path, "a listener is a table: [[listener]] and its keys below")
		}
	}
	r.table, r.listener = "", 0
}

// assign gives a key of the table its value.
func (r *reader) assign(k key, n *unstable.Node) {
	row, ok := r.row(k.path)
	if !ok {
		r.unknownKey(k)
		return
	}
	name := row.Path
	if row.ofListener() {
		name = fmt.Sprintf("%d %s", r.listener, k.path)
	}
	if !r.define(k, name, "key is set") {
		return
	}
	items, err := row.texts(n)
	if err == nil && row.ofListener() {
		l := &r.c.Listeners[r.listener-1]
		err = row.store(row.field(l), items, r.dir)
		l.origins[row.name()] = r.origin(k).judged(err)
	} else if err == nil {
		err = r.c.put(row, items, r.dir)
		r.c.origins[row.Path] = r.origin(k).judged(err)
		if row.Path == "auth.sql.dsn" {
			r.c.Auth.SQL.Dir = r.dir
		}
	}
	if err != nil {
		r.complain(k.at, k.path, "%v", err)
	}
}

func (r *reader) origin(k key) origin {
	p := problemAt(r.path, r.text, k.at)
	return origin{source: fmt.Sprintf("%s:%d", r.path, p.Line), at: k.at, inFile: true}
}

func (r *reader) checkURL(l *Listener) {
	at := l.origins[""].at
	url, given := l.origins["url"]
	if !given || l.URL == "" {
		r.complain(at, "listener", `a listener needs a url, such as url = "mqtt://127.0.0.1:1883"`)
		return
	}
	if err := checkURL(l.URL); err != nil {
		r.complain(url.at, "listener.url", "%v", err)
		if errors.Is(err, errUser) {
			l.URL, _, _ = strings.Cut(l.URL, "//") // which nobody shall read again
		}
	}
}

var errUser = errors.New("a listener has no user: leave out what stands before the @")

// checkURL says why no listener can be at a URL.
func checkURL(url string) error {
	target, err := transport.ParseURL(url)
	switch {
	case err != nil:
		return err
	case target.Query != nil:
		return errors.New("what stands behind the ? are keys of the listener: write each on a line of its own")
	case target.HasUsername || target.HasPassword:
		return errUser
	}
	return nil
}

// unmarshal lets the library judge the whole: it knows what else TOML forbids.
func (r *reader) unmarshal() {
	var all map[string]any
	err := toml.Unmarshal(r.text, &all)
	var decode *toml.DecodeError
	switch {
	case errors.As(err, &decode):
		line, column := decode.Position()
		offset := 0
		for ; line > 1; line-- {
			offset = lineAfter(r.text, offset)
		}
		at := min(offset+max(column, 1)-1, len(r.text))
		r.complain(span{at, at + 1}, strings.Join(decode.Key(), "."), "%s", strings.TrimPrefix(decode.Error(), "toml: "))
	case err != nil:
		r.complain(span{0, 1}, "", "%s", strings.TrimPrefix(err.Error(), "toml: "))
	}
}
