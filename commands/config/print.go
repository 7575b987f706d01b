package config

import (
	"fmt"
	"io"
	"net/url"
	"path/filepath"
	"slices"
	"strings"

	"mqtk/mqttwire/transport"
)

// Print writes the effective values as a config file, each with a comment that
// says where it comes from. What has no effect as things are is a comment, and
// so is a secret, but for the name of a variable of the environment.
func (c *Config) Print(w io.Writer) {
	var b strings.Builder
	b.WriteString("# The effective configuration. The comment behind a value says where it comes from.\n")
	table := ""
	for _, k := range schema() {
		if k.ofListener() {
			continue
		}
		if strings.HasPrefix(k.Path, "auth.file.") { // the first behind those of no table
			c.printListeners(&b)
		}
		if k.table() != table {
			table = k.table()
			b.WriteString("\n[" + table + "]\n")
		}
		c.printKey(&b, k)
	}
	io.WriteString(w, b.String())
}

func (c *Config) printListeners(b *strings.Builder) {
	if len(c.Listeners) == 0 {
		b.WriteString("\n#[[listener]] # default: clients of this machine alone\n#url = \"mqtt://127.0.0.1:1883\"\n")
	}
	for i := range c.Listeners {
		l := &c.Listeners[i]
		b.WriteString("\n[[listener]]\n")
		target, err := transport.ParseURL(l.URL)
		if err != nil {
			target.Scheme = "mqtt"
		}
		kinds := kindsOf(target.Scheme)
		for _, k := range schema() {
			if !k.ofListener() || k.On != "" && !slices.Contains(kinds, k.On) {
				continue
			}
			items := k.load(k.field(l))
			if k.name() == "auth" {
				items = c.Authenticators(l)
			}
			_, given := l.origins[k.name()]
			off := !given && l.ClientCA == "" && (k.name() == "client_cert" || k.name() == "user_from_cert")
			printLine(b, off, k, items, l.Source(k.name()))
		}
	}
}

func (c *Config) printKey(b *strings.Builder, k Key) {
	source, items := c.Source(k.Path), []string{}
	switch {
	case k.limit != nil && !c.Given(k.Path):
		// What was settled for this machine is not to be written down for another.
		items = append(items, k.Default)
		if here := k.limit.Value(&c.Limits); here != k.Default {
			source += ", which is " + here + " here"
		}
	case k.limit != nil:
		items = append(items, k.limit.Value(&c.Limits))
	default:
		items = k.load(k.field(c))
	}
	if k.Path == "auth.sql.dsn" && c.Auth.SQL.Driver == "sqlite" {
		items[0] = wholeDSN(items[0], c.Auth.SQL.Dir) // a path, and no secret
	} else if k.Secret && items[0] != "" && !strings.HasPrefix(items[0], "env:") {
		fmt.Fprintf(b, "#%s = \"...\" # %s, and hidden here; \"env:NAME\" would not be\n", k.name(), source)
		return
	}
	printLine(b, !c.Given(k.Path) && !c.hasEffect(k), k, items, source)
}

// wholeDSN is the DSN of an SQLite file that means the same everywhere.
func wholeDSN(dsn, dir string) string {
	scheme, path := "", dsn
	for _, s := range []string{"file:", "sqlite://"} {
		if rest, ok := strings.CutPrefix(dsn, s); ok {
			scheme, path = s, rest
		}
	}
	dir, err := filepath.Abs(dir)
	if err != nil || path == "" || filepath.IsAbs(path) || strings.HasPrefix(dsn, "env:") {
		return dsn
	}
	if scheme == "file:" {
		return scheme + (&url.URL{Path: filepath.ToSlash(dir)}).EscapedPath() + "/" + path
	}
	return scheme + filepath.Join(dir, path)
}

// hasEffect says whether the table of a default is in use: what only says how,
// where there is nothing, would be a problem if it were written down.
func (c *Config) hasEffect(k Key) bool {
	switch k.table() {
	case "":
		return c.Data != "" || k.Path != "durability" && k.Path != "commit_delay"
	case "acl":
		switch k.name() {
		case "no_match":
			return c.ACL.File != "" || c.ACL.SQL
		case "on_error", "refresh":
			return c.ACL.SQL
		}
	case "auth.sql", "auth.sql.columns":
		return c.configured("sql")
	case "auth.jwt":
		return c.configured("jwt")
	}
	return true
}

func printLine(b *strings.Builder, off bool, k Key, items []string, source string) {
	if off {
		b.WriteByte('#')
	}
	if k.Kind == File || k.Kind == Files {
		items = absolute(items)
	}
	fmt.Fprintf(b, "%s = %s # %s\n", k.name(), k.written(items), printable(source))
}

// absolute are the paths as they can be read from everywhere.
func absolute(paths []string) []string {
	all := slices.Clone(paths)
	for i, path := range all {
		if a, err := filepath.Abs(path); err == nil && path != "" {
			all[i] = a
		}
	}
	return all
}

// written is a value as TOML has it.
func (k Key) written(items []string) string {
	if k.Kind == Files && len(items) == 1 {
		return quote(items[0])
	}
	if k.Kind.isList() {
		var quoted []string
		for _, item := range items {
			quoted = append(quoted, quote(item))
		}
		return "[" + strings.Join(quoted, ", ") + "]"
	}
	bare := k.Kind == Switch || (k.Kind == Count || k.Kind == Size || k.Kind == Duration) && isNumber(items[0])
	if bare {
		return items[0]
	}
	return quote(items[0])
}

// quote writes a text, which has no control characters, as a TOML string.
func quote(s string) string {
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(s) + `"`
}

// printable keeps a comment on its line.
func printable(s string) string {
	return strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7F || r == '\uFFFD' {
			return '?'
		}
		return r
	}, s)
}

// NeedRestart lists the keys that differ and that a reload leaves as they were.
func (c *Config) NeedRestart(next *Config) []string {
	var keys []string
	for _, k := range schema() {
		if !k.Restart {
			continue
		}
		var before, after string
		if k.limit != nil {
			before, after = k.limit.Value(&c.Limits), k.limit.Value(&next.Limits)
		} else {
			before, after = strings.Join(k.load(k.field(c)), "\n"), strings.Join(k.load(k.field(next)), "\n")
		}
		if before != after {
			keys = append(keys, strings.TrimPrefix(k.Path, "limits."))
		}
	}
	return keys
}
