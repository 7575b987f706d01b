package transport

import (
	"context"
	"fmt"
	"net"
	"strings"
)

// scheme is what a URL's first word stands for. Nil functions: known, but not
// spoken by this build.
type scheme struct {
	name   string
	port   int // default; 0: the scheme has no ports
	dial   func(ctx context.Context, t Target, o DialOptions) (net.Conn, error)
	listen func(t Target, o ListenOptions) (net.Listener, error)
}

func schemes() []scheme {
	return []scheme{
		{"mqtt", 1883, dialTCP, listenTCP},
		{"tcp", 1883, dialTCP, listenTCP},
		{"unix", 0, dialUnix, listenUnix},
		{"mqtts", 8883, dialTLS, listenTCP},
		{"ssl", 8883, dialTLS, listenTCP},
		{"tls", 8883, dialTLS, listenTCP},
		{"tcps", 8883, dialTLS, listenTCP},
		{"mqtt+ssl", 8883, dialTLS, listenTCP},
		{"ws", 80, dialWebSocket, listenTCP},
		{"wss", 443, dialSecureWebSocket, listenTCP},
	}
}

// layers says what a scheme has between TCP and MQTT.
func layers(scheme string) (secure, ws bool) {
	switch scheme {
	case "mqtts", "ssl", "tls", "tcps", "mqtt+ssl":
		return true, false
	case "ws":
		return false, true
	case "wss":
		return true, true
	}
	return false, false
}

func lookup(name string) (scheme, bool) {
	for _, s := range schemes() {
		if s.name == name {
			return s, true
		}
	}
	return scheme{}, false
}

// allSchemes lists the schemes as a phrase: "mqtt, tcp and unix".
func allSchemes() string {
	var names []string
	for _, s := range schemes() {
		names = append(names, s.name)
	}
	last := len(names) - 1
	return strings.Join(names[:last], ", ") + " and " + names[last]
}

// Kind says what sort of failure an Error is.
type Kind byte

const (
	// Unreachable: the address is fine, nobody was reached there, or the
	// system refused to listen there.
	Unreachable Kind = iota
	// Usage: the URL cannot mean anything here.
	Usage
	// Unsupported: the scheme exists, this build does not speak it.
	Unsupported
	// TLS: the handshake failed, or the other side's certificate is not good.
	// Err is a *TLSError.
	TLS
	// Proxy: it was not reached, or does not lead to the server. Err is a
	// *ProxyError.
	Proxy
	// Violation: the other side does not keep to the rules of WebSocket.
	Violation
)

// Error is every error of Dial, Listen and ParseURL.
type Error struct {
	Kind    Kind
	Subject string // the URL without user name and password
	Detail  string
	Err     error // the cause; nil where Detail says all
}

func (e *Error) Error() string {
	switch {
	case e.Err == nil:
		return fmt.Sprintf("%s: %s", e.Subject, e.Detail)
	case e.Detail == "":
		return fmt.Sprintf("%s: %v", e.Subject, e.Err)
	}
	return fmt.Sprintf("%s: %s: %v", e.Subject, e.Detail, e.Err)
}

func (e *Error) Unwrap() error { return e.Err }

// Lasting tells that another attempt would fail in the same way.
func (e *Error) Lasting() bool {
	switch cause := e.Err.(type) {
	case *TLSError:
		return !cause.Ended
	case *ProxyError:
		return cause.Denied
	case *WebSocketError:
		return cause.Status == 101 || cause.Status >= 400 && cause.Status < 500 && !cause.busy()
	}
	return e.Kind == Usage || e.Kind == Unsupported || e.Kind == Violation
}

func unsupported(subject, name string) *Error {
	return &Error{Kind: Unsupported, Subject: subject, Detail: fmt.Sprintf("scheme %s is not supported by this build", name)}
}
