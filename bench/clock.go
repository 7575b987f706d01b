package bench

import "time"

// A clock tells nanoseconds since 1970 that never go back: the wall clock's when
// it was made, and the monotonic clock's since. Two processes of one machine agree
// on it as far as its wall clock was not set in between.
type clock struct {
	begun time.Time
	wall  int64
}

func newClock() clock {
	now := time.Now()
	return clock{begun: now, wall: now.UnixNano()}
}

func (c clock) now() int64 { return c.wall + int64(time.Since(c.begun)) }

func seconds(ns int64) float64 { return float64(ns) / 1e9 }
