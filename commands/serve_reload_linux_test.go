package commands

import (
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// reload gives a running serve another configuration and waits until it says the
// line.
func (b testBroker) reload(t *testing.T, path, text, line string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	b.hangUp(t, line)
}

// hangUp has serve read its configuration again, and waits until it says the line.
func (b testBroker) hangUp(t *testing.T, line string) {
	t.Helper()
	if err := b.process.cmd.Process.Signal(syscall.SIGHUP); err != nil {
		t.Fatal(err)
	}
	b.process.next(line)
}

// tlsClient is a client with a TLS connection, and the name of the certificate that
// it was shown.
func tlsClient(t *testing.T, address string, a *authority, id byte) (*tls.Conn, string) {
	t.Helper()
	text, err := os.ReadFile(a.file("ca.pem"))
	if err != nil {
		t.Fatal(err)
	}
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM(text)
	u, err := url.Parse(address)
	if err != nil {
		t.Fatal(err)
	}
	c, err := tls.Dial("tcp", u.Host, &tls.Config{RootCAs: pool, ServerName: "localhost"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	if err := trade(c, "\x10\x0d\x00\x04MQTT\x04\x02\x00\x00\x00\x01"+string(id), "\x20\x02\x00\x00"); err != nil {
		t.Fatal(err)
	}
	return c, c.ConnectionState().PeerCertificates[0].Subject.CommonName
}

// A certificate that is replaced on the disk, and one that a reload names, is what
// the next client is shown, without the port having been closed; who is connected
// stays.
func TestServeShowsNewCertificates(t *testing.T) {
	t.Parallel()
	a := testAuthority(t)
	path := a.file("mqtk.toml")
	config := func(cert string) string {
		return fmt.Sprintf("[[listener]]\nurl = \"mqtts://127.0.0.1:0\"\ncert = \"%s.pem\"\nkey = \"%s.key\"\n", cert, cert)
	}
	if err := os.WriteFile(path, []byte(config("server")), 0o600); err != nil {
		t.Fatal(err)
	}
	p := launch(t, mqtkCommand(t, "serve", "-c", path))
	b := testBroker{process: p}
	_, address, _ := strings.Cut(p.next("listening url="), "url=")
	address, _, _ = strings.Cut(address, " ")
	p.next("memory has a limit")
	old, name := tlsClient(t, address, a, 'a')
	if name != "the server" {
		t.Fatalf("got %q", name)
	}
	if err := a.issue("server", "the renewed one", "localhost"); err != nil {
		t.Fatal(err)
	}
	tick := time.NewTicker(50 * time.Millisecond) // files are looked at once a second
	defer tick.Stop()
	for end := time.Now().Add(lineDeadline); name != "the renewed one" && time.Now().Before(end); <-tick.C {
		_, name = tlsClient(t, address, a, 'b')
	}
	if name != "the renewed one" {
		t.Errorf("after a swap on the disk: %q", name)
	}
	if err := a.issue("another", "another", "localhost"); err != nil {
		t.Fatal(err)
	}
	b.reload(t, path, config("none"), "the one before holds")
	if _, name = tlsClient(t, address, a, 'c'); name != "the renewed one" {
		t.Errorf("after a reload that failed: %q", name)
	}
	b.reload(t, path, config("another"), "times=1")
	if _, name = tlsClient(t, address, a, 'd'); name != "another" {
		t.Errorf("after a reload: %q", name)
	}
	if err := a.issue("another", "another, renewed", "localhost"); err != nil {
		t.Fatal(err)
	}
	b.hangUp(t, "times=2")
	if _, name = tlsClient(t, address, a, 'e'); name != "another, renewed" {
		t.Errorf("after a reload that changes nothing but reads all: %q", name)
	}
	if err := trade(old, "\xc0\x00", "\xd0\x00"); err != nil {
		t.Errorf("the client of before: %v", err)
	}
}

// A service manager hears of a reload, and with which answer it is over.
func TestServeNotifiesReload(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	m := newManager(t, filepath.Join(folder, "notify"))
	path := filepath.Join(folder, "mqtk.toml")
	if err := os.WriteFile(path, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	cmd := mqtkCommand(t, "serve", "-p", "0", "-c", path)
	cmd.Env = append(cmd.Env, "NOTIFY_SOCKET="+m.name)
	b := testBroker{process: launch(t, cmd)}
	m.hears()
	for text, status := range map[string]string{"": "serving on mqtt://", "[limits]\nmax_qos = 9\n": "was not taken over"} {
		line := "the one before holds"
		if text == "" {
			line = "reloaded"
		}
		b.reload(t, path, text, line)
		if told := m.hears(); told["RELOADING"] != "1" || told["MONOTONIC_USEC"] == "" {
			t.Errorf("at a reload it heard %q", told)
		}
		if told := m.hears(); told["READY"] != "1" || !strings.Contains(told["STATUS"], status) {
			t.Errorf("after a reload it heard %q, want %q", told, status)
		}
	}
}
