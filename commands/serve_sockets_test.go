//go:build unix

package commands

import (
	"encoding/json"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// activated is serve as systemd would start it: with sockets from descriptor 3 on.
func activated(t *testing.T, names string, listeners []net.Listener, words ...string) *exec.Cmd {
	t.Helper()
	cmd := mqtkCommand(t, append([]string{"serve", "--ready-fd", "1"}, words...)...)
	script := `LISTEN_PID=$$ LISTEN_FDS=` + string(rune('0'+len(listeners))) + ` LISTEN_FDNAMES=` + names + ` exec "$0" "$@"`
	cmd.Args = append([]string{"sh", "-c", script, cmd.Path}, cmd.Args[1:]...)
	cmd.Path = "/bin/sh"
	for _, l := range listeners {
		f, err := l.(interface{ File() (*os.File, error) }).File()
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { f.Close() })
		cmd.ExtraFiles = append(cmd.ExtraFiles, f)
	}
	return cmd
}

func testListener(t *testing.T, network, address string) net.Listener {
	t.Helper()
	l, err := net.Listen(network, address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	return l
}

func TestServeTakesSocketsOfSystemd(t *testing.T) {
	t.Parallel()
	one, two := testListener(t, "tcp", "127.0.0.1:0"), testListener(t, "tcp", "127.0.0.1:0")
	path := filepath.Join(t.TempDir(), "s")
	local := testListener(t, "unix", path)
	for _, test := range []struct {
		name, names string
		listeners   []net.Listener
		words       []string
		want        string
	}{
		{"no listener said", "mqtk.socket:ws:other", []net.Listener{one, two, local}, nil, "mqtt://" + one.Addr().String() + " ws://" + two.Addr().String() + " unix://" + path},
		{"a listener at its address", "x", []net.Listener{one}, []string{"--listen", "ws://" + one.Addr().String() + "/mqtt"}, "ws://" + one.Addr().String() + "/mqtt"},
		{"beside another listener", "x", []net.Listener{local}, []string{"--listen", "unix://" + path, "-p", "0"}, "unix://" + path + " mqtt://127.0.0.1:"},
	} {
		t.Run(test.name, func(t *testing.T) {
			words := append(test.words, "--", "sh", "-c", `echo "for the command:$LISTEN_PID$LISTEN_FDS$LISTEN_FDNAMES." >&2; exec sleep 15`)
			p := launch(t, activated(t, test.names, test.listeners, words...))
			var ready struct{ Listeners []string }
			if err := json.Unmarshal([]byte(p.next(`"ready":true`)), &ready); err != nil {
				t.Fatal(err)
			}
			if got := strings.Join(ready.Listeners, " "); !strings.HasPrefix(got, test.want) {
				t.Errorf("listens on %s, want %s", got, test.want)
			}
			p.next("for the command:.")
			for _, l := range test.listeners {
				nc, err := net.Dial(l.Addr().Network(), l.Addr().String())
				if err != nil {
					t.Fatal(err)
				}
				if !strings.Contains(ready.Listeners[0], "ws://") && l == test.listeners[0] {
					if err := trade(nc, "\x10\x0d\x00\x04MQTT\x04\x02\x00\x00\x00\x01c", "\x20\x02\x00\x00"); err != nil {
						t.Error(err)
					}
				}
				nc.Close()
			}
			p.terminate()
			p.ends()
		})
	}
	p := launch(t, activated(t, "mqtk.socket", []net.Listener{one}, "--listen", "mqtt://127.0.0.1:0"))
	if code := p.ends(); code != exitUsage || !strings.Contains(p.output(), one.Addr().String()+" (mqtk.socket)") {
		t.Errorf("a socket that no listener is for: ended with %d\n%s", code, p.output())
	}
	if _, err := os.Stat(path); err != nil {
		t.Errorf("the socket's file belongs to the service manager: %v", err)
	}
}

func TestServeSameAddress(t *testing.T) {
	l := testListener(t, "tcp", "[::]:0")
	_, port, _ := net.SplitHostPort(l.Addr().String())
	s := &sockets{passed: []passedSocket{{Listener: l, name: "x"}}}
	for _, other := range []string{"mqtt://127.0.0.1:" + port, "mqtt://:1", "mqtt://[::1]:" + port, "unix:///x", "nonsense"} {
		if s.claim(other) != nil {
			t.Errorf("%s is taken for %s", other, l.Addr())
		}
	}
	if s.unclaimed() == nil {
		t.Error("a socket is left, and nobody says so")
	}
	if s.claim("mqtts://:"+port) == nil || s.claim("mqtts://:"+port) != nil || s.unclaimed() != nil {
		t.Error("the socket of the address is not given away, or twice")
	}
}
