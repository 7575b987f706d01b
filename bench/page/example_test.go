package page

import (
	"math"
	"math/rand/v2"
	"time"

	"mqtk/bench"
	"mqtk/mqttwire"
)

// timesOf is a histogram of n durations around middle with a long tail; a share of
// them is stalled for up to stall.
func timesOf(seed uint64, n int, middle time.Duration, share float64, stall time.Duration) *bench.Histogram {
	r := rand.New(rand.NewPCG(seed, 1))
	var h bench.Histogram
	for range n {
		d := float64(middle) * math.Exp(0.35*r.NormFloat64()+0.25*r.ExpFloat64())
		if r.Float64() < share {
			d += float64(stall) * r.Float64()
		}
		h.Record(int64(d), 1)
	}
	return &h
}

// openLoop is a run at a rate where all went well.
func openLoop() *bench.Result {
	const seconds, rate = 30, 2000
	r := &bench.Result{
		Plan: bench.Plan{
			Shape: bench.Pairs, Publishers: 50, Subscribers: 50, Topics: 50, Topic: "bench/%r/%i", Version: mqttwire.V5, QoS: 1,
			SizeMin: 64, SizeMax: 1024, Duration: seconds * time.Second, Warmup: time.Second, Rate: rate, Window: 100,
			Workers: 1, PID: 4711, Target: bench.Target{Name: "mqtt://broker.example:1883", Network: "tcp", Address: "192.0.2.1:1883"},
		},
		Started: time.Date(2026, 2, 3, 4, 5, 6, 0, time.UTC), Program: "v1.2.3",
		Command:     []string{"mqtk", "bench", "-h", "broker.example", "-c", "50", "-q", "1", "--rate", "2000", "-s", "64-1024", "-z", "30s", "--pid", "4711", "--expect", "p99<10ms,lost=0", "--html", "my report.html"},
		Environment: bench.Environment{OS: "linux", Arch: "arm64", Kernel: "6.12.20", CPUs: 4, CPUModel: "Raspberry Pi 5 Model B Rev 1.0", MemoryBytes: 8_200_000_000, Go: "go1.26"},
		Seconds:     seconds + 0.0021,
		Counts: bench.Counts{
			Sent: seconds * rate, Acknowledged: seconds * rate, Expected: seconds * rate, Delivered: seconds * rate,
			BytesSent: seconds * rate * 544, BytesReceived: seconds * rate * 544,
		},
		Latency:     timesOf(1, seconds*rate, 420*time.Microsecond, 0.004, 20*time.Millisecond),
		Service:     timesOf(2, seconds*rate, 380*time.Microsecond, 0.0005, 6*time.Millisecond),
		Acknowledge: timesOf(3, seconds*rate, 260*time.Microsecond, 0.0003, 4*time.Millisecond),
		Connect:     timesOf(4, 100, 800*time.Microsecond, 0, 0),
		Connections: bench.Connections{Wanted: 100, Opened: 100, Seconds: 0.0213, MaxOpen: 100},
		Generator:   bench.Generator{Workers: 1, CPUSeconds: 0.31, CPUOfThreads: true, Busy: 0.0161, Lag: timesOf(5, 1000, 12*time.Microsecond, 0, 0), Waiting: 0.002, RSS: 14_200_000},
		Broker:      &bench.Process{PID: 4711, Seconds: seconds, CPUSeconds: 1.92, RSS: 9_300_000, PeakRSS: 9_800_000, Threads: 3},
		Judged:      []bench.Judgement{{Kept: true, Text: "p99 < 10 ms: it is 1.31 ms"}, {Kept: true, Text: "lost = 0: it is 0"}},
		Notes:       []string{"The broker granted QoS 1 to all subscriptions."},
	}
	noise := rand.New(rand.NewPCG(9, 9))
	for i := range seconds {
		wobble := noise.Float64()
		r.Series = append(r.Series, bench.Point{
			At: float64(i + 1), Seconds: 1, Sent: rate, Delivered: rate + int64(20*wobble) - 10, Connected: 100,
			P50: time.Duration(430+40*wobble) * time.Microsecond, P99: time.Duration(1200+300*noise.ExpFloat64()) * time.Microsecond,
			Max: time.Duration(4000+5000*noise.ExpFloat64()) * time.Microsecond, BrokerCPU: 0.06 + 0.01*wobble, BrokerRSS: 8_900_000 + int64(i)*30_000,
		})
	}
	return r
}

// brokenPromise is a closed loop at QoS 2 with everything that may go wrong.
func brokenPromise() *bench.Result {
	r := openLoop()
	r.Plan.QoS, r.Plan.Rate, r.Plan.Outstanding, r.Plan.PID, r.Broker = 2, 0, 1000, 0, nil
	c := &r.Counts
	c.Sent, c.Acknowledged, c.Refused, c.Unacknowledged = 4_812_344, 4_812_200, 40, 104
	c.Expected, c.Delivered, c.Lost = 4_812_304, 4_811_823, 481
	c.Duplicated, c.Reordered, c.Disordered, c.Corrupted, c.WrongQoS, c.Foreign = 12, 9, 7, 3, 17, 2
	r.Connections.Lost, r.Connections.Wanted = 3, 104
	r.Connections.Refused = map[string]int{"Server busy (0x89)": 3}
	r.Connections.Failed = map[string]int{"connection refused": 1}
	r.Service, r.Generator.Lag = r.Latency, nil
	r.Judged = []bench.Judgement{{Kept: false, Text: "lost = 0: it is 481"}}
	r.Failures = []bench.Failure{
		{Kind: bench.BrokenPromise, Text: "481 of 4,812,304 messages were lost, although QoS 2 loses none."},
		{Kind: bench.BrokenPromise, Text: "12 messages came twice, although QoS 2 brings each exactly once."},
		{Kind: bench.LostConnection, Text: "3 of 100 connections ended before the end: EOF."},
	}
	for i := range r.Series {
		p := &r.Series[i]
		p.Sent, p.Delivered = 160_000+int64(i%7)*1500, 160_000+int64(i%5)*2000
		p.Connected = 100 - i/10
	}
	r.Series[11] = bench.Point{At: 12, Seconds: 1, Connected: 99}
	return r
}

// storm is a run about connections.
func storm() *bench.Result {
	r := &bench.Result{
		Plan:    bench.Plan{Shape: bench.Storm, Publishers: 20_000, Version: mqttwire.V311, ConnectRate: 4000, Hold: 10 * time.Second, Workers: 1, Target: bench.Target{Name: "mqtt://127.0.0.1:1883", InProcess: true}},
		Started: time.Date(2026, 2, 3, 4, 5, 6, 0, time.UTC), Program: "v1.2.3", Seconds: 22.4,
		Command:     []string{"mqtk", "bench", "conn", "--shape", "storm", "-c", "20000"},
		Environment: bench.Environment{OS: "darwin", Arch: "arm64", CPUs: 8, Go: "go1.26"},
		Connect:     timesOf(7, 40_000, 1900*time.Microsecond, 0.02, 400*time.Millisecond),
		Connections: bench.Connections{Wanted: 40_000, Opened: 40_000, Seconds: 9.8, MaxOpen: 20_000},
		Phases:      []bench.Phase{{Name: "connect", Count: 20_000, Seconds: 5.1}, {Name: "reconnect", Count: 20_000, Seconds: 4.7}},
		Generator:   bench.Generator{Workers: 1, CPUSeconds: 2.1, CPUOfThreads: true, Busy: 0.2, Waiting: -1, RSS: 41_000_000, PerConnection: 880},
	}
	for i := range 23 {
		n := min(4000*(i+1), 20_000)
		if i >= 12 {
			n = min(4000*(i-11), 20_000)
		}
		p := bench.Point{At: float64(i + 1), Seconds: 1, Connected: n}
		if n < 20_000 {
			p.P50, p.P99, p.Max = 2*time.Millisecond, 90*time.Millisecond, 380*time.Millisecond
		}
		r.Series = append(r.Series, p)
	}
	return r
}

// repeated is five runs of fan-out at full speed, the generator being the limit.
func repeated() *bench.Result {
	var runs []*bench.Result
	for i := range 5 {
		r := openLoop()
		r.Plan.Shape, r.Plan.Publishers, r.Plan.Topics, r.Plan.Rate, r.Plan.QoS = bench.FanOut, 1, 1, 0, 0
		r.Counts = bench.Counts{Sent: 60_000, Acknowledged: 60_000, Expected: 3_000_000, Delivered: 2_999_990, Lost: 10, BytesReceived: 3_000_000 * 64}
		r.Latency = timesOf(uint64(i), 20_000, time.Duration(400+30*i)*time.Microsecond, 0.01, 9*time.Millisecond)
		r.Service, r.Acknowledge, r.Judged = r.Latency, nil, nil
		r.Seconds += 0.7 * float64(i%3)
		r.Generator.Limited, r.Generator.Why = true, "the busiest of the generator's 1 threads was at work for 99% of the time: take more of them, on CPUs that the broker does not need"
		for j := range r.Series {
			r.Series[j].Delivered *= 50
		}
		runs = append(runs, r)
	}
	return bench.Merge(runs)
}

// pubOnly has nobody who receives.
func pubOnly() *bench.Result {
	r := openLoop()
	r.Plan.Shape, r.Latency, r.Service = bench.PubOnly, nil, nil
	c := &r.Counts
	c.Expected, c.Delivered, c.BytesReceived = 0, 0, 0
	for i := range r.Series {
		r.Series[i].Delivered = 0
	}
	return r
}

// long is a run of three hours.
func long() *bench.Result {
	r := openLoop()
	r.Series = nil
	for i := range 3 * 3600 {
		r.Series = append(r.Series, bench.Point{At: float64(i + 1), Seconds: 1, Sent: 2000, Delivered: 2000, P50: 400 * time.Microsecond, P99: time.Millisecond, Max: time.Duration(2+i%900) * time.Millisecond, Connected: 100, BrokerCPU: 0.1, BrokerRSS: 9 << 20})
	}
	r.Seconds = 3 * 3600
	return r
}

// search is one for the highest rate, which it found.
func search() *bench.Curve {
	c := &bench.Curve{Objectives: []string{"p99<10ms", "lost=0"}, Precision: 0.05, Next: 12_500, Confirmed: true, Knee: 9000,
		Notes: []string{"1 of 9 trials at the highest rate or below missed all the same: what was measured is not steady."}}
	for i, rate := range []float64{1200, 3000, 6000, 9000, 10_800, 12_000, 12_000, 12_000, 12_500, 12_500, 16_000} {
		trial := bench.Trial{Rate: rate, Result: openLoop(), Limited: rate == 16_000}
		trial.Result.Plan.Rate = trial.Rate
		load := trial.Rate / 13_000
		middle := time.Duration(float64(300*time.Microsecond) / max(1.05-load, 0.02))
		trial.Result.Latency = timesOf(uint64(i), 5000, middle, 0.02, 3*middle)
		p99 := trial.Result.Latency.Quantile(0.99)
		if trial.Kept = p99 < 10*time.Millisecond; !trial.Kept {
			trial.Why = "p99<10ms: " + bench.FormatTime(p99) + ", missed"
		}
		c.Trials = append(c.Trials, trial)
	}
	c.Max = &c.Trials[7]
	return c
}

// sideBySide is a table of three brokers, at two rows.
func sideBySide(name string) *bench.Table {
	t := &bench.Table{
		Program: "v1.2.3", Command: []string{"mqtk", "bench", "--broker", name}, Started: time.Date(2026, 2, 3, 4, 5, 6, 0, time.UTC),
		Environment: openLoop().Environment, Version: mqttwire.V5, Brokers: []string{name, "mosquitto -p {port}", "another -p {port}"},
	}
	for i := range 2 {
		plan := openLoop().Plan
		if i == 1 {
			plan.Rate, plan.QoS = 0, 0
		}
		row := bench.NewTableRow(&plan, 3)
		for broker := range row.Runs {
			for j := range 5 - i*4 {
				r := openLoop()
				r.Plan = plan
				r.Counts.Delivered = int64(60_000/(broker+1)) + int64(j*700*(broker+1))
				r.Generator.Limited = broker == 0 && i == 1
				if broker == 2 {
					r.Broker = nil
				}
				row.Runs[broker] = append(row.Runs[broker], r)
			}
		}
		t.Rows = append(t.Rows, row)
	}
	return t
}

func examples() map[string]Document {
	one := &bench.Result{
		Plan: bench.Plan{Shape: bench.Pairs, Publishers: 1, Subscribers: 1, Rate: 1}, Seconds: 0.001,
		Counts: bench.Counts{Sent: 1, Acknowledged: 1, Expected: 1, Delivered: 1}, Latency: timesOf(1, 1, time.Millisecond, 0, 0),
		Series: []bench.Point{{At: 0.001, Seconds: 0.001, Sent: 1, Delivered: 1, P50: time.Millisecond, P99: time.Millisecond, Max: time.Millisecond}},
	}
	documents := map[string]Document{"search": {Curve: search()}, "empty search": {Curve: &bench.Curve{}}}
	for name, r := range map[string]*bench.Result{
		"open": openLoop(), "broken": brokenPromise(), "storm": storm(), "repeated": repeated(), "pub": pubOnly(), "long": long(),
		"nothing": {}, "one message": one,
	} {
		documents[name] = Document{Result: r}
	}
	return documents
}
