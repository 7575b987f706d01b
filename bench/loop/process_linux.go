package loop

import (
	"time"

	"golang.org/x/sys/unix"
)

// ProcessTime is the CPU time that the process pid has used so far, with all its
// threads, to the nanosecond: /proc has it in hundredths of a second.
func ProcessTime(pid int) (time.Duration, error) {
	// The clock of another process has a number that clock_getcpuclockid(3) makes
	// of its id, and of the 2 that stands for what the scheduler counts.
	const scheduled = 2
	var t unix.Timespec
	if err := unix.ClockGettime(int32(^pid<<3|scheduled), &t); err != nil {
		return 0, err
	}
	return time.Duration(t.Nano()), nil
}
