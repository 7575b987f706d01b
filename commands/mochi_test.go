package commands

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// mochiBroker starts the broker of github.com/mochi-mqtt/server, open to anyone,
// and returns its URL. It is a module of its own, so that the product does not
// depend on it.
func mochiBroker(t testing.TB) (url string) {
	t.Helper()
	broker := launch(t, exec.Command(mochiBinary(t), "127.0.0.1:0"))
	return "mqtt://" + strings.TrimPrefix(broker.next("listening "), "listening ")
}

// mochiBinary builds it.
func mochiBinary(t testing.TB) (binary string) {
	t.Helper()
	binary = filepath.Join(t.TempDir(), "mochi")
	build := exec.Command("go", "build", "-o", binary, ".")
	build.Dir = "testdata/mochi"
	build.Env = append(os.Environ(), "GOPROXY=off", "GOWORK=off", "GOFLAGS=")
	if out, err := build.CombinedOutput(); err != nil {
		if strings.Contains(string(out), "GOPROXY=off") {
			t.Skip("mochi is not there: go mod download in commands/testdata/mochi")
		}
		t.Fatalf("%v\n%s", err, out)
	}
	return binary
}

// The helper works, for those who rely on it.
func TestMochiListens(t *testing.T) {
	cmd := mqtkCommand(t, "pub", "-L", mochiBroker(t), "-q", "2", "-t", "a", "-m", "b")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Errorf("%v\n%s", err, out)
	}
}
