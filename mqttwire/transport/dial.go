package transport

import (
	"context"
	"net"
	"strings"
	"time"
)

// DialOptions say how to reach a server. The zero value is right for most.
type DialOptions struct {
	// LocalAddress is the address of this side to send from, an IP address or
	// a host name; empty lets the system choose. TCP only.
	LocalAddress string
	// TLS is for the schemes with TLS.
	TLS ClientTLS
	// Proxy is the URL of a proxy to go through: socks5, socks5h or http, with
	// user name and password where it wants them. Empty: none. See ProxyFor.
	Proxy string
	// SRV asks for the servers of the URL's host by its SRV records.
	SRV bool
	// WebSocket is for ws and wss.
	WebSocket ClientWebSocket
	// Resolver looks names up; nil is the system's.
	Resolver *net.Resolver
}

// ClientWebSocket says what to send with a WebSocket upgrade.
type ClientWebSocket struct {
	// Subprotocol is what MQTT is called; empty is mqtt, which MQTT 3.1 calls
	// mqttv3.1.
	Subprotocol string
	// Header are further fields of the request.
	Header []HeaderField
}

// HeaderField is a field of an HTTP header.
type HeaderField struct{ Name, Value string }

// Dial connects to the server at url. It ends with ctx. Nagle's algorithm is
// off. User name and password of the URL, and the path where the scheme is not
// ws or wss, are for others to use; so is its query.
func Dial(ctx context.Context, url string, o DialOptions) (net.Conn, error) {
	t, err := ParseURL(url)
	if err != nil {
		return nil, err
	}
	sch, _ := lookup(t.Scheme)
	if sch.dial == nil {
		return nil, unsupported(t.String(), t.Scheme)
	}
	c, err := sch.dial(ctx, t, o)
	if err != nil {
		return nil, wrap(t, "", err)
	}
	return c, nil
}

// dialTCP makes the stream of bytes below everything else: straight or through
// a proxy, to the host of the URL or to one of those that its SRV records name.
func dialTCP(ctx context.Context, t Target, o DialOptions) (net.Conn, error) {
	if t.Host == "" {
		t.Host = "localhost"
	}
	if o.SRV {
		return dialSRV(ctx, t, o)
	}
	return dialHost(ctx, t, o)
}

func dialHost(ctx context.Context, t Target, o DialOptions) (net.Conn, error) {
	if o.Proxy != "" {
		return dialProxy(ctx, t, o)
	}
	return dialStraight(ctx, t, o)
}

func dialStraight(ctx context.Context, t Target, o DialOptions) (net.Conn, error) {
	d := net.Dialer{Resolver: o.Resolver}
	if o.LocalAddress != "" {
		local, err := net.ResolveTCPAddr("tcp", net.JoinHostPort(strings.Trim(o.LocalAddress, "[]"), "0"))
		if err != nil {
			return nil, &Error{Kind: Usage, Subject: o.LocalAddress, Detail: "no local address to send from", Err: err}
		}
		d.LocalAddr = local
	}
	if t.Host == "localhost" && d.LocalAddr == nil {
		return dialLocalhost(ctx, &d, t)
	}
	return d.DialContext(ctx, "tcp", t.Address()) // TCP_NODELAY is net's default
}

// dialLocalhost tries the two addresses that localhost has (RFC 6761, 6.3), in
// the order and with the patience of package net. To look the name up costs as
// much as all of the handshake: files are read, on a thread of its own, and on
// some systems libraries are loaded.
func dialLocalhost(ctx context.Context, d *net.Dialer, t Target) (net.Conn, error) {
	first, cancel := context.WithTimeout(ctx, headStart)
	defer cancel()
	t.Host = "::1"
	if c, err := d.DialContext(first, "tcp", t.Address()); err == nil {
		return c, nil
	}
	t.Host = "127.0.0.1"
	return d.DialContext(ctx, "tcp", t.Address())
}

// headStart is what IPv6 has before IPv4 is tried, where it does not fail at once.
const headStart = 300 * time.Millisecond

func dialUnix(ctx context.Context, t Target, _ DialOptions) (net.Conn, error) {
	var d net.Dialer
	return d.DialContext(ctx, "unix", t.Path)
}

// wrap puts the URL before an error of package net, and leaves out net's own
// repetition of the address.
func wrap(t Target, detail string, err error) error {
	if e, ok := err.(*Error); ok {
		return e
	}
	if e, ok := err.(*net.OpError); ok {
		err = e.Err
	}
	return &Error{Kind: Unreachable, Subject: t.String(), Detail: detail, Err: err}
}
