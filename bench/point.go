package bench

import "time"

// A pointObject is a Point as JSON and CSV have it.
type pointObject struct {
	At                 float64  `json:"at"`
	Seconds            float64  `json:"seconds"`
	Sent               int64    `json:"sent"`
	Delivered          int64    `json:"delivered"`
	SentPerSecond      float64  `json:"sent_per_second"`
	DeliveredPerSecond float64  `json:"delivered_per_second"`
	P50                *float64 `json:"p50"`
	P99                *float64 `json:"p99"`
	Max                *float64 `json:"max"`
	Connected          int      `json:"connected"`
	BrokerCPUs         *float64 `json:"broker_cpus"`
	BrokerRSS          *int64   `json:"broker_rss_bytes"`
}

func (r *Result) points() []pointObject {
	points := []pointObject{}
	for _, p := range r.Series {
		o := pointObject{
			At: round(p.At, 3), Seconds: round(p.Seconds, 3), Sent: p.Sent, Delivered: p.Delivered,
			SentPerSecond: round(perSecond(p.Sent, p.Seconds), 1), DeliveredPerSecond: round(perSecond(p.Delivered, p.Seconds), 1),
			P50: tenths(p.P50), P99: tenths(p.P99), Max: tenths(p.Max), Connected: p.Connected,
		}
		if r.Broker != nil {
			cpus := round(p.BrokerCPU, 4)
			o.BrokerCPUs, o.BrokerRSS = &cpus, known(p.BrokerRSS)
		}
		points = append(points, o)
	}
	return points
}

// tenths are the microseconds of d; of nothing there are none.
func tenths(d time.Duration) *float64 { return known(round(microseconds(d), 1)) }
