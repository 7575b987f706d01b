package contexts

import (
	"bytes"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/pelletier/go-toml/v2/unstable"
)

// Parse reads the text of a file. path is for errors.
func Parse(path string, text []byte) (*File, error) {
	r := reader{file: &File{Path: path}, text: bytes.TrimPrefix(text, []byte("\xEF\xBB\xBF")), tables: map[string]int{}}
	r.p.Reset(r.text)
	for r.p.NextExpression() {
		if err := r.expression(r.p.Expression()); err != nil {
			return nil, err
		}
	}
	var broken *unstable.ParserError
	if err := r.p.Error(); errors.As(err, &broken) {
		at := r.p.Range(broken.Highlight)
		return nil, r.errorf(int(at.Offset), "%s", broken.Message)
	} else if err != nil {
		return nil, &Error{Path: path, Text: err.Error()}
	}
	return r.file, nil
}

// A reader makes contexts of the syntax tree of a file, which knows the place
// of everything.
type reader struct {
	file   *File
	text   []byte
	p      unstable.Parser
	tables map[string]int // the line of each context
	keys   map[string]int // the line of each key of the last one

	known, line int // so many bytes of the text are counted as so many lines
}

func (r *reader) errorf(offset int, format string, a ...any) error {
	return &Error{Path: r.file.Path, Line: r.lineAt(offset), Text: fmt.Sprintf(format, a...)}
}

// lineAt counts lines; offsets mostly grow.
func (r *reader) lineAt(offset int) int {
	offset = min(offset, len(r.text))
	if offset < r.known {
		r.known, r.line = 0, 0
	}
	r.line += bytes.Count(r.text[r.known:offset], []byte("\n"))
	r.known = offset
	return r.line + 1
}

func (r *reader) expression(n *unstable.Node) error {
	switch n.Kind {
	case unstable.Table:
		return r.table(n)
	case unstable.ArrayTable:
		name, at := r.keyOf(n)
		return r.errorf(at, "a context is written [%s], with one bracket", name)
	case unstable.KeyValue:
		return r.setting(n)
	}
	return nil
}

// keyOf is a key with its dots, and where it begins.
func (r *reader) keyOf(n *unstable.Node) (name string, at int) {
	var parts []string
	at = -1
	for it := n.Key(); it.Next(); {
		part := it.Node()
		if part.Kind != unstable.Key {
			continue // a comment behind a header
		}
		if at < 0 {
			at = int(part.Raw.Offset)
		}
		parts = append(parts, string(part.Data))
	}
	if len(parts) > 1 {
		return strings.Join(parts, "\x00"), at
	}
	return strings.Join(parts, ""), at
}

func (r *reader) table(n *unstable.Node) error {
	name, at := r.keyOf(n)
	if strings.Contains(name, "\x00") {
		shown := strings.ReplaceAll(name, "\x00", ".")
		return r.errorf(at, "[%s]: a context holds no tables; a name with a dot in it is written [%q]", shown, shown)
	}
	if name == "" {
		return r.errorf(at, "a context has a name")
	}
	if before, twice := r.tables[name]; twice {
		return r.errorf(at, "the context %s is there already, in line %d", name, before)
	}
	r.tables[name], r.keys = r.lineAt(at), map[string]int{}
	r.file.Contexts = append(r.file.Contexts, Context{Name: name, Line: r.lineAt(at)})
	return nil
}

func (r *reader) setting(n *unstable.Node) error {
	key, at := r.keyOf(n)
	shown := strings.ReplaceAll(key, "\x00", ".")
	switch before, twice := r.keys[key]; {
	case len(r.file.Contexts) == 0:
		return r.errorf(at, "%s: a key belongs to a context, whose name stands above it, as in [prod]", shown)
	case shown != key:
		return r.errorf(at, "%s: a context holds no tables", shown)
	case twice:
		return r.errorf(at, "%s is set already, in line %d", key, before)
	}
	r.keys[key] = r.lineAt(at)
	values, err := valuesOf(n.Value())
	if err != nil {
		return r.errorf(at, "%s: %v", key, err)
	}
	last := &r.file.Contexts[len(r.file.Contexts)-1]
	last.Settings = append(last.Settings, Setting{Key: key, Values: values, Line: r.keys[key]})
	return nil
}

// valuesOf is a value, or those of a list.
func valuesOf(n *unstable.Node) ([][]string, error) {
	if n.Kind != unstable.Array {
		word, err := wordOf(n)
		return [][]string{{word}}, err
	}
	values := [][]string{}
	for it := n.Children(); it.Next(); {
		item := it.Node()
		switch item.Kind {
		case unstable.Comment:
			continue
		case unstable.Array:
		default:
			word, err := wordOf(item)
			if err != nil {
				return nil, err
			}
			values = append(values, []string{word})
			continue
		}
		words := []string{}
		for it := item.Children(); it.Next(); {
			if it.Node().Kind == unstable.Comment {
				continue
			}
			word, err := wordOf(it.Node())
			if err != nil {
				return nil, err
			}
			words = append(words, word)
		}
		values = append(values, words)
	}
	return values, nil
}

// wordOf is a value as it would be typed behind a flag.
func wordOf(n *unstable.Node) (string, error) {
	raw := string(n.Data)
	switch n.Kind {
	case unstable.String, unstable.Bool:
		return raw, nil
	case unstable.Integer:
		i, err := strconv.ParseInt(strings.TrimPrefix(raw, "+"), 0, 64) // knows 0x10 and 1_000
		if err != nil {
			return "", fmt.Errorf("%s is too large a number", raw)
		}
		return strconv.FormatInt(i, 10), nil
	case unstable.Float:
		return strings.TrimPrefix(strings.ReplaceAll(raw, "_", ""), "+"), nil
	case unstable.Array:
		return "", errors.New("a list within the list of a list does not fit")
	case unstable.InlineTable:
		return "", errors.New("a table does not fit")
	}
	return "", fmt.Errorf("%s is a date or a time: put it in quotes", raw)
}
