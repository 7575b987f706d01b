package commands

import (
	"cmp"
	"slices"

	"mqtk/bench"
)

// noneWaits is why shape offline has no QoS 0.
const noneWaits = "no message of QoS 0 waits for an absent client: offline is measured at QoS 1 or 2"

// checkMeaning refuses flags that say something which the test as it is asked for
// does not have: who gives one believes that it does something. Of those that a
// script gives to every test alike it only warns.
func (o *benchOptions) checkMeaning(warn func(format string, a ...any)) error {
	b, shape := &o.load, o.shape()
	stored := shape == bench.Retain || shape == bench.Offline
	qos := ""
	if len(o.QoS) == 1 {
		qos = o.QoS[0]
	}
	switch {
	case shape == bench.Offline && qos == "0":
		return usagef("--qos 0: %s", noneWaits)
	case stored && b.Warmup > 0:
		warn("--warmup: shape %s has no warm-up that a time could be given for", shape)
	case stored && b.Outstanding > 0:
		return usagef("--outstanding: with shape %s nothing is received until all is sent", shape)
	case shape == bench.SubOnly && b.Warmup > 0:
		warn("--warmup: it is mqtk bench pub that warms up: what it sends meanwhile is not counted here")
	case b.Outstanding > 0 && b.Rate > 0:
		return usagef("--outstanding bounds a closed loop; with --rate each message is sent at its time, whatever is still to come")
	case b.Outstanding > 0 && o.Judge.FindMax:
		return usagef("--outstanding bounds a closed loop; --find-max looks for a rate, at which each message is sent at its time")
	}
	if b.Window > 0 && !o.acknowledges(qos) {
		warn("--window bounds what is not acknowledged, and nothing of QoS 0 is: -q 1 or 2 has a window")
	}
	return o.checkConnMeaning(shape)
}

// acknowledges tells whether the broker is to acknowledge anything.
func (o *benchOptions) acknowledges(qos string) bool {
	if len(o.Brokers) < 2 {
		return qos > "0" || qos == "" && o.shape() == bench.Offline
	}
	rows, _ := parseRows(cmp.Or(o.Rows, defaultRows))
	return slices.ContainsFunc(rows, func(row tableRow) bool { return row.qos > 0 })
}

// checkConnMeaning does the same for connections.
func (o *benchOptions) checkConnMeaning(shape bench.Shape) error {
	b := &o.load
	switch {
	case shape == bench.Churn && b.Hold > 0:
		return usagef("--hold: churn ends each connection as soon as it stands; ramp and storm hold them")
	case shape == bench.Ramp && b.Hold > 0 && b.Duration > 0:
		return usagef("--duration and --hold both say how long shape ramp holds connections: give one")
	case (shape == bench.Ramp || shape == bench.Storm) && b.Patience > 0:
		return usagef("--patience: shape %s waits for no message", shape)
	}
	return nil
}
