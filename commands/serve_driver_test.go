package commands

import (
	"os"
	"runtime"
	"strings"
	"testing"
)

func TestCoresLeaveTheRuntimeAProcessor(t *testing.T) {
	t.Setenv("GOMAXPROCS", "")
	t.Cleanup(runtime.SetDefaultGOMAXPROCS)
	runtime.SetDefaultGOMAXPROCS()
	n := runtime.GOMAXPROCS(0)
	for range 2 {
		got := cores()
		spareProcessor(got)
		if got != n || runtime.GOMAXPROCS(0) != n+1 {
			t.Errorf("%d loops and %d processors, want %d and one more", got, runtime.GOMAXPROCS(0), n)
		}
	}
	t.Setenv("GOMAXPROCS", "5") // the runtime has read it when it started: what is in force counts
	got := cores()
	spareProcessor(got)
	if got != n+1 || runtime.GOMAXPROCS(0) != n+1 {
		t.Errorf("%d loops and %d processors with GOMAXPROCS set", got, runtime.GOMAXPROCS(0))
	}
}

// Each driver serves, and says at debug that it does.
func TestServeByEachDriver(t *testing.T) {
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	loops := "event loops"
	if runtime.GOOS != "linux" {
		loops = "goroutines"
	}
	for driver, says := range map[string]string{"auto": loops, "eventloop": "event loops", "goroutine": "goroutines"} {
		if driver == "eventloop" && runtime.GOOS != "linux" {
			continue
		}
		p := launch(t, mqtkCommand(t, "serve", "-p", "0", "--driver", driver, "-v", "--", self, "pub", "-t", "a", "-m", "b", "-q", "1"))
		if code := p.ends(); code != 0 || !strings.Contains(p.output(), "connections are driven by "+says) {
			t.Errorf("--driver %s ended %d:\n%s", driver, code, p.output())
		}
	}
}
