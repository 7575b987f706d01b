package bench

import (
	"slices"
	"time"
)

// Units of metrics.
const (
	UnitCount         = "count"
	UnitPerSecond     = "per second"
	UnitMicroseconds  = "µs"
	UnitSeconds       = "s"
	UnitShare         = "share" // 0 to 1
	UnitBytes         = "bytes"
	UnitBytesRate     = "bytes per second"
	UnitPerMessage    = "µs per message"
	UnitPerConnection = "µs per connection"
	UnitCores         = "CPUs"
	UnitTruth         = "yes or no" // 1 or 0
)

// A Metric is a figure of a result: what JSON, CSV, objectives, comparisons and
// the man page all call by one name.
type Metric struct {
	Name   string
	Unit   string
	Better int    // for what is tested: +1 more is better, -1 less is, 0 neither
	Text   string // a line for the man page
	// Whole is the metric that this one may be said as a share of, in %; "rate" is
	// the rate that was asked for.
	Whole string
	// Of is the figure in r, and whether r knows it.
	Of func(r *Result) (float64, bool)

	object, key string // where it is in JSON; no object: at the top
}

// Metrics are all there are, in the order of JSON.
func Metrics() []Metric {
	return slices.Concat(
		trafficMetrics(),
		histogramMetrics("", "latency_us", "from the planned sending of a message to its receiving", func(r *Result) *Histogram { return r.Latency }),
		histogramMetrics("service_", "service_us", "from the actual sending of a message to its receiving", func(r *Result) *Histogram { return r.Service }),
		histogramMetrics("acknowledge_", "acknowledge_us", "from sending to PUBACK or PUBCOMP", func(r *Result) *Histogram { return r.Acknowledge }),
		histogramMetrics("connect_", "connect_us", "from the planned connecting to CONNACK", func(r *Result) *Histogram { return r.Connect }),
		connectionMetrics(),
		phaseMetrics(),
		generatorMetrics(),
		brokerMetrics(),
	)
}

// MetricNamed is the metric of that name.
func MetricNamed(name string) (Metric, bool) {
	all := Metrics()
	i := slices.IndexFunc(all, func(m Metric) bool { return m.Name == name })
	if i < 0 {
		return Metric{}, false
	}
	return all[i], true
}

// sends tells that the publishers of a shape are here, and receives the same of
// its subscribers. What happens elsewhere is not known.
func (s Shape) sends() bool { return s != SubOnly && !s.connects() }

func (s Shape) receives() bool { return s != PubOnly && !s.connects() }

// connects tells that the shape is about connections alone.
func (s Shape) connects() bool { return s == Ramp || s == Churn || s == Storm }

func trafficMetrics() []Metric {
	return []Metric{
		{Name: "seconds", Unit: UnitSeconds, Text: "from the start of the measured time to the last delivery, and at least as long as there was something to send", Of: func(r *Result) (float64, bool) { return r.Seconds, true }},
		sent("sent", 0, "", "messages published", func(c *Counts) int64 { return c.Sent }),
		{Name: "sent_per_second", Unit: UnitPerSecond, Better: 1, Whole: "rate", Text: "messages published a second, while messages were", Of: sentRate},
		sent("acknowledged", 0, "sent", "messages that PUBACK or PUBCOMP took over; at QoS 0 those sent", func(c *Counts) int64 { return c.Acknowledged }),
		{Name: "acknowledged_per_second", Unit: UnitPerSecond, Better: 1, Whole: "rate", Text: "messages acknowledged a second, at QoS 1 and 2", Of: func(r *Result) (float64, bool) {
			return perSecond(r.Counts.Acknowledged, r.Seconds), r.Plan.Shape.sends() && r.Plan.QoS > 0
		}},
		sent("refused", -1, "sent", "messages refused by a reason code", func(c *Counts) int64 { return c.Refused }),
		sent("unacknowledged", -1, "sent", "messages without an answer", func(c *Counts) int64 { return c.Unacknowledged }),
		sent("unsent", -1, "", "messages that the rate wanted sent by the end, and that never were", func(c *Counts) int64 { return c.Unsent }),
		sent("stray_acknowledgements", -1, "", "acknowledgements that no message awaited", func(c *Counts) int64 { return c.StrayAcks }),
		received("expected", 0, "", "deliveries that are due for what was sent", func(c *Counts) int64 { return c.Expected }),
		received("delivered", 0, "expected", "messages received, once for each receiver", func(c *Counts) int64 { return c.Delivered }),
		{Name: "delivered_per_second", Unit: UnitPerSecond, Better: 1, Whole: "rate", Text: "deliveries a second", Of: func(r *Result) (float64, bool) {
			return perSecond(r.Counts.Delivered, r.Seconds), r.Plan.Shape.receives()
		}},
		received("lost", -1, "expected", "deliveries that never came", func(c *Counts) int64 { return c.Lost }),
		received("duplicated", -1, "expected", "deliveries of what that receiver had received before, allowed or not", func(c *Counts) int64 { return c.Duplicated }),
		received("reordered", -1, "expected", "deliveries with a lower number than one before of that publisher, allowed or not", func(c *Counts) int64 { return c.Reordered }),
		received("disordered", -1, "expected", "of these, the ones that MQTT forbids", func(c *Counts) int64 { return c.Disordered }),
		received("foreign", -1, "", "messages that nobody of this run has sent", func(c *Counts) int64 { return c.Foreign }),
		received("corrupted", -1, "expected", "messages with another payload than was sent", func(c *Counts) int64 { return c.Corrupted }),
		received("wrong_qos", -1, "expected", "deliveries at another QoS than was granted", func(c *Counts) int64 { return c.WrongQoS }),
		{Name: "bytes_per_second", Unit: UnitBytesRate, Better: 1, Text: "bytes of payload received a second; sent, where nobody receives", Of: payloadRate},
	}
}

func sent(name string, better int, whole, text string, of func(*Counts) int64) Metric {
	return Metric{Name: name, Unit: UnitCount, Better: better, Whole: whole, Text: text, Of: func(r *Result) (float64, bool) {
		return float64(of(&r.Counts)), r.Plan.Shape.sends()
	}}
}

// sentRate is of the time in which messages were sent: where they are stored, and
// delivered later, that is a phase of its own.
func sentRate(r *Result) (float64, bool) {
	if r.Plan.Shape != Retain && r.Plan.Shape != Offline {
		return perSecond(r.Counts.Sent, r.Seconds), r.Plan.Shape.sends()
	}
	i := slices.IndexFunc(r.Phases, func(p Phase) bool { return p.Name == "store" || p.Name == "queue" })
	if i < 0 {
		return 0, false
	}
	return r.Phases[i].PerSecond(), true
}

func received(name string, better int, whole, text string, of func(*Counts) int64) Metric {
	return Metric{Name: name, Unit: UnitCount, Better: better, Whole: whole, Text: text, Of: func(r *Result) (float64, bool) {
		return float64(of(&r.Counts)), r.Plan.Shape.receives()
	}}
}

func payloadRate(r *Result) (float64, bool) {
	bytes := r.Counts.BytesReceived
	if !r.Plan.Shape.receives() {
		bytes = r.Counts.BytesSent
	}
	return perSecond(bytes, r.Seconds), !r.Plan.Shape.connects()
}

// quantiles are those of every report.
func quantiles() []quantile {
	return []quantile{{"p50", 0.5}, {"p90", 0.9}, {"p95", 0.95}, {"p99", 0.99}, {"p99_9", 0.999}, {"p99_99", 0.9999}, {"max", 1}}
}

type quantile struct {
	name  string
	share float64
}

func histogramMetrics(prefix, object, text string, of func(*Result) *Histogram) []Metric {
	figure := func(key, what, unit string, better int, value func(h *Histogram) float64) Metric {
		name := prefix + key
		if name == "count" {
			name = "latency_count"
		}
		return Metric{Name: name, Unit: unit, Better: better, Text: what + text, object: object, key: key, Of: func(r *Result) (float64, bool) {
			h := of(r)
			if h.Count() == 0 {
				return 0, false
			}
			return value(h), true
		}}
	}
	metrics := []Metric{
		figure("count", "how many were timed ", UnitCount, 0, func(h *Histogram) float64 { return float64(h.Count()) }),
		figure("mean", "mean time ", UnitMicroseconds, -1, func(h *Histogram) float64 { return microseconds(h.Mean()) }),
	}
	for _, q := range quantiles() {
		what := "time that " + FormatPercent(q.share) + " do not pass, "
		if q.share == 1 {
			what = "longest time "
		}
		metrics = append(metrics, figure(q.name, what, UnitMicroseconds, -1, func(h *Histogram) float64 { return microseconds(h.Quantile(q.share)) }))
	}
	return metrics
}

func microseconds(d time.Duration) float64 { return float64(d) / 1e3 }

func connectionMetrics() []Metric {
	figure := func(key, unit string, better int, whole, text string, of func(c *Connections) float64) Metric {
		return Metric{Name: "connections_" + key, Unit: unit, Better: better, Whole: whole, Text: text, object: "connections", key: key, Of: func(r *Result) (float64, bool) {
			return of(&r.Connections), true
		}}
	}
	const wanted = "connections_wanted"
	return []Metric{
		figure("wanted", UnitCount, 0, "", "connections that were to be made", func(c *Connections) float64 { return float64(c.Wanted) }),
		figure("opened", UnitCount, 0, wanted, "connections that had their CONNACK", func(c *Connections) float64 { return float64(c.Opened) }),
		figure("lost", UnitCount, -1, wanted, "connections that ended before their time", func(c *Connections) float64 { return float64(c.Lost) }),
		figure("refused", UnitCount, -1, wanted, "connections refused by CONNACK", func(c *Connections) float64 { return float64(sum(c.Refused)) }),
		figure("failed", UnitCount, -1, wanted, "connections that reached nobody", func(c *Connections) float64 { return float64(sum(c.Failed)) }),
		figure("seconds", UnitSeconds, 0, "", "time in which the connections were opened", func(c *Connections) float64 { return c.Seconds }),
		figure("per_second", UnitPerSecond, 1, "", "connections opened a second", func(c *Connections) float64 { return perSecond(int64(c.Opened), c.Seconds) }),
		figure("max_open", UnitCount, 0, wanted, "most connections open at one time", func(c *Connections) float64 { return float64(c.MaxOpen) }),
	}
}

func sum(counts map[string]int) (n int) {
	for _, c := range counts {
		n += c
	}
	return n
}

// phaseMetrics are of the phases that a run may have, by name.
func phaseMetrics() (metrics []Metric) {
	for _, name := range []string{"store", "deliver", "queue", "drain", "connect", "reconnect"} {
		figure := func(key, unit string, better int, text string, of func(Phase) float64) Metric {
			return Metric{Name: name + "_" + key, Unit: unit, Better: better, Text: text, object: "phases." + name, key: key, Of: func(r *Result) (float64, bool) {
				i := slices.IndexFunc(r.Phases, func(p Phase) bool { return p.Name == name })
				if i < 0 {
					return 0, false
				}
				return of(r.Phases[i]), true
			}}
		}
		metrics = append(metrics,
			figure("seconds", UnitSeconds, -1, "length of the phase "+name+", where there is one", func(p Phase) float64 { return p.Seconds }),
			figure("per_second", UnitPerSecond, 1, "rate of the phase "+name+", where there is one", Phase.PerSecond))
	}
	return metrics
}

func generatorMetrics() []Metric {
	return []Metric{
		{Name: "generator_cpu_us_per_message", Unit: UnitPerMessage, Text: "CPU time that the generator spent for a delivered message", Of: func(r *Result) (float64, bool) {
			return perMessage(r, r.Generator.CPUSeconds, r.Generator.known(r))
		}},
		{Name: "generator_cpu_us_per_connection", Unit: UnitPerConnection, Text: "the same for an opened connection, where nothing is published", Of: func(r *Result) (float64, bool) {
			return perConnection(r, r.Generator.CPUSeconds, r.Generator.known(r))
		}},
		{Name: "generator_busy", Unit: UnitShare, Text: "share of the time that the busiest thread of the generator was at work", Of: func(r *Result) (float64, bool) { return r.Generator.Busy, true }},
		{Name: "generator_lag_us", Unit: UnitMicroseconds, Text: "p99 of how late the generator itself was to send", Of: func(r *Result) (float64, bool) {
			return microseconds(r.Generator.Lag.Quantile(0.99)), r.Generator.Lag.Count() > 0
		}},
		{Name: "generator_waiting", Unit: UnitShare, Text: "share of the time that the generator's threads waited for a CPU", Of: func(r *Result) (float64, bool) {
			return r.Generator.Waiting, r.Generator.Waiting >= 0
		}},
		{Name: "limited_by_generator", Unit: UnitTruth, Text: "whether the generator was the limit, and not the broker", Of: func(r *Result) (float64, bool) { return truth(r.Generator.Limited), true }},
		bytesMetric("generator_rss_bytes", "memory of the generator at the end", 0, func(r *Result) int64 { return r.Generator.RSS }),
		bytesMetric("bytes_per_connection", "memory of the generator that each connection took", 0, func(r *Result) int64 { return r.Generator.PerConnection }),
	}
}

// known tells that CPUSeconds are those of the generator, and of nothing else.
func (g *Generator) known(r *Result) bool {
	return g.CPUSeconds > 0 && (g.CPUOfThreads || !r.Plan.Target.InProcess)
}

func truth(b bool) float64 {
	if b {
		return 1
	}
	return 0
}

// bytesMetric is of memory: 0 is not known.
func bytesMetric(name, text string, better int, of func(*Result) int64) Metric {
	return Metric{Name: name, Unit: UnitBytes, Better: better, Text: text, Of: func(r *Result) (float64, bool) {
		n := of(r)
		return float64(n), n > 0
	}}
}

func brokerMetrics() []Metric {
	process := func(r *Result) Process {
		if r.Broker == nil {
			return Process{}
		}
		return *r.Broker
	}
	return []Metric{
		{Name: "broker_cpu_us_per_message", Unit: UnitPerMessage, Better: -1, Text: "CPU time that the broker (--pid) spent for a delivered message", Of: func(r *Result) (float64, bool) {
			return perMessage(r, process(r).CPUSeconds, r.Broker != nil)
		}},
		{Name: "broker_cpu_us_per_connection", Unit: UnitPerConnection, Better: -1, Text: "the same for an opened connection, where nothing is published", Of: func(r *Result) (float64, bool) {
			return perConnection(r, process(r).CPUSeconds, r.Broker != nil)
		}},
		{Name: "broker_cpus", Unit: UnitCores, Better: -1, Text: "CPUs that the broker kept busy", Of: func(r *Result) (float64, bool) {
			return process(r).CPUSeconds / max(process(r).Seconds, 1e-9), process(r).Seconds > 0
		}},
		bytesMetric("broker_rss_bytes", "memory of the broker at the end", -1, func(r *Result) int64 { return process(r).RSS }),
		bytesMetric("broker_rss_peak_bytes", "most memory that the broker was seen with", -1, func(r *Result) int64 { return process(r).PeakRSS }),
		bytesMetric("broker_bytes_per_connection", "memory of the broker that each connection took", -1, func(r *Result) int64 { return process(r).PerConnection }),
	}
}

// perMessage is the CPU time for a message: a delivered one, or an acknowledged
// one where nobody receives.
func perMessage(r *Result, cpuSeconds float64, known bool) (float64, bool) {
	n := r.Counts.Delivered
	if !r.Plan.Shape.receives() {
		n = r.Counts.Acknowledged
	}
	if !known || n <= 0 || r.Plan.Shape.connects() {
		return 0, false
	}
	return 1e6 * cpuSeconds / float64(n), true
}

func perConnection(r *Result, cpuSeconds float64, known bool) (float64, bool) {
	if !known || r.Connections.Opened <= 0 || !r.Plan.Shape.connects() {
		return 0, false
	}
	return 1e6 * cpuSeconds / float64(r.Connections.Opened), true
}
