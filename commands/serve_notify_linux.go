package commands

import (
	"fmt"

	"golang.org/x/sys/unix"
)

// monotonicTime is the moment as systemd's own clock has it.
func monotonicTime() []string {
	var now unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_MONOTONIC, &now); err != nil {
		return nil
	}
	return []string{fmt.Sprintf("MONOTONIC_USEC=%d", now.Nano()/1000)}
}
