package loop

import (
	"math"
	"time"
)

// never is a time that does not come.
const never = math.MaxInt64

// patience is what the peer of a connection that is closed has to take the last
// bytes and to close its side.
const patience = time.Second

// Buffers of pending output are pooled between these sizes.
const (
	leastBuffer = 512
	mostBuffer  = 256 << 10
	maxBuffers  = 64
)
