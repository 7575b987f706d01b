//go:build unix

package commands

import (
	"encoding/json"
	"strings"
	"syscall"
	"testing"
)

func TestServeCommand(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name, script string
		flags        []string
		code         int
		output       string
	}{
		{"exit code and address", `echo "$MQTT_URL $MQTK_URL" | grep -c '^\(mqtt://127.0.0.1:[1-9][0-9]*\) \1$'; exit 7`, nil, 7, "1"},
		{"killed", `kill -KILL $$`, nil, 128 + 9, ""},
		// The spawned test helper sees the end of output when nobody holds it
		// open any more: so it would not end if the sleeper lived on.
		{"what it leaves running", `sleep 1000 & exit 3`, nil, 3, ""},
		{"outlasts --for", `sleep 1000`, []string{"--for", "50ms"}, 0, ""},
		{"ignores TERM", `trap "" TERM; while :; do sleep 1000; done`, []string{"--for", "50ms", "--drain", "50ms"}, 0, ""},
		{"its own verdict at the end of --for", `trap "exit 3" TERM; while :; do sleep 1000 & wait; done`, []string{"--for", "2s"}, 3, ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			flags := append([]string{"serve", "--log-level", "error"}, test.flags...)
			p := launch(t, mqtkCommand(t, append(flags, "--", "sh", "-c", test.script)...))
			if code := p.ends(); code != test.code || p.output() != test.output {
				t.Errorf("ended with %d, want %d; said %q, want %q", code, test.code, p.output(), test.output)
			}
		})
	}
}

func TestServeSignals(t *testing.T) {
	t.Parallel()
	t.Run("one drains", func(t *testing.T) {
		for _, s := range []syscall.Signal{syscall.SIGTERM, syscall.SIGINT} {
			b := startMqtk(t)
			_ = b.process.cmd.Process.Signal(s)
			b.process.succeeds()
		}
	})
	t.Run("two end at once", func(t *testing.T) {
		script := `trap "echo still here" TERM; echo started; while :; do sleep 1000 & wait; done`
		p := launch(t, mqtkCommand(t, "serve", "--drain", "1h", "--", "sh", "-c", script))
		p.next("started")
		p.terminate()
		p.next("still here")
		p.terminate()
		if code := p.ends(); code != exitTerminated {
			t.Errorf("ended with %d\n%s", code, p.output())
		}
	})
	t.Run("one asks for a summary", func(t *testing.T) {
		b := startMqtk(t)
		_ = b.process.cmd.Process.Signal(syscall.SIGUSR1)
		b.process.next("connections")
		b.process.terminate()
		b.process.succeeds()

		b = startMqtk(t, "--log-format", "json", "--log-level", "error")
		_ = b.process.cmd.Process.Signal(syscall.SIGUSR1)
		if line := b.process.next("connections"); !json.Valid([]byte(line)) {
			t.Errorf("no JSON: %s", line)
		}
		b.process.terminate()
		b.process.succeeds()
	})
	t.Run("the summary tells of the data", func(t *testing.T) {
		b := startMqtk(t, "--data", t.TempDir())
		_ = b.process.cmd.Process.Signal(syscall.SIGUSR1)
		b.process.next("on disk        0 bytes, of them about 0 needed; ")
		b.process.next("commits        ")
		b.process.next("recovery       took ")
		b.process.terminate()
		b.process.succeeds()
	})
	t.Run("without patience", func(t *testing.T) {
		b := startMqtk(t, "--drain", "0")
		b.process.terminate()
		b.process.succeeds()
	})
}

// With its limit on open files lowered, serve says what that leaves.
func TestServeCountsOpenFiles(t *testing.T) {
	t.Parallel()
	cmd := mqtkCommand(t, "serve", "-p", "0", "--for", "10ms")
	cmd.Args = append([]string{"sh", "-c", `ulimit -n 256; exec "$0" "$@"`, cmd.Path}, cmd.Args[1:]...)
	cmd.Path = "/bin/sh"
	p := launch(t, cmd)
	p.succeeds()
	if !strings.Contains(p.output(), "max_connections=192") {
		t.Errorf("256 open files:\n%s", p.output())
	}
}
