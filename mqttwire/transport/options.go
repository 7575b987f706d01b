package transport

import (
	"io/fs"
	"log/slog"
	"net/netip"
)

// ListenOptions say how to open a listener. What does not belong to the URL's
// scheme is refused.
type ListenOptions struct {
	// Mode of a Unix socket's file; 0 means 0600. Nobody else can connect
	// even for the moment between creation and setting it, where the system
	// allows that (Linux).
	Mode fs.FileMode
	// Owner and Group of a Unix socket's file, by name or number; empty leaves
	// those of the process.
	Owner, Group string

	TLS       *ServerTLS // mqtts and wss need it
	WebSocket WebSocketOptions
	Proxy     ProxyOptions

	Log *slog.Logger // what happens to files that are read again; nil: nowhere
}

// ServerTLS says how a listener speaks TLS. The files are looked at again when a
// client comes, at most once a second: those who come later get the new ones. A
// file that is broken then is logged, and the one before it stays.
type ServerTLS struct {
	Certificates []KeyPair // by the name that the client asks for; the first also for all others
	// ClientCA is the file of those who may sign clients' certificates; empty: no
	// client is asked for one.
	ClientCA          string
	ClientCertificate string   // "require", which "" means too, or "optional"
	MinVersion        uint16   // tls.VersionTLS12, which 0 means too, or tls.VersionTLS13
	Ciphers           []string // of TLS 1.2, by Go's names; empty: Go's choice
	ALPN              []string // empty: "mqtt", with WebSocket "http/1.1"
	KeyLog            string   // file that gets the secrets of all connections, for those who debug
}

// KeyPair names the PEM files of a certificate, with its chain, and of its key.
type KeyPair struct{ Cert, Key string }

// WebSocketOptions are for ws and wss.
type WebSocketOptions struct {
	Path          string         // the one that is served; empty: that of the URL, or any
	Origins       []string       // that browsers may come from, "https://example.org" or "*"; empty: any
	NoSubprotocol bool           // clients that offer no subprotocol are let in
	Compression   bool           // permessage-deflate, for those who offer it
	ForwardedFor  []netip.Prefix // proxies whose X-Forwarded-For is believed
}

// ProxyOptions say whether connections begin with a header of the PROXY protocol,
// which tells of the client behind the proxy.
type ProxyOptions struct {
	Mode    string         // "off", which "" means too, "v1", "v2" or "any"
	Trusted []netip.Prefix // who may connect; a Unix socket's peers may always
}
