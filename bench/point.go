package bench

import "time"

// A Column is a figure of each second of a run: what JSON and CSV call it.
type Column struct {
	Name, Unit, Text string

	of func(r *Result, p *Point) any // nil: not known
}

// SeriesColumns are all there are, in their order.
func SeriesColumns() []Column {
	sends := func(r *Result, v any) any { return ifKnown(r.Plan.Shape.sends(), v) }
	receives := func(r *Result, v any) any { return ifKnown(r.Plan.Shape.receives(), v) }
	watched := func(r *Result, v any) any { return ifKnown(r.Broker != nil, v) }
	rate := func(n int64, p *Point) any { return round(perSecond(n, p.Seconds), 1) }
	latency := func(d time.Duration) any { return ifKnown(d > 0, round(microseconds(d), 1)) }
	return []Column{
		{"at_s", UnitSeconds, "its end, since the start of the measured time", func(_ *Result, p *Point) any { return round(p.At, 3) }},
		{"seconds", UnitSeconds, "its length: the last one may be shorter", func(_ *Result, p *Point) any { return round(p.Seconds, 3) }},
		{"sent", UnitCount, "messages published in it", func(r *Result, p *Point) any { return sends(r, p.Sent) }},
		{"delivered", UnitCount, "messages received in it", func(r *Result, p *Point) any { return receives(r, p.Delivered) }},
		{"sent_per_second", UnitPerSecond, "the rate of the one", func(r *Result, p *Point) any { return sends(r, rate(p.Sent, p)) }},
		{"delivered_per_second", UnitPerSecond, "the rate of the other", func(r *Result, p *Point) any { return receives(r, rate(p.Delivered, p)) }},
		{"p50_us", UnitMicroseconds, "latency that half of what was received did not pass", func(_ *Result, p *Point) any { return latency(p.P50) }},
		{"p99_us", UnitMicroseconds, "latency that 99% did not pass", func(_ *Result, p *Point) any { return latency(p.P99) }},
		{"max_us", UnitMicroseconds, "longest latency", func(_ *Result, p *Point) any { return latency(p.Max) }},
		{"connected", UnitCount, "connections that stood at its end", func(_ *Result, p *Point) any { return p.Connected }},
		{"broker_cpus", UnitCores, "CPUs that the broker (--pid) kept busy", func(r *Result, p *Point) any { return watched(r, round(p.BrokerCPU, 4)) }},
		{"broker_rss_bytes", UnitBytes, "memory of the broker", func(r *Result, p *Point) any { return ifKnown(p.BrokerRSS > 0, p.BrokerRSS) }},
	}
}

func ifKnown(known bool, v any) any {
	if !known {
		return nil
	}
	return v
}
