package commands

import (
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"net"
	"net/url"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
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

// silentTables is a configuration whose database takes connections and never says a
// word; accept waits for one of them.
func silentTables(t *testing.T) (text string, accept func() net.Conn) {
	t.Helper()
	l := testListener(t, "tcp", "127.0.0.1:0")
	text = fmt.Sprintf("[[listener]]\nurl = \"mqtt://127.0.0.1:0\"\nauth = [\"sql\"]\n[auth.sql]\ndriver = \"postgres\"\ndsn = \"postgres://a:b@%s/c?sslmode=disable\"\n", l.Addr())
	return text, func() net.Conn {
		t.Helper()
		c, err := l.Accept()
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { c.Close() })
		return c
	}
}

func writeConfig(t *testing.T, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

// A reload that waits for a database keeps nobody from ending serve.
func TestServeEndsDuringReload(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	path := filepath.Join(folder, "mqtk.toml")
	writeConfig(t, path, "")
	m := newManager(t, filepath.Join(folder, "notify"))
	cmd := mqtkCommand(t, "serve", "-p", "0", "-c", path)
	cmd.Env = append(cmd.Env, "NOTIFY_SOCKET="+m.name)
	p := launch(t, cmd)
	m.hears()
	text, accept := silentTables(t)
	writeConfig(t, path, strings.ReplaceAll(text, "auth = [\"sql\"]", "")+"[acl]\nsql = true\n")
	if err := p.cmd.Process.Signal(syscall.SIGHUP); err != nil {
		t.Fatal(err)
	}
	accept()
	if told := m.hears(); told["RELOADING"] != "1" {
		t.Errorf("at a reload it heard %q", told)
	}
	p.terminate()
	if told := m.hears(); told["STOPPING"] != "1" {
		t.Errorf("at the end it heard %q", told)
	}
	p.succeeds()
	if strings.Contains(p.output(), "reloaded") {
		t.Errorf("the end waited for the reload:\n%s", p.output())
	}
}

// HUP while serve starts does not end it.
func TestServeHangUpAtStart(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "mqtk.toml")
	text, accept := silentTables(t)
	writeConfig(t, path, text)
	p := launch(t, mqtkCommand(t, "serve", "-c", path))
	c := accept()
	if err := p.cmd.Process.Signal(syscall.SIGHUP); err != nil {
		t.Fatal(err)
	}
	c.Close() // what ends it is that the database does not speak
	if code := p.ends(); code != exitFailed || !strings.Contains(p.output(), "it cannot be reached") {
		t.Errorf("ended with %d\n%s", code, p.output())
	}
}

// openTerminal is a new terminal: the side of whoever looks at it, and the other.
func openTerminal(t *testing.T) (screen, line *os.File) {
	t.Helper()
	screen, err := os.OpenFile("/dev/ptmx", os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		t.Skip(err)
	}
	t.Cleanup(func() { screen.Close() })
	fd := int(screen.Fd())
	if err := unix.IoctlSetPointerInt(fd, unix.TIOCSPTLCK, 0); err != nil {
		t.Fatal(err)
	}
	n, err := unix.IoctlGetInt(fd, unix.TIOCGPTN)
	if err != nil {
		t.Fatal(err)
	}
	line, err = os.OpenFile(fmt.Sprintf("/dev/pts/%d", n), os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		t.Skip(err)
	}
	t.Cleanup(func() { line.Close() })
	return screen, line
}

// HUP reloads as long as the terminal is there, and drains when it is gone, unless
// whoever started serve had HUP ignored.
func TestServeEndsWithItsTerminal(t *testing.T) {
	t.Parallel()
	// A program is started with what this one catches as the system has it, and
	// with what it ignores, under nohup, ignored.
	hangUps := make(chan os.Signal, 1)
	signal.Notify(hangUps, syscall.SIGHUP)
	t.Cleanup(func() { signal.Stop(hangUps) })
	for name, words := range map[string][]string{"plain": nil, "nohup": {"sh", "-c", `trap "" HUP; exec "$0" "$@"`}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			path := filepath.Join(t.TempDir(), "mqtk.toml")
			writeConfig(t, path, "")
			cmd := mqtkCommand(t, "serve", "-p", "0", "-c", path)
			if words != nil {
				cmd.Args = append(append(words, cmd.Path), cmd.Args[1:]...)
				cmd.Path = "/bin/sh"
			}
			screen, line := openTerminal(t)
			cmd.Stdin = line
			b := testBroker{process: launch(t, cmd)}
			b.process.next("memory has a limit")
			b.hangUp(t, "times=1")
			screen.Close()
			// A child of another test may hold the screen until it is its own program.
			_, _ = line.Read(make([]byte, 1)) // waits until the terminal is gone, and says so
			if words != nil {
				b.hangUp(t, "times=2")
				b.process.terminate()
			} else {
				b.hangUp(t, "the terminal is gone")
			}
			b.process.succeeds()
		})
	}
}

// A listener takes the port of one that leaves; one whose address is not to be had
// brings back the one before, whose clients stay.
func TestServeChangesWhatAPortSpeaks(t *testing.T) {
	t.Parallel()
	a := testAuthority(t)
	for _, driver := range []string{"auto", "goroutine"} {
		t.Run(driver, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "mqtk.toml")
			taken := testListener(t, "tcp", "127.0.0.2:"+unusedPort(t)).Addr().(*net.TCPAddr)
			at := func(url, more string) string {
				return fmt.Sprintf("driver = %q\nallow_anonymous = true\n[[listener]]\nurl = %q\n%s", driver, url, more)
			}
			plain := fmt.Sprintf("mqtt://127.0.0.1:%d", taken.Port)
			writeConfig(t, path, at(plain, ""))
			b := testBroker{process: launch(t, mqtkCommand(t, "serve", "-c", path))}
			b.process.next("memory has a limit")
			client := func() net.Conn {
				t.Helper()
				c, err := net.Dial("tcp", plain[len("mqtt://"):])
				if err != nil {
					t.Fatal(err)
				}
				t.Cleanup(func() { c.Close() })
				if err := trade(c, "\x10\x0c\x00\x04MQTT\x04\x02\x00\x00\x00\x00", "\x20\x02\x00\x00"); err != nil {
					t.Error(err)
				}
				return c
			}
			first := client()
			b.reload(t, path, at(fmt.Sprintf("mqtt://0.0.0.0:%d", taken.Port), ""), "the one before holds")
			client()
			if err := trade(first, "\xc0\x00", "\xd0\x00"); err != nil {
				t.Errorf("the client of before: %v", err)
			}
			pair := fmt.Sprintf("cert = %q\nkey = %q\n", a.file("server.pem"), a.file("server.key"))
			secure := "mqtts" + plain[len("mqtt"):]
			b.reload(t, path, at(secure, pair), "times=1")
			tlsClient(t, secure, a, 'a')
			b.reload(t, path, at(plain, ""), "times=2")
			client()
			b.reload(t, path, at(fmt.Sprintf("mqtt://localhost:%d", taken.Port), ""), "times=3")
			client()
		})
	}
}
