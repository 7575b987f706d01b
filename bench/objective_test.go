package bench

import (
	"math"
	"strings"
	"testing"
	"time"
)

func TestParseObjectives(t *testing.T) {
	for _, test := range []struct {
		in    string
		name  string
		op    string
		value float64
		share bool
	}{
		{"p99<10ms", "p99", "<", 10_000, false},
		{"p99.9 <= 1.5 s", "p99_9", "<=", 1.5e6, false},
		{"p99_99<250us", "p99_99", "<", 250, false},
		{"p95<5ms", "p95", "<", 5000, false},
		{"connect_p95<5ms", "connect_p95", "<", 5000, false},
		{"P50<250µs", "p50", "<", 250, false},
		{"max<500", "max", "<", 500, false},
		{"delivered_per_second>=99%", "delivered_per_second", ">=", 0.99, true},
		{"max<0", "max", "<", 0, false},
		{"generator_lag_us<500", "generator_lag_us", "<", 500, false},
		{"lost=0", "lost", "=", 0, false},
		{"lost==0", "lost", "=", 0, false},
		{"lost<0.1%", "lost", "<", 0.001, true},
		{"lost!=3k", "lost", "!=", 3000, false},
		{"delivered>=99%", "delivered", ">=", 0.99, true},
		{"delivered_per_second>=100k", "delivered_per_second", ">=", 100_000, false},
		{"delivered_per_second>1.5M/s", "delivered_per_second", ">", 1.5e6, false},
		{"sent_per_second>=99.5%", "sent_per_second", ">=", 0.995, true},
		{"generator_busy<80%", "generator_busy", "<", 0.8, false},
		{"generator_busy<.8", "generator_busy", "<", 0.8, false},
		{"broker_cpu_us_per_message<3.5", "broker_cpu_us_per_message", "<", 3.5, false},
		{"broker_cpu_us_per_message<0.003ms", "broker_cpu_us_per_message", "<", 3, false},
		{"broker_rss_bytes<64MB", "broker_rss_bytes", "<", 64e6, false},
		{"seconds<100ms", "seconds", "<", 0.1, false},
		{"limited_by_generator=false", "limited_by_generator", "=", 0, false},
		{"service_p99<1ms", "service_p99", "<", 1000, false},
		{"connections_lost<1%", "connections_lost", "<", 0.01, true},
	} {
		all, err := ParseObjectives(test.in)
		if err != nil || len(all) != 1 {
			t.Errorf("%s: %v", test.in, err)
			continue
		}
		o := all[0]
		if o.Metric.Name != test.name || o.Op != test.op || math.Abs(o.Value-test.value) > 1e-9*test.value || o.Share != test.share || o.Text != test.in {
			t.Errorf("%s: %s %s %v, share %v", test.in, o.Metric.Name, o.Op, o.Value, o.Share)
		}
	}
	if all, err := ParseObjectives("p99<10ms, lost=0 ,duplicated=0"); err != nil || len(all) != 3 || all[1].Text != "lost=0" {
		t.Errorf("%v %v", all, err)
	}
}

func TestParseObjectivesRefuses(t *testing.T) {
	for in, want := range map[string]string{
		"":                       "is empty",
		"p99<10ms,":              "is empty",
		"p99":                    "has no <",
		"p99<>10":                "has <>, which is none of",
		"p99=<10":                "has =<",
		"p98<10ms":               `no figure "p98" (did you mean p9`,
		"rate>3":                 "did you mean delivered_per_second or sent_per_second?",
		"Throughput>3":           "did you mean delivered_per_second or sent_per_second?",
		"latency<3ms":            "did you mean p50, p99 or mean?",
		"service<3ms":            "did you mean service_p50, service_p99 or service_mean?",
		"avg<3ms":                "did you mean mean?",
		"loss=0":                 "did you mean lost?",
		"median<3ms":             "did you mean p50?",
		"dupes=0":                `no figure "dupes"; there are p50`,
		"deliverd>3":             "did you mean delivered?",
		"delivered_per>3":        "did you mean delivered_per_second?",
		"<3":                     `no figure ""`,
		"p99<":                   "does not begin with a number",
		"p99<-3ms":               "does not begin with a number",
		"p99<NaN":                "does not begin with a number",
		"p99<1.2.3ms":            "does not begin with a number",
		"p99<10m":                `p99 is not said in "m": it takes a number alone or with ns, us, ms, s`,
		"p99<10%":                "p99 is not a share of anything",
		"lost<3ms":               `lost is not said in "ms": it takes a number alone or with k, M, % of expected`,
		"broker_cpus<3k":         "it takes a number alone",
		"limited_by_generator=2": "is true or false",
	} {
		if _, err := ParseObjectives(in); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, want %q", in, err, want)
		}
	}
}

func TestJudge(t *testing.T) {
	flawed := sampleOf(Pairs)
	flawed.Counts.Lost, flawed.Counts.Delivered = 20, 19_980
	zero := sampleOf(PubOnly)
	zero.Plan.QoS, zero.Acknowledge = 0, nil
	empty := sampleOf(Pairs)
	empty.Counts, empty.Latency = Counts{}, nil
	closed := sampleOf(Pairs)
	closed.Plan.Rate, closed.Plan.PID = 0, 4711
	for _, test := range []struct {
		r    *Result
		in   string
		kept bool
		want string // an error, if it ends with !
	}{
		{flawed, "p99<10ms", true, "p99<10ms: 313 µs, kept"},
		{flawed, "p99<300us", false, "p99<300us: 313 µs, missed"},
		{flawed, "lost=0", false, "lost=0: 20, missed"},
		{flawed, "lost!=0", true, "lost!=0: 20, kept"},
		{flawed, "lost<=20", true, "lost<=20: 20, kept"},
		{flawed, "lost<20", false, "lost<20: 20, missed"},
		{flawed, "lost>20", false, "lost>20: 20, missed"},
		{flawed, "lost>=20", true, "lost>=20: 20, kept"},
		{flawed, "lost<=0.1%", true, "lost<=0.1%: 0.1% of expected, kept"},
		{flawed, "delivered>99.95%", false, "delivered>99.95%: 99.9% of expected, missed"},
		{flawed, "sent_per_second>=99%", true, "sent_per_second>=99%: 99.996% of rate, kept"},
		{flawed, "generator_busy<80%", true, "generator_busy<80%: 1.6%, kept"},
		{flawed, "limited_by_generator=no", true, "limited_by_generator=no: no, kept"},
		{flawed, "broker_cpu_us_per_message<3", false, "broker_cpu_us_per_message<3: broker_cpu_us_per_message is not known without --pid!"},
		{closed, "broker_cpus<3", false, "broker_cpus<3: broker_cpus is not known: process 4711 could not be watched!"},
		{flawed, "drain_per_second>3", false, "drain_per_second>3: the shape pairs has no such phase!"},
		{zero, "p99<10ms", false, "p99<10ms: p99 is not known: nobody receives here (acknowledge_p99 and its like are, at QoS 1 and 2)!"},
		{zero, "lost=0", false, "lost=0: lost is not known: nobody receives here (acknowledge_p99 and its like are, at QoS 1 and 2)!"},
		{zero, "acknowledge_p99<1s", false, "acknowledge_p99<1s: acknowledge_p99 is not known: nothing is acknowledged at QoS 0!"},
		{sampleOf(SubOnly), "sent>3", false, "sent>3: sent is not known: nobody publishes here!"},
		{sampleOf(Ramp), "lost=0", false, "lost=0: lost is not known: the shape ramp is about connections, not messages!"},
		{empty, "lost<1%", false, "lost<1%: a share of expected, of which there is none in this run!"},
		{empty, "p50<1s", false, "p50<1s: p50 is not known: nothing was measured for it!"},
		{closed, "sent_per_second>=99%", false, "sent_per_second>=99%: a share of rate, of which there is none in this run!"},
	} {
		all, err := ParseObjectives(test.in)
		if err != nil {
			t.Errorf("%s: %v", test.in, err)
			continue
		}
		kept, text, err := all[0].Judge(test.r)
		if err != nil {
			text = err.Error() + "!"
		}
		if kept != test.kept || text != test.want {
			t.Errorf("%s: %v %q, want %v %q", test.in, kept, text, test.kept, test.want)
		}
	}
}

func TestResultJudge(t *testing.T) {
	r := sampleOf(PubOnly)
	all, err := ParseObjectives("acknowledge_p99<10ms")
	if err != nil || !r.Judge(all) || !r.OK() {
		t.Errorf("%v %v", err, r.Judged)
	}
	all, err = ParseObjectives("p99<10ms")
	if err != nil || r.Judge(all) || r.OK() || len(r.Judged) != 2 || !strings.Contains(r.Judged[1].Text, "not known") {
		t.Errorf("%v %v", err, r.Judged)
	}
}

func FuzzParseObjectives(f *testing.F) {
	for _, s := range []string{"p99<10ms,lost=0", "lost<0.1%", "delivered_per_second>=100k/s", "p99.9==1", "x!", "limited_by_generator=no", "seconds<1e9"} {
		f.Add(s)
	}
	r := sampleOf(Pairs)
	r.Latency = spread(1000, time.Millisecond)
	f.Fuzz(func(t *testing.T, s string) {
		all, err := ParseObjectives(s)
		if err != nil {
			return
		}
		for _, o := range all {
			if o.Value < 0 || math.IsNaN(o.Value) {
				t.Errorf("%q: %v", s, o.Value)
			}
			again, err := ParseObjectives(o.Text)
			if err != nil || len(again) != 1 || again[0].Value != o.Value || again[0].Metric.Name != o.Metric.Name {
				t.Errorf("%q: its text %q is another: %v %v", s, o.Text, again, err)
			}
			opposite := map[string]string{"<": ">=", ">=": "<", ">": "<=", "<=": ">", "=": "!=", "!=": "="}
			other := o
			other.Op = opposite[o.Op]
			kept, _, err := o.Judge(r)
			if not, _, _ := other.Judge(r); err == nil && kept == not {
				t.Errorf("%q is %v, and so is its opposite", s, kept)
			}
		}
	})
}

// TestObjectiveBare: a time without a unit is known for one.
func TestObjectiveBare(t *testing.T) {
	for s, want := range map[string]bool{"p99<10": true, "connect_max<0.5": true, "p99<10us": false, "p99<0": false, "generator_lag_us<10": false, "lost<10": false, "seconds<10": false} {
		if all, err := ParseObjectives(s); err != nil || all[0].Bare != want {
			t.Errorf("%s: %v %v", s, all, err)
		}
	}
}
