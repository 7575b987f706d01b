package commands

import (
	"encoding/json"
	"net"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"mqtk/broker"
)

// A translation is a row of the table in README.md: what somebody types
// elsewhere and here. Empty: there is no such thing.
type translation struct{ what, mosquitto, mqttx, mqtk string }

// TestReadmeTranslations runs each row of the table, mosquitto's command and
// ours, each against a broker with the same messages: what is printed, the exit
// code and what arrives at the broker must be the same.
func TestReadmeTranslations(t *testing.T) {
	t.Parallel()
	rows := translations(t)
	if len(rows) < 20 {
		t.Fatalf("only %d rows", len(rows))
	}
	for _, row := range rows {
		t.Run(row.mqtk, func(t *testing.T) {
			t.Parallel()
			ours := runTranslation(t, row.mqtk)
			if ours.code != 0 && !strings.Contains(row.mqtk, "-W") {
				t.Errorf("ends with %d: %s", ours.code, ours.complaints)
			}
			if ours.code == 0 && ours.out == "" && ours.seen == "" && !strings.Contains(row.mqtk, " -E") && !strings.Contains(row.mqtk, ">") && !strings.Contains(row.mqtk, "--out ") {
				t.Errorf("prints nothing, and nothing arrives at the broker: %s", ours.complaints)
			}
			if row.mosquitto == "" {
				return
			}
			for _, word := range strings.Fields(row.mosquitto) {
				if strings.HasPrefix(word, "mosquitto_") || word == "jq" {
					needProgram(t, word)
				}
			}
			theirs := runTranslation(t, row.mosquitto)
			if !sameOutput(ours.out, theirs.out) || ours.code != theirs.code || ours.seen != theirs.seen || ours.files != theirs.files {
				t.Errorf("%s gives\n%+v\n%s gives\n%+v", row.mqtk, ours, row.mosquitto, theirs)
			}
		})
	}
}

// translations reads the table.
func translations(t *testing.T) []translation {
	t.Helper()
	text, err := os.ReadFile("../README.md")
	if err != nil {
		t.Fatal(err)
	}
	_, table, _ := strings.Cut(string(text), "\n## Coming from mosquitto or MQTTX\n")
	table, _, _ = strings.Cut(table, "\n## ")
	var rows []translation
	for line := range strings.Lines(table) {
		cells := strings.Split(strings.ReplaceAll(strings.TrimSpace(line), `\|`, "\x00"), "|")
		if len(cells) != 6 || !strings.Contains(cells[4], "`") {
			continue
		}
		for i := range cells {
			cells[i] = strings.Trim(strings.ReplaceAll(cells[i], "\x00", "|"), " `")
		}
		rows = append(rows, translation{cells[1], cells[2], cells[3], cells[4]})
		for cell, program := range map[string]string{cells[2]: "mosquitto_", cells[3]: "mqttx "} {
			if cell != "" && !strings.Contains(cell, program) {
				t.Errorf("%s is no command of %s", cell, program)
			}
		}
	}
	return rows
}

// An outcome is what a command has brought about.
type outcome struct {
	out        string
	code       int
	seen       string // what arrived at the broker
	files      string
	complaints string
}

// runTranslation runs a command line beside a broker of its own, which retains
// some messages of a house, in a folder with some files.
func runTranslation(t *testing.T, line string) outcome {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	guests := &countedListener{Listener: l, changed: make(chan struct{}, 1)}
	address, err := url.Parse(brokerAt(t, guests, broker.Options{}))
	if err != nil {
		t.Fatal(err)
	}
	b := testBroker{host: address.Hostname(), port: address.Port()}
	publish := func(words ...string) {
		if got := runWords(t, "", append([]string{"pub", "-L", b.url(), "-q", "1"}, words...)...); got.code != exitDone {
			t.Fatalf("pub %q: %s", words, got.err)
		}
	}
	folder := t.TempDir()
	for name, content := range map[string]string{"lines.txt": "one\ntwo\n", "photo.jpg": "\xff\xd8\x00\x01"} {
		if err := os.WriteFile(filepath.Join(folder, name), []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	publish("-r", "home/temp", "21.5")
	publish("-r", "home/door", "open")
	publish("-r", "home/hall", `{"temp":31}`)
	if strings.Contains(line, " service ") {
		reply := launch(t, mqtkCommand(t, "sub", "-L", b.url(), "-d", "--reply", "text:pong", "service"))
		defer reply.kill()
		reply.next("SUBACK")
	}
	stay := 1
	if strings.Contains(line, " service ") {
		stay = 2
	}
	watcher := launch(t, mqtkCommand(t, "sub", "-L", b.url(), "-q", "2", "-V", "5", "--retain-as-published", "--retain-handling", "2", "-d",
		"-F", "SEEN %t %q %r %x %C %P %E", "-T", "service", "-T", "replies/#", "-T", "mqtk/#", "#"))
	watcher.next("SUBACK")

	line = strings.ReplaceAll(line, "localhost:1883", b.host+":"+b.port)
	cmd := exec.Command("sh", "-c", line)
	cmd.Dir = folder
	cmd.Env = append(mqtkCommand(t).Env, "PATH="+tourPrograms(t, b)+":"+os.Getenv("PATH"), "MQTK_URL="+b.url(), "HOME="+folder)
	var complaints strings.Builder
	cmd.Stderr = &complaints
	out, err := cmd.Output()
	if cmd.ProcessState == nil {
		t.Fatal(err)
	}
	o := outcome{out: string(out), code: cmd.ProcessState.ExitCode(), complaints: complaints.String()}
	if log, err := os.ReadFile(filepath.Join(folder, "log.txt")); err == nil {
		o.files = string(log)
	}
	guests.await(t, stay) // what a client has said before it left is published then
	publish("the/end", "x")
	for {
		line := watcher.next("SEEN ")
		if strings.HasPrefix(line, "SEEN the/end ") {
			watcher.kill()
			return o
		}
		o.seen += line + "\n"
	}
}

// A countedListener knows how many of its connections the broker has not closed.
type countedListener struct {
	net.Listener
	mu      sync.Mutex
	open    int
	changed chan struct{}
}

func (l *countedListener) count(by int) {
	l.mu.Lock()
	l.open += by
	l.mu.Unlock()
	select {
	case l.changed <- struct{}{}:
	default:
	}
}

func (l *countedListener) Accept() (net.Conn, error) {
	nc, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	l.count(1)
	return &countedConn{Conn: nc, closed: sync.OnceFunc(func() { l.count(-1) })}, nil
}

// await waits until so many are left.
func (l *countedListener) await(t *testing.T, n int) {
	t.Helper()
	patience := time.After(actorPatience)
	for {
		l.mu.Lock()
		open := l.open
		l.mu.Unlock()
		if open == n {
			return
		}
		select {
		case <-l.changed:
		case <-patience:
			t.Fatalf("%d connections are open, not %d", open, n)
		}
	}
}

type countedConn struct {
	net.Conn
	closed func()
}

func (c *countedConn) Close() error {
	defer c.closed()
	return c.Conn.Close()
}

// sameOutput tells that two outputs are the same, or that what one JSON object has
// the other has, too, but for the times.
func sameOutput(ours, theirs string) bool {
	var a, b map[string]any
	if json.Unmarshal([]byte(ours), &a) != nil || json.Unmarshal([]byte(theirs), &b) != nil || a["tst"] == nil {
		return ours == theirs
	}
	for key, value := range b {
		if key != "tst" && a[key] != value {
			return false
		}
	}
	return len(b) > 3
}
