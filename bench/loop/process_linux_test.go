package loop

import (
	"os"
	"os/exec"
	"syscall"
	"testing"
	"time"
)

// TestProcessTime: it lies between what the system says of this process before
// and after.
func TestProcessTime(t *testing.T) {
	used := func() time.Duration {
		var r syscall.Rusage
		if err := syscall.Getrusage(syscall.RUSAGE_SELF, &r); err != nil {
			t.Fatal(err)
		}
		return time.Duration(r.Utime.Nano() + r.Stime.Nano())
	}
	low := used()
	got, err := ProcessTime(os.Getpid())
	if high := used(); err != nil || got < low-time.Microsecond || got > high+time.Millisecond {
		t.Errorf("%v, %v, want %v to %v", got, err, low, high)
	}
	child := exec.Command("true")
	if err := child.Run(); err != nil {
		t.Fatal(err)
	}
	if got, err := ProcessTime(child.Process.Pid); err == nil {
		t.Errorf("a process that has ended has used %v", got)
	}
}
