package bench

import (
	"bytes"
	"strings"
	"testing"
	"time"
	"unicode/utf8"
)

// reportSamples are results of all shapes, and of what can go wrong, by the name
// of their golden file.
func reportSamples() map[string]*Result {
	samples := map[string]*Result{}
	for _, shape := range []Shape{Pairs, FanIn, FanOut, Shared, Retain, Offline, PubOnly, SubOnly, Ramp, Churn, Storm} {
		samples[string(shape)] = sampleOf(shape)
	}
	samples["fan-in"].Plan.Subscribers = 1
	samples["fan-out"].Plan.Publishers, samples["fan-out"].Plan.Topics = 1, 1
	samples["shared"].Counts.Reordered = 12
	samples["retained"].Phases = []Phase{{"store", 20_000, 2.1}, {"deliver", 20_000, 1.2}}
	samples["offline"].Phases = []Phase{{"queue", 20_000, 2.1}, {"drain", 20_000, 1.2}}
	samples["sub"].Plan.Rate, samples["sub"].Plan.Duration = 0, 0
	samples["sub"].Counts.Expected, samples["sub"].Plan.Window, samples["sub"].Generator.Lag = 20_000, 0, nil
	for _, shape := range []Shape{Ramp, Churn, Storm} {
		r := samples[string(shape)]
		r.Plan.Rate, r.Plan.ConnectRate, r.Plan.Hold, r.Generator.Lag = 0, 500, 30*time.Second, nil
		r.Connections = Connections{Wanted: 2000, Opened: 2000, Seconds: 4.01, MaxOpen: 2000}
		r.Plan.Publishers, r.Plan.Subscribers = 2000, 0
		r.Phases = []Phase{{"connect", 2000, 4.01}, {"hold", 2000, 30}}
		r.Generator.PerConnection, r.Generator.RSS = 1234, 21e6
		r.Broker = &Process{PID: 4711, Seconds: 10, CPUSeconds: 0.4, RSS: 40e6, PeakRSS: 41e6, PerConnection: 3412, Threads: 7}
	}
	samples["churn"].Connections.Wanted, samples["churn"].Connections.Opened, samples["churn"].Phases = 50_123, 50_123, []Phase{{"connect", 50_123, 10}}
	samples["storm"].Phases = []Phase{{"connect", 2000, 4.01}, {"reconnect", 4000, 1.02}}
	samples["storm"].Connections.Wanted, samples["storm"].Connections.Opened = 3*(samples["storm"].Plan.Publishers+samples["storm"].Plan.Subscribers), 3*(samples["storm"].Plan.Publishers+samples["storm"].Plan.Subscribers)
	samples["unheard"] = sampleOf(PubOnly)
	samples["unheard"].Plan.QoS = 0
	samples["closed"] = closedSample()
	samples["flawed"] = flawedSample()
	samples["lossy"] = lossySample()
	samples["repeated"] = repeatedSample()
	return samples
}

func closedSample() *Result {
	r := sampleOf(Pairs)
	r.Plan.Rate, r.Plan.Outstanding, r.Plan.SizeMin, r.Plan.SizeMax, r.Generator.Lag = 0, 1000, 16, 65536, nil
	r.Counts.Sent, r.Counts.Acknowledged, r.Counts.Expected, r.Counts.Delivered = 12_345_678, 12_345_678, 12_345_678, 12_345_678
	r.Counts.BytesSent, r.Counts.BytesReceived, r.Generator.Busy, r.Plan.Target.InProcess = 790_123_392, 790_123_392, 0.997, true
	r.Notes = []string{closedLoopNote, inProcessNote} // once each in the text
	r.Generator.Limited, r.Generator.Why = true, "its busiest thread was at work 99.7% of the time; more threads (--workers) or another machine would get more out of the broker"
	return r
}

func flawedSample() *Result {
	r := sampleOf(Pairs)
	r.Counts = Counts{Sent: 19_000, Acknowledged: 18_000, Refused: 7, Unacknowledged: 993, Expected: 18_993, Delivered: 18_900, Lost: 93, Duplicated: 15, Reordered: 20, Disordered: 5, Foreign: 1, Corrupted: 2, WrongQoS: 3, BytesReceived: 1_209_600}
	r.Connections = Connections{Wanted: 20, Opened: 17, Seconds: 0.02, MaxOpen: 17, Lost: 2, Refused: map[string]int{"NotAuthorized": 1, "Banned": 1}, Failed: map[string]int{"connection refused": 1}}
	r.Failures = []Failure{{LostConnection, "2 connections ended before the end of the test"}, {BrokenPromise, "93 messages of QoS 1 that were acknowledged were never delivered"}}
	r.Notes = []string{"a broker that is slow to answer makes the time in which connections are opened longer than --connect-rate asks for"}
	r.Judged = []Judgement{{true, "p99<10ms: 313 µs, kept"}, {false, "lost=0: 93, missed"}}
	return r
}

func lossySample() *Result {
	r := sampleOf(FanOut)
	r.Plan.QoS, r.Acknowledge = 0, nil
	r.Counts.Lost, r.Counts.Delivered = 100, 19_900
	return r
}

func repeatedSample() *Result {
	r := sampleOf(Pairs)
	r.Counts.Duplicated, r.Counts.Reordered = 3, 3
	r.Runs = []*Result{sampleOf(Pairs), sampleOf(Pairs), sampleOf(Pairs)}
	r.Runs[0].Seconds, r.Runs[2].Latency = 10.9, spread(20_000, 300*time.Microsecond)
	return r
}

func TestReport(t *testing.T) {
	for name, r := range reportSamples() {
		var b bytes.Buffer
		if n, err := r.WriteTo(&b); err != nil || n != int64(b.Len()) {
			t.Errorf("%s: %d %v", name, n, err)
		}
		golden(t, name+".txt", b.Bytes())
		lines := strings.Split(strings.TrimSuffix(b.String(), "\n"), "\n")
		for _, line := range lines {
			if n := utf8.RuneCountInString(line); n > lineWidth || strings.HasSuffix(line, " ") || line == "" {
				t.Errorf("%s: %d columns: %q", name, n, line)
			}
		}
		last := r.Lines()[len(r.Lines())-1]
		if last.Label != "verdict" || (last.Tone == Bad) == r.OK() {
			t.Errorf("%s: %+v", name, last)
		}
	}
}

// TestVerdict: each kind of failure has its sentence, the worst first.
func TestVerdict(t *testing.T) {
	r := sampleOf(Pairs)
	for _, step := range []struct {
		do   func()
		want string
		tone Tone
	}{
		{func() {}, "all was delivered, once and in order", Good},
		{func() { r.Counts.Duplicated = 1 }, "all was delivered, twice or out of order", Good},
		{func() { r.Generator.Limited, r.Generator.Why = true, "it slept" }, "as MQTT allows; the latencies hold the generator's own lateness, p99 31", Warning},
		{func() { r.Counts.Sent -= 1000 }, "as MQTT allows; the generator was the limit, the broker may do better", Warning},
		{func() { r.Judged = []Judgement{{false, "lost=0: 3, missed"}} }, "not what was expected; the generator was the limit, the broker may do better", Bad},
		{func() { r.Failures = append(r.Failures, Failure{NotConnected, "x"}) }, "not all connections were made", Bad},
		{func() { r.Failures = append(r.Failures, Failure{LostConnection, "x"}) }, "not all connections lasted", Bad},
		{func() { r.Failures = append(r.Failures, Failure{NotAllowed, "x"}) }, "not all of what was asked for was allowed", Bad},
		{func() { r.Failures = append(r.Failures, Failure{BrokenPromise, "x"}) }, "did not keep what QoS 1 promises", Bad},
		{func() { r.Failures = append(r.Failures, Failure{BadSum, "x"}) }, "worth nothing", Bad},
	} {
		step.do()
		if v := r.Verdict(); v.Tone != step.tone || !strings.Contains(v.Text, step.want) {
			t.Errorf("%+v, want %q", v, step.want)
		}
	}
	if v := (&Result{Plan: Plan{Shape: Pairs}}).Verdict(); v.Text != "nothing was delivered" {
		t.Errorf("%+v", v)
	}
}

// TestFilterInWords: a filter is no topic.
func TestFilterInWords(t *testing.T) {
	r := sampleOf(SubOnly)
	r.Plan.Topic, r.Plan.Topics = "bench/#", 1
	if text := r.Lines()[0].Text; text != "sub: 10 subscribers of bench/#; nobody publishes here" {
		t.Error(text)
	}
}

// TestLimitInWords: a generator that was late, and sent all that it was to send,
// has not limited the rate.
func TestLimitInWords(t *testing.T) {
	r := sampleOf(Pairs)
	if r.Limit() != "" || r.OnlyLate() {
		t.Errorf("%q of a generator that was in time", r.Limit())
	}
	r.Generator.Limited, r.Generator.Why = true, "it slept"
	if want := "the rate was reached, but the latencies hold the generator's own lateness: it slept"; r.Limit() != want || !r.OnlyLate() {
		t.Errorf("%q, want %q", r.Limit(), want)
	}
	for name, change := range map[string]func(*Result){
		"not all was sent": func(r *Result) { r.Counts.Sent -= 1000 },
		"closed loop":      func(r *Result) { r.Plan.Rate, r.Generator.Lag = 0, nil },
	} {
		r := sampleOf(Pairs)
		r.Generator.Limited, r.Generator.Why = true, "it slept"
		change(r)
		if want := "the generator was the limit: it slept"; r.Limit() != want || r.OnlyLate() {
			t.Errorf("%s: %q, want %q", name, r.Limit(), want)
		}
	}
}

func TestWrap(t *testing.T) {
	for _, test := range []struct{ in, want string }{
		{"", ""},
		{"one two", "one two"},
		{"one two three", "one two|three"},
		{"1234567 90", "1234567|90"},
		{"12345678 0", "12345678|0"},
		{"123456789 1", "123456789|1"},
		{"12345678901 3 5", "12345678901|3 5"},
		{"äöüäöüäö ä", "äöüäöüäö|ä"},
		{"1  4 6  9 b", "1  4 6|9 b"},
		{"12345, 8 1", "12345,|8 1"},
		{"1, 45 7 9", "1, 45 7|9"},
	} {
		if got := strings.Join(wrap(test.in, 8), "|"); got != test.want {
			t.Errorf("%q: %q, want %q", test.in, got, test.want)
		}
	}
}

// TestHostileText: nothing that a broker says moves the cursor.
func TestHostileText(t *testing.T) {
	r := sampleOf(Pairs)
	r.Failures = []Failure{{NotAllowed, "refused: \x1b[2Jnothing to see\r\n\u202everdict"}}
	r.Connections.Refused = map[string]int{"\x00\a": 1}
	var b bytes.Buffer
	if _, err := r.WriteTo(&b); err != nil || strings.ContainsAny(b.String(), "\x1b\r\u202e\x00\a") || !strings.Contains(b.String(), "FAILED        refused: ?[2Jnothing to see???verdict\n") {
		t.Errorf("%q %v", b.String(), err)
	}
}
