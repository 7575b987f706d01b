package commands

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"mqtk/mqttwire/transport"
)

// A notary signs certificates for the tests and keeps them in files of a folder.
type notary struct {
	t      testing.TB
	folder string
	cert   *x509.Certificate
	key    *ecdsa.PrivateKey
	serial int64
}

func newNotary(t testing.TB, name string) *notary {
	n := &notary{t: t, folder: t.TempDir()}
	c := hosts(name)
	c.Subject.CommonName, c.ExtKeyUsage = name, nil
	c.IsCA, c.BasicConstraintsValid = true, true
	n.sign("ca", c)
	return n
}

// sign makes NAME.pem and NAME.key; the first certificate signs itself and all
// others.
func (n *notary) sign(name string, c *x509.Certificate) {
	n.t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		n.t.Fatal(err)
	}
	n.serial++
	c.SerialNumber = big.NewInt(n.serial)
	if c.NotAfter.IsZero() {
		c.NotBefore, c.NotAfter = time.Now().Add(-time.Hour), time.Now().Add(time.Hour)
	}
	if n.cert == nil {
		n.cert, n.key = c, key
	}
	der, err := x509.CreateCertificate(rand.Reader, c, n.cert, key.Public(), n.key)
	if err != nil {
		n.t.Fatal(err)
	}
	if n.serial == 1 {
		if n.cert, err = x509.ParseCertificate(der); err != nil {
			n.t.Fatal(err)
		}
	}
	secret, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		n.t.Fatal(err)
	}
	n.write(name+".pem", "CERTIFICATE", der)
	n.write(name+".key", "PRIVATE KEY", secret)
}

func (n *notary) write(name, kind string, der []byte) {
	n.t.Helper()
	if err := os.WriteFile(n.file(name), pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}), 0o600); err != nil {
		n.t.Fatal(err)
	}
}

func (n *notary) file(name string) string { return filepath.Join(n.folder, name) }

// hosts is a certificate for a server.
func hosts(names ...string) *x509.Certificate {
	c := &x509.Certificate{Subject: pkix.Name{CommonName: "the broker"}, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}}
	for _, name := range names {
		if ip := net.ParseIP(name); ip != nil {
			c.IPAddresses = append(c.IPAddresses, ip)
		} else {
			c.DNSNames = append(c.DNSNames, name)
		}
	}
	return c
}

// serverTLS is the listener's half, with the certificate NAME.
func (n *notary) serverTLS(name string) *transport.ServerTLS {
	return &transport.ServerTLS{Certificates: []transport.KeyPair{{Cert: n.file(name + ".pem"), Key: n.file(name + ".key")}}}
}

// A way is one of the ways to a broker: what its listener listens on, and the
// flags that its clients need.
type way struct {
	name, listen string
	flags        []string
	options      transport.ListenOptions
}

// everyWay is one of each sort; the certificates are good.
func everyWay(t testing.TB) []way {
	n := newNotary(t, "our authority")
	n.sign("server", hosts("localhost", "127.0.0.1"))
	secure := transport.ListenOptions{TLS: n.serverTLS("server")}
	ca := []string{"--cafile", n.file("ca.pem")}
	return []way{
		{name: "plain", listen: "mqtt://127.0.0.1:0"},
		{name: "TLS", listen: "mqtts://127.0.0.1:0", flags: ca, options: secure},
		{name: "TLS 1.2", listen: "mqtts://127.0.0.1:0", flags: append(ca[:2:2], "--tls-version", "1.2"), options: secure},
		{name: "WebSocket", listen: "ws://127.0.0.1:0"},
		{name: "WebSocket over TLS", listen: "wss://127.0.0.1:0", flags: ca, options: secure},
	}
}

// open listens. The connections that Accept gives have no handshake behind them.
func (w way) open(t testing.TB) net.Listener {
	l, err := transport.Listen(w.listen, w.options)
	if err != nil {
		t.Fatal(err)
	}
	return l
}

// shake does the handshake of an accepted connection, if it has one.
func shake(nc net.Conn) error {
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	if h, ok := nc.(interface{ Handshake(context.Context) error }); ok {
		return h.Handshake(ctx)
	}
	return nil
}

// A result is what a run of mqtk came to.
type result struct {
	code     int
	out, err string
}

// runWords runs a command line in this process.
func runWords(t testing.TB, in string, words ...string) result {
	t.Helper()
	var out, problems bytes.Buffer
	code := Run(context.Background(), words, Stdio{In: strings.NewReader(in), Out: &out, Err: &problems})
	return result{code, out.String(), problems.String()}
}
