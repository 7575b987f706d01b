package commands

import (
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// A mortal is a broker that is ended in the middle of things and started again
// at the same port, with the same data.
type mortal struct {
	testing.TB
	words []string
	ready string
	end   os.Signal
	now   *spawned
}

// mortalMqtk loses nothing of what it has acknowledged, however it ends.
func mortalMqtk(t testing.TB) *mortal {
	words := []string{"serve", "--listen", "mqtt://127.0.0.1:" + unusedPort(t), "--data", t.TempDir(), "--durability", "os", "--ready-fd", "1"}
	return &mortal{TB: t, words: words, ready: `"ready":true`, end: os.Kill}
}

// mortalMosquitto keeps its sessions when it is asked to end: killed, it would
// have lost what it acknowledged since it last saved them. Its window is wide,
// for it sends more than that allows, and after a restart takes the exchanges
// beyond it for messages that were never received.
func mortalMosquitto(t testing.TB) *mortal {
	program, dir := needProgram(t, "mosquitto"), t.TempDir()
	config := filepath.Join(dir, "mosquitto.conf")
	text := fmt.Sprintf("listener %s 127.0.0.1\nallow_anonymous true\nuser root\npersistence true\npersistence_location %s/\nmax_queued_messages 0\nmax_inflight_messages 1000\n", unusedPort(t), dir)
	if err := os.WriteFile(config, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return &mortal{TB: t, words: []string{program, "-c", config}, ready: " running", end: syscall.SIGTERM}
}

func (m *mortal) start() {
	m.Helper()
	cmd := exec.Command(m.words[0], m.words[1:]...)
	if m.words[0] == "serve" {
		cmd = mqtkCommand(m, m.words...)
	}
	m.now = launch(m, cmd)
	m.now.next(m.ready)
}

// restart ends it and lets it come back, until a client has.
func (m *mortal) restart(client string) {
	m.Helper()
	_ = m.now.cmd.Process.Signal(m.end)
	m.now.ends()
	m.start()
	m.now.next(client)
}

func (m *mortal) url() string {
	for i, word := range m.words {
		switch word {
		case "--listen":
			return m.words[i+1]
		case "-c":
			text, err := os.ReadFile(m.words[i+1])
			if err != nil {
				m.Fatal(err)
			}
			return "mqtt://127.0.0.1:" + strings.Fields(string(text))[1]
		}
	}
	return ""
}

// TestLinesOutliveTheirBroker: pub -l sends numbered lines, sub -c prints them,
// and the broker between them ends again and again. At QoS 2 each line comes
// once, at QoS 1 once or more, and in their order at both.
func TestLinesOutliveTheirBroker(t *testing.T) {
	t.Parallel()
	for name, broker := range map[string]func(testing.TB) *mortal{"mqtk": mortalMqtk, "mosquitto": mortalMosquitto} {
		for _, version := range []string{"5", "311"} {
			for _, qos := range []int{1, 2} {
				t.Run(fmt.Sprintf("%s/%s/QoS %d", name, version, qos), func(t *testing.T) {
					t.Parallel()
					outliveBroker(t, broker(t), version, qos)
				})
			}
		}
	}
}

func outliveBroker(t *testing.T, m *mortal, version string, qos int) {
	const restarts, between = 4, 300
	m.start()
	with := func(words ...string) *exec.Cmd {
		return mqtkCommand(t, append(words, "-L", m.url(), "-V", version, "-q", strconv.Itoa(qos), "--retry-wait", "20ms")...)
	}
	launch(t, with("sub", "-c", "-i", "reader", "numbers", "-E")).succeeds()
	check := &counted{TB: t, sub: launch(t, with("sub", "-c", "-i", "reader", "numbers")), twice: qos == 1}
	cmd := with("pub", "-l", "numbers")
	stdin, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	pub, enough, sent := launch(t, cmd), make(chan struct{}), make(chan int)
	go func() { sent <- numberLines(stdin, enough) }()
	for range restarts {
		check.upTo(check.last + between)
		m.restart("reader")
	}
	check.upTo(check.last + between)
	close(enough)
	total := <-sent
	check.upTo(total)
	pub.succeeds()
	if strings.Contains(pub.output(), "lost the session") {
		t.Errorf("the broker was to keep the session:\n%s", pub.output())
	}
	launch(t, with("pub", "numbers", fmt.Sprint(total+1))).succeeds()
	check.upTo(total + 1) // nothing came between
	check.sub.terminate()
	check.sub.succeeds()
	t.Logf("%d lines, %d of them again", total, check.repeats)
}

// numberLines writes lines that begin with a number, from 1 on, until it is
// enough. They are long, so that not many of them are under way.
func numberLines(w io.WriteCloser, enough <-chan struct{}) (n int) {
	defer w.Close()
	padding := strings.Repeat(".", 200)
	for n = 1; ; n++ {
		select {
		case <-enough:
			return n - 1
		default:
			if _, err := fmt.Fprintln(w, n, padding); err != nil {
				return n - 1
			}
		}
	}
}

// counted looks at the numbers that a sub prints.
type counted struct {
	testing.TB
	sub     *spawned
	last    int  // the highest so far
	twice   bool // a number may come again
	repeats int
}

// upTo reads on until number n has come for the first time.
func (c *counted) upTo(n int) {
	c.Helper()
	for c.last < n {
		word, _, _ := strings.Cut(c.sub.next(""), " ")
		got, err := strconv.Atoi(word)
		switch {
		case err != nil: // of stderr
		case got == c.last+1:
			c.last = got
		case got > c.last:
			c.Fatalf("%d came after %d", got, c.last)
		case !c.twice:
			c.Fatalf("%d came again after %d", got, c.last)
		default:
			c.repeats++
		}
	}
}

// TestEndlessInput: while the broker is away, pub -l leaves what it cannot send
// where it is. A signal ends it all the same.
func TestEndlessInput(t *testing.T) {
	t.Parallel()
	for _, qos := range []string{"0", "1", "2"} {
		t.Run("QoS "+qos, func(t *testing.T) {
			t.Parallel()
			m := mortalMqtk(t)
			m.start()
			reader, writer, err := os.Pipe()
			if err != nil {
				t.Fatal(err)
			}
			defer writer.Close()
			cmd := mqtkCommand(t, "pub", "-l", "numbers", "-L", m.url(), "-q", qos, "--retry-wait", "1h", "-d")
			cmd.Stdin = reader
			pub := launch(t, cmd)
			reader.Close()
			pub.next("< CONNACK")
			m.now.kill()
			pub.next("trying again")
			line, taken := []byte(strings.Repeat("x", 99)+"\n"), 0
			for err == nil { // until nothing has moved for a while
				err = writer.SetWriteDeadline(time.Now().Add(300 * time.Millisecond))
				if err == nil {
					_, err = writer.Write(line)
					taken += len(line)
				}
			}
			if !errors.Is(err, os.ErrDeadlineExceeded) || taken > 1<<20 {
				t.Errorf("%d bytes were taken, then: %v", taken, err)
			}
			_ = pub.cmd.Process.Signal(os.Interrupt)
			if code := pub.ends(); code != exitInterrupted {
				t.Errorf("ended with %d\n%s", code, pub.output())
			}
		})
	}
}
