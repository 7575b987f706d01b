package bench

import (
	"math"
	"time"
)

const never = math.MaxInt64

// A pacer says when each message is planned: message k of all, in ns since the
// start. In a ramp the rate grows evenly, so that the number of messages grows
// with the square of the time.
type pacer struct {
	interval float64 // ns between two messages at the full rate; 0: there is no plan
	ramp     float64 // ns
	ramped   float64 // messages that the ramp has room for
	step     int64   // publishers that take turns
}

func newPacer(rate float64, ramp time.Duration, publishers int) pacer {
	if rate == 0 {
		return pacer{}
	}
	return pacer{interval: 1e9 / rate, ramp: float64(ramp), ramped: rate * ramp.Seconds() / 2, step: int64(publishers)}
}

// open tells that there is a plan: the loop is open.
func (p *pacer) open() bool { return p.interval > 0 }

// planned is when message k is due.
func (p *pacer) planned(k int64) int64 {
	n := float64(k)
	if n < p.ramped {
		return int64(math.Sqrt(2 * n * p.interval * p.ramp))
	}
	return int64(p.ramp + (n-p.ramped)*p.interval)
}

// plannedOf is when a publisher's message is due.
func (p *pacer) plannedOf(publisher uint32, sequence int64) int64 {
	return p.planned(sequence*p.step + int64(publisher))
}

// before counts the messages that are due before t.
func (p *pacer) before(t int64) int64 {
	if t <= 0 {
		return 0
	}
	x := float64(t)
	n := p.ramped + (x-p.ramp)/p.interval
	if x < p.ramp {
		n = x * x / (2 * p.interval * p.ramp)
	}
	k := int64(n)
	for k > 0 && p.planned(k-1) >= t { // what rounding has done
		k--
	}
	for p.planned(k) < t {
		k++
	}
	return k
}

// shareOf is how many of the messages 0 to n-1 are a publisher's, if they take
// turns.
func shareOf(n int64, publisher uint32, publishers int) int64 {
	each, rest := n/int64(publishers), n%int64(publishers)
	if int64(publisher) < rest {
		each++
	}
	return each
}
