package commands

import (
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
	passwordFile       string
	clientID           *string
	keepAlive          *uint16
	version            mqttwire.Version

	tls                       bool // TLS is on where no URL says more
	caFile, certFile, keyFile string
	alpn                      []string
}

// names tells whether the source says where the broker is. If so, nothing of
// a weaker source counts: its password is for another broker.
func (s place) names() bool {
	return s.hasTarget || s.host != "" || s.port != 0 || s.unix != ""
}

// resolve asks flags, URL, environment and default, in this order. topic is
// the URL's path, which holds even where flags name another broker.
func (o *connectOptions) resolve(getenv func(string) string) (place, string, error) {
	flags := place{host: o.Host, unix: o.Unix, username: o.Username, password: o.Password, tls: wantsTLS(&o.TLS)}
	if o.Port != nil {
		flags.port = int(*o.Port)
	}
	if o.Unix != "" && (o.Host != "" || o.Port != nil) {
		return place{}, "", usagef("--unix and --host or --port name two brokers: give one")
	}
	fromURL, topic, err := placeOfURL("--url", o.URL)
	if err != nil {
		return place{}, "", err
	}
	environment, topicOfEnvironment, err := placeOfEnvironment(getenv)
	if err != nil {
		if flags.names() || fromURL.names() {
			environment = place{} // not asked for, so not wrong
		} else {
			return place{}, "", err
		}
	}
	if o.URL == "" && !flags.names() {
		topic = topicOfEnvironment
	}
	return merge(flags, fromURL, environment), topic, nil
}

// merge fills gaps from weaker sources until one names the broker.
func merge(sources ...place) place {
	var m place
	for _, s := range sources {
		m.username = firstOf(m.username, s.username)
		if m.password == nil && m.passwordFile == "" {
			m.password, m.passwordFile = s.password, s.passwordFile
		}
		m.clientID = firstOf(m.clientID, s.clientID)
		m.keepAlive = firstOf(m.keepAlive, s.keepAlive)
		if m.version == 0 {
			m.version = s.version
		}
		m.tls = m.tls || s.tls
		m.caFile, m.alpn = s.caFile, s.alpn // a flag is looked at before them
		m.certFile, m.keyFile = s.certFile, s.keyFile
		if s.names() {
			m.named = true
			m.target, m.host, m.port, m.unix, m.hasTarget = s.target, s.host, s.port, s.unix, s.hasTarget
			break
		}
	}
	if !m.hasTarget {
		m.target = targetOf(m.host, m.port, m.unix, m.tls)
	}
	return m
}

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
		scheme, usual = "mqtts", 8883
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
			err = toWords(&s.alpn)(value)
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
	s.caFile, s.certFile, s.keyFile = getenv("MQTK_CAFILE"), getenv("MQTK_CERT"), getenv("MQTK_KEY")
	s.tls = s.caFile != ""
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
	if s.password == nil {
		s.passwordFile = getenv("MQTK_PASSWORD_FILE")
	}
	return s, topic, nil
}
