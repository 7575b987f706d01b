package commands

import (
	"runtime"
	"testing"
)

func TestCoresLeaveTheRuntimeAProcessor(t *testing.T) {
	t.Setenv("GOMAXPROCS", "")
	t.Cleanup(runtime.SetDefaultGOMAXPROCS)
	runtime.SetDefaultGOMAXPROCS()
	n := runtime.GOMAXPROCS(0)
	for range 2 {
		if got := cores(); got != n || runtime.GOMAXPROCS(0) != n+1 {
			t.Errorf("%d loops and %d processors, want %d and one more", got, runtime.GOMAXPROCS(0), n)
		}
	}
	t.Setenv("GOMAXPROCS", "5") // the runtime has read it when it started: what is in force counts
	if got := cores(); got != n+1 || runtime.GOMAXPROCS(0) != n+1 {
		t.Errorf("%d loops and %d processors with GOMAXPROCS set", got, runtime.GOMAXPROCS(0))
	}
}
