package config

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

func printed(c *Config) string {
	var b bytes.Buffer
	c.Print(&b)
	return b.String()
}

func TestPrint(t *testing.T) {
	c, problems := Read("mqtk.toml", []byte("data = '/var/lib/mqtk'\n[[listener]]\nurl = 'unix:///run/mqtk'\n[auth.sql]\ndriver = 'mysql'\ndsn = 'me:secret@/db'\n"))
	if problems != nil {
		t.Fatal(problems)
	}
	if err := c.Set("--set", "max_qos", "1"); err != nil {
		t.Fatal(err)
	}
	text := printed(c)
	for _, line := range []string{
		`data = "/var/lib/mqtk" # mqtk.toml:1`,
		`durability = "fsync" # default`,
		"[[listener]]\nurl = \"unix:///run/mqtk\" # mqtk.toml:3\nauth = [\"sql\"] # default\n",
		`mode = "" # default`,
		`#dsn = "..." # mqtk.toml:6, and hidden here; "env:NAME" would not be`,
		`no_match = "deny" # default`,
		`max_qos = 1 # --set`,
		`max_packet_size = "1MiB" # default`,
	} {
		if !strings.Contains(text, line+"\n") && !strings.Contains(text, line) {
			t.Errorf("no line %s", line)
		}
	}
	if strings.Contains(text, "secret") {
		t.Error("the password is there")
	}
	if t.Failed() {
		t.Log(text)
	}
}

// An SQLite file is no secret, and its path one that is right everywhere.
func TestPrintSQLite(t *testing.T) {
	for dsn, want := range map[string]string{
		"users.db": "/etc/mqtk/users.db", "/u.db": "/u.db", "sqlite://users.db": "sqlite:///etc/mqtk/users.db",
		"file:a%20b?mode=ro": "file:/etc/mqtk/a%20b?mode=ro", "env:DSN": "env:DSN",
	} {
		c, problems := Read("/etc/mqtk/mqtk.toml", []byte("[auth.sql]\ndriver = 'sqlite'\ndsn = '"+dsn+"'\n"))
		if line := fmt.Sprintf("\ndsn = %q # /etc/mqtk/mqtk.toml:3\n", want); problems != nil || !strings.Contains(printed(c), line) {
			t.Errorf("no line %sin\n%s", line, printed(c))
		}
	}
}

// What was settled for this machine is told, and the file printed does not pin it.
func TestPrintWithoutTheMachine(t *testing.T) {
	c := New()
	c.Limits.MaxConnections, c.Limits.MemoryLimit, c.Limits.MaxInflight = 19936, 1<<30, 9
	if err := c.Set("--set", "max_inflight", "9"); err != nil {
		t.Fatal(err)
	}
	text := printed(c)
	for _, line := range []string{"max_connections = 0 # default, which is 19936 here\n", "memory_limit = 0 # default, which is 1GiB here\n", "max_inflight = 9 # --set\n"} {
		if !strings.Contains(text, line) {
			t.Errorf("no line %sin\n%s", line, text)
		}
	}
}

// What Print writes, Read reads: the same values, and no problem.
func TestPrintedIsRead(t *testing.T) {
	for _, c := range []*Config{New(), randomConfig(t, 0)} {
		roundTrip(t, c)
	}
	n := 300
	if testing.Short() {
		n = 50
	}
	for seed := range n {
		roundTrip(t, randomConfig(t, uint64(seed)))
		if t.Failed() {
			t.Fatalf("seed %d", seed)
		}
	}
}

func roundTrip(t *testing.T, c *Config) {
	t.Helper()
	text := printed(c)
	again, problems := Read("/etc/mqtk.toml", []byte(text))
	for _, p := range problems {
		t.Error(p)
	}
	if got, want := values(again), values(c); got != want {
		t.Errorf("got\n%s\nwant\n%s\nfrom\n%s", got, want, text)
	}
	before, after := c.Check(Probes{}), again.Check(Probes{})
	if len(after) > len(before) {
		t.Errorf("problems that were not there before: %v\nbefore %v\n%s", after, before, text)
	}
}

// values are all effective values, a line each.
func values(c *Config) string {
	var b strings.Builder
	for _, k := range schema() {
		switch {
		case k.limit != nil:
			fmt.Fprintf(&b, "%s %s\n", k.Path, k.limit.Value(&c.Limits))
		case !k.ofListener():
			fmt.Fprintf(&b, "%s %s\n", k.Path, k.written(absoluteOf(k, k.load(k.field(c)))))
		default:
			for i := range c.Listeners {
				items := k.load(k.field(&c.Listeners[i]))
				if k.name() == "auth" {
					items = c.Authenticators(&c.Listeners[i])
				}
				fmt.Fprintf(&b, "%d %s %s\n", i, k.Path, k.written(absoluteOf(k, items)))
			}
		}
	}
	return b.String()
}

func absoluteOf(k Key, items []string) []string {
	if k.Kind == File || k.Kind == Files {
		return absolute(items)
	}
	return items
}

// randomConfig sets about half of the keys to something that they may be.
func randomConfig(t *testing.T, seed uint64) *Config {
	r := rand.New(rand.NewPCG(seed, 6))
	c := New()
	for range r.IntN(4) {
		c.Listeners = append(c.Listeners, newListener(schema()))
	}
	for i := range c.Listeners {
		scheme := []string{"mqtt", "mqtts", "ws", "wss"}[r.IntN(4)]
		url := fmt.Sprintf("%s://127.0.0.1:%d", scheme, 1000+i)
		if r.IntN(5) == 0 {
			scheme, url = "unix", fmt.Sprintf("unix:///run/%d", i)
		}
		c.Listeners[i].URL = url
		for _, k := range schema() {
			if !k.ofListener() || k.name() == "url" || r.IntN(2) == 0 || k.On != "" && !slices.Contains(kindsOf(scheme), k.On) {
				continue
			}
			if err := k.store(k.field(&c.Listeners[i]), randomItems(r, k), "/etc"); err != nil {
				t.Fatal(k.Path, err)
			}
			c.Listeners[i].origins[k.name()] = origin{source: "--test"}
		}
	}
	for _, k := range schema() {
		if k.ofListener() || r.IntN(2) == 0 {
			continue
		}
		items := randomItems(r, k)
		if err := c.put(k, items, "/etc"); err != nil {
			t.Fatal(k.Path, err)
		}
		c.origins[k.Path] = origin{source: "--test"}
	}
	return c
}

func randomItems(r *rand.Rand, k Key) []string {
	n := 1
	if k.Kind.isList() {
		n = 1 + r.IntN(3)
	}
	items := make([]string, n)
	for i := range items {
		items[i] = randomItem(r, k, i)
	}
	return items
}

func randomItem(r *rand.Rand, k Key, i int) string {
	switch k.Kind {
	case File, Files:
		return filepath.Join("/etc", fmt.Sprint(`a "b" \ é`, r.IntN(10)))
	case Prefixes:
		return []string{"192.0.2.7", "10.0.0.0/8", "2001:db8::/32", "::1"}[r.IntN(4)]
	case Switch:
		return []string{"true", "false"}[r.IntN(2)]
	case Choice:
		return k.Choices[r.IntN(len(k.Choices))]
	case Choices:
		return k.Choices[i]
	case Count, Size:
		return fmt.Sprint(k.Min + r.Int64N(k.Max-k.Min+1))
	case Duration:
		if k.limit != nil {
			return fmt.Sprint(1 + r.IntN(3600))
		}
		return fmt.Sprintf("%dms", k.Min+r.Int64N(k.Max-k.Min+1))
	case Mode:
		return fmt.Sprintf("%04o", 1+r.IntN(0o777))
	}
	if k.Secret {
		return "env:NAME"
	}
	return []string{"word", `a "quoted" \ one`, "ünï", "= []"}[r.IntN(4)]
}

// What a reload cannot change is said.
func TestNeedRestart(t *testing.T) {
	a, b := New(), New()
	for _, set := range []string{"data=x", "max_qos=1", "memory_limit=64MiB", "log_level=debug"} {
		key, value, _ := strings.Cut(set, "=")
		if err := b.Set("--set", key, value); err != nil {
			t.Fatal(err)
		}
	}
	if got := strings.Join(a.NeedRestart(b), " "); got != "data memory_limit" {
		t.Error(got)
	}
	if got := a.NeedRestart(New()); got != nil {
		t.Error(got)
	}
}

// No text panics, and each problem stands at a place that there is.
func FuzzRead(f *testing.F) {
	f.Add([]byte(whole))
	f.Add([]byte("[[listener]\nurl=\n'''"))
	f.Add([]byte("a = { b = [1,\n2], c = \"\"\"x\n"))
	f.Add([]byte("\xEF\xBB\xBFdata = 5\r\n\r[limits]\rmax_qos=inf"))
	f.Fuzz(func(t *testing.T, text []byte) {
		c, problems := Read("f", text)
		lines := bytes.Split(bytes.TrimPrefix(text, []byte("\xEF\xBB\xBF")), []byte("\n"))
		for _, p := range append(problems, c.Check(Probes{})...) {
			if p.Line < 1 || p.Line > len(lines) || p.Column < 1 || p.Column > len(lines[p.Line-1])+1 {
				t.Fatalf("%d:%d is not in the text: %s", p.Line, p.Column, p)
			}
			if first, _, _ := strings.Cut(p.String(), "\n"); strings.ContainsFunc(first, func(r rune) bool { return r < ' ' }) {
				t.Fatalf("control characters in %q", first)
			}
		}
		if len(problems) == 0 {
			roundTripSame(t, c)
		}
	})
}

func roundTripSame(t *testing.T, c *Config) {
	if strings.Contains(printed(c), "#dsn =") {
		return // hidden, so it is gone
	}
	again, problems := Read("f", []byte(printed(c)))
	if len(problems) > 0 || values(again) != values(c) {
		t.Fatalf("%v\n%s\n%s", problems, values(c), printed(c))
	}
}
