package commands

import (
	"strings"

	"github.com/urfave/cli/v2"

	"mqtk/mqttwire"
)

// A base is what an options file or a context says: flags that count where
// none is typed. Most of them go into the command line, in front of what was
// typed. Those that say where the broker is, who connects and how TLS is done
// have their place between the other sources of such things (address.go), so
// they are kept apart, in options of their own.
type base struct {
	firm  bool // asked for on the command line; else by MQTK_CONTEXT
	place place
	topic string // from the path of its URL
	aside string // the file whose place was dropped, which is still to be said
	named string // what names the context, as long as nothing was said of it

	line    commandLine // what goes into the command line
	options connectOptions
	flags   []cli.Flag // of options
	by      map[string]string
	typed   commandLine
	path    []*cli.Command
}

func newBase(path []*cli.Command, typed commandLine, firm bool) *base {
	b := &base{firm: firm, path: path, typed: typed, by: map[string]string{}}
	b.flags = b.options.flags(mqttwire.CONNECT, mqttwire.WillProperties)
	return b
}

// withBases puts what --options-file and --context say below what was typed.
func (p *program) withBases(path []*cli.Command, line commandLine) (commandLine, error) {
	if findFlag(path[len(path)-1], "context") == nil {
		return line, nil
	}
	typed := line
	if file, given := typed.value("options-file"); given {
		b, err := p.optionsFile(path, typed, file)
		if err != nil {
			return line, err
		}
		if b.place.names() && line.namesBroker(path) {
			b.place, b.topic, b.aside = place{}, "", file // it is about another broker
		}
		if b.topic != "" && path[1].Name == "sub" { // a filter beside those that are typed, as in mosquitto_sub
			b.add(findFlag(path[1], "topic"), b.topic, file)
			b.topic = ""
		}
		line = p.lay(b, line)
	}
	name, by, firm := p.contextName(line)
	if name == "" && firm {
		return line, usageIn(path, "%s: may not be empty; MQTK_CONTEXT= in front of mqtk is for none", by)
	}
	if name == "" || !firm && p.namesBroker(path, line) {
		return line, nil
	}
	b, err := p.context(path, line, name, by, firm)
	if err != nil {
		return line, err
	}
	return p.lay(b, line), nil
}

// lay puts a base below a command line.
func (p *program) lay(b *base, line commandLine) commandLine {
	p.bases = append(p.bases, b)
	line.Flags = append(b.line.Flags, line.Flags...)
	line.typed = append(b.line.typed, line.typed...)
	line.given = append(b.line.given, line.given...)
	return line
}

// withoutPlace is p with nothing but flags to say where the broker is.
func (p *program) withoutPlace() *program {
	q := *p
	q.getenv = func(string) string { return "" }
	q.bases = nil
	return &q
}

// namesBroker tells whether something that is stronger than MQTK_CONTEXT says
// where the broker is.
func (p *program) namesBroker(path []*cli.Command, line commandLine) bool {
	for _, b := range p.bases {
		if b.place.names() {
			return true
		}
	}
	port := p.getenv("MQTK_PORT")
	return line.namesBroker(path) || p.getenv("MQTK_URL") != "" || p.getenv("MQTK_HOST") != "" || port != "" && !strings.Contains(port, "://")
}

// namesBroker tells whether what was typed says where the broker is.
func (line commandLine) namesBroker(path []*cli.Command) bool {
	for _, name := range []string{"host", "port", "url", "unix", "to", "broker"} {
		if _, given := line.value(name); given {
			return true
		}
	}
	switch path[1].Name {
	case "inspect":
		for _, word := range line.words() {
			if isURL(word) {
				return true
			}
		}
		return path[len(path)-1].Name == "fuzz" && len(line.Dashed) > 0
	case "bench":
		return len(line.Dashed) > 0
	}
	return false
}

// warnOfPassword says so where a context's password goes to another broker than
// the context's, or without its TLS: that was asked for, and may not be meant.
func (b *base) warnOfPassword(p *program, where place) {
	if b.named == "" || !b.place.names() {
		return
	}
	ours := where.password != nil && where.password == b.place.password ||
		where.passwordFrom.from != "" && where.passwordFrom == b.place.passwordFrom
	own, target := b.place.aim(), where.aim()
	safe := isTLS(target.Scheme) || !isTLS(own.Scheme)
	if own.Scheme == "unix" || target.Scheme == "unix" {
		safe = own.String() == target.String()
	}
	if !ours || safe && strings.EqualFold(own.Host, target.Host) {
		return
	}
	p.warn("the password of %s goes to %s, which is named beside it, and not to %s: -u and --password-from give others", b.named, target, own)
	b.named = ""
}

// aboutPlace tells the flags that base.place is made of.
func aboutPlace(f cli.Flag) bool {
	if categoryOf(f) == "TLS" {
		return true
	}
	switch flagNames(f)[0] {
	case "host", "port", "url", "unix", "username", "password", "password-from", "id", "id-prefix", "keep-alive", "protocol-version":
		return true
	}
	return false
}

func categoryOf(f cli.Flag) string {
	c, ok := f.(cli.CategorizableFlag)
	if !ok {
		return ""
	}
	return c.GetCategory()
}

// overruled tells whether something typed takes the place of a flag. Where the
// broker is, is compared later.
func (b *base) overruled(name string) bool {
	rivals := []string{name}
	switch name {
	case "host", "port", "url", "unix":
		return false
	case "id", "id-prefix":
		rivals = []string{"id", "id-prefix"}
	case "password", "password-from":
		rivals = []string{"password", "password-from"}
	case "cafile", "capath", "tls-use-os-certs":
		rivals = []string{"cafile", "capath", "tls-use-os-certs"}
	case "cert", "key", "key-password-from":
		rivals = []string{name, "cert"}
	}
	for _, rival := range rivals {
		if _, given := b.typed.value(rival); given {
			return true
		}
	}
	return strings.HasPrefix(name, "will-") && b.typed.has("will-topic")
}

// takePlace stores the value of a flag that says where the broker is or who
// connects. by is what says so, for people.
func (b *base) takePlace(name, value, by string) error {
	f := findIn(b.flags, name)
	if err := setFlag(f, value); err != nil {
		return usageIn(b.path, "%s %s: %v", by, strings.ReplaceAll(value, wordSeparator, " "), err)
	}
	b.by[name] = by
	return nil
}

// settle makes the place of what was taken.
func (b *base) settle() (err error) {
	o := &b.options
	from := o.URL
	o.URL = ""
	if b.place, _, err = o.said(""); err != nil {
		return usageIn(b.path, "%s: unix, beside host or port, names a second broker", b.by["unix"])
	}
	b.place.clientID, b.place.idPrefix, b.place.version = nil, o.IDPrefix, o.Version
	if o.ID != "" {
		b.place.clientID = &o.ID
	}
	b.place.keepAlive, b.place.secure = o.KeepAlive, o.TLS
	b.place.passwordFrom = b.secret("password-from", o.PasswordFrom)
	b.place.keyPassword = b.secret("key-password-from", o.KeyPasswordFrom)
	if o.Password != nil && o.PasswordFrom != "" {
		return usageIn(b.path, "%s: the password is there already", b.by["password-from"])
	}
	url, topic, err := placeOfURL(b.by["url"], from)
	if err != nil {
		return err
	}
	b.topic, b.place = topic, b.place.over(url)
	return nil
}

func (b *base) secret(name, from string) secretSource {
	if from == "" {
		return secretSource{}
	}
	return secretSource{b.by[name] + " " + from, from}
}

// add puts a flag of the command below what was typed.
func (b *base) add(f cli.Flag, value, by string) {
	b.line.Flags = append(b.line.Flags, "--"+flagNames(f)[0]+"="+value)
	b.line.typed = append(b.line.typed, by)
	b.line.given = append(b.line.given, f)
}

// value is the last value of a flag.
func (l commandLine) value(name string) (value string, given bool) {
	for _, f := range l.Flags {
		if n, v, _ := strings.Cut(f[len("--"):], "="); n == name {
			value, given = v, true
		}
	}
	return value, given
}

func (l commandLine) has(name string) bool {
	_, given := l.value(name)
	return given
}
