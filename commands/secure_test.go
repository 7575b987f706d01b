package commands

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"mqtk/broker"
	"mqtk/broker/access"
	"mqtk/broker/authfile"
	"mqtk/mqttwire/sasl"
	"mqtk/mqttwire/transport"
)

// brokerBy serves a broker on a listener, until the test ends.
func brokerBy(t testing.TB, w way, o broker.Options) (url string) {
	t.Helper()
	return brokerAt(t, w.open(t), o)
}

// brokerAt is a broker at a listener.
func brokerAt(t testing.TB, l net.Listener, o broker.Options) (url string) {
	t.Helper()
	b, err := broker.New(o)
	if err != nil {
		t.Fatal(err)
	}
	served := make(chan struct{})
	go func() {
		defer close(served)
		_ = b.Serve(l)
	}()
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		defer cancel()
		_ = b.Shutdown(ctx)
		<-served
	})
	return transport.URL(l)
}

// TestPubAndSubByEveryWay: lines at QoS 2 one way, counted messages the other,
// and the DISCONNECT that ends in order: the will is not sent.
func TestPubAndSubByEveryWay(t *testing.T) {
	ways := append(everyWay(t), way{name: "Unix", listen: "unix://" + filepath.Join(t.TempDir(), "s")})
	for _, w := range ways {
		t.Run(w.name, func(t *testing.T) {
			t.Parallel()
			url := brokerBy(t, w, broker.Options{})
			words := func(line string) []string { return append(append(strings.Fields(line), "-L", url), w.flags...) }
			for _, version := range []string{"5", "311", "31"} {
				var in strings.Builder
				for i := range 500 {
					fmt.Fprintln(&in, i)
				}
				if got := runWords(t, "", words("sub numbers -c -i reader -q 2 -E -V "+version)...); got.code != exitDone {
					t.Fatalf("sub -E: %d, %s", got.code, got.err)
				}
				if got := runWords(t, in.String(), words("pub -t numbers -l -q 2 --will-topic numbers --will-payload lost -V "+version)...); got.code != exitDone || got.err != "" {
					t.Fatalf("pub -l: %d, %s", got.code, got.err)
				}
				if got := runWords(t, "", words("sub numbers -c -i reader -q 2 -C 500 -W 20 -V "+version)...); got.code != exitDone || got.out != in.String() {
					t.Fatalf("sub: %d, %s, %d bytes", got.code, got.err, len(got.out))
				}
				if got := runWords(t, "", words("sub numbers -i reader -E -V "+version)...); got.code != exitDone {
					t.Fatalf("sub -E: %d, %s", got.code, got.err)
				}
			}
		})
	}
}

// TestReaderGoneByEveryWay: sub notices a closed output although nothing comes.
func TestReaderGoneByEveryWay(t *testing.T) {
	sideBySide(everyWay(t), func(w way) {
		url := brokerBy(t, w, broker.Options{})
		read, write, err := os.Pipe()
		if err != nil {
			t.Error(err)
			return
		}
		defer write.Close()
		time.AfterFunc(100*time.Millisecond, func() { read.Close() })
		var problems bytes.Buffer
		ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
		defer cancel()
		code := Run(ctx, append([]string{"sub", "a", "-L", url}, w.flags...), Stdio{In: strings.NewReader(""), Out: write, Err: &problems})
		if code != exitDone || problems.Len() > 0 || ctx.Err() != nil {
			t.Errorf("%s: %d, %s", w.name, code, &problems)
		}
	})
}

// TestTLSIsExplained: what was sent, what came, and the flag to change.
func TestTLSIsExplained(t *testing.T) {
	n, other := newNotary(t, "our authority"), newNotary(t, "another authority")
	namesake := newNotary(t, "our authority")
	n.sign("good", hosts("localhost", "127.0.0.1"))
	n.sign("other-name", hosts("broker.example"))
	n.sign("no-name", hosts())
	late, early := hosts("127.0.0.1"), hosts("127.0.0.1")
	late.NotBefore, late.NotAfter = time.Now().Add(-48*time.Hour), time.Now().Add(-24*time.Hour)
	early.NotBefore, early.NotAfter = time.Now().Add(24*time.Hour), time.Now().Add(48*time.Hour)
	n.sign("late", late)
	n.sign("early", early)
	n.sign("no-server", &x509.Certificate{Subject: pkix.Name{CommonName: "x"}, IPAddresses: []net.IP{{127, 0, 0, 1}}, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}})
	other.sign("client", &x509.Certificate{Subject: pkix.Name{CommonName: "client 7"}})
	alone := newNotary(t, "127.0.0.1")
	ca := "--cafile " + n.file("ca.pem") + " "
	for _, test := range []struct {
		name, flags string
		server      func(s *transport.ServerTLS)
		says        []string
	}{
		{"unknown authority", "", nil, []string{"signed by unknown authority", "sent: TLS 1.2 to 1.3, no server name, no ALPN, no certificate",
			"came: a certificate for localhost, 127.0.0.1 (CN=the broker), signed by CN=our authority, valid from 20", "the system does not trust its authority: --cafile"}},
		{"another authority", "--cafile " + other.file("ca.pem"), nil, []string{"its authority is not in --cafile"}},
		{"signed by itself", ca, func(s *transport.ServerTLS) {
			s.Certificates = []transport.KeyPair{{Cert: alone.file("ca.pem"), Key: alone.file("ca.key")}}
		}, []string{"signed by unknown authority\n  the certificate has signed itself: --cafile with that certificate trusts it"}},
		{"another authority of that name", "--cafile " + namesake.file("ca.pem"), nil, []string{"signed by unknown authority\n", "\n  in full: tls: failed to verify certificate: x509: certificate signed by unknown authority (possibly because of "}},
		{"name", ca, func(s *transport.ServerTLS) { *s = *n.serverTLS("other-name") }, []string{"cannot validate certificate for 127.0.0.1", "--servername"}},
		{"no name", ca, func(s *transport.ServerTLS) { *s = *n.serverTLS("no-name") }, []string{"CN=the broker, which names no host", "subjectAltName"}},
		{"server name", ca + "--servername broker.test", nil, []string{"not broker.test", "server name broker.test", "--servername"}},
		{"expired", ca, func(s *transport.ServerTLS) { *s = *n.serverTLS("late") }, []string{"the certificate has expired"}},
		{"not yet valid", ca, func(s *transport.ServerTLS) { *s = *n.serverTLS("early") }, []string{"not valid yet, or the clock here is wrong"}},
		{"no server's", ca, func(s *transport.ServerTLS) { *s = *n.serverTLS("no-server") }, []string{"not one for a server"}},
		{"certificate wanted", ca, func(s *transport.ServerTLS) { s.ClientCA = n.file("ca.pem") }, []string{`alert "certificate required"`,
			"no certificate, though one was asked for", "--cert and --key give one"}},
		{"certificate wanted, 1.2", ca + "--tls-version 1.2", func(s *transport.ServerTLS) { s.ClientCA = n.file("ca.pem") }, []string{"--cert and --key give one"}},
		{"certificate refused", ca + "--cert " + other.file("client.pem") + " --key " + other.file("client.key"), func(s *transport.ServerTLS) { s.ClientCA = n.file("ca.pem") },
			[]string{"the certificate CN=client 7", "does not take the certificate that was sent"}},
		{"version", ca + "--tls-version 1.2", func(s *transport.ServerTLS) { s.MinVersion = 0x0304 }, []string{`alert "protocol version not supported"`, "sent: TLS 1.2, ", "--tls-version"}},
		{"cipher", ca + "--tls-version 1.2 --ciphers TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256", nil, []string{`alert "handshake failure"`, "--ciphers"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			options := transport.ListenOptions{TLS: n.serverTLS("good")}
			if test.server != nil {
				test.server(options.TLS)
			}
			for _, scheme := range []string{"mqtts", "wss"} {
				url := brokerBy(t, way{listen: scheme + "://127.0.0.1:0", options: options}, broker.Options{})
				words := append([]string{"pub", "a", "x", "--retry", "3", "-u", "me", "-P", "secret", "-L", url}, strings.Fields(test.flags)...)
				got := runWords(t, "", words...)
				if got.code != exitTLS || got.out != "" || strings.Contains(got.err, "secret") || strings.Contains(got.err, "trying again") {
					t.Errorf("%s: code %d, stdout %q, stderr %s", scheme, got.code, got.out, got.err)
				}
				for _, text := range test.says {
					if !strings.Contains(got.err, text) {
						t.Errorf("%s does not say %q but\n%s", scheme, text, got.err)
					}
				}
			}
		})
	}
}

// TestALPNIsExplained: our listener is lenient, others are not.
func TestALPNIsExplained(t *testing.T) {
	n := newNotary(t, "our authority")
	n.sign("good", hosts("127.0.0.1"))
	pair, err := tls.LoadX509KeyPair(n.file("good.pem"), n.file("good.key"))
	if err != nil {
		t.Fatal(err)
	}
	l, err := tls.Listen("tcp", "127.0.0.1:0", &tls.Config{Certificates: []tls.Certificate{pair}, NextProtos: []string{"x-amzn-mqtt-ca"}})
	if err != nil {
		t.Fatal(err)
	}
	go func() {
		for nc, err := l.Accept(); err == nil; nc, err = l.Accept() {
			_ = nc.(*tls.Conn).Handshake()
			nc.Close()
		}
	}()
	defer l.Close()
	got := runWords(t, "", "pub", "a", "x", "-L", "mqtts://"+l.Addr().String()+"?alpn=h2,spdy", "--cafile", n.file("ca.pem"))
	if got.code != exitTLS || !strings.Contains(got.err, `alert "no application protocol"`) ||
		!strings.Contains(got.err, "ALPN h2,spdy") || !strings.Contains(got.err, "--alpn names others") {
		t.Errorf("code %d, %s", got.code, got.err)
	}
}

// TestPlainToTLS: the other way round the port is recognised, too.
func TestPlainToTLS(t *testing.T) {
	n := newNotary(t, "our authority")
	n.sign("good", hosts("127.0.0.1"))
	w := way{listen: "mqtts://127.0.0.1:0", options: transport.ListenOptions{TLS: n.serverTLS("good")}}
	url := brokerBy(t, w, broker.Options{})
	got := runWords(t, "", "pub", "a", "x", "-L", strings.Replace(url, "mqtts", "mqtt", 1))
	if got.code == exitDone || !strings.Contains(got.err, "mqtts://") {
		t.Errorf("code %d, %s", got.code, got.err)
	}
}

// TestHangingUpBehindTLS: a broker that closes on the CONNECT wants no TLS, for it
// has just spoken it.
func TestHangingUpBehindTLS(t *testing.T) {
	n := newNotary(t, "our authority")
	n.sign("good", hosts("127.0.0.1"))
	for _, scheme := range []string{"mqtts", "wss"} {
		for flags, says := range map[string]string{
			"": "the server wants a certificate (--cert, --key)",
			"--cert " + n.file("good.pem") + " --key " + n.file("good.key"): "does not take the certificate that was sent",
		} {
			l, err := transport.Listen("mqtts://127.0.0.1:0", transport.ListenOptions{TLS: n.serverTLS("good")})
			if err != nil {
				t.Fatal(err)
			}
			go func() {
				for nc, err := l.Accept(); err == nil; nc, err = l.Accept() {
					_ = shake(nc)
					nc.Close()
				}
			}()
			words := "pub a x -L " + scheme + "://" + l.Addr().String() + " --cafile " + n.file("ca.pem") + " " + flags
			got := runWords(t, "", strings.Fields(words)...)
			l.Close()
			if got.code != exitUnreachable || !strings.Contains(got.err, says) || strings.Contains(got.err, "wants TLS") {
				t.Errorf("%s: code %d, %s", words, got.code, got.err)
			}
		}
	}
}

// TestMQTTToWebSocket: the port is recognised.
func TestMQTTToWebSocket(t *testing.T) {
	for _, w := range everyWay(t) {
		plain, web := strings.CutPrefix(w.listen, "ws")
		if !web {
			continue
		}
		url := brokerBy(t, w, broker.Options{})
		_, address, _ := strings.Cut(url, "://")
		words := append([]string{"pub", "a", "x", "-L", "mqtt" + plain[:strings.Index(plain, ":")] + "://" + strings.TrimSuffix(address, "/")}, w.flags...)
		got := runWords(t, "", words...)
		if got.code == exitDone || !strings.Contains(got.err, w.listen[:strings.Index(w.listen, ":")+3]+" is MQTT over WebSocket") {
			t.Errorf("%q: code %d, %s", words, got.code, got.err)
		}
	}
}

// TestTLSToWebSocket: wss:// at a ws:// port is told of ws://.
func TestTLSToWebSocket(t *testing.T) {
	for _, w := range everyWay(t) {
		if !strings.HasPrefix(w.listen, "ws://") {
			continue
		}
		got := runWords(t, "", append([]string{"pub", "a", "x", "--insecure", "-L", strings.Replace(brokerBy(t, w, broker.Options{}), "ws:", "wss:", 1)}, w.flags...)...)
		if got.code == exitDone || !strings.Contains(got.err, "ws:// in place of wss://") && !strings.Contains(got.err, "ws:// is WebSocket without TLS") {
			t.Errorf("code %d, %s", got.code, got.err)
		}
	}
}

// liar knows the passwords of users and has lost his own key.
type liar struct{ sasl.Users }

func (l liar) Verifier(ctx context.Context, user, method string) (sasl.Verifier, error) {
	v, err := l.Users.Verifier(ctx, user, method)
	v.ServerKey = append([]byte(nil), v.ServerKey...)
	v.ServerKey[0]++
	return v, err
}

// saslBroker lets in ada with the password pencil, by enhanced authentication.
func saslBroker(t testing.TB, w way, change func(u sasl.Users) sasl.Users) (url string) {
	t.Helper()
	line, err := authfile.Line("ada", []byte("pencil"), 0)
	if err != nil {
		t.Fatal(err)
	}
	file, err := authfile.Parse("passwords", []byte(line+"\n"))
	if err != nil {
		t.Fatal(err)
	}
	method, err := access.NewSASL(access.SASLOptions{Users: change(authfile.New(file)), CertificateField: "cn", PlainWithoutTLS: true})
	if err != nil {
		t.Fatal(err)
	}
	return brokerBy(t, w, broker.Options{Authenticator: access.Chain(access.Link{Name: "sasl", Authenticator: method})})
}

func TestAuthMethod(t *testing.T) {
	n := newNotary(t, "our authority")
	n.sign("server", hosts("127.0.0.1"))
	n.sign("client", &x509.Certificate{Subject: pkix.Name{CommonName: "ada"}})
	secure := transport.ListenOptions{TLS: n.serverTLS("server")}
	secure.TLS.ClientCA, secure.TLS.ClientCertificate = n.file("ca.pem"), "optional"
	honest := func(u sasl.Users) sasl.Users { return u }
	for _, test := range []struct {
		flags  string
		tls    bool
		change func(u sasl.Users) sasl.Users
		code   int
		says   string
	}{
		{"-u ada -P pencil --auth-method SCRAM-SHA-256", false, honest, exitDone, ""},
		{"-u ada -P pencil --auth-method SCRAM-SHA-512", true, honest, exitDone, ""},
		{"-u ada -P pencil --auth-method plain", true, honest, exitDone, ""},
		{"--auth-method EXTERNAL --cert " + n.file("client.pem") + " --key " + n.file("client.key"), true, honest, exitDone, ""},
		{"-u other --auth-method EXTERNAL --cert " + n.file("client.pem") + " --key " + n.file("client.key"), true, honest, exitDenied, "--username, where it is given, must be that name"},
		{"-u ada -P wrong --auth-method SCRAM-SHA-256", false, honest, exitDenied, "user name and password were proved by SCRAM-SHA-256"},
		{"-u nobody -P pencil --auth-method SCRAM-SHA-256", false, honest, exitDenied, "the server refused the connection"},
		{"-u ada -P wrong --auth-method PLAIN", false, honest, exitDenied, "the server refused the connection"},
		{"-u ada -P pencil --auth-method CRAM-MD5", false, honest, exitDenied, "the method was CRAM-MD5; --auth-method names another"},
		{"-u ada -P pencil --auth-method SCRAM-SHA-256", false, func(u sasl.Users) sasl.Users { return liar{u} }, exitProtocol, "authentication with SCRAM-SHA-256"},
	} {
		t.Run(test.flags, func(t *testing.T) {
			t.Parallel()
			w, flags := way{listen: "mqtt://127.0.0.1:0"}, strings.Fields(test.flags)
			if test.tls {
				w = way{listen: "mqtts://127.0.0.1:0", options: secure}
				flags = append(flags, "--cafile", n.file("ca.pem"))
			}
			url := saslBroker(t, w, test.change)
			got := runWords(t, "", append([]string{"pub", "a", "x", "-q", "1", "-L", url}, flags...)...)
			if got.code != test.code || !strings.Contains(got.err, test.says) || test.code == exitDone && got.err != "" {
				t.Errorf("code %d, %s", got.code, got.err)
			}
			if strings.Contains(got.err, "pencil") || strings.Contains(got.err, "wrong") {
				t.Errorf("shows the password: %s", got.err)
			}
		})
	}
}

// TestReauthEvery: the mechanism runs again on the same connection, until the
// password is another one.
func TestReauthEvery(t *testing.T) {
	url := saslBroker(t, way{listen: "mqtt://127.0.0.1:0"}, func(u sasl.Users) sasl.Users { return u })
	got := runWords(t, "", "sub", "a", "-L", url, "-u", "ada", "-P", "pencil", "--auth-method", "SCRAM-SHA-256", "--reauth-every", "0.05", "-W", "1", "-d")
	if n := strings.Count(got.err, "< AUTH Success"); got.code != exitTimeout || n < 2 {
		t.Errorf("code %d, %d times, %s", got.code, n, got.err)
	}
	if got := runWords(t, "", "sub", "a", "--reauth-every", "1"); got.code != exitUsage || !strings.Contains(got.err, "--reauth-every needs --auth-method") {
		t.Errorf("code %d, %s", got.code, got.err)
	}
}
