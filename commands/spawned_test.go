package commands

import (
	"bufio"
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// lineDeadline is how long a test waits for a line before it fails. Nothing takes
// anywhere near as long, but a loaded machine may.
const lineDeadline = time.Minute

// A spawned is a started command whose lines, stdout and stderr as one, a test
// waits for. It is killed when the test ends.
type spawned struct {
	t      testing.TB
	name   string
	cmd    *exec.Cmd
	lines  chan string   // closed at the end of output
	done   chan struct{} // closed when the process has been waited for
	killed chan struct{} // closed when nobody waits for lines any more
	pipe   io.Closer     // where its output comes from

	over sync.Once // closes killed
	mu   sync.Mutex
	seen []string
}

func launch(t testing.TB, cmd *exec.Cmd) *spawned {
	t.Helper()
	reader, writer, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	cmd.Stdout, cmd.Stderr = writer, writer
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	writer.Close()
	p := &spawned{
		t: t, name: filepath.Base(cmd.Path), cmd: cmd,
		lines: make(chan string, 10_000), done: make(chan struct{}), killed: make(chan struct{}), pipe: reader,
	}
	go p.read(reader)
	t.Cleanup(p.kill)
	return p
}

func (p *spawned) read(r io.ReadCloser) {
	defer close(p.done)
	defer close(p.lines)
	s := bufio.NewScanner(r)
	s.Buffer(nil, 1<<20)
	for s.Scan() {
		p.mu.Lock()
		p.seen = append(p.seen, s.Text())
		p.mu.Unlock()
		select {
		case p.lines <- s.Text():
		case <-p.killed:
		}
	}
	r.Close()
	_ = p.cmd.Wait() // the state is looked at by whoever expects one
}

// next waits for a line that holds one of these.
func (p *spawned) next(what ...string) string {
	p.t.Helper()
	timer := time.NewTimer(lineDeadline)
	defer timer.Stop()
	for {
		select {
		case line, ok := <-p.lines:
			if !ok {
				p.t.Fatalf("%s ended without a line with %q\n%s", p.name, what, p.output())
			}
			for _, w := range what {
				if strings.Contains(line, w) {
					return line
				}
			}
		case <-timer.C:
			p.t.Fatalf("%s: no line with %q came\n%s", p.name, what, p.output())
		}
	}
}

// ends waits for the end of the process and returns its exit code.
func (p *spawned) ends() int {
	p.t.Helper()
	timer := time.NewTimer(lineDeadline)
	defer timer.Stop()
	for lines := p.lines; ; {
		select {
		case _, more := <-lines: // or a process that says much would wait for us
			if !more {
				lines = nil
			}
		case <-p.done:
			return statusOf(p.cmd.ProcessState)
		case <-timer.C:
			p.t.Fatalf("%s does not end\n%s", p.name, p.output())
			return -1
		}
	}
}

// succeeds waits for a good end.
func (p *spawned) succeeds() {
	p.t.Helper()
	if code := p.ends(); code != 0 {
		p.t.Fatalf("%s %q ended with %d\n%s", p.name, p.cmd.Args[1:], code, p.output())
	}
}

func (p *spawned) terminate() { _ = p.cmd.Process.Signal(syscall.SIGTERM) }

func (p *spawned) kill() {
	_ = p.cmd.Process.Kill()
	p.over.Do(func() { close(p.killed) })
	timer := time.AfterFunc(lineDeadline, func() { p.pipe.Close() }) // what it has started may hold the other end
	defer timer.Stop()
	<-p.done
}

func (p *spawned) output() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return strings.Join(p.seen, "\n")
}

// A testBroker is a running broker, ours or another.
type testBroker struct {
	name, host, port string
	process          *spawned
	scheme           string // "" is mqtt
	cafile           string // with mqtts and wss
	cert, key        string // of clients, where the broker wants them
}

func (b testBroker) url() string {
	return cmp.Or(b.scheme, "mqtt") + "://" + net.JoinHostPort(b.host, b.port)
}

// files are the flags by which mqtk and mosquitto_pub are told of the files.
func (b testBroker) files() (flags []string) {
	for _, f := range [][2]string{{"--cafile", b.cafile}, {"--cert", b.cert}, {"--key", b.key}} {
		if f[1] != "" {
			flags = append(flags, f[0], f[1])
		}
	}
	return flags
}

// startMqtk starts serve on a free port and waits until it is ready.
func startMqtk(t testing.TB, flags ...string) testBroker {
	t.Helper()
	p := launch(t, mqtkCommand(t, append([]string{"serve", "-p", "0", "--ready-fd", "1"}, flags...)...))
	var ready struct{ Listeners []string }
	if err := json.Unmarshal([]byte(p.next(`"ready":true`)), &ready); err != nil {
		t.Fatal(err)
	}
	u, err := url.Parse(ready.Listeners[0])
	if err != nil {
		t.Fatal(err)
	}
	return testBroker{name: "mqtk", host: u.Hostname(), port: u.Port(), process: p}
}

// startMosquitto starts a mosquitto broker. It cannot be told to take any free
// port, so one is looked for, and another if somebody was faster. It logs each
// packet, unless it is given settings of its own.
func startMosquitto(t testing.TB, settings ...string) testBroker {
	t.Helper()
	program := needProgram(t, "mosquitto")
	for range 5 {
		port := unusedPort(t)
		config := filepath.Join(t.TempDir(), "mosquitto.conf")
		text := fmt.Sprintf("listener %s 127.0.0.1\nallow_anonymous true\nuser root\n%s\n", port, strings.Join(settings, "\n"))
		if err := os.WriteFile(config, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		args := []string{"-c", config}
		if len(settings) == 0 {
			args = append(args, "-v")
		}
		p := launch(t, exec.Command(program, args...))
		if strings.HasSuffix(p.next("Error", " running"), " running") {
			return testBroker{name: "mosquitto", host: "127.0.0.1", port: port, process: p}
		}
	}
	t.Fatal("mosquitto finds no port")
	return testBroker{}
}

// unusedPort is one that nobody listens on.
func unusedPort(t testing.TB) string {
	t.Helper()
	port, err := freePort()
	if err != nil {
		t.Fatal(err)
	}
	return strconv.Itoa(int(port))
}

// needProgram skips the test where a program is not installed. Debian keeps
// daemons in a folder that is not in every PATH.
func needProgram(t testing.TB, name string) string {
	t.Helper()
	for _, candidate := range []string{name, "/usr/sbin/" + name} {
		if path, err := exec.LookPath(candidate); err == nil {
			return path
		}
	}
	t.Skipf("%s is not installed", name)
	return ""
}

// trade sends bytes and expects others.
func trade(nc net.Conn, send, want string) error {
	nc.SetDeadline(time.Now().Add(lineDeadline))
	if _, err := io.WriteString(nc, send); err != nil {
		return err
	}
	got := make([]byte, len(want))
	if _, err := io.ReadFull(nc, got); err != nil {
		return err
	}
	if string(got) != want {
		return fmt.Errorf("%q came, want %q", got, want)
	}
	return nil
}
