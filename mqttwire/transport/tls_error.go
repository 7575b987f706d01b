package transport

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"strings"
	"syscall"
)

// TLSError is the cause in an Error of Kind TLS: what was sent, what came, and
// what was wrong with it. Secrets are not in it.
type TLSError struct {
	ServerName             string // that the certificate was to name
	SNI                    bool   // it was sent: it is no IP address
	MinVersion, MaxVersion uint16
	ALPN                   []string
	Asked                  bool              // the server asked for a certificate
	Sent                   *x509.Certificate // of ours; nil: none
	Verified               bool              // the server's certificate would have been looked at

	Alert string            // that came from the server, by its name: certificate required
	Peer  *x509.Certificate // of the server; nil: none came
	First []byte            // what came in place of TLS
	Ended bool              // the connection ended in the middle
	Err   error
}

func (e *TLSError) Error() string {
	switch {
	case e.Alert != "":
		return fmt.Sprintf("the server refused the TLS handshake: alert %q", e.Alert)
	case e.First != nil:
		return "the server did not answer with TLS"
	case e.Ended:
		return fmt.Sprintf("the server ended the connection during the TLS handshake: %v", e.Err)
	case errors.As(e.Err, new(*tls.CertificateVerificationError)):
		text, _, _ := strings.Cut(trimmed(errors.Unwrap(e.Err)), " (possibly because of ") // Err has it
		return "the server's certificate is not good: " + text
	}
	return "TLS handshake: " + trimmed(e.Err)
}

func (e *TLSError) Unwrap() error { return e.Err }

// trimmed is the text of an error without the package that it came from.
func trimmed(err error) string {
	s := strings.TrimPrefix(err.Error(), "tls: ")
	s = strings.TrimPrefix(s, "failed to verify certificate: ")
	return strings.TrimPrefix(s, "x509: ")
}

// describe notes what a handshake by c will send.
func (e *TLSError) describe(c *tls.Config) {
	_, err := netip.ParseAddr(c.ServerName)
	e.ServerName, e.SNI = c.ServerName, err != nil
	e.MinVersion, e.MaxVersion = c.MinVersion, c.MaxVersion
	if e.MaxVersion == 0 {
		e.MaxVersion = tls.VersionTLS13
	}
	e.ALPN, e.Verified = c.NextProtos, !c.InsecureSkipVerify
}

// explain completes the report by the error that the handshake, or the first
// read behind it, ended with.
func (c *tlsConn) explain(ctx context.Context, err error) error {
	if ctx.Err() != nil || isTimeout(err) {
		return &Error{Kind: Unreachable, Subject: c.subject, Err: fmt.Errorf("no end of the TLS handshake: %w", err)}
	}
	e := *c.report
	e.Err, e.Alert = err, alertOf(err)
	var (
		header tls.RecordHeaderError
		bad    *tls.CertificateVerificationError
	)
	switch {
	case errors.As(err, &header):
		e.First = header.RecordHeader[:]
	case errors.As(err, &bad) && len(bad.UnverifiedCertificates) > 0:
		e.Peer = bad.UnverifiedCertificates[0]
	case e.Alert == "" && (errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) || isReset(err)):
		e.Ended = true
		if !isReset(err) {
			e.Err = errors.New("it closed it")
		} else if op := new(net.OpError); errors.As(err, &op) {
			e.Err = op.Err
		}
	}
	if e.Peer == nil && e.Alert != "" {
		if certificates := c.ConnectionState().PeerCertificates; len(certificates) > 0 {
			e.Peer = certificates[0]
		}
	}
	return &Error{Kind: TLS, Subject: c.subject, Err: &e}
}

// alertOf is the name of the alert by which the other side ended TLS; empty:
// it did not.
func alertOf(err error) string {
	var op *net.OpError
	if !errors.As(err, &op) || op.Op != "remote error" {
		return ""
	}
	return strings.TrimPrefix(op.Err.Error(), "tls: ")
}

func isReset(err error) bool {
	var code syscall.Errno
	return errors.As(err, &code) && (code == syscall.ECONNRESET || code == syscall.EPIPE || code == 10053 || code == 10054)
}

func isTimeout(err error) bool {
	var t interface{ Timeout() bool }
	return errors.As(err, &t) && t.Timeout()
}
