package transport

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"io"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// An authority signs certificates for the tests of dialling.
type authority struct {
	t    *testing.T
	dir  string
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
	next int64
}

func newAuthority(t *testing.T, name string) *authority {
	a := &authority{t: t, dir: t.TempDir(), next: 1}
	a.key = a.newKey()
	a.cert = a.sign(&x509.Certificate{Subject: pkix.Name{CommonName: name}, IsCA: true, BasicConstraintsValid: true}, a.key, nil)
	a.write("ca.pem", "CERTIFICATE", a.cert.Raw)
	return a
}

func (a *authority) newKey() *ecdsa.PrivateKey {
	a.t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		a.t.Fatal(err)
	}
	return key
}

func (a *authority) sign(c *x509.Certificate, key *ecdsa.PrivateKey, parent *x509.Certificate) *x509.Certificate {
	a.t.Helper()
	c.SerialNumber = big.NewInt(a.next)
	a.next++
	if c.NotBefore.IsZero() {
		c.NotBefore = time.Now().Add(-time.Hour)
	}
	if c.NotAfter.IsZero() {
		c.NotAfter = time.Now().Add(time.Hour)
	}
	signer := a.key
	if parent == nil {
		parent, signer = c, key
	}
	der, err := x509.CreateCertificate(rand.Reader, c, parent, key.Public(), signer)
	if err != nil {
		a.t.Fatal(err)
	}
	signed, err := x509.ParseCertificate(der)
	if err != nil {
		a.t.Fatal(err)
	}
	return signed
}

// issue makes a certificate with its key, and gives the files that hold them.
func (a *authority) issue(c *x509.Certificate) (certFile, keyFile string) {
	a.t.Helper()
	key := a.newKey()
	signed := a.sign(c, key, a.cert)
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		a.t.Fatal(err)
	}
	name := signed.SerialNumber.String()
	return a.write(name+".pem", "CERTIFICATE", signed.Raw), a.write(name+".key", "PRIVATE KEY", der)
}

func (a *authority) write(name, kind string, der []byte) string {
	a.t.Helper()
	path := filepath.Join(a.dir, name)
	if err := os.WriteFile(path, pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}), 0o600); err != nil {
		a.t.Fatal(err)
	}
	return path
}

func (a *authority) file() string { return filepath.Join(a.dir, "ca.pem") }

// forHosts is what a server's certificate says.
func forHosts(names ...string) *x509.Certificate {
	c := &x509.Certificate{Subject: pkix.Name{CommonName: "server"}, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}}
	for _, name := range names {
		if ip := net.ParseIP(name); ip != nil {
			c.IPAddresses = append(c.IPAddresses, ip)
		} else {
			c.DNSNames = append(c.DNSNames, name)
		}
	}
	return c
}

// A tlsPeer answers with TLS and sends back what it gets. seen has the state of
// each handshake that succeeded here.
type tlsPeer struct {
	port string
	seen chan tls.ConnectionState
}

func (a *authority) serve(cert *x509.Certificate, change func(c *tls.Config)) *tlsPeer {
	a.t.Helper()
	certFile, keyFile := a.issue(cert)
	pair, err := tls.LoadX509KeyPair(certFile, keyFile)
	if err != nil {
		a.t.Fatal(err)
	}
	pool := x509.NewCertPool()
	pool.AddCert(a.cert)
	config := &tls.Config{Certificates: []tls.Certificate{pair}, ClientCAs: pool}
	if change != nil {
		change(config)
	}
	p := &tlsPeer{seen: make(chan tls.ConnectionState, 16)}
	p.port = serveConns(a.t, func(nc net.Conn) {
		c := tls.Server(nc, config)
		if c.Handshake() != nil {
			return
		}
		p.seen <- c.ConnectionState()
		_, _ = io.Copy(c, c)
		_ = c.CloseWrite()
	})
	return p
}

// serveConns hands each connection of a port to f and closes it then.
func serveConns(t *testing.T, f func(net.Conn)) (port string) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ended := make(chan struct{})
	ctx, cancel := context.WithCancel(context.Background())
	go func() {
		defer close(ended)
		for {
			nc, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				defer nc.Close()
				defer context.AfterFunc(ctx, func() { nc.Close() })()
				f(nc)
			}()
		}
	}()
	t.Cleanup(func() { cancel(); l.Close(); <-ended })
	_, port, _ = net.SplitHostPort(l.Addr().String())
	return port
}

// echo dials url and sends a word there and back.
func echo(t *testing.T, url string, o DialOptions) error {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	c, err := Dial(ctx, url, o)
	if err != nil {
		return err
	}
	defer c.Close()
	_, err = c.Write([]byte("there and back"))
	if err == nil {
		err = c.(interface{ CloseWrite() error }).CloseWrite()
	}
	got, why := io.ReadAll(c) // it may have said why it does not read
	if err == nil || why != nil {
		err = why
	}
	if err == nil && string(got) != "there and back" {
		t.Errorf("%s: got %q", url, got)
	}
	return err
}

func TestDialTLS(t *testing.T) {
	a := newAuthority(t, "our authority")
	certFile, keyFile := a.issue(&x509.Certificate{Subject: pkix.Name{CommonName: "client 7"}})
	trust := ClientTLS{CAFile: a.file()}
	with := func(change func(o *ClientTLS)) ClientTLS {
		o := trust
		change(&o)
		return o
	}
	for _, test := range []struct {
		name   string
		server func(c *tls.Config)
		host   string
		tls    ClientTLS
		check  func(t *testing.T, s tls.ConnectionState)
	}{
		{"by name", nil, "localhost", trust, func(t *testing.T, s tls.ConnectionState) {
			if s.ServerName != "localhost" || s.Version != tls.VersionTLS13 || s.NegotiatedProtocol != "" {
				t.Errorf("%+v", s)
			}
		}},
		{"an address is no SNI", nil, "127.0.0.1", trust, func(t *testing.T, s tls.ConnectionState) {
			if s.ServerName != "" {
				t.Errorf("SNI %q", s.ServerName)
			}
		}},
		{"CA directory", nil, "127.0.0.1", ClientTLS{CAPath: a.dir}, nil},
		{"server name", nil, "127.0.0.1", with(func(o *ClientTLS) { o.ServerName = "broker.example" }), func(t *testing.T, s tls.ConnectionState) {
			if s.ServerName != "broker.example" {
				t.Errorf("SNI %q", s.ServerName)
			}
		}},
		{"insecure", nil, "127.0.0.1", ClientTLS{Insecure: true}, nil},
		{"insecure name", nil, "127.0.0.1", with(func(o *ClientTLS) { o.ServerName, o.Insecure = "nobody", true }), nil},
		{"TLS 1.2 alone", nil, "127.0.0.1", with(func(o *ClientTLS) { o.MaxVersion = tls.VersionTLS12 }), func(t *testing.T, s tls.ConnectionState) {
			if s.Version != tls.VersionTLS12 {
				t.Errorf("version %x", s.Version)
			}
		}},
		{"cipher", nil, "127.0.0.1", with(func(o *ClientTLS) {
			o.MaxVersion, o.Ciphers = tls.VersionTLS12, []string{"tls_ecdhe_ecdsa_with_aes_256_gcm_sha384"}
		}), func(t *testing.T, s tls.ConnectionState) {
			if s.CipherSuite != tls.TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384 {
				t.Errorf("cipher %s", tls.CipherSuiteName(s.CipherSuite))
			}
		}},
		{"ALPN", func(c *tls.Config) { c.NextProtos = []string{"x", "mqtt"} }, "127.0.0.1", with(func(o *ClientTLS) { o.ALPN = []string{"mqtt", "y"} }), func(t *testing.T, s tls.ConnectionState) {
			if s.NegotiatedProtocol != "mqtt" {
				t.Errorf("ALPN %q", s.NegotiatedProtocol)
			}
		}},
		{"client certificate", func(c *tls.Config) { c.ClientAuth = tls.RequireAndVerifyClientCert }, "127.0.0.1",
			with(func(o *ClientTLS) { o.CertFile, o.KeyFile = certFile, keyFile }), func(t *testing.T, s tls.ConnectionState) {
				if len(s.PeerCertificates) != 1 || s.PeerCertificates[0].Subject.CommonName != "client 7" {
					t.Errorf("certificates %v", s.PeerCertificates)
				}
			}},
	} {
		t.Run(test.name, func(t *testing.T) {
			p := a.serve(forHosts("localhost", "127.0.0.1", "broker.example"), test.server)
			for _, scheme := range []string{"mqtts", "ssl", "tls", "tcps", "mqtt+ssl"} {
				if err := echo(t, scheme+"://"+test.host+":"+p.port, DialOptions{TLS: test.tls}); err != nil {
					t.Fatal(err)
				}
				if s := <-p.seen; test.check != nil {
					test.check(t, s)
				}
			}
		})
	}
}

// The offer of ALPN depends on the port alone, unless it is asked for.
func TestDialTLSConfig(t *testing.T) {
	for _, test := range []struct {
		target Target
		tls    ClientTLS
		want   string
	}{
		{Target{Host: "h", Port: 8883}, ClientTLS{ALPN: []string{"a"}}, "h 303 0 a"},
		{Target{Host: "fe80::1%eth0", Port: 443}, ClientTLS{MinVersion: tls.VersionTLS13}, "fe80::1 304 0 mqtt"},
		{Target{Host: "h", Port: 443}, ClientTLS{MaxVersion: tls.VersionTLS12, ServerName: "n"}, "n 303 303 mqtt"},
	} {
		c, _, err := test.tls.config(test.target, []string{"mqtt"}, &TLSError{})
		if err != nil {
			t.Fatal(err)
		}
		got := strings.TrimSpace(c.ServerName + " " + hexOf(c.MinVersion) + " " + hexOf(c.MaxVersion) + " " + strings.Join(c.NextProtos, ","))
		if got != test.want {
			t.Errorf("got %q, want %q", got, test.want)
		}
	}
}

func hexOf(v uint16) string {
	if v == 0 {
		return "0"
	}
	return string("0123456789abcdef"[v>>8]) + "0" + string("0123456789abcdef"[v&15])
}

// Each failure says what was sent and what came.
func TestDialTLSFails(t *testing.T) {
	a, other := newAuthority(t, "our authority"), newAuthority(t, "another authority")
	certFile, keyFile := other.issue(&x509.Certificate{Subject: pkix.Name{CommonName: "client 7"}})
	good, trust := forHosts("localhost", "127.0.0.1"), ClientTLS{CAFile: a.file()}
	late, early := forHosts("127.0.0.1"), forHosts("127.0.0.1")
	late.NotBefore, late.NotAfter = time.Now().Add(-2*time.Hour), time.Now().Add(-time.Hour)
	early.NotBefore = time.Now().Add(time.Minute)
	for _, test := range []struct {
		name   string
		cert   *x509.Certificate
		server func(c *tls.Config)
		tls    ClientTLS
		text   string
		check  func(e *TLSError) bool
	}{
		{"unknown authority", good, nil, ClientTLS{CAFile: other.file()}, "signed by unknown authority", func(e *TLSError) bool { return e.Peer != nil && e.Verified }},
		{"system's authorities", good, nil, ClientTLS{}, "signed by unknown authority", nil},
		{"insecure, but another authority", good, nil, ClientTLS{CAFile: other.file(), Insecure: true}, "signed by unknown authority", func(e *TLSError) bool { return e.Peer != nil }},
		{"name", good, nil, ClientTLS{CAFile: a.file(), ServerName: "broker.example"}, "not broker.example", func(e *TLSError) bool { return e.SNI && e.ServerName == "broker.example" }},
		{"expired", late, nil, trust, "has expired or is not yet valid", nil},
		{"not yet valid", early, nil, trust, "has expired or is not yet valid", nil},
		{"version", good, func(c *tls.Config) { c.MinVersion = tls.VersionTLS13 }, ClientTLS{CAFile: a.file(), MaxVersion: tls.VersionTLS12}, `alert "protocol version not supported"`, nil},
		{"cipher", good, func(c *tls.Config) { c.MaxVersion = tls.VersionTLS12 }, ClientTLS{CAFile: a.file(), Ciphers: []string{"TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256"}}, `alert "handshake failure"`, nil},
		{"ALPN", good, func(c *tls.Config) { c.NextProtos = []string{"http/1.1"} }, ClientTLS{CAFile: a.file(), ALPN: []string{"mqtt"}}, `alert "no application protocol"`, func(e *TLSError) bool { return len(e.ALPN) == 1 }},
		{"certificate wanted, 1.3", good, func(c *tls.Config) { c.ClientAuth = tls.RequireAndVerifyClientCert }, trust, `alert "certificate required"`, func(e *TLSError) bool { return e.Asked && e.Sent == nil && e.Peer != nil }},
		{"certificate wanted, 1.2", good, func(c *tls.Config) { c.ClientAuth, c.MaxVersion = tls.RequireAndVerifyClientCert, tls.VersionTLS12 }, trust, `alert`, func(e *TLSError) bool { return e.Asked && e.Sent == nil }},
		{"certificate refused", good, func(c *tls.Config) { c.ClientAuth = tls.RequireAndVerifyClientCert },
			ClientTLS{CAFile: a.file(), CertFile: certFile, KeyFile: keyFile}, `alert "unknown certificate authority"`, func(e *TLSError) bool { return e.Asked && e.Sent.Subject.CommonName == "client 7" }},
	} {
		t.Run(test.name, func(t *testing.T) {
			p := a.serve(test.cert, test.server)
			err := echo(t, "mqtts://u:secret@127.0.0.1:"+p.port, DialOptions{TLS: test.tls})
			e, cause := new(Error), new(TLSError)
			if !errors.As(err, &e) || e.Kind != TLS || !errors.As(err, &cause) || !e.Lasting() {
				t.Fatalf("the error is %T %v", err, err)
			}
			if !strings.Contains(err.Error(), test.text) || strings.Contains(err.Error(), "secret") {
				t.Errorf("the error is %q, want %q in it", err, test.text)
			}
			if test.check != nil && !test.check(cause) {
				t.Errorf("the report is %+v", cause)
			}
		})
	}
}

// What answers without TLS is told by its first bytes.
func TestDialTLSToOthers(t *testing.T) {
	for name, test := range map[string]struct {
		answer string
		check  func(e *TLSError) bool
		text   string
	}{
		"MQTT":   {"\x20\x02\x00\x01\x00", func(e *TLSError) bool { return e.First[0] == 0x20 }, "did not answer with TLS"},
		"HTTP":   {"HTTP/1.1 400 Bad Request\r\n\r\n", func(e *TLSError) bool { return string(e.First) == "HTTP/" }, "did not answer with TLS"},
		"nobody": {"", func(e *TLSError) bool { return e.Ended }, "ended the connection during the TLS handshake"},
	} {
		t.Run(name, func(t *testing.T) {
			port := serveConns(t, func(nc net.Conn) {
				_, _ = nc.Read(make([]byte, 10))
				_, _ = nc.Write([]byte(test.answer))
				_ = nc.(*net.TCPConn).CloseWrite()
				_, _ = io.Copy(io.Discard, nc)
			})
			_, err := Dial(t.Context(), "mqtts://127.0.0.1:"+port, DialOptions{TLS: ClientTLS{Insecure: true}})
			e := new(TLSError)
			if !errors.As(err, &e) || !test.check(e) || !strings.Contains(err.Error(), test.text) {
				t.Errorf("the error is %v, %+v", err, e)
			}
		})
	}
}

// A handshake that never ends, silent or dripping, ends with the context.
func TestDialTLSNeverAnswered(t *testing.T) {
	for name, drip := range map[string]bool{"silent": false, "dripping": true} {
		t.Run(name, func(t *testing.T) {
			port := serveConns(t, func(nc net.Conn) {
				tick := time.NewTicker(10 * time.Millisecond)
				defer tick.Stop()
				for i := 0; drip && i < 2000; i++ {
					header := []byte{0x16, 3, 3, 0x40, 0}
					if _, err := nc.Write(header[min(i, 4):][:1]); err != nil {
						return
					}
					<-tick.C
				}
				_, _ = io.Copy(io.Discard, nc)
			})
			ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
			defer cancel()
			_, err := Dial(ctx, "mqtts://127.0.0.1:"+port, DialOptions{})
			e := new(Error)
			if !errors.As(err, &e) || e.Kind != Unreachable || !errors.Is(err, context.DeadlineExceeded) || e.Lasting() {
				t.Errorf("the error is %v", err)
			}
		})
	}
}

// What is wrong on this side is told before anybody is dialled.
func TestDialTLSFiles(t *testing.T) {
	a, other := newAuthority(t, "a"), newAuthority(t, "b")
	cert, key := a.issue(forHosts("x"))
	_, otherKey := other.issue(forHosts("x"))
	empty := filepath.Join(a.dir, "empty")
	if err := os.WriteFile(empty, []byte("nothing"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		tls  ClientTLS
		want string
	}{
		{ClientTLS{CAFile: "/no/such"}, "CA file: open /no/such"},
		{ClientTLS{CAFile: empty}, "there is no certificate in it"},
		{ClientTLS{CAPath: "/no/such"}, "CA directory: open /no/such"},
		{ClientTLS{CAPath: t.TempDir()}, "there is no certificate in it"},
		{ClientTLS{CertFile: "/no/such", KeyFile: key}, "certificate: open /no/such"},
		{ClientTLS{CertFile: cert, KeyFile: "/no/such"}, "key: open /no/such"},
		{ClientTLS{CertFile: cert}, "there is no key in it"},
		{ClientTLS{KeyFile: key}, "a key needs its certificate"},
		{ClientTLS{CertFile: cert, KeyFile: otherKey}, "private key does not match public key"},
		{ClientTLS{Ciphers: []string{"AES"}}, `"AES" is none`},
		{ClientTLS{KeyLog: "/no/such/file"}, "key log: open /no/such/file"},
	} {
		_, err := Dial(t.Context(), "mqtts://127.0.0.1:1", DialOptions{TLS: test.tls})
		if e := new(Error); !errors.As(err, &e) || e.Kind != Usage || !strings.Contains(err.Error(), test.want) {
			t.Errorf("the error is %v, want %q", err, test.want)
		}
	}
}

func TestKeyLog(t *testing.T) {
	a := newAuthority(t, "a")
	p := a.serve(forHosts("127.0.0.1"), nil)
	log := filepath.Join(t.TempDir(), "keys")
	for range 2 {
		if err := echo(t, "mqtts://127.0.0.1:"+p.port, DialOptions{TLS: ClientTLS{CAFile: a.file(), KeyLog: log}}); err != nil {
			t.Fatal(err)
		}
	}
	text, err := os.ReadFile(log)
	if err != nil || strings.Count(string(text), "CLIENT_TRAFFIC_SECRET_0 ") != 2 {
		t.Errorf("the log is %q, %v", text, err)
	}
	if info, err := os.Stat(log); err != nil || info.Mode().Perm()&0o077 != 0 {
		t.Errorf("mode %v, %v", info.Mode(), err)
	}
}
