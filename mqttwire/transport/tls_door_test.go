package transport

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"
)

func TestTLSChooses(t *testing.T) {
	a := newAuthority(t, "authority")
	d := openDoor(t, "mqtts://127.0.0.1:0", ListenOptions{TLS: &ServerTLS{
		Certificates: []KeyPair{a.server("one.example"), a.server("two.example"), a.server("three.example", "*.three.example")},
	}})
	for _, test := range []struct {
		name, want string
		config     *tls.Config
	}{
		{name: "the first", want: "one.example"},
		{name: "by name", want: "two.example", config: &tls.Config{ServerName: "two.example"}},
		{name: "by wildcard", want: "three.example", config: &tls.Config{ServerName: "a.three.example"}},
		{name: "another name", want: "one.example", config: &tls.Config{ServerName: "four.example"}},
		{name: "1.2", want: "one.example 1.2", config: &tls.Config{MaxVersion: tls.VersionTLS12}},
		{name: "mqtt by ALPN", want: "one.example mqtt", config: &tls.Config{NextProtos: []string{"h2", "mqtt"}}},
		{name: "unknown by ALPN", want: "one.example", config: &tls.Config{NextProtos: []string{"x-amzn-mqtt-ca"}}},
		{name: "too old", want: "protocol version", config: &tls.Config{MinVersion: tls.VersionTLS10, MaxVersion: tls.VersionTLS11}},
	} {
		config := test.config
		if config == nil {
			config = new(tls.Config)
		}
		config.InsecureSkipVerify = true
		c, err := tls.Dial("tcp", d.Addr().String(), config)
		if err != nil {
			if !strings.Contains(err.Error(), test.want) {
				t.Errorf("%s: %v", test.name, err)
			}
			continue
		}
		state := c.ConnectionState()
		c.Close()
		got := state.PeerCertificates[0].DNSNames[0]
		if state.Version != tls.VersionTLS13 {
			got += " " + strings.TrimPrefix(tls.VersionName(state.Version), "TLS ")
		}
		if state.NegotiatedProtocol != "" {
			got += " " + state.NegotiatedProtocol
		}
		if got != test.want {
			t.Errorf("%s: %s, want %s", test.name, got, test.want)
		}
	}
}

func TestTLSCiphers(t *testing.T) {
	a := newAuthority(t, "authority")
	const suite = "TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384"
	d := openDoor(t, "mqtts://127.0.0.1:0", ListenOptions{TLS: &ServerTLS{Certificates: []KeyPair{a.server("x")}, Ciphers: []string{suite}}})
	c, err := tls.Dial("tcp", d.Addr().String(), &tls.Config{InsecureSkipVerify: true, MaxVersion: tls.VersionTLS12})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if got := tls.CipherSuiteName(c.ConnectionState().CipherSuite); got != suite {
		t.Errorf("the suite is %s", got)
	}
	strict := openDoor(t, "mqtts://127.0.0.1:0", ListenOptions{TLS: &ServerTLS{Certificates: []KeyPair{a.server("x")}, MinVersion: tls.VersionTLS13}})
	if _, err := tls.Dial("tcp", strict.Addr().String(), &tls.Config{InsecureSkipVerify: true, MaxVersion: tls.VersionTLS12}); err == nil {
		t.Error("TLS 1.2 where 1.3 is the least")
	}
}

func TestClientCertificates(t *testing.T) {
	a, other := newAuthority(t, "authority"), newAuthority(t, "other")
	secure := ServerTLS{Certificates: []KeyPair{a.server("127.0.0.1")}, ClientCA: a.file()}
	required := openDoor(t, "mqtts://127.0.0.1:0", ListenOptions{TLS: &secure})
	free := secure
	free.ClientCertificate = "optional"
	optional := openDoor(t, "mqtts://127.0.0.1:0", ListenOptions{TLS: &free})

	if err := echo(t, required.url, DialOptions{TLS: a.client("client 7")}); err != nil {
		t.Error(err)
	}
	state := (<-required.conns).(*Conn).TLS()
	if len(state.PeerCertificates) != 1 || state.PeerCertificates[0].Subject.CommonName != "client 7" || len(state.VerifiedChains) == 0 {
		t.Errorf("the server knows of %v", state.PeerCertificates)
	}
	if err := echo(t, required.url, DialOptions{TLS: ClientTLS{CAFile: a.file()}}); err == nil {
		t.Error("let in without a certificate")
	}
	required.failure(t, "didn't provide a certificate")
	stranger := other.client("client 7")
	stranger.CAFile = a.file()
	for _, d := range []*echoDoor{required, optional} {
		if err := echo(t, d.url, DialOptions{TLS: stranger}); err == nil {
			t.Error("let in with a certificate of another authority")
		}
		d.failure(t, "certificate")
	}
	if err := echo(t, optional.url, DialOptions{TLS: ClientTLS{CAFile: a.file()}}); err != nil {
		t.Error(err)
	}
	server := a.server("client 7") // good for servers alone
	if err := echo(t, required.url, DialOptions{TLS: ClientTLS{CAFile: a.file(), CertFile: server.Cert, KeyFile: server.Key}}); err == nil {
		t.Error("let in with a server's certificate")
	}
}

// copyPair puts a certificate where another was.
func copyPair(t *testing.T, from, to KeyPair) {
	t.Helper()
	for old, now := range map[string]string{from.Cert: to.Cert, from.Key: to.Key} {
		text, err := os.ReadFile(old)
		if err == nil {
			err = os.WriteFile(now, text, 0o600)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
}

// later has a listener look at its files again without a second's wait.
func (d *echoDoor) later() {
	s := d.Listener.(*porch).entrance.Load().tls
	s.mu.Lock()
	s.looked = s.looked.Add(-2 * lookAgain)
	s.mu.Unlock()
}

func TestCertificatesAreReadAgain(t *testing.T) {
	a := newAuthority(t, "authority")
	var log bytes.Buffer
	pair := KeyPair{filepath.Join(t.TempDir(), "cert"), filepath.Join(t.TempDir(), "key")}
	copyPair(t, a.server("one"), pair)
	d := openDoor(t, "mqtts://127.0.0.1:0", ListenOptions{
		TLS: &ServerTLS{Certificates: []KeyPair{pair}, ClientCA: a.file(), ClientCertificate: "optional"},
		Log: slog.New(slog.NewTextHandler(&log, nil)),
	})
	tickets := tls.NewLRUClientSessionCache(10)
	dial := func() (*tls.Conn, string) {
		t.Helper()
		c, err := tls.Dial("tcp", d.Addr().String(), &tls.Config{InsecureSkipVerify: true, ServerName: "x", ClientSessionCache: tickets})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { c.Close() })
		chat(t, c)
		state := c.ConnectionState()
		return c, fmt.Sprintf("%s %v", state.PeerCertificates[0].DNSNames[0], state.DidResume)
	}
	old, name := dial()
	if name != "one false" {
		t.Fatalf("got %s", name)
	}
	copyPair(t, a.server("two"), pair)
	d.later()
	if _, name = dial(); name != "one true" {
		t.Errorf("a session of before is resumed as %s", name)
	}
	tickets = nil
	if _, name = dial(); name != "two false" {
		t.Errorf("after the swap: %s", name)
	}
	chat(t, old)
	os.WriteFile(pair.Key, []byte("broken"), 0o600)
	for range 3 {
		d.later()
		if _, name = dial(); name != "two false" {
			t.Errorf("with a broken key: %s", name)
		}
	}
	os.Remove(pair.Cert)
	d.later()
	if _, name = dial(); name != "two false" {
		t.Errorf("without a certificate: %s", name)
	}
	copyPair(t, a.server("three"), pair)
	if _, name = dial(); name != "two false" {
		t.Errorf("files were looked at twice in a second: %s", name)
	}
	d.later()
	if _, name = dial(); name != "three false" {
		t.Errorf("repaired: %s", name)
	}
	if said := log.String(); strings.Count(said, "cannot be used") != 2 || strings.Count(said, "read again") != 2 {
		t.Errorf("logged:\n%s", said)
	}
}

// TestChangeKeepsSessions: who was here before the options changed comes back by his
// ticket, others meet what holds now.
func TestChangeKeepsSessions(t *testing.T) {
	a := newAuthority(t, "authority")
	d := openDoor(t, "mqtts://127.0.0.1:0", ListenOptions{TLS: &ServerTLS{Certificates: []KeyPair{a.server("one")}}})
	tickets := tls.NewLRUClientSessionCache(10)
	dial := func() string {
		t.Helper()
		c, err := tls.Dial("tcp", d.Addr().String(), &tls.Config{InsecureSkipVerify: true, ServerName: "x", ClientSessionCache: tickets})
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		chat(t, c)
		state := c.ConnectionState()
		return fmt.Sprintf("%s %v", state.PeerCertificates[0].DNSNames[0], state.DidResume)
	}
	if got := dial(); got != "one false" {
		t.Errorf("at first: %s", got)
	}
	for _, name := range []string{"two", "three"} {
		apply, err := Change(d.Listener, d.url, ListenOptions{TLS: &ServerTLS{Certificates: []KeyPair{a.server(name)}}})
		if err != nil {
			t.Fatal(err)
		}
		apply()
	}
	if got := dial(); got != "one true" {
		t.Errorf("after two changes: %s", got)
	}
	tickets = nil
	if got := dial(); got != "three false" {
		t.Errorf("without a ticket: %s", got)
	}
}

func chat(t *testing.T, c net.Conn) {
	t.Helper()
	if _, err := c.Write([]byte("hello")); err != nil {
		t.Fatal(err)
	}
	if _, err := io.ReadFull(c, make([]byte, 5)); err != nil {
		t.Fatal(err)
	}
}

// TestResumedSessionsAreVerified takes an authority out of the client CA file: who
// has a session ticket of before is not let in by it.
func TestResumedSessionsAreVerified(t *testing.T) {
	a, other := newAuthority(t, "authority"), newAuthority(t, "other")
	for _, version := range []uint16{tls.VersionTLS12, tls.VersionTLS13} {
		ca := filepath.Join(t.TempDir(), "ca")
		text, _ := os.ReadFile(a.file())
		os.WriteFile(ca, text, 0o600)
		d := openDoor(t, "mqtts://127.0.0.1:0", ListenOptions{TLS: &ServerTLS{Certificates: []KeyPair{a.server("x")}, ClientCA: ca}})
		files := a.client("client")
		pair, err := tls.LoadX509KeyPair(files.CertFile, files.KeyFile)
		if err != nil {
			t.Fatal(err)
		}
		config := &tls.Config{InsecureSkipVerify: true, ServerName: "x", MaxVersion: version,
			ClientSessionCache: tls.NewLRUClientSessionCache(10), Certificates: []tls.Certificate{pair}}
		for _, resumed := range []bool{false, true} {
			c, err := tls.Dial("tcp", d.Addr().String(), config)
			if err != nil {
				t.Fatal(err)
			}
			chat(t, c)
			c.Close()
			if c.ConnectionState().DidResume != resumed {
				t.Fatalf("resumed: %v", !resumed)
			}
			state := (<-d.conns).(*Conn).TLS()
			if len(state.PeerCertificates) != 1 || state.DidResume != resumed {
				t.Errorf("the server's state has %d certificates", len(state.PeerCertificates))
			}
		}
		text, _ = os.ReadFile(other.file())
		os.WriteFile(ca, text, 0o600)
		d.later()
		c, err := tls.Dial("tcp", d.Addr().String(), config)
		if err == nil {
			c.SetDeadline(time.Now().Add(time.Minute))
			_, err = c.Read(make([]byte, 1))
			c.Close()
		}
		if err == nil || !strings.Contains(err.Error(), "remote error: tls: ") {
			t.Errorf("after the authority was taken out: %v", err)
		}
		d.failure(t, "certificate")
	}
}

// TestVerifyClient is about the second look, whatever crypto/tls has found.
func TestVerifyClient(t *testing.T) {
	a, other := newAuthority(t, "authority"), newAuthority(t, "other")
	certificate := a.sign(&x509.Certificate{ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}}, a.newKey(), a.cert)
	pool := func(a *authority) *x509.CertPool { p := x509.NewCertPool(); p.AddCert(a.cert); return p }
	state := tls.ConnectionState{DidResume: true, PeerCertificates: []*x509.Certificate{certificate}}
	if err := verifyClient(state, &tls.Config{ClientCAs: pool(a)}); err != nil {
		t.Error(err)
	}
	if err := verifyClient(state, &tls.Config{ClientCAs: pool(other)}); err == nil {
		t.Error("a resumed session of another authority was let in")
	}
	if err := verifyClient(tls.ConnectionState{}, &tls.Config{ClientAuth: tls.RequireAndVerifyClientCert}); err == nil {
		t.Error("a session without a certificate was let in")
	}
}

func TestServerKeyLog(t *testing.T) {
	a := newAuthority(t, "authority")
	path := filepath.Join(t.TempDir(), "keys")
	os.WriteFile(path, nil, 0o644)
	d := openDoor(t, "mqtts://127.0.0.1:0", ListenOptions{TLS: &ServerTLS{Certificates: []KeyPair{a.server("127.0.0.1")}, KeyLog: path}})
	if err := echo(t, d.url, DialOptions{TLS: ClientTLS{CAFile: a.file()}}); err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(path)
	if err != nil || !strings.Contains(string(text), "CLIENT_TRAFFIC_SECRET_0 ") {
		t.Errorf("the key log has %q, %v", text, err)
	}
	if info, err := os.Stat(path); err != nil || runtime.GOOS != "windows" && info.Mode().Perm() != 0o600 {
		t.Errorf("its mode is %v, %v", info.Mode(), err)
	}
}

func TestTLSDoorToOthers(t *testing.T) {
	a := newAuthority(t, "authority")
	d := openDoor(t, "mqtts://127.0.0.1:0", ListenOptions{TLS: &ServerTLS{Certificates: []KeyPair{a.server("127.0.0.1")}}})
	for _, test := range []struct{ sends, want string }{
		{"\x10\x0c\x00\x04MQTT\x04\x02\x00\x00\x00\x00", "speaks MQTT without TLS"},
		{"GET / HTTP/1.1\r\n\r\n", "speaks HTTP"},
		{"\x16\x03\x01", "EOF"},
		{"", "left without a word"},
	} {
		c, err := net.Dial("tcp", d.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		c.Write([]byte(test.sends))
		c.(*net.TCPConn).CloseWrite()
		io.Copy(io.Discard, c)
		c.Close()
		d.failure(t, test.want)
	}
	if err := echo(t, d.url, DialOptions{}); err == nil {
		t.Error("a client trusts an authority of which it does not know")
	}
	d.failure(t, "the client has ended the TLS handshake")
}

// TestRefusedClientsHearWhy: the alert must not be eaten by the reset that unread
// input makes of a close.
func TestRefusedClientsHearWhy(t *testing.T) {
	a, other := newAuthority(t, "authority"), newAuthority(t, "other")
	d := openDoor(t, "mqtts://127.0.0.1:0", ListenOptions{TLS: &ServerTLS{Certificates: []KeyPair{a.server("127.0.0.1")}, ClientCA: a.file()}})
	stranger := other.client("client 7")
	stranger.CAFile = a.file()
	for range 20 {
		c, err := Dial(t.Context(), d.url, DialOptions{TLS: stranger})
		if err != nil {
			t.Fatal(err)
		}
		for range 200 { // more than is read before the server has made up its mind
			if _, err := c.Write(make([]byte, 1<<10)); err != nil {
				t.Fatalf("the client is reset while it writes: %v", err)
			}
		}
		_, err = c.Read(make([]byte, 1))
		c.Close()
		if e := (*TLSError)(nil); !errors.As(err, &e) || e.Alert == "" {
			t.Fatalf("the client heard %v", err)
		}
		d.failure(t, "certificate")
	}
}

// TestSilentPeers: a handshake fails by io.EOF where nothing was said, and by
// something else where anything was.
func TestSilentPeers(t *testing.T) {
	a := newAuthority(t, "authority")
	secure := &ServerTLS{Certificates: []KeyPair{a.server("127.0.0.1")}}
	proxy := ProxyOptions{Mode: "v1", Trusted: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}}
	for _, test := range []struct {
		scheme, sends string
		options       ListenOptions
		silent        bool
	}{
		{"mqtts", "", ListenOptions{TLS: secure}, true},
		{"mqtts", "\x16", ListenOptions{TLS: secure}, false},
		{"wss", "", ListenOptions{TLS: secure}, true},
		{"ws", "", ListenOptions{}, true},
		{"ws", "G", ListenOptions{}, false},
		{"mqtt", "", ListenOptions{Proxy: proxy}, true},
		{"mqtt", "PROXY", ListenOptions{Proxy: proxy}, false},
		{"mqtts", "PROXY UNKNOWN\r\n", ListenOptions{Proxy: proxy, TLS: secure}, true},
	} {
		d := openDoor(t, test.scheme+"://127.0.0.1:0", test.options)
		for _, linger := range []int{-1, 0} { // by an end, and by a reset
			c, err := net.Dial("tcp", d.Addr().String())
			if err != nil {
				t.Fatal(err)
			}
			c.Write([]byte(test.sends))
			c.(*net.TCPConn).SetLinger(linger)
			c.Close()
			if err := <-d.fails; errors.Is(err, io.EOF) != test.silent {
				t.Errorf("%s, %q: %v", test.scheme, test.sends, err)
			}
		}
	}
}
