package commands

import (
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/url"
	"os"
	"reflect"
	"strings"
	"sync"
	"syscall"

	"mqtk/broker"
	"mqtk/commands/config"
	"mqtk/mqttwire"
	"mqtk/mqttwire/transport"
)

// A door is a listener of the configuration: where it is open, and the gate that
// all who come by it pass.
type door struct {
	config.Listener
	options   transport.ListenOptions
	rules     broker.GateRules
	guests    string         // who may come in, for the log
	public    bool           // other machines may come in without being asked who they are
	gate      *broker.Gate   // nil until the house is moved into
	listeners []net.Listener // two for localhost

	passed      bool            // a service manager has opened it
	serving     *sync.WaitGroup // those who let in by the listeners
	rivalled    []string        // where it was open until it made way at a reload
	alterations []func()        // what the listeners of the door before it are to do another way
}

// newDoor plans a door; nothing is opened.
func newDoor(l config.Listener, public bool, log *slog.Logger) *door {
	return &door{Listener: l, public: public, options: listenOptions(l, log), rules: gateRules(l)}
}

func listenOptions(l config.Listener, log *slog.Logger) transport.ListenOptions {
	o := transport.ListenOptions{Log: log}
	scheme, _, _ := strings.Cut(l.URL, "://")
	switch strings.ToLower(scheme) {
	case "unix":
		o.Mode, o.Owner, o.Group = l.Mode, l.Owner, l.Group
	case "ws", "wss":
		o.WebSocket = transport.WebSocketOptions{Path: l.Path, Origins: l.Origins, Compression: l.Compression, NoSubprotocol: l.Subprotocol == "optional", ForwardedFor: l.Trusted}
	}
	if l.ProxyProtocol != "off" {
		o.Proxy = transport.ProxyOptions{Mode: l.ProxyProtocol, Trusted: l.Trusted}
	}
	if len(l.Cert) > 0 {
		o.TLS = &transport.ServerTLS{ClientCA: l.ClientCA, Ciphers: l.Ciphers, ALPN: l.ALPN, KeyLog: l.TLSKeylog, MinVersion: tls.VersionTLS12}
		if l.ClientCA != "" {
			o.TLS.ClientCertificate = l.ClientCert
		}
		if l.TLSMin == "1.3" {
			o.TLS.MinVersion = tls.VersionTLS13
		}
		for i, cert := range l.Cert {
			o.TLS.Certificates = append(o.TLS.Certificates, transport.KeyPair{Cert: cert, Key: l.Key[i]})
		}
	}
	return o
}

func gateRules(l config.Listener) broker.GateRules {
	r := broker.GateRules{Name: l.URL, MaxConnections: l.MaxConnections, Allow: l.Allow, Deny: l.Deny,
		SlowReceiver: l.SlowReceiver, MountPoint: l.MountPoint, BindClientID: l.BindClientID}
	for _, v := range l.Versions {
		r.Versions = append(r.Versions, map[string]mqttwire.Version{"3.1": mqttwire.V31, "3.1.1": mqttwire.V311, "5.0": mqttwire.V5}[v])
	}
	return r
}

// place is what a reload knows a door by: with the same one it stays open.
func (d *door) place() string {
	target, err := transport.ParseURL(d.URL)
	if err != nil {
		return d.URL
	}
	return target.String()
}

// open opens the door at all its addresses that this machine has, or at none.
func (d *door) open(s *sockets) error {
	var absent error
	for _, address := range addresses(d.URL) {
		l, err := d.listen(address, s)
		if err != nil && noSuchAddress(err) {
			absent = err // not every machine speaks IPv6
			continue
		}
		if err == nil {
			d.listeners = append(d.listeners, l)
		}
		if err == nil && d.guests == everybody && !d.public && !isLocal(l.Addr()) {
			err = usagef("%s: the name now leads to %s, where other machines could connect, and nobody would be asked for credentials", d.URL, l.Addr())
		}
		if err != nil {
			d.close()
			return d.explain(err)
		}
	}
	if len(d.listeners) == 0 {
		return d.explain(absent)
	}
	return nil
}

// listen takes the socket that was passed on for an address, or opens one.
func (d *door) listen(address string, s *sockets) (net.Listener, error) {
	if passed := s.claim(address); passed != nil {
		d.passed = true
		return transport.Wrap(passed, address, d.options)
	}
	return transport.Listen(address, d.options)
}

// alter prepares what the listeners of the door before are to do in another way. A
// plain one has nothing that could be done so; of TLS the files are read anew.
func (d *door) alter(old *door) error {
	if d.options.TLS == nil && d.URL == old.URL && reflect.DeepEqual(d.options, old.options) {
		return nil
	}
	for _, l := range old.listeners {
		apply, err := transport.Change(l, d.URL, d.options)
		if errors.Is(err, errors.ErrUnsupported) {
			return usagef("%s: proxy_protocol, mode, owner and group of a plain listener need a restart to change, or a reload without the listener before", d.URL)
		}
		if err != nil {
			return d.explain(err)
		}
		d.alterations = append(d.alterations, apply)
	}
	return nil
}

func (d *door) close() {
	for _, l := range d.listeners {
		l.Close()
	}
	d.listeners = nil
}

// addresses takes localhost for what it means, both loopback addresses: a resolver
// gives one of them to whoever listens, and perhaps the other to whoever connects.
// Any free port would be two different ones, so there it is one address.
func addresses(address string) []string {
	u, err := url.Parse(address)
	if err != nil || !strings.EqualFold(u.Hostname(), "localhost") {
		return []string{address}
	}
	at := func(host string) string {
		there := *u
		if there.Host = host; u.Port() != "" {
			there.Host += ":" + u.Port()
		}
		return there.String()
	}
	if u.Port() == "0" {
		return []string{at("127.0.0.1")}
	}
	return []string{at("127.0.0.1"), at("[::1]")}
}

// greet says where the door is, and who may come in.
func (d *door) greet(log *slog.Logger) {
	for _, u := range d.urls() {
		log.Info("listening", "url", u, "lets_in", d.guests)
	}
}

func isLocal(address net.Addr) bool {
	tcp, ok := address.(*net.TCPAddr)
	return !ok || tcp.IP.IsLoopback()
}

func noSuchAddress(err error) bool {
	return errors.Is(err, syscall.EADDRNOTAVAIL) || errors.Is(err, syscall.EAFNOSUPPORT)
}

// explain names the likely cause, and what to do.
func (d *door) explain(err error) error {
	var known *failure
	if errors.As(err, &known) {
		return err
	}
	f := fail(exitFailed, err)
	if source := d.Source("url"); !strings.HasPrefix(source, "--") && source != config.Default {
		f.Err = fmt.Errorf("%s: %w", source, err)
	}
	var t *transport.Error
	switch {
	case errors.Is(err, syscall.EADDRINUSE):
		f.Hints = []string{
			"most likely another broker runs there (mosquitto starts with the system on many)",
			"stop it, or take another port: mqtk serve -p 1884, or -p 0 for any free one",
		}
	case errors.Is(err, os.ErrPermission):
		f.Hints = []string{"ports below 1024 belong to root; a socket needs a folder that you may write to"}
	case noSuchAddress(err):
		f.Hints = []string{"this machine has no such address"}
	case errors.As(err, &t) && t.Kind != transport.Unreachable:
		f.Code = exitUsage
	}
	return f
}

// clientURL is the address for a client on this machine: the first TCP
// listener, and loopback where it listens on all interfaces.
func clientURL(urls []string) string {
	best := urls[0]
	for _, u := range urls {
		if !strings.HasPrefix(u, "unix:") {
			best = u
			break
		}
	}
	u, err := url.Parse(best)
	if err != nil {
		return best
	}
	ip := net.ParseIP(u.Hostname())
	switch {
	case ip == nil || !ip.IsUnspecified():
		return best
	case ip.To4() != nil:
		u.Host = net.JoinHostPort("127.0.0.1", u.Port())
	default:
		u.Host = net.JoinHostPort("::1", u.Port())
	}
	return u.String()
}
