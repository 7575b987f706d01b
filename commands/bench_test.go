package commands

import (
	"encoding/json"
	"os/exec"
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
	if findFlag(Tree().Command("serve"), "data") == nil {
		t.Skip("serve has no --data yet")
	}
	self := mqtkCommand(t).Path
	report := crashReport(t, exitDone, "--kills", "5", "--load-time", "0.5", "--", self, "serve", "-p", "{port}", "--data", "{data}")
	if report["kills"].(float64) != 5 || report["acknowledged_qos2"].(float64) < 100 || report["complete"] != true {
		t.Errorf("that was no test: %v", report)
	}
}
