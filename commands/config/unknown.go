package config

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/pelletier/go-toml/v2/unstable"
)

func (r *reader) row(path string) (Key, bool) {
	if path == "limits.deny_action" {
		path = "acl.deny_action"
	}
	for _, k := range r.rows {
		if k.Path == path {
			return k, true
		}
	}
	return Key{}, false
}

// tables are the paths of all tables, those that only hold others too.
func tables(rows []Key) []string {
	var all []string
	for _, k := range rows {
		for t := k.table(); t != ""; t = (Key{Path: t}).table() {
			if !slices.Contains(all, t) {
				all = append(all, t)
			}
		}
	}
	return all
}

func (r *reader) isTable(path string) bool {
	return slices.Contains(tables(r.rows), path) && path != "listener"
}

func (r *reader) unknownTable(k key) {
	if row, ok := r.row(k.path); ok {
		r.complain(k.at, k.path, "is a key, not a table: write %s = VALUE%s", row.name(), below(row.table()))
		return
	}
	r.complain(k.at, k.path, "no such table%s", orMeant(nearest(k.path, tables(r.rows))))
}

func below(table string) string {
	switch table {
	case "":
		return " before the first table"
	case "listener":
		return " below [[listener]]"
	}
	return " below [" + table + "]"
}

// unknownKey names the key that was meant: one of the same table, or the same
// one of another table.
func (r *reader) unknownKey(k key) {
	if r.isTable(k.path) || k.path == "listener" {
		written := "[" + k.path + "]"
		if k.path == "listener" {
			written = "[[listener]]"
		}
		r.complain(k.at, k.path, "is a table, not a key: write %s and its keys below", written)
		return
	}
	asked := Key{Path: k.path}
	var names, elsewhere, paths []string
	for _, row := range r.rows {
		switch {
		case row.table() == asked.table():
			names = append(names, row.name())
		case row.name() == asked.name():
			elsewhere = append(elsewhere, row.table())
		default:
			paths = append(paths, row.name())
		}
	}
	if near := nearest(asked.name(), names); near != "" {
		r.complain(k.at, k.path, "no such key; did you mean %s?", near)
		return
	}
	if len(elsewhere) > 0 {
		r.complain(k.at, k.path, "no such key here; it stands%s", strings.Join(each(elsewhere, below), ", or"))
		return
	}
	near := nearest(asked.name(), paths)
	for _, row := range r.rows {
		if near != "" && row.name() == near {
			r.complain(k.at, k.path, "no such key; did you mean %s, which stands%s?", near, below(row.table()))
			return
		}
	}
	r.complain(k.at, k.path, "no such key; the man page of mqtk serve lists all")
}

func each(words []string, f func(string) string) []string {
	var all []string
	for _, w := range words {
		all = append(all, f(w))
	}
	return all
}

// texts are the items of a value as it is written.
func (k Key) texts(n *unstable.Node) ([]string, error) {
	switch n.Kind {
	case unstable.InlineTable:
		return nil, k.errorf("a table does not fit")
	case unstable.Array:
		if !k.Kind.isList() {
			return nil, k.errorf("a list does not fit")
		}
		items := []string{}
		for it := n.Children(); it.Next(); {
			if it.Node().Kind == unstable.Comment {
				continue
			}
			text, err := k.text(it.Node())
			if err != nil {
				return nil, err
			}
			if text == "" {
				return nil, k.errorf("an item of the list is empty")
			}
			items = append(items, text)
		}
		return items, nil
	}
	text, err := k.text(n)
	return []string{text}, err
}

// text is one value as a text.
func (k Key) text(n *unstable.Node) (string, error) {
	raw := string(n.Data)
	number := k.Kind == Count || k.Kind == Size || k.Kind == Duration
	switch n.Kind {
	case unstable.String:
		return raw, nil
	case unstable.Bool:
		if k.Kind == Switch {
			return raw, nil
		}
		return "", k.errorf("%s is a switch", raw)
	case unstable.Integer:
		if k.Kind == Mode && strings.HasPrefix(raw, "0o") || k.Kind == Choice || k.Kind == Choices || k.Kind == Switch {
			return raw, nil
		}
		if !number {
			return "", k.errorf("%s is a number; put it in quotes", raw)
		}
		i, err := strconv.ParseInt(strings.TrimPrefix(raw, "+"), 0, 64) // knows 0x10 and 1_000
		if err != nil {
			return "", k.errorf("%s is too large a number", raw)
		}
		return strconv.FormatInt(i, 10), nil
	case unstable.Float:
		switch k.Kind {
		case Choice, Choices:
			return raw, nil // versions = [3.1, 5.0]
		case Duration:
			if raw == "inf" {
				return raw, nil
			}
			return strings.TrimPrefix(strings.ReplaceAll(raw, "_", ""), "+") + "s", nil
		}
		return "", k.errorf("%s does not fit", raw)
	case unstable.LocalDate, unstable.LocalTime, unstable.LocalDateTime, unstable.DateTime:
		return "", k.errorf("%s is a date or a time", raw)
	}
	return "", fmt.Errorf("%s does not fit; %s", n.Kind, k.Range())
}
