package commands

import (
	"net"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// A manager is the service manager of a test: it hears what serve tells it.
type manager struct {
	t    *testing.T
	conn *net.UnixConn
	name string
}

func newManager(t *testing.T, name string) manager {
	t.Helper()
	conn, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: name, Net: "unixgram"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	return manager{t, conn, name}
}

// hears waits for the next datagram, as assignments by name.
func (m manager) hears() map[string]string {
	m.t.Helper()
	m.conn.SetReadDeadline(time.Now().Add(lineDeadline))
	buffer := make([]byte, 4096)
	n, err := m.conn.Read(buffer)
	if err != nil {
		m.t.Fatal(err)
	}
	told := map[string]string{}
	for line := range strings.Lines(string(buffer[:n])) {
		name, value, _ := strings.Cut(strings.TrimSuffix(line, "\n"), "=")
		told[name] = value
	}
	return told
}

func TestServeNotifies(t *testing.T) {
	t.Parallel()
	for name, socket := range map[string]string{
		"a path":           filepath.Join(t.TempDir(), "notify"),
		"an abstract name": "@mqtk-test-" + strconv.FormatInt(time.Now().UnixNano(), 36),
	} {
		t.Run(name, func(t *testing.T) {
			m := newManager(t, socket)
			cmd := mqtkCommand(t, "serve", "-p", "0", "--", "sh", "-c", `echo "for the command: $NOTIFY_SOCKET."; exec sleep 1000`)
			cmd.Env = append(cmd.Env, "NOTIFY_SOCKET="+socket)
			p := launch(t, cmd)
			if told := m.hears(); told["READY"] != "1" || !strings.HasPrefix(told["STATUS"], "serving on mqtt://127.0.0.1:") {
				t.Errorf("at the start it heard %q", told)
			}
			p.next("for the command: .")
			p.terminate()
			if told := m.hears(); told["STOPPING"] != "1" {
				t.Errorf("at the end it heard %q", told)
			}
			p.ends()
		})
	}
}

func TestServeRefusesNotifySocket(t *testing.T) {
	t.Parallel()
	for socket, why := range map[string]string{"vsock:2:1234": "neither a path nor an abstract name", "/nonexistent/socket": "/nonexistent/socket"} {
		cmd := mqtkCommand(t, "serve", "-p", "0")
		cmd.Env = append(cmd.Env, "NOTIFY_SOCKET="+socket)
		p := launch(t, cmd)
		if code := p.ends(); code != exitFailed || !strings.Contains(p.output(), why) {
			t.Errorf("%s: ended with %d\n%s", socket, code, p.output())
		}
	}
}

func TestMonotonicTime(t *testing.T) {
	var before, after unix.Timespec
	_ = unix.ClockGettime(unix.CLOCK_MONOTONIC, &before)
	told := monotonicTime()
	_ = unix.ClockGettime(unix.CLOCK_MONOTONIC, &after)
	text, ok := strings.CutPrefix(strings.Join(told, "\n"), "MONOTONIC_USEC=")
	if got, err := strconv.ParseInt(text, 10, 64); !ok || err != nil || got < before.Nano()/1000 || got > after.Nano()/1000 {
		t.Errorf("%q is not between %d and %d", told, before.Nano()/1000, after.Nano()/1000)
	}
}
