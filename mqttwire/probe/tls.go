package probe

import (
	"context"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rsa"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
)

// TLS is what is asked about the encryption. Whose certificate it is, is a
// question here: the handshakes look at nothing.
type TLS struct {
	ServerName  string          // of the host
	Roots       *x509.CertPool  // who is trusted; nil: whom the system trusts
	ALPN        []string        // that is offered where it is not asked for
	Certificate tls.Certificate // of this side; zero: none
}

// A Certificate is one of a chain.
type Certificate struct {
	Subject   string    `json:"subject"`
	Issuer    string    `json:"issuer"`
	Names     []string  `json:"names,omitempty"`
	NotBefore time.Time `json:"not_before"`
	NotAfter  time.Time `json:"not_after"`
	Key       string    `json:"key"`
	Signature string    `json:"signature"`
	Serial    string    `json:"serial"`
}

// config is that of a handshake which takes any certificate.
func (t *TLS) config() *tls.Config {
	return &tls.Config{
		ServerName: t.ServerName, InsecureSkipVerify: true, NextProtos: t.ALPN, MinVersion: tls.VersionTLS12,
		GetClientCertificate: func(*tls.CertificateRequestInfo) (*tls.Certificate, error) { return &t.Certificate, nil },
	}
}

// everyCipher is all that package tls knows, what it thinks insecure too: an old
// version must not be missed for want of a cipher.
func everyCipher() (ids []uint16) {
	for _, suite := range append(tls.CipherSuites(), tls.InsecureCipherSuites()...) {
		ids = append(ids, suite.ID)
	}
	return ids
}

func (a *asker) tlsQuestions() []question {
	if a.o.TLS == nil || a.o.Bare == nil {
		return nil
	}
	return []question{
		{"tls", []string{"tls_1_0", "tls_1_1", "tls_1_2", "tls_1_3"}, nothing, a.askTLSVersions},
		{"tls", []string{"cipher", "chain", "not_after", "trusted", "named", "stapled"}, nothing, a.askCertificate},
		{"tls", []string{"alpn", "unknown_alpn"}, nothing, a.askALPN},
		{"tls", []string{"other_name"}, nothing, a.askOtherName},
		{"tls", []string{"client_certificate"}, nothing, a.askClientCertificate},
	}
}

// shake makes a handshake and hangs up.
func (a *asker) shake(ctx context.Context, config *tls.Config) (*tls.ConnectionState, error) {
	nc, err := a.o.Bare(ctx)
	if err != nil {
		return nil, err
	}
	defer nc.Close()
	limited, cancel := context.WithTimeout(ctx, a.patience)
	defer cancel()
	c := tls.Client(nc, config)
	if err := c.HandshakeContext(limited); err != nil {
		if ctx.Err() != nil {
			return nil, context.Cause(ctx)
		}
		if limited.Err() != nil {
			return nil, fmt.Errorf("no end of the TLS handshake within %v", a.patience)
		}
		return nil, &shakeError{err}
	}
	state := c.ConnectionState()
	return &state, nil
}

// A shakeError is a handshake that the server did not want.
type shakeError struct{ err error }

func (e *shakeError) Error() string {
	text := strings.TrimPrefix(e.err.Error(), "remote error: tls: ")
	if text != e.err.Error() {
		return "alert " + text
	}
	return strings.TrimPrefix(text, "tls: ")
}

func (a *asker) askTLSVersions(ctx context.Context) error {
	for _, v := range []struct {
		key     string
		version uint16
	}{
		{"tls_1_0", tls.VersionTLS10}, {"tls_1_1", tls.VersionTLS11}, {"tls_1_2", tls.VersionTLS12}, {"tls_1_3", tls.VersionTLS13},
	} {
		config := a.o.TLS.config()
		config.MinVersion, config.MaxVersion, config.CipherSuites = v.version, v.version, everyCipher()
		asked := false
		config.GetClientCertificate = func(*tls.CertificateRequestInfo) (*tls.Certificate, error) {
			asked = true
			return &a.o.TLS.Certificate, nil
		}
		_, err := a.shake(ctx, config)
		switch {
		case err == nil:
			a.say("tls", v.key, Fact{Value: true})
		case asked && len(a.o.TLS.Certificate.Certificate) == 0:
			a.say("tls", v.key, Fact{Note: "a client certificate is asked for, and none was given: " + err.Error()})
		case errors.As(err, new(*shakeError)):
			a.say("tls", v.key, Fact{Value: false, Note: err.Error()})
		default:
			return err
		}
	}
	return nil
}

func (a *asker) askCertificate(ctx context.Context) error {
	state, err := a.shake(ctx, a.o.TLS.config())
	if err != nil {
		return err
	}
	a.say("tls", "cipher", Fact{Value: tls.CipherSuiteName(state.CipherSuite), Note: tls.VersionName(state.Version)})
	a.say("tls", "stapled", Fact{Value: len(state.OCSPResponse) > 0})
	leaf := state.PeerCertificates[0]
	chain := []Certificate{}
	for _, c := range state.PeerCertificates {
		chain = append(chain, certificate(c))
	}
	a.say("tls", "chain", Fact{Value: chain})
	days := int(time.Until(leaf.NotAfter).Hours() / 24)
	note := fmt.Sprintf("%d days from now", days)
	if time.Now().After(leaf.NotAfter) {
		note = "it has expired"
	}
	a.say("tls", "not_after", Fact{Value: leaf.NotAfter.UTC().Format(time.RFC3339), Note: note})
	a.sayVerified(state)
	return nil
}

// sayVerified tells who has signed the certificate from whom it is for.
func (a *asker) sayVerified(state *tls.ConnectionState) {
	leaf := state.PeerCertificates[0]
	o := x509.VerifyOptions{Roots: a.o.TLS.Roots, Intermediates: x509.NewCertPool()}
	for _, c := range state.PeerCertificates[1:] {
		o.Intermediates.AddCert(c)
	}
	trusted, named := Fact{Value: true}, Fact{Value: true}
	if _, err := leaf.Verify(o); err != nil {
		trusted = Fact{Value: false, Note: strings.TrimPrefix(err.Error(), "x509: ")}
	}
	if err := leaf.VerifyHostname(a.o.TLS.ServerName); err != nil {
		named = Fact{Value: false, Note: strings.TrimPrefix(err.Error(), "x509: ")}
	}
	a.say("tls", "trusted", trusted)
	a.say("tls", "named", named)
}

func certificate(c *x509.Certificate) Certificate {
	names := slices.Clone(c.DNSNames)
	for _, ip := range c.IPAddresses {
		names = append(names, ip.String())
	}
	return Certificate{
		Subject: c.Subject.String(), Issuer: c.Issuer.String(), Names: names,
		NotBefore: c.NotBefore.UTC(), NotAfter: c.NotAfter.UTC(),
		Key: keyOf(c), Signature: c.SignatureAlgorithm.String(), Serial: c.SerialNumber.Text(16),
	}
}

func keyOf(c *x509.Certificate) string {
	switch key := c.PublicKey.(type) {
	case *rsa.PublicKey:
		return fmt.Sprintf("RSA %d", key.N.BitLen())
	case *ecdsa.PublicKey:
		return "ECDSA " + key.Curve.Params().Name
	case ed25519.PublicKey:
		return "Ed25519"
	}
	return c.PublicKeyAlgorithm.String()
}

// askALPN offers one name at a time.
func (a *asker) askALPN(ctx context.Context) error {
	taken := []string{}
	for _, name := range []string{"mqtt", "x-amzn-mqtt-ca", "http/1.1", "h2"} {
		config := a.o.TLS.config()
		config.NextProtos = []string{name}
		state, err := a.shake(ctx, config)
		switch {
		case err == nil && state.NegotiatedProtocol == name:
			taken = append(taken, name)
		case err != nil && !errors.As(err, new(*shakeError)):
			return err
		}
	}
	a.say("tls", "alpn", Fact{Value: taken, Note: "asked for mqtt, x-amzn-mqtt-ca, http/1.1, h2"})
	config := a.o.TLS.config()
	config.NextProtos = []string{"mqtk-no-such-protocol"}
	_, err := a.shake(ctx, config)
	switch {
	case err == nil:
		a.say("tls", "unknown_alpn", Fact{Value: "passed over"})
	case errors.As(err, new(*shakeError)):
		a.say("tls", "unknown_alpn", Fact{Value: "refused", Note: err.Error()})
	default:
		return err
	}
	return nil
}

// askOtherName asks for a host that this server cannot be.
func (a *asker) askOtherName(ctx context.Context) error {
	own, err := a.shake(ctx, a.o.TLS.config())
	if err != nil {
		return err
	}
	config := a.o.TLS.config()
	config.ServerName = "mqtk-probe.invalid"
	other, err := a.shake(ctx, config)
	switch {
	case errors.As(err, new(*shakeError)):
		a.say("tls", "other_name", Fact{Value: "refused", Note: err.Error()})
	case err != nil:
		return err
	case own.PeerCertificates[0].Equal(other.PeerCertificates[0]):
		a.say("tls", "other_name", Fact{Value: "the same certificate"})
	default:
		a.say("tls", "other_name", Fact{Value: "another certificate", Note: other.PeerCertificates[0].Subject.String()})
	}
	return nil
}

// askClientCertificate has none. In TLS 1.3 a server tells that it wants one
// only after the handshake has ended for this side, so something is read.
func (a *asker) askClientCertificate(ctx context.Context) error {
	asked := false
	config := a.o.TLS.config()
	config.GetClientCertificate = func(*tls.CertificateRequestInfo) (*tls.Certificate, error) {
		asked = true
		return &tls.Certificate{}, nil
	}
	config.MaxVersion = tls.VersionTLS12
	_, err := a.shake(ctx, config)
	if errors.As(err, new(*shakeError)) && !asked {
		config.MaxVersion = tls.VersionTLS13
		return a.askCertificate13(ctx, config, &asked)
	}
	return a.sayClientCertificate(asked, err)
}

// askCertificate13 is about a server without TLS 1.2: it says nothing before we
// do, so that an alert or the end within a moment is the refusal.
func (a *asker) askCertificate13(ctx context.Context, config *tls.Config, asked *bool) error {
	nc, err := a.o.Bare(ctx)
	if err != nil {
		return err
	}
	defer nc.Close()
	defer context.AfterFunc(ctx, func() { nc.Close() })()
	_ = nc.SetDeadline(time.Now().Add(a.patience))
	c := tls.Client(nc, config)
	if err := c.HandshakeContext(ctx); err != nil {
		return a.sayClientCertificate(*asked, &shakeError{err})
	}
	if *asked {
		_ = nc.SetReadDeadline(time.Now().Add(a.grace))
		if _, err = c.Read(make([]byte, 1)); isTimeout(err) {
			err = nil
		} else if err != nil {
			err = &shakeError{err}
		}
	}
	return a.sayClientCertificate(*asked, err)
}

func (a *asker) sayClientCertificate(asked bool, err error) error {
	switch {
	case err != nil && !errors.As(err, new(*shakeError)):
		return err
	case asked && err != nil:
		a.say("tls", "client_certificate", Fact{Value: "required", Note: err.Error()})
	case asked:
		a.say("tls", "client_certificate", Fact{Value: "wanted, and not required"})
	case err != nil:
		return err
	default:
		a.say("tls", "client_certificate", Fact{Value: "not wanted"})
	}
	return nil
}
