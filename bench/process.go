package bench

import (
	"errors"
	"time"
)

// A ProcessSample is how a process and all its descendants stand: brokers are
// started through shells, and start helpers.
type ProcessSample struct {
	At        time.Time
	CPU       time.Duration // that they have used so far; it never goes back
	RSS       int64         // bytes resident, of all of them
	HighRSS   int64         // the most that it ever was, for each of them
	Threads   int
	Processes int
}

// errProcessEnded is what sampling ends with, in the middle of a run.
var errProcessEnded = errors.New("it has ended")

// processTook is what a process took from the first sample to the last. There are
// at least two, or it is not known.
func processTook(pid int, samples []ProcessSample) *Process {
	if len(samples) < 2 {
		return nil
	}
	first, last := samples[0], samples[len(samples)-1]
	p := &Process{PID: pid, CPUSeconds: (last.CPU - first.CPU).Seconds(), RSS: last.RSS, HighRSS: last.HighRSS, Threads: last.Threads}
	for _, s := range samples {
		p.PeakRSS = max(p.PeakRSS, s.RSS)
	}
	p.Seconds = last.At.Sub(first.At).Seconds()
	return p
}

// cores is how many CPUs were in use from a to b; of no time it is 0.
func (a ProcessSample) cores(b ProcessSample) float64 {
	if wall := b.At.Sub(a.At); wall > 0 {
		return float64(b.CPU-a.CPU) / float64(wall)
	}
	return 0
}
