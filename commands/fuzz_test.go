package commands

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// fuzzes runs inspect fuzz against the broker of a command, and gives its report.
func fuzzes(t *testing.T, dir, broker string, args ...string) (report struct {
	Cases    int
	Stopped  string
	Findings []fuzzFinding
}, code int) {
	t.Helper()
	cmd := mqtkCommand(t, append([]string{"inspect", "fuzz", "--broker", broker, "--out", dir, "--json"}, args...)...)
	out, err := cmd.Output()
	if jsonErr := json.Unmarshal(out, &report); jsonErr != nil {
		t.Fatalf("%v: %v\n%s", err, jsonErr, out)
	}
	return report, cmd.ProcessState.ExitCode()
}

// TestFuzzFindsNothingInOurs: mqtk serve, by both drivers, as a process.
func TestFuzzFindsNothingInOurs(t *testing.T) {
	if testing.Short() {
		t.Skip("takes a while")
	}
	self := mqtkCommand(t, "serve").Path
	for _, driver := range []string{"auto", "goroutine"} {
		report, code := fuzzes(t, t.TempDir(), self+" serve -p {port} --log-level error --driver "+driver, "--count", "500", "--seed", "12")
		if code != exitDone || report.Cases != 500 || len(report.Findings) > 0 {
			t.Errorf("--driver %s: ended with %d after %d cases: %+v", driver, code, report.Cases, report.Findings)
		}
	}
}

// TestFuzzBreaksMochi: a broker of others breaks, and each script that was
// left of that shows it when inspect send plays it.
func TestFuzzBreaksMochi(t *testing.T) {
	if testing.Short() {
		t.Skip("takes a while")
	}
	binary := mochiBinary(t)
	dir := t.TempDir()
	report, code := fuzzes(t, dir, binary+" 127.0.0.1:{port}", "--count", "120", "--seed", "9", "--patience", "2")
	if code != exitUnexpected || len(report.Findings) < 2 {
		t.Fatalf("ended with %d after %d cases: %+v", code, report.Cases, report.Findings)
	}
	for _, f := range report.Findings {
		if !f.Again || !f.Shows || f.Steps > 5 {
			t.Errorf("%s: %s: again %t, script shows %t, %d of %d steps", f.Verdict, f.Text, f.Again, f.Shows, f.Steps, f.StepsWere)
		}
		address := "127.0.0.1:" + unusedPort(t)
		broker := launch(t, exec.Command(binary, address))
		broker.next("listening ")
		send := mqtkCommand(t, "inspect", "send", "mqtt://"+address, "@"+f.File)
		if out, _ := send.CombinedOutput(); send.ProcessState.ExitCode() != exitUnexpected {
			script, _ := os.ReadFile(f.File)
			t.Errorf("%s: inspect send ended with %d\n%s\n%s", filepath.Base(f.File), send.ProcessState.ExitCode(), script, out)
		}
	}
}
