package commands

import (
	"cmp"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net/netip"
	"strings"
	"time"

	"github.com/urfave/cli/v2"

	"mqtk/mqttwire"
	"mqtk/mqttwire/client"
	"mqtk/mqttwire/sasl"
	"mqtk/mqttwire/transport"
)

// secureOptions are the connection flags about the way to the broker: TLS,
// proxy, WebSocket, and enhanced authentication.
type secureOptions struct {
	TLS             transport.ClientTLS // as far as flags say
	KeyPasswordFrom string
	Proxy           *string
	SRV             bool
	Header          []transport.HeaderField

	AuthMethod      string
	PlainWithoutTLS bool
}

func (o *secureOptions) flags() []cli.Flag {
	t := &o.TLS
	flags := inCategory("Connection",
		valued("proxy", "connect through the proxy `URL`: socks5://, socks5h:// (which looks up names itself) or http://, each with [USER:PASSWORD@]HOST[:PORT]; empty: none, whatever ALL_PROXY says", toProxy(&o.Proxy)),
		onOff("srv S", "take the host for a domain, and ask its SRV records where the broker is", &o.SRV),
		valued("ws-header", "send the field `NAME:VALUE` with a WebSocket upgrade (repeatable)", toHeader(&o.Header)))
	return append(flags, inCategory("TLS",
		valued("cafile", "trust the authorities in `FILE` (PEM) in place of the system's; turns TLS on", toString(&t.CAFile)),
		valued("capath", "trust the authorities in the PEM files of `DIR`; turns TLS on", toString(&t.CAPath)),
		onOff("tls-use-os-certs", "trust the authorities of the system, too; turns TLS on", &t.SystemCAs),
		valued("cert", "show the broker the certificate in `FILE` (PEM)", toString(&t.CertFile)),
		valued("key", "with the key in `FILE` (PEM; default: it is in that of --cert)", toString(&t.KeyFile)),
		valued("key-password-from", "take the password of an encrypted key from `SOURCE`, as for --password-from", toString(&o.KeyPasswordFrom)),
		onOff("insecure", "do not look for the host's name in the broker's certificate, and, without --cafile and --capath, at nothing in it", &t.Insecure),
		valued("servername", "look for `NAME` in the broker's certificate, and ask for it (SNI)", toString(&t.ServerName)),
		valued("tls-version", "speak TLS `VERSION` alone: 1.2 or 1.3", toTLSVersion(t)),
		valued("ciphers", "offer the `CIPHERS` of TLS 1.2, by their names in Go, with commas between", toWords(&t.Ciphers)),
		valued("alpn tls-alpn", "offer the `PROTOCOLS`, with commas between (default: mqtt on port 443, else none)", toWords(&t.ALPN)),
		valued("tls-keylog", "add the secrets of the connection to `FILE`, for those who look into it with a sniffer", toString(&t.KeyLog)))...)
}

// authFlags are those of enhanced authentication.
func (o *secureOptions) authFlags() []cli.Flag {
	return []cli.Flag{
		valued("auth-method", "log in by the SASL mechanism `NAME`, with user name and password of the usual flags: "+strings.Join(sasl.Methods(), ", ")+" (MQTT 5.0)", toAuthMethod(&o.AuthMethod)),
		onOff("plain-without-tls", "let --auth-method PLAIN show the password to the network", &o.PlainWithoutTLS),
	}
}

// wantsTLS tells whether the flags turn TLS on by themselves, as mosquitto's do.
func wantsTLS(t *transport.ClientTLS) bool {
	return t.CAFile != "" || t.CAPath != "" || t.SystemCAs
}

// tlsFlag names a flag that means nothing without TLS; empty: none is given.
func (o *secureOptions) tlsFlag() string {
	t := &o.TLS
	for _, f := range []struct {
		name  string
		given bool
	}{
		{"--cafile", t.CAFile != ""}, {"--capath", t.CAPath != ""}, {"--tls-use-os-certs", t.SystemCAs},
		{"--cert", t.CertFile != ""}, {"--key", t.KeyFile != ""}, {"--key-password-from", o.KeyPasswordFrom != ""},
		{"--insecure", t.Insecure}, {"--servername", t.ServerName != ""}, {"--tls-version", t.MaxVersion != 0},
		{"--ciphers", len(t.Ciphers) > 0}, {"--alpn", len(t.ALPN) > 0}, {"--tls-keylog", t.KeyLog != ""},
	} {
		if f.given {
			return f.name
		}
	}
	return ""
}

// isTLS tells the schemes with TLS.
func isTLS(scheme string) bool {
	switch scheme {
	case "mqtts", "ssl", "tls", "tcps", "mqtt+ssl", "wss":
		return true
	}
	return false
}

func isWebSocket(scheme string) bool { return scheme == "ws" || scheme == "wss" }

// dialOptions is how to reach the place, and where the proxy is named.
func (o *connectOptions) dialOptions(p *program, where place) (d transport.DialOptions, proxyFrom string, err error) {
	d = transport.DialOptions{LocalAddress: o.Bind, SRV: o.SRV, WebSocket: transport.ClientWebSocket{Header: o.Header}}
	scheme := where.target.Scheme
	switch {
	case len(o.Header) > 0 && !isWebSocket(scheme):
		return d, "", usagef("--ws-header is for WebSocket, which %s:// is not", scheme)
	case o.SRV && (scheme == "unix" || isWebSocket(scheme)):
		return d, "", usagef("--srv: there are no SRV records for %s://", scheme)
	case o.SRV && o.Port != nil:
		return d, "", usagef("--srv finds the port as well: leave --port out")
	case scheme == "unix" && o.Proxy != nil && *o.Proxy != "":
		return d, "", usagef("--proxy: no proxy leads to a Unix socket")
	}
	if where.version == mqttwire.V31 || o.Version == mqttwire.V31 {
		d.WebSocket.Subprotocol = "mqttv3.1"
	}
	if d.Proxy, proxyFrom, err = o.proxy(p.getenv, where.target); err != nil {
		return d, "", err
	}
	if !isTLS(scheme) {
		if flag := o.tlsFlag(); flag != "" {
			return d, "", needsTLS(flag, where)
		}
		return d, proxyFrom, nil
	}
	d.TLS, err = o.clientTLS(p, where)
	return d, proxyFrom, err
}

// needsTLS refuses a flag where there is no TLS, rather than pass over it.
func needsTLS(flag string, where place) error {
	if where.hasTarget || where.unix != "" {
		return usagef("%s needs TLS, which %s:// is not", flag, where.target.Scheme)
	}
	return usagef("%s needs TLS: --cafile or --tls-use-os-certs turn it on, or a URL such as mqtts://%s", flag, where.target.Host)
}

// completeTLS fills in what t does not say. What belongs together is from one
// source: a certificate and its key, whom to trust.
func completeTLS(t, weaker *transport.ClientTLS) {
	if t.CAFile == "" && t.CAPath == "" && !t.SystemCAs {
		t.CAFile, t.CAPath, t.SystemCAs = weaker.CAFile, weaker.CAPath, weaker.SystemCAs
	}
	if t.CertFile == "" && t.KeyFile == "" {
		t.CertFile, t.KeyFile = weaker.CertFile, weaker.KeyFile
	}
	if t.MaxVersion == 0 {
		t.MinVersion, t.MaxVersion = weaker.MinVersion, weaker.MaxVersion
	}
	if len(t.Ciphers) == 0 {
		t.Ciphers = weaker.Ciphers
	}
	if len(t.ALPN) == 0 {
		t.ALPN = weaker.ALPN
	}
	t.Insecure = t.Insecure || weaker.Insecure
	t.ServerName = cmp.Or(t.ServerName, weaker.ServerName)
	t.KeyLog = cmp.Or(t.KeyLog, weaker.KeyLog)
}

// clientTLS completes what flags say by URL and environment.
func (o *connectOptions) clientTLS(p *program, where place) (t transport.ClientTLS, err error) {
	t = o.TLS
	completeTLS(&t, &where.secure)
	if t.KeyLog == "" {
		t.KeyLog = p.getenv("SSLKEYLOGFILE")
	}
	source := where.keyPassword
	if o.KeyPasswordFrom != "" {
		source = flagSecret("--key-password-from", o.KeyPasswordFrom)
	}
	if source.from != "" {
		if t.KeyPassword, err = p.secretFrom(source); err != nil {
			return t, err
		}
	}
	if t.Insecure && isTerminal(p.Err) {
		p.warn("--insecure: whoever answers in place of the broker will not be noticed")
	}
	return t, nil
}

// proxy chooses the proxy, and tells what named it.
func (o *connectOptions) proxy(getenv func(string) string, target transport.Target) (url, from string, err error) {
	if o.Proxy != nil {
		return *o.Proxy, "--proxy", nil
	}
	either := func(name string) string {
		if v := getenv(name); v != "" {
			return v
		}
		return getenv(strings.ToLower(name))
	}
	url = transport.ProxyFor(target, either("ALL_PROXY"), either("NO_PROXY"))
	if url == "" {
		return "", "", nil
	}
	if err := transport.CheckProxy(url); err != nil {
		return "", "", usagef("ALL_PROXY: %v", err)
	}
	return url, "ALL_PROXY", nil
}

// authenticator makes the client's half of --auth-method, one for each client. User name and password
// are for it alone then: a password in the CONNECT would give away what most
// mechanisms keep to themselves.
func (o *connectOptions) authenticator(where place, connect *mqttwire.Connect) (func() (client.Authenticator, error), error) {
	if o.AuthMethod == "" {
		if o.PlainWithoutTLS {
			return nil, usagef("--plain-without-tls is for --auth-method PLAIN")
		}
		return nil, nil
	}
	if o.Properties.has(mqttwire.CONNECT, mqttwire.AuthenticationMethod) || o.Properties.has(mqttwire.CONNECT, mqttwire.AuthenticationData) {
		return nil, usagef("--auth-method and --property connect authentication-... are both given")
	}
	if o.AuthMethod == sasl.Plain && !o.PlainWithoutTLS && !isTLS(where.target.Scheme) && !staysHere(where.target) {
		return nil, usagef("--auth-method PLAIN shows the password to the network without TLS: take mqtts:// or SCRAM-SHA-256, or add --plain-without-tls")
	}
	who := sasl.ClientOptions{Username: connect.Username, Password: connect.Password, Host: where.target.Host}
	if o.AuthMethod == sasl.External {
		who.Identity = connect.Username
	}
	connect.HasUsername, connect.Username, connect.HasPassword, connect.Password = false, "", false, nil
	return func() (client.Authenticator, error) {
		method, err := sasl.NewClient(o.AuthMethod, who)
		if err != nil {
			return nil, usagef("--auth-method: %w", err)
		}
		return method, nil
	}, nil
}

// reauthenticating runs the mechanism again and again. A connection that is
// lost meanwhile does so itself when it is made anew. The returned function ends
// that.
func (l *link) reauthenticating(every time.Duration) (stop func()) {
	if every == 0 {
		return func() {}
	}
	ctx, cancel := context.WithCancel(l.ctx)
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		tick := time.NewTicker(every)
		defer tick.Stop()
		for {
			select {
			case <-ctx.Done():
				return
			case <-l.Done():
				return
			case <-tick.C:
			}
			err := l.Reauthenticate(ctx)
			if err != nil && ctx.Err() == nil && !errors.As(err, new(*client.LostError)) {
				l.stop(err)
			}
		}
	}()
	return func() {
		cancel()
		<-ended
	}
}

// staysHere tells that nobody but this machine sees what is sent.
func staysHere(t transport.Target) bool {
	a, err := netip.ParseAddr(t.Host)
	return t.Scheme == "unix" || t.Host == "localhost" || err == nil && a.IsLoopback()
}

func toAuthMethod(into *string) func(string) error {
	return func(s string) error {
		for _, name := range sasl.Methods() {
			if strings.EqualFold(name, s) {
				*into = name
				return nil
			}
		}
		return fmt.Errorf("must be one of %s", strings.Join(sasl.Methods(), ", "))
	}
}

func toTLSVersion(t *transport.ClientTLS) func(string) error {
	return func(s string) error {
		switch strings.TrimPrefix(strings.ToLower(s), "tlsv") {
		case "1.2":
			t.MinVersion, t.MaxVersion = tls.VersionTLS12, tls.VersionTLS12
		case "1.3":
			t.MinVersion, t.MaxVersion = tls.VersionTLS13, tls.VersionTLS13
		default:
			return errors.New("must be 1.2 or 1.3")
		}
		return nil
	}
}

// toWords takes a list with commas, or colons as openssl has them.
func toWords(into *[]string) func(string) error {
	return func(s string) error {
		words := strings.FieldsFunc(s, func(r rune) bool { return r == ',' || r == ':' || r == ' ' })
		if len(words) == 0 {
			return errors.New("may not be empty")
		}
		*into = words
		return nil
	}
}

func toProxy(into **string) func(string) error {
	return func(s string) error {
		if s != "" {
			if err := transport.CheckProxy(s); err != nil {
				e := new(transport.Error)
				errors.As(err, &e)
				return errors.New(e.Detail)
			}
		}
		*into = &s
		return nil
	}
}

func toHeader(into *[]transport.HeaderField) func(string) error {
	return func(s string) error {
		name, value, found := strings.Cut(s, ":")
		if !found {
			return errors.New("must be NAME:VALUE")
		}
		f := transport.HeaderField{Name: name, Value: strings.TrimSpace(value)}
		if err := transport.CheckHeader(f); err != nil {
			e := new(transport.Error)
			errors.As(err, &e)
			return errors.New(e.Detail)
		}
		*into = append(*into, f)
		return nil
	}
}
