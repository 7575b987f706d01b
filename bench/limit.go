package bench

import (
	"fmt"
	"time"
)

const (
	muchBusy    = .95              // of the time: there is nothing left to work with
	muchWaiting = .2               // of the time, for a CPU: others have taken it
	muchLag     = time.Millisecond // for one message in a hundred, and a tenth of the latency
)

// fillGenerator says what the generator itself took, and whether it was the limit.
func (r *run) fillGenerator(f *phase) {
	b := &r.book
	g := Generator{
		Workers: len(r.workers), CPUSeconds: (b.generator.end - b.generator.cpu).Seconds(),
		Waiting: -1, RSS: residentSize(),
	}
	g.read(b.usages, r.plan.Target.InProcess)
	if f.pacer.open() {
		g.Lag = &b.total.lag.Histogram
		latency := r.result.Latency
		if latency == nil {
			latency = r.result.Acknowledge
		}
		if c := &r.result.Counts; c.Unsent <= (c.Sent+c.Unsent)/100 { // else the broker did not take them
			g.Why = g.limitOpen(latency)
		}
	} else {
		g.Why = g.limitClosed()
	}
	g.Limited = g.Why != ""
	r.result.Generator = g
}

// read takes what the loops say of themselves.
func (g *Generator) read(usages []usageSpan, inProcess bool) {
	var cpu, waiting, wall int64
	knownCPU, knownWaiting := true, true
	for _, u := range usages {
		g.Busy = max(g.Busy, 1-float64(u.Asleep)/float64(max(1, u.wall)))
		knownCPU, knownWaiting = knownCPU && u.CPU >= 0, knownWaiting && u.Waiting >= 0
		cpu += u.CPU
		waiting += u.Waiting
		wall += u.wall
	}
	g.Busy = min(1, max(0, g.Busy))
	if inProcess && knownCPU {
		g.CPUSeconds, g.CPUOfThreads = seconds(cpu), true
	}
	if knownWaiting && wall > 0 {
		g.Waiting = float64(waiting) / float64(wall)
	}
}

// limitClosed says why a closed loop was not as fast as the broker allows; it is
// empty if it was.
func (g *Generator) limitClosed() string {
	if g.Busy < muchBusy {
		return ""
	}
	if g.Waiting > muchWaiting {
		return fmt.Sprintf("its busiest thread of %d slept for %s of the time only, and they waited for a CPU for %s of it: this machine has too few for both the generator and the broker",
			g.Workers, percent(1-g.Busy), percent(g.Waiting))
	}
	return fmt.Sprintf("its busiest thread of %d was at work for %s of the time: take more of them, on CPUs that the broker does not need", g.Workers, percent(g.Busy))
}

// limitOpen says why an open loop did not keep its schedule; it is empty if it did.
func (g *Generator) limitOpen(latency *Histogram) string {
	lag := g.Lag.Quantile(.99)
	late := lag > max(muchLag, latency.Quantile(.99)/10)
	switch {
	case late && g.Waiting > 0:
		return fmt.Sprintf("one message in a hundred was sent %s or more after its time, though neither the window nor the socket held it up: its busiest thread was at work for %s of the time, and they waited for a CPU for %s of it", FormatTime(lag), percent(g.Busy), percent(g.Waiting))
	case late:
		return fmt.Sprintf("one message in a hundred was sent %s or more after its time, though neither the window nor the socket held it up: its busiest thread was at work for %s of the time", FormatTime(lag), percent(g.Busy))
	case g.Waiting > muchWaiting:
		return fmt.Sprintf("its threads waited for a CPU for %s of the time: latencies are partly the wait for it", percent(g.Waiting))
	}
	return ""
}

func percent(share float64) string { return FormatPercent(round(share, 3)) }
