package commands

import (
	"encoding/json"
	"fmt"
	"os/exec"
	"slices"
	"testing"
)

// crashReport runs bench crash and returns its report.
func crashReport(t *testing.T, wantExit int, args ...string) map[string]any {
	t.Helper()
	cmd := mqtkCommand(t, append([]string{"bench", "crash", "--json"}, args...)...)
	out, err := cmd.Output()
	var problems []byte
	if exit, ok := err.(*exec.ExitError); ok {
		problems = exit.Stderr
	}
	if code := statusOf(cmd.ProcessState); code != wantExit {
		t.Fatalf("mqtk %q ended with %d, want %d\n%s\n%s", cmd.Args[1:], code, wantExit, out, problems)
	}
	var report map[string]any
	if err := json.Unmarshal(out, &report); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	return report
}

// mosquitto saves its sessions and retained messages now and then, and so loses
// what it has acknowledged since.
func TestBenchCrashMosquitto(t *testing.T) {
	program := needProgram(t, "mosquitto")
	script := `printf 'listener {port} 127.0.0.1\nallow_anonymous true\nuser root\npersistence true\npersistence_location {data}/\nautosave_interval 1\n' >{data}/conf
exec ` + program + ` -c {data}/conf`
	report := crashReport(t, exitUnexpected, "--kills", "3", "--load-time", "0.5", "--patience", "4", "--", "sh", "-c", script)
	for _, key := range []string{"lost_qos1", "lost_qos2", "lost_sessions", "lost_retained", "lost_wills"} {
		if report[key].(float64) == 0 {
			t.Errorf("mosquitto had nothing under %s: %v", key, report)
		}
	}
	for _, key := range []string{"violations", "died", "not_back", "corrupted"} {
		if report[key].(float64) > 0 {
			t.Errorf("mosquitto is found guilty of %s: %v", key, report["examples"])
		}
	}
}

// mqtk keeps what it has acknowledged.
func TestBenchCrashMqtk(t *testing.T) {
	self := mqtkCommand(t).Path
	report := crashReport(t, exitDone, "--kills", "5", "--load-time", "0.5", "--", self, "serve", "-p", "{port}", "--data", "{data}")
	if report["kills"].(float64) != 5 || report["acknowledged_qos2"].(float64) < 100 || report["complete"] != true {
		t.Errorf("that was no test: %v", report)
	}
}

func TestLastOutput(t *testing.T) {
	var o lastOutput
	for i := range 10_000 {
		fmt.Fprintf(&o, "line %d\n\n", i)
	}
	lines := o.lines()
	if len(lines) != outputShown || lines[outputShown-1] != "line 9999" || lines[0] != fmt.Sprint("line ", 10_000-outputShown) {
		t.Errorf("kept %q", lines)
	}
	if cap(o.end) > 4*outputKept {
		t.Errorf("%d bytes are kept", cap(o.end))
	}
}

func TestReplacePlaces(t *testing.T) {
	got := replacePlaces([]string{"b", "--x={port}:{data}", "{data}/{data}", "{other}"}, 7, "/d")
	if want := []string{"b", "--x=7:/d", "/d//d", "{other}"}; !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}

// TestFreePort: no connection of anybody's is given the port of a broker that is
// away for a moment.
func TestFreePort(t *testing.T) {
	const firstGiven = 32768 // by Linux; by others from 49152 on
	for range 20 {
		if port, err := freePort(); err != nil || port >= firstGiven {
			t.Fatalf("%d, %v", port, err)
		}
	}
}
