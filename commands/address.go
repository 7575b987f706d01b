package commands

import (
	"cmp"
	"net/url"
	"path/filepath"
	"strconv"
	"strings"

	"mqtk/mqttwire"
	"mqtk/mqttwire/transport"
)

// A place is what one source (the flags, the URL, the environment) says about
// where the broker is and who connects.
type place struct {
	target    transport.Target
	host      string
	port      int
	unix      string
	hasTarget bool
	named     bool // some source says where; else it is the default

	username, password *string
	passwordFrom       secretSource
	clientID           *string
	idPrefix           string
	keepAlive          *uint16
	version            mqttwire.Version

	tls         bool                // TLS is on where no URL says more
	secure      transport.ClientTLS // as far as no flag says more
	keyPassword secretSource
}

// names tells whether the source says where the broker is. If so, nothing of
// a weaker source counts: its password is for another broker.
func (s place) names() bool {
	return s.hasTarget || s.host != "" || s.port != 0 || s.unix != ""
}

// resolve asks flags, URL, environment and default, in this order. topic is
// the URL's path, which holds even where flags name another broker.
// What an options file or --context says counts beside flags and URL, for it
// was asked for; what MQTK_CONTEXT says comes behind the environment.
func (o *connectOptions) resolve(p *program) (place, string, error) {
	where, topic, err := o.said("--url")
	if err != nil {
		return place{}, "", err
	}
	for _, b := range p.bases {
		if b.aside != "" {
			p.warn("%s: what it says of broker, TLS, credentials and client id is left aside, since the command line names a broker", b.aside)
			b.aside = ""
		}
		if b.firm {
			elsewhere := where.names()
			if where = where.over(b.place); elsewhere {
				b.warnOfPassword(p, where)
			}
			if o.URL == "" {
				topic = cmp.Or(topic, b.topic)
			}
		}
	}
	environment, topicOfEnvironment, err := placeOfEnvironment(p.getenv)
	if err != nil {
		if !where.names() {
			return place{}, "", err
		}
		environment = place{} // not asked for, so not wrong
	}
	if !where.names() {
		topic = cmp.Or(topic, topicOfEnvironment)
		where = where.fill(environment)
	}
	for _, b := range p.bases {
		if !b.firm && !where.names() {
			topic = cmp.Or(topic, b.topic)
			where = where.fill(b.place)
		}
	}
	where.named = where.names()
	where.target = where.aim()
	return where, topic, nil
}

// aim is the broker that is named, or the default.
func (s place) aim() transport.Target {
	if s.hasTarget {
		return s.target
	}
	return targetOf(s.host, s.port, s.unix, s.tls || s.port == portOfTLS)
}

// said is what flags and URL say about where the broker is; flag is what gave
// the URL. TLS is left to the flags themselves, which are looked at first.
func (o *connectOptions) said(flag string) (place, string, error) {
	where := place{host: o.Host, unix: o.Unix, username: o.Username, password: o.Password, tls: wantsTLS(&o.TLS)}
	if o.Port != nil {
		where.port = int(*o.Port)
	}
	if o.Unix != "" && (o.Host != "" || o.Port != nil) {
		return place{}, "", usagef("--unix and --host or --port name two brokers: give one")
	}
	fromURL, topic, err := placeOfURL(flag, o.URL)
	if err == nil && !where.names() {
		where = where.fill(fromURL)
	}
	return where, topic, err
}

// fill closes gaps by what a weaker source says, which must not be asked where
// the broker is named already.
func (s place) fill(weaker place) place {
	s.target, s.host, s.port, s.unix, s.hasTarget = weaker.target, weaker.host, weaker.port, weaker.unix, weaker.hasTarget
	return s.complete(weaker)
}

// complete closes gaps, but for where the broker is.
func (s place) complete(weaker place) place {
	s.username = firstOf(s.username, weaker.username)
	if s.password == nil && s.passwordFrom == (secretSource{}) {
		s.password, s.passwordFrom = weaker.password, weaker.passwordFrom
	}
	if s.clientID == nil && s.idPrefix == "" {
		s.clientID, s.idPrefix = weaker.clientID, weaker.idPrefix
	}
	s.keepAlive = firstOf(s.keepAlive, weaker.keepAlive)
	s.version = cmp.Or(s.version, weaker.version)
	s.tls = s.tls || weaker.tls
	completeTLS(&s.secure, &weaker.secure)
	s.keyPassword = cmp.Or(s.keyPassword, weaker.keyPassword)
	return s
}

// over lays what is said above a weaker source that was asked for by name: a
// host or a port alone then takes the place of that one's, and the rest of its
// URL stays.
func (s place) over(weaker place) place {
	switch {
	case !s.names():
		return s.fill(weaker)
	case s.hasTarget || s.unix != "" || weaker.unix != "" || weaker.target.Scheme == "unix":
	case weaker.hasTarget:
		s.hasTarget, s.target, s.target.Host, s.target.Port = true, weaker.target, strings.Trim(cmp.Or(s.host, weaker.target.Host), "[]"), cmp.Or(s.port, weaker.target.Port)
	default:
		s.host, s.port = cmp.Or(s.host, weaker.host), cmp.Or(s.port, weaker.port)
	}
	return s.complete(weaker)
}

// portOfTLS is for nothing else: where no URL says more, it turns TLS on, as
// mosquitto's clients do.
const portOfTLS = 8883

func targetOf(host string, port int, unix string, tls bool) transport.Target {
	if unix != "" {
		if whole, err := filepath.Abs(unix); err == nil {
			unix = whole // in a URL it would be a host
		}
		return transport.Target{Scheme: "unix", Path: unix}
	}
	if host == "" {
		host = "localhost"
	}
	scheme, usual := "mqtt", 1883
	if tls {
		scheme, usual = "mqtts", portOfTLS
	}
	if port == 0 {
		port = usual
	}
	return transport.Target{Scheme: scheme, Host: strings.Trim(host, "[]"), Port: port}
}

// placeOfURL reads a URL. Its path is a topic where the scheme has no other
// use for it.
func placeOfURL(source, text string) (place, string, error) {
	if text == "" {
		return place{}, "", nil
	}
	target, err := transport.ParseURL(text)
	if err != nil {
		return place{}, "", usagef("%s: %v", source, err)
	}
	s := place{target: target, hasTarget: true}
	if target.Host == "" && target.Scheme != "unix" {
		s.target.Host = "localhost"
	}
	if target.HasUsername {
		s.username = &target.Username
	}
	if target.HasPassword {
		s.password = &target.Password
	}
	if err := s.query(source, target.Query); err != nil {
		return place{}, "", err
	}
	topic := ""
	if isPlain(target.Scheme) {
		topic = strings.TrimPrefix(target.Path, "/")
	}
	return s, topic, nil
}

// isPlain tells the schemes whose path is a topic.
func isPlain(scheme string) bool {
	return scheme != "unix" && !isWebSocket(scheme)
}

func (s *place) query(source string, query url.Values) error {
	for key, values := range query {
		value := values[len(values)-1]
		var err error
		switch key {
		case "version":
			err = toVersion(&s.version)(value)
		case "clientid":
			s.clientID = &value
		case "keepalive":
			err = toNumberGiven(&s.keepAlive, 0, 65535)(value)
		case "alpn":
			if !isTLS(s.target.Scheme) {
				return usagef("%s: alpn in the query is for TLS, which %s is not", source, s.target.Scheme)
			}
			err = toWords(&s.secure.ALPN)(value)
		default:
			return usagef("%s: unknown key %q in the query: there are version, clientid, keepalive and alpn", source, key)
		}
		if err != nil {
			return usagef("%s: %s in the query %w", source, key, err)
		}
	}
	return nil
}

// placeOfEnvironment reads MQTK_URL, or MQTK_HOST and MQTK_PORT, and the
// credentials. Where both name a broker, the URL does, alone: serve sets it
// for the command that it starts, and the other variables may come from
// further away.
func placeOfEnvironment(getenv func(string) string) (place, string, error) {
	s, topic, err := placeOfURL("MQTK_URL", getenv("MQTK_URL"))
	if err != nil {
		return place{}, "", err
	}
	host, port := getenv("MQTK_HOST"), getenv("MQTK_PORT")
	if strings.Contains(port, "://") {
		port = "" // set by a container platform for a service of that name
	}
	if s.hasTarget && (host != "" || port != "") {
		return s, topic, nil
	}
	s.secure.CAFile, s.secure.CertFile, s.secure.KeyFile = getenv("MQTK_CAFILE"), getenv("MQTK_CERT"), getenv("MQTK_KEY")
	s.tls = s.secure.CAFile != ""
	s.host = host
	if port != "" {
		n, err := strconv.ParseUint(port, 10, 16)
		if err != nil || n == 0 {
			return place{}, "", usagef("MQTK_PORT=%s: must be a number from 1 to 65535", port)
		}
		s.port = int(n)
	}
	if name := getenv("MQTK_USERNAME"); name != "" && s.username == nil {
		s.username = &name
	}
	if password := getenv("MQTK_PASSWORD"); password != "" && s.password == nil {
		s.password = &password
	}
	if file := getenv("MQTK_PASSWORD_FILE"); file != "" && s.password == nil {
		s.passwordFrom = secretSource{"MQTK_PASSWORD_FILE", "file:" + file}
	}
	return s, topic, nil
}
