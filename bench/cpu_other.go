//go:build !unix

package bench

import (
	"time"
)

// cpuTime is what this process has used up so far; 0: unknown.
func cpuTime() time.Duration { return 0 }
