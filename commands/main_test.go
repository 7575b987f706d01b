package commands

import (
	"context"
	"os"
	"os/exec"
	"testing"
)

// runAsMqtk in the environment makes the test binary be mqtk: so tests have a
// real process to signal and kill, built with the same flags (-race) as they.
const runAsMqtk = "MQTK_TEST_RUN_AS_MQTK"

func TestMain(m *testing.M) {
	if os.Getenv(runAsMqtk) != "" {
		stdio := Stdio{In: os.Stdin, Out: os.Stdout, Err: os.Stderr}
		os.Exit(Run(context.Background(), os.Args[1:], stdio))
	}
	os.Exit(m.Run())
}

// mqtkCommand is mqtk as a process of its own, with no settings inherited.
func mqtkCommand(t testing.TB, args ...string) *exec.Cmd {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(self, args...)
	cmd.Env = append(os.Environ(), runAsMqtk+"=1", "NO_COLOR=1", "MQTK_SET=", "MQTK_URL=", "MQTK_HOST=", "MQTK_PORT=",
		"GORACE=atexit_sleep_ms=0") // or each would sleep for a second at its end under -race
	return cmd
}
