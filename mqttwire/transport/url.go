package transport

import (
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"strconv"
	"strings"
)

// Target is a parsed URL.
type Target struct {
	Scheme      string
	Host        string // without brackets; empty for unix
	Port        int    // the scheme's default if the URL has none
	Path        string // percent-decoded, with its leading slash; for unix the file
	Username    string
	HasUsername bool
	Password    string
	HasPassword bool
	Query       url.Values // nil: no question mark
}

// ParseURL takes scheme://[user[:password]@]host[:port][/path][?query] apart.
// User name and password are percent-decoded and split at the first colon, an
// IPv6 address stands in brackets. A # is an ordinary character of the path,
// for the path may be a topic filter. The scheme must exist but need not be
// spoken by this build: that is for Dial and Listen to say.
func ParseURL(s string) (Target, error) {
	name, rest, found := strings.Cut(s, "://")
	if !found {
		return Target{}, usage(s, "not a URL: it needs a scheme, as in mqtt://localhost:1883")
	}
	t := Target{Scheme: strings.ToLower(name)}
	sch, known := lookup(t.Scheme)
	if !known {
		return Target{}, usage(s, fmt.Sprintf("unknown scheme %q; there are %s", name, allSchemes()))
	}
	rest, query, hasQuery := strings.Cut(rest, "?")
	authority, path := rest, ""
	if i := pathStart(rest); i >= 0 {
		authority, path = rest[:i], rest[i:]
	}
	var err error
	if t.Path, err = url.PathUnescape(path); err != nil {
		return Target{}, usage(s, "bad percent escape in the path")
	}
	if hasQuery {
		if t.Query, err = url.ParseQuery(query); err != nil {
			return Target{}, usage(s, "bad query")
		}
	}
	if i := strings.LastIndexByte(authority, '@'); i >= 0 {
		if err := t.parseUser(authority[:i]); err != nil {
			return Target{}, usage(s, err.Error())
		}
		authority = authority[i+1:]
	}
	if sch.port == 0 {
		return t, t.checkFile(s, authority)
	}
	if err := t.parseHost(authority, sch.port); err != nil {
		return Target{}, usage(s, err.Error())
	}
	return t, nil
}

// pathStart finds the slash that ends the authority. A slash before the last @
// of the first part would belong to a password that should have been escaped;
// it is not guessed at.
func pathStart(rest string) int { return strings.IndexByte(rest, '/') }

func (t *Target) parseUser(info string) (err error) {
	user, password, found := strings.Cut(info, ":")
	if t.Username, err = url.PathUnescape(user); err != nil {
		return fmt.Errorf("bad percent escape in the user name")
	}
	if t.Password, err = url.PathUnescape(password); err != nil {
		return fmt.Errorf("bad percent escape in the password")
	}
	t.HasUsername, t.HasPassword = user != "", found
	return nil
}

func (t *Target) checkFile(s, authority string) error {
	if authority != "" {
		return usage(s, "a unix URL has no host: write unix:///path/to/socket")
	}
	if t.Path == "" || t.Path == "/" {
		return usage(s, "a unix URL needs a path: unix:///path/to/socket")
	}
	return nil
}

func (t *Target) parseHost(authority string, port int) error {
	host, after := authority, ""
	if strings.HasPrefix(host, "[") {
		end := strings.IndexByte(host, ']')
		if end < 0 {
			return fmt.Errorf("the bracket of the IPv6 address is not closed")
		}
		host, after = host[1:end], host[end+1:]
		host = strings.Replace(host, "%25", "%", 1) // the zone, as RFC 6874 writes it
		if a, err := netip.ParseAddr(host); err != nil || !a.Is6() {
			return fmt.Errorf("%q in brackets is not an IPv6 address", host)
		}
	} else if i := strings.IndexByte(host, ':'); i >= 0 {
		host, after = host[:i], host[i:]
		if strings.Contains(after[1:], ":") {
			return fmt.Errorf("an IPv6 address needs brackets, as in mqtt://[::1]:1883")
		}
	}
	if strings.ContainsAny(host, " \t\r\n\"<>\\^`{|}@[]") {
		return fmt.Errorf("%q is not a host name", host)
	}
	t.Host, t.Port = host, port
	if after == "" || after == ":" {
		return nil
	}
	n, err := strconv.ParseUint(strings.TrimPrefix(after, ":"), 10, 16)
	if err != nil || after[0] != ':' {
		return fmt.Errorf("%q is not a port", strings.TrimPrefix(after, ":"))
	}
	t.Port = int(n)
	return nil
}

// Address is host:port, with brackets where needed.
func (t Target) Address() string { return net.JoinHostPort(t.Host, strconv.Itoa(t.Port)) }

// String is the URL without user name, password and query, and without a path
// that is not the WebSocket's: fit for messages, and to be dialled.
func (t Target) String() string {
	if sch, _ := lookup(t.Scheme); sch.port == 0 {
		return t.Scheme + "://" + (&url.URL{Path: t.Path}).EscapedPath()
	}
	s := t.Scheme + "://" + t.Address()
	if t.Scheme == "ws" || t.Scheme == "wss" {
		s += (&url.URL{Path: t.Path}).EscapedPath()
	}
	return s
}

func usage(s, detail string) error {
	return &Error{Kind: Usage, Subject: redact(s), Detail: detail}
}

// redact takes everything out of an unparsed URL that may be a secret.
func redact(s string) string {
	name, rest, found := strings.Cut(s, "://")
	if !found {
		name, rest = "", s
	}
	if i := strings.LastIndexByte(rest, '@'); i >= 0 {
		rest = "***@" + rest[i+1:]
	}
	if !found {
		return rest
	}
	return name + "://" + rest
}
