package commands

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/urfave/cli/v2"

	"mqtk/commands/contexts"
)

// contextName is the context to use, and what names it; empty: none.
func (p *program) contextName(line commandLine) (name, by string, firm bool) {
	if name, given := line.value("context"); given {
		return name, line.asTyped("context", name), true
	}
	return p.getenv("MQTK_CONTEXT"), "MQTK_CONTEXT", false
}

// context reads a context of the user's file.
func (p *program) context(path []*cli.Command, line commandLine, name, by string, firm bool) (*base, error) {
	file, err := userContexts()
	if err != nil {
		return nil, usageIn(path, "%s %s: %w", by, name, err)
	}
	c := file.Find(name)
	if c == nil {
		f := usageIn(path, "%s %s: there is no such context in %s", by, name, file.Path)
		if near := nearest(name, file.Names()); near != "" {
			f.Hints = []string{"did you mean " + near + "?"}
		} else if names := file.Names(); len(names) > 0 {
			f.Hints = []string{"there are " + strings.Join(names[:min(len(names), contextsShown)], ", ")}
		}
		return nil, f
	}
	b := newBase(path, line, firm)
	b.named = by + " " + name
	for _, s := range c.Settings {
		if err := b.takeSetting(file.Path, s); err != nil {
			return nil, err
		}
	}
	return b, b.settle()
}

const contextsShown = 20

// userContexts reads the user's file.
func userContexts() (*contexts.File, error) {
	path, err := contexts.Path()
	if err != nil {
		return nil, err
	}
	file, err := contexts.Read(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("there is no file %s; mqtk help contexts shows one", path)
	}
	return file, err
}

// takeSetting gives a key of the context its place.
func (b *base) takeSetting(file string, s contexts.Setting) error {
	where := fmt.Sprintf("%s:%d", file, s.Line)
	f := findIn(b.flags, s.Key)
	if f == nil || len(s.Key) == 1 || slices.Contains([]string{"context", "options-file"}, flagNames(f)[0]) {
		return b.unknownKey(s.Key, where)
	}
	name, by := flagNames(f)[0], where+": "+s.Key
	values, err := settingValues(f, s)
	if err != nil {
		return usageIn(b.path, "%s: %v", by, err)
	}
	for _, value := range values {
		if value, err = fromHome(name, value, filepath.Dir(file)); err != nil {
			return usageIn(b.path, "%s: %v", by, err)
		}
		if b.overruled(name) {
			return nil
		}
		if err := b.takePlace(name, value, by); err != nil {
			return err
		}
		if own := findFlag(b.path[len(b.path)-1], name); own != nil && !aboutPlace(f) {
			b.add(own, value, by)
		}
	}
	return nil
}

func (b *base) unknownKey(key, where string) error {
	var names []string
	for _, f := range b.flags {
		if name := flagNames(f)[0]; name != "context" && name != "options-file" {
			names = append(names, name)
		}
	}
	err := usageIn(b.path, "%s: %s: there is no such key; keys are the long names of connection flags", where, key)
	if near := nearest(key, names); near != "" {
		err.Hints = []string{"did you mean " + near + "?"}
	}
	return err
}

// settingValues are the values of a key as a flag takes them.
func settingValues(f cli.Flag, s contexts.Setting) ([]string, error) {
	name := flagNames(f)[0]
	if !takesValue(f) {
		if len(s.Values) != 1 || len(s.Values[0]) != 1 || s.Values[0][0] != "true" && s.Values[0][0] != "false" {
			return nil, errors.New("must be true or false")
		}
		return s.Values[0], nil
	}
	var values []string
	for _, words := range s.Values {
		if arity(f, words) != len(words) {
			if arity(f, words) == 1 {
				return nil, errors.New("a list within a list does not fit")
			}
			return nil, fmt.Errorf(`must be a list of lists, as in %s = [["connect", "user-property", "NAME", "VALUE"]]`, name)
		}
		values = append(values, strings.Join(words, wordSeparator))
	}
	switch repeats := strings.Contains(flagUsage(f), "(repeatable") || name == "property"; {
	case name == "alpn" || name == "ciphers":
		return []string{strings.Join(values, ",")}, nil
	case len(values) != 1 && !repeats:
		return nil, errors.New("takes one value")
	}
	return values, nil
}

// fromHome resolves the names of files: ~ is the user's home, and what does not
// begin at the root is beside the contexts file.
func fromHome(name, value, dir string) (string, error) {
	prefix := ""
	switch name {
	case "cafile", "capath", "cert", "key", "tls-keylog", "unix":
	case "password-from", "key-password-from":
		file, found := strings.CutPrefix(value, "file:")
		if !found {
			return value, nil
		}
		prefix, value = "file:", file
	default:
		return value, nil
	}
	if rest, found := strings.CutPrefix(value, "~/"); found {
		home, err := os.UserHomeDir()
		return prefix + filepath.Join(home, rest), err
	}
	if value == "" || filepath.IsAbs(value) {
		return prefix + value, nil
	}
	return prefix + filepath.Join(dir, value), nil
}
