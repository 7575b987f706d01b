package transport

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
	"time"

	"mqtk/mqttwire/transport/keyfile"
)

// ClientTLS says how to speak TLS to a server. The zero value offers TLS 1.2
// and 1.3 and wants a certificate for the host of the URL by an authority that
// the system trusts. Files are read for each connection: what has changed
// counts for the next one.
type ClientTLS struct {
	// CAFile, and the PEM files of the directory CAPath, hold the authorities
	// to trust in place of the system's. SystemCAs adds those.
	CAFile, CAPath string
	SystemCAs      bool
	// CertFile and KeyFile are this side's certificate, with those that lead to
	// its authority behind it, and its key, in PEM. Empty KeyFile: the key is
	// in CertFile.
	CertFile, KeyFile string
	KeyPassword       []byte // of an encrypted key
	// Insecure does not look whose certificate it is that the server has; and
	// where neither CAFile nor CAPath is given, not even who has signed it.
	Insecure               bool
	MinVersion, MaxVersion uint16 // as in package tls; 0 is 1.2 and 1.3
	// Ciphers by Go's names, for TLS 1.2; empty: those of package tls. TLS 1.3
	// has none to choose from.
	Ciphers []string
	// ALPN is offered in this order; empty: mqtt on port 443, else nothing,
	// for there are servers that end the handshake on a name they do not know.
	ALPN []string
	// ServerName is sent as SNI and looked for in the certificate, in place of
	// the URL's host.
	ServerName string
	KeyLog     string // file that the secrets are added to, for a sniffer
}

func dialTLS(ctx context.Context, t Target, o DialOptions) (net.Conn, error) {
	var offer []string
	if t.Port == 443 {
		offer = []string{"mqtt"}
	}
	return dialSecure(ctx, t, o, offer)
}

// dialSecure speaks TLS over what dialTCP gives; offer is ALPN unless the
// options say otherwise.
func dialSecure(ctx context.Context, t Target, o DialOptions, offer []string) (net.Conn, error) {
	if t.Host == "" {
		t.Host = "localhost"
	}
	report := &TLSError{}
	config, closeLog, err := o.TLS.config(t, offer, report)
	if err != nil {
		return nil, err
	}
	raw, err := dialTCP(ctx, t, o)
	if err != nil {
		closeLog()
		return nil, err
	}
	c := &tlsConn{Conn: tls.Client(raw, config), raw: raw, subject: t.String(), report: report, closeLog: closeLog}
	if err := c.HandshakeContext(ctx); err != nil {
		c.Close()
		return nil, c.explain(ctx, err)
	}
	return c, nil
}

// config makes what package tls wants. report notes on the way what is sent.
func (o *ClientTLS) config(t Target, offer []string, report *TLSError) (c *tls.Config, closeLog func(), err error) {
	c = &tls.Config{
		ServerName: o.ServerName, MinVersion: o.MinVersion, MaxVersion: o.MaxVersion, NextProtos: o.ALPN,
		DynamicRecordSizingDisabled: true, // ten writes in place of one
	}
	if c.ServerName == "" {
		c.ServerName, _, _ = strings.Cut(t.Host, "%") // a zone is nobody's name
	}
	if len(c.NextProtos) == 0 {
		c.NextProtos = offer
	}
	if c.MinVersion == 0 {
		c.MinVersion = tls.VersionTLS12
	}
	if c.RootCAs, err = o.Authorities(); err != nil {
		return nil, nil, err
	}
	if c.CipherSuites, err = cipherSuites(o.Ciphers); err != nil {
		return nil, nil, err
	}
	if o.Insecure {
		c.InsecureSkipVerify = true
		if c.RootCAs != nil {
			c.VerifyConnection = func(s tls.ConnectionState) error { return verifyChain(s, c.RootCAs) }
		}
	}
	report.describe(c)
	if err := o.identity(c, report); err != nil {
		return nil, nil, err
	}
	closeLog = func() {}
	if o.KeyLog != "" {
		log, err := os.OpenFile(o.KeyLog, os.O_WRONLY|os.O_APPEND|os.O_CREATE, 0o600)
		if err != nil {
			return nil, nil, tlsUsage("key log", err)
		}
		c.KeyLogWriter, closeLog = log, func() { log.Close() }
	}
	return c, closeLog, nil
}

// identity lets c send our certificate to a server that asks for one.
func (o *ClientTLS) identity(c *tls.Config, report *TLSError) error {
	pair, err := o.Certificate()
	if err != nil {
		return err
	}
	c.GetClientCertificate = func(*tls.CertificateRequestInfo) (*tls.Certificate, error) {
		report.Asked = true
		report.Sent = pair.Leaf
		return &pair, nil
	}
	return nil
}

// Certificate reads CertFile and KeyFile; the zero Certificate is none.
func (o *ClientTLS) Certificate() (tls.Certificate, error) {
	if o.CertFile == "" && o.KeyFile == "" {
		return tls.Certificate{}, nil
	}
	return loadKeyPair(o.CertFile, o.KeyFile, o.KeyPassword)
}

// Authorities reads CAFile and CAPath; nil is the system's.
func (o *ClientTLS) Authorities() (*x509.CertPool, error) {
	if o.CAFile == "" && o.CAPath == "" {
		return nil, nil
	}
	pool := x509.NewCertPool()
	if o.SystemCAs {
		system, err := x509.SystemCertPool()
		if err != nil {
			return nil, tlsUsage("authorities of the system", err)
		}
		pool = system
	}
	if o.CAFile != "" {
		text, err := keyfile.Read(o.CAFile)
		if err != nil {
			return nil, tlsUsage("CA file", err)
		}
		if !pool.AppendCertsFromPEM(text) {
			return nil, tlsUsage("CA file "+o.CAFile, errNoCertificate)
		}
	}
	if o.CAPath == "" {
		return pool, nil
	}
	entries, err := os.ReadDir(o.CAPath)
	if err != nil {
		return nil, tlsUsage("CA directory", err)
	}
	found := false
	for _, entry := range entries {
		text, err := keyfile.Read(filepath.Join(o.CAPath, entry.Name()))
		found = err == nil && pool.AppendCertsFromPEM(text) || found
	}
	if !found {
		return nil, tlsUsage("CA directory "+o.CAPath, errNoCertificate)
	}
	return pool, nil
}

var errNoCertificate = errors.New("there is no certificate in it (PEM is wanted: -----BEGIN CERTIFICATE-----)")

// verifyChain checks who has signed the certificate, and not whose it is.
func verifyChain(s tls.ConnectionState, roots *x509.CertPool) error {
	o := x509.VerifyOptions{Roots: roots, Intermediates: x509.NewCertPool()}
	for _, c := range s.PeerCertificates[1:] {
		o.Intermediates.AddCert(c)
	}
	if _, err := s.PeerCertificates[0].Verify(o); err != nil {
		return &tls.CertificateVerificationError{UnverifiedCertificates: s.PeerCertificates, Err: err}
	}
	return nil
}

func cipherSuites(names []string) (ids []uint16, err error) {
	known := append(tls.CipherSuites(), tls.InsecureCipherSuites()...)
	for _, name := range names {
		id := uint16(0)
		for _, suite := range known {
			if strings.EqualFold(suite.Name, name) {
				id = suite.ID
			}
		}
		if id == 0 {
			return nil, tlsUsage("ciphers", fmt.Errorf("%q is none; they are called as in TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256", name))
		}
		ids = append(ids, id)
	}
	return ids, nil
}

func tlsUsage(what string, err error) *Error {
	return &Error{Kind: Usage, Subject: what, Err: err}
}

// A tlsConn is the client's end of a TLS connection.
type tlsConn struct {
	*tls.Conn
	raw      net.Conn
	subject  string
	report   *TLSError
	closeLog func()
}

// Read gives an alert of the server, which TLS 1.3 may send after the handshake
// has ended for this side, as an Error of Kind TLS. That the stream ended
// without TLS's own goodbye is not told: MQTT has a goodbye.
func (c *tlsConn) Read(b []byte) (int, error) {
	n, err := c.Conn.Read(b)
	switch {
	case err == nil:
	case errors.Is(err, io.ErrUnexpectedEOF):
		err = io.EOF
	case alertOf(err) != "":
		err = c.explain(context.Background(), err)
	}
	return n, err
}

// CloseWrite sends TLS's goodbye, for at most a second to a peer that does not read.
func (c *tlsConn) CloseWrite() error {
	defer time.AfterFunc(time.Second, func() { _ = c.raw.SetWriteDeadline(time.Unix(1, 0)) }).Stop()
	return c.Conn.CloseWrite()
}

// Close ends the connection at once; package tls would first try to say goodbye.
func (c *tlsConn) Close() error {
	defer c.closeLog()
	return c.raw.Close()
}

// TLS is the state of the encryption.
func (c *tlsConn) TLS() *tls.ConnectionState {
	s := c.ConnectionState()
	return &s
}
