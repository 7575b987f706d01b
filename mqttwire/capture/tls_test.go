package capture

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"io"
	"math/big"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"mqtk/mqttwire/transport"
)

// A spokenPiece is what one side of a connection wrote at once.
type spokenPiece struct {
	fromServer bool
	data       []byte
}

// A wiretap keeps what passes a connection, as its client sees it.
type wiretap struct {
	net.Conn
	mu     sync.Mutex
	pieces []spokenPiece
}

func (w *wiretap) keep(fromServer bool, b []byte) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.pieces = append(w.pieces, spokenPiece{fromServer, bytes.Clone(b)})
}

func (w *wiretap) Write(b []byte) (int, error) {
	w.keep(false, b)
	return w.Conn.Write(b)
}

func (w *wiretap) Read(b []byte) (int, error) {
	n, err := w.Conn.Read(b)
	if n > 0 {
		w.keep(true, b[:n])
	}
	return n, err
}

// tlsRig is what connections of a test share.
type tlsRig struct {
	log            bytes.Buffer
	client, server tls.Config
	parsed         *KeyLog
}

func newTLSRig(t testing.TB, elliptical bool) *tlsRig {
	t.Helper()
	r := &tlsRig{}
	r.server.Certificates = []tls.Certificate{selfSigned(t, elliptical)}
	r.client = tls.Config{InsecureSkipVerify: true, ServerName: "broker.example", KeyLogWriter: &r.log}
	return r
}

func selfSigned(t testing.TB, elliptical bool) tls.Certificate {
	t.Helper()
	var key crypto.Signer
	var err error
	if elliptical {
		key, err = ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	} else {
		key, err = rsa.GenerateKey(rand.Reader, 2048)
	}
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), NotAfter: time.Unix(1<<33, 0)}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}
}

// A spokenLine is what one side says in a dialogue.
type spokenLine struct {
	fromServer bool
	text       string
}

// dialogue is said in turns, with a long line that needs many records.
func dialogue() []spokenLine {
	return []spokenLine{
		{false, "CONNECT please"}, {true, "CONNACK"}, {false, strings.Repeat("long and longer ", 3000)},
		{true, "well"}, {false, "A"}, {false, "B"}, {true, strings.Repeat("no ", 20000)}, {false, "bye"},
	}
}

// talk has the dialogue over a connection of its own.
func (r *tlsRig) talk(t testing.TB, lines []spokenLine) []spokenPiece {
	t.Helper()
	near, far := transport.MemPair()
	tap := &wiretap{Conn: near}
	client, server := tls.Client(tap, &r.client), tls.Server(far, &r.server)
	var served sync.WaitGroup
	served.Go(func() {
		defer server.Close()
		speak(t, server, lines, true)
	})
	speak(t, client, lines, false)
	served.Wait()
	_, _ = io.Copy(io.Discard, client)
	client.Close()
	return tap.pieces
}

// speak is one side's part of a dialogue.
func speak(t testing.TB, c net.Conn, lines []spokenLine, server bool) {
	for _, l := range lines {
		if l.fromServer == server {
			if _, err := io.WriteString(c, l.text); err != nil {
				t.Errorf("server %v writes: %v", server, err)
				return
			}
			continue
		}
		got := make([]byte, len(l.text))
		if _, err := io.ReadFull(c, got); err != nil || string(got) != l.text {
			t.Errorf("server %v reads %q, %v", server, got, err)
			return
		}
	}
}

// said is what both sides of a dialogue say.
func said(lines []spokenLine) (both [2]string) {
	for _, l := range lines {
		both[sideIndex(l.fromServer)] += l.text
	}
	return both
}

func sideIndex(fromServer bool) int {
	if fromServer {
		return 1
	}
	return 0
}

// heard is what the decrypter finds in pieces, cut to a size if it is not 0.
func heard(keys *KeyLog, pieces []spokenPiece, size int) (both [2]string, errs []error) {
	d := newDecrypter(keys)
	for _, p := range pieces {
		for b := p.data; len(b) > 0; {
			n := len(b)
			if size > 0 {
				n = min(n, size)
			}
			plain, err := d.feed(p.fromServer, b[:n])
			if b = b[n:]; err != nil {
				errs = append(errs, err)
			}
			both[sideIndex(p.fromServer)] += string(plain)
		}
	}
	return both, errs
}

// keys is the log as far as it was written.
func (r *tlsRig) keys(t *testing.T) *KeyLog {
	t.Helper()
	if r.parsed == nil {
		r.parsed = &KeyLog{}
	}
	r.parsed.Add(r.log.Bytes())
	r.log.Reset()
	return r.parsed
}

// holds has a dialogue and wants every word of it, in pieces of all sizes.
func (r *tlsRig) holds(t *testing.T) {
	t.Helper()
	pieces := r.talk(t, dialogue())
	for _, size := range []int{0, 1, 7, 1400} {
		got, errs := heard(r.keys(t), pieces, size)
		if got != said(dialogue()) || errs != nil {
			t.Fatalf("in pieces of %d: %v, heard %d and %d bytes", size, errs, len(got[0]), len(got[1]))
		}
	}
}

func TestTLSAllSuites(t *testing.T) {
	for _, suite := range append(tls.CipherSuites(), tls.InsecureCipherSuites()...) {
		for _, version := range suite.SupportedVersions {
			if version == tls.VersionTLS13 {
				continue // which does not let itself be asked for a suite
			}
			t.Run(fmt.Sprintf("%s/%s", tls.VersionName(version), suite.Name), func(t *testing.T) {
				r := newTLSRig(t, strings.Contains(suite.Name, "ECDSA"))
				r.server.MinVersion, r.client.MinVersion, r.client.MaxVersion = version, version, version
				r.client.CipherSuites = []uint16{suite.ID}
				r.server.CipherSuites = []uint16{suite.ID}
				r.holds(t)
			})
		}
	}
}

func TestTLS13(t *testing.T) {
	newTLSRig(t, true).holds(t)
}

// TestTLSHelloRetry has the server ask for another hello.
func TestTLSHelloRetry(t *testing.T) {
	r := newTLSRig(t, true)
	r.client.CurvePreferences = []tls.CurveID{tls.X25519, tls.CurveP384}
	r.server.CurvePreferences = []tls.CurveID{tls.CurveP384}
	var retried bool
	r.server.VerifyConnection = func(s tls.ConnectionState) error {
		retried = s.HelloRetryRequest
		return nil
	}
	r.holds(t)
	if !retried {
		t.Error("there was no retry")
	}
}

func TestTLSResumption(t *testing.T) {
	for _, version := range []uint16{tls.VersionTLS12, tls.VersionTLS13} {
		t.Run(tls.VersionName(version), func(t *testing.T) {
			r := newTLSRig(t, true)
			r.client.MaxVersion = version
			r.client.ClientSessionCache = tls.NewLRUClientSessionCache(4)
			resumed := 0
			r.client.VerifyConnection = func(s tls.ConnectionState) error {
				if s.DidResume {
					resumed++
				}
				return nil
			}
			for range 3 {
				r.holds(t)
			}
			if resumed != 2 {
				t.Errorf("%d connections were resumed", resumed)
			}
		})
	}
}

// TestTLSClientCertificate has both sides show a certificate, too long for one
// record.
func TestTLSClientCertificate(t *testing.T) {
	for _, version := range []uint16{tls.VersionTLS12, tls.VersionTLS13} {
		t.Run(tls.VersionName(version), func(t *testing.T) {
			r := newTLSRig(t, true)
			r.client.MaxVersion = version
			r.server.ClientAuth = tls.RequestClientCert
			chain := selfSigned(t, false)
			for range 40 {
				chain.Certificate = append(chain.Certificate, chain.Certificate[0])
			}
			r.client.Certificates = []tls.Certificate{chain}
			r.holds(t)
		})
	}
}

func TestTLSWithoutKeys(t *testing.T) {
	r := newTLSRig(t, true)
	pieces := r.talk(t, dialogue())
	foreign, err := ParseKeyLog(strings.NewReader("CLIENT_RANDOM " + strings.Repeat("00", 32) + " " + strings.Repeat("11", 48) + "\n"))
	if err != nil {
		t.Fatal(err)
	}
	for name, test := range map[string]struct {
		keys   *KeyLog
		pieces []spokenPiece
		want   string
	}{
		"none":      {nil, pieces, "it is encrypted, and there is no key log (TLS 1.3, TLS_"},
		"foreign":   {foreign, pieces, "it is encrypted, and the key log holds no secret of it (TLS 1.3, TLS_"},
		"midway":    {r.keys(t), pieces[len(pieces)-3:], "its TLS hand-shake was not seen"},
		"one sided": {r.keys(t), withoutServer(pieces), "the server's TLS hello was not seen"},
		"no TLS":    {r.keys(t), []spokenPiece{{false, []byte("\x10\x0c\x00\x04MQTT")}}, "what the client says first is no TLS"},
		"long":      {r.keys(t), []spokenPiece{{false, []byte("\x16\x03\x01\xff\xff")}}, "what the client says first is no TLS"},
	} {
		got, errs := heard(test.keys, test.pieces, 0)
		if got != [2]string{} || len(errs) != 1 || !strings.Contains(errs[0].Error(), test.want) {
			t.Errorf("%s: heard %q, %v; want one error with %q", name, got, errs, test.want)
		}
	}
	_, errs := heard(nil, pieces, 0)
	if len(errs) != 1 || !strings.Contains(errs[0].Error(), `server name "broker.example", client random `) {
		t.Errorf("the error does not name the connection: %v", errs)
	}
}

func withoutServer(pieces []spokenPiece) (rest []spokenPiece) {
	for _, p := range pieces {
		if !p.fromServer {
			rest = append(rest, p)
		}
	}
	return rest
}

// TestTLSDamage changes a record: what was said before it stays heard.
func TestTLSDamage(t *testing.T) {
	for _, version := range []uint16{tls.VersionTLS12, tls.VersionTLS13} {
		r := newTLSRig(t, true)
		r.client.MaxVersion = version
		pieces := r.talk(t, []spokenLine{{false, "first"}, {true, "second"}, {false, "third"}, {false, "fourth"}})
		client := withoutServer(pieces)
		fourth := client[len(client)-2].data // before the goodbye
		fourth[len(fourth)-1] ^= 1
		got, errs := heard(r.keys(t), pieces, 0)
		if got[0] != "firstthird" || got[1] != "second" || len(errs) != 1 || !strings.Contains(errs[0].Error(), "a record of the client cannot be decrypted") {
			t.Errorf("%s: heard %q, %v", tls.VersionName(version), got, errs)
		}
	}
}

// TestTLSGap loses a piece of one direction: what comes after is heard again.
func TestTLSGap(t *testing.T) {
	lines := []spokenLine{{false, "first"}}
	for i := range 40 {
		lines = append(lines, spokenLine{true, fmt.Sprintf("line %d.", i)}, spokenLine{false, "ok"})
	}
	for _, suite := range []uint16{tls.TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256, tls.TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256, tls.TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA, 0} {
		r := newTLSRig(t, true)
		if suite != 0 {
			r.client.MaxVersion, r.client.CipherSuites, r.server.CipherSuites = tls.VersionTLS12, []uint16{suite}, []uint16{suite}
		}
		pieces := r.talk(t, lines)
		var server []byte
		for _, p := range pieces {
			if p.fromServer {
				server = append(server, p.data...)
			}
		}
		full, _ := heard(r.keys(t), pieces, 0)
		for _, known := range []bool{true, false} {
			d := newDecrypter(r.keys(t))
			for _, p := range pieces {
				if !p.fromServer {
					continueWith(t, d, false, p.data)
				} else if p.data[0] == recordHandshake {
					continueWith(t, d, true, server[:len(server)-700])
					n := 300
					if !known {
						n = 0
					}
					d.skip(true, n)
					break
				}
			}
			got := continueWith(t, d, true, server[len(server)-400:])
			if len(got) < 40 || !strings.HasSuffix(full[1], got) {
				t.Errorf("suite %x, gap known %v: after it %q was heard", suite, known, got)
			}
		}
	}
}

func continueWith(t *testing.T, d decrypter, fromServer bool, b []byte) string {
	t.Helper()
	plain, err := d.feed(fromServer, b)
	if err != nil {
		t.Error(err)
	}
	return string(plain)
}

// TestTLSLostHandshake loses what cannot be done without.
func TestTLSLostHandshake(t *testing.T) {
	r := newTLSRig(t, true)
	d := newDecrypter(r.keys(t))
	d.skip(true, 100)
	if _, err := d.feed(true, make([]byte, 100)); err == nil || !strings.Contains(err.Error(), "bytes of the server's TLS hand-shake were not seen") {
		t.Errorf("%v", err)
	}
}

// FuzzTLS feeds connections that were changed on the way. Each step takes the
// next piece, and may cut it, skip it or change a byte.
func FuzzTLS(f *testing.F) {
	var connections [][]spokenPiece
	keys := &KeyLog{}
	for _, version := range []uint16{tls.VersionTLS12, tls.VersionTLS13} {
		r := newTLSRig(f, true)
		r.client.MaxVersion = version
		connections = append(connections, r.talk(f, dialogue()[:2]))
		keys.Add(r.log.Bytes())
	}
	f.Add([]byte{})
	f.Add([]byte{0, 1, 9, 200, 1, 7, 2, 3, 40, 1, 1, 1})
	f.Add([]byte{1, 3, 3, 3, 3, 3, 3, 2, 0, 0, 1, 2, 3})
	f.Fuzz(func(t *testing.T, steps []byte) {
		if len(steps) == 0 {
			return
		}
		d := newDecrypter(keys)
		pieces := connections[steps[0]&1]
		next := func() (b byte) {
			if len(steps) > 1 {
				b, steps = steps[1], steps[1:]
			}
			return b
		}
		failed := [2]bool{}
		for _, p := range pieces {
			data := bytes.Clone(p.data)
			switch next() % 4 {
			case 1:
				data[int(next())%len(data)] ^= next()
			case 2:
				d.skip(p.fromServer, int(next()))
			case 3:
				data = data[int(next())%len(data):]
			}
			cut := int(next()) % (len(data) + 1)
			for _, b := range [][]byte{data[:cut], data[cut:]} {
				plain, err := d.feed(p.fromServer, b)
				if failed[sideIndex(p.fromServer)] && (err != nil || plain != nil) {
					t.Fatalf("after an error: %q, %v", plain, err)
				}
				failed[sideIndex(p.fromServer)] = failed[sideIndex(p.fromServer)] || err != nil
			}
		}
	})
}

// FuzzTLSBytes feeds anything after a hello that asks for a suite.
func FuzzTLSBytes(f *testing.F) {
	f.Add([]byte("\x16\x03\x01\x00\x05\x01\x00\x00\x01\x00"), []byte("\x16\x03\x03\x00\x04\x02\x00\x00\x00"))
	f.Fuzz(func(t *testing.T, client, server []byte) {
		d := newDecrypter(nil)
		for len(client)+len(server) > 0 {
			n := min(len(client), 50)
			_, _ = d.feed(false, client[:n])
			client = client[n:]
			n = min(len(server), 50)
			_, _ = d.feed(true, server[:n])
			server = server[n:]
		}
	})
}

func FuzzKeyLog(f *testing.F) {
	f.Add([]byte("CLIENT_RANDOM " + strings.Repeat("00", 32) + " " + strings.Repeat("11", 48) + "\n"))
	f.Fuzz(func(t *testing.T, text []byte) {
		keys, err := ParseKeyLog(bytes.NewReader(text))
		if err != nil {
			return
		}
		twice := &KeyLog{}
		for _, b := range text {
			twice.Add([]byte{b})
		}
		twice.Add([]byte("\n"))
		if len(twice.secrets) != len(keys.secrets) {
			t.Errorf("%d secrets at once, %d byte by byte", len(keys.secrets), len(twice.secrets))
		}
	})
}
