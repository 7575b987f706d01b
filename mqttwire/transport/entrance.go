package transport

import (
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/url"
	"sync/atomic"
	"syscall"
)

// An entrance is what all connections of a listener go through before MQTT.
type entrance struct {
	proxy     ProxyOptions // Mode empty: none
	tls       *serverTLS   // nil: none
	ws        bool
	webSocket WebSocketOptions
}

func newEntrance(t Target, o ListenOptions) (e *entrance, err error) {
	secure, ws := layers(t.Scheme)
	e = &entrance{ws: ws, webSocket: o.WebSocket}
	switch w := o.WebSocket; {
	case t.Scheme != "unix" && (o.Mode != 0 || o.Owner != "" || o.Group != ""):
		return nil, errors.New("mode, owner and group are those of a Unix socket's file")
	case !ws && (w.Path != "" || len(w.Origins) > 0 || w.Compression || w.NoSubprotocol):
		return nil, errors.New("path, origins, compression and subprotocol belong to ws and wss")
	case ws && w.Path == "" && t.Path != "/":
		e.webSocket.Path = t.Path
	}
	switch o.Proxy.Mode {
	case "", "off":
	case "v1", "v2", "any":
		e.proxy = o.Proxy
		if len(o.Proxy.Trusted) == 0 && t.Scheme != "unix" {
			return nil, errors.New("the PROXY protocol needs to be told whom to trust: anybody could claim any address")
		}
	default:
		return nil, fmt.Errorf("PROXY protocol %q: it can be off, v1, v2 or any", o.Proxy.Mode)
	}
	if secure != (o.TLS != nil) {
		if secure {
			return nil, fmt.Errorf("%s needs a certificate and its key", t.Scheme)
		}
		return nil, fmt.Errorf("%s has no TLS: a certificate belongs to mqtts or wss", t.Scheme)
	}
	if o.TLS == nil {
		return e, nil
	}
	alpn := "mqtt"
	if ws {
		alpn = "http/1.1"
	}
	log := o.Log
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	e.tls, err = newServerTLS(*o.TLS, alpn, log)
	return e, err
}

// behind has l's connections go through e, if there is anything to go through.
func (e *entrance) behind(l net.Listener, scheme string) net.Listener {
	if e.proxy.Mode == "" && e.tls == nil && !e.ws {
		return l
	}
	p := &porch{Listener: l, scheme: scheme}
	p.entrance.Store(e)
	return p
}

// Change prepares other options for a listener of Listen's or Wrap's, whose URL
// stays. apply puts them in force: who comes from then on meets them, and who is
// there notices nothing. errors.ErrUnsupported says that the listener must be opened
// anew for them.
func Change(l net.Listener, url string, o ListenOptions) (apply func(), err error) {
	t, err := ParseURL(url)
	if err != nil {
		return nil, err
	}
	e, err := newEntrance(t, o)
	if err != nil {
		return nil, &Error{Kind: Usage, Subject: t.String(), Err: err}
	}
	p, ok := l.(*porch)
	if !ok || p.scheme != t.Scheme {
		return nil, &Error{Kind: Usage, Subject: t.String(), Detail: "the listener must be opened anew for that", Err: errors.ErrUnsupported}
	}
	return func() {
		if before := p.entrance.Load(); before.tls != nil && e.tls != nil {
			e.tls.takeOver(before.tls)
		}
		p.entrance.Store(e)
	}, nil // the key log of the one before is closed when nobody holds it any more
}

// A porch is a listener whose connections have a handshake before MQTT.
type porch struct {
	net.Listener
	scheme   string
	entrance atomic.Pointer[entrance]
}

// Accept returns a *Conn. It does not wait for its handshake.
func (p *porch) Accept() (net.Conn, error) {
	socket, err := p.Listener.Accept()
	if err != nil {
		return nil, err
	}
	return newConn(socket, p.entrance.Load()), nil
}

func (p *porch) Close() error {
	err := p.Listener.Close()
	if e := p.entrance.Load(); err == nil && e.tls != nil {
		e.tls.close()
	}
	return err
}

// SyscallConn is for options that accepted sockets inherit.
func (p *porch) SyscallConn() (syscall.RawConn, error) {
	if socket, ok := p.Listener.(syscall.Conn); ok {
		return socket.SyscallConn()
	}
	return nil, syscall.EINVAL
}

// URL is where clients reach it.
func (p *porch) URL() string {
	if p.scheme == "unix" {
		return URL(p.Listener)
	}
	u := url.URL{Scheme: p.scheme, Host: p.Addr().String()}
	if e := p.entrance.Load(); e.ws {
		u.Path = e.webSocket.Path
	}
	return u.String()
}
