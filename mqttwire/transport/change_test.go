package transport

import (
	"crypto/tls"
	"errors"
	"testing"
)

// A listener that is changed shows its new certificate to who comes then; who is
// there goes on, and a change that cannot be is none.
func TestChange(t *testing.T) {
	a := newAuthority(t, "authority")
	one, two := a.server("one"), a.server("two")
	d := openDoor(t, "mqtts://127.0.0.1:0", ListenOptions{TLS: &ServerTLS{Certificates: []KeyPair{one}}})
	dial := func() (*tls.Conn, string) {
		t.Helper()
		c, err := tls.Dial("tcp", d.Addr().String(), &tls.Config{InsecureSkipVerify: true})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { c.Close() })
		chat(t, c)
		return c, c.ConnectionState().PeerCertificates[0].DNSNames[0]
	}
	old, name := dial()
	if name != "one" {
		t.Fatalf("got %s", name)
	}
	if _, err := Change(d.Listener, d.url, ListenOptions{TLS: &ServerTLS{Certificates: []KeyPair{{"none.pem", "none.key"}}}}); err == nil {
		t.Error("a certificate that is not there can be changed to")
	}
	apply, err := Change(d.Listener, d.url, ListenOptions{TLS: &ServerTLS{Certificates: []KeyPair{two}}})
	if err != nil {
		t.Fatal(err)
	}
	if _, name = dial(); name != "one" {
		t.Errorf("before it is applied: %s", name)
	}
	apply()
	if _, name = dial(); name != "two" {
		t.Errorf("after it is applied: %s", name)
	}
	chat(t, old)
	plain := openDoor(t, "mqtt://127.0.0.1:0", ListenOptions{})
	for url, o := range map[string]ListenOptions{"mqtt://127.0.0.1:0": {}, "wss://127.0.0.1:0": {TLS: &ServerTLS{Certificates: []KeyPair{two}}}} {
		l := plain.Listener
		if o.TLS != nil {
			l = d.Listener
		}
		if _, err := Change(l, url, o); !errors.Is(err, errors.ErrUnsupported) {
			t.Errorf("%s: %v", url, err)
		}
	}
}
