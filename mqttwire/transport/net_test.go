package transport

import (
	"context"
	"errors"
	"io"
	"net"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
)

// exchange sends a line each way over a fresh connection to l.
func exchange(t *testing.T, l net.Listener) {
	t.Helper()
	served := make(chan error, 1)
	go func() {
		c, err := l.Accept()
		if err == nil {
			_, err = io.Copy(c, c)
			c.Close()
		}
		served <- err
	}()
	c, err := Dial(t.Context(), URL(l), DialOptions{})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if _, err := c.Write([]byte("there and back")); err != nil {
		t.Fatal(err)
	}
	c.(interface{ CloseWrite() error }).CloseWrite()
	got, err := io.ReadAll(c)
	if string(got) != "there and back" || err != nil {
		t.Errorf("got %q, %v", got, err)
	}
	if err := <-served; err != nil {
		t.Error(err)
	}
}

func TestTCP(t *testing.T) {
	l, err := Listen("tcp://127.0.0.1:0", ListenOptions{})
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	if u := URL(l); !strings.HasPrefix(u, "mqtt://127.0.0.1:") || strings.HasSuffix(u, ":0") {
		t.Errorf("URL %q", u)
	}
	exchange(t, l)
	if _, err := Listen(URL(l), ListenOptions{}); err == nil {
		t.Error("a second listener on the same port")
	} else if e := new(Error); !errors.As(err, &e) || e.Kind != Unreachable || !strings.Contains(err.Error(), "cannot listen") {
		t.Error(err)
	}
}

func TestTCPIPv6(t *testing.T) {
	l, err := Listen("mqtt://[::1]:0", ListenOptions{})
	if err != nil {
		t.Skip("no IPv6 here: ", err)
	}
	defer l.Close()
	if u := URL(l); !strings.HasPrefix(u, "mqtt://[::1]:") {
		t.Errorf("URL %q", u)
	}
	exchange(t, l)
}

func TestLiteralStaysInItsFamily(t *testing.T) {
	l, err := Listen("mqtt://[::]:0", ListenOptions{})
	if err != nil {
		t.Skip("no IPv6 here: ", err)
	}
	defer l.Close()
	_, port, _ := net.SplitHostPort(l.Addr().String())
	c, err := Dial(t.Context(), "mqtt://127.0.0.1:"+port, DialOptions{})
	if err == nil {
		c.Close()
		t.Error("[::] answers on 127.0.0.1")
	}
}

// Localhost is both loopback addresses, whichever the server is at, and no name
// that is looked up.
func TestLocalhost(t *testing.T) {
	for _, address := range []string{"127.0.0.1:0", "[::1]:0"} {
		l, err := net.Listen("tcp", address)
		if err != nil {
			t.Skip(err)
		}
		_, port, _ := net.SplitHostPort(l.Addr().String())
		for _, url := range []string{"mqtt://localhost:" + port, "mqtt://:" + port} {
			c, err := Dial(t.Context(), url, DialOptions{})
			if err != nil {
				t.Errorf("%s with a server at %s: %v", url, l.Addr(), err)
				continue
			}
			if c.RemoteAddr().String() != l.Addr().String() {
				t.Errorf("%s reached %s, not %s", url, c.RemoteAddr(), l.Addr())
			}
			c.Close()
		}
		l.Close()
		_, err = Dial(t.Context(), "mqtt://localhost:"+port, DialOptions{})
		if e := new(Error); !errors.As(err, &e) || e.Kind != Unreachable || !strings.HasSuffix(err.Error(), "connection refused") {
			t.Errorf("without a server: %v", err)
		}
		ended, cancel := context.WithCancel(t.Context())
		cancel()
		if c, err := Dial(ended, "mqtt://localhost:"+port, DialOptions{}); err == nil {
			c.Close()
			t.Error("dialled after the end of its context")
		}
	}
}

func TestLocalAddress(t *testing.T) {
	l, err := Listen("mqtt://127.0.0.1:0", ListenOptions{})
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	c, err := Dial(t.Context(), URL(l), DialOptions{LocalAddress: "127.0.0.1"})
	if err != nil {
		t.Fatal(err)
	}
	c.Close()
	_, err = Dial(t.Context(), URL(l), DialOptions{LocalAddress: "not an address"})
	var e *Error
	if !errors.As(err, &e) || e.Kind != Usage {
		t.Errorf("a bad local address: %v", err)
	}
}

func TestDialFails(t *testing.T) {
	l, err := Listen("mqtt://127.0.0.1:0", ListenOptions{})
	if err != nil {
		t.Fatal(err)
	}
	u := URL(l)
	l.Close()
	_, err = Dial(t.Context(), u, DialOptions{})
	var e *Error
	if !errors.As(err, &e) || e.Kind != Unreachable || !strings.HasPrefix(err.Error(), u+": ") {
		t.Errorf("nobody listens: %v", err)
	}
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err = Dial(ended, u, DialOptions{}); err == nil {
		t.Error("dialled with an ended context")
	}
}

func TestUnix(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a b")
	l, err := Listen("unix://"+path, ListenOptions{Mode: 0o622})
	if err != nil {
		t.Fatal(err)
	}
	if u := URL(l); u != "unix://"+strings.ReplaceAll(path, " ", "%20") {
		t.Errorf("URL %q", u)
	}
	if fi, err := os.Stat(path); err != nil || runtime.GOOS != "windows" && fi.Mode().Perm() != 0o622 {
		t.Errorf("the socket: %v, %v", fi.Mode(), err)
	}
	exchange(t, l)
	if _, err := Listen(URL(l), ListenOptions{}); err == nil {
		t.Error("took a socket away from its listener")
	}
	if probe, err := l.Accept(); err == nil { // Listen asked whether anybody is there
		probe.Close()
	}
	exchange(t, l)
	l.Close()
	if _, err := os.Stat(path); err == nil {
		t.Error("the socket outlives its listener")
	}
}

func TestUnixReplacesAnAbandonedSocket(t *testing.T) {
	path := filepath.Join(t.TempDir(), "s")
	l, err := net.Listen("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	l.(*net.UnixListener).SetUnlinkOnClose(false)
	l.Close()
	again, err := Listen("unix://"+path, ListenOptions{})
	if err != nil {
		t.Fatal(err)
	}
	defer again.Close()
	if fi, err := os.Stat(path); err != nil || runtime.GOOS != "windows" && fi.Mode().Perm() != 0o600 {
		t.Errorf("the socket: %v, %v", fi.Mode(), err)
	}
	exchange(t, again)
}

func TestUnixKeepsOtherFiles(t *testing.T) {
	path := filepath.Join(t.TempDir(), "f")
	if err := os.WriteFile(path, []byte("mine"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Listen("unix://"+path, ListenOptions{}); err == nil {
		t.Error("listens on a file")
	}
	if b, err := os.ReadFile(path); string(b) != "mine" {
		t.Errorf("the file is %q, %v", b, err)
	}
}

// What is detached listens on until Close, but accepts nothing here.
func TestDetach(t *testing.T) {
	path := filepath.Join(t.TempDir(), "s")
	for _, url := range []string{"mqtt://127.0.0.1:0", "unix://" + path} {
		l, err := Listen(url, ListenOptions{})
		if err != nil {
			t.Fatal(err)
		}
		s := l.(*Socket)
		closed, err := s.Detach()
		if err != nil {
			t.Fatal(err)
		}
		if _, err := l.Accept(); !errors.Is(err, net.ErrClosed) {
			t.Errorf("%s: Accept returned %v", url, err)
		}
		if _, err := s.Detach(); !errors.Is(err, net.ErrClosed) {
			t.Errorf("%s: detached twice: %v", url, err)
		}
		select {
		case <-closed:
			t.Errorf("%s is closed", url)
		default:
		}
		if _, err := os.Stat(path); strings.HasPrefix(url, "unix") && err != nil {
			t.Error(err)
		}
		if err := l.Close(); err != nil {
			t.Error(err)
		}
		<-closed
		if _, err := os.Stat(path); err == nil {
			t.Error("the socket's file outlives its listener")
		}
		if err := l.Close(); !errors.Is(err, net.ErrClosed) {
			t.Errorf("%s: closed twice: %v", url, err)
		}
	}
}
