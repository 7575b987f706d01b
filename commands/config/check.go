package config

import (
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"os"
	"slices"
	"strings"

	"mqtk/mqttwire/transport"
)

// Probes look at what the text cannot tell. What is nil is not looked at.
type Probes struct {
	Getenv    func(name string) string
	Lookup    func(host string) ([]string, error) // the addresses of a name
	Data      func(dir string) error              // whether data can be kept there
	Passwords func(path string) error             // reads a password file
	ACL       func(path string) error             // reads a file of rules
	JWT       func(AuthJWT) error                 // reads the keys of tokens
	SQL       func(AuthSQL) error                 // reads the DSN; connects to nothing
	Files     bool                                // open certificates and keys, look up owners
}

// Check finds what only the whole can tell, once all sources are in.
func (c *Config) Check(p Probes) []Problem {
	k := checker{c: c, probes: p}
	for i := range c.Listeners {
		k.listener(&c.Listeners[i])
	}
	k.twice()
	k.data()
	k.authenticators()
	k.rules()
	return InOrder(k.problems)
}

type checker struct {
	c        *Config
	probes   Probes
	problems []Problem
}

// complain is about a key of the Config itself.
func (k *checker) complain(path, format string, a ...any) {
	o, ok := k.c.origins[path]
	if !ok {
		o.source = ""
	}
	k.add(o, o.source, path, fmt.Sprintf(format, a...))
}

// about is about a key of a listener; about its URL, where it has no such key.
func (k *checker) about(l *Listener, name, format string, a ...any) {
	o, ok := l.origins[name]
	if !ok {
		o = l.origins["url"]
	}
	k.add(o, strings.TrimSpace(o.source+" "+l.URL), "listener."+name, fmt.Sprintf(format, a...))
}

func (k *checker) add(o origin, source, key, text string) {
	if o.bad {
		return
	}
	p := Problem{File: source}
	if o.inFile {
		p = problemAt(k.c.Path, k.c.text, o.at)
	} else {
		key = strings.TrimPrefix(key, "listener.")
	}
	p.Key, p.Text = key, text
	k.problems = append(k.problems, p)
}

func (k *checker) listener(l *Listener) {
	target, err := transport.ParseURL(l.URL)
	if err != nil {
		return // said before
	}
	kinds := kindsOf(target.Scheme)
	for _, row := range schema() {
		if _, given := l.origins[row.name()]; row.ofListener() && given && row.On != "" && !slices.Contains(kinds, row.On) {
			k.about(l, row.name(), "has no effect on %s; it belongs to %s", target, schemesOf(row.On))
		}
	}
	if slices.Contains(kinds, "tls") {
		k.certificates(l)
	}
	k.access(l)
	switch {
	case k.c.AllowAnonymous || k.certified(l) || k.isLocal(target):
	case slices.Contains(l.Auth, "anonymous"):
		k.about(l, "auth", "nobody would be asked for credentials who brings none, and other machines could connect here: leave out anonymous, or set allow_anonymous = true if that is what you want")
	case !k.asks(l):
		k.about(l, "url", "other machines could connect here, and nobody would be asked for credentials; configure [auth], or set allow_anonymous = true if that is what you want")
	}
	k.details(l)
	if k.probes.Files && target.Scheme == "unix" {
		k.socket(l, target.Path)
	}
}

// kindsOf says which keys have a meaning: the On of the table.
func kindsOf(scheme string) []string {
	switch scheme {
	case "unix":
		return []string{"unix"}
	case "mqtt", "tcp":
		return []string{"tcp"}
	case "ws":
		return []string{"tcp", "ws"}
	case "wss":
		return []string{"tcp", "tls", "ws"}
	}
	return []string{"tcp", "tls"}
}

func schemesOf(on string) string {
	switch on {
	case "tls":
		return "mqtts and wss"
	case "ws":
		return "ws and wss"
	case "unix":
		return "unix"
	}
	return "mqtt, mqtts, ws and wss"
}

func (k *checker) certificates(l *Listener) {
	switch {
	case len(l.Cert) == 0 && len(l.Key) == 0:
		k.about(l, "cert", "an encrypted listener needs a certificate and its key: cert = \"FILE\" and key = \"FILE\"")
	case len(l.Key) == 0:
		k.about(l, "cert", "a certificate needs its private key: key = \"FILE\"")
	case len(l.Cert) == 0:
		k.about(l, "key", "a private key needs its certificate: cert = \"FILE\"")
	case len(l.Cert) != len(l.Key):
		k.about(l, "key", "%d of cert and %d of key: each certificate needs its own key, in the same order", len(l.Cert), len(l.Key))
	}
	for _, name := range []string{"client_cert", "user_from_cert"} {
		if _, given := l.origins[name]; given && l.ClientCA == "" {
			k.about(l, name, "needs client_ca: no client is asked for a certificate without")
		}
	}
	for _, name := range l.Ciphers {
		if known := cipherNames(); !slices.Contains(known, name) {
			k.about(l, "ciphers", "there is no cipher suite %q%s", name, orMeant(nearest(name, known)))
		}
	}
	if k.probes.Files {
		k.openCertificates(l)
	}
}

// cipherNames are those of TLS 1.2; those of 1.3 are not for choosing.
func cipherNames() []string {
	var names []string
	for _, s := range slices.Concat(tls.CipherSuites(), tls.InsecureCipherSuites()) {
		if slices.Contains(s.SupportedVersions, tls.VersionTLS12) {
			names = append(names, s.Name)
		}
	}
	return names
}

// access looks at who is asked.
func (k *checker) access(l *Listener) {
	for i, name := range l.Auth {
		switch {
		case name == "anonymous" && i < len(l.Auth)-1:
			k.about(l, "auth", "anonymous lets in who has no credentials: it stands last")
		case name == "cert" && l.UserFromCert == "":
			k.about(l, "auth", "cert needs user_from_cert, which says what of a certificate is the user name")
		case slices.Contains(authenticators(), name) && !k.c.configured(name):
			k.about(l, "auth", "%s is not configured: %s", name, howToConfigure(name))
		}
	}
	if l.Auth != nil && l.UserFromCert != "" && !slices.Contains(l.Auth, "cert") {
		k.about(l, "user_from_cert", `has no effect, since auth does not name "cert"`)
	}
	if l.BindClientID != "" && !k.asks(l) && !k.certified(l) {
		k.about(l, "bind_client_id", "has no effect where nobody is asked who they are")
	}
}

func howToConfigure(name string) string {
	switch name {
	case "file":
		return "[auth.file] needs passwords"
	case "sql":
		return "[auth.sql] needs driver and dsn"
	}
	return "[auth.jwt] needs key or jwks"
}

// asks says whether anybody may be asked who they are.
func (k *checker) asks(l *Listener) bool {
	return slices.ContainsFunc(k.c.Authenticators(l), func(name string) bool { return name != "anonymous" })
}

// certified says that nobody connects to the listener without a certificate.
func (k *checker) certified(l *Listener) bool {
	return l.ClientCA != "" && l.ClientCert == "require"
}

// isLocal says that no other machine reaches the address. A name that nobody
// can look up here will be judged when it is listened on.
func (k *checker) isLocal(target transport.Target) bool {
	if target.Scheme == "unix" || target.Host == "localhost" {
		return true
	}
	if a, err := netip.ParseAddr(target.Host); err == nil {
		return a.IsLoopback()
	}
	if target.Host == "" {
		return false
	}
	if k.probes.Lookup == nil {
		return true
	}
	hosts, err := k.probes.Lookup(target.Host)
	if err != nil {
		return true
	}
	return !slices.ContainsFunc(hosts, func(host string) bool {
		ip := net.ParseIP(host)
		return ip == nil || !ip.IsLoopback()
	})
}

// details are what one key may not be, beyond what its row says.
func (k *checker) details(l *Listener) {
	if l.ProxyProtocol != "off" && len(l.Trusted) == 0 && !strings.HasPrefix(l.URL, "unix:") {
		k.about(l, "proxy_protocol", `needs trusted, the addresses of the proxies, such as trusted = ["10.0.0.0/8"]`)
	}
	if strings.ContainsAny(l.MountPoint, "+#") {
		k.about(l, "mount_point", "%q holds + or #, which no topic may", l.MountPoint)
	}
	if l.Path != "" && !strings.HasPrefix(l.Path, "/") {
		k.about(l, "path", "%q begins with no slash", l.Path)
	}
	if u, err := url.Parse(l.URL); err == nil && l.Path != "" && u.Path != "" && u.Path != "/" && u.Path != l.Path {
		k.about(l, "path", "the URL names another path, %s: one of them is enough", u.Path)
	}
}

func (k *checker) data() {
	c := k.c
	if c.Data == "" {
		for _, name := range []string{"durability", "commit_delay"} {
			if c.Given(name) {
				k.complain(name, "says how data is kept, and there is no data = \"DIRECTORY\"")
			}
		}
		return
	}
	if k.probes.Data != nil {
		k.probe("data", k.probes.Data(c.Data))
	}
}

// probe takes what another reader says of a file; of many errors, the first shows
// which key names the file.
func (k *checker) probe(key string, err error) {
	if err == nil {
		return
	}
	errs := []error{err}
	if joined, ok := err.(interface{ Unwrap() []error }); ok && len(joined.Unwrap()) > 0 {
		errs = joined.Unwrap()
	}
	for i, err := range errs {
		k.complain(key, "%s", because(err))
		k.problems[len(k.problems)-1].more = i > 0
	}
}

// authenticators looks at the tables of [auth].
func (k *checker) authenticators() {
	c, p := k.c, k.probes
	if c.Auth.File.Passwords != "" && p.Passwords != nil {
		k.probe("auth.file.passwords", p.Passwords(c.Auth.File.Passwords))
	}
	k.database()
	if c.configured("jwt") {
		if p.JWT != nil {
			k.probe(k.firstGiven("auth.jwt"), p.JWT(c.Auth.JWT))
		}
	} else if key := k.firstGiven("auth.jwt"); key != "" {
		k.complain(key, "[auth.jwt] needs key or jwks, which say how tokens are signed")
	}
}

// firstGiven is the first key of the table that somebody has set, or "".
func (k *checker) firstGiven(table string) string {
	for _, row := range schema() {
		if strings.HasPrefix(row.Path, table+".") && k.c.Given(row.Path) {
			return row.Path
		}
	}
	return ""
}

func (k *checker) database() {
	sql := k.c.Auth.SQL
	given := k.firstGiven("auth.sql")
	switch {
	case given == "":
		return
	case sql.Driver == "":
		k.complain(given, "[auth.sql] needs driver, which is %s", orList([]string{"mysql", "postgres", "sqlite"}))
		return
	case sql.DSN == "":
		k.complain("auth.sql.driver", `[auth.sql] needs dsn, which says where the database is; "env:NAME" takes it from the environment`)
		return
	}
	if k.probes.Getenv != nil {
		if _, err := Secret(sql.DSN, k.probes.Getenv); err != nil {
			k.complain("auth.sql.dsn", "%v", err)
			return
		}
	}
	if k.probes.SQL != nil {
		k.probe("auth.sql.dsn", k.probes.SQL(sql))
	}
}

// Secret is the value of a secret, which env:NAME takes from the environment.
func Secret(value string, getenv func(string) string) (string, error) {
	name, isName := strings.CutPrefix(value, "env:")
	if !isName {
		return value, nil
	}
	if value = getenv(name); value == "" {
		return "", fmt.Errorf("the environment has no %s, which env:%s asks for", name, name)
	}
	return value, nil
}

func (k *checker) rules() {
	acl := k.c.ACL
	switch {
	case acl.File != "" && acl.SQL:
		k.complain("acl.sql", "file and sql cannot both say who may do what: leave one of them")
	case acl.SQL && !k.c.configured("sql"):
		k.complain("acl.sql", "needs [auth.sql], which says where the table is")
	}
	if acl.File == "" && !acl.SQL && k.c.Given("acl.no_match") {
		k.complain("acl.no_match", "there are no rules that could match, so everything is allowed: [acl] needs file, or sql = true with [auth.sql]")
	}
	for _, name := range []string{"acl.on_error", "acl.refresh"} {
		if !acl.SQL && k.c.Given(name) {
			k.complain(name, "belongs to rules from a database, and there is no sql = true in [acl]")
		}
	}
	if acl.File != "" && k.probes.ACL != nil {
		k.probe("acl.file", k.probes.ACL(acl.File))
	}
}

// because is an error of the system without the name of the call.
func because(err error) string {
	var path *os.PathError
	if errors.As(err, &path) && path.Error() == err.Error() {
		return fmt.Sprintf("%s: %v", path.Path, path.Err)
	}
	return err.Error()
}
