package config

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// Import turns a mosquitto.conf into a config file, and lists what is lost: what
// has no equivalent, each with its line. Nothing is opened wider than it was: a
// listener of which something is lost that kept clients out is a comment. Files
// of an include_dir are read. Lines as in mqtt.acl_nomatch = deny are known, too.
// Relative paths become absolute ones, from the folder of the mosquitto.conf.
func Import(path string, text []byte) (toml []byte, lost []Problem) {
	i := &importer{c: New(), path: path, dir: filepath.Dir(path), rows: importTable()}
	if dir, err := filepath.Abs(i.dir); err == nil {
		i.dir = dir
	}
	i.global = &section{line: line{file: path, n: 1}, options: map[string]line{}}
	i.section = i.global
	i.each(path, string(text), func(l line) {
		if l.name == "per_listener_settings" {
			i.perListener = l.value == "true" || l.value == "1"
		}
	})
	i.read(path, string(text), true)
	i.unopened()
	i.access()
	i.database()
	i.unruled()
	i.listeners()
	slices.SortStableFunc(i.lost, func(a, b Problem) int {
		if a.File != b.File {
			return i.order(a.File) - i.order(b.File)
		}
		return a.Line - b.Line
	})
	return i.render(), i.lost
}

// A line sets an option.
type line struct {
	file        string
	n           int
	text        string
	name, value string
	dotted      bool   // NAME = VALUE
	implied     bool   // nobody wrote it
	written     string // the name as it stands there, where it is another
	note        string // what was made of the value
}

// A section is a listener, or what stands before the first one: the options of
// the default listener, and those of all.
type section struct {
	line    line
	options map[string]line
	rules   string // why it cannot be taken over; empty: it can
}

func (s *section) on(name string) bool {
	v := strings.ToLower(s.options[name].value)
	return v == "true" || v == "1"
}

type importer struct {
	c           *Config
	path        string
	dir         string   // its folder, where relative paths begin
	relative    bool     // there were such
	files       []string // read so far
	rows        map[string]importRow
	global      *section
	section     *section   // that the next lines belong to
	sections    []*section // of listeners
	perListener bool
	bridge      string              // that the next lines belong to
	noMatch     line                // what holds where no rule matches
	narrower    []string            // why none of the listeners may be opened
	logLevels   map[string]line     // of log_type
	dotted      map[string]line     // of auth.mysql and its like, for database
	doors       map[string]*section // of listener.tcp.NAME and its like
	lost        []Problem
	written     []string // listeners, as they will stand in the file
}

func (i *importer) lose(l line, format string, a ...any) {
	if l.written != "" {
		l.name = l.written
	}
	p := Problem{File: l.file, Line: l.n, Column: 1, Key: l.name, Text: fmt.Sprintf(format, a...), line: l.shown(), width: len(l.name)}
	if at := strings.Index(p.line, l.name); at > 0 {
		p.Column = len([]rune(p.line[:at])) + 1
	}
	i.lost = append(i.lost, p)
}

// shown is the line without what might be a secret.
func (l line) shown() string {
	secret := strings.Contains(l.name, "pass") || strings.Contains(l.name, "psk") || strings.Contains(l.name, "secret")
	if secret && !strings.HasSuffix(l.name, "_file") {
		return l.name + " ..."
	}
	return l.text
}

func (i *importer) order(file string) int { return slices.Index(i.files, file) }

// each calls f with every line that sets something.
func (i *importer) each(file, text string, f func(line)) {
	text = strings.TrimPrefix(text, "\uFEFF")
	for n, s := range strings.Split(text, "\n") {
		s = strings.TrimRight(s, "\r")
		bare := strings.Trim(s, " \t")
		if bare == "" || bare[0] == '#' {
			continue
		}
		l := line{file: file, n: n + 1, text: s}
		end := strings.IndexAny(bare+" ", " \t=")
		l.name = bare[:end]
		l.value = strings.Trim(bare[end:], " \t")
		if value, ok := strings.CutPrefix(l.value, "="); ok {
			l.dotted, l.value = true, strings.Trim(value, " \t\"")
		}
		if l.name != "" {
			f(l)
		}
	}
}

func (i *importer) read(file, text string, main bool) {
	i.files = append(i.files, file)
	i.each(file, text, func(l line) {
		switch {
		case l.name == "include_dir" && main:
			i.include(l)
		case l.name == "include_dir":
			i.lose(l, "is read from the main file alone, as mosquitto does")
		default:
			i.option(l)
		}
	})
}

// include reads the files of a directory in mosquitto's order: without regard
// to case, the upper one first.
func (i *importer) include(l line) {
	dir := l.value
	if !filepath.IsAbs(dir) {
		dir, i.relative = filepath.Join(filepath.Dir(i.path), dir), true
	}
	names, err := filepath.Glob(filepath.Join(quoteGlob(dir), "*.conf"))
	if _, readErr := os.ReadDir(dir); readErr != nil || err != nil {
		i.lose(l, "the directory cannot be read: %v", because(readErr))
		return
	}
	slices.SortFunc(names, func(a, b string) int {
		if c := strings.Compare(strings.ToLower(a), strings.ToLower(b)); c != 0 {
			return c
		}
		return strings.Compare(a, b)
	})
	for _, name := range names {
		text, err := ReadFile(name)
		if err != nil {
			i.lose(l, "%s", because(err))
			continue
		}
		i.read(name, string(text), false)
	}
}

func quoteGlob(s string) string {
	return strings.NewReplacer(`\`, `\\`, `*`, `\*`, `?`, `\?`, `[`, `\[`).Replace(s)
}

// option puts one line where it belongs.
func (i *importer) option(l line) {
	if l.dotted {
		i.dottedOption(l)
		return
	}
	if l.name == "listener" || l.name == "connection" {
		i.begin(l)
		return
	}
	if i.bridge != "" && isBridgeOption(l.name) {
		i.lose(l, "belongs to the bridge %s, and there are no bridges here", i.bridge)
		return
	}
	for _, prefix := range []string{"auth_opt_", "plugin_opt_"} {
		if strings.HasPrefix(l.name, prefix) {
			i.lose(l, "is an option of a plugin, and there are no plugins here")
			return
		}
	}
	row, ok := i.rows[l.name]
	if ok {
		i.look(l)
	}
	switch {
	case !ok && isBridgeOption(l.name):
		i.lose(l, "belongs to a bridge, and there are no bridges here")
	case !ok:
		i.lose(l, "is no option of mosquitto%s", orMeant(i.meant(l.name)))
	case row.place == ofListener:
		i.section.keep(l)
	case row.place == ofSecurity && i.perListener:
		i.section.keep(l)
	case row.place == ofSecurity:
		i.global.keep(l)
	default:
		row.do(i, l)
	}
}

// look complains of a value that mosquitto does not take either. Whatever rests
// on it stays closed.
func (i *importer) look(l line) {
	switch {
	case slices.Contains(switches(), l.name):
		i.truth(l)
	case l.value == "" && namesFile(l.name):
		i.lose(l, "names no file")
	}
}

func namesFile(option string) bool {
	return strings.HasSuffix(option, "file") || option == "capath"
}

// switches are the options of listeners and of security that are true or false.
func switches() []string {
	return strings.Fields("allow_anonymous per_listener_settings require_certificate use_identity_as_username use_subject_as_username use_username_as_clientid")
}

// keep notes an option of a listener until all are read.
func (s *section) keep(l line) {
	if l.name == "maximum_qos" { // the older name
		s.options["max_qos"] = l
		return
	}
	s.options[l.name] = l
}

// meant is the option that was probably meant; in what is no mosquitto.conf at
// all, it is not looked for in every line.
func (i *importer) meant(name string) string {
	if len(i.lost) > mostProblems {
		return ""
	}
	return nearest(name, slices.Sorted(maps.Keys(i.rows)))
}

func (i *importer) begin(l line) {
	if l.name == "connection" {
		i.bridge = l.value
		i.lose(l, "there are no bridges here: another program must connect the brokers")
		return
	}
	i.bridge = ""
	i.section = &section{line: l, options: map[string]line{}}
	i.sections = append(i.sections, i.section)
}

func isBridgeOption(name string) bool {
	if strings.HasPrefix(name, "bridge_") || strings.HasPrefix(name, "remote_") || strings.HasPrefix(name, "local_") {
		return true
	}
	return slices.Contains(strings.Fields(`address addresses topic cleansession clientid username password keepalive_interval idle_timeout
		notifications notifications_local_only notification_topic restart_timeout round_robin start_type threshold try_private`), name)
}

// set gives a key its value, with the line as its source.
func (i *importer) set(l line, key, value string) bool {
	k, err := findKey(key)
	if err == nil {
		err = i.c.put(k, i.resolved(k, k.items(value)), "")
	}
	if err != nil {
		i.lose(l, "cannot be %s here: %v", key, err)
		return false
	}
	i.c.origins[k.Path] = origin{source: l.source()}
	return true
}

// resolved are the paths among the values, from the folder of the mosquitto.conf.
func (i *importer) resolved(k Key, items []string) []string {
	for n, item := range items {
		if path := k.path(item, i.dir); path != item {
			items[n], i.relative = path, true
		}
	}
	return items
}

func (l line) source() string {
	if l.implied {
		return "the default of mosquitto"
	}
	source := fmt.Sprintf("%s:%d", filepath.Base(l.file), l.n)
	if l.note != "" {
		source += ", " + l.note
	}
	return source
}

// render writes what was taken over.
func (i *importer) render() []byte {
	var b strings.Builder
	fmt.Fprintf(&b, "# Made from %s by mqtk serve import. The comment behind a value names its line.\n", printable(filepath.Base(i.path)))
	if i.relative {
		b.WriteString("# Paths that are relative there begin in its folder here; mosquitto lets them begin where it is started.\n")
	}
	var rest strings.Builder
	table := ""
	for _, k := range schema() {
		if k.ofListener() || !i.c.Given(k.Path) {
			continue
		}
		out := &b
		if k.table() != "" {
			out = &rest
			if k.table() != table {
				table = k.table()
				rest.WriteString("\n[" + table + "]\n")
			}
		}
		items := []string{}
		if k.limit != nil {
			items = append(items, k.limit.Value(&i.c.Limits))
		} else {
			items = k.load(k.field(i.c))
		}
		fmt.Fprintf(out, "%s = %s # %s\n", k.name(), k.written(items), i.c.Source(k.Path))
	}
	for _, l := range i.written {
		b.WriteString("\n" + l)
	}
	b.WriteString(rest.String())
	b.WriteString(i.differences(table == "limits"))
	return []byte(b.String())
}

// differences are the defaults of mosquitto that are not those here.
func (i *importer) differences(inLimits bool) string {
	var b strings.Builder
	for _, d := range []struct{ key, value, why string }{
		{"max_packet_size", `"256MiB"`, "mosquitto takes packets of any size"},
		{"max_inflight", "20", ""},
		{"max_queued_bytes", `"1GiB"`, "mosquitto counts messages alone"},
		{"session_expiry_3x", `"inf"`, "mosquitto keeps sessions for ever"},
		{"max_auth_failures", "0", "mosquitto lets everybody guess passwords as often as they like"},
	} {
		if i.c.Given("limits." + d.key) {
			continue
		}
		fmt.Fprintf(&b, "#%s = %s", d.key, d.value)
		if d.why != "" {
			b.WriteString(" # " + d.why)
		}
		b.WriteByte('\n')
	}
	if b.Len() == 0 {
		return ""
	}
	heading := "\n# Where mosquitto's defaults are others; to have them, take away the #.\n"
	if !inLimits {
		heading += "[limits]\n"
	}
	return heading + b.String()
}
