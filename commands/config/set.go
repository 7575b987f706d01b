package config

import (
	"errors"
	"fmt"
	"strings"

	"mqtk/mqttwire/transport"
)

// Set gives a key a value, over what it has: weaker sources come first. The
// key is that of a limit, or the path of any other but a listener's; the items
// of a list are separated by commas. An error changes nothing.
func (c *Config) Set(source, key, value string) error {
	k, err := findKey(key)
	if err != nil {
		return err
	}
	if err := c.put(k, k.items(value), ""); err != nil {
		return fmt.Errorf("%s: %w", key, err)
	}
	if k.Path == "auth.sql.dsn" {
		c.Auth.SQL.Dir = ""
	}
	c.origins[k.Path] = origin{source: source}
	return nil
}

// put stores a value of the Config itself.
func (c *Config) put(k Key, items []string, dir string) error {
	if k.limit == nil {
		return k.store(k.field(c), items, dir)
	}
	if len(items) != 1 {
		return k.errorf("a list does not fit")
	}
	err := c.Limits.Set(k.name(), items[0])
	if err == nil {
		return nil
	}
	return errors.New(strings.TrimPrefix(err.Error(), "limit "+k.name()+": "))
}

// items takes the text of a flag apart.
func (k Key) items(text string) []string {
	if !k.Kind.isList() {
		return []string{text}
	}
	return splitList(text)
}

func splitList(s string) []string {
	if s == "" {
		return nil
	}
	items := strings.Split(s, ",")
	for i := range items {
		items[i] = strings.TrimSpace(items[i])
	}
	return items
}

// Keys are the keys that Set takes, limits without their table.
func Keys() []string {
	var keys []string
	for _, k := range schema() {
		if !k.ofListener() {
			keys = append(keys, strings.TrimPrefix(k.Path, "limits."))
		}
	}
	return keys
}

// Schema is the table of all keys, in the order in which they are explained.
func Schema() []Key { return schema() }

func findKey(key string) (Key, error) {
	for _, k := range schema() {
		switch {
		case k.Path != key && k.Path != "limits."+key:
		case k.ofListener():
			return k, fmt.Errorf("%s: belongs to one listener; --listen 'URL?%s=VALUE' sets it", key, k.name())
		default:
			return k, nil
		}
	}
	if key == "limits.deny_action" || key == "deny_action" {
		return findKey("acl.deny_action")
	}
	return Key{}, fmt.Errorf("%s: no such key%s", key, orMeant(nearest(key, append(Keys(), allPaths()...))))
}

func allPaths() []string {
	var paths []string
	for _, k := range schema() {
		paths = append(paths, k.Path)
	}
	return paths
}

// SetListeners puts listeners in the place of those there are. The keys of a
// listener stand in the query of its URL: mqtts://:8883?cert=a.pem&key=b.pem.
func (c *Config) SetListeners(source string, urls []string) []Problem {
	var problems []Problem
	c.Listeners = nil
	for _, u := range urls {
		l, wrong := listenerFromURL(source, u)
		problems = append(problems, wrong...)
		c.Listeners = append(c.Listeners, l)
	}
	return problems
}

func listenerFromURL(source, text string) (l Listener, problems []Problem) {
	l = newListener(schema())
	bare, _, _ := strings.Cut(text, "?")
	l.URL = bare
	l.origins["url"] = origin{source: source}
	complain := func(key, format string, a ...any) {
		problems = append(problems, Problem{File: source + " " + bare, Key: key, Text: fmt.Sprintf(format, a...)})
	}
	target, err := transport.ParseURL(text)
	if err != nil {
		return l, []Problem{{File: source, Text: err.Error()}}
	}
	if target.HasUsername || target.HasPassword { // which nobody shall read again
		l.URL = target.Scheme + ":"
		return l, []Problem{{File: source, Text: errUser.Error()}}
	}
	for _, k := range schema() {
		values, given := target.Query[k.name()]
		if !k.ofListener() || !given {
			continue
		}
		delete(target.Query, k.name())
		if k.name() == "url" {
			complain("url", "is the URL itself")
			continue
		}
		items := values
		if k.Kind.isList() {
			items = splitList(strings.Join(values, ","))
		}
		err := k.store(k.field(&l), items, "")
		if err != nil {
			complain(k.name(), "%v", err)
		}
		l.origins[k.name()] = origin{source: source}.judged(err)
	}
	for name := range target.Query {
		complain(name, "no such key%s", orMeant(nearest(name, listenerNames())))
	}
	return l, problems
}

func listenerNames() []string {
	var names []string
	for _, k := range schema() {
		if k.ofListener() && k.name() != "url" {
			names = append(names, k.name())
		}
	}
	return names
}
