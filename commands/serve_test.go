package commands

import (
	"encoding/json"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"mqtk/commands/config"
)

func TestServeReady(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "ready.json")
	if err := os.WriteFile(path, []byte("left by one that was killed"), 0o644); err != nil {
		t.Fatal(err)
	}
	b := startMqtk(t, "--ready-file", path)
	text, err := os.ReadFile(path) // the file is written before the descriptor
	if err != nil {
		t.Fatal(err)
	}
	if want := `{"ready":true,"listeners":["` + b.url() + `"]}` + "\n"; string(text) != want {
		t.Errorf("the ready file holds %q, want %q", text, want)
	}
	if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("the ready file: %v, %v", info.Mode(), err)
	}
	c, err := net.Dial("tcp", net.JoinHostPort(b.host, b.port))
	if err != nil {
		t.Fatal(err)
	}
	c.Close()
	b.process.terminate()
	b.process.succeeds()
	if entries, err := os.ReadDir(filepath.Dir(path)); err != nil || len(entries) > 0 {
		t.Errorf("left behind: %v, %v", entries, err)
	}
}

// A ready file that another broker has put in the place of ours is not ours to
// remove.
func TestServeLeavesOthersReadyFile(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "ready.json")
	first := startMqtk(t, "--ready-file", path)
	second := startMqtk(t, "--ready-file", path)
	first.process.terminate()
	first.process.succeeds()
	if text, err := os.ReadFile(path); err != nil || !strings.Contains(string(text), second.port) {
		t.Errorf("the ready file of the second: %q, %v", text, err)
	}
}

func TestServeRefuses(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	file := filepath.Join(folder, "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	busy, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer busy.Close()
	_, port, _ := net.SplitHostPort(busy.Addr().String())
	for _, test := range []struct {
		name  string
		flags []string
		code  int
		says  []string
	}{
		{"every interface", []string{"--listen", "mqtt://0.0.0.0:0"}, 2, []string{"other machines", "--allow-anonymous"}},
		{"every interface, IPv6", []string{"--listen", "mqtt://[::]:0"}, 2, []string{"other machines", "--allow-anonymous"}},
		{"no host", []string{"--listen", "mqtt://:0"}, 2, []string{"other machines", "--allow-anonymous"}},
		{"another address", []string{"--listen", "mqtt://192.0.2.1:0"}, 2, []string{"other machines", "--allow-anonymous"}},
		{"one open among closed", []string{"--listen", "mqtt://127.0.0.1:0", "--listen", "mqtt://0.0.0.0:0"}, 2, []string{"other machines"}},
		{"address of nobody", []string{"--allow-anonymous", "--listen", "mqtt://192.0.2.1:0"}, 1, []string{"192.0.2.1", "no such address"}},
		{"port in use", []string{"-p", port}, 1, []string{port, "already in use", "another broker", "-p 1884"}},
		{"scheme", []string{"--listen", "wss://127.0.0.1:0"}, 2, []string{"wss"}},
		{"no URL", []string{"--listen", "127.0.0.1:0"}, 2, []string{"127.0.0.1:0"}},
		{"unknown limit", []string{"--set", "max_infligt=1"}, 2, []string{"max_infligt", "did you mean max_inflight?", "mqtk help --man serve"}},
		{"unknown key", []string{"--set", "foo=1"}, 2, []string{"--set: foo: no such key", "mqtk help --man serve | man -l - lists the keys"}},
		{"two problems", []string{"--set", "foo=1", "--set", "max_qos=3"}, 2, []string{"--set: foo: no such key", "--set: max_qos: 3 is out of range"}},
		{"no config file", []string{"-c", folder + "/none.toml"}, 2, []string{"--config " + folder + "/none.toml: no such file or directory"}},
		{"limit without value", []string{"--set", "max_inflight"}, 2, []string{"KEY=VALUE"}},
		{"limit out of range", []string{"--set", "max_inflight=0"}, 2, []string{"max_inflight", "65535"}},
		{"level", []string{"--log-level", "loud"}, 2, []string{"--log-level", "debug, info, warn or error"}},
		{"format", []string{"--log-format", "xml"}, 2, []string{"--log-format", "text or json"}},
		{"operand", []string{"1883"}, 2, []string{"1883"}},
		{"no command", []string{"--"}, 2, []string{"command after --"}},
		{"no such command", []string{"-p", "0", "--", "mqtk-no-such-command"}, 2, []string{"mqtk-no-such-command"}},
		{"data in a file", []string{"-p", "0", "--data", file}, 2, []string{"--data: " + file + ": is no directory"}},
		{"data below a file", []string{"-p", "0", "--data", file + "/x"}, 2, []string{"--data: " + file + "/x: " + file + ": is no directory"}},
		{"data far below a file", []string{"-p", "0", "--data", file + "/x/y"}, 2, []string{"--data: " + file + "/x/y: " + file + ": is no directory"}},
		{"data in no directory", []string{"-p", "0", "--data", folder + "/none/d"}, 2, []string{"--data: " + folder + "/none/d: there is no directory " + folder + "/none to make it in", "mkdir -p " + folder + "/none"}},
		{"durability of nothing", []string{"-p", "0", "--durability", "os"}, 2, []string{"--durability: says how data is kept"}},
		{"unknown durability", []string{"-p", "0", "--data", folder + "/d", "--durability", "sync"}, 2, []string{`--durability: "sync" is no choice`}},
		{"commits of nothing", []string{"-p", "0", "--commit-delay", "5ms"}, 2, []string{"--commit-delay: says how data is kept"}},
		{"commits too rare", []string{"-p", "0", "--data", folder + "/d", "--commit-delay", "6s"}, 2, []string{"--commit-delay: 6s is out of range; 0s to 5s"}},
		{"ready file in no folder", []string{"-p", "0", "--ready-file", folder + "/none/ready"}, 2, []string{"--ready-file " + folder + "/none/ready: no such file or directory"}},
		{"ready file is a folder", []string{"-p", "0", "--ready-file", folder}, 2, []string{"--ready-file", "regular file"}},
		{"descriptor that is not open", []string{"-p", "0", "--ready-fd", "777"}, 2, []string{"--ready-fd", "777", "not open"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			p := launch(t, mqtkCommand(t, append([]string{"serve"}, test.flags...)...))
			code, said := p.ends(), p.output()
			if code != test.code {
				t.Errorf("ended with %d, want %d", code, test.code)
			}
			if strings.Contains(said, "listening") {
				t.Errorf("it listened first:\n%s", said)
			}
			for _, word := range test.says {
				if !strings.Contains(said, word) {
					t.Errorf("%q is missing in:\n%s", word, said)
				}
			}
		})
	}
}

// An expired certificate is no reason not to start, and one to say so.
func TestServeWarnsOfCertificates(t *testing.T) {
	t.Parallel()
	a := &authority{dir: t.TempDir(), late: true}
	if err := a.issue("server", "the server", "localhost"); err != nil {
		t.Fatal(err)
	}
	url := "mqtts://127.0.0.1:0?cert=" + filepath.Join(a.dir, "server.pem") + "&key=" + filepath.Join(a.dir, "server.key")
	p := launch(t, mqtkCommand(t, "serve", "--listen", url, "--check"))
	if code, said := p.ends(), p.output(); code != 0 || !strings.Contains(said, "mqtk serve: warning: --listen mqtts://127.0.0.1:0: cert: "+a.dir) || !strings.Contains(said, "has expired on ") {
		t.Errorf("%d: %s", code, said)
	}
	p = launch(t, mqtkCommand(t, "serve", "--listen", url, "--for", "1ms"))
	if code, said := p.ends(), p.output(); code != 0 || !strings.Contains(said, " WARN  ") || !strings.Contains(said, "has expired on ") {
		t.Errorf("%d: %s", code, said)
	}
}

func TestServeListens(t *testing.T) {
	t.Parallel()
	socket := filepath.Join(t.TempDir(), "s")
	for _, test := range []struct {
		name  string
		flags []string
		want  string
	}{
		{"localhost", []string{"--listen", "mqtt://localhost:0"}, "mqtt://"},
		{"another loopback address", []string{"--listen", "tcp://127.0.0.1:0"}, "mqtt://127.0.0.1:"},
		{"a path", []string{"--listen", "unix://" + socket}, "unix://" + socket},
		{"everywhere, as asked", []string{"--listen", "mqtt://:0", "--allow-anonymous"}, "mqtt://"},
	} {
		t.Run(test.name, func(t *testing.T) {
			p := launch(t, mqtkCommand(t, append([]string{"serve", "--ready-fd", "1"}, test.flags...)...))
			var ready struct{ Listeners []string }
			if err := json.Unmarshal([]byte(p.next(`"ready":true`)), &ready); err != nil {
				t.Fatal(err)
			}
			if len(ready.Listeners) != 1 || !strings.HasPrefix(ready.Listeners[0], test.want) {
				t.Errorf("listens on %q", ready.Listeners)
			}
			p.terminate()
			p.succeeds()
		})
	}
}

// The first line says where, the next how to open it up; then what is not kept.
func TestServeGreets(t *testing.T) {
	t.Parallel()
	p := launch(t, mqtkCommand(t, "serve", "-p", "0", "--for", "10ms"))
	p.succeeds()
	lines := strings.Split(p.output(), "\n")
	for i, want := range []string{"listening url=mqtt://127.0.0.1:", "mqtk serve --listen mqtt://:0 --passwords FILE", "whoever is let in may do everything", "do not survive a restart", "max_connections="} {
		if !strings.Contains(lines[i], want) {
			t.Errorf("line %d is %q, not about %q", i, lines[i], want)
		}
	}
	p = launch(t, mqtkCommand(t, "serve", "-p", "0", "--for", "10ms", "--log-format", "json"))
	p.succeeds()
	for line := range strings.SplitSeq(p.output(), "\n") {
		if !json.Valid([]byte(line)) {
			t.Errorf("no JSON: %s", line)
		}
	}
	p = launch(t, mqtkCommand(t, "serve", "-p", "0", "--for", "10ms", "--log-level", "warn"))
	p.succeeds()
	if p.output() != "" {
		t.Errorf("--log-level warn says:\n%s", p.output())
	}
}

// configured is what flags make of the configuration, without problems.
func configured(t *testing.T, o serveOptions, mqtkSet string) *config.Config {
	t.Helper()
	c, problems := o.configure(func(name string) string { return map[string]string{"MQTK_SET": mqtkSet}[name] })
	for _, p := range problems {
		t.Error(p)
	}
	return c
}

func TestServeListeners(t *testing.T) {
	port, zero := uint16(1884), uint16(0)
	file := filepath.Join(t.TempDir(), "mqtk.toml")
	if err := os.WriteFile(file, []byte("[[listener]]\nurl = \"mqtt://127.0.0.1:5\"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		name    string
		options serveOptions
		want    string
	}{
		{"nothing said", serveOptions{}, "mqtt://127.0.0.1:1883 mqtt://[::1]:1883"},
		{"port", serveOptions{Port: &port}, "mqtt://127.0.0.1:1884 mqtt://[::1]:1884"},
		{"any port", serveOptions{Port: &zero}, "mqtt://127.0.0.1:0"},
		{"listeners", serveOptions{Listen: []string{"mqtt://127.0.0.1:1", "mqtt://127.0.0.1:2"}}, "mqtt://127.0.0.1:1 mqtt://127.0.0.1:2"},
		{"localhost", serveOptions{Listen: []string{"mqtt://localhost"}}, "mqtt://127.0.0.1 mqtt://[::1]"},
		{"localhost, any port", serveOptions{Listen: []string{"mqtt://localhost:0"}}, "mqtt://127.0.0.1:0"},
		{"listeners and port", serveOptions{Listen: []string{"mqtt://127.0.0.1:1"}, Port: &zero}, "mqtt://127.0.0.1:1 mqtt://127.0.0.1:0"},
		{"command", serveOptions{Command: []string{"true"}}, "mqtt://127.0.0.1:0"},
		{"file", serveOptions{Config: file}, "mqtt://127.0.0.1:5"},
		{"file and command", serveOptions{Config: file, Command: []string{"true"}}, "mqtt://127.0.0.1:5"},
		{"flags over file", serveOptions{Config: file, Listen: []string{"mqtt://127.0.0.1:1"}}, "mqtt://127.0.0.1:1"},
	} {
		var got []string
		for _, l := range configured(t, test.options, "").Listeners {
			got = append(got, addresses(l.URL)...)
		}
		if strings.Join(got, " ") != test.want {
			t.Errorf("%s: %v, want %v", test.name, got, test.want)
		}
	}
}

// Flags win over MQTK_SET, that over the file, that over the defaults.
func TestServePrecedence(t *testing.T) {
	file := filepath.Join(t.TempDir(), "mqtk.toml")
	if err := os.WriteFile(file, []byte("[limits]\nmax_inflight = 1\nreceive_maximum = 2\nmax_qos = 1\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	o := serveOptions{Config: file, Settings: []setting{{"--set", "max_inflight", "30"}, {"--set", "max_connections", "40"}, {"--data", "data", "/d"}, {"--set", "data", ""}}}
	c := configured(t, o, "max_inflight=10 receive_maximum=20")
	if l := c.Limits; l.MaxInflight != 30 || l.ReceiveMaximum != 20 || l.MaxQoS != 1 || l.MaxConnections != 40 || l.MaxQueuedMessages != 1000 || c.Data != "" {
		t.Errorf("%+v, data %q", l, c.Data)
	}
	for files, want := range map[uint64]int{0: 1, 64: 1, 65: 1, 1024: 960, 1 << 63: mostConnections} {
		if got := connectionsFor(files); got != want {
			t.Errorf("%d open files are %d connections, want %d", files, got, want)
		}
	}
}

func TestClientURL(t *testing.T) {
	for _, test := range []struct {
		urls []string
		want string
	}{
		{[]string{"mqtt://127.0.0.1:1"}, "mqtt://127.0.0.1:1"},
		{[]string{"unix:///tmp/s", "mqtt://[::1]:1"}, "mqtt://[::1]:1"},
		{[]string{"mqtt://0.0.0.0:1"}, "mqtt://127.0.0.1:1"},
		{[]string{"mqtt://[::]:1"}, "mqtt://[::1]:1"},
		{[]string{"unix:///tmp/s"}, "unix:///tmp/s"},
	} {
		if got := clientURL(test.urls); got != test.want {
			t.Errorf("%q: %s, want %s", test.urls, got, test.want)
		}
	}
}
