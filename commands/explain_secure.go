package commands

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"strings"
	"time"

	"mqtk/mqttwire/transport"
)

// explainTLS says what was sent, what came, what is likely wrong and which flag
// changes it.
func (l *link) explainTLS(err error, e *transport.TLSError) *failure {
	f := fail(exitTLS, err, l.tlsCauses(e)...)
	f.Hints = append(f.Hints, "sent: "+tlsSent(e))
	if e.Peer != nil {
		f.Hints = append(f.Hints, "came: a certificate for "+tlsNames(e.Peer)+", signed by "+quotedName(e.Peer.Issuer.String())+
			fmt.Sprintf(", valid from %s to %s", day(e.Peer.NotBefore), day(e.Peer.NotAfter)))
	}
	if e.First != nil {
		f.Hints = append(f.Hints, fmt.Sprintf("came: % x", e.First))
	}
	if e.Err != nil && strings.Contains(e.Err.Error(), "(possibly because of ") {
		f.Hints = append(f.Hints, "in full: "+e.Err.Error())
	}
	return f
}

func (f *failure) withHints(hints []string) *failure {
	f.Hints = append(f.Hints, hints...)
	return f
}

// tlsSent is what the handshake said of us.
func tlsSent(e *transport.TLSError) string {
	versions := tls.VersionName(e.MinVersion)
	if e.MaxVersion != e.MinVersion {
		versions += " to " + strings.TrimPrefix(tls.VersionName(e.MaxVersion), "TLS ")
	}
	name := "no server name"
	if e.SNI {
		name = "server name " + e.ServerName
	}
	alpn := "no ALPN"
	if len(e.ALPN) > 0 {
		alpn = "ALPN " + strings.Join(e.ALPN, ",")
	}
	certificate := "no certificate"
	switch {
	case e.Sent != nil:
		certificate = "the certificate " + quotedName(e.Sent.Subject.String())
	case e.Asked:
		certificate = "no certificate, though one was asked for"
	}
	return strings.Join([]string{versions, name, alpn, certificate}, ", ")
}

// tlsNames are the names in a certificate, with its subject where it has one.
func tlsNames(c *x509.Certificate) string {
	names := append([]string(nil), c.DNSNames...)
	for _, ip := range c.IPAddresses {
		names = append(names, ip.String())
	}
	const shown = 8
	if more := len(names) - shown; more > 0 {
		names = append(names[:shown], fmt.Sprintf("%d more", more))
	}
	subject := quotedName(c.Subject.String())
	if len(names) == 0 {
		return subject + ", which names no host"
	}
	return strings.Join(names, ", ") + " (" + subject + ")"
}

func quotedName(s string) string {
	if s == "" {
		return "nobody"
	}
	return s
}

func day(t time.Time) string { return t.UTC().Format("2006-01-02 15:04") }

// tlsCauses are the likely causes, each with what changes it.
func (l *link) tlsCauses(e *transport.TLSError) []string {
	switch {
	case e.Alert != "":
		return alertCauses(e)
	case e.First != nil:
		return firstCauses(e.First)
	case e.Ended && e.Asked && e.Sent == nil:
		return []string{"the server asked for a certificate: --cert and --key give one"}
	case e.Ended:
		return []string{"likely causes: the port speaks no TLS (" + l.plainScheme() + "), or the server wants another server name (--servername) or ALPN (--alpn)"}
	}
	var (
		unknown x509.UnknownAuthorityError
		name    x509.HostnameError
		invalid x509.CertificateInvalidError
	)
	switch {
	case errors.As(e.Err, &unknown):
		return l.unknownAuthority(e.Peer)
	case errors.As(e.Err, &name) && len(name.Certificate.DNSNames)+len(name.Certificate.IPAddresses) == 0:
		return []string{"a host counts in the subjectAltName alone, not in the common name: the broker needs another certificate; --insecure does not look at the name"}
	case errors.As(e.Err, &name):
		return []string{"connect to a host that the certificate names, or give one of them with --servername; --insecure does not look at the name"}
	case errors.As(e.Err, &invalid) && invalid.Reason == x509.Expired && e.Peer != nil:
		return expiredCauses(e.Peer, time.Now())
	case errors.As(e.Err, &invalid) && invalid.Reason == x509.IncompatibleUsage:
		return []string{"the certificate is not one for a server: the broker needs another"}
	case strings.Contains(e.Err.Error(), "protocol version"):
		return []string{"the server speaks no version of TLS that was offered; --tls-version 1.2 and 1.3 are all there are here"}
	}
	return nil
}

func (l *link) unknownAuthority(peer *x509.Certificate) []string {
	var hints []string
	switch {
	case peer != nil && peer.Issuer.String() == peer.Subject.String():
		hints = append(hints, "the certificate has signed itself: --cafile with that certificate trusts it, if it is the right one")
	case l.plan.options.DialOptions.TLS.CAFile != "" || l.plan.options.DialOptions.TLS.CAPath != "":
		hints = append(hints, "its authority is not in --cafile or --capath, or the server does not send the certificates in between")
	default:
		hints = append(hints, "the system does not trust its authority: --cafile names one to trust")
	}
	if l.plan.unusedCA {
		hints = append(hints, "MQTK_CAFILE is set, and does not count where --host, --port or --url names the broker: give --cafile")
	}
	return hints
}

func expiredCauses(c *x509.Certificate, now time.Time) []string {
	if now.Before(c.NotBefore) {
		return []string{fmt.Sprintf("the certificate is not valid yet, or the clock here is wrong: it says %s", day(now))}
	}
	return []string{fmt.Sprintf("the certificate has expired: the broker needs a new one (the clock here says %s)", day(now))}
}

// alertCauses reads the name of the alert by which the server ended TLS.
func alertCauses(e *transport.TLSError) []string {
	wantsOurs := e.Asked && e.Sent == nil
	switch alert := e.Alert; {
	case strings.Contains(alert, "certificate required"), wantsOurs && strings.Contains(alert, "certificate"), wantsOurs && alert == "handshake failure":
		return []string{"the server wants a certificate: --cert and --key give one"}
	case e.Sent != nil && strings.Contains(alert, "certificate"), e.Sent != nil && alert == "access denied":
		return []string{"the server does not take the certificate that was sent: is it by an authority that the server knows, one for clients, and still valid? --cert and --key give another"}
	case alert == "protocol version not supported":
		return []string{"the server speaks another version of TLS: --tls-version 1.2 or 1.3, or neither"}
	case alert == "handshake failure", alert == "insufficient security level":
		return []string{"likely causes: no cipher in common (--ciphers, --tls-version), or the server wants a certificate (--cert, --key)"}
	case alert == "no application protocol":
		return []string{"the server knows none of the protocols in ALPN: --alpn names others"}
	case alert == "unrecognized name":
		return []string{"the server has no certificate for that server name: --servername gives another"}
	}
	return nil
}

// plainScheme is what may be spoken at a port that speaks no TLS.
func (l *link) plainScheme() string {
	where, plain := strings.CutPrefix(l.plan.options.URL, "mqtts:")
	switch {
	case strings.HasPrefix(where, "wss:"):
		return "ws:// in place of wss://"
	case plain && strings.HasSuffix(where, fmt.Sprint(":", portOfTLS)):
		return "-L mqtt:" + where + " is without"
	}
	return "mqtt:// is usually on 1883"
}

// firstCauses reads what came in place of TLS.
func firstCauses(first []byte) []string {
	switch {
	case strings.HasPrefix(string(first), "HTTP"):
		return []string{"the port speaks HTTP without TLS: ws:// is WebSocket without TLS, or --port is wrong"}
	case strings.HasPrefix(string(first), "SSH-"):
		return []string{"the port speaks SSH: is --port right?"}
	case first[0] == 0x20 || first[0] == 0xE0:
		return []string{"the port speaks MQTT without TLS: mqtt:// in place of mqtts://"}
	}
	return []string{"the port speaks no TLS: is --port right?"}
}

// isSecure tells that TLS was spoken, or would have been.
func (l *link) isSecure() bool {
	t, _ := transport.ParseURL(l.plan.options.URL)
	return t.Scheme == "mqtts" || t.Scheme == "wss"
}

// webScheme is what the URL would begin with for WebSocket.
func (l *link) webScheme() string {
	if l.isSecure() {
		return "wss://"
	}
	return "ws://"
}

// certificateCause is why somebody hangs up right behind a handshake that was good
// for us: in TLS 1.3 the client's certificate is looked at after that, and a reset
// may eat the alert that would tell.
func (l *link) certificateCause() string {
	if l.plan.options.DialOptions.TLS.CertFile == "" {
		return "the server wants a certificate (--cert, --key)"
	}
	return "the server does not take the certificate that was sent (--cert, --key)"
}

// explainUpgrade is about a server that does not change to WebSocket.
func (l *link) explainUpgrade(err error, e *transport.WebSocketError) *failure {
	f := fail(exitUnreachable, err)
	switch {
	case e.Status == 401 || e.Status == 403:
		f.Code = exitDenied
		f.Hints = []string{"the HTTP server in front wants credentials, or another origin: --ws-header 'Authorization: ...', --ws-header 'Origin: ...'"}
	case e.Status >= 300 && e.Status < 400:
		f.Hints = []string{"it is said to be elsewhere: --url names another host or path"}
	case e.Status == 101:
	case e.Status >= 500:
		f.Hints = []string{"the HTTP server in front has trouble, or finds no broker behind it; --retry or --wait-broker tries again"}
	case e.Status != 0:
		f.Hints = []string{
			fmt.Sprintf("asked for: the path %s, the subprotocol %s", e.Path, e.Subprotocol),
			"--url ws://HOST:PORT/PATH asks for another path; -V 31 for the subprotocol mqttv3.1",
		}
	case strings.HasPrefix(e.Line, "\x15\x03"), strings.HasPrefix(e.Line, "\x16\x03"):
		f.Hints = []string{"the port speaks TLS: wss:// in place of ws://"}
	case l.isSecure():
		f.Hints = []string{"likely causes: " + l.certificateCause() + ", or the port speaks MQTT without WebSocket (mqtts://)"}
	default:
		f.Hints = []string{"likely causes: the port speaks MQTT without WebSocket (mqtt://), or wants TLS (wss://)"}
	}
	return f
}

// explainProxy is about what is between here and the broker.
func (l *link) explainProxy(err error, e *transport.ProxyError) *failure {
	f := fail(exitUnreachable, err)
	if e.Denied {
		f.Hints = append(f.Hints, "the proxy wants credentials, or others: they stand in its URL, "+strings.Replace(e.Proxy, "://", "://USER:PASSWORD@", 1))
	}
	if l.plan.proxyFrom == "ALL_PROXY" {
		return f.withHints([]string{"ALL_PROXY names the proxy; NO_PROXY lists hosts to reach without it, --proxy '' does without it"})
	}
	return f.withHints([]string{"--proxy names the proxy"})
}
