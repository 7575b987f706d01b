package transport

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"errors"
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
)

// An echoDoor is a listener whose connections send back what they get.
type echoDoor struct {
	net.Listener
	url   string
	conns chan net.Conn // after the handshake
	fails chan error    // of handshakes
	ended sync.WaitGroup
}

func openDoor(t *testing.T, url string, o ListenOptions) *echoDoor {
	t.Helper()
	l, err := Listen(url, o)
	if err != nil {
		t.Fatal(err)
	}
	return serveDoor(t, l)
}

func serveDoor(t *testing.T, l net.Listener) *echoDoor {
	d := &echoDoor{Listener: l, url: URL(l), conns: make(chan net.Conn, 100), fails: make(chan error, 100)}
	ctx, cancel := context.WithCancel(context.Background())
	d.ended.Go(func() {
		for {
			nc, err := l.Accept()
			if err != nil {
				return
			}
			d.ended.Go(func() {
				defer context.AfterFunc(ctx, func() { nc.Close() })()
				d.serve(nc)
			})
		}
	})
	t.Cleanup(func() { l.Close(); cancel(); d.ended.Wait() })
	return d
}

func (d *echoDoor) serve(nc net.Conn) {
	defer nc.Close()
	if h, ok := nc.(interface{ Handshake(context.Context) error }); ok {
		ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
		defer cancel()
		if err := h.Handshake(ctx); err != nil {
			d.fails <- err
			return
		}
	}
	d.conns <- nc
	if _, err := io.Copy(nc, onlyReader{nc}); err != nil {
		d.fails <- err
	} else {
		nc.(interface{ CloseWrite() error }).CloseWrite()
		io.Copy(io.Discard, nc)
	}
}

type onlyReader struct{ io.Reader }

// failure waits for the reason of a failed handshake or conversation.
func (d *echoDoor) failure(t *testing.T, want string) {
	t.Helper()
	select {
	case err := <-d.fails:
		if !strings.Contains(err.Error(), want) {
			t.Errorf("failed by %q, want %q", err, want)
		}
	case <-time.After(time.Minute):
		t.Errorf("nothing failed, want %q", want)
	}
}

// server makes the files of a server's certificate.
func (a *authority) server(names ...string) KeyPair {
	certificate, key := a.issue(forHosts(names...))
	return KeyPair{certificate, key}
}

func (a *authority) client(name string) ClientTLS {
	certificate, key := a.issue(&x509.Certificate{Subject: pkix.Name{CommonName: name}, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}})
	return ClientTLS{CAFile: a.file(), CertFile: certificate, KeyFile: key}
}

func TestDoors(t *testing.T) {
	a := newAuthority(t, "authority")
	secure := &ServerTLS{Certificates: []KeyPair{a.server("127.0.0.1")}}
	for _, scheme := range []string{"mqtt", "mqtts", "ws", "wss"} {
		t.Run(scheme, func(t *testing.T) {
			o := ListenOptions{}
			if scheme == "mqtts" || scheme == "wss" {
				o.TLS = secure
			}
			d := openDoor(t, scheme+"://127.0.0.1:0", o)
			if !strings.HasPrefix(d.url, scheme+"://127.0.0.1:") {
				t.Errorf("URL is %s", d.url)
			}
			c, err := Dial(t.Context(), d.url, DialOptions{TLS: ClientTLS{CAFile: a.file()}})
			if err != nil {
				t.Fatal(err)
			}
			defer c.Close()
			data := bytes.Repeat([]byte("0123456789abcdef"), 20_000)
			go func() {
				for _, n := range []int{1, 100, 65_000, 1000, len(data)} {
					c.Write(data[:n])
				}
			}()
			for _, n := range []int{1, 100, 65_000, 1000, len(data)} {
				got := make([]byte, n)
				if _, err := io.ReadFull(c, got); err != nil || !bytes.Equal(got, data[:n]) {
					t.Fatalf("%d bytes came back changed, %v", n, err)
				}
			}
			server := <-d.conns
			if secured, ok := server.(interface{ TLS() *tls.ConnectionState }); ok && (secured.TLS() != nil) != (o.TLS != nil) {
				t.Errorf("TLS is %v", secured.TLS())
			}
			if server.RemoteAddr().String() != c.LocalAddr().String() {
				t.Errorf("the server sees %s, the client is %s", server.RemoteAddr(), c.LocalAddr())
			}
			if err := c.(interface{ CloseWrite() error }).CloseWrite(); err != nil {
				t.Error(err)
			}
			if rest, err := io.ReadAll(c); len(rest) > 0 || err != nil {
				t.Errorf("after the end there came %q, %v", rest, err)
			}
		})
	}
}

func TestDoorsNeedWhatTheySpeak(t *testing.T) {
	a := newAuthority(t, "authority")
	pair := a.server("127.0.0.1")
	empty := filepath.Join(t.TempDir(), "empty")
	os.WriteFile(empty, nil, 0o600)
	for _, test := range []struct {
		url, want string
		o         ListenOptions
	}{
		{"mqtts://127.0.0.1:0", "needs a certificate", ListenOptions{}},
		{"wss://127.0.0.1:0", "needs a certificate", ListenOptions{TLS: &ServerTLS{}}},
		{"ws://127.0.0.1:0", "has no TLS", ListenOptions{TLS: &ServerTLS{Certificates: []KeyPair{pair}}}},
		{"mqtts://127.0.0.1:0", "no such file", ListenOptions{TLS: &ServerTLS{Certificates: []KeyPair{{"/nowhere", pair.Key}}}}},
		{"mqtts://127.0.0.1:0", "does not match", ListenOptions{TLS: &ServerTLS{Certificates: []KeyPair{{pair.Cert, a.server("x").Key}}}}},
		{"mqtts://127.0.0.1:0", "no certificate in PEM form", ListenOptions{TLS: &ServerTLS{Certificates: []KeyPair{pair}, ClientCA: empty}}},
		{"mqtts://127.0.0.1:0", "a client CA file is needed", ListenOptions{TLS: &ServerTLS{Certificates: []KeyPair{pair}, ClientCertificate: "optional"}}},
		{"mqtts://127.0.0.1:0", "require or optional", ListenOptions{TLS: &ServerTLS{Certificates: []KeyPair{pair}, ClientCA: a.file(), ClientCertificate: "maybe"}}},
		{"mqtts://127.0.0.1:0", "called as in TLS_ECDHE", ListenOptions{TLS: &ServerTLS{Certificates: []KeyPair{pair}, Ciphers: []string{"AES128-SHA"}}}},
		{"mqtts://127.0.0.1:0", "key log", ListenOptions{TLS: &ServerTLS{Certificates: []KeyPair{pair}, KeyLog: "/nowhere/log"}}},
		{"mqtt://127.0.0.1:0", "Unix socket's file", ListenOptions{Mode: 0o660}},
		{"mqtt://127.0.0.1:0", "belong to ws", ListenOptions{WebSocket: WebSocketOptions{Path: "/mqtt"}}},
		{"mqtt://127.0.0.1:0", "whom to trust", ListenOptions{Proxy: ProxyOptions{Mode: "v1"}}},
		{"mqtt://127.0.0.1:0", "off, v1, v2 or any", ListenOptions{Proxy: ProxyOptions{Mode: "v3"}}},
	} {
		l, err := Listen(test.url, test.o)
		if err == nil {
			l.Close()
		}
		var e *Error
		if err == nil || !strings.Contains(err.Error(), test.want) || !errors.As(err, &e) || e.Kind != Usage {
			t.Errorf("%s: %v, want %q", test.url, err, test.want)
		}
	}
}
